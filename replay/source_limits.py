"""Weaken an answer by what its source lacks: points that were dropped, digits that were rounded away.

Keras writes every digit of a float; console logs, spreadsheets and people do not. Metrics that are counts of samples
(accuracy) are short by nature and are left alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from kcb_replay.ingest.recording import Note
from kcb_replay.language.reason import reason
from kcb_replay.replay.events import Event
from kcb_replay.replay.outcomes import CallbackTrace, Outcome
from kcb_replay.replay.validity import Validity

# A float32 needs 7 to 9 digits; among several values of at most 6 there is none that was written in full.
_MOST_DIGITS = 6


_FEWEST_VALUES = 4


# What binary fractions add to a decimal.
_BINARY = 1e-9


# Nobody rounds to fewer decimals than three; values with one or two were made up by hand, and mean what they say.
_COARSEST = 1e-3


_COUNTED = re.compile(r"(val_)?(.*acc(uracy)?|precision|recall|.*_at_.*)(_\d+)?")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A comparison closer than the rounding: at the 0-based epoch `index`, of a metric rounded to `unit`."""

    index: int
    metric: str
    unit: float
    value: float
    best: float


def unit_of(values: Iterable[float]) -> float | None:
    """Return the unit to which a source rounded (0.0001 for four decimals), None where it kept every digit."""
    written = []
    for value in _decimals(values):
        written.append(Decimal(repr(value)).normalize())
        if len(written[-1].as_tuple().digits) > _MOST_DIGITS:
            return None
    if len(written) < _FEWEST_VALUES:
        return None
    unit = 10.0 ** min(number.adjusted() - len(number.as_tuple().digits) + 1 for number in written)
    return unit if unit <= _COARSEST * (1 + _BINARY) else None


def is_rounded(metric: str, values: Iterable[float]) -> bool:
    """Tell whether a source rounded a metric, so that any close comparison may be in doubt."""
    return not _COUNTED.fullmatch(metric) and unit_of(values) is not None


def _first_doubt(
    metric: str, values: Mapping[int, float], events: Iterable[Event], *, min_delta: float
) -> Doubt | None:
    """Return the first comparison of a callback that the rounding of its metric leaves open, None without any."""
    unit = None if _COUNTED.fullmatch(metric) else unit_of(values.values())
    if unit is None:
        return None
    for event in events:
        value, best = event.compared or (math.nan, math.nan)
        # Both values are off by up to half a unit.
        if abs(abs(value - best) - abs(min_delta)) <= unit * (1 + _BINARY):
            return Doubt(event.index, metric, unit, value, best)
    return None


def _decimals(values: Iterable[float]) -> list[float]:
    """Return the values that no float32 arithmetic gave, so that their digits are those of a text."""
    numbers = values if isinstance(values, np.ndarray) else np.fromiter(values, np.float64)
    with np.errstate(over="ignore"):
        of_text: list[float] = numbers[np.isfinite(numbers) & (numbers != numbers.astype(np.float32))].tolist()
    return of_text


def limited(outcome: Outcome, view: CallbackTrace, notes: Sequence[Note], fit: int) -> Outcome:
    """Return the outcome with the label that its source allows."""
    for note in notes:
        if note.code == "sampled" and note.fit in (None, fit):
            why = reason("source.sampled", text=note.text)
            return replace(outcome, validity=_without_earliest(outcome.validity).weakened("sampled", why))
    doubt = _doubt(outcome, view)
    # Beyond the limit of what is exact a doubt changes nothing.
    if doubt is not None and view.is_exact_at(doubt.index):
        return replace(outcome, validity=_rounded(doubt, outcome.validity))
    if outcome.settings.origin == "elsewhere":
        rounded = [metric for metric in outcome.settings.reads if is_rounded(metric, _values(view, metric))]
        if rounded:
            why = reason("source.rounded_metrics", metrics=tuple(rounded))
            return replace(outcome, validity=outcome.validity.weakened("rounded", why))
    codes = codes_of_rounding(outcome.monitor)
    texts = tuple(note.text for note in notes if note.code in codes and note.fit in (None, fit))
    if texts:
        return replace(outcome, validity=outcome.validity.weakened("rounded", reason("source.rounded", texts=texts)))
    return outcome


def _without_earliest(validity: Validity) -> Validity:
    """Return it without the earliest stop: in epochs that are missing a callback may have stopped before."""
    if validity.why.code != "validity.ends_earliest":
        return replace(validity, earliest_stop_index=None)
    values = {name: value for name, value in validity.why.values if name != "earliest"}
    return replace(validity, earliest_stop_index=None, why=reason("validity.ends", **values))


def codes_of_rounding(monitor: str | None) -> tuple[str, ...]:
    """Return the codes of the notes that say that a source does not show a metric with all its digits."""
    of_validation = monitor is not None and monitor.startswith("val_")
    return ("rounded",) if of_validation else ("rounded", "averaged")


def _values(view: CallbackTrace, metric: str) -> Iterable[float]:
    return view.stream.values_of(metric).values()


def _doubt(outcome: Outcome, view: CallbackTrace) -> Doubt | None:
    if outcome.monitor is None or outcome.settings.origin == "elsewhere":
        return None
    events = (event for row in view.run.rows for event in row.events[view.position])
    min_delta = getattr(outcome.settings, "min_delta", 0.0)
    return _first_doubt(outcome.monitor, view.stream.values_of(outcome.monitor), events, min_delta=min_delta)


def _rounded(doubt: Doubt, validity: Validity) -> Validity:
    why = reason(
        "source.close_call",
        metric=doubt.metric,
        unit=doubt.unit,
        epoch=doubt.index + 1,
        value=doubt.value,
        best=doubt.best,
    )
    through = doubt.index - 1 if doubt.index > 0 else None
    return replace(validity.weakened("rounded", why), valid_through_index=through)


def unplaced_metrics(notes: Iterable[Note], fit: int) -> list[Note]:
    """Return the notes on metrics of a fit that have values, but of which nobody knows the epochs."""
    return [note for note in notes if note.code == "alignment_lost" and note.metric and note.fit in (None, fit)]
