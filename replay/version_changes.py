"""What changed between two versions of Keras: the behaviours in which they differ, with release and source.

Backwards, from a newer to an older version, the same changes are undone: each is told with its two sides exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviour_words import FIT, OF_EVERY_BACKEND, callbacks_of, meaning_of
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.semantics import point_of_version, release_name
from kcb_replay.replay.timeline import (
    ADDED,
    CHANGES,
    NUMPY_2_SINCE,
    REMOVED,
    Argument,
    Change,
    Known,
    Point,
    keras_3,
    tensorflow,
)

Json: TypeAlias = dict[str, object]
Kind: TypeAlias = Literal["behaviour", "added", "removed"]
# What hangs on the backend or on NumPy, and not on the release.
_QUALIFIED = {
    "early_stopping_arithmetic": "the comparison of the backend",
    "plateau_arithmetic": "the comparison of the backend",
    "float32_product": "NumPy 2 multiplies a float32 by a Python float in float32",
}
_KERAS_3_FILES = {
    "EarlyStopping": "early_stopping.py",
    "ReduceLROnPlateau": "reduce_lr_on_plateau.py",
    "ModelCheckpoint": "model_checkpoint.py",
    "LearningRateScheduler": "learning_rate_scheduler.py",
    "TerminateOnNaN": "terminate_on_nan.py",
    "CSVLogger": "csv_logger.py",
    "RemoteMonitor": "remote_monitor.py",
    "ProgbarLogger": "progbar_logger.py",
    "BackupAndRestore": "backup_and_restore.py",
    "TensorBoard": "tensorboard.py",
    "History": "history.py",
    FIT: "callback_list.py",
}
_NOT_NAMES = ("name", "missing_arguments")


@dataclass(frozen=True, slots=True)
class VersionChange:
    """One behaviour, argument or class in which two versions differ.

    `since` are the releases at which it changed between them, in the order of time; empty where it hangs on the backend
    or on NumPy. `before` and `after` say what the first and the second version do; `is_undone` where the second one is
    the older. `behaviour` is the field of Semantics, or the argument as `EarlyStopping.baseline`; `known` says how the
    last release of `since` is known.
    """

    callbacks: tuple[str, ...]
    kind: Kind
    behaviour: str
    since: tuple[str, ...]
    before: Reason
    after: Reason
    source: str
    known: Known | None
    is_undone: bool = False

    def to_dict(self) -> Json:
        """Return one element of `changes` of `kcb-replay versions --json`."""
        return {
            "callbacks": list(self.callbacks),
            "kind": self.kind,
            "behaviour": self.behaviour,
            "since": list(self.since),
            "before": str(self.before),
            "after": str(self.after),
            "source": self.source,
            "known": self.known,
            "is_undone": self.is_undone,
        }


def changes_between(first: Semantics, second: Semantics) -> tuple[VersionChange, ...]:
    """Return everything in which two versions differ, callback by callback, behaviours before arguments."""
    low, high = sorted((point_of_version(first), point_of_version(second)))
    behaviours = [
        _behaviour_change(name, first, second, [each for each in _steps(name) if low < each.since <= high])
        for name in (item.name for item in fields(Semantics))
        if name not in _NOT_NAMES and getattr(first, name) != getattr(second, name)
    ]
    changes = _by_callback([*behaviours, *_argument_changes(first, second, low, high)])
    is_backward = point_of_version(second) < point_of_version(first)
    return tuple(replace(change, is_undone=is_backward) for change in changes)


def reverted_between(first: Semantics, second: Semantics) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the behaviours that changed between two versions and back again, each with its releases."""
    low, high = sorted((point_of_version(first), point_of_version(second)))
    releases: dict[str, list[str]] = {}
    for change in CHANGES:
        if low < change.since <= high and getattr(first, change.field) == getattr(second, change.field):
            releases.setdefault(change.field, []).append(release_name(change.since))
    return tuple((name, tuple(since)) for name, since in releases.items())


def every_change() -> tuple[VersionChange, ...]:
    """Return every change of the timeline by itself, oldest first: what each release did to what was before."""
    defaults = {item.name: item.default for item in fields(Semantics)}
    dated: list[tuple[Point, VersionChange]] = []
    for change in sorted((*CHANGES, _NUMPY_2), key=lambda each: each.since):
        before, defaults[change.field] = defaults[change.field], change.value
        told = _told(change.field, before, change.value, [change])
        is_arithmetic = change.field.endswith("_arithmetic")
        dated.append((change.since, replace(told, after=OF_EVERY_BACKEND) if is_arithmetic else told))
    dated += [(each.since, _of_argument(each, "added", there=False)) for each in ADDED]
    dated += [(each.since, _of_argument(each, "removed", there=True)) for each in REMOVED]
    return tuple(change for _, change in sorted(dated, key=lambda pair: pair[0]))


_NUMPY_2 = Change(NUMPY_2_SINCE, "float32_product", True, "cases on both sides", note=_QUALIFIED["float32_product"])


def _steps(behaviour: str) -> list[Change]:
    return [change for change in (*CHANGES, _NUMPY_2) if change.field == behaviour]


def _behaviour_change(name: str, first: Semantics, second: Semantics, steps: list[Change]) -> VersionChange:
    return _told(name, getattr(first, name), getattr(second, name), steps)


def _told(name: str, before: object, after: object, steps: list[Change]) -> VersionChange:
    callbacks = callbacks_of(name)
    source = _source(callbacks, steps[-1]) if steps else _QUALIFIED.get(name, "")
    return VersionChange(
        callbacks=callbacks,
        kind="behaviour",
        behaviour=name,
        since=tuple(release_name(step.since) for step in steps),
        before=meaning_of(name, before),
        after=meaning_of(name, after),
        source=source,
        known=steps[-1].known if steps else None,
    )


def _argument_changes(first: Semantics, second: Semantics, low: Point, high: Point) -> Iterator[VersionChange]:
    """Yield the arguments and classes that one of two versions lacks."""
    rows = [each for each in (*ADDED, *REMOVED) if low < each.since <= high]
    for name in sorted(first.missing_arguments ^ second.missing_arguments):
        # Where a class came and went, the last of it is what made the difference.
        row = next(each for each in reversed(rows) if each.name == name)
        is_added = name in first.missing_arguments
        yield _of_argument(row, "added" if is_added else "removed", there=not is_added)


def _of_argument(row: Argument, kind: Kind, *, there: bool) -> VersionChange:
    callback, _, argument = row.name.partition(".")
    what = "argument" if argument else "class"
    sides = [reason(f"argument.{has}_{what}", argument=argument) for has in ("has", "lacks")]
    before, after = sides if there else sides[::-1]
    return VersionChange(
        callbacks=(callback,),
        kind=kind,
        behaviour=row.name,
        since=(release_name(row.since),),
        before=before,
        after=after,
        source=_source((callback,), row),
        known=row.known,
    )


def _source(callbacks: tuple[str, ...], row: Change | Argument) -> str:
    """Return the file of the release in which a change is, and what else is to be said of it."""
    if row is _NUMPY_2:
        return row.note
    names = ", ".join(dict.fromkeys(_file(callback, row.since) for callback in callbacks))
    return f"{names}; {row.note}" if row.note else names


def _file(callback: str, since: Point) -> str:
    """Return the file that holds a callback in a release; the names are those of the installed packages."""
    if callback == "ProgbarLogger":
        bar = "keras/src/utils/progbar.py" if since >= keras_3(3, 0) else "utils/generic_utils.py"
        return f"{_file_of_class(callback, since)} and {bar}"
    return _file_of_class(callback, since)


def _file_of_class(callback: str, since: Point) -> str:
    if since >= keras_3(3, 0):
        # A class that is gone is missed where all the others are.
        return f"keras/src/callbacks/{_KERAS_3_FILES.get(callback, '')}".rstrip("/")
    if since >= tensorflow(2, 16):
        return "tf_keras/src/callbacks.py"
    if since >= tensorflow(2, 13):
        return "keras/src/callbacks.py"
    if since >= tensorflow(2, 6):
        return "keras/callbacks.py"
    if since >= tensorflow(1, 0):
        return "tensorflow/python/keras/callbacks.py"
    return "keras/callbacks/callbacks.py" if since.release >= (2, 3) else "keras/callbacks.py"


def place_of(callback: str) -> int:
    """Return the place of a callback where several are told of: those that decide first, then those that watch."""
    order = list(_KERAS_3_FILES)
    return order.index(callback) if callback in order else len(order)


def _by_callback(changes: list[VersionChange]) -> list[VersionChange]:
    return sorted(changes, key=lambda each: (place_of(each.callbacks[0]), each.callbacks))
