"""Which Keras is replayed: from a library, a version and a backend to the behaviours that they have.

Versions that are not known are refused, never approximated, but for those that `version_names` has a note for: they
have a name that says so, as `keras-3.16 as keras-3.15`, in every answer.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from kcb_replay.errors import SettingError, did_you_mean
from kcb_replay.language.reason import Reason
from kcb_replay.replay.behaviours import Arithmetic, Semantics
from kcb_replay.replay.timeline import (
    ADDED,
    CHANGES,
    NUMPY_2_SINCE,
    REMOVED,
    Point,
    keras_3,
    multi_backend,
    tensorflow,
)
from kcb_replay.replay.version_names import VersionName, point_of, version_name

__all__ = [
    "DEFAULT",
    "Semantics",
    "known_semantics",
    "nearest_known",
    "note_on",
    "point_of_version",
    "release_name",
    "semantics",
]

DEFAULT = "keras-3.15"
# Between what was asked for and the version that is replayed for it.
_AS = " as "
_ARITHMETIC: dict[str, Arithmetic] = {"jax": "float32", "torch": "float32 with denormals", "numpy": "float64"}


def known_semantics() -> tuple[str, ...]:
    """Return the names of the versions at which something changed, oldest first, then the qualifiers."""
    points = {change.since for change in CHANGES} | {argument.since for argument in (*ADDED, *REMOVED)}
    names = [release_name(point) for point in sorted({multi_backend(2, 0), NUMPY_2_SINCE, *points})]
    return (*names, "keras-3.15/jax", "keras-3.15/torch", "keras-3.15/numpy", "tf_keras-2.21/numpy1")


def release_name(point: Point) -> str:
    """Return the name of a release, under which library people know it."""
    library = "keras"
    if point.era == tensorflow().era:
        library = "tf.keras" if point.release < (2, 6) else "tf_keras" if point.release >= (2, 16) else "keras"
    return f"{library}-{'.'.join(map(str, point.release))}"


def semantics(name: str | Semantics = DEFAULT) -> Semantics:
    """Resolve a library, version and backend such as `keras-3.15/jax`; raises `SettingError` for an unknown one.

    Releases between two that are named in `known_semantics` behave like the earlier one. Without a backend tensorflow
    is meant, without a NumPy version (tf_keras) NumPy 2. Where the name leaves a choice, see `nearest_known`, the name
    of the result says what was chosen for it: `keras-3.16 as keras-3.15`.
    """
    return name if isinstance(name, Semantics) else _resolved(name)


def nearest_known(name: str) -> tuple[Semantics, str | None]:
    """Resolve a version as `semantics` does, with the note on what was chosen where the name leaves a choice.

    A version that is newer than all known ones of its library becomes the newest known. Raises `SettingError` for all
    other unknown names.
    """
    version = semantics(name)
    note = note_on(version)
    return version, None if note is None else str(note)


def note_on(version: Semantics) -> Reason | None:
    """Return what has to be said beside every answer of a version that stands for another, None for all others."""
    written, is_chosen, _ = version.name.partition(_AS)
    named = version_name(written) if is_chosen else None
    return named.note if named else None


def point_of_version(version: Semantics) -> Point:
    """Return the place of a version on the line of time; raises `SettingError` for one that has none."""
    plain = version.name.rpartition(_AS)[2].partition("/")[0]
    library, _, release = plain.rpartition("-")
    point = point_of(library, tuple(map(int, release.split(".")))) if semantics(plain) else None
    if point is None:
        raise AssertionError("a name that resolves has a place")
    return point


@cache
def _resolved(name: str) -> Semantics:
    written = name.partition(_AS)[0].strip()
    named = version_name(written)
    version = _known(named) if named else None
    if version is None:
        known = known_semantics()
        raise SettingError(
            f"{name!r} is not a Keras version that kcb-replay knows.{did_you_mean(name, known)}"
            f" Known are these and the releases between them: {', '.join(known)}."
        )
    return replace(version, name=f"{written}{_AS}{version.name}") if named and named.note else version


def _known(named: VersionName) -> Semantics | None:
    """Return the behaviours of a version, None where it has no such backend."""
    plain, _, qualifier = named.known.partition("/")
    library, _, release = plain.rpartition("-")
    point = point_of(library, tuple(map(int, release.split("."))))
    if point is None or not _fits(library, point, qualifier):
        return None
    changed: dict[str, Any] = {change.field: change.value for change in CHANGES if change.since <= point}
    missing = [each.name for each in ADDED if each.since > point]
    missing += [each.name for each in REMOVED if each.since <= point]
    return _qualified(Semantics(name=named.known, missing_arguments=frozenset(missing), **changed), point, qualifier)


def _fits(library: str, point: Point, qualifier: str) -> bool:
    if qualifier in ("numpy1", "numpy2"):
        return library == "tf_keras"
    return not qualifier or point.era == 2


def _qualified(version: Semantics, point: Point, qualifier: str) -> Semantics:
    if point.era < 2:
        product = point >= NUMPY_2_SINCE and qualifier != "numpy1"
        return replace(version, float32_product=product)
    arithmetic = _ARITHMETIC.get(qualifier, "float32 or ValueError")
    return replace(
        version,
        early_stopping_arithmetic=arithmetic,
        plateau_arithmetic=arithmetic if point >= keras_3(3, 11) else "float64",
    )
