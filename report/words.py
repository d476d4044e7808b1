"""Every sentence about a replay, made from its events and outcomes and from nothing else.

What `explain`, tables, figures and pages say, in the language of a catalogue; English where none is given. Epochs count
from 1, as Keras prints them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import Any, Protocol

from kcb_replay.ingest.recording import Source
from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.answers import Answer
from kcb_replay.replay.events import Event, TextWritten, WeightsRestored, of_kind
from kcb_replay.replay.outcomes import Drop, Outcome
from kcb_replay.replay.result import Replay
from kcb_replay.replay.validity import Validity
from kcb_replay.report.phrases import Phrase, phrase
from kcb_replay.report.wait_and_rate import MOST_NAMED_DROPS
from kcb_replay.text import Decimals, decimals_for, short, visible

_FIRST_PLACES = 5


class _Say(Protocol):
    def __call__(self, key: str, **values: object) -> str: ...


@dataclass(frozen=True, slots=True)
class EpochSentence:
    """What one callback did in one epoch; `verdict` is the short form for tables."""

    index: int
    text: str
    verdict: str

    @property
    def epoch(self) -> int:
        """The epoch counted from 1."""
        return self.index + 1


def decimals_of(replay: Replay) -> Decimals:
    """Return the decimals that separate every comparison of a replay."""
    pairs = (event.compared for event in replay.events if event.compared)
    return decimals_for([*pairs, *compared_outcomes(replay.outcomes)])


def compared_outcomes(outcomes: Iterable[Outcome]) -> list[tuple[float, float]]:
    """Return the pairs of kept and best value that regret compares."""
    return [
        (outcome.kept_value, outcome.lowest_value)
        for outcome in outcomes
        if outcome.kept_value is not None and outcome.lowest_value is not None
    ]


def answer(replay: Replay, words: Catalogue = IN_ENGLISH) -> str:
    """Return the answer in one sentence: when the training stops."""
    if replay.stop_epoch is None:
        return words.say_of(replay.epochs, "answer.never")
    return words.say("answer.stops", epoch=replay.stop_epoch, epochs=replay.epochs)


def can_stop(replay: Answer) -> bool:
    """Tell whether stopping is what the answer is about."""
    about_stops = any(callback.purpose in ("stops", "terminates") for callback in replay.callbacks)
    return replay.stop_index is not None or about_stops


def limits_of(validity: Validity) -> Reason:
    """Return how far any answer with this label can be trusted, for readers who see the label for the first time."""
    through = validity.valid_through_index
    if validity.label != "hypothetical":
        return reason(f"limits.{validity.label}")
    if validity.assumed:
        return reason("limits.assumed")
    if validity.unseen:
        return reason("limits.hypothetical_unseen")
    if through is None:
        return reason("limits.hypothetical_always")
    return reason("limits.hypothetical", epoch=through + 1, after=through + 2)


def outcome_sentence(outcome: Outcome, replay: Replay, words: Catalogue = IN_ENGLISH) -> str:
    """Return what one callback comes to, in one or two sentences."""
    say = words.say
    match outcome.settings.purpose:
        case "stops":
            return " ".join(_stop_sentences(outcome, replay, decimals_of(replay), say))
        case "reduces":
            return _drops_sentence(outcome, say)
        case "saves":
            return _saves_sentence(outcome, say)
        case "terminates":
            return _terminated_sentence(outcome, say)
        case "schedules":
            return _rates_sentence(outcome, say)
        case "observes":
            written = [] if "tags" not in outcome.output else _tag_sentences(outcome, replay, say)
            return " ".join(written) or _observer_sentence(outcome, say)


def epoch_sentences(replay: Replay, position: int, words: Catalogue = IN_ENGLISH) -> list[EpochSentence]:
    """Return a sentence per epoch that ran, empty where nothing happens, for the callback at `position` of the list."""
    return [
        EpochSentence(
            index,
            " ".join(each.text(words) for each in phrases),
            ", ".join(each.verdict(words) for each in phrases),
        )
        for index, phrases in _epoch_phrases(replay, position)
    ]


def _epoch_phrases(replay: Replay, position: int) -> list[tuple[int, list[Phrase]]]:
    """Return the 0-based index of each epoch that ran and what the callback at `position` of the list does in it."""
    decimals = decimals_of(replay)
    mode = replay.outcomes[position].mode
    return [
        (row.index, [phrase(event, decimals, mode) for event in _joined(row.events[position])]) for row in replay.rows
    ]


def _joined(events: Sequence[Event]) -> Iterable[Event]:
    """Yield the events with what is written piece by piece in one piece."""
    for kind, group in groupby(events, type):
        if kind is TextWritten:
            pieces = list(of_kind(group, TextWritten))
            yield replace(pieces[0], text="".join(piece.text for piece in pieces))
        else:
            yield from group


def source_remark(source: Source, words: Catalogue) -> str:
    """Return what stands behind the path of a source: its format, and how its very bytes are known."""
    digest = f"sha256 {source.sha256[:12]}…" if source.sha256 else words.say("report.grown")
    return f"({source.format}, {digest})"


def restored_sentences(replay: Replay, words: Catalogue = IN_ENGLISH) -> list[str]:
    """Return what happens at the end of training."""
    say = words.say
    return [
        say("outcome.restored_at_end", epoch=event.from_index + 1)
        for event in of_kind(chain(*replay.run_record.finish_events), WeightsRestored)
    ]


def _drop_place(drop: Drop) -> str:
    """Return the epoch after which the learning rate drops, with a question mark where that is a what-if."""
    return f"{drop.index + 1}" + ("" if drop.validity == "exact" else "?")


def drop_places(drops: Sequence[Drop], words: Catalogue = IN_ENGLISH) -> list[str]:
    """Return the epochs of drops, of very many only the first, the last and how many there are."""
    places = [_drop_place(drop) for drop in drops]
    if len(places) <= MOST_NAMED_DROPS:
        return places
    last = words.say("cell.last_of_drops", epoch=places[-1], count=len(places))
    return [*places[:_FIRST_PLACES], "...", last]


def _stop_sentences(outcome: Outcome, replay: Replay, decimals: Decimals, say: _Say) -> Iterable[str]:
    if outcome.stop_index is not None:
        yield say("outcome.stops", epoch=outcome.stop_index + 1, epochs=replay.epochs)
    elif replay.stop_index is None:
        yield say("outcome.never_one" if replay.epochs == 1 else "outcome.never", epochs=replay.epochs)
    else:
        yield say("outcome.not_first")
    if outcome.best_index is not None:
        yield say("outcome.best", epoch=outcome.best_index + 1, value=decimals.show(outcome.best_value))
    if outcome.kept_index is not None and outcome.kept_index != outcome.best_index:
        kept = decimals.show(outcome.kept_value) or say("outcome.no_value")
        restores = hasattr(outcome.settings, "restore_best_weights")
        key = "outcome.keeps_last" if restores else "outcome.keeps_last_always"
        yield say(key, epoch=outcome.kept_index + 1, value=kept)
    yield _regret_sentence(outcome, decimals, say)


def _regret_sentence(outcome: Outcome, decimals: Decimals, say: _Say) -> str:
    if outcome.regret is None:
        return say("outcome.regret_unknown")
    if outcome.regret == 0 or outcome.lowest_index is None:
        return say("outcome.regret_zero")
    later = outcome.kept_index is not None and outcome.lowest_index > outcome.kept_index
    return say(
        "outcome.regret_later" if later else "outcome.regret_earlier",
        regret=decimals.show(outcome.regret),
        epoch=outcome.lowest_index + 1,
        value=decimals.show(outcome.lowest_value),
    )


def _drops_sentence(outcome: Outcome, say: _Say) -> str:
    if not outcome.drops:
        return say("outcome.never_reduces")
    places = [_drop_place(drop) for drop in outcome.drops]
    sentence = say(
        "outcome.reduces_once" if len(places) == 1 else "outcome.reduces",
        epochs=", ".join(places),
        old=short(outcome.drops[0].old_lr),
        new=short(outcome.drops[-1].new_lr),
    )
    doubtful = any(place.endswith("?") for place in places)
    return f"{sentence} {say('outcome.what_if_marks')}" if doubtful else sentence


def _saves_sentence(outcome: Outcome, say: _Say) -> str:
    if not outcome.saves:
        return say("outcome.never_saves")
    files = outcome.on_disk
    first, last = files[0], files[-1]
    over = sum(file.overwritten for file in files)
    values = {"times": _times(len(outcome.saves), say), "epoch": last.index + 1, "over": _times(over, say)}
    end = "_over" if over else ""
    if len(files) == 1:
        return say(f"outcome.saves_one{end}", path=visible(last.path), **values)
    names = {"count": len(files), "first": visible(first.path), "last": visible(last.path)}
    return say(f"outcome.saves_several{end}", **names, **values)


def _observer_sentence(outcome: Outcome, say: _Say) -> str:
    done = [say("outcome.stops_only", epoch=outcome.stop_index + 1)] if outcome.stop_index is not None else []
    if outcome.rates:
        rate = short(outcome.rates[-1].new_lr)
        done.append(say("outcome.changes_rate_to", times=_times(len(outcome.rates), say), rate=rate))
    if outcome.saves:
        done += _kept_sentences(outcome, say)
    return " ".join(done) or say("outcome.only_observes")


def _kept_sentences(outcome: Outcome, say: _Say) -> Iterable[str]:
    """Yield how often it saved, and of backups whether the last one is left."""
    times = _times(len(outcome.saves), say)
    left = outcome.output.get("exists_at_end")
    if left is None:
        yield say("outcome.saves", times=times)
        return
    yield say("outcome.backs_up", times=times, path=visible(outcome.saves[-1].path))
    yield say("outcome.backup_left" if left else "outcome.backup_deleted")


def _tag_sentences(outcome: Outcome, replay: Replay, say: _Say) -> Iterable[str]:
    """Yield the tags of an event file, those at unknown steps, and whether the version was run."""
    output: Any = outcome.output
    names = [visible(item["tag"]) for item in output["tags"]]
    folder = visible(getattr(outcome.settings, "log_dir", ""))
    yield (
        say("outcome.writes_tags", count=len(names), folder=folder, tags=", ".join(names))
        if names
        else say("outcome.writes_no_tags")
    )
    unknown = [visible(item["tag"]) for item in output["tags"] if item["steps"] is None]
    if unknown:
        yield say(
            "outcome.tags_unknown" if replay.stream.has_batches else "outcome.tags_need_steps", tags=", ".join(unknown)
        )
    if not output["was_run"]:
        yield say("outcome.tags_not_run", version=replay.semantics.name)


def _times(count: int, say: _Say) -> str:
    return say("outcome.once") if count == 1 else say("outcome.times", count=count)


def _terminated_sentence(outcome: Outcome, say: _Say) -> str:
    if outcome.stop_index is None:
        return say("outcome.finite")
    if outcome.batch is None:
        return say("outcome.not_finite", epoch=outcome.stop_index + 1)
    return say("outcome.not_finite_batch", epoch=outcome.stop_index + 1, batch=outcome.batch + 1)


def _rates_sentence(outcome: Outcome, say: _Say) -> str:
    if not outcome.rates:
        return say("outcome.never_changes_rate")
    first, last = outcome.rates[0], outcome.rates[-1]
    return say(
        "outcome.changes_rate",
        times=_times(len(outcome.rates), say),
        old=short(first.old_lr),
        new=short(last.new_lr),
        epoch=last.index + 1,
    )
