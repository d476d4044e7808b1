"""What stays known of an epoch, and of the end of a training, in which the real class raises."""

from __future__ import annotations

import math

import pytest

from kcb_replay.replay.callbacks import (
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    TerminateOnNaN,
)
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.conformance.golden import differences
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import LearningRateSet, Terminated, WeightsRestored
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Batch, Epoch

# What Keras 3.15.1 did (jax): the batch at which the epoch was left, before the next callback raises.
RECORDED = {
    "id": 0, "library": "keras", "version": "3.15.1", "backend": "jax", "numpy": "2.4.6",
    "callbacks": [
        {"class": "TerminateOnNaN", "kwargs": {}},
        {"class": "ModelCheckpoint", "kwargs": {"filepath": "{nowhere}.keras"}},
    ],
    "initial_lr": 0.1, "model_metrics": {},
    "epochs": [{"fit": 0, "epoch": 0, "logs": {"loss": 1.0}, "batches": [[0, "NaN"], [1, 1.0]]}],
    "expect": {
        "epochs": [{"fit": 0, "epoch": 0, "lr_begin": 0.10000000149011612, "stopped_at_batch": 0}],
        "error": {"type": "KeyError", "stage": "on_epoch_end", "epoch": 0}, "final_lr": 0.10000000149011612,
    },
}  # fmt: skip


def fit(callbacks, epochs):
    """Replay a list of callbacks as Keras 3.15 would run them."""
    return run_fit(epochs, callbacks, Context(semantics("keras-3.15"), direction_of), initial_lr=0.1)


def raising(*_):
    """Raise, as a function of the user's own may."""
    raise ZeroDivisionError


def test_the_batch_at_which_an_epoch_was_left_outlives_an_error():
    """A golden case of real Keras, and its comparison sees when the batch is wrong."""
    assert differences(RECORDED) == []
    record = {**RECORDED["expect"]["epochs"][0], "stopped_at_batch": 1}
    wrong = {**RECORDED, "expect": {**RECORDED["expect"], "epochs": [record]}}
    assert differences(wrong) == ["expect.epochs[0].stopped_at_batch: expected 1, got 0"]


@pytest.mark.keras
def test_the_installed_keras_leaves_the_same():
    """The observer of the real classes records the batch, too."""
    keras = pytest.importorskip("keras")
    from kcb_replay.replay.conformance.observed import observed

    seen = observed(RECORDED, keras)
    assert {key: seen.get(key) for key in RECORDED["expect"]} == RECORDED["expect"]


def test_a_partial_epoch_holds_who_had_stopped_it():
    """Batch, stop flag and events of the callbacks before the one that raises."""
    batches = (Batch(0, {"loss": 1.0}), Batch(1, {"loss": math.inf}), Batch(2, {"loss": 1.0}))
    run = fit([TerminateOnNaN(), ModelCheckpoint("{nowhere}.keras")], [Epoch(1, {"loss": 1.0}, batches)])
    partial = run.partial
    assert (partial.index, partial.stopped_batch, partial.stoppers) == (1, 1, (0,))
    assert [type(event) for event in partial.events[0]] == [Terminated]


def test_an_epoch_that_was_not_left_has_no_such_batch():
    """All of its batches ran, then a callback raises."""
    run = fit([ModelCheckpoint("{nowhere}.keras")], [Epoch(0, {"loss": 1.0}, (Batch(0, {"loss": 1.0}),))])
    assert (run.partial.stopped_batch, run.partial.stoppers) == (None, ())


def test_the_rate_that_was_set_before_an_error_is_known():
    """The second schedule raises when the epoch begins: what the first has set stands, as an event and as the rate."""
    callbacks = [LearningRateScheduler(lambda _epoch, lr: lr / 2), LearningRateScheduler(raising)]
    run = fit(callbacks, [Epoch(0, {"loss": 1.0})])
    assert (run.error.stage, run.partial.lr_begin) == ("on_epoch_begin", None)
    assert [event.new_lr for event in run.partial.events[0] if isinstance(event, LearningRateSet)] == [run.final_lr]


def test_what_was_restored_before_an_error_at_the_end_is_known():
    """EarlyStopping restores in on_train_end, then a function of the user's own raises there."""
    callbacks = [EarlyStopping(restore_best_weights=True), LambdaCallback(on_train_end=raising)]
    run = fit(callbacks, [Epoch(0, {"val_loss": 1.0}), Epoch(1, {"val_loss": 2.0})])
    assert (run.error.stage, run.partial, len(run.rows)) == ("on_train_end", None, 2)
    assert [event.from_index for event in run.finish_events[0] if isinstance(event, WeightsRestored)] == [0]
