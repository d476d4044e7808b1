"""Read what Keras printed while it trained: a console log, or the cells of a Jupyter notebook.

The last line of an epoch gives its values; an epoch without one is left out and named. A console shows four decimals,
so every fit carries a note `rounded`; the bars of some versions show means of their own, which a note `averaged` says.
Messages of callbacks are kept, and mend what they name: a fifth decimal of a new best, the digits of a learning rate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.console.fits import fit_of, outside_note, processes_note, told_fit, whole_epochs
from kcb_replay.ingest.console.lines import bar_of, bars_in
from kcb_replay.ingest.console.notebooks import cell_texts
from kcb_replay.ingest.console.pieces import as_utf8, pieces
from kcb_replay.ingest.console.told import is_printed_epoch, is_told, told_of
from kcb_replay.ingest.console.transcript import is_header, transcript_of
from kcb_replay.ingest.console.wrapped import unwrapped
from kcb_replay.ingest.readers.base import Blob, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcb_replay.ingest.console.wrapped import ProcessText
    from kcb_replay.ingest.recording import Fit, Note


_NOTEBOOK = ".ipynb"
# `nohup.out`, `slurm-12.out`, `train.log`; what takes a file is what it shows.
_SUFFIXES = ("", ".log", ".txt", ".out", ".err", _NOTEBOOK)
# Scripts and pages quote logs.
_QUOTING = (".py", ".r", ".rmd", ".qmd", ".md", ".rst", ".tex", ".html", ".htm", ".xml", ".css", ".js", ".ts")
# What every bar holds behind its blocks, and what other lines of an epoch hold.
# Patterns that begin with a word are looked for much faster.
_HINTS = (
    re.compile(rb" - (?:ETA: |\d+m?s\b|[^\s:]{1,80}: -?[\din])"),
    re.compile(rb"poch(?:(?:/s)?, [a-z_]+=|[ #:]{1,3}\d[^\n]{0,20}[:,-])"),
    re.compile(rb" improved from "),
)
# What a refusal names of what was seen.
_MOST_SEEN = 3
# So many lines of epochs that somebody printed show a training.
_PRINTED = 2
# So much before and behind a hint is looked at: a header, and a bar of some metrics.
_BEFORE, _BEHIND = 1 << 11, 1 << 13
_BETWEEN_STRINGS = re.compile(rb'"\s*,\s*"')
_ESCAPES = (
    (rb"\n", b"\n"),
    (rb"\r", b"\r"),
    (rb"\b", b"\b"),
    (rb"\u001b", b"\x1b"),
    (rb"\u001B", b"\x1b"),
    (rb"\u2501", "━".encode()),
)
_IS_NOTEBOOK = re.compile(rb'\s*\{\s*"(?:cells|metadata|nbformat|nbformat_minor|worksheets)"\s*:')


@dataclass(frozen=True, slots=True)
class ConsoleReader:
    """Reader of console logs and notebooks; each call of `fit` in one is a fit."""

    format: str = "console"
    rank: int = 90
    suffixes: tuple[str, ...] = _SUFFIXES
    version: int = 2
    looks_through: bool = True

    def accepts(self, path: str, head: bytes) -> bool:
        """Tell whether a part of a file shows a bar of Keras under its header, or one that no other program draws."""
        if PurePath(path).suffix.lower() in _QUOTING:
            return False
        content = as_utf8(head)
        return any(_shows_training(part) for hint in _HINTS for part in _parts_around(hint, content))

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the fits of one log; raises `ReadError` when it holds no whole epoch of Keras."""
        if len(blobs) != 1:
            paths = ", ".join(blob.path for blob in blobs) or "none"
            raise ReadError(f"a console log is a run, but {len(blobs)} were given: {paths}. Read each as its own.")
        (blob,) = blobs
        fits: list[Fit] = []
        notes: list[Note] = []
        seen: list[str] = []
        for place, process in _texts(blob):
            transcript = transcript_of(pieces(process.text))
            count = len(fits)
            for training in transcript.trainings:
                first = training.epochs[0]
                seen.append(f"`Epoch {first.index + 1}/{training.planned}` (line {first.line}{place})")
                epochs, lost = whole_epochs(training, len(fits), blob.path, place)
                notes += lost
                if epochs:
                    fit, odd = fit_of(training, epochs, len(fits), blob.path)
                    fits.append(fit)
                    notes += odd
            notes += outside_note(transcript.outside, blob.path, place)
            if not transcript.trainings:
                told = told_of(partial(pieces, process.text))
                seen += [f"{told.doubt}{place}"] if told.doubt else []
                for each in told.fits:
                    fit, odd = told_fit(each, len(fits), blob.path)
                    fits.append(fit)
                    notes += odd
            if len(fits) > count:
                notes += processes_note(process, blob.path)
        if not fits:
            raise ReadError(_nothing_in(blob.path, notes, seen))
        return Reading(tuple(fits), tuple(notes))


CONSOLE = ConsoleReader()


def _texts(blob: Blob) -> Iterator[tuple[str, ProcessText]]:
    """Yield each text that was printed, with the words that say where in the file it stands."""
    content = as_utf8(blob.content)
    if not blob.path.lower().endswith(_NOTEBOOK) and not _IS_NOTEBOOK.match(content):
        processes = unwrapped(content)
        for process in processes:
            yield f" of the lines behind `{process.prefix}`" if len(processes) > 1 or process.others else "", process
        return
    for cell, text, is_error_output in cell_texts(content, blob.path):
        for process in unwrapped(text):
            yield f" of the {'error ' if is_error_output else ''}output of cell {cell}", process


def _parts_around(hint: re.Pattern[bytes], content: bytes) -> Iterator[bytes]:
    """Yield what stands around each place where a pattern is found, from the beginning of a line where one is near."""
    done = 0
    while match := hint.search(content, done):
        done = match.end() + _BEHIND
        line = content.rfind(b"\n", 0, max(match.start() - _BEFORE, 0)) + 1
        yield content[max(line, match.start() - 2 * _BEFORE) : done]


def _shows_training(content: bytes) -> bool:
    texts = [process.text for process in unwrapped(content)]
    return any(map(_shows_bar, texts)) or (b'"' in content and _shows_bar(_unescaped(content)))


def _unescaped(content: bytes) -> bytes:
    """Return a part of JSON, which may begin and end anywhere, as the text that its strings are."""
    content = _BETWEEN_STRINGS.sub(b"", content)
    for escape, character in _ESCAPES:
        content = content.replace(escape, character)
    return content


def _shows_bar(text: bytes) -> bool:
    headed, printed = False, 0
    for piece in pieces(text):
        if is_header(piece.text):
            headed = True
            continue
        if is_told(piece.text):
            return True
        printed += is_printed_epoch(piece.text)
        bar = bar_of(bars_in(piece.text)[-1])
        if bar is not None and not bar.is_empty and (headed or bar.is_validated or bar.is_under_way):
            return True
    return printed >= _PRINTED


def _nothing_in(path: str, notes: list[Note], seen: list[str]) -> str:
    reasons = "; ".join(note.text for note in notes)
    what = ", ".join(seen[:_MOST_SEEN]) + (", ..." if len(seen) > _MOST_SEEN else "")
    if seen:
        reason = f"{what}, but no whole epoch{reasons and f': {reasons}'}"
    else:
        reason = f"no whole epoch: {reasons}" if reasons else "no epoch that Keras printed"
    return (
        f"{path} holds {reason}. Expected `Epoch 1/10` and below it the whole bar, or line, of the epoch;"
        " was the training run with verbose=1 or 2?"
    )
