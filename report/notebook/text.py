"""What is printed, as HTML: tables become tables, indented lines code, and everything else paragraphs."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from kcb_replay.report.terminal import tables_of
from kcb_replay.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["markup_of", "paragraph", "table_markup"]

_NUMBER = re.compile(r"[-+~>]?[\d.,/]+(e[-+]?\d+)?%?|NaN|-?Infinity|never|")


def markup_of(text: str, *, rows: int = 20) -> str:
    """Return a printed text as HTML; of each table at most so many rows, and how many more there are."""
    return "".join(_parts(text, rows))


def _parts(text: str, rows: int) -> Iterator[str]:
    lines, done = text.split("\n"), 0
    for first, cells in tables_of(text):
        yield _plain(lines[done:first], heads_table=True)
        yield table_markup(cells[0], cells[1:], rows=rows)
        done = first + len(cells) + 1
    yield _plain(lines[done:])


def _plain(lines: Sequence[str], *, heads_table: bool = False) -> str:
    # A line right above a table is what it is about.
    head = lines[-1] if heads_table and lines and lines[-1].strip() else ""
    blocks = re.split(r"\n\s*\n", "\n".join(lines[: len(lines) - bool(head)]))
    return "".join(_block(block) for block in blocks if block.strip()) + paragraph(head, "name")


def _block(block: str) -> str:
    if block.startswith(" "):
        return f"<pre>{_escaped(block, keep=True)}</pre>"
    return "".join(paragraph(line) for line in block.split("\n"))


def paragraph(text: str, kind: str = "") -> str:
    """Return a line as a paragraph of a class."""
    named = f' class="{kind}"' if kind else ""
    return f"<p{named}>{_escaped(text)}</p>" if text else ""


def table_markup(head: Sequence[str], body: Sequence[Sequence[str]], *, rows: int) -> str:
    """Return a table, numbers to the right."""
    numbers = [all(_NUMBER.fullmatch(row[place]) for row in body) for place in range(len(head))]
    classes = [' class="n"' if number else "" for number in numbers]
    heads = "".join(f'<th scope="col"{kind}>{_escaped(name)}</th>' for name, kind in zip(head, classes, strict=True))
    lines = "".join(
        f"<tr>{''.join(f'<td{kind}>{_escaped(cell)}</td>' for cell, kind in zip(row, classes, strict=True))}</tr>"
        for row in body[:rows]
    )
    more = paragraph(f"… and {counted(len(body) - rows, 'row')} more.", "muted") if len(body) > rows else ""
    top = f"<thead><tr>{heads}</tr></thead>" if any(head) else ""
    return f"<table>{top}<tbody>{lines}</tbody></table>{more}"


def _escaped(text: str, *, keep: bool = False) -> str:
    lines = text.split("\n") if keep else [text]
    return escape("\n".join(map(visible, lines)), quote=False)
