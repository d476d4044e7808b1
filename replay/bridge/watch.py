"""What a callback of the user's looks at beside the training: clocks, and the global random numbers.

Neither is in what it is given, and a replay cannot have them as the training had: what it looked at is noted, and the
answer is no longer exact.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from types import CellType, FunctionType
from typing import Any

import numpy as np

from kcb_replay.replay.bridge.clock import Clock, recorded_moments, showing

__all__ = ["Watch", "watch_of"]


@dataclass(slots=True)
class Watch:
    """What one callback was seen to look at; `scopes` are where its code finds names, none where all is Keras's.

    `moments` are the recorded ends of epochs, and the beginning of the training under None.
    """

    scopes: list[MutableMapping[str, Any]]
    clock: Clock = field(default_factory=Clock)
    moments: dict[int | None, float] = field(default_factory=dict)
    draws: bool = False

    def begin(self, wall_times: dict[int, float | None]) -> None:
        """Take the wall times of a fit."""
        self.moments = recorded_moments(wall_times)

    @contextlib.contextmanager
    def hook(self, index: int | None, share: float = 1.0) -> Iterator[None]:
        """Watch a hook that runs when that share of an epoch is over; `index` None is the beginning."""
        if not self.scopes:
            yield
            return
        self.clock.now = self._at(index, share)
        before = _drawn()
        try:
            with showing(self.clock, self.scopes):
                yield
        finally:
            self.draws = self.draws or _drawn() != before

    def _at(self, index: int | None, share: float) -> float | None:
        if index not in self.moments:
            return None
        indices = list(self.moments)
        earlier = self.moments[indices[max(indices.index(index) - 1, 0)]]
        return earlier + share * (self.moments[index] - earlier)

    def limits(self, name: str) -> Iterator[str]:
        """Yield what was looked at, as reasons why the answer is not exact."""
        clocks = ", ".join(self.clock.reads)
        if clocks and self.moments:
            yield (
                f"{name} reads a clock ({clocks}): it saw the recorded wall times, and the first epoch, whose beginning"
                " is not recorded, as long as the median of the others"
            )
        elif clocks:
            yield (
                f"{name} reads a clock ({clocks}), and the recording does not say when its epochs ended: it saw the"
                " time of the replay"
            )
        if self.draws:
            yield f"{name} draws from the global random numbers, and a training draws others"


def watch_of(callback: object) -> Watch:
    """Return the watch on a callback; one without code of the user's is not watched."""
    scopes: dict[int, MutableMapping[str, Any]] = {}
    for function in _functions(callback):
        if str(function.__module__).partition(".")[0] not in ("keras", "tf_keras"):
            scopes[id(function.__globals__)] = function.__globals__
            scopes[id(function)] = _Closure(function)
    if scopes:
        # A clock kept on the object itself.
        scopes[id(vars(callback))] = vars(callback)
    return Watch(list(scopes.values()))


class _Closure(MutableMapping[str, Any]):
    """The variables of the functions around a function, by their names."""

    def __init__(self, function: FunctionType) -> None:
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self._cells: dict[str, CellType] = dict(cells)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._cells[name].cell_contents
        except ValueError:
            # Not bound yet.
            return None

    def __setitem__(self, name: str, value: object) -> None:
        self._cells[name].cell_contents = value

    def __delitem__(self, name: str) -> None:
        raise NotImplementedError

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)


def _functions(callback: object) -> Iterator[FunctionType]:
    kinds = [kind for kind in type(callback).__mro__ if kind.__module__ in sys.modules and kind is not object]
    for value in (*(item for kind in kinds for item in vars(kind).values()), *vars(callback).values()):
        function = getattr(value, "__func__", value)
        if isinstance(function, FunctionType):
            yield function


def _drawn() -> tuple[object, ...]:
    """Return the state of the global generators, to be compared."""
    numpy = np.random.get_state(legacy=False)["state"]  # noqa: NPY002  # it is the global one that is watched
    return (random.getstate(), numpy["pos"], numpy["key"].tobytes())
