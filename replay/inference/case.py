"""A recorded fit made ready for inference: metrics, directions and the versions of Keras that come into question.

Refuses fits that show nothing: without a metric, of one epoch, of NaN alone, or with epochs that the source dropped.
The name of the learning rate is what a callback of the recorded training wrote, so it excludes eras; `accuracy` was
called `acc` before Keras 2.3. Everything else is left to the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kcb_replay.errors import MonitorNotRecordedError, NotReplayableError, SettingError
from kcb_replay.ingest.recording import Message, Note, Recording
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Arithmetic, Semantics
from kcb_replay.replay.directions import Direction, assumed_direction, auto_direction, direction_of
from kcb_replay.replay.inference.ranges import LARGEST_MIN_DELTA, Floats
from kcb_replay.replay.request import versions_of
from kcb_replay.replay.semantics import known_semantics, semantics
from kcb_replay.replay.stream import Stream, stream_of
from kcb_replay.replay.verdicts.lanes.improvements import fits_float32

_QUALIFIED = re.compile(r".*/(torch|jax|numpy)")
# Not binary_accuracy and its like, which are names of functions and were the same before.
_NAMED_ACCURACY = re.compile(r"(val_)?accuracy")
_BEFORE_ACCURACY = re.compile(r"keras-2\.[012](\.\d+)?")
# The version without a qualifier under its own name in `known_semantics`.
_OLDER = {"tf_keras-2.21/numpy1": ("tf_keras-2.18",)}
# The last release of each line, under the name of the last one at which something changed.
_LAST = {"keras-2.3": "keras-2.3.1", "tf_keras-2.18": "tf_keras-2.21", "keras-3.15": "keras-3.15"}
_Answer = TypeVar("_Answer", bound=Hashable)


def _versions_in_question(stream: Stream, requested: str | Semantics | None) -> tuple[tuple[Semantics, ...], Reason]:
    """Return the versions that may have made a recording, oldest first, and why."""
    if requested is not None and requested != "auto":
        versions = tuple(semantics(each) for each in versions_of(requested) if each is not None and each != "auto")
        return versions, reason("infer.asked_for", versions=tuple(each.name for each in versions))
    # A fit on the numpy backend cannot be; jax and torch decide as tensorflow does wherever that does not raise, except
    # for denormals on torch.
    every = [semantics(name) for name in known_semantics() if not _QUALIFIED.fullmatch(name)]
    named = {name for epoch in stream.epochs for name in epoch.logs}
    key = stream.learning_rate_key
    why: Reason | None = None
    if stream.learning_rates_may_be_late:
        why = reason("infer.versions_late")
    elif key is not None:
        every = _writing_rates(every, key)
        why = reason(f"infer.versions_{key}")
    after = [each for each in every if not _is_before_accuracy(each)]
    if len(after) < len(every) and any(map(_NAMED_ACCURACY.fullmatch, named)):
        every = after
        accuracy = reason("infer.versions_accuracy")
        why = reason("infer.versions_both", first=why, second=accuracy) if why else accuracy
    return tuple(every), why or reason("infer.versions_unknown")


def _writing_rates(versions: Iterable[Semantics], key: str) -> list[Semantics]:
    """Return those whose ReduceLROnPlateau writes the learning rate under a name."""
    return [each for each in versions if each.learning_rate_key == key]


def _is_before_accuracy(version: Semantics) -> bool:
    return _BEFORE_ACCURACY.fullmatch(version.name) is not None


def _modes_of(monitor: str, versions: Iterable[Semantics], *, plateau: bool) -> tuple[Direction, ...]:
    """Return the directions that `mode="auto"` takes in these versions; both where one of them cannot tell."""
    rules = {each.plateau_direction if plateau else each.early_stopping_direction for each in versions}
    directions = {auto_direction(rule, monitor, direction_of) for rule in rules}
    if None in directions:
        return ("min", "max")
    return tuple(mode for mode in ("min", "max") if mode in directions)


def span_of(versions: Sequence[str], all_of_them: Sequence[str]) -> str:
    """Return a group of versions in words: where each stretch of it begins and ends."""
    plain = [name for name in all_of_them if "/" not in name]
    stretches: list[list[int]] = []
    for index in sorted(plain.index(name) for name in versions if "/" not in name):
        if stretches and stretches[-1][-1] == index - 1:
            stretches[-1].append(index)
        else:
            stretches.append([index])
    # Another NumPy or backend is named where it does not do as the plain version does.
    qualified = [
        name for name in versions if "/" in name and not {name.split("/")[0], *_OLDER.get(name, ())} & {*versions}
    ]
    return ", ".join([*(_stretch(each, plain) for each in stretches), *qualified])


def _stretch(indices: Sequence[int], names: Sequence[str]) -> str:
    first, last = names[indices[0]], names[indices[-1]]
    if last in _LAST:
        return first if first == _LAST[last] else f"{first} to {_LAST[last]}"
    if indices[-1] + 1 == len(names):
        return first if first == last else f"{first} to {last}"
    return f"{first} to before {names[indices[-1] + 1]}"


@dataclass(frozen=True, eq=False)
class Monitored:
    """The values that count, negated where they should rise, and the 0-based epochs they stand in.

    `last` is the last recorded epoch, whether it has a value or not; `gaps` says that some epoch has none.
    """

    monitor: str
    mode: Direction
    values: Floats
    indices: tuple[int, ...]
    last: int
    gaps: bool

    @property
    def first_is_plain(self) -> bool:
        """Whether the first value is an improvement for every version."""
        return bool(self.values[0] < np.inf)

    def row_of(self, index: int) -> int | None:
        """Return the row of an epoch, None where it has no value."""
        return self.indices.index(index) if index in self.indices else None

    def last_row_until(self, index: int) -> int:
        """Return the last row whose epoch is not behind `index`, -1 for none."""
        return sum(each <= index for each in self.indices) - 1

    def cannot_be_held(self, arithmetic: Arithmetic) -> bool:
        """Tell whether a value is beyond what the version compares, or what is examined here."""
        raises = arithmetic == "float32 or ValueError" and not fits_float32(self.values)
        finite = self.values[np.isfinite(self.values)]
        return raises or bool((np.abs(finite) >= LARGEST_MIN_DELTA).any())


def _monitored_of(stream: Stream, monitor: str, mode: Direction) -> Monitored:
    """Return the values of a metric that has some."""
    values_by_epoch = stream.values_of(monitor)
    values = np.array(list(values_by_epoch.values()), np.float64)
    return Monitored(
        monitor,
        mode,
        values if mode == "min" else -values,
        tuple(values_by_epoch),
        stream.epochs[-1].index,
        len(values_by_epoch) < len(stream.epochs),
    )


def merged(
    answers: Iterable[tuple[_Answer, Sequence[str]]], order: Sequence[Semantics]
) -> list[tuple[_Answer, tuple[str, ...]]]:
    """Return each answer once, with all the versions it was found for, in order."""
    groups: dict[_Answer, tuple[str, ...]] = {}
    for answer, names in answers:
        groups[answer] = groups.get(answer, ()) + tuple(names)
    # Few different groups of versions, and maybe thousands of answers.
    in_order = {group: tuple(each.name for each in order if each.name in group) for group in {*groups.values()}}
    return [(answer, in_order[group]) for answer, group in groups.items()]


@dataclass(frozen=True, eq=False)
class InferenceCase:
    """A fit made ready: its metrics in the directions that come into question, and the versions with the reason.

    `assumed` are sentences on metrics whose direction is taken from their names.
    """

    stream: Stream
    messages: Sequence[Message]
    notes: tuple[Note, ...]
    versions: tuple[Semantics, ...]
    reducing: tuple[Semantics, ...]
    why: Reason
    stoppers: tuple[Monitored, ...]
    reducers: tuple[Monitored, ...]
    left_out: tuple[Reason, ...]
    assumed: tuple[Reason, ...]


def case_of(
    recording: Recording, number: int, monitor: str | None, mode: Direction | None, requested: str | Semantics | None
) -> InferenceCase:
    """Return a fit made ready; raises what `infer` does. `asked` are the versions that the user asked about."""
    if mode not in (None, "min", "max"):
        raise SettingError(f"mode must be 'min' or 'max', but it is {mode!r}. Leave it out to look at what auto takes.")
    fit = recording.fits[number]
    stream = stream_of(fit)
    notes = tuple(note for note in recording.notes if note.fit in (None, number))
    monitors, left_out = _monitors(recording, stream, notes, monitor)
    versions, why = _versions_in_question(stream, requested)
    # With a schedule of the optimizer, for which older TensorBoards write the rate, ReduceLROnPlateau raises.
    late = requested in (None, "auto") and stream.learning_rates_may_be_late
    reducing = tuple(_writing_rates(versions, "learning_rate")) if late else versions
    stoppers, reducers = (
        tuple(
            _monitored_of(stream, each, chosen)
            for each in monitors
            for chosen in ((mode,) if mode else _modes_of(each, taken, plateau=plateau))
        )
        for plateau, taken in ((False, versions), (True, reducing))
    )
    asks = mode is None and any(
        "metric" in (each.early_stopping_direction, each.plateau_direction) for each in versions
    )
    sentences = (assumed_direction(each, stream.names) for each in monitors if asks)
    assumed = tuple(reason("infer.sentence", why=each) for each in sentences if each)
    return InferenceCase(stream, fit.messages, notes, versions, reducing, why, stoppers, reducers, left_out, assumed)


def _monitors(
    recording: Recording, stream: Stream, notes: Sequence[Note], requested: str | None
) -> tuple[list[str], tuple[Reason, ...]]:
    """Return the metrics to look at, and why others are left out; raises where none is left."""
    names = list(dict.fromkeys(name for epoch in stream.epochs for name in epoch.logs))
    if not names:
        raise _refused(recording, reason("infer.no_metric"))
    if requested is not None and requested not in names:
        raise MonitorNotRecordedError(requested, recording.name, sorted(names))
    if len(stream.epochs) == 1:
        raise _refused(recording, reason("infer.one_epoch"))
    sampled = {note.metric: note.text for note in notes if note.code == "sampled"}
    if None in sampled:
        raise _refused(recording, reason("infer.sampled", text=sampled[None]))
    left_out = {name: reason("note.recorded", text=sampled[name]) for name in names if name in sampled}
    for name in names:
        if np.isnan(list(stream.values_of(name).values())).all():
            left_out[name] = reason("infer.all_nan", metric=name)
    chosen = names if requested is None else [requested]
    if all(name in left_out for name in chosen):
        raise _refused(recording, reason("infer.none_left", reasons=tuple(left_out[name] for name in chosen)))
    return [name for name in chosen if name not in left_out], tuple(
        left_out[name] for name in chosen if name in left_out
    )


def _refused(recording: Recording, why: Reason) -> NotReplayableError:
    return NotReplayableError(f"{recording.name}: {why}.", reason=why)
