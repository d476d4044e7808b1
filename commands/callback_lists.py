"""From the options to callbacks: the lists that they describe, and the simulation of them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

from kcb_replay.commands.selection import Position, recordings_in_any_order, recordings_in_order
from kcb_replay.errors import KcbReplayError, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.answers import Answer
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.left_out import LeftOut
    from kcb_replay.replay.simulation import RaisedFit, Simulation
    from kcb_replay.report.simulation_notes import SimulationNotes

    Answers: TypeAlias = Sequence[Answer | RaisedFit | LeftOut]


# Keras's own default of 0 stops at the first epoch that is no better, which nobody asks about.
_DEFAULT_PATIENCE = 5
_EARLY_STOPPING = ("patience", "min_delta", "baseline", "start_from_epoch", "restore_best_weights")
_REDUCE_LR = {
    "lr_patience": "patience",
    "factor": "factor",
    "cooldown": "cooldown",
    "min_lr": "min_lr",
    "lr_min_delta": "min_delta",
}
_OPTIONS = (*_EARLY_STOPPING, *_REDUCE_LR)
_MIN_DELTA = "ReduceLROnPlateau.min_delta"


def simulation_of(runs: tuple[str, ...], store: Path, settings: dict[str, Any]) -> Simulation:
    """Return the replays that the options describe, each training once."""
    from kcb_replay.replay.replay import simulate

    lists = _callback_lists(settings)
    options = {name: settings[name] for name in ("semantics", "initial_lr", "steps_per_epoch", "reuse")}
    return simulate(recordings_in_order(runs, store), lists, once=True, **options)


def answers_of(runs: tuple[str, ...], store: Path, settings: dict[str, Any]) -> Iterator[tuple[Position, Answers]]:
    """Yield what is answered of each recording and its position, in memory that does not grow with their number.

    The answers hold no epochs where the lanes give as much as a table of fits needs.
    """
    from kcb_replay.replay.lane_answers import answers_of_runs
    from kcb_replay.replay.replay import requests_of

    options = {name: settings[name] for name in ("semantics", "initial_lr", "steps_per_epoch")}
    requests = requests_of(_callback_lists(settings), **options)
    positions: deque[Position] = deque()

    def recordings() -> Iterator[Recording]:
        for position, recording in recordings_in_any_order(runs, store):
            positions.append(position)
            yield recording

    for answers in answers_of_runs(recordings(), requests, reuse=settings["reuse"]):
        yield positions.popleft(), answers


def require_answer(notes: SimulationNotes) -> None:
    """Raise `KcbReplayError` when no run has an answer, with every reason."""
    if not notes.is_answered:
        raise KcbReplayError(notes.why_unanswered())


def one_callback_list(settings: dict[str, Any]) -> tuple[Callback, ...]:
    """Return the one list of callbacks that the options describe, an empty one where they describe none."""
    if all(settings[name] in (None, ()) for name in ("callbacks", *_OPTIONS)):
        return ()
    lists = _callback_lists(settings)
    if len(lists) > 1:
        raise SettingError(
            f"The options describe {len(lists)} settings, but runs are judged by one. Give one value each."
        )
    return tuple(lists[0])


def explained_callbacks(settings: dict[str, Any]) -> tuple[list[Callback], dict[str, Sequence[object]]]:
    """Return the callbacks that the options describe, and the lists among the options by name.

    Where an option is a list, the callback has its usual value if that is in it, else the first.
    """
    lists = {name: settings[name] for name in _OPTIONS if isinstance(settings[name], list) and len(settings[name]) > 1}
    usual = {"patience": _DEFAULT_PATIENCE, "min_delta": 0, "start_from_epoch": 0}
    single = {name: [usual[name] if usual.get(name) in values else values[0]] for name, values in lists.items()}
    (callbacks,) = _callback_lists({**settings, **single})
    return callbacks, lists


def early_stoppings(settings: dict[str, Any]) -> list[Callback]:
    """Return every EarlyStopping that the options describe, nothing where they describe none."""
    if not _stopping(settings):
        return []
    return [callback for (callback,) in _callback_lists({**dict.fromkeys(_OPTIONS), **settings, "callbacks": ()})]


def swept_arguments(settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments of EarlyStopping to sweep, and those of ReduceLROnPlateau, of which one is empty."""
    shared = {"monitor": settings["monitor"], "mode": settings["mode"]}
    stop, reduce = _stopping(settings), _reducing(settings)
    if stop and reduce:
        raise SettingError(
            "One callback is swept at a time, EarlyStopping or ReduceLROnPlateau. To see several settings of both"
            " together, use `kcb-replay simulate` with the same options."
        )
    if settings["initial_lr"] is not None and not reduce:
        raise SettingError("--initial-lr is for ReduceLROnPlateau: give --lr-patience, --factor or another with it.")
    return ({}, {**shared, **reduce}) if reduce else ({**shared, **stop}, {})


def _callback_lists(settings: dict[str, Any]) -> list[list[Callback]]:
    """Return every list of callbacks that the options describe."""
    from kcb_replay.replay.grid import combinations
    from kcb_replay.replay.settings_text import parse_callback

    stop, reduce = _stopping(settings), _reducing(settings)
    if settings["callbacks"]:
        for name in (name for name in _OPTIONS if settings[name] is not None):
            option = "--" + name.replace("_", "-")
            raise SettingError(
                f"-c describes the callbacks whole, so {option} cannot be given with it. Write it inside -c."
            )
        return [[parse_callback(text) for text in settings["callbacks"]]]
    if "restore_best_weights" in stop:
        stop["restore_best_weights"] = [stop["restore_best_weights"]]
    shared = {"monitor": [settings["monitor"]], "mode": [settings["mode"]]}
    described = []
    if stop or not reduce:
        described.append(("EarlyStopping", {**shared, "patience": [_DEFAULT_PATIENCE], **stop}))
    if reduce:
        described.append(("ReduceLROnPlateau", {**shared, **reduce}))
    return combinations(described)


def _stopping(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of EarlyStopping among the options."""
    return {name: settings[name] for name in _EARLY_STOPPING if settings[name] is not None}


def _reducing(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ReduceLROnPlateau among the options, under the names that the versions have for them."""
    from kcb_replay.replay.behaviours import Semantics
    from kcb_replay.replay.request import versions_of

    reduce = {name: settings[option] for option, name in _REDUCE_LR.items() if settings[option] is not None}
    versions = versions_of(settings.get("semantics"))
    lacks = [isinstance(each, Semantics) and _MIN_DELTA in each.missing_arguments for each in versions]
    if "min_delta" in reduce and all(lacks):
        reduce["epsilon"] = reduce.pop("min_delta")
    return reduce
