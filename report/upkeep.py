"""What is said of a check of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.names import shown
from kcb_replay.report.numbers import whole

if TYPE_CHECKING:
    from kcb_replay.ingest.check import CheckReport
    from kcb_replay.report.machine import Record

__all__ = ["check_document", "check_records", "check_text"]


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
    verified = f"{whole(report.runs)} runs, {whole(report.rows)} rows in {whole(report.buckets)} buckets"
    if not report.faults:
        return f"Nothing is wrong: {verified}."
    return "\n".join([*(shown(fault.text) for fault in report.faults), f"{len(report.faults)} wrong: {verified}."])
