"""The loggers, byte for byte as the classes of every Keras wrote: tests/golden/loggers.jsonl says what, make_loggers.py how."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kcb_replay.replay.callbacks import CALLBACKS, LambdaCallback, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import BackupSaved, PayloadSent
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Batch, Epoch

LINES = [
    json.loads(line) for line in Path(__file__).with_name("golden").joinpath("loggers.jsonl").read_text().splitlines()
]
SCENARIOS = {line["scenario"]: line for line in LINES if "scenario" in line}
ANSWERS = [(line["of"], version, line) for line in LINES if "of" in line for version in line["versions"]]
PARAMS = {"verbose", "epochs", "samples", "terminal"}


def number(value):
    """Return a number that JSON cannot write."""
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


def settings(scenario, version):
    """Return the callback of a scenario, with what `fit` tells it."""
    kwargs = dict(scenario["kwargs"])
    if scenario["callback"] == "ProgbarLogger":
        kwargs = kwargs if semantics(version).progbar_count_mode else {}
        kwargs |= {name: scenario[name] for name in PARAMS & scenario.keys() if scenario[name] is not None}
        kwargs |= {"steps": scenario.get("steps", 3) or "unknown", "seconds_per_batch": scenario.get("seconds", 0.0)}
    return CALLBACKS[scenario["callback"]](**kwargs)


def callbacks_before(fit):
    """Return the callbacks that log the learning rate, and what a scenario has added to the logs."""
    rated = [ReduceLROnPlateau("loss", patience=10**6)] if "learning_rate" in fit[0] else []

    def add(index, logs):
        logs.update(next(epoch for epoch in fit if epoch["epoch"] == index).get("added", {}))

    return [*rated, LambdaCallback(on_epoch_end=add)]


class Stops:
    """A callback that sets the stop flag at the end of the epochs of a scenario that say so."""


def stopper(fit):
    """Return a callback that stops a fit where its scenario says so."""
    from dataclasses import dataclass

    from kcb_replay.replay.callbacks.base import State, Step

    stops = {epoch["epoch"] for epoch in fit if epoch.get("stop")}

    @dataclass(frozen=True)
    class Stopping(State):
        def on_epoch_end(self, end):
            return Step(self, stop=end.index in stops)

    class Stopper:
        name = "Stopper"

        def start(self, context):
            return Stopping()

    return Stopper()


def batch_logs(logs, context):
    """Return the logs of a batch, which hold its size only where `fit` tells it."""
    return logs if context.semantics.base_logger == "means" else {k: v for k, v in logs.items() if k != "size"}


def replayed(scenario, version):
    """Return what the replay gives in the place of `output` or `error`."""
    context = Context(semantics(version), direction_of)
    state, events = None, []
    callback = settings(scenario, version)
    for fit in scenario["fits"]:
        epochs = [
            Epoch(
                epoch["epoch"],
                {name: number(value) for name, value in epoch["logs"].items()},
                tuple(Batch(place, batch_logs(logs, context)) for place, logs in epoch.get("batches", ())),
            )
            for epoch in fit
        ]
        before = [stopper(fit), *callbacks_before(fit)]
        callbacks = [*before, callback]
        states = [item.start(context) for item in before] + [state] if state else None
        rate = fit[0].get("learning_rate", 0.1)
        run = run_fit(epochs, callbacks, context, initial_lr=float32(rate), states=states)
        if run.error:
            return {"error": run.error.kind}
        events += [event for row in run.rows for event in row.events[-1]]
        events += run.finish_events[-1]
        state = run.states[-1]
    return {"output": outcome(scenario, state, events)}


def outcome(scenario, state, events):
    """Return the output of a state in the shape of the golden file."""
    found = state.output()
    if scenario["callback"] == "CSVLogger":
        return {"text": found["text"]}
    if scenario["callback"] == "RemoteMonitor":
        sent = [event for event in events if isinstance(event, PayloadSent)]
        return {"sent": [{"url": event.url, "body": event.body, "field": event.field} for event in sent]}
    if scenario["callback"] == "BackupAndRestore":
        saved = [event.path for event in events if isinstance(event, BackupSaved)]
        return {"saved": saved, "exists_at_end": found["exists_at_end"]}
    return found


@pytest.mark.parametrize(("name", "version", "expected"), ANSWERS, ids=[f"{v}: {n}" for n, v, _ in ANSWERS])
def test_logger_writes_what_keras_wrote(name, version, expected):
    """The text, the payloads, the backups or the error are those of the class of that version."""
    answer = replayed(SCENARIOS[name], version)
    assert answer == {key: expected[key] for key in ("output", "error") if key in expected}
