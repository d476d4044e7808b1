"""The seven lessons in order; those on the same callback share a file."""

from kcb_replay.report.course.lessons.hooks import HOOKS
from kcb_replay.report.course.lessons.own import OWN
from kcb_replay.report.course.lessons.rates import PLATEAU, TOGETHER
from kcb_replay.report.course.lessons.stopping import BASELINE, PATIENCE
from kcb_replay.report.course.lessons.weights import WEIGHTS

__all__ = ["LESSONS"]

LESSONS = (HOOKS, PATIENCE, BASELINE, WEIGHTS, PLATEAU, TOGETHER, OWN)
