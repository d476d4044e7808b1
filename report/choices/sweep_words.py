"""What a page of a sweep says of each setting: the answer, four facts, and what regret means there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.choices.elided import elided
from kcb_replay.report.facts import Fact
from kcb_replay.text import counted, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.recommend.result import Interval
    from kcb_replay.replay.verdicts.totals import SettingSummary
    from kcb_replay.report.choices.gathered import Gathered
    from kcb_replay.text import Decimals

__all__ = [
    "Answer",
    "answer_of",
    "answer_text",
    "direction_words",
    "facts_of",
    "noun_of",
    "percent",
    "question_of",
    "regret_explained",
    "templates_of",
]


def noun_of(found: Gathered) -> str:
    """Return what is counted: runs, or fits where a run has several."""
    return "fit" if found.several else "run"


def question_of(fits: int, noun: str) -> str:
    """Return the title of the page."""
    if fits == 1:
        return f"How early could this {noun} have stopped?"
    return f"How early could these {whole(fits)} {noun}s have stopped?" if fits else "How early could these runs stop?"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a setting comes to: the kind of sentence, the name of its worst run, and what is in doubt.

    The sentence is the template of its kind in `templates`, filled with the values of the facts, and the doubts.
    """

    kind: str
    worst: str
    doubts: str


def templates_of(monitor: str, fits: int, noun: str) -> dict[str, str]:
    """Return the sentences that answers are made from, one per kind."""
    saves = "With {name} you save {saving} of the epochs"
    gives = f"{saves} and give up {{regret}} {monitor}"
    open_end = "With {name} the run is not stopped before its recording ends."
    if fits > 1:
        open_end = f"With {{name}} none of the {counted(fits, noun)} is stopped before its recording ends."
    return {
        "alone": f"{gives}.",
        "most": f"{gives} on average (most: {{most}} in {{worst}}).",
        "nothing": f"{saves} and give up nothing: no recorded epoch is better than the one kept.",
        "unknown": f"{saves}; what you give up is unknown.",
        "open": open_end,
        "nobody": f"No run can be asked about {monitor}.",
    }


def answer_of(summary: SettingSummary, worst: str, noun: str) -> Answer:
    """Return what a setting comes to; `worst` is the name of the fit with the largest regret, empty without one."""
    if not summary.fits:
        kind = "nobody"
    elif not summary.stopped:
        kind = "open"
    elif math.isnan(summary.regret_mean):
        kind = "unknown"
    elif not summary.regret_worst > 0:
        kind = "nothing"
    elif summary.fits == 1:
        kind = "alone"
    else:
        kind = "most"
    return Answer(kind, elided(worst), _doubts(summary, noun))


def answer_text(answer: Answer, templates: Mapping[str, str], name: str, facts: Sequence[Fact]) -> str:
    """Return the whole sentence, as the program of the page puts it together."""
    _, saving, regret, most = (fact.value for fact in facts)
    values = {"name": name, "saving": saving, "regret": regret, "most": most, "worst": answer.worst}
    return templates[answer.kind].format_map(values) + answer.doubts


def facts_of(found: Gathered, number: int, decimals: Decimals) -> tuple[Fact, ...]:
    """Return the four facts about a setting."""
    summary, worst = found.overall.summaries[number], found.worst_titles[number]
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
            f"in {elided(worst)}" if worst and summary.regret_worst > 0 else "",
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
