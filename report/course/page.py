"""The course: its lessons made from their recordings, and written down as an index and a page per lesson.

A round is made from a teacher's own recording where that shows what is asked, else from a shipped one. What a page
shows is decided in the rounds; the program of a lesson shows and hides what stands there already, and looks up which
sentence belongs to a choice. Behind a lesson stands the explainer as `explain --html` writes it, begun at the position
that the lesson asked for. A folder gets all of the pages or none, and nothing else there is touched.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from kcb_replay.errors import KcbReplayError, NotReplayableError
from kcb_replay.ingest.recording import Recording
from kcb_replay.language.catalogue import Catalogue, catalogue
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.result import Replay
from kcb_replay.replay.semantics import DEFAULT
from kcb_replay.report.course.lesson import (
    Lesson,
    Option,
    Position,
    Round,
    RoundMaker,
    Sheet,
    Unsuited,
    in_words,
    marked_up,
    paragraphs,
    plain,
    texts,
)
from kcb_replay.report.course.lessons import LESSONS
from kcb_replay.report.course.rounds import fit_of, initial_rate, sample
from kcb_replay.report.drawing.curve import CurveInfo, curve_info
from kcb_replay.report.explainer.info import explained
from kcb_replay.report.explainer.page import render
from kcb_replay.report.output_place import output_place, require_no_store
from kcb_replay.report.pages.document import document
from kcb_replay.report.svg.replay import chart_svg

INDEX = "index.html"
_STYLES = ("chart.css", "course.css")


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


@dataclass(frozen=True, slots=True)
class _PositionView:
    """One position as it is shown: either a curve or a sheet."""

    position: Position
    curve: CurveInfo | None
    sheet: Sheet | None


def course_pages(course: Course, *, language: str = "en", command: str = "") -> dict[str, str]:
    """Return every page of the course by the name of its file."""
    pages = {INDEX: _index(course, language, command)}
    for taught in course.taught:
        pages[taught.file] = _lesson(course, taught, language, command)
        trying = _try_page(taught, language=language, command=command)
        if trying is not None:
            pages[taught.try_file] = trying
    return pages


def _index(course: Course, language: str, command: str) -> str:
    context = {**_common(course, course.taught, language, command), "own": _about_own(course, texts(language))}
    return document("course.html.j2", context, styles=_STYLES, language=language)


def _about_own(course: Course, words: Catalogue) -> str:
    """Return what the index says of the teacher's recording, nothing where there is none."""
    if course.own is None:
        return ""
    fits = course.own.fits
    of_fit = words.say("course.of_fit", fits=len(fits)) if len(fits) > 1 else ""
    epochs = len(fits[fit_of(course.own)])
    return words.say("course.recordings_own", run=course.own.name, epochs=epochs, fit=of_fit)


def _lesson(course: Course, taught: Taught, language: str, command: str) -> str:
    words, lessons, number = texts(language), course.taught, taught.number
    context = {
        **_common(course, [taught], language, command),
        "taught": taught,
        "previous": lessons[number - 2] if number > 1 else None,
        "next": lessons[number] if number < len(lessons) else None,
        "views": [_views(each.round, catalogue(language)) for each in taught.rounds],
    }
    return document(
        "lesson.html.j2",
        context,
        styles=_STYLES,
        scripts=("course.js",),
        data={"rounds": [_looked_up(each.round, words) for each in taught.rounds]},
        language=language,
        drawings={"chart": chart_svg},
    )


def _common(course: Course, lessons: Sequence[Taught], language: str, command: str) -> Mapping[str, object]:
    words = texts(language)
    sources = (source for lesson in lessons for each in lesson.rounds for source in each.round.recording.sources)
    return {
        "course": course,
        "sources": tuple(dict.fromkeys(sources)),
        "text": words.say,
        "of": partial(in_words, words=words),
        "marked_up": marked_up,
        "paragraphs": paragraphs,
        "plain": plain,
        "command": command,
        "index": INDEX,
        "version_of_keras": DEFAULT,
    }


def _views(shown: Round, words: Catalogue) -> list[_PositionView]:
    """Return the positions with their pictures; all curves of a slider share one scale, so that nothing jumps."""
    curves = [curve_info(each.picture, words) if isinstance(each.picture, Replay) else None for each in shown.positions]
    scales = [curve.scale for curve in curves if curve is not None and curve.scale is not None]
    widest = max(scales, key=lambda scale: scale.high - scale.low, default=None)
    return [
        _PositionView(
            each,
            None if curve is None else replace(curve, scale=widest if curve.scale else None),
            each.picture if isinstance(each.picture, Sheet) else None,
        )
        for each, curve in zip(shown.positions, curves, strict=True)
    ]


def _looked_up(shown: Round, words: Catalogue) -> dict[str, object]:
    """Return what the program looks up: what the slider speaks, and the verdict on each choice."""
    return {
        "asked": shown.goal,
        "values": [each.value for each in shown.positions],
        "spoken": [plain(f"{each.value}: {words.why(each.answer)}") for each in shown.positions],
        "first": plain(words.say("course.first")),
        "now": plain(words.say("course.now", value=shown.positions[shown.goal].value)),
        "verdicts": [plain(" ".join(_verdict(shown, option, words))) for option in shown.options],
        "right": shown.right,
        "hit": plain(words.say("course.right")),
        "missed": plain(words.say("course.wrong", answer=shown.options[shown.right].text)),
    }


def _verdict(shown: Round, option: Option, words: Catalogue) -> Iterator[str]:
    """Yield what is wrong about an option, and why the right one is right."""
    if option.because is not None:
        # What is wrong about an answer may be said with the numbers of the question.
        yield words.say(option.because.code, **{**dict(shown.question.values), **dict(option.because.values)})
    yield words.why(shown.why)


def _try_page(taught: Taught, *, language: str, command: str) -> str | None:
    """Return the page, None for a lesson that has nothing to slide through."""
    if taught.lesson.tried is None:
        return None
    tried = taught.rounds[taught.lesson.tried].round
    result = tried.positions[tried.goal].replay
    if result is None:
        return None
    explainer = explained(
        tried.recording,
        result.callbacks,
        fit=fit_of(tried.recording),
        semantics=result.semantics.name,
        monitors=(),
        language=language,
        initial_lr=initial_rate(tried.recording),
    )
    context = {"text": texts(language).say, "taught": taught}
    return render(explainer, command=command, template="try.html.j2", context=context)


def write_folder(folder: Path, pages: Mapping[str, str], *, force: bool = False) -> None:
    """Write `pages` by their names; pages of an earlier course are replaced whole, others with `force` only.

    The folder is made where its parent exists. Raises `KcbReplayError` where it cannot be written; then nothing has
    changed, and a folder that was made for it is gone again.
    """
    require_folder(folder)
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        try:
            _replace_all(folder, pages, force=force)
        except BaseException:
            if made:
                folder.rmdir()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise KcbReplayError(
            f"{folder} cannot be written: {reason}. Choose another place, or free this one."
        ) from error


def _replace_all(folder: Path, pages: Mapping[str, str], *, force: bool) -> None:
    with tempfile.TemporaryDirectory(prefix=".kcb-", dir=folder) as name:
        for page, text in pages.items():
            (Path(name) / page).write_text(text, encoding="utf-8", newline="\n")
        places = {page: output_place(folder / page, force=force) for page in pages}
        for page, place in places.items():
            (Path(name) / page).replace(place)


def require_folder(folder: Path) -> None:
    """Raise `KcbReplayError` where no folder of that name can be: worth asking before the pages are made."""
    if folder.exists() and not folder.is_dir():
        raise KcbReplayError(f"{folder} is a file. Give the name of a folder for the course.")
    require_no_store(folder)
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise KcbReplayError(f"{folder} cannot be written: the folder {parent} does not exist. Make it first.")
