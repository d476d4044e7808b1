"""The texts that the cells of a Jupyter notebook printed, cell by cell in order (nbformat 3 and 4).

Only what went to stdout is taken: Keras prints there, and a warning on stderr may stand in the middle of its line. No
cell is run and no other output looked at.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cell_texts"]


def cell_texts(content: bytes, path: str) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each code cell, from 1, and what it printed, as UTF-8; raises `ReadError`."""
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path} is no whole notebook: {error}. Expected the JSON of a Jupyter notebook.") from None
    cells = _cells(notebook)
    if cells is None:
        raise ReadError(f"{path} is JSON without `cells`. Expected a Jupyter notebook.")
    for number, cell in enumerate(cells, start=1):
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        text = "".join(_printed(output) for output in outputs) if isinstance(outputs, list) else ""
        if text:
            # A lone surrogate is legal JSON, and no text.
            yield number, text.encode("utf-8", "replace")


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


def _printed(output: object) -> str:
    match output:
        case {"name": "stderr"} | {"stream": "stderr"}:
            return ""
        case {"output_type": "stream", "text": str() | list() as text}:
            return text if isinstance(text, str) else "".join(line for line in text if isinstance(line, str))
    return ""
