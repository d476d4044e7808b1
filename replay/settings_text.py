"""Read callback settings as people write them: `EarlyStopping(patience=3)`, parsed as literals and never evaluated.

Besides literals an argument can be one of Keras's learning-rate schedules, itself of literals, and a schedule can be a
function by its place, `file.py:function`.
"""

from __future__ import annotations

import ast
import contextlib
import re
from dataclasses import MISSING, fields
from typing import Any

from kcb_replay.errors import SettingError, closest, did_you_mean
from kcb_replay.replay.callbacks import CALLBACKS, REFUSED, Callback
from kcb_replay.replay.learning_rates import FirstRate, IntegerRate
from kcb_replay.replay.schedules import SCHEDULES
from kcb_replay.replay.user_code import user_function

# LearningRateScheduler(my.py:halve), which Python could not parse, is taken as LearningRateScheduler("my.py:halve").
_BARE_PLACE = re.compile(r"(?<=[(=,\s])([\w./\\-]+:[A-Za-z_]\w*)(?=\s*[,)])")
_PLACE = re.compile(r"([^()'\"=]+):(?=[A-Za-z_]\w*(\(|$))")
_EXAMPLE = 'Write it as in Keras, for example EarlyStopping(monitor="val_loss", patience=3).'
_RATES = (
    "Give a number, int32(1) for an optimizer that was given an int, or the schedule that it was compiled with, as"
    " ExponentialDecay(0.01, 1000, 0.96)."
)


def parse_callback(text: str) -> Callback:
    """Return the callback that a line of Keras code describes; raises `SettingError` naming what is wrong.

    Only literals and schedules are allowed as arguments: nothing is evaluated. `keras.callbacks.` may stand in front,
    and so may the place of the user's own class, as `my_callbacks.py:` or `my_package.callbacks:`, which is then
    loaded.
    """
    source, rest = _split(text.strip())
    try:
        call = _parsed(rest)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise SettingError(f"{_shown(text)} is not a callback. {_EXAMPLE}") from None
    if isinstance(call, (ast.Name, ast.Attribute)):
        call = ast.Call(call, [], [])
    if not isinstance(call, ast.Call):
        raise SettingError(f"{_shown(text)} is not a callback. {_EXAMPLE}")
    name = _name(call.func, text)
    if any(keyword.arg is None for keyword in call.keywords):
        raise SettingError(f"{name}: ** cannot be read here. {_EXAMPLE}")
    positional = [
        _argument(argument, name, known) for argument, known in zip(call.args, _arguments(name), strict=False)
    ]
    positional += [_argument(argument, name) for argument in call.args[len(positional) :]]
    named = {str(keyword.arg): _argument(keyword.value, name, str(keyword.arg)) for keyword in call.keywords}
    if source is None:
        return callback_from_arguments(name, positional, named)
    from kcb_replay.replay.bridge.settings import bridged_from_code

    return bridged_from_code(source, name, positional, named)


def callback_from_arguments(name: str, positional: list[object], named: dict[str, object]) -> Callback:
    """Return a callback by name, its arguments checked; raises `SettingError` with the remedy."""
    kind = CALLBACKS.get(name)
    if kind is None:
        if name in REFUSED:
            raise SettingError(f"{name} is not replayed: {REFUSED[name]}.")
        known = ", ".join(CALLBACKS)
        raise SettingError(
            f"{name} is no callback that kcb-replay replays.{did_you_mean(name, CALLBACKS)} Known: {known}."
        )
    callback: Callback = _made(kind, name, positional, named)
    return callback


def parse_rate(text: str) -> FirstRate:
    """Return a first learning rate: a number, `int32(1)`, or a schedule of the optimizer, `ExponentialDecay(...)`.

    Raises `SettingError` for anything else.
    """
    with contextlib.suppress(ValueError):
        return float(text)
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        node = None
    if not isinstance(node, ast.Call):
        raise SettingError(f"{_shown(text)} is no learning rate. {_RATES}")
    kind = _name(node.func, text)
    if kind in ("int32", "IntegerRate") and len(node.args) == 1 and not node.keywords:
        value = _literal(node.args[0], kind)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return IntegerRate(value)
    if kind not in SCHEDULES:
        raise SettingError(f"{_shown(text)} is no learning rate.{did_you_mean(kind, SCHEDULES)} {_RATES}")
    schedule: FirstRate = _argument(node, kind)  # type: ignore[assignment]  # one of SCHEDULES
    return schedule


def _made(kind: Any, name: str, positional: list[object], named: dict[str, object]) -> Any:
    arguments = [field.name for field in fields(kind)]
    places = [field.name for field in fields(kind) if not field.kw_only]
    if len(positional) > len(places):
        raise SettingError(f"{name} takes {len(places)} arguments, but {len(positional)} were given.")
    values: dict[str, Any] = dict(zip(places, positional, strict=False))
    for argument, value in named.items():
        if argument not in arguments:
            close = did_you_mean(argument, arguments)
            dropped = _dropped(kind, argument)
            raise SettingError(f"{name} has no argument '{argument}'.{close}{dropped} It has: {', '.join(arguments)}.")
        if argument in values:
            raise SettingError(f"{name}: '{argument}' is given twice.")
        values[argument] = value
    needed = [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]
    missing = [argument for argument in needed if argument not in values]
    if missing:
        raise SettingError(f"{name} needs the argument '{missing[0]}'. It has: {', '.join(arguments)}.")
    # Wherever Keras wants a function, it is named by its place.
    functions = {name: value for name, value in values.items() if _is_function(name)}
    values |= {
        name: user_function(place) for name, place in functions.items() if isinstance(place, str) and ":" in place
    }
    return kind(**values)


def _is_function(argument: str) -> bool:
    """Tell whether Keras wants a function for the argument of this name."""
    return argument == "schedule" or argument.startswith("on_")


def _arguments(name: str) -> list[str]:
    """Return the names of the arguments of one of ours, in their order."""
    return [item.name for item in fields(CALLBACKS[name])] if name in CALLBACKS else []  # type: ignore[arg-type]  # every native callback is a dataclass


def _dropped(kind: Any, argument: str) -> str:
    """Return what the real class does with an argument that it does not have, where that is no error."""
    since = getattr(kind, "drops_unknown_arguments_since", None)
    if since is None:
        return ""
    meant = closest(argument, [each.name for each in fields(kind)])
    default = next((each.default for each in fields(kind) if each.name == meant), None)
    runs_with = f" run with {meant}={default!r} and" if meant else ""
    return f" Keras from {since} on, Keras 3 too, would{runs_with} say nothing."


def _split(text: str) -> tuple[str | None, str]:
    """Return the file or module in front of a callback, None where there is none, and the callback."""
    match = _PLACE.match(text)
    return (match[1], text[match.end() :]) if match else (None, text)


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return ast.parse(_BARE_PLACE.sub(r'"\1"', text), mode="eval").body


def _name(function: ast.expr, text: str) -> str:
    if isinstance(function, ast.Name):
        return function.id
    # keras.callbacks.EarlyStopping, tf.keras.callbacks.EarlyStopping: people paste what they have.
    if isinstance(function, ast.Attribute):
        return function.attr
    raise SettingError(f"{_shown(text)} is not a callback. {_EXAMPLE}")


def _argument(node: ast.expr, name: str, argument: str | None = None) -> object:
    """Return a literal, or one of Keras's schedules made of literals; `argument` is its name, if it is given."""
    if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
        kind = _name(node.func, ast.unparse(node))
        if kind in SCHEDULES:
            positional = [_literal(argument, kind) for argument in node.args]
            named = {str(keyword.arg): _literal(keyword.value, kind) for keyword in node.keywords}
            return _made(SCHEDULES[kind], kind, positional, named)
    return _literal(node, name, argument)


def _literal(node: ast.expr, name: str, argument: str | None = None) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        shown = _shown(ast.unparse(node))
        if argument is not None and _is_function(argument):
            raise SettingError(
                f"{name}: {argument}={shown} is a function written out, and nothing is evaluated here. Put it into a"
                f' file and give its place: {argument}="file.py:name", or "module:name" (as "builtins:print").'
            ) from None
        raise SettingError(
            f"{name}: {shown} is not a literal. Arguments are numbers, strings, True, False, None"
            f" or a schedule ({', '.join(SCHEDULES)}); nothing is evaluated. A function is named by its place:"
            ' "file.py:name".'
        ) from None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
