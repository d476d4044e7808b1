"""Read the `trainer_state.json` of Hugging Face's Trainer.

A metric whose values all stand at ends of epochs, one each, has them by epoch; any other is a stream by global step,
and an evaluation among it that stands at the end of an epoch counts for that epoch, too. `eval_loss` is Keras's
`val_loss`. The totals of the whole training and evaluations after it are of no epoch, and said so.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import Reading
from kcb_replay.ingest.readers.texts import decoded, parsed
from kcb_replay.ingest.recording import Fit, Note
from kcb_replay.ingest.table import (
    MAX_STEP,
    epoch_column,
    epoch_notes,
    exact,
    names_of,
    only,
    series,
    stream,
)
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kcb_replay.ingest.readers.base import Blob, Reader

__all__ = ["HF_TRAINER"]

_WHAT = "a trainer_state.json of Hugging Face"
_EXPECTED = f"Expected {_WHAT} with a log_history of entries that have epoch and step."
_EVALUATION = "eval_"
# Only the entry that train() adds at its end has these; its train_loss is the mean of the whole training.
_TOTALS = ("train_runtime", "total_flos")


class _Point(NamedTuple):
    step: int
    epoch: float
    value: float


@dataclass(frozen=True, slots=True)
class _HfTrainerReader:
    """Reader of one `trainer_state.json`."""

    format: str = "hf_trainer"
    rank: int = 40
    suffixes: tuple[str, ...] = (".json",)
    version: int = 1

    def accepts(self, path: str, head: bytes) -> bool:  # noqa: ARG002  # the keys say it, whatever the name
        """Tell whether the first bytes hold a log history."""
        return head.lstrip()[:1] == b"{" and b'"log_history"' in head and b'"global_step"' in head

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the one fit of a trainer state; raises `ReadError`."""
        path = only(blobs, _WHAT).path
        state = parsed(decoded(blobs[0].content, path, _EXPECTED), path, _EXPECTED)
        match state:
            case {"log_history": list() as history, **rest}:
                notes: list[Note] = []
                points = _points(history, path, notes)
                if not points:
                    raise ReadError(f"{path} has a log_history without values. {_EXPECTED}")
                fit = _fit(points, _steps_per_epoch(rest), path)
                return Reading((fit,), (*notes, *epoch_notes(fit.epochs, 0, path)))
        raise ReadError(f"{path} has no log_history. {_EXPECTED}")


HF_TRAINER: Reader = _HfTrainerReader()


def _points(history: list[object], path: str, notes: list[Note]) -> dict[str, list[_Point]]:
    points: dict[str, list[_Point]] = defaultdict(list)
    last = 0
    for number, entry in enumerate(history):
        step, epoch = _place(entry, number, path)
        if step < last:
            raise ReadError(f"{path} goes back to step {step} in entry {number} of its log_history. {_EXPECTED}")
        last = step
        if not isinstance(entry, dict):
            continue
        if any(name in entry for name in _TOTALS):
            text = f"the totals of the training at step {step} of {path} are of no epoch; they are left out"
            notes.append(Note("after_training", text, path))
            continue
        values = {name: value for name, value in entry.items() if name not in ("step", "epoch")}
        _collect(values, (step, epoch), points, path, notes)
    return points


def _place(entry: object, number: int, path: str) -> tuple[int, float]:
    match entry:
        case {"step": int() as step, "epoch": int() | float() as epoch} if 0 <= step < MAX_STEP:
            if 0 <= epoch < MAX_STEP:
                return step, float(epoch)
    raise ReadError(f"{path} has no epoch and step in entry {number} of its log_history. {_EXPECTED}")


def _collect(
    values: Mapping[str, object],
    place: tuple[int, float],
    points: dict[str, list[_Point]],
    path: str,
    notes: list[Note],
) -> None:
    step, epoch = place
    for name, value in values.items():
        if value is None:
            continue
        try:
            number = exact(value)
        except ValueError as error:
            text = f"{excerpt(name)} at step {step} of {path} holds {error}; this value is left out"
            notes.append(Note("not_a_number", text, path, metric=name))
            continue
        if points[name] and points[name][-1].step == step:
            text = f"{excerpt(name)} was evaluated again at step {step} of {path}; the first value is used"
            notes.append(Note("evaluated_again", text, path, metric=_name(name)))
            continue
        points[name].append(_Point(step, epoch, number))


def _steps_per_epoch(state: Mapping[object, object]) -> int | None:
    """Return the steps of an epoch where the state's numbers agree on them."""
    match state:
        case {
            "max_steps": int() as most,
            "num_train_epochs": int() as epochs,
            "global_step": int() as step,
            "epoch": int() | float() as epoch,
        } if most > 0 and epochs > 0 and most % epochs == 0:
            # With `max_steps` given, the number of epochs is rounded up and says nothing.
            return most // epochs if abs(step * epochs / most - epoch) < 0.02 else None
    return None


def _epoch_of(point: _Point, steps_per_epoch: int | None) -> int | None:
    """Return the 0-based epoch at whose end a point stands; older versions write the epoch with two digits."""
    if steps_per_epoch is not None:
        epochs, rest = divmod(point.step, steps_per_epoch)
        return epochs - 1 if epochs and not rest else None
    return int(point.epoch) - 1 if point.epoch.is_integer() and point.epoch >= 1 else None


def _fit(points: Mapping[str, list[_Point]], steps_per_epoch: int | None, path: str) -> Fit:
    names = names_of(points, _name)
    by_epoch: dict[str, dict[int, float]] = {}
    steps = {}
    for tag, found in points.items():
        epochs = [_epoch_of(point, steps_per_epoch) for point in found]
        at_ends = {epoch: point.value for epoch, point in zip(epochs, found, strict=True) if epoch is not None}
        whole = len(at_ends) == len(found)
        if at_ends and (whole or tag.startswith(_EVALUATION)):
            by_epoch[tag] = at_ends
        if not whole:
            steps[names[tag]] = stream([(p.step, p.value) for p in found], "iteration", tag, path)
    column = epoch_column({epoch for values in by_epoch.values() for epoch in values})
    metrics = {names[tag]: series(values, column, tag, path) for tag, values in by_epoch.items()}
    return Fit(column, metrics, steps=steps)


def _name(tag: str) -> str:
    return f"val_{tag.removeprefix(_EVALUATION)}" if tag.startswith(_EVALUATION) and tag != _EVALUATION else tag
