"""Which Keras is installed here: its version, backend and NumPy, and the semantics that go with them.

Imports Keras only when asked, and refuses Keras 2 under its old name: its last releases are tf_keras.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from kcb_replay.errors import MissingExtraError, SettingError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Installed", "Library", "installed", "module_of"]

Library: TypeAlias = Literal["keras", "tf_keras"]


@dataclass(frozen=True, slots=True)
class Installed:
    """A Keras that can be imported here."""

    library: Library
    version: str
    backend: str
    numpy: str

    @property
    def semantics(self) -> str:
        """The name of its semantics, such as `keras-3.15.1/jax`; whether they are known is another question."""
        found = re.match(r"\d+(\.\d+){1,2}", self.version)
        release = found[0] if found else self.version
        qualifier = self.backend if self.library == "keras" else f"numpy{self.numpy.split('.')[0]}"
        return f"{self.library}-{release}/{qualifier}"

    def __str__(self) -> str:
        return f"{self.library} {self.version} ({self.backend}, NumPy {self.numpy})"


def module_of(library: Library, purpose: str) -> ModuleType:
    """Import the library; raises `MissingExtraError` without it and `SettingError` where it is Keras 2."""
    try:
        module = importlib.import_module(library)
    except ModuleNotFoundError as missing:
        if missing.name == library:
            raise MissingExtraError(library, "keras", purpose) from missing
        # Keras itself is there, its backend is not: KERAS_BACKEND or its configuration file says which.
        raise SettingError(f"{purpose} needs {library}, which cannot be imported here: {missing}.") from missing
    if library == "keras" and str(module.__version__).startswith("2."):
        raise SettingError(
            f"{purpose} works with Keras 3 and with tf_keras, but keras {module.__version__} is installed."
            " pip install 'keras>=3', or tf_keras, which goes on with Keras 2."
        )
    return module


def installed(library: Library, purpose: str) -> Installed:
    """Return what is installed of `library`; raises as `module_of` does."""
    import numpy as np

    module = module_of(library, purpose)
    backend = module.backend.backend() if library == "keras" else "tensorflow"
    return Installed(library, str(module.__version__), str(backend), np.__version__)
