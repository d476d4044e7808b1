"""What a sweep of any callback does: take some fits at a time, leave out those that cannot be asked, ask the engine."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Generic, TypeVar

from kcb_replay.errors import DirectionUnknownError, NotReplayableError
from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Recording
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import DirectionRule, Semantics
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context, direction
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.monitors import assumed_metrics
from kcb_replay.replay.replay import replay
from kcb_replay.replay.result import Replay
from kcb_replay.replay.source_limits import codes_of_rounding, is_rounded
from kcb_replay.replay.validity import Label
from kcb_replay.replay.verdicts.lanes.series import MonitoredFit

_Setting = TypeVar("_Setting", EarlyStopping, ReduceLROnPlateau)


# Answers that are held at once: some hundred bytes each, with what it takes to find them.
_MOST_ANSWERS, _FEWEST_FITS = 1_000_000, 64


def fits_at_once(fits: Iterable[MonitoredFit], choices: int) -> Iterator[list[MonitoredFit]]:
    """Yield all fits, so many at once that their answers to so many choices fit into memory."""
    size = max(_FEWEST_FITS, _MOST_ANSWERS // max(choices, 1))
    rest = iter(fits)
    while some := list(itertools.islice(rest, size)):
        yield some


class FitBatch(Generic[_Setting]):
    """Settings asked of fits; `left_out` says of which fits some could not be asked, once for each reason."""

    def __init__(self, settings: Sequence[_Setting], fits: Sequence[MonitoredFit], version: Semantics) -> None:
        self.settings: Sequence[_Setting] = settings
        self.fits: list[MonitoredFit] = [each for each in fits if each.why_not_asked is None]
        self.version = version
        self.left_out: dict[LeftOut, None] = dict.fromkeys(filter(None, (each.why_not_asked for each in fits)))

    def having(self, number: int) -> list[int]:
        """Return the fits that have the metric of a setting; the others are left out, with what Keras does there."""
        places: list[int] = []
        monitor = self.settings[number].monitor
        reasons: dict[tuple[str, ...], Reason] = {}
        for place, each in enumerate(self.fits):
            if monitor in each.fit.metrics and each.fit.metrics[monitor].valid.any():
                places.append(place)
            else:
                # The same names make the same of it, in however many fits.
                recorded = [name for name, series in each.fit.metrics.items() if series.valid.any()]
                names = tuple(recorded + list(each.fit.unloaded))
                if names not in reasons:
                    reasons[names] = self._reason(number, place)
                self.leave_out(place, reasons[names])
        return places

    def _reason(self, number: int, place: int) -> Reason:
        """Return why the engine refuses a setting on a fit."""
        try:
            self._replay(number, place)
        except NotReplayableError as error:
            return error.why
        raise AssertionError("only to be asked of a fit without the metric")

    def sign(self, monitor: str, mode: str, places: Sequence[int], rule: DirectionRule) -> float | None:
        """Return 1 for a metric that should fall, -1 for one that should rise, None where the version cannot tell."""
        context = Context(self.version, direction_of)
        try:
            taken = direction(self.settings[0].name, monitor, mode, rule, context)
        except KerasRaises as raised:
            why = DirectionUnknownError(monitor, "", self.version.name).why
            if monitor in LEARNING_RATE_KEYS:
                why = reason("left_out.raises", kind=raised.kind, message=str(raised))
            for place in places:
                self.leave_out(place, why)
            return None
        return 1.0 if taken == "min" else -1.0

    def takes(self, numbers: Iterable[int]) -> bool:
        """Tell whether the version has the arguments that are given; the engine says what Keras says."""
        missing = self.version.missing_arguments
        given = (
            f"{self.settings[number].name}.{item.name}"
            for number in numbers
            for item in fields(self.settings[number])
            if getattr(self.settings[number], item.name) != item.default
        )
        return not missing.intersection(given)

    def replays(
        self, numbers: Iterable[int], places: Sequence[int], *, initial_lr: float | None = None
    ) -> Iterator[tuple[int, int, Replay]]:
        """Yield what the engine says to each setting and fit; what it cannot answer is left out."""
        for number, place in itertools.product(numbers, places):
            try:
                one = self._replay(number, place, initial_lr=initial_lr)
            except NotReplayableError as error:
                self.leave_out(place, error.why)
            else:
                yield number, place, one

    def _replay(self, number: int, place: int, *, initial_lr: float | None = None) -> Replay:
        each = self.fits[place]
        alone = Recording(each.run, (), (each.fit,), each.unplaced)
        return replay(alone, [self.settings[number]], semantics=self.version, initial_lr=initial_lr)

    def labels(self) -> Iterator[Label]:
        """Yield what each fit's source allows of any answer: nobody looks at single comparisons, as a replay does."""
        # Settings of one monitor and mode ask the same, and there are thousands.
        watching = list({(setting.monitor, setting.mode): setting for setting in self.settings}.values())
        return (self._label(each, watching) for each in self.fits)

    def _label(self, each: MonitoredFit, watching: Sequence[_Setting]) -> Label:
        if "sampled" in each.codes:
            return "sampled"
        recorded = {one.monitor for one in watching if one.monitor in each.fit.metrics}
        if any(each.codes.intersection(codes_of_rounding(monitor)) for monitor in recorded):
            return "rounded"
        series = (each.fit.metrics[monitor] for monitor in recorded)
        if any(is_rounded(one.tag, one.values[one.valid]) for one in series):
            return "rounded"
        logged = [*each.fit.metrics, *each.fit.unloaded]
        return "hypothetical" if assumed_metrics(watching, self.version, logged) else "exact"

    def leave_out(self, place: int, why: Reason) -> None:
        """Keep the reason for which a fit has no answer."""
        each = self.fits[place]
        self.left_out[LeftOut(each.run, each.number, why)] = None


def whole_number(count: float, most: int) -> int:
    """Return the whole number of epochs that acts as `count` does where there are fewer than `most`."""
    return most if math.isinf(count) or count > most else math.ceil(count)
