"""How far the engine agrees with real Keras, as text and as the JSON document of `kcb-replay conform`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.names import shown
from kcb_replay.report.numbers import whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.replay.conform import Conformance
    from kcb_replay.report.machine import Record

__all__ = ["conformance_document", "conformance_text"]

_MOST_SHOWN = 10


def conformance_document(reports: Sequence[Conformance]) -> Record:
    """Return the document of `kcb-replay conform --json`."""
    files = [
        {
            "file": report.file,
            "library": report.library,
            "version": report.version,
            "backend": report.backend,
            "cases": report.cases,
            "mismatches": len(report.mismatches),
        }
        for report in reports
    ]
    return {"schema": "kcb-replay/conform/1", "files": files}


def conformance_text(reports: Sequence[Conformance]) -> str:
    """Return a line per file, the first difference of the first mismatches of each, and the sum."""
    return "\n".join(_lines(reports))


def _lines(reports: Sequence[Conformance]) -> Iterator[str]:
    width = max(len(shown(report.file)) for report in reports)
    for report in reports:
        agreed = report.cases - len(report.mismatches)
        yield f"{shown(report.file):<{width}}  {whole(agreed)} of {whole(report.cases)} cases agree"
        for mismatch in report.mismatches[:_MOST_SHOWN]:
            name = f" ({shown(mismatch.name)})" if mismatch.name else ""
            yield f"  case {mismatch.id}{name}: {shown(mismatch.differences[0])}"
        more = len(report.mismatches) - _MOST_SHOWN
        if more > 0:
            yield f"  and {whole(more)} more"
    cases, wrong = sum(report.cases for report in reports), sum(len(report.mismatches) for report in reports)
    yield f"{whole(cases - wrong)} of {whole(cases)} cases of {whole(len(reports))} files agree with real Keras."
