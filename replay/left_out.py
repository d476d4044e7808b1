"""A fit without an answer, and why: the one kind of it, of single replays, sweeps, comparisons and pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kcb_replay.language.reason import Reason


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A fit that was left out; `choice` is the number of the setting or rule that it concerns, None where it is all.

    `message` is the reason as a sentence that names the run.
    """

    run: str
    fit: int
    why: Reason
    message: str = ""
    choice: int | None = None

    def __post_init__(self) -> None:
        if not self.message:
            object.__setattr__(self, "message", f"{self.run}: {self.reason.removesuffix('.')}.")

    @property
    def reason(self) -> str:
        """Why, in English."""
        return str(self.why)

    def to_dict(self) -> dict[str, object]:
        """Return run, fit and reason as a record."""
        return {"run": self.run, "fit": self.fit, "reason": self.reason}
