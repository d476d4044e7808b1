"""Event files as Keras writes them become fits; everything else is counted, reported or refused."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util.tensor_util import make_tensor_proto

import kcb_replay as kcb
from kcb_replay.errors import ReadError
from kcb_replay.ingest.events.records import write_record
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.tensorboard import TENSORBOARD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tensorboard.compat.proto.summary_pb2 import Summary

NAME = "events.out.tfevents.{}.host.1.0.v2"
Write = "Callable[[Summary.Value, float], None]"


def _simple(value: Summary.Value, number: float) -> None:
    value.simple_value = number


def _content(value: Summary.Value, number: float) -> None:
    """Write a scalar as tf.summary does: four bytes of tensor_content."""
    value.metadata.plugin_data.plugin_name = "scalars"
    value.tensor.dtype = 1
    value.tensor.tensor_shape.SetInParent()
    value.tensor.tensor_content = struct.pack("<f", number)


def _tensor(dtype: type) -> Write:
    """Write a scalar as tensorboard's own make_tensor_proto does, for example in float_val."""

    def write(value: Summary.Value, number: float) -> None:
        value.metadata.plugin_data.plugin_name = "scalars"
        value.tensor.CopyFrom(make_tensor_proto(np.array(number, dtype)))

    return write


def _event(tag: str, step: int, number: float, time: float, write: Write = _content) -> bytes:
    event = Event(step=step, wall_time=time)
    write(event.summary.value.add(tag=tag), number)
    return write_record(event.SerializeToString())


def _file(
    tags: dict[str, Sequence[float]],
    *,
    start: float = 100.0,
    steps: Sequence[int] | None = None,
    write: Write = _content,
) -> bytes:
    """Return an event file with a value per tag and step, one second from step to step."""
    content = write_record(Event(wall_time=start, file_version="brain.Event:2").SerializeToString())
    for n, step in enumerate(steps if steps is not None else range(len(next(iter(tags.values()))))):
        for tag, values in tags.items():
            content += _event(tag, step, values[n], start + step, write)
    return content


def _blob(folder: str, content: bytes, stamp: int = 1) -> Blob:
    return Blob(f"run/{folder}{'/' if folder else ''}{NAME.format(stamp)}", content)


def _read(*blobs: Blob) -> Reading:
    return TENSORBOARD.read(blobs)


def _values(reading: Reading, fit: int = 0) -> dict[str, list[float | None]]:
    return {
        name: [float(v) if ok else None for v, ok in zip(series.values, series.valid, strict=True)]
        for name, series in reading.fits[fit].metrics.items()
    }


def _codes(reading: Reading) -> list[str]:
    return [note.code for note in reading.notes]


TRAIN = {"epoch_loss": [1.5, 1.25, 1.0], "epoch_accuracy": [0.25, 0.5, 0.75]}
VALIDATION = {"epoch_loss": [2.5, 2.25, 2.0]}

# Layouts


@pytest.mark.parametrize(
    "write", [_content, _tensor(np.float32), _simple], ids=["tensor_content", "float_val", "simple_value"]
)
def test_train_and_validation_folders_are_one_run(write):
    """tf.keras and Keras 3: validation's epoch_loss is Keras's val_loss."""
    reading = _read(_blob("train", _file(TRAIN, write=write)), _blob("validation", _file(VALIDATION, write=write)))
    assert _values(reading) == {
        "loss": [1.5, 1.25, 1.0],
        "accuracy": [0.25, 0.5, 0.75],
        "val_loss": [2.5, 2.25, 2.0],
    }
    assert reading.notes == ()


def test_one_folder_of_keras_2_holds_the_bare_names():
    """Keras 2 wrote loss, val_loss, acc and lr into one file."""
    tags = {"val_loss": [2.5, 2.25], "loss": [1.5, 1.25], "acc": [0.5, 0.75], "lr": [0.5, 0.25]}
    assert _values(_read(_blob("", _file(tags, write=_simple)))) == tags


def test_many_values_in_one_event_are_all_read():
    """Some writers put all scalars of an epoch in one event."""
    event = Event(step=0, wall_time=1.0)
    _simple(event.summary.value.add(tag="loss"), 1.5)
    _simple(event.summary.value.add(tag="val_loss"), 2.5)
    assert _values(_read(_blob("", write_record(event.SerializeToString())))) == {"loss": [1.5], "val_loss": [2.5]}


def test_series_keep_the_tag_and_the_source():
    """Beside Keras's name stands the tag, and the file it was read from."""
    series = _read(_blob("validation", _file(VALIDATION))).fits[0].metrics["val_loss"]
    assert (series.tag, series.source) == ("epoch_loss", f"run/validation/{NAME.format(1)}")


def test_wall_times_are_those_of_the_leading_tag():
    """An epoch's time is that of its training loss."""
    assert _read(_blob("train", _file(TRAIN))).fits[0].wall_time.values.tolist() == [100.0, 101.0, 102.0]


def test_a_nan_wall_time_is_missing_and_costs_no_value():
    """A value without a time is still a value."""
    content = _event("epoch_loss", 0, 1.5, math.nan) + _event("epoch_loss", 1, 1.25, 5.0)
    (fit,) = _read(_blob("train", content)).fits
    assert (fit.metrics["loss"].values.tolist(), fit.wall_time.valid.tolist()) == ([1.5, 1.25], [False, True])


# Fits


def test_a_refit_in_a_second_file_is_a_second_fit():
    """The files of a folder are read in the order of their names' time stamps."""
    first, second = _file({"epoch_loss": [1.0, 2.0]}), _file({"epoch_loss": [3.0, 4.0]}, start=200)
    reading = _read(_blob("train", second, stamp=10), _blob("train", first, stamp=9))
    assert [_values(reading, n) for n in (0, 1)] == [{"loss": [1.0, 2.0]}, {"loss": [3.0, 4.0]}]


def test_a_refit_in_the_same_file_is_a_second_fit():
    """Steps that start again begin a fit."""
    content = _file({"epoch_loss": [1.0, 2.0]}) + _file({"epoch_loss": [3.0]}, start=200)
    assert [fit.epochs.tolist() for fit in _read(_blob("train", content)).fits] == [[0, 1], [0]]


def test_a_resumed_fit_goes_on():
    """A second file whose steps go on (initial_epoch) belongs to the same fit."""
    second = _file({"epoch_loss": [3.0, 4.0]}, steps=[2, 3], start=200)
    reading = _read(_blob("train", _file({"epoch_loss": [1.0, 2.0]})), _blob("train", second, stamp=2))
    assert _values(reading) == {"loss": [1.0, 2.0, 3.0, 4.0]}


@pytest.mark.parametrize("validated", [0, 1])
def test_validation_goes_to_the_fit_of_its_time(validated):
    """A fit without validation stays without, whichever it is."""
    train = [_blob("train", _file({"epoch_loss": [1.0, 2.0]}, start=start), stamp=start) for start in (100, 200)]
    validation = _file({"epoch_loss": [5.0, 6.0]}, start=100 * (validated + 1) + 0.5)
    reading = _read(*train, _blob("validation", validation))
    assert ["val_loss" in fit.metrics for fit in reading.fits] == [validated == 0, validated == 1]
    assert _values(reading, validated)["val_loss"] == [5.0, 6.0]


def test_validation_now_and_then_is_missing_in_between():
    """With validation_freq=2 every other epoch has no val_loss, and no gap is noted."""
    validation = _file({"epoch_loss": [5.0, 6.0]}, steps=[1, 3])
    reading = _read(_blob("train", _file({"epoch_loss": [1.0, 2.0, 3.0, 4.0]})), _blob("validation", validation))
    assert (_values(reading)["val_loss"], reading.notes) == ([None, 5.0, None, 6.0], ())


def test_validation_without_training_is_a_fit_of_its_own():
    """A folder whose train part is lost still gives its val_loss."""
    assert _values(_read(_blob("validation", _file(VALIDATION)))) == {"val_loss": [2.5, 2.25, 2.0]}


def test_fits_without_wall_times_are_told_apart_by_their_order():
    """NaN wall times cost no value of a second fit."""
    parts = [_event("epoch_loss", step, value, math.nan) for step, value in ((0, 1.0), (1, 2.0), (0, 3.0), (1, 4.0))]
    reading = _read(_blob("train", b"".join(parts)))
    assert [_values(reading, n) for n in range(len(reading.fits))] == [{"loss": [1.0, 2.0]}, {"loss": [3.0, 4.0]}]


def test_a_metric_that_two_places_hold_is_read_from_one_and_noted():
    """Events in the folder itself and in train/ are not mixed, nor one lost without a word."""
    reading = _read(_blob("", _file({"epoch_loss": [1.0, 2.0]})), _blob("train", _file({"epoch_loss": [3.0, 4.0]}), 2))
    assert _values(reading) == {"loss": [1.0, 2.0]}
    assert "2 epoch_loss (another file or tag has loss, too)" in reading.notes[0].text


@pytest.mark.parametrize(("steps", "codes"), [([0, 1, 2], []), ([0, 2, 3], ["sampled"]), ([0, 10, 20], ["sampled"])])
def test_gaps_between_training_epochs_are_sampled(steps, codes):
    """Dropped points, as by integer update_freq or an export, are reported."""
    assert _codes(_read(_blob("train", _file({"epoch_loss": [3.0, 2.0, 1.0]}, steps=steps)))) == codes


@pytest.mark.parametrize(
    ("steps", "codes"),
    [
        (range(0, 40, 2), []),
        (sorted(np.random.default_rng(0).choice(40, 25, replace=False).tolist()), ["sampled"]),
        ([0, 4, 8, 12, 16, 20, 24, 28, 32, 37], ["sampled"]),
    ],
    ids=["every second", "a reservoir", "ten of more"],
)
def test_a_validation_at_irregular_epochs_is_sampled(steps, codes):
    """Irregular distances, or just as many points as exports keep, are never called exact."""
    validation = _file({"epoch_loss": [1.0] * len(steps)}, steps=steps)
    reading = _read(_blob("train", _file({"epoch_loss": [1.0] * 40})), _blob("validation", validation))
    assert _codes(reading) == codes
    assert all(note.metric == "val_loss" for note in reading.notes)


def test_a_value_that_stands_twice_for_an_epoch_is_reported():
    """More restarts of validation than fits: the last of each epoch counts, and the note says how many do not."""
    train, validation = _file({"epoch_loss": [1.0, 2.0]}), _file({"epoch_loss": [3.0, 4.0]})
    reading = _read(_blob("train", train), _blob("validation", validation + _file({"epoch_loss": [5.0, 6.0]})))
    assert _values(reading)["val_loss"] == [5.0, 6.0]
    assert (_codes(reading), "2 more values of epoch_loss" in reading.notes[0].text) == (["overwritten"], True)


def test_a_series_that_never_rises_is_refused():
    """`loss` written always at step 0 is no epoch series of so many fits."""
    content = _event("loss", 0, 1.0, 1.0) * 10_001
    with pytest.raises(ReadError, match=r"the steps of loss begin again 10,000 times"):
        _read(_blob("", content))


# Streams finer than epochs


def _trained(start: float, batches: int = 3, first: int = 0) -> tuple[bytes, bytes]:
    """Return the train and validation files of a fit of 2 epochs: batches, then the evaluation, then the epoch."""
    train, validation = b"", b""
    for epoch in range(2):
        time = start + 10 * epoch
        for batch in range(epoch * batches, (epoch + 1) * batches):
            train += _event("batch_loss", batch, start + batch, time + batch % batches)
        iteration = first + (epoch + 1) * batches
        validation += _event("evaluation_loss_vs_iterations", iteration, start + iteration, time + 8)
        train += _event("epoch_loss", epoch, 1.0, time + 9)
        validation += _event("epoch_loss", epoch, 2.0, time + 9.1)
    return train, validation


def test_batches_and_evaluations_become_streams():
    """Their steps, values and times are kept, under Keras's names, beside the epochs."""
    train, validation = _trained(100.0)
    reading = _read(_blob("train", train), _blob("validation", validation))
    (fit,) = reading.fits
    assert {name: (stream.unit, stream.tag) for name, stream in fit.steps.items()} == {
        "loss": ("batch", "batch_loss"),
        "val_loss": ("iteration", "evaluation_loss_vs_iterations"),
    }
    assert fit.steps["loss"].steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert fit.steps["loss"].values.tolist() == [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]
    assert fit.steps["val_loss"].steps.tolist() == [3, 6]
    assert fit.steps["val_loss"].wall_time.tolist() == [108.0, 118.0]
    assert reading.notes == ()


@pytest.mark.parametrize("together", [True, False], ids=["one file", "two files"])
@pytest.mark.parametrize("first", [0, 6], ids=["iterations anew", "iterations go on"])
def test_streams_of_a_refit_are_those_of_its_fit(together, first):
    """Batches begin again, iterations of the optimizer may go on: each point goes to the fit it was written in."""
    one, two = _trained(100.0), _trained(200.0, first=first)
    files = [("train", one[0], 1), ("train", two[0], 2), ("validation", one[1], 1), ("validation", two[1], 2)]
    if together:
        files = [("train", one[0] + two[0], 1), ("validation", one[1] + two[1], 1)]
    blobs = [_blob(*file) for file in files]
    fits = _read(*blobs).fits
    assert [fit.steps["loss"].values.tolist() for fit in fits] == [[s + n for n in range(6)] for s in (100.0, 200.0)]
    assert [fit.steps["val_loss"].steps.tolist() for fit in fits] == [[3, 6], [first + 3, first + 6]]


def test_a_nan_wall_time_of_a_stream_is_kept():
    """A point without a time is a point."""
    content = _file({"epoch_loss": [1.0]}) + _event("batch_loss", 0, 1.5, math.nan)
    (fit,) = _read(_blob("train", content)).fits
    assert (fit.steps["loss"].values.tolist(), np.isnan(fit.steps["loss"].wall_time).tolist()) == ([1.5], [True])


def test_batches_alone_are_a_fit_without_epochs():
    """A training that was killed in its first epoch keeps its streams, and a note says that there is no more."""
    train = b"".join(_event(tag, n, n / 2, 100.0 + n) for n in range(3) for tag in ("batch_loss", "batch_accuracy"))
    reading = _read(_blob("train", train))
    (fit,) = reading.fits
    assert (len(fit), dict(fit.metrics), fit.wall_time) == (0, {}, None)
    assert list(fit.steps) == ["loss", "accuracy"]
    assert all(series.values.tolist() == [0.0, 0.5, 1.0] for series in fit.steps.values())
    assert (_codes(reading), "batch_loss (3 values)" in reading.notes[0].text) == (["no_epochs"], True)


def test_attempts_without_epochs_are_fits_of_their_own():
    """Batches that are counted anew, with the evaluations of their time, are another attempt."""
    train = b"".join(_event("batch_loss", n, 1.0, start + n) for start in (100.0, 200.0) for n in range(3))
    evaluation = _event("evaluation_loss_vs_iterations", 3, 5.0, 201.5)
    fits = _read(_blob("train", train), _blob("validation", evaluation)).fits
    assert [list(fit.steps) for fit in fits] == [["loss"], ["loss", "val_loss"]]
    assert [len(fit.steps["loss"]) for fit in fits] == [3, 3]


def test_a_fit_without_epochs_is_stored_and_shown_and_not_replayed(tmp_path):
    """The store gives back its streams; a replay says that there is no epoch."""
    folder = tmp_path / "logs" / "killed" / "train"
    folder.mkdir(parents=True)
    (folder / NAME.format(1)).write_bytes(b"".join(_event("batch_loss", n, 1.0, 100.0 + n) for n in range(3)))
    store = kcb.Store(tmp_path / "store")
    assert store.ingest(tmp_path / "logs").written[0].epochs == 0
    recording = store.load("killed")
    assert recording.fits[0].steps["loss"].values.tolist() == [1.0] * 3
    with pytest.raises(kcb.NotReplayableError, match="holds no epochs"):
        kcb.replay(recording, [kcb.EarlyStopping()])
    for callback in (kcb.EarlyStopping, kcb.ReduceLROnPlateau):
        assert kcb.sweep([recording], callback).left_out[0].reason == "the fit holds no epochs"


def test_epochs_of_another_format_lead_before_batches_without_epochs(tmp_path):
    """A History beside the batches of a killed attempt is the run; what was left out is noted."""
    folder = tmp_path / "run" / "train"
    folder.mkdir(parents=True)
    (folder / NAME.format(1)).write_bytes(b"".join(_event("batch_loss", n, 1.0, 100.0 + n) for n in range(3)))
    (tmp_path / "run" / "history.json").write_text('{"loss": [1.0, 0.5], "val_loss": [2.0, 1.5]}')
    (recording,) = kcb.read(tmp_path)
    assert recording.epochs == 2
    assert "unmatched" in [note.code for note in recording.notes]


def test_batches_of_an_attempt_without_an_epoch_are_reported():
    """A fit that was stopped in its first epoch has no epochs; what it left is named, not mixed in."""
    content = b"".join(_event("batch_loss", n, 9.0, 10.0 + n) for n in range(5)) + _trained(100.0)[0]
    reading = _read(_blob("train", content))
    assert reading.fits[0].steps["loss"].steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert (_codes(reading), "5 values of batch_loss" in reading.notes[0].text) == (["left_out"], True)


def test_two_streams_of_one_name_are_both_kept():
    """Evaluations and batches of one role keep apart by their tag."""
    content = _file({"epoch_loss": [1.0]}) + _event("batch_loss", 0, 1.5, 100.0)
    content += _event("evaluation_loss_vs_iterations", 7, 2.5, 100.0)
    (fit,) = _read(_blob("train", content)).fits
    assert sorted(stream.values.tolist() for stream in fit.steps.values()) == [[1.5], [2.5]]


@pytest.mark.parametrize(
    ("steps", "codes"),
    [
        (range(0, 200, 10), []),
        # Keras 3 counts from each epoch's begin: every tenth of 47 batches.
        ([47 * epoch + batch for epoch in range(4) for batch in range(0, 47, 10)], []),
        (sorted(np.random.default_rng(0).choice(2000, 500, replace=False).tolist()), ["steps_sampled"]),
        (sorted(np.random.default_rng(0).choice(900, 500, replace=False).tolist()), ["steps_sampled"]),
        ([*range(50), *range(51, 100)], ["steps_sampled"]),
    ],
    ids=["every tenth", "every tenth of an epoch", "a reservoir", "a dense reservoir", "one lost"],
)
def test_streams_at_irregular_distances_are_reported(steps, codes):
    """A sample of a stream is told from one that was written now and then."""
    batches = b"".join(_event("batch_loss", step, 1.0, 100.0) for step in steps)
    assert _codes(_read(_blob("train", _file({"epoch_loss": [1.0]}) + batches))) == codes


# Values


@pytest.mark.parametrize(
    ("dtype", "number"),
    [(np.float16, 0.1), (np.float32, 0.1), (np.float64, 0.1), (np.int32, 7), (np.int64, 2**40), (np.float32, math.inf)],
)
def test_tensors_of_every_number_type_are_decoded(dtype, number):
    """Half, float, double and integers are exactly what their type holds."""
    content = _file({"epoch_loss": [number]}, write=_tensor(dtype))
    assert _values(_read(_blob("train", content))) == {"loss": [float(dtype(number))]}


@pytest.mark.parametrize("write", [_content, _tensor(np.float32), _tensor(np.float64), _simple])
def test_nan_is_a_value(write):
    """NaN is recorded, not missing."""
    series = _read(_blob("train", _file({"epoch_loss": [math.nan, 1.0]}, write=write))).fits[0].metrics["loss"]
    assert (np.isnan(series.values[0]), series.valid.tolist()) == (True, [True, True])


@given(st.lists(st.floats(width=32), min_size=1, max_size=8), st.sampled_from([_content, _simple]))
def test_float32_is_kept_as_the_exact_float64(values, write):
    """Every float32 comes back as the float64 that equals it."""
    reading = _read(_blob("train", _file({"epoch_loss": values}, write=write)))
    assert repr(_values(reading)["loss"]) == repr([float(np.float32(value)) for value in values])


# Other content


def _other(tag: str, plugin: str) -> bytes:
    event = Event(step=0, wall_time=1.0)
    value = event.summary.value.add(tag=tag)
    value.metadata.plugin_data.plugin_name = plugin
    value.tensor.CopyFrom(make_tensor_proto(np.zeros((2, 3), np.float32)))
    return write_record(event.SerializeToString())


def test_other_plugins_are_skipped_and_counted():
    """Histograms, images, text and scalars of others are no epochs; the note says how many there were."""
    content = (
        _file(TRAIN) + 3 * _other("weights", "histograms") + _other("picture", "images") + 2 * _other("keras", "text")
    )
    content += _event("keras_version_of_mine", 0, 1.0, 1.0)
    reading = _read(_blob("train", content))
    (note,) = reading.notes
    assert (note.code, sorted(_values(reading))) == ("skipped", ["accuracy", "loss"])
    for counted in ("3 histograms", "1 images", "2 text", "1 other scalars"):
        assert counted in note.text


def test_old_histograms_without_a_plugin_are_counted_by_kind():
    """TF1's summaries have no plugin name; they are counted as what they are."""
    event = Event(step=0)
    event.summary.value.add(tag="weights").histo.num = 3
    event.summary.value.add(tag="picture").image.height = 3
    reading = _read(_blob("train", _file(TRAIN) + write_record(event.SerializeToString())))
    assert all(text in reading.notes[0].text for text in ("1 histo", "1 image"))


def test_a_scalar_that_is_none_is_counted():
    """A tensor of text under the scalars plugin is skipped, not an error."""
    event = Event(step=0)
    value = event.summary.value.add(tag="epoch_name")
    value.metadata.plugin_data.plugin_name = "scalars"
    value.tensor.CopyFrom(make_tensor_proto("text"))
    assert "1 scalars" in _read(_blob("train", _file(TRAIN) + write_record(event.SerializeToString()))).notes[0].text


# Damage


def test_a_wrong_checksum_in_the_middle_costs_one_record():
    """What stands before and behind it is kept, and the note names the byte."""
    parts = [_event("epoch_loss", n, float(n), 100.0 + n) for n in range(4)]
    damaged = bytearray(parts[1])
    damaged[20] ^= 1
    reading = _read(_blob("train", parts[0] + bytes(damaged) + parts[2] + parts[3]))
    assert reading.fits[0].epochs.tolist() == [0, 2, 3]
    assert (_codes(reading), f"byte {len(parts[0])}" in reading.notes[0].text) == (["damaged", "sampled"], True)


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x2a\x05\x0a\x03\x0a\x01\xff"], ids=["no protobuf", "bad UTF-8"])
def test_a_record_that_is_no_event_is_skipped_and_named(data):
    """A whole record of something else is reported at its byte."""
    reading = _read(_blob("train", _file(TRAIN) + write_record(data)))
    assert (_codes(reading), f"byte {len(_file(TRAIN))}" in reading.notes[0].text) == (["damaged"], True)


def test_every_cut_keeps_the_epochs_before_it():
    """A file that a crash cut off gives the whole records before the cut."""
    parts = [_event("epoch_loss", n, float(n), 100.0 + n) for n in range(3)]
    content = b"".join(parts)
    for size in range(len(parts[0]), len(content)):
        reading = _read(_blob("train", content[:size]))
        whole = size // len(parts[1]) if len(parts[0]) == len(parts[1]) else 1 + (size - len(parts[0])) // len(parts[1])
        assert reading.fits[0].epochs.tolist() == list(range(whole)), size


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no scalar at all"),
        (b"no event file", "no event file"),
        (b"\x1f\x8b\x08\0" * 10, "no event file"),
        (b"\0" * 30, "30 zero bytes"),
        (_file({"summaries/mean_1": [1.0], "PSNR": [2.0]}), "PSNR, summaries/mean_1"),
        (_file({"batch_loss": [1.0], "PSNR": [2.0]}), "found the scalars PSNR, batch_loss. Expected Keras's"),
        (write_record(Event(file_version="brain.Event:2").SerializeToString()), "no scalar at all"),
    ],
)
def test_a_file_without_epochs_is_refused_with_what_it_holds(content, reason):
    """The error names the file and what was found in it."""
    with pytest.raises(ReadError) as caught:
        _read(_blob("", content))
    assert str(caught.value).startswith(f"run/{NAME.format(1)}")
    assert reason in str(caught.value)


@pytest.mark.parametrize(("content", "code"), [(b"", "empty"), (b"garbage that is none", "damaged")])
def test_a_bad_file_does_not_cost_the_good_ones_beside_it(content, code):
    """Whatever stands in one file of a folder, the others are read and the note names it."""
    reading = _read(_blob("train", _file(TRAIN)), _blob("validation", content))
    assert list(_values(reading)) == ["loss", "accuracy"]
    assert [(note.code, note.source) for note in reading.notes] == [(code, f"run/validation/{NAME.format(1)}")]


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(content):
    """No content makes the reader fail with anything but its own error."""
    for data in (content, write_record(content)):
        assert _read(_blob("train", _file(TRAIN) + data)).fits
        with pytest.raises(ReadError):
            _read(_blob("train", data))


@pytest.mark.parametrize(
    ("path", "accepted"),
    [
        ("run/train/events.out.tfevents.1.host.1.0.v2", True),
        ("run/events.out.tfevents.1487804655.host", True),
        ("run/train/events.out.tfevents.1.host.profile-empty", False),
        ("tfevents/training.log", False),
    ],
)
def test_files_are_known_by_their_name(path, accepted):
    """TensorBoard itself goes by the name; profiler's empty files are none."""
    assert TENSORBOARD.accepts(path, b"") == accepted
