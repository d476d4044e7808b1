"""Whether a metric is better when it falls or when it rises: what `mode="auto"` consults.

Keras 2 goes by the name. Keras 3 strips `val_`, takes `loss` as falling and otherwise asks the compiled metric of
exactly that name for its `_direction`; a metric without one is a ValueError. A recording holds no model. The names that
Keras gives to its own metrics stand for those metrics (read off keras 3.15.1); of any other name the direction can only
be assumed, if the name suggests one at all, and `assumed_direction` says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import DirectionRule

Direction: TypeAlias = Literal["min", "max"]

# The metrics of keras.metrics by the names that their instances have, a second one as auc_1, and those of keras.losses,
# which may be metrics, too. Not cosine_similarity, which rises as a metric and falls as a loss, and not dice, which
# people call their own.
_RISING = re.compile(
    r"(binary_|(sparse_)?categorical_|(sparse_)?top_k_categorical_)?accuracy|auc|precision|recall|precision_at_recall"
    r"|recall_at_precision|sensitivity_at_specificity|specificity_at_sensitivity|f1_score|fbeta_score"
    r"|(mean_|binary_|one_hot_|one_hot_mean_)?io_u|r2_score|(pearson|concordance)_correlation"
)
_FALLING = re.compile(
    r"mean_(squared|absolute|absolute_percentage|squared_logarithmic)_error|root_mean_squared_error|log_?cosh|huber"
    r"|(squared_|categorical_)?hinge|(binary|categorical)(_focal)?_crossentropy|sparse_categorical_crossentropy"
    r"|kl_divergence|poisson"
)
# A metric that `compile` is given as a text has that text for its name: an alias, or the name of a class.
_RISING_TEXTS = re.compile(
    r"acc|(Binary|(Sparse)?Categorical|(Sparse)?TopKCategorical)?Accuracy|AUC|Precision|Recall|F1Score|FBetaScore"
    r"|R2Score|(Pearson|Concordance)Correlation"
)
_FALLING_TEXTS = re.compile(
    r"loss|mse|mae|mape|msle|bce|MSE|MAE|MAPE|MSLE|BCE|Mean(Squared|Absolute|AbsolutePercentage|SquaredLogarithmic)Error"
    r"|RootMeanSquaredError|LogCoshError|(Squared|Categorical)?Hinge|(Binary|(Sparse)?Categorical)Crossentropy"
    r"|KLDivergence|Poisson"
)
# What people call their metrics, by the last words of the name.
_SUGGESTS_RISING = re.compile(
    r"(.*_)?(acc|auc|aucpr|auroc|precision|recall|f1|f1_?score|fbeta|fbeta_score|m?io_?u|r2|r2_score|m?ap|bleu|rouge)"
    r"|.*(accuracy|_at_\w+|io_?u|similarity|correlation)",
    re.IGNORECASE,
)
_SUGGESTS_FALLING = re.compile(
    r"(.*_)?(mse|mae|mape|msle|rmse|rmsle|error|err|nll|kld|perplexity|log_?cosh|huber|hinge|wer|cer)"
    r"|.*(loss|crossentropy|divergence)",
    re.IGNORECASE,
)
# Keras names the second AUC of a process auc_1, the third auc_2.
_UNIQUE_SUFFIX = re.compile(r"_\d+$")


@dataclass(frozen=True, slots=True)
class CompiledMetrics:
    """What stands for the compiled metrics of a model: those of which the logs hold a value, without `val_`.

    `fit` logs every compiled metric, so one that no log has was not compiled, and has no direction.
    """

    names: frozenset[str]

    def __call__(self, metric: str) -> Direction | None:
        """Return the direction of a metric, None where it was not compiled."""
        return direction_of(metric) if metric.removeprefix("val_") in self.names else None


def compiled_metrics(logged: Iterable[str]) -> CompiledMetrics:
    """Return the metrics that a model was compiled with, from the names in its logs."""
    return CompiledMetrics(frozenset(name.removeprefix("val_") for name in logged))


def direction_of(metric: str) -> Direction | None:
    """Return "min" or "max" for a metric name as logged, None where the name suggests neither."""
    shipped = _shipped_direction(metric)
    if shipped is not None:
        return shipped
    name = _UNIQUE_SUFFIX.sub("", metric.removeprefix("val_"))
    if _SUGGESTS_FALLING.fullmatch(name):
        return "min"
    return "max" if _SUGGESTS_RISING.fullmatch(name) else None


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


def asks_metric(rule: DirectionRule, monitor: str, mode: str) -> bool:
    """Tell whether the direction is that of a compiled metric; Keras takes any unknown mode for "auto"."""
    return rule == "metric" and mode not in ("min", "max") and monitor.removeprefix("val_") != "loss"


def is_assumed(monitor: str, logged: Collection[str] | None = ()) -> bool:
    """Tell whether the direction of a metric is only suggested by its name, which is none that Keras itself gives.

    `logged` are the names in the logs, None where they may be any. Keras names a second `AUC()` of a process `auc_1`;
    but so it logs the second of two metrics that are both `auc`, and no metric has that name then.
    """
    if direction_of(monitor) is None or _shipped_direction(monitor) is None:
        return direction_of(monitor) is not None
    text = monitor.removeprefix("val_")
    first = _UNIQUE_SUFFIX.sub("", text)
    return first != text and (logged is None or bool({first, f"val_{first}"} & {*logged}))


def assumed_direction(monitor: str, logged: Collection[str] | None = ()) -> Reason | None:
    """Return why an answer is hypothetical whose direction is assumed, and what settles it; None where none is."""
    if not is_assumed(monitor, logged):
        return None
    return reason("assumed.direction", assumption=assumption(monitor), mode=direction_of(monitor))


def assumption(monitor: str) -> Reason:
    """Return what is assumed of a metric, as short as a headline needs it."""
    return reason("assumed.short", monitor=monitor, mode=direction_of(monitor))


def _shipped_direction(metric: str) -> Direction | None:
    text = metric.removeprefix("val_")
    name = _UNIQUE_SUFFIX.sub("", text)
    if _FALLING_TEXTS.fullmatch(text) or _FALLING.fullmatch(name):
        return "min"
    return "max" if _RISING_TEXTS.fullmatch(text) or _RISING.fullmatch(name) else None
