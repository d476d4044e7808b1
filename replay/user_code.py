"""Load the user's own code: a callback or a function in a file, or in a module that Python finds.

The file is run, once for each version of it; nothing here knows what a callback is.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from kcb_replay.errors import MissingExtraError, SettingError, did_you_mean

_MOST_NAMES = 20
_OF_THE_EXTRA = ("keras", "tf_keras", "tensorflow", "jax", "torch")


@dataclass(frozen=True, slots=True)
class UserFunction:
    """A function and the place it was loaded from; called and compared like the function, written as the place."""

    place: str
    function: Callable[..., object]

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Call the function."""
        return self.function(*args, **kwargs)

    def __str__(self) -> str:
        return f'"{self.place}"'


def user_function(place: str) -> UserFunction:
    """Return the function at `module:name` or `file.py:name`; raises `SettingError` when there is none."""
    source, _, name = place.rpartition(":")
    return UserFunction(place, named_in(source, name))


def named_in(source: str, name: str) -> Callable[..., object]:
    """Return what is called `name` in a file or module; raises `SettingError`, or `MissingExtraError` without Keras."""
    module = _load(source)
    value = getattr(module, name, None)
    if callable(value):
        return value  # type: ignore[no-any-return]  # what a user's module holds has no type here
    known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    what = "nothing called" if value is None else f"{value!r}, which cannot be called, as"
    raise SettingError(f"{source} has {what} {name}.{did_you_mean(name, known)} It has: {_listed(known)}.")


def _listed(names: Sequence[str]) -> str:
    """Name what a module has; of a big one, as `builtins`, only how much."""
    return f"{len(names)} others" if len(names) > _MOST_NAMES else ", ".join(names) or "nothing"


def check_arguments(
    kind: Callable[..., object], shown: str, positional: Sequence[object], named: Mapping[str, object]
) -> None:
    """Raise `SettingError` with the remedy where `kind` does not take these arguments."""
    signature = inspect.signature(kind)
    known = [item.name for item in signature.parameters.values() if item.kind is not item.VAR_POSITIONAL]
    takes_any = any(item.kind is item.VAR_KEYWORD for item in signature.parameters.values())
    for argument in named:
        if argument not in known and not takes_any:
            close = did_you_mean(argument, known)
            raise SettingError(
                f"{kind.__name__} has no argument '{argument}'.{close} It has: {', '.join(known) or 'none'}."
            )
    try:
        signature.bind(*positional, **named)
    except TypeError as error:
        raise SettingError(f"{shown}: {error}. It is {kind.__name__}{signature}.") from None


def _load(source: str) -> ModuleType:
    """Import a file, by its path, or a module, by its name; what it imports may stand beside it."""
    path = Path(source)
    try:
        if path.suffix != ".py":
            with _importable(Path.cwd()):
                return importlib.import_module(source)
        return _run(path.resolve(), path.stat().st_mtime_ns)
    except OSError as error:
        raise SettingError(f"{source} cannot be read: {error.strerror or error}.") from None
    except ModuleNotFoundError as missing:
        if missing.name in _OF_THE_EXTRA:
            raise MissingExtraError(missing.name, "keras", source) from missing
        if missing.name == source.partition(".")[0]:
            raise SettingError(
                f"There is no module {source!r}. Write module:name for an installed module or one in the working"
                " directory, file.py:name for a file."
            ) from missing
        raise SettingError(f"{source} cannot be loaded: {missing}.") from missing
    except Exception as error:
        raise SettingError(f"{source} cannot be loaded: {type(error).__name__}: {error}.") from error


@functools.lru_cache(maxsize=16)
def _run(path: Path, modified: int) -> ModuleType:
    """Run a file as a module of its own; a file that has changed since is run again."""
    name = f"_kcb_replay_code_{path.stem}_{modified}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise AssertionError("a .py file always has a loader")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles look their module up there.
    sys.modules[name] = module
    with _importable(path.parent):
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
