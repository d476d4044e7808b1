"""The claims behind sweeps and recommendations, on the simulated trainings of benchmarks/claims.py."""

from __future__ import annotations

import runpy

import numpy as np
import pytest
from places import ROOT


@pytest.fixture(scope="module")
def claims():
    """Return what the benchmark defines."""
    return runpy.run_path(str(ROOT / "benchmarks" / "claims.py"))


@pytest.fixture(scope="module")
def trainings(claims):
    """Return some simulated trainings."""
    return claims["simulated"](600, np.random.default_rng(1))


def test_short_recordings_flatter_a_setting_and_the_sweep_says_so(claims, trainings):
    """Their mean regret is too low, and most of them are counted as still improving."""
    short, whole, improving = claims["truncation"](trainings)
    assert short < whole / 2
    assert improving > 0.5


def test_the_best_of_many_settings_looks_better_than_it_is(claims, trainings):
    """On the runs it was chosen on; runs left out tell the truth, and with more runs all come together."""
    few, many = (claims["optimism"](trainings, count, np.random.default_rng(2)) for count in (5, 100))
    assert few[0] < few[2]
    assert abs(few[1] - few[2]) < abs(few[0] - few[2])
    assert abs(many[0] - many[2]) < abs(few[0] - few[2]) / 3


@pytest.mark.parametrize(("n", "p"), [(10, 5), (50, 10), (100, 50)])
def test_records_on_a_plateau_come_as_the_identity_says(claims, n, p):
    """With probability p / (n + p) there is one in p values after n."""
    assert claims["no_record"](n, p, 4_000, np.random.default_rng(3)) == pytest.approx(n / (n + p), abs=0.03)


def test_the_best_value_is_partly_luck(claims, trainings):
    """An independent metric at that epoch is worse by a multiple of the noise."""
    best, independent = claims["winners_curse"](trainings)
    assert independent - best > claims["NOISE"]
