"""What a page says of each choice (a setting, or a stopping rule), and beside its charts.

Of a choice its sentence and four facts; then what is left out, how far answers hold, what is drawn of how many.
A sentence is a template of its kind, which the program of a page fills with the same values as Python does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

import numpy as np

from kcb_replay.errors import did_you_mean
from kcb_replay.ingest.recording import Recording
from kcb_replay.language.catalogue import Catalogue
from kcb_replay.language.reason import reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.directions import Direction, assumed_direction
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.recommend.evidence import FEWEST_GROUPS, RESAMPLES, Spread
from kcb_replay.replay.recommend.survey import Survey
from kcb_replay.replay.verdicts.answers import LABELS
from kcb_replay.replay.verdicts.totals import ChoiceSummary
from kcb_replay.report.choices.run_table import Noun, Runs
from kcb_replay.report.several_replays import Fact
from kcb_replay.text import Decimals, fit_title, percent, visible, whole

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


_MOST_NAMES, _MOST_SOURCES = 5, 3


@dataclass(frozen=True, slots=True)
class NoticeItem:
    """Names of runs and what is said of them; `flag` is the option that helps, empty without one."""

    names: tuple[str, ...]
    text: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A box above the charts."""

    head: str
    items: tuple[NoticeItem, ...]
    is_exact: bool = False


def left_out_notices(
    left_out: Sequence[LeftOut],
    names: Sequence[str],
    monitor: str,
    recorded: Callable[[str], Sequence[str]],
    words: Catalogue,
) -> Iterator[Notice]:
    """Yield which fits are left out for all choices, and which for one of them.

    `recorded` gives the metrics of a run, for the flag that helps.
    """
    by_choice: dict[int, dict[str, list[LeftOut]]] = {}
    for each in left_out:
        by_choice.setdefault(-1 if each.choice is None else each.choice, {}).setdefault(str(each.reason), []).append(
            each
        )
    for number, reasons in sorted(by_choice.items()):
        fits = {(each.run, each.fit) for group in reasons.values() for each in group}
        noun = "fit" if any(fit for _, fit in fits) else "run"
        head = words.say(f"choices.notice.left_out_{noun}", count=len(fits))
        items = tuple(_left_out(group, monitor, recorded, words) for group in reasons.values())
        yield Notice(head if number < 0 else words.say("choices.notice.of_rule", rule=names[number], head=head), items)


def _left_out(
    group: Sequence[LeftOut], monitor: str, recorded: Callable[[str], Sequence[str]], words: Catalogue
) -> NoticeItem:
    names, first = _named([fit_title(each.shown_run, each.fit) for each in group], words), group[0]
    why = words.why(first.why)
    columns = list(recorded(first.run)) if first.reason.startswith(f"{monitor} is not recorded") else []
    if columns:
        flag = f"--monitor {_nearest(monitor, columns)}"
        return NoticeItem(names, words.say("choices.notice.try", reason=why), flag)
    return NoticeItem(names, f"{why.rstrip('.')}.")


def _nearest(monitor: str, columns: Sequence[str]) -> str:
    meant = [name for name in columns if f"'{name}'" in did_you_mean(monitor, columns)]
    usual = [name for name in ("val_loss", "loss") if name in columns]
    return next(iter([*meant, *usual, *columns]))


def trust_notice(runs: Runs, monitor: str, version: Semantics, words: Catalogue) -> Notice:
    """Return how far the answers hold: exact until the stop, and what is not."""
    items = [*_labelled(runs, monitor, words), *_without_numbers(runs, monitor, version, words)]
    key = "not_exact" if items else "exact"
    return Notice(
        words.say("choices.notice.exact_head"),
        (NoticeItem((), words.say(f"choices.notice.{key}")), *items),
        is_exact=not items,
    )


def _labelled(runs: Runs, monitor: str, words: Catalogue) -> Iterable[NoticeItem]:
    fits = words.say(f"choices.{runs.noun}", count=len(runs.curves))
    for label in ("undecided", "rounded", "sampled", "hypothetical"):
        places = [place for place, name in enumerate(LABELS) if label in name.split(", ")]
        marked = np.any(runs.drawn.answered & np.isin(runs.drawn.answers.label, places), axis=0)
        if marked.any():
            # The direction of a metric is all that can be assumed of a callback that only stops.
            assumed = assumed_direction(monitor, None) or reason("choices.notice.what_if")
            values = {"count": whole(int(marked.sum())), "fits": fits, "assumed": assumed}
            yield NoticeItem((), words.say(f"choices.notice.{label}", **values))


def _without_numbers(runs: Runs, monitor: str, version: Semantics, words: Catalogue) -> Iterable[NoticeItem]:
    fits = list(zip(runs.curves, runs.titles, strict=True))
    never = [title for fit, title in fits if fit.lowest_index is None]
    if never:
        yield NoticeItem(_named(never, words), words.say("choices.notice.no_number", monitor=monitor))
    first = [
        title
        for fit, title in fits
        if fit.lowest_index is not None and fit.valid.any() and np.isnan(fit.values[fit.valid][0])
    ]
    if first and version.early_stopping_any_first_value:
        yield NoticeItem(_named(first, words), words.say("choices.notice.nan_first", monitor=monitor))


def _named(names: Sequence[str], words: Catalogue) -> tuple[str, ...]:
    more = len(names) - _MOST_NAMES
    return tuple(names[:_MOST_NAMES]) + ((words.say("choices.notice.more", count=more),) if more > 0 else ())


def drawn_remark(fits: int, drawn: int, noun: Noun, under: str, words: Catalogue) -> str:
    """Return what is drawn of how many, nothing where that is all; `under` is the choice that the worst are of."""
    if drawn == fits:
        return ""
    choice = words.say(f"choices.remark.{under}")
    return words.say(f"choices.remark.drawn_{noun}", drawn=drawn, fits=fits, choice=choice)


def interval_remark(spread: Spread | None, groups: int, words: Catalogue) -> str:
    """Return what the intervals are, or why there are none."""
    if spread is not None:
        return words.say("choices.remark.intervals", groups=groups, resamples=RESAMPLES)
    return words.say("choices.remark.no_intervals", groups=groups, fewest=FEWEST_GROUPS)


class SourcePaths:
    """The files that recordings come from, noted while these are read the first time."""

    def __init__(self) -> None:
        self._paths: dict[str, None] = {}

    def noting(self, recordings: Callable[[], Iterable[Recording]]) -> Callable[[], Iterator[Recording]]:
        """Return what gives the recordings as well, and notes where they come from."""

        def noted() -> Iterator[Recording]:
            for recording in recordings():
                self._paths.update(dict.fromkeys(source.path for source in recording.sources))
                yield recording

        return noted

    def lines(self, words: Catalogue) -> tuple[str, ...]:
        """Return the first paths, and how many more there are."""
        more = len(self._paths) - _MOST_SOURCES
        rest = [words.say("choices.more_files", count=more)] if more > 0 else []
        return (*islice(self._paths, _MOST_SOURCES), *rest)
