"""Which Keras is replayed: every version-dependent behaviour is one named field of a frozen `Semantics` value.

The versions stand on one line of time: multi-backend Keras 2.0 to 2.3, then the TensorFlow line (tf.keras, keras 2.4 to
2.15, tf_keras), then Keras 3. A behaviour is its oldest value until a change on that line replaces it; a further version
is a further change. Versions beyond the line's ends are refused, never approximated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

from kcb_replay.errors import SettingError, did_you_mean

__all__ = ["DEFAULT", "Arithmetic", "DirectionRule", "Semantics", "known_semantics", "semantics"]

Arithmetic: TypeAlias = Literal["float32 or ValueError", "float32", "float64"]
DirectionRule: TypeAlias = Literal["acc in name", "name ends in acc, accuracy or auc", "metric"]
Counted: TypeAlias = Literal["samples", "calls", "batches"]
Floor: TypeAlias = Literal["min_lr * 1.0001", "float64", "float32"]
DEFAULT = "keras-3.15"


@dataclass(frozen=True, slots=True, kw_only=True)
class Semantics:
    """The behaviours in which Keras versions and backends differ; the values here are those of Keras 2.0.0.

    Where a behaviour changed, and how that is known, stands with the change in `_CHANGES`.

    Attributes:
        name: what the user writes, for example `keras-3.15/jax`.
        learning_rate_key: the name under which callbacks put the learning rate into the shared logs.
        early_stopping_arithmetic: how EarlyStopping compares `monitor -/+ min_delta` with the best value. The sum is made
            in float64; float32 means that both sides are then rounded and denormals count as 0, and a finite value
            beyond float32 is a ValueError on tensorflow and infinite on jax.
        early_stopping_direction: how `mode="auto"` finds the direction.
        early_stopping_counts_first: the wait is counted before it is tested against patience, not after.
        early_stopping_signed_min_delta: a negative min_delta loosens instead of being taken as positive.
        early_stopping_baseline_by_wait: the baseline decides whether the wait is reset; before, it was the first best.
        early_stopping_spares_first_epoch: epoch 0 never stops.
        early_stopping_improving_never_stops: an improving epoch is not tested against patience.
        early_stopping_restores_at_end: the best weights come back whenever training ends, not only when it stopped.
        early_stopping_any_first_value: the first value is always an improvement, NaN included.
        early_stopping_keeps_best: a re-used callback goes on with the best of the fit before.
        plateau_arithmetic: as early_stopping_arithmetic, for ReduceLROnPlateau and ModelCheckpoint.
        plateau_direction: as early_stopping_direction, for ReduceLROnPlateau and ModelCheckpoint.
        plateau_any_first_value: as early_stopping_any_first_value, for ReduceLROnPlateau and ModelCheckpoint.
        plateau_absolute_min_delta: ReduceLROnPlateau compares value +/- |min_delta| with best, not value with
            best -/+ min_delta; at the exact boundary the two round differently.
        plateau_counts_first: the wait is counted before it is tested against patience, not after.
        plateau_floor: what the learning rate must exceed to be reduced.
        plateau_keeps_best: a re-used ReduceLROnPlateau goes on with the best of the fit before.
        float32_product: the learning rate times the factor is a float32 product (NumPy 2 under tf_keras).
        scheduler_passes_rate: LearningRateScheduler calls schedule(epoch, lr), not schedule(epoch) alone.
        scheduler_logs_rate: LearningRateScheduler logs the learning rate at the end of the epoch.
        checkpoint_epoch_offset: what is added to the epoch in a file name.
        checkpoint_counts: what an integer save_freq counts: samples, calls of the hook, or the batches between them.
        checkpoint_batch_in_name: a file name may hold {batch}.
        checkpoint_saves_without_metric: save_best_only saves when the metric is missing.
        checkpoint_first_batch: the batch seen last before the first one; None takes the first batch as one step.
        checkpoint_suffixes: the endings that a whole model may have; empty where any is allowed.

    """

    name: str = ""
    learning_rate_key: str = "lr"
    early_stopping_arithmetic: Arithmetic = "float64"
    early_stopping_direction: DirectionRule = "acc in name"
    early_stopping_counts_first: bool = False
    early_stopping_signed_min_delta: bool = True
    early_stopping_baseline_by_wait: bool = False
    early_stopping_spares_first_epoch: bool = False
    early_stopping_improving_never_stops: bool = False
    early_stopping_restores_at_end: bool = False
    early_stopping_any_first_value: bool = False
    early_stopping_keeps_best: bool = False
    plateau_arithmetic: Arithmetic = "float64"
    plateau_direction: DirectionRule = "acc in name"
    plateau_any_first_value: bool = False
    plateau_absolute_min_delta: bool = False
    plateau_counts_first: bool = False
    plateau_floor: Floor = "min_lr * 1.0001"
    plateau_keeps_best: bool = False
    float32_product: bool = False
    scheduler_passes_rate: bool = False
    scheduler_logs_rate: bool = False
    checkpoint_epoch_offset: int = 0
    checkpoint_counts: Counted = "samples"
    checkpoint_batch_in_name: bool = False
    checkpoint_saves_without_metric: bool = False
    checkpoint_first_batch: int | None = 0
    checkpoint_suffixes: tuple[str, ...] = ()


class _Point(NamedTuple):
    """A place on the line of time: the era, and the release within it."""

    era: int
    release: tuple[int, ...]


def _multi_backend(*release: int) -> _Point:
    return _Point(0, release)


def _tensorflow(*release: int) -> _Point:
    return _Point(1, release)


def _keras_3(*release: int) -> _Point:
    return _Point(2, release)


class _Change(NamedTuple):
    since: _Point
    field: str
    value: object


# Boundaries: golden cases on both sides, and the release between them by the source diffs of the versions around it.
_CHANGES = (
    # keras-team/keras#8100 and the file name's epoch + 1.
    _Change(_multi_backend(2, 0, 9), "early_stopping_counts_first", True),
    _Change(_multi_backend(2, 0, 9), "checkpoint_epoch_offset", 1),
    _Change(_multi_backend(2, 1, 0), "scheduler_passes_rate", True),
    # lr_epsilon is gone in 2.1.5; 2.1.3 and 2.1.4 were not looked at.
    _Change(_multi_backend(2, 1, 3), "plateau_floor", "float64"),
    # keras-team/keras#9541.
    _Change(_multi_backend(2, 1, 6), "plateau_counts_first", True),
    _Change(_multi_backend(2, 2, 3), "scheduler_logs_rate", True),
    _Change(_tensorflow(2, 0), "early_stopping_signed_min_delta", False),
    _Change(_tensorflow(2, 2), "checkpoint_counts", "calls"),
    _Change(_tensorflow(2, 3), "checkpoint_counts", "batches"),
    # EarlyStopping was rewritten in TensorFlow 2.5.
    _Change(_tensorflow(2, 5), "early_stopping_baseline_by_wait", True),
    _Change(_tensorflow(2, 5), "plateau_floor", "float32"),
    _Change(_tensorflow(2, 6), "checkpoint_batch_in_name", True),
    _Change(_tensorflow(2, 7), "early_stopping_spares_first_epoch", True),
    _Change(_tensorflow(2, 7), "early_stopping_direction", "name ends in acc, accuracy or auc"),
    _Change(_tensorflow(2, 12), "early_stopping_improving_never_stops", True),
    _Change(_tensorflow(2, 15), "checkpoint_first_batch", -1),
    _Change(_tensorflow(2, 16), "early_stopping_restores_at_end", True),
    # Keras 3: keras/src/callbacks/early_stopping.py, reduce_lr_on_plateau.py, model_checkpoint.py.
    _Change(_keras_3(3, 0), "learning_rate_key", "learning_rate"),
    _Change(_keras_3(3, 0), "early_stopping_direction", "metric"),
    _Change(_keras_3(3, 0), "early_stopping_arithmetic", "float32"),
    _Change(_keras_3(3, 0), "early_stopping_keeps_best", True),
    _Change(_keras_3(3, 0), "checkpoint_first_batch", 0),
    _Change(_keras_3(3, 0), "checkpoint_suffixes", (".keras",)),
    _Change(_keras_3(3, 7), "early_stopping_any_first_value", True),
    _Change(_keras_3(3, 7), "early_stopping_keeps_best", False),
    _Change(_keras_3(3, 8), "checkpoint_suffixes", (".keras", ".h5")),
    _Change(_keras_3(3, 10), "checkpoint_saves_without_metric", True),
    # keras/src/callbacks/monitor_callback.py is new in 3.11.
    _Change(_keras_3(3, 11), "plateau_direction", "metric"),
    _Change(_keras_3(3, 11), "plateau_arithmetic", "float32"),
    _Change(_keras_3(3, 11), "plateau_any_first_value", True),
    _Change(_keras_3(3, 11), "plateau_absolute_min_delta", True),
    _Change(_keras_3(3, 11), "early_stopping_keeps_best", True),
    _Change(_keras_3(3, 11), "plateau_keeps_best", True),
    _Change(_keras_3(3, 14), "checkpoint_first_batch", None),
    # keras-team/keras#20256.
    _Change(_keras_3(3, 15), "early_stopping_keeps_best", False),
    _Change(_keras_3(3, 15), "plateau_keeps_best", False),
)

_NAME = re.compile(r"(keras|tf\.keras|tf_keras)-(\d+(?:\.\d+){1,2})(?:/(tensorflow|jax|numpy|torch|numpy1|numpy2))?")
_OF_LIBRARY = {
    "keras": ((_multi_backend(2, 0, 0), _multi_backend(2, 3, 1)), (_tensorflow(2, 4), _tensorflow(2, 15)),
              (_keras_3(3, 0), _keras_3(3, 15))),
    "tf.keras": ((_tensorflow(2, 0), _tensorflow(2, 15)),),
    "tf_keras": ((_tensorflow(2, 15), _tensorflow(2, 21)),),
}  # fmt: skip
# NumPy 2 multiplies a float32 by a Python float in float32; the optimizer of tf_keras hands out such a float32.
_NUMPY_2_SINCE = _tensorflow(2, 18)


def known_semantics() -> tuple[str, ...]:
    """Return the names of the versions at which something changed, oldest first, then the qualifiers."""
    names = (
        "keras-2.0", "keras-2.0.9", "keras-2.1.3", "keras-2.1.6", "keras-2.2.3", "tf.keras-2.0", "tf.keras-2.5",
        "keras-2.6", "keras-2.7", "keras-2.12", "keras-2.15", "tf_keras-2.16", "tf_keras-2.18", "keras-3.0",
        "keras-3.7", "keras-3.8", "keras-3.10", "keras-3.11", "keras-3.14", "keras-3.15",
    )  # fmt: skip
    return (*names, "keras-3.15/jax", "keras-3.15/torch", "keras-3.15/numpy", "tf_keras-2.21/numpy1")


def semantics(name: str | Semantics = DEFAULT) -> Semantics:
    """Resolve a library, version and backend such as `keras-3.15/jax`; raises `SettingError` for an unknown one.

    Releases between two that are named in `known_semantics` behave like the earlier one. Without a backend tensorflow is
    meant, without a NumPy version (tf_keras) NumPy 2.
    """
    if isinstance(name, Semantics):
        return name
    found = _NAME.fullmatch(name)
    point = _point(found[1], found[2]) if found else None
    if found is None or point is None or not _fits(found[1], point, found[3]):
        known = known_semantics()
        raise SettingError(
            f"{name!r} is not a Keras version that kcb-replay knows.{did_you_mean(name, known)}"
            f" Known are these and the releases between them: {', '.join(known)}."
        )
    version = Semantics(name=name.removesuffix("/tensorflow"))
    for change in _CHANGES:
        if change.since <= point:
            version = replace(version, **{change.field: change.value})  # type: ignore[arg-type]  # fields are checked by a test
    return _qualified(version, point, found[3])


def _point(library: str, version: str) -> _Point | None:
    numbers = [int(part) for part in version.split(".")]
    # 2.1 is its first release, 2.1.0, and so not before it.
    release = (*numbers, *[0] * (3 - len(numbers)))
    for first, last in _OF_LIBRARY[library]:
        # 2.15.1 is a patch of the last known release, 2.16 is not.
        if first.release <= release and release[: len(last.release)] <= last.release:
            return _Point(first.era, release)
    return None


def _fits(library: str, point: _Point, qualifier: str | None) -> bool:
    if qualifier in ("numpy1", "numpy2"):
        return library == "tf_keras"
    return qualifier in (None, "tensorflow") or point.era == 2


def _qualified(version: Semantics, point: _Point, qualifier: str | None) -> Semantics:
    if point.era < 2:
        product = point >= _NUMPY_2_SINCE and qualifier != "numpy1"
        return replace(version, float32_product=product)
    single: Arithmetic = {"jax": "float32", "torch": "float32", "numpy": "float64"}.get(  # type: ignore[assignment]
        qualifier or "", "float32 or ValueError"
    )
    return replace(
        version,
        early_stopping_arithmetic=single,
        plateau_arithmetic=single if point >= _keras_3(3, 11) else "float64",
    )
