"""Values that a source rounded leave close comparisons open, and the answer says so."""

from __future__ import annotations

import numpy as np
import pytest

from kcb_replay import EarlyStopping, ReduceLROnPlateau, replay
from kcb_replay.replay.source_limits import unit_of

FULL = [float(np.float32(value)) for value in (0.61234567, 0.55555555, 0.51234, 0.5, 0.4321)]


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([0.6123, 0.5556, 0.5123, 0.4321], 1e-4),
        ([0.612, 0.556, 0.51, 0.432], 1e-3),
        ([12.3457, 9.8765, 8.1234, 7.1], 1e-4),
        ([1.2e-05, 3.4e-05, 5.6e-05, 7.8e-05], 1e-06),
        ([0.9, 0.8, 0.7, 0.6, 0.55], None),
        ([0.6123, 0.5556, 0.5123], None),
        ([0.6123, 0.5556, 0.5123, 0.43212345], None),
        (FULL, None),
        ([0.5, 0.25, 0.125, 0.75, 0.375], None),
        ([float("nan")] * 5, None),
    ],
)
def test_the_unit_is_read_off_the_digits(values, unit):
    """Several values with few digits were rounded; one with every digit, or few values, say nothing."""
    found = unit_of(values)
    assert (found is None) == (unit is None)
    assert found is None or found == pytest.approx(unit)


def test_a_comparison_within_the_rounding_is_rounded(recording):
    """0.4322 after 0.4321 is no improvement, but four decimals do not say so: exact only until then."""
    run = recording(val_loss=[0.6123, 0.5556, 0.4321, 0.4322, 0.5001, 0.5123])
    result = replay(run, [EarlyStopping(patience=2)])
    assert (result.stop_index, result.validity.label, result.validity.valid_through_index) == (4, "rounded", 2)
    assert (
        "rounded to 0.0001 in the source, and epoch 4 is decided by less: 0.4322 against 0.4321"
        in result.validity.reason
    )


def test_a_clear_run_of_rounded_values_stays_exact(recording):
    """No comparison is closer than the rounding, so the digits that are gone could not change the answer."""
    run = recording(val_loss=[0.6123, 0.5556, 0.4321, 0.4722, 0.5001, 0.5123])
    assert replay(run, [EarlyStopping(patience=2)]).validity.label == "exact"


def test_min_delta_moves_the_place_of_the_doubt(recording):
    """What is compared is the value against the best less min_delta."""
    run = recording(val_loss=[0.6123, 0.5556, 0.5455, 0.6722, 0.7001, 0.8123])
    assert replay(run, [EarlyStopping(patience=9)]).validity.label == "undecided"
    assert replay(run, [EarlyStopping(patience=9, min_delta=0.01)]).validity.label == "rounded"


def test_an_accuracy_is_short_by_nature(recording):
    """0.8567 of 10,000 samples is all there is to know."""
    run = recording(val_accuracy=[0.8123, 0.8456, 0.8567, 0.8567, 0.8566, 0.8001])
    result = replay(run, [EarlyStopping(monitor="val_accuracy", patience=2)])
    assert (result.stop_index, result.validity.label) == (4, "exact")


def test_a_doubt_beyond_the_what_if_changes_nothing(recording):
    """What is hypothetical already does not become rounded by a later comparison."""
    run = recording(
        val_loss=[0.6123, 0.7556, 0.7721, 0.4322, 0.4323, 0.4324], learning_rate=[0.1] * 6,
    )  # fmt: skip
    result = replay(run, [ReduceLROnPlateau(patience=1)])
    assert (result.validity.label, result.validity.valid_through_index) == ("hypothetical", 1)
