"""Small-scope proof: drive the Keras installed here through every stream of a box, and compare the engine in all of it.

The streams form a tree, and the real callbacks go down it: after each epoch they are remembered, so that streams with
the same beginning share it. Compared after every epoch, so for every shorter stream, too, are the state of each
callback, the learning rate, the stop flag, and what the end of the training restores. The engine replays each stream
from its beginning.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kcb_replay.errors import SettingError
from kcb_replay.replay.bridge.real_keras import Library, installed, module_of
from kcb_replay.replay.callbacks import CALLBACKS
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.conformance.answers import differing, directions, restored, row_record
from kcb_replay.replay.conformance.case_arguments import arguments
from kcb_replay.replay.conformance.live import first_installed
from kcb_replay.replay.conformance.observed import plain, quiet
from kcb_replay.replay.conformance.stepped import FIRST_BEST, INITIAL_LR, METRICS, SETTINGS, SYMBOLS, Stepped, value_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.semantics import nearest_known
from kcb_replay.replay.stream import Epoch

Json: TypeAlias = Any
# A setting, and the first symbols of its streams: a part of the box is made of these.
Unit: TypeAlias = tuple[str, tuple[str, ...]]

MOST_EPOCHS = 6
_PURPOSE = "The exhaustive comparison"
_DEPTH_OF_UNIT = 2
_MOST_KEPT = 10


@dataclass(frozen=True, slots=True)
class BoxDifference:
    """A stream and a setting in which the engine differs, and the differing fields of its last epoch."""

    stream: tuple[str, ...]
    callbacks: Json
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BoxReport:
    """What was compared: streams of `epochs` symbols under so many settings of each list, in `part` k of n.

    `cases` are pairs of stream and setting; a stream whose training stops, or raises, before its end counts with all of
    its continuations, which nobody sees. `compared` are the epochs that were driven, `differences` the first ones.
    """

    library: Library
    version: str
    backend: str
    numpy: str
    epochs: int
    part: tuple[int, int]
    settings: dict[str, int]
    cases: int
    compared: int
    mismatches: int
    seconds: float
    differences: tuple[BoxDifference, ...] = ()
    note: str | None = None


def conform_exhaustively(
    *,
    epochs: int = 3,
    part: tuple[int, int] = (1, 1),
    library: Library | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> BoxReport:
    """Compare the engine with the installed Keras on every stream of up to `epochs` epochs under every setting.

    Of `part` (k, n) the box is cut into n parts of about the same size, and the k-th, from 1, is compared. `progress`
    is called with how many of the part's units are done, how many there are, and which was done. Raises `SettingError`
    for a part that does not exist and for a version that the engine does not know, `MissingExtraError` without Keras.
    """
    units = _units(epochs, part)
    library = library or first_installed()
    setup = installed(library, _PURPOSE)
    version, note = nearest_known(setup.semantics)
    box = _Box(module_of(library, _PURPOSE), Context(version, directions(METRICS)), epochs)
    begun = time.monotonic()
    with quiet(), contextlib.redirect_stdout(io.StringIO()):
        for number, (settings, beginning) in enumerate(units, 1):
            for setting in SETTINGS[settings]:
                box.compare(setting, beginning)
            if progress is not None:
                progress(number, len(units), f"{settings}: {', '.join(beginning)}")
    return BoxReport(
        library=library,
        version=setup.version,
        backend=setup.backend,
        numpy=setup.numpy,
        epochs=epochs,
        part=part,
        settings={name: len(settings) for name, settings in SETTINGS.items()},
        cases=box.cases,
        compared=box.compared,
        mismatches=box.mismatches,
        seconds=time.monotonic() - begun,
        differences=tuple(box.differences),
        note=note,
    )


def _units(epochs: int, part: tuple[int, int]) -> list[Unit]:
    number, parts = part
    if not 1 <= epochs <= MOST_EPOCHS:
        raise SettingError(f"The box has streams of 1 to {MOST_EPOCHS} epochs, not of {epochs}.")
    beginnings = itertools.product(SYMBOLS, repeat=min(_DEPTH_OF_UNIT, epochs))
    units = list(itertools.product(SETTINGS, beginnings))
    if not 1 <= number <= parts <= len(units):
        raise SettingError(
            f"There is no part {number}/{parts}: K/N is the K-th of N parts, K from 1 to N, and streams of {epochs}"
            f" epochs make at most {len(units)} parts."
        )
    return units[number - 1 :: parts]


@dataclass(slots=True)
class _Box:
    """The comparison while it runs."""

    keras: Any
    context: Context
    epochs: int
    cases: int = 0
    compared: int = 0
    mismatches: int = 0
    differences: list[BoxDifference] = field(default_factory=list)

    def compare(self, setting: Json, beginning: tuple[str, ...]) -> None:
        """Compare every stream with this beginning under one setting."""
        stepped = Stepped(self.keras, setting, initial_lr=INITIAL_LR, metrics=METRICS)
        walk = _Walk(self, setting, stepped, beginning)
        walk.down((), (), FIRST_BEST)

    def note(self, stream: tuple[str, ...], setting: Json, fields: list[str]) -> None:
        """Count a difference, and keep the first ones."""
        self.mismatches += 1
        if len(self.differences) < _MOST_KEPT:
            self.differences.append(BoxDifference(stream, setting, tuple(fields)))


class _Walk:
    """One setting on its way through the tree of streams."""

    def __init__(self, box: _Box, setting: Json, stepped: Stepped, beginning: tuple[str, ...]) -> None:
        self._box = box
        self._setting = setting
        self._stepped = stepped
        self._beginning = beginning
        self._callbacks = [CALLBACKS[item["class"]](**arguments(item["kwargs"])) for item in setting]

    def down(self, stream: tuple[str, ...], epochs: tuple[Epoch, ...], best: float) -> None:
        """Go on with every symbol, from where the real callbacks are now."""
        before = self._stepped.state()
        for symbol in self._symbols(len(stream)):
            value = value_of(symbol, best)
            logs = {"loss": 1.0} if value is None else {"loss": 1.0, "val_loss": value}
            longer = (*stream, symbol)
            if self._goes_on(longer, (*epochs, Epoch(len(stream), logs))):
                better = best if value is None or not value < best else value
                self.down(longer, (*epochs, Epoch(len(stream), logs)), better)
            self._stepped.go_to(before)

    def _symbols(self, depth: int) -> tuple[str, ...]:
        return SYMBOLS if depth >= len(self._beginning) else (self._beginning[depth],)

    def _goes_on(self, stream: tuple[str, ...], epochs: tuple[Epoch, ...]) -> bool:
        """Compare the last epoch of a stream, and what its end would restore; tell whether the training goes on."""
        box, last = self._box, epochs[-1]
        observed = self._stepped.end_epoch(last.index, dict(last.logs))
        run = run_fit(epochs, self._callbacks, box.context, initial_lr=INITIAL_LR)
        box.compared += 1
        if run.error is not None:
            answer: Json = {"error": run.error.kind}
        else:
            answer = {**row_record(0, run.rows[-1]), "end": restored(0, run.finish_events)}
        goes_on = "error" not in observed and "stop" not in observed and len(stream) < box.epochs
        if "error" not in observed:
            after = self._stepped.state()
            observed["end"] = self._stepped.end_training()
            self._stepped.go_to(after)
        if observed != answer:
            fields = differing(plain(observed), answer, "epoch")
            if fields:
                box.note(stream, self._setting, fields)
        if not goes_on:
            # Of a stream that ends within the beginning, the other parts have the other continuations.
            box.cases += len(SYMBOLS) ** (box.epochs - max(len(stream), len(self._beginning)))
        return goes_on
