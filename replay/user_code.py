"""The user's own functions and classes, by the place they stand in: `module:name` or `path/file.py:name`.

This runs the user's code, as Python would; nothing is loaded that was not named.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kcb_replay.errors import SettingError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = ["UserFunction", "load", "user_function"]


@dataclass(frozen=True, slots=True)
class UserFunction:
    """A function and the place it was loaded from; called and compared like the function, written as the place."""

    place: str
    function: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)

    def __str__(self) -> str:
        return f'"{self.place}"'


def user_function(place: str) -> UserFunction:
    """Return the function at `module:name` or `file.py:name`; raises `SettingError` when there is none."""
    source, _, name = place.rpartition(":")
    function = load(source, name)
    if not callable(function):
        raise SettingError(f"{place} is {function!r}, which cannot be called. Name a function.")
    return UserFunction(place, function)


def load(source: str, name: str) -> Any:
    """Return what `name` is in a module or Python file; raises `SettingError` that says what there is instead."""
    module = _module_of(source)
    try:
        return getattr(module, name)
    except AttributeError:
        public = [known for known in vars(module) if not known.startswith("_") and callable(getattr(module, known))]
        close = did_you_mean(name, public)
        raise SettingError(f"{source} has no {name!r}.{close} It has: {', '.join(public) or 'nothing'}.") from None


def _module_of(source: str) -> ModuleType:
    try:
        return _from_file(Path(source)) if source.endswith(".py") else _imported(source)
    except SettingError:
        raise
    except Exception as error:
        raise SettingError(f"{source} cannot be loaded: it raises {type(error).__name__}: {error}.") from error


def _imported(name: str) -> ModuleType:
    # As `python -m` does: modules beside the caller are found.
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0] and error.name != name:
            raise
        raise SettingError(
            f"There is no module {name!r}. Write module:name for an installed module or one in the working directory,"
            " file.py:name for a file."
        ) from None
    finally:
        sys.path.remove(here)


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise SettingError(f"There is no file {path}. Write file.py:name, relative to the working directory.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise AssertionError("a .py file always has a loader")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
