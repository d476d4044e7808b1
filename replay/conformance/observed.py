"""Run a case through the real classes and CallbackList of the Keras installed here, and write down what happens.

The oracle: what it sees is told by the real objects alone, so nothing of kcb-replay is imported but the reading of a
case. What is seen comes back in the shape of a golden case's `expect`, with its `stdout` and, per callback, the `saves`
and the `outputs` of loggers. The model is a plain record; its optimizer is a real one.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TypeAlias
from unittest import mock

from kcb_replay.replay.conformance.case_arguments import Seen, arguments

Json: TypeAlias = Any
_WRITERS = ("CSVLogger", "BackupAndRestore")
RATE_KEY = {"keras": "learning_rate", "tf_keras": "lr"}


def observed(case: Json, keras: ModuleType) -> Json:
    """Return what the real classes do in the case."""
    printed = io.StringIO()
    with quiet(), contextlib.redirect_stdout(printed), _folder(case) as folder:
        training = _Training(case, keras, folder)
        with _posts_of(training):
            record = training.run()
    stdout = printed.getvalue()
    return {**record, **({"stdout": stdout} if stdout else {})}


def plain(value: Any) -> Json:
    """Return a value as golden cases hold it: NaN and the infinities as strings, NumPy numbers as Python's."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    number = float(value)
    if math.isnan(number):
        return "NaN"
    return number if math.isfinite(number) else "Infinity" if number > 0 else "-Infinity"


class _Model:
    """What one callback of the list sees as `self.model`; `position` tells who did what to the training."""

    built = True

    def __init__(self, training: _Training, position: int) -> None:
        self._training = training
        self._position = position
        self.optimizer = training.optimizer
        self.metrics = training.metrics

    @property
    def stop_training(self) -> bool:
        return self._training.stopping

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self._training.stopping = bool(value)

    @property
    def distribute_strategy(self) -> object:
        return sys.modules["tensorflow"].distribute.get_strategy()

    def get_weights(self) -> str:
        return self._training.weights

    def set_weights(self, weights: str | None) -> None:
        if weights is None:
            raise TypeError("set_weights(None)")
        self._training.restored = weights

    def save(self, filepath: str, *_: object, **__: object) -> None:
        self._training.note_save(self._position, str(filepath))

    save_weights = save

    def load_weights(self, filepath: str) -> None:
        """Take the weights of a backup; there are none to take."""


@dataclass(slots=True)
class _Training:
    """A case while it runs: what was seen so far, and where it is."""

    case: Json
    keras: ModuleType
    folder: Path
    optimizer: Any = None
    metrics: list[Any] = field(default_factory=list)
    callbacks: list[Any] = field(default_factory=list)
    functions: list[dict[str, Seen]] = field(default_factory=list)
    seen: Json = field(default_factory=lambda: {"epochs": [], "train_end": []})
    saves: list[Json] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    posts: dict[int, list[str]] = field(default_factory=dict)
    backups: dict[int, list[Json]] = field(default_factory=dict)
    restored: str | None = None
    weights: str = "before"
    stopping: bool = False
    stage: str = "init"
    fit: int = 0
    epoch: int | None = None
    batch: int | None = None
    partial: Json = None

    def run(self) -> Json:
        """Run all fits, with the same callbacks; an error of the real class ends it."""
        self.optimizer = optimizer_of(self.keras)
        self.optimizer.learning_rate = float(self.case["initial_lr"])
        self.metrics = metrics_of(self.case["model_metrics"], self.keras)
        try:
            for item in self.case["callbacks"]:
                self._make(item)
            for fit in sorted({epoch["fit"] for epoch in self.case["epochs"]}):
                self.fit = fit
                self._run_fit([epoch for epoch in self.case["epochs"] if epoch["fit"] == fit])
        except Exception as error:  # noqa: BLE001  # whatever the real class raises is what is observed
            self._note_error(type(error).__name__)
        made = self.stage != "init"
        logged = {"saves": self.saves, "outputs": [self._output(position) for position in range(len(self.callbacks))]}
        return plain({**self.seen, "final_lr": self._rate(), **(logged if made else {})})

    def note_save(self, position: int, path: str) -> None:
        """Write down a save: of a checkpoint, or of a backup into the folder of the case."""
        if type(self.callbacks[position]).__name__ == "BackupAndRestore":
            self.backups.setdefault(position, []).append([self.fit, self.epoch, self.batch])
            Path(path).touch()
            return
        self.saved.append(path)
        self.saves.append([position, self.fit, self.epoch, self.batch, path])

    def _make(self, item: Json) -> None:
        kwargs = arguments(item["kwargs"])
        for key in ("filename", "backup_dir"):
            if key in kwargs:
                kwargs[key] = str(self.folder / f"{len(self.callbacks)}-{kwargs[key]}")
        self.functions.append({key: value for key, value in kwargs.items() if isinstance(value, Seen)})
        self.callbacks.append(getattr(self.keras.callbacks, item["class"])(**kwargs))

    def _run_fit(self, epochs: Json) -> None:
        """Call the hooks in the order of `fit`."""
        self.epoch = self.batch = None
        # The last of the list sees what the others put into the shared logs.
        last: list[dict[str, float]] = []
        witness = self.keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: last.append(dict(logs)))
        listed = self.keras.callbacks.CallbackList(
            [*self.callbacks, witness],
            add_history=True,
            model=_Model(self, -1),
            verbose=0,
            epochs=epochs[-1]["epoch"] + 1,
            steps=None,
        )
        for position, callback in enumerate(self.callbacks):
            callback.set_model(_Model(self, position))
        self.stopping = False
        self.stage = "on_train_begin"
        listed.on_train_begin()
        logs: dict[str, float] = {}
        ran = 0
        for epoch in epochs:
            logs = {name: float(value) for name, value in epoch["logs"].items()}
            self._run_epoch(listed, last, epoch, logs)
            ran += 1
            if self.stopping:
                break
        self.stage = "on_train_end"
        listed.on_train_end(logs)
        restored, self.restored = self.restored, None
        self.seen["train_end"].append({"fit": self.fit, "restored": restored, "epochs_run": ran})

    def _run_epoch(self, listed: Any, last: list[dict[str, float]], epoch: Json, logs: dict[str, float]) -> None:
        self.epoch = epoch["epoch"]
        self.stage = "on_epoch_begin"
        listed.on_epoch_begin(self.epoch)
        self.partial = {"fit": self.fit, "epoch": self.epoch, "lr_begin": self._rate()}
        self._run_batches(listed, epoch)
        self.weights = f"{self.fit}:{self.epoch}"
        self.stage = "on_epoch_end"
        listed.on_epoch_end(self.epoch, logs)
        logged = last[-1].get(RATE_KEY[self.keras.__name__])
        row = {
            **self.partial,
            "lr": self._rate(),
            "lr_logged": None if logged is None else float(logged),
            "state": [state_of(callback) for callback in self.callbacks],
            **({"stop": True} if self.stopping else {}),
            **self._effects(),
        }
        self.seen["epochs"].append(row)
        self.partial = None

    def _run_batches(self, listed: Any, epoch: Json) -> None:
        for index, loss in epoch.get("batches", ()):
            self.batch = int(index)
            self.stage = "on_train_batch_begin"
            listed.on_train_batch_begin(index)
            self.stage = "on_train_batch_end"
            listed.on_train_batch_end(index, {"loss": float(loss)})
            if self.stopping:
                # Noted at once: what comes after may raise.
                self.partial["stopped_at_batch"] = int(index)
                break
        self.batch = None

    def _effects(self) -> Json:
        effects: Json = {"saved": self.saved} if self.saved else {}
        self.saved = []
        restored, self.restored = self.restored, None
        return {**effects, "restored": restored} if restored else effects

    def _note_error(self, kind: str) -> None:
        if self.stage == "init":
            self.seen = {"epochs": []}
        elif not self.seen["train_end"]:
            del self.seen["train_end"]
        if self.partial is not None:
            self.seen["epochs"].append({**self.partial, **self._effects()})
        self.seen["error"] = {"type": kind, "stage": self.stage, "epoch": self.epoch}

    def _rate(self) -> float:
        return float(self.optimizer.learning_rate)

    def _output(self, position: int) -> Json:
        """Return what a callback left behind: the bytes of its file, what it posted, backed up, kept or was shown."""
        callback = self.callbacks[position]
        match type(callback).__name__:
            case "CSVLogger":
                file = getattr(callback, "csv_file", None)
                if file is not None:
                    # After an error it is still open; closing it twice does nothing.
                    file.close()
                path = Path(callback.filename)
                return path.read_bytes().decode() if path.exists() else ""
            case "RemoteMonitor":
                return self.posts.get(position, [])
            case "BackupAndRestore":
                return self.backups.get(position, [])
            case "History":
                # Before the first `on_train_begin` there is none.
                return {"history": callback.history, "epoch": getattr(callback, "epoch", [])}
            case "LambdaCallback":
                return {name: function.calls for name, function in self.functions[position].items()}
        return None


def state_of(callback: Any) -> Json:
    """Return what a callback remembers, in the order of golden cases."""
    attributes = vars(callback)
    match type(callback).__name__:
        case "EarlyStopping":
            names = ("best", "wait", "best_epoch", "stopped_epoch", "best_weights")
            return [attributes.get(name) for name in names]
        case "ReduceLROnPlateau":
            return [attributes["best"], attributes["wait"], attributes["cooldown_counter"]]
        case "ModelCheckpoint":
            counted = attributes.get("_batches_seen_since_last_saving")
            return [attributes["best"], counted, attributes.get("epochs_since_last_save")]
    return []


@cache
def optimizer_of(keras: ModuleType) -> Any:
    """Return a real optimizer; one for all cases, for making it costs more than a case."""
    return keras.optimizers.SGD(learning_rate=0.1)


@cache
def _compiled_metrics(keras: ModuleType) -> Any:
    """Return a class that Keras 3 takes for its own of compiled metrics, without a model to compile them for."""
    kind = sys.modules["keras.src.trainers.compile_utils"].CompileMetrics
    return type("Compiled", (kind,), {"__init__": lambda _: None, "metrics": (), "name": f"compiled by {keras}"})


def metrics_of(directions: dict[str, str | None], keras: ModuleType) -> list[Any]:
    """Return the metrics of the model as `model.metrics` holds them, by name and direction."""
    metrics = [
        SimpleNamespace(name=name, **({} if direction is None else {"_direction": direction}))
        for name, direction in directions.items()
    ]
    loss = SimpleNamespace(name="loss", _direction="down")
    if keras.__name__ != "keras":
        return [loss, *metrics]
    compiled = _compiled_metrics(keras)()
    compiled.__dict__["metrics"] = metrics
    return [loss, compiled]


@contextlib.contextmanager
def _posts_of(training: _Training) -> Iterator[None]:
    """Take what RemoteMonitor posts, as the real `requests` would have sent it; none leaves the machine."""
    monitors = [
        position for position, item in enumerate(training.case["callbacks"]) if item["class"] == "RemoteMonitor"
    ]
    if not monitors:
        yield
        return
    import requests

    def post(url: str, data: Any = None, *, json: Any = None, headers: Any = None) -> None:
        # Prepared as for sending: a NaN in `json` is refused here.
        body = requests.Request("POST", url, data=data, json=json, headers=headers).prepare().body
        text = body.decode() if isinstance(body, bytes) else next(iter(data.values()))
        # One RemoteMonitor a case: a post does not say whose it is.
        training.posts.setdefault(monitors[0], []).append(text)

    with mock.patch.object(requests, "post", post):
        yield


@contextlib.contextmanager
def _folder(case: Json) -> Iterator[Path]:
    """Make a folder for the callbacks that write files."""
    if not any(item["class"] in _WRITERS for item in case["callbacks"]):
        yield Path()
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what the real classes warn and log of to themselves."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl")]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
