"""The few numbers under the answer of a page: decided by outcomes, written here in the language of a catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.language.catalogue import catalogue
from kcb_replay.report.columns.fits import lead_rule, reduces
from kcb_replay.report.several_replays import saved_epochs, stops
from kcb_replay.report.words import can_stop
from kcb_replay.text import percent, short, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.result import Replay
    from kcb_replay.text import Decimals

__all__ = ["Fact", "facts", "stopping_facts"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One of the few numbers under the answer."""

    term: str
    value: str
    remark: str = ""


def facts(
    replays: Sequence[Replay], largest: str, decimals: Decimals, *, raised: int = 0, words: Catalogue | None = None
) -> tuple[Fact, ...]:
    """Return the facts about one replay, or about several; rows come with the largest regret first.

    `largest` names the first of them, `raised` is the number of further fits that Keras ends with an exception.
    """
    words = words or catalogue()
    if len(replays) != 1 or raised:
        return tuple(_facts_of_several(replays, largest, decimals, raised, words)) if replays else ()
    (replay,) = replays
    if rule := lead_rule(replay):
        return stopping_facts(rule, replay.epochs, replay.stop_epoch, decimals, words)
    return tuple(_other_facts(replay, words))


def stopping_facts(
    rule: Outcome,
    epochs: int,
    stop: int | None,
    decimals: Decimals,
    words: Catalogue,
    *,
    unseen: int | None = None,
) -> tuple[Fact, ...]:
    """Return the four facts about a stopping rule and one fit; `stop` is the epoch after which the training stops.

    `unseen` is the epoch, from 1, before which it certainly does not stop, where the recording was stopped too early to
    show it.
    """
    say, monitor = words.say, rule.monitor
    kept, lowest = rule.kept_index, rule.lowest_index
    never = say("explainer.at_least", epoch=unseen) if unseen else say("fact.never")
    kept_value = decimals.show(rule.kept_value)
    return (
        Fact(say("fact.stops_after"), str(stop) if stop else never, say("fact.of", epochs=epochs)),
        Fact(
            say("fact.best_kept" if kept is not None and kept == rule.best_index else "fact.last_kept"),
            say("fact.none") if kept is None else str(kept + 1),
            f"{monitor} {kept_value}" if kept_value else say("fact.no_metric", monitor=monitor),
        ),
        Fact(say("fact.saved"), whole(rule.saved_epochs), say("fact.of", epochs=epochs)),
        Fact(
            say("fact.regret", monitor=monitor),
            say("fact.unknown") if rule.regret is None else decimals.show(rule.regret),
            "" if lowest is None else say(f"fact.extreme_{rule.mode or 'min'}", epoch=lowest + 1),
        ),
    )


def _facts_of_several(
    replays: Sequence[Replay], largest: str, decimals: Decimals, raised: int, words: Catalogue
) -> Iterator[Fact]:
    def of(count: int) -> str:
        return words.say("fact.of", epochs=whole(count))

    stopping = [replay for replay in replays if stops(replay)]
    if stopping:
        stopped = sum(replay.stop_epoch is not None for replay in stopping)
        yield Fact(words.say("fact.stopped"), whole(stopped), of(len(stopping) + raised))
        saved, recorded = saved_epochs(stopping)
        share = words.say("fact.of_share", epochs=whole(recorded), share=percent(saved / recorded))
        yield Fact(words.say("fact.saved"), whole(saved), share)
    elif any(map(reduces, replays)):
        reductions = sum(len(replay.drops) for replay in replays)
        yield Fact(words.say("fact.reductions"), whole(reductions), words.say("fact.in_fits", fits=whole(len(replays))))
    if raised:
        yield Fact(words.say("fact.raises"), whole(raised), of(len(replays) + raised))
    exact = sum(replay.validity.label == "exact" for replay in replays)
    yield Fact(words.say("fact.exact"), whole(exact + raised), of(len(replays) + raised))
    # Rows come worst first, so the first has the largest regret.
    worst = lead_rule(replays[0])
    if worst and worst.regret is not None:
        yield Fact(words.say("fact.largest_regret", monitor=worst.monitor), decimals.show(worst.regret), largest)


def _other_facts(replay: Replay, words: Catalogue) -> Iterator[Fact]:
    say = words.say
    in_epochs = say("fact.in_epochs", epochs=replay.epochs)
    if reduces(replay):
        yield Fact(say("fact.reductions"), whole(len(replay.drops)), in_epochs)
    saving = [outcome for outcome in replay.outcomes if outcome.settings.purpose == "saves"]
    for each in saving:
        yield Fact(say("fact.saves"), whole(len(each.saves)), say("fact.files_left", count=whole(len(each.on_disk))))
    if replay.saves and not saving:
        yield Fact(say("fact.saves"), whole(len(replay.saves)), in_epochs)
    if replay.changes_learning_rate:
        yield Fact(say("fact.rate_start"), short(replay.initial_lr), say(f"fact.rate_{replay.initial_lr_source}"))
        yield Fact(say("fact.rate_end"), say("fact.unknown") if replay.final_lr is None else short(replay.final_lr))
    if can_stop(replay):
        stop = say("fact.never") if replay.stop_epoch is None else str(replay.stop_epoch)
        yield Fact(say("fact.stops_after"), stop, say("fact.of", epochs=replay.epochs))
    yield Fact(say("fact.holds"), replay.validity.label)
