"""Follow a console log through its `Epoch i/n` headers: which fits there were, their epochs and the messages in them.

The values of an epoch are those of its last line; partial bars are redraws of running means and no batch stream worth
keeping. What stands outside any epoch (`evaluate`, `predict`, a fit of one epoch, whose header newer versions leave
out) is counted and left out: nothing says which epoch it would be.

Two kinds of programs print more than one such line, or header, an epoch. A callback that evaluates draws a bar below
the header as `fit` does, but only `fit` prints `val_`. And tf.keras of TF 1.14 to 2.0 prints `Epoch 1/N` once more
before it validates in epoch k; what then follows is still epoch k, where the next header is k + 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kcb_replay.ingest.console.lines import Bar, PrintedMessage, bar_of, bars_in, is_complete, message_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kcb_replay.ingest.console.pieces import Piece


_HEADER = re.compile(r"Epoch (\d{1,15})/(\d{1,15})\s*$")


@dataclass(slots=True)
class PrintedEpoch:
    """One epoch: its 0-based index, the line of its header, and its last line, None as long as there is none.

    `steps` is what its bar counts to, None where no bar under way said so. `rivals` are the whole lines of bars of
    other lengths, `is_over` tells that another bar has begun. `last_line` is where the last line stands. `validated` is
    a line with `val_` that was not taken for the last, and where it stands. `repeated` is the line of a second header,
    `steps_before` what the bar before that one counted to. `is_unended` tells that the last line has no end.
    """

    index: int
    line: int
    steps: int | None = None
    last: Bar | None = None
    rivals: list[Bar] = field(default_factory=list)
    is_over: bool = False
    last_line: int = 0
    validated: tuple[Bar, int] | None = None
    repeated: int | None = None
    steps_before: int | None = None
    is_unended: bool = False

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the last line, none without one."""
        return dict(self.last.metrics or {}) if self.last else {}


@dataclass(frozen=True, slots=True)
class PlacedMessage:
    """A message and the 0-based epoch that its place in the log gives it, None where it gives none."""

    message: PrintedMessage
    epoch: int | None


@dataclass(slots=True)
class PrintedTraining:
    """One call of `fit`: how many epochs it was to have, its epochs in order and what callbacks said.

    `repeats` tells that `Epoch 1/N` stood twice above its first line.
    """

    planned: int
    epochs: list[PrintedEpoch] = field(default_factory=list)
    messages: list[PlacedMessage] = field(default_factory=list)
    repeats: bool = False


@dataclass(slots=True)
class Transcript:
    """The trainings of a text, and the lines of bars that belong to no epoch."""

    trainings: list[PrintedTraining] = field(default_factory=list)
    outside: list[int] = field(default_factory=list)


def is_header(text: str) -> bool:
    """Tell whether a text ends with `Epoch i/n` as Keras counts: from 1."""
    return _header(text) is not None


def _header(text: str) -> tuple[int, int, int] | None:
    """Return where the header begins, its number and how many epochs are planned."""
    match = _HEADER.search(text) if "Epoch " in text else None
    # Others print `Epoch 0/24`.
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        return None
    before = text[: match.start()]
    # Glued to what was printed without a line end it is a header, in a sentence of somebody else it is none.
    if before.strip() and before[-1].isspace() and bar_of(before) is None:
        return None
    return match.start(), int(match[1]), int(match[2])


def transcript_of(pieces: Iterable[Piece]) -> Transcript:
    """Return what a text tells."""
    listener = _Listener()
    for piece in pieces:
        listener.hear(piece)
        if piece.is_last and not piece.ended:
            listener.hear_end(piece)
    return listener.done()


class _Listener:
    """Hears one piece after the other, and keeps which training and which epoch is open."""

    __slots__ = ("_ahead", "_open", "_training", "transcript")

    def __init__(self) -> None:
        self.transcript = Transcript()
        self._training: PrintedTraining | None = None
        self._open: PrintedEpoch | None = None
        # What was said before the header of its epoch: callbacks that come before the progress bar speak first.
        self._ahead: list[PrintedMessage] = []

    def hear(self, piece: Piece) -> None:
        text, ended = piece.text, piece.ended
        if header := _header(text):
            begin, number, planned = header
            self._bar(text[:begin], piece.line, ended=False)
            self._open_epoch(number, planned, piece.line)
        elif ": " in text and (message := message_in(text)):
            self._bar(text[: message.begin], piece.line, ended=False)
            self._message(message)
        else:
            self._bar(text, piece.line, ended=ended)

    def hear_end(self, piece: Piece) -> None:
        """Take the last line of a text for whole although it has no end, where more could not change its values."""
        training, epoch = self._training, self._open
        bar = bar_of(bars_in(piece.text)[-1])
        if training is None or epoch is None or bar is None or epoch.last is not None or epoch is training.epochs[0]:
            return
        before = training.epochs[-2].last
        may_be_drawn_again = bar.redrawn and not bar.is_validated
        if before is None or before.names != bar.names or bar.leftover or may_be_drawn_again or not _is_of(epoch, bar):
            return
        if is_complete(piece.text):
            epoch.last, epoch.last_line, epoch.is_unended = bar, piece.line, True

    def done(self) -> Transcript:
        if self._training is not None:
            self._training.messages += [PlacedMessage(message, _numbered(message)) for message in self._ahead]
        self.transcript.trainings = [
            each for training in self.transcript.trainings for each in (*_given_up(training), training)
        ]
        for training in self.transcript.trainings:
            _without_rivals(training)
            _prefer_validated(training, self.transcript.outside)
            _settle_leftovers(training)
        self.transcript.outside.sort()
        return self.transcript

    def _open_epoch(self, number: int, planned: int, line: int) -> None:
        last, training = self._open, self._training
        if training is not None and last is not None:
            if _is_same(last, number, training.planned, planned):
                training.repeats = training.repeats or number == 1
                return
            if _repeats(training, last, number, planned):
                training.repeats = training.repeats or last.index == 0
                last.repeated = line
                last.steps_before, last.steps = last.steps, None
                return
            if number <= last.index + 1 and last.repeated and last.index > 0 and planned == training.planned:
                training = self._begun_again(training, last)
        if training is None or last is None or number - 1 <= last.index or planned != training.planned:
            training = self._training = PrintedTraining(planned)
            self.transcript.trainings.append(training)
        self._open = PrintedEpoch(number - 1, line)
        training.epochs.append(self._open)
        ahead, self._ahead = self._ahead, []
        training.messages += [
            PlacedMessage(message, number - 1 if message.number == number else None) for message in ahead
        ]

    def _begun_again(self, training: PrintedTraining, last: PrintedEpoch) -> PrintedTraining:
        """Take the second header of an epoch for the first of a new training, as the number that follows shows."""
        training.epochs[-1] = PrintedEpoch(last.index, last.line, last.steps_before)
        last.index, last.line, last.repeated = 0, last.repeated or last.line, None
        again = PrintedTraining(training.planned, [last])
        self.transcript.trainings.append(again)
        self._training = again
        return again

    def _message(self, message: PrintedMessage) -> None:
        if self._training is None or self._open is None:
            self._ahead.append(message)
            return
        index = self._open.index
        if message.kind == "scheduled" and message.number != index + 1:
            self._ahead.append(message)
            return
        # Keras 2.0 counts from 0.
        fits = message.number in (None, index, index + 1)
        self._training.messages.append(PlacedMessage(message, index if fits else None))

    def _bar(self, text: str, line: int, *, ended: bool) -> None:
        epoch = self._open
        # Most of a log is such redraws, of which there is nothing more to learn.
        if not ended and epoch is not None and epoch.last is None and epoch.steps is not None:
            return
        *glued, text = bars_in(text)
        for before in glued:
            self._bar_alone(before, line, ended=False)
        self._bar_alone(text, line, ended=ended)

    def _bar_alone(self, text: str, line: int, *, ended: bool) -> None:
        epoch = self._open
        bar = bar_of(text)
        if bar is None or bar.is_empty:
            return
        # Only a line end proves that a line is whole: 1.0000e-05 that is cut off may read 1.0000.
        if bar.metrics is None or not ended:
            if epoch is not None:
                _begin(epoch, bar)
        elif epoch is not None and _is_of(epoch, bar):
            epoch.last, epoch.last_line = bar, line
        else:
            if epoch is not None and bar.is_validated and epoch.validated is None:
                epoch.validated = (bar, line)
            self.transcript.outside.append(line)


def _is_same(epoch: PrintedEpoch, number: int, planned_before: int, planned: int) -> bool:
    """Tell whether a header only repeats the one before, below which there was no bar yet."""
    return epoch.index == number - 1 and planned_before == planned and epoch.last is None and epoch.steps is None


def _repeats(training: PrintedTraining, last: PrintedEpoch, number: int, planned: int) -> bool:
    """Tell whether a header may be the one that TF 1.14 to 2.0 print again before they validate."""
    if number != 1 or planned != training.planned or last.last is not None or last.repeated is not None:
        return False
    return last.index == 0 or training.repeats


def _given_up(training: PrintedTraining) -> list[PrintedTraining]:
    """Return the training that was begun again in its first epoch: only there stood a bar above a second header."""
    first, *others = training.epochs
    if not others or first.steps_before is None or any(epoch.repeated for epoch in others):
        return []
    return [PrintedTraining(training.planned, [PrintedEpoch(first.index, first.line, first.steps_before)])]


def _begin(epoch: PrintedEpoch, bar: Bar) -> None:
    """Take note of a bar under way: the first says how many steps there are, one behind the last line is another's."""
    if epoch.last is None:
        epoch.steps = epoch.steps or bar.steps
    elif bar.steps == epoch.last.steps:
        epoch.is_over = True


def _is_of(epoch: PrintedEpoch, bar: Bar) -> bool:
    """Tell whether a whole line is of this epoch, so that it is its last line so far; `evaluate` draws such, too."""
    last = epoch.last
    if last is None:
        return epoch.steps in (None, bar.steps) or bar.steps in (None, epoch.steps_before)
    if bar.steps != last.steps:
        if epoch.steps is None:
            epoch.rivals.append(bar)
        return False
    if epoch.is_over or not bar.redrawn or last.is_validated or not set(last.names) <= set(bar.names):
        return bar.repeats(last)
    # One step is drawn twice with the same values.
    epoch.is_over = bar.steps == 1 and last.names == bar.names and not bar.repeats(last)
    return not epoch.is_over


def _without_rivals(training: PrintedTraining) -> None:
    """Settle which bar is that of the training where each of several epochs has one more, and none was seen under way.

    A callback that evaluates draws a bar, too, and before the last line of the epoch. `evaluate` knows no `val_`
    metrics; where there are none, nobody can tell them apart, and no line is taken.
    """
    whole = [epoch for epoch in training.epochs if epoch.last is not None]
    if len(whole) < 2 or not all(epoch.rivals for epoch in whole) or any(_is_validated(epoch) for epoch in whole):
        return
    for epoch in whole:
        epoch.last = next((bar for bar in epoch.rivals if bar.is_validated), None)


def _prefer_validated(training: PrintedTraining, outside: list[int]) -> None:
    """Take the lines with `val_` where others stand before them: those are of a callback that evaluates.

    One such line, in a training that has no other, is more likely that of a fit of one epoch without its header.
    """
    whole = [epoch for epoch in training.epochs if epoch.last is not None]
    late = [epoch for epoch in whole if epoch.validated is not None and not _is_validated(epoch)]
    count = len(late) + sum(map(_is_validated, whole))
    if not late or (len(late) == 1 and count < len(whole)):
        return
    evaluated = {epoch.last.steps for epoch in late if epoch.last is not None}
    for epoch in late:
        if epoch.validated is not None:
            outside.remove(epoch.validated[1])
            outside.append(epoch.last_line)
            epoch.last, epoch.last_line = epoch.validated
    for epoch in whole:
        # It was not validated, and its line may be that of the callback.
        if epoch.last is not None and not epoch.last.is_validated and epoch.last.steps in evaluated:
            epoch.last = None


def _settle_leftovers(training: PrintedTraining) -> None:
    """Keep lines with leftovers where their metrics are those of other epochs; one more may be of the leftovers."""
    lines = [epoch.last for epoch in training.epochs if epoch.last is not None]
    certain = {bar.names for bar in lines if not bar.leftover}
    if not certain:
        names = [bar.names for bar in lines]
        certain = {names[0]} if len(names) > 1 and len(set(names)) == 1 else set()
    for epoch in training.epochs:
        if epoch.last is None or not epoch.last.leftover:
            continue
        shown = epoch.metrics
        begun = max((each for each in certain if tuple(shown)[: len(each)] == each), key=len, default=())
        epoch.last = replace(epoch.last, metrics={name: shown[name] for name in begun}) if begun else None


def _is_validated(epoch: PrintedEpoch) -> bool:
    return epoch.last is not None and epoch.last.is_validated


def _numbered(message: PrintedMessage) -> int | None:
    return message.number - 1 if message.number and message.kind == "scheduled" else None
