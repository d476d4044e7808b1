"""What the engine answers to a case, in the shape of a golden case's `expect`, and how two such records differ."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

from kcb_replay.errors import SettingError
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import CALLBACKS, Callback
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.conformance.case_arguments import arguments, number
from kcb_replay.replay.engine import EventsOfAll, Row, Run, run_fit
from kcb_replay.replay.events import CheckpointSaved, WeightsRestored, of_kind
from kcb_replay.replay.semantics import nearest_known
from kcb_replay.replay.stream import Batch, Epoch

# One JSON document: its shape is that of the golden files, not ours.
Json: TypeAlias = Any
# TensorFlow hands out one tensor for 0.0 and -0.0, whichever it made first: the sign of a rate of zero is chance.
_RATE = re.compile(r"\.(lr|lr_begin|lr_logged|final_lr|set|drops)\b")


@dataclass(frozen=True, slots=True)
class Replayed:
    """A case replayed with the engine: the callbacks, None where a constructor raises, and a run for each fit.

    An error ends the case, so there may be fewer runs than fits.
    """

    version: Semantics
    callbacks: tuple[Callback, ...] | None
    runs: tuple[Run, ...]


def replayed(case: Json) -> Replayed:
    """Replay all fits of a case with the same callbacks."""
    version, _ = nearest_known(version_of(case))
    try:
        callbacks = tuple(CALLBACKS[item["class"]](**arguments(item["kwargs"])) for item in case["callbacks"])
    except SettingError:
        return Replayed(version, None, ())
    context = Context(version, directions(case["model_metrics"]))
    runs: list[Run] = []
    for fit in sorted({epoch["fit"] for epoch in case["epochs"]}):
        epochs = [epoch_of(epoch) for epoch in case["epochs"] if epoch["fit"] == fit]
        # The same callbacks are used again, and the learning rate is not reset.
        rate = runs[-1].final_lr if runs else float32(case["initial_lr"])
        runs.append(run_fit(epochs, callbacks, context, initial_lr=rate, states=runs[-1].states if runs else None))
        if runs[-1].error:
            break
    return Replayed(version, callbacks, tuple(runs))


def answer_to(case: Json, answered: Replayed) -> Json:
    """Return what the engine answers, as a golden case holds it; an error is part of the answer."""
    answer: Json = {"epochs": [], "train_end": [], "final_lr": float32(case["initial_lr"])}
    if answered.callbacks is None:
        del answer["train_end"]
        return {**answer, "error": {"type": "ValueError", "stage": "init", "epoch": None}}
    for fit, run in enumerate(answered.runs):
        _add(answer, fit, run)
    return answer


def epoch_of(epoch: Json) -> Epoch:
    """Return an epoch of a case as the engine takes it."""
    logs = {name: float(value) for name, value in epoch["logs"].items()}
    batches = (Batch(index, {"loss": float(loss)}) for index, loss in epoch.get("batches", ()))
    return Epoch(epoch["epoch"], logs, tuple(batches))


def _add(answer: Json, fit: int, run: Run) -> None:
    answer["epochs"] += [row_record(fit, row) for row in run.rows]
    answer["final_lr"] = run.final_lr
    if run.error is None:
        tag = restored(fit, run.finish_events)
        answer["train_end"].append({"fit": fit, "restored": tag, "epochs_run": len(run.rows)})
        return
    answer["error"] = {"type": run.error.kind, "stage": run.error.stage, "epoch": run.error.index}
    if run.partial and run.partial.lr_begin is not None:
        partial = {"fit": fit, "epoch": run.partial.index, "lr_begin": run.partial.lr_begin}
        if run.partial.stopped_batch is not None:
            partial["stopped_at_batch"] = run.partial.stopped_batch
        answer["epochs"].append(_with_effects(partial, fit, run.partial.events))
    if not answer["train_end"]:
        del answer["train_end"]


def row_record(fit: int, row: Row) -> Json:
    """Return a replayed epoch as golden cases hold one."""
    record = {
        "fit": fit,
        "epoch": row.index,
        "lr_begin": row.lr_begin,
        "lr": row.lr,
        "lr_logged": row.lr_logged,
        "state": [state.observed(fit) for state in row.states],
    }
    if row.stopped_batch is not None:
        record["stopped_at_batch"] = row.stopped_batch
    if row.stoppers:
        record["stop"] = True
    return _with_effects(record, fit, row.events)


def _with_effects(record: Json, fit: int, events: EventsOfAll) -> Json:
    saves = of_kind(chain(*events), CheckpointSaved)
    # All callbacks see a batch before any of them sees the next, and the end of the epoch comes last.
    saved = [event.path for event in sorted(saves, key=lambda save: (save.batch is None, save.batch or 0))]
    tag = restored(fit, events)
    if saved:
        record["saved"] = saved
    return {**record, "restored": tag} if tag else record


def restored(fit: int, events: EventsOfAll) -> str | None:
    """Return the tag of the weights that were put back last, None where none were."""
    tags = [f"{fit - event.fits_ago}:{event.from_index}" for event in of_kind(chain(*events), WeightsRestored)]
    return tags[-1] if tags else None


def differing(expected: Json, got: Json, path: str) -> list[str]:
    """Return `path: expected X, got Y` for each differing field; -0.0 is not 0.0, and NaN is NaN."""
    if isinstance(expected, dict) and isinstance(got, dict):
        keys = [*expected, *(key for key in got if key not in expected)]
        return [line for key in keys for line in differing(expected.get(key), got.get(key), f"{path}.{key}")]
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        return [line for n, (left, right) in pairs for line in differing(left, right, f"{path}[{n}]")]
    left, right = number(expected), number(got)
    return (
        []
        if (left == right == 0 and _RATE.search(path)) or _same(left, right)
        else [f"{path}: expected {expected!r}, got {got!r}"]
    )


def _same(left: Json, right: Json) -> bool:
    if left == right:
        return left != 0 or not isinstance(left, float) or math.copysign(1, left) == math.copysign(1, right)
    return bool(left != left and right != right)  # noqa: PLR0124  # NaN equals NaN here


def version_of(case: Json) -> str:
    """Return the name of the semantics of a case."""
    release = ".".join(case["version"].split(".")[:3])
    if case["library"] == "tf_keras":
        return f"tf_keras-{release}/numpy{case['numpy'].split('.')[0]}"
    return f"{case['library']}-{release}/{case['backend']}"


def directions(model_metrics: dict[str, str | None]) -> Json:
    """Return the function that tells the direction of a metric of the case, None where it has none."""
    words = {"up": "max", "down": "min", None: None}
    return lambda monitor: words[model_metrics.get(monitor.removeprefix("val_"))]
