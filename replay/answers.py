"""What every row of a table of fits is made of: the answer for one fit and one list of callbacks.

A `Replay` is one that holds every epoch. A `FitAnswer` comes from the lanes, many fits at a time, and holds no more
than such a row says; of the same name, both hold the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from kcb_replay.ingest.recording import Recording, both_counts, one_based
from kcb_replay.language.reason import Reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.monitors import MissingMonitor
from kcb_replay.replay.outcomes import Drop, Outcome, Save
from kcb_replay.replay.request import ReplayRequest
from kcb_replay.replay.validity import Validity

Json: TypeAlias = dict[str, object]


class Answer:
    """The answer for one fit and one list of callbacks that Keras runs to a stop or to the end of the recording.

    `initial_lr` is what the learning rate started from; `initial_lr_source` says whether it was "given", "recorded" or
    "assumed", or is "unknown", for no callback looked at it. `remarks` are about what the answer does not say;
    `missing` are the metrics that callbacks watch and that no epoch has.
    """

    __slots__ = ()

    run: str
    fit: int
    semantics: Semantics
    callbacks: tuple[Callback, ...]
    outcomes: tuple[Outcome, ...]
    initial_lr: float
    initial_lr_source: str
    remarks: tuple[Reason, ...]
    missing: tuple[MissingMonitor, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the answer does not say, in English."""
        return tuple(map(str, self.remarks))

    @property
    def epochs(self) -> int:
        """Number of recorded epochs."""
        raise NotImplementedError

    @property
    def epochs_run(self) -> int:
        """Number of epochs that ran."""
        raise NotImplementedError

    @property
    def stop_index(self) -> int | None:
        """0-based epoch after which the training was stopped, None if it never was."""
        raise NotImplementedError

    @property
    def stop_epoch(self) -> int | None:
        """Epoch after which the training was stopped, counted from 1."""
        return one_based(self.stop_index)

    @property
    def stopped_by(self) -> str | None:
        """Name of the callback that stopped the training, the first in list order."""
        raise NotImplementedError

    @property
    def changes_learning_rate(self) -> bool:
        """Whether the learning rate is the callbacks' own, and not the recorded one."""
        raise NotImplementedError

    @property
    def drops(self) -> tuple[Drop, ...]:
        """Every reduction of the learning rate at the end of an epoch, by whichever callback, epoch by epoch."""
        raise NotImplementedError

    @property
    def saves(self) -> tuple[Save, ...]:
        """Everything that was written of the model, by whichever callback, in the order of epochs and of the list."""
        raise NotImplementedError

    @property
    def final_lr(self) -> float | None:
        """Learning rate at the end; None when no callback holds one and none was recorded or given."""
        raise NotImplementedError

    @property
    def validity(self) -> Validity:
        """How far the answer can be trusted: the stop where there is one, else whatever the callbacks do."""
        raise NotImplementedError

    @property
    def assumed(self) -> tuple[Reason, ...]:
        """What is assumed of directions, for each metric of which Keras would have asked the model."""
        raise NotImplementedError

    def to_dict(self) -> Json:
        """Return one element of `results` of `kcb-replay simulate --json`."""
        return {
            "run": self.run,
            "fit": self.fit,
            "epochs": self.epochs,
            "semantics": self.semantics.name,
            **self.validity.to_dict(),
            "epochs_run": self.epochs_run,
            **both_counts("stop", self.stop_index),
            "stopped_by": self.stopped_by,
            "initial_lr": None if self.initial_lr_source == "unknown" else self.initial_lr,
            "initial_lr_source": self.initial_lr_source,
            "final_lr": self.final_lr,
            "callbacks": [outcome.to_dict() for outcome in self.outcomes],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, eq=False)
class FitAnswer(Answer):
    """What one callback alone comes to in one fit, as the lanes give it; the engine can be asked for all of it.

    `stop_index` and `epochs_run` are those of the callback, for there is no other. `recording` and `request` are what
    was asked.
    """

    run: str
    fit: int
    semantics: Semantics
    callbacks: tuple[Callback, ...]
    outcomes: tuple[Outcome, ...]
    initial_lr: float
    initial_lr_source: str
    remarks: tuple[Reason, ...]
    recording: Recording
    request: ReplayRequest
    missing: tuple[MissingMonitor, ...] = ()

    @property
    def epochs(self) -> int:
        """Number of recorded epochs."""
        return len(self.recording.fits[self.fit])

    @property
    def epochs_run(self) -> int:
        """Number of epochs that ran."""
        return self.epochs - self.outcomes[0].saved_epochs

    @property
    def stop_index(self) -> int | None:
        """0-based epoch after which the callback stopped the training."""
        return self.outcomes[0].stop_index

    @property
    def stopped_by(self) -> str | None:
        """Name of the callback, where it stopped the training."""
        return None if self.stop_index is None else self.callbacks[0].name

    @property
    def changes_learning_rate(self) -> bool:
        """Whether the callback reduces the learning rate."""
        return self.callbacks[0].changes_learning_rate

    @property
    def drops(self) -> tuple[Drop, ...]:
        """Every reduction of the learning rate."""
        return self.outcomes[0].drops

    @property
    def saves(self) -> tuple[Save, ...]:
        """Nothing: no callback of the lanes writes a file."""
        return ()

    @property
    def final_lr(self) -> float | None:
        """Learning rate at the end, None where it is not known."""
        if self.drops:
            return self.drops[-1].new_lr
        return None if self.initial_lr_source == "unknown" else float32(self.initial_lr)

    @property
    def validity(self) -> Validity:
        """How far the answer can be trusted."""
        return self.outcomes[0].validity

    @property
    def assumed(self) -> tuple[Reason, ...]:
        """Nothing: a fit of which the direction is assumed is left to the engine."""
        return ()
