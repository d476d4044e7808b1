"""Which Keras is replayed: from a library, a version and a backend to the behaviours that they have.

Versions beyond the ends of the timeline are refused, never approximated, unless the newest known one is asked for in
their place: `nearest_known` gives it with a note that has to stand beside every answer.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

from kcb_replay.errors import SettingError, did_you_mean
from kcb_replay.replay.behaviours import Arithmetic, Semantics
from kcb_replay.replay.timeline import (
    ADDED,
    CHANGES,
    NUMPY_2_SINCE,
    OF_LIBRARY,
    REMOVED,
    Point,
    keras_3,
    multi_backend,
    tensorflow,
)

__all__ = ["DEFAULT", "Semantics", "known_semantics", "nearest_known", "semantics"]

DEFAULT = "keras-3.15"
_NAME = re.compile(r"(keras|tf\.keras|tf_keras)-(\d+(?:\.\d+){1,2})(?:/(tensorflow|jax|numpy|torch|numpy1|numpy2))?")


def known_semantics() -> tuple[str, ...]:
    """Return the names of the versions at which something changed, oldest first, then the qualifiers."""
    points = {change.since for change in CHANGES} | {since for since, _ in (*ADDED, *REMOVED)}
    names = [_name(point) for point in sorted({multi_backend(2, 0), NUMPY_2_SINCE, *points})]
    return (*names, "keras-3.15/jax", "keras-3.15/torch", "keras-3.15/numpy", "tf_keras-2.21/numpy1")


def _name(point: Point) -> str:
    library = "keras"
    if point.era == tensorflow().era:
        library = "tf.keras" if point.release < (2, 6) else "tf_keras" if point.release >= (2, 16) else "keras"
    return f"{library}-{'.'.join(map(str, point.release))}"


def semantics(name: str | Semantics = DEFAULT) -> Semantics:
    """Resolve a library, version and backend such as `keras-3.15/jax`; raises `SettingError` for an unknown one.

    Releases between two that are named in `known_semantics` behave like the earlier one. Without a backend tensorflow
    is meant, without a NumPy version (tf_keras) NumPy 2.
    """
    return name if isinstance(name, Semantics) else _resolved(name)


def nearest_known(name: str) -> tuple[Semantics, str | None]:
    """Resolve a version as `semantics` does; one that is newer than all known of its library becomes the newest known.

    The second value is None, or the note that says so. Raises `SettingError` for all other unknown names.
    """
    try:
        return semantics(name), None
    except SettingError:
        newest = _newest_of(name)
        if newest is None:
            raise
    known = semantics(newest)
    return known, (
        f"{name} is newer than every {name.partition('-')[0]} that kcb-replay knows: {known.name}, the newest known"
        " one, is replayed in its place. What has changed since then is not in the answer"
    )


def _newest_of(name: str) -> str | None:
    """Return the newest known version of the library, with the qualifier, for a name newer than that; else None."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    library, version, qualifier = found.groups()
    newest = OF_LIBRARY[library][-1][1].release
    # tf.keras is Keras 3 from TensorFlow 2.16 on: its last release here is not what those are like.
    if library == "tf.keras" or tuple(map(int, version.split("."))) <= newest:
        return None
    return f"{library}-{'.'.join(map(str, newest))}{'/' + qualifier if qualifier else ''}"


@cache
def _resolved(name: str) -> Semantics:
    found = _NAME.fullmatch(name)
    point = _point(found[1], found[2]) if found else None
    if found is None or point is None or not _fits(found[1], point, found[3]):
        known = known_semantics()
        raise SettingError(
            f"{name!r} is not a Keras version that kcb-replay knows.{did_you_mean(name, known)}"
            f" Known are these and the releases between them: {', '.join(known)}."
        )
    changed: dict[str, Any] = {change.field: change.value for change in CHANGES if change.since <= point}
    missing = [what for since, what in ADDED if since > point] + [what for since, what in REMOVED if since <= point]
    version = Semantics(name=name.removesuffix("/tensorflow"), missing_arguments=frozenset(missing), **changed)
    return _qualified(version, point, found[3])


def _point(library: str, version: str) -> Point | None:
    release = tuple(int(part) for part in f"{version}.0".split(".")[:3])
    for first, last in OF_LIBRARY[library]:
        # 2.15.1 is a patch of the last known release, 2.16 is not.
        if first.release <= release and release[: len(last.release)] <= last.release:
            return Point(first.era, release)
    return None


def _fits(library: str, point: Point, qualifier: str | None) -> bool:
    if qualifier in ("numpy1", "numpy2"):
        return library == "tf_keras"
    return qualifier in (None, "tensorflow") or point.era == 2


def _qualified(version: Semantics, point: Point, qualifier: str | None) -> Semantics:
    if point.era < 2:
        product = point >= NUMPY_2_SINCE and qualifier != "numpy1"
        return replace(version, float32_product=product)
    single: Arithmetic = {"jax": "float32", "torch": "float32", "numpy": "float64"}.get(  # type: ignore[assignment]
        qualifier or "", "float32 or ValueError"
    )
    return replace(
        version,
        early_stopping_arithmetic=single,
        plateau_arithmetic=single if point >= keras_3(3, 11) else "float64",
    )
