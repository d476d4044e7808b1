"""What a page of many runs says before its charts: what is left out and why, and how far its answers can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.errors import did_you_mean
from kcb_replay.replay.directions import assumed_direction
from kcb_replay.report.choices.acts import LABELS
from kcb_replay.text import are_left_out, counted, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.report.choices.acts import Acts

__all__ = ["LeftOut", "Notice", "left_out_notice", "trust_notice"]

_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A fit that is on no chart, and why."""

    run: str
    fit: int
    reason: str


@dataclass(frozen=True, slots=True)
class Item:
    """Names of runs and what is said of them; `flag` is the option that helps, empty without one."""

    names: tuple[str, ...]
    text: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A box above the charts."""

    head: str
    items: tuple[Item, ...]
    is_exact: bool = False


def left_out_notice(
    left_out: Sequence[LeftOut], monitor: str, recorded: Callable[[str], Sequence[str]]
) -> Notice | None:
    """Return which fits are left out; `recorded` gives the metrics of a run, for the flag that helps."""
    if not left_out:
        return None
    reasons: dict[str, list[LeftOut]] = {}
    for each in left_out:
        reasons.setdefault(each.reason, []).append(each)
    count = len({(each.run, each.fit) for each in left_out})
    items = tuple(_item(reason, group, monitor, recorded) for reason, group in reasons.items())
    noun = "fit" if any(each.fit for each in left_out) else "run"
    return Notice(f"{counted(count, noun)} {are_left_out(count)}.", items)


def _item(reason: str, group: Sequence[LeftOut], monitor: str, recorded: Callable[[str], Sequence[str]]) -> Item:
    names = _named([each.run if not each.fit else f"{each.run}, fit {each.fit}" for each in group])
    if not reason.startswith(f"{monitor} is not recorded"):
        return Item(names, f"{reason.rstrip('.')}.")
    columns = list(recorded(group[0].run))
    return Item(names, f"{reason} Try", f"--monitor {_nearest(monitor, columns)}") if columns else Item(names, reason)


def _nearest(monitor: str, columns: Sequence[str]) -> str:
    meant = [name for name in columns if f"'{name}'" in did_you_mean(monitor, columns)]
    usual = [name for name in ("val_loss", "loss") if name in columns]
    return next(iter([*meant, *usual, *columns]))


def trust_notice(acts: Acts, monitor: str, version: Semantics, noun: str) -> Notice:
    """Return how far the answers hold: exact until the stop, and what is not."""
    items = [*_labelled(acts, monitor, noun), *_without_numbers(acts, monitor, version)]
    own = "A callback that only stops changes nothing before its stop, so every answer is that of the training itself"
    if not items:
        return Notice("What is exact here.", (Item((), f"{own}: exact."),), is_exact=True)
    return Notice("What is exact here.", (Item((), f"{own}, but for these."), *items))


def _labelled(acts: Acts, monitor: str, noun: str) -> Iterable[Item]:
    said = {
        "undecided": "the recording ends before some of the stops: a stop is then only known to come later (≥), and the"
        " run counts with what its last epoch leaves",
        "rounded": "the source holds rounded values, and a comparison may hang on the digits that are lost",
        "sampled": "points are missing in the source",
        "hypothetical": str(assumed_direction(monitor, None) or "a what-if"),
    }
    for label, text in said.items():
        places = [place for place, name in enumerate(LABELS) if label in name.split(", ")]
        marked = np.any(acts.answered & np.isin(acts.label, places), axis=0).tolist()
        names = [fit.title for fit, is_marked in zip(acts.fits, marked, strict=True) if is_marked]
        if names:
            share = f"{whole(len(names))} of {counted(len(acts.fits), noun)}"
            yield Item((), f"{label.capitalize()} ({share}): {text}.")


def _without_numbers(acts: Acts, monitor: str, version: Semantics) -> Iterable[Item]:
    never = [fit.title for fit in acts.fits if fit.lowest_index is None]
    if never:
        yield Item(_named(never), f"{monitor} is never a number: no regret is known.")
    if version.early_stopping_any_first_value:
        first = [fit.title for fit in acts.fits if fit.is_nan_from_start and fit.lowest_index is not None]
        if first:
            yield Item(_named(first), f"{monitor} is NaN at the first epoch, and nothing ever beats a NaN.")


def _named(names: Sequence[str]) -> tuple[str, ...]:
    more = len(names) - _MOST_NAMES
    return tuple(names[:_MOST_NAMES]) + ((f"and {whole(more)} more",) if more > 0 else ())
