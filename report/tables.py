"""Rows of texts as a table that cuts nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection

    from kcb_replay.replay.validity import Validity


__all__ = ["table", "validity_cell"]

Cells: TypeAlias = dict[str, str]


_TEXT_COLUMNS = frozenset({"run", "setting", "keras", "lr drops", "validity", "why", "metrics", "sources", "tags"}) | {
    *("source", "format", "metric", "from", "stream", "each", "tag"),
}


def validity_cell(validity: Validity) -> str:
    """Return a label with its limit, as short as a table needs it."""
    if validity.label == "hypothetical":
        through = validity.valid_through_index
        return f"hypothetical after {through + 1}" if through is not None else "hypothetical"
    earliest = validity.earliest_stop_index
    label = "" if validity.label == "undecided" else f"{validity.label}, "
    if validity.undecided:
        return f"{label}undecided" + ("" if earliest is None else f": {earliest + 1} or later")
    return validity.label


def table(rows: list[Cells], *, texts: Collection[str] = ()) -> str:
    """Return rows of texts as a table that cuts nothing; further columns that hold texts are named in `texts`."""
    from tabulate import tabulate

    columns = sorted(dict.fromkeys(column for row in rows for column in row), key=lambda column: column == "why")
    cells = [[row.get(column, "") for column in columns] for row in rows]
    align = ["left" if column in _TEXT_COLUMNS or column in texts else "right" for column in columns]
    # Aligned by hand: numbers are text already, and a run may be named 007.
    return tabulate(cells, headers=columns, tablefmt="simple", colalign=align, disable_numparse=True)
