"""The page of a report: every run in a table, and one by one with its curve, in one HTML file.

`contents_of` makes an info value of texts, rows and sections from a simulation, `html_of` only writes it down.
Sentences about one replay come from `words`; those about several together from `several_replays`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.choices.replayed import AllCurves, all_curves, side_by_side
from kcb_replay.report.choices.sample import MOST_DRAWN, drawn_places
from kcb_replay.report.columns import Column, groups_of
from kcb_replay.report.drawing.curve import CurveInfo, curve_info
from kcb_replay.report.facts import Fact, facts
from kcb_replay.report.pages.document import document, write_document
from kcb_replay.report.sections import Section, section_of
from kcb_replay.report.several_replays import (
    common_answer,
    extent,
    lead_of,
    logic,
    question,
    reduces,
    regret_explained,
    stops,
    subtitle,
)
from kcb_replay.report.simulation import unanswered_sentences
from kcb_replay.report.svg.curves import Drawn, curves_svg
from kcb_replay.report.svg.replay import chart_svg, strip_svg
from kcb_replay.report.versions import difference_sentences, era_sentences, version_names
from kcb_replay.report.words import compared_outcomes
from kcb_replay.text import decimals_for, whole

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from kcb_replay.ingest.recording import Source
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.simulation import LeftOut, RaisedFit, Simulation
    from kcb_replay.report.choices.replayed import AllCurves
    from kcb_replay.report.choices.rules_matrix import Matrix

__all__ = [
    "MOST_EPOCHS",
    "MOST_SECTIONS",
    "ReportPage",
    "Row",
    "Setting",
    "contents_of",
    "html_of",
    "page_html",
    "report",
]

# Beyond so many runs, or epochs told one by one, the page would be too heavy to mail; the table still has every run.
MOST_SECTIONS, MOST_EPOCHS = 30, 500


@dataclass(frozen=True, slots=True)
class Setting:
    """One list of callbacks as Keras code; `name` is empty when there is only one list."""

    name: str
    code: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One replay in the table of runs; `anchor` is empty when it has no section of its own.

    `place` is that of its fit among all curves, -1 where it is not among them. There is no `curve` of a training that
    Keras ends with an exception.
    """

    name: str
    anchor: str
    place: int
    curve: CurveInfo | None
    cells: tuple[str, ...]
    validity: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """Everything on the page. `question` ends before the name of the run, which `run` holds when there is only one."""

    question: str
    run: str
    subtitle: str
    answer: str
    facts: tuple[Fact, ...]
    settings: tuple[Setting, ...]
    left_out: tuple[LeftOut, ...]
    unanswered: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    regret_explained: str
    reduces: bool
    sections: tuple[Section, ...]
    sections_remark: str
    logic: str
    extent: str
    differences: tuple[str, ...]
    rows_are: str
    drawn_remark: str
    all_curves: AllCurves | None
    matrix: Matrix | None

    @property
    def last_epoch(self) -> int:
        """Return the end of the scale that all strips share."""
        return max((row.curve.epochs[-1] for row in self.rows if row.curve), default=1)


def contents_of(simulation: Simulation, *, draw_all: bool = False) -> ReportPage:
    """Return what the page of a simulation says; the replays with the largest regret come first.

    Of more than 500 replays 500 are drawn and listed, unless `draw_all` asks for all; the numbers are those of all.
    """
    replays = sorted(simulation.replays, key=_by_regret)
    names = _names_of_settings(simulation.answers)
    versions = version_names(simulation.answers)
    several_fits = {answer.run for answer in simulation.answers if answer.fit > 0}
    titles = [_title(replay, several_fits, names, versions) for replay in replays]
    decimals = decimals_for(pair for replay in replays for pair in compared_outcomes(replay.outcomes))
    groups = groups_of(replays, decimals)
    drawn = drawn_places([_regret(replay) for replay in replays], draw_all=draw_all)
    infos = [curve_info(replays[place]) for place in drawn]
    together = all_curves(infos, decimals)
    rows: list[Row] = []
    sections: list[Section] = []
    told = 0
    for number, (place, curve) in enumerate(zip(drawn, infos, strict=True), 1):
        replay, title = replays[place], titles[place]
        told += len(curve.epochs)
        anchor = f"run-{number}" if number == 1 or (number <= MOST_SECTIONS and told <= MOST_EPOCHS) else ""
        said = tuple(text for group in groups for text in group.cells(replay))
        at = together.places.get((replay.run, replay.fit), -1) if together else -1
        rows.append(Row(title, anchor, at, curve, said, replay.validity.label, replay.validity.reason))
        if anchor:
            sections.append(section_of(replay, curve, title, anchor))
    for raised in simulation.raised[: len(simulation.raised) if draw_all else max(0, MOST_DRAWN - len(rows))]:
        cells = ["" for group in groups for _ in group.columns]
        cells[:1] = ["raises"] if cells else []
        title = _title(raised, several_fits, names, versions)
        rows.append(Row(title, "", -1, None, tuple(cells), raised.validity.label, raised.brief))
    answers = len(simulation.answers)
    rows_are = "fits" if answers == len({(each.run, each.fit) for each in simulation.answers}) else "replays"
    return ReportPage(
        question=question(replays, simulation.raised),
        run=titles[0] if len(replays) == answers == 1 else "",
        subtitle=subtitle(replays, simulation.raised),
        answer=common_answer(replays, simulation.raised),
        facts=facts(replays, titles, decimals, raised=len(simulation.raised)),
        settings=tuple(Setting(name.capitalize(), code) for code, name in names.items()),
        left_out=simulation.left_out,
        unanswered=tuple(unanswered_sentences(simulation.answers)),
        columns=tuple(column for group in groups for column in group.columns),
        rows=tuple(rows),
        regret_explained=regret_explained(replays),
        reduces=any(map(reduces, replays)),
        sections=tuple(sections),
        sections_remark=_sections_remark(replays, len(sections)),
        logic=logic(replays),
        extent=extent(simulation.answers),
        differences=(*difference_sentences(simulation.replays), *era_sentences(simulation.replays)),
        rows_are=rows_are,
        drawn_remark=_drawn_remark(answers, len(rows), rows_are),
        all_curves=together,
        matrix=side_by_side(
            [replays[place] for place in drawn], _column_of(simulation.replays, names, versions), decimals
        ),
    )


def _by_regret(replay: Replay) -> tuple[bool, float]:
    regret = lead_of(replay).regret if stops(replay) else None
    return (regret is None, -(regret or 0.0))


def _code(answer: Replay | RaisedFit) -> tuple[str, ...]:
    return tuple(str(callback) for callback in answer.callbacks)


def _names_of_settings(answers: Sequence[Replay | RaisedFit]) -> dict[tuple[str, ...], str]:
    codes = list(dict.fromkeys(_code(answer) for answer in answers))
    return {code: f"setting {number}" if len(codes) > 1 else "" for number, code in enumerate(codes, 1)}


def _title(
    answer: Replay | RaisedFit, several_fits: set[str], names: dict[tuple[str, ...], str], versions: Sequence[str]
) -> str:
    fit = f"fit {answer.fit}" if answer.run in several_fits else ""
    version = answer.semantics.name if len(versions) > 1 else ""
    return ", ".join(part for part in (answer.run, fit, names[_code(answer)], version) if part)


def _column_of(
    replays: Sequence[Replay], names: Mapping[tuple[str, ...], str], versions: Sequence[str]
) -> dict[tuple[str, tuple[str, ...]], str]:
    """Return the column of each version and list of callbacks, as far as these differ, in the order of the question."""
    found = {}
    for replay in replays:
        version = replay.semantics.name if len(versions) > 1 else ""
        found[replay.semantics.name, _code(replay)] = ", ".join(filter(None, (names[_code(replay)], version)))
    return found


def _regret(replay: Replay) -> float:
    regret = lead_of(replay).regret if stops(replay) else None
    return math.nan if regret is None else regret


def _drawn_remark(replays: int, drawn: int, rows_are: str) -> str:
    if drawn == replays:
        return ""
    return (
        f"Drawn and listed are {whole(drawn)} of {whole(replays)} {rows_are}: the 200 with the largest regret, and 300"
        " others by lot; --all draws them all. All numbers above are those of all."
    )


def _sections_remark(replays: Sequence[Replay], sections: int) -> str:
    more = len(replays) - sections
    if more <= 0:
        return ""
    order = "with the largest regret" if any(map(stops, replays)) else "that come first"
    are = "fit is" if sections == 1 else "fits are"
    shown = f"The {sections} {are.split(maxsplit=1)[0]} {order} {are.split()[1]} shown one by one"
    return (
        f"{shown}; the other {whole(more)} are in the table only: kcb-replay explain RUN --html FILE shows any of them."
    )


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
