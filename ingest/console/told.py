"""Epochs of which only a line tells that is no bar of Keras: TqdmCallback's, a print's in a callback, a new best.

    12%|####      | 1/8 [00:00<00:05,  1.00s/epoch, loss=0.26, val_loss=0.254]     TqdmCallback
    Epoch 1: loss=0.6609, val_loss=0.6663                                          a LambdaCallback, a loop of one's own
    Epoch 00001: val_loss improved from inf to 0.25420, saving model to m.h5       ModelCheckpoint

They are read where nothing else is, and only as far as they are certain: each number of an epoch once, each line with
the same metrics. What was seen and cannot be read is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kcb_replay.ingest.console.lines import PrintedMessage, message_in
from kcb_replay.ingest.metric_names import names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kcb_replay.ingest.console.pieces import Piece


_TQDM = re.compile(r"[^|]{0,80}\d%\|[^|]*\| (\d{1,15})/(\d{1,15}) \[[^\],]*, +[\d.]+(?:epoch/s|s/epoch), ([^\]]+)\]\s*")
_LINE = re.compile(r"\s*epoch[ #:]{1,3}(\d{1,15})(?: ?/ ?(\d{1,15}))?\s*[]):,;|-]+\s*(.+)", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*[,;|]\s*|\s+-\s+")
_METRIC = re.compile(r"([A-Za-z][\w ./-]{0,80}?)\s*[=:]\s*(-?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|inf|nan))")
_FEWEST = 2


@dataclass(slots=True)
class ToldFit:
    """The epochs of a training: `rows` has the metrics of each 0-based epoch, under the names that Keras has for them.

    `tags` are the names that were found. `teller` is who told, `is_partial` that epochs without a new best have no
    value. `messages` are those of callbacks with their epochs.
    """

    teller: str
    rows: dict[int, dict[str, float]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    messages: list[tuple[int | None, PrintedMessage]] = field(default_factory=list)
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The trainings that a text tells of, or, where they cannot be read, what was seen and why not."""

    fits: tuple[ToldFit, ...] = ()
    doubt: str = ""


def told_of(pieces: Callable[[], Iterable[Piece]]) -> Told:
    """Return what a text tells of epochs without a bar of Keras; `pieces` gives those of the text."""
    doubts = []
    for told in (_drawn_by_tqdm(pieces()), _printed(pieces()), _saved(pieces())):
        if told.fits:
            return told
        if told.doubt:
            doubts.append(told.doubt)
    return Told(doubt="; ".join(doubts))


def is_told(text: str) -> bool:
    """Tell whether a piece is a line of TqdmCallback or names a new best, which no other program prints."""
    if "/epoch" in text or "epoch/s" in text:
        return _TQDM.fullmatch(text) is not None
    message = message_in(text) if "improved from" in text else None
    return message is not None and message.kind == "improved"


def is_printed_epoch(text: str) -> bool:
    """Tell whether a piece is a line of an epoch that a callback or a loop printed."""
    return _line(text) is not None


def _drawn_by_tqdm(pieces: Iterable[Piece]) -> Told:
    fits: list[ToldFit] = []
    last, planned = 0, ""
    for piece in pieces:
        match = _TQDM.fullmatch(piece.text) if "epoch" in piece.text else None
        metrics = _metrics(re.split(r", ", match[3])) if match else None
        if match is None or not metrics or match[1] == "0":
            continue
        number = int(match[1])
        if not fits or number < last or match[2] != planned:
            fits.append(ToldFit("TqdmCallback"))
        last, planned = number, match[2]
        row = fits[-1].rows.setdefault(number - 1, metrics)
        if repr(row) != repr(metrics):
            shown = f"{piece.text.strip()[-60:]!r} in line {piece.line}"
            return Told(doubt=f"bars of tqdm, of which two show other values for {number} epochs done ({shown})")
    return Told(tuple(fits))


def _metrics(parts: Iterable[str]) -> dict[str, float] | None:
    """Return the metrics of `loss=0.26`, `val_loss=0.254`, None unless each part is one."""
    metrics: dict[str, float] = {}
    for part in parts:
        match = _METRIC.fullmatch(part.strip())
        if match is None or match[1] in metrics:
            return None
        metrics[match[1]] = float(match[2])
    return metrics


def _line(text: str) -> tuple[int, dict[str, float]] | None:
    match = _LINE.fullmatch(text) if "poch" in text[:80] else None
    metrics = _metrics(_BETWEEN.split(match[3].strip().rstrip(".,;"))) if match else None
    if match is None or not metrics or not {"loss", "val_loss"} & set(names_of(metrics).values()):
        return None
    return int(match[1]), metrics


def _printed(pieces: Iterable[Piece]) -> Told:
    lines = [(piece, *line) for piece in pieces if piece.ended and (line := _line(piece.text))]
    if not lines:
        return Told()
    piece, first, metrics = lines[0]
    names = names_of(metrics)
    shown = f"lines as {piece.text.strip()[:60]!r} (line {piece.line})"
    fits: list[ToldFit] = []
    expected = first
    for piece, number, metrics in lines:
        # Once more in the next line, it counts something else.
        if number == first and expected > first + 1:
            expected = first
        if number != expected or metrics.keys() != names.keys() or first > 1:
            return Told(doubt=f"{shown}, but those do not count epochs one by one from 0 or 1 (line {piece.line})")
        if number == first:
            fits.append(ToldFit("a print in a callback or a loop", tags={name: tag for tag, name in names.items()}))
        fits[-1].rows[number - first] = {names[tag]: value for tag, value in metrics.items()}
        expected = number + 1
    if sum(len(fit.rows) for fit in fits) < _FEWEST:
        return Told(doubt=f"{shown}, but only one, so that nobody knows what it counts")
    return Told(tuple(fits))


def _saved(pieces: Iterable[Piece]) -> Told:
    """Return what ModelCheckpoint said of new bests; Keras 2.0 counts from 0, others from 1."""
    messages = [message for piece in pieces if (message := message_in(piece.text))]
    numbers = [message.number for message in messages if message.number is not None]
    begin = 0 if 0 in numbers else 1
    fits: list[ToldFit] = []
    last = -1
    for message in messages:
        index = last if message.number is None else message.number - begin
        if not fits or index < last:
            fits.append(ToldFit("ModelCheckpoint", is_partial=True))
        last = index
        fits[-1].messages.append((index if index >= 0 else None, message))
        if message.kind == "improved" and message.metric and message.value is not None and index >= 0:
            fits[-1].rows.setdefault(index, {})[message.metric] = message.value
    if messages and not any(fit.rows for fit in fits):
        return Told(doubt=f"what callbacks said ({messages[0].text[:80]!r}), which names no metric of an epoch")
    return Told(tuple(fit for fit in fits if fit.rows))
