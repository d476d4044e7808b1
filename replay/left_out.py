"""A fit without an answer, and why: the one kind of it, of single replays, sweeps, comparisons and pages."""

from __future__ import annotations

from dataclasses import dataclass

from kcb_replay.language.reason import Reason, reason


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A fit that was left out; `choice` is the number of the setting or rule that it concerns, None where it is all.

    `message` is the reason as a sentence that names the run, `original` the run that is counted instead of a copy.
    """

    run: str
    fit: int
    why: Reason
    message: str = ""
    choice: int | None = None
    original: str = ""

    def __post_init__(self) -> None:
        if not self.message:
            object.__setattr__(self, "message", f"{self.run}: {self.reason.removesuffix('.')}.")

    @property
    def reason(self) -> str:
        """Why, in English."""
        return str(self.why)

    @property
    def shown_run(self) -> str:
        """The name of the run, and of the one that it is a copy of."""
        return f"{self.run} = {self.original}" if self.original else self.run

    def to_dict(self) -> dict[str, object]:
        """Return run, fit and reason as a record."""
        copy = {"copy_of": self.original} if self.original else {}
        return {"run": self.run, "fit": self.fit, "reason": self.reason, **copy}


def left_out_copy(run: str, fit: int, original: str) -> LeftOut:
    """Return what is said of a fit whose training is counted under the name of another run."""
    message = f"{run}: the same training as {original}, which is counted."
    return LeftOut(run, fit, reason("left_out.copy"), message, original=original)
