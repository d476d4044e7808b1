"""Stopping rules side by side: what each saves and costs over all recordings, against stopping all at one epoch.

The baseline is that of R. Egele et al. (2024): a rule that looks at the curves is worth its trouble where it gives away
less than "stop everything at epoch i" does for the same share of epochs. Refuses callbacks that are no stopping rules.
All rules are judged by the same metric, whatever they monitor themselves; the engine answers, some fits at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from kcb_replay.errors import MonitorNotRecordedError, NotReplayableError, SettingError
from kcb_replay.ingest.coercion import Trainings, recordings_from
from kcb_replay.ingest.copies import each_with_original
from kcb_replay.ingest.display import Displayed
from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Recording, both_counts
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import CALLBACKS, Callback, MedianStopping
from kcb_replay.replay.callbacks.stopping import known_direction
from kcb_replay.replay.directions import Direction, assumed_direction, is_assumed
from kcb_replay.replay.left_out import LeftOut, left_out_copy
from kcb_replay.replay.median import median_answers
from kcb_replay.replay.outcomes import Outcome
from kcb_replay.replay.replay import replay
from kcb_replay.replay.semantics import DEFAULT, semantics as resolve
from kcb_replay.replay.stream import stream_of
from kcb_replay.replay.verdicts.answers import LABELS, MetricValues, StopRows, label_number
from kcb_replay.replay.verdicts.baseline import Baseline, BaselinePoint
from kcb_replay.replay.verdicts.blocks import FitFacts, StoppingBlock
from kcb_replay.replay.verdicts.by_engine import fits_at_once
from kcb_replay.replay.verdicts.collect import collect
from kcb_replay.replay.verdicts.lanes.series import MonitoredFit, block_of, monitored_fits
from kcb_replay.replay.verdicts.table import StoppingVerdicts
from kcb_replay.replay.verdicts.totals import ChoiceSummary, Summary, Totals

if TYPE_CHECKING:
    import pandas as pd


Json: TypeAlias = dict[str, object]
Floats: TypeAlias = NDArray[np.float64]
# A recording by its identity, and the number of a fit: two recordings may have the same name.
_Place: TypeAlias = tuple[int, int]


@dataclass(frozen=True, eq=False)
class RuleComparison(Displayed):
    """What every rule comes to over all fits, and the baseline; `mode` says whether `monitor` should fall or rise.

    `assumed_metrics` are those of which that is only taken from the name. `verdicts` are those on every fit, or on the
    fits that are drawn.
    """

    rules: tuple[Callback, ...]
    monitor: str
    mode: Direction
    summary: Summary[Callback, ChoiceSummary]
    verdicts: StoppingVerdicts[Callback]
    baseline: tuple[BaselinePoint, ...]
    assumed_metrics: tuple[str, ...] = ()

    @property
    def fits(self) -> int:
        """The number of fits that hold something to judge by."""
        return self.summary.fits

    @property
    def is_answered(self) -> bool:
        """Whether some rule could be asked of some fit."""
        return any(each.fits for each in self.summary.summaries)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The fits that all rules, or one of them, could not be asked of."""
        return self.summary.left_out

    def per_rule(self) -> list[ChoiceSummary]:
        """Return one summary per rule, in their order."""
        return list(self.summary.summaries)

    def left_out_by(self, number: int) -> int:
        """Return of how many fits a rule could not be asked."""
        return sum(each.choice in (None, number) for each in self.left_out)

    def records(self) -> Iterator[Json]:
        """Yield one record per rule and fit."""
        for number, rule in enumerate(self.rules):
            for block in self.verdicts.blocks:
                yield from _records_of(str(rule), number, block)

    def summary_records(self) -> list[Json]:
        """Return one record per rule; null where no fit has a number."""
        return [
            {
                "rule": str(each.choice),
                "keeps": each.keeps,
                **each.numbers(),
                "left_out": self.left_out_by(number),
            }
            for number, each in enumerate(self.summary.summaries)
        ]

    def to_dict(self) -> Json:
        """Return the document of `kcb-replay compare --json`."""
        return {
            "schema": "kcb-replay/compare/1",
            "monitor": self.monitor,
            "mode": self.mode,
            "assumed": [str(assumed_direction(metric, None)) for metric in self.assumed_metrics],
            "fits": self.fits,
            "rules": self.summary_records(),
            "baseline": [point.to_dict() for point in self.baseline],
            "answers": list(self.records()),
            "left_out": [
                {"rule": None if each.choice is None else str(self.rules[each.choice]), **each.to_dict()}
                for each in self.left_out
            ],
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per rule and fit."""
        import pandas as pd

        return pd.DataFrame.from_records(list(self.records()))

    def __repr__(self) -> str:
        return f"<Comparison of {len(self.rules)} rules over {self.fits} fits by {self.monitor}>"


def compare_rules(
    recordings: Trainings,
    rules: Sequence[Callback],
    *,
    monitor: str = "val_loss",
    mode: str = "auto",
    semantics: str | Semantics | None = None,
) -> RuleComparison:
    """Ask every rule of every fit, and judge what is kept by `monitor`.

    `recordings` are whatever `kcb.sweep` takes. A fit without `monitor` is left out for all rules, one that a rule
    cannot be asked of for that rule. Raises `SettingError` for an empty list, a callback that is no stopping rule, or
    where `mode="auto"` cannot tell.
    """
    question = RuleQuestion(rules, monitor=monitor, mode=mode, semantics=semantics)
    loaded = question.loaded(recordings_from(recordings))
    totals, baseline = Totals(question.rules), question.baseline()
    blocks: list[StoppingBlock] = []
    for fits in fits_at_once(monitored_fits(loaded), len(rules)):
        verdicts = question.verdicts_on(fits)
        collect([verdicts], [totals, baseline])
        blocks += verdicts.blocks
    whole = StoppingVerdicts(question.rules, tuple(blocks), question.version)
    return question.comparison(totals.summary(question.version), whole, baseline)


class RuleQuestion:
    """What is asked of every fit by a comparison of rules. Raises `SettingError` for what cannot be compared."""

    def __init__(
        self,
        rules: Sequence[Callback],
        *,
        monitor: str = "val_loss",
        mode: str = "auto",
        semantics: str | Semantics | None = None,
    ) -> None:
        _require_rules(rules)
        self.rules, self.monitor = tuple(rules), monitor
        self.version = resolve(DEFAULT if semantics in (None, "auto") else semantics)
        self._semantics, self._given_mode = semantics, mode
        self.mode: Direction = known_direction("compare", monitor, mode)
        self._medians: dict[int, Mapping[_Place, Outcome | Reason]] = {}

    @property
    def metrics(self) -> frozenset[str]:
        """The metrics that the rules read and are judged by, and those that tell the version."""
        return frozenset([self.monitor, *LEARNING_RATE_KEYS, *(metric for rule in self.rules for metric in rule.reads)])

    @property
    def compares_runs(self) -> bool:
        """Whether a rule asks for all recordings at once."""
        return any(rule.compares_runs for rule in self.rules)

    def loaded(self, recordings: Iterable[Recording]) -> Iterable[Recording]:
        """Return the recordings; all at once where a rule compares runs, whose answers are then worked out."""
        if not self.compares_runs:
            return recordings
        loaded = list(recordings)
        counted = [recording for recording, original in each_with_original(loaded) if original is None]
        for number, rule in enumerate(self.rules):
            if rule.compares_runs:
                answers = median_answers(counted, cast("MedianStopping", rule)).items()
                self._medians[number] = {
                    (id(counted[place]), fit): each.why if isinstance(each, LeftOut) else each.outcome
                    for (place, fit), each in answers
                }
        return loaded

    def baseline(self) -> Baseline:
        """Return the collector of the baseline that keeps the same weights as the rules."""
        keeps = ["best" if getattr(rule, "restore_best_weights", False) else "last" for rule in self.rules]
        return Baseline(list(dict.fromkeys(keeps)))

    def comparison(
        self,
        summary: Summary[Callback, ChoiceSummary],
        verdicts: StoppingVerdicts[Callback],
        baseline: Baseline,
    ) -> RuleComparison:
        """Return what was found; `summary` is that of all fits."""
        return RuleComparison(
            self.rules, self.monitor, self.mode, summary, verdicts, baseline.points(), self._assumed(summary)
        )

    def verdicts_on(self, fits: Sequence[MonitoredFit]) -> StoppingVerdicts[Callback]:
        """Return what every rule comes to on some fits; those without the judged metric are left out for all rules."""
        left_out: list[LeftOut] = []
        judged: list[MonitoredFit] = []
        for each in fits:
            why = self._why_not_judged(each)
            if each.copy_of is not None:
                left_out.append(left_out_copy(each.run, each.number, each.copy_of))
            elif why is None:
                judged.append(each)
            else:
                left_out.append(LeftOut(each.run, each.number, why))
        block = block_of(judged, self.monitor)
        shape = (len(self.rules), len(judged))
        rows, answered, labels = StopRows.none(shape), np.zeros(shape, np.bool_), np.zeros(shape, np.int8)
        for number, place in np.ndindex(shape):
            outcome = self._outcome(number, judged[place])
            if isinstance(outcome, Reason):
                left_out.append(LeftOut(judged[place].run, judged[place].number, outcome, choice=number))
                continue
            answered[number, place] = True
            labels[number, place] = label_number(outcome.validity.label, undecided=outcome.stop_index is None)
            for filled, index in ((rows.stop, outcome.stop_index), (rows.kept, outcome.kept_index)):
                filled[number, place] = -1 if index is None else judged[place].fit.epochs.searchsorted(index)
        verdicts = StoppingBlock(
            choices=self.rules,
            fits=tuple(_facts(judged, labels)),
            rows=rows,
            answered=answered,
            metrics={self._key: MetricValues(block, 1.0 if self.mode == "min" else -1.0)},
            left_out=tuple(left_out),
            judged_by=self._key,
            labels=labels,
        )
        return StoppingVerdicts(self.rules, (verdicts,), self.version)

    @property
    def _key(self) -> tuple[str, str]:
        return self.monitor, self.mode

    def _outcome(self, number: int, each: MonitoredFit) -> Outcome | Reason:
        """Return what a rule comes to for a fit, or why it cannot be asked."""
        if each.recording is None:
            raise AssertionError("a rule is asked of a recording")
        if number in self._medians:
            return self._medians[number][id(each.recording), each.number]
        try:
            one = replay(each.recording, [self.rules[number]], fit=each.number, semantics=self._semantics)
        except NotReplayableError as error:
            return error.why
        (outcome,) = one.outcomes
        return outcome

    def _why_not_judged(self, each: MonitoredFit) -> Reason | None:
        series = each.fit.metrics.get(self.monitor)
        if series is not None and not np.isnan(series.values[series.valid]).all():
            return None
        if series is not None and series.valid.any():
            return reason("left_out.never_a_number", monitor=self.monitor)
        unplaced = next((note.text for note in each.unplaced if note.metric == self.monitor), "")
        return MonitorNotRecordedError(self.monitor, "", sorted(stream_of(each.fit).names), unplaced=unplaced).why

    def _assumed(self, summary: Summary[Callback, ChoiceSummary]) -> tuple[str, ...]:
        """Return the metrics whose direction is assumed: the one that all are judged by, and those that rules watch."""
        judged = [self.monitor] if self._given_mode == "auto" and is_assumed(self.monitor) else []
        return tuple(dict.fromkeys([*judged, *summary.assumed_metrics]))


def _records_of(rule: str, number: int, block: StoppingBlock) -> Iterator[Json]:
    """Yield a record per fit of a block that a rule has an answer for."""
    for chosen, answers in block.pieces():
        if not chosen.start <= number < chosen.stop:
            continue
        at = number - chosen.start
        for place in np.flatnonzero(block.answered[number]).tolist():
            fit, regret = block.fits[place], float(answers.regret[at, place])
            yield {
                "rule": rule,
                "run": fit.run,
                "fit": fit.fit,
                "epochs": fit.epochs,
                "saved_epochs": int(answers.saved[at, place]),
                **both_counts("stop", _index(answers.stop_index[at, place])),
                **both_counts("kept", _index(answers.kept_index[at, place])),
                "regret": None if math.isnan(regret) else regret,
                "undecided": bool(answers.undecided[at, place]),
                "validity": LABELS[answers.label[at, place]].split(",")[0],
            }


def _index(index: np.signedinteger[Any]) -> int | None:
    return None if index < 0 else int(index)


def _facts(fits: Sequence[MonitoredFit], labels: NDArray[np.int8]) -> Iterator[FitFacts]:
    """Yield the facts of fits; the label is what limits some rule, whether it is undecided or not."""
    seconds = block_of(fits, "").seconds.tolist() if fits else []
    for place, (each, taken) in enumerate(zip(fits, seconds, strict=True)):
        label: Any = LABELS[labels[:, place].max()].split(",")[0]
        yield FitFacts(each.run, each.number, len(each.fit), "exact" if label == "undecided" else label, taken)


def _require_rules(rules: Sequence[Callback]) -> None:
    known = ", ".join(kind.name for kind in CALLBACKS.values() if kind.purpose == "stops")
    if not rules:
        raise SettingError(f"There is no rule to compare. Give at least one of {known}.")
    for rule in rules:
        if not rule.is_stopping_rule:
            raise SettingError(f"{rule.name} is no stopping rule that can be compared. Known: {known}.")
