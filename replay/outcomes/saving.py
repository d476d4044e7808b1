"""What callbacks come to that leave something behind: ModelCheckpoint, loggers, and real Keras callbacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from kcb_replay.ingest.recording import both_counts
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.events import BackupSaved, CheckpointSaved
from kcb_replay.replay.outcomes.base import CallbackTrace, Json, Outcome, RateSet, Save, dated, hypothetical
from kcb_replay.replay.outcomes.rates import drops_in, rates_in
from kcb_replay.replay.validity import Validity


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingOutcome(Outcome):
    """What ModelCheckpoint would have written in one fit."""

    @classmethod
    def of(cls, trace: CallbackTrace) -> Self:
        """Return the saves."""
        frequency = str(trace.callback.arguments["save_freq"])
        return cls(
            settings=trace.callback,
            mode=trace.state.direction,
            saves=_saves_in(trace, CheckpointSaved),
            validity=_validity(
                trace,
                no_batches=reason("validity.no_batches_to_save", save_freq=frequency),
                exact=reason("validity.saves"),
            ),
        )

    def facts(self) -> Json:
        """Return the saves, and the files that are left."""
        return {
            "saves": [dated(save) for save in self.saves],
            "on_disk": [
                {"path": file.path, "index": file.index, "epoch": file.index + 1, "overwritten": file.overwritten}
                for file in self.on_disk
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverOutcome(Outcome):
    """What a callback did and left behind that has no answer of its own."""

    @classmethod
    def of(cls, trace: CallbackTrace) -> Self:
        """Return where it stopped, what it set and wrote, and its output."""
        drops = drops_in(trace)
        rates = [*rates_in(trace), *(RateSet(drop.index, drop.old_lr, drop.new_lr) for drop in drops)]
        return cls(
            settings=trace.callback,
            mode=trace.state.direction,
            output=trace.run.states[trace.position].output(),
            stop_index=trace.last if trace.position in trace.run.rows[-1].stoppers else None,
            rates=tuple(sorted(rates, key=lambda rate: rate.index)),
            drops=drops,
            saves=_saves_in(trace, CheckpointSaved, BackupSaved),
            validity=_validity(
                trace,
                no_batches=reason("validity.no_batches", callback=str(trace.callback)),
                exact=reason("validity.observed"),
            ),
        )

    def facts(self) -> Json:
        """Return where it stopped, and what it did and left behind."""
        rates, saves = [dated(rate) for rate in self.rates], [dated(save) for save in self.saves]
        done = {"rates": rates, "saves": saves} if rates or saves else {}
        return {**both_counts("stop", self.stop_index), **self.output, **done}


def _saves_in(trace: CallbackTrace, *kinds: type[CheckpointSaved | BackupSaved]) -> tuple[Save, ...]:
    """Return every file that one callback wrote, with its label; of a backup nothing is compared."""
    return tuple(
        Save(
            event.index,
            event.batch,
            event.path,
            event.value if isinstance(event, CheckpointSaved) else None,
            "exact" if trace.is_exact_at(event.index) else "hypothetical",
        )
        for kind in kinds
        for event in trace.events(kind)
    )


def _validity(trace: CallbackTrace, *, no_batches: Reason, exact: Reason) -> Validity:
    if trace.callback.counts_batches and not trace.stream.has_batches:
        return Validity("undecided", no_batches)
    if trace.beyond is not None:
        return hypothetical(trace.beyond)
    return Validity("exact", exact)
