"""Read what a server keeps of Keras's RemoteMonitor: one JSON object a line, `epoch` first, then the logs.

An epoch that goes back begins a new fit. A line that is cut off or is no object with an epoch is left out and named.
Lines of other loggers, which begin with another name or count iterations, are not taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.metric_names import as_they_are
from kcb_replay.ingest.readers.base import LogReader
from kcb_replay.ingest.readers.texts import decoded, parsed
from kcb_replay.ingest.table import MAX_STEP, EpochTable, Log, exact
from kcb_replay.text import are_left_out, counted

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Fit


_EXPECTED = 'Expected lines such as {"epoch": 0, "loss": 0.5}, as RemoteMonitor sends them.'
_FIRST = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"epoch"\s*:\s*\d{1,15}\s*,[^\n]*')
_OTHERS = re.compile(rb'"(?:iter|iteration|step|global_step|mode)"\s*:')


def _looks_like(_: str, head: bytes) -> bool:
    """Tell whether the first line is an epoch that RemoteMonitor could have sent."""
    first = _FIRST.match(head)
    return first is not None and _OTHERS.search(first.group()) is None


def _fits_in(content: bytes, log: Log) -> tuple[Fit, ...]:
    fits = _table(decoded(content, log), log).fits()
    if not any(fit.metrics for fit in fits):
        raise log.refusal("holds no epoch with a value", why=True)
    return fits


REMOTE_MONITOR = LogReader(
    format="remote_monitor",
    what="a file of RemoteMonitor's JSON lines",
    expected=_EXPECTED,
    rank=15,
    suffixes=(".json", ".jsonl", ".ndjson", ".log", ".txt"),
    looks_like=_looks_like,
    fits_in=_fits_in,
)


def _table(text: str, log: Log) -> EpochTable[object]:
    table: EpochTable[object] = EpochTable(log, exact, names=as_they_are)
    refused: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                epoch, logs = _logs(line, Log(f"line {number} of {log.path}", _EXPECTED))
            except ReadError as error:
                refused.append(str(error))
            else:
                table.add(epoch, [*logs], [*logs.values()])
    if refused:
        first = refused[0].removesuffix(f" {_EXPECTED}").rstrip(".")
        what = f"{counted(len(refused), 'line')} of {log.path} {'is' if len(refused) == 1 else 'are'} no epoch"
        log.note("row_refused", f"{what} of RemoteMonitor and {are_left_out(len(refused))}; {first}")
    return table


def _logs(line: str, log: Log) -> tuple[int, dict[str, object]]:
    match parsed(line, log):
        case {"epoch": int() as epoch, **logs} if not isinstance(epoch, bool) and 0 <= epoch < MAX_STEP:
            return epoch, {str(name): value for name, value in logs.items()}
    raise log.refusal("has no object with an epoch")
