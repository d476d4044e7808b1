"""What a terminal shows of a text: as many columns of a table as fit, and the stop and the best in colour.

Cells are never cut: a column is there whole or not at all, and whoever prints says which are not. What a reader must
not miss, how far an answer holds, stays. None of this is for a pipe: it gets every column, no colour, no progress bar.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import click

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.text import screen_columns, visible

_Colour: TypeAlias = Callable[[str], str]
# The line of dashes below the head of a table.
_RULE = re.compile(r"-+(?:  +-+)*")
# Columns that stay however narrow a terminal is, by their names in the catalogue.
_KEPT = ("validity", "undecided")


@dataclass(frozen=True, slots=True)
class Ink:
    """The colours of a terminal, of which there are three; `on` is whether it has any."""

    on: bool

    def stop(self, text: str) -> str:
        """Return a stop, in orange."""
        return self._in("38;5;166", text)

    def best(self, text: str) -> str:
        """Return the best, in green."""
        return self._in("38;5;29", text)

    def error(self, text: str) -> str:
        """Return the word that announces an error, in bold red."""
        return self._in("1;31", text)

    def _in(self, code: str, text: str) -> str:
        # Readable on a light ground as well as on a dark one: 4:1 at least against white and black.
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and text.strip() else text


PLAIN = Ink(on=False)


def fitted(
    text: str, *, width: int | None = None, ink: Ink = PLAIN, words: Catalogue = IN_ENGLISH
) -> tuple[str, tuple[str, ...]]:
    """Return a text whose tables are at most `width` columns wide, if given, and the heads of what was left out.

    `words` are those of the language in which the text is.
    """
    say = words.say
    needed = {say(f"column.{name}") for name in _KEPT}
    colours = {say("column.stop_epoch"): ink.stop, say("column.best_epoch"): ink.best}
    lines, hidden = text.split("\n"), dict[str, None]()
    for first, table in _tables(lines):
        kept = table.fitting(width, needed)
        hidden |= dict.fromkeys(name for column, name in enumerate(table.names) if column not in kept)
        lines[first : first + len(table.lines)] = [table.line(row, kept, colours) for row in range(len(table.lines))]
    return "\n".join(lines), tuple(hidden)


def tables_of(text: str) -> list[tuple[int, list[list[str]]]]:
    """Return the tables of a text: the number of the line of its head, and the cells of head and rows."""
    tables = []
    for first, table in _tables(text.split("\n")):
        rows = [row for row in range(len(table.lines)) if row != 1]
        tables.append(
            (first, [[table.cell(row, column).strip() for column in range(len(table.spans))] for row in rows])
        )
    return tables


def _tables(lines: Sequence[str]) -> list[tuple[int, _Table]]:
    tables = []
    for number, line in enumerate(lines):
        if number and _RULE.fullmatch(line):
            spans = [(dashes.start(), dashes.end()) for dashes in re.finditer("-+", line)]
            end = next((after for after in range(number, len(lines)) if not _is_row(lines[after], spans)), len(lines))
            tables.append((number - 1, _Table(lines[number - 1 : end], spans)))
    return tables


def _is_row(line: str, spans: Sequence[tuple[int, int]]) -> bool:
    """Tell whether a line goes on with a table: whether there is nothing between its columns."""
    between = (_part(line, end, start) for (_, end), (start, _) in pairwise(spans))
    return bool(line.strip()) and not any(gap.strip() for gap in between)


def _part(line: str, start: int, end: int | None) -> str:
    """Return what stands in these columns of a line."""
    return line[start:end] if line.isascii() else "".join(screen_columns(line)[start:end])


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of text: its lines from the head on, and from where to where each column stands."""

    lines: Sequence[str]
    spans: Sequence[tuple[int, int]]

    @property
    def names(self) -> list[str]:
        return [self.cell(0, column).strip() for column in range(len(self.spans))]

    def fitting(self, width: int | None, needed: Collection[str]) -> list[int]:
        """Return the columns that fit: dropped from the right, but for those that say how far an answer holds."""
        kept = list(range(len(self.spans)))
        names = self.names
        for column in reversed(kept[1:]):
            if width is None or self._width(kept) <= width:
                break
            if names[column] not in needed:
                kept.remove(column)
        return kept

    def line(self, row: int, kept: Sequence[int], colours: Mapping[str, _Colour]) -> str:
        """Return a line with some columns; of each stop and best epoch in colour."""
        names = self.names
        cells = [self._coloured(self.cell(row, column), colours.get(names[column]), row) for column in kept]
        return "  ".join(cells).rstrip()

    def _width(self, kept: Sequence[int]) -> int:
        return sum(end - start for start, end in (self.spans[column] for column in kept)) + 2 * (len(kept) - 1)

    def cell(self, row: int, column: int) -> str:
        """Return a cell with its spaces; that of the last column goes to the end of its line."""
        start, end = self.spans[column]
        text = _part(self.lines[row], start, None if column == len(self.spans) - 1 else end)
        return text + " " * (end - start - (len(text) if text.isascii() else len(screen_columns(text))))

    @staticmethod
    def _coloured(cell: str, colour: _Colour | None, row: int) -> str:
        text = cell.strip()
        # The head and the rule below it stay as they are; "never" is no stop.
        return cell if row < 2 or colour is None or not text.isdecimal() else cell.replace(text, colour(text))


@contextmanager
def progress(*, shown: bool) -> Iterator[Callable[[int, int, str], None] | None]:
    """Yield a function of (done, total, name of the run at hand) that draws the bar, or None when it is not shown."""
    if not shown:
        yield None
        return
    # click writes its bar to stdout unless told otherwise.
    with click.progressbar(
        length=1, label="Reading", show_pos=True, show_percent=True, item_show_func=_item, file=sys.stderr, width=36
    ) as bar:
        start = time.monotonic()

        def update(done: int, total: int, name: str) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos, item_text(done, time.monotonic() - start, name))

        yield update


def item_text(done: int, seconds: float, name: str) -> str:
    """Return the rate so far and the run that is being read, as they stand behind the bar."""
    rate = f"{done / seconds:,.0f} runs/s" if done and seconds > 0 else ""
    return "  ".join(part for part in (rate, visible(name) if name else "") if part)


def _item(text: str | None) -> str:
    return text or ""
