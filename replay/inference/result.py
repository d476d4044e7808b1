"""What was inferred of one fit, immutable: the evidence in words, candidates, where they part, and the limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.ingest.display import Displayed
from kcb_replay.replay.inference.candidates import StoppingCandidate
from kcb_replay.replay.inference.versions import span_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from kcb_replay.replay.inference.candidates import Candidate, PlateauCandidate
    from kcb_replay.replay.inference.divergence import Parting
    from kcb_replay.replay.inference.float_ranges import Range

__all__ = ["Inference"]

Json: TypeAlias = dict[str, object]


@dataclass(frozen=True)
class Inference(Displayed):
    """Which settings are consistent with what one recorded fit did.

    `summary` says in sentences what the recording shows, what that allows and how certain it is. `stopping` and
    `plateaus` are in the order of how plain they are: a usual min_delta and a usual monitor first. `schedules` is code
    that makes every recorded learning rate. `without_early_stopping` and `without_reduce_lr_on_plateau` are false only
    where the recording itself says that there was one. `versions` are the names that came into question, oldest first.
    """

    run: str
    fit: int
    epochs: int
    last_index: int
    summary: tuple[str, ...]
    stopping: tuple[StoppingCandidate, ...]
    plateaus: tuple[PlateauCandidate, ...]
    schedules: tuple[str, ...]
    partings: tuple[Parting, ...]
    limits: tuple[str, ...]
    without_early_stopping: bool
    without_reduce_lr_on_plateau: bool
    versions: tuple[str, ...]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All candidates: of EarlyStopping, then of ReduceLROnPlateau."""
        return (*self.stopping, *self.plateaus)

    def keras_of(self, versions: Sequence[str]) -> str:
        """Return a group of versions in words."""
        return span_of(versions, self.versions)

    def records(self) -> list[Json]:
        """Return one flat record per candidate; a range without an end has a null there, versions are one text."""
        return [{**self._record(each), "versions": " ".join(each.versions)} for each in self.candidates]

    def to_dict(self) -> Json:
        """Return the document of `kcb-replay infer --json`."""
        return {
            "schema": "kcb-replay/infer/1",
            "run": self.run,
            "fit": self.fit,
            "epochs": self.epochs,
            "last_index": self.last_index,
            "last_epoch": self.last_index + 1,
            "summary": list(self.summary),
            "without_early_stopping": self.without_early_stopping,
            "without_reduce_lr_on_plateau": self.without_reduce_lr_on_plateau,
            "versions": list(self.versions),
            "candidates": [self._record(each) for each in self.candidates],
            "schedules": list(self.schedules),
            "partings": [
                {
                    "callback": each.callback,
                    "monitor": each.monitor,
                    "index": each.index,
                    "epoch": each.epoch,
                    "condition": each.condition,
                    "text": each.text,
                }
                for each in self.partings
            ],
            "limits": list(self.limits),
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per candidate."""
        import pandas as pd

        return pd.DataFrame.from_records(self.records())

    def __str__(self) -> str:
        from kcb_replay.replay.inference.text import text_of

        return text_of(self)

    def __repr__(self) -> str:
        count = len(self.candidates)
        return f"<Inference of {self.run!r} fit {self.fit}: {count} candidates for {self.epochs} epochs>"

    def _record(self, candidate: Candidate) -> Json:
        next_index = candidate.next_index
        return {
            "callback": candidate.example.name,
            "explains": _explained(candidate),
            "monitor": candidate.monitor,
            "mode": candidate.mode,
            **_ends("patience", candidate.patience),
            **_ends("min_delta", candidate.min_delta),
            **_ends("cooldown", None if isinstance(candidate, StoppingCandidate) else candidate.cooldown),
            **_ends("factor", None if isinstance(candidate, StoppingCandidate) else candidate.factor),
            **_ends("min_lr", None if isinstance(candidate, StoppingCandidate) else candidate.min_lr),
            "reading": None if isinstance(candidate, StoppingCandidate) else candidate.reading,
            "next_index": next_index,
            "next_epoch": None if next_index is None else next_index + 1,
            "example": str(candidate.example),
            "keras": self.keras_of(candidate.versions),
            "versions": list(candidate.versions),
        }


def _explained(candidate: Candidate) -> str:
    if isinstance(candidate, StoppingCandidate):
        return "the end" if candidate.stops else "that it ran on"
    return "the reductions, the last one to the floor" if candidate.at_floor else "the reductions"


def _ends(name: str, given: Range | None) -> Json:
    return {f"{name}_low": None if given is None else given.low, f"{name}_high": None if given is None else given.high}
