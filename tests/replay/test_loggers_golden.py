"""The loggers, byte for byte as the classes of every Keras wrote: make_loggers.py tells how that was recorded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest
from places import GOLDEN

from kcb_replay.replay.callbacks import CALLBACKS, LambdaCallback, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context, State, Step
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import BackupSaved, PayloadSent
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Batch, Epoch

LOGGERS = GOLDEN / "loggers.jsonl"
LINES = [json.loads(line) for line in LOGGERS.read_text(encoding="utf-8").splitlines()]
SCENARIOS = {line["scenario"]: line for line in LINES if "scenario" in line}
ANSWERS = [line for line in LINES if "of" in line]
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


@dataclass(frozen=True)
class Stopper(State):
    """A callback, and its state, that sets the stop flag at the end of the epochs of a fit that say so."""

    name: ClassVar[str] = "Stopper"

    stops: frozenset[int]

    def start(self, context):
        """Return itself: there is nothing to remember."""
        return self

    def on_epoch_end(self, end):
        """Set the stop flag."""
        return Step(self, stop=end.index in self.stops)


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
        stops = frozenset(epoch["epoch"] for epoch in fit if epoch.get("stop"))
        before = [Stopper(stops), *callbacks_before(fit)]
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


@pytest.mark.parametrize("answer", ANSWERS, ids=[f"{line['versions'][0]}: {line['of']}" for line in ANSWERS])
def test_logger_writes_what_keras_wrote(answer):
    """The text, the payloads, the backups or the error are those of the class, in all versions that gave them."""
    expected = {key: answer[key] for key in ("output", "error") if key in answer}
    got = {version: replayed(SCENARIOS[answer["of"]], version) for version in answer["versions"]}
    assert got == dict.fromkeys(answer["versions"], expected)


def test_golden_answers_cover_every_line_of_keras():
    """Multi-backend Keras, tf.keras, the keras of the TensorFlow line, tf_keras and Keras 3 are all there."""
    versions = {version for line in ANSWERS for version in line["versions"]}
    assert {
        "keras-2.0.0",
        "keras-2.3.1",
        "tf.keras-2.0.4",
        "keras-2.15.0",
        "tf_keras-2.21.0",
        "keras-3.15.1",
    } <= versions
