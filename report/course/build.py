"""Make the lessons from their recordings: a teacher's own where it shows what is asked, else the shipped ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import NotReplayableError
from kcb_replay.report.course.lesson import Lesson, Part, Round, Said, Unsuited, said
from kcb_replay.report.course.lessons import LESSONS
from kcb_replay.report.course.rounds import sample

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording

__all__ = ["Asked", "Course", "Taught", "course_of"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, and why it was not made from the teacher's own recording; None where it was, or there is none."""

    round: Round
    kept_because: Said | None = None


@dataclass(frozen=True, slots=True)
class Taught:
    """One lesson with its questions; `number` counts from 1."""

    number: int
    lesson: Lesson
    asked: tuple[Asked, ...]

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
    """Return the course, every question computed; with `own` from that recording wherever it can show the question."""
    return Course(
        tuple(
            Taught(number, lesson, tuple(_asked(part, own) for part in lesson.parts))
            for number, lesson in enumerate(LESSONS, 1)
        ),
        own,
    )


def _asked(part: Part, own: Recording | None) -> Asked:
    if own is None:
        return Asked(part.make(sample(part.sample)))
    try:
        return Asked(part.make(own))
    except Unsuited as unsuited:
        return Asked(part.make(sample(part.sample)), unsuited.reason)
    except NotReplayableError:
        return Asked(part.make(sample(part.sample)), said("unsuited.replay"))
