"""Whether a metric is better when it falls or when it rises: what `mode="auto"` consults.

Keras 3 strips `val_`, takes `loss` as falling and otherwise asks the compiled metric of exactly that name for its
`_direction`; a metric without one is a ValueError. A recording holds no model, so the table of the metrics that Keras
ships stands in for it (directions read off keras 3.15.1).
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

__all__ = ["Direction", "direction_of"]

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
    """Return "min" or "max" for a metric name as logged, or None where Keras itself could not tell."""
    name = _UNIQUE_SUFFIX.sub("", metric.removeprefix("val_"))
    if _FALLING.fullmatch(name):
        return "min"
    return "max" if _RISING.fullmatch(name) else None
