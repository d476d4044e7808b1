"""What a column of a table is, and how rows of values become texts, whatever the table is of.

A column is declared once: its machine name, its head, its value and the text of that. A value is made row by row and is
all that need be held of a row; texts are made from values, when the number of decimals is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kcb_replay.text import NEVER, UNKNOWN, Decimals, percent, text_table, visible, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence


T = TypeVar("T")
# The value of a column that is not for this row: an empty cell.
ABSENT: Any = type("_Absent", (), {"__repr__": lambda _: "ABSENT"})()


def plain(value: object, _: Decimals) -> str:
    """Return a text as it is."""
    return str(value)


def name_text(name: str, _: Decimals) -> str:
    """Return a name that comes from a file."""
    return visible(name)


def none_text(value: object, _: Decimals) -> str:
    """Return what may not be there."""
    return "none" if value is None else str(value)


def count_text(value: int, _: Decimals) -> str:
    """Return a count."""
    return whole(value)


def epoch_text(epoch: int | None, _: Decimals) -> str:
    """Return an epoch, counted from 1."""
    return NEVER if epoch is None else str(epoch)


def value_text(value: float | None, decimals: Decimals) -> str:
    """Return a value of a metric, or a difference of two; a mean of nothing is NaN."""
    return UNKNOWN if value is None or value != value else decimals.show(value)  # noqa: PLR0124  # as NaN is told


def percent_text(share: float, _: Decimals) -> str:
    """Return a share."""
    return percent(share)


def same(values: Sequence[object]) -> bool:
    """Tell whether all values are one: the line above the table says it."""
    return len(set(values)) == 1


def zero(values: Sequence[object]) -> bool:
    """Tell whether nothing is counted anywhere."""
    return not any(values)


def unknown(values: Sequence[float]) -> bool:
    """Tell whether no value is a number."""
    return all(value != value for value in values)  # noqa: PLR0124  # as NaN is told


def told_beyond(record: Mapping[str, object], columns: Iterable[Column[T]], row: T) -> Mapping[str, object]:
    """Return a record for programs with what columns tell of its row beyond it."""
    extended = dict(record)
    for column in columns:
        if not column.in_detail and column.key not in extended and (value := column.value(row)) is not ABSENT:
            extended[column.key] = value
    return extended


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column: `key` is its name for programs, `head` that for people; `unit` is empty where it has none.

    `value` gives what a row has in it, `ABSENT` where the column is not for the row; a table in which it is for no row
    is without the column, and so is one of whose values `needless` says so. `head_for` is a more precise head, for
    tables whose rows all have the same. `is_number` aligns it right; `down` lets a first click on a page sort the
    largest first; `on_pages` columns are for pages, which have the room. Of a column `in_detail` the documents for
    programs tell more than its value, under other names.
    """

    key: str
    head: str
    value: Callable[[T], Any]
    text: Callable[[Any, Decimals], str]
    unit: str = ""
    needless: Callable[[Sequence[Any]], bool] | None = None
    head_for: Callable[[T], str] | None = None
    is_number: bool = True
    down: bool = False
    on_pages: bool = False
    in_detail: bool = False


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
        return self.text[:1].upper() + self.text[1:]


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
        self._heads: list[set[str]] = [set() for _ in self._columns]
        self._rows: list[tuple[Any, tuple[Any, ...]]] = []

    def add(self, row: T, position: Any = 0) -> None:
        """Add a row; rows stand in the order of their positions, those of one position as they come."""
        values = tuple(column.value(row) for column in self._columns)
        for column, heads, value in zip(self._columns, self._heads, values, strict=True):
            if column.head_for and value is not ABSENT:
                heads.add(column.head_for(row))
        self._rows.append((position, values))

    def texts(self, decimals: Decimals, *, on_page: bool = False) -> TableTexts:
        """Return the columns that the rows need, and their texts."""
        self._rows.sort(key=lambda row: row[0])
        shown = [
            (place, column)
            for place, column in enumerate(self._columns)
            if (on_page or not column.on_pages) and self._needs(place, column)
        ]
        return TableTexts(
            heads=tuple(
                Head(column.key, self._head(place, column), column.unit, column.is_number, column.down)
                for place, column in shown
            ),
            rows=tuple(
                tuple("" if row[at] is ABSENT else column.text(row[at], decimals) for at, column in shown)
                for _, row in self._rows
            ),
        )

    def _needs(self, place: int, column: Column[T]) -> bool:
        values = [row[place] for _, row in self._rows if row[place] is not ABSENT]
        return bool(values) and not (column.needless and column.needless(values))

    def _head(self, place: int, column: Column[T]) -> str:
        heads = self._heads[place]
        return next(iter(heads)) if len(heads) == 1 else column.head


def table_of(columns: Iterable[Column[T]], rows: Iterable[T]) -> Table[T]:
    """Return the table of rows that are at hand."""
    table = Table(columns)
    for row in rows:
        table.add(row)
    return table


def records_of(columns: Sequence[Column[T]], rows: Iterable[T]) -> list[Mapping[str, object]]:
    """Return a record per row for programs; names are written with blanks between them."""
    records = [{column.key: column.value(row) for column in columns} for row in rows]
    return [
        {key: " ".join(value) if isinstance(value, tuple) else value for key, value in record.items()}
        for record in records
    ]


def record_table(records: Sequence[Mapping[str, str]], *, left: Collection[str] = ()) -> str:
    """Return texts by the heads of their columns as a table; the columns named in `left` are aligned left."""
    heads = list(dict.fromkeys(head for record in records for head in record))
    return text_table(heads, [[record.get(head, "") for head in heads] for record in records], left=left)
