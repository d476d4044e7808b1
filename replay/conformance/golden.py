"""Replay golden cases, recorded from the real classes, and name every field in which the engine differs.

Compared is all of `expect` but `stdout`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from kcb_replay.errors import ReadError, SettingError
from kcb_replay.replay.callbacks import (
    CALLBACKS,
    EarlyStoppingState,
    ModelCheckpointState,
    ReduceLROnPlateauState,
)
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.conformance.case_arguments import arguments, number
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import CheckpointSaved, WeightsRestored
from kcb_replay.replay.semantics import nearest_known
from kcb_replay.replay.stream import Batch, Epoch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.callbacks import State
    from kcb_replay.replay.engine import EventsOfAll, Row, Run
    from kcb_replay.replay.semantics import Semantics

__all__ = [
    "Conformance",
    "Json",
    "Mismatch",
    "conform",
    "differences",
    "directions",
    "golden_cases",
]

# One JSON document: its shape is that of the golden files, not ours.
Json: TypeAlias = Any
# Compared as outcomes, not as states.
_OF_OUTCOMES = ("stdout", "saves", "outputs")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A case that is not replayed as recorded: its number in the file, its name where it has one, every difference."""

    id: int
    name: str | None
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conformance:
    """One golden file replayed: what it was recorded from, how many cases it holds, and those that differ.

    `note` says of which Keras the engine is, where that of the file is newer than all it knows.
    """

    file: str
    library: str
    version: str
    backend: str
    cases: int
    mismatches: tuple[Mismatch, ...]
    note: str | None = None


def conform(path: Path | str) -> Conformance:
    """Replay every case of a golden file; raises `ReadError` when it is none, or is of a Keras that is not known.

    A Keras that is newer than all known ones is compared with the newest known, and `note` says so.
    """
    cases = golden_cases(path)
    mismatches = []
    for line, case in enumerate(cases, 1):
        try:
            found = differences(case)
            if found:
                mismatches.append(Mismatch(case["id"], case.get("name"), tuple(found)))
        except SettingError as error:
            raise ReadError(f"{path}, line {line}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            kind = type(error).__name__
            raise ReadError(f"{path}, line {line} is no golden case ({kind}: {error}).") from error
    head = cases[0]
    _, note = nearest_known(_version(head))
    of_keras = (head["library"], head["version"], head["backend"])
    return Conformance(str(path), *of_keras, len(cases), tuple(mismatches), note)


def golden_cases(path: Path | str) -> list[Json]:
    """Return the cases of a golden file (JSON lines, plain or gzipped); raises `ReadError` when it is none."""
    try:
        raw = Path(path).read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
        cases = [json.loads(line) for line in text.splitlines()]
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, EOFError, zlib.error) as error:
        raise ReadError(f"{path} is no golden file: {error}. Expected JSON lines, plain or gzipped.") from None
    if not cases or not all(isinstance(case, dict) and "expect" in case for case in cases):
        raise ReadError(f"{path} is no golden file: its lines are no cases with an `expect`.")
    return cases


def differences(case: Json) -> list[str]:
    """Replay a case and return `path: expected X, got Y` for each differing field; an empty list when it conforms."""
    expected = {key: value for key, value in case["expect"].items() if key not in _OF_OUTCOMES}
    return _differing(expected, _replay(case), "expect")


def _replay(case: Json) -> Json:
    version, _ = nearest_known(_version(case))
    try:
        callbacks = [CALLBACKS[item["class"]](**arguments(item["kwargs"])) for item in case["callbacks"]]
    except SettingError:
        error = {"type": "ValueError", "stage": "init", "epoch": None}
        return {"epochs": [], "error": error, "final_lr": float32(case["initial_lr"])}
    answer: Json = {"epochs": [], "train_end": [], "final_lr": float32(case["initial_lr"])}
    context = Context(version, directions(case["model_metrics"]))
    states: Sequence[State] | None = None
    for fit in sorted({epoch["fit"] for epoch in case["epochs"]}):
        epochs = [_epoch(epoch) for epoch in case["epochs"] if epoch["fit"] == fit]
        # The same callbacks are used again, and the learning rate is not reset.
        run = run_fit(epochs, callbacks, context, initial_lr=answer["final_lr"], states=states)
        states = run.states
        _add(answer, fit, run, version)
        if run.error:
            break
    return answer


def _epoch(epoch: Json) -> Epoch:
    logs = {name: float(value) for name, value in epoch["logs"].items()}
    batches = (Batch(index, {"loss": float(loss)}) for index, loss in epoch.get("batches", ()))
    return Epoch(epoch["epoch"], logs, tuple(batches))


def _add(answer: Json, fit: int, run: Run, version: Semantics) -> None:
    answer["epochs"] += [_row_record(fit, row, version) for row in run.rows]
    answer["final_lr"] = run.final_lr
    if run.error is None:
        restored = _restored(fit, run.finish_events)
        answer["train_end"].append({"fit": fit, "restored": restored, "epochs_run": len(run.rows)})
        return
    answer["error"] = {"type": run.error.kind, "stage": run.error.stage, "epoch": run.error.index}
    if run.partial and run.partial.lr_begin is not None:
        partial = {"fit": fit, "epoch": run.partial.index, "lr_begin": run.partial.lr_begin}
        if run.partial.stopped_batch is not None:
            partial["stopped_at_batch"] = run.partial.stopped_batch
        answer["epochs"].append(_with_effects(partial, fit, run.partial.events))
    if not answer["train_end"]:
        del answer["train_end"]


def _row_record(fit: int, row: Row, version: Semantics) -> Json:
    record = {
        "fit": fit,
        "epoch": row.index,
        "lr_begin": row.lr_begin,
        "lr": row.lr,
        "lr_logged": row.lr_logged,
        "state": [_state_record(fit, state, version) for state in row.states],
    }
    if row.stopped_batch is not None:
        record["stopped_at_batch"] = row.stopped_batch
    if row.stoppers:
        record["stop"] = True
    return _with_effects(record, fit, row.events)


def _with_effects(record: Json, fit: int, events: EventsOfAll) -> Json:
    saves = [event for events_of in events for event in events_of if isinstance(event, CheckpointSaved)]
    # All callbacks see a batch before any of them sees the next, and the end of the epoch comes last.
    saved = [event.path for event in sorted(saves, key=lambda save: (save.batch is None, save.batch or 0))]
    restored = _restored(fit, events)
    if saved:
        record["saved"] = saved
    return {**record, "restored": restored} if restored else record


def _restored(fit: int, events: EventsOfAll) -> str | None:
    restored = [event for events_of in events for event in events_of if isinstance(event, WeightsRestored)]
    return f"{fit - restored[-1].fits_ago}:{restored[-1].from_index}" if restored else None


def _state_record(fit: int, state: State, version: Semantics) -> Json:
    if isinstance(state, EarlyStoppingState):
        tag = None if state.weights_index is None else f"{fit - state.weights_fits_ago}:{state.weights_index}"
        # The real class holds 0 for "no epoch yet", and knows its best epoch since 2.7.
        best_epoch = (state.best_index or 0) if version.early_stopping_spares_first_epoch else None
        return [state.reference, state.wait, best_epoch, state.stopped_index or 0, tag]
    if isinstance(state, ReduceLROnPlateauState):
        return [state.reference, state.wait, state.cooldown_counter]
    if isinstance(state, ModelCheckpointState):
        # The counters that a version does not have: batches since tf.keras 2.2, epochs until Keras 3.
        batches = state.batches_since_save if version.checkpoint_counts != "samples" else None
        epochs = state.epochs_since_save if version.learning_rate_key == "lr" else None
        return [state.reference, batches, epochs]
    return []


def _differing(expected: Json, got: Json, path: str) -> list[str]:
    if isinstance(expected, dict) and isinstance(got, dict):
        keys = [*expected, *(key for key in got if key not in expected)]
        return [line for key in keys for line in _differing(expected.get(key), got.get(key), f"{path}.{key}")]
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        return [line for n, (left, right) in pairs for line in _differing(left, right, f"{path}[{n}]")]
    left, right = number(expected), number(got)
    same = left == right or (left != left and right != right)  # noqa: PLR0124  # NaN equals NaN here
    return [] if same else [f"{path}: expected {expected!r}, got {got!r}"]


def _version(case: Json) -> str:
    release = ".".join(case["version"].split(".")[:3])
    if case["library"] == "tf_keras":
        return f"tf_keras-{release}/numpy{case['numpy'].split('.')[0]}"
    return f"{case['library']}-{release}/{case['backend']}"


def directions(model_metrics: dict[str, str | None]) -> Json:
    """Return the function that tells the direction of a metric of the case, None where it has none."""
    words = {"up": "max", "down": "min", None: None}
    return lambda monitor: words[model_metrics.get(monitor.removeprefix("val_"))]
