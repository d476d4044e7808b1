"""The page of a report: every run in a table, and one by one with its curve, in one HTML file.

`contents_of` makes an info value of texts, rows and sections from a simulation, `html_of` only writes it down.
Sentences about one replay come from `words`; those about several together from `several_replays`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import RaisedFit, Simulation
from kcb_replay.replay.verdicts.sample import MOST_DRAWN, drawn_places
from kcb_replay.report.choices.replayed import AllCurves, all_curves, side_by_side
from kcb_replay.report.choices.run_table import Matrix
from kcb_replay.report.columns.column import Head, Writing, table_of
from kcb_replay.report.columns.fits import RESULT_COLUMNS, by_regret, lead_row, reduces, regret_of
from kcb_replay.report.drawing.curve import curve_info
from kcb_replay.report.drawing.strips import Strip, strip_of
from kcb_replay.report.pages.document import document, write_document
from kcb_replay.report.sections import Section, section_of
from kcb_replay.report.several_replays import (
    Fact,
    common_answer,
    extent,
    facts,
    logic,
    own_answer,
    question,
    regret_explained,
    stops,
    subtitle,
)
from kcb_replay.report.simulation_notes import SimulationNotes, unanswered_sentences
from kcb_replay.report.svg.curves import curves_svg
from kcb_replay.report.svg.elements import strip_svg
from kcb_replay.report.svg.replay import chart_svg
from kcb_replay.report.versions import era_sentences, version_names
from kcb_replay.report.words import compared_outcomes, source_remark
from kcb_replay.text import begun, decimals_for, fit_title

# Beyond so many runs, or epochs told one by one, the page would be too heavy to mail; the table still has every run.
_MOST_SECTIONS, MOST_EPOCHS = 30, 500


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """One replay in the table of runs: `name` is its `fit` and its `choice` of settings and Keras, where these differ.

    `anchor` is empty when it has no section of its own.

    `place` is that of its fit among all curves, -1 where it is not among them. There is no `strip` of a training that
    Keras ends with an exception, else it stands for the `sentence`.
    """

    name: str
    fit: str
    choice: str
    anchor: str
    place: int
    strip: Strip | None
    sentence: str
    cells: tuple[str, ...]
    validity: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """Everything on the page. `question` ends before the name of the run, which `run` holds when there is only one.

    `settings` are lists of callbacks as code, each behind its name, which is empty when there is only one. Rows that
    have choices differ in more than their fits; `last_epoch` is the end of the scale that all strips share.
    """

    question: str
    run: str
    subtitle: str
    answer: str
    facts: tuple[Fact, ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]
    left_out: tuple[tuple[str, int, str], ...]
    unanswered: tuple[str, ...]
    columns: tuple[Head, ...]
    rows: tuple[ReplayRow, ...]
    has_choices: bool
    last_epoch: int
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
    sources: tuple[tuple[str, str], ...]
    words: Catalogue


def contents_of(simulation: Simulation, words: Catalogue = IN_ENGLISH, *, draw_all: bool = False) -> ReportPage:
    """Return what the page of a simulation says; the replays with the largest regret come first.

    Of more than 500 replays 500 are drawn and listed, unless `draw_all` asks for all; the numbers are those of all.
    """
    replays = sorted(simulation.replays, key=by_regret)
    titles = _Titles.of(simulation.answers, words)
    decimals = decimals_for(pair for replay in replays for pair in compared_outcomes(replay.outcomes))
    drawn = [replays[place] for place in drawn_places([regret_of(replay) for replay in replays], draw_all=draw_all)]
    together = all_curves(drawn, words)
    raised = simulation.raised[: len(simulation.raised) if draw_all else max(0, MOST_DRAWN - len(drawn))]
    listed: list[Replay | RaisedFit] = [*drawn, *raised]
    table = table_of(RESULT_COLUMNS, map(lead_row, listed)).texts(Writing(decimals, words), on_page=True)
    anchors = [*_anchors(drawn), *("" for _ in raised)]
    rows = tuple(
        ReplayRow(
            name=titles.of_answer(answer),
            fit=titles.of_fit(answer),
            choice=titles.of_choice(answer),
            anchor=anchor,
            place=together.places.get((answer.run, answer.fit), -1) if together else -1,
            strip=None if isinstance(answer, RaisedFit) else strip_of(answer),
            sentence="" if isinstance(answer, RaisedFit) else own_answer(answer, words),
            cells=cells,
            validity=answer.validity.label,
            reason=words.why(answer.brief if isinstance(answer, RaisedFit) else answer.validity.why),
        )
        for answer, anchor, cells in zip(listed, anchors, table.rows, strict=True)
    )
    sections = tuple(
        section_of(replay, curve_info(replay, words=words), row.name, row.anchor, words)
        for replay, row in zip(drawn, rows, strict=False)
        if row.anchor
    )
    differences = (*SimulationNotes.of(simulation).difference_sentences(), *era_sentences(simulation.replays))
    answers = len(simulation.answers)
    rows_are = "fits" if answers == len({(each.run, each.fit) for each in simulation.answers}) else "replays"
    sources = dict.fromkeys(source for replay in simulation.replays for source in replay.sources)
    return ReportPage(
        question=question(replays, simulation.raised, words),
        run=rows[0].name if len(replays) == answers == 1 else "",
        subtitle=subtitle(replays, simulation.raised, words),
        answer=common_answer(replays, simulation.raised, words),
        facts=facts(replays, rows[0].name if rows else "", decimals, raised=len(simulation.raised), words=words),
        settings=tuple((begun(name), code) for code, name in titles.settings.items()),
        left_out=tuple((each.shown_run, each.fit, words.why(each.why)) for each in simulation.left_out),
        unanswered=tuple(map(words.why, unanswered_sentences(simulation.answers))),
        columns=table.heads,
        rows=rows,
        has_choices=any(row.choice for row in rows),
        last_epoch=max((row.strip.last for row in rows if row.strip), default=1),
        regret_explained=regret_explained(replays, words),
        reduces=any(map(reduces, replays)),
        sections=sections,
        sections_remark=_sections_remark(replays, len(sections), words),
        logic=logic(replays, words),
        extent=extent(simulation.answers, words),
        differences=tuple(map(words.why, differences)),
        rows_are=rows_are,
        drawn_remark=""
        if len(rows) == answers
        else words.say(f"report.drawn_{rows_are}", drawn=len(rows), count=answers),
        all_curves=together,
        matrix=side_by_side(
            drawn,
            {(each.semantics.name, _code(each)): titles.of_choice(each) for each in simulation.replays},
            decimals,
            words,
        ),
        sources=tuple((source.path, source_remark(source, words)) for source in sources),
        words=words,
    )


def _anchors(replays: Sequence[Replay]) -> Iterator[str]:
    """Yield the anchor of each run's section, an empty one where it has none."""
    told = 0
    for number, replay in enumerate(replays, 1):
        told += replay.epochs
        yield f"run-{number}" if number == 1 or (number <= _MOST_SECTIONS and told <= MOST_EPOCHS) else ""


@dataclass(frozen=True, slots=True)
class _Titles:
    """What tells answers apart: `settings` names each list of callbacks, with nothing where there is only one."""

    settings: Mapping[tuple[str, ...], str]
    several_fits: frozenset[str]
    several_versions: bool

    @classmethod
    def of(cls, answers: Sequence[Replay | RaisedFit], words: Catalogue) -> _Titles:
        codes = list(dict.fromkeys(_code(answer) for answer in answers))
        return cls(
            {
                code: words.say("report.setting", number=number) if len(codes) > 1 else ""
                for number, code in enumerate(codes, 1)
            },
            frozenset(answer.run for answer in answers if answer.fit > 0),
            len(version_names(answers)) > 1,
        )

    def of_answer(self, answer: Replay | RaisedFit) -> str:
        """Return run, fit, setting and version, as far as these differ."""
        return ", ".join(filter(None, (self.of_fit(answer), self.of_choice(answer))))

    def of_fit(self, answer: Replay | RaisedFit) -> str:
        """Return the run, and the fit where it has several."""
        return fit_title(answer.run, answer.fit, several=answer.run in self.several_fits)

    def of_choice(self, answer: Replay | RaisedFit) -> str:
        """Return setting and version, as far as these differ."""
        version = answer.semantics.name if self.several_versions else ""
        return ", ".join(filter(None, (self.settings[_code(answer)], version)))


def _code(answer: Replay | RaisedFit) -> tuple[str, ...]:
    return tuple(map(str, answer.callbacks))


def _sections_remark(replays: Sequence[Replay], sections: int, words: Catalogue) -> str:
    more = len(replays) - sections
    order = "worst" if any(map(stops, replays)) else "first"
    return words.say(f"report.sections_{order}", count=sections, more=more) if more > 0 else ""


# Of the chart of all curves, which is drawn once.
_MOST_POINTS = 16_000


def report(
    simulation: Simulation,
    path: str | os.PathLike[str],
    *,
    command: str = "",
    draw_all: bool = False,
    force: bool = False,
) -> None:
    """Write the page of a simulation to `path`.

    `command` is the command line that made it, for the foot of the page. Of more than 500 replays it draws 500, all of
    them with `draw_all`.
    A simulation without any replay gives a page that says what was left out. Raises `KcbReplayError` where the file
    cannot be written; the file appears whole or not at all, with `force` over one that kcb-replay did not write, too.
    """
    write_document(path, page_html(simulation, command=command, draw_all=draw_all), force=force)


def page_html(simulation: Simulation, *, command: str = "", draw_all: bool = False) -> str:
    """Return the page of a simulation as text."""
    return html_of(contents_of(simulation, draw_all=draw_all), command=command)


def html_of(contents: ReportPage, *, command: str = "") -> str:
    """Return the page that says these contents of a simulation."""
    words = contents.words
    context = {
        "page": contents,
        "command": command,
        "count": words.templates[f"report.count_{contents.rows_are}"],
        "count_fits": words.templates["report.count_fits"],
    }
    title = words.say("report.all_curves")
    return document(
        "report.html.j2",
        context,
        styles=("chart.css", "tables.css", "report.css"),
        scripts=("tables.js", "report.js"),
        language=words.language,
        drawings={
            "chart": chart_svg,
            "strip": strip_svg,
            "curves": lambda each: curves_svg(each.curves, each.ends, each.stops, title, _MOST_POINTS),
        },
    )
