"""What is said of replays together, and the few numbers under the answer; sentences about one come from `words`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks.base import Purpose
from kcb_replay.replay.directions import assumption
from kcb_replay.replay.outcomes import Outcome
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.report.columns.fits import lead_rule, reduces
from kcb_replay.report.drawing.curve import what_if_from
from kcb_replay.report.words import answer, can_stop, outcome_sentence
from kcb_replay.text import Decimals, percent, short, whole


def stops(replay: Replay) -> bool:
    """Tell whether the list of callbacks has a stopping rule."""
    return lead_rule(replay) is not None


def question(replays: Sequence[Replay], raised: Sequence[RaisedFit] = (), words: Catalogue = IN_ENGLISH) -> str:
    """Return the title of a page, as a question; for one answer it ends before its name."""
    say = words.say
    stopping = tuple(dict.fromkeys(rule.settings.name for rule in map(lead_rule, replays) if rule))
    question = reason("together.stopped", callbacks=stopping or ("EarlyStopping",))
    if replays and not any(map(stops, replays)):
        names = tuple(dict.fromkeys(callback.name for replay in replays for callback in replay.callbacks))
        question = reason("together.done", callbacks=names)
        if any(map(reduces, replays)):
            question = reason("together.reduced", callbacks=tuple(_reducers(replays)))
    if len(replays) == 1 and not raised:
        return say("together.of_one", asked=question)
    runs = len({*(replay.run for replay in replays), *(each.run for each in raised)})
    if not replays:
        return say("together.of_no_run", asked=question)
    return say("together.of_this_run" if runs == 1 else "together.of_these_runs", asked=question, runs=runs)


def _reducers(replays: Sequence[Replay]) -> list[str]:
    """Return the names of the callbacks that are there to reduce the learning rate, and of those that did."""
    outcomes = [outcome for replay in replays for outcome in replay.outcomes]
    reducing = [each for each in outcomes if each.settings.purpose == "reduces" or each.drops]
    return list(dict.fromkeys(outcome.settings.name for outcome in reducing))


def subtitle(replays: Sequence[Replay], raised: Sequence[RaisedFit] = (), words: Catalogue = IN_ENGLISH) -> str:
    """Return what was recorded, what is monitored, and how epochs count."""
    if not replays:
        return ""
    say = words.say
    better = {"min": "together.lower", "max": "together.higher"}
    outcomes = [outcome for replay in replays for outcome in replay.outcomes if outcome.monitor]
    monitors = dict.fromkeys(
        reason(better[each.mode], monitor=each.monitor) if each.mode else each.monitor for each in outcomes
    )
    key = "together.subtitle_monitors" if monitors else "together.subtitle"
    return say(key, extent=extent((*replays, *raised), words), monitors=tuple(monitors))


def _fits(answers: Sequence[Replay | RaisedFit]) -> dict[tuple[str, int], Replay | RaisedFit]:
    return {(answer.run, answer.fit): answer for answer in answers}


def extent(answers: Sequence[Replay | RaisedFit], words: Catalogue = IN_ENGLISH) -> str:
    """Return how many runs, fits, replays and recorded epochs there are."""
    say, fits = words.say, _fits(answers)
    runs = len({run for run, _ in fits})
    counts = {
        "runs": runs,
        "fits": 0 if len(fits) == runs else len(fits),
        "replays": 0 if len(answers) == len(fits) else len(answers),
    }
    epochs = say("together.epochs", count=sum(answer.epochs for answer in fits.values()))
    return ", ".join([*(say(f"together.{noun}", count=count) for noun, count in counts.items() if count), epochs])


def common_answer(replays: Sequence[Replay], raised: Sequence[RaisedFit] = (), words: Catalogue = IN_ENGLISH) -> str:
    """Return the answer in one or a few sentences; `raised` are the trainings that Keras ends with an exception."""
    if not replays and not raised:
        return words.say("together.nothing")
    if len(replays) == 1 and not raised:
        return " ".join([own_answer(replays[0], words), *map(words.why, _doubts(replays))])
    stopping = [replay for replay in replays if stops(replay)]
    parts = [_stopped_together(stopping, len(raised))] if stopping else []
    if len(stopping) < len(replays):
        parts += _done_together([replay for replay in replays if not stops(replay)])
    return " ".join(map(words.why, (*parts, *_unanswered(replays, raised), *_doubts(replays))))


def _unanswered(replays: Sequence[Replay], raised: Sequence[RaisedFit]) -> Iterable[Reason]:
    """Yield how many trainings lack a metric that is watched, and how many Keras ends with an exception."""
    idle = [replay for replay in replays if replay.missing]
    metrics = dict.fromkeys(missing.metric for replay in idle for missing in replay.missing)
    if idle:
        yield reason("together.no_metric", count=len(idle), metrics=tuple(metrics))
    if raised:
        kinds = dict.fromkeys(each.error.kind for each in raised)
        yield reason("together.raises", count=len(raised), kinds=tuple(kinds))


def own_answer(replay: Replay, words: Catalogue = IN_ENGLISH) -> str:
    """Return what becomes of one training, in one sentence."""
    return answer(replay, words) if can_stop(replay) else outcome_sentence(replay.outcomes[0], replay, words)


def _doubts(replays: Sequence[Replay]) -> Iterable[Reason]:
    """Yield how many answers are what-ifs, and what is assumed of metrics."""
    first = [what_if_from(replay) for replay in replays if not replay.validity.assumed]
    doubtful = [epoch for epoch in first if epoch is not None]
    if doubtful and len(first) == 1:
        yield reason("together.what_if_one", epoch=doubtful[0])
    elif doubtful:
        key = "together.what_if_all" if len(doubtful) == len(first) else "together.what_if_some"
        yield reason(key, count=len(doubtful))
    for metric in dict.fromkeys(metric for replay in replays for metric in replay.assumed_metrics):
        yield reason("together.hypothetical", assumption=assumption(metric))


def _stopped_together(replays: Sequence[Replay], raised: int) -> Reason:
    """Return how many are stopped, of these and of the `raised` that Keras ends with an exception."""
    epochs = sorted(replay.stop_epoch for replay in replays if replay.stop_epoch is not None)
    noun = "runs" if len({replay.run for replay in replays}) == len(replays) else "fits"
    if len(_fits(replays)) != len(replays):
        noun = "replays"
    count = len(replays) + raised
    of_all = {"count": count, "noun": reason(f"together.noun_{noun}")}
    if not epochs:
        return reason("together.none_stopped", **of_all)
    span = "together.after_epoch" if epochs[0] == epochs[-1] else "together.after_epochs"
    saved, recorded = saved_epochs(replays)
    return reason(
        "together.all_stopped" if len(epochs) == count else "together.some_stopped",
        **of_all,
        stopped=len(epochs),
        span=reason(span, first=epochs[0], last=epochs[-1]),
        saved=saved,
        recorded=recorded,
    )


_DOES: dict[Purpose, str] = {"reduces": "reduces", "saves": "saves", "terminates": "stops", "schedules": "changes"}


def _done_together(replays: Sequence[Replay]) -> Iterable[Reason]:
    """Yield a sentence per callback of the lists: what it does, and in how many of the fits."""
    by_name: dict[str, list[Outcome]] = {}
    for outcome in (outcome for replay in replays for outcome in replay.outcomes):
        by_name.setdefault(outcome.settings.name, []).append(outcome)
    for name, outcomes in by_name.items():
        does, fired = _does(outcomes), sum(outcome.fired for outcome in outcomes)
        if does:
            yield reason("together.does", callback=name, does=does, fired=fired, count=len(outcomes))
        else:
            yield reason("together.observes", callback=name)


def _does(outcomes: Sequence[Outcome]) -> tuple[Reason, ...]:
    """Return what callbacks of one name do; nothing where they only observe."""
    known = _DOES.get(outcomes[0].settings.purpose)
    effects = {
        "stops": any(each.stop_index is not None for each in outcomes),
        "changes": any(each.rates for each in outcomes),
        "saves": any(each.saves for each in outcomes),
    }
    does = [known] if known else [name for name, has_effect in effects.items() if has_effect]
    return tuple(reason(f"together.{name}") for name in does)


def saved_epochs(replays: Sequence[Replay]) -> tuple[int, int]:
    """Return how many epochs would not have run, and how many were recorded."""
    return sum(replay.epochs - replay.epochs_run for replay in replays), sum(replay.epochs for replay in replays)


def regret_explained(replays: Sequence[Replay], words: Catalogue = IN_ENGLISH) -> str:
    """Return what regret is, nothing where nothing stops."""
    return words.say("together.regret") if any(map(stops, replays)) else ""


def logic(replays: Sequence[Replay], words: Catalogue = IN_ENGLISH) -> str:
    """Return which Keras is replayed."""
    if not replays:
        return ""
    kinds = dict.fromkeys(callback.name for replay in replays for callback in replay.callbacks)
    versions = dict.fromkeys(
        reason("together.arithmetic", version=replay.semantics.name, arithmetic=_arithmetic(replay))
        for replay in replays
    )
    return words.say("together.logic", callbacks=tuple(kinds), versions=tuple(versions))


def _arithmetic(replay: Replay) -> str:
    version = replay.semantics
    leading = version.early_stopping_arithmetic if stops(replay) else version.plateau_arithmetic
    return leading.split()[0]


class Fact(NamedTuple):
    """One of the few numbers under the answer."""

    term: str
    value: str
    remark: str = ""


def facts(
    replays: Sequence[Replay], largest: str, decimals: Decimals, *, raised: int = 0, words: Catalogue = IN_ENGLISH
) -> tuple[Fact, ...]:
    """Return the facts about one replay, or about several; rows come with the largest regret first.

    `largest` names the first of them, `raised` is the number of further fits that Keras ends with an exception.
    """
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
