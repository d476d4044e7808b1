"""Compare what a replay comes to with what the real classes came to: outcomes, as the public functions give them.

A case without batches becomes a Recording and goes through `simulate(reuse=True)`, the door that users take; one with
batches has no such door, and its outcomes are read off the run. Per fit: epochs run, stop, what is kept and its value,
drops, rates set and saves; for the case: the files of loggers, and what verbose callbacks print, as facts: parsed from
what the real classes printed, and read off the events. Left aside are "finished saving", and the scheduler's lines,
which it prints where it changes nothing, too.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Fit, Recording, Series
from kcb_replay.replay.callbacks import CALLBACKS, Callback, EarlyStopping
from kcb_replay.replay.conformance.answers import Replayed, differing, epoch_of
from kcb_replay.replay.conformance.case_arguments import arguments
from kcb_replay.replay.engine import Run
from kcb_replay.replay.events import Event
from kcb_replay.replay.outcomes import CallbackTrace, Outcome, outcome_of
from kcb_replay.replay.replay import simulate
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import Simulation
from kcb_replay.replay.stream import Stream

Json: TypeAlias = Any
_EPOCH = r"Epoch 0*(\d+): "
_LINES = {
    "stopped": re.compile(_EPOCH + "early stopping"),
    "restored": re.compile(r"(?:Epoch \d+: )?Restoring model weights from the end of the best epoch.*"),
    "reduced": re.compile(_EPOCH + r"(?:ReduceLROnPlateau )?reducing learning rate to (\S+?)\.?"),
    "improved": re.compile(_EPOCH + r"(\S+) improved from (\S+) to (\S+), saving model to (.*)"),
    "not improved": re.compile(_EPOCH + r"(\S+) did not improve.*"),
    "saved": re.compile(_EPOCH + "saving model to (.*)"),
    "terminated": re.compile(r"Batch (\d+): Invalid loss, terminating training"),
}
_NO_BEST = ("None", "inf", "-inf")


def _printed_in(stdout: str) -> list[str]:
    """Return the facts of a text that real classes printed, sorted: who prints first is a matter of the list."""
    facts = []
    for line in stdout.splitlines():
        for kind, pattern in _LINES.items():
            match = pattern.fullmatch(line)
            if match is not None:
                facts.append(_fact(kind, list(match.groups())))
    return sorted(facts)


def _printed_by(answered: Replayed) -> list[str]:
    """Return the facts that the events of a case say, sorted."""
    return sorted(fact for run in answered.runs for fact in (*_of_run(run, answered), *_before_error(run, answered)))


def _fact(kind: str, words: list[str]) -> str:
    if kind == "reduced":
        # The sign of a rate of zero is chance on tensorflow.
        words[1] = repr(float(np.float32(words[1])) + 0.0)
    if kind == "improved" and words[2] in _NO_BEST:
        words[2] = "none"
    return " | ".join([kind, *words])


def _of_run(run: Run, answered: Replayed) -> Iterator[str]:
    rows = [row.events for row in run.rows] + ([run.partial.events] if run.partial else [])
    if run.finish_events:
        rows.append(run.finish_events)
    for events in rows:
        for position, of_callback in enumerate(events):
            callback = (answered.callbacks or ())[position]
            for event in of_callback:
                # Up to 2.0.8 epochs were printed as they are counted, from 0, as they stood in the names of files.
                epoch = event.index + answered.version.checkpoint_epoch_offset
                words = callback.printed(event, epoch, ended=run.error is None)
                if words is not None:
                    kind, *rest = map(str, words)
                    yield _fact(kind, rest)


def _before_error(run: Run, answered: Replayed) -> list[str]:
    """Return what is printed right before the weights are restored of which there are none, which raises."""
    error = run.error
    stops = error is not None and (error.callback, error.kind) == (EarlyStopping.name, "TypeError")
    stopping = [each.arguments for each in answered.callbacks or () if each.name == EarlyStopping.name]
    restores = any(arguments["restore_best_weights"] and arguments["verbose"] for arguments in stopping)
    # The other TypeError of this class is that of a missing metric, in versions that print nothing of weights.
    return [_fact("restored", [])] if stops and restores and not answered.version.early_stopping_needs_metric else []


def outcome_differences(case: Json, answered: Replayed) -> list[str]:
    """Return `path: expected X, got Y` for each outcome that is not what the real classes came to."""
    if answered.callbacks is None:
        return []
    lines = []
    fits: Iterable[_Ended] = _off_the_runs(case, answered)
    if _has_public_door(case, answered):
        simulation = _simulated(case, answered)
        fits = _ended_fits(simulation)
        raised = [[each.fit, each.error.kind, each.error.index] for each in simulation.raised]
        lines += differing(_raised(case["expect"]), raised, "raised")
    for fit in fits:
        lines += differing(_observed(case, fit), _replayed(case, fit), f"outcome[{fit.number}]")
    lines += _differing_outputs(case["expect"], answered)
    # Whether what is printed at the end comes before an exception there is a matter of the list.
    if "stdout" not in case["expect"] or case["expect"].get("error", {}).get("stage") == "on_train_end":
        return lines
    return lines + differing(_printed_in(case["expect"]["stdout"]), _printed_by(answered), "messages")


@dataclass(frozen=True, slots=True)
class _Ended:
    """A fit that ended without an error, and what its callbacks came to."""

    number: int
    run: Run
    outcomes: tuple[Outcome, ...]
    final_lr: float | None
    replay: Replay | None = None


def _has_public_door(case: Json, answered: Replayed) -> bool:
    """Tell whether a recording can hold the case: no batches, and no direction that only a compiled model knows."""
    callbacks = answered.callbacks or ()
    by_name = "metric" not in (answered.version.early_stopping_direction, answered.version.plateau_direction)
    decided = by_name or all(map(_has_direction, callbacks))
    # From a recorded loss that is not finite follows a batch with one, which the case does not have.
    watches = any(callback.purpose == "terminates" for callback in callbacks)
    counts = any(getattr(callback, "save_freq", "epoch") != "epoch" for callback in callbacks)
    return (
        decided and not watches and not counts and all(map(_can_be_recorded, itertools.pairwise([{}, *case["epochs"]])))
    )


def _can_be_recorded(pair: tuple[Json, Json]) -> bool:
    """Tell whether a recording holds an epoch as it is: no batches, no rate among its metrics, and rising numbers."""
    before, epoch = pair
    rises = before.get("fit") != epoch["fit"] or before["epoch"] < epoch["epoch"]
    return rises and not epoch.get("batches") and not any(key in epoch["logs"] for key in LEARNING_RATE_KEYS)


def _has_direction(callback: Callback) -> bool:
    monitor, mode = getattr(callback, "monitor", "loss"), getattr(callback, "mode", "min")
    return mode in ("min", "max") or monitor in ("loss", "val_loss")


def _simulated(case: Json, answered: Replayed) -> Simulation:
    recording = Recording("case", (), tuple(_recorded(case)))
    fresh = [CALLBACKS[item["class"]](**arguments(item["kwargs"])) for item in case["callbacks"]]
    return simulate([recording], [fresh], semantics=answered.version, initial_lr=case["initial_lr"], reuse=True)


def _ended_fits(simulation: Simulation) -> Iterator[_Ended]:
    for replay in simulation.replays:
        yield _Ended(replay.fit, replay.run_record, replay.outcomes, replay.final_lr, replay)


def _raised(expect: Json) -> Json:
    """Return the fit, the type and the epoch of the exception, in a list that is empty where there is none."""
    if "error" not in expect:
        return []
    # The fits before it have ended.
    return [[len(expect.get("train_end", ())), expect["error"]["type"], expect["error"]["epoch"]]]


def _recorded(case: Json) -> Iterator[Fit]:
    for number in sorted({epoch["fit"] for epoch in case["epochs"]}):
        epochs = [epoch for epoch in case["epochs"] if epoch["fit"] == number]
        names = list(dict.fromkeys(name for epoch in epochs for name in epoch["logs"]))
        metrics = {}
        for name in names:
            values = np.array([float(epoch["logs"].get(name, 0.0)) for epoch in epochs])
            valid = np.array([name in epoch["logs"] for epoch in epochs])
            metrics[name] = Series(values, valid, name, "case")
        yield Fit(np.array([epoch["epoch"] for epoch in epochs], dtype=np.int64), metrics)


def _off_the_runs(case: Json, answered: Replayed) -> Iterator[_Ended]:
    for number, run in enumerate(answered.runs):
        if run.error is None:
            stream = Stream(tuple(epoch_of(epoch) for epoch in case["epochs"] if epoch["fit"] == number), {})
            traces = [
                CallbackTrace(each, position, run, stream, None)
                for position, each in enumerate(answered.callbacks or ())
            ]
            yield _Ended(number, run, tuple(map(outcome_of, traces)), run.final_lr)


def _observed(case: Json, fit: _Ended) -> Json:
    """Return what the real classes came to in a fit, under the names that outcomes use."""
    rows = [row for row in case["expect"]["epochs"] if row["fit"] == fit.number]
    ends = [end for end in case["expect"].get("train_end", ()) if end["fit"] == fit.number]
    if not ends:
        return {"ended": False}
    last = rows[-1]
    begins = [case["initial_lr"] if fit.number == 0 else _last_rate(case, fit.number - 1), *(row["lr"] for row in rows)]
    facts: Json = {
        "epochs_run": ends[0]["epochs_run"],
        "stop_index": last["epoch"] if last.get("stop") else None,
        "set": _changes(
            (row["epoch"], float(np.float32(before)), row["lr_begin"])
            for row, before in zip(rows, begins, strict=False)
        ),
        "drops": _changes((row["epoch"], row["lr_begin"], row["lr"]) for row in rows),
        "saved": [[row["epoch"], sorted(row["saved"])] for row in rows if row.get("saved")],
    }
    if fit.final_lr is not None:
        facts["final_lr"] = last["lr"]
    if sum(outcome.is_of_stopping_rule for outcome in fit.outcomes) == 1:
        tags = [row["restored"] for row in rows if row.get("restored")] + [ends[0]["restored"]]
        facts["kept"] = _kept(case, fit, next((tag for tag in reversed(tags) if tag), None), last["epoch"])
    if "saves" in case["expect"]:
        facts["saves"] = [
            [[index, batch, path] for saver, number, index, batch, path in case["expect"]["saves"]
             if (saver, number) == (position, fit.number)]
            for position, outcome in enumerate(fit.outcomes) if outcome.settings.purpose == "saves"
        ]  # fmt: skip
    return facts


def _last_rate(case: Json, number: int) -> float:
    return float(next(row["lr"] for row in reversed(case["expect"]["epochs"]) if row["fit"] == number))


def _kept(case: Json, fit: _Ended, tag: str | None, last: int) -> Json:
    """Return the epoch whose weights are left, and the monitor's value there; None for one of a fit before."""
    number, index = (fit.number, last) if tag is None else map(int, tag.split(":"))
    if number != fit.number:
        return [None, None]
    monitor = next(str(one.monitor) for one in fit.outcomes if one.is_of_stopping_rule)
    logs = next(epoch["logs"] for epoch in case["epochs"] if (epoch["fit"], epoch["epoch"]) == (number, index))
    return [index, logs.get(monitor)]


def _replayed(case: Json, fit: _Ended) -> Json:
    """Return the same facts from the outcomes."""
    replay, rows = fit.replay, fit.run.rows
    drops = [drop for outcome in fit.outcomes for drop in outcome.drops]
    setters = [outcome for outcome in fit.outcomes if outcome.settings.purpose == "schedules"]
    steps = [(rate.index, rate.old_lr, rate.new_lr) for setter in setters for rate in setter.rates]
    savers = [outcome for outcome in fit.outcomes if outcome.settings.purpose == "saves"]
    stop = rows[-1].index if rows[-1].stoppers else None
    paths: dict[int, list[str]] = {}
    for save in (save for saver in savers for save in saver.saves):
        paths.setdefault(save.index, []).append(save.path)
    facts: Json = {
        "epochs_run": replay.epochs_run if replay else len(rows),
        "stop_index": replay.stop_index if replay else stop,
        # Of a single schedule every change is listed, and nothing else.
        "set": [list(step) for step in steps] if len(setters) == 1 else _changes(steps),
        "drops": _changes((drop.index, drop.old_lr, drop.new_lr) for drop in drops),
        "saved": [[index, sorted(names)] for index, names in sorted(paths.items())],
    }
    if fit.final_lr is not None:
        facts["final_lr"] = fit.final_lr
    stopping = [outcome for outcome in fit.outcomes if outcome.is_of_stopping_rule]
    if len(stopping) == 1:
        facts["kept"] = [stopping[0].kept_index, stopping[0].kept_value]
    if "saves" in case["expect"]:
        facts["saves"] = [
            [[save.index, save.batch, save.path] for save in sorted(saver.saves, key=_in_order)] for saver in savers
        ]
    return facts


def _in_order(save: Any) -> tuple[int, bool, int]:
    return save.index, save.batch is None, save.batch or 0


def _changes(steps: Iterable[tuple[int, float, float]]) -> Json:
    """Return what the rate was and became at each epoch, several changes as one, and none where it is the same."""
    changes: dict[int, list[float]] = {}
    for index, old, new in steps:
        changes.setdefault(index, [float(old), float(new)])[1] = float(new)
    return [[index, *rates] for index, rates in sorted(changes.items()) if not _same(*rates)]


def _same(old: float, new: float) -> bool:
    return old == new or (math.isnan(old) and math.isnan(new))


def _differing_outputs(expect: Json, answered: Replayed) -> list[str]:
    """Compare what loggers and observers left behind, at the end of all fits or at the error."""
    lines = []
    for position, observed in enumerate(expect.get("outputs", ())):
        if observed is not None and answered.runs:
            output = answered.runs[-1].states[position].output()
            got = (answered.callbacks or ())[position].compared_output(output, _events(answered.runs, position))
            lines += differing(observed, got, f"outputs[{position}]")
    return lines


def _events(runs: Sequence[Run], position: int) -> Iterator[tuple[int, Event]]:
    """Yield the events of a callback in the epochs of all fits, each with the number of its fit."""
    for fit, run in enumerate(runs):
        for events in [row.events for row in run.rows] + ([run.partial.events] if run.partial else []):
            yield from ((fit, event) for event in events[position])
