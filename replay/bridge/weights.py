"""Weights as tags of the epoch that they are of, and what callbacks do with them: put back, saved to a path."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

# A private character in place of the path separator: ModelCheckpoint makes the folders that it finds in its filepath.
_MASK = "\ue05c"


@dataclass(frozen=True, slots=True)
class Saved:
    """`save` or `save_weights` was called with this path."""

    path: str


@dataclass(frozen=True, slots=True)
class WeightsSet:
    """The weights of the 0-based epoch `index` were put back."""

    index: int


class EpochWeights:
    """A tag that stands for the weights of the model: those after the 0-based epoch, None before the first.

    `batch` is the batch they were taken after, None at the end of the epoch. Can be kept and put back, not read.
    """

    def __init__(self, refuse: Callable[[str], NoReturn], index: int | None, batch: int | None) -> None:
        self.index = index
        self.batch = batch
        self._refuse = refuse

    def __deepcopy__(self, memo: object) -> EpochWeights:
        return self

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> NoReturn:
        self._refuse("the values of the weights")

    def __len__(self) -> int:
        return self._refuse("the number of the weights")

    def __getitem__(self, key: object) -> NoReturn:
        self._refuse("the values of the weights")

    def __array__(self, *_: object, **__: object) -> NoReturn:
        self._refuse("the values of the weights")


def masked(path: str) -> str:
    """Return the path without its folders, so that none of them is made."""
    return path.replace(os.sep, _MASK)


def unmasked(path: str) -> str:
    """Return the path, or a text that it stands in, as it was before `masked`."""
    return path.replace(_MASK, os.sep)
