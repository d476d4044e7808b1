"""What people hold in memory gives the answers of the same training in a file of CSVLogger."""

from __future__ import annotations

import csv
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import kcb_replay as kcb
from kcb_replay.errors import KcbReplayError, ReadError, SettingError
from kcb_replay.ingest.coercion import recording_from, recordings_from

COLUMNS = {
    "loss": [float(np.float32(each)) for each in (0.9, 0.7, 0.6, 0.55, 0.5)],
    "val_loss": [float(np.float32(each)) for each in (0.8, 0.6, 0.65, 0.7, 0.72)],
}


def history(columns=COLUMNS, first=0):
    """Return what `fit` returns, as far as it is looked at."""
    length = len(columns["loss"])
    return SimpleNamespace(history=dict(columns), epoch=list(range(first, first + length)), params={"epochs": length})


FORMS = {
    "a History": history,
    "a dict of lists": lambda: COLUMNS,
    "the variables of a History": lambda: vars(history()),
    "parts": lambda: {"train": {"loss": COLUMNS["loss"]}, "val": {"loss": COLUMNS["val_loss"]}},
    "rows": lambda: [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)],
    "float32 arrays": lambda: {name: np.array(values, np.float32) for name, values in COLUMNS.items()},
    "float32 scalars": lambda: {name: [np.float32(each) for each in values] for name, values in COLUMNS.items()},
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas with nullable columns": lambda: pd.DataFrame(COLUMNS).convert_dtypes(),
    "pandas with an index of epochs": lambda: pd.DataFrame(COLUMNS, index=pd.RangeIndex(5, name="epoch")),
    "pandas sorted by a metric": lambda: pd.DataFrame({"epoch": range(5), **COLUMNS}).sort_values("val_loss"),
    "pandas Series": lambda: {name: pd.Series(values) for name, values in COLUMNS.items()},
    "Polars": lambda: pl.DataFrame(COLUMNS),
    "Polars in float32": lambda: pl.DataFrame(COLUMNS).cast(pl.Float32),
    "Arrow": lambda: pa.table(COLUMNS),
    "an Arrow batch": lambda: pa.record_batch(COLUMNS),
    "a list of one": lambda: [history()],
    "a mapping of one": lambda: {"run1": history()},
    "an iterator": lambda: iter([kcb.Recording.from_history(history())]),
}


@pytest.fixture
def written(tmp_path):
    """Return the recording of the same training as CSVLogger writes it."""
    path = tmp_path / "training.log"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *COLUMNS])
        writer.writerows([epoch, *row] for epoch, row in enumerate(zip(*COLUMNS.values(), strict=True)))
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_what_the_file_holds(form, written):
    """Epochs, metrics and values are equal to the bit."""
    (expected,), made = kcb.read(written), recording_from(FORMS[form]())
    (one,), (other,) = expected.fits, made.fits
    assert one.epochs.tolist() == other.epochs.tolist()
    assert one.metrics.keys() == other.metrics.keys()
    for name in one.metrics:
        assert one.metrics[name].values.tobytes() == other.metrics[name].values.tobytes()
        assert one.metrics[name].valid.tolist() == other.metrics[name].valid.tolist()
    assert made.notes == ()


@pytest.mark.parametrize("form", FORMS)
def test_every_public_function_takes_every_form(form, written):
    """`replay`, `simulate`, `sweep`, `infer`, `compare_rules` and `recommend` answer as they do from the file."""
    stopper = kcb.EarlyStopping(patience=2)
    of_file = kcb.replay(written, stopper)
    assert (of_file.stop_epoch, of_file.validity.label) == (4, "exact")
    make = FORMS[form]
    assert kcb.replay(make(), [stopper]).trace == of_file.trace
    assert [each.trace for each in kcb.simulate(make(), stopper).replays] == [of_file.trace]
    assert [each.trace for each in kcb.simulate(make(), [[stopper]]).replays] == [of_file.trace]
    (setting,) = kcb.sweep(make(), patience=2).summary().summaries
    assert setting.fits == 1
    assert kcb.infer(make()).epochs == kcb.infer(written).epochs == 5
    assert kcb.compare_rules(make(), [stopper]).fits == 1
    assert kcb.recommend(make()).overall.answered == 1


def test_one_list_is_that_of_one_fit():
    """A list of callbacks goes through one training together, as in `fit`; lists of them are alternatives."""
    both = [kcb.EarlyStopping(patience=2), kcb.ReduceLROnPlateau(patience=1)]
    assert len(kcb.simulate(COLUMNS, both).answers) == 1
    assert len(kcb.simulate(COLUMNS, [[each] for each in both]).answers) == 2


def test_null_is_missing_and_nan_a_number_where_the_container_tells():
    """Arrow, Polars, nullable columns of pandas and None in lists keep them apart."""
    values = [0.8, None, math.nan, 0.6]
    forms = [
        {"loss": [0.9, 0.8, 0.7, 0.6], "val_loss": values},
        pl.DataFrame({"loss": [0.9, 0.8, 0.7, 0.6], "val_loss": values}),
        pa.table({"loss": [0.9, 0.8, 0.7, 0.6], "val_loss": values}),
        pd.DataFrame({"loss": [0.9, 0.8, 0.7, 0.6], "val_loss": pd.array(pa.array(values), "double[pyarrow]")}),
    ]
    for form in forms:
        series = recording_from(form).fits[0].metrics["val_loss"]
        assert series.valid.tolist() == [True, False, True, True]
        assert math.isnan(series.values[2])


def test_nan_in_a_float_column_of_pandas_is_doubted():
    """It may be an epoch without validation: read as NaN, said, and no plain exact answer."""
    frame = pd.DataFrame({"loss": [0.9, 0.8, 0.7, 0.6], "val_loss": [math.nan, 0.6, math.nan, 0.5]})
    result = kcb.replay(frame, kcb.EarlyStopping(patience=5))
    assert result.validity.label != "exact"
    assert "convert_dtypes" in result.validity.reason
    assert recording_from(frame.convert_dtypes()).fits[0].metrics["val_loss"].valid.tolist() == [False, True] * 2
    diverged = pd.DataFrame({"loss": [0.9, math.nan], "val_loss": [0.8, math.nan]})
    assert recording_from(diverged).notes == ()


def test_runs_and_fits_are_told_by_their_columns():
    """A table of several trainings is what `to_pandas` gives, or has a column of runs."""
    frame = pd.DataFrame(
        {"run": ["a", "a", "b", "b"], "fit": [0, 1, 0, 0], "epoch": [0, 0, 0, 1], "loss": [4, 3, 2, 1]}
    )
    one, two = recordings_from(frame)
    assert [(each.name, [fit.epochs.tolist() for fit in each.fits]) for each in (one, two)] == [
        ("a", [[0], [0]]),
        ("b", [[0, 1]]),
    ]
    whole = recording_from(two.to_pandas())
    assert whole.fits[0].metrics["loss"].values.tolist() == [2, 1]


def test_epochs_that_begin_anew_begin_a_fit():
    """Without a column of fits, as CSVLogger(append=True) leaves them."""
    recording = recording_from(pd.DataFrame({"epoch": [0, 1, 0, 1], "loss": [4.0, 3.0, 2.0, 1.0]}))
    assert [fit.epochs.tolist() for fit in recording.fits] == [[0, 1], [0, 1]]


def test_a_table_that_counts_from_1_is_said_to():
    """Its first epoch is the first, and the note says what is assumed; `initial_epoch` decides."""
    frame = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.4]})
    recording = recording_from(frame)
    assert recording.fits[0].epochs.tolist() == [0, 1]
    assert [note.code for note in recording.notes] == ["counts_from_1"]
    assert kcb.Recording.from_history(frame, initial_epoch=1).fits[0].epochs.tolist() == [1, 2]


def test_a_resumed_history_keeps_its_epochs():
    """`initial_epoch` of fit is what the first epoch of a History says."""
    recording = recording_from(history(first=6))
    assert recording.fits[0].epochs.tolist() == [6, 7, 8, 9, 10]
    assert [note.code for note in recording.notes] == ["starts_late"]


def test_from_history_takes_name_epoch_and_rates():
    """What a dict does not hold can be said: one rate for all epochs, or one for each."""
    made = kcb.Recording.from_history(COLUMNS, name="run1", initial_epoch=3, learning_rate=0.01)
    assert (made.name, made.fits[0].epochs.tolist()) == ("run1", [3, 4, 5, 6, 7])
    assert made.fits[0].metrics["learning_rate"].values.tolist() == [0.01] * 5
    falling = kcb.Recording.from_history(COLUMNS, learning_rate=[0.1, 0.1, 0.01, 0.01, 0.001])
    assert falling.fits[0].metrics["learning_rate"].values[-1] == 0.001
    with pytest.raises(SettingError, match="2 values for 5 epochs"):
        kcb.Recording.from_history(COLUMNS, learning_rate=[0.1, 0.1])


def test_names_come_from_the_mapping_and_the_list():
    """Each training has a name of its own."""
    assert [each.name for each in recordings_from({"a": COLUMNS, "b": [history(), COLUMNS]})] == ["a", "b/b 1", "b/b 2"]
    assert [each.name for each in recordings_from([history(), COLUMNS])] == ["training 1", "training 2"]


def test_a_column_that_is_no_curve_is_left_out_by_name():
    """Text and columns of another length are named in the notes."""
    recording = recording_from({**COLUMNS, "phase": ["a"] * 5, "val_auc": [0.5, 0.6], "note": "baseline"})
    assert set(recording.fits[0].metrics) == {"loss", "val_loss"}
    assert {note.metric for note in recording.notes} == {"phase", "val_auc", "note"}


@pytest.mark.parametrize(
    "value", [3, None, [], {}, [0.1, 0.2], "no/such/file", {"a": 3}, {"loss": []}, {"x": ["a"]}, b""]
)
def test_what_is_no_training_is_refused_with_an_example(value):
    """One of our errors says what was given and what is accepted."""
    with pytest.raises(KcbReplayError):
        recording_from(value)


def test_replay_names_the_trainings_where_one_is_needed():
    """`replay` is about one; `simulate` takes all."""
    with pytest.raises(SettingError, match="a, b"):
        kcb.replay({"a": COLUMNS, "b": COLUMNS}, kcb.EarlyStopping())


def test_an_epoch_that_is_none_is_refused():
    """Half epochs and gaps in the column are no epochs."""
    with pytest.raises(ReadError, match="row 2"):
        recording_from(pd.DataFrame({"epoch": [0, 0.5], "loss": [1.0, 2.0]}))


def test_a_recording_and_a_recommendation_print_in_a_line():
    """What a notebook shows at the end of a cell is short."""
    assert repr(recording_from(COLUMNS)) == "<Recording 'training': 1 fit, 5 epochs of loss, val_loss>"
    assert len(repr(kcb.recommend(COLUMNS))) < 200
    assert len(repr(kcb.simulate(COLUMNS, kcb.EarlyStopping()))) < 200
