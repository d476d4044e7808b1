"""Every result as HTML for a notebook: what its text says, as tables, and a chart where one replay is shown.

Static: no program, nothing from elsewhere, and a style that reaches nothing but the result itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import singledispatch
from html import escape
from typing import TYPE_CHECKING

from kcb_replay.errors import KcbReplayError
from kcb_replay.ingest.recording import Recording
from kcb_replay.replay.inference.result import Inference
from kcb_replay.replay.recommend.result import Recommendation
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import Simulation
from kcb_replay.replay.verdicts.plateau import PlateauSweep
from kcb_replay.replay.verdicts.rules import RuleComparison
from kcb_replay.replay.verdicts.table import Sweep
from kcb_replay.replay.version_comparison import VersionComparison
from kcb_replay.report.choices_table import limits_of_comparison, rules_table, settings_table
from kcb_replay.report.columns.choices import REDUCING_COLUMNS, STOPPING_COLUMNS
from kcb_replay.report.drawing.curve import curve_info
from kcb_replay.report.facts import facts
from kcb_replay.report.notebook.markup import ROOT, markup_of, paragraph, style, table_markup
from kcb_replay.report.pages.document import write_document
from kcb_replay.report.recommendation import recommendation_text
from kcb_replay.report.several_replays import common_answer
from kcb_replay.report.simulation import simulation_table
from kcb_replay.report.simulation_notes import SimulationNotes, reasons_of
from kcb_replay.report.stored_runs import metric_records, metric_table
from kcb_replay.report.svg.replay import chart_svg
from kcb_replay.report.version_changes import version_comparison_notes, version_comparison_text
from kcb_replay.report.words import decimals_of
from kcb_replay.text import counted, fit_title, visible

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from kcb_replay.ingest.display import HtmlPage

__all__ = ["explainer_of", "html_of"]


def html_of(result: object) -> str:
    """Return a result as HTML that stands for itself."""
    return f'<div class="{ROOT}"><style>{style()}</style>{_body(result)}</div>'


def explainer_of(
    replay: Replay,
    *,
    axes: Mapping[str, Sequence[object]] | None = None,
    monitors: Sequence[str] | None = None,
    language: str = "en",
) -> HtmlPage:
    """Return the explainer of a replay, whose controls start at its settings.

    Raises `KcbReplayError` where the replay does not know its recording any more.
    """
    if replay.recording is None:
        raise KcbReplayError(
            f"{replay.run}: this replay does not hold its recording: it was pickled, or its callbacks went through an"
            " earlier fit. Replay the recording again, and explain that."
        )
    from kcb_replay.report.explainer.page import explainer_html

    given = replay.initial_lr if replay.initial_lr_source == "given" else None
    return FramedPage(
        explainer_html(
            replay.recording,
            replay.callbacks,
            fit=replay.fit,
            semantics=replay.semantics.name,
            initial_lr=given,
            steps_per_epoch=replay.steps_per_epoch,
            axes=axes,
            monitors=monitors,
            language=language,
        )
    )


@singledispatch
def _body(result: object) -> str:
    return markup_of(str(result))


@_body.register
def _(replay: Replay) -> str:
    info = curve_info(replay)
    name = fit_title(replay.run, replay.fit)
    code = ", ".join(map(str, replay.callbacks))
    # The same replay has the same ids wherever it is shown, and they stand for the same.
    ident = f"kcb-{hashlib.sha256(repr((replay.run, replay.fit, code)).encode('utf-8', 'replace')).hexdigest()[:12]}"
    rows = [(fact.term, fact.value, fact.remark) for fact in facts([replay], name, decimals_of(replay))]
    chart = chart_svg(info, ident) if info.scale is not None and len(info.epochs) > 1 else ""
    return "".join(
        [
            f'<p class="name">{escape(visible(name), quote=False)}</p>',
            paragraph(info.answer, "answer"),
            *map(paragraph, info.sentences),
            paragraph(f"{info.validity.capitalize()}: {info.reason}", "muted"),
            chart,
            table_markup(("", "", ""), rows, rows=len(rows)),
            paragraph(f"{code}, {replay.semantics.name}", "muted"),
        ]
    )


@_body.register
def _(simulation: Simulation) -> str:
    notes = SimulationNotes.of(simulation)
    if not simulation.answers:
        return markup_of("\n".join(["Nothing could be replayed.", *map(str, notes.left_out_lines())]))
    answer = paragraph(common_answer(simulation.replays, simulation.raised), "answer")
    said = [*map(str, (*notes.unanswered_sentences(), *notes.left_out_lines()))]
    return answer + markup_of("\n\n".join([simulation_table(simulation), *said]))


@_body.register
def _(sweep: Sweep) -> str:
    summary = sweep.summary()
    table = settings_table(STOPPING_COLUMNS, summary, summary.front, pareto=True)
    return markup_of("\n\n".join([table, *map(str, reasons_of(summary.left_out))]))


@_body.register
def _(sweep: PlateauSweep) -> str:
    summary = sweep.summary()
    table = settings_table(REDUCING_COLUMNS, summary, range(len(summary.choices)))
    return markup_of("\n\n".join([table, *map(str, reasons_of(summary.left_out))]))


@_body.register
def _(comparison: RuleComparison) -> str:
    return markup_of("\n\n".join([rules_table(comparison), *map(str, limits_of_comparison(comparison))]))


@_body.register
def _(answer: Recommendation) -> str:
    return markup_of(recommendation_text(answer))


@_body.register
def _(found: VersionComparison) -> str:
    is_judged = bool(found.fits or found.left_out)
    notes = version_comparison_notes(found) if is_judged else []
    return markup_of("\n\n".join([version_comparison_text(found, is_judged=is_judged), *map(str, notes)]))


@_body.register
def _(found: Inference) -> str:
    return markup_of(str(found))


@_body.register
def _(recording: Recording) -> str:
    extent = f"{counted(len(recording.fits), 'fit')}, {counted(recording.epochs, 'epoch')}"
    records = metric_records(recording)
    metrics = markup_of(metric_table(records), rows=30) if records else ""
    notes = "".join(paragraph(f"Note: {note.text}.", "muted") for note in recording.notes)
    name = f'<p class="name">{escape(visible(recording.name), quote=False)}</p>'
    return f"{name}{paragraph(extent)}{metrics}{notes}"


_HEIGHT = 860


@dataclass(frozen=True, slots=True)
class FramedPage:
    """A page: `html` is its text, `save` writes it, and a notebook shows it in a frame."""

    html: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all; raises `KcbReplayError` where that cannot be."""
        write_document(path, self.html)

    def _repr_html_(self) -> str:
        # Its programs run, but without the notebook's origin: no cookie, no kernel, no file is in their reach.
        frame = (
            f'<iframe sandbox="allow-scripts" srcdoc="{escape(self.html, quote=True)}" title="kcb-replay explainer"'
            f' width="100%" height="{_HEIGHT}" frameborder="0"></iframe>'
        )
        return f'<div class="{ROOT}"><style>{style()}</style>{frame}</div>'

    def __repr__(self) -> str:
        return f"<FramedPage of {len(self.html):,} characters>"
