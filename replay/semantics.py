"""Which Keras is replayed: every version-dependent behaviour is one named field of a frozen `Semantics` value.

A further version is a further row of `_ROWS`. Versions that are not in the table are refused, never approximated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from kcb_replay.errors import SettingError, did_you_mean

__all__ = ["DEFAULT", "Arithmetic", "Semantics", "known_semantics", "semantics"]

Arithmetic: TypeAlias = Literal["float32 or ValueError", "float32", "float64"]
DEFAULT = "keras-3.15"


@dataclass(frozen=True, slots=True, kw_only=True)
class Semantics:
    """The behaviours in which Keras versions and backends differ.

    Attributes:
        name: what the user writes, for example `keras-3.15/jax`.
        arithmetic: how `monitor -/+ min_delta` is compared with the best value. The sum is made in float64, then both
            sides are rounded to float32 by `ops.less`/`ops.greater`, where denormals count as 0; on tensorflow a finite
            value beyond float32 raises ValueError, on jax it becomes infinite; the numpy backend compares in float64.
            Since 3.0 for EarlyStopping, since 3.11 for ReduceLROnPlateau (keras/src/callbacks/monitor_callback.py).
        learning_rate_key: the name under which callbacks put the learning rate into the shared logs: `lr` until
            Keras 2, `learning_rate` since 3.0 (keras/src/callbacks/reduce_lr_on_plateau.py).

    """

    name: str
    arithmetic: Arithmetic
    learning_rate_key: str


_ROWS = {
    row.name: row
    for row in (
        Semantics(name="keras-3.15", arithmetic="float32 or ValueError", learning_rate_key="learning_rate"),
        Semantics(name="keras-3.15/jax", arithmetic="float32", learning_rate_key="learning_rate"),
        Semantics(name="keras-3.15/numpy", arithmetic="float64", learning_rate_key="learning_rate"),
    )
}


def known_semantics() -> tuple[str, ...]:
    """Return every name that `semantics` resolves."""
    return tuple(_ROWS)


def semantics(name: str | Semantics = DEFAULT) -> Semantics:
    """Resolve a library, version and backend such as `keras-3.15/jax`; raises `SettingError` for an unknown one.

    Without a backend the tensorflow one is meant.
    """
    if isinstance(name, Semantics):
        return name
    try:
        return _ROWS[name.removesuffix("/tensorflow")]
    except KeyError:
        known = known_semantics()
        raise SettingError(
            f"{name!r} is not a Keras version that kcb-replay knows.{did_you_mean(name, known)}"
            f" Known: {', '.join(known)}."
        ) from None
