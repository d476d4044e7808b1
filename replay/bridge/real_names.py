"""What a real model, optimizer and metric of a library has: the names of attributes, read off real ones made once.

No version's attributes are listed here, so that a Keras that renames or adds some is answered as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import TYPE_CHECKING, Any

from kcb_replay.replay.bridge.installed import module_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcb_replay.replay.bridge.installed import Library

__all__ = ["RealNames", "real_names"]

# `fit` sets it, in Keras 3 through its History callback; a model that has not been trained lacks it.
_SET_BY_FIT = frozenset({"history"})


@dataclass(frozen=True, slots=True)
class RealNames:
    """The attributes of a compiled model in training, of any optimizer that needs no other one, and of a metric.

    `getter` is the code of the property through which callbacks get at their model, None where it is a plain attribute.
    """

    model: frozenset[str]
    optimizer: frozenset[str]
    metric: frozenset[str]
    getter: CodeType | None


@cache
def real_names(library: Library) -> RealNames:
    """Make a small model, compile it, and look; nothing random is drawn."""
    keras = module_of(library, "Replaying a real callback")
    dense = keras.layers.Dense(1, kernel_initializer="zeros", name="kcb_replay_dense")
    model = keras.Sequential([dense], name="kcb_replay_model")
    model.build((None, 1))
    model.compile(keras.optimizers.SGD(), "mse")
    optimizers = frozenset(name for optimizer in _optimizers(keras) for name in dir(optimizer))
    metric = keras.metrics.MeanMetricWrapper(abs, name="kcb_replay_metric")
    getter = getattr(vars(keras.callbacks.Callback).get("model"), "fget", None)
    code = getattr(getter, "__code__", None)
    return RealNames(frozenset(dir(model)) | _SET_BY_FIT, optimizers, frozenset(dir(metric)), code)


def _optimizers(keras: Any) -> Iterator[object]:
    """Yield one of each optimizer that is made without arguments: the others wrap one of these."""
    for kind in vars(keras.optimizers).values():
        if isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer):
            try:
                yield kind()
            except TypeError:
                continue
