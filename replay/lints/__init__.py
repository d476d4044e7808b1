"""What the user may not have meant: remarks on a replayed fit, each proved by another replay.

A lint is one function of a Case in a file of this folder, and one line here. It says nothing where the behaviour it
knows of changes nothing in this recording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.lints.auto_mode import auto_mode
from kcb_replay.replay.lints.base import Case, Lint, Rule
from kcb_replay.replay.lints.batch_saves import batch_saves
from kcb_replay.replay.lints.checkpoint_files import LISTED_TOO_EARLY, listed_too_early, overwritten
from kcb_replay.replay.lints.competing_rates import cooldown_of_one, overwritten_by_schedule
from kcb_replay.replay.lints.first_nan import first_nan
from kcb_replay.replay.lints.ignored_epsilon import ignored_epsilon
from kcb_replay.replay.lints.large_min_delta import large_min_delta
from kcb_replay.replay.lints.min_lr import min_lr_at_start, min_lr_unreachable
from kcb_replay.replay.lints.missing_metric import other_name, unjudged_saves
from kcb_replay.replay.lints.mode_against_name import mode_against_name
from kcb_replay.replay.lints.not_restored import not_restored
from kcb_replay.replay.lints.odd_arguments import schedule_object, unknown_mode
from kcb_replay.replay.lints.stops_too_soon import baseline_unmet, zero_patience
from kcb_replay.replay.lints.unused_rate import unused_rate
from kcb_replay.replay.lints.validation_freq import patience_in_validations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kcb_replay.replay.callbacks.base import Callback
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.engine import Run
    from kcb_replay.replay.semantics import Semantics
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
