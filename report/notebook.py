"""Every result as HTML for a notebook: what its text says, as tables, a chart of one replay, the explainer in a frame.

What is printed becomes tables, code and paragraphs. Static but for the framed explainer: no program, nothing from
elsewhere, and a style that reaches nothing but the result itself, and is light or dark as the notebook is: JupyterLab,
Notebook 7, VS Code and Colab each say in their own way which theme they have; elsewhere the system does.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, singledispatch
from html import escape
from importlib.resources import files

from kcb_replay.errors import KcbReplayError
from kcb_replay.ingest.display import HtmlPage
from kcb_replay.ingest.recording import Recording
from kcb_replay.replay.recommend.result import Recommendation
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import Simulation
from kcb_replay.replay.verdicts.plateau import PlateauSweep
from kcb_replay.replay.verdicts.rules import RuleComparison
from kcb_replay.replay.verdicts.table import Sweep
from kcb_replay.replay.version_comparison import VersionComparison
from kcb_replay.report.choices_table import limits_of_comparison, recommendation_text, rules_table, settings_table
from kcb_replay.report.columns.choices import REDUCING_COLUMNS, STOPPING_COLUMNS
from kcb_replay.report.drawing.curve import curve_info
from kcb_replay.report.drawing.palette import DARK, LIGHT
from kcb_replay.report.pages.document import write_document
from kcb_replay.report.several_replays import common_answer, facts
from kcb_replay.report.simulation import simulation_table
from kcb_replay.report.simulation_notes import SimulationNotes, reasons_of
from kcb_replay.report.stored_runs import metric_records, metric_table
from kcb_replay.report.svg.replay import chart_svg
from kcb_replay.report.terminal import tables_of
from kcb_replay.report.version_changes import version_comparison_notes, version_comparison_text
from kcb_replay.report.words import decimals_of
from kcb_replay.text import counted, fit_title, visible

_NUMBER = re.compile(r"[-+~>]?[\d.,/]+(e[-+]?\d+)?%?|NaN|-?Infinity|never|none|unknown|")


def markup_of(text: str, *, rows: int = 20) -> str:
    """Return a printed text as HTML; of each table at most so many rows, and how many more there are."""
    return "".join(_parts(text, rows))


def _parts(text: str, rows: int) -> Iterator[str]:
    lines, done = text.split("\n"), 0
    for first, cells in tables_of(text):
        yield _plain(lines[done:first], heads_table=True)
        yield _table_markup(cells[0], cells[1:], rows=rows)
        done = first + len(cells) + 1
    yield _plain(lines[done:])


def _plain(lines: Sequence[str], *, heads_table: bool = False) -> str:
    # A line right above a table is what it is about.
    head = lines[-1] if heads_table and lines and lines[-1].strip() else ""
    blocks = re.split(r"\n\s*\n", "\n".join(lines[: len(lines) - bool(head)]))
    return "".join(_block(block) for block in blocks if block.strip()) + _paragraph(head, "name")


def _block(block: str) -> str:
    if block.startswith(" "):
        return f"<pre>{_escaped(block, keep=True)}</pre>"
    return "".join(_paragraph(line) for line in block.split("\n"))


def _paragraph(text: str, kind: str = "") -> str:
    """Return a line as a paragraph of a class."""
    named = f' class="{kind}"' if kind else ""
    return f"<p{named}>{_escaped(text)}</p>" if text else ""


def _table_markup(head: Sequence[str], body: Sequence[Sequence[str]], *, rows: int) -> str:
    """Return a table, numbers to the right."""
    numbers = [all(_NUMBER.fullmatch(row[column]) for row in body) for column in range(len(head))]
    classes = [' class="n"' if number else "" for number in numbers]
    heads = "".join(f'<th scope="col"{kind}>{_escaped(name)}</th>' for name, kind in zip(head, classes, strict=True))
    lines = "".join(
        f"<tr>{''.join(f'<td{kind}>{_escaped(cell)}</td>' for cell, kind in zip(row, classes, strict=True))}</tr>"
        for row in body[:rows]
    )
    more = _paragraph(f"… and {counted(len(body) - rows, 'row')} more.", "muted") if len(body) > rows else ""
    top = f"<thead><tr>{heads}</tr></thead>" if any(head) else ""
    return f"<table>{top}<tbody>{lines}</tbody></table>{more}"


def _escaped(text: str, *, keep: bool = False) -> str:
    lines = text.split("\n") if keep else [text]
    return escape("\n".join(map(visible, lines)), quote=False)


ROOT = "kcb-replay-result"
_DARK = ('body[data-jp-theme-light="false"]', "body.vscode-dark", "body.vscode-high-contrast", "html[theme=dark]")
_UNKNOWN = "body:not([data-jp-theme-light]):not([data-vscode-theme-kind])"
_RULE = re.compile(r"([^{}@]+)\{([^{}]*)\}")
_OWN = (
    "margin:4px 0;padding:12px 16px;border:1px solid var(--line);background:var(--ground);color:var(--ink);"
    'font:14px/1.5 var(--sans);font-variant-numeric:tabular-nums;--sans:system-ui,-apple-system,"Segoe UI",Roboto,'
    '"Noto Sans","Noto Sans KR","DejaVu Sans",sans-serif;overflow-x:auto'
)
_INSIDE = (
    " p{margin:.3em 0;max-width:90ch;color:var(--ink);overflow-wrap:anywhere}"
    " .name{font-weight:650;unicode-bidi:isolate}"
    " .answer{font-size:17px;font-weight:600}"
    " .muted{color:var(--muted)}"
    " pre{margin:.5em 0;padding:8px 12px;background:var(--panel);color:var(--ink);font-size:13px;overflow-x:auto}"
    " table{border-collapse:collapse;border:0;margin:.5em 0;background:var(--ground);color:var(--ink);font-size:14px}"
    " th{font-weight:600;border:0;border-bottom:2px solid var(--line);padding:3px 14px 3px 0;text-align:left}"
    " td{border:0;border-bottom:1px solid var(--grid);padding:3px 14px 3px 0;text-align:left}"
    " tr{background:var(--ground)!important}"
    " .n{text-align:right;white-space:nowrap}"
)


@cache
def style() -> str:
    """Return the rules, each of them for results alone."""
    chart = (files("kcb_replay.report") / "templates" / "chart.css").read_text(encoding="utf-8")
    dark = ",".join(f"{theme} .{ROOT}" for theme in _DARK)
    rules = [
        f".{ROOT}{{color-scheme:light;{LIGHT.css()}}}",
        f"{dark}{{color-scheme:dark;{DARK.css()}}}",
        f"@media (prefers-color-scheme:dark){{{_UNKNOWN} .{ROOT}{{color-scheme:dark;{DARK.css()}}}}}",
        f".{ROOT}{{{_OWN}}}",
        _within(_INSIDE),
        _within("".join(line for line in chart.splitlines() if not line.startswith("@"))),
        f".{ROOT} svg.chart{{margin-top:4px}}",
    ]
    return "".join(rules)


def _within(rules: str) -> str:
    """Return rules for elements of results alone, stronger than those that a notebook has for its tables."""
    scoped = []
    for selectors, body in _RULE.findall(rules):
        inside = ",".join(f".{ROOT}.{ROOT} {selector.strip()}" for selector in selectors.split(","))
        scoped.append(f"{inside}{{{body}}}")
    return "".join(scoped)


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
def _of_replay(replay: Replay) -> str:
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
            _paragraph(info.answer, "answer"),
            *map(_paragraph, info.sentences),
            _paragraph(f"{info.validity.capitalize()}: {info.reason}", "muted"),
            chart,
            _table_markup(("", "", ""), rows, rows=len(rows)),
            _paragraph(f"{code}, {replay.semantics.name}", "muted"),
        ]
    )


@_body.register
def _of_simulation(simulation: Simulation) -> str:
    notes = SimulationNotes.of(simulation)
    if not simulation.answers:
        return markup_of("\n".join(["Nothing could be replayed.", *map(str, notes.left_out_lines())]))
    answer = _paragraph(common_answer(simulation.replays, simulation.raised), "answer")
    sentences = [*map(str, (*notes.unanswered_sentences(), *notes.left_out_lines()))]
    return answer + markup_of("\n\n".join([simulation_table(simulation), *sentences]))


@_body.register
def _of_sweep(sweep: Sweep) -> str:
    summary = sweep.summary()
    table = settings_table(STOPPING_COLUMNS, summary, summary.front, pareto=True)
    return markup_of("\n\n".join([table, *map(str, reasons_of(summary.left_out))]))


@_body.register
def _of_plateau_sweep(sweep: PlateauSweep) -> str:
    summary = sweep.summary()
    table = settings_table(REDUCING_COLUMNS, summary, range(len(summary.choices)))
    return markup_of("\n\n".join([table, *map(str, reasons_of(summary.left_out))]))


@_body.register
def _of_comparison(comparison: RuleComparison) -> str:
    return markup_of("\n\n".join([rules_table(comparison), *map(str, limits_of_comparison(comparison))]))


@_body.register
def _of_recommendation(answer: Recommendation) -> str:
    return markup_of(recommendation_text(answer))


@_body.register
def _of_versions(comparison: VersionComparison) -> str:
    is_judged = bool(comparison.fits or comparison.left_out)
    notes = version_comparison_notes(comparison) if is_judged else []
    return markup_of("\n\n".join([version_comparison_text(comparison, is_judged=is_judged), *map(str, notes)]))


@_body.register
def _of_recording(recording: Recording) -> str:
    extent = f"{counted(len(recording.fits), 'fit')}, {counted(recording.epochs, 'epoch')}"
    records = metric_records(recording)
    metrics = markup_of(metric_table(records), rows=30) if records else ""
    notes = "".join(_paragraph(f"Note: {note.text}.", "muted") for note in recording.notes)
    name = f'<p class="name">{escape(visible(recording.name), quote=False)}</p>'
    return f"{name}{_paragraph(extent)}{metrics}{notes}"


_HEIGHT = 860


@dataclass(frozen=True, slots=True)
class FramedPage:
    """A page: `html` is its text, `save` writes it, and a notebook shows it in a frame."""

    html: str

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the page, whole or not at all; raises `KcbReplayError` where that cannot, or should not be.

        A file that kcb-replay did not write is replaced with `force` only.
        """
        write_document(path, self.html, force=force)

    def _repr_html_(self) -> str:
        # Its programs run, but without the notebook's origin: no cookie, no kernel, no file is in their reach.
        frame = (
            f'<iframe sandbox="allow-scripts" srcdoc="{escape(self.html, quote=True)}" title="kcb-replay explainer"'
            f' width="100%" height="{_HEIGHT}" frameborder="0"></iframe>'
        )
        return f'<div class="{ROOT}"><style>{style()}</style>{frame}</div>'

    def __repr__(self) -> str:
        return f"<FramedPage of {len(self.html):,} characters>"
