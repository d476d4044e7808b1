"""What an explainer is asked, made ready: the fit, the callbacks, the monitors and versions to choose from.

What cannot be a choice or a control is left out with its reason; what makes the whole question impossible raises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypedDict

from kcb_replay.errors import KcbReplayError, MonitorNotRecordedError, SettingError
from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Recording
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.replay import fit_number, replay
from kcb_replay.replay.request import settings_of
from kcb_replay.replay.result import Replay
from kcb_replay.replay.semantics import known_semantics, semantics as resolve
from kcb_replay.report.explainer.axes import Axis, Recorded, axes_of_callback, named_axes, require_names

_MOST_MONITORS, _MOST_OTHER_VERSIONS = 4, 2
# Monitors times versions, of which each is replayed by itself, beyond those that were asked for.
_CONTEXTS = 4
# How many epochs a recording may have for that choice among monitors or versions that nobody asked for.
_SHORT = 300
# Epochs replayed for the lists that nobody gave: half a second or so.
_ROOM = 14_000
# Epochs replayed at most, for lists that were given: half a minute or so.
_MOST = 500_000


class ExplainerOptions(TypedDict, total=False):
    """What can be asked for beside the recording and the callbacks; `explained` says what each means."""

    fit: int | None
    semantics: str | None
    monitors: Sequence[str] | None
    axes: Mapping[str, Sequence[object]] | None
    only: bool
    initial_lr: float | None
    steps_per_epoch: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainerRequest:
    """One fit and its choices. `starts` holds the answer to what was asked, per version, under the first monitor.

    `lead` is the place of the callback that the page is about, `reducer` that of the ReduceLROnPlateau with controls.
    """

    recording: Recording
    fit: int
    callbacks: tuple[Callback, ...]
    monitors: tuple[str, ...]
    versions: tuple[str, ...]
    axes: tuple[Axis, ...]
    lead: int
    reducer: int | None
    start: Replay
    remarks: tuple[Reason, ...]
    initial_lr: float | None
    steps_per_epoch: int | None

    def replayed(self, callbacks: Sequence[Callback], version: str) -> Replay:
        """Return the replay of a list under a version."""
        return replay(
            self.recording,
            callbacks,
            fit=self.fit,
            semantics=version,
            initial_lr=self.initial_lr,
            steps_per_epoch=self.steps_per_epoch,
        )

    @property
    def has_lanes(self) -> bool:
        """Whether the lead is an EarlyStopping that can be replayed by itself: nobody else makes what it monitors."""
        lead = self.callbacks[self.lead]
        made = bool(lead.monitors) and bool(self.start.stream.values_of(lead.reads[0]))
        return made and lead.is_stopping_rule and bool(named_axes(lead))

    @property
    def was_stopped(self) -> bool:
        """Whether a callback ended the recorded training, so that there would have been more epochs."""
        return any(message.kind == "stopped" for message in self.recording.fits[self.fit].messages)

    def callbacks_for(self, monitor: int) -> tuple[Callback, ...]:
        """Return the callbacks with one of the monitors, in those that have the first."""
        return tuple(_monitoring(each, self.monitors[0], self.monitors[monitor]) for each in self.callbacks)

    def axes_of(self, part: int | None) -> list[Axis]:
        """Return the controls of one callback; of the whole page for None."""
        return [axis for axis in self.axes if axis.part == part]


def request_of(
    recording: Recording,
    callbacks: Sequence[object],
    *,
    fit: int | None = None,
    semantics: str | None = None,
    monitors: Sequence[str] | None = None,
    axes: Mapping[str, Sequence[object]] | None = None,
    only: bool = False,
    initial_lr: float | None = None,
    steps_per_epoch: int | None = None,
) -> ExplainerRequest:
    """Return the question with its choices; raises what `replay` raises for the first monitor and version."""
    require_names(axes or {})
    number, settings = fit_number(recording, fit), settings_of(callbacks)
    named = [name.strip() for name in semantics.split(",")] if semantics else [None]
    again = partial(replay, recording, fit=number, initial_lr=initial_lr, steps_per_epoch=steps_per_epoch)
    start = again(settings, semantics=named[0])
    lead = _lead_of(settings)
    reducer, remarks = _reducer_of(settings)
    versions = _versions(again, settings, start, named)
    most = _MOST_MONITORS if monitors is not None else max(2, min(3, _CONTEXTS // len(versions)))
    known, missing = _monitors(again, settings, lead, start, monitors, most)
    parts = [
        position
        for position in dict.fromkeys((lead, reducer))
        if position is not None and named_axes(settings[position])
    ]
    made = bool(start.stream.values_of(str(getattr(settings[lead], "monitor", ""))))
    parts = [position for position in parts if position == reducer or (made and settings[position].is_stopping_rule)]
    controls = tuple(_axes(settings, start, known, versions, parts, axes or {}, only=only))
    _require_affordable(controls, parts, start.epochs, len(known) * len(versions))
    return ExplainerRequest(
        recording=recording,
        fit=number,
        callbacks=settings,
        monitors=known,
        versions=versions,
        axes=controls,
        lead=lead,
        reducer=reducer,
        start=start,
        remarks=(*remarks, *missing),
        initial_lr=initial_lr,
        steps_per_epoch=steps_per_epoch,
    )


def _monitoring(callback: Callback, before: str, monitor: str) -> Callback:
    if getattr(callback, "monitor", None) != before or monitor == before:
        return callback
    # A mode that was written out belongs to the metric that it was written for.
    mode = getattr(callback, "mode", "auto")
    other = {} if mode == "auto" else {"mode": direction_of(monitor) or mode}
    changed: Callback = replace(callback, monitor=monitor, **other)  # type: ignore[type-var]  # every native callback is a dataclass
    return changed


def _lead_of(callbacks: Sequence[Callback]) -> int:
    """Return the place of the callback that the page is about: an EarlyStopping, a ReduceLROnPlateau, or the first."""
    for purpose in ("stops", "reduces"):
        for position, callback in enumerate(callbacks):
            if callback.purpose == purpose and named_axes(callback):
                return position
    return next((position for position, each in enumerate(callbacks) if getattr(each, "monitor", None)), 0)


def _reducer_of(callbacks: Sequence[Callback]) -> tuple[int | None, list[Reason]]:
    """Return the place of the one ReduceLROnPlateau that can have controls, or why none can."""
    changing = [position for position, each in enumerate(callbacks) if each.changes_learning_rate]
    reducing = [position for position in changing if named_axes(callbacks[position])]
    if not reducing:
        return None, []
    if len(changing) > 1:
        others = tuple(dict.fromkeys(callbacks[position].name for position in changing if position != reducing[0]))
        return None, [reason("explainer.no_sliders_changed", others=others)]
    watching = [each.name for each in callbacks if getattr(each, "monitor", None) in LEARNING_RATE_KEYS]
    if watching:
        return None, [reason("explainer.no_sliders_monitored", other=watching[0])]
    return reducing[0], []


def _monitors(
    again: Callable[..., Replay],
    callbacks: Sequence[Callback],
    lead: int,
    start: Replay,
    monitors: Sequence[str] | None,
    most: int,
) -> tuple[tuple[str, ...], list[Reason]]:
    """Return the monitors to choose from, the asked one first, and why others that were named are none."""
    own = getattr(callbacks[lead], "monitor", None)
    if own is None:
        return ("",), []
    if monitors is None and start.epochs > _SHORT:
        others = []
    elif monitors is None:
        recorded = dict.fromkeys(name for epoch in start.stream.epochs for name in epoch.logs)
        others = sorted((name for name in recorded if direction_of(name)), key=lambda name: not name.startswith("val_"))
    else:
        others = list(monitors)
    known: list[str] = [own]
    missing: list[Reason] = []
    for name in others:
        try:
            changed = [_monitoring(each, own, name) for each in callbacks]
            again(changed, semantics=start.semantics)
        except MonitorNotRecordedError as error:
            missing.append(reason("explainer.no_monitor", why=error.why))
        except KcbReplayError:
            continue
        else:
            known.append(name)
    return tuple(dict.fromkeys(known))[:most], missing


def _versions(
    again: Callable[..., Replay], callbacks: Sequence[Callback], start: Replay, named: Sequence[str | None]
) -> tuple[str, ...]:
    """Return the versions to choose from: those asked for, or the asked one and those that answer differently."""
    if len(named) > 1:
        return tuple(dict.fromkeys(again(callbacks, semantics=name).semantics.name for name in named))
    if start.epochs > _SHORT:
        return (start.semantics.name,)
    # A version that nobody asked for is not worth the slider of an argument that it does not have.
    needed = {f"{each.name}.{argument}" for each in callbacks for argument in named_axes(each).values()}
    needed -= start.semantics.missing_arguments
    answers: dict[object, list[str]] = {_answer(start): [start.semantics.name]}
    for name in reversed(known_semantics()):
        if needed & resolve(name).missing_arguments:
            continue
        try:
            other = again(callbacks, semantics=name)
        except KcbReplayError:
            continue
        answers.setdefault(_answer(other), []).append(name)
    if len(answers) == 1:
        (same,) = answers.values()
        return tuple(dict.fromkeys([same[0], next(filter(_is_keras_2, same), same[0])]))
    return tuple(names[0] for names in answers.values())[: _MOST_OTHER_VERSIONS + 1]


def _is_keras_2(name: str) -> bool:
    """Tell whether a version belongs to the line that many still use, and whose answers may be asked to be the same."""
    return name.startswith(("tf_keras-2", "tf.keras-2", "keras-2")) and "/" not in name


def _answer(answered: Replay) -> object:
    """Return what two versions have to differ in to be two choices: more than the last bit of a learning rate."""
    outcomes = [
        (each.validity.label, *(_coarse(value) for name, value in each.facts().items() if name != "validity"))
        for each in answered.outcomes
    ]
    return repr((answered.stop_index, outcomes))


def _coarse(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return [_coarse(item) for item in value]
    return {name: _coarse(item) for name, item in value.items()} if isinstance(value, dict) else value


def _require_affordable(axes: Sequence[Axis], parts: Sequence[int], epochs: int, views: int) -> None:
    """Raise `SettingError` where lists ask for too many replays; `views` is how many monitors times versions."""
    replays = sum(math.prod(axis.count for axis in axes if axis.part == part and not axis.is_free) for part in parts)
    if replays * views * epochs > _MOST:
        each = f", for each of {views} pairs of monitor and version" if views > 1 else ""
        raise SettingError(
            f"these lists ask for {replays:,} replays of {epochs:,} epochs{each}: more than a page can hold."
            " Give fewer values."
        )


def _axes(
    callbacks: Sequence[Callback],
    start: Replay,
    monitors: Sequence[str],
    versions: Sequence[str],
    parts: Sequence[int],
    lists: Mapping[str, Sequence[object]],
    *,
    only: bool,
) -> Iterator[Axis]:
    """Yield every control that has something to choose: those of the whole page, then those of callbacks."""
    for name, values in (("monitor", monitors), ("semantics", versions)):
        if len(values) > 1:
            yield Axis(None, name, (tuple(values),) * len(monitors), 0)
    room = _ROOM // (start.epochs * len(monitors) * len(versions) * max(len(parts), 1))
    recorded = [Recorded(tuple(start.stream.values_of(name).values()), direction_of(name)) for name in monitors]
    lacking = {argument for name in versions for argument in resolve(name).missing_arguments}
    for part in parts:
        yield from axes_of_callback(part, callbacks[part], recorded, lists, only=only, lacking=lacking, room=room)
