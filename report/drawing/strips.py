"""Many replays as an info value: a strip each, with what was run of what was recorded, and the numbers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.report.columns.column import Writing, epoch_text, value_text
from kcb_replay.report.columns.fits import by_regret, lead_rule, validity_text
from kcb_replay.report.several_replays import common_answer, extent, logic, regret_explained, stops
from kcb_replay.report.simulation_notes import unanswered_sentences
from kcb_replay.text import fit_title, visible, whole

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
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StripsInfo:
    """Rows with the largest regret first; `columns` name their texts, `axis` the epochs.

    `key` says what the marks mean, `unnamed` what the rows are where there is no room for their names.

    Where some answers are `limited`, the last column says which and how.
    """

    title: str
    answer: str
    rows: tuple[StripRow, ...]
    columns: tuple[str, ...]
    limited: bool
    last_epoch: int
    axis: str
    key: str
    unnamed: str
    notes: tuple[str, ...]


def strips_info(
    replays: Sequence[Replay], left_out: int = 0, raised: Sequence[RaisedFit] = (), words: Catalogue = IN_ENGLISH
) -> StripsInfo:
    """Return what a figure of several replays shows, of which so many fits are missing.

    `raised` are the fits that Keras ends with an exception: they come last.
    """
    say, stopping = words.say, any(map(stops, replays))
    answers: list[Replay | RaisedFit] = [*replays, *raised]
    exact = all(answer.validity.label == "exact" for answer in answers)
    ranked: list[Replay | RaisedFit] = [*sorted(replays, key=by_regret), *raised]
    writing = Writing(words=words)
    rows = [
        StripRow(name, strip_of(answer), _cells(answer, writing, stopping=stopping, exact=exact))
        for name, answer in zip(_names(ranked)[:_MOST], ranked, strict=False)
    ]
    columns: tuple[str, ...] = ()
    if stopping:
        regret = say("strips.regret", monitor=_monitors(replays))
        columns = (say("column.stop_epoch"), say("column.saved_epochs"), regret)
    count = len(answers)
    notes = (
        say("strips.left_out", count=left_out) if left_out else "",
        *map(words.why, unanswered_sentences(answers)),
        say("strips.drawn", most=_MOST, count=count) if count > _MOST else "",
        say("strips.exact") if exact else "",
        regret_explained(replays, words),
        f"{logic(replays, words)}.",
    )
    return StripsInfo(
        title=f"{extent(answers, words)}: {_settings(replays, words)}",
        answer=common_answer(replays, raised, words),
        rows=tuple(rows),
        columns=columns if exact else (*columns, say("column.validity")),
        limited=not exact,
        last_epoch=max(row.strip.last for row in rows),
        axis=say("chart.axis"),
        unnamed=say("strips.unnamed", count=len(rows)),
        key=_key([row.strip for row in rows], words, stopping=stopping),
        notes=(*filter(None, notes), say("strips.from_one")),
    )


def strip_of(answer: Replay | RaisedFit) -> Strip:
    """Return the strip of an answer; a training that Keras ends with an exception has neither stop nor best epoch."""
    if isinstance(answer, RaisedFit):
        ran = answer.first_epoch - 1 + answer.epochs_run
        return Strip(first=answer.first_epoch, last=answer.last_epoch, ran=ran)
    replay = answer
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


def _cells(answer: Replay | RaisedFit, writing: Writing, *, stopping: bool, exact: bool) -> tuple[str, ...]:
    if isinstance(answer, RaisedFit):
        return (writing.words.say("cell.raises"), "", "") if stopping else ()
    texts = ("", "", "") if stopping else ()
    if rule := lead_rule(answer):
        saved = whole(answer.epochs - answer.epochs_run)
        texts = (epoch_text(answer.stop_epoch, writing), saved, value_text(rule.regret, writing))
    return texts if exact else (*texts, validity_text(answer.validity, writing.words))


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


def _settings(replays: Sequence[Replay], words: Catalogue) -> str:
    codes = dict.fromkeys(map(_code, replays))
    return visible(next(iter(codes))) if len(codes) == 1 else words.say("strips.settings", count=len(codes))


def _key(strips: Sequence[Strip], words: Catalogue, *, stopping: bool) -> str:
    parts = ["run", *(["stop"] if any(strip.stopped for strip in strips) else []), *(["best"] if stopping else [])]
    if drops := [what_if for strip in strips for _, what_if in strip.drops]:
        parts.append("drops_what_if" if any(drops) else "drops")
    return f"{'; '.join(words.say(f'strips.key_{part}') for part in parts)}."
