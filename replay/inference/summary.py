"""An inference in a few sentences: what the recording shows, what that allows, and how certain it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.inference.evidence import stopped_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.ingest.recording import Message
    from kcb_replay.replay.inference.candidates import PlateauCandidate, StoppingCandidate
    from kcb_replay.replay.inference.evidence import Drop, Rates
    from kcb_replay.replay.stream import Stream

__all__ = ["summary_of"]

_MOST_NAMED = 8


def summary_of(
    stream: Stream,
    readings: Sequence[Rates],
    stopping: Sequence[StoppingCandidate],
    plateaus: Sequence[PlateauCandidate],
    schedules: Sequence[str],
    messages: Sequence[Message],
    reasons: tuple[str, str],
) -> tuple[str, ...]:
    """Return the sentences; `reasons` say why these versions, and why nothing is known of the learning rate."""
    versions, no_rates = reasons
    return (
        f"The recording has {len(stream.epochs)} epochs and ends with epoch {stream.epochs[-1].index + 1}. {versions}",
        *_of_end(stream, stopping, messages),
        *([no_rates] if no_rates else []),
        *(_of_rates(readings[0], plateaus, schedules) if readings else ()),
    )


def _of_end(stream: Stream, stopping: Sequence[StoppingCandidate], messages: Sequence[Message]) -> Iterator[str]:
    last = stream.epochs[-1].index
    kinds = {each.kind for each in messages}
    exactly = any(each.stops for each in stopping)
    which = "with the settings below" if exactly else "with no settings that are looked at here"
    if stopped_at(messages) == last:
        yield f"EarlyStopping said that it stopped the training there, so there was one: it does so {which}."
        yield "But for that message the recording would be consistent with no EarlyStopping at all."
        return
    if "restored" in kinds:
        yield "A callback said that it restored weights, so EarlyStopping(restore_best_weights=True) was there."
    else:
        yield "It is consistent with no EarlyStopping at all: the number of epochs asked for may have ended it."
    if "terminated" in kinds:
        yield "TerminateOnNaN said that it ended an epoch."
    if exactly:
        yield "It ends exactly where EarlyStopping with some settings stops; that proves none of them."
    else:
        yield "No EarlyStopping that is looked at here stops exactly at the last epoch."
    yield "It ran on to its end, so no EarlyStopping with less patience than below was there."


def _of_rates(rates: Rates, plateaus: Sequence[PlateauCandidate], schedules: Sequence[str]) -> Iterator[str]:
    if not rates.drops:
        yield "The learning rate is the same in every epoch: nothing reduced it as far as the recording shows."
        yield "It is consistent with no ReduceLROnPlateau at all, and with one whose min_lr the rate never exceeded."
        return
    yield f"The learning rate changed {_times(len(rates.drops))}: {_named(rates.drops)}."
    if rates.digits is not None:
        yield f"It was written with {rates.digits} digits, and is compared by these."
    if plateaus:
        yield "ReduceLROnPlateau with the settings below reduces in these epochs and in no other; that proves none."
    elif rates.rose:
        yield "It rose, which ReduceLROnPlateau never does: a schedule, or somebody's own doing."
    else:
        yield "No ReduceLROnPlateau alone, as far as it is looked at here, reduces in these epochs and in no other."
    if schedules:
        also = "also " if plateaus else ""
        yield f"Every recorded learning rate is {also}made by {', or by '.join(schedules)}."
    elif len(rates.values) > 2 and len(rates.drops) == len(rates.values) - 1:
        yield "It changes after every epoch, and no known schedule with simple arguments makes it: one of its own."
    elif not plateaus:
        yield "No known schedule with simple arguments makes it either: a schedule of its own, or several callbacks."


def _named(drops: Sequence[Drop]) -> str:
    named = [f"to {each.new:.6g} after epoch {each.index + 1}" for each in drops[:_MOST_NAMED]]
    rest = len(drops) - len(named)
    return ", ".join([*named, *([f"and {rest} times more"] if rest else [])])


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
