"""The one page of choices, of a sweep or of a comparison: answer, facts, notices, choice, plane, curves, table of runs.

A page holds one or more views, one monitor under one Keras version each, and one choice drives all its parts. Every
answer was replayed in Python; the program of the page looks them up in `page_data`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Literal

from kcb_replay.replay.verdicts.table import LABELS
from kcb_replay.report.choices.answers import answer_text
from kcb_replay.report.choices.encoding import curves_data, runs_data
from kcb_replay.report.choices.run_table import label_words
from kcb_replay.report.pages.document import document
from kcb_replay.report.svg.curves import curves_svg
from kcb_replay.report.svg.plane import label_room, plane_svg, points_of
from kcb_replay.report.svg.strip import strip_svg
from kcb_replay.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.report.choices.answers import ChoiceAnswer
    from kcb_replay.report.choices.notices import Notice
    from kcb_replay.report.choices.run_table import Matrix, Runs, RunTable
    from kcb_replay.report.drawing.grid import GridSlice, SettingsGrid
    from kcb_replay.report.drawing.plane import Plane
    from kcb_replay.report.facts import Fact

__all__ = ["Advice", "ChoicesPage", "ChoicesView", "GridCells", "choices_html"]


@dataclass(frozen=True, slots=True)
class Advice:
    """The recommendation in words, and the line of Keras code to paste; empty where none is given."""

    sentence: str
    certainty: tuple[str, ...]
    code: str


@dataclass(frozen=True, slots=True)
class GridCells:
    """The grid of settings on the page: the texts of its cells, and what is said above and below them."""

    grid: SettingsGrid
    regret: tuple[str, ...]
    saving: tuple[str, ...]
    doubts: tuple[str, ...]
    by_rank: str
    notes: tuple[str, ...]

    def holding(self, choice: int) -> GridSlice:
        """Return the cells among which a setting stands."""
        return next(each for each in self.grid.slices if any(choice in row for row in each.numbers))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChoicesView:
    """One monitor under one version; per choice a name, an answer, four facts. `fits` are in all numbers.

    Settings have the cells of a grid, lines of code and an advice; rules have lines of a table, and a matrix.
    """

    monitor: str
    version: str
    subtitle: str
    fits: int
    choice: int
    rule: str
    names: tuple[str, ...]
    answers: tuple[ChoiceAnswer, ...]
    templates: Mapping[str, str]
    facts: tuple[tuple[Fact, ...], ...]
    plane: Plane
    plane_said: str
    notices: tuple[Notice, ...]
    runs: Runs
    cells: GridCells | None = None
    codes: tuple[str, ...] = ()
    advice: Advice | None = None
    lines: tuple[tuple[str, ...], ...] = ()
    matrix: Matrix | None = None

    @property
    def answer(self) -> str:
        """What the choice comes to that is shown first."""
        number = self.choice
        name, facts = self.names[number], self.facts[number]
        return answer_text(self.answers[number], self.templates, name, self.monitor, facts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChoicesPage:
    """Everything on the page; `views` are in the order of monitors, for each of them that of versions."""

    kind: Literal["sweep", "compare"]
    question: str
    monitors: tuple[str, ...]
    versions: tuple[str, ...]
    views: tuple[ChoicesView, ...]
    table: RunTable
    sources: tuple[str, ...]
    logic: str
    words: Catalogue
    differences: Notice | None = None

    @property
    def start(self) -> int:
        """The number of the view that is shown first: the first one with runs."""
        return next((number for number, view in enumerate(self.views) if view.fits), 0)

    @property
    def first(self) -> ChoicesView:
        """The view that is shown first."""
        return self.views[self.start]

    @property
    def has_runs(self) -> bool:
        """Whether anything could be swept or compared."""
        return any(view.fits for view in self.views)


def choices_html(page: ChoicesPage, *, command: str = "") -> str:
    """Return the page as text."""
    return document(
        "choices.html.j2",
        {"page": page, "command": command},
        styles=("chart.css", "tables.css", "choices.css"),
        scripts=("tables.js", "curves.js", "runs.js", "plane.js", "choices.js"),
        data=_data(page) if page.has_runs else None,
        language=page.words.language,
        drawings={
            "plane": lambda view, number: plane_svg(
                view.plane, view.choice, view.names, f"plane-{number}", _described(page.words, view)
            ),
            "strip": strip_svg,
            "curves": lambda drawn: curves_svg(drawn, page.words.say("choices.curves.label")),
        },
    )


def _described(words: Catalogue, view: ChoicesView) -> str:
    return words.say("choices.described", choices=len(view.names), answer=view.answer)


def _data(page: ChoicesPage) -> dict[str, object]:
    view, words, table = page.first, page.words, page.table
    slices = view.cells.grid.slices if view.cells else ()
    many = len(table.names) > 1
    noun = view.runs.noun
    return {
        "rows": [visible(name) for name in table.names],
        "columns": [column.key for column in table.columns],
        "labels": [label_words(label, words) for label in LABELS],
        "lastEpoch": table.last_epoch,
        "said": {
            "notAsked": words.say("choices.runs.not_asked"),
            "none": words.say("fact.none"),
            "never": words.say("fact.never"),
            "curves": words.say("choices.curves.said"),
            "squares": words.say("choices.curves.squares", each=words.say(f"choices.each_{noun}")) if many else "",
            "count": words.templates[f"choices.runs.count_{noun}{'' if many else '_one'}"],
            **{name: words.templates[f"choices.curves.{name}"] for name in ("stopped", "open", "unasked")},
            "regret": words.say("choices.grid.caption_regret"),
            "saving": words.say("choices.grid.caption_saving"),
            "cell": words.templates["choices.grid.cell"],
            "described": words.say("choices.described", choices=len(view.names), answer="{answer}"),
        },
        "start": {"view": page.start, "choice": view.choice},
        "names": [visible(name) for name in view.names],
        "plane": label_room(),
        "grid": {
            "values": [list(each.values) for each in slices],
            "slices": [[number for row in each.numbers for number in row] for each in slices],
        },
        "views": [_view_data(page, number) for number in range(len(page.views))],
    }


def _view_data(page: ChoicesPage, number: int) -> dict[str, object]:
    view = page.views[number]
    return {
        "monitor": page.monitors.index(view.monitor),
        "version": page.versions.index(view.version),
        "monitorName": visible(view.monitor),
        "texts": {
            "lowest-head": view.runs.lowest_head,
            "caption": view.runs.caption,
            "drawn": view.runs.drawn_remark,
            "unseen": view.runs.chart.remark if view.runs.chart else "",
        },
        "answers": [[answer.kind, visible(answer.worst), answer.doubts] for answer in view.answers],
        "templates": {kind: visible(text) for kind, text in view.templates.items()},
        "facts": [[[fact.value, visible(fact.remark)] for fact in facts] for facts in view.facts],
        "terms": [visible(fact.term) for fact in view.facts[0]],
        **_codes(view.codes),
        "points": points_of(view.plane, len(view.names)),
        "heat": _heat(view.cells) if view.cells else None,
        "rows": page.table.places[number],
        "runs": runs_data(view.runs),
        "curves": curves_data(view.runs),
    }


def _heat(cells: GridCells) -> dict[str, object]:
    grid = cells.grid
    return {
        "regret": cells.regret,
        "saving": cells.saving,
        "regretSteps": grid.regret_steps,
        "savingSteps": grid.saving_steps,
        "hatched": [int(each > 0) for each in grid.undecided],
        "framed": [int(number in grid.front) for number in range(len(grid.regret))],
        "doubts": cells.doubts,
        "rule": cells.by_rank,
    }


def _codes(codes: Sequence[str]) -> dict[str, object]:
    """Return what differs in the lines of code, and what stands before and behind it in all."""
    head = _common(codes)
    tail = _common([code[len(head) :][::-1] for code in codes])[::-1]
    middles = [visible(code[len(head) : len(code) - len(tail)]) for code in codes]
    return {"code": [visible(head), visible(tail)], "codes": middles}


def _common(texts: Sequence[str]) -> str:
    """Return what all texts begin with."""
    least, most = min(texts, default=""), max(texts, default="")
    return "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(least, most, strict=False)))
