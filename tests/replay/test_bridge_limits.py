"""What a callback of the user's own looks at beside the recording, or never gets to see, is never called exact."""

from __future__ import annotations

import datetime as dt
import time
from datetime import datetime as imported_datetime
from time import perf_counter as imported_clock

import numpy as np
import pytest

from kcb_replay import Recording, replay
from kcb_replay.errors import NotInRecordingError
from kcb_replay.ingest.recording import Fit, Series, Source
from kcb_replay.replay.bridge.watch import recorded_moments
from kcb_replay.replay.callbacks import EarlyStopping

pytestmark = pytest.mark.keras
LIBRARIES = pytest.mark.parametrize("library", ["keras", "tf_keras"])
LOSSES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
# The first epoch ends at 1,000 seconds, the others take ten each.
ENDS = tuple(1000.0 + 10.0 * index for index in range(len(LOSSES)))


def recording(ends=None, *, names=("loss", "val_loss"), first=0):
    """Return a recording of a loss that falls, with or without the times at which epochs ended."""
    valid = np.ones(len(LOSSES), np.bool_)
    metrics = {name: Series(np.array(LOSSES), valid.copy(), name, "mem") for name in names}
    times = None if ends is None else Series(np.array(ends), valid.copy(), "wall_time", "mem")
    epochs = np.arange(first, first + len(LOSSES))
    return Recording("mine", (Source("mem", "csvlogger", 0, 0, "", "test"),), (Fit(epochs, metrics, times),))


def callback_of(library, **hooks):
    """Return a callback with these hooks."""
    real = pytest.importorskip(library)
    return type("Mine", (real.callbacks.Callback,), hooks)()


def time_stopping(library, clock, seconds):
    """Return TimeStopping as tensorflow_addons has it."""

    def on_train_begin(self, logs=None):
        self.stopping_time = clock() + seconds

    def on_epoch_end(self, epoch, logs=None):
        if clock() >= self.stopping_time:
            self.model.stop_training = True

    return callback_of(library, on_train_begin=on_train_begin, on_epoch_end=on_epoch_end)


CLOCKS = {
    "time.time": (lambda: time.time(), 1),  # noqa: PLW0108  # found when it is called
    "time.time_ns": (lambda: time.time_ns(), 10**9),  # noqa: PLW0108
    "time.monotonic": (lambda: time.monotonic(), 1),  # noqa: PLW0108
    "time.perf_counter": (imported_clock, 1),
    "datetime.now": (lambda: dt.datetime.now(), dt.timedelta(seconds=1)),  # noqa: DTZ005, PLW0108
    "datetime.utcnow": (lambda: imported_datetime.utcnow(), dt.timedelta(seconds=1)),  # noqa: DTZ003, PLW0108
}


def read_imported():
    """Look at a clock that was imported by its name."""
    return imported_clock()


@LIBRARIES
@pytest.mark.parametrize("name", CLOCKS)
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")
def test_the_recorded_wall_times_drive_the_clock(library, name):
    """TimeStopping(35 s) stops after four epochs of ten seconds, and is not called exact."""
    clock, unit = CLOCKS[name]
    clock = read_imported if name == "time.perf_counter" else clock
    before = (time.time, dt.datetime, imported_clock)
    answer = replay(recording(ENDS), [time_stopping(library, clock, 35 * unit)])
    assert (answer.stop_index, answer.validity.label) == (3, "hypothetical")
    assert f"Mine reads a clock ({name}): it saw the recorded wall times" in answer.validity.reason
    assert (time.time, dt.datetime, imported_clock) == before


@LIBRARIES
@pytest.mark.parametrize("ends", [None, ENDS[::-1], (*ENDS[:3], float("nan"), *ENDS[4:])])
def test_without_wall_times_it_is_said_that_the_clock_is_that_of_the_replay(library, ends):
    """No label says exact, and the reason names the clock."""
    answer = replay(recording(ends), [time_stopping(library, time.time, 35), EarlyStopping(patience=3)])
    assert {outcome.validity.label for outcome in answer.outcomes} == {"hypothetical"}
    assert "the recording does not say when its epochs ended" in answer.validity.reason
    assert any("Mine reads a clock (time.time)" in note for note in answer.notes)


def test_clocks_that_others_look_at_do_not_count():
    """Keras, logging and a time that is given are no decision of the callback."""
    import logging

    def on_epoch_end(self, epoch, logs=None):
        logging.getLogger("of a test").warning("epoch %d", epoch)
        time.strftime("%Y", time.localtime(0))
        assert isinstance(imported_datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime)
        assert isinstance(imported_datetime(2020, 1, 1, tzinfo=dt.UTC), dt.date)

    answer = replay(recording(ENDS), [callback_of("keras", on_epoch_end=on_epoch_end)])
    assert answer.outcomes[0].validity.label == "exact"


def test_a_callback_that_waits_is_not_waited_for_forever():
    """A clock that stands still goes on when it is asked again and again."""

    def on_epoch_end(self, epoch, logs=None):
        until = time.monotonic() + 5
        while time.monotonic() < until:
            pass

    answer = replay(recording(ENDS), [callback_of("keras", on_epoch_end=on_epoch_end)])
    assert answer.epochs_run == len(LOSSES)


def test_the_beginning_is_one_median_epoch_before_the_first_end():
    """What is not recorded is estimated from what is, or not at all."""
    assert recorded_moments({3: 100.0, 4: 110.0, 5: 120.0, 6: 190.0}) == {
        None: 90.0, 3: 100.0, 4: 110.0, 5: 120.0, 6: 190.0
    }  # fmt: skip
    assert recorded_moments({0: 100.0}) == recorded_moments({0: 1.0, 1: None, 2: 3.0}) == {}


@LIBRARIES
def test_global_random_numbers_are_noted(library):
    """Those of a generator of its own are the callback's, and the same each time."""
    own, shared = np.random.default_rng(1), np.random

    def drawing(source):
        return callback_of(library, on_epoch_end=lambda self, epoch, logs=None: source.normal())

    labels = [replay(recording(), [drawing(source)]).outcomes[0].validity for source in (own, shared)]
    assert [validity.label for validity in labels] == ["exact", "hypothetical"]
    assert "draws from the global random numbers" in labels[1].reason


@LIBRARIES
@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_batch_begin", "on_test_batch_end"])
def test_batch_hooks_that_never_ran_are_a_limit_of_the_whole_list(library, hook):
    """They might have stopped the training or changed its rate, which every callback would have seen."""
    mine = callback_of(library, **{hook: lambda self, batch, logs=None: None})
    answer = replay(recording(), [mine, EarlyStopping(patience=3)])
    assert [outcome.validity.label for outcome in answer.outcomes] == ["hypothetical", "hypothetical"]
    assert f"Mine has {hook}, never called here" in answer.validity.reason
    assert any(f"Mine has {hook}, never called here" in note for note in answer.notes)


def test_hooks_that_fit_would_not_call_either_are_no_limit():
    """Without validation there are no batches of it, and fit does not predict."""
    hooks = dict.fromkeys(("on_test_batch_end", "on_predict_batch_end", "on_predict_end"), lambda *_, **__: None)
    answer = replay(recording(names=("loss",)), [callback_of("keras", **hooks)])
    assert answer.outcomes[0].validity.label == "exact"
    assert not any("never called" in note for note in answer.notes)


def test_missing_batches_of_a_checkpoint_of_keras_touch_no_other():
    """It only saves files; its own answer is not exact."""
    keras = pytest.importorskip("keras")
    checkpoint = keras.callbacks.ModelCheckpoint("w.keras", save_freq=3)
    answer = replay(recording(), [checkpoint, EarlyStopping(monitor="val_loss", patience=3)])
    assert [outcome.validity.label for outcome in answer.outcomes] == ["hypothetical", "undecided"]


@LIBRARIES
def test_the_optimizer_counts_batches_where_their_number_is_known(library):
    """iterations is what it is in fit, in every hook; a counter that was fetched before counts on."""
    seen, kept = [], []

    def note(self, name):
        kept.append(self.model.optimizer.iterations)
        seen.append((name, int(kept[-1])))

    hooks = {
        "on_train_begin": lambda self, logs=None: note(self, "begins"),
        "on_epoch_begin": lambda self, epoch, logs=None: note(self, f"{epoch} begins"),
        "on_train_batch_begin": lambda self, batch, logs=None: note(self, f"batch {batch}"),
        "on_train_batch_end": lambda self, batch, logs=None: note(self, f"batch {batch} done"),
        "on_epoch_end": lambda self, epoch, logs=None: note(self, f"{epoch} ends"),
        "on_train_end": lambda self, logs=None: note(self, "ends"),
    }
    real = pytest.importorskip(library)
    model = real.Sequential([real.layers.Dense(1)])
    model.compile(real.optimizers.SGD(), "mse")
    mine = callback_of(library, **hooks)
    model.fit(np.zeros((6, 1)), np.zeros((6, 1)), batch_size=2, epochs=len(LOSSES), verbose=0, callbacks=[mine])
    expected, seen[:], kept[:] = list(seen), [], []

    answer = replay(recording(names=("loss",)), [callback_of(library, **hooks)], steps_per_epoch=3)
    assert seen == expected
    assert {int(counter) for counter in kept} == {3 * len(LOSSES)}
    assert any("reads model.optimizer.iterations" in note for note in answer.notes)


@LIBRARIES
@pytest.mark.parametrize(
    ("first", "steps", "said"),
    [(0, None, "how many batches an epoch has is not recorded"), (4, 3, "how many batches were trained before this")],
)
def test_an_optimizer_without_a_count_is_refused_by_name(library, first, steps, said):
    """A number that is not recorded is not made up."""
    mine = callback_of(library, on_epoch_end=lambda self, epoch, logs=None: self.model.optimizer.iterations)
    with pytest.raises(NotInRecordingError, match=f"Mine uses model.optimizer.iterations: {said}"):
        replay(recording(first=first), [mine], steps_per_epoch=steps)


@LIBRARIES
@pytest.mark.parametrize(
    "hooks",
    [
        {"on_train_batch_end": lambda self, batch, logs=None: logs["loss"]},
        {"on_train_batch_end": lambda self, batch, logs=None: logs.get("loss")},
        {"on_train_batch_end": lambda self, batch, logs=None: dict(logs)["loss"]},
        {"on_train_batch_end": lambda self, batch, logs=None: "loss" in logs},
    ],
)
def test_metrics_of_batches_of_which_only_the_place_is_known_are_refused(library, hooks):
    """Their absence is not passed off as a KeyError of Keras, nor as None."""
    with pytest.raises(NotInRecordingError, match="the metrics of single batches are not recorded"):
        replay(recording(), [callback_of(library, **hooks)], steps_per_epoch=3)


@LIBRARIES
def test_the_number_of_batches_in_params_is_refused_where_it_is_not_known(library):
    """With it given, params holds it."""
    steps = []
    mine = callback_of(library, on_epoch_end=lambda self, epoch, logs=None: steps.append(self.params["steps"]))
    with pytest.raises(NotInRecordingError, match=r'Mine uses params\["steps"\]'):
        replay(recording(), [mine])
    replay(recording(), [mine], steps_per_epoch=3)
    assert steps == [3] * len(LOSSES)


@LIBRARIES
@pytest.mark.parametrize("stops", [False, True])
def test_weights_put_back_in_the_middle_are_a_limit(library, stops):
    """The training goes on from them along another curve; at its end nothing follows."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            self.kept = self.model.get_weights()
        if epoch == 4:
            self.model.set_weights(self.kept)
            self.model.stop_training = stops

    answer = replay(recording(), [callback_of(library, on_epoch_end=on_epoch_end), EarlyStopping(patience=3)])
    if stops:
        assert answer.validity.label == "exact"
    else:
        assert (answer.validity.label, answer.validity.valid_through_index) == ("hypothetical", 4)
        assert "Mine puts the weights of epoch 2 back after epoch 5" in answer.validity.reason
