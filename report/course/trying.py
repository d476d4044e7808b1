"""The page behind a lesson: its callbacks on its recording with every slider, to go on from the question.

It is the explainer as `explain --html` writes it, begun at the position that the lesson asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.course.asking import fit_of
from kcb_replay.report.course.samples import initial_rate
from kcb_replay.report.course.texts import texts
from kcb_replay.report.explainer.info import explained
from kcb_replay.report.explainer.page import render

if TYPE_CHECKING:
    from kcb_replay.report.course.build import Taught

__all__ = ["try_page"]


def try_page(taught: Taught, *, language: str, command: str) -> str | None:
    """Return the page, None for a lesson that has nothing to slide through."""
    if taught.lesson.tried is None:
        return None
    asked = taught.asked[taught.lesson.tried].round
    found = asked.positions[asked.asked].replay
    if found is None:
        return None
    explainer = explained(
        asked.recording,
        found.callbacks,
        fit=fit_of(asked.recording),
        semantics=found.semantics.name,
        monitors=(),
        language=language,
        initial_lr=initial_rate(asked.recording),
    )
    context = {"text": texts(language).say, "taught": taught}
    return render(explainer, command=command, template="try.html.j2", context=context)
