"""Which Keras is replayed: from what people write for a library, a version and a backend to the behaviours they have.

A name that stands for one known version becomes it. One that leaves a choice (a release newer than all known, Keras 3
without a release, TensorFlow with whichever Keras 3 is installed) becomes the likeliest, with a note that has to stand
beside every answer: its name says so, as `keras-3.16 as keras-3.15`. A name that may be one of several versions which
differ is refused with all of them, and so is every version that is not known: none is approximated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from kcb_replay.errors import SettingError, did_you_mean
from kcb_replay.language.reason import Reason, reason
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

_WRITTEN = re.compile(
    r"(?P<library>keras-nightly|keras|tf\.keras|tensorflow\.keras|tf[_-]keras|tf|tensorflow)?[ =_-]*v?"
    r"(?P<release>\d+(?:\.\d+){0,2})(?P<printed>-tf)?"
    # What pip shows of a candidate, a nightly or a local build.
    r"(?:\.?(?:dev|rc|a|b|post)\d*)?(?:\+[\w.]+)?"
    r"(?P<qualifier>/(?:tensorflow|jax|numpy|torch|numpy1|numpy2))?"
)
_LIBRARY = {
    "keras": "keras",
    "keras-nightly": "keras",
    "tf.keras": "tf.keras",
    "tensorflow.keras": "tf.keras",
    "tf": "tf.keras",
    "tensorflow": "tf.keras",
    "tf_keras": "tf_keras",
    "tf-keras": "tf_keras",
}
# From this TensorFlow on tf.keras is the Keras 3 that is installed beside it.
_IS_KERAS_3 = (2, 16)
DEFAULT = "keras-3.15"
# Between what was asked for and the version that is replayed for it.
_AS = " as "
_ARITHMETIC: dict[str, Arithmetic] = {"jax": "float32", "torch": "float32 with denormals", "numpy": "float64"}


@dataclass(frozen=True, slots=True)
class VersionName:
    """The name of a known version; `choice` is why it is this one, where the name left a choice."""

    known: str
    choice: Reason | None = None

    @property
    def note(self) -> Reason | None:
        """What has to be said beside every answer, None where nothing was chosen."""
        return None if self.choice is None else reason(self.choice.code, known=self.known, **dict(self.choice.values))


def _version_name(written: str) -> VersionName | None:
    """Return the known version that is meant, None for what names none.

    Raises `SettingError` for a name that may be one of several versions which differ.
    """
    parts = _WRITTEN.fullmatch(written.strip().lower())
    if parts is None:
        return None
    release = tuple(map(int, parts["release"].split(".")))
    named_library = _LIBRARY[parts["library"]] if parts["library"] else None
    if parts["printed"]:
        chosen = _printed(release)
    elif len(release) == 1:
        chosen = _of_major(written.strip(), named_library, release[0])
    else:
        chosen = _of_release(written.strip(), named_library, release)
    qualifier = (parts["qualifier"] or "").replace("/tensorflow", "")
    return chosen and VersionName(chosen.known + qualifier, chosen.choice)


def point_of(library: str, release: tuple[int, ...]) -> Point | None:
    """Return the place of a release on the line of time, None where the library has none that is known."""
    padded = (*release, 0, 0)[:3]
    for first, last in OF_LIBRARY[library]:
        # 2.15.1 is a patch of the last known release, 2.16 is not.
        if first.release <= padded and padded[: len(last.release)] <= last.release:
            return Point(first.era, padded)
    return None


def _of_release(written: str, named_library: str | None, release: tuple[int, ...]) -> VersionName | None:
    """Return the version of a release; raises `SettingError` where libraries that differ have one of that number."""
    libraries = (named_library,) if named_library else tuple(OF_LIBRARY)
    meant = {library: name for library in libraries if (name := _of_library(written, library, release))}
    # Releases of one number are alike, whatever the library is called, and Keras 3 is not Keras 2.
    distinct = {point_of(*_parsed(name.known)): library for library, name in reversed(meant.items())}
    if len(distinct) > 1:
        may_be = " or ".join(f"{library}-{_dotted(release)}" for library in reversed(distinct.values()))
        raise SettingError(f"{written!r} may be {may_be}, and they differ. Name the library.")
    return next(iter(meant.values()), None)


def _of_library(written: str, library: str, release: tuple[int, ...]) -> VersionName | None:
    if point_of(library, release):
        return VersionName(f"{library}-{_dotted(release)}")
    if library == "tf.keras":
        # Since TensorFlow 2.16 `tf.keras.__version__` is that of Keras 3.
        return _of_library(written, "keras", release) if release[0] == 3 else _beside_tensorflow(release)
    newest = OF_LIBRARY[library][-1][1].release
    # tf_keras goes on with Keras 2; a major release beyond the next one is a slip of the finger.
    most = 2 if library == "tf_keras" else newest[0] + 1
    if not newest < release[: len(newest)] or release[0] > most:
        return None
    return VersionName(_newest(library), reason("version_name.newer", written=written, library=library))


def _beside_tensorflow(release: tuple[int, ...]) -> VersionName | None:
    if not _IS_KERAS_3 <= release < (3,):
        return None
    number = _dotted(release)
    return VersionName(_newest("keras"), reason("version_name.beside_tensorflow", number=number))


def _printed(release: tuple[int, ...]) -> VersionName | None:
    """Return the version that `tf.keras.__version__` stands for; several releases of TensorFlow print 2.2.4-tf."""
    if release == (2, 3, 0):
        return VersionName("tf.keras-2.2")
    if release != (2, 2, 4):
        return None
    return VersionName("tf.keras-2.1", reason("version_name.printed"))


def _of_major(written: str, library: str | None, major: int) -> VersionName | None:
    """Return the newest Keras 3; raises `SettingError` for Keras 2, which changed from release to release."""
    if library in (None, "keras") and major == OF_LIBRARY["keras"][-1][1].release[0]:
        return VersionName(_newest("keras"), reason("version_name.no_release", written=written))
    spans = [
        f"{each}-{_dotted(first.release)} to {each}-{_dotted(last.release)}"
        for each in ((library,) if library else OF_LIBRARY)
        for first, last in OF_LIBRARY[each]
        if first.release[0] <= major <= last.release[0]
    ]
    if not spans:
        return None
    raise SettingError(f"{written!r} may be any of {', '.join(spans)}, and they differ. Name one release.")


def _parsed(known: str) -> tuple[str, tuple[int, ...]]:
    library, _, release = known.rpartition("-")
    return library, tuple(map(int, release.split(".")))


def _newest(library: str) -> str:
    return f"{library}-{_dotted(OF_LIBRARY[library][-1][1].release)}"


def _dotted(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))


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
    named = _version_name(written) if is_chosen else None
    return named.note if named else None


def point_of_version(version: Semantics) -> Point:
    """Return the place of a version on the line of time; raises `SettingError` for one that has none."""
    plain = version.name.rpartition(_AS)[2].partition("/")[0]
    point = point_of(*_parsed(plain)) if semantics(plain) else None
    if point is None:
        raise AssertionError("a name that resolves has a place")
    return point


@cache
def _resolved(name: str) -> Semantics:
    written = name.partition(_AS)[0].strip()
    named = _version_name(written)
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
    library, release = _parsed(plain)
    point = point_of(library, release)
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
