"""An inference in a few sentences: what the recording shows, what that allows, how certain it is, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kcb_replay.ingest.recording import Note
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.inference.candidates import PlateauCandidate, StoppingCandidate
from kcb_replay.replay.inference.case import Monitored
from kcb_replay.replay.inference.evidence import RateEvidence, Rates, RecordedChange, StopMessages
from kcb_replay.replay.source_limits import is_rounded, unit_of

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


def summary_of(printed: StopMessages, rates: RateEvidence, candidates: Candidates) -> tuple[Reason, ...]:
    """Return what ended the recording and what changed its learning rate."""
    return (*_of_end(printed, candidates.stopping), *_of_all_rates(rates, candidates))


def _of_end(printed: StopMessages, stopping: Sequence[StoppingCandidate]) -> Iterator[Reason]:
    if printed.stopped or printed.restored:
        yield reason("infer.stopped" if printed.stopped else "infer.restored")
        yield reason("infer.but_for_message")
    else:
        yield reason("infer.no_stopper_needed")
    if printed.best is not None:
        yield reason("infer.best", epoch=printed.best + 1)
    if not any(each.stops for each in stopping):
        yield reason("infer.none_stops")
    elif not printed.stopped:
        yield reason("infer.some_stop")
    yield reason("infer.ran_on")


def _of_all_rates(rates: RateEvidence, candidates: Candidates) -> Iterator[Reason]:
    if rates.scheduled:
        yield reason("infer.scheduled")
    if rates.contradicted:
        yield reason("infer.contradicted")
    if rates.why is not None:
        yield rates.why
    if rates.readings and rates.reduced and not rates.contradicted:
        yield from _of_reductions(rates.readings[0], candidates.plateaus)
    elif rates.readings:
        yield from _of_rates(rates.readings[0], candidates, reduced=rates.reduced)
    if len(rates.readings) > 1:
        yield reason("infer.late")


def _of_reductions(rates: Rates, plateaus: Sequence[PlateauCandidate]) -> Iterator[Reason]:
    """Yield what the messages of ReduceLROnPlateau come to."""
    if not rates.drops:
        yield reason("infer.reduced_to_itself")
        return
    yield reason("infer.reduced", times=_times(len(rates.drops)), changes=_named(rates.drops))
    if plateaus:
        yield reason("infer.reduced_by_these")
    else:
        yield reason("infer.rose_between" if rates.rose else "infer.reduced_by_none")


def _of_rates(rates: Rates, candidates: Candidates, *, reduced: bool) -> Iterator[Reason]:
    plateaus, schedules = candidates.plateaus, candidates.schedules
    if not rates.drops:
        yield reason("infer.rate_constant")
        if not reduced:
            yield reason("infer.no_plateau_needed")
        return
    yield reason("infer.rate_changed", times=_times(len(rates.drops)), changes=_named(rates.drops))
    if not rates.is_exact:
        yield reason("infer.rate_cut")
    if plateaus:
        yield reason("infer.plateau_explains")
    else:
        yield reason("infer.rose" if rates.rose else "infer.no_plateau_explains")
    if schedules:
        code: Reason | str = schedules[0]
        for other in schedules[1:]:
            code = reason("infer.schedule_or", first=code, second=other)
        yield reason("infer.schedules_also" if plateaus else "infer.schedules", schedules=code)
    elif len(rates.recorded) > 2 and len(rates.drops) == len(rates.recorded) - 1:
        yield reason("infer.own_schedule")
    elif not plateaus:
        yield reason("infer.no_schedule")


def _named(drops: Sequence[RecordedChange]) -> Reason | tuple[Reason, ...]:
    named = tuple(reason("infer.change", rate=each.new.written, epoch=each.index + 1) for each in drops[:_MOST_NAMED])
    rest = len(drops) - len(named)
    return reason("infer.more_changes", changes=named, more=rest) if rest else named


def _times(count: int) -> Reason:
    return reason({1: "infer.once", 2: "infer.twice"}.get(count, "infer.times"), count=count)


def limits_of(
    notes: Sequence[Note],
    looked_at: Sequence[Monitored],
    left_out: Sequence[Reason],
    printed: StopMessages,
    rates: RateEvidence,
) -> tuple[Reason, ...]:
    """Return what is taken for granted, and what the source leaves open."""
    return (
        reason("infer.taken"),
        reason("infer.not_seen"),
        *_of_metrics(looked_at),
        *(reason("infer.not_looked_at", why=why) for why in left_out),
        *_of_stop(looked_at, printed.unused),
        *([reason("infer.printed_unused")] if rates.contradicted else []),
        *([] if all(each.is_first_exact for each in rates.readings) else [reason("infer.first_rate_inexact")]),
        *(
            reason("infer.sentence", why=reason("note.recorded", text=note.text))
            for note in notes
            if note.code in _OF_SOURCES
        ),
    )


def _of_metrics(looked_at: Sequence[Monitored]) -> Iterator[Reason]:
    for each in {one.monitor: one for one in looked_at}.values():
        values = each.values.tolist()
        if is_rounded(each.monitor, values):
            yield reason("infer.rounded", monitor=each.monitor, unit=unit_of(values))
        if each.gaps:
            yield reason("infer.gaps", monitor=each.monitor)


def _of_stop(looked_at: Sequence[Monitored], stopped: int | None) -> Iterator[Reason]:
    if stopped is not None:
        yield reason("infer.stop_unused", epoch=stopped + 1, last=looked_at[0].last + 1)
