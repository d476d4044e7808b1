"""How numbers are written for people: one choice of decimals per metric and page.

The fewest decimals (4 to 9) that separate the two values of every comparison shown; a pair that they do not separate is
printed with 9 significant digits, which tells any two float32 apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Decimals", "compact", "decimals_for", "short", "whole"]

_DEFAULT, _MOST = 4, 9
# Beyond these a fixed number of decimals says nothing or fills the line.
_LARGE, _SMALL = 1e7, 1e-4


@dataclass(frozen=True, slots=True)
class Decimals:
    """Writes the values of one metric."""

    count: int = _DEFAULT

    def show(self, value: float | None) -> str:
        """Return the value as text; an empty string for None."""
        if value is None:
            return ""
        if not math.isfinite(value):
            return _NON_FINITE.get(value, "NaN")
        if value and not _SMALL <= abs(value) < _LARGE:
            return f"{value:.{self.count}g}"
        return f"{value:.{self.count}f}"

    def pair(self, one: float, two: float) -> tuple[str, str]:
        """Return two compared values so that they look different whenever they are."""
        left, right = self.show(one), self.show(two)
        if left == right and one != two:
            return f"{one:.9g}", f"{two:.9g}"
        return left, right


_NON_FINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}


def decimals_for(pairs: Iterable[tuple[float, float]]) -> Decimals:
    """Return the fewest decimals that separate every pair of different values that can be separated."""
    needed = _DEFAULT
    for one, two in pairs:
        if one == two or not (math.isfinite(one) and math.isfinite(two)):
            continue
        separating = (count for count in range(needed, _MOST + 1) if f"{one:.{count}f}" != f"{two:.{count}f}")
        needed = next(separating, needed)
    return Decimals(needed)


def short(value: float) -> str:
    """Return a setting or a learning rate: at most 3 significant digits, `inf` and `nan` as Python writes them."""
    return f"{value:.3g}"


def compact(value: float, decimals: int = _DEFAULT) -> str:
    """Return a value for a cell that holds about six characters: some decimals, or a power of ten."""
    text = Decimals(decimals).show(value)
    if len(text) <= 7 or not math.isfinite(value):
        return text
    short_text = f"{value:.3g}"
    return short_text if len(short_text) <= 7 and "e" not in short_text else f"{value:.0e}".replace("e+", "e")


def whole(value: int) -> str:
    """Return a count with thousands separated."""
    return f"{value:,}"
