r"""CSVLogger: the text of its file, byte for byte (keras/src/callbacks/csv_logger.py).

Opens no file: with `append` a file that was there before the first fit is not known of, so the first fit always begins
with a header. Lines end in `\r\n`, as Keras writes them on Linux and macOS.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kcb_replay.errors import SettingError
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks.arguments import require_texts, with_python_values
from kcb_replay.replay.callbacks.base import Callback, Context, EpochEnd, State, Step, TrainBegin, TrainEnd
from kcb_replay.replay.callbacks.written import NOTHING, Written, was_float32
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.events import Event, TextWritten


@dataclass(frozen=True, slots=True)
class CSVLogger(Callback):
    """Write the epoch and its logs as a line of `filename`; the first epoch decides the columns.

    Raises `SettingError` when `filename` or `separator` is no text.
    """

    name = "CSVLogger"

    filename: str
    separator: str = ","
    append: bool = False

    def __post_init__(self) -> None:
        with_python_values(self)
        require_texts(self, ("filename", "separator"))
        if not self.filename:
            raise SettingError("CSVLogger: filename is empty.")

    def start(self, context: Context) -> CSVLoggerState:
        """Return the state of a new callback."""
        return CSVLoggerState(self, context)

    def compared_output(self, output: Mapping[str, Any], events: Iterable[tuple[int, Event]]) -> object:  # noqa: ARG002
        """Return the text of the file."""
        return output["text"]


@dataclass(frozen=True, slots=True)
class CSVLoggerState(State):
    """What is in the file, the columns, and whether this fit has written yet."""

    settings: CSVLogger
    context: Context
    text: Written = field(default=NOTHING, repr=False)
    keys: tuple[str, ...] | None = None
    writing: bool = False
    needs_header: bool = True

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Open the file: from its beginning, or to append."""
        header = not str(self.text) if self.settings.append else self.needs_header
        text = self.text if self.settings.append else NOTHING
        return Step(replace(self, text=text, needs_header=header, writing=False))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Write the line of this epoch, before the first one the header."""
        keys = self._columns(end)
        cells = self._cells(keys, end)
        lines = [[end.index, *cells]]
        if not self.writing and self.needs_header:
            lines.insert(0, ["epoch", *keys])
        text = self._as_csv(lines)
        event = TextWritten(index=end.index, callback=CSVLogger.name, text=text)
        return Step(replace(self, text=self.text.plus(text), keys=keys, writing=True), (event,))

    def on_train_end(self, end: TrainEnd) -> Step:  # noqa: ARG002
        """Close the file."""
        return Step(replace(self, writing=False))

    def output(self) -> Mapping[str, object]:
        """Return the name of the file and what is in it."""
        return {"filename": self.settings.filename, "text": str(self.text)}

    def _columns(self, end: EpochEnd) -> tuple[str, ...]:
        semantics = self.context.semantics
        if self.keys is not None and (self.writing or semantics.csv_logger_keeps_keys):
            return self.keys
        if end.stopping and semantics.csv_logger_missing == "NA when stopping" and not semantics.csv_logger_keeps_keys:
            return self._columns_before(end)
        keys = tuple(sorted(end.logs))
        if semantics.csv_logger_pads_validation and not any(key.startswith("val_") for key in keys):
            # Also for the learning rate, which has no validation.
            keys += tuple(f"val_{key}" for key in keys)
        return keys

    def _columns_before(self, end: EpochEnd) -> tuple[str, ...]:
        """Return the columns of the fit before, which Keras 2.0.8 to 2.1.2 reads when the first epoch is the last."""
        if self.keys is None:
            raise KerasRaises("TypeError", f"epoch {end.index + 1} stops the training before there are any columns")
        return tuple(sorted(self.keys))

    def _cells(self, keys: Sequence[str], end: EpochEnd) -> list[object]:
        semantics = self.context.semantics
        missing = [key for key in keys if key not in end.logs]
        fills = semantics.csv_logger_missing == "NA" or (
            semantics.csv_logger_missing == "NA when stopping" and end.stopping
        )
        if missing and not fills:
            raise KerasRaises("KeyError", f"{missing[0]} was logged in the first epoch and is not in this one")
        return [_cell(key, end.logs[key], semantics) if key in end.logs else "NA" for key in keys]

    def _as_csv(self, lines: list[list[object]]) -> str:
        file = io.StringIO(newline="")
        try:
            csv.writer(file, csv.excel, delimiter=self.settings.separator).writerows(lines)
        except (TypeError, ValueError, csv.Error) as error:
            raise KerasRaises(type(error).__name__, f"the line cannot be written: {error}") from None
        return file.getvalue()


def _cell(key: str, value: object, semantics: Semantics) -> object:
    """Return what is handed to the csv module, which writes None as nothing and all else as its text."""
    if isinstance(value, float):
        return np.float32(value) if was_float32(key, value, semantics) else value
    # What the user's own callbacks may log.
    if isinstance(value, str) and not semantics.csv_logger_spells_texts:
        return value
    if not isinstance(value, Iterable) or (isinstance(value, np.ndarray) and not value.ndim):
        return value
    return f'"[{", ".join(map(str, value))}]"'
