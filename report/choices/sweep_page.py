"""The page of a sweep: all settings in a grid and a plane, all curves, every run, driven by one choice of a setting.

A page holds one or more views, one monitor under one Keras version each. Every answer was replayed in Python.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product, takewhile
from typing import TYPE_CHECKING

from kcb_replay.replay.recommend.result import keras_code
from kcb_replay.report.choices.default_setting import DEFAULT_LIMIT
from kcb_replay.report.choices.run_table import RunTable, run_table
from kcb_replay.report.choices.sources import source_lines
from kcb_replay.report.choices.sweep_view import SweepView, sweep_view
from kcb_replay.report.choices.sweep_words import question_of
from kcb_replay.report.choices.version_differences import version_notice
from kcb_replay.report.choices.view_data import curves_data, plane_data, points_data, runs_data, table_data
from kcb_replay.report.pages.document import document
from kcb_replay.report.svg.curves import MOST_POINTS, curves_svg
from kcb_replay.report.svg.plane import plane_svg, strip_svg
from kcb_replay.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.report.choices.default_setting import Limit
    from kcb_replay.report.choices.gathered import Recordings
    from kcb_replay.report.choices.notices import Notice

__all__ = ["SweepPage", "SweepQuestion", "sweep_html", "sweep_page"]

_SAID = {
    "regret": "Mean value given up. Stronger colour is more. Choose a cell to see that setting on the whole page.",
    "cell": "{name}: mean regret {regret}, {saving} % of epochs saved{doubt}",
    "saving": "Share of the recorded epochs saved, in per cent. Stronger colour is more.",
}


def _no_metrics(_run: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepQuestion:
    """What is asked: settings, each for one or several monitors, under one or several versions.

    `limit` is the largest mean regret that the first setting may have, `draw_all` draws more than 500 runs, and
    `recorded` gives the metrics of a run, for the flag that helps where the monitor is not among them.
    """

    settings: Sequence[EarlyStopping]
    monitors: Sequence[str]
    versions: Sequence[Semantics]
    limit: Limit = DEFAULT_LIMIT
    draw_all: bool = False
    recorded: Callable[[str], Sequence[str]] = _no_metrics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SweepPage:
    """Everything on the page; `views` are in the order of monitors, for each of them that of versions."""

    question: str
    monitors: tuple[str, ...]
    versions: tuple[str, ...]
    views: tuple[SweepView, ...]
    codes: tuple[tuple[str, ...], ...]
    table: RunTable
    sources: tuple[str, ...]
    logic: str
    differences: Notice | None

    @property
    def start(self) -> int:
        """The number of the view that is shown first: the first one with runs."""
        return next((number for number, view in enumerate(self.views) if view.fits), 0)

    @property
    def has_runs(self) -> bool:
        """Whether anything could be swept."""
        return any(view.fits for view in self.views)


def sweep_page(recordings: Recordings, asked: SweepQuestion) -> SweepPage:
    """Return what the page says; a page without any run says what was left out."""
    asked_of = [
        ([replace(setting, monitor=monitor) for setting in asked.settings], version)
        for monitor, version in product(asked.monitors, asked.versions)
    ]
    views = [
        sweep_view(recordings, settings, version, limit=asked.limit, draw_all=asked.draw_all, recorded=asked.recorded)
        for settings, version in asked_of
    ]
    start = next((view for view in views if view.fits), views[0])
    return SweepPage(
        question=question_of(max(view.fits for view in views), start.runs.noun),
        monitors=tuple(asked.monitors),
        versions=tuple(version.name for version in asked.versions),
        views=tuple(views),
        codes=tuple(tuple(map(keras_code, settings)) for settings, _ in asked_of),
        table=run_table([view.runs for view in views], start.runs),
        sources=source_lines(recordings()),
        logic=f"EarlyStopping as in {', '.join(version.name for version in asked.versions)}",
        differences=version_notice(views, [settings for settings, _ in asked_of], recordings),
    )


def sweep_html(page: SweepPage, *, command: str = "") -> str:
    """Return the page as text."""
    return document(
        "sweep.html.j2",
        {"page": page, "said": _SAID, "command": command},
        styles=("chart.css", "tables.css", "many.css"),
        scripts=("tables.js", "curves.js", "runs.js", "plane.js", "sweep.js"),
        data=_data(page) if page.has_runs else None,
        drawings={
            "plane": lambda view, number: plane_svg(
                view.plane, view.choice, view.names, f"plane-{number}", f"mean regret ({view.monitor})"
            ),
            "strip": strip_svg,
            "curves": lambda drawn: curves_svg(drawn, MOST_POINTS),
        },
    )


def _data(page: SweepPage) -> dict[str, object]:
    start = page.views[page.start]
    grid = start.grid
    return {
        **table_data(page.table, start.runs.noun),
        "said": _SAID,
        "start": {"view": page.start, "setting": start.first.number},
        "names": [visible(name) for name in start.names],
        "plane": plane_data(),
        "grid": {
            "values": [list(each.values) for each in grid.slices],
            "slices": [[number for row in each.numbers for number in row] for each in grid.slices],
        },
        "views": [_view_data(page, number) for number in range(len(page.views))],
    }


def _codes(codes: Sequence[str]) -> dict[str, object]:
    """Return what differs in the lines of code, and what stands before and behind it in all."""
    head = _common(codes)
    tail = _common([code[len(head) :][::-1] for code in codes])[::-1]
    middles = [visible(code[len(head) : len(code) - len(tail)]) for code in codes]
    return {"code": [visible(head), visible(tail)], "codes": middles}


def _common(texts: Sequence[str]) -> str:
    """Return what all texts begin with."""
    least, most = min(texts), max(texts)
    return "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(least, most, strict=False)))


def _view_data(page: SweepPage, number: int) -> dict[str, object]:
    view, heat = page.views[number], page.views[number].heat
    return {
        "monitor": page.monitors.index(view.monitor),
        "version": page.versions.index(view.version),
        "texts": {
            "lowest-head": view.runs.lowest_head,
            "caption": view.runs.caption,
            "drawn": view.runs.drawn_remark,
            "unseen": view.runs.curves.remark if view.runs.curves else "",
        },
        "answers": [[answer.kind, visible(answer.worst), answer.doubts] for answer in view.answers],
        "templates": {kind: visible(text) for kind, text in view.templates.items()},
        "facts": [[[fact.value, visible(fact.remark)] for fact in facts] for facts in view.facts],
        "terms": [visible(fact.term) for fact in view.facts[0]],
        **_codes(page.codes[number]),
        "points": points_data(view.plane, len(view.names)),
        "heat": {
            "regret": heat.regret,
            "saving": heat.saving,
            "regretSteps": heat.regret_steps,
            "savingSteps": heat.saving_steps,
            "hatched": [int(each) for each in heat.hatched],
            "doubts": heat.doubts,
            "rule": heat.rule,
        },
        "rows": page.table.places[number],
        "runs": runs_data(view.runs),
        "curves": curves_data(view.runs),
    }
