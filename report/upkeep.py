"""What is said of a check of the store, and of a list of its runs that is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.check import CheckReport
    from kcb_replay.ingest.schema import RunEntry
    from kcb_replay.report.machine import Record

__all__ = ["check_document", "check_records", "check_text", "nothing_listed"]


def check_document(report: CheckReport) -> Record:
    """Return the document of `kcb-replay check --json`."""
    return {
        "schema": "kcb-replay/check/1",
        "buckets": report.buckets,
        "runs": report.runs,
        "rows": report.rows,
        "faults": check_records(report),
    }


def check_records(report: CheckReport) -> list[Record]:
    """Return one record per fault."""
    return [{"file": fault.file, "text": fault.text} for fault in report.faults]


def check_text(report: CheckReport) -> str:
    """Return a line per fault, and how much was verified."""
    runs, rows = counted(report.runs, "run"), counted(report.rows, "row")
    verified = f"{runs}, {rows} in {counted(report.buckets, 'bucket')}"
    if not report.faults:
        return f"Nothing is wrong: {verified}."
    return "\n".join([*(visible(fault.text) for fault in report.faults), f"{len(report.faults)} wrong: {verified}."])


def nothing_listed(entries: Sequence[RunEntry], tag: str | None) -> str:
    """Return why no run is listed, from all runs of the store and the tag that was asked for."""
    if not entries:
        return "The store is empty. Ingest logs first."
    tags = sorted({tag for entry in entries for tag in entry.tags})
    return f"None of these runs has the tag {visible(tag or '')!r}. Tags: {', '.join(map(visible, tags)) or 'none'}."
