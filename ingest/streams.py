"""The streams of a stored fit: named at once, read from the store one by one, when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kcb_replay.ingest.recording import StepSeries

__all__ = ["StoredSteps"]


class StoredSteps(Mapping[str, "StepSeries"]):
    """The streams of one fit by name; `read[name]` reads a stream, which is done once."""

    def __init__(self, read: Mapping[str, Callable[[], StepSeries]]) -> None:
        self._read = dict(read)
        self._series: dict[str, StepSeries] = {}

    def __getitem__(self, name: str) -> StepSeries:
        if name not in self._series:
            self._series[name] = self._read[name]()
        return self._series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)

    def __contains__(self, name: object) -> bool:
        return name in self._read
