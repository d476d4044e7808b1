"""The answers of the callback that the page is about: every distinct end of the training, as numbers and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.events import Stopped, WeightsRestored
from kcb_replay.replay.outcomes import StoppingOutcome
from kcb_replay.report.explainer.pool import NO_VALUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.events import Event
    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.report.explainer.cells import Book
    from kcb_replay.text import Decimals

__all__ = [
    "End",
    "FactTexts",
    "Mark",
    "answer_of",
    "ending_texts",
    "facts_of",
    "marks_of",
    "open_end_of",
    "raising_end",
    "restored_text",
]


@dataclass(frozen=True, slots=True)
class FactTexts:
    """One of the few numbers under the answer, as numbers of texts."""

    term: int
    value: int
    remark: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of the curve: its row and the number of its label."""

    row: int
    label: int


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One way in which the training ends: after `row`, the last one that runs, with what the lead comes to.

    `case` numbers the pairs of `row` and `stops` (whether anybody stops the training); `own` tells whether the lead
    does. `bracket` are the rows of the value kept and of the best one, where they differ. Texts are numbers of the
    book. `note` is how far it holds; where the row lies behind the horizon of the learning rate it is that of
    the horizon, or the one in `beyond` if this end has another.
    """

    lane: int
    row: int
    case: int
    stops: bool
    own: bool
    answer: int
    closing: int
    closing_verdict: int
    ending: int
    facts: tuple[FactTexts, ...]
    best: Mark | None
    lowest: Mark | None
    kept: Mark | None
    regret: int
    bracket: tuple[int, int]
    note: int
    beyond: tuple[tuple[int, int], ...]
    open_end: int


def marks_of(
    outcome: StoppingOutcome, book: Book, decimals: Decimals, rows: dict[int, int], last: int
) -> tuple[Mark | None, Mark | None, Mark | None, int]:
    """Return best, lowest and kept as marks, and the label of the regret; `rows` are those of 0-based epochs."""

    def mark(key: str, index: int | None, value: float | None) -> Mark | None:
        if index is None:
            return None
        return Mark(rows[index], book.say(key, value=decimals.show(value), epoch=index + 1, monitor=outcome.monitor))

    best, kept, lowest = outcome.best_index, outcome.kept_index, outcome.lowest_index
    seen = lowest is not None and rows[lowest] <= last
    extreme = "chart.never_seen" if not seen else "chart.highest" if outcome.mode == "max" else "chart.lowest"
    return (
        mark("chart.best", best, outcome.best_value),
        mark(extreme, lowest, outcome.lowest_value) if outcome.regret and lowest not in (best, kept) else None,
        mark("chart.kept" if outcome.kept_value is not None else "chart.kept_no_value", kept, outcome.kept_value)
        if kept != best
        else None,
        book.say("chart.regret", regret=decimals.show(outcome.regret)) if outcome.regret else NO_VALUE,
    )


def facts_of(
    outcome: StoppingOutcome, book: Book, decimals: Decimals, epochs: int, stop: int | None, unseen: int | None
) -> tuple[FactTexts, ...]:
    """Return the four numbers under the answer.

    `stop` is the epoch after which the training stops, from 1; `unseen` that before which it certainly does not, where
    the recording was stopped too early to show it.
    """
    say, text, monitor = book.say, book.text, outcome.monitor
    kept, lowest = outcome.kept_index, outcome.lowest_index
    of = say("fact.of", epochs=epochs)
    stops = text(str(stop)) if stop else say("explainer.at_least", epoch=unseen) if unseen else say("fact.never")
    kept_is_best = kept is not None and kept == outcome.best_index
    kept_value = decimals.show(outcome.kept_value)
    remark = book.words.say(
        "fact.extreme_max" if outcome.mode == "max" else "fact.extreme_min", epoch=(lowest or 0) + 1
    )
    return (
        FactTexts(say("fact.stops_after"), stops, of),
        FactTexts(
            say("fact.best_kept" if kept_is_best else "fact.last_kept"),
            say("fact.none") if kept is None else text(str(kept + 1)),
            text(f"{monitor} {kept_value}") if kept_value else say("fact.no_metric", monitor=monitor),
        ),
        FactTexts(say("fact.saved"), text(str(outcome.saved_epochs)), of),
        FactTexts(
            say("fact.regret", monitor=monitor),
            say("fact.unknown") if outcome.regret is None else text(decimals.show(outcome.regret)),
            NO_VALUE if lowest is None else text(remark),
        ),
    )


def answer_of(
    outcome: StoppingOutcome, book: Book, decimals: Decimals, epochs: int, stop: int | None, unseen: int | None
) -> int:
    """Return the number of the answer: when the training stops, and what it gives away; see `facts_of`."""
    words = book.words
    if stop is not None:
        said = words.say("answer.stops", epoch=stop, epochs=epochs)
    else:
        said = words.say("explainer.not_seen", epochs=epochs) if unseen else words.say_of(epochs, "answer.never")
    return book.text(f"{said} {_given_away(outcome, book, decimals, stop)}".strip())


def _given_away(outcome: StoppingOutcome, book: Book, decimals: Decimals, stop: int | None) -> str:
    say = book.words.say
    if outcome.regret is None or outcome.lowest_index is None or outcome.kept_index is None:
        return say("answer.regret_unknown")
    if outcome.regret == 0:
        return "" if stop is None else say("answer.nothing_better")
    kept, lowest = decimals.pair(outcome.kept_value or 0.0, outcome.lowest_value or 0.0)
    key = "later" if outcome.lowest_index > outcome.kept_index else "earlier"
    return say(
        f"answer.better_{key}",
        value=lowest,
        regret=decimals.show(outcome.regret),
        epoch=outcome.lowest_index + 1,
        kept=kept,
    )


def restored_text(finish: Sequence[Event], book: Book) -> int:
    """Return what happens when the training has ended."""
    found = (event for event in finish if isinstance(event, WeightsRestored))
    said = (book.words.say("outcome.restored_at_end", epoch=event.from_index + 1) for event in found)
    return book.text(" ".join(said))


def raising_end(lane: int, row: int, case: int, error: str, book: Book) -> End:
    """Return the end of a training in which Keras itself raises: there is no answer but that."""
    unknown = FactTexts(book.say("explainer.raises"), book.say("fact.unknown"), NO_VALUE)
    return End(
        lane=lane,
        row=row,
        case=case,
        stops=False,
        own=False,
        answer=book.text(error),
        closing=NO_VALUE,
        closing_verdict=NO_VALUE,
        ending=NO_VALUE,
        facts=(unknown,) * 4,
        best=None,
        lowest=None,
        kept=None,
        regret=NO_VALUE,
        bracket=(NO_VALUE, NO_VALUE),
        note=book.notes.number((book.say("explainer.raises"), book.text(error))),
        beyond=(),
        open_end=NO_VALUE,
    )


def ending_texts(events: Sequence[Event], book: Book, decimals: Decimals, mode: Direction | None) -> tuple[int, int]:
    """Return what an end adds to the sentence of its epoch, and to its verdict."""
    last = [event for event in events if isinstance(event, (Stopped, WeightsRestored))]
    return book.said(last, decimals, mode)


def open_end_of(outcome: Outcome, book: Book, *, was_stopped: bool) -> int:
    """Return what stands where a recording ends before the answer; `was_stopped` where it would have gone on."""
    # Of a what-if the end of the recording is not the end of the answer.
    if not outcome.validity.undecided or outcome.validity.label == "hypothetical":
        return NO_VALUE
    if was_stopped:
        return book.say("explainer.open_end")
    earliest = outcome.validity.earliest_stop_index
    return book.say("chart.open_end") if earliest is None else book.say("chart.open_end_earliest", epoch=earliest + 1)
