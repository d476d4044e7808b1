"""Read what a server keeps of Keras's RemoteMonitor: one JSON object a line, `epoch` first, then the logs.

An epoch that goes back begins a new fit. A line that is cut off or is no object with an epoch is left out and named.
Lines of other loggers, which begin with another name or count iterations, are not taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import Reading
from kcb_replay.ingest.readers.texts import decoded, parsed
from kcb_replay.ingest.recording import Fit, Note
from kcb_replay.ingest.table import MAX_STEP, epoch_column, epoch_notes, exact, only, series
from kcb_replay.text import are_left_out, counted, excerpt

if TYPE_CHECKING:
    from kcb_replay.ingest.readers.base import Blob, Reader

__all__ = ["REMOTE_MONITOR"]

_WHAT = "a file of RemoteMonitor's JSON lines"
_EXPECTED = 'Expected lines such as {"epoch": 0, "loss": 0.5}, as RemoteMonitor sends them.'
_FIRST = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"epoch"\s*:\s*\d{1,15}\s*,[^\n]*')
_OTHERS = re.compile(rb'"(?:iter|iteration|step|global_step|mode)"\s*:')
_Epochs: TypeAlias = dict[int, dict[str, object]]


@dataclass(frozen=True, slots=True)
class _RemoteMonitorReader:
    """Reader of one file of JSON lines."""

    format: str = "remote_monitor"
    rank: int = 15
    suffixes: tuple[str, ...] = (".json", ".jsonl", ".ndjson", ".log", ".txt")
    version: int = 1

    def accepts(self, path: str, head: bytes) -> bool:  # noqa: ARG002  # the first line says it
        """Tell whether the first line is an epoch that RemoteMonitor could have sent."""
        first = _FIRST.match(head)
        return first is not None and _OTHERS.search(first.group()) is None

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the fits of one file; raises `ReadError`."""
        path = only(blobs, _WHAT).path
        notes: list[Note] = []
        fits = []
        for number, epochs in enumerate(_split_into_fits(decoded(blobs[0].content, path, _EXPECTED), path, notes)):
            fits.append(_fit(epochs, number, path, notes))
        if not any(fit.metrics for fit in fits):
            why = "; ".join(note.text for note in notes[:3])
            raise ReadError(f"{path} holds no epoch with a value{': ' + why if why else ''}. {_EXPECTED}")
        return Reading(tuple(fits), tuple(notes))


REMOTE_MONITOR: Reader = _RemoteMonitorReader()


def _split_into_fits(text: str, path: str, notes: list[Note]) -> list[_Epochs]:
    fits: list[_Epochs] = []
    last = MAX_STEP
    refused: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            epoch, logs = _logs(line, f"line {number} of {path}")
        except ReadError as error:
            refused.append(str(error))
            continue
        if epoch <= last:
            fits.append({})
        fits[-1][epoch] = logs
        last = epoch
    if refused:
        shown = refused[0].removesuffix(f" {_EXPECTED}").rstrip(".")
        what = f"{counted(len(refused), 'line')} of {path} {'is' if len(refused) == 1 else 'are'} no epoch"
        text = f"{what} of RemoteMonitor and {are_left_out(len(refused))}; {shown}"
        notes.append(Note("row_refused", text, path))
    return fits


def _logs(line: str, path: str) -> tuple[int, dict[str, object]]:
    match parsed(line, path, _EXPECTED):
        case {"epoch": int() as epoch, **logs} if not isinstance(epoch, bool) and 0 <= epoch < MAX_STEP:
            return epoch, {str(name): value for name, value in logs.items()}
    raise ReadError(f"{path} has no object with an epoch. {_EXPECTED}")


def _fit(logs: _Epochs, number: int, path: str, notes: list[Note]) -> Fit:
    epochs = epoch_column(logs)
    metrics = {}
    for name in dict.fromkeys(name for values in logs.values() for name in values):
        found = {epoch: values[name] for epoch, values in logs.items() if values.get(name) is not None}
        try:
            values = {epoch: exact(value) for epoch, value in found.items()}
        except ValueError as error:
            text = f"{excerpt(name)} is left out of {path}: it holds {error}"
            notes.append(Note("not_a_number", text, path, fit=number, metric=name))
            continue
        if values:
            metrics[name] = series(values, epochs, name, path)
    notes += epoch_notes(epochs, number, path)
    return Fit(epochs, metrics)
