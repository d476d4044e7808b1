"""Make the lessons from their recordings: a teacher's own where it shows what is asked, else the shipped ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import NotReplayableError
from kcb_replay.language.reason import Reason, reason
from kcb_replay.report.course.lesson import Lesson, Round, RoundMaker, Unsuited
from kcb_replay.report.course.lessons import LESSONS
from kcb_replay.report.course.rounds import sample

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording

__all__ = ["Course", "CourseRound", "Taught", "course_of"]


@dataclass(frozen=True, slots=True)
class CourseRound:
    """A round, and why it was not made from the teacher's own recording; None where it was, or there is none."""

    round: Round
    kept_because: Reason | None = None


@dataclass(frozen=True, slots=True)
class Taught:
    """One lesson with its rounds; `number` counts from 1."""

    number: int
    lesson: Lesson
    rounds: tuple[CourseRound, ...]

    @property
    def file(self) -> str:
        """The name of its page."""
        return f"lesson-{self.number}-{self.lesson.key}.html"

    @property
    def try_file(self) -> str:
        """The name of the page to try its callbacks on, empty where there is none."""
        return "" if self.lesson.tried is None else f"try-{self.number}-{self.lesson.key}.html"


@dataclass(frozen=True, slots=True)
class Course:
    """All lessons, and the teacher's own recording, if there is one."""

    taught: tuple[Taught, ...]
    own: Recording | None


def course_of(own: Recording | None = None) -> Course:
    """Return the course, every round computed; with `own` from that recording wherever it can show the question."""
    lessons = (
        Taught(number, lesson, tuple(_made(maker, own) for maker in lesson.makers))
        for number, lesson in enumerate(LESSONS, 1)
    )
    return Course(tuple(lessons), own)


def _made(maker: RoundMaker, own: Recording | None) -> CourseRound:
    because = None
    if own is not None:
        try:
            return CourseRound(maker.make(own))
        except Unsuited as unsuited:
            because = unsuited.reason
        except NotReplayableError:
            because = reason("unsuited.replay")
    return CourseRound(maker.make(sample(maker.sample)), because)
