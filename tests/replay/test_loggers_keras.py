"""The loggers beside the Keras installed here: a real `fit`, what it wrote, and the replay of what it logged."""

from __future__ import annotations

import importlib
import io
import json
import os
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kcb_replay.replay.callbacks import (
    BackupAndRestore,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    ProgbarLogger,
    ReduceLROnPlateau,
    RemoteMonitor,
)
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Batch, Epoch

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore")]

EPOCHS, STEPS, RATE = 5, 4, 0.05


@dataclass
class Fit:
    """A real training: what was logged, and what its callbacks left behind."""

    semantics: str
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    batches: dict[int, list[Batch]] = field(default_factory=dict)
    left: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[object, ...]] = field(default_factory=list)


def model_of(keras):
    """Return a small compiled model that learns the same every time."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.SGD(RATE), "binary_crossentropy", metrics=["accuracy", "mae"])
    return model


def recorder_of(keras, fit):
    """Return a callback that notes what `fit` logs, before another callback has added to it."""

    class Recorder(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            fit.batches.setdefault(self.epoch, []).append(Batch(batch, dict(logs)))

        def on_epoch_end(self, epoch, logs=None):
            fit.epochs[epoch] = dict(logs)

    return Recorder()


def lambdas(calls):
    """Return functions that note how they are called, and add to the logs of an epoch."""

    def note(name):
        def called(*arguments, **named):
            shown = [dict(item) if isinstance(item, dict) else item for item in arguments]
            calls.append((name, *shown, {key: dict(value) for key, value in named.items()}))
            if name == "on_epoch_end":
                arguments[1]["extra"] = 0.25

        return called

    names = ("on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end", "on_train_batch_end")
    return {name: note(name) for name in (*names, "on_batch_begin")}


@pytest.fixture(scope="module", params=["keras", "tf_keras"])
def fit(request, tmp_path_factory):
    """Train with every logger at once, on a clock that stands still; Keras 3 validates every second epoch."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    keras = pytest.importorskip(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    result = Fit(f"{request.param}-{'.'.join(keras.__version__.split('.')[:2])}")
    with pytest.MonkeyPatch.context() as patch:
        sent, saved, callbacks = watched(keras, patch)
        mine = [
            recorder_of(keras, result),
            callbacks.CSVLogger(str(folder / "early.csv")),
            callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10, mode="min"),
            callbacks.LambdaCallback(**lambdas(result.calls)),
            callbacks.CSVLogger(str(folder / "late.csv"), separator=";"),
            callbacks.RemoteMonitor(),
            callbacks.BackupAndRestore(str(folder / "backup"), save_freq=3, delete_checkpoint=False),
            callbacks.EarlyStopping("loss", patience=3, min_delta=10, mode="min"),
        ]
        result.left |= train(keras, mine, patch)
    result.left["csv"] = [(folder / name).read_bytes().decode() for name in ("early.csv", "late.csv")]
    result.left |= {"sent": sent, "saves": len(saved), "exists_at_end": (folder / "backup").exists()}
    return result


def watched(keras, patch):
    """Let nothing be sent, and note what would be and what is saved."""
    sent, saved = [], []
    module = "keras.src.callbacks.remote_monitor" if keras.__name__ == "keras" else "tf_keras.src.callbacks"
    patch.setattr(importlib.import_module(module).requests, "post", lambda url, data, headers: sent.append((url, data)))
    if keras.__name__ == "keras":
        backup, method = keras.callbacks.BackupAndRestore, "_save_model"
    else:
        backup, method = (
            importlib.import_module("tf_keras.src.distribute.worker_training_state").WorkerTrainingState,
            "back_up",
        )
    real = getattr(backup, method)
    patch.setattr(backup, method, lambda *a, **k: (saved.append(1), real(*a, **k)))
    return sent, saved, keras.callbacks


def train(keras, callbacks, patch):
    """Fit the model; return its history and all that was printed."""
    module = "keras.src.utils.progbar" if keras.__name__ == "keras" else "tf_keras.src.utils.generic_utils"
    patch.setattr(importlib.import_module(module), "time", SimpleNamespace(time=lambda: 1024.0))
    generator = np.random.default_rng(5)
    x, y = generator.normal(size=(40, 3)).astype("float32"), generator.integers(0, 2, 40).astype("float32")
    history = keras.callbacks.History()
    output = io.StringIO()
    with redirect_stdout(output):
        model_of(keras).fit(
            x, y, batch_size=10, epochs=EPOCHS, callbacks=[*callbacks, history], verbose=1,
            validation_data=(x[:20], y[:20]), validation_freq=2,
        )  # fmt: skip
    return {"history": history.history, "epoch": history.epoch, "printed": output.getvalue()}


@pytest.fixture(scope="module")
def replayed(fit):
    """Return the states of the same callbacks after the replay, and the calls of the functions."""
    calls: list[tuple[object, ...]] = []
    callbacks = [
        CSVLogger("early.csv"),
        ReduceLROnPlateau("loss", patience=1, min_delta=10, mode="min"),
        LambdaCallback(**lambdas(calls)),
        CSVLogger("late.csv", separator=";"),
        RemoteMonitor(),
        BackupAndRestore("backup", save_freq=3, delete_checkpoint=False),
        EarlyStopping("loss", patience=3, min_delta=10, mode="min"),
        History(),
        ProgbarLogger(epochs=EPOCHS),
    ]
    epochs = [Epoch(index, logs, tuple(fit.batches[index])) for index, logs in fit.epochs.items()]
    run = run_fit(epochs, callbacks, Context(semantics(fit.semantics), direction_of), initial_lr=float32(RATE))
    assert run.error is None
    return SimpleNamespace(states=run.states, calls=calls)


def test_fit_stops_early(fit):
    """The training is one in which something happens: it stops before its end."""
    assert len(fit.epochs) == EPOCHS - 1


@pytest.mark.parametrize(("position", "number"), [(0, 0), (3, 1)])
def test_csv_file_is_the_same_to_the_byte(fit, replayed, position, number):
    """CSVLogger before and after the callbacks that add to the logs."""
    assert replayed.states[position].output()["text"] == fit.left["csv"][number]


def test_progress_bar_is_the_same_to_the_byte(fit, replayed):
    """What `fit` printed, but for Keras's own messages on reducing the learning rate and stopping."""
    assert replayed.states[8].output()["text"] == fit.left["printed"]


def test_history_is_the_same(fit, replayed):
    """History holds the same lists, in the same order of keys."""
    output = replayed.states[7].output()
    assert list(output["history"]) == list(fit.left["history"])
    assert output == {"history": fit.left["history"], "epoch": fit.left["epoch"]}


def test_remote_monitor_sends_the_same_body(fit, replayed):
    """RemoteMonitor posts the same JSON text as a form."""
    assert replayed.states[4].output()["payloads"] == [data["data"] for _url, data in fit.left["sent"]]
    assert {json.loads(body)["epoch"] for body in replayed.states[4].payloads} == set(fit.epochs)


def test_backups_are_as_many_and_left_alone(fit, replayed):
    """BackupAndRestore saves as often, and leaves its folder."""
    assert replayed.states[5].output() == {"saves": fit.left["saves"], "exists_at_end": fit.left["exists_at_end"]}


def test_functions_are_called_with_the_same_arguments(fit, replayed):
    """LambdaCallback calls the same functions in the same order, positional and named arguments alike."""
    assert replayed.calls == fit.calls
