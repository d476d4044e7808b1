"""What people write for a version of Keras, as the name that the timeline knows it by.

A name that stands for one known version becomes it. One that leaves a choice (a release newer than all known, Keras 3
without a release, TensorFlow with whichever Keras 3 is installed) becomes the likeliest, with a note that has to stand
beside every answer. A name that may be one of several versions which differ is refused with all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kcb_replay.errors import SettingError
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.timeline import OF_LIBRARY, Point

__all__ = ["VersionName", "point_of", "version_name"]

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


@dataclass(frozen=True, slots=True)
class VersionName:
    """The name of a known version; `choice` is why it is this one, where the name left a choice."""

    known: str
    choice: Reason | None = None

    @property
    def note(self) -> Reason | None:
        """What has to be said beside every answer, None where nothing was chosen."""
        return None if self.choice is None else reason(self.choice.code, known=self.known, **dict(self.choice.values))


def version_name(written: str) -> VersionName | None:
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
