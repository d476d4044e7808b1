"""Write a simulation as one HTML file: every run in a table, and one by one with its curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.pages.document import document, write_document
from kcb_replay.report.report_page import contents_of
from kcb_replay.report.svg.curves import Drawn, curves_svg
from kcb_replay.report.svg.replay import chart_svg, strip_svg

if TYPE_CHECKING:
    import os

    from kcb_replay.ingest.recording import Source
    from kcb_replay.replay.replay import Simulation
    from kcb_replay.report.choices.replayed import AllCurves
    from kcb_replay.report.report_page import ReportPage

__all__ = ["html_of", "page_html", "report"]

# Of the chart of all curves, which is drawn once.
_MOST_POINTS = 16_000


@dataclass(frozen=True, slots=True)
class _SourceLine:
    path: str
    remark: str


def report(simulation: Simulation, path: str | os.PathLike[str], *, command: str = "", draw_all: bool = False) -> None:
    """Write the page of a simulation to `path`.

    `command` is the command line that made it, for the foot of the page. Of more than 500 replays it draws 500, all of
    them with `draw_all`.
    A simulation without any replay gives a page that says what was left out. Raises `KcbReplayError` where the file
    cannot be written; the file appears whole or not at all.
    """
    write_document(path, page_html(simulation, command=command, draw_all=draw_all))


def page_html(simulation: Simulation, *, command: str = "", draw_all: bool = False) -> str:
    """Return the page of a simulation as text."""
    return html_of(contents_of(simulation, draw_all=draw_all), simulation, command=command)


def html_of(contents: ReportPage, simulation: Simulation, *, command: str = "") -> str:
    """Return the page that says these contents of a simulation."""
    sources = dict.fromkeys(source for replay in simulation.replays for source in replay.sources)
    context = {
        "page": contents,
        "command": command,
        "sources": [_SourceLine(source.path, f"({source.format}, {_digest_text(source)})") for source in sources],
    }
    return document(
        "report.html.j2",
        context,
        styles=("chart.css", "tables.css", "report.css"),
        scripts=("tables.js", "report.js"),
        drawings={"chart": chart_svg, "strip": strip_svg, "curves": _curves},
    )


def _curves(found: AllCurves) -> str:
    return curves_svg(Drawn(found.curves, found.firsts, found.ends, found.stops), _MOST_POINTS)


def _digest_text(source: Source) -> str:
    return f"sha256 {source.sha256[:12]}…" if source.sha256 else "read as it grew"
