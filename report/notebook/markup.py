"""What is printed, as HTML: tables become tables, indented lines code, and everything else paragraphs."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from kcb_replay.report.drawing.palette import DARK, LIGHT
from kcb_replay.report.terminal import tables_of
from kcb_replay.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["ROOT", "markup_of", "paragraph", "style", "table_markup"]

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
    numbers = [all(_NUMBER.fullmatch(row[column]) for row in body) for column in range(len(head))]
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


ROOT = "kcb-replay-result"


_DARK = ('body[data-jp-theme-light="false"]', "body.vscode-dark", "body.vscode-high-contrast", "html[theme=dark]")


_UNKNOWN = "body:not([data-jp-theme-light]):not([data-vscode-theme-kind])"


_RULE = re.compile(r"([^{}@]+)\{([^{}]*)\}")


_OWN = (
    "margin:4px 0;padding:12px 16px;border:1px solid var(--line);background:var(--ground);color:var(--ink);"
    'font:14px/1.5 var(--sans);font-variant-numeric:tabular-nums;--sans:system-ui,-apple-system,"Segoe UI",Roboto,'
    '"Noto Sans","Noto Sans KR","DejaVu Sans",sans-serif;overflow-x:auto'
)


_INSIDE = (
    " p{margin:.3em 0;max-width:90ch;color:var(--ink);overflow-wrap:anywhere}"
    " .name{font-weight:650;unicode-bidi:isolate}"
    " .answer{font-size:17px;font-weight:600}"
    " .muted{color:var(--muted)}"
    " pre{margin:.5em 0;padding:8px 12px;background:var(--panel);color:var(--ink);font-size:13px;overflow-x:auto}"
    " table{border-collapse:collapse;border:0;margin:.5em 0;background:var(--ground);color:var(--ink);font-size:14px}"
    " th{font-weight:600;border:0;border-bottom:2px solid var(--line);padding:3px 14px 3px 0;text-align:left}"
    " td{border:0;border-bottom:1px solid var(--grid);padding:3px 14px 3px 0;text-align:left}"
    " tr{background:var(--ground)!important}"
    " .n{text-align:right;white-space:nowrap}"
)


@cache
def style() -> str:
    """Return the rules, each of them for results alone."""
    chart = (files("kcb_replay.report") / "templates" / "chart.css").read_text(encoding="utf-8")
    dark = ",".join(f"{theme} .{ROOT}" for theme in _DARK)
    rules = [
        f".{ROOT}{{color-scheme:light;{LIGHT.css()}}}",
        f"{dark}{{color-scheme:dark;{DARK.css()}}}",
        f"@media (prefers-color-scheme:dark){{{_UNKNOWN} .{ROOT}{{color-scheme:dark;{DARK.css()}}}}}",
        f".{ROOT}{{{_OWN}}}",
        _within(_INSIDE),
        _within("".join(line for line in chart.splitlines() if not line.startswith("@"))),
        f".{ROOT} svg.chart{{margin-top:4px}}",
    ]
    return "".join(rules)


def _within(rules: str) -> str:
    """Return rules for elements of results alone, stronger than those that a notebook has for its tables."""
    scoped = []
    for selectors, body in _RULE.findall(rules):
        inside = ",".join(f".{ROOT}.{ROOT} {selector.strip()}" for selector in selectors.split(","))
        scoped.append(f"{inside}{{{body}}}")
    return "".join(scoped)
