"""A replay in words, epoch by epoch: what `kcb-replay explain` prints."""

from __future__ import annotations

from collections.abc import Iterator

from kcb_replay.language.catalogue import Catalogue, catalogue
from kcb_replay.language.reason import reason
from kcb_replay.replay.engine import Row
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.report.drawing.curve import lead_position
from kcb_replay.report.terminal import PLAIN, Ink
from kcb_replay.report.versions import era_sentence
from kcb_replay.report.words import epoch_sentences, outcome_sentence, restored_sentences
from kcb_replay.text import screen_width, visible


def explanation(answer: Replay | RaisedFit, ink: Ink = PLAIN, texts: Catalogue | None = None) -> str:
    """Return the answer, its limits, and a line per epoch and callback; the stop and the best epoch in colour.

    Of a training that Keras ends with an exception, return which, where and why.
    """
    words = texts or catalogue()
    return "\n".join(_raised_lines(answer, words) if isinstance(answer, RaisedFit) else _lines(answer, ink, words))


def _raised_lines(raised: RaisedFit, words: Catalogue) -> Iterator[str]:
    yield _head(raised, words)
    yield ""
    yield from (visible(str(callback)) for callback in raised.callbacks)
    yield words.say("explained.raises", brief=raised.brief)
    yield words.why(raised.why)


def _head(answer: Replay | RaisedFit, words: Catalogue) -> str:
    key = "explained.head_fit" if answer.fit else "explained.head"
    return words.say(key, run=answer.run, fit=answer.fit, epochs=answer.epochs, version=answer.semantics.name)


def _lines(replay: Replay, ink: Ink, words: Catalogue) -> Iterator[str]:
    yield _head(replay, words)
    for outcome in replay.outcomes:
        yield ""
        yield visible(str(outcome.settings))
        yield outcome_sentence(outcome, replay, words)
        label = reason(f"label.{outcome.validity.label}")
        yield words.say("explained.validity", label=label, why=outcome.validity.why)
    era = era_sentence(replay)
    for note in (*replay.remarks, *([era] if era else []), *(lint.why for lint in replay.lints)):
        yield ""
        yield words.say("notes.sentence", note=note)
    yield ""
    yield from _epoch_lines(replay, ink, words)
    yield from restored_sentences(replay, words)


def _epoch_lines(replay: Replay, ink: Ink, words: Catalogue) -> Iterator[str]:
    per_callback = [epoch_sentences(replay, position, words) for position in range(len(replay.callbacks))]
    several = len(per_callback) > 1
    width = len(str(replay.rows[-1].index + 1))
    parted = False
    for row, sentences in zip(replay.rows, zip(*per_callback, strict=True), strict=True):
        if not parted and replay.horizon is not None and not replay.horizon.covers(row.index):
            parted = True
            yield words.say("explained.what_if", limit=replay.horizon.why)
        lines = [
            f"{callback.name}: {sentence.text}" if several else sentence.text
            for callback, sentence in zip(replay.callbacks, sentences, strict=True)
            if sentence.text
        ]
        start = words.say("explained.epoch", epoch=f"{row.index + 1:>{width}}")
        for number, text in enumerate(lines or [words.say("explained.nothing")]):
            yield _coloured(f"{start if number == 0 else ' ' * screen_width(start)}{text}", replay, row, ink)


def _coloured(line: str, replay: Replay, row: Row, ink: Ink) -> str:
    lead = replay.outcomes[lead_position(replay)]
    if row.stoppers:
        return ink.stop(line)
    is_best = row.index == lead.best_index
    return ink.best(line) if is_best else line
