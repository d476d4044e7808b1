"""What is said about several replays together; sentences about a single one come from `words`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.directions import assumption
from kcb_replay.report.columns.fits import lead_rule, reduces
from kcb_replay.report.drawing.curve import what_if_from
from kcb_replay.report.words import answer, can_stop, outcome_sentence
from kcb_replay.text import counted, visible, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.replay.callbacks.base import Purpose
    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.simulation import RaisedFit

__all__ = [
    "common_answer",
    "extent",
    "logic",
    "own_answer",
    "question",
    "regret_explained",
    "saved_epochs",
    "stops",
    "subtitle",
]


def stops(replay: Replay) -> bool:
    """Tell whether the list of callbacks has a stopping rule."""
    return lead_rule(replay) is not None


def question(replays: Sequence[Replay], raised: Sequence[RaisedFit] = ()) -> str:
    """Return the title of a page, as a question; for one answer it ends before its name."""
    stopping = dict.fromkeys(rule.settings.name for rule in map(lead_rule, replays) if rule)
    question = f"When would {' and '.join(stopping) or 'EarlyStopping'} have stopped"
    if replays and not any(map(stops, replays)):
        names = dict.fromkeys(callback.name for replay in replays for callback in replay.callbacks)
        question = f"What would {' and '.join(names)} have done with"
        if any(map(reduces, replays)):
            question = f"When would {' and '.join(_reducers(replays))} have reduced the learning rate of"
    if len(replays) == 1 and not raised:
        return f"{question} "
    runs = len({*(replay.run for replay in replays), *(each.run for each in raised)})
    return (
        f"{question} {'this run' if runs == 1 else f'these {whole(runs)} runs'}?"
        if replays
        else f"{question} these runs?"
    )


def _reducers(replays: Sequence[Replay]) -> list[str]:
    """Return the names of the callbacks that are there to reduce the learning rate, and of those that did."""
    outcomes = [outcome for replay in replays for outcome in replay.outcomes]
    reducing = [each for each in outcomes if each.settings.purpose == "reduces" or each.drops]
    return list(dict.fromkeys(outcome.settings.name for outcome in reducing))


def subtitle(replays: Sequence[Replay], raised: Sequence[RaisedFit] = ()) -> str:
    """Return what was recorded, what is monitored, and how epochs count."""
    if not replays:
        return ""
    directions = {"min": " (lower is better)", "max": " (higher is better)"}
    outcomes = [outcome for replay in replays for outcome in replay.outcomes if outcome.monitor]
    monitors = dict.fromkeys(f"{each.monitor}{directions.get(each.mode or '', '')}" for each in outcomes)
    monitoring = f", monitoring {' and '.join(monitors)}" if monitors else ""
    return f"{extent((*replays, *raised))}{monitoring}. Epochs count from 1, as in Keras’ progress bar."


def _fits(answers: Sequence[Replay | RaisedFit]) -> dict[tuple[str, int], Replay | RaisedFit]:
    return {(answer.run, answer.fit): answer for answer in answers}


def extent(answers: Sequence[Replay | RaisedFit]) -> str:
    """Return how many runs, fits, replays and recorded epochs there are."""
    fits = _fits(answers)
    runs = len({run for run, _ in fits})
    epochs = sum(answer.epochs for answer in fits.values())
    several_fits = [counted(len(fits), "fit")] if len(fits) != runs else []
    several_replays = [counted(len(answers), "replay")] if len(answers) != len(fits) else []
    return ", ".join([counted(runs, "run"), *several_fits, *several_replays, counted(epochs, "recorded epoch")])


def common_answer(replays: Sequence[Replay], raised: Sequence[RaisedFit] = ()) -> str:
    """Return the answer in one or a few sentences; `raised` are the trainings that Keras ends with an exception."""
    if not replays and not raised:
        return "Nothing could be replayed."
    if len(replays) == 1 and not raised:
        return f"{own_answer(replays[0])}{_doubt(replays)}"
    stopping = [replay for replay in replays if stops(replay)]
    parts = [_stopped_together(stopping, len(raised))] if stopping else []
    if len(stopping) < len(replays):
        parts += _done_together([replay for replay in replays if not stops(replay)])
    return f"{' '.join([*parts, *_unanswered(replays, raised)])}{_doubt(replays)}"


def _unanswered(replays: Sequence[Replay], raised: Sequence[RaisedFit]) -> Iterable[str]:
    """Yield how many trainings lack a metric that is watched, and how many Keras ends with an exception."""
    idle = [replay for replay in replays if replay.missing]
    metrics = ", ".join(dict.fromkeys(visible(missing.metric) for replay in idle for missing in replay.missing))
    if idle:
        yield f"{whole(len(idle))} {'has' if len(idle) == 1 else 'have'} no {metrics}."
    if raised:
        kinds = " or ".join(dict.fromkeys(each.error.kind for each in raised))
        yield f"In {whole(len(raised))} Keras raises {kinds}."


def own_answer(replay: Replay, texts: Catalogue | None = None) -> str:
    """Return what becomes of one training, in one sentence."""
    return answer(replay, texts) if can_stop(replay) else outcome_sentence(replay.outcomes[0], replay, texts)


def _doubt(replays: Sequence[Replay]) -> str:
    metrics = dict.fromkeys(metric for replay in replays for metric in replay.assumed_metrics)
    assumed = "".join(f" Hypothetical: {assumption(metric)}." for metric in metrics)
    return f"{_what_ifs([replay for replay in replays if not replay.validity.assumed])}{assumed}"


def _what_ifs(replays: Sequence[Replay]) -> str:
    doubtful = [first for first in map(what_if_from, replays) if first is not None]
    if not doubtful:
        return ""
    if len(replays) == 1:
        return f" It is a what-if from epoch {doubtful[0]} on."
    which = (
        "All of these answers are what-ifs" if len(doubtful) == len(replays) else f"{len(doubtful)} of these answers "
    )
    verb = "" if len(doubtful) == len(replays) else "is a what-if" if len(doubtful) == 1 else "are what-ifs"
    return f" {which}{verb} from some epoch on."


def _stopped_together(replays: Sequence[Replay], raised: int) -> str:
    """Return how many are stopped, of these and of the `raised` that Keras ends with an exception."""
    epochs = sorted(replay.stop_epoch for replay in replays if replay.stop_epoch is not None)
    fits = "runs" if len({replay.run for replay in replays}) == len(replays) else "fits"
    if len(_fits(replays)) != len(replays):
        fits = "replays"
    if not epochs:
        return f"None of the {whole(len(replays) + raised)} {fits} is ever stopped."
    span = f"after epoch {epochs[0]}" if epochs[0] == epochs[-1] else f"after epoch {epochs[0]} to {epochs[-1]}"
    saved, recorded = saved_epochs(replays)
    some = f"{whole(len(epochs))} of {whole(len(replays) + raised)}"
    which = f"All {whole(len(replays))}" if len(epochs) == len(replays) + raised else some
    verb = "is" if len(epochs) == 1 else "are"
    return f"{which} {fits} {verb} stopped, {span}: {whole(saved)} of {whole(recorded)} recorded epochs are saved."


_DOES: dict[Purpose, str] = {
    "reduces": "reduces the learning rate",
    "saves": "saves",
    "terminates": "stops the training",
    "schedules": "changes the learning rate",
}


def _done_together(replays: Sequence[Replay]) -> Iterable[str]:
    """Yield a sentence per callback of the lists: what it does, and in how many of the fits."""
    by_name: dict[str, list[Outcome]] = {}
    for outcome in (outcome for replay in replays for outcome in replay.outcomes):
        by_name.setdefault(outcome.settings.name, []).append(outcome)
    for name, outcomes in by_name.items():
        does, fired = _does(outcomes), sum(outcome.fired for outcome in outcomes)
        some = f" in {whole(fired)} of {whole(len(outcomes))} fits"
        yield f"{name} {does}{some}." if does else f"{name} only observes."


def _does(outcomes: Sequence[Outcome]) -> str:
    """Return what callbacks of one name do; nothing where they only observe."""
    known = _DOES.get(outcomes[0].settings.purpose)
    if known:
        return known
    effects = (
        (any(each.stop_index is not None for each in outcomes), "stops the training"),
        (any(each.rates for each in outcomes), "changes the learning rate"),
        (any(each.saves for each in outcomes), "saves"),
    )
    return " or ".join(does for has_effect, does in effects if has_effect)


def saved_epochs(replays: Sequence[Replay]) -> tuple[int, int]:
    """Return how many epochs would not have run, and how many were recorded."""
    return sum(replay.epochs - replay.epochs_run for replay in replays), sum(replay.epochs for replay in replays)


def regret_explained(replays: Sequence[Replay]) -> str:
    """Return what regret is, nothing where nothing stops."""
    if not any(map(stops, replays)):
        return ""
    return (
        "Regret is what was given up: the difference between the value of the epoch kept and the best value of the"
        " whole recording. The epoch kept is the best one where restore_best_weights is True, else the last that ran."
    )


def logic(replays: Sequence[Replay]) -> str:
    """Return which Keras is replayed."""
    kinds = dict.fromkeys(callback.name for replay in replays for callback in replay.callbacks)
    versions = dict.fromkeys(f"{replay.semantics.name} ({_arithmetic(replay)} comparison)" for replay in replays)
    return f"{' and '.join(kinds)} as in {', '.join(versions)}" if replays else ""


def _arithmetic(replay: Replay) -> str:
    version = replay.semantics
    leading = version.early_stopping_arithmetic if stops(replay) else version.plateau_arithmetic
    return leading.split()[0]
