"""What a page of choices says beside its charts: what is left out, how far answers hold, what is drawn of how many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from kcb_replay.errors import did_you_mean
from kcb_replay.ingest.recording import Recording
from kcb_replay.language.catalogue import Catalogue
from kcb_replay.language.reason import reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.directions import assumed_direction
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.recommend.evidence import FEWEST_GROUPS, RESAMPLES, Spread
from kcb_replay.replay.verdicts.answers import LABELS
from kcb_replay.report.choices.answers import Noun
from kcb_replay.report.choices.run_table import Runs
from kcb_replay.text import fit_title, whole

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
    names, first = _named([fit_title(each.run, each.fit) for each in group], words), group[0]
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
