"""Which controls an explainer has, and which values their positions stand for.

Every list holds the value that was asked for. Lists that nobody gave are thinned until their replays fit into a second;
lists that were given are taken as they are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kcb_replay.errors import SettingError, did_you_mean
from kcb_replay.replay.callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from kcb_replay.text import short, visible

Values: TypeAlias = "tuple[object, ...]"

# What a control is called on the command line and in `axes=`: the callback that it belongs to, and its argument.
_AXES: dict[str, tuple[str, str]] = {
    "patience": (EarlyStopping.name, "patience"),
    "min_delta": (EarlyStopping.name, "min_delta"),
    "start_from_epoch": (EarlyStopping.name, "start_from_epoch"),
    "baseline": (EarlyStopping.name, "baseline"),
    "restore_best_weights": (EarlyStopping.name, "restore_best_weights"),
    "lr_patience": (ReduceLROnPlateau.name, "patience"),
    "lr_min_delta": (ReduceLROnPlateau.name, "min_delta"),
    "factor": (ReduceLROnPlateau.name, "factor"),
    "cooldown": (ReduceLROnPlateau.name, "cooldown"),
    "min_lr": (ReduceLROnPlateau.name, "min_lr"),
}
_UNASKED = ("restore_best_weights", "min_lr")
# Many patiences of EarlyStopping cost one replay, and the factor costs none.
_FREE = ("patience", "factor")
# What is left of a list however long the recording is; of the others the value asked for, without a control.
_LEAST = {"min_delta": 2, "lr_patience": 3}
# How much longer a list may stay when room is short: what people turn first.
_WEIGHTS = {"lr_patience": 2.5, "min_delta": 1.5}


@dataclass(frozen=True, slots=True)
class Axis:
    """One control: an argument of the callback at `part` of the list, and what its positions stand for per monitor.

    `part` is None for what holds for all callbacks: the monitor and the version. `start` is the position asked for,
    `known_as` what the control is called on the command line.
    """

    part: int | None
    name: str
    values: tuple[Values, ...]
    start: int
    known_as: str = ""

    @property
    def count(self) -> int:
        """Number of positions."""
        return len(self.values[0])

    @property
    def is_free(self) -> bool:
        """Whether its positions cost no replay of their own, or hardly one."""
        return self.known_as in _FREE

    @property
    def is_list(self) -> bool:
        """Whether the values have no order to slide through."""
        return any(isinstance(value, (bool, str)) for value in self.values[0])

    def texts(self) -> list[list[str]]:
        """Return the positions as they are shown, per monitor."""
        return [[_shown(value) for value in values] for values in self.values]


def _shown(value: object) -> str:
    if value is None:
        return "off"
    if isinstance(value, (bool, str)):
        return visible(str(value))
    number = float(value)  # type: ignore[arg-type]  # numbers are left
    return short(number) if float(short(number)) == number else repr(value)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The values that a metric has, and which way is better."""

    values: tuple[float, ...]
    mode: str | None

    @property
    def numbers(self) -> list[float]:
        """The values without those that nothing can be measured by."""
        return [value for value in self.values if math.isfinite(value)]


def named_axes(callback: Callback) -> dict[str, str]:
    """Return the names of the controls that a callback can have, with their arguments."""
    if callback.is_of_user:
        return {}
    return {name: argument for name, (owner, argument) in _AXES.items() if callback.name == owner}


def require_names(names: Iterable[str]) -> None:
    """Raise `SettingError` for a control that does not exist."""
    for name in names:
        if name not in _AXES:
            raise SettingError(f"there is no control {name!r}.{did_you_mean(name, _AXES)} Known: {', '.join(_AXES)}.")


def axes_of_callback(
    part: int,
    callback: Callback,
    recorded: Sequence[Recorded],
    offered: Mapping[str, Sequence[object]],
    *,
    only: bool,
    lacking: Collection[str],
    room: int,
) -> Iterator[Axis]:
    """Yield the controls of one callback; `recorded` is what each monitor holds, `room` how many replays there may be.

    `offered` are the lists that were given, by the names of controls; with `only` there are no others. An
    argument that a version lacks is left out, and so is one with a single value.
    """
    names = {n: a for n, a in named_axes(callback).items() if f"{callback.name}.{a}" not in lacking}
    starts = {name: getattr(callback, argument) for name, argument in names.items()}
    lists = {name: _with(starts[name], offered[name]) for name in names if name in offered}
    cost = math.prod(len(values) for name, values in lists.items() if name not in _FREE)
    free = [name for name in names if name not in lists and name not in _UNASKED and not only]
    offers = [{name: _with(starts[name], _OFFERS[name](each)) for name in free} for each in recorded]
    counts = {name: len(values) for name, values in _thinned(offers[0], starts, room // max(cost, 1)).items()}
    for name, argument in names.items():
        values = (
            [lists[name]] * len(recorded)
            if name in lists
            else [_evenly(offer[name], counts[name], starts[name]) for offer in offers if name in free]
        )
        if values and len(values[0]) > 1:
            even = [[*each, *each[-1:] * (len(values[0]) - len(each))] for each in values]
            yield Axis(part, argument, tuple(map(tuple, even)), values[0].index(starts[name]), name)


def _with(start: object, offered: Iterable[object]) -> list[object]:
    """Return the values in order, with the one asked for; None (off) comes first."""
    return sorted({*offered, start}, key=_order)


def _order(value: object) -> tuple[bool, float]:
    return (value is not None, float(value) if isinstance(value, (int, float)) else 0.0)


def _patiences(recorded: Recorded) -> list[float]:
    steps = [*range(1, 11), 12, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500]
    return [step for step in steps if step <= max(len(recorded.values), 1)]


def _rate_patiences(recorded: Recorded) -> list[float]:
    return [step for step in (1, 2, 3, 4, 5, 7, 10, 15, 20, 30) if step <= max(len(recorded.values) // 2, 1)]


def _min_deltas(recorded: Recorded) -> list[float]:
    """Return 0 and round numbers around how far the metric jumps from epoch to epoch in its second half."""
    numbers = recorded.numbers
    late = numbers[len(numbers) // 2 :]
    jumps = sorted(abs(after - before) for before, after in itertools.pairwise(late) if after != before)
    if not jumps:
        return [0]
    noise = jumps[len(jumps) // 2]
    first = math.floor(math.log10(noise)) - 1
    ladder = [digit * 10.0 ** (first + power) for power in range(4) for digit in (1, 2, 5)]
    chosen = [_rounded(step) for step in ladder if noise / 10 <= step <= noise * 2]
    return [0, *chosen]


def _starts(recorded: Recorded) -> list[float]:
    return sorted({0, *(_nice(len(recorded.values) * share) for share in (0.1, 0.25, 0.5))})


def _baselines(recorded: Recorded) -> list[object]:
    """Return off and values that the metric passes a quarter, half and three quarters of its way."""
    numbers = sorted(recorded.numbers)
    if not numbers or numbers[0] == numbers[-1]:
        return [None]
    shares = (0.5, 0.2, 0.05) if recorded.mode != "max" else (0.5, 0.8, 0.95)
    spread = abs(numbers[len(numbers) * 4 // 5] - numbers[len(numbers) // 5]) or numbers[-1] - numbers[0]
    digits = max(0, 1 - math.floor(math.log10(spread)))
    return [None, *(round(numbers[round(share * (len(numbers) - 1))], digits) for share in shares)]


def _nice(value: float) -> int:
    unit = 5 if value >= 10 else 1
    return round(value / unit) * unit


def _rounded(step: float) -> float:
    return float(f"{step:.0e}")


_OFFERS: dict[str, Callable[[Recorded], Sequence[object]]] = {
    "patience": _patiences,
    "min_delta": _min_deltas,
    "start_from_epoch": _starts,
    "baseline": _baselines,
    "lr_patience": _rate_patiences,
    "lr_min_delta": _min_deltas,
    "factor": lambda _: [0.1, 0.2, 0.5],
    "cooldown": lambda recorded: [0, 2, 5, 10] if len(recorded.values) > 20 else [0, 1, 2],
}


def _thinned(lists: Mapping[str, Sequence[object]], starts: Mapping[str, object], room: int) -> dict[str, list[object]]:
    """Return the lists with values left out evenly, from the longest first, until `room` replays are enough.

    The values of `starts` stay, and so do the lists that cost no further replay.
    """
    counts = {name: len(values) for name, values in lists.items()}
    costly = [name for name in lists if name not in _FREE]
    while math.prod(counts[name] for name in costly) > room:
        longer = [name for name in costly if counts[name] > _LEAST.get(name, 1)]
        if not longer:
            break
        counts[max(longer, key=lambda name: counts[name] / _WEIGHTS.get(name, 1))] -= 1
    return {name: _evenly(values, counts[name], starts[name]) for name, values in lists.items()}


def _evenly(values: Sequence[object], count: int, start: object) -> list[object]:
    """Return `count` of the values, both ends and the one asked for among them; alone, only that."""
    if count >= len(values):
        return list(values)
    if count == 1:
        return [start]
    positions = {round(step * (len(values) - 1) / (count - 1)) for step in range(count)}
    wanted = values.index(start)
    if wanted not in positions:
        # The nearest one gives way.
        positions.remove(min(positions, key=lambda position: abs(position - wanted)))
    return [values[position] for position in sorted(positions | {wanted})]
