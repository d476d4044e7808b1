"""What the user may not have meant: remarks on a replayed fit, each proved by another replay.

A lint is one function of a Case in the file of its theme, and one line here. It says nothing where the behaviour it
knows of changes nothing in this recording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.directions import Direction, direction_of
from kcb_replay.replay.lints.base import Case, Lint, Rule
from kcb_replay.replay.lints.checkpoints import (
    LISTED_TOO_EARLY,
    batch_saves,
    listed_too_early,
    other_name,
    overwritten,
    unjudged_saves,
)
from kcb_replay.replay.lints.improvements import auto_mode, first_nan, large_min_delta, mode_against_name, unknown_mode
from kcb_replay.replay.lints.rates import (
    cooldown_of_one,
    ignored_epsilon,
    min_lr_at_start,
    min_lr_unreachable,
    overwritten_by_schedule,
    schedule_object,
)
from kcb_replay.replay.lints.stopping import (
    baseline_unmet,
    not_restored,
    patience_in_validations,
    unused_rate,
    zero_patience,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kcb_replay.replay.behaviours import Semantics
    from kcb_replay.replay.callbacks.base import Callback
    from kcb_replay.replay.engine import Run
    from kcb_replay.replay.stream import Stream

__all__ = ["LISTED_TOO_EARLY", "RULES", "Lint", "lints"]

RULES: tuple[Rule, ...] = (
    unused_rate,
    other_name,
    unjudged_saves,
    auto_mode,
    mode_against_name,
    large_min_delta,
    ignored_epsilon,
    min_lr_unreachable,
    min_lr_at_start,
    batch_saves,
    patience_in_validations,
    first_nan,
    not_restored,
    baseline_unmet,
    zero_patience,
    cooldown_of_one,
    overwritten_by_schedule,
    listed_too_early,
    overwritten,
    unknown_mode,
    schedule_object,
)


def lints(
    callbacks: Sequence[Callback],
    stream: Stream,
    version: Semantics,
    run: Run,
    *,
    modes: Callable[[str], Direction | None] = direction_of,
) -> tuple[Lint, ...]:
    """Return what is to be said of a run of `callbacks` over `stream`, in the order of `RULES`.

    `modes` gives the direction of each compiled metric, as in the Context of the run. Nothing is said of a run that the
    version refuses.
    """
    if not stream.epochs or (run.error is not None and run.error.stage == "init"):
        return ()
    case = Case(tuple(callbacks), stream, version, run, modes)
    return tuple(lint for rule in RULES for lint in rule(case))
