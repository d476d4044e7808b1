"""The versions of Keras that come into question, and how a group of them is named.

The name of the learning rate is what a callback of the recorded training wrote, so it excludes eras; `accuracy` was
called `acc` before Keras 2.3. Everything else is left to the evidence.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kcb_replay.replay.directions import auto_direction, direction_of
from kcb_replay.replay.request import versions_of
from kcb_replay.replay.semantics import known_semantics, semantics

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.stream import Stream

__all__ = ["modes_of", "span_of", "versions_in_question", "writing_rates"]

_QUALIFIED = re.compile(r".*/(torch|jax|numpy)")
# Not binary_accuracy and its like, which are names of functions and were the same before.
_NAMED_ACCURACY = re.compile(r"(val_)?accuracy")
_BEFORE_ACCURACY = re.compile(r"keras-2\.[012](\.\d+)?")
# The version without a qualifier under its own name in `known_semantics`.
_OLDER = {"tf_keras-2.21/numpy1": ("tf_keras-2.18",)}
# The last release of each line, under the name of the last one at which something changed.
_LAST = {"keras-2.3": "keras-2.3.1", "tf_keras-2.18": "tf_keras-2.21", "keras-3.15": "keras-3.15"}


def versions_in_question(stream: Stream, asked: str | Semantics | None) -> tuple[tuple[Semantics, ...], str]:
    """Return the versions that may have made a recording, oldest first, and the sentence that says why."""
    if asked is not None and asked != "auto":
        found = tuple(semantics(each) for each in versions_of(asked) if each is not None and each != "auto")
        return found, f"Only {', '.join(each.name for each in found)} was asked for."
    # A fit on the numpy backend cannot be; jax and torch decide as tensorflow does wherever that does not raise, except
    # for denormals on torch.
    every = [semantics(name) for name in known_semantics() if not _QUALIFIED.fullmatch(name)]
    named = {name for epoch in stream.epochs for name in epoch.logs}
    key = stream.learning_rate_key
    reason = ""
    if stream.learning_rates_may_be_late:
        reason = "TensorBoard wrote its learning rate, as in Keras 3, and before if a schedule was the optimizer's."
    elif key is not None:
        every = writing_rates(every, key)
        reason = f"It has {key}, as {'Keras 3' if key == 'learning_rate' else 'Keras before 3'} names it."
    after = [each for each in every if not _is_before_accuracy(each)]
    if len(after) < len(every) and any(map(_NAMED_ACCURACY.fullmatch, named)):
        every = after
        reason = f"{reason} It has accuracy, which was acc before Keras 2.3.".strip()
    return tuple(every), reason or "Nothing in it tells the version of Keras."


def writing_rates(versions: Iterable[Semantics], key: str) -> list[Semantics]:
    """Return those whose ReduceLROnPlateau writes the learning rate under a name."""
    return [each for each in versions if each.learning_rate_key == key]


def _is_before_accuracy(version: Semantics) -> bool:
    return _BEFORE_ACCURACY.fullmatch(version.name) is not None


def modes_of(monitor: str, versions: Iterable[Semantics], *, plateau: bool) -> tuple[Direction, ...]:
    """Return the directions that `mode="auto"` takes in these versions; both where one of them cannot tell."""
    rules = {each.plateau_direction if plateau else each.early_stopping_direction for each in versions}
    found = {auto_direction(rule, monitor, direction_of) for rule in rules}
    if None in found:
        return ("min", "max")
    return tuple(mode for mode in ("min", "max") if mode in found)


def span_of(versions: Sequence[str], all_of_them: Sequence[str]) -> str:
    """Return a group of versions in words: where each stretch of it begins and ends."""
    plain = [name for name in all_of_them if "/" not in name]
    stretches: list[list[int]] = []
    for place in sorted(plain.index(name) for name in versions if "/" not in name):
        if stretches and stretches[-1][-1] == place - 1:
            stretches[-1].append(place)
        else:
            stretches.append([place])
    # Another NumPy or backend is named where it does not do as the plain version does.
    qualified = [
        name for name in versions if "/" in name and not {name.split("/")[0], *_OLDER.get(name, ())} & {*versions}
    ]
    return ", ".join([*(_stretch(each, plain) for each in stretches), *qualified])


def _stretch(places: Sequence[int], names: Sequence[str]) -> str:
    first, last = names[places[0]], names[places[-1]]
    if last in _LAST:
        return first if first == _LAST[last] else f"{first} to {_LAST[last]}"
    if places[-1] + 1 == len(names):
        return first if first == last else f"{first} to {last}"
    return f"{first} to before {names[places[-1] + 1]}"
