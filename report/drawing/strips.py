"""Many replays as an info value: a strip each, with what was run of what was recorded, and the numbers beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.columns.fits import lead_rule, validity_text
from kcb_replay.report.several_replays import common_answer, extent, logic, regret_explained, stops
from kcb_replay.report.simulation_notes import unanswered_sentences
from kcb_replay.text import NEVER, UNKNOWN, counted, decimals_for, fit_title, visible, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.simulation import RaisedFit


# More than these cannot be told apart on a page.
_MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The small picture of a training: epochs count from 1; it ran up to `ran`, and `stopped` says whether it stopped.

    `best` and `lowest` are the best epoch that the rule knew (or else the one kept) and the best of the recording;
    `lowest` only where it is another one. `drops` are epochs with a reduction of the learning rate, and whether that
    one is a what-if.
    """

    first: int
    last: int
    ran: int
    stopped: bool = False
    best: int | None = None
    lowest: int | None = None
    drops: tuple[tuple[int, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class StripRow:
    """A strip with its name, and the `texts` that stand in the columns beside it."""

    name: str
    strip: Strip
    regret: float | None
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StripsInfo:
    """Rows with the largest regret first; `columns` name their texts, `key` says what the marks mean.

    Where some answers are `limited`, the last column says which and how.
    """

    title: str
    answer: str
    rows: tuple[StripRow, ...]
    columns: tuple[str, ...]
    limited: bool
    last_epoch: int
    key: str
    notes: tuple[str, ...]


def strips_info(replays: Sequence[Replay], left_out: int = 0, raised: Sequence[RaisedFit] = ()) -> StripsInfo:
    """Return what a figure of several replays shows, of which so many fits are missing.

    `raised` are the fits that Keras ends with an exception: they come last.
    """
    stopping = any(map(stops, replays))
    answers: list[Replay | RaisedFit] = [*replays, *raised]
    exact = all(answer.validity.label == "exact" for answer in answers)
    names = _names(answers)
    texts = _texts(replays, stopping=stopping, exact=exact)
    rows = [
        StripRow(name, strip_of(replay), rule.regret if (rule := lead_rule(replay)) else None, cells)
        for name, replay, cells in zip(names, replays, texts, strict=False)
    ]
    without = ("raises", "", "") if stopping else ()
    ended = [
        StripRow(name, _strip_of_raised(each), None, without)
        for name, each in zip(names[len(replays) :], raised, strict=True)
    ]
    rows = [*sorted(rows, key=_order), *ended][:_MOST]
    columns = ("stops", "saved", f"regret ({_monitors(replays)})") if stopping else ()
    missing = f"Left out: {counted(left_out, 'fit')} that could not be replayed." if left_out else ""
    count = len(answers)
    many = f"Drawn are the {_MOST} of largest regret; the answer is about all {whole(count)}."
    notes = (
        missing,
        *map(str, unanswered_sentences(answers)),
        many if count > _MOST else "",
        "All answers are exact." if exact else "",
        regret_explained(replays),
        f"{logic(replays)}.",
    )
    return StripsInfo(
        title=f"{extent(answers)}: {_settings(replays)}",
        answer=common_answer(replays, raised),
        rows=tuple(rows),
        columns=columns if exact else (*columns, "validity"),
        limited=not exact,
        last_epoch=max(row.strip.last for row in rows),
        key=_key([row.strip for row in rows], stopping=stopping),
        notes=(*filter(None, notes), "Epochs count from 1."),
    )


def strip_of(replay: Replay) -> Strip:
    """Return the strip of a replay."""
    lead = lead_rule(replay)
    best, lowest = (lead.best_index, lead.lowest_index) if lead else (None, None)
    return Strip(
        first=replay.stream.epochs[0].index + 1,
        last=replay.stream.epochs[-1].index + 1,
        ran=replay.rows[-1].index + 1,
        stopped=replay.stop_index is not None,
        best=None if best is None else best + 1,
        lowest=None if lowest is None or lowest == best else lowest + 1,
        drops=tuple((drop.index + 1, drop.validity != "exact") for drop in replay.drops),
    )


def _strip_of_raised(raised: RaisedFit) -> Strip:
    return Strip(first=raised.first_epoch, last=raised.last_epoch, ran=raised.first_epoch - 1 + raised.epochs_run)


def _order(row: StripRow) -> float:
    return math.inf if row.regret is None or math.isnan(row.regret) else -row.regret


def _texts(replays: Sequence[Replay], *, stopping: bool, exact: bool) -> Iterator[tuple[str, ...]]:
    show = decimals_for([]).show
    for replay in replays:
        texts = ("", "", "") if stopping else ()
        if rule := lead_rule(replay):
            stop = NEVER if replay.stop_epoch is None else str(replay.stop_epoch)
            texts = (stop, whole(replay.epochs - replay.epochs_run), show(rule.regret) or UNKNOWN)
        yield texts if exact else (*texts, validity_text(replay.validity))


def _monitors(replays: Sequence[Replay]) -> str:
    return visible(", ".join(dict.fromkeys(str(rule.monitor) for rule in map(lead_rule, replays) if rule)))


def _names(answers: Sequence[Replay | RaisedFit]) -> list[str]:
    """Return what tells answers apart: the run, the fit and the setting, as far as they differ."""
    several = {answer.run for answer in answers if answer.fit}
    codes = len({_code(answer) for answer in answers}) > 1
    return [
        visible(
            fit_title(answer.run, answer.fit, several=answer.run in several) + (f", {_code(answer)}" if codes else "")
        )
        for answer in answers
    ]


def _code(answer: Replay | RaisedFit) -> str:
    return " + ".join(map(str, answer.callbacks))


def _settings(replays: Sequence[Replay]) -> str:
    codes = dict.fromkeys(map(_code, replays))
    return visible(next(iter(codes))) if len(codes) == 1 else f"{len(codes)} settings"


def _key(strips: Sequence[Strip], *, stopping: bool) -> str:
    parts = ["Blue: epochs run, of all recorded"]
    parts += ["orange: the stop"] if any(strip.stopped for strip in strips) else []
    if stopping:
        parts += ["● best epoch", "○ best of the recording, if it is another one"]
    drops = [what_if for strip in strips for _, what_if in strip.drops]
    parts += ["▼ learning rate reduced" + (" (hollow: a what-if)" if any(drops) else "")] if drops else []
    return f"{'; '.join(parts)}."
