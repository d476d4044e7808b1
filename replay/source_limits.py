"""Weaken an answer by what its source lacks: points that were dropped, digits that were rounded away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import NOT_KERAS, reads
from kcb_replay.replay.rounding import Doubt, first_doubt, is_rounded
from kcb_replay.replay.validity import Validity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.ingest.recording import Note
    from kcb_replay.replay.outcomes import CallbackTrace, Outcome

__all__ = ["codes_of_rounding", "limited"]


def limited(outcome: Outcome, view: CallbackTrace, notes: Sequence[Note], fit: int) -> Outcome:
    """Return the outcome with the label that its source allows."""
    for note in notes:
        if note.code == "sampled" and note.fit in (None, fit):
            return replace(outcome, validity=outcome.validity.weakened("sampled", note.text))
    doubt = _doubt(outcome, view)
    # Beyond the limit of what is exact a doubt changes nothing.
    if doubt is not None and view.is_exact_at(doubt.index):
        return replace(outcome, validity=_rounded(doubt, outcome.validity))
    if isinstance(outcome.settings, NOT_KERAS):
        rounded = [metric for metric in reads(outcome.settings) if is_rounded(metric, _values(view, metric))]
        if rounded:
            reason = f"{', '.join(rounded)} is rounded in the source, and any comparison may hang on the digits lost."
            return replace(outcome, validity=outcome.validity.weakened("rounded", reason))
    reasons = _reasons_of_rounding(outcome.monitor, notes, fit)
    if reasons:
        return replace(outcome, validity=outcome.validity.weakened("rounded", reasons))
    return outcome


def codes_of_rounding(monitor: str | None) -> tuple[str, ...]:
    """Return the codes of the notes that say that a source does not show a metric with all its digits."""
    of_validation = monitor is not None and monitor.startswith("val_")
    return ("rounded",) if of_validation else ("rounded", "averaged")


def _reasons_of_rounding(monitor: str | None, notes: Iterable[Note], fit: int) -> str:
    """Return what notes say of a source that shows no metric of this fit with all its digits, nothing without one."""
    codes = codes_of_rounding(monitor)
    return "; ".join(note.text for note in notes if note.code in codes and note.fit in (None, fit))


def _values(view: CallbackTrace, metric: str) -> Iterable[float]:
    return view.stream.values_of(metric).values()


def _doubt(outcome: Outcome, view: CallbackTrace) -> Doubt | None:
    if outcome.monitor is None:
        return None
    if isinstance(outcome.settings, NOT_KERAS):
        return None
    events = (event for row in view.run.rows for event in row.events[view.position])
    min_delta = getattr(outcome.settings, "min_delta", 0.0)
    return first_doubt(outcome.monitor, view.stream.values_of(outcome.monitor), events, min_delta=min_delta)


def _rounded(doubt: Doubt, validity: Validity) -> Validity:
    reason = (
        f"{doubt.metric} is rounded to {doubt.unit:g} in the source, and epoch {doubt.index + 1} is decided by less:"
        f" {doubt.value:g} against {doubt.best:g}."
    )
    through = doubt.index - 1 if doubt.index > 0 else None
    return replace(validity.weakened("rounded", reason), valid_through_index=through)
