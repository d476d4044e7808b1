"""The answers of one EarlyStopping or one ReduceLROnPlateau in many fits, from the lanes: equal to the engine's.

A fit is left to the engine where lanes know too little: no value of the metric, a source that rounds its values or
drops points, a direction that is only assumed, a version of another rule, and whatever the real class raises.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Fit, Recording
from kcb_replay.replay.answers import Answer, FitAnswer
from kcb_replay.replay.attempt import recording_notes
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context, direction, require_known
from kcb_replay.replay.callbacks.early_stopping import EarlyStoppingState
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.directions import Direction, direction_of
from kcb_replay.replay.learning_rates import OptimizerRate, is_same_rate
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.monitors import assumed_metrics
from kcb_replay.replay.outcomes import Drop, Outcome, StoppingOutcome
from kcb_replay.replay.outcomes.rates import ReductionOutcome, validity_of_drops
from kcb_replay.replay.outcomes.stopping import cadence_of, regret_of, unlimited_validity
from kcb_replay.replay.replay import answers_to
from kcb_replay.replay.request import KERAS_DEFAULT_LR, ReplayRequest
from kcb_replay.replay.semantics import DEFAULT, note_on, semantics
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.replay.source_limits import codes_of_rounding, is_rounded
from kcb_replay.replay.stream import learning_rate_key
from kcb_replay.replay.validity import Horizon, divergence
from kcb_replay.replay.verdicts.answers import StopRows
from kcb_replay.replay.verdicts.by_engine import whole_number
from kcb_replay.replay.verdicts.lanes import early_stopping, reduce_lr_on_plateau
from kcb_replay.replay.verdicts.lanes.rates import NEVER, RecordedRates, rate_path, recorded_rates
from kcb_replay.replay.verdicts.lanes.series import Block, MonitoredFit, block_of

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Rows: TypeAlias = NDArray[np.signedinteger[Any]]
Mask: TypeAlias = NDArray[np.bool_]
# Recordings whose answers are worked out together, and the answers from which on lanes pay: fewer are looked over for
# their notes anyway, which takes the engine.
_AT_ONCE, _FEWEST = 512, 500
_Swept: TypeAlias = EarlyStopping | ReduceLROnPlateau
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


class _Place(NamedTuple):
    """One fit of a recording."""

    recording: Recording
    number: int

    @property
    def fit(self) -> Fit:
        """The fit itself."""
        return self.recording.fits[self.number]


def answers_of_runs(
    recordings: Iterable[Recording],
    requests: Sequence[ReplayRequest],
    *,
    reuse: bool = False,
    fewest_in_lanes: int = _FEWEST,
) -> Iterator[list[Answer | RaisedFit | LeftOut]]:
    """Yield what `simulate` answers, recording by recording, in memory that does not grow with their number.

    Where there are many, those of one EarlyStopping or one ReduceLROnPlateau come from the lanes if these can say as
    much as a row of a table: they are a `FitAnswer` instead of a `Replay`.
    """
    recordings, count = iter(recordings), 0
    while some := list(itertools.islice(recordings, _AT_ONCE)):
        count += sum(len(recording.fits) for recording in some) * len(requests)
        if reuse or count < fewest_in_lanes:
            yield from (answers_to(recording, requests, reuse=reuse) for recording in some)
            continue
        places = [_Place(recording, number) for recording in some for number in range(len(recording.fits))]
        in_lanes = [_in_lanes(places, request) for request in requests]
        first = 0
        for recording in some:
            fits = slice(first, first + len(recording.fits))
            first = fits.stop
            yield answers_to(recording, requests, reuse=False, in_lanes=[answers[fits] for answers in in_lanes])


def _in_lanes(places: Sequence[_Place], request: ReplayRequest) -> list[FitAnswer | None]:
    """Return the answer to each fit, None where it is left to the engine."""
    answers: list[FitAnswer | None] = [None] * len(places)
    version, callback = _version_in_lanes(request), cast("_Swept", next(iter(request.callbacks), None))
    if version is None:
        return answers
    mode = _mode(callback, version)
    if mode is None:
        return answers
    numbers = [number for number, place in enumerate(places) if _is_answered(place, callback, version, request)]
    if not numbers:
        return answers
    answered = [places[number] for number in numbers]
    monitored = [MonitoredFit(place.recording.name, place.number, place.fit) for place in answered]
    block = block_of(monitored, callback.monitor)
    if callback.is_stopping_rule:
        outcomes: Iterator[Outcome] = _stopping_outcomes(block, cast("EarlyStopping", callback), mode, version)
    else:
        plateau = cast("ReduceLROnPlateau", callback)
        outcomes = _reducing_outcomes(block, answered, plateau, mode, version, request.initial_lr)
    for number, outcome in zip(numbers, outcomes, strict=True):
        answers[number] = _answer(places[number], request, version, outcome)
    return answers


def _version_in_lanes(request: ReplayRequest) -> Semantics | None:
    """Return the version of a request that lanes can follow, None for any other."""
    if len(request.callbacks) != 1 or request.callbacks[0].name not in (EarlyStopping.name, ReduceLROnPlateau.name):
        return None
    callback = cast("_Swept", request.callbacks[0])
    if (
        callback.is_of_user
        or request.semantics == "auto"
        or request.before is not None
        or request.steps_per_epoch is not None
    ):
        return None
    if isinstance(request.initial_lr, OptimizerRate):
        return None
    version = semantics(request.semantics or DEFAULT)
    counts = [callback.patience, callback.margin(version)]
    counts += [float(getattr(callback, argument, None) or 0.0) for argument in ("baseline", "cooldown")]
    lanes = early_stopping if callback.is_stopping_rule else reduce_lr_on_plateau
    if not lanes.is_vectorised(version) or any(map(math.isnan, counts)) or callback.monitor in LEARNING_RATE_KEYS:
        return None
    try:
        require_known(callback, version)
    except KerasRaises:
        return None
    return version


def _mode(callback: _Swept, version: Semantics) -> Direction | None:
    """Return the direction of the metric, None where the version cannot tell."""
    rule, context = callback.direction_rule(version), Context(version, direction_of)
    try:
        return direction(callback.name, callback.monitor, callback.mode, rule, context)
    except KerasRaises:
        return None


def _is_answered(place: _Place, callback: _Swept, version: Semantics, request: ReplayRequest) -> bool:
    fit, monitor = place.fit, callback.monitor
    series = fit.metrics.get(monitor)
    if series is None or not series.valid.any():
        return False
    codes = ("sampled", *codes_of_rounding(monitor))
    if any(note.code in codes and note.fit in (None, place.number) for note in place.recording.notes):
        return False
    values = series.values[series.valid]
    if is_rounded(monitor, values) or not _is_representable(values, callback, version):
        return False
    may_be_integer = version.integer_rates != "made float32" and _start(fit, request.initial_lr)[0].is_integer()
    if may_be_integer and callback.changes_learning_rate:
        # Then the note on it hangs on what is reduced.
        return False
    logged = [*(name for name, each in fit.metrics.items() if each.valid.any()), *fit.unloaded]
    return not assumed_metrics([callback], version, logged)


def _is_representable(values: Floats, callback: _Swept, version: Semantics) -> bool:
    """Tell whether the backend can hold all that is compared, and raises nowhere."""
    stops = callback.is_stopping_rule
    arithmetic = version.early_stopping_arithmetic if stops else version.plateau_arithmetic
    if arithmetic != "float32 or ValueError":
        return True
    margin, baseline = callback.margin(version), getattr(callback, "baseline", None) or 0.0
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=abs(baseline)))
    return largest + (abs(margin) if math.isfinite(margin) else 0.0) <= _LARGEST_FLOAT32


def _answer(place: _Place, request: ReplayRequest, version: Semantics, outcome: Outcome) -> FitAnswer:
    recording, number = place
    start, source = _start(place.fit, request.initial_lr)
    if source == "assumed" and not outcome.settings.changes_learning_rate:
        # No callback looked at it.
        source = "unknown"
    about_version = note_on(version)
    return FitAnswer(
        run=recording.name,
        fit=number,
        semantics=version,
        callbacks=tuple(request.callbacks),
        outcomes=(outcome,),
        initial_lr=start,
        initial_lr_source=source,
        remarks=(*recording_notes(recording, number, source), *([about_version] if about_version else ())),
        recording=recording,
        request=request,
    )


def _start(fit: Fit, initial_lr: float | None) -> tuple[float, str]:
    """Return the learning rate to start from, and where it comes from, as `request.initial_lr_for`."""
    if initial_lr is not None:
        return initial_lr, "given"
    key = learning_rate_key(fit)
    if key is not None and fit.metrics[key].valid[0]:
        return float(fit.metrics[key].values[0]), "recorded"
    return KERAS_DEFAULT_LR, "assumed"


def _stopping_outcomes(block: Block, callback: EarlyStopping, mode: Direction, version: Semantics) -> Iterator[Outcome]:
    sign, context = 1.0 if mode == "min" else -1.0, Context(version, direction_of)
    baseline = math.nan if callback.baseline is None else sign * callback.baseline
    start = early_stopping.Start(abs(callback.min_delta), baseline, callback.start_from_epoch)
    patience = whole_number(callback.patience, len(block.values) + 1)
    (stops,) = early_stopping.stops_of(block, sign, [start], np.array([patience]), version)
    restores = "always" if version.early_stopping_restores_at_end else "when stopped"
    rows = StopRows.none((1, len(block.lengths)))
    rows.fill([0], block.lengths, stops, restores if callback.restore_best_weights else "never")
    lowest = block.best_row(sign)[np.newaxis]
    best = np.where(rows.best < -1, -2 - rows.best, rows.best)
    ran = np.where(rows.stop < 0, block.lengths - 1, rows.stop)
    columns = (
        *(_indices(block, each) for each in (rows.stop, best, rows.kept, lowest, ran)),
        _values(block, rows.best, rows.best >= 0),
        _values(block, rows.kept, block.valid_at(rows.kept)),
        _values(block, lowest, lowest >= 0),
        (block.lengths - 1 - ran)[0].tolist(),
        stops.wait.tolist(),
    )
    for lane, (stop, of_best, kept, of_lowest, last, *values, saved, wait) in enumerate(zip(*columns, strict=True)):
        best_value, kept_value, lowest_value = values
        state = EarlyStoppingState(callback, context, best=best_value, wait=wait, stopped_index=stop)
        regret = None if None in (lowest_value, kept_value) else regret_of(kept_value, lowest_value, mode)
        yield StoppingOutcome(
            settings=callback,
            mode=mode,
            stop_index=stop,
            best_index=of_best,
            best_value=best_value,
            kept_index=kept,
            kept_value=kept_value,
            lowest_index=of_lowest,
            lowest_value=lowest_value,
            saved_epochs=saved,
            regret=regret,
            validity=unlimited_validity(state, last, partial(_cadence, block, lane)),
        )


def _indices(block: Block, rows: Rows) -> list[int | None]:
    """Return the 0-based epochs of rows of shape (1, fits), None where there is none."""
    return [None if index < 0 else index for index in block.epoch_at(rows)[0].tolist()]


def _values(block: Block, rows: Rows, has_value: Mask) -> list[float | None]:
    """Return the values at rows of shape (1, fits), None where there is none."""
    values = zip(block.value_at(rows)[0].tolist(), has_value[0].tolist(), strict=True)
    return [value if there else None for value, there in values]


def _cadence(block: Block, lane: int) -> int:
    return cadence_of(block.epochs[block.valid[:, lane], lane].tolist())


def _reducing_outcomes(
    block: Block,
    places: Sequence[_Place],
    callback: ReduceLROnPlateau,
    mode: Direction,
    version: Semantics,
    initial_lr: float | None,
) -> Iterator[Outcome]:
    sign, longest = 1.0 if mode == "min" else -1.0, len(block.values) + 1
    plateaus = reduce_lr_on_plateau.plateaus_of(sign * block.values, block.valid, callback.margin(version), version)
    patience, cooldown = (np.array([whole_number(each, longest)]) for each in (callback.patience, callback.cooldown))
    reductions = plateaus.reductions(patience, cooldown)
    most = int(reductions.counts.max(initial=0))
    paths: dict[float, tuple[float, ...]] = {}
    for lane, place in enumerate(places):
        rates, epochs = recorded_rates(place.fit, initial_lr), place.fit.epochs
        if rates.start not in paths:
            paths[rates.start] = rate_path(callback, version, rates.start, most)
        path = paths[rates.start]
        rows = reductions.of(lane)[: len(path) - 1]
        horizon = _horizon(rates, rows, np.array(path), epochs)
        drops = tuple(
            Drop(index, old, new, "exact" if horizon is None or horizon.covers(index) else "hypothetical")
            for index, old, new in zip(epochs[rows].tolist(), path, path[1:], strict=False)
        )
        last = int(epochs[-1])
        beyond = None if horizon is None or horizon.covers(last) else horizon
        validity = validity_of_drops(drops, last, beyond, is_ended=False)
        yield ReductionOutcome(settings=callback, mode=mode, drops=drops, validity=validity)


def _horizon(rates: RecordedRates, drops: Integers, path: Floats, epochs: Integers) -> Horizon | None:
    """Return the limit that the replayed rate sets, as `validity.horizon_of`; `drops` are the rows of reductions."""
    last = rates.last_exact(drops, path)
    if last >= NEVER:
        return None
    if last >= 0 and rates.may_be_late and rates.known[last]:
        recorded, after = float(rates.believed[last]), float(path[np.searchsorted(drops, last, side="right")])
        if not is_same_rate(recorded, after, rates.digits):
            index = int(epochs[last])
            return divergence(index, index + 1, recorded, after)
    row = last + 1
    known = float(rates.believed[row]) if rates.known[row] else None
    before = int(epochs[last]) if last >= 0 else None
    return divergence(before, int(epochs[row]), known, float(path[np.searchsorted(drops, row, side="left")]))
