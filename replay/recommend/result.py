"""What is recommended, how sure that is, or why nothing is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TypeAlias

from kcb_replay.ingest.display import Displayed
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.callbacks.arguments import with_python_values
from kcb_replay.replay.directions import assumption, direction_of
from kcb_replay.replay.recommend.evidence import MOST_GROUPS, Interval
from kcb_replay.replay.verdicts.totals import ChoiceSummary, SweepSummary

Json: TypeAlias = dict[str, object]
_MOST_ALIKE = 8
# Less is written as 0 %.
_LEAST_SHARE = 0.005


@dataclass(frozen=True, slots=True)
class Difference:
    """The recommended setting against another one, run by run: mean differences and their 95 % intervals.

    A positive `saving` and a negative `regret` speak for the recommended one.
    """

    setting: EarlyStopping
    performance: ChoiceSummary
    saving: float
    saving_interval: Interval
    regret: float
    regret_interval: Interval


@dataclass(frozen=True)
class Recommendation(Displayed):
    """The answer of `kcb.recommend`. `setting` is None where it refuses, and `why_refused` says why.

    `in_sample` is what the setting did on the runs it was chosen from, `held_out` what settings did that were chosen
    without the group they are judged on: an honest guess for the next run. Their difference is the optimism of the
    choice. `failure_bound` is the share of runs that may give away more than `tolerance` (in units of the metric), with
    95 % confidence. The intervals are percentiles over `resamples` resampled groups; `chosen_share` is how often the
    same setting came out of them, `front_share` how often nothing beat it, `refused_share` how often none was bounded.
    `patience_interval` spans 95 % of the patiences that came out. `alike` are the settings that act alike on all runs.
    """

    setting: EarlyStopping | None
    why_refused: Reason | None
    overall: SweepSummary
    groups: int
    tolerance: float
    tolerance_is_noise: bool
    max_failures: float
    in_sample: ChoiceSummary | None = None
    failure_bound: float | None = None
    held_out: ChoiceSummary | None = None
    held_out_refused: int = 0
    saving_interval: Interval | None = None
    regret_interval: Interval | None = None
    resamples: int = 0
    chosen_share: float | None = None
    front_share: float | None = None
    refused_share: float | None = None
    patience_interval: Interval | None = None
    alike: tuple[EarlyStopping, ...] = ()
    current: Difference | None = None
    remarks: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        with_python_values(self)

    @property
    def refusal(self) -> str | None:
        """Why nothing is recommended, in English."""
        return None if self.why_refused is None else str(self.why_refused)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the runs cannot tell, in English."""
        return tuple(map(str, self.remarks))

    @property
    def sentence(self) -> Reason:
        """The answer, or the refusal, in one or two sentences."""
        if self.setting is None or self.in_sample is None or self.saving_interval is None:
            return reason("recommend.none", why=self.why_refused)
        assumptions = tuple(map(assumption, self.overall.assumed_metrics))
        low, high = self.saving_interval
        return reason(
            "recommend.use",
            setting=reason(
                "recommend.patience_min_delta" if self.setting.min_delta else "recommend.patience",
                patience=self.setting.patience,
                min_delta=self.setting.min_delta,
            ),
            fits=self.in_sample.fits,
            saving=self.in_sample.saving,
            interval=reason("recommend.interval", low=100 * low, high=100 * high),
            failed=_failed(self.in_sample),
            tolerance=reason(
                "recommend.tolerance_noise" if self.tolerance_is_noise else "recommend.tolerance",
                tolerance=self.tolerance,
                monitor=self.setting.monitor,
            ),
            bound=self.failure_bound,
            assumed=reason("recommend.assumed", assumptions=assumptions[0]) if assumptions else "",
        )

    @property
    def certainty(self) -> tuple[Reason, ...]:
        """How far the answer can be believed; nothing of a refusal."""
        best, held_out = self.in_sample, self.held_out
        if self.setting is None or best is None or held_out is None:
            return ()
        honest = reason(
            "recommend.held_out",
            saving=held_out.saving,
            failed=_failed(held_out),
            points=100 * (best.saving - held_out.saving),
            regret=held_out.regret_mean - best.regret_mean,
            failures=held_out.failures - best.failures,
        )
        reasons = [honest, self._resampled()]
        if self.refused_share:
            reasons.append(reason("recommend.refused", share=self.refused_share))
        if self.alike:
            named = tuple(f"{setting.patience:g}" for setting in self.alike[:_MOST_ALIKE])
            more = reason("recommend.more_patiences", patiences=named)
            patiences = named if len(self.alike) == len(named) else more
            reasons.append(reason("recommend.alike", count=len(self.alike), patiences=patiences))
        if best.undecided >= _LEAST_SHARE * best.fits:
            reasons.append(reason("recommend.undecided", share=best.undecided / best.fits))
        return tuple(reasons)

    def _resampled(self) -> Reason:
        groups = reason(
            "recommend.bundles" if self.groups > MOST_GROUPS else "recommend.groups",
            groups=self.groups,
            bundles=MOST_GROUPS,
        )
        resampled = reason(
            "recommend.resampled",
            resamples=self.resamples,
            groups=groups,
            chosen=self.chosen_share,
            front=self.front_share,
        )
        if self.patience_interval is None:
            return resampled
        low, high = self.patience_interval
        return reason("recommend.resampled_patiences", resampled=resampled, low=low, high=high)

    @property
    def code(self) -> str | None:
        """The line of Keras code to paste; it says the mode where that was taken from the name of the metric."""
        if self.setting is None:
            return None
        monitor = self.setting.monitor
        assumed = direction_of(monitor) if monitor in self.overall.assumed_metrics else None
        return keras_code(self.setting if assumed is None else replace(self.setting, mode=assumed))

    def to_dict(self) -> Json:
        """Return the document of `kcb-replay recommend --json`, without the table of all settings."""
        left_out = ("overall", "alike", "current", "setting", "why_refused", "remarks")
        plain = {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__ if name not in left_out}
        return {
            "schema": "kcb-replay/recommend/1",
            "semantics": self.overall.semantics.name,
            "setting": None if self.setting is None else asdict(self.setting),
            "code": self.code,
            "fits": self.overall.answered,
            "refusal": self.refusal,
            "refusal_code": None if self.why_refused is None else self.why_refused.code,
            **plain,
            "notes": self.notes,
            "alike": [asdict(setting) for setting in self.alike],
            "current": None if self.current is None else _difference(self.current),
        }

    def __str__(self) -> str:
        return str(self.sentence)

    def __repr__(self) -> str:
        return f"<Recommendation: {self.code or 'none'}, from {self.overall.answered} fits>"


def _failed(performance: ChoiceSummary) -> Reason:
    if not performance.failures:
        return reason("recommend.none_failed")
    return reason("recommend.failed", failures=performance.failures, fits=performance.fits)


def keras_code(setting: EarlyStopping) -> str:
    """Return a setting as it stands in a Keras script: what differs from Keras's defaults, and the monitor."""
    default = type(setting)()
    arguments = {name: getattr(setting, name) for name in setting.__dataclass_fields__}
    written = [
        f"{name}={_literal(value)}"
        for name, value in arguments.items()
        if name == "monitor" or (value != getattr(default, name) and name != "verbose")
    ]
    return f"keras.callbacks.EarlyStopping({', '.join(written)})"


def _literal(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return repr(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)


def _plain(value: object) -> object:
    return _performance(value) if isinstance(value, ChoiceSummary) else value


def _performance(summary: ChoiceSummary) -> Json:
    return {name: getattr(summary, name) for name in ("saving", "regret_mean", "failures", "fits", "undecided")}


def _difference(difference: Difference) -> Json:
    plain = {name: getattr(difference, name) for name in difference.__dataclass_fields__}
    return {**plain, "setting": asdict(difference.setting), "performance": _performance(difference.performance)}
