"""One pass over verdicts, for any number of collectors: totals, rows of a file, what a page draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from kcb_replay.replay.verdicts.blocks import VerdictsBlock

_Block = TypeVar("_Block", bound="VerdictsBlock[Any]")
_Answers = TypeVar("_Answers")


class Collector(Generic[_Block, _Answers]):
    """What notes something of verdicts while they pass: each block, then its answers, some choices at a time."""

    def begin(self, block: _Block) -> None:
        """Look at a block of fits, whose answers follow."""

    def add(self, block: _Block, chosen: slice, answers: _Answers) -> None:
        """Look at the answers of some choices on all fits of the block."""


class Passing(Collector[_Block, Any]):
    """What hands every block on, to be written for example."""

    def __init__(self, see: Callable[[_Block], None]) -> None:
        self._see = see

    def begin(self, block: _Block) -> None:
        """Hand a block on."""
        self._see(block)


class HasBlocks(Protocol):
    """Verdicts as they stream."""

    @property
    def blocks(self) -> Sequence[VerdictsBlock[Any]]:
        """Every choice on some fits after the other."""
        ...


def collect(stream: Iterable[HasBlocks], collectors: Sequence[Collector[Any, Any]]) -> None:
    """Show verdicts to all collectors in one pass; each block is dropped before the next one is asked for."""
    for verdicts in stream:
        for block in verdicts.blocks:
            for collector in collectors:
                collector.begin(block)
            for chosen, answers in block.pieces():
                for collector in collectors:
                    collector.add(block, chosen, answers)
