"""Two versions of Keras side by side: what changed between them, and which recorded fits would end elsewhere.

A fit ends elsewhere where it stops, keeps weights, reduces the learning rate or saves in another epoch, or where one of
the two raises. A learning rate that differs in its last digits only is counted, and is no other end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.errors import NotReplayableError
from kcb_replay.ingest.display import Displayed
from kcb_replay.ingest.recording import Recording
from kcb_replay.ingest.store import Store
from kcb_replay.language.reason import Reason
from kcb_replay.replay.attempt import answer_of, attempt_of
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.request import ReplayRequest, settings_of
from kcb_replay.replay.result import Replay
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.replay.version_changes import VersionChange, changes_between, reverted_between
from kcb_replay.replay.version_difference import behaviours_between
from kcb_replay.replay.version_guess import Ending, ending_of

if TYPE_CHECKING:
    import pandas as pd


Json: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class MovedFit:
    """A fit that ends elsewhere: its two endings, and the behaviours of the second version that make the difference."""

    run: str
    fit: int
    epochs: int
    first: Ending
    second: Ending
    behaviours: tuple[str, ...]

    def to_dict(self) -> Json:
        """Return one element of `moved` of `kcb-replay versions --json`."""
        return {
            "run": self.run,
            "fit": self.fit,
            "epochs": self.epochs,
            "from": self.first.to_dict(),
            "to": self.second.to_dict(),
            "behaviours": list(self.behaviours),
        }


@dataclass(frozen=True, eq=False)
class VersionComparison(Displayed):
    """What changed from `first` to `second`, and what that does to recorded fits.

    `callbacks` are those that the fits were judged by. Of `fits` judged fits, in `runs` runs, those in `moved` end
    elsewhere; `undecided` counts those of the others whose recording ends before a stop, `rounded` those whose learning
    rate differs in its last digits only. `left_out` could not be replayed under either version.
    """

    first: Semantics
    second: Semantics
    changes: tuple[VersionChange, ...]
    reverted: tuple[tuple[str, tuple[str, ...]], ...]
    callbacks: tuple[Callback, ...] = ()
    runs: int = 0
    fits: int = 0
    moved: tuple[MovedFit, ...] = ()
    undecided: int = 0
    rounded: int = 0
    left_out: tuple[LeftOut, ...] = ()

    def to_dict(self) -> Json:
        """Return the document of `kcb-replay versions FROM TO --json`."""
        return {
            "schema": "kcb-replay/versions/1",
            "from": self.first.name,
            "to": self.second.name,
            "changes": [change.to_dict() for change in self.changes],
            "reverted": [{"behaviour": name, "since": list(since)} for name, since in self.reverted],
            "callbacks": [str(callback) for callback in self.callbacks],
            "fits": self.fits,
            "moved": [each.to_dict() for each in self.moved],
            "undecided": self.undecided,
            "rounded": self.rounded,
            "left_out": [{"run": each.run, "fit": each.fit, "reason": each.reason} for each in self.left_out],
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per change."""
        import pandas as pd

        return pd.DataFrame.from_records([change.to_dict() for change in self.changes])

    def __repr__(self) -> str:
        judged = f", {len(self.moved)} of {self.fits} fits end elsewhere" if self.fits else ""
        return f"<{len(self.changes)} changes from {self.first} to {self.second}{judged}>"


def versions(
    first: str | Semantics,
    second: str | Semantics,
    recordings: Iterable[Recording] | Recording | Store = (),
    callbacks: Sequence[Callback] = (),
    *,
    initial_lr: float | None = None,
    steps_per_epoch: int | None = None,
) -> VersionComparison:
    """Return what changed from one version of Keras to another, and which of the recorded fits end elsewhere.

    `recordings` are one, a list or a store. Their fits are judged by `callbacks`, fresh for each; without any, by
    `usual_callbacks`. Raises `SettingError` for an
    unknown version.
    """
    pair = semantics(first), semantics(second)
    judged = _Judged(tuple(callbacks) or usual_callbacks(*pair), pair, initial_lr, steps_per_epoch)
    for recording in _each(recordings):
        judged.judge(recording)
    return VersionComparison(
        *pair,
        changes_between(*pair),
        reverted_between(*pair),
        judged.callbacks,
        judged.runs,
        judged.fits,
        tuple(judged.moved),
        judged.undecided,
        judged.rounded,
        tuple(judged.left_out),
    )


def usual_callbacks(*known_by: Semantics, monitor: str = "val_loss", mode: str = "auto") -> tuple[Callback, ...]:
    """Return what most trainings have: a stop with the best weights restored, and a reduction before it.

    The best weights are restored where all versions have that argument.
    """
    restores = not any("EarlyStopping.restore_best_weights" in each.missing_arguments for each in known_by)
    return (
        EarlyStopping(monitor=monitor, mode=mode, patience=5, restore_best_weights=restores),
        ReduceLROnPlateau(monitor=monitor, mode=mode, patience=3),
    )


def _each(recordings: Iterable[Recording] | Recording | Store) -> Iterable[Recording]:
    if isinstance(recordings, Recording):
        return [recordings]
    if isinstance(recordings, Store):
        return (recordings.load(entry.name) for entry in recordings.runs())
    return recordings


class _Judged:
    """The fits judged so far: only what is said of them is kept, so that a store of any size goes through."""

    def __init__(
        self,
        callbacks: tuple[Callback, ...],
        pair: tuple[Semantics, Semantics],
        initial_lr: float | None,
        steps_per_epoch: int | None,
    ) -> None:
        self.callbacks = callbacks
        self._pair = pair
        self._settings = settings_of(callbacks)
        self._initial_lr, self._steps_per_epoch = initial_lr, steps_per_epoch
        self.runs = self.fits = self.undecided = self.rounded = 0
        self.moved: list[MovedFit] = []
        self.left_out: list[LeftOut] = []

    def judge(self, recording: Recording) -> None:
        """Judge every fit of a recording."""
        judged = [self._judge(recording, number) for number in range(len(recording.fits))]
        self.runs += any(judged)

    def _judge(self, recording: Recording, number: int) -> bool:
        """Judge one fit under both versions; say whether it could be judged."""
        pair = [self._answer(recording, number, version) for version in self._pair]
        (first, why_first), (second, why_second) = pair
        why = _why_not_judged([first, second], [why_first, why_second])
        if why is not None:
            self.left_out.append(LeftOut(recording.name, number, why, f"{recording.name}: {why}"))
        if first is None or second is None or why is not None:
            return False
        self.fits += 1
        endings = _ending(first), _ending(second)
        if endings[0] == endings[1]:
            self._count_alike(first, second)
        else:
            epochs = len(recording.fits[number].epochs)
            behaviours = _behaviours(first, second, self._pair)
            self.moved.append(MovedFit(recording.name, number, epochs, *endings, behaviours))
        return True

    def _answer(
        self, recording: Recording, number: int, version: Semantics
    ) -> tuple[Replay | RaisedFit | None, Reason | None]:
        """Return what comes of a fit, and why that is nothing, or little: a metric that is not recorded."""
        question = ReplayRequest(self._settings, version, self._initial_lr, self._steps_per_epoch)
        try:
            attempt = attempt_of(recording, number, question)
            answer = answer_of(attempt)
        except NotReplayableError as error:
            return None, error.why
        return answer, attempt.not_recorded().why if attempt.lacks_monitor else None

    def _count_alike(self, *answers: Replay | RaisedFit) -> None:
        replays = [each for each in answers if isinstance(each, Replay)]
        self.undecided += any(each.validity.label == "undecided" for each in replays)
        rates = {each.run_record.final_lr for each in replays}
        self.rounded += len(rates) > 1


def _why_not_judged(answers: Sequence[Replay | RaisedFit | None], reasons: Sequence[Reason | None]) -> Reason | None:
    """Return why a fit says nothing of two versions, None where it does."""
    if None in answers:
        return reasons[answers.index(None)]
    raised = [answer for answer in answers if isinstance(answer, RaisedFit)]
    if len(raised) == len(answers):
        return raised[-1].why
    # Where one version raises for want of a metric and the other goes on without it, that is an answer.
    return None if raised else next(filter(None, reasons), None)


def _ending(answer: Replay | RaisedFit) -> Ending:
    return Ending(raises=answer.reason) if isinstance(answer, RaisedFit) else ending_of(answer.run_record)


def _behaviours(
    first: Replay | RaisedFit, second: Replay | RaisedFit, pair: tuple[Semantics, Semantics]
) -> tuple[str, ...]:
    if isinstance(first, Replay):
        return behaviours_between(first, pair[1])
    return behaviours_between(second, pair[0]) if isinstance(second, Replay) else ()
