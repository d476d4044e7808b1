# ruff: noqa: D101, D102, D103
"""What the pages read of verdicts, made from sweeps and comparisons as they are until verdicts are one table."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from kcb_replay.replay.outcomes.stopping import best_of
from kcb_replay.replay.recommend.evidence import Evidence, evidence_of, folded, grouping, spread_of
from kcb_replay.replay.recommend.recommend import recommended
from kcb_replay.replay.verdicts.stopping import swept_blocks
from kcb_replay.replay.verdicts.totals import overall
from kcb_replay.report.choices_table import ARGUMENTS
from kcb_replay.report.drawing.curves import FitCurve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.recommend.evidence import Spread
    from kcb_replay.replay.recommend.result import Recommendation
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.rules import RuleAnswer, RuleComparison
    from kcb_replay.replay.verdicts.table import Sweep
    from kcb_replay.replay.verdicts.totals import SweepSummary

    Recordings: TypeAlias = Callable[[], Iterable[Recording]]

LABELS = ("exact", "undecided", "rounded", "rounded, undecided", "sampled", "sampled, undecided", "hypothetical")
MOST_DRAWN, _WORST = 500, 200
Place: TypeAlias = "tuple[str, int]"


@dataclass(frozen=True, slots=True, eq=False)
class RecordedCurve(FitCurve):
    run: str
    fit: int
    lowest_index: int | None
    lowest_value: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    stop_index: NDArray[np.int64]
    best_index: NDArray[np.int64]
    kept_index: NDArray[np.int64]
    saved: NDArray[np.int64]
    regret: NDArray[np.float64]
    label: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    answers: Answers
    answered: NDArray[np.bool_]
    curves: tuple[RecordedCurve, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    run: str
    fit: int
    reason: str
    choice: int | None = None


@dataclass(frozen=True, slots=True)
class ChoiceSummary:
    keeps: str
    fits: int
    stopped: int
    undecided: int
    unknown: int
    saving: float
    regret_mean: float
    regret_median: float
    regret_worst: float
    stop_epoch_median: float


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    settings: tuple[Any, ...]
    semantics: Semantics
    summaries: tuple[Any, ...]
    alike: tuple[tuple[int, ...], ...]
    front: tuple[int, ...]
    distinct: tuple[int, ...]
    fits: int
    epochs: int
    answered: int
    left_out: tuple[LeftOut, ...]

    @property
    def choices(self) -> tuple[Any, ...]:
        return self.settings


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    summary: Any
    mode: Direction | None
    lowest_mean: float
    worst: tuple[Place | None, ...]
    several: frozenset[str]
    groups: int
    spread: Spread | None
    recommendation: Recommendation | None
    drawn: Verdicts


@dataclass(frozen=True, slots=True)
class Question:
    choices: Sequence[EarlyStopping]
    version: Semantics


def drawn_places(regrets: Sequence[float], *, draw_all: bool = False) -> list[int]:
    """Return the places of the fits that are drawn, in their order; a regret that is NaN counts as the worst."""
    count = len(regrets)
    if draw_all or count <= MOST_DRAWN:
        return list(range(count))
    order = np.argsort(-np.nan_to_num(np.asarray(regrets), nan=np.inf), kind="stable")
    others = np.random.default_rng(0).choice(order[_WORST:], MOST_DRAWN - _WORST, replace=False)
    return sorted([*order[:_WORST].tolist(), *others.tolist()])


def label_place(label: Label, *, undecided: bool) -> int:
    both = "undecided" if label == "exact" else f"{label}, undecided"
    return LABELS.index(both if undecided and both in LABELS else label)


def surveys_of(
    recordings: Recordings, questions: Sequence[Question], *, first: Callable[[Survey], int], draw_all: bool = False
) -> list[Survey]:
    return [_survey(recordings, each.choices, each.version, first, draw_all=draw_all) for each in questions]


def _survey(
    recordings: Recordings,
    settings: Sequence[EarlyStopping],
    version: Semantics,
    first: Callable[[Survey], int],
    *,
    draw_all: bool,
) -> Survey:
    seen = _Seen(len(settings))
    found = overall(seen.passing(swept_blocks(recordings(), settings, version)), settings, version)
    group_of = grouping("folder")
    fold = folded(len({group_of(recording.name) for recording in recordings()}))
    evidence = evidence_of(
        swept_blocks(recordings(), settings, version), lambda run: fold(group_of(run)), tolerance=math.inf
    )
    arguments: dict[str, Any] = {
        name: list(dict.fromkeys(getattr(each, name) for each in settings)) for name in ARGUMENTS
    }
    nothing = np.zeros((len(settings), 0), np.int64)
    empty = Verdicts(
        Answers(nothing, nothing, nothing, nothing, nothing.astype(float), nothing), nothing.astype(bool), ()
    )
    survey = Survey(
        summary=_summary(found),
        mode=seen.mode,
        worst=tuple(seen.worst),
        lowest_mean=float(np.mean(seen.lowest)) if seen.lowest else math.nan,
        several=frozenset(seen.several),
        spread=spread_of(evidence),
        groups=len(evidence.groups),
        recommendation=recommended(recordings, semantics=version, group_by="folder", **arguments),
        drawn=empty,
    )
    drawn = _drawn(recordings, settings, version, first=first(survey), draw_all=draw_all)
    return Survey(**{name: getattr(survey, name) for name in Survey.__slots__ if name != "drawn"}, drawn=drawn)


def _summary(found: SweepSummary) -> Summary:
    return Summary(
        settings=found.settings,
        semantics=found.semantics,
        summaries=tuple(
            ChoiceSummary(
                keeps="best" if each.setting.restore_best_weights else "last",
                fits=each.fits,
                stopped=each.stopped,
                undecided=each.fits - each.stopped,
                unknown=each.unknown,
                saving=each.saving,
                regret_mean=each.regret_mean,
                regret_median=each.regret_median,
                regret_worst=each.regret_worst,
                stop_epoch_median=each.stop_epoch_median,
            )
            for each in found.summaries
        ),
        alike=found.alike,
        front=found.front,
        distinct=found.distinct,
        fits=found.fits,
        epochs=found.epochs,
        answered=found.answered,
        left_out=tuple(LeftOut(each.run, each.fit, each.reason) for each in found.left_out),
    )


class _Seen:
    """What is noted of sweeps while they pass: which fit each setting costs most, and what was best in each."""

    def __init__(self, settings: int) -> None:
        self.worst: list[Place | None] = [None] * settings
        self.lowest: list[float] = []
        self.several: set[str] = set()
        self.mode: Direction | None = None
        self._regret = np.full(settings, -np.inf)

    def passing(self, blocks: Iterable[Sweep]) -> Iterator[Sweep]:
        for block in blocks:
            for part in block.parts:
                for prices in part.prices.values():
                    self.mode = "max" if prices.sign < 0 else "min"
                    lowest = prices.sign * prices.block.least(prices.sign)
                    self.lowest += lowest[np.isfinite(lowest)].tolist()
            self.several.update(fit.run for fit in block.fits if fit.fit)
            self._note_worst(block)
            yield block

    def _note_worst(self, block: Sweep) -> None:
        regret = np.where(block.answered & ~np.isnan(block.answers.regret), block.answers.regret, -np.inf)
        if not regret.shape[1]:
            return
        place = regret.argmax(axis=1)
        for number, (fit, value) in enumerate(zip(place.tolist(), regret.max(axis=1).tolist(), strict=True)):
            if value > self._regret[number]:
                self._regret[number] = value
                self.worst[number] = (block.fits[fit].run, block.fits[fit].fit)


def _drawn(
    recordings: Recordings, settings: Sequence[EarlyStopping], version: Semantics, *, first: int, draw_all: bool
) -> Verdicts:
    places: list[Place] = []
    regrets: list[float] = []
    for block in swept_blocks(recordings(), [settings[first]], version):
        asked = np.flatnonzero(block.answered[0])
        places += [(block.fits[place].run, block.fits[place].fit) for place in asked]
        regrets += block.answers.regret[0, asked].tolist()
    chosen = {places[number] for number in drawn_places(regrets, draw_all=draw_all)}
    runs = {run for run, _ in chosen}
    parts = []
    for block in swept_blocks((each for each in recordings() if each.name in runs), settings, version):
        numbers = [place for place, fit in enumerate(block.fits) if (fit.run, fit.fit) in chosen]
        answers = block.answers
        own, weaker = (
            np.array([label_place(fit.label, undecided=undecided) for fit in block.fits], np.int64)
            for undecided in (False, True)
        )
        label = np.where(answers.undecided, weaker, own)
        curves = _curves(block)
        names = ("stop_index", "best_index", "kept_index", "saved", "regret")
        columns = [getattr(answers, name)[:, numbers] for name in names]
        parts.append(
            (columns, label[:, numbers], block.answered[:, numbers], tuple(curves[number] for number in numbers))
        )
    start = np.zeros((len(settings), 0), np.int64)

    def joined(arrays: Sequence[NDArray[Any]], kind: Any = np.int64) -> NDArray[Any]:
        return np.concatenate([start.astype(kind), *arrays], axis=1)

    stop, best, kept, saved, regret = [
        joined([part[0][n] for part in parts], np.float64 if n == 4 else np.int64) for n in range(5)
    ]
    return Verdicts(
        Answers(stop, best, kept, saved, regret, joined([part[1] for part in parts])),
        joined([part[2] for part in parts], np.bool_),
        tuple(curve for part in parts for curve in part[3]),
    )


def _curves(block: Sweep) -> list[RecordedCurve]:
    curves: list[RecordedCurve] = []
    for part in block.parts:
        (prices,) = part.prices.values()
        bests = prices.block.best_row(prices.sign).tolist()
        for number, (fit, best) in enumerate(zip(part.fits, bests, strict=True)):
            rows = slice(0, int(prices.block.lengths[number]))
            epochs, values = prices.block.epochs[rows, number], prices.block.values[rows, number]
            nothing = best < 0 or math.isnan(values[best])
            curves.append(
                RecordedCurve(
                    run=fit.run,
                    fit=fit.fit,
                    epochs=epochs,
                    values=values,
                    valid=prices.block.valid[rows, number],
                    lowest_index=None if nothing else int(epochs[best]),
                    lowest_value=None if nothing else float(values[best]),
                )
            )
    return curves


def rules_survey(
    found: RuleComparison, recordings: Iterable[Recording], version: Semantics, *, draw_all: bool = False
) -> Survey:
    held = list(recordings)
    answers: dict[Place, dict[int, RuleAnswer]] = defaultdict(dict)
    for each in found.answers:
        answers[each.run, each.fit][each.rule] = each
    fits = [fit for fit in _judged(held, found.monitor, found.mode) if (fit.run, fit.fit) in answers]
    drawn = [
        fits[place]
        for place in drawn_places([_regret(answers[fit.run, fit.fit].get(0)) for fit in fits], draw_all=draw_all)
    ]
    rules = range(len(found.rules))
    table = [[answers[fit.run, fit.fit].get(rule) for fit in drawn] for rule in rules]

    def array(value: Callable[[RuleAnswer], Any], without: Any, kind: Any = np.int64) -> NDArray[Any]:
        cells = [[without if each is None else value(each) for each in row] for row in table]
        return np.array(cells, kind).reshape(len(rules), len(drawn))

    def index(number: int | None) -> int:
        return -1 if number is None else number

    verdicts = Verdicts(
        Answers(
            stop_index=array(lambda each: index(each.stop_index), -1),
            best_index=np.full((len(rules), len(drawn)), -1, np.int64),
            kept_index=array(lambda each: index(each.kept_index), -1),
            saved=array(lambda each: each.epochs - each.epochs_run, 0),
            regret=array(_regret, math.nan, np.float64),
            label=array(lambda each: label_place(each.validity, undecided=each.stop_index is None), 0),
        ),
        array(lambda _: True, False, np.bool_),
        tuple(drawn),
    )
    worst = []
    for rule in rules:
        own = [each for each in found.answers if each.rule == rule and each.regret is not None]
        most = max(own, key=lambda each: each.regret or 0.0, default=None)
        worst.append(None if most is None else (most.run, most.fit))
    spread, groups = _rules_spread(found, answers)
    return Survey(
        summary=Summary(
            settings=found.rules,
            semantics=version,
            summaries=(),
            alike=(),
            front=(),
            distinct=(),
            fits=found.fits,
            epochs=0,
            answered=found.fits,
            left_out=tuple(LeftOut(each.run, each.fit, each.reason, each.rule) for each in found.left_out),
        ),
        mode=found.mode,
        lowest_mean=math.nan,
        worst=tuple(worst),
        several=frozenset(each.run for each in found.answers if each.fit),
        groups=groups,
        spread=spread,
        recommendation=None,
        drawn=verdicts,
    )


def rule_summaries(found: RuleComparison) -> list[ChoiceSummary]:
    return [
        ChoiceSummary(
            keeps=each.keeps,
            fits=each.fits,
            stopped=each.stopped,
            undecided=each.undecided,
            unknown=each.unknown,
            saving=1 - each.share,
            regret_mean=each.regret_mean,
            regret_median=each.regret_median,
            regret_worst=each.regret_worst,
            stop_epoch_median=math.nan,
        )
        for each in found.per_rule()
    ]


def _rules_spread(found: RuleComparison, table: dict[Place, dict[int, RuleAnswer]]) -> tuple[Spread | None, int]:
    group_of = grouping("folder")
    rules = range(len(found.rules))
    fold = folded(len({group_of(each.run) for each in found.answers}))
    sums: dict[str, list[NDArray[np.float64]]] = {}
    for (run, _), answers in table.items():
        known = [answers[rule] for rule in rules if rule in answers and answers[rule].regret is not None]
        if len(known) < len(found.rules):
            continue
        numbers = np.array([[1 - each.share, each.regret, each.stop_index is None] for each in known], np.float64)
        sums.setdefault(fold(group_of(run)), []).append(numbers)
    names = sorted(sums)
    if not names:
        return None, 0
    totals = np.stack([np.sum(sums[name], axis=0) for name in names])
    counts = np.array([len(sums[name]) for name in names], np.float64)
    nothing = np.zeros(totals.shape[:2])
    evidence = Evidence(tuple(names), counts, totals[:, :, 0], totals[:, :, 1], nothing, totals[:, :, 2])
    return spread_of(evidence), len(names)


def _regret(answer: RuleAnswer | None) -> float:
    return math.nan if answer is None or answer.regret is None else answer.regret


def _judged(recordings: Sequence[Recording], monitor: str, mode: Direction) -> list[RecordedCurve]:
    fits = []
    for each in recordings:
        for number, fit in enumerate(each.fits):
            series = fit.metrics.get(monitor)
            if series is None:
                continue
            values = dict(zip(fit.epochs[series.valid].tolist(), series.values[series.valid].tolist(), strict=True))
            lowest = best_of(values, mode)
            if lowest is not None:
                kept = np.where(series.valid, series.values, 0.0)
                curve = RecordedCurve(fit.epochs, kept, series.valid, each.name, number, lowest, values[lowest])
                fits.append(curve)
    return fits
