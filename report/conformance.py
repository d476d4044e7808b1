"""How far the engine agrees with real Keras, as text and as the JSON document of `kcb-replay conform`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from kcb_replay.replay.conformance.exhaustive import BoxReport
from kcb_replay.replay.conformance.golden import Conformance
from kcb_replay.replay.conformance.live import LiveReport
from kcb_replay.report.machine import Record, named
from kcb_replay.text import counted, visible, whole

_MOST_SHOWN = 10


def conformance_document(
    reports: Sequence[Conformance], live: LiveReport | None = None, box: BoxReport | None = None
) -> Record:
    """Return the document of `kcb-replay conform --json`."""
    files = [
        {
            **named(report, "file", "library", "version", "backend", "cases"),
            "mismatches": len(report.mismatches),
            **({"note": report.note} if report.note else {}),
        }
        for report in reports
    ]
    document: Record = {"schema": "kcb-replay/conform/1", "files": files}
    if live is not None:
        document = {**document, "live": _live_record(live)}
    return document if box is None else {**document, "exhaustive": _box_record(box)}


def conformance_text(
    reports: Sequence[Conformance], live: LiveReport | None = None, box: BoxReport | None = None
) -> str:
    """Return a line per file, the first difference of the first mismatches of each, and the sum."""
    lines = [*(_lines(reports) if reports else ()), *(_live_lines(live) if live else ())]
    lines += _box_lines(box) if box else ()
    return "\n".join(lines)


def _live_record(live: LiveReport) -> Record:
    first = None if live.first is None else {"case": live.first.case, "differences": list(live.first.fields)}
    return {
        **named(live, "library", "version", "backend", "numpy", "cases"),
        "mismatches": 0 if first is None else 1,
        "first": first,
        "caveat": live.caveat,
    }


def _box_record(box: BoxReport) -> Record:
    differences = [
        {"stream": list(each.stream), "callbacks": each.callbacks, "differences": list(each.fields)}
        for each in box.differences
    ]
    return {
        **named(box, "library", "version", "backend", "numpy", "epochs"),
        "part": "/".join(map(str, box.part)),
        **named(box, "settings", "cases", "compared", "mismatches"),
        "first": differences,
        **named(box, "seconds", "note"),
    }


def _box_lines(box: BoxReport) -> Iterator[str]:
    keras = f"{box.library} {box.version} ({box.backend}, NumPy {box.numpy})"
    settings = ", ".join(f"{whole(count)} of {name}" for name, count in box.settings.items())
    part = "" if box.part[1] == 1 else f", part {box.part[0]} of {box.part[1]}"
    if box.note:
        yield f"{box.note}."
    yield f"Every stream of {counted(box.epochs, 'epoch')} and its beginnings under every setting ({settings}){part}:"
    outcome = "agree" if not box.mismatches else f"were compared, and {whole(box.mismatches)} epochs differ from those"
    with_what = "with" if not box.mismatches else "of"
    yield f"{whole(box.cases)} cases {outcome} {with_what} {keras}, installed here, in {box.seconds:.0f} s."
    for each in box.differences:
        callbacks = json.dumps(each.callbacks)
        yield f"  {', '.join(each.stream)}; {callbacks}: {visible(each.fields[0])}"
    more = box.mismatches - len(box.differences)
    if more > 0:
        yield f"  and {whole(more)} more"


def _live_lines(live: LiveReport) -> Iterator[str]:
    keras = f"{live.library} {live.version} ({live.backend}, NumPy {live.numpy})"
    if live.caveat:
        yield live.caveat
    if live.first is None:
        yield f"{whole(live.cases)} random cases agree with {keras}, installed here."
        return
    yield f"A random case differs from {keras}, installed here, after {whole(live.cases - 1)} that agree. Shrunk to:"
    case = {key: live.first.case[key] for key in ("callbacks", "initial_lr", "model_metrics", "epochs")}
    yield f"  {json.dumps(case)}"
    yield from (f"  {visible(field)}" for field in live.first.fields)


def _lines(reports: Sequence[Conformance]) -> Iterator[str]:
    width = max(len(visible(report.file)) for report in reports)
    for report in reports:
        if report.note:
            yield f"{visible(report.file)}: {report.note}."
        agreed = report.cases - len(report.mismatches)
        yield f"{visible(report.file):<{width}}  {whole(agreed)} of {whole(report.cases)} cases agree"
        for mismatch in report.mismatches[:_MOST_SHOWN]:
            name = f" ({visible(mismatch.name)})" if mismatch.name else ""
            yield f"  case {mismatch.id}{name}: {visible(mismatch.differences[0])}"
        more = len(report.mismatches) - _MOST_SHOWN
        if more > 0:
            yield f"  and {whole(more)} more"
    cases, wrong = sum(report.cases for report in reports), sum(len(report.mismatches) for report in reports)
    yield f"{whole(cases - wrong)} of {whole(cases)} cases of {whole(len(reports))} files agree with real Keras."
