"""Drive real `keras.callbacks.Callback` objects, of Keras 3 or tf_keras, over a recording as one member of a list.

The engine calls them like its own callbacks; a stand-in takes the place of the model, and what they do to it comes back
as events. Refuses the built-in callbacks whose purpose is to write or to send, before they do, and built-in ones that
decide otherwise than the Keras that is asked for. What a callback prints or warns of becomes an event, too.
"""

from __future__ import annotations

import copy
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kcb_replay.errors import KcbReplayError, SettingError
from kcb_replay.replay.bridge.real_keras import (
    Library,
    blind_hooks,
    built_in_names,
    installed,
    is_keras_callback,
    library_of,
    module_of,
    refuse_writers,
)
from kcb_replay.replay.bridge.stand_in import StandIn
from kcb_replay.replay.bridge.state import BridgedState
from kcb_replay.replay.bridge.watch import watch_of
from kcb_replay.replay.callbacks import CALLBACKS
from kcb_replay.replay.callbacks.base import Callback, Context
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.semantics import note_on, semantics
from kcb_replay.replay.user_code import check_arguments, named_in


@dataclass(frozen=True, slots=True)
class Bridged(Callback):
    """The settings of a replay of a real callback: the object itself, copied at each start.

    The object that was passed is left as it is; the copy that ran is `callback` of the state.
    """

    origin = "user"

    original: Any
    name: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", type(self.original).__name__)

    @property
    def arguments(self) -> dict[str, object]:
        """The arguments of its constructor that it still holds and that are not the default."""
        parameters = inspect.signature(type(self.original)).parameters.values()
        attributes = vars(self.original)
        values = {item.name: attributes[item.name] for item in parameters if item.name in attributes}
        if "min_delta" in values and "EarlyStopping" in built_in_names(type(self.original)):
            # It holds min_delta with the sign of its mode.
            values["min_delta"] = abs(values["min_delta"])
        return {name: value for name, value in values.items() if not _is_default(type(self.original), name, value)}

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={_as_code(value)}' for name, value in self.arguments.items())})"

    def start(self, context: Context) -> BridgedState:
        """Return the state of a copy; of the object itself, with a warning, where it cannot be copied."""
        stand_in = _stand_in_for(self.original, context)
        attributes = vars(self.original)
        # Copied with the other callbacks of its list: what they have in common, they have in common in the replay, too.
        memo = context.shared.setdefault("copies", {})
        # The model of a training before is not copied: the stand-in takes its place wherever it is held.
        model = attributes.get("_model", attributes.get("model"))
        if model is not None:
            memo[id(model)] = stand_in.model
        try:
            copied = copy.deepcopy(self.original, memo)
        except Exception as error:  # noqa: BLE001  # whatever it is that cannot be copied
            warnings.warn(
                f"{self.name} cannot be copied ({error}): its replays share what it remembers."
                " Written as FILE.py:CLASS(...) it is made anew for each.",
                stacklevel=2,
            )
            copied = self.original
        return BridgedState(self.name, copied, stand_in, watch_of(copied))


@dataclass(frozen=True, slots=True)
class BridgedFromCode(Callback):
    """The settings of a replay of a callback that `name` in `source` makes: texts and values, so they can be sent."""

    origin = "user"

    source: str
    name: str
    positional: tuple[object, ...] = ()
    named: tuple[tuple[str, object], ...] = ()

    @property
    def arguments(self) -> dict[str, object]:
        """The arguments that were given, those without a name under "args"."""
        return {**({"args": list(self.positional)} if self.positional else {}), **dict(self.named)}

    def __str__(self) -> str:
        arguments = [*map(repr, self.positional), *(f"{name}={value!r}" for name, value in self.named)]
        return f"{self.source}:{self.name}({', '.join(arguments)})"

    def make(self) -> Any:
        """Return a new callback; raises `KerasRaises` where its constructor raises."""
        kind = named_in(self.source, self.name)
        try:
            made = kind(*self.positional, **dict(self.named))
        except KcbReplayError:
            raise
        except Exception as error:
            raise KerasRaises(type(error).__name__, str(error)) from error
        if not is_keras_callback(made):
            raise SettingError(f"{self} is a {type(made).__name__}, not a keras.callbacks.Callback.")
        refuse_writers(type(made))
        return made

    def start(self, context: Context) -> BridgedState:
        """Return the state of a new callback."""
        return _started(self.make(), context)


def bridged(callback: object) -> Callback:
    """Return the settings that replay a real callback.

    Raises `SettingError` for another object, and for the built-in callbacks that would write to disk or send.
    """
    if not is_keras_callback(callback):
        raise SettingError(
            f"{callback!r} is no callback: neither one of kcb_replay nor a subclass of keras.callbacks.Callback."
        )
    refuse_writers(type(callback))
    return Bridged(callback)


def bridged_from_code(
    source: str, name: str, positional: Sequence[object] = (), named: Mapping[str, object] | None = None
) -> Callback:
    """Return the settings that replay the callback which `name` in a file or module makes.

    Raises `SettingError` where the source cannot be loaded, has no such name, or does not take these arguments, and
    `MissingExtraError` where it needs a Keras that is not installed.
    """
    kind = named_in(source, name)
    _require_callback(kind, source, name)
    callback = BridgedFromCode(source, name, tuple(positional), tuple((named or {}).items()))
    check_arguments(kind, str(callback), positional, named or {})
    return callback


def _require_callback(kind: Callable[..., object], source: str, name: str) -> None:
    """Raise `SettingError` for what makes no callback, before anything of it runs: `os:system` does what it is told.

    A function of the user's own file or module may make one; it is trusted as far as that, which has run already.
    """
    if not isinstance(kind, type):
        if source.partition(".")[0] in sys.stdlib_module_names or not inspect.isfunction(kind):
            raise SettingError(
                f"{name} of {source} is no class of callbacks, and is not called. Name a subclass of"
                " keras.callbacks.Callback, or a function of your own that makes one."
            )
        return
    if library_of(kind) is None:
        raise SettingError(f"{name} of {source} is a class, but none of keras.callbacks.Callback: it is not called.")
    refuse_writers(kind)


def blind_spots(callback: object, *, has_batches: bool = False) -> list[str]:
    """Return the hooks that a real callback has, that `fit` calls, and that a replay does not.

    Those of training batches are called where the recording `has_batches`, those of validation batches never are. Takes
    the object or its settings; other callbacks have none.
    """
    match callback:
        case Bridged(original):
            return blind_hooks(original, has_batches=has_batches)
        case BridgedFromCode():
            return blind_hooks(callback.make(), has_batches=has_batches)
    return blind_hooks(callback, has_batches=has_batches)


def decides_alone(callback: object) -> bool:
    """Tell whether what a callback misses touches no other: it is Keras's own and saves files."""
    original = getattr(callback, "original", None)
    return original is not None and not watch_of(original).scopes


def own_semantics(callback: object) -> str | None:
    """Return the Keras that a real callback belongs to, None for one of ours and for a version that is not known."""
    match callback:
        case Bridged(original):
            library = library_of(type(original))
        case BridgedFromCode(source, name):
            kind = named_in(source, name)
            library = library_of(kind) if isinstance(kind, type) else None
        case _:
            return None
    if library is None:
        return None
    own = installed(library, "Replaying a real callback").semantics
    try:
        return semantics(own).name
    except SettingError:
        return None


def _started(callback: Any, context: Context) -> BridgedState:
    return BridgedState(type(callback).__name__, callback, _stand_in_for(callback, context), watch_of(callback))


def _stand_in_for(callback: object, context: Context) -> StandIn:
    """Return a stand-in of the right library; raises `SettingError` where that decides otherwise than what is asked."""
    library = library_of(type(callback))
    if library is None:
        raise AssertionError("only real callbacks get here")
    name = type(callback).__name__
    _refuse_other_version(type(callback), library, context)
    if library not in context.shared:
        # One model for the whole list; a list of both libraries has a view of it for each.
        context.shared[library] = StandIn(
            module_of(library, f"Replaying {name}"),
            callback=name,
            learning_rate=0.0,
            direction_of=context.direction_of,
            attributes=context.shared.setdefault("attributes", {}),
        )
    stand_in: StandIn = context.shared[library]
    return stand_in


def _refuse_other_version(kind: type, library: Library, context: Context) -> None:
    """Raise `SettingError` where a built-in callback of this version decides otherwise than what is asked for."""
    versioned = [name for name in built_in_names(kind) if name in CALLBACKS]
    own = installed(library, f"Replaying {kind.__name__}").semantics
    try:
        installed_one = semantics(own)
    except SettingError:
        # Older than all that is known: what is installed knows best.
        return
    same = replace(installed_one, name="") == replace(context.semantics, name="")
    if note_on(installed_one) and installed_one.name != context.semantics.name:
        # Newer than all that is known: it may decide otherwise than the newest known one.
        same = False
    if versioned and not same:
        raise SettingError(
            f"{kind.__name__} is the {versioned[0]} of {own}, but {context.semantics.name} was asked for, which decides"
            f' otherwise. Use semantics="{own}", or the {versioned[0]} of kcb_replay, which follows every version.'
        )


def _is_default(kind: type, name: str, value: object) -> bool:
    default = inspect.signature(kind).parameters[name].default
    return value is default or (isinstance(value, (int, float, str)) and bool(value == default))


def _as_code(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(getattr(value, "__name__", repr(value)))
