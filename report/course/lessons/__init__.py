"""The seven lessons in order, a file each."""

from kcb_replay.report.course.lessons import baseline, hooks, own, patience, plateau, together, weights

__all__ = ["LESSONS"]

LESSONS = (
    hooks.LESSON,
    patience.LESSON,
    baseline.LESSON,
    weights.LESSON,
    plateau.LESSON,
    together.LESSON,
    own.LESSON,
)
