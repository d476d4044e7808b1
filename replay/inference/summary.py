"""An inference in a few sentences: what the recording shows, what that allows, how certain it is, and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.language.reason import Reason
from kcb_replay.replay.source_limits import is_rounded, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.ingest.recording import Note
    from kcb_replay.replay.inference.candidates import PlateauCandidate, StoppingCandidate
    from kcb_replay.replay.inference.case import Monitored
    from kcb_replay.replay.inference.evidence import RateEvidence, Rates, RecordedChange, StopMessages

__all__ = ["Candidates", "limits_of", "summary_of"]

_MOST_NAMED = 8
_OF_SOURCES = ("rounded", "averaged", "starts_late")
_TAKEN = (
    "Taken for granted: fresh callbacks, whole patiences, min_delta from 0 up, baseline and start_from_epoch at their"
    " defaults, mode as auto takes it (both where that is not certain), and that Keras named the columns.",
    "Not seen in metrics: restore_best_weights and verbose; and that a callback of somebody's own did the same.",
)
_CONTRADICTED = (
    "What ReduceLROnPlateau said is not used: it lacks an epoch or a rate, does not fit the recorded learning rates, or"
    " a LearningRateScheduler set them, too."
)
_NO_FIRST = (
    "The first learning rate is not known to the last digit: ranges of factor and min_lr leave out none that made the"
    " others, and may hold some that no first rate leads to them with."
)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What explains a recording."""

    stopping: Sequence[StoppingCandidate]
    plateaus: Sequence[PlateauCandidate]
    schedules: Sequence[str]


def summary_of(printed: StopMessages, rates: RateEvidence, candidates: Candidates) -> tuple[str, ...]:
    """Return the sentences on what ended the recording and on what changed its learning rate."""
    return (*_of_end(printed, candidates.stopping), *_of_all_rates(rates, candidates))


def _of_end(printed: StopMessages, stopping: Sequence[StoppingCandidate]) -> Iterator[str]:
    if printed.stopped:
        yield "EarlyStopping said that it stopped the training there, so there was one."
        yield "But for that message the recording would be consistent with no EarlyStopping at all."
    elif printed.restored:
        yield "EarlyStopping said that it restored the best weights, so there was one, with restore_best_weights."
        yield "But for that message the recording would be consistent with no EarlyStopping at all."
    else:
        yield "It is consistent with no EarlyStopping at all: the number of epochs asked for may have ended it."
    if printed.best is not None:
        yield f"The weights that it restored are those of epoch {printed.best + 1}, so that was its best one."
    if not any(each.stops for each in stopping):
        yield "No EarlyStopping that is looked at here stops exactly at the last epoch."
    elif not printed.stopped:
        yield "It ends exactly where EarlyStopping with some settings stops; that proves none of them."
    yield "It ran on to its end, so no EarlyStopping with less patience than below was there."


def _of_all_rates(rates: RateEvidence, candidates: Candidates) -> Iterator[str]:
    if rates.scheduled:
        yield "LearningRateScheduler said that it set the learning rate, so there was one."
    if rates.contradicted:
        yield "ReduceLROnPlateau said that it reduced the learning rate, so there was one."
    if rates.reason:
        yield rates.reason
    if rates.readings and rates.reduced and not rates.contradicted:
        yield from _of_reductions(rates.readings[0], candidates.plateaus)
    elif rates.readings:
        yield from _of_rates(rates.readings[0], candidates, reduced=rates.reduced)
    if len(rates.readings) > 1:
        yield "Its source may hold the rate from after a drop of the same epoch: then each change came an epoch later."


def _of_reductions(rates: Rates, plateaus: Sequence[PlateauCandidate]) -> Iterator[str]:
    """Yield what the messages of ReduceLROnPlateau come to."""
    there_was = "ReduceLROnPlateau said that it reduced the learning rate"
    if not rates.drops:
        yield f"{there_was}, so there was one; but to the one that there was already, its min_lr."
        return
    yield f"{there_was} {_times(len(rates.drops))}, so there was one: {_named(rates.drops)}."
    if plateaus:
        yield "With the settings below it does so in these epochs and in no other."
    elif rates.rose:
        yield "Between them the rate rose, which ReduceLROnPlateau never does: something else set it, too."
    else:
        yield (
            "With no settings that are looked at here does it do so in these epochs and in no other: it may have"
            " watched what is not recorded, or not have been fresh."
        )


def _of_rates(rates: Rates, candidates: Candidates, *, reduced: bool) -> Iterator[str]:
    plateaus, schedules = candidates.plateaus, candidates.schedules
    if not rates.drops:
        yield "The learning rate is the same in every epoch: nothing reduced it as far as the recording shows."
        if not reduced:
            yield "It is consistent with no ReduceLROnPlateau at all, with a patient one, and with one at its min_lr."
        return
    yield f"The learning rate changed {_times(len(rates.drops))}: {_named(rates.drops)}."
    if not rates.is_exact:
        yield "Its source may have cut digits off: every rate that is written so is looked at."
    if plateaus:
        yield "ReduceLROnPlateau with the settings below reduces in these epochs and in no other; that proves none."
    elif rates.rose:
        yield "It rose, which ReduceLROnPlateau never does: a schedule, or somebody's own doing."
    else:
        yield "No ReduceLROnPlateau alone, as far as it is looked at here, reduces in these epochs and in no other."
    if schedules:
        also = "also " if plateaus else ""
        yield f"Every recorded learning rate is {also}made by {', or by '.join(schedules)}."
    elif len(rates.recorded) > 2 and len(rates.drops) == len(rates.recorded) - 1:
        yield "It changes after every epoch, and no known schedule with simple arguments makes it: one of its own."
    elif not plateaus:
        yield "No known schedule with simple arguments makes it either: a schedule of its own, or several callbacks."


def _named(drops: Sequence[RecordedChange]) -> str:
    named = [f"to {each.new.written:.6g} after epoch {each.index + 1}" for each in drops[:_MOST_NAMED]]
    rest = len(drops) - len(named)
    return ", ".join([*named, *([f"and {rest} times more"] if rest else [])])


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def limits_of(
    notes: Sequence[Note],
    looked_at: Sequence[Monitored],
    left_out: Sequence[Reason],
    printed: StopMessages,
    rates: RateEvidence,
) -> tuple[str, ...]:
    """Return every limit as a sentence."""
    return (
        *_TAKEN,
        *_of_metrics(looked_at),
        *_sentences([f"not looked at: {reason}" for reason in left_out]),
        *_of_stop(looked_at, printed.unused),
        *([_CONTRADICTED] if rates.contradicted else []),
        *([] if all(each.is_first_exact for each in rates.readings) else [_NO_FIRST]),
        *_sentences([note.text for note in notes if note.code in _OF_SOURCES]),
    )


def _of_metrics(looked_at: Sequence[Monitored]) -> Iterator[str]:
    for each in {one.monitor: one for one in looked_at}.values():
        values = each.values.tolist()
        if is_rounded(each.monitor, values):
            unit = unit_of(values)
            yield (
                f"{each.monitor} is rounded to {unit:g} in the source: the ranges are those of the rounded values, and"
                " the settings that ran may be outside of them."
            )
        if each.gaps:
            yield f"{each.monitor} is missing in some epochs: patience and cooldown count those that have it."


def _of_stop(looked_at: Sequence[Monitored], stopped: int | None) -> Iterator[str]:
    last = looked_at[0].last
    if stopped is not None:
        yield (
            f"EarlyStopping said that it stopped at epoch {stopped + 1}, but the last recorded epoch is {last + 1}: the"
            " message is not used."
        )


def _sentences(notes: Sequence[str]) -> list[str]:
    return [f"{note[:1].upper()}{note[1:]}." for note in notes]
