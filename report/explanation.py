"""A replay in words, epoch by epoch: what `kcb-replay explain` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.report.drawing.curve import lead_position
from kcb_replay.report.terminal import PLAIN
from kcb_replay.report.versions import era_sentence
from kcb_replay.report.words import epoch_sentences, outcome_sentence, restored_sentences
from kcb_replay.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcb_replay.replay.engine import Row
    from kcb_replay.replay.result import Replay
    from kcb_replay.report.terminal import Ink

__all__ = ["explanation"]


def explanation(answer: Replay | RaisedFit, ink: Ink = PLAIN) -> str:
    """Return the answer, its limits, and a line per epoch and callback; the stop and the best epoch in colour.

    Of a training that Keras ends with an exception, return which, where and why.
    """
    return "\n".join(_raised_lines(answer) if isinstance(answer, RaisedFit) else _lines(answer, ink))


def _raised_lines(raised: RaisedFit) -> Iterator[str]:
    yield _head(raised)
    yield ""
    yield from (visible(str(callback)) for callback in raised.callbacks)
    yield f"Keras raises {raised.brief}"
    yield visible(raised.reason)


def _head(answer: Replay | RaisedFit) -> str:
    fit = f", fit {answer.fit}" if answer.fit else ""
    return f"{visible(answer.run)}{fit}: {answer.epochs} epochs, {answer.semantics.name}"


def _lines(replay: Replay, ink: Ink) -> Iterator[str]:
    yield _head(replay)
    for outcome in replay.outcomes:
        yield ""
        yield visible(str(outcome.settings))
        yield outcome_sentence(outcome, replay)
        yield f"{outcome.validity.label.capitalize()}: {outcome.validity.reason}"
    for note in replay.notes:
        yield ""
        yield f"Note: {visible(note)}."
    if sentence := era_sentence(replay):
        yield ""
        yield f"Note: {visible(sentence)}"
    for lint in replay.lints:
        yield ""
        yield f"Note: {visible(lint.text)}"
    yield ""
    yield from _epoch_lines(replay, ink)
    yield from restored_sentences(replay)


def _epoch_lines(replay: Replay, ink: Ink) -> Iterator[str]:
    per_callback = [epoch_sentences(replay, position) for position in range(len(replay.callbacks))]
    several = len(per_callback) > 1
    width = len(str(replay.rows[-1].index + 1))
    parted = False
    for row, sentences in zip(replay.rows, zip(*per_callback, strict=True), strict=True):
        if not parted and replay.horizon is not None and not replay.horizon.covers(row.index):
            parted = True
            yield f"From here on a what-if: {replay.horizon.why}."
        lines = [
            f"{callback.name}: {sentence.text}" if several else sentence.text
            for callback, sentence in zip(replay.callbacks, sentences, strict=True)
            if sentence.text
        ]
        for number, text in enumerate(lines or ["Nothing happens."]):
            start = f"epoch {sentences[0].epoch:>{width}}: " if number == 0 else " " * (len("epoch : ") + width)
            yield _coloured(f"{start}{text}", replay, row, ink)


def _coloured(line: str, replay: Replay, row: Row, ink: Ink) -> str:
    lead = replay.outcomes[lead_position(replay)]
    if row.stoppers:
        return ink.stop(line)
    is_best = row.index == lead.best_index
    return ink.best(line) if is_best else line
