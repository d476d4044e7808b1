"""The page of choices as text: its template, its drawings, and what its program looks up, in few bytes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.verdicts.answers import LABELS
from kcb_replay.report.choices.frame import ChoicesPage, ChoicesView
from kcb_replay.report.choices.run_table import Runs, label_words, packed
from kcb_replay.report.drawing.curves import Curves
from kcb_replay.report.drawing.grid import SettingsGrid
from kcb_replay.report.pages.document import document
from kcb_replay.report.svg.curves import curves_svg
from kcb_replay.report.svg.elements import strip_svg
from kcb_replay.report.svg.plane import label_room, plane_svg, points_of
from kcb_replay.text import begun, visible

Integers: TypeAlias = NDArray[np.int64]


def choices_html(page: ChoicesPage, *, command: str = "") -> str:
    """Return the page as text."""

    def plane(view: ChoicesView, number: int) -> str:
        described = page.words.say("choices.described", choices=len(view.names), answer=view.answer)
        return plane_svg(view.plane, view.choice, view.names, f"plane-{number}", described)

    label = page.words.say("choices.curves.label")
    return document(
        "choices.html.j2",
        {"page": page, "command": command, "why": page.words.why},
        styles=("chart.css", "tables.css", "choices.css"),
        scripts=("tables.js", "curves.js", "runs.js", "plane.js", "choices.js"),
        data=_page_data(page) if page.has_runs else None,
        language=page.words.language,
        drawings={
            "plane": plane,
            "strip": strip_svg,
            "curves": lambda table: curves_svg(table.start.chart, table.ends, table.stops, label),
        },
    )


def _page_data(page: ChoicesPage) -> dict[str, object]:
    """Return all that the program of a page looks up."""
    view, words, table = page.first, page.words, page.table
    slices = view.grid.slices if view.grid else {}
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
            "values": list(map(list, slices)),
            "slices": [[number for row in rows for number in row] for rows in slices.values()],
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
            "lowest-head": begun(view.runs.lowest_head),
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
        "heat": _heat(view.grid) if view.grid else None,
        "rows": page.table.places[number],
        "runs": _runs_data(view.runs),
        "curves": _curves_data(view.runs),
    }


def _heat(grid: SettingsGrid) -> dict[str, object]:
    return {
        "regret": grid.regret_texts,
        "saving": grid.saving_texts,
        "regretSteps": grid.regret_steps,
        "savingSteps": grid.saving_steps,
        "hatched": [int(each > 0) for each in grid.undecided],
        "framed": [int(number in grid.front) for number in range(len(grid.regret))],
        "doubts": grid.doubts,
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


def _runs_data(runs: Runs) -> dict[str, object]:
    """Return per fit its extent and lowest value, and its answers to every choice; epochs from 1, -1 for none."""
    coded, fits = runs.coded, runs.curves
    same = np.array_equal(coded.kept, coded.best)
    lowest = np.array([np.nan if fit.lowest_value is None else fit.lowest_value for fit in fits])
    none = runs.words.say("fact.none")
    return {
        "first": [fit.first_epoch for fit in fits],
        "last": [fit.last_epoch for fit in fits],
        "lowest": [none if fit.lowest_value is None else runs.decimals.show(fit.lowest_value) for fit in fits],
        "lowestRank": np.unique(lowest, return_inverse=True)[1].reshape(-1).tolist() if len(lowest) else [],
        "lowestEpoch": [-1 if fit.lowest_index is None else fit.lowest_index + 1 for fit in fits],
        "pick": packed(coded.pick.ravel()),
        "starts": packed(coded.starts),
        "stop": packed(_from_one(coded.stop)),
        "best": packed(_from_one(coded.best)),
        # Where the best weights are always restored, they are the ones kept.
        "kept": None if same else packed(_from_one(coded.kept)),
        "saved": packed(coded.saved),
        "regret": packed(coded.regret),
        "label": packed(coded.label),
        "regrets": list(coded.regrets),
    }


def _from_one(index: Integers) -> Integers:
    return np.where(index < 0, -1, index + 1)


def _curves_data(runs: Runs) -> dict[str, object] | None:
    """Return the pixel rows of all curves, and of each stop and each epoch kept."""
    chart = runs.chart
    if chart is None:
        return None
    # Where every epoch is drawn, the row of a stop is among the others.
    thinned = chart.every > 1
    return {
        "first": chart.first,
        "last": chart.last,
        "every": chart.every,
        "rows": packed(np.concatenate([np.zeros(0, np.int64), *chart.rows])),
        "lengths": packed(np.array([len(rows) for rows in chart.rows], np.int64)),
        "stopRow": packed(_rows_at(runs.coded.stop, chart, runs)) if thinned else None,
        "keptRow": packed(_rows_at(runs.coded.kept, chart, runs)) if thinned else None,
        "x": [[tick.value, tick.text] for tick in chart.x_ticks],
        "y": [[chart.row_of(tick.value), tick.text] for tick in chart.y_ticks],
    }


def _rows_at(epochs: Integers, chart: Curves, runs: Runs) -> Integers:
    """Return the row of the value at 0-based epochs, one per answer; -1 where there is no value to stand at."""
    rows = np.full(len(epochs), -1, np.int64)
    starts = runs.coded.starts.tolist()
    for fit, start, end in zip(runs.curves, starts, [*starts[1:], len(epochs)], strict=True):
        wanted = epochs[start:end]
        place = np.clip(np.searchsorted(fit.epochs, wanted), 0, len(fit.epochs) - 1)
        there = (fit.epochs[place] == wanted) & fit.valid[place] & ~np.isnan(fit.values[place])
        rows[start:end] = np.where(there, chart.rows_of(fit.values[place]), -1)
    return rows
