"""Rows that CSVLogger appended below a header of other metrics, told by their number of fields.

`CSVLogger(append=True)` writes no header into a file that has one. After a fit with or without validation data or a
callback that logs the learning rate, rows are wider or narrower than before. CSVLogger sorts the names, so that a few
sets of names are possible; where one alone fits, and no value contradicts it, the rows are read by these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.ingest.recording import LEARNING_RATE_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


# A single row of another width may be one that was cut off, or two in one line.
FEWEST_ROWS = 2
CAUSE = "CSVLogger(append=True) writes no header after a compile or fit with other metrics"
_LARGEST_RATE = 1.0
# Times the last value.
_MOST_CHANGE = 2.0


def names_of_appended(
    names: Sequence[str], last: Sequence[float | None], rows: Sequence[Sequence[float | None]]
) -> tuple[str, ...] | None:
    """Return the names of the values of rows that follow others, None where they cannot be decided.

    `names` are those of the header, `last` the values below it before these rows.
    """
    if len(rows) < FEWEST_ROWS:
        return None
    known = dict(zip(names, last, strict=False))
    fitting = {each for each in _possible(names) if len(each) == len(rows[0]) and _fits(each, rows, known)}
    return fitting.pop() if len(fitting) == 1 else None


def _possible(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the names that a fit of the same model may have logged, in CSVLogger's order."""
    rates = [name for name in names if name in LEARNING_RATE_KEYS]
    trained = [name for name in names if not name.startswith("val_") and name not in rates]
    validated = [f"val_{name}" for name in trained]
    for rate in ([], *([name] for name in (rates or LEARNING_RATE_KEYS))):
        yield tuple(sorted([*trained, *rate, *validated]))
        without = sorted([*trained, *rate])
        yield tuple(without)
        # From Keras 2.13 on there is a twin for each where the first epoch was not validated.
        yield (*without, *(f"val_{name}" for name in without))


def _fits(names: tuple[str, ...], rows: Sequence[Sequence[float | None]], known: dict[str, float | None]) -> bool:
    """Tell whether values are what these names say: a rate is small, and metrics go on near their last values."""
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    rates = [value for name in LEARNING_RATE_KEYS for value in columns.get(name, ())]
    if not all(value is not None and 0 < value <= _LARGEST_RATE for value in rates):
        return False
    return all(_goes_on(value, name, known) for name, (value, *_) in columns.items() if name in known)


def _goes_on(value: float | None, name: str, known: dict[str, float | None]) -> bool:
    """Tell whether a value is nearer to the last one of its metric than to any other that is of another kind."""
    last = known[name]
    if value is None or last is None:
        return value is None or name.startswith("val_")
    others = (other for key, other in known.items() if other is not None and ("loss" in key) != ("loss" in name))
    nearest = all(abs(value - last) <= abs(value - other) for other in others)
    return nearest and abs(value - last) <= _MOST_CHANGE * abs(last)
