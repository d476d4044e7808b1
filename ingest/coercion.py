"""From whatever people have to recordings: the one converter that every public function asks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from kcb_replay.errors import SettingError
from kcb_replay.ingest.in_memory import Stated, is_training, recordings_of_object
from kcb_replay.ingest.ingest import read
from kcb_replay.ingest.recording import Recording
from kcb_replay.ingest.store import Store
from kcb_replay.text import counted, excerpt

if TYPE_CHECKING:
    from collections.abc import Collection

# A History, a DataFrame or an Arrow table of another package has no type that could be named here.
Trainings: TypeAlias = Recording | Store | str | os.PathLike[str] | Mapping[str, Any] | Iterable[Any] | Any

_ACCEPTED = (
    "Expected a Keras History, a dict of lists of numbers, rows of an epoch each, a pandas or Polars DataFrame, an"
    " Arrow table, the path of a log or a folder, a Recording, a Store, or a list or a mapping of names to these, for"
    " example kcb.replay({'val_loss': [0.9, 0.7, 0.8]}, kcb.EarlyStopping(patience=1))."
)
_NAME = "training"


def recordings_from(value: Trainings, *, metrics: Collection[str] | None = None) -> Iterable[Recording]:
    """Return the recordings in anything that public functions take, one by one; a store need load `metrics` only.

    Raises `SettingError` for anything else, `ReadError` for what holds no numbers by epoch.
    """
    if isinstance(value, Store):
        if metrics is not None:
            return value.recordings(metrics=metrics)
        return (value.load(entry.name) for entry in value.runs())
    return _recordings(value, _NAME)


def recording_from(value: Trainings) -> Recording:
    """Return the one recording in anything that public functions take; raises `SettingError` for several."""
    several = list(recordings_from(value))
    if len(several) == 1:
        return several[0]
    names = excerpt(", ".join(recording.name for recording in several))
    raise SettingError(
        f"One training is needed here, but {counted(len(several), 'training')} stand in a {type(value).__name__}"
        f"{names and f': {names}'}. Give one of them, or use kcb.simulate, which takes several."
    )


def _recordings(value: Trainings, name: str) -> Iterator[Recording]:
    if isinstance(value, Recording):
        yield value
    elif isinstance(value, (str, os.PathLike)):
        yield from read(os.fspath(value))
    elif is_training(value):
        yield from recordings_of_object(value, name, Stated())
    elif isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _named(list(_recordings(each, str(key))), str(key))
    elif isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping)) and not hasattr(value, "__array__"):
        yield from _each(value, name)
    else:
        what = "An empty dict" if isinstance(value, Mapping) else f"A {type(value).__name__}"
        raise SettingError(f"{what} is no training. {_ACCEPTED}")


def _each(values: Iterable[Any], name: str) -> Iterator[Recording]:
    for number, value in enumerate(values, start=1):
        if isinstance(value, (int, float)):
            raise SettingError(f"{value!r} in a {type(values).__name__} names no metric. {_ACCEPTED}")
        yield from _recordings(value, f"{name} {number}")


def _named(recordings: list[Recording], name: str) -> Iterator[Recording]:
    for recording in recordings:
        inner = recording.name
        yield replace(recording, name=name if len(recordings) == 1 else f"{name}/{inner}")
