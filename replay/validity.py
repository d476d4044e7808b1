"""How far an answer can be trusted, decided once for every output.

EarlyStopping only observes until it stops, so its stop is exact. A replayed learning rate that is not the recorded
one makes every later metric a what-if: the answer is exact up to the last epoch before that. A recording that ends
before the answer leaves it undecided. Where a real callback did not get to see something, or looked at something beside
the recording, no answer of its list is exact: its hooks may have stopped the training or set another learning rate, and
every other callback would have seen that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from kcb_replay.ingest.recording import both_counts
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import Callback, State
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.engine import Row, Run
from kcb_replay.replay.events import WeightsRestored, of_kind
from kcb_replay.replay.learning_rates import digits_kept, is_same_rate
from kcb_replay.replay.stream import Stream

Label: TypeAlias = Literal["exact", "undecided", "hypothetical", "rounded", "sampled"]
_WORSENING: tuple[Label, ...] = ("exact", "undecided", "hypothetical", "rounded", "sampled")


@dataclass(frozen=True, slots=True)
class Validity:
    """One label, and `why` it is this one; `reason` is that in English.

    `valid_through_index` is the last 0-based epoch until which a hypothetical answer is exact (None: not even the
    first); `earliest_stop_index` the first at which an undecided stop could come. `undecided`: the recording ends
    before the answer, whatever else limits it; a rounded answer may be undecided, too, and its label says one of both.
    `unseen`: it is a what-if for what a callback looked at or missed, not for another learning rate.
    `assumed`: the direction of the metric is taken from its name.
    """

    label: Label
    why: Reason
    valid_through_index: int | None = None
    earliest_stop_index: int | None = None
    undecided: bool = False
    unseen: bool = False
    assumed: bool = False

    def __post_init__(self) -> None:
        if self.label == "undecided":
            object.__setattr__(self, "undecided", True)

    @property
    def reason(self) -> str:
        """Why it has this label, in English."""
        return str(self.why)

    def weakened(self, label: Label, why: Reason) -> Validity:
        """Return it with a weaker label; what an undecided one says of the end of the recording is still said."""
        both = reason("validity.weaker", weaker=why, undecided=self.why)
        return replace(self, label=label, why=both if self.undecided else why)

    def to_dict(self) -> dict[str, object]:
        """Return the label, its reason with its code, and its epochs in both ways of counting."""
        through, earliest = self.valid_through_index, self.earliest_stop_index
        return {
            "validity": self.label,
            "reason": self.reason,
            "code": self.why.code,
            "undecided": self.undecided,
            **both_counts("valid_through", through),
            **both_counts("earliest_stop", earliest),
        }


@dataclass(frozen=True, slots=True)
class Horizon:
    """The recorded metrics are what the replayed training would have seen up to and including the epoch `index`.

    `index` is None when they differ from the start. Without any limit there is no Horizon at all. `unseen` as in
    `Validity`.
    """

    index: int | None
    why: Reason
    unseen: bool = False

    def covers(self, index: int) -> bool:
        """Tell whether the metrics of the epoch `index` are still those of the replayed training."""
        return self.index is not None and index <= self.index


def horizon_of(rows: Sequence[Row], stream: Stream, initial_lr: float) -> Horizon | None:
    """Return the limit that a replayed learning rate sets, or None when it nowhere differs from the recorded one.

    Only to be asked when a replayed callback can change the learning rate. Where none is recorded, the recorded
    training is taken to have gone on with the last one known, which at first is the one that the replay starts from.
    """
    believed = float32(initial_lr)
    digits = digits_kept(stream.learning_rates.values())
    before: int | None = None
    for row in rows:
        recorded = stream.learning_rates.get(row.index)
        believed = believed if recorded is None else recorded
        if not is_same_rate(believed, row.lr_begin, digits):
            return divergence(before, row.index, recorded, row.lr_begin)
        # A rate that may be late must agree with the one after the epoch too, or nobody knows when it changed.
        if stream.learning_rates_may_be_late and recorded is not None and not is_same_rate(believed, row.lr, digits):
            return divergence(row.index, row.index + 1, recorded, row.lr)
        before = row.index
    return None


def cut_short(rows: Sequence[Row]) -> Horizon | None:
    """Return the limit that an epoch sets which is left in the middle: its recorded metrics are of the whole epoch."""
    last = rows[-1]
    if not any(event.ends_epoch for event in last.all_events):
        return None
    before = rows[-2].index if len(rows) > 1 else None
    return Horizon(before, reason("limit.left_early", epoch=last.index + 1))


def put_back(rows: Sequence[Row]) -> Horizon | None:
    """Return the limit that weights set which are put back before the training ends: it goes on from others then."""
    for row in rows[:-1]:
        for event in of_kind(row.all_events, WeightsRestored):
            why = reason("limit.put_back", callback=event.callback, best=event.from_index + 1, epoch=row.index + 1)
            return Horizon(row.index, why)
    return None


def nearest(first: Horizon | None, second: Horizon | None) -> Horizon | None:
    """Return the limit that comes first."""
    if first is None or second is None:
        return first or second
    return first if first.index is None or (second.index is not None and first.index <= second.index) else second


def worst(validities: Sequence[Validity]) -> Validity:
    """Return the validity with the weakest label, the first of equals; undecided where any of them is."""
    weakest = max(validities, key=lambda validity: _WORSENING.index(validity.label))
    return replace(weakest, undecided=any(validity.undecided for validity in validities))


def divergence(before: int | None, index: int, recorded: float | None, replayed: float) -> Horizon:
    """Return the limit after `before`: in the 0-based epoch `index` the replayed rate is not the recorded one."""
    if recorded is not None:
        return Horizon(before, reason("limit.other_rate", recorded=recorded, replayed=replayed, epoch=index + 1))
    if index:
        return Horizon(before, reason("limit.rate_changes", epoch=index))
    return Horizon(before, reason("limit.rate_from_start", rate=replayed))


def unseen(callback: Callback, state: State | None, stream: Stream) -> tuple[Reason, ...]:
    """Return the reasons for which what a callback did is not exact, none for those of kcb-replay."""
    if not callback.is_of_user:
        return ()
    looked: tuple[Reason, ...] = getattr(state, "limits", tuple)()
    return (*_never_called(callback, stream), *looked)


def unseen_by_list(callbacks: Sequence[Callback], run: Run, stream: Stream) -> Horizon | None:
    """Return the limit that code of the user's sets to a list, None without one.

    A callback of Keras's own that misses batches misses files to save, and touches no other.
    """
    reasons: list[Reason] = []
    for position, callback in enumerate(callbacks):
        if callback.is_of_user:
            from kcb_replay.replay.bridge.settings import decides_alone

            if not decides_alone(callback):
                reasons += unseen(callback, _state(run, position), stream)
    return Horizon(None, reason("limit.unseen", reasons=tuple(reasons)), unseen=True) if reasons else None


def remarks(callbacks: Sequence[Callback], run: Run, stream: Stream) -> Iterator[Reason]:
    """Yield what a reader should know of how real callbacks were answered."""
    for position, callback in enumerate(callbacks):
        state = _state(run, position)
        yield from unseen(callback, state, stream)
        yield from getattr(state, "remarks", tuple)()


def _state(run: Run, position: int) -> State | None:
    return run.states[position] if position < len(run.states) else None


def _never_called(callback: Callback, stream: Stream) -> Iterator[Reason]:
    from kcb_replay.replay.bridge.settings import blind_spots

    hooks = blind_spots(callback, has_batches=stream.has_batches)
    of_training = [hook for hook in hooks if "test" not in hook]
    if of_training:
        yield reason("note.hooks_of_batches", callback=callback.name, hooks=tuple(of_training))
    of_validation = [hook for hook in hooks if "test" in hook]
    if of_validation and any(name.startswith("val_") for name in stream.names):
        yield reason("note.hooks_of_validation", callback=callback.name, hooks=tuple(of_validation))
