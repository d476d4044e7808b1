"""Records as JSON, JSON lines, CSV, TSV and Markdown: full precision, NaN and infinities as strings in JSON.

What is too much to be held is spooled: its texts come in one order and are written in another.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from json.encoder import encode_basestring_ascii as quoted
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO, Any, TypeAlias, cast

from kcb_replay.errors import KcbReplayError
from kcb_replay.text import visible

Record: TypeAlias = "Mapping[str, object]"
# An underscore within a word is none.
_MARKUP = re.compile(r"[\\`*\[\]<>|~&#]|(?<![^\W_])_|_(?![^\W_])")
# What a spreadsheet computes instead of showing it.
_FORMULA = ("=", "+", "-", "@")
_STRINGS = {math.inf: "Infinity", -math.inf: "-Infinity"}
_WORDS = {None: "null", True: "true", False: "false"}
# Bytes of a spool that are held before it goes into a file.
_IN_MEMORY = 1 << 23


def named(value: object, *names: str) -> dict[str, object]:
    """Return these attributes of a value as a record."""
    return {name: getattr(value, name) for name in names}


def as_json(document: Record, *, indent: str = "") -> str:
    """Return one JSON object, indented; non-ASCII characters are escaped. `indent` stands before all lines but one."""
    return _json(document, f"\n{indent}")


def as_records(form: str, records: Iterable[Record]) -> str:
    """Return records as `jsonl`, one object a line, as `csv` (RFC 4180) or `tsv` with a header, or as `md`.

    An empty field is null. `md` is a table of GitHub's Markdown that shows every name as it is: one line per record,
    nothing of it markup.
    """
    spool = RecordSpool(form)
    spool.add(0, records)
    return "".join(spool)


class TextSpool:
    """Texts that come in one order and are read in that of their positions, without being held."""

    def __init__(self) -> None:
        self._file = cast("IO[bytes]", SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115  # gone with the spool
        self._places: list[tuple[Any, int, int]] = []
        self._end = 0

    def __del__(self) -> None:
        self._file.close()

    def add(self, position: Any, text: str) -> None:
        """Add a text, behind those of its position; raises `KcbReplayError` where there is no room for it."""
        try:
            written = self._file.write(text.encode("utf-8", "surrogatepass"))
        except OSError as error:
            raise KcbReplayError(
                f"The temporary file of the result cannot be written: {error.strerror or error}. Make room in"
                f" {gettempdir()}, or set TMPDIR to another folder."
            ) from None
        self._places.append((position, self._end, written))
        self._end += written

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        for _, place, length in sorted(self._places, key=lambda each: each[0]):
            self._file.seek(place)
            yield self._file.read(length).decode("utf-8", "surrogatepass")
        self._file.seek(self._end)


class RecordSpool:
    """Records of one form, jsonl, csv, tsv or md: added in any order, written in that of their positions.

    Iterating over it gives the text piece by piece, which ends without a line end.
    """

    def __init__(self, form: str) -> None:
        self._form = form
        self._spool = TextSpool()
        # The columns of records, of which there are few kinds, and the first position of each kind.
        self._kinds: dict[tuple[str, ...], int] = {}
        self._first: list[tuple[Any, int]] = []

    def add(self, position: Any, records: Iterable[Record]) -> None:
        """Add records that belong together."""
        for record in records:
            if self._form == "jsonl":
                self._spool.add(position, json.dumps(_plain(record), allow_nan=False))
                continue
            kind = self._kinds.setdefault(tuple(record), len(self._kinds))
            order = (position, len(self._spool))
            if kind == len(self._first):
                self._first.append(order)
            self._first[kind] = min(self._first[kind], order)
            self._spool.add(position, json.dumps([kind, *map(_cell, record.values())], default=str))

    def __iter__(self) -> Iterator[str]:
        if self._form == "jsonl":
            return _joined(self._spool, "\n")
        kinds = sorted(self._kinds, key=lambda columns: self._first[self._kinds[columns]])
        columns = list(dict.fromkeys(chain.from_iterable(kinds)))
        rows: Iterator[Sequence[object]] = chain([columns], self._rows(columns))
        if self._form == "md":
            return _joined(_markdown_lines(rows) if columns else (), "\n")
        delimiter, line_end = ("\t", "\n") if self._form == "tsv" else (",", "\r\n")
        return _joined(_separated_lines(rows, delimiter, line_end), line_end)

    def _rows(self, columns: Sequence[str]) -> Iterator[list[object]]:
        """Yield the cells of every record under these columns."""
        places = [[columns.index(column) for column in kind] for kind in self._kinds]
        for text in self._spool:
            kind, *cells = json.loads(text)
            row: list[object] = [None] * len(columns)
            for place, cell in zip(places[kind], cells, strict=True):
                row[place] = cell
            yield row


def _joined(lines: Iterable[str], line_end: str) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"{line_end}{line}" if number else line


def _separated_lines(rows: Iterable[Iterable[object]], delimiter: str, line_end: str) -> Iterator[str]:
    text = io.StringIO(newline="")
    # What ends lines has to be quoted within them.
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    for row in rows:
        writer.writerow([_text_cell(value) if isinstance(value, str) else value for value in row])
        yield text.getvalue().removesuffix(line_end)
        text.seek(0)
        text.truncate()


def _text_cell(text: str) -> str:
    """Return a text that steers no terminal, and that a spreadsheet does not take for a formula."""
    shown = visible(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _markdown_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield f"| {' | '.join(map(_markdown, row))} |"
        if not number:
            yield f"| {' | '.join(['---'] * len(row))} |"


def _markdown(value: object) -> str:
    return "" if value is None else _MARKUP.sub(r"\\\g<0>", visible(str(value)))


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return _STRINGS.get(value, "NaN")
    return value


def _json(value: object, line: str) -> str:
    """Return a value as `json.dumps(_plain(value), indent=2)` does, some times faster; `line` begins its lines."""
    if isinstance(value, dict):
        below = f"{line}  "
        items = [f"{below}{quoted(str(key))}: {_json(item, below)}" for key, item in value.items()]
        return f"{{{','.join(items)}{line}}}" if items else "{}"
    if isinstance(value, (list, tuple)):
        below = f"{line}  "
        items = [f"{below}{_json(item, below)}" for item in value]
        return f"[{','.join(items)}{line}]" if items else "[]"
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, float):
        return float.__repr__(value) if math.isfinite(value) else quoted(_STRINGS.get(value, "NaN"))
    return json.dumps(value)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return _STRINGS.get(value, "NaN")
    return value
