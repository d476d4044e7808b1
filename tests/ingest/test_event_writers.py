"""Event files of others than Keras 3: what their steps count, and which folders are one run."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tensorboard.compat.proto.event_pb2 import Event

import kcb_replay as kcb
from kcb_replay.ingest.events.records import write_record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kcb_replay.ingest.recording import Fit, Recording

    Point = tuple[str, int, float]


def _write(folder: Path, points: Iterable[Point], stamp: int = 1) -> None:
    """Write scalars as TensorFlow 1, PyTorch and old Keras do, a second apart."""
    folder.mkdir(parents=True, exist_ok=True)
    content = write_record(Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString())
    for second, (tag, step, number) in enumerate(points):
        event = Event(step=step, wall_time=100.0 * stamp + second)
        event.summary.value.add(tag=tag, simple_value=number)
        content += write_record(event.SerializeToString())
    (folder / f"events.out.tfevents.{stamp}.host").write_bytes(content)


def _exact(number: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def _values(fit: Fit) -> dict[str, list[float]]:
    return {name: series.values[series.valid].tolist() for name, series in fit.metrics.items()}


def _codes(recording: Recording) -> list[str]:
    return [note.code for note in recording.notes]


def _keras_22(epochs: int, samples: int, every: int, validated: bool = True) -> list[Point]:
    """Return what Keras 2.2.4 writes with batches of 32: its `on_batch_end` and `on_epoch_end`, written down."""
    points, seen, written = [], 0, 0
    for epoch in range(epochs):
        for _ in range(samples // 32):
            seen += 32
            if seen - written >= every:
                written = seen
                points.append(("loss", seen, 9.0))
        points += [("val_loss", seen, 2.0 + epoch)] if validated else []
        points.append(("loss", seen, 1.0 + epoch))
    return points


@pytest.mark.parametrize(("every", "validated"), [(1, True), (64, True), (96, True), (1, False)])
def test_samples_seen_are_a_stream_beside_the_epochs(tmp_path, every, validated):
    """Keras 2.2's `update_freq` writes batches under the tags of epochs: the last value of an epoch is its own."""
    points = _keras_22(4, 320, every, validated)
    _write(tmp_path / "logs", points)
    (recording,) = kcb.read(tmp_path)
    (fit,) = recording.fits
    expected = {"loss": [1.0, 2.0, 3.0, 4.0], "val_loss": [2.0, 3.0, 4.0, 5.0]}
    assert _values(fit) == {name: expected[name] for name in (("val_loss", "loss") if validated else ("loss",))} | {}
    assert fit.epochs.tolist() == [0, 1, 2, 3]
    assert (fit.steps["loss"].unit, len(fit.steps["loss"])) == ("sample", sum(number == 9.0 for *_, number in points))
    assert _codes(recording) == ["samples_seen"]


def test_epochs_of_tf_keras_1_at_samples_seen_are_epochs(tmp_path):
    """tf.keras 1.14 with update_freq counts batches for `batch_` and samples for `epoch_`, in one folder."""
    points = []
    for epoch in range(3):
        points += [("batch_loss", 10 * epoch + batch, 9.0) for batch in range(10)]
        points += [("epoch_loss", 320 * (epoch + 1), 1.0 + epoch), ("epoch_val_loss", 320 * (epoch + 1), 2.0 + epoch)]
    _write(tmp_path / "logs", points)
    (fit,) = kcb.read(tmp_path)[0].fits
    assert fit.epochs.tolist() == [0, 1, 2]
    assert _values(fit) == {"loss": [1.0, 2.0, 3.0], "val_loss": [2.0, 3.0, 4.0]}
    assert (fit.steps["loss"].unit, len(fit.steps["loss"])) == ("batch", 30)


@pytest.mark.parametrize("steps", [[5, 5, 5], [0, 1, 2, 3, 4, 5, 5, 6, 7], [6, 7, 8, 8, 9]])
def test_a_fit_that_goes_on_at_the_epoch_before_counts_no_samples(tmp_path, steps):
    """A step that stands twice is also how a fit resumes: samples are many to an epoch, from the first on."""
    _write(tmp_path / "logs", [("loss", step, 1.0) for step in steps])
    (recording,) = kcb.read(tmp_path)
    assert sum(len(fit) for fit in recording.fits) == len(steps)
    assert "samples_seen" not in _codes(recording)


def test_a_fit_that_starts_late_is_said_to(tmp_path):
    """What callbacks saw before `initial_epoch` is not in an event file either."""
    _write(tmp_path / "logs", [("loss", step, 1.0) for step in (6, 7, 8)])
    (recording,) = kcb.read(tmp_path)
    assert _codes(recording) == ["starts_late"]
    assert "starts at epoch 7" in recording.notes[0].text


@pytest.mark.parametrize("evaluated", [False, True])
def test_an_estimator_has_streams_and_no_epochs(tmp_path, evaluated):
    """Global steps are no epochs; `eval/` is the validation of the folder above it."""
    steps = range(1, 702, 100)
    _write(tmp_path / "model", [(tag, step, 1.0) for step in steps for tag in ("loss", "global_step/sec")])
    if evaluated:
        _write(tmp_path / "model" / "eval", [("loss", 701, 2.0)], stamp=9)
    (recording,) = kcb.read(tmp_path)
    (fit,) = recording.fits
    assert (len(fit), recording.name) == (0, "model")
    assert [fit.steps["val_loss" if evaluated else "loss"].unit, _codes(recording)] == ["iteration", ["no_epochs"]]
    with pytest.raises(kcb.NotReplayableError, match="counts global steps, as Estimators do"):
        kcb.replay(recording, [kcb.EarlyStopping(monitor="loss")])


def _loop(folder: Path, training: str, evaluation: str) -> None:
    _write(folder / training, [(tag, step, 1.0 + step) for step in range(6) for tag in ("loss", "accuracy")])
    _write(folder / evaluation, [(tag, step, 2.0 + step) for step in range(6) for tag in ("loss", "accuracy")])


@pytest.mark.parametrize("evaluation", ["test", "val", "valid", "validation", "eval"])
@pytest.mark.parametrize("training", ["train", "training"])
def test_a_loop_of_ones_own_is_one_run_by_the_names_of_its_folders(tmp_path, training, evaluation):
    """Bare tags in folders that name their data are Keras's metrics, and keep the tag that was found."""
    _loop(tmp_path / "gradtape" / "1", training, evaluation)
    (recording,) = kcb.read(tmp_path / "gradtape")
    assert recording.name == "1"
    assert sorted(recording.metrics) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert recording.fits[0].metrics["val_loss"].tag == "loss"
    assert recording.fits[0].metrics["val_loss"].values.tolist() == [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert recording.notes == ()


def test_a_folder_called_test_is_a_run_of_its_own(tmp_path):
    """Beside other runs, or with a validation of its own beside a `train/`, `test` is but a name."""
    keras_2 = [(tag, step, 1.0) for step in range(3) for tag in ("val_loss", "loss")]
    for name in ("first", "test"):
        _write(tmp_path / "logs" / name, keras_2)
    assert [run.name for run in kcb.read(tmp_path / "logs")] == ["first", "test"]
    _write(tmp_path / "both" / "train", keras_2)
    _write(tmp_path / "both" / "test", keras_2)
    assert "test" in {run.name for run in kcb.read(tmp_path / "both")}


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    ("train", "val"), [("Loss/train", "Loss/val"), ("train/loss", "val/loss"), ("train_loss", "val_loss")]
)
def test_steps_of_a_summary_writer_that_count_epochs_are_epochs(tmp_path, train, val, first):
    """Training and validation at the same steps, one by one, are epochs; from 1 on, that is assumed and said."""
    writer = pytest.importorskip("torch.utils.tensorboard").SummaryWriter(str(tmp_path / "run"))
    for epoch in range(first, first + 5):
        writer.add_scalar(train, 1.0 / (epoch + 1), epoch)
        writer.add_scalar(val, 2.0 / (epoch + 1), epoch)
    writer.close()
    (recording,) = kcb.read(tmp_path)
    (fit,) = recording.fits
    assert fit.epochs.tolist() == [0, 1, 2, 3, 4]
    numbers = [_exact(1.0 / (epoch + 1)) for epoch in range(first, first + 5)]
    assert _values(fit) == {"loss": numbers, "val_loss": [2 * number for number in numbers]}
    assert fit.metrics["loss"].tag == train
    assert _codes(recording) == (["counts_from_one"] if first else [])


def test_the_folders_of_add_scalars_are_one_run(tmp_path):
    """`add_scalars("Loss", ...)` of PyTorch writes a folder for each of its curves."""
    writer = pytest.importorskip("torch.utils.tensorboard").SummaryWriter(str(tmp_path / "run"))
    for epoch in range(4):
        writer.add_scalars("Loss", {"train": 1.0 + epoch, "val": 2.0 + epoch}, epoch)
    writer.close()
    (recording,) = kcb.read(tmp_path)
    assert recording.name == "run"
    assert _values(recording.fits[0]) == {"loss": [1.0, 2.0, 3.0, 4.0], "val_loss": [2.0, 3.0, 4.0, 5.0]}


def test_runs_called_by_what_they_trained_are_no_curves_of_one(tmp_path):
    """`resnet_train` is a folder of add_scalars only where a tag of its file is called `resnet`."""
    for name in ("resnet_train", "resnet_val"):
        _write(tmp_path / name, [(tag, step, 1.0) for step in range(3) for tag in ("val_loss", "loss")])
    assert [run.name for run in kcb.read(tmp_path)] == ["resnet_train", "resnet_val"]


def test_batches_of_a_training_are_a_stream_beside_its_epochs(tmp_path):
    """A training at step 99 when its validation is at 0 counts batches."""
    points = []
    for epoch in range(3):
        points += [("train/loss", 100 * epoch + batch, 9.0) for batch in range(100)]
        points.append(("val/loss", epoch, 1.0 + epoch))
    _write(tmp_path / "run", points)
    (fit,) = kcb.read(tmp_path)[0].fits
    assert _values(fit) == {"val_loss": [1.0, 2.0, 3.0]}
    assert (fit.steps["loss"].unit, len(fit.steps["loss"])) == ("iteration", 300)


@pytest.mark.parametrize(
    "points",
    [
        [("Loss/train", step, 1.0) for step in range(50)],
        [(tag, step, 1.0) for step in range(9, 100, 10) for tag in ("Loss/train", "Loss/val")],
        [("Loss/train", step, 1.0) for step in range(50)] + [("Loss/val", step, 1.0) for step in range(9, 50, 10)],
    ],
    ids=["training alone", "every tenth", "a validation now and then"],
)
def test_steps_that_may_count_either_are_streams(tmp_path, points):
    """Nothing is replayed on a guess, and the reason is given."""
    _write(tmp_path / "run", points)
    (recording,) = kcb.read(tmp_path)
    assert (recording.epochs, _codes(recording)) == (0, ["no_epochs"])
    assert "does not show whether its steps count epochs or batches" in recording.notes[0].text
    assert len(recording.fits[0].steps["loss"])


def test_an_epoch_that_lightning_records_makes_epochs_of_steps(tmp_path):
    """What stands once, at the last step of each epoch, is of the epoch; the other values are a stream."""
    points = []
    for epoch in range(3):
        for step in range(10 * epoch + 4, 10 * epoch + 10, 5):
            points += [("train_loss_step", step, 9.0), ("epoch", step, epoch)]
        last = 10 * epoch + 9
        points += [("val_loss", last, 2.0 + epoch), ("epoch", last, epoch)]
        points += [("train_loss_epoch", last, 1.0 + epoch), ("epoch", last, epoch)]
    _write(tmp_path / "version_0", points)
    (fit,) = kcb.read(tmp_path)[0].fits
    assert fit.epochs.tolist() == [0, 1, 2]
    assert _values(fit) == {"val_loss": [2.0, 3.0, 4.0], "loss": [1.0, 2.0, 3.0]}
    assert len(fit.steps["loss"]) == 6


def test_the_trainer_of_hugging_face_records_fractions_of_epochs(tmp_path):
    """An evaluation at a whole epoch is of it; losses amid epochs are a stream."""
    points = []
    for step in range(5, 31, 5):
        points += [("train/loss", step, 9.0), ("train/epoch", step, step / 10)]
        if step % 10 == 0:
            points += [("eval/loss", step, step / 10), ("train/epoch", step, step / 10)]
    _write(tmp_path / "run", points)
    (fit,) = kcb.read(tmp_path)[0].fits
    assert fit.epochs.tolist() == [0, 1, 2]
    assert _values(fit) == {"val_loss": [1.0, 2.0, 3.0]}
    assert len(fit.steps["loss"]) == 6


def test_reading_leaves_the_threads_of_numpy_and_the_environment_alone():
    """Idle threads sleep at once while `read` is imported; what a program sets or finds later is its own."""
    code = (
        "import os, kcb_replay\n"
        "before = dict(os.environ)\n"
        "kcb_replay.read\n"
        "assert 'numpy' in __import__('sys').modules and dict(os.environ) == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_one_late_epoch_beside_every_nth_batch_is_sampled(tmp_path):
    """With update_freq=2 and 5 batches an epoch, epochs 1 and 3 of three are absent: no gap shows it."""
    points = [("batch_loss", batch, 9.0) for batch in range(2, 15, 2)] + [("epoch_loss", 1, 1.0)]
    _write(tmp_path / "run" / "train", points)
    (recording,) = kcb.read(tmp_path)
    assert _codes(recording) == ["starts_late", "sampled"]
    assert kcb.replay(recording, [kcb.EarlyStopping(monitor="loss")]).validity.label == "sampled"


@pytest.mark.parametrize("time", [math.inf, math.nan])
def test_fits_at_no_time_keep_their_epochs(tmp_path, time):
    """A leading tag is of its own fits, in their order, whatever its wall times are."""
    content = b""
    for fit in range(3):
        for step in range(fit + 1):
            event = Event(step=step, wall_time=time if fit else 5.0)
            event.summary.value.add(tag="loss", simple_value=10.0 * fit + step)
            content += write_record(event.SerializeToString())
    (tmp_path / "events.out.tfevents.1.host").write_bytes(content)
    (recording,) = kcb.read(tmp_path)
    assert [_values(fit)["loss"] for fit in recording.fits] == [[0.0], [10.0, 11.0], [20.0, 21.0, 22.0]]
