"""Arguments that Keras itself would warn of, or refuse, where the replay goes on."""

from __future__ import annotations

from kcb_replay.replay.callbacks import LearningRateScheduler
from kcb_replay.replay.lints.base import Case, Lint
from kcb_replay.replay.schedules import SCHEDULES

__all__ = ["schedule_object", "unknown_mode"]


def unknown_mode(case: Case) -> list[Lint]:
    """Speak of a mode that no Keras knows: it warns and falls back to auto."""
    lints = []
    for position, given in case.watching():
        if given.mode in ("auto", "min", "max"):
            continue
        chosen = case.direction(position)
        here = f', which is "{chosen}" here' if chosen else ""
        text = (
            f'{given.name} knows no mode="{given.mode}": Keras warns and takes auto{here}. Say mode="min" or'
            ' mode="max".'
        )
        lints.append(Lint("mode-unknown", (position,), None, text))
    return lints


def schedule_object(case: Case) -> list[Lint]:
    """Speak of a schedule of keras.optimizers given to LearningRateScheduler, which returns a tensor in real Keras."""
    if case.version.scheduler_takes_tensors:
        return []
    kinds = tuple(SCHEDULES.values())
    return [
        Lint(
            "schedule-returns-tensor",
            (position,),
            None,
            f"{case.version.name} refuses what {type(given.schedule).__name__} returns, a tensor (ValueError); the"
            " replay takes its value. Write LearningRateScheduler(lambda epoch: float(schedule(epoch))).",
        )
        for position, given in case.each(LearningRateScheduler)
        if isinstance(given.schedule, kinds)
    ]
