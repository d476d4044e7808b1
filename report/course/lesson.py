"""What a lesson is: rounds of a question, a prediction to make, and a slider that shows the answer; and its texts.

A lesson is a value without a language: what people read is a `Reason`, a code of the course's catalogue with the values
of its placeholders. All numbers come from replays; no text holds one. The catalogue is that of all pages, with the
files per language beside this one on top. Nothing here draws or writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.errors import KcbReplayError
from kcb_replay.ingest.recording import Recording
from kcb_replay.language.catalogue import Catalogue, catalogue
from kcb_replay.language.reason import Reason
from kcb_replay.replay.result import Replay
from kcb_replay.text import visible

if TYPE_CHECKING:
    from markupsafe import Markup


# What stands in a table: a text of the catalogue, or a name, a number or code as it is.
SheetCell: TypeAlias = Reason | str
# The chart of a replay, or a table where there is no curve to look at.
Picture: TypeAlias = "Replay | Sheet"
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A small table. `strong` is the row that the position is about, if any."""

    caption: Reason
    head: tuple[SheetCell, ...]
    rows: tuple[tuple[SheetCell, ...], ...]
    strong: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One position of a slider: its value, the code of it, what happens there, how far that is exact, and a picture.

    `replay` is what it was read from, None where a recording was walked without any callback of Keras.
    """

    value: str
    code: tuple[str, ...]
    answer: Reason
    limits: Reason
    picture: Picture
    replay: Replay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer to choose; `because` says what is wrong about it, or None."""

    text: SheetCell
    right: bool = False
    because: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One question: the slider stands at `start`, and its answer is at the position `goal`.

    `key` begins the keys of its texts. `recording` is the run that it was made from.
    """

    key: str
    recording: Recording
    slider: SheetCell
    positions: tuple[Position, ...]
    start: int
    goal: int
    question: Reason
    options: tuple[Option, ...]
    why: Reason

    def __post_init__(self) -> None:
        if sum(option.right for option in self.options) != 1:
            raise ValueError(f"{self.key} must have one right answer")
        if self.start == self.goal:
            raise ValueError(f"{self.key} asks for the position that it shows")

    @property
    def right(self) -> int:
        """The number of the right answer among the options."""
        return next(number for number, option in enumerate(self.options) if option.right)


class Unsuited(KcbReplayError):  # noqa: N818  # no failure: the lesson keeps its own recording
    """A recording does not show what a round is about; `reason` says why, for the page."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RoundMaker:
    """How a round is made from a recording, and the shipped one that shows it best.

    `make` raises `Unsuited` for a recording that it cannot be made from.
    """

    make: Callable[[Recording], Round]
    sample: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson: its key, the makers of its rounds in order, and code to take home, where there is any.

    `tried` is the number of the round whose callbacks can be tried with every slider, None where none can.
    """

    key: str
    makers: Sequence[RoundMaker]
    code: tuple[str, ...] = ()
    tried: int | None = None


@cache
def texts(language: str) -> Catalogue:
    """Return the lessons' texts. Raises `SettingError` for a language that there is none of."""
    own = catalogue(language, __package__)
    return Catalogue(language, {**catalogue(language).templates, **own.templates})


def in_words(cell: SheetCell, words: Catalogue) -> str:
    """Return a text of the catalogue in words, and anything else as it is."""
    return words.why(cell) if isinstance(cell, Reason) else cell


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text, which empty lines part."""
    return [" ".join(part.split()) for part in text.strip().split("\n\n")]


def marked_up(text: str) -> Markup:
    """Return a text as markup, with what stands in backticks as code; everything else is escaped."""
    from markupsafe import Markup, escape

    escaped = str(escape(visible(text)))
    return Markup(_CODE.sub(r"<code>\1</code>", escaped))  # noqa: S704  # escaped just now


def plain(text: str) -> str:
    """Return a text without its backticks, for attributes and for those who listen."""
    return text.replace("`", "")
