"""The lints: each speaks of the right epoch where its behaviour matters, and is silent where it does not."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, example, given, settings, strategies as st

from kcb_replay.ingest.ingest import read
from kcb_replay.language.catalogue import catalogue
from kcb_replay.replay.callbacks import (
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import Improved
from kcb_replay.replay.lints import RULES, lints
from kcb_replay.replay.schedules import ExponentialDecay
from kcb_replay.replay.semantics import known_semantics, semantics
from kcb_replay.replay.stream import Epoch, Stream, stream_of

NAN = math.nan
FALLING = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
VALLEY = [3.0, 2.0, 1.0, 2.0, 3.0, 4.0]
FLAT = [1.0] * 8
EVERY_5TH = [None, None, None, None, 1.0] * 4


def stream(**columns):
    """Return a stream from lists of values; None is a missing value."""
    logs = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    seen = ({name: value for name, value in row.items() if value is not None} for row in logs)
    return Stream(tuple(Epoch(index, row) for index, row in enumerate(seen)), {})


def behaviours(version):
    """Return what a version does; an argument that it does not have is taken, for lints are about behaviours."""
    return replace(semantics(version), missing_arguments=frozenset(), early_stopping_needs_metric=False)


def replayed(recorded, callbacks, version="keras-3.15"):
    """Return the run of the callbacks over a stream, from a learning rate of 0.1."""
    return run_fit(recorded.epochs, callbacks, Context(behaviours(version), direction_of), initial_lr=0.1)


def said(callbacks, version="keras-3.15", **columns):
    """Return the lints by their code."""
    recorded = stream(**columns)
    found = lints(callbacks, recorded, behaviours(version), replayed(recorded, callbacks, version))
    return {lint.code: lint for lint in found}


def es(patience=0, **settings):
    """Return an EarlyStopping."""
    return EarlyStopping(patience=patience, **settings)


def rlr(patience=10, **settings):
    """Return a ReduceLROnPlateau."""
    return ReduceLROnPlateau(patience=patience, **settings)


def best_only(filepath="w.keras", **settings):
    """Return a ModelCheckpoint with save_best_only."""
    return ModelCheckpoint(filepath, save_best_only=True, **settings)


def set_by_epoch(epoch):
    """Return a learning rate that does not depend on the one before."""
    return 0.1 if epoch < 20 else 0.05


def halved_once(epoch, lr):
    """Return half of the rate that the training starts from, whatever it is later."""
    return lr * 0.5 if epoch == 0 else 0.05


def halved_every_epoch(epoch, lr):
    """Return a learning rate that builds on the one before."""
    return lr * 0.5


@pytest.mark.parametrize(
    ("code", "callbacks", "version", "columns", "index", "words"),
    [
        ("reduced-rate-unused", [es(3), rlr(3)], "keras-3.15", {"val_loss": FLAT}, 3, "patience=6"),
        ("reduced-rate-unused", [es(3), rlr(5)], "keras-3.15", {"val_loss": FLAT}, 3, "after epoch 6"),
        ("reduced-rate-unused", [es(3), rlr(5)], "keras-3.15", {"val_loss": FLAT[:4]}, 3, "patience=10"),
        ("reduced-rate-unused", [rlr(3), es(3)], "keras-2.0.8", {"val_loss": FLAT}, 4, "patience=6"),
        ("metric-other-name", [es(monitor="val_acc", mode="max")], "keras-3.15", {"val_accuracy": FLAT}, None,
         'never stops. Use monitor="val_accuracy"'),
        ("metric-other-name", [rlr(monitor="val_accuracy")], "keras-2.2.4", {"val_acc": FLAT}, None, "never reduces"),
        ("metric-other-name", [best_only("w.h5", monitor="val_acc")], "keras-3.9", {"val_accuracy": FLAT}, None,
         "saves nothing in keras-3.9"),
        ("metric-other-name", [best_only(monitor="val_acc")], "keras-3.10", {"val_accuracy": FLAT}, None,
         "saves every time in keras-3.10"),
        ("checkpoint-without-metric", [best_only()], "keras-3.15", {"loss": FLAT}, 0, "saves every time"),
        ("checkpoint-without-metric", [best_only()], "keras-3.9", {"loss": FLAT}, None, "saves nothing"),
        ("checkpoint-without-metric", [best_only()], "keras-3.10", {"loss": [1.0] * 20, "val_loss": EVERY_5TH}, 0,
         "epochs 1, 2, 3 and 13 more"),
        ("auto-mode-differs", [es(1, monitor="val_auc")], "keras-2.6", {"val_auc": [0.5, 0.6, 0.7, 0.6]}, 1,
         'but to rise in keras-2.7 to keras-3.15; here that makes a difference from epoch 2 on. Say mode="max"'),
        ("auto-mode-differs", [rlr(1, monitor="val_auc")], "keras-3.10", {"val_auc": [0.5, 0.6, 0.7]}, 1,
         "in keras-3.11 to keras-3.15"),
        ("auto-mode-differs", [es(2, monitor="val_f1_score")], "keras-3.15", {"val_f1_score": [0.5, 0.6, 0.7, 0.8]}, 2,
         "to fall in keras-2.0.7 to tf_keras-2.18"),
        ("auto-mode-differs", [best_only("{epoch}.h5", monitor="val_precision")], "tf_keras-2.21",
         {"val_precision": [0.5, 0.6]}, 1, "to rise in keras-3.11 to keras-3.15"),
        ("min-lr-unreachable", [rlr(1, min_lr=0.001)], "tf.keras-2.4", {"val_loss": FLAT}, 3,
         "epochs 4, 5, 6 and 2 more: float32 holds min_lr=0.001 as 0.0010000000474974513"),
        ("min-lr-at-start", [rlr(2, min_lr=0.1)], "keras-3.15", {"val_loss": FLAT}, 2, "after epoch 3, but cannot"),
        ("checkpoint-batch-saves", [best_only(save_freq=100)], "keras-3.15", {"loss": FLAT, "val_loss": FLAT}, None,
         "saves every time in keras-3.15"),
        ("checkpoint-batch-saves", [best_only(save_freq=100)], "keras-3.9", {"loss": FLAT, "val_loss": FLAT}, None,
         "saves nothing in keras-3.9"),
        ("checkpoint-batch-saves", [best_only(save_freq=100, monitor="loss")], "keras-3.15", {"loss": FLAT}, None,
         "raises TypeError in keras-3.15 when its second save comes before the end of the first epoch"),
        ("checkpoint-batch-saves", [best_only("{val_loss:.2f}.keras", save_freq=9)], "keras-2.15", {"val_loss": FLAT},
         None, "raises KeyError in keras-2.15 at its first save"),
        ("patience-counts-validations", [es(2)], "keras-3.15", {"loss": [1.0] * 20, "val_loss": EVERY_5TH}, 9,
         "patience=2 waits 10 epochs. For 5 epochs use patience=1, which here acts after epoch 10"),
        ("patience-counts-validations", [rlr(10)], "keras-3.15", {"loss": [1.0] * 20, "val_loss": EVERY_5TH}, 14,
         "patience=10 waits 50 epochs. For 10 epochs use patience=2"),
        ("first-nan-unbeaten", [es(3)], "keras-3.15", {"val_loss": [NAN, 3.0, 2.0, 1.0, 0.5]}, 0,
         "stops after epoch 4. Up to keras-3.6 it does nothing. Use start_from_epoch=1"),
        ("first-nan-unbeaten", [es(3, start_from_epoch=1)], "keras-3.7", {"val_loss": [2.0, NAN, 2.0, 1.0, 0.5]}, 1,
         "start_from_epoch=2"),
        ("first-nan-unbeaten", [rlr(2)], "keras-3.11", {"val_loss": [NAN, 3.0, 2.0]}, 0, "rate after epoch 3"),
        ("first-nan-unbeaten", [best_only()], "keras-3.15", {"val_loss": [NAN, 3.0, 2.0]}, 0,
         'Up to keras-3.10 it saves after epochs 2 and 3. Use initial_value_threshold=float("inf")'),
        ("weights-not-restored", [es(10, restore_best_weights=True)], "keras-2.15", {"val_loss": VALLEY}, 5,
         "weights of epoch 6, not with those of epoch 3"),
        ("weights-not-restored", [es(9, monitor="loss"), es(9, restore_best_weights=True)], "keras-2.15",
         {"loss": FLAT[:6], "val_loss": VALLEY}, 5, "EarlyStopping (callback 2 of the list) does not stop this"),
        ("weights-not-restored", [es(2, restore_best_weights=True), es(9, monitor="loss", restore_best_weights=True)],
         "keras-2.15", {"loss": [1.0, 0.5, *FLAT[:4]], "val_loss": VALLEY}, 4,
         "ends after epoch 5, and keras-2.15 restores the best weights only if it does: one ends up with the weights of"
         " epoch 3, not with those of epoch 2"),
        ("weights-not-restored", [es(2, monitor="loss"), es(9, restore_best_weights=True)], "keras-2.15",
         {"loss": FLAT[:6], "val_loss": [1.0, *FLAT[:5]]}, 2, "weights of epoch 3, not with those of epoch 1"),
        ("baseline-not-met-yet", [es(2, baseline=0.65)], "keras-3.15", {"val_loss": [0.9, 1.0, *FALLING[2:]]}, 1,
         "beats baseline=0.65 in epoch 5"),
        ("baseline-not-met-yet", [es(2, baseline=0.65)], "keras-2.3", {"val_loss": FALLING}, 1,
         "Use patience=5 or more"),
        ("zero-patience-stops-at-once", [es(0)], "tf.keras-2.5", {"val_loss": FALLING}, 0, "Use patience=1"),
        ("zero-patience-stops-at-once", [es(0)], "keras-2.11", {"val_loss": FALLING}, 1, "after epoch 2, though"),
        ("min-lr-at-start", [rlr(20, min_lr=0.1)], "keras-3.15", {"val_loss": FLAT}, None,
         "waits on a plateau when the recording ends, but can never reduce the learning rate: 0.1 is not above"),
        ("mode-against-name", [es(1, mode="max")], "keras-3.15", {"val_loss": FALLING}, 1,
         'stops after epoch 2; with mode="min" it does nothing. They part in epoch 2. Say mode="min"'),
        ("mode-against-name", [rlr(2, monitor="val_accuracy", mode="min")], "tf_keras-2.21",
         {"val_accuracy": [0.5, 0.6, 0.7, 0.8]}, 2, "waits for val_accuracy to fall, which by its name should rise"),
        ("mode-against-name", [best_only(mode="max")], "keras-3.15", {"val_loss": FALLING}, 1, "saves after epoch 1;"),
        ("min-delta-too-large", [es(1, monitor="val_accuracy", min_delta=1)], "keras-3.15",
         {"val_accuracy": [0.5, 0.55, 0.56, 0.57]}, 1, "is more than val_accuracy itself (0.5 to 0.57)"),
        ("min-delta-too-large", [es(2, min_delta=0.05)], "keras-3.15", {"val_loss": [0.5, 0.48, 0.479, 0.478]}, 2,
         "moves in the whole recording (0.478 to 0.5), so that after the first value nothing is an improvement:"
         " it stops after epoch 3; with min_delta=0 it does nothing"),
        ("min-delta-too-large", [rlr(2, min_delta=0.5)], "keras-3.15", {"val_loss": [3.0, 2.9, 2.8, 2.7]}, 2,
         "min_delta=0.5 of ReduceLROnPlateau is more than val_loss moves"),
        ("min-delta-too-large", [rlr(2, epsilon=0.5)], "keras-2.1.5", {"val_loss": [3.0, 2.9, 2.8, 2.7]}, 3,
         "epsilon=0.5 of ReduceLROnPlateau is more than val_loss moves"),
        ("epsilon-ignored", [rlr(2, epsilon=0.5)], "keras-3.15", {"val_loss": [3.0, 2.9, 2.8, 2.7]}, 2,
         "keras-3.15 ignores epsilon=0.5 of ReduceLROnPlateau without a word and goes by min_delta=0.0001: it does"
         " nothing; with min_delta=0.5 it reduces the learning rate after epoch 3. They part in epoch 3"),
        # The best epoch is another, whatever comes of that.
        ("min-delta-too-large", [es(9, min_delta=5)], "keras-3.15", {"val_loss": FALLING}, 1,
         "its best is epoch 1; with min_delta=0 it is epoch 6. They part in epoch 2"),
        ("mode-against-name", [es(9, mode="max")], "keras-3.15", {"val_loss": VALLEY}, 1,
         'its best is epoch 6; with mode="min" it is epoch 3'),
        ("cooldown-of-one", [rlr(1, cooldown=1)], "keras-3.15", {"val_loss": FLAT}, 2, "use cooldown=2"),
        ("schedule-overwrites-reduction", [LearningRateScheduler(set_by_epoch), rlr(2)], "keras-3.15",
         {"val_loss": FLAT}, 2, "after epochs 3, 5 and 7"),
        ("schedule-overwrites-reduction", [LearningRateScheduler(halved_once), rlr(2)], "keras-3.15",
         {"val_loss": FLAT}, 2, "after epochs 3, 5 and 7"),
        ("checkpoint-listed-too-early", [ModelCheckpoint("{learning_rate:.3f}.keras"), rlr()], "keras-3.15",
         {"val_loss": FLAT}, 0, "missing at epoch 1. List ModelCheckpoint after"),
        ("checkpoint-overwritten", [ModelCheckpoint("w.keras")], "keras-3.15", {"val_loss": VALLEY}, 5,
         "left is epoch 6, while val_loss was best in epoch 3"),
    ],
)  # fmt: skip
def test_a_lint_speaks_where_it_matters(code, callbacks, version, columns, index, words):
    """It names the epoch, and says what happens or what to do."""
    lint = said(callbacks, version, **columns)[code]
    assert lint.index == index
    assert words in lint.text
    assert lint.positions
    assert all(0 <= position < len(callbacks) for position in lint.positions)
    assert f"{lint.why.code}.".startswith(f"lint.{code}.")
    assert re.search(r"[\uac00-\ud7a3] ?[\w=]*\.", catalogue("ko").why(lint.why))


@pytest.mark.parametrize(
    ("code", "callbacks", "version", "columns"),
    [
        # One epoch at the reduced rate is enough; another metric, or no reduction in sight, is no matter.
        ("reduced-rate-unused", [es(4), rlr(3)], "keras-3.15", {"val_loss": FLAT}),
        ("reduced-rate-unused", [es(3), rlr(3, monitor="loss")], "keras-3.15", {"val_loss": FLAT, "loss": FLAT}),
        ("reduced-rate-unused", [es(3), rlr(9)], "keras-3.15", {"val_loss": [*FLAT, 0.5]}),
        ("reduced-rate-unused", [es(8), rlr(8)], "keras-3.15", {"val_loss": FLAT}),
        ("metric-other-name", [es(monitor="val_acc")], "keras-2.2.4", {"val_acc": FLAT, "val_accuracy": FLAT}),
        ("metric-other-name", [ModelCheckpoint("w.keras", monitor="val_acc")], "keras-3.15", {"val_accuracy": FLAT}),
        ("metric-other-name", [es(monitor="val_f1")], "keras-2.15", {"val_loss": FLAT}),
        ("checkpoint-without-metric", [best_only()], "keras-3.15", {"val_loss": FLAT}),
        ("checkpoint-without-metric", [best_only()], "keras-3.9", {"loss": [1.0] * 20, "val_loss": EVERY_5TH}),
        ("checkpoint-without-metric", [best_only(monitor="val_acc")], "keras-3.15", {"val_accuracy": FLAT}),
        ("checkpoint-without-metric", [ModelCheckpoint("w.keras")], "keras-3.15", {"loss": FLAT}),
        ("auto-mode-differs", [es(1, monitor="val_auc", mode="min")], "keras-2.6", {"val_auc": [0.5, 0.6, 0.7]}),
        ("auto-mode-differs", [es(1, monitor="val_accuracy")], "keras-2.6", {"val_accuracy": [0.5, 0.6, 0.7]}),
        ("auto-mode-differs", [es(9, monitor="val_auc")], "keras-2.6", {"val_auc": [0.5, 0.6, 0.7]}),
        ("auto-mode-differs", [es(1, monitor="val_mine")], "keras-2.6", {"val_mine": [0.5, 0.6, 0.7]}),
        ("min-lr-unreachable", [rlr(1, min_lr=0.001)], "tf.keras-2.5", {"val_loss": FLAT}),
        ("min-lr-unreachable", [rlr(1, min_lr=0.01)], "tf.keras-2.4", {"val_loss": FLAT}),
        ("min-lr-unreachable", [rlr(1, min_lr=0.001)], "keras-2.0", {"val_loss": FLAT}),
        ("min-lr-unreachable", [rlr(1, min_lr=0.001)], "tf.keras-2.4", {"val_loss": FALLING}),
        ("min-lr-at-start", [rlr(2, min_lr=0.01)], "keras-3.15", {"val_loss": FLAT}),
        ("min-lr-at-start", [rlr(2, min_lr=0.1)], "keras-3.15", {"val_loss": FALLING}),
        ("min-lr-at-start", [rlr(2, min_lr=0.1, factor=1 - 1e-9)], "keras-3.15", {"val_loss": FLAT}),
        ("checkpoint-batch-saves", [best_only()], "keras-3.15", {"loss": FLAT, "val_loss": FLAT}),
        ("checkpoint-batch-saves", [best_only(save_freq=9, monitor="loss")], "keras-3.10", {"loss": FLAT}),
        ("checkpoint-batch-saves", [ModelCheckpoint("w.keras", save_freq=9)], "keras-3.15", {"val_loss": FLAT}),
        ("patience-counts-validations", [es(1)], "keras-3.15", {"loss": [1.0] * 20, "val_loss": EVERY_5TH}),
        ("patience-counts-validations", [es(2)], "keras-3.15", {"val_loss": FLAT}),
        ("patience-counts-validations", [es(3)], "keras-3.15", {"val_loss": [1.0, None, 1.0, 1.0, None, 1.0, 1.0]}),
        ("patience-counts-validations", [es(3)], "keras-3.15", {"val_loss": [1.0, None, 0.9, None, 0.8, None]}),
        ("first-nan-unbeaten", [es(3)], "keras-3.6", {"val_loss": [NAN, 3.0, 2.0, 1.0, 0.5]}),
        ("first-nan-unbeaten", [es(3)], "keras-3.15", {"val_loss": [3.0, NAN, 2.0, 1.0, 0.5]}),
        ("first-nan-unbeaten", [es(9)], "keras-3.15", {"val_loss": [NAN, 3.0, 2.0, 1.0, 0.5]}),
        ("first-nan-unbeaten", [es(2)], "keras-3.15", {"val_loss": [NAN] * 5}),
        ("first-nan-unbeaten", [rlr(2), best_only("w.h5")], "keras-3.9", {"val_loss": [NAN, 3.0, 2.0]}),
        ("weights-not-restored", [es(10, restore_best_weights=True)], "tf_keras-2.16", {"val_loss": VALLEY}),
        ("weights-not-restored", [es(2, restore_best_weights=True)], "keras-2.15", {"val_loss": VALLEY}),
        ("weights-not-restored", [es(9, restore_best_weights=True)], "keras-2.15", {"val_loss": FALLING}),
        ("weights-not-restored", [es(9, restore_best_weights=True), best_only()], "keras-2.15", {"val_loss": VALLEY}),
        ("weights-not-restored", [es(10)], "keras-2.15", {"val_loss": VALLEY}),
        # No value was ever an improvement; and where two restore, the last one of the list wins in every version.
        ("weights-not-restored", [es(start_from_epoch=2), es(3, restore_best_weights=True),
                                  es(3, restore_best_weights=True, start_from_epoch=1)],
         "tf.keras-2.5", {"val_loss": [NAN] * 3}),
        ("weights-not-restored", [es(9, monitor="loss", restore_best_weights=True), es(2, restore_best_weights=True)],
         "keras-2.15", {"loss": [1.0, 0.5, *FLAT[:4]], "val_loss": VALLEY}),
        ("baseline-not-met-yet", [es(2, baseline=0.1)], "keras-3.15", {"val_loss": FALLING}),
        ("baseline-not-met-yet", [es(5, baseline=0.65)], "keras-3.15", {"val_loss": FALLING}),
        ("baseline-not-met-yet", [es(2, baseline=2.0)], "keras-3.15", {"val_loss": VALLEY}),
        ("zero-patience-stops-at-once", [es(0)], "tf.keras-2.4", {"val_loss": FALLING}),
        ("zero-patience-stops-at-once", [es(0)], "keras-2.12", {"val_loss": FALLING}),
        ("zero-patience-stops-at-once", [es(1)], "tf.keras-2.5", {"val_loss": FALLING}),
        ("zero-patience-stops-at-once", [es(0)], "keras-2.11", {"val_loss": FLAT}),
        ("zero-patience-stops-at-once", [es(2, baseline=0.1)], "tf.keras-2.5", {"val_loss": FALLING}),
        ("mode-against-name", [es(1, mode="min")], "keras-3.15", {"val_loss": FALLING}),
        ("mode-against-name", [es(1, monitor="val_mine", mode="max")], "keras-3.15", {"val_mine": FALLING}),
        ("mode-against-name", [es(9, mode="max")], "keras-3.15", {"val_loss": FLAT}),
        ("mode-against-name", [es(1)], "keras-3.15", {"val_loss": FALLING}),
        ("min-delta-too-large", [es(1, min_delta=0.4)], "keras-3.15", {"val_loss": FALLING}),
        ("min-delta-too-large", [rlr(2, epsilon=0.5)], "keras-3.15", {"val_loss": FALLING}),
        ("epsilon-ignored", [rlr(2, epsilon=0.5)], "tf_keras-2.21", {"val_loss": FALLING}),
        ("epsilon-ignored", [rlr(2, epsilon=0.05)], "keras-3.15", {"val_loss": FALLING}),
        ("epsilon-ignored", [rlr(2)], "keras-3.15", {"val_loss": FALLING}),
        ("min-delta-too-large", [es(1, min_delta=5)], "keras-3.15", {"val_loss": FLAT}),
        ("min-delta-too-large", [es(1, min_delta=5)], "keras-3.15", {"val_loss": [NAN, 1.0]}),
        ("min-delta-too-large", [es(1, min_delta=-5)], "keras-2.3", {"val_loss": FALLING}),
        ("cooldown-of-one", [rlr(1, cooldown=1)], "keras-3.15", {"val_loss": FALLING}),
        ("cooldown-of-one", [rlr(1, cooldown=2)], "keras-3.15", {"val_loss": FLAT}),
        ("cooldown-of-one", [rlr(5, cooldown=1)], "keras-3.15", {"val_loss": FLAT}),
        ("cooldown-of-one", [es(1, monitor="loss"), rlr(1, cooldown=1)], "keras-3.15",
         {"loss": FLAT, "val_loss": FLAT}),
        ("schedule-overwrites-reduction", [LearningRateScheduler(halved_every_epoch), rlr(2)], "keras-3.15",
         {"val_loss": FLAT}),
        ("schedule-overwrites-reduction", [LearningRateScheduler(set_by_epoch), rlr(7)], "keras-3.15",
         {"val_loss": FLAT}),
        ("checkpoint-listed-too-early", [rlr(), ModelCheckpoint("{learning_rate:.3f}.keras")], "keras-3.15",
         {"val_loss": FLAT}),
        ("checkpoint-listed-too-early", [ModelCheckpoint("{val_acc:.3f}.keras"), rlr()], "keras-3.15",
         {"val_loss": FLAT}),
        ("checkpoint-overwritten", [ModelCheckpoint("{epoch}.keras")], "keras-3.15", {"val_loss": VALLEY}),
        ("checkpoint-overwritten", [best_only()], "keras-3.15", {"val_loss": VALLEY}),
        ("checkpoint-overwritten", [ModelCheckpoint("w.keras")], "keras-3.15", {"val_loss": FALLING}),
        ("checkpoint-overwritten", [ModelCheckpoint("w.keras")], "keras-3.15", {"val_loss": FLAT}),
    ],
)  # fmt: skip
def test_a_lint_is_silent_where_it_does_not_matter(code, callbacks, version, columns):
    """The behaviour is not there in that version, or changes nothing in that recording."""
    assert code not in said(callbacks, version, **columns)


@pytest.mark.parametrize("lacking", ["rows", "values"])
def test_epochs_that_are_not_recorded_are_not_called_unvalidated(lacking):
    """A log of every third epoch, as of TensorBoard(update_freq=N), does not show whether the others validated."""
    every = [Epoch(index, {"loss": 1.0, "val_loss": 1.0} if index % 3 == 2 else {}) for index in range(30)]
    epochs = tuple(epoch for epoch in every if epoch.logs or lacking == "values")
    recorded = Stream(epochs, {})
    run = replayed(recorded, [es(3)])
    assert "patience-counts-validations" not in [lint.code for lint in lints([es(3)], recorded, semantics(), run)]


@pytest.mark.parametrize(
    ("code", "callbacks", "remedied", "version", "columns"),
    [
        ("reduced-rate-unused", [es(3), rlr(3)], [es(6), rlr(3)], "keras-3.15", {"val_loss": FLAT}),
        ("metric-other-name", [es(monitor="acc")], [es(monitor="accuracy")], "keras-3.15", {"accuracy": FLAT}),
        ("auto-mode-differs", [es(1, monitor="val_auc")], [es(1, monitor="val_auc", mode="max")], "keras-2.6",
         {"val_auc": [0.5, 0.6, 0.7]}),
        ("min-lr-unreachable", [rlr(1, min_lr=0.001)], [rlr(1, min_lr=0.0010000000474974513)], "tf.keras-2.4",
         {"val_loss": FLAT}),
        ("min-lr-at-start", [rlr(2, min_lr=0.1)], [rlr(2, min_lr=0.05)], "keras-3.15", {"val_loss": FLAT}),
        ("checkpoint-batch-saves", [best_only(save_freq=9)], [best_only()], "keras-3.15", {"val_loss": FLAT}),
        ("patience-counts-validations", [es(2)], [es(1)], "keras-3.15", {"loss": [1.0] * 20, "val_loss": EVERY_5TH}),
        ("first-nan-unbeaten", [es(3)], [es(3, start_from_epoch=1)], "keras-3.15", {"val_loss": [NAN, *FALLING]}),
        ("first-nan-unbeaten", [best_only()], [best_only(initial_value_threshold=math.inf)], "keras-3.15",
         {"val_loss": [NAN, *FALLING]}),
        ("first-nan-unbeaten", [best_only(monitor="val_auc")],
         [best_only(monitor="val_auc", initial_value_threshold=-math.inf)], "keras-3.15", {"val_auc": [NAN, *FALLING]}),
        ("mode-against-name", [es(1, mode="max")], [es(1, mode="min")], "keras-3.15", {"val_loss": FALLING}),
        ("epsilon-ignored", [rlr(2, epsilon=0.15)], [rlr(2, min_delta=0.15)], "keras-3.15", {"val_loss": FALLING}),
        ("min-delta-too-large", [es(1, min_delta=1)], [es(1, min_delta=0.05)], "keras-3.15", {"val_loss": FALLING}),
        ("weights-not-restored", [es(9, restore_best_weights=True)], [es(9, restore_best_weights=True), best_only()],
         "keras-2.15", {"val_loss": VALLEY}),
        ("baseline-not-met-yet", [es(2, baseline=0.65)], [es(5, baseline=0.65)], "keras-2.3", {"val_loss": FALLING}),
        ("zero-patience-stops-at-once", [es(0)], [es(1)], "keras-2.7", {"val_loss": FALLING}),
        ("cooldown-of-one", [rlr(1, cooldown=1)], [rlr(1, cooldown=2)], "keras-3.15", {"val_loss": FLAT}),
        ("schedule-overwrites-reduction", [LearningRateScheduler(set_by_epoch), rlr(2)],
         [LearningRateScheduler(halved_every_epoch), rlr(2)], "keras-3.15", {"val_loss": FLAT}),
        ("checkpoint-listed-too-early", [ModelCheckpoint("{learning_rate}.keras"), rlr()],
         [rlr(), ModelCheckpoint("{learning_rate}.keras")], "keras-3.15", {"val_loss": FLAT}),
        ("checkpoint-overwritten", [ModelCheckpoint("w.keras")], [ModelCheckpoint("{epoch}.keras")], "keras-3.15",
         {"val_loss": VALLEY}),
    ],
)  # fmt: skip
def test_the_remedy_silences_the_lint(code, callbacks, remedied, version, columns):
    """Whoever does what the sentence says does not hear it again."""
    assert code in said(callbacks, version, **columns)
    assert said(remedied, version, **columns).get(code) is None


@pytest.mark.parametrize("version", known_semantics())
def test_defaults_on_a_falling_loss_give_no_lint(version):
    """Nothing is wrong, so nothing is said, in any version that trains on with patience 0."""
    of_version = semantics(version)
    tests_improving = of_version.early_stopping_baseline_by_wait and not of_version.early_stopping_improving_never_stops
    patience = 1 if tests_improving else 0
    callbacks = [es(patience), rlr(), best_only(), ModelCheckpoint("w.keras"), TerminateOnNaN()]
    assert said(callbacks, version, loss=FALLING, val_loss=FALLING) == {}


LISTS = [[EarlyStopping()], [ReduceLROnPlateau()], [best_only()], [TerminateOnNaN()], [es(25), rlr(), best_only()]]


@pytest.mark.parametrize(
    ("run", "callbacks", "codes"),
    [("keras3-validation-freq", [rlr()], {"patience-counts-validations"})],
)
def test_a_sample_run_with_defaults_is_spoken_of(sample_logs, run, callbacks, codes):
    """The one sample run in which a default means something else than it seems."""
    for recording in read(sample_logs / run):
        recorded = stream_of(recording.fits[0])
        found = lints(callbacks, recorded, semantics(), replayed(recorded, callbacks))
        assert {lint.code for lint in found} == codes


@pytest.mark.parametrize("callbacks", LISTS, ids=lambda callbacks: "+".join(callback.name for callback in callbacks))
def test_defaults_on_the_sample_runs_are_not_nagged(sample_logs, callbacks):
    """Apart from the validations that come every fifth epoch, real trainings with defaults give no lint."""
    recordings = read(sample_logs)
    assert len({recording.name for recording in recordings}) == 9
    spoken = set()
    for recording in recordings:
        for fit in recording.fits:
            recorded = stream_of(fit)
            spoken |= {
                (recording.name, lint.code)
                for lint in lints(callbacks, recorded, semantics(), replayed(recorded, callbacks))
            }
    assert {name for name, _ in spoken} <= {"keras3-validation-freq"}, spoken


VALUES = st.lists(st.one_of(st.sampled_from([0.5, 1.0, 1.5, 2.0]), st.just(NAN), st.none()), min_size=1, max_size=25)
PATIENCE = st.integers(0, 6)
VERSIONS = st.sampled_from(known_semantics())
MODES = st.sampled_from(["auto", "min", "max"])
CALLBACKS = st.one_of(
    st.builds(
        EarlyStopping,
        monitor=st.sampled_from(["val_loss", "val_auc", "val_acc"]),
        patience=PATIENCE,
        min_delta=st.sampled_from([0, 0.5, 5]),
        mode=MODES,
        baseline=st.sampled_from([None, 0.75]),
        restore_best_weights=st.booleans(),
        start_from_epoch=st.integers(0, 3),
    ),
    st.builds(
        ReduceLROnPlateau,
        monitor=st.sampled_from(["val_loss", "val_auc"]),
        patience=PATIENCE,
        cooldown=st.integers(0, 2),
        mode=MODES,
        min_delta=st.sampled_from([1e-4, 5]),
        epsilon=st.sampled_from([None, 0.5, 5]),
        min_lr=st.sampled_from([0.0, 0.001, 0.1]),
    ),
    st.builds(
        ModelCheckpoint,
        filepath=st.sampled_from(["w.keras", "w.h5", "{epoch}.keras", "{lr}.keras", "{learning_rate}.keras"]),
        monitor=st.sampled_from(["val_loss", "val_auc", "val_acc"]),
        save_best_only=st.booleans(),
        mode=MODES,
        save_freq=st.sampled_from(["epoch", 7]),
    ),
    st.just(LearningRateScheduler(set_by_epoch)),
    st.just(TerminateOnNaN()),
)


@example(
    [
        EarlyStopping(start_from_epoch=2),
        EarlyStopping(patience=3, restore_best_weights=True),
        EarlyStopping(patience=3, restore_best_weights=True, start_from_epoch=1),
    ],
    [NAN, NAN, NAN],
    "tf.keras-2.5",
    False,
)
@given(st.lists(CALLBACKS, min_size=1, max_size=4), VALUES, VERSIONS, st.booleans())
def test_every_lint_names_its_epoch_and_its_callbacks(callbacks, values, version, renamed):
    """Whatever is replayed: lints raise nothing, point into the list and the recording, and name their epoch."""
    accuracy = "val_accuracy" if renamed else "val_acc"
    columns = {"loss": [1.0] * len(values), "val_loss": values, "val_auc": values[::-1], accuracy: values}
    for lint in said(callbacks, version, **columns).values():
        assert lint.index is None or 0 <= lint.index < len(values)
        assert lint.index is None or str(lint.index + 1) in lint.text
        assert all(0 <= position < len(callbacks) for position in lint.positions)


def test_a_callback_that_keras_refuses_is_no_obstacle():
    """Where the constructor raises there is nothing to say of that callback, and of those after it."""
    assert said([ModelCheckpoint("w.ckpt"), es(1)], "keras-3.15", val_loss=FLAT) == {}


def test_nothing_recorded_gives_no_lint():
    """A fit without epochs is nothing to speak of."""
    nothing = Stream((), {})
    assert lints([es()], nothing, semantics(), replayed(nothing, [es()])) == ()


# Few of the random series end so; those that do are what is asked about.
@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(VALUES, PATIENCE, PATIENCE, st.sampled_from([0, 0.5]), VERSIONS)
def test_unused_rate_is_true_of_the_rows(values, stops, reduces, min_delta, version):
    """Said that no epoch is trained at a reduced rate, every row has the initial one."""
    callbacks = [es(stops, min_delta=min_delta), rlr(reduces)]
    recorded = stream(loss=[1.0] * len(values), val_loss=values)
    run = replayed(recorded, callbacks, version)
    spoken = any(lint.code == "reduced-rate-unused" for lint in lints(callbacks, recorded, behaviours(version), run))
    assume(spoken)
    assert {row.lr_begin for row in run.rows} == {run.rows[0].lr_begin}
    assert run.rows[-1].stoppers == (0,)


# Few of the random series end so; those that do are what is asked about.
@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(VALUES, PATIENCE, VERSIONS)
def test_equal_patience_on_a_plateau_is_always_spoken_of(values, patience, version):
    """When the first reduction comes in the epoch of the stop, it is said."""
    callbacks = [es(patience), rlr(patience, min_delta=0)]
    recorded = stream(loss=[1.0] * len(values), val_loss=values)
    run = replayed(recorded, callbacks, version)
    reduced = [row.index for row in run.rows if row.lr != row.lr_begin]
    assume(run.rows[-1].stoppers and reduced == [run.rows[-1].index])
    assert "reduced-rate-unused" in said(callbacks, version, loss=[1.0] * len(values), val_loss=values)


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(VALUES, PATIENCE, st.sampled_from([0.5, 1, 2]), VERSIONS)
@pytest.mark.slow
def test_a_min_delta_that_is_too_large_lets_nothing_improve(values, patience, min_delta, version):
    """Said so, the first value is the only improvement that there is."""
    callbacks = [es(patience, min_delta=min_delta)]
    columns = {"loss": [1.0] * len(values), "val_loss": values}
    assume("min-delta-too-large" in said(callbacks, version, **columns))
    run = replayed(stream(**columns), callbacks, version)
    assert sum(isinstance(event, Improved) for row in run.rows for event in row.events[0]) <= 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_is_documented(rule):
    """A rule says in one line of what it speaks."""
    assert rule.__doc__.startswith("Speak ")


def test_a_mode_that_no_keras_knows_is_spoken_of():
    """Keras warns and falls back to auto; so does the replay, and it says so."""
    lint = said([es(2, mode="mni")], val_loss=VALLEY)["mode-unknown"]
    assert 'knows no mode="mni": Keras warns and takes auto, which is "min" here' in lint.text
    assert "mode-unknown" not in said([es(2, mode="min")], val_loss=VALLEY)


@pytest.mark.parametrize(("version", "speaks"), [("keras-3.15", True), ("tf_keras-2.21", False), ("keras-2.2.4", True)])
def test_a_schedule_object_is_spoken_of_where_keras_refuses_it(version, speaks):
    """tf.keras took tensors; Keras 3 wants a float."""
    callbacks = [LearningRateScheduler(ExponentialDecay(0.1, 10, 0.5))]
    assert ("schedule-returns-tensor" in said(callbacks, version, val_loss=VALLEY)) is speaks
