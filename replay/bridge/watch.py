"""What a callback of the user's looks at beside the training: clocks, and the global random numbers.

A replay cannot have them as the training had: what it looked at is noted, and the answer is no longer exact. The clock
shows the recorded wall times. Covered are time.time, monotonic and perf_counter with their nanoseconds, process_time,
localtime, gmtime, ctime and strftime of no given time, and now, utcnow and today of datetime and date: as
`time.time()`, as names imported into the module of the callback, in its closures and on the callback itself. Clocks of
other libraries, those that a helper has imported by name, and what the constructor looked at are not.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import math
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CellType, FrameType, FunctionType
from typing import Any

import numpy as np

from kcb_replay.language.reason import Reason, reason

_SECONDS = ("time", "monotonic", "perf_counter", "process_time")
_NANOSECONDS = tuple(f"{name}_ns" for name in _SECONDS)
# These take the time, and are clocks where it is left out: the position of that argument.
_CALENDAR = {"localtime": 0, "gmtime": 0, "ctime": 0, "strftime": 1}
_STANDARD_LIBRARY = str(Path(os.__file__).parent)
_NO_USERS = frozenset({"keras", "tf_keras", "tensorflow", "jax", "torch", "numpy", "absl", "kcb_replay"})
# A callback that waits for a time to come would wait forever at a clock that stands still.
_PATIENT_READS = 10_000
_REAL: dict[str, Any] = {name: getattr(time, name) for name in (*_SECONDS, *_NANOSECONDS, *_CALENDAR)}
_DATETIME, _DATE = dt.datetime, dt.date


@dataclass(slots=True)
class Clock:
    """What the clock shows in the current hook (None: the time of the replay), and which clocks were looked at."""

    now: float | None = None
    reads: dict[str, None] = field(default_factory=dict)
    count: int = 0
    thread: int = field(default_factory=threading.get_ident)
    stands_for: dict[int, Any] = field(default_factory=dict)

    def read(self, name: str) -> float | None:
        """Note a look and return the recorded time in seconds, None where there is none."""
        self.reads[name] = None
        self.count += 1
        if self.now is None:
            return None
        return self.now if self.count <= _PATIENT_READS else self.now + self.count - _PATIENT_READS


def recorded_moments(wall_times: Mapping[int, float | None]) -> dict[int | None, float]:
    """Return when each epoch ended, under its index, and when the training began, under None.

    The beginning is not recorded: the first epoch is taken to have lasted as long as the median of the others. Empty
    where a time is missing, where they fall, or where a single epoch says nothing of how long one lasts.
    """
    times = [time for time in wall_times.values() if time is not None and math.isfinite(time)]
    lasted = sorted(later - earlier for earlier, later in itertools.pairwise(times))
    if len(times) < len(wall_times) or not lasted or lasted[0] < 0:
        return {}
    return {None: times[0] - lasted[len(lasted) // 2], **dict(zip(wall_times, times, strict=True))}


@contextlib.contextmanager
def _showing(clock: Clock, scopes: Sequence[MutableMapping[str, Any]]) -> Iterator[None]:
    """Let code of the user's see the clock: through the modules time and datetime, and through names in `scopes`."""
    clock.count, clock.thread = 0, threading.get_ident()
    clock.stands_for = stands_for = clock.stands_for or _replacements(clock)
    changes: list[tuple[MutableMapping[str, Any], str, Any]] = [
        (vars(time), name, stands_for[id(real)]) for name, real in _REAL.items()
    ]
    changes += [(vars(dt), kind.__name__, stands_for[id(kind)]) for kind in (_DATETIME, _DATE)]
    for scope in scopes:
        changes += [(scope, name, stands_for[id(value)]) for name, value in scope.items() if id(value) in stands_for]
    before = [(scope, name, scope[name]) for scope, name, _ in changes]
    for scope, name, value in changes:
        scope[name] = value
    try:
        yield
    finally:
        for (scope, name, value), (*_, shown) in zip(before, changes, strict=True):
            # What the hook itself has put there stays.
            if scope.get(name) is shown:
                scope[name] = value


def _replacements(clock: Clock) -> dict[int, Any]:
    """Return what stands for each clock, by the identity of the real one."""

    def by_user(frame: FrameType) -> bool:
        return threading.get_ident() == clock.thread and _is_of_the_user(frame)

    replacements: dict[int, Any] = {
        id(_REAL[name]): _counter(clock, name, by_user) for name in (*_SECONDS, *_NANOSECONDS)
    }
    replacements |= {id(_REAL[name]): _calendar(clock, name, by_user) for name in _CALENDAR}
    for kind in (_DATETIME, _DATE):
        replacements[id(kind)] = _of_dates(clock, kind, by_user)
    return replacements


def _counter(clock: Clock, name: str, by_user: Callable[[FrameType], bool]) -> Callable[[], float]:
    def read() -> Any:
        shown = clock.read(f"time.{name}") if by_user(sys._getframe(1)) else None
        if shown is None:
            return _REAL[name]()
        return int(shown * 1e9) if name in _NANOSECONDS else shown

    return read


def _calendar(clock: Clock, name: str, by_user: Callable[[FrameType], bool]) -> Callable[..., Any]:
    def read(*arguments: Any) -> Any:
        has_time = len(arguments) > _CALENDAR[name] and arguments[_CALENDAR[name]] is not None
        shown = None if has_time or not by_user(sys._getframe(1)) else clock.read(f"time.{name}")
        if shown is None:
            return _REAL[name](*arguments)
        return _REAL[name](*arguments[:1], _REAL["localtime"](shown)) if name == "strftime" else _REAL[name](shown)

    return read


def _of_dates(clock: Clock, kind: type, by_user: Callable[[FrameType], bool]) -> type:
    """Return a class that stands for `datetime` or `date`; what it makes is of the real class."""

    class Meta(type(kind)):  # type: ignore[misc]  # that of a class of the standard library
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, kind)

    def shown(name: str, frame: FrameType) -> float | None:
        return clock.read(f"{kind.__name__}.{name}") if by_user(frame) else None

    def new(_: type, *arguments: Any, **named: Any) -> Any:
        return kind(*arguments, **named)

    def now(tz: dt.tzinfo | None = None) -> dt.datetime:
        moment = shown("now", sys._getframe(1))
        return _DATETIME.now(tz) if moment is None else _DATETIME.fromtimestamp(moment, tz)

    def utcnow() -> dt.datetime:
        moment = shown("utcnow", sys._getframe(1))
        zone = dt.UTC
        return (_DATETIME.now(zone) if moment is None else _DATETIME.fromtimestamp(moment, zone)).replace(tzinfo=None)

    def today() -> Any:
        moment = shown("today", sys._getframe(1))
        return kind.today() if moment is None else kind.fromtimestamp(moment)  # type: ignore[attr-defined]  # both have them

    members: dict[str, Any] = {"__new__": new, "today": staticmethod(today), "__module__": "datetime"}
    if kind is _DATETIME:
        members |= {"now": staticmethod(now), "utcnow": staticmethod(utcnow)}
    return Meta(kind.__name__, (kind,), members)


def _is_of_the_user(frame: FrameType) -> bool:
    """Tell whether code of the user's runs in a frame: logging, Keras and the like look at clocks for themselves."""
    name, file = str(frame.f_globals.get("__name__", "")), frame.f_code.co_filename
    in_library = file.startswith("<frozen") or (file.startswith(_STANDARD_LIBRARY) and "-packages" not in file)
    return name.partition(".")[0] not in _NO_USERS and not in_library


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
            with _showing(self.clock, self.scopes):
                yield
        finally:
            self.draws = self.draws or _drawn() != before

    def _at(self, index: int | None, share: float) -> float | None:
        if index not in self.moments:
            return None
        indices = list(self.moments)
        earlier = self.moments[indices[max(indices.index(index) - 1, 0)]]
        return earlier + share * (self.moments[index] - earlier)

    def limits(self, name: str) -> Iterator[Reason]:
        """Yield what was looked at, as reasons why the answer is not exact."""
        if self.clock.reads:
            clocks = tuple(self.clock.reads)
            yield reason(f"note.clock_{'recorded' if self.moments else 'of_replay'}", callback=name, clocks=clocks)
        if self.draws:
            yield reason("note.random", callback=name)


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
