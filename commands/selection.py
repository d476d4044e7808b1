"""From what was typed to recordings, callbacks and their simulation."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kcb_replay.errors import KcbReplayError, RunNotFoundError, SettingError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import TypeAlias

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.ingest.store import Store
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.replay import Simulation
    from kcb_replay.report.choices_table import AnySweep

    Progress: TypeAlias = Callable[[int, int, str], None]

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

_MIN_DELTA = "ReduceLROnPlateau.min_delta"

__all__ = [
    "explained_callbacks",
    "listed",
    "metrics_of",
    "one_callback_list",
    "only_one",
    "recordings_of",
    "require_answer",
    "require_recorded",
    "simulation_of",
    "swept_arguments",
    "with_unique_names",
]


def simulation_of(runs: tuple[str, ...], store: Path, settings: dict[str, Any]) -> Simulation:
    """Return the replays that the options describe."""
    from kcb_replay.replay.replay import simulate

    lists = _callback_lists(settings)
    recordings = with_unique_names(recordings_of(runs, store))
    asked = ("semantics", "initial_lr", "steps_per_epoch", "reuse")
    return simulate(recordings, lists, **{name: settings[name] for name in asked})


def recordings_of(runs: tuple[str, ...], path: Path) -> Iterator[Recording]:
    """Load the runs that were named, from the store or from files, all of the store when none was."""
    from kcb_replay.ingest.ingest import read
    from kcb_replay.ingest.store import Store

    store = Store(path)
    if not runs:
        yield from (store.load(entry.name) for entry in store.runs())
    for run in runs:
        if _is_stored(store, run):
            yield from (store.load(entry.name) for entry in store.runs(run))
        else:
            yield from read(run)


def with_unique_names(recordings: Iterable[Recording]) -> Iterator[Recording]:
    """Yield recordings whose names differ: runs of the same name come from several folders, or are named twice."""
    seen: Counter[str] = Counter()
    for recording in recordings:
        seen[recording.name] += 1
        count = seen[recording.name]
        yield recording if count == 1 else replace(recording, name=f"{recording.name} ({count})")


def metrics_of(
    runs: tuple[str, ...], path: Path, metrics: Collection[str], *, progress: Progress | None
) -> Iterator[Recording]:
    """Load some metrics of the runs that were named, many at a time, and say how far that is."""
    from kcb_replay.ingest.ingest import read
    from kcb_replay.ingest.store import Store

    store = Store(path)
    stored = [run for run in runs if _is_stored(store, run)]
    total = len(store.runs(*stored)) if progress and (stored or not runs) else len(runs)
    parts = [store.recordings(*stored, metrics=metrics)] if stored or not runs else []
    parts += [iter(read(run)) for run in runs if run not in stored]
    for done, recording in enumerate(itertools.chain(*parts), start=1):
        yield recording
        if progress:
            progress(done, max(total, done), recording.name)


def _is_stored(store: Store, run: str) -> bool:
    """Tell whether RUN names stored runs; else it is a path. Raises when it is neither."""
    if store.exists:
        try:
            return bool(store.runs(run))
        except RunNotFoundError:
            if not Path(run).exists():
                raise
    elif not Path(run).exists():
        raise RunNotFoundError(
            f"{run!r} is no file or folder, and there is no store at {store.path} to look for a run of that name."
            " Make one with `kcb-replay ingest LOGS`."
        )
    return False


def _callback_lists(settings: dict[str, Any]) -> list[list[Callback]]:
    """Return every list of callbacks that the options describe."""
    from kcb_replay.replay.grid import combinations
    from kcb_replay.replay.settings_text import parse_callback

    stop = {name: settings[name] for name in _EARLY_STOPPING if settings[name] is not None}
    reduce = _reducing(settings)
    if settings["callbacks"]:
        given = [name for name in (*_EARLY_STOPPING, *_REDUCE_LR) if settings[name] is not None]
        if given:
            option = "--" + given[0].replace("_", "-")
            raise SettingError(
                f"-c describes the callbacks whole, so {option} cannot be given with it. Write it inside -c."
            )
        return [[parse_callback(text) for text in settings["callbacks"]]]
    return combinations(_described(settings, stop, reduce))


def one_callback_list(settings: dict[str, Any]) -> tuple[Callback, ...]:
    """Return the one list of callbacks that the options describe, an empty one where they describe none."""
    names = ("callbacks", *_EARLY_STOPPING, *_REDUCE_LR)
    if all(settings[name] in (None, ()) for name in names):
        return ()
    lists = _callback_lists(settings)
    if len(lists) > 1:
        raise SettingError(
            f"The options describe {len(lists)} settings, but runs are judged by one. Give one value each."
        )
    return tuple(lists[0])


def _reducing(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ReduceLROnPlateau among the options, under the names that the versions have for them."""
    from kcb_replay.replay.request import versions_of
    from kcb_replay.replay.semantics import Semantics

    reduce = {name: settings[option] for option, name in _REDUCE_LR.items() if settings[option] is not None}
    versions = versions_of(settings.get("semantics"))
    lacks = [isinstance(each, Semantics) and _MIN_DELTA in each.missing_arguments for each in versions]
    if "min_delta" in reduce and all(lacks):
        reduce["epsilon"] = reduce.pop("min_delta")
    return reduce


def explained_callbacks(settings: dict[str, Any]) -> tuple[list[Callback], dict[str, Sequence[object]]]:
    """Return the callbacks that the options describe, and the lists among the options by name.

    Where an option is a list, the callback has its usual value if that is in it, else the first.
    """
    lists = {name: settings[name] for name in (*_EARLY_STOPPING, *_REDUCE_LR) if _is_list(settings[name])}
    usual = {"patience": _DEFAULT_PATIENCE, "min_delta": 0, "start_from_epoch": 0}
    single = {name: [usual[name] if usual.get(name) in values else values[0]] for name, values in lists.items()}
    (callbacks,) = _callback_lists({**settings, **single})
    return callbacks, lists


def _is_list(value: object) -> bool:
    return isinstance(value, list) and len(value) > 1


def _described(
    settings: dict[str, Any], stop: dict[str, Any], reduce: dict[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """Return EarlyStopping, unless only ReduceLROnPlateau is described, and that one, each with its lists."""
    if "restore_best_weights" in stop:
        stop["restore_best_weights"] = [stop["restore_best_weights"]]
    shared = {"monitor": [settings["monitor"]], "mode": [settings["mode"]]}
    options = []
    if stop or not reduce:
        options.append(("EarlyStopping", {**shared, "patience": [_DEFAULT_PATIENCE], **stop}))
    if reduce:
        options.append(("ReduceLROnPlateau", {**shared, **reduce}))
    return options


def listed(text: str) -> list[str]:
    """Return what commas part, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip())) or [text]


def require_answer(simulation: Simulation) -> None:
    """Raise `KcbReplayError` when no run has an answer, with every reason."""
    from kcb_replay.report.simulation import reasons_of

    if simulation.is_answered:
        return
    unanswered = simulation.unanswered
    if not unanswered:
        raise KcbReplayError("There is no run to replay: the store is empty. Ingest logs first.")
    if len(unanswered) == 1:
        raise KcbReplayError(unanswered[0].message)
    raise KcbReplayError("\n".join(["No run could be replayed.", *reasons_of(unanswered)]))


def swept_arguments(settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments of EarlyStopping to sweep, and those of ReduceLROnPlateau, of which one is empty."""
    shared = {"monitor": settings["monitor"], "mode": settings["mode"]}
    stop = {name: settings[name] for name in _EARLY_STOPPING if settings[name] is not None}
    reduce = _reducing(settings)
    if stop and reduce:
        raise SettingError(
            "One callback is swept at a time, EarlyStopping or ReduceLROnPlateau. To see several settings of both"
            " together, use `kcb-replay simulate` with the same options."
        )
    if settings["initial_lr"] is not None and not reduce:
        raise SettingError("--initial-lr is for ReduceLROnPlateau: give --lr-patience, --factor or another with it.")
    return ({}, {**shared, **reduce}) if reduce else ({**shared, **stop}, {})


def require_recorded(runs: tuple[str, ...], store: Path, found: AnySweep) -> None:
    """Raise `KcbReplayError` for a sweep without any answer, with every reason and the metric that was meant."""
    from kcb_replay.report.choices_table import left_out_of_sweep

    reasons = left_out_of_sweep(found) or ["The store is empty. Ingest logs first."]
    recorded = {metric for recording in recordings_of(runs, store) for metric in recording.metrics}
    hint = did_you_mean(found.settings[0].monitor, recorded).strip()
    raise KcbReplayError("\n".join(filter(None, ["No run could be swept.", *reasons, hint])))


_Item = TypeVar("_Item")


def only_one(
    items: Sequence[_Item] | Iterator[_Item], what: str, noun: str = "run", *, plural: str = ""
) -> list[_Item]:
    """Return the one item that there must be; raises `SettingError` for none or several."""
    from kcb_replay.text import counted

    found = list(items)
    if len(found) != 1:
        stands_for = counted(len(found), noun, plural=plural)
        raise SettingError(f"{what!r} stands for {stands_for}, but exactly one is needed here.")
    return found
