"""Read what Keras printed while it trained: a console log, or the cells of a Jupyter notebook.

The last line of an epoch gives its values; an epoch without one is left out and named. A console shows four decimals,
so every fit carries a note `rounded`; the bars of some versions show means of their own, which a note `averaged` says.
Messages of callbacks are kept, and mend what they name: a fifth decimal of a new best, the digits of a learning rate.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.console.fits import fit_of, outside_note, whole_epochs
from kcb_replay.ingest.console.lines import as_utf8, bar_of, cell_texts, pieces
from kcb_replay.ingest.console.transcript import is_header, transcript_of
from kcb_replay.ingest.readers.base import Blob, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcb_replay.ingest.recording import Fit, Note


_NOTEBOOK = ".ipynb"
# `nohup.out`, `slurm-12.out`, `job.o4711`, `train.log.1`; a script or a page that quotes a log is none.
_SUFFIXES = ("", ".log", ".txt", ".out", ".err", _NOTEBOOK)
_NUMBERED = re.compile(r"\.[oe]?\d+")
_JSON_STRING = re.compile(rb'"(?:[^"\\\n]|\\.)*"')


@dataclass(frozen=True, slots=True)
class ConsoleReader:
    """Reader of console logs and notebooks; each call of `fit` in one is a fit."""

    format: str = "console"
    rank: int = 90
    suffixes: tuple[str, ...] = _SUFFIXES
    version: int = 1
    looks_at_ends: bool = True

    def accepts(self, path: str, head: bytes) -> bool:
        """Tell whether the first bytes show a bar of Keras under its header, or one that no other program draws."""
        suffix = PurePath(path).suffix.lower()
        if suffix not in _SUFFIXES and not _NUMBERED.fullmatch(suffix):
            return False
        head = as_utf8(head)
        return _shows_training(_strings(head) if suffix == _NOTEBOOK else head)

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the fits of one log; raises `ReadError` when it holds no whole epoch of Keras."""
        if len(blobs) != 1:
            paths = ", ".join(blob.path for blob in blobs) or "none"
            raise ReadError(f"a console log is a run, but {len(blobs)} were given: {paths}. Read each as its own.")
        (blob,) = blobs
        fits: list[Fit] = []
        notes: list[Note] = []
        for place, text in _texts(blob):
            transcript = transcript_of(pieces(text))
            for training in transcript.trainings:
                epochs, lost = whole_epochs(training, len(fits), blob.path, place)
                notes += lost
                if epochs:
                    fit, odd = fit_of(training, epochs, len(fits), blob.path)
                    fits.append(fit)
                    notes += odd
            notes += outside_note(transcript.outside, blob.path, place)
        if not fits:
            raise ReadError(_nothing_in(blob.path, notes))
        return Reading(tuple(fits), tuple(notes))


CONSOLE = ConsoleReader()


def _texts(blob: Blob) -> Iterator[tuple[str, bytes]]:
    """Yield each text that was printed, with the words that say where in the file it stands."""
    if not blob.path.lower().endswith(_NOTEBOOK):
        yield "", as_utf8(blob.content)
        return
    for number, text in cell_texts(blob.content, blob.path):
        yield f" of the output of cell {number}", text


def _strings(head: bytes) -> bytes:
    """Return the strings of a notebook whose end may be cut off, one after the other."""
    texts = []
    for match in _JSON_STRING.finditer(head):
        try:
            texts.append(str(json.loads(match[0])))
        except ValueError:
            continue
    return "".join(text if text.endswith("\n") else f"{text}\n" for text in texts).encode("utf-8", "replace")


def _shows_training(text: bytes) -> bool:
    headed = False
    for piece in pieces(text):
        if is_header(piece.text):
            headed = True
            continue
        bar = bar_of(piece.text)
        if bar is not None and not bar.is_empty and (headed or bar.is_validated or bar.is_under_way):
            return True
    return False


def _nothing_in(path: str, notes: list[Note]) -> str:
    why = "; ".join(note.text for note in notes)
    reason = f"no whole epoch: {why}" if why else "no epoch that Keras printed"
    return (
        f"{path} holds {reason}. Expected `Epoch 1/10` and below it the whole bar, or line, of the epoch;"
        " was the training run with verbose=1 or 2?"
    )
