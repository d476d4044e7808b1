"""Names, counts, numbers and tables as they stand in what is printed.

Names come from files of others, so they may hold control, bidi and other format characters: `visible` writes these out,
so that a name can neither reorder the line it stands in nor steer a terminal. What comes out is text: escaping for HTML
is left to whoever writes HTML. Metrics are written with one number of decimals per metric and page (`decimals_for`).
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


MAX_EXCERPT = 200
# What happens at no recorded epoch, and what no recorded value tells.
NEVER, UNKNOWN = "never", "unknown"

_DEFAULT, _MOST = 4, 9
# Beyond these a fixed number of decimals says nothing or fills the line.
_LARGE, _SMALL = 1e7, 1e-4
_NON_FINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}


def visible(text: str, *, line_ends: bool = False) -> str:
    r"""Return `text` with every character that does not print written out, for example as `\u202e`.

    With `line_ends`, newlines stay: the text is a message of several lines, not a name.
    """
    if text.isprintable():
        return text
    kept = "\n" if line_ends else ""
    return "".join(
        character if character.isprintable() or character in kept else _escaped(ord(character)) for character in text
    )


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written as UTF-8, which one with half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def excerpt(text: str, longest: int = MAX_EXCERPT) -> str:
    """Return the beginning of a text, visible: what a message quotes must not bring megabytes."""
    return visible(text) if len(text) <= longest else f"{visible(text[:longest])}..."


def begun(text: str) -> str:
    """Return a text as it begins a line: with a capital."""
    return f"{text[:1].upper()}{text[1:]}"


def counted(number: int, noun: str, *, plural: str = "") -> str:
    """Return `1 epoch`, `2 epochs`, `1,000 epochs`."""
    return f"{whole(number)} {noun if number == 1 else plural or noun + 's'}"


def are_left_out(number: int) -> str:
    """Return `is left out`, or `are left out`."""
    return f"{'is' if number == 1 else 'are'} left out"


def whole(value: int) -> str:
    """Return a count with thousands separated."""
    return f"{value:,}"


def short(value: float) -> str:
    """Return a setting or a learning rate: at most 3 significant digits, `inf` and `nan` as Python writes them."""
    return f"{value:.3g}"


def percent(share: float) -> str:
    """Return a share as `15%`."""
    return UNKNOWN if math.isnan(share) else f"{share:.0%}"


def fit_title(run: str, fit: int, *, several: bool = False) -> str:
    """Name a fit: by its run, and by its number where the run has several fits or where it is not the first."""
    return f"{run}, fit {fit}" if several or fit else run


def numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Return names, one that occurs several times with its number."""
    return tuple(
        f"{name} {names[: place + 1].count(name)}" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    )


def text_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: Collection[str] = ()) -> str:
    """Return rows of texts below their heads and a line of dashes; nothing is cut.

    The columns named in `left` are aligned left, as names are, all others right.
    """
    columns = zip(heads, *rows, strict=True)
    widths = [max(screen_width(head) + 2, *map(screen_width, cells), 0) for head, *cells in columns]
    to_left = [head in left for head in heads]
    dashes = ["-" * width for width in widths]
    return "\n".join("  ".join(map(_aligned, line, widths, to_left)).rstrip() for line in (heads, dashes, *rows))


def screen_width(text: str) -> int:
    """Return how many columns of a terminal a text fills."""
    return len(text) if text.isascii() else len(screen_columns(text))


def screen_columns(line: str) -> list[str]:
    """Return what stands in each column of a terminal: a wide character, as of Korean, fills two, an accent none."""
    columns: list[str] = []
    for character in line:
        if unicodedata.combining(character) and columns:
            columns[-1 if columns[-1] else -2] += character
        else:
            columns += [character, ""] if unicodedata.east_asian_width(character) in "WF" else [character]
    return columns


def _aligned(cell: str, width: int, to_left: bool) -> str:
    space = " " * (width - (len(cell) if cell.isascii() else len(screen_columns(cell))))
    return cell + space if to_left else space + cell


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


def decimals_for(pairs: Iterable[tuple[float, float]]) -> Decimals:
    """Return the fewest decimals (4 to 9) that separate every pair of different values that can be separated.

    `Decimals.pair` prints a pair that they do not separate with 9 significant digits, which tells any two float32
    apart.
    """
    needed = _DEFAULT
    for one, two in pairs:
        if one == two or not (math.isfinite(one) and math.isfinite(two)):
            continue
        separating = (count for count in range(needed, _MOST + 1) if f"{one:.{count}f}" != f"{two:.{count}f}")
        needed = next(separating, needed)
    return Decimals(needed)


def compact(value: float, decimals: int = _DEFAULT) -> str:
    """Return a value for a cell that holds about six characters: some decimals, or a power of ten."""
    text = Decimals(decimals).show(value)
    if len(text) <= 7 or not math.isfinite(value):
        return text
    short_text = short(value)
    return short_text if len(short_text) <= 7 and "e" not in short_text else f"{value:.0e}".replace("e+", "e")


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
