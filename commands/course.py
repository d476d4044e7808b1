"""`course`: the lessons as pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kcb_replay.commands import options, output
from kcb_replay.commands.base import Command
from kcb_replay.commands.completion import completed_runs
from kcb_replay.commands.selection import recording_of
from kcb_replay.language.reason import ENGLISH

if TYPE_CHECKING:
    from kcb_replay.report.course.page import Course


@click.command(name="course", cls=Command)
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="Folder for the pages.")
@options.language
@click.option("--run", metavar="RUN", shell_complete=completed_runs, help="Make the lessons from this run or log.")
@options.store
@options.force
@options.quiet
def course_command(folder: Path, run: str | None, store: Path, quiet: bool) -> None:
    """Write seven short lessons on Keras callbacks, as offline pages for a class.

    Each is one idea on a real recording: a question, a prediction to make, and the answer when the slider moves. With
    --run the questions are made from a recording of your own, a run of the store or a log file, wherever it can show
    what is asked; the others keep the recordings that come with kcb-replay and say so. Pages of an earlier course in
    the folder are replaced, other files are left alone (--force: but for those of the same name).

    \b
    kcb-replay course -o course/
    kcb-replay course -o course-ko/ --lang ko
    kcb-replay course -o course/ --run logs/run1/training.log
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.report.course.page import course_of, course_pages, require_folder, write_folder

    require_folder(folder)
    course = course_of(None if run is None else recording_of(run, store))
    pages = course_pages(course, language=output.texts().language, command=output.command_line())
    write_folder(folder, pages, force=output.may_replace())
    size = sum(len(text.encode()) for text in pages.values())
    output.say([f"Wrote {folder} ({len(pages)} pages, {size / 1000:,.0f} kB)", *_kept(course)], quiet=quiet)


def _kept(course: Course) -> list[str]:
    """Return a line for each question that the teacher's own recording cannot show."""
    from kcb_replay.report.course.lesson import plain, texts

    words = texts(ENGLISH)
    return [
        plain(f"Lesson {taught.number} keeps {made.round.recording.name}: {words.why(made.kept_because)}")
        for taught in course.taught
        for made in taught.rounds
        if made.kept_because
    ]
