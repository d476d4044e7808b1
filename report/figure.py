"""`kcb.plot`: any result as a matplotlib Figure, and as a PNG, SVG or PDF file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.errors import SettingError, did_you_mean
from kcb_replay.language.catalogue import Catalogue, catalogue
from kcb_replay.language.reason import ENGLISH
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import Simulation
from kcb_replay.replay.verdicts.rules import RuleComparison
from kcb_replay.replay.verdicts.table import Sweep
from kcb_replay.replay.verdicts.totals import Summary, SweepSummary
from kcb_replay.report.drawing.choices import rules_drawing, sweep_drawing
from kcb_replay.report.drawing.curve import CurveInfo, curve_info
from kcb_replay.report.drawing.layout import Part
from kcb_replay.report.drawing.palette import palette_of
from kcb_replay.report.drawing.strips import strips_info
from kcb_replay.report.figures.canvas import INCHES, Look, look_of, require_figure_file, save
from kcb_replay.report.figures.choices import figure_of_choices
from kcb_replay.report.figures.run import figure_of_run
from kcb_replay.report.figures.strips import figure_of_strips

if TYPE_CHECKING:
    from matplotlib.figure import Figure


Plottable: TypeAlias = Replay | Simulation | Sequence[Replay] | RuleComparison | Sweep | SweepSummary
# What can be drawn of each result; the first is drawn if not asked otherwise.
_RUN_KINDS = ("run", "curve", "wait", "lr")
_SWEEP_KINDS = ("sweep", "heatmap", "pareto")
_RULES_KINDS = ("rules",)
_MANY_KINDS = ("strips",)
KINDS = (*_RUN_KINDS, *_MANY_KINDS, *_SWEEP_KINDS, *_RULES_KINDS)


def plot(
    what: Plottable,
    path: str | os.PathLike[str] | None = None,
    *,
    kind: str | None = None,
    theme: str = "light",
    width: float = INCHES,
    language: str = ENGLISH,
    force: bool = False,
) -> Figure:
    """Draw a result; with `path`, write it as PNG, SVG or PDF, too.

    A replay is drawn as a "run" (curve, wait counter and learning rate) or one of these alone: "curve", "wait", "lr".
    Many replays (a list, or what `simulate` returns) are "strips", a line each. A sweep of EarlyStopping is a "sweep",
    or its "heatmap" or "pareto" front alone; a comparison of stopping rules is "rules". `theme` is "light" or "dark",
    `width` in inches: narrower than 9.6 is laid out anew, wider is larger. `language` is "en" or "ko".

    The file appears whole or not at all; one that kcb-replay did not write is replaced with `force` only.
    Raises `SettingError` for any other suffix, a kind that the result has not,
    or a width at which nothing could be read; `KcbReplayError` where the file cannot be written.
    """
    target = None if path is None else Path(path)
    if target is not None:
        require_figure_file(target)
    figure = _drawn(what, kind, look_of(palette_of(theme), width), catalogue(language))
    if target is not None:
        save(figure, target, force=force)
    return figure


def _drawn(what: Plottable, kind: str | None, look: Look, words: Catalogue) -> Figure:
    if isinstance(what, RuleComparison):
        _chosen(kind, _RULES_KINDS, "a comparison of rules")
        return figure_of_choices(rules_drawing(what, words), look)
    if isinstance(what, (Sweep, Summary)):
        return _drawn_sweep(what, _chosen(kind, _SWEEP_KINDS, "a sweep"), look, words)
    replays = _replays_of(what)
    one = len(replays) == 1 and not (isinstance(what, Simulation) and what.raised)
    known = (*_RUN_KINDS, *_MANY_KINDS) if one else _MANY_KINDS
    chosen = _chosen(kind, known, "a replay" if one else f"{len(replays)} replays")
    if chosen in _RUN_KINDS:
        return _drawn_run(curve_info(replays[0], words), chosen, look)
    if isinstance(what, Simulation):
        return figure_of_strips(strips_info(replays, len(what.left_out), what.raised, words), look)
    return figure_of_strips(strips_info(replays, words=words), look)


def _drawn_sweep(sweep: Sweep | SweepSummary, kind: str, look: Look, words: Catalogue) -> Figure:
    if isinstance(sweep, Sweep):
        sweep = sweep.summary()
    return figure_of_choices(sweep_drawing(sweep, words), look, grid=kind != "pareto", plane=kind != "heatmap")


def _drawn_run(info: CurveInfo, kind: str, look: Look) -> Figure:
    parts: dict[str, Part] = {"wait": "wait", "lr": "lr"}
    if kind in parts:
        return figure_of_run(info, look, parts[kind])
    return figure_of_run(info if kind == "run" else replace(info, wait=None, rate=None), look)


def _replays_of(what: object) -> Sequence[Replay]:
    if isinstance(what, Replay):
        return [what]
    many = what.replays if isinstance(what, Simulation) else what
    if isinstance(many, Sequence) and many and all(isinstance(each, Replay) for each in many):
        return many
    if isinstance(many, Sequence) and not many:
        raise SettingError("There is no replay to draw.")
    raise SettingError(
        f"A {type(what).__name__} cannot be drawn. A Replay, a Simulation or a list of replays, a sweep of"
        " EarlyStopping and a comparison of rules can."
    )


def _chosen(kind: str | None, known: Sequence[str], of: str) -> str:
    if kind is None or kind in known:
        return kind or known[0]
    hint = did_you_mean(kind, known) if kind not in KINDS else ""
    raise SettingError(f"There is no kind {kind!r} of {of}, only {', '.join(known)}.{hint}")
