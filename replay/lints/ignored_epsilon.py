"""`epsilon` of ReduceLROnPlateau in a version that ignores it: Keras 3 drops every word that it does not know.

Silent where Keras takes it for min_delta, with a warning of its own, and where that would change nothing here.
"""

from __future__ import annotations

from kcb_replay.replay.callbacks import ReduceLROnPlateau
from kcb_replay.replay.lints.base import Case, Lint, divergence

__all__ = ["ignored_epsilon"]


def ignored_epsilon(case: Case) -> list[Lint]:
    """Speak of each epsilon that is dropped without a word, where as min_delta it would make a difference."""
    return [lint for position, given in case.each(ReduceLROnPlateau) for lint in _of_one(case, position, given)]


def _of_one(case: Case, position: int, given: ReduceLROnPlateau) -> list[Lint]:
    if given.epsilon is None or case.version.plateau_epsilon != "ignored":
        return []
    meant = f"min_delta={given.epsilon:g}"
    parted = divergence(case.alone(position), case.alone(position, min_delta=given.epsilon, epsilon=None), meant)
    if parted is None:
        return []
    index, consequences = parted
    text = (
        f"{case.version.name} ignores epsilon={given.epsilon:g} of {given.name} without a word and goes by"
        f" min_delta={given.min_delta:g}: {consequences}. They part in epoch {index + 1}. Say"
        f" {meant}."
    )
    return [Lint("epsilon-ignored", (position,), index, text)]
