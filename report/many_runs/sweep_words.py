"""What a page of a sweep says of each setting: the answer, four facts, and what regret means there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kcb_replay.ingest.counted import counted
from kcb_replay.report.facts import Fact
from kcb_replay.report.many_runs.elided import elided
from kcb_replay.report.numbers import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.recommend.result import Interval
    from kcb_replay.replay.sweep.totals import SettingSummary
    from kcb_replay.report.many_runs.gathered import Gathered, Place
    from kcb_replay.report.numbers import Decimals

__all__ = ["answer_of", "direction_words", "facts_of", "noun_of", "percent", "question_of", "regret_explained"]


def noun_of(found: Gathered) -> str:
    """Return what is counted: runs, or fits where a run has several."""
    return "fit" if found.several_fits else "run"


def question_of(fits: int, noun: str) -> str:
    """Return the title of the page."""
    if fits == 1:
        return f"How early could this {noun} have stopped?"
    return f"How early could these {whole(fits)} {noun}s have stopped?" if fits else "How early could these runs stop?"


def answer_of(summary: SettingSummary, name: str, worst: Place | None, decimals: Decimals, noun: str) -> str:
    """Return what a setting comes to, in one or two sentences; `worst` is the fit with the largest regret."""
    monitor, fits = summary.setting.monitor, counted(summary.fits, noun)
    if not summary.stopped:
        which = f"the {noun}" if summary.fits == 1 else f"none of the {fits}"
        verb = "is not stopped" if summary.fits == 1 else "is stopped"
        said = f"With {name} {which} {verb} before its recording ends."
    elif math.isnan(summary.regret_mean):
        said = f"With {name} you save {percent(summary.saving)} of the epochs; what you give up is unknown."
    else:
        given_up = f"give up {decimals.show(summary.regret_mean)} {monitor}"
        said = f"With {name} you save {percent(summary.saving)} of the epochs and {given_up}"
        said += " on average" + _most(summary, worst, decimals) if summary.fits > 1 else "."
    return f"{said}{_doubts(summary, noun)}"


def facts_of(found: Gathered, number: int, decimals: Decimals) -> tuple[Fact, ...]:
    """Return the four facts about a setting."""
    summary, worst = found.overall.summaries[number], found.worst[number]
    saving = found.spread.saving[number] if found.spread else None
    regret = found.spread.regret[number] if found.spread else None
    median = "" if math.isnan(summary.stop_epoch_median) else f"half by epoch {summary.stop_epoch_median:.0f}"
    return (
        Fact("Stopped", whole(summary.stopped), f"of {whole(summary.fits)}{', ' if median else ''}{median}"),
        Fact("Epochs saved", percent(summary.saving), "" if saving is None else _percents(saving)),
        Fact(
            f"Mean regret ({summary.setting.monitor} given up)",
            _known(summary.regret_mean, decimals),
            "" if regret is None else _interval(regret, decimals),
        ),
        Fact(
            "Largest regret",
            _known(summary.regret_worst, decimals),
            f"in {elided(worst[0])}" if worst and summary.regret_worst > 0 else "",
        ),
    )


def regret_explained(settings: Sequence[EarlyStopping], mode: Direction | None) -> str:
    """Return what regret is, and whose value it is taken from."""
    restored = {setting.restore_best_weights for setting in settings}
    kept = {
        frozenset({True}): "of the best epoch, whose weights are restored",
        frozenset({False}): "of the last epoch that runs, for restore_best_weights is False",
    }.get(
        frozenset(restored), "of the epoch whose weights are kept: the best one where they are restored, else the last"
    )
    extreme = "highest" if mode == "max" else "lowest"
    monitor = settings[0].monitor
    return f"Regret is the {monitor} given up: from the {extreme} of the whole recording to that {kept}."


def direction_words(mode: Direction | None) -> str:
    """Return which way is better."""
    return "higher is better" if mode == "max" else "lower is better"


def percent(share: float) -> str:
    """Return a share as whole per cent."""
    return "?" if math.isnan(share) else f"{100 * share:.0f} %"


def _most(summary: SettingSummary, worst: Place | None, decimals: Decimals) -> str:
    if worst is None or not summary.regret_worst > 0:
        return "."
    return f" (most: {decimals.show(summary.regret_worst)} in {elided(worst[0])})."


def _doubts(summary: SettingSummary, noun: str) -> str:
    said = ""
    open_ends = summary.fits - summary.stopped
    if open_ends and summary.stopped:
        end = "recording ends" if open_ends == 1 else "recordings end"
        counts = "counts as it ends" if open_ends == 1 else "count as they end"
        said += f" {whole(open_ends)} {end} before the stop (undecided) and {counts}."
    if summary.unknown == 1:
        said += f" 1 {noun} keeps an epoch without a number, and is in no regret."
    elif summary.unknown:
        said += f" {whole(summary.unknown)} {noun}s keep an epoch without a number, and are in no regret."
    return said


def _known(value: float, decimals: Decimals) -> str:
    return "unknown" if math.isnan(value) else decimals.show(value)


def _interval(found: Interval, decimals: Decimals) -> str:
    return f"95 %: {decimals.show(found[0])} to {decimals.show(found[1])}"


def _percents(found: Interval) -> str:
    low, high = found
    return f"95 %: {100 * low:.0f} to {100 * high:.0f} %"
