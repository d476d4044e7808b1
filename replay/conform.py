"""Replay golden cases, recorded from the real classes, and name every field in which the engine differs.

Covers what the engine replays so far; `replayable` tells whether a case is made of that alone. Compared is all of
`expect` but `stdout`.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks import CALLBACKS, EarlyStoppingState, ReduceLROnPlateauState
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import WeightsRestored
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Epoch

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import State
    from kcb_replay.replay.engine import Row, Run

__all__ = ["differences", "golden_cases", "replayable"]

# One JSON document: its shape is that of the golden files, not ours.
Json: TypeAlias = Any


def golden_cases(path: Path | str) -> list[Json]:
    """Return the cases of a golden file (JSON lines, plain or gzipped)."""
    raw = Path(path).read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
    return [json.loads(line) for line in text.splitlines()]


def replayable(case: Json) -> bool:
    """Tell whether every callback of a case is one that the engine replays."""
    return all(callback["class"] in CALLBACKS for callback in case["callbacks"])


def differences(case: Json) -> list[str]:
    """Replay a case and return `path: expected X, got Y` for each differing field; an empty list when it conforms."""
    expected = {key: value for key, value in case["expect"].items() if key != "stdout"}
    return list(_differing(expected, _replay(case), "expect"))


def _replay(case: Json) -> Json:
    try:
        callbacks = [CALLBACKS[item["class"]](**_numbers(item["kwargs"])) for item in case["callbacks"]]
    except SettingError:
        error = {"type": "ValueError", "stage": "init", "epoch": None}
        return {"epochs": [], "error": error, "final_lr": _float32_of(case)}
    context = Context(semantics(_version(case)), _directions(case["model_metrics"]))
    answer: Json = {"epochs": [], "train_end": [], "final_lr": _float32_of(case)}
    for fit in sorted({epoch["fit"] for epoch in case["epochs"]}):
        recorded = [
            Epoch(epoch["epoch"], {name: float(value) for name, value in _numbers(epoch["logs"]).items()})
            for epoch in case["epochs"]
            if epoch["fit"] == fit
        ]
        # The learning rate is not reset before a fit.
        run = run_fit(recorded, callbacks, context, initial_lr=answer["final_lr"])
        _add(answer, fit, run)
        if run.error:
            break
    return answer


def _add(answer: Json, fit: int, run: Run) -> None:
    answer["epochs"] += [_row_record(fit, row) for row in run.rows]
    answer["final_lr"] = run.final_lr
    if run.error:
        error = run.error
        answer["error"] = {"type": error.kind, "stage": error.stage, "epoch": error.index}
        answer["epochs"].append({"fit": fit, "epoch": error.index, "lr_begin": run.final_lr})
        if not answer["train_end"]:
            del answer["train_end"]
        return
    restored = [event for events in run.finish_events for event in events if isinstance(event, WeightsRestored)]
    tag = f"{fit}:{restored[-1].from_index}" if restored else None
    answer["train_end"].append({"fit": fit, "restored": tag, "epochs_run": len(run.rows)})


def _row_record(fit: int, row: Row) -> Json:
    record = {
        "fit": fit,
        "epoch": row.index,
        "lr_begin": row.lr_begin,
        "lr": row.lr,
        "lr_logged": row.lr_logged,
        "state": [_state_record(fit, state) for state in row.states],
    }
    return {**record, "stop": True} if row.stoppers else record


def _state_record(fit: int, state: State) -> Json:
    if isinstance(state, EarlyStoppingState):
        tag = None if state.weights_index is None else f"{fit}:{state.weights_index}"
        # The real class holds 0 for "no epoch yet".
        return [state.best, state.wait, state.best_index or 0, state.stopped_index or 0, tag]
    if isinstance(state, ReduceLROnPlateauState):
        return [state.best, state.wait, state.cooldown_counter]
    raise AssertionError(f"no golden form of {type(state).__name__}")


def _differing(expected: Json, got: Json, path: str) -> list[str]:
    if isinstance(expected, dict) and isinstance(got, dict):
        keys = [*expected, *(key for key in got if key not in expected)]
        return [line for key in keys for line in _differing(expected.get(key), got.get(key), f"{path}.{key}")]
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        return [line for n, (left, right) in pairs for line in _differing(left, right, f"{path}[{n}]")]
    left, right = _number(expected), _number(got)
    same = left == right or (left != left and right != right)  # noqa: PLR0124  # NaN equals NaN here
    return [] if same else [f"{path}: expected {expected!r}, got {got!r}"]


def _version(case: Json) -> str:
    release = ".".join(case["version"].split(".")[:2])
    return f"{case['library']}-{release}/{case['backend']}"


def _directions(model_metrics: dict[str, str | None]) -> Json:
    words = {"up": "max", "down": "min", None: None}
    return lambda monitor: words[model_metrics.get(monitor.removeprefix("val_"))]


def _float32_of(case: Json) -> float:
    return run_fit([], [], Context(semantics(), _directions({})), initial_lr=case["initial_lr"]).final_lr


def _numbers(values: Json) -> Json:
    return {key: _number(value) for key, value in values.items()}


def _number(value: Json) -> Json:
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value
