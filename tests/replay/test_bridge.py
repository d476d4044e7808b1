"""Real callbacks over a recording: the hooks of fit in its order, the stand-in for the model, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kcb_replay.errors import KcbReplayError, MissingExtraError, NotInRecordingError, SettingError
from kcb_replay.replay.bridge.real_keras import installed
from kcb_replay.replay.bridge.settings import blind_spots, bridged, bridged_from_code, is_keras_callback
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import (
    CheckpointSaved,
    LearningRateReduced,
    LearningRateSet,
    StopRequested,
    StopWithdrawn,
    TextWritten,
    Warned,
    WeightsRestored,
)
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Batch, Epoch

# Keras's own variables under NumPy 2, in a real training.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
LIBRARIES = pytest.mark.parametrize("library", ["keras", "tf_keras"])
HOOKS = (
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_end",
    "on_epoch_end",
    "on_train_end",
)
LOSSES = (0.5, 0.4, 0.3, 0.35, 0.36, 0.37, 0.38)


@pytest.fixture
def keras():
    """Return Keras 3."""
    return pytest.importorskip("keras")


def context_of(library="keras"):
    """Return the context of what is installed."""
    return Context(semantics(installed(library, "A test").semantics), direction_of)


def run(callbacks, epochs=None, library="keras", lr=0.1):
    """Replay callbacks on a few epochs; real ones are bridged."""
    made = [bridged(item) if is_keras_callback(item) else item for item in callbacks]
    epochs = epochs or [Epoch(index, {"val_loss": loss}) for index, loss in enumerate(LOSSES)]
    return run_fit(epochs, made, context_of(library), initial_lr=lr)


def events(replayed, kind):
    """Return all events of a kind."""
    every = [*(row.events for row in replayed.rows), replayed.finish_events]
    return [event for row in every for per_callback in row for event in per_callback if isinstance(event, kind)]


def callback_of(real, **hooks):
    """Return an object of a new callback class with these hooks, without state."""
    return type("Mine", (real.callbacks.Callback,), hooks)()


def recorder_of(real, acts=None):
    """Return a callback that notes every call of a hook; `acts(callback, hook, epoch)` may then do something."""

    class Recorder(real.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.calls = []
            self.epoch = None

    def hook(name):
        def called(self, *arguments):
            *place, logs = arguments
            if name == "on_epoch_begin":
                self.epoch = place[0]
            rate = float(self.model.optimizer.learning_rate)
            self.calls.append((name, *place, dict(logs or {}), list(logs or {}), rate, self.model.stop_training))
            if acts:
                acts(self, name, self.epoch)

        def with_logs(self, *place, logs=None):
            called(self, *place, logs)

        def placed(self, place, logs=None):
            called(self, place, logs)

        return placed if "batch" in name or "epoch" in name else lambda self, logs=None: called(self, logs)

    for name in HOOKS:
        setattr(Recorder, name, hook(name))
    return Recorder()


def really_fit(real, *callbacks, epochs=4, validation_freq=1):
    """Train a tiny model, the same each time, with these callbacks."""
    model = real.Sequential([real.layers.Input((1,)), real.layers.Dense(1, kernel_initializer="ones")])
    model.compile(real.optimizers.SGD(0.1), "mse", metrics=["mae"])
    x, y = np.arange(6.0).reshape(6, 1) / 6, np.zeros((6, 1))
    model.fit(
        x, y, batch_size=2, shuffle=False, validation_data=(x, y), validation_freq=validation_freq, epochs=epochs,
        verbose=0, callbacks=list(callbacks),
    )  # fmt: skip


def stream_of_calls(calls, key):
    """Return the stream that these calls were made from."""
    epochs, batches = [], []
    for call in calls:
        if call[0] == "on_train_batch_end":
            batches.append(Batch(call[1], call[2]))
        if call[0] == "on_epoch_end":
            logs = {name: value for name, value in call[2].items() if name != key}
            epochs.append(Epoch(call[1], logs, tuple(batches)))
            batches = []
    return epochs


@pytest.mark.keras
@LIBRARIES
@pytest.mark.parametrize("validation_freq", [1, 2])
def test_hooks_are_those_of_a_real_fit(library, validation_freq):
    """Order, epochs, batches, logs with their order, learning rate and parameters are as in model.fit."""
    real = pytest.importorskip(library)
    key = "learning_rate" if library == "keras" else "lr"
    plateau = {"monitor": "loss", "factor": 0.5, "patience": 1, "min_delta": 100}
    expected = recorder_of(real)
    really_fit(real, real.callbacks.ReduceLROnPlateau(**plateau), expected, validation_freq=validation_freq)

    epochs = stream_of_calls(expected.calls, key)
    replayed = run([ReduceLROnPlateau(**plateau), recorder_of(real)], epochs, library)

    found = replayed.states[1].callback
    assert found.calls == expected.calls
    assert found.params == expected.params
    assert len({call[-2] for call in found.calls}) == 4


@pytest.mark.keras
@LIBRARIES
@pytest.mark.parametrize("stopping", HOOKS)
@pytest.mark.parametrize("withdrawn", [None, "on_test_end", "on_epoch_end"])
def test_the_stop_flag_is_honoured_as_in_a_real_fit(library, stopping, withdrawn):
    """The flag may be set in any hook and taken back in another: the same hooks follow as in model.fit."""
    real = pytest.importorskip(library)

    def acts(callback, hook, epoch):
        if hook == stopping and epoch in (None, 1):
            callback.model.stop_training = True
        elif hook == withdrawn:
            callback.model.stop_training = False

    whole, expected = recorder_of(real), recorder_of(real, acts)
    really_fit(real, whole)
    really_fit(real, expected)

    replayed = run([recorder_of(real, acts)], stream_of_calls(whole.calls, None), library)

    names = [[call[:-4] + call[-1:] for call in calls] for calls in (expected.calls, replayed.states[0].callback.calls)]
    assert names[1] == names[0]


@pytest.mark.keras
@LIBRARIES
def test_real_and_native_callbacks_share_logs_and_rate(library):
    """A list of both gives what a list of either gives."""
    real = pytest.importorskip(library)
    stop, plateau = {"patience": 3}, {"factor": 0.3, "patience": 1}
    natives = [ReduceLROnPlateau(**plateau), EarlyStopping(**stop)]
    reals = [real.callbacks.ReduceLROnPlateau(**plateau), real.callbacks.EarlyStopping(**stop)]

    def told(callbacks):
        rows = run(callbacks, library=library).rows
        return [(row.index, row.lr_begin, row.lr, row.lr_logged, row.stoppers) for row in rows]

    expected = told(natives)
    assert told(reals) == expected
    assert told([natives[0], reals[1]]) == expected
    assert told([reals[0], natives[1]]) == expected
    assert expected[-1][-1] == (1,)


@pytest.mark.keras
def test_the_model_is_complete_when_it_is_handed_over(keras, capsys):
    """set_model already finds the learning rate, and may print."""
    found = []

    def set_model(self, model):
        keras.callbacks.Callback.set_model(self, model)
        found.append(float(model.optimizer.learning_rate))
        print("model set")

    replayed = run([callback_of(keras, set_model=set_model)])
    assert found == [float(np.float32(0.1))]
    assert [event.text for event in events(replayed, TextWritten)] == ["model set\n"]
    assert capsys.readouterr().out == ""


@pytest.mark.keras
def test_the_stop_flag_is_shared(keras):
    """A real callback sees, and may take back, the stop of a native one."""

    def stubborn(self, epoch, logs=None):
        if self.model.stop_training and epoch < 5:
            self.model.stop_training = False

    replayed = run([EarlyStopping(patience=1), callback_of(keras, on_epoch_end=stubborn)])
    assert [event.index for event in events(replayed, StopWithdrawn)] == [3, 4]
    assert replayed.rows[-1].index == 5


@pytest.mark.keras
@pytest.mark.parametrize("write", [True, False])
def test_what_a_callback_does_to_the_logs_is_shared(keras, write):
    """Later callbacks see what was added, changed and removed, also in logs that were empty; earlier ones do not."""
    seen = []

    def change(self, epoch, logs=None):
        if write:
            logs["val_loss"] = logs.get("val_loss", 0) + 1
            logs["mine"] = epoch
            logs.pop("loss", None)

    def look(self, epoch, logs=None):
        seen.append(dict(logs))

    callbacks = [callback_of(keras, on_epoch_end=hook) for hook in (look, change, look)]
    recorded = [{"loss": 1.0, "val_loss": 2.0}, {}]
    run(callbacks, [Epoch(index, logs) for index, logs in enumerate(recorded)])

    changed = [{"val_loss": 3.0, "mine": 0}, {"val_loss": 1, "mine": 1}] if write else recorded
    assert seen == [recorded[0], changed[0], recorded[1], changed[1]]


@pytest.mark.keras
@pytest.mark.parametrize(
    "write",
    [
        lambda optimizer, rate: setattr(optimizer, "learning_rate", rate),
        lambda optimizer, rate: optimizer.learning_rate.assign(rate),
    ],
    ids=["set", "assign"],
)
@LIBRARIES
def test_the_learning_rate_is_read_and_written_as_in_the_library(library, write):
    """Both ways of writing round to float32, and the new rate is the engine's."""
    real = pytest.importorskip(library)

    def half(self, epoch, logs=None):
        optimizer = self.model.optimizer
        write(optimizer, float(optimizer.learning_rate) * 0.3)

    replayed = run([callback_of(real, on_epoch_begin=half)], [Epoch(0, {"loss": 1.0})], library)
    assert replayed.final_lr == float(np.float32(float(np.float32(0.1)) * 0.3))
    assert [type(event) for event in events(replayed, LearningRateSet)] == [LearningRateSet]


@pytest.mark.keras
def test_tf_keras_reads_and_writes_lr_through_its_backend():
    """backend.get_value and set_value of `optimizer.lr`, as callbacks of Keras 2 are written."""
    real = pytest.importorskip("tf_keras")

    def half(self, epoch, logs=None):
        rate = real.backend.get_value(self.model.optimizer.lr)
        real.backend.set_value(self.model.optimizer.lr, rate * 0.5)

    replayed = run([callback_of(real, on_epoch_end=half)], [Epoch(0, {"loss": 1.0})], "tf_keras")
    assert replayed.final_lr == float(np.float32(0.05))
    assert [event.new_lr for event in events(replayed, LearningRateReduced)] == [replayed.final_lr]


@pytest.mark.keras
@LIBRARIES
def test_saves_are_noted_and_nothing_is_written(library, tmp_path, monkeypatch):
    """ModelCheckpoint and model.save give the paths, and no file or folder is made."""
    real = pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)

    def save(self, epoch, logs=None):
        self.model.save_weights(Path("own") / f"{epoch}.weights.h5")

    checkpoint = real.callbacks.ModelCheckpoint("a/b/{epoch:02d}.keras", save_best_only=True, verbose=1)
    replayed = run([checkpoint, callback_of(real, on_epoch_end=save)], library=library)

    saves = [(event.callback, event.path) for event in events(replayed, CheckpointSaved)]
    assert [path for name, path in saves if name == "ModelCheckpoint"] == [f"a/b/{n:02d}.keras" for n in (1, 2, 3)]
    assert [path for name, path in saves if name == "Mine"] == [f"own/{n}.weights.h5" for n in range(7)]
    assert "saving model to a/b/01.keras" in events(replayed, TextWritten)[0].text
    assert checkpoint.filepath == "a/b/{epoch:02d}.keras"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.keras
@LIBRARIES
def test_restored_weights_name_their_epoch(library):
    """The weights are a tag of the epoch they were taken at."""
    real = pytest.importorskip(library)
    replayed = run([real.callbacks.EarlyStopping(patience=2, restore_best_weights=True)], library=library)
    assert [(event.index, event.from_index) for event in events(replayed, WeightsRestored)] == [(4, 2)]
    assert [(event.index, event.hook) for event in events(replayed, StopRequested)] == [(4, "on_epoch_end")]


@pytest.mark.keras
@LIBRARIES
@pytest.mark.parametrize(
    ("asks", "named"),
    [
        (lambda model: model.layers, "model.layers"),
        (lambda model: model.predict([1]), "model.predict"),
        (lambda model: model.evaluate(), "model.evaluate"),
        (lambda model: model.summary(), "model.summary"),
        (lambda model: model.loss, "model.loss"),
        (lambda model: model([1]), "model(...), a prediction"),
        (lambda model: model.optimizer.variables, "model.optimizer.variables"),
        (lambda model: model.optimizer.iterations, "model.optimizer.iterations"),
        (lambda model: [weight * 2 for weight in model.get_weights()], "the values of the weights"),
        (lambda model: np.mean(model.get_weights()), "the values of the weights"),
        (lambda model: model.set_weights([1]), "model.set_weights() with values of its own"),
        (lambda model: model.metrics[0].result(), "result of the metric loss"),
        (lambda model: setattr(model.optimizer, "learning_rate", lambda step: step), "a schedule as learning rate"),
        (lambda model: setattr(model, "trainable", False), "model.trainable = ..."),
    ],
)
@pytest.mark.parametrize("swallows", [False, True])
def test_what_a_recording_cannot_give_is_refused(library, asks, named, swallows):
    """The refusal names the attribute and reaches the user, even if the callback swallows every exception."""
    real = pytest.importorskip(library)

    def on_epoch_end(self, epoch, logs=None):
        try:
            asks(self.model)
        except Exception:
            if not swallows:
                raise

    with pytest.raises(NotInRecordingError) as caught:
        run([callback_of(real, on_epoch_end=on_epoch_end)], library=library)
    assert str(caught.value).startswith(f"Mine uses {named}")
    assert "layers, weights, predictions and evaluations need the real training" in str(caught.value)


@pytest.mark.keras
@LIBRARIES
def test_what_a_real_model_lacks_the_stand_in_lacks_too(library):
    """getattr with a default and hasattr answer as on a plain model, optimizer and metric of the library."""
    real = pytest.importorskip(library)
    model = real.Sequential([real.layers.Dense(1)])
    model.build((None, 1))
    model.compile(real.optimizers.SGD(), "mse")
    names = ("my_best", "_mine", "jax_state_sync", "state_sync", "optimizers", "inner_optimizer", "lr", "get_config_")
    answers = []

    def on_epoch_end(self, epoch, logs=None):
        owners = (self.model, self.model.optimizer, self.model.metrics[0])
        answers.extend([getattr(owner, name, names) is names for name in names] for owner in owners)

    run([callback_of(real, on_epoch_end=on_epoch_end)], [Epoch(0, {"loss": 1.0})], library)
    owners = (model, model.optimizer, real.metrics.Mean())
    assert answers == [[not hasattr(owner, name) for name in names] for owner in owners]


@pytest.mark.keras
@LIBRARIES
@pytest.mark.parametrize(
    ("asks", "named"),
    [
        (lambda model: model.my_encoder, "model.my_encoder: a plain keras model"),
        (lambda model: model.optimizer.my_clip, "model.optimizer.my_clip: a plain keras optimizer"),
    ],
)
def test_an_attribute_of_the_users_own_model_is_no_error_of_keras(library, asks, named):
    """Its absence is not passed off as an AttributeError of the training: that had another model."""
    real = pytest.importorskip(library)
    mine = callback_of(real, on_epoch_end=lambda self, epoch, logs=None: asks(self.model))
    with pytest.raises(NotInRecordingError, match="a recording knows of no other") as caught:
        run([mine], library=library)
    assert str(caught.value).startswith(f"Mine uses {named.replace('plain keras', f'plain {library}')}")


@pytest.mark.keras
@LIBRARIES
def test_a_list_has_one_model(library):
    """What one callback sets on the model, its optimizer or its weights, the next one finds, in every fit."""
    real = pytest.importorskip(library)
    found = []

    def keep(self, epoch, logs=None):
        self.model.my_best = min(logs["val_loss"], getattr(self.model, "my_best", np.inf))
        self.model.optimizer.my_count = getattr(self.model.optimizer, "my_count", 0) + 1
        self.weights = self.model.get_weights() if epoch == 1 else self.weights
        if epoch == 3:
            self.model.set_weights(self.weights)

    def look(self, epoch, logs=None):
        model = self.model
        found.append((model.my_best, model.optimizer.my_count, model.get_weights().index, id(model)))
        del model.my_best

    first, second = callback_of(real, on_epoch_end=keep), callback_of(real, on_epoch_end=look)
    first.weights = None
    settings = [bridged(first), bridged(second)]
    epochs = [Epoch(index, {"val_loss": value}) for index, value in enumerate((3.0, 1.0, 2.0, 4.0, 5.0))]
    replayed = run_fit(epochs, settings, context_of(library), initial_lr=0.1)
    run_fit(epochs[:1], settings, context_of(library), initial_lr=0.1, states=replayed.states)
    run_fit(epochs[:1], settings, context_of(library), initial_lr=0.1)

    assert [line[:3] for line in found] == [
        (3.0, 1, 0), (1.0, 2, 1), (2.0, 3, 2), (4.0, 4, 1), (5.0, 5, 4), (3.0, 6, 0), (3.0, 1, 0),
    ]  # fmt: skip
    assert len({line[3] for line in found[:6]}) == 1
    assert found[6][3] != found[0][3]


@pytest.mark.keras
def test_a_list_of_both_libraries_shares_what_is_set_on_the_model():
    """Keras 3 and tf_keras have a view each of one model."""
    keras, tf_keras = pytest.importorskip("keras"), pytest.importorskip("tf_keras")
    found = []

    def keep(self, epoch, logs=None):
        self.model.mine = epoch
        self.model.optimizer.learning_rate = 0.5

    def look(self, epoch, logs=None):
        found.append(
            (self.model.mine, float(self.model.optimizer.learning_rate), isinstance(self.model, tf_keras.Model))
        )

    run([callback_of(keras, on_epoch_end=keep), callback_of(tf_keras, on_epoch_end=look)], [Epoch(0, {"loss": 1.0})])
    assert found == [(0, 0.5, True)]


@pytest.mark.keras
def test_callbacks_that_know_each_other_are_copied_together(keras):
    """One that looks at another sees the copy that runs beside it; one that stands twice in a list is one."""

    class Counts(keras.callbacks.Callback):
        count = 0

        def on_epoch_end(self, epoch, logs=None):
            self.count += 1

    class Watches(keras.callbacks.Callback):
        def __init__(self, other):
            super().__init__()
            self.other = other
            self.seen = []

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append(self.other.count)

    counts = Counts()
    replayed = run([counts, Watches(counts), counts], [Epoch(index, {"loss": 1.0}) for index in range(2)])
    assert replayed.states[1].callback.seen == [1, 3]
    assert replayed.states[0].callback is replayed.states[2].callback
    assert counts.count == 0


@pytest.mark.keras
@LIBRARIES
def test_the_stand_in_passes_for_a_model(library):
    """isinstance says what it says in a training."""
    real = pytest.importorskip(library)
    found = []

    def on_train_begin(self, logs=None):
        found.append((isinstance(self.model, real.Model), isinstance(self.model.optimizer, real.optimizers.Optimizer)))

    run([callback_of(real, on_train_begin=on_train_begin)], library=library)
    assert found == [(True, True)]


@pytest.mark.keras
def test_exceptions_of_the_callback_are_those_of_keras(keras):
    """An exception of the callback ends the replay where it would end the training, and is part of the answer."""

    def fails(self, epoch, logs=None):
        if epoch == 2:
            raise LookupError("no such thing")

    error = run([EarlyStopping(), callback_of(keras, on_epoch_begin=fails)]).error
    assert (error.kind, error.stage, error.index) == ("LookupError", "on_epoch_begin", 2)
    assert (error.callback, error.message) == ("Mine", "no such thing")


@pytest.mark.keras
@LIBRARIES
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("CSVLogger", ("x.csv",)),
        ("TensorBoard", ("logs",)),
        ("BackupAndRestore", ("backup",)),
        ("RemoteMonitor", ()),
    ],
)
def test_what_would_write_or_send_is_refused(library, name, arguments, tmp_path, monkeypatch):
    """Those whose purpose is to write are refused by name, what is derived from them too, and nothing is written."""
    real = pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    kind = getattr(real.callbacks, name)
    for made in (kind(*arguments), type("Mine", (kind,), {})(*arguments)):
        with pytest.raises(SettingError, match=f"{type(made).__name__} is not replayed, because"):
            bridged(made)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.keras
def test_what_is_printed_and_warned_is_told(keras, capsys):
    """stdout stays the answer's: prints and warnings of a callback become events."""

    def talks(self, epoch, logs=None):
        print("epoch", epoch)

    replayed = run(
        [callback_of(keras, on_epoch_end=talks), keras.callbacks.EarlyStopping(monitor="nowhere", mode="min")]
    )
    assert [event.text for event in events(replayed, TextWritten)] == [f"epoch {n}\n" for n in range(7)]
    assert "`nowhere` which is not available" in events(replayed, Warned)[0].text
    assert capsys.readouterr().out == ""


@pytest.mark.keras
def test_replays_share_nothing(keras):
    """Each start has its own copy; the object that was passed stays as it was, its model is not copied."""

    class Counts(keras.callbacks.Callback):
        count = 0

        def on_epoch_end(self, epoch, logs=None):
            self.count += 1

    mine = Counts()
    really_fit(keras, mine, epochs=1)
    model, settings = mine.model, bridged(mine)
    epochs = [Epoch(0, {"loss": 1.0}), Epoch(1, {"loss": 1.0})]
    counts = [run_fit(epochs, [settings], context_of(), initial_lr=0.1).states[0].callback.count for _ in range(2)]
    assert (counts, mine.count) == ([3, 3], 1)
    assert mine.model is model


@pytest.mark.keras
def test_an_object_that_cannot_be_copied_is_used_itself(keras):
    """It is said that its replays share what it remembers."""
    mine = callback_of(keras)
    mine.lock = threading.Lock()
    with pytest.warns(UserWarning, match="Mine cannot be copied"):
        state = bridged(mine).start(context_of())
    assert state.callback is mine


@pytest.mark.keras
@LIBRARIES
def test_settings_read_as_code(library):
    """str() is the call that made the callback, without defaults."""
    real = pytest.importorskip(library)
    made = real.callbacks.EarlyStopping(monitor="loss", min_delta=0.5, patience=3)
    assert str(bridged(made)) == 'EarlyStopping(monitor="loss", min_delta=0.5, patience=3)'
    assert bridged(made).name == "EarlyStopping"


@pytest.mark.keras
def test_a_real_built_in_is_not_passed_off_as_another_version(keras):
    """The installed EarlyStopping cannot say what that of Keras 2.0.8 did; a callback of one's own has no version."""
    old = replace(context_of(), semantics=semantics("keras-2.0.8"))
    with pytest.raises(SettingError, match=r"EarlyStopping of keras-3.*, but keras-2\.0\.8 was asked for"):
        bridged(keras.callbacks.EarlyStopping()).start(old)
    assert bridged(callback_of(keras)).start(old).name == "Mine"


@pytest.mark.keras
def test_blind_spots_are_the_hooks_that_are_never_called(keras):
    """Own batch hooks count, inherited ones and those of built-in callbacks that work without do not."""
    lambdas = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    mine = callback_of(
        keras,
        on_batch_end=lambda *_: None,
        on_epoch_end=lambda *_: None,
        on_test_batch_end=lambda *_: None,
        on_predict_end=lambda *_: None,
    )
    every_second = keras.callbacks.ModelCheckpoint("w.keras", save_freq=2)
    assert blind_spots(mine) == ["on_batch_end", "on_test_batch_end"]
    assert blind_spots(bridged(mine)) == ["on_batch_end", "on_test_batch_end"]
    assert blind_spots(mine, has_batches=True) == ["on_test_batch_end"]
    assert blind_spots(lambdas) == ["on_train_batch_end"]
    assert blind_spots(every_second) == ["on_train_batch_end"]
    for none in (keras.callbacks.ModelCheckpoint("w.keras"), keras.callbacks.TerminateOnNaN(), EarlyStopping()):
        assert blind_spots(none) == []


@pytest.mark.keras
def test_a_bad_epoch_without_batches_terminates(keras):
    """Of a batch that nobody knows the place of, only TerminateOnNaN is told."""
    called = []
    mine = callback_of(keras, on_train_batch_end=lambda _self, batch, logs=None: called.append(batch))
    nan = float("nan")
    epochs = [Epoch(0, {"loss": 1.0}), Epoch(1, {"loss": nan}, (Batch(None, {"loss": nan}),)), Epoch(2, {"loss": 1.0})]
    replayed = run([mine, keras.callbacks.TerminateOnNaN()], epochs)
    assert (replayed.rows[-1].index, replayed.rows[-1].stoppers, called) == (1, (1,), [])


SOURCE = """
import keras
from beside import LIMIT

class MyStopper(keras.callbacks.Callback):
    def __init__(self, patience, limit=LIMIT):
        super().__init__()
        self.patience = patience

    def on_epoch_end(self, epoch, logs=None):
        if epoch >= self.patience:
            self.model.stop_training = True

class MyLog(keras.callbacks.CSVLogger):
    pass

def factory(patience):
    return MyStopper(patience)

class NoCallback:
    pass
"""


@pytest.fixture
def own_code(tmp_path, monkeypatch):
    """Return the file of a user's callbacks, in the current folder; it imports a file beside it."""
    pytest.importorskip("keras")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside.py").write_text("LIMIT = 3\n", encoding="utf-8")
    path = tmp_path / "own_callbacks_of_a_test.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


@pytest.mark.keras
@pytest.mark.parametrize("source", ["own_callbacks_of_a_test.py", "own_callbacks_of_a_test"])
@pytest.mark.parametrize("name", ["MyStopper", "factory"])
def test_callbacks_are_made_from_code(own_code, source, name):
    """A class or a function in a file or a module gives a new callback at each start."""
    settings = bridged_from_code(source, name, (), {"patience": 2})
    assert str(settings) == f"{source}:{name}(patience=2)"
    runs = [run([settings]) for _ in range(2)]
    assert [replayed.rows[-1].index for replayed in runs] == [2, 2]
    assert runs[0].states[0].callback is not runs[1].states[0].callback


@pytest.mark.keras
@pytest.mark.parametrize(
    ("source", "name", "named", "said"),
    [
        ("own_callbacks_of_a_test.py", "MyStoper", {}, "has nothing called MyStoper. Did you mean 'MyStopper'?"),
        ("own_callbacks_of_a_test.py", "MyStopper", {"patienc": 1}, "no argument 'patienc'. Did you mean 'patience'?"),
        ("own_callbacks_of_a_test.py", "MyStopper", {}, "missing a required argument: 'patience'"),
        ("own_callbacks_of_a_test.py", "MyLog", {"filename": "x"}, "MyLog is not replayed, because"),
        ("nowhere.py", "MyStopper", {}, "nowhere.py cannot be read: No such file or directory"),
        ("no_such_module", "MyStopper", {}, "There is no module 'no_such_module'"),
    ],
)
def test_code_that_cannot_be_used_is_refused_early(own_code, source, name, named, said):
    """What is wrong with a source, a name or an argument is said before anything is replayed."""
    with pytest.raises(SettingError) as caught:
        bridged_from_code(source, name, (), named)
    assert said in str(caught.value)


@pytest.mark.keras
def test_code_that_makes_no_callback_is_refused(own_code):
    """A class that is no callback is found out before it is called."""
    with pytest.raises(SettingError, match=r"NoCallback of .* is a class, but none of keras\.callbacks\.Callback"):
        bridged_from_code(str(own_code), "NoCallback")


@pytest.mark.parametrize("value", [EarlyStopping(), object(), 3, "EarlyStopping"])
def test_other_objects_are_no_keras_callbacks(value):
    """Only subclasses of a Keras Callback can be bridged."""
    assert not is_keras_callback(value)
    with pytest.raises(SettingError, match="is no callback"):
        bridged(value)


def test_keras_is_not_imported_until_it_is_needed():
    """Importing the bridge, and looking at other objects, loads no Keras."""
    code = (
        "import sys, kcb_replay.replay.bridge.settings as b; b.is_keras_callback(3);"
        "print(sorted({'keras', 'tf_keras', 'tensorflow', 'hypothesis'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_keras_the_extra_is_named(tmp_path, monkeypatch):
    """A file that needs Keras says what is missing and how to get it."""
    monkeypatch.setitem(sys.modules, "keras", None)
    path = tmp_path / "mine.py"
    path.write_text("import keras\n", encoding="utf-8")
    with pytest.raises(MissingExtraError, match=r"needs keras.*pip install 'kcb-replay\[keras\]'") as caught:
        bridged_from_code(str(path), "Mine")
    assert isinstance(caught.value, KcbReplayError)
    assert json.dumps(str(caught.value))
