"""The page of an explainer: Python writes it whole for the settings asked, and the program looks up all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Unpack

from kcb_replay.ingest.recording import Recording
from kcb_replay.report.drawing.curve import CurveInfo, Mark, Regret
from kcb_replay.report.drawing.layout import layout_of
from kcb_replay.report.explainer.axes import Axis
from kcb_replay.report.explainer.data import data_of
from kcb_replay.report.explainer.info import MOST_ROWS, SAVES_AT, Explainer, explained
from kcb_replay.report.explainer.request import ExplainerOptions
from kcb_replay.report.explainer.tables import EndMark
from kcb_replay.report.explainer.view import View, view_at
from kcb_replay.report.pages.document import document
from kcb_replay.report.svg.replay import chart_svg
from kcb_replay.report.words import source_remark


def explainer_html(
    recording: Recording,
    callbacks: Sequence[object],
    *,
    language: str = "en",
    command: str = "",
    **options: Unpack[ExplainerOptions],
) -> str:
    """Return the explainer of one fit as the text of a page; the arguments are those of `explained`.

    `command` is the command line that made it, for the foot of the page.
    """
    return render(explained(recording, callbacks, language=language, **options), command=command)


def render(
    explainer: Explainer,
    *,
    command: str = "",
    template: str = "explain.html.j2",
    context: Mapping[str, object] | None = None,
) -> str:
    """Return the page of an explainer.

    A lesson gives a `template` that extends `explain.html.j2`, and what it fills it with.
    """
    view = view_at(explainer, explainer.start)
    filled = {"page": _page_of(explainer, view), "view": view, "command": command, **(context or {})}
    return document(
        template,
        filled,
        styles=("chart.css", "explain.css"),
        scripts=("places.js", "explain_chart.js", "explain.js"),
        data=data_of(explainer),
        language=explainer.words.language,
        drawings={"chart": lambda curve: _chart(explainer, curve)},
    )


def _page_of(explainer: Explainer, view: View) -> Mapping[str, object]:
    """Return what a page says around the view of its start."""
    say, metric = explainer.words.say, explainer.metrics[0]
    chosen, lead = explainer.at(explainer.start), explainer.request.lead
    epoch = say("explainer.epoch", epoch=explainer.epochs[view.last])
    lines = tuple(_lines(explainer, view.sentences[view.last]))
    names = [explainer.names[lead], *(name for position, name in enumerate(explainer.names) if position != lead)]
    start = explainer.request.start
    return {
        "question": _question(explainer),
        "run": start.run,
        "subtitle": _subtitle(explainer),
        "remarks": explainer.remarks,
        "groups": tuple(_groups(explainer)),
        "has_chart": len(explainer.epochs) > 1,
        "scales": tuple(dict.fromkeys(scale.name for each in explainer.metrics for scale in each.scales)),
        "curve": _curve(explainer, view),
        "epoch": epoch,
        "lines": lines,
        "sentence": " ".join((epoch, *lines)),
        "exact": tuple(_exact(explainer, view)),
        "is_exact": all(each.label == "exact" for each in view.exact),
        "notes": tuple(say("explainer.note", note=remark) for remark in start.remarks),
        "lints": tuple(explainer.words.why(lint.why) for lint in start.lints),
        "metric": metric.name,
        "threshold": say("explainer.threshold_max" if chosen.metric.mode == "max" else "explainer.threshold_min"),
        "first": explainer.first_row,
        "table": MOST_ROWS,
        "part": _part(explainer),
        "names": tuple(names),
        "sources": [(each.path, source_remark(each, explainer.words)) for each in dict.fromkeys(start.sources)],
        "logic": f"{', '.join(dict.fromkeys(explainer.names))}: {', '.join(explainer.request.versions)}",
    }


def _part(explainer: Explainer) -> str:
    """Return which epochs the table shows, an empty text for all."""
    epochs, first = explainer.epochs, explainer.first_row
    if len(epochs) <= MOST_ROWS:
        return ""
    return explainer.words.say("explainer.part", first=epochs[first], last=epochs[first + MOST_ROWS - 1])


def _question(explainer: Explainer) -> tuple[str, str]:
    lead = explainer.request.callbacks[explainer.request.lead]
    kind = {"stops": "stop", "reduces": "reduce"}.get(lead.purpose, "other")
    template = explainer.words.templates[f"explainer.question_{kind}"].replace("{callbacks}", lead.name)
    before, _, after = template.partition("{run}")
    return before, after


# Stands for the metric in its sentence, which the page shows as code.
_METRIC = "{metric}"


def _subtitle(explainer: Explainer) -> tuple[str, str, str]:
    """Return what stands before the metric, the metric, and what stands behind it."""
    words, epochs = explainer.words, len(explainer.epochs)
    several = len(explainer.request.recording.fits) > 1
    fit = words.say("explainer.of_fit", fit=explainer.request.fit) if several else ""
    if not explainer.request.monitors[0]:
        return words.say_of(epochs, "explainer.subtitle", fit=fit), "", ""
    sentence = words.say_of(epochs, "explainer.subtitle_monitor", fit=fit, metric=_METRIC)
    before, _, after = sentence.partition(_METRIC)
    return before, explainer.metrics[0].title(words), after


def _groups(explainer: Explainer) -> Iterator[tuple[str, str, list[tuple[int, Axis]]]]:
    """Yield the controls of each callback with their numbers, behind its name and its kind, which colours them."""
    for part in dict.fromkeys(axis.part for axis in explainer.axes):
        controls = [(number, axis) for number, axis in enumerate(explainer.axes) if axis.part == part]
        if part is None:
            yield explainer.words.say("explainer.whole_page"), "", controls
        else:
            kind = "reducing" if part == explainer.request.reducer else "stopping"
            yield explainer.names[part], kind, controls


def _lines(explainer: Explainer, sentences: Sequence[str]) -> Iterator[str]:
    """Yield what the callbacks do in one epoch, each with its name where there are several."""
    several = len(explainer.names) > 1 and len(sentences) > 1
    for number, sentence in enumerate(sentences):
        if sentence:
            yield f"{explainer.names[number]}: {sentence}" if several and number < len(explainer.names) else sentence


def _exact(explainer: Explainer, view: View) -> Iterator[tuple[str, str, str]]:
    """Yield names, label and reason; callbacks with the same limits are named together."""
    together: dict[tuple[str, str], list[str]] = {}
    for each in view.exact:
        together.setdefault((each.label, each.reason), []).append(each.name)
    several = len(explainer.names) > 1
    yield from ((f"{', '.join(names)}:" if several else "", *note) for note, names in together.items())


def _curve(explainer: Explainer, view: View) -> CurveInfo:
    """Return the static chart with the labels of the page, whose decimals are those of all positions."""
    end = explainer.at(explainer.start).end
    curve, values = explainer.curve, explainer.metrics[0].values

    def mark(point: EndMark | None) -> Mark | None:
        return Mark(explainer.epochs[point.row], values[point.row], explainer.text(point.label)) if point else None

    return replace(
        curve,
        stop=replace(curve.stop, label=view.stop_label) if curve.stop else None,
        best=mark(end.best),
        lowest=mark(end.lowest),
        kept=mark(end.kept),
        regret=Regret(curve.regret.kept, curve.regret.best, explainer.text(end.regret)) if curve.regret else None,
    )


def _chart(explainer: Explainer, curve: CurveInfo) -> str:
    """Return the static chart, with the checkpoints under the metric."""
    layout = layout_of(curve, below=explainer.room_for_saves)
    y, last = layout.metric.bottom + SAVES_AT, explainer.at(explainer.start).end.row
    drawn = []
    for name, after in (("save", False), ("save after", True)):
        columns = [layout.x(explainer.epochs[row]) for row in explainer.saves if (row > last) is after]
        path = "".join(f"M{x - 4:.1f} {y:.1f}l4 -4 4 4 -4 4z" for x in columns)
        drawn += [f'<path class="{name}" d="{path}"/>'] if path else []
    if explainer.saves:
        label = escape(explainer.words.say("chart.saved"), quote=False)
        drawn.append(f'<text class="t-note" x="{layout.right + 10:.1f}" y="{y + 4.5:.1f}">◇ {label}</text>')
    drawn.append(_HATCH)
    if explainer.request.was_stopped and not curve.stop:
        top, bottom = layout.metric.top, layout.bottom
        drawn.append(f'<rect class="hatch" x="{layout.right}" y="{top}" width="6" height="{bottom - top:.1f}"/>')
    return chart_svg(curve, "curve", layout, drawn)


_HATCH = (
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<path class="hatch-line" d="M-1 5l2 2M0 0l6 6M5 -1l2 2"/></pattern>'
)
