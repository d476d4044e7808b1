"""What a page says of each choice (a setting, or a stopping rule): its sentence and four facts, and what regret is.

A sentence is a template of its kind, which the program of a page fills with the same values as Python does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.recommend.evidence import Spread
from kcb_replay.replay.recommend.survey import Survey
from kcb_replay.replay.verdicts.totals import ChoiceSummary
from kcb_replay.report.several_replays import Fact
from kcb_replay.text import Decimals, percent, visible, whole

# What is counted: runs, or fits where a run has several.
Noun: TypeAlias = Literal["run", "fit"]
# What is chosen among.
Kind: TypeAlias = Literal["setting", "rule"]
_MOST, _HEAD, _TAIL = 44, 24, 16


@dataclass(frozen=True, slots=True)
class ChoiceAnswer:
    """What a choice comes to: the kind of sentence, the name of its worst run, and what is in doubt."""

    kind: str
    worst: str
    doubts: str


def title_of(surveys: Sequence[Survey[EarlyStopping]], words: Catalogue) -> str:
    """Return the title of the page of a sweep."""
    fits = max(survey.summary.answered for survey in surveys)
    noun = "fit" if any(survey.several for survey in surveys) else "run"
    if fits > 1:
        return words.say("choices.question", fits=words.say(f"choices.{noun}", count=fits))
    return words.say(f"choices.question_{noun}" if fits else "choices.question_none")


def templates_of(kind: Kind, fits: int, noun: Noun, words: Catalogue) -> dict[str, str]:
    """Return the sentences that answers are made from, one per kind of answer."""
    open_end = "open" if fits > 1 else "open_alone"
    blanks = {name: f"{{{name}}}" for name in ("name", "saving", "regret", "most", "worst", "monitor")}
    values = {"fits": words.say(f"choices.{noun}", count=fits), **blanks}
    names = {name: name for name in ("alone", "most", "nothing", "unknown", "nobody")} | {"open": open_end}
    return {name: words.say(f"choices.{kind}.{key}", **values) for name, key in names.items()}


def answer_of(summary: ChoiceSummary, worst: str, noun: Noun, words: Catalogue, left_out: int = 0) -> ChoiceAnswer:
    """Return what a choice comes to; `worst` is the name of the fit with the largest regret, empty without one.

    `left_out` is the number of fits that this choice alone cannot be asked of.
    """
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
    doubts = ""
    if summary.undecided and summary.stopped:
        doubts += words.say("choices.doubt.undecided", count=summary.undecided)
    if summary.unknown:
        doubts += words.say(f"choices.doubt.unknown_{noun}", count=summary.unknown)
    if left_out and summary.fits:
        doubts += words.say("choices.doubt.left_out", fits=words.say(f"choices.{noun}", count=left_out))
    return ChoiceAnswer(kind, _elided(worst), doubts)


def answer_text(
    answer: ChoiceAnswer, templates: Mapping[str, str], name: str, monitor: str, facts: Sequence[Fact]
) -> str:
    """Return the whole sentence, as the program of the page puts it together."""
    _, saving, regret, most = (fact.value for fact in facts)
    values = {"name": name, "saving": saving, "regret": regret, "most": most, "worst": answer.worst}
    return templates[answer.kind].format_map({**values, "monitor": monitor}) + answer.doubts


def facts_of(
    summary: ChoiceSummary,
    spread: Spread | None,
    number: int,
    worst: str,
    monitor: str,
    decimals: Decimals,
    words: Catalogue,
) -> tuple[Fact, ...]:
    """Return the four facts about a choice, of which the intervals are in `spread`, under `number`."""
    half = "" if math.isnan(summary.stop_epoch_median) else f"{summary.stop_epoch_median:.0f}"
    stopped = words.say("choices.fact.half" if half else "choices.fact.of", fits=summary.fits, epoch=half)
    saving = regret = ""
    if spread is not None:
        saving, regret = (
            words.say("choices.fact.interval", low=show(low), high=show(high))
            for show, (low, high) in ((percent, spread.saving[number]), (decimals.show, spread.regret[number]))
        )
    in_worst = words.say("choices.fact.worst", worst=_elided(worst)) if worst and summary.regret_worst > 0 else ""
    return (
        Fact(words.say("choices.fact.stopped"), whole(summary.stopped), stopped),
        Fact(words.say("choices.fact.saved"), percent(summary.saving), saving),
        Fact(words.say("choices.fact.regret", monitor=monitor), known(summary.regret_mean, decimals, words), regret),
        Fact(words.say("choices.fact.largest"), known(summary.regret_worst, decimals, words), in_worst),
    )


def regret_explained(settings: Sequence[EarlyStopping], mode: Direction | None, words: Catalogue) -> str:
    """Return what regret is, and whose value it is taken from."""
    restored = {setting.restore_best_weights for setting in settings}
    key = "both" if len(restored) > 1 else "best" if True in restored else "last"
    extreme = words.say(f"choices.regret.{'highest' if mode == 'max' else 'lowest'}")
    return words.say(f"choices.regret.{key}", monitor=settings[0].monitor, extreme=extreme)


def direction_words(mode: Direction | None, words: Catalogue) -> str:
    """Return which way is better."""
    return words.say(f"chart.better_{mode or 'min'}")


def known(value: float, decimals: Decimals, words: Catalogue) -> str:
    """Return a regret as text, or that it is unknown."""
    return words.say("fact.unknown") if math.isnan(value) else decimals.show(value)


def _elided(name: str) -> str:
    """Return a name as it stands in a sentence: a long one loses its middle, for the ends tell runs apart."""
    seen = visible(name)
    return seen if len(seen) <= _MOST else f"{seen[:_HEAD]}…{seen[-_TAIL:]}"
