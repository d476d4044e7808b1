"""The tables of an explainer as the data block of its page: numbers of texts, rows and pixels; nothing is decided."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from kcb_replay.report.drawing.curve import nan_note
from kcb_replay.report.drawing.layout import LEFT, RIGHT, WIDTH, Panel
from kcb_replay.report.explainer.answers import AnswerTables
from kcb_replay.report.explainer.info import SAVES_AT, Explainer
from kcb_replay.report.explainer.metrics import ShownMetric
from kcb_replay.report.explainer.rates import RateChange, RatePath
from kcb_replay.report.explainer.tables import NO_VALUE, End, Pool
from kcb_replay.text import visible

# What the program fills itself: templates whose parts it looks up one by one.
_KEYS = {
    "sentence": "wait",
    "explainer": "not_run not_run_verdict epoch threshold_min threshold_max part copied select",
    "label": "exact undecided hypothetical rounded sampled",
    "chart": "axis saved epoch stop stop_what_if count patience what_if drop drops",
    "outcome": "never_reduces reduces_once reduces what_if_marks",
    "fact": "reductions in_epochs rate_start rate_given rate_recorded rate_assumed rate_unknown rate_end holds",
}
_WORDS = tuple(f"{theme}.{key}" for theme, keys in _KEYS.items() for key in keys.split())


def data_of(explainer: Explainer) -> dict[str, Any]:
    """Return what the program of the page looks up."""
    request = explainer.request
    changes: Pool[RateChange] = Pool()
    return {
        "words": {key: explainer.words.templates[key] for key in _WORDS},
        "epochs": explainer.epochs,
        "names": explainer.names,
        "lead": request.lead,
        "reducer": NO_VALUE if request.reducer is None else request.reducer,
        "versions": len(request.versions),
        "rateSource": explainer.rate_source,
        "axes": [
            {"part": NO_VALUE if axis.part is None else axis.part, "name": axis.name, "texts": axis.texts()}
            for axis in explainer.axes
        ],
        "start": explainer.start,
        "first": explainer.first_row,
        "patience": [f"{getattr(each, 'patience', 0):g}" for each in request.callbacks],
        "wasStopped": int(request.was_stopped),
        "counts": int(explainer.curve.wait is not None),
        "place": _places(explainer),
        "texts": explainer.book.texts.values,
        "cells": explainer.book.cells.values,
        "lanes": explainer.book.lanes.values,
        "notes": explainer.book.notes.values,
        "levels": list(_levels(explainer)),
        "metrics": [_metric(metric, explainer) for metric in explainer.metrics],
        "tables": [_table(answers, changes) for answers in explainer.tables],
        "changes": changes.values,
        "code": [
            {
                "name": line.name,
                "called": line.is_called,
                "given": [[NO_VALUE if each.axis is None else each.axis, each.texts] for each in line.fragments],
            }
            for line in explainer.code
        ],
    }


def _places(explainer: Explainer) -> dict[str, Any]:
    """Return the geometry of the chart, that of the static one."""
    layout = explainer.layout
    return {
        "width": WIDTH,
        "left": LEFT,
        "right": RIGHT,
        "height": layout.height,
        "axis": layout.axis_y,
        "bottom": layout.bottom,
        "x": [round(layout.x(epoch), 1) for epoch in explainer.epochs],
        "half": round((layout.x(1) - layout.x(0)) / 2, 2),
        "ticks": [[round(layout.x(tick.value), 1), tick.text] for tick in layout.x_ticks],
        "metric": _span(layout.metric),
        "note": layout.note_y,
        "saves": layout.metric.bottom + SAVES_AT,
        "wait": layout.wait and _span(layout.wait),
        "rate": layout.rate and _span(layout.rate),
        "waitTitle": explainer.curve.wait.title if explainer.curve.wait else "",
        "rateTitle": explainer.curve.rate.title if explainer.curve.rate else "",
    }


def _span(panel: Panel) -> list[float]:
    return [panel.top, panel.bottom]


def _levels(explainer: Explainer) -> Iterator[list[object]]:
    scales = {metric.name: metric.scales for metric in explainer.metrics}
    for name, level in explainer.book.levels.values:
        best = [scale.row_of(level.best) for scale in scales[name]]
        threshold = [scale.row_of(level.threshold) for scale in scales[name]] if level.threshold is not None else 0
        yield [level.row, best, threshold]


def _metric(metric: ShownMetric, explainer: Explainer) -> dict[str, Any]:
    note = nan_note(explainer.epochs, metric.values, explainer.words)
    return {
        "nanNote": note and [explainer.epochs.index(note.epoch), note.label],
        "name": visible(metric.name),
        "title": metric.title(explainer.words),
        "mode": metric.mode,
        "values": metric.written(),
        "nan": [row for row, value in enumerate(metric.values) if value is not None and math.isnan(value)],
        "scales": [
            {
                "name": scale.name,
                "rows": [scale.row_of(value) for value in metric.values],
                "ticks": [[round(scale.panel.y(tick.value), 1), tick.text] for tick in scale.panel.ticks],
                "cuts": scale.cuts,
            }
            for scale in metric.scales
        ],
    }


def _table(answers: AnswerTables, changes: Pool[RateChange]) -> dict[str, Any]:
    return {
        "ends": [_end(end) for end in answers.ends],
        "endOf": answers.end_of,
        "paths": [_path(path, changes) for path in answers.paths],
        "pathOf": answers.path_of,
        "horizons": answers.horizons,
        "companions": [
            {
                "position": each.position,
                "lane": each.lane,
                "said": each.sentences,
                "notes": each.notes,
                "beyond": {f"{case} {number}": note for case, number, note in each.beyond},
            }
            for each in answers.companions
        ],
        "stoppedBy": visible(answers.stopped_by),
    }


def _end(end: End) -> list[object]:
    """Return an end as the program unpacks it."""
    return [
        end.lane,
        end.row,
        end.case,
        int(end.stops) + int(end.own),
        end.answer,
        end.closing,
        end.closing_verdict,
        end.facts,
        [mark or NO_VALUE for mark in (end.best, end.lowest, end.kept)],
        [end.regret, *end.bracket],
        end.note,
        dict(end.beyond),
        end.open_end,
        end.ending,
    ]


def _path(path: RatePath, changes: Pool[RateChange]) -> list[object]:
    """Return a learning rate; only one that no control moves has steps beside its changes."""
    first = path.steps[0]
    return [
        2 if path.is_recorded else int(path.moves),
        path.lane,
        [first.height, first.text],
        [number for drop in path.drops for number in (drop.row, changes.number(drop.change))],
        path.horizon,
        path.notes,
        [] if path.moves else path.steps,
        path.after,
    ]
