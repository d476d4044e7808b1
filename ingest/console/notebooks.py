"""What the cells of a Jupyter notebook printed, of every version of its format.

Keras prints to stdout, and a warning on stderr may stand in the middle of its line: the two are told apart, and what
went to stderr (where tqdm draws) is a text of its own. Databricks shows what was printed as a page.
"""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator


_TAG = re.compile(r"<[^<>]*>")
_PRINTED_AS_PAGE = 'class="ansiout"'


class CellText(NamedTuple):
    """What a code cell printed, as UTF-8; `cell` counts from 1."""

    cell: int
    text: bytes
    is_error_output: bool


def cell_texts(content: bytes, path: str) -> Iterator[CellText]:
    """Yield what each code cell printed; raises `ReadError`."""
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path} is no whole notebook: {error}. Expected the JSON of a Jupyter notebook.") from None
    cells = _cells(notebook)
    if cells is None:
        raise ReadError(f"{path} is JSON without `cells`. Expected a Jupyter notebook.")
    for number, cell in enumerate(cells, start=1):
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        if not isinstance(outputs, list):
            continue
        for is_error_output in (False, True):
            text = "".join(_printed(each) for each in outputs if _is_error_output(each) == is_error_output)
            if text:
                # A lone surrogate is legal JSON, and no text.
                yield CellText(number, text.encode("utf-8", "replace"), is_error_output)


def _cells(notebook: object) -> list[object] | None:
    if not isinstance(notebook, dict):
        return None
    if isinstance(notebook.get("cells"), list):
        return list(notebook["cells"])
    sheets = notebook.get("worksheets")
    if not isinstance(sheets, list):
        return None
    cells = (sheet.get("cells") for sheet in sheets if isinstance(sheet, dict))
    return [cell for listed in cells if isinstance(listed, list) for cell in listed]


def _is_error_output(output: object) -> bool:
    return isinstance(output, dict) and "stderr" in (output.get("name"), output.get("stream"))


def _printed(output: object) -> str:
    match output:
        case {"output_type": "stream", "text": text}:
            return _joined(text)
        case {"output_type": "display_data" | "execute_result" | "pyout", "data": {"text/html": page}}:
            text = _joined(page)
            return f"{html.unescape(_TAG.sub('', text))}\n" if _PRINTED_AS_PAGE in text else ""
        case {"output_type": "display_data" | "execute_result" | "pyout", "data": {"text/plain": text}}:
            return f"{_joined(text)}\n"
        case {"output_type": "display_data" | "execute_result" | "pyout", "text": text}:
            return f"{_joined(text)}\n"
    return ""


def _joined(text: object) -> str:
    if isinstance(text, list):
        return "".join(line for line in text if isinstance(line, str))
    return text if isinstance(text, str) else ""
