"""Learning rates that are NaN or infinite: the engine beside the classes of the Keras installed here."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.replay.bridge.real_keras import installed
from kcb_replay.replay.callbacks import LearningRateScheduler, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import LearningRateAtFloor, LearningRateReduced, LearningRateSet
from kcb_replay.replay.learning_rates import is_same_rate
from kcb_replay.replay.replay import replay
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Epoch
from kcb_replay.replay.verdicts.sweep import sweep

LIBRARIES = pytest.mark.parametrize("library", ["keras", "tf_keras"])
FLAT = [1.25, 2.25, 2.5, 2.5, 1.0, 2.5, 2.5]


def from_epoch(first, rate):
    """Return a schedule that halves the rate, and gives another one from an epoch on."""
    return lambda epoch, lr: rate if epoch >= first else lr / 2


CASES = [
    pytest.param(0.1, from_epoch(1, math.nan), {}, FLAT, id="a schedule returns NaN"),
    pytest.param(0.1, from_epoch(2, math.nan), {"cooldown": 2}, FLAT, id="NaN during a cooldown"),
    pytest.param(0.1, from_epoch(1, math.inf), {}, FLAT, id="a schedule returns infinity"),
    pytest.param(math.nan, None, {}, FLAT, id="NaN from the start"),
    pytest.param(math.nan, None, {"min_lr": -1.0}, FLAT, id="NaN is above no min_lr"),
    pytest.param(math.inf, None, {"factor": 0.0}, FLAT, id="infinity times 0"),
    pytest.param(math.inf, None, {"factor": 0.5}, FLAT, id="infinity"),
    pytest.param(math.inf, None, {"factor": -0.5, "min_lr": -math.inf}, FLAT, id="minus infinity"),
    pytest.param(-math.inf, None, {"factor": 0.5, "min_lr": 1e-3}, FLAT, id="below min_lr"),
    pytest.param(0.1, None, {"min_lr": math.inf}, FLAT, id="an infinite min_lr"),
    pytest.param(0.1, from_epoch(1, math.nan), {}, [math.nan] * 6, id="nothing but NaN"),
]


def real_answer(library, initial_lr, schedule, settings, losses):
    """Return state and rate after each epoch, of the real classes behind the real CallbackList and a real model."""
    keras = pytest.importorskip(library)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    plateau = keras.callbacks.ReduceLROnPlateau(patience=1, **settings)
    scheduled = [keras.callbacks.LearningRateScheduler(schedule)] if schedule else []
    callbacks = keras.callbacks.CallbackList([*scheduled, plateau], model=model)
    model.optimizer.learning_rate.assign(initial_lr)
    callbacks.on_train_begin()
    answer = []
    for epoch, loss in enumerate(losses):
        callbacks.on_epoch_begin(epoch)
        callbacks.on_epoch_end(epoch, {"val_loss": loss})
        rate = float(np.array(model.optimizer.learning_rate.numpy()))
        answer.append((plateau.best, plateau.wait, plateau.cooldown_counter, rate))
    return answer


def replayed(version, initial_lr, schedule, settings, losses):
    """Return the replay of the same."""
    callbacks = [ReduceLROnPlateau(patience=1, **settings)]
    callbacks = [LearningRateScheduler(schedule), *callbacks] if schedule else callbacks
    epochs = [Epoch(index, {"val_loss": loss}) for index, loss in enumerate(losses)]
    return run_fit(epochs, callbacks, Context(semantics(version), direction_of), initial_lr=initial_lr)


@pytest.mark.keras
@LIBRARIES
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("initial_lr", "schedule", "settings", "losses"), CASES)
def test_states_and_rates_are_those_of_the_real_class(library, initial_lr, schedule, settings, losses):
    """Best, wait, cooldown and learning rate after every epoch."""
    expected = real_answer(library, initial_lr, schedule, settings, losses)
    run = replayed(installed(library, "A test").semantics, initial_lr, schedule, settings, losses)
    states = [(row.states[-1], row.lr) for row in run.rows]
    got = [(state.reference, state.wait, state.cooldown_counter, rate) for state, rate in states]
    assert repr(got) == repr(expected)


@pytest.mark.parametrize("version", ["keras-2.0.8", "keras-2.2.4", "tf.keras-2.4", "tf_keras-2.21", "keras-3.15"])
def test_a_rate_of_nan_is_not_reduced(version):
    """What a schedule has set to NaN stays NaN, and the wait goes on growing, as it does at min_lr."""
    run = replayed(version, 0.1, from_epoch(1, math.nan), {}, FLAT[:4]) if version != "keras-2.0.8" else replayed(
        version, math.nan, None, {}, FLAT[:4]
    )  # fmt: skip
    kinds = {type(event) for row in run.rows for event in row.events[-1]}
    assert (LearningRateReduced in kinds, LearningRateAtFloor in kinds) == (False, True)
    assert run.rows[-1].states[-1].wait == 3


def test_a_schedule_that_goes_on_with_nan_sets_nothing():
    """NaN after NaN is no other rate: one event, not one an epoch."""
    run = replayed("keras-3.15", 0.1, from_epoch(1, math.nan), {}, FLAT)
    assert [event.index for row in run.rows for event in row.events[0] if isinstance(event, LearningRateSet)] == [0, 1]


def recording_of(losses, rates):
    """Return a run with a recorded learning rate."""
    metrics = {"val_loss": losses, "learning_rate": rates}
    there = np.ones(len(losses), np.bool_)
    series = {name: Series(np.array(values), there, tag=name, source="x") for name, values in metrics.items()}
    return Recording("run", (), (Fit(np.arange(len(losses)), series),))


def test_a_recorded_nan_is_the_replayed_one():
    """A recording whose rate is NaN throughout is what a replay from NaN sees: exact, and so in a sweep."""
    recording = recording_of(FLAT, [math.nan] * len(FLAT))
    one = replay(recording, [ReduceLROnPlateau(patience=1)])
    assert (one.horizon, one.outcomes[0].drops) == (None, ())
    (record,) = sweep([recording], ReduceLROnPlateau, patience=[1]).to_arrow().to_pylist()
    assert (record["drops"], record["validity"]) == (0, one.outcomes[0].validity.label)
    assert math.isnan(record["final_lr"])


@pytest.mark.parametrize(("recorded", "replayed_rate", "same"), [(0.1, math.nan, False), (math.nan, 0.1, False)])
def test_nan_is_no_other_rate(recorded, replayed_rate, same):
    """It equals itself alone."""
    assert is_same_rate(recorded, replayed_rate, None) is same


def test_words_do_not_call_nan_a_floor(cli, tmp_path):
    """`explain` says why nothing is reduced."""
    log = tmp_path / "run.csv"
    log.write_text("epoch,loss,val_loss\n" + "".join(f"{epoch},1.0,{loss}\n" for epoch, loss in enumerate(FLAT)))
    said = cli("explain", log, "--lr-patience", 1, "--initial-lr", "nan").stdout
    assert "Learning rate nan is above no min_lr, so Keras does not reduce it." in said
    assert "is at min_lr" not in said
