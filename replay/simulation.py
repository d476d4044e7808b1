"""What a simulation holds: an answer per run, fit and list of callbacks, and the fits that have none.

A training that Keras itself ends with an exception is an answer, too: a row of every table, with the exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from kcb_replay.ingest.display import Displayed
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.engine import KerasError
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.monitors import MissingMonitor, not_recorded
from kcb_replay.replay.outcomes import Outcome
from kcb_replay.replay.result import Replay
from kcb_replay.replay.validity import Validity

Json: TypeAlias = dict[str, object]


@dataclass(frozen=True, eq=False)
class RaisedFit:
    """A fit that Keras itself ends with an exception; `epochs_run` epochs ended before it.

    `why` says what is raised and where, `message` the same with the name of the run. `first_epoch` and `last_epoch`
    are those of the recording, from 1.
    """

    run: str
    fit: int
    epochs: int
    first_epoch: int
    last_epoch: int
    epochs_run: int
    semantics: Semantics
    callbacks: tuple[Callback, ...]
    outcomes: tuple[Outcome, ...]
    error: KerasError
    missing: tuple[MissingMonitor, ...]
    why: Reason
    message: str

    @property
    def reason(self) -> str:
        """What is raised and where, in English."""
        return str(self.why)

    @property
    def validity(self) -> Validity:
        """How far the answer can be trusted."""
        return self.outcomes[0].validity

    @property
    def brief(self) -> Reason:
        """What is raised, when and why, as short as a table needs it."""
        raised = {"kind": self.error.kind, "why": self.missing[0].why if self.missing else self.error.message}
        if self.error.index is None:
            return reason("raised.brief", **raised)
        return reason("raised.brief_epoch", **raised, epoch=self.error.index + 1)

    def as_left_out(self) -> LeftOut:
        """Return why there is no answer but an exception."""
        return LeftOut(self.run, self.fit, self.why, self.message)

    def to_dict(self) -> Json:
        """Return one element of `results` of `kcb-replay simulate --json`, of a training that stops nowhere."""
        outcomes = [outcome.to_dict() for outcome in self.outcomes]
        for outcome in outcomes:
            # What an exception saves is nobody's saving.
            outcome |= {"saved_epochs": None} if "saved_epochs" in outcome else {}
        return {
            "run": self.run,
            "fit": self.fit,
            "epochs": self.epochs,
            "semantics": self.semantics.name,
            **self.validity.to_dict(),
            "epochs_run": self.epochs_run,
            "stop_index": None,
            "stop_epoch": None,
            "stopped_by": None,
            "initial_lr": None,
            "initial_lr_source": "unknown",
            "final_lr": None,
            "callbacks": outcomes,
            "notes": [],
        }


@dataclass(frozen=True)
class Simulation(Displayed):
    """One answer per run, fit and list of callbacks, in that order, and what was left out.

    `answers` are replays, and fits that Keras ends with an exception.
    """

    answers: tuple[Replay | RaisedFit, ...]
    left_out: tuple[LeftOut, ...]

    def __repr__(self) -> str:
        return f"<Simulation: {len(self.answers)} answers, {len(self.left_out)} fits left out>"

    @cached_property
    def replays(self) -> tuple[Replay, ...]:
        """The trainings that ran to a stop or to their end."""
        return tuple(answer for answer in self.answers if isinstance(answer, Replay))

    @cached_property
    def raised(self) -> tuple[RaisedFit, ...]:
        """The trainings that Keras itself ends with an exception."""
        return tuple(answer for answer in self.answers if isinstance(answer, RaisedFit))

    @property
    def is_answered(self) -> bool:
        """Whether some training runs with all the metrics that its callbacks watch."""
        return any(not replay.missing for replay in self.replays)

    @property
    def unanswered(self) -> tuple[LeftOut, ...]:
        """Every fit that is left out, that Keras ends with an exception, or that lacks a metric, and why."""
        idle = (without_metric(replay) for replay in self.replays if replay.missing)
        raised = (each.as_left_out() for each in self.raised)
        return tuple(dict.fromkeys([*self.left_out, *raised, *idle]))


def without_metric(replay: Replay) -> LeftOut:
    """Return why a replay is no answer: a metric is missing that its callbacks watch."""
    error = not_recorded(
        replay.missing[0], replay.run, replay.stream, replay.callbacks, replay.semantics, replay.run_record
    )
    return LeftOut(replay.run, replay.fit, error.why, str(error))
