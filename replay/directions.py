"""Whether a metric is better when it falls or when it rises: what `mode="auto"` consults.

Keras 2 goes by the name. Keras 3 strips `val_`, takes `loss` as falling and otherwise asks the compiled metric of
exactly that name for its `_direction`; a metric without one is a ValueError. A recording holds no model, so the table
of the metrics that Keras ships stands in for it (directions read off keras 3.15.1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from kcb_replay.replay.behaviours import DirectionRule

__all__ = ["Direction", "auto_direction", "direction_of"]

Direction: TypeAlias = Literal["min", "max"]

_RISING = re.compile(
    r"acc|.*accuracy|auc|precision|recall|.*_at_.*|f1_score|fbeta_score|.*io_?u|cosine_similarity|r2_score"
    r"|pearson_correlation|concordance_correlation"
)
_FALLING = re.compile(
    r"loss|mse|mae|mape|msle|mean_(squared|absolute|absolute_percentage|squared_logarithmic)_error"
    r"|root_mean_squared_error|log_?cosh|(squared_|categorical_)?hinge|.*crossentropy|kl_divergence|poisson"
)
# Keras names the second AUC of a process auc_1, the third auc_2.
_UNIQUE_SUFFIX = re.compile(r"_\d+$")


def direction_of(metric: str) -> Direction | None:
    """Return "min" or "max" for a metric name as logged, or None where Keras 3 itself could not tell."""
    name = _UNIQUE_SUFFIX.sub("", metric.removeprefix("val_"))
    if _FALLING.fullmatch(name):
        return "min"
    return "max" if _RISING.fullmatch(name) else None


def auto_direction(
    rule: DirectionRule, monitor: str, metric_direction: Callable[[str], Direction | None]
) -> Direction | None:
    """Return the direction that `mode="auto"` chooses, None where Keras raises.

    `metric_direction` stands for the compiled metrics, which only the rule "metric" asks.
    """
    if rule == "acc or fmeasure in name" and monitor.startswith("fmeasure"):
        return "max"
    if rule in ("acc or fmeasure in name", "acc in name"):
        return "max" if "acc" in monitor else "min"
    if rule == "name ends in acc, accuracy or auc":
        return "max" if monitor.endswith(("acc", "accuracy", "auc")) else "min"
    return "min" if monitor.removeprefix("val_") == "loss" else metric_direction(monitor)
