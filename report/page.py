"""Write a simulation as one HTML file that needs nothing else: no network, no script, no font.

Every text is escaped by the template, and names show their invisible characters; the page's own policy allows exactly
its one style sheet, so that a missed escape could still not run anything.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from kcb_replay import __version__
from kcb_replay.report.contents import contents_of
from kcb_replay.report.files import write_whole
from kcb_replay.report.names import shown
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
    html = page_html(simulation, command=command)
    write_whole(Path(path), lambda temporary: _write_text(temporary, html))


def page_html(simulation: Simulation, *, command: str = "") -> str:
    """Return the page of a simulation as text."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    sources = dict.fromkeys(source for replay in simulation.replays for source in replay.sources)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_visible, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["chart"] = lambda curve, ident: Markup(chart_svg(curve, ident))  # noqa: S704  # escapes itself
    environment.filters["strip"] = lambda curve, last: Markup(strip_svg(curve, last))  # noqa: S704  # escapes itself
    style = _text_of("report.css")
    return environment.from_string(_text_of("report.html.j2")).render(
        page=contents_of(simulation),
        style=Markup(style),  # noqa: S704  # our own file
        policy=_policy(style),
        version=__version__,
        command=command,
        sources=[_SourceLine(source.path, f"({source.format}, {_digest_text(source)})") for source in sources],
    )


def _digest_text(source: Source) -> str:
    return f"sha256 {source.sha256[:12]}…" if source.sha256 else "read as it grew"


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _text_of(name: str) -> str:
    text = (files("kcb_replay.report") / "templates" / name).read_text(encoding="utf-8")
    # The policy holds the hash of these very characters, whatever a checkout did to the line ends.
    return text.replace("\r\n", "\n")


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _visible(value: object) -> object:
    # Markup is a str as well, and has been looked at where it was made.
    return shown(value) if type(value) is str else value
