"""Which values of the logs Keras held as np.float32, where a recording holds float64 of the same value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.comparison import float32

if TYPE_CHECKING:
    from kcb_replay.replay.semantics import Semantics

__all__ = ["was_float32"]


def was_float32(key: str, value: object, semantics: Semantics) -> bool:
    """Tell whether the value of `key` was an np.float32.

    From Keras 2.3 to tf.keras 2.1 the losses are means in float64 and metrics are float32 of the model; a metric that
    the model does not keep is a mean, too, and is told by its digits.
    """
    if semantics.float32_logs == "none" or not isinstance(value, float) or float32(value) != value:
        return False
    if key == semantics.learning_rate_key:
        return True
    kept = {"training metrics": not key.startswith("val_"), "metrics": True}
    return key not in ("loss", "val_loss") and kept.get(semantics.float32_logs, False)
