"""Run a case through the real classes and the real CallbackList of the Keras installed here, as golden cases were.

A stand-in takes the place of the model; what is seen comes back in the shape of a golden case's `expect`, without its
stdout.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kcb_replay.replay.bridge.stand_in import EpochWeights, Saved, StandIn, WeightsSet
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.conformance.golden import Json, arguments, directions

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["observed", "plain"]


def observed(case: Json, keras: ModuleType) -> Json:
    """Return what the real classes do in the case."""
    with _quiet():
        return _Live(case, keras).run()


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


@dataclass(slots=True)
class _Live:
    """A case while it runs: what was seen so far, and where it is."""

    case: Json
    keras: ModuleType
    stand_in: StandIn = field(init=False)
    callbacks: list[Any] = field(default_factory=list)
    seen: Json = field(default_factory=lambda: {"epochs": [], "train_end": []})
    stage: str = "init"
    fit: int = 0
    epoch: int | None = None
    partial: Json = None

    def run(self) -> Json:
        """Run all fits, with the same callbacks; an error of the real class ends it."""
        initial = float32(self.case["initial_lr"])
        direction_of = directions(self.case["model_metrics"])
        self.stand_in = StandIn(self.keras, callback="the list", learning_rate=initial, direction_of=direction_of)
        self.stand_in.names = set(self.case["model_metrics"])
        try:
            for item in self.case["callbacks"]:
                kind = getattr(self.keras.callbacks, item["class"])
                self.callbacks.append(kind(**arguments(item["kwargs"])))
            for fit in sorted({epoch["fit"] for epoch in self.case["epochs"]}):
                self.fit = fit
                self._run_fit([epoch for epoch in self.case["epochs"] if epoch["fit"] == fit])
        except Exception as error:  # noqa: BLE001  # whatever the real class raises is what is observed
            self._note_error(type(error).__name__)
        return plain({**self.seen, "final_lr": self.stand_in.learning_rate})

    def _run_fit(self, epochs: Json) -> None:
        """Call the hooks in the order of `fit`."""
        self.epoch = None
        listed = self.keras.callbacks.CallbackList(
            self.callbacks, add_history=True, model=self.stand_in.model, verbose=0, epochs=len(epochs), steps=None
        )
        self.stand_in.stopping = False
        self.stage = "on_train_begin"
        listed.on_train_begin()
        logs: dict[str, float] = {}
        ran = 0
        for epoch in epochs:
            logs = {name: float(value) for name, value in epoch["logs"].items()}
            self._run_epoch(listed, epoch, logs)
            ran += 1
            if self.stand_in.stopping:
                break
        self.stage = "on_train_end"
        listed.on_train_end(logs)
        self.seen["train_end"].append({"fit": self.fit, "restored": self._effects().get("restored"), "epochs_run": ran})

    def _run_epoch(self, listed: Any, epoch: Json, logs: dict[str, float]) -> None:
        self.epoch = epoch["epoch"]
        self.stage = "on_epoch_begin"
        listed.on_epoch_begin(self.epoch)
        self.partial = {"fit": self.fit, "epoch": self.epoch, "lr_begin": self.stand_in.learning_rate}
        self._run_batches(listed, epoch)
        self.stand_in.weights_are_of(self.epoch)
        self.stage = "on_epoch_end"
        logged = _Logged(listed, self.keras)
        listed.on_epoch_end(self.epoch, logs)
        row = {
            **self.partial,
            "lr": self.stand_in.learning_rate,
            "lr_logged": logged.rate(),
            "state": [self._state(callback) for callback in self.callbacks],
            **({"stop": True} if self.stand_in.stopping else {}),
            **self._effects(),
        }
        self.seen["epochs"].append(row)
        self.partial = None

    def _run_batches(self, listed: Any, epoch: Json) -> None:
        for index, loss in epoch.get("batches", ()):
            self.stage = "on_train_batch_begin"
            listed.on_train_batch_begin(index)
            self.stage = "on_train_batch_end"
            listed.on_train_batch_end(index, {"loss": float(loss)})
            if self.stand_in.stopping:
                self.partial["stopped_at_batch"] = int(index)
                return

    def _effects(self) -> Json:
        done, self.stand_in.done = self.stand_in.done, []
        saved = [item.path for item in done if isinstance(item, Saved)]
        restored = [item.index for item in done if isinstance(item, WeightsSet)]
        effects: Json = {"saved": saved} if saved else {}
        return {**effects, "restored": f"{self.fit}:{restored[-1]}"} if restored else effects

    def _state(self, callback: Any) -> Json:
        held = vars(callback)
        match type(callback).__name__:
            case "EarlyStopping":
                weights = held["best_weights"]
                tag = f"{self.fit}:{weights.index}" if isinstance(weights, EpochWeights) else None
                return [held.get(name) for name in ("best", "wait", "best_epoch", "stopped_epoch")] + [tag]
            case "ReduceLROnPlateau":
                return [held["best"], held["wait"], held["cooldown_counter"]]
            case "ModelCheckpoint":
                counted = held.get("_batches_seen_since_last_saving")
                return [held["best"], counted, held.get("epochs_since_last_save")]
        return []

    def _note_error(self, kind: str) -> None:
        if self.stage == "init":
            self.seen = {"epochs": []}
        elif not self.seen["train_end"]:
            del self.seen["train_end"]
        if self.partial is not None:
            self.seen["epochs"].append({**self.partial, **self._effects()})
        self.seen["error"] = {"type": kind, "stage": self.stage, "epoch": self.epoch}


class _Logged:
    """What the callbacks put into the shared logs as the learning rate: History, the last of them, kept it."""

    def __init__(self, listed: Any, keras: ModuleType) -> None:
        self._key = "learning_rate" if keras.__name__ == "keras" else "lr"
        self._history = next(item for item in listed.callbacks if type(item).__name__ == "History").history
        self._before = len(self._history.get(self._key, ()))

    def rate(self) -> float | None:
        rates = self._history.get(self._key, ())
        return float(rates[-1]) if len(rates) > self._before else None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the real classes print, warn and log of to themselves."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl")]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
