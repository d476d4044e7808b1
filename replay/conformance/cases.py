"""Random cases for live conformance, in the format of golden cases, drawn and shrunk by hypothesis.

A case is drawn from a named stratum, so that what is rare in random settings (a reduction, a cooldown, a save inside
an epoch) happens often; tests/replay/test_strata.py measures the shares. A metric is a pool of values and one byte an
epoch, which is drawn, and shrunk, as one choice. Arguments that are no numbers are left out: kcb-replay refuses them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, TypeVar

import numpy as np
from hypothesis import strategies as st

from kcb_replay.replay.conformance.case_settings import CaseSettings, Signature
from kcb_replay.replay.conformance.observed import plain

Drawn: TypeAlias = st.SearchStrategy[Any]
Json: TypeAlias = Any
T = TypeVar("T")

_METRICS = {"accuracy": "up", "auc": "up", "mae": "down", "custom": None}
_LOGGED = ("val_loss", "loss", "val_accuracy", "accuracy", "val_auc", "val_mae", "custom", "val_custom")
# Every fifth is of another kind: a row of the same bytes takes those.
_HARD = (
    math.nan, 0.0, 1.0, -1.0, 1e-7,
    math.inf, 1 + 2**-24, 1 + 3 * 2**-24, 1 + 2**-23, 16777216.0,
    -0.0, 16777217.0, 5e-324, 1e-45, 5e-41,
    1e-40, 1.1754943508222875e-38, 1.1754942106924411e-38, -1e-39, 3.4028234663852886e38,
    -math.inf, 3.4028235677973366e38, 1e39, -1e39, 1.7976931348623157e308,
)  # fmt: skip
_RATES = (0.1, 0.01, 1e-3, 1.0, 0.05, 2e-3, 0.3, 1e-6, 0.02, 0.5, 0.1, 1e-4, 0.0, 1e-38, 1e-40, 1e30)
_WIDE = st.floats(-2, 2)
_ANY = st.floats()
_MISSING = 255
_SMALLEST = 1.1754943508222875e-38


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the fits of a stratum look: how long, how many, with how many batches an epoch, and their values."""

    lengths: tuple[int, ...] = (8, 16, 16, 30, 60)
    least: int = 1
    fits: tuple[int, ...] = (1, 1, 1, 2)
    gaps: tuple[int, ...] = (0, 0, 1)
    batches: tuple[int, ...] = (0,)
    hard: tuple[int, ...] = (0, 0, 1, 2)
    missing: tuple[int, ...] = (0, 0, 40)


class Draw:
    """Draws from small sequences and ranges, whose strategies are made once: making them costs more than drawing."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.any = draw

    def upto(self, last: int) -> int:
        """Return a number from 0 to `last`."""
        drawn: int = self.any(_upto(last))
        return drawn

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options; the first is the simplest."""
        return options[self.upto(len(options) - 1)]

    def row(self, length: int) -> bytes:
        """Return that many bytes, as one choice."""
        drawn: bytes = self.any(_bytes(length))
        return drawn


@cache
def _upto(last: int) -> st.SearchStrategy[int]:
    return st.integers(0, last)


@cache
def _bytes(length: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=length, max_size=length)


def shares(cases: int) -> dict[str, int]:
    """Return how many of so many cases each stratum gets: its weight in a hundred, to the nearest that sums up."""
    counts = {name: cases * weight // 100 for name, (weight, _, _) in STRATA.items()}
    by_remainder = sorted(STRATA, key=lambda name: -(cases * STRATA[name][0] % 100))
    for name in by_remainder[: cases - sum(counts.values())]:
        counts[name] += 1
    return counts


def cases(signature: Signature, stratum: str) -> Drawn:
    """Return the strategy of the whole cases of a stratum, without what is expected of them.

    `signature` tells which arguments and classes this version has.
    """
    _, shape, callbacks_of = STRATA[stratum]

    @st.composite
    def case(draw: st.DrawFn) -> Json:
        d = Draw(draw)
        pool = _pool(d, d.pick(shape.hard))
        settings = CaseSettings(
            d.pick, d.upto, d.row, [value for value in pool if not math.isnan(value)] or [0.0], signature
        )
        callbacks = callbacks_of(settings)
        monitors = list(dict.fromkeys(item["kwargs"].get("monitor", "val_loss") for item in callbacks))
        return plain(
            {
                "stratum": stratum,
                "callbacks": callbacks,
                "initial_lr": d.pick(_RATES) if d.upto(9) else draw(st.floats(0, 2, width=32, exclude_min=True)),
                "model_metrics": _METRICS,
                "epochs": _fits(d, shape, pool, monitors),
            }
        )

    return case()


def _pool(d: Draw, hard: int) -> list[float]:
    """Return the values of a case: few, so that they meet again, and what arithmetic stumbles over.

    The first are steps of a grid; `hard` adds so many of the hard ones. Ties in float32 and steps of exactly min_delta
    come from values that differ by less than a float32 holds, and by a margin.
    """
    start, step = d.pick((1.0, -0.0, 3.0, -2.0, 0.1, 1e-3)), d.pick((0.125, 0.25, 1e-4, 0.1, 1e-7, 1e-40))
    pool = [start - step * number for number in range(d.pick((4, 2, 3, 6, 12)))]
    kind = d.upto(4)
    if kind == 1:
        tied = float(np.float32(pool[0]))
        pool += [tied, tied + abs(tied) * 2.0**-26, tied - abs(tied) * 2.0**-27, tied + math.ulp(tied) * 2**28]
    elif kind == 2:
        # Steps of exactly min_delta; of the last two `value + 0.1 < best` and `value < best - 0.1` differ in float64.
        pool = [pool[0], pool[0] - 1e-4, pool[0] - 0.125, 0.45, 0.35]
    elif kind == 3:
        pool += [d.any(_WIDE), d.any(_ANY)]
    elif kind == 4:
        # On both sides of what backends flush to zero.
        pool = [_SMALLEST, 0.0, 1.1754942106924411e-38, 2 * _SMALLEST, -_SMALLEST, 1e-40]
    return pool + [_HARD[(byte + 5 * number) % len(_HARD)] for number, byte in enumerate(d.row(hard))]


def _fits(d: Draw, shape: _Shape, pool: list[float], monitors: list[str]) -> list[Json]:
    """Return the epochs of one or several fits with the same callbacks."""
    logged = _names(d, monitors)
    missing = d.pick(shape.missing)
    rows = []
    for fit in range(d.pick(shape.fits)):
        longest = d.pick(shape.lengths)
        # The larger of two: short fits say little.
        length = shape.least + max(d.upto(longest - shape.least), d.upto(longest - shape.least))
        first, gap = d.pick((0, 0, 0, 1, 5)), d.pick(shape.gaps)
        columns = {name: _column(d.row(length), pool, missing) for name in logged}
        batches = _batches(d, shape, length, pool)
        for number in range(length):
            logs = {name: column[number] for name, column in columns.items() if column[number] is not None}
            index = first + number + (gap * (1 + number // 3) if gap else 0)
            rows.append({"fit": fit, "epoch": index, "logs": logs, **({"batches": batches[number]} if batches else {})})
    return rows


def _names(d: Draw, monitors: list[str]) -> list[str]:
    """Return the metrics that are logged: mostly those that are monitored, and others."""
    wanted = [name for name in monitors if name in _LOGGED]
    if d.upto(19) == 19:
        wanted = wanted[1:]
    others = [_LOGGED[d.upto(len(_LOGGED) - 1)] for _ in range(d.pick((0, 1, 2)))]
    return list(dict.fromkeys((*wanted, *others)))


def _column(row: bytes, pool: list[float], missing: int) -> list[float | None]:
    return [None if byte > _MISSING - missing else pool[byte % len(pool)] for byte in row]


def _batches(d: Draw, shape: _Shape, length: int, pool: list[float]) -> list[list[list[float]]]:
    """Return the batches of each epoch, as the last index of a group of `steps_per_execution`, and its loss."""
    most = d.pick(shape.batches)
    if not most:
        return []
    group = d.pick((1, 1, 2, 3))
    counts, losses = d.row(length), d.row(length)
    finite = [value for value in pool if math.isfinite(value)] or [0.5]
    values = pool if d.upto(1) else finite
    return [
        [
            [(number + 1) * group - 1, values[(losses[epoch] + number) % len(values)]]
            for number in range(most - counts[epoch] % 3 % most)
        ]
        for epoch in range(length)
    ]


_PLAIN = _Shape(lengths=(16, 30, 60), least=4, hard=(0, 0, 0, 1), missing=(0, 0, 0, 20))
_BATCHED = _Shape(lengths=(4, 8, 16), batches=(3, 1, 2, 4, 6), fits=(1, 1, 2))
# Name: its weight in a hundred, how its fits look, and its callbacks.
STRATA: dict[str, tuple[int, _Shape, Callable[[CaseSettings], list[Json]]]] = {
    "stops": (12, _Shape(hard=(0, 1, 2, 3)), lambda s: [s.early_stopping(), *s.others(1)]),
    "reductions": (22, _PLAIN, lambda s: [s.reducing(), *s.others(1)]),
    "cooldowns": (17, _Shape(lengths=(24, 40), least=6, hard=(0, 0, 0, 1), fits=(1, 1, 1, 2)), lambda s: [s.cooling()]),
    "batch saves": (15, _BATCHED, lambda s: [s.batch_saving(), *s.others(1)]),
    "several fits": (8, _Shape(lengths=(4, 8, 16), fits=(2, 2, 3), gaps=(0, 1)), lambda s: s.several()),
    "arithmetic": (8, _Shape(lengths=(6, 12, 24), hard=(3, 5, 8), fits=(1, 1, 2)), lambda s: s.several()),
    "schedules": (5, _Shape(lengths=(6, 12), fits=(1, 1, 2)), lambda s: [s.scheduler(), *s.others(2)]),
    "bad losses": (3, _Shape(lengths=(4, 8), batches=(1, 3, 5), hard=(1, 2)), lambda s: [s.terminate(), *s.others(1)]),
    "observers": (8, _Shape(lengths=(6, 12), batches=(0, 2)), lambda s: s.observed()),
    "odd settings": (2, _Shape(lengths=(6, 12), batches=(0, 2)), lambda s: s.odd()),
}
