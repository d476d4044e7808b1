"""Keras's own tests of its callbacks (keras/src/callbacks/*_test.py of 3.15.1), by the engine and the real classes."""

from __future__ import annotations

import math

import pytest

from kcb_replay.replay.bridge.real_keras import installed
from kcb_replay.replay.bridge.settings import bridged
from kcb_replay.replay.callbacks import CALLBACKS
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.comparison import Comparison
from kcb_replay.replay.directions import auto_direction, direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import CheckpointSaved, WeightsRestored
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Batch, Epoch

BOTH = pytest.mark.parametrize("library", ["native", pytest.param("keras", marks=pytest.mark.keras)])
ALL = pytest.mark.parametrize(
    "library",
    ["native", pytest.param("keras", marks=pytest.mark.keras), pytest.param("tf_keras", marks=pytest.mark.keras)],
)


def fit(library, callbacks, epochs, initial_lr=0.1):
    """Replay a list of (class, settings) natively, or through the real classes of a library."""
    if library == "native":
        context = Context(semantics("keras-3.15"), direction_of)
        made = [CALLBACKS[name](**settings) for name, settings in callbacks]
    else:
        real = pytest.importorskip(library)
        context = Context(semantics(installed(library, "A test").semantics), direction_of)
        made = [bridged(getattr(real.callbacks, name)(**settings)) for name, settings in callbacks]
    return run_fit(epochs, made, context, initial_lr=initial_lr)


def epochs_of(**metrics):
    """Return epochs of these metrics."""
    length = len(next(iter(metrics.values())))
    return [Epoch(index, {name: values[index] for name, values in metrics.items()}) for index in range(length)]


def batches_of(epochs, losses, **logs):
    """Return epochs that each have batches of these losses."""
    batches = tuple(Batch(index, {"loss": loss, **logs}) for index, loss in enumerate(losses))
    return [Epoch(index, {"loss": losses[-1], **logs}, batches) for index in range(epochs)]


def saves(run):
    """Return the paths of all saves, in order."""
    return [e.path for row in run.rows for events in row.events for e in events if isinstance(e, CheckpointSaved)]


def restored(run):
    """Return the epochs whose weights came back at the end."""
    return [e.from_index for events in run.finish_events for e in events if isinstance(e, WeightsRestored)]


@ALL
@pytest.mark.parametrize("patience", [0, 1, 2, 3])
def test_early_stopping_patience(library, patience):
    """stopped_epoch is max(patience, 1) + 2."""
    losses = epochs_of(loss=[10, 9, 8, 9, 8.9, 8.8, 8.7, 8.6, 8.5])
    run = fit(library, [("EarlyStopping", {"monitor": "loss", "patience": patience})], losses)
    assert (run.rows[-1].index, run.rows[-1].stoppers) == (max(patience, 1) + 2, (0,))


@ALL
@pytest.mark.parametrize(
    ("values", "settings", "epochs_run"),
    [
        ([0.2, 0.15, 0.1, 0.11, 0.12], {"patience": 2}, 5),
        ([0.9, 0.8, 0.7, 0.71, 0.72, 0.73], {"patience": 5, "baseline": 0.5}, 5),
    ],
)
def test_early_stopping_restores_the_best_weights(library, values, settings, epochs_run):
    """The weights of epoch 2 come back, with and without a baseline."""
    run = fit(library, [("EarlyStopping", {"restore_best_weights": True, **settings})], epochs_of(val_loss=values))
    assert (len(run.rows), restored(run)) == (epochs_run, [2])


@ALL
def test_early_stopping_restores_when_another_callback_stops(library):
    """The best weights come back even if it was not EarlyStopping that stopped."""
    values = [0.9, 0.8, 0.7, 0.71, 0.72, 0.73]
    patient = {"patience": 5, "baseline": 0.5, "restore_best_weights": True}
    other = {"monitor": "val_loss", "patience": 1}
    run = fit(library, [("EarlyStopping", patient), ("EarlyStopping", other)], epochs_of(val_loss=values))
    assert (len(run.rows), run.rows[-1].stoppers, restored(run)) == (4, (1,), [2])


@pytest.mark.parametrize(
    ("value", "reference", "improves"), [(0.75, 0, True), (0.5, None, True), (0.5, 0, False), (0.2, 0.5, False)]
)
def test_monitor_callback_improvement(value, reference, improves):
    """min_delta 0.5 in mode max."""
    assert Comparison("max", 0.5, "float32").beats(value, reference) is improves


@pytest.mark.parametrize(
    ("monitor", "direction"),
    [
        ("val_mse", "min"),
        ("loss", "min"),
        ("acc", "max"),
        ("val_accuracy", "max"),
        ("hinge", "min"),
        ("f1_score", "max"),
        ("unknown", None),
    ],
)
def test_monitor_op_of_auto_mode(monitor, direction):
    """mode="auto" asks the metric; one that it does not know has no direction."""
    assert auto_direction("metric", monitor, direction_of) == direction


@BOTH
@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau"])
def test_unknown_metric_in_auto_mode_is_an_error(library, name):
    """mode="auto" of a metric without a direction raises ValueError when the first epoch ends."""
    run = fit(library, [(name, {"monitor": "val_unknown"})], epochs_of(val_unknown=[1.0]))
    assert (run.error.kind, run.error.stage, run.error.index) == ("ValueError", "on_epoch_end", 0)


@ALL
@pytest.mark.parametrize(
    ("settings", "epochs", "final_lr"),
    [
        ({"patience": 1, "min_delta": 100}, 2, 0.01),
        ({"patience": 1, "min_delta": 10, "min_lr": 0.005}, 4, 0.005),
        ({"patience": 1, "min_delta": 100, "cooldown": 2}, 4, 0.001),
    ],
)
def test_reduce_lr(library, settings, epochs, final_lr):
    """The learning rate after a few epochs that move by less than min_delta."""
    run = fit(library, [("ReduceLROnPlateau", {"factor": 0.1, **settings})], epochs_of(val_loss=[1.0] * epochs))
    assert run.final_lr == pytest.approx(final_lr, rel=1e-6)


@ALL
@pytest.mark.parametrize(
    ("schedule", "initial_lr", "epochs", "final_lr"),
    [
        (lambda epoch: 1.0 / (2.0 + epoch), 0.1, 1, 0.5),
        (lambda _epoch, lr: lr / 2, 0.03, 2, 0.0075),
        (lambda _epoch: 0.5, 0.1, 1, 0.5),
    ],
    ids=["of the epoch", "of the rate", "constant"],
)
def test_learning_rate_scheduler(library, schedule, initial_lr, epochs, final_lr):
    """A schedule of the epoch alone, and one of the epoch and the rate."""
    flat = epochs_of(loss=[1.0] * epochs)
    run = fit(library, [("LearningRateScheduler", {"schedule": schedule})], flat, initial_lr)
    assert run.final_lr == pytest.approx(final_lr, rel=1e-6)
    assert (type(run.rows[-1].lr_logged), run.rows[-1].lr_logged) == (float, run.final_lr)


@ALL
def test_checkpoint_every_fifteen_batches(library):
    """save_freq 15 with 5 batches an epoch saves at the end of the epochs 3, 6 and 9 only."""
    settings = {"filepath": "checkpoint.{epoch:02d}.keras", "save_freq": 15}
    run = fit(library, [("ModelCheckpoint", settings)], batches_of(10, [1.0] * 5))
    assert saves(run) == [f"checkpoint.{epoch:02d}.keras" for epoch in (3, 6, 9)]


@ALL
def test_checkpoint_every_batch(library):
    """save_freq 1 with 2 batches an epoch saves after each."""
    settings = {"filepath": "checkpoint.epoch{epoch:02d}batch{batch:02d}.keras", "save_freq": 1}
    run = fit(library, [("ModelCheckpoint", settings)], batches_of(5, [1.0] * 2))
    expected = [f"checkpoint.epoch{epoch:02d}batch{batch:02d}.keras" for epoch in range(1, 6) for batch in (1, 2)]
    assert saves(run) == expected


@BOTH
@pytest.mark.filterwarnings("ignore:.*mode 'sideways' is unknown")
@pytest.mark.parametrize(
    ("settings", "saved"),
    [
        ({"monitor": "unknown", "mode": "min"}, 1),
        ({"monitor": "val_accuracy", "initial_value_threshold": -0.01, "mode": "max"}, 1),
        ({"monitor": "val_loss", "initial_value_threshold": 0, "mode": "min"}, 0),
        ({"monitor": "val_loss", "initial_value_threshold": 0, "mode": "auto"}, 0),
        ({"monitor": "val_auc", "initial_value_threshold": 1, "mode": "auto"}, 0),
        ({"monitor": "val_loss", "mode": "sideways"}, 1),
    ],
)
def test_checkpoint_of_the_best(library, settings, saved):
    """A missing metric is saved, a threshold has to be beaten, an unknown mode is auto."""
    epochs = epochs_of(val_loss=[0.5], val_accuracy=[0.5], val_auc=[0.5])
    run = fit(library, [("ModelCheckpoint", {"filepath": "w.keras", "save_best_only": True, **settings})], epochs)
    assert len(saves(run)) == saved


@ALL
@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_terminate_on_nan(library, loss):
    """The batch loop is left at once, and the epoch is the last."""
    run = fit(library, [("TerminateOnNaN", {})], batches_of(5, [1.0, loss, 1.0]))
    assert (len(run.rows), run.rows[0].stopped_batch, run.rows[0].stoppers) == (1, 1, (0,))


@BOTH
def test_terminate_on_nan_raises(library):
    """raise_error=True is a RuntimeError in the batch, and the training does not end regularly."""
    run = fit(library, [("TerminateOnNaN", {"raise_error": True})], batches_of(5, [1.0, math.nan]))
    assert (run.error.kind, run.error.stage, run.finish_events) == ("RuntimeError", "on_train_batch_end", ())
