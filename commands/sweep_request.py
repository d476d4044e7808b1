"""What is asked of a sweep of any callback: which runs, which versions, and where its answer goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from kcb_replay.commands.output import say, size_of
from kcb_replay.commands.selection import metrics_of
from kcb_replay.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from kcb_replay.commands.selection import Progress
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.verdicts.rows import Rows

    _Block = TypeVar("_Block", bound=Rows)

__all__ = ["SweepRequest"]


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """What is asked of a sweep of any callback."""

    runs: tuple[str, ...]
    store: Path
    versions: tuple[Semantics, ...]
    rows: Path | None
    top: int | None
    output: str
    quiet: bool

    @property
    def version(self) -> Semantics:
        """The one version of a sweep that takes no more."""
        if len(self.versions) > 1:
            raise SettingError("Several versions are swept side by side for EarlyStopping, without --rows and --plot.")
        return self.versions[0]

    def recordings(self, metrics: Collection[str], progress: Progress | None) -> Iterator[Recording]:
        """Load these metrics of the runs."""
        return metrics_of(self.runs, self.store, metrics, progress=progress)

    def written(self, blocks: Iterable[_Block]) -> Iterable[_Block]:
        """Write the rows of every block on its way, if that is asked for."""
        from kcb_replay.report.sweep_rows import written_rows

        return blocks if self.rows is None else written_rows(blocks, self.rows)

    def say_all(self, notes: list[str]) -> None:
        """Say what was written, which versions stand for others, and the notes."""
        from kcb_replay.report.versions import version_notes

        wrote = [] if self.rows is None else [f"Wrote {self.rows} ({size_of(self.rows)})"]
        say([*wrote, *version_notes(self.versions), *notes], quiet=self.quiet)
