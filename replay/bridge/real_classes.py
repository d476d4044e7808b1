"""What can be told of a real callback by its class: its library, what is built in, and what must not be run.

Looks at names of classes and modules only, so that nothing here imports Keras.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks import CALLBACKS
from kcb_replay.replay.callbacks.refused import REFUSED

if TYPE_CHECKING:
    from kcb_replay.replay.bridge.installed import Library

__all__ = ["blind_hooks", "built_in_names", "has_own", "is_keras_callback", "library_of", "refuse_writers"]

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
