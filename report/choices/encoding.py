"""The answers of every choice for every run in few bytes, as the program of a page looks them up.

Many settings stop a fit at the same epoch, so a fit of 100 epochs has some dozen answers to hundreds of settings: of
each fit the answers that differ are kept, and per choice which of them it is. All texts are made in Python.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.verdicts.answers import Answers
from kcb_replay.text import Decimals

Integers: TypeAlias = NDArray[np.int64]
_KINDS = (("Int8Array", "<i1"), ("Int16Array", "<i2"), ("Uint16Array", "<u2"), ("Int32Array", "<i4"))
_CODED = ("stop_index", "best_index", "kept_index", "saved", "label")


def packed(numbers: NDArray[np.integer[Any]]) -> tuple[str, str]:
    """Return the typed array that a program reads the numbers into, and their bytes, the lowest first, in base64.

    It is the smallest that holds them. Raises `ValueError` for a number beyond 32 bits.
    """
    low, high = (int(numbers.min()), int(numbers.max())) if numbers.size else (0, 0)
    for kind, code in _KINDS:
        limits = np.iinfo(code)
        if limits.min <= low and high <= limits.max:
            return kind, base64.b64encode(np.ascontiguousarray(numbers, code).tobytes()).decode()
    raise ValueError(f"{high if high > 0 else low} takes more than 32 bits.")


@dataclass(frozen=True, slots=True, eq=False)
class CodedAnswers:
    """`pick` (choices, fits) is the place of an answer among those of its fit, -1 where there is none.

    The answers of the n-th fit stand from `starts[n]` on in the other arrays; epochs are 0-based, -1 for none. `regret`
    are places in `regrets`, texts of which the first stands for what is unknown and the others rise.
    """

    pick: Integers
    starts: Integers
    stop: Integers
    best: Integers
    kept: Integers
    saved: Integers
    label: Integers
    regret: Integers
    regrets: tuple[str, ...]

    def place(self, choice: int, fit: int) -> int | None:
        """Return where the answer of a choice for a fit stands, None where there is none."""
        pick = int(self.pick[choice, fit])
        return None if pick < 0 else int(self.starts[fit]) + pick


def coded_answers(answers: Answers, answered: NDArray[np.bool_], decimals: Decimals, unknown: str) -> CodedAnswers:
    """Return the answers coded; `unknown` is the word for a regret that nobody knows."""
    pick = np.full(answered.shape, -1, np.int64)
    starts = np.zeros(answered.shape[1], np.int64)
    columns = np.stack([getattr(answers, name) for name in _CODED], axis=-1).astype(np.int64)
    rows: list[Integers] = [np.zeros((0, len(_CODED)), np.int64)]
    regrets = [np.zeros(0)]
    count = 0
    for fit in range(answered.shape[1]):
        answering = np.flatnonzero(answered[:, fit])
        distinct, first, which = np.unique(columns[answering, fit], axis=0, return_index=True, return_inverse=True)
        pick[answering, fit] = which.reshape(-1)
        starts[fit] = count
        count += len(distinct)
        rows.append(distinct)
        regrets.append(answers.regret[answering, fit][first])
    texts, ranks = _ranked(np.concatenate(regrets), decimals, unknown)
    stop, best, kept, saved, label = np.concatenate(rows).T
    return CodedAnswers(pick, starts, stop, best, kept, saved, label, ranks, texts)


def _ranked(regrets: NDArray[np.float64], decimals: Decimals, unknown: str) -> tuple[tuple[str, ...], Integers]:
    """Return the different texts in rising order behind `unknown`, and the place of each regret among them."""
    values, which = np.unique(regrets, return_inverse=True)
    texts = [unknown]
    places = np.zeros(len(values), np.int64)
    for number, value in enumerate(values.tolist()):
        if np.isnan(value):
            continue
        text = decimals.show(value)
        if text != texts[-1]:
            texts.append(text)
        places[number] = len(texts) - 1
    return tuple(texts), places[which.reshape(-1)]


def label_words(label: str, words: Catalogue) -> str:
    """Return how far an answer holds; that of a weak source may be undecided, too, and both are said."""
    return ", ".join(words.say(f"label.{part}") for part in label.split(", "))
