"""The Keras that is installed here: its version and semantics, its classes, and the attributes of its objects.

Imports Keras only when asked, and refuses Keras 2 under its old name: its last releases are tf_keras. What is told of a
callback by its class looks at names of classes and modules only, and imports none. No version's attributes are listed
here: they are read off a real model, optimizer and metric made once, so that a Keras that renames or adds some is
answered as it is.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import CodeType, ModuleType
from typing import Any, Literal, TypeAlias

from kcb_replay.errors import MissingExtraError, SettingError
from kcb_replay.replay.callbacks import CALLBACKS
from kcb_replay.replay.callbacks.refused import REFUSED

Library: TypeAlias = Literal["keras", "tf_keras"]
_LIBRARIES: tuple[Library, ...] = ("keras", "tf_keras")
_WRITERS = {
    "BackupAndRestore": "it backs up the weights of a training, and a recording holds none",
    "BackupAndRestoreExperimental": "it backs up the weights of a training, and a recording holds none",
    "CSVLogger": "it would overwrite its file",
    "OrbaxCheckpoint": REFUSED["OrbaxCheckpoint"],
    "RemoteMonitor": "it would send the recording to its server",
    "TensorBoard": "it would write event files",
    "UpdateEmbeddingCallback": REFUSED["UpdateEmbeddingCallback"],
}
_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
_TEST_BATCH_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
# `fit` sets it, in Keras 3 through its History callback; a model that has not been trained lacks it.
_SET_BY_FIT = frozenset({"history"})


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
        match = re.match(r"\d+(\.\d+){1,2}", self.version)
        release = match[0] if match else self.version
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


def is_keras_callback(value: object) -> bool:
    """Tell whether `value` is a callback of Keras or tf_keras, without importing either."""
    return library_of(type(value)) is not None


def library_of(kind: type) -> Library | None:
    """Return the library whose `Callback` is a base of the class, None where there is none."""
    for base in kind.__mro__:
        package = base.__module__.partition(".")[0]
        if base.__name__ == "Callback" and package in _LIBRARIES:
            return "keras" if package == "keras" else "tf_keras"
    return None


def built_in_names(kind: type) -> list[str]:
    """Return the names of those classes among its bases, and itself, that Keras ships."""
    return [base.__name__ for base in kind.__mro__ if _is_built_in(base)]


def refuse_writers(kind: type) -> None:
    """Raise `SettingError` for a built-in callback whose purpose is to write or to send, and for what is made of it."""
    for name in built_in_names(kind):
        if name in _WRITERS:
            native = (
                f" Written as {name}(...), kcb-replay replays its own without writing." if name in CALLBACKS else ""
            )
            raise SettingError(f"{kind.__name__} is not replayed, because {_WRITERS[name]}.{native}")


def has_own(callback: object, *hooks: str) -> bool:
    """Tell whether one of the hooks is another than the empty one of the base class."""
    base = next(kind for kind in type(callback).__mro__ if kind.__name__ == "Callback" and _is_built_in(kind))
    return any(hook in vars(callback) or getattr(type(callback), hook) is not getattr(base, hook) for hook in hooks)


def blind_hooks(original: object, *, has_batches: bool = False) -> list[str]:
    """Return the hooks that a real callback has, that `fit` calls, and that a recording without batches never calls.

    A built-in callback counts only where it does something in that hook: ModelCheckpoint
    with an integer `save_freq`.
    """
    if not is_keras_callback(original):
        return []
    if "ModelCheckpoint" in built_in_names(type(original)) and getattr(original, "save_freq", "epoch") != "epoch":
        return [] if has_batches else ["on_train_batch_end"]
    hooks = (*(() if has_batches else _BATCH_HOOKS), *_TEST_BATCH_HOOKS)
    return [hook for hook in hooks if _is_of_the_user(getattr(original, hook, None))]


def _is_built_in(value: object) -> bool:
    return str(getattr(value, "__module__", "")).partition(".")[0] in _LIBRARIES


def _is_of_the_user(hook: object) -> bool:
    return hook is not None and not _is_built_in(inspect.unwrap(getattr(hook, "__func__", hook)))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class RealNames:
    """The attributes of a compiled model in training, of any optimizer that needs no other one, and of a metric.

    `getter` is the code of the property through which callbacks get at their model, None where it is a plain attribute.
    """

    model: frozenset[str]
    optimizer: frozenset[str]
    metric: frozenset[str]
    getter: CodeType | None


@cache
def real_names(library: Library) -> RealNames:
    """Make a small model, compile it, and look; nothing random is drawn."""
    keras = module_of(library, "Replaying a real callback")
    dense = keras.layers.Dense(1, kernel_initializer="zeros", name="kcb_replay_dense")
    model = keras.Sequential([dense], name="kcb_replay_model")
    model.build((None, 1))
    model.compile(keras.optimizers.SGD(), "mse")
    optimizers = frozenset(name for optimizer in _optimizers(keras) for name in dir(optimizer))
    metric = keras.metrics.MeanMetricWrapper(abs, name="kcb_replay_metric")
    getter = getattr(vars(keras.callbacks.Callback).get("model"), "fget", None)
    code = getattr(getter, "__code__", None)
    return RealNames(frozenset(dir(model)) | _SET_BY_FIT, optimizers, frozenset(dir(metric)), code)


def _optimizers(keras: Any) -> Iterator[object]:
    """Yield one of each optimizer that is made without arguments: the others wrap one of these."""
    for kind in vars(keras.optimizers).values():
        if isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer):
            try:
                yield kind()
            except TypeError:
                continue
