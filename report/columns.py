"""The columns of the table of runs on a page: a group for each kind of callback that some replay has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.facts import extreme
from kcb_replay.report.several_replays import lead_of, reduces, saves, stops
from kcb_replay.report.words import can_stop, drop_places
from kcb_replay.text import short, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kcb_replay.replay.result import Replay
    from kcb_replay.text import Decimals

__all__ = ["Column", "Group", "groups_of"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of runs."""

    head: str
    number: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that belong together, the replays they are for, and the texts of one replay in them."""

    columns: tuple[Column, ...]
    applies: Callable[[Replay], bool]
    texts: Callable[[Replay], Sequence[str]]

    def cells(self, replay: Replay) -> Sequence[str]:
        """Return the texts of a replay, empty ones where the columns are not for it."""
        return self.texts(replay) if self.applies(replay) else [""] * len(self.columns)


def groups_of(replays: Sequence[Replay], decimals: Decimals) -> list[Group]:
    """Return the groups that some replay needs."""
    known = (
        Group(_stop_columns(replays), stops, lambda replay: _stop_texts(replay, decimals)),
        Group((Column("Stops after"),), _only_terminates, lambda replay: [_stop_text(replay)]),
        Group((Column("Saves"), Column("Last save")), saves, _save_texts),
        Group((Column("Reduces after", number=False),), reduces, _drop_texts),
        Group((Column("Last rate"),), _changes_rate, _rate_texts),
    )
    return [group for group in known if any(map(group.applies, replays))]


def _only_terminates(replay: Replay) -> bool:
    return can_stop(replay) and not stops(replay)


def _changes_rate(replay: Replay) -> bool:
    return replay.changes_learning_rate


def _stop_columns(replays: Sequence[Replay]) -> tuple[Column, ...]:
    leads = {(lead.monitor, lead.mode) for lead in map(lead_of, filter(stops, replays))}
    monitor, mode = next(iter(leads), ("", None))
    lowest = f"{extreme(mode).capitalize()} {monitor}" if len(leads) == 1 else "Best recorded"
    return tuple(map(Column, ("Stops after", "Saved", "Best epoch", lowest, "Kept", "Regret")))


def _stop_texts(replay: Replay, decimals: Decimals) -> list[str]:
    lead = lead_of(replay)
    return [
        _stop_text(replay),
        whole(lead.saved_epochs),
        "none" if lead.best_index is None else str(lead.best_index + 1),
        decimals.show(lead.lowest_value) or "none",
        decimals.show(lead.kept_value) if lead.kept_value is not None else "none",
        "unknown" if lead.regret is None else decimals.show(lead.regret),
    ]


def _stop_text(replay: Replay) -> str:
    return "never" if replay.stop_epoch is None else str(replay.stop_epoch)


def _save_texts(replay: Replay) -> list[str]:
    return [whole(len(replay.saves)), str(replay.saves[-1].index + 1) if replay.saves else "never"]


def _drop_texts(replay: Replay) -> list[str]:
    return [", ".join(drop_places(replay.drops)) or "never"]


def _rate_texts(replay: Replay) -> list[str]:
    return ["unknown" if replay.final_lr is None else short(replay.final_lr)]
