"""Records as JSON, JSON lines, CSV, TSV and Markdown: full precision, NaN and infinities as strings in JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["FORMATS", "Record", "as_csv", "as_json", "as_jsonl", "as_markdown", "as_tsv"]

Record: TypeAlias = "Mapping[str, object]"
FORMATS = ("table", "json", "jsonl", "csv", "tsv", "md")
# An underscore within a word is none.
_MARKUP = re.compile(r"[\\`*\[\]<>|~&#]|(?<![^\W_])_|_(?![^\W_])")
_STRINGS = {math.inf: "Infinity", -math.inf: "-Infinity"}


def as_json(document: Record) -> str:
    """Return one JSON object, indented; non-ASCII characters are escaped."""
    return json.dumps(_plain(document), indent=2, allow_nan=False)


def as_jsonl(records: Iterable[Record]) -> str:
    """Return one JSON object per line."""
    return "\n".join(json.dumps(_plain(record), allow_nan=False) for record in records)


def as_csv(records: Sequence[Record]) -> str:
    """Return RFC 4180 CSV with a header; an empty field is null."""
    return _separated(records, ",", "\r\n")


def as_tsv(records: Sequence[Record]) -> str:
    """Return tab-separated values with a header."""
    return _separated(records, "\t", "\n")


def as_markdown(records: Sequence[Record]) -> str:
    """Return a table of GitHub's Markdown that shows every name as it is: one line per record, nothing of it markup."""
    columns = list(dict.fromkeys(column for record in records for column in record))
    if not columns:
        return ""
    lines = [[_markdown(column) for column in columns], ["---"] * len(columns)]
    lines += [[_markdown(_cell(record.get(column))) for column in columns] for record in records]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown(value: object) -> str:
    return "" if value is None else _MARKUP.sub(r"\\\g<0>", visible(str(value)))


def _separated(records: Sequence[Record], delimiter: str, line_end: str) -> str:
    columns = list(dict.fromkeys(column for record in records for column in record))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, delimiter=delimiter, lineterminator=line_end)
    writer.writeheader()
    writer.writerows({column: _cell(value) for column, value in record.items()} for record in records)
    return text.getvalue().removesuffix(line_end)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return _STRINGS.get(value, "NaN")
    return value


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return _STRINGS.get(value, "NaN")
    return value
