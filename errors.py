"""One tree of errors for the whole package.

Every message says what was found, where, what was expected and what to do next. The command line turns them into one
line on stderr and an exit code; nothing else in the package catches `KcbReplayError` to hide it.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from kcb_replay.language.reason import Reason, first_of, reason
from kcb_replay.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


# A log may have ten thousand columns.
_MOST_NAMES = 12


class KcbReplayError(Exception):
    """Base of every error that kcb-replay raises on purpose; its message steers no terminal, whatever it quotes."""

    def __str__(self) -> str:
        """Return the message with all but line ends made visible: it may quote names from anywhere."""
        return visible(super().__str__(), line_ends=True)


class ReadError(KcbReplayError):
    """A source could not be read; the message names the file, the position and the reason."""


class StoreError(KcbReplayError):
    """A store cannot be opened, is of a newer version, is locked or damaged."""


class RunNotFoundError(KcbReplayError):
    """No run of that name is in the store, and no file or folder of that name exists."""


class SettingError(KcbReplayError):
    """A callback, argument, option or version that does not exist, or a value that the real class refuses."""


class MissingExtraError(KcbReplayError):
    """A package that is not installed, and the optional extra of kcb-replay that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}, which is not installed: pip install 'kcb-replay[{extra}]'")


class NotInRecordingError(KcbReplayError):
    """A real callback asks its model for something that no recording holds."""


class NotReplayableError(KcbReplayError):
    """A fit that callbacks cannot be replayed on; `why` is the message without the name of the run."""

    def __init__(self, message: str, *, reason: Reason) -> None:
        super().__init__(message)
        self.why = reason

    @property
    def reason(self) -> str:
        """The message without the name of the run."""
        return str(self.why)


class MonitorNotRecordedError(NotReplayableError):
    """The monitored metric is not in the recording; `consequence` is what would have come of that.

    `unplaced` says how it is recorded where its source has values, but not the epochs that they belong to.
    """

    def __init__(
        self,
        monitor: str,
        run: str,
        recorded: Sequence[str],
        *,
        consequence: Reason | None = None,
        unplaced: str = "",
    ) -> None:
        where = reason("not_recorded.where", run=run)
        if unplaced:
            message, absent = (
                reason("not_recorded.unplaced", monitor=monitor, where=named_run, text=unplaced)
                for named_run in (where, "")
            )
        else:
            message, absent = (_not_recorded(monitor, named_run, recorded, consequence) for named_run in (where, ""))
        super().__init__(str(message), reason=absent)


def _not_recorded(monitor: str, where: Reason | str, recorded: Sequence[str], consequence: Reason | None) -> Reason:
    meant = closest(monitor, recorded)
    names = first_of(recorded, _MOST_NAMES) if recorded else reason("not_recorded.nothing")
    values = {"monitor": monitor, "where": where, "names": names}
    absent = reason("not_recorded.meant", **values, meant=meant) if meant else reason("not_recorded.metric", **values)
    return reason("not_recorded.and", absent=absent, consequence=consequence) if consequence else absent


class DirectionUnknownError(NotReplayableError):
    """Nobody knows whether the monitored metric should fall or rise: Keras would ask a model that is not recorded."""

    def __init__(self, monitor: str, run: str, version: str) -> None:
        why = reason("left_out.direction_unknown", monitor=monitor, version=version)
        super().__init__(f"{run}: {why}.", reason=why)


class KerasWouldRaiseError(NotReplayableError):
    """Keras itself raises here, so there is no answer to replay."""


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the closest known name, None where none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the closest known name, or an empty string."""
    close = closest(name, known)
    return f" Did you mean '{close}'?" if close else ""
