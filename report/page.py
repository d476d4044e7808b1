"""Write a simulation as one HTML file: every run in a table, and one by one with its curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.contents import contents_of
from kcb_replay.report.pages.document import document, write_document
from kcb_replay.report.svg import chart_svg, strip_svg

if TYPE_CHECKING:
    import os

    from kcb_replay.ingest.recording import Source
    from kcb_replay.replay.replay import Simulation

__all__ = ["page_html", "report"]


@dataclass(frozen=True, slots=True)
class _SourceLine:
    path: str
    remark: str


def report(simulation: Simulation, path: str | os.PathLike[str], *, command: str = "") -> None:
    """Write the page of a simulation to `path`.

    `command` is the command line that made it, for the foot of the page.
    A simulation without any replay gives a page that says what was left out. Raises `KcbReplayError` where the file
    cannot be written; the file appears whole or not at all.
    """
    write_document(path, page_html(simulation, command=command))


def page_html(simulation: Simulation, *, command: str = "") -> str:
    """Return the page of a simulation as text."""
    sources = dict.fromkeys(source for replay in simulation.replays for source in replay.sources)
    context = {
        "page": contents_of(simulation),
        "command": command,
        "sources": [_SourceLine(source.path, f"({source.format}, {_digest_text(source)})") for source in sources],
    }
    styles = ("chart.css", "report.css")
    return document("report.html.j2", context, styles=styles, drawings={"chart": chart_svg, "strip": strip_svg})


def _digest_text(source: Source) -> str:
    return f"sha256 {source.sha256[:12]}…" if source.sha256 else "read as it grew"
