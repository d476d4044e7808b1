"""The callbacks of random cases: settings that make something happen, and settings that nobody would write.

Each is drawn with few choices, for a choice costs more than what the real classes then do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = Any

_MONITORS = ("val_loss", "val_loss", "val_loss", "loss", "val_accuracy", "val_auc", "val_mae")
_ANY_MONITORS = (*_MONITORS, "accuracy", "custom", "val_custom", "nowhere", "lr", "learning_rate")
_MODES = ("auto", "auto", "min", "max", "sideways")
_PATIENCE = (2, 3, 4, 1, 5, 7, 8, 12, 20, 0)
_FACTORS = (0.1, 0.5, 0.2, 0.9, 0.3162, 0.99999999, 0.0, -0.5)
_FILES = ("w.keras", "e{epoch:02d}.keras", "b{batch}-e{epoch}.keras", "e{epoch}-{loss:.4f}.keras")
_ANY_FILES = (
    *_FILES, "e{epoch}-{val_loss:.4f}.keras", "{learning_rate}-{epoch}.keras", "{lr:.3e}.keras", "w.weights.h5",
    "w{epoch}.h5", "w.txt", "{nowhere}.keras", "{}.keras", "{epoch", "{val_loss:d}.keras", "{loss!r}.keras",
)  # fmt: skip
_SCHEDULED = (
    0.1, 0.01, 1.0, 0.0, 1e-46, 1e39, -0.5, "as it is", "as it is", "NaN", "NaN", "Infinity", 0.5, 0.25, None, 1, True,
    {"type": "float32", "value": 0.1}, {"type": "float32", "value": "NaN"}, {"type": "float64", "value": 0.3},
    {"type": "int64", "value": 1}, {"type": "float16", "value": 0.5}, {"raise": "ValueError"}, {"raise": "TypeError"},
    {"raise": "RuntimeError"}, {"raise": "KeyError"},
)  # fmt: skip
_SEEN = {"type": "seen"}
_SEEN_HOOKS = (
    "on_epoch_end", "on_epoch_begin", "on_train_begin", "on_train_end", "on_train_batch_begin", "on_train_batch_end",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signature:
    """Which arguments and classes this version has: of ModelCheckpoint, of TerminateOnNaN, and whether backups run."""

    period: bool
    raise_error: bool
    backup: bool
    remote: bool = True


@dataclass(frozen=True, slots=True)
class CaseSettings:
    """Draws callbacks: `pick` one of a sequence, `upto` a number from 0, `row` bytes; `numbers` are metric values."""

    pick: Callable[[Sequence[Any]], Any]
    upto: Callable[[int], int]
    row: Callable[[int], bytes]
    numbers: Sequence[float]
    signature: Signature

    def early_stopping(self) -> Json:
        """Return an EarlyStopping that has a chance to stop."""
        options = {
            "mode": lambda: self.pick(_MODES),
            "min_delta": self._margin,
            "restore_best_weights": lambda: True,
            "baseline": lambda: self.pick(self.numbers),
            "start_from_epoch": lambda: self.pick((1, 3, 7, -1)),
            "verbose": lambda: 1,
        }
        fixed = {"monitor": self.pick(_MONITORS), "patience": self.pick(_PATIENCE)}
        return self._with("EarlyStopping", fixed, options)

    def reducing(self) -> Json:
        """Return a ReduceLROnPlateau that has a chance to reduce, often more than once."""
        fixed = {
            "monitor": self.pick(_MONITORS),
            "patience": self.pick((2, 1, 3, 4, 5, 8, 12, 20)),
            "factor": self.pick(_FACTORS),
        }
        return self._with("ReduceLROnPlateau", fixed, self._plateau_options())

    def cooling(self) -> Json:
        """Return a ReduceLROnPlateau whose cooldown has time to matter."""
        fixed = {
            "monitor": self.pick(_MONITORS),
            "patience": self.pick((1, 2, 3)),
            "factor": self.pick((0.5, 0.9, 0.1)),
        }
        # Metrics whose direction every version knows.
        fixed |= {"cooldown": self.pick((2, 3, 5, 8)), "mode": self.pick(("min", "max", "auto"))}
        return self._with("ReduceLROnPlateau", fixed, {"min_lr": lambda: self.pick((1e-3, 1e-6)), "verbose": lambda: 1})

    def batch_saving(self) -> Json:
        """Return a ModelCheckpoint that saves after so many batches."""
        fixed = {"filepath": self.pick(_FILES), "save_freq": self.pick((2, 1, 3, 4, 5, 7, 12))}
        options = {
            # Since 3.11 that raises at the first batch that has something to beat.
            "save_best_only": lambda: not self.upto(2),
            "monitor": lambda: self.pick(("loss", "val_loss")),
            "initial_value_threshold": lambda: self.pick(self.numbers),
            "verbose": lambda: 1,
        }
        return self._with("ModelCheckpoint", fixed, options)

    def checkpoint(self) -> Json:
        """Return a ModelCheckpoint, mostly of epochs, with any file name."""
        options: dict[str, Callable[[], Any]] = {
            "save_best_only": lambda: True,
            "mode": lambda: self.pick(_MODES),
            "initial_value_threshold": lambda: self.pick(self.numbers),
            "verbose": lambda: 1,
            **({"period": lambda: self.pick((2, 3, 0, -1))} if self.signature.period else {}),
        }
        file = self.pick(_FILES[:2] if self.upto(4) else _ANY_FILES)
        frequency = {"save_freq": self.pick((1, 2, 5, 0, "batch", "epoch"))} if not self.upto(5) else {}
        if file.endswith(".h5"):
            options["save_weights_only"] = lambda: True
        return self._with("ModelCheckpoint", {"filepath": file, "monitor": self.pick(_MONITORS), **frequency}, options)

    def scheduler(self) -> Json:
        """Return a LearningRateScheduler: a schedule as people write it, or one that returns what it should not."""
        rates = [
            _SCHEDULED[(byte + 7 * number) % len(_SCHEDULED)] for number, byte in enumerate(self.row(1 + self.upto(5)))
        ]
        odd = {"type": "odd", "values": rates}
        count, rate = 1 + self.upto(3), self.pick((0.5, 0.1, 0.9, 1.5))
        usual = (
            {"type": "exp", "start": count, "rate": rate},
            {"type": "step", "every": count, "factor": rate},
            {"type": "epoch_only", "base": 0.1, "rate": rate},
            {"type": "warmup", "peak": rate, "epochs": count},
            {"type": "int_at", "epoch": count},
        )
        schedule = self.pick((*usual, odd, odd, odd, odd, odd))
        return self._with("LearningRateScheduler", {"schedule": schedule}, {"verbose": lambda: 1})

    def terminate(self) -> Json:
        """Return a TerminateOnNaN."""
        raising = {"raise_error": lambda: True} if self.signature.raise_error else {}
        return self._with("TerminateOnNaN", {}, raising)

    def observer(self) -> Json:
        """Return a callback that decides nothing, and tells what it was shown."""
        mask = self.upto(2 ** len(_SEEN_HOOKS) - 1)
        hooks: Json = {hook: _SEEN for number, hook in enumerate(_SEEN_HOOKS) if mask >> number & 1}
        if self.upto(9) == 9:
            hooks[self.pick(_SEEN_HOOKS)] = {**_SEEN, "raises": self.pick((1, 2, 3))}
        kinds: list[Json] = [
            {"class": "CSVLogger", "kwargs": {"filename": "log.csv", "append": bool(self.upto(1))}},
            {"class": "History", "kwargs": {}},
            {"class": "LambdaCallback", "kwargs": {"on_epoch_end": _SEEN, **hooks}},
        ]
        if self.signature.backup:
            backup = {"backup_dir": "backup", "save_freq": self.pick(("epoch", 1, 2, 3))}
            kinds.append({"class": "BackupAndRestore", "kwargs": {**backup, "double_checkpoint": bool(self.upto(1))}})
        return self.pick(kinds)

    def observed(self) -> list[Json]:
        """Return observers around a callback that decides; a RemoteMonitor at most once, where posts can be caught."""
        lists = [self.observer(), self._any(), self.observer()]
        if self.signature.remote and not self.upto(2):
            lists.append({"class": "RemoteMonitor", "kwargs": {"send_as_json": bool(self.upto(1))}})
        return lists[self.upto(1) :]

    def others(self, most: int) -> list[Json]:
        """Return up to so many further callbacks."""
        return [self._any() for _ in range(self.upto(most))]

    def several(self) -> list[Json]:
        """Return one to three callbacks."""
        return [self._any(), *self.others(2)]

    def odd(self) -> list[Json]:
        """Return callbacks with settings that nobody would write, and with any monitor."""
        return [self._odd() for _ in range(1 + self.upto(1))]

    def _any(self) -> Json:
        kinds = (
            self.early_stopping, self.reducing, self.checkpoint, self.early_stopping, self.reducing, self.checkpoint,
            self.scheduler, self.terminate, self.observer, self._odd,
        )  # fmt: skip
        return self.pick(kinds)()

    def _odd(self) -> Json:
        callback = self.pick((self.early_stopping, self.reducing, self.checkpoint, self.cooling))()
        kwargs = callback["kwargs"] | {"monitor": self.pick(_ANY_MONITORS), "mode": self.pick(_MODES)}
        if "patience" in kwargs:
            kwargs["patience"] = self.pick((-1, 0, 1.5, math.inf, 2))
        if "factor" in kwargs:
            kwargs["factor"] = self.pick((1.0, 0.0, -0.5, 1.5, 0.5, 1e-300))
        return {**callback, "kwargs": kwargs}

    def _plateau_options(self) -> dict[str, Callable[[], Any]]:
        return {
            "mode": lambda: self.pick(_MODES),
            "min_delta": self._margin,
            "cooldown": lambda: self.pick((1, 2, 4, -1)),
            "min_lr": lambda: self.pick((1e-3, 1e-5, 0.05, 1e-45, -1.0, 0.1)),
            "verbose": lambda: 1,
        }

    def _margin(self) -> float:
        return float(self.pick((0.0, 0.1, 1e-3, 1e-4, 0.1, 0.125, -0.125, 0.1, 1e-40, *self.numbers)))

    def _with(self, kind: str, fixed: Json, options: dict[str, Callable[[], Any]]) -> Json:
        """Return the settings with those of the options that a drawn mask names; none is the simplest."""
        mask = self.upto(2 ** len(options) - 1) if options else 0
        drawn = {key: draw() for number, (key, draw) in enumerate(options.items()) if mask >> number & 1}
        return {"class": kind, "kwargs": {**fixed, **drawn}}
