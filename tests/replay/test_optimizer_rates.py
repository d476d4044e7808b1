"""Learning rates that are integers or schedules of the optimizer: the engine beside real fits of tiny models."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import kcb_replay as kcb
from kcb_replay import ExponentialDecay, IntegerRate, KerasWouldRaiseError, ReduceLROnPlateau, SettingError
from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.replay.bridge.real_keras import installed
from kcb_replay.replay.callbacks import LearningRateScheduler
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.learning_rates import ScheduledRate
from kcb_replay.replay.replay import simulate
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.settings_text import parse_rate
from kcb_replay.replay.stream import Epoch

STEPS = 3
DECAY = ExponentialDecay(0.1, 3, 0.5)
REDUCING = {"monitor": "loss", "patience": 1, "min_delta": 1e9}


def real_rates(library, optimizer, callbacks, epochs=5):
    """Return the rate that real callbacks see when each epoch ends, that after it, and the error and its epoch."""
    keras = pytest.importorskip(library)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer(keras), "mse")

    def rate():
        return float(np.array(model.optimizer.learning_rate.numpy()))

    ends, after = [], []
    first = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(rate()))
    last = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: after.append(rate()))
    data = np.ones((2 * STEPS, 1), "float32"), np.ones((2 * STEPS, 1), "float32")
    error = None
    try:
        model.fit(*data, batch_size=2, epochs=epochs, verbose=0, callbacks=[first, *callbacks(keras), last])
    except Exception as raised:  # noqa: BLE001  # whatever it is
        error = type(raised).__name__, len(ends) - 1
    return ends, after, error


def replayed(version, rate, callbacks, epochs=5):
    """Return the replay of the same."""
    stream = [Epoch(index, {"loss": 1.0}) for index in range(epochs)]
    return run_fit(stream, callbacks, Context(semantics(version), direction_of), initial_lr=rate)


def plateau(keras):
    """Return a real ReduceLROnPlateau that reduces whenever it can."""
    return [keras.callbacks.ReduceLROnPlateau(**REDUCING)]


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("given", [1, 2, 10])
@pytest.mark.parametrize("factor", [0.1, 0.5, 0.6])
def test_an_integer_rate_is_cut_off_as_by_a_legacy_optimizer(given, factor):
    """SGD(1) holds an int32: its first reduction makes it 0."""
    made = lambda keras: [keras.callbacks.ReduceLROnPlateau(**REDUCING, factor=factor)]  # noqa: E731
    _, after, error = real_rates("tf_keras", lambda keras: keras.optimizers.legacy.SGD(given), made)
    version = installed("tf_keras", "A test").semantics
    run = replayed(version, IntegerRate(given), [ReduceLROnPlateau(**REDUCING, factor=factor)])
    assert ([row.lr for row in run.rows], error) == (after, None)


KINDS = [(math.nan, "ValueError"), (math.inf, "OverflowError"), (1e10, "OverflowError")]


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("rate", "kind"), KINDS)
def test_what_an_integer_cannot_hold_is_the_error_of_the_real_one(rate, kind):
    """A schedule that returns NaN, infinity, or more than 32 bits hold."""
    made = lambda keras: [keras.callbacks.LearningRateScheduler(lambda epoch, lr: rate)]  # noqa: E731
    *_, error = real_rates("tf_keras", lambda keras: keras.optimizers.legacy.SGD(1), made)
    run = replayed("tf_keras-2.21", IntegerRate(1), [LearningRateScheduler(lambda epoch, lr: rate)])
    assert (error[0], run.error.kind, run.error.stage) == (kind, kind, "on_epoch_begin")


@pytest.mark.parametrize(("version", "final"), [("tf.keras-2.4", 0.0), ("keras-2.2.4", 0.1), ("keras-3.15", 0.1)])
def test_keras_before_and_after_makes_it_a_float(version, final):
    """Only the optimizers of tf.keras keep it an integer."""
    run = replayed(version, IntegerRate(1), [ReduceLROnPlateau(monitor="loss", patience=1)], epochs=3)
    assert run.rows[1].lr == pytest.approx(final)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", ["keras", "tf_keras"])
@pytest.mark.parametrize("patience", [1, 2])
def test_a_scheduled_optimizer_does_as_in_a_real_fit(library, patience):
    """Keras 3 raises TypeError at the first reduction; in tf_keras every reduction is overwritten by the next step."""
    schedule = lambda keras: keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5))  # noqa: E731
    if library == "keras":
        made = lambda keras: [keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=patience, min_delta=1e9)]  # noqa: E731
        ends, after, error = keras_3_rates(schedule, made)
    else:
        made = lambda keras: [keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=patience, min_delta=1e9)]  # noqa: E731
        ends, after, error = real_rates(library, schedule, made)
    version = installed(library, "A test").semantics
    run = replayed(version, ScheduledRate(DECAY, STEPS), [ReduceLROnPlateau("loss", patience=patience, min_delta=1e9)])
    assert [row.lr_logged for row in run.rows] == pytest.approx(ends[: len(run.rows)], rel=1e-6)
    assert [row.lr for row in run.rows] == pytest.approx(after, rel=1e-6)
    assert (run.error and (run.error.kind, run.error.index)) == error


def keras_3_rates(schedule, made):
    """Return what `real_rates` does, of an optimizer whose rate is a tensor."""
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(schedule(keras), "mse")
    rate = lambda: float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))  # noqa: E731
    ends, after = [], []
    first = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(rate()))
    last = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: after.append(rate()))
    data = np.ones((2 * STEPS, 1), "float32"), np.ones((2 * STEPS, 1), "float32")
    with pytest.raises(TypeError, match="LearningRateSchedule"):
        model.fit(*data, batch_size=2, epochs=5, verbose=0, callbacks=[first, *made(keras), last])
    return ends, after, ("TypeError", len(ends) - 1)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_beside_the_schedule_raises_at_once():
    """LearningRateScheduler sets the rate when the first epoch begins: TypeError in Keras 3."""
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)), "mse")
    with pytest.raises(TypeError):
        model.fit(np.ones((2, 1)), np.ones((2, 1)), verbose=0,
                  callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch: 0.3)])  # fmt: skip
    run = replayed("keras-3.15", ScheduledRate(DECAY, STEPS), [LearningRateScheduler(lambda epoch: 0.3)])
    assert (run.error.kind, run.error.stage, run.error.index) == ("TypeError", "on_epoch_begin", 0)


def recording_of(**columns):
    """Return a run with these columns."""
    length = len(next(iter(columns.values())))
    there = np.ones(length, np.bool_)
    metrics = {name: Series(np.array(values), there, tag=name, source="x") for name, values in columns.items()}
    return Recording("run", (), (Fit(np.arange(length), metrics),))


FLAT = [1.0, 2.0, 2.0, 2.0]


def test_the_error_is_that_of_the_first_reduction():
    """Earlier epochs pass; the sentence names the remedy."""
    with pytest.raises(KerasWouldRaiseError, match=r"TypeError in ReduceLROnPlateau.on_epoch_end at epoch 3"):
        kcb.replay(recording_of(val_loss=FLAT), [ReduceLROnPlateau(patience=2)], initial_lr=DECAY, steps_per_epoch=3)


def test_no_reduction_is_no_error_and_exact():
    """Nothing is ever set, so the metrics are those of the recording."""
    one = kcb.replay(recording_of(val_loss=FLAT), [ReduceLROnPlateau(patience=9)], initial_lr=DECAY, steps_per_epoch=3)
    assert (one.horizon, one.run_record.final_lr) == (None, pytest.approx(0.1 * 0.5**4))


def test_a_schedule_without_steps_says_so():
    """The rate of an epoch hangs on the number of its steps."""
    with pytest.raises(SettingError, match="counts steps: give the number of them"):
        kcb.replay(recording_of(val_loss=FLAT), [ReduceLROnPlateau()], initial_lr=DECAY)


@pytest.mark.parametrize(("rates", "index"), [([0.05, 0.025, 0.0125, 0.00625], None), ([0.05, 0.025, 0.02, 0.01], 1)])
def test_recorded_rates_are_held_against_the_schedule(rates, index):
    """Where they are others, the answer holds until there."""
    recording = recording_of(val_loss=FLAT, learning_rate=rates)
    one = kcb.replay(recording, [ReduceLROnPlateau(patience=9)], initial_lr=DECAY, steps_per_epoch=3)
    assert (one.horizon and one.horizon.index) == index


def test_tf_keras_says_that_no_reduction_lasts():
    """The reductions are events, and a note says what becomes of them."""
    one = kcb.replay(recording_of(val_loss=FLAT), [ReduceLROnPlateau(patience=1)], semantics="tf_keras-2.21",
                     initial_lr=DECAY, steps_per_epoch=3)  # fmt: skip
    assert any("overwrites at the next step" in note for note in one.notes)


@pytest.mark.parametrize(
    ("version", "rate", "drops", "said"),
    [
        ("tf.keras-2.4", 1.0, 1, True),
        ("tf_keras-2.21", 1.0, 1, True),
        ("keras-3.15", 1.0, 1, False),
        ("keras-2.2.4", 1.0, 1, False),
        ("tf.keras-2.4", 0.5, 1, False),
        ("tf.keras-2.4", 1.0, 0, False),
        ("tf.keras-2.4", IntegerRate(1), 1, False),
    ],
)
def test_a_whole_rate_that_may_have_been_an_int_is_noted(version, rate, drops, said):
    """Only where the version keeps integers, and something is reduced."""
    one = kcb.replay(recording_of(val_loss=FLAT), [ReduceLROnPlateau(patience=1 if drops else 9)], semantics=version,
                     initial_lr=rate)  # fmt: skip
    assert any("int32(1)" in note and "the first reduction makes it 0" in note for note in one.notes) is said


def test_recorded_fractions_say_that_it_was_none():
    """A recording that goes from 1 to 0.1 had a float."""
    recording = recording_of(val_loss=FLAT, lr=[1.0, 1.0, 0.1, 0.1])
    one = kcb.replay(recording, [ReduceLROnPlateau(patience=1)], semantics="tf.keras-2.4")
    assert not any("int32" in note for note in one.notes)


def test_a_sweep_goes_through_integers_as_replays_do():
    """The engine answers where lanes cannot."""
    recording = recording_of(val_loss=[1.0, *[2.0] * 9])
    found = kcb.sweep([recording], ReduceLROnPlateau, patience=[1, 2], factor=[0.5], semantics="tf.keras-2.4",
                      initial_lr=IntegerRate(4))  # fmt: skip
    assert [(record["drops"], record["final_lr"]) for record in found.to_arrow().to_pylist()] == [(3, 0.0), (3, 0.0)]
    with pytest.raises(SettingError, match="only single replays follow"):
        kcb.sweep([recording], ReduceLROnPlateau, patience=[1], initial_lr=DECAY)


def test_callbacks_that_are_used_again_keep_an_integer():
    """The second fit goes on with the int32 of the first; a schedule is followed through one fit alone."""
    fit = recording_of(val_loss=FLAT).fits[0]
    recording = Recording("run", (), (fit, fit))
    one = simulate([recording], [[ReduceLROnPlateau(patience=1, factor=0.5)]], semantics="tf.keras-2.4",
                   initial_lr=IntegerRate(16), reuse=True)  # fmt: skip
    assert [each.final_lr for each in one.replays] == [2.0, 0.0]
    with pytest.raises(SettingError, match="through one fit"):
        simulate([recording], [[ReduceLROnPlateau(patience=9)]], initial_lr=DECAY, steps_per_epoch=2, reuse=True)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("0.01", 0.01),
        ("1", 1.0),
        ("nan", math.nan),
        ("int32(1)", IntegerRate(1)),
        ("ExponentialDecay(0.1, 3, 0.5)", DECAY),
    ],
)
def test_rates_as_people_write_them(text, rate):
    """Numbers, int32(1), and schedules as in Keras."""
    parsed = parse_rate(text)
    assert repr(parsed) == repr(rate)
    assert type(parsed) is type(rate)


@pytest.mark.parametrize("text", ["abc", "", "int32(1.5)", "int32(True)", "int32()", "ExpDecay(1)", "1+1", "print(1)"])
def test_what_is_no_rate_is_refused(text):
    """With what could have been written."""
    with pytest.raises(SettingError):
        parse_rate(text)


def test_rates_survive_a_pickle():
    """Work is sent to other processes."""
    for rate in (IntegerRate(2), ScheduledRate(DECAY, 3)):
        again = pickle.loads(pickle.dumps(rate))
        assert (type(again), again, str(again)) == (type(rate), rate, str(rate))
