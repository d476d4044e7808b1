"""What verbose callbacks print, as facts: parsed from what the real classes printed, and read off the events.

Left aside are "finished saving", and the scheduler's lines, which it prints where it changes nothing, too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from kcb_replay.replay.callbacks import EarlyStopping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcb_replay.replay.conformance.answers import Replayed
    from kcb_replay.replay.engine import Run

__all__ = ["printed_by", "printed_in"]

Json: TypeAlias = Any
_EPOCH = r"Epoch 0*(\d+): "
_LINES = {
    "stopped": re.compile(_EPOCH + "early stopping"),
    "restored": re.compile(r"(?:Epoch \d+: )?Restoring model weights from the end of the best epoch.*"),
    "reduced": re.compile(_EPOCH + r"(?:ReduceLROnPlateau )?reducing learning rate to (\S+?)\.?"),
    "improved": re.compile(_EPOCH + r"(\S+) improved from (\S+) to (\S+), saving model to (.*)"),
    "not improved": re.compile(_EPOCH + r"(\S+) did not improve.*"),
    "saved": re.compile(_EPOCH + "saving model to (.*)"),
    "terminated": re.compile(r"Batch (\d+): Invalid loss, terminating training"),
}
_NO_BEST = ("None", "inf", "-inf")


def printed_in(stdout: str) -> list[str]:
    """Return the facts of a text that real classes printed, sorted: who prints first is a matter of the list."""
    facts = []
    for line in stdout.splitlines():
        for kind, pattern in _LINES.items():
            match = pattern.fullmatch(line)
            if match is not None:
                facts.append(_fact(kind, list(match.groups())))
    return sorted(facts)


def printed_by(answered: Replayed) -> list[str]:
    """Return the facts that the events of a case say, sorted."""
    return sorted(fact for run in answered.runs for fact in (*_of_run(run, answered), *_before_error(run, answered)))


def _fact(kind: str, words: list[str]) -> str:
    if kind == "reduced":
        # The sign of a rate of zero is chance on tensorflow.
        words[1] = repr(float(np.float32(words[1])) + 0.0)
    if kind == "improved" and words[2] in _NO_BEST:
        words[2] = "none"
    return " | ".join([kind, *words])


def _of_run(run: Run, answered: Replayed) -> Iterator[str]:
    rows = [row.events for row in run.rows] + ([run.partial.events] if run.partial else [])
    if run.finish_events:
        rows.append(run.finish_events)
    for events in rows:
        for position, of_callback in enumerate(events):
            callback = (answered.callbacks or ())[position]
            for event in of_callback:
                # Up to 2.0.8 epochs were printed as they are counted, from 0, as they stood in the names of files.
                epoch = event.index + answered.version.checkpoint_epoch_offset
                words = callback.printed(event, epoch, ended=run.error is None)
                if words is not None:
                    kind, *rest = map(str, words)
                    yield _fact(kind, rest)


def _before_error(run: Run, answered: Replayed) -> list[str]:
    """Return what is printed right before the weights are restored of which there are none, which raises."""
    error = run.error
    stops = error is not None and (error.callback, error.kind) == (EarlyStopping.name, "TypeError")
    stopping = [each.arguments for each in answered.callbacks or () if each.name == EarlyStopping.name]
    restores = any(arguments["restore_best_weights"] and arguments["verbose"] for arguments in stopping)
    # The other TypeError of this class is that of a missing metric, in versions that print nothing of weights.
    return [_fact("restored", [])] if stops and restores and not answered.version.early_stopping_needs_metric else []
