"""Random cases for live conformance, in the format of golden cases, drawn and shrunk by hypothesis.

Values are drawn from a small pool for each case, so that ties, plateaus and steps of exactly min_delta happen often;
the pool holds what arithmetic stumbles over. Arguments that are no numbers are left out: kcb-replay refuses them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st

from kcb_replay.replay.comparison import float32
from kcb_replay.replay.conformance.observed import plain

if TYPE_CHECKING:
    from kcb_replay.replay.conformance.golden import Json

__all__ = ["cases"]

Drawn: TypeAlias = st.SearchStrategy[Any]

_METRICS = {"accuracy": "up", "auc": "up", "mae": "down", "custom": None}
_MONITORS = (
    "val_loss", "loss", "val_accuracy", "accuracy", "val_auc", "val_mae", "custom", "val_custom", "nowhere", "lr",
    "learning_rate",
)  # fmt: skip
_LOGGED = ("val_loss", "val_accuracy", "accuracy", "val_auc", "val_mae", "custom", "val_custom")
_HARD = (
    0.0, -0.0, 1.0, -1.0, 0.5, 0.1, 1e-7, 1 + 2**-24, 1 + 3 * 2**-24, 1 + 2**-23, 16777216.0, 16777217.0, 5e-324, 1e-45,
    1e-40, 1.1754943508222875e-38, 1.1754942106924411e-38, -1e-39, 3.4028234663852886e38, 3.4028235677973366e38, 1e39,
    -1e39, 1.7976931348623157e308, math.nan, math.inf, -math.inf,
)  # fmt: skip
_FILES = (
    "w.keras", "e{epoch:02d}.keras", "e{epoch}-{val_loss:.4f}.keras", "b{batch}-e{epoch}.keras",
    "{learning_rate}-{epoch}.keras", "{lr:.3e}.keras", "w.weights.h5", "w{epoch}.h5", "w.txt", "{nowhere}.keras",
    "{}.keras", "{epoch", "{val_loss:d}.keras", "{loss!r}.keras",
)  # fmt: skip


def cases(*, period: bool, raise_error: bool) -> Drawn:
    """Return the strategy of whole cases, without what is expected of them.

    `period` and `raise_error` tell whether this version has these arguments, of ModelCheckpoint and TerminateOnNaN.
    """

    @st.composite
    def case(draw: st.DrawFn) -> Json:
        margins = draw(st.lists(_numbers(), max_size=2))
        # A tie, a plateau, and a step of exactly min_delta need values that meet again.
        pool = draw(st.lists(_numbers(), min_size=1, max_size=5))
        pool += [value + sign * margin for value in pool[:2] for margin in margins for sign in (1, -1)]
        # Half-way to the next float32.
        pool += [float32(value) + math.ulp(float32(value)) * 2**28 for value in pool[:1]]
        one = _callbacks([*margins, *pool], period=period, raise_error=raise_error)
        callbacks = draw(st.lists(one, min_size=1, max_size=3))
        return plain(
            {
                "callbacks": callbacks,
                "initial_lr": draw(st.one_of(st.sampled_from((0.1, 0.01, 1e-3, 0.0, 1e-38, 1e30)), _rates())),
                "model_metrics": _METRICS,
                "epochs": draw(_fits(pool)),
            }
        )

    return case()


def _numbers() -> Drawn:
    return st.one_of(
        st.integers(-16, 64).map(lambda n: n / 8),
        st.floats(0, 4, width=32),
        st.floats(-2, 2),
        st.sampled_from(_HARD),
        st.floats(),
    )


def _rates() -> Drawn:
    return st.floats(0, 2, width=32, exclude_min=True)


def _fits(pool: list[float]) -> Drawn:
    """Return the epochs of one to three fits with the same callbacks."""
    value = st.sampled_from(pool)
    logs = st.one_of(
        value.map(lambda v: {"val_loss": v}),
        st.fixed_dictionaries({"loss": value}, optional=dict.fromkeys(_LOGGED, value)),
        st.dictionaries(st.sampled_from((*_LOGGED, "loss")), value, max_size=3),
    )
    batches = st.builds(_batches, st.integers(1, 3), st.lists(value, min_size=1, max_size=5))
    epoch = st.fixed_dictionaries({"logs": logs}, optional={"batches": batches})
    # A length drawn first gives long fits, too; lists of any length are mostly short.
    epochs = st.integers(1, 14).flatmap(lambda length: st.lists(epoch, min_size=length, max_size=length))
    fit = st.tuples(st.sampled_from((0, 0, 0, 1, 5)), epochs)
    return st.lists(fit, min_size=1, max_size=3).map(_numbered)


def _batches(steps_per_execution: int, losses: list[float]) -> list[list[float]]:
    return [[(number + 1) * steps_per_execution - 1, loss] for number, loss in enumerate(losses)]


def _numbered(fits: list[tuple[int, list[Json]]]) -> list[Json]:
    return [
        {"fit": fit, "epoch": first + number, **epoch}
        for fit, (first, epochs) in enumerate(fits)
        for number, epoch in enumerate(epochs)
    ]


def _callbacks(values: list[float], *, period: bool, raise_error: bool) -> Drawn:
    # NaN is no argument: kcb-replay refuses it, as it refuses all that is no number.
    number = st.sampled_from([value for value in values if not math.isnan(value)] or [0.0])
    small = st.integers(-1, 4)
    monitor = st.one_of(st.just("val_loss"), st.sampled_from(_MONITORS))
    mode = st.sampled_from(("auto", "auto", "min", "max", "sideways"))
    filepath = st.one_of(st.sampled_from(_FILES[:4]), st.sampled_from(_FILES))
    common: dict[str, Drawn] = {"monitor": monitor, "mode": mode, "verbose": st.integers(0, 1)}
    patience = st.one_of(small, st.sampled_from((1.5, math.inf)))
    epochs: dict[str, Drawn] = {"period": st.integers(-1, 4)} if period else {}
    raising: dict[str, Drawn] = {"raise_error": st.booleans()} if raise_error else {}
    return st.one_of(
        _settings(
            "EarlyStopping",
            {"patience": patience},
            **common,
            min_delta=st.one_of(number, st.sampled_from((0, 1e-3, -0.125, 0.125))),
            baseline=st.one_of(st.none(), number),
            restore_best_weights=st.booleans(),
            start_from_epoch=small,
        ),
        _settings(
            "ReduceLROnPlateau",
            {"patience": patience},
            **common,
            factor=st.one_of(st.sampled_from((0.1, 0.2, 0.5, 0.0, -0.5, 0.99999999, 1.0)), _rates()),
            min_delta=st.one_of(number, st.sampled_from((0, 1e-4, -0.125, 0.125))),
            cooldown=small,
            min_lr=st.one_of(st.sampled_from((0, 1e-3, 0.05, -1.0, 1e-45)), _rates()),
        ),
        _settings(
            "ModelCheckpoint",
            {"filepath": filepath},
            **common,
            save_best_only=st.booleans(),
            save_weights_only=st.booleans(),
            save_freq=st.one_of(st.just("epoch"), st.integers(0, 7), st.just("batch")),
            initial_value_threshold=st.one_of(st.none(), number),
            **epochs,
        ),
        _settings("EarlyStopping", **common),
        _settings("ReduceLROnPlateau", **common),
        _settings("TerminateOnNaN", **raising),
        _settings("LearningRateScheduler", {"schedule": _schedules()}, verbose=st.integers(0, 1)),
    )


def _settings(kind: str, required: dict[str, Drawn] | None = None, /, **optional: Drawn) -> Drawn:
    kwargs = st.fixed_dictionaries(required or {}, optional=optional)
    return kwargs.map(lambda drawn: {"class": kind, "kwargs": drawn})


def _schedules() -> Drawn:
    rate, count = st.floats(0.1, 1.5), st.integers(1, 4)
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("exp"), "start": count, "rate": rate}),
        st.fixed_dictionaries({"type": st.just("step"), "every": count, "factor": rate}),
        st.fixed_dictionaries({"type": st.just("table"), "values": st.lists(_table_rates(), min_size=1, max_size=4)}),
        st.fixed_dictionaries({"type": st.just("epoch_only"), "base": _rates(), "rate": rate}),
        st.fixed_dictionaries({"type": st.just("warmup"), "peak": _rates(), "epochs": count}),
        st.fixed_dictionaries({"type": st.just("int_at"), "epoch": st.integers(0, 3)}),
    )


def _table_rates() -> Drawn:
    return st.one_of(_rates(), st.sampled_from((0.0, 1, -0.5, 1e-46, 1e39)))
