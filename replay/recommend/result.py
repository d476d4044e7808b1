"""What is recommended, how sure that is, or why nothing is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.ingest.display import Displayed
from kcb_replay.replay.callbacks.arguments import with_python_values
from kcb_replay.replay.directions import direction_of

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.verdicts.totals import SweepSummary

__all__ = ["Difference", "Interval", "Performance", "Recommendation"]

Interval: TypeAlias = tuple[float, float]
Json: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Performance:
    """The mean share of epochs saved, the mean regret, and how many runs gave away more than the tolerance."""

    saving: float
    regret: float
    failures: int
    fits: int
    undecided: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The recommended setting against another one, run by run: mean differences and their 95 % intervals.

    A positive `saving` and a negative `regret` speak for the recommended one.
    """

    setting: EarlyStopping
    performance: Performance
    saving: float
    saving_interval: Interval
    regret: float
    regret_interval: Interval


@dataclass(frozen=True)
class Recommendation(Displayed):
    """The answer of `kcb.recommend`. `setting` is None where it refuses, and `refusal` says why.

    `in_sample` is what the setting did on the runs it was chosen from, `held_out` what settings did that were chosen
    without the group they are judged on: an honest guess for the next run. Their difference is the optimism of the
    choice. `failure_bound` is the share of runs that may give away more than `tolerance` (in units of the metric), with
    95 % confidence. The intervals are percentiles over `resamples` resampled groups; `chosen_share` is how often the
    same setting came out of them, `front_share` how often nothing beat it, `refused_share` how often none was bounded.
    `patience_interval` spans 95 % of the patiences that came out. `alike` are the settings that act alike on all runs.
    """

    setting: EarlyStopping | None
    refusal: str | None
    overall: SweepSummary
    groups: int
    tolerance: float
    tolerance_is_noise: bool
    max_failures: float
    in_sample: Performance | None = None
    failure_bound: float | None = None
    held_out: Performance | None = None
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
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        with_python_values(self)

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
        left_out = ("overall", "alike", "current", "setting")
        plain = {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__ if name not in left_out}
        return {
            "schema": "kcb-replay/recommend/1",
            "semantics": self.overall.semantics.name,
            "setting": None if self.setting is None else asdict(self.setting),
            "code": self.code,
            "fits": self.overall.answered,
            **plain,
            "alike": [asdict(setting) for setting in self.alike],
            "current": None if self.current is None else asdict(self.current),
        }

    def __str__(self) -> str:
        from kcb_replay.replay.recommend.words import sentence

        return sentence(self)


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
    return asdict(value) if isinstance(value, Performance) else value
