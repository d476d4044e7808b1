"""Several sources of one run become one recording; the most precise leads, and every disagreement is told."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kcb_replay.ingest.merge import merge
from kcb_replay.ingest.readers.base import Reading
from kcb_replay.ingest.recording import Fit, Note, Recording, Series, Source, StepSeries

PATHS = {"csvlogger": "run/training.log", "history": "run/history.pkl", "tensorboard": "run/train/events.1"}
FORMATS = tuple(PATHS)


def _series(values: list[float | None], tag: str, path: str) -> Series:
    numbers = np.array([0.0 if value is None else value for value in values])
    return Series(numbers, np.array([value is not None for value in values]), tag=tag, source=path)


def _fit(
    path: str, *, epochs: list[int] | None = None, wall: list[float] | None = None, **metrics: list[float | None]
) -> Fit:
    length = len(next(iter(metrics.values())))
    series = {
        name: _series(values, f"epoch_{name}" if "events" in path else name, path) for name, values in metrics.items()
    }
    times = None if wall is None else _series(wall, "wall_time", path)
    return Fit(np.array(epochs if epochs is not None else range(length), np.int64), series, times)


def _part(name: str, *fits: Fit, notes: tuple[Note, ...] = ()) -> Reading:
    rank = ("csvlogger", "history", "tensorboard").index(name)
    return Reading(fits, notes, None, (Source(PATHS[name], name, 1, 1, "", f"{name}/1"),), rank)


def _one(name: str, *, notes: tuple[Note, ...] = (), **columns: list[float | None]) -> Reading:
    return _part(name, _fit(PATHS[name], **columns), notes=notes)


def _values(recording: Recording, fit: int = 0) -> dict[str, list[float | None]]:
    return {
        name: [float(v) if ok else None for v, ok in zip(series.values, series.valid, strict=True)]
        for name, series in recording.fits[fit].metrics.items()
    }


def _codes(recording: Recording) -> list[tuple[str, str | None]]:
    return [(note.code, note.metric) for note in recording.notes]


@pytest.mark.parametrize("given", [FORMATS, FORMATS[::-1]])
@pytest.mark.parametrize("lacking", [0, 1, 2])
def test_the_most_precise_source_leads(given, lacking):
    """CSVLogger before History before TensorBoard, in whatever order they are found."""
    present = [name for name in given if name not in FORMATS[:lacking]]
    recording = merge("run", [_one(name, loss=[1.0, 2.0]) for name in present])
    assert recording.fits[0].metrics["loss"].source == PATHS[FORMATS[lacking]]
    assert [source.format for source in recording.sources] == list(FORMATS[lacking:])


def test_others_add_the_metrics_that_the_leading_lacks():
    """A metric that only the events have is in the recording, under its own source."""
    recording = merge("run", [_one("csvlogger", loss=[1.0, 2.0]), _one("tensorboard", loss=[1.0, 2.0], mae=[3.0, 4.0])])
    assert _values(recording) == {"loss": [1.0, 2.0], "mae": [3.0, 4.0]}
    assert recording.fits[0].metrics["mae"].source == PATHS["tensorboard"]


def test_others_add_the_wall_time():
    """Only event files know when an epoch ended."""
    recording = merge(
        "run", [_one("csvlogger", loss=[1.0, 2.0]), _one("tensorboard", loss=[1.0, 2.0], wall=[5.0, 6.0])]
    )
    assert recording.fits[0].wall_time.values.tolist() == [5.0, 6.0]


def test_added_metrics_stand_at_their_epochs():
    """Where the other source lacks an epoch, the added metric is missing, not shifted."""
    events = _fit(PATHS["tensorboard"], epochs=[0, 2], loss=[1.0, 3.0], mae=[4.0, 5.0])
    recording = merge("run", [_one("csvlogger", loss=[1.0, 2.0, 3.0]), _part("tensorboard", events)])
    assert _values(recording)["mae"] == [4.0, None, 5.0]


def test_a_disagreement_is_noted_with_its_size_and_the_leading_value_kept():
    """The note says in how many epochs which metric differs, and from which file."""
    recording = merge("run", [_one("csvlogger", loss=[1.0, 2.0, 3.0, 4.0]), _one("history", loss=[1.0, 2.5, 3.0, 4.5])])
    assert _values(recording) == {"loss": [1.0, 2.0, 3.0, 4.0]}
    (note,) = recording.notes
    assert (note.code, note.metric, note.fit, note.source) == ("disagreement", "loss", 0, PATHS["history"])
    assert "2 of 4 epochs" in note.text


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (0.1, float(np.float32(0.1))),
        (math.nan, math.nan),
        (math.inf, math.inf),
        (1e39, math.inf),
        (None, 5.0),
        (5.0, None),
        (0.0, -0.0),
    ],
)
def test_equal_up_to_float32_or_missing_is_no_disagreement(one, two):
    """Rounding to float32, and an epoch without a value, are no contradiction."""
    recording = merge("run", [_one("csvlogger", loss=[1.0, one]), _one("tensorboard", loss=[1.0, two])])
    assert recording.notes == ()


@pytest.mark.parametrize(("one", "two"), [(math.nan, 1.0), (math.inf, -math.inf), (1.0, 1.0000002)])
def test_different_float32_values_disagree(one, two):
    """NaN against a number, or another float32, is a contradiction."""
    recording = merge("run", [_one("csvlogger", loss=[1.0, one]), _one("tensorboard", loss=[1.0, two])])
    assert _codes(recording) == [("disagreement", "loss")]


def test_the_learning_rate_of_keras_3_events_is_not_compared():
    """Keras 3's TensorBoard logs the rate at another moment, so that it differs rightly."""
    columns = {"loss": [1.0, 2.0], "learning_rate": [0.1, 0.1]}
    other = {"loss": [1.0, 2.0], "learning_rate": [0.1, 0.01]}
    recording = merge("run", [_one("csvlogger", **columns), _one("tensorboard", **other)])
    assert (_values(recording), recording.notes) == (columns, ())


def test_the_learning_rate_of_tf_keras_is_compared():
    """tf.keras's epoch_lr is the rate of the epoch."""
    recording = merge("run", [_one("csvlogger", loss=[1.0], lr=[0.1]), _one("tensorboard", loss=[1.0], lr=[0.2])])
    assert _codes(recording) == [("disagreement", "lr")]


def test_each_fit_finds_its_own():
    """A source that has only the second fit is compared with, and completes, the second."""
    csv = _part("csvlogger", _fit("run/training.log", loss=[1.0, 2.0]), _fit("run/training.log", loss=[3.0, 4.0]))
    recording = merge("run", [csv, _one("history", loss=[3.0, 4.0], mae=[5.0, 6.0])])
    assert [_values(recording, n) for n in (0, 1)] == [{"loss": [1.0, 2.0]}, {"loss": [3.0, 4.0], "mae": [5.0, 6.0]}]


def test_a_fit_that_matches_none_is_left_out_and_noted():
    """Another training in the same folder is not mixed into the run."""
    recording = merge("run", [_one("csvlogger", loss=[1.0, 2.0]), _one("history", loss=[7.0, 8.0], mae=[5.0, 6.0])])
    assert (_values(recording), _codes(recording)) == ({"loss": [1.0, 2.0]}, [("unmatched", None)])


def test_a_constant_metric_alone_makes_no_match():
    """The same learning rate is no proof that two fits are the same."""
    csv = _part(
        "csvlogger",
        _fit("run/training.log", loss=[1.0, 2.0], lr=[0.1, 0.1]),
        _fit("run/training.log", loss=[3.0, 4.0], lr=[0.1, 0.1]),
    )
    recording = merge("run", [csv, _one("history", loss=[7.0, 8.0], lr=[0.1, 0.1], mae=[5.0, 6.0])])
    assert (_codes(recording), "mae" in recording.metrics) == ([("unmatched", None)], False)


def test_epochs_that_only_the_other_source_has_are_noted():
    """A log that was cut off is not completed, and the epochs left out are told."""
    recording = merge("run", [_one("csvlogger", loss=[1.0, 2.0]), _one("history", loss=[1.0, 2.0, 3.0])])
    (note,) = recording.notes
    assert (note.code, note.fit, len(recording.fits[0])) == ("more_epochs", 0, 2)
    assert f"{PATHS['history']} has 1 epoch of" in note.text


@pytest.mark.parametrize(("mae", "codes"), [([3.0, 4.0], []), (None, [("alignment_lost", "mae")])])
def test_a_lost_alignment_counts_only_where_no_other_source_has_the_metric(mae, codes):
    """The CSV knows at which epochs a value is missing; then the History need not."""
    note = Note("alignment_lost", "mae is shorter", PATHS["history"], fit=0, metric="mae")
    columns = {"loss": [1.0, 2.0]} | ({} if mae is None else {"mae": mae})
    recording = merge("run", [_one("csvlogger", **columns), _one("history", loss=[1.0, 2.0], notes=(note,))])
    assert _codes(recording) == codes


def test_notes_of_the_other_source_name_the_fit_of_the_recording():
    """What is odd about an event file's first fit is a fact of the fit that it matches."""
    csv = _part("csvlogger", _fit("run/training.log", loss=[1.0, 2.0]), _fit("run/training.log", loss=[3.0, 4.0]))
    note = Note("not_a_number", "mae is left out", PATHS["history"], fit=0, metric="mae")
    recording = merge("run", [csv, _one("history", loss=[3.0, 4.0], notes=(note,))])
    assert [note.fit for note in recording.notes] == [1]


@pytest.mark.parametrize(("added", "codes"), [({}, []), ({"mae": [3.0, 4.0]}, [("sampled", None)])])
def test_gaps_of_a_source_count_only_where_its_values_are_used(added, codes):
    """A whole CSV is not called sampled because the events beside it have gaps."""
    events = _fit(PATHS["tensorboard"], epochs=[0, 2], loss=[1.0, 3.0], **added)
    note = Note("sampled", "has gaps", PATHS["tensorboard"], fit=0)
    parts = [_one("csvlogger", loss=[1.0, 2.0, 3.0]), _part("tensorboard", events, notes=(note,))]
    assert _codes(merge("run", parts)) == codes


def test_a_single_source_is_kept_as_it_is():
    """One part is its own recording, notes included."""
    note = Note("truncated", "line 9 was cut off", PATHS["csvlogger"])
    part = _one("csvlogger", loss=[1.0, None], notes=(note,))
    recording = merge("run", [part])
    assert (recording.name, recording.sources, recording.fits, recording.notes) == (
        "run",
        part.sources,
        part.fits,
        (note,),
    )


def test_others_add_the_streams_that_are_finer_than_epochs():
    """Batches that only the events have stay with the fit they agree with."""
    batches = StepSeries(np.arange(3), np.ones(3), "batch", tag="batch_loss", source=PATHS["tensorboard"])
    events = replace(_fit(PATHS["tensorboard"], loss=[1.0, 2.0]), steps={"loss": batches})
    recording = merge("run", [_one("csvlogger", loss=[1.0, 2.0]), _part("tensorboard", events)])
    assert dict(recording.fits[0].steps) == {"loss": batches}
