"""Read the `trainer_state.json` of Hugging Face's Trainer.

A metric whose values all stand at ends of epochs, one each, has them by epoch; any other is a stream by global step,
and an evaluation among it that stands at the end of an epoch counts for that epoch, too. `eval_loss` is Keras's
`val_loss`. The totals of the whole training and evaluations after it are of no epoch, and said so.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.ingest.metric_names import names_of
from kcb_replay.ingest.readers.base import LogReader
from kcb_replay.ingest.readers.texts import decoded, parsed
from kcb_replay.ingest.table import MAX_STEP, Log, epoch_notes, exact, fit_of, stream
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kcb_replay.ingest.recording import Fit


_WHAT = "a trainer_state.json of Hugging Face"
_EVALUATION = "eval_"
# Only the entry that train() adds at its end has these; its train_loss is the mean of the whole training.
_TOTALS = ("train_runtime", "total_flos")


class _LoggedPoint(NamedTuple):
    step: int
    epoch: float
    value: float


def _looks_like(_: str, head: bytes) -> bool:
    """Tell whether the first bytes hold a log history."""
    return head.lstrip()[:1] == b"{" and b'"log_history"' in head and b'"global_step"' in head


def _fits_in(content: bytes, log: Log) -> tuple[Fit]:
    match parsed(decoded(content, log), log):
        case {"log_history": list() as history, **rest}:
            points = _points(history, log)
            if not points:
                raise log.refusal("has a log_history without values")
            fit = _fit(points, _steps_per_epoch(rest), log.path)
            log.notes += epoch_notes(fit.epochs, 0, log.path)
            return (fit,)
    raise log.refusal("has no log_history")


HF_TRAINER = LogReader(
    format="hf_trainer",
    what=_WHAT,
    expected=f"Expected {_WHAT} with a log_history of entries that have epoch and step.",
    suffixes=(".json",),
    looks_like=_looks_like,
    fits_in=_fits_in,
)


def _points(history: list[object], log: Log) -> dict[str, list[_LoggedPoint]]:
    points: dict[str, list[_LoggedPoint]] = defaultdict(list)
    last = 0
    for number, entry in enumerate(history):
        match entry:
            case {"step": int() as step, "epoch": int() | float() as epoch, **values} if (
                0 <= step < MAX_STEP and 0 <= epoch < MAX_STEP
            ):
                pass
            case _:
                raise log.refusal(f"has no epoch and step in entry {number} of its log_history")
        if step < last:
            raise log.refusal(f"goes back to step {step} in entry {number} of its log_history")
        last = step
        if any(name in values for name in _TOTALS):
            text = f"the totals of the training at step {step} of {log.path} are of no epoch; they are left out"
            log.note("after_training", text)
        else:
            _collect(values, step, float(epoch), points, log)
    return points


def _collect(
    values: Mapping[object, object], step: int, epoch: float, points: dict[str, list[_LoggedPoint]], log: Log
) -> None:
    for name, value in values.items():
        if value is None or not isinstance(name, str):
            continue
        try:
            number = exact(value)
        except ValueError as error:
            text = f"{excerpt(name)} at step {step} of {log.path} holds {error}; this value is left out"
            log.note("not_a_number", text, metric=name)
            continue
        if points[name] and points[name][-1].step == step:
            text = f"{excerpt(name)} was evaluated again at step {step} of {log.path}; the first value is used"
            log.note("evaluated_again", text, metric=_name(name))
        else:
            points[name].append(_LoggedPoint(step, epoch, number))


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


def _epoch_of(point: _LoggedPoint, steps_per_epoch: int | None) -> int | None:
    """Return the 0-based epoch at whose end a point stands; older versions write the epoch with two digits."""
    if steps_per_epoch is not None:
        epochs, rest = divmod(point.step, steps_per_epoch)
        return epochs - 1 if epochs and not rest else None
    return int(point.epoch) - 1 if point.epoch.is_integer() and point.epoch >= 1 else None


def _fit(points: Mapping[str, list[_LoggedPoint]], steps_per_epoch: int | None, path: str) -> Fit:
    names = names_of(points, _name)
    by_epoch: dict[str, dict[int, float]] = {}
    steps = {}
    for tag, logged in points.items():
        epochs = [_epoch_of(point, steps_per_epoch) for point in logged]
        at_ends = {epoch: point.value for epoch, point in zip(epochs, logged, strict=True) if epoch is not None}
        whole = len(at_ends) == len(logged)
        if at_ends and (whole or tag.startswith(_EVALUATION)):
            by_epoch[tag] = at_ends
        if not whole:
            steps[names[tag]] = stream([(p.step, p.value) for p in logged], "iteration", tag, path)
    return fit_of(by_epoch, names, path, steps)


def _name(tag: str) -> str:
    return f"val_{tag.removeprefix(_EVALUATION)}" if tag.startswith(_EVALUATION) and tag != _EVALUATION else tag
