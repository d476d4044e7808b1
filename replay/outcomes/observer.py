"""What a callback comes to that is none of those with an answer of their own: loggers, and real Keras callbacks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks.base import KnownCallback
from kcb_replay.replay.events import BackupSaved, CheckpointSaved, LearningRateReduced, LearningRateSet
from kcb_replay.replay.outcomes.base import CallbackTrace, Json, Outcome, hypothetical, one_based
from kcb_replay.replay.outcomes.learning_rate_scheduler import RateSet
from kcb_replay.replay.outcomes.model_checkpoint import Save, saves_in
from kcb_replay.replay.outcomes.reduce_lr_on_plateau import Drop, drops_in
from kcb_replay.replay.validity import Validity

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ObserverOutcome", "observer_outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverOutcome(Outcome):
    """What a callback did and left behind.

    `output` is its own, for example the text of a file; `stop_index` the 0-based epoch after which it stopped; `rates`
    are the learning rates that it set, `drops` those among them that reduced it when an epoch ended, `saves` the files
    that it would have written.
    """

    output: Mapping[str, object]
    stop_index: int | None
    rates: tuple[RateSet, ...]
    drops: tuple[Drop, ...]
    saves: tuple[Save, ...]

    @property
    def fired(self) -> bool:
        """Whether it did anything to the training or to the disk."""
        return self.stop_index is not None or bool(self.rates) or bool(self.saves)

    def facts(self) -> Json:
        """Return where it stopped, and what it did and left behind."""
        rates = [{"index": rate.index, "epoch": rate.index + 1, **asdict(rate)} for rate in self.rates]
        done = {"rates": rates, "saves": [save.to_dict() for save in self.saves]} if rates or self.saves else {}
        return {"stop_index": self.stop_index, "stop_epoch": one_based(self.stop_index), **self.output, **done}


def observer_outcome(view: CallbackTrace) -> ObserverOutcome:
    """Return the outcome of a callback without an answer of its own."""
    output = getattr(view.run.states[view.position], "output", None)
    stopped = view.position in view.run.rows[-1].stoppers
    changes = [RateSet(event.index, event.old_lr, event.new_lr) for event in view.events(LearningRateSet)]
    changes += [RateSet(event.index, event.old_lr, event.new_lr) for event in view.events(LearningRateReduced)]
    return ObserverOutcome(
        settings=view.callback,
        mode=view.state.direction,
        output=output() if output else {},
        stop_index=view.last if stopped else None,
        rates=tuple(sorted(changes, key=lambda rate: rate.index)),
        drops=drops_in(view),
        saves=saves_in(view, CheckpointSaved, BackupSaved),
        validity=_validity(view),
    )


def _validity(view: CallbackTrace) -> Validity:
    settings = view.callback
    if isinstance(settings, KnownCallback) and settings.counts_batches and not view.stream.has_batches:
        return Validity("undecided", reason("validity.no_batches", callback=str(settings)))
    if view.beyond is not None:
        return hypothetical(view.beyond)
    return Validity("exact", reason("validity.observed"))
