"""What a sweep says of settings over all fits: when they stop, and how much of that chance alone would do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kcb_replay import sweep
from kcb_replay.replay.verdicts.spool import Spool
from kcb_replay.replay.verdicts.survival import stop_epochs

# Epochs that fits ran: negative where the recording ended first.
RAN = st.lists(st.integers(1, 12).flatmap(lambda n: st.sampled_from([n, -n])), min_size=5, max_size=30)


def test_the_estimate_of_kaplan_and_meier():
    """The textbook product: 1 - 1/6 after 3 epochs, times 1 - 2/4 after 5, the ends between counting as at risk."""
    found = stop_epochs(np.array([3, -4, 5, 5, -6, -7]))
    assert found.horizon == 4
    assert found.restricted_mean == pytest.approx(3 + 5 / 6)
    assert math.isnan(found.median)
    assert stop_epochs(np.array([3, -4, 5, 5, 5, 5, 5, -9, -9, -9, -9, -9])).median == 5


@given(st.lists(st.integers(1, 12), min_size=5, max_size=30))
def test_without_ends_it_is_the_plain_median_and_mean(ran):
    """Every fit stops: nothing is left to estimate but behind the horizon."""
    found = stop_epochs(np.array(ran))
    horizon = sorted(ran)[-5]
    assert found.horizon == horizon
    assert found.restricted_mean == pytest.approx(np.minimum(ran, horizon).mean())
    median = sorted(ran)[(len(ran) - 1) // 2]
    assert found.median == median or (math.isnan(found.median) and median > horizon)


@given(RAN)
def test_an_end_never_makes_a_setting_look_more_eager(ran):
    """Taking the ends for stops can only lower the mean."""
    honest, naive = stop_epochs(np.array(ran)), stop_epochs(np.abs(ran))
    assert honest.restricted_mean >= naive.restricted_mean - 1e-9


def test_too_few_fits_give_no_estimate():
    """Five is the least."""
    assert stop_epochs(np.array([3, 4, -5, 6, 0])).horizon == 0


def test_a_fit_that_keeps_no_number_is_counted(recording):
    """It is in no regret, and that is said."""
    runs = [recording("a", val_loss=[1.0, 2.0]), recording("b", val_loss=[math.nan, math.nan])]
    (summary,) = sweep(runs, patience=5).per_setting()
    assert (summary.fits, summary.unknown, summary.regret_mean) == (2, 1, 1.0)


def test_by_chance_is_the_probability_of_no_record(recording):
    """After n values of noise the next p hold no new best one with probability n / (n + p)."""
    run = recording(val_loss=[3.0, 2.0, None, 1.0, 5.0, 5.0, 5.0, 5.0])
    (record,) = sweep([run], patience=2).records()
    assert (record["best_epoch"], record["stop_epoch"]) == (4, 6)
    assert record["by_chance"] == pytest.approx(3 / (3 + 2))
    (late,) = sweep([run], patience=2, start_from_epoch=3).records()
    assert late["by_chance"] == pytest.approx(1 / (1 + 2))
    (never,) = sweep([run], patience=20).records()
    assert never["by_chance"] is None


@given(st.lists(st.integers(0, 4), max_size=4), st.integers(0, 5))
def test_a_spool_gives_back_what_it_was_given(widths, settings):
    """Fits of several blocks side by side, setting by setting."""
    spool, blocks = Spool(settings, np.int32), []
    for number, width in enumerate(widths):
        blocks.append(np.arange(settings * width).reshape(settings, width) + 100 * number)
        spool.begin(width)
        for row in blocks[-1]:
            spool.add(row[np.newaxis])
    found = np.concatenate([np.zeros((0, sum(widths))), *spool.pieces()])
    np.testing.assert_array_equal(found, np.concatenate([np.zeros((settings, 0)), *blocks], axis=1))


def test_a_sweep_converts_to_records(recording):
    """With what was left out, as other results do."""
    found = sweep([recording("a", val_loss=[1.0, 2.0]), recording("b", loss=[1.0])], patience=[1, 2])
    document = found.to_dict()
    assert (document["rows"], document["left_out"][0]["run"]) == (list(found.records()), "b")
