"""What a column of a table is, and how rows of values become texts, whatever the table is of.

A column is declared once: its name, its value and the text of that; the catalogue has its head under its name. A value
is made row by row and is all that need be held of a row; texts are made when the number of decimals is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any, Generic, TypeVar

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.language.reason import Reason
from kcb_replay.text import Decimals, begun, percent, text_table, visible, whole

T = TypeVar("T")
# The value of a column that is not for this row: an empty cell.
ABSENT: Any = type("_Absent", (), {"__repr__": lambda _: "ABSENT"})()


@dataclass(frozen=True, slots=True)
class Writing:
    """How values become texts: with so many decimals, in the language of these words."""

    decimals: Decimals = field(default_factory=Decimals)
    words: Catalogue = IN_ENGLISH

    @property
    def never(self) -> str:
        """What stands for an epoch at which nothing happens."""
        return self.words.say("fact.never")

    @property
    def unknown(self) -> str:
        """What stands for a number that is not known."""
        return self.words.say("fact.unknown")

    @property
    def none(self) -> str:
        """What stands for what there is none of."""
        return self.words.say("fact.none")


def plain(value: object, _: Writing) -> str:
    """Return a text as it is."""
    return str(value)


def name_text(name: str, _: Writing) -> str:
    """Return a name that comes from a file."""
    return visible(name)


def none_text(value: object, writing: Writing) -> str:
    """Return what may not be there."""
    return writing.none if value is None else str(value)


def count_text(value: int, _: Writing) -> str:
    """Return a count."""
    return whole(value)


def epoch_text(epoch: int | None, writing: Writing) -> str:
    """Return an epoch, counted from 1."""
    return writing.never if epoch is None else str(epoch)


def value_text(value: float | None, writing: Writing) -> str:
    """Return a value of a metric, or a difference of two; a mean of nothing is NaN."""
    return writing.unknown if value is None or isnan(value) else writing.decimals.show(value)


def percent_text(share: float, writing: Writing) -> str:
    """Return a share."""
    return writing.unknown if isnan(share) else percent(share)


def same(values: Sequence[object]) -> bool:
    """Tell whether all values are one: the line above the table says it."""
    return len(set(values)) == 1


def zero(values: Sequence[object]) -> bool:
    """Tell whether nothing is counted anywhere."""
    return not any(values)


def unknown(values: Sequence[float]) -> bool:
    """Tell whether no value is a number."""
    return all(map(isnan, values))


def told_beyond(record: Mapping[str, object], columns: Iterable[Column[T]], row: T) -> Mapping[str, object]:
    """Return a record for programs with what columns tell of its row beyond it."""
    extended = dict(record)
    for column in columns:
        if not column.in_detail and column.key not in extended and (value := column.value(row)) is not ABSENT:
            extended[column.key] = value
    return extended


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column: `key` is its name for programs, and that of its head in the catalogue; `unit` is empty without one.

    `value` gives what a row has in it, `ABSENT` where the column is not for the row; a table in which it is for no row
    is without the column, and so is one of whose values `needless` says so. `head` stands above it instead of the
    catalogue's, as the name of an argument does; `head_for` is a more precise head, for tables whose rows all have the
    same. `is_number` aligns it right; `down` lets a first click on a page sort the largest first; `on_pages` columns
    are for pages, which have the room. Of a column `in_detail` the documents for programs tell more than its value,
    under other names.
    """

    key: str
    value: Callable[[T], Any]
    text: Callable[[Any, Writing], str]
    unit: str = ""
    needless: Callable[[Sequence[Any]], bool] | None = None
    head: str | None = None
    head_for: Callable[[T], Reason | None] | None = None
    is_number: bool = True
    down: bool = False
    on_pages: bool = False
    in_detail: bool = False

    def title(self, words: Catalogue) -> str:
        """Return what stands above it."""
        return self.head or words.say(f"column.{self.key}")


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a column of a table."""

    key: str
    text: str
    unit: str
    is_number: bool
    down: bool

    @property
    def title(self) -> str:
        """The head as it begins on a page."""
        return begun(self.text)


@dataclass(frozen=True, slots=True)
class TableTexts:
    """The heads of a table and the texts of its rows; as a text, with everything that it says."""

    heads: tuple[Head, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        left = {head.text for head in self.heads if not head.is_number}
        return text_table([head.text for head in self.heads], self.rows, left=left)


class Table(Generic[T]):
    """The values of rows, which are added one after the other and not held."""

    def __init__(self, columns: Iterable[Column[T]]) -> None:
        self._columns = tuple(columns)
        self._heads: list[set[Reason | None]] = [set() for _ in self._columns]
        self._rows: list[tuple[Any, tuple[Any, ...]]] = []

    def add(self, row: T, position: Any = 0) -> None:
        """Add a row; rows stand in the order of their positions, those of one position as they come."""
        values = tuple(column.value(row) for column in self._columns)
        for column, heads, value in zip(self._columns, self._heads, values, strict=True):
            if column.head_for and value is not ABSENT:
                heads.add(column.head_for(row))
        self._rows.append((position, values))

    def texts(self, writing: Writing | None = None, *, on_page: bool = False) -> TableTexts:
        """Return the columns that the rows need, and their texts."""
        writing = writing or Writing()
        self._rows.sort(key=lambda row: row[0])
        shown = [
            (place, column)
            for place, column in enumerate(self._columns)
            if (on_page or not column.on_pages) and self._needs(place, column)
        ]
        return TableTexts(
            heads=tuple(
                Head(column.key, self._head(place, column, writing.words), column.unit, column.is_number, column.down)
                for place, column in shown
            ),
            rows=tuple(
                tuple("" if row[at] is ABSENT else column.text(row[at], writing) for at, column in shown)
                for _, row in self._rows
            ),
        )

    def _needs(self, place: int, column: Column[T]) -> bool:
        values = [row[place] for _, row in self._rows if row[place] is not ABSENT]
        return bool(values) and not (column.needless and column.needless(values))

    def _head(self, place: int, column: Column[T], words: Catalogue) -> str:
        precise = next(iter(self._heads[place])) if len(self._heads[place]) == 1 else None
        return column.title(words) if precise is None else words.why(precise)


def table_of(columns: Iterable[Column[T]], rows: Iterable[T]) -> Table[T]:
    """Return the table of rows that are at hand."""
    table = Table(columns)
    for row in rows:
        table.add(row)
    return table


def texts_of(columns: Sequence[Column[T]], rows: Iterable[T], writing: Writing) -> TableTexts:
    """Return all columns of a small table, whether its rows need them or not."""
    heads = (Head(each.key, each.title(writing.words), each.unit, each.is_number, each.down) for each in columns)
    cells = (tuple(each.text(each.value(row), writing) for each in columns) for row in rows)
    return TableTexts(tuple(heads), tuple(cells))


def records_of(columns: Sequence[Column[T]], rows: Iterable[T]) -> list[Mapping[str, object]]:
    """Return a record per row for programs; names are written with blanks between them."""
    records = [{column.key: column.value(row) for column in columns} for row in rows]
    return [
        {key: " ".join(value) if isinstance(value, tuple) else value for key, value in record.items()}
        for record in records
    ]
