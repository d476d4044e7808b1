"""The Replay: one fit, one list of callbacks, everything that happened, immutable.

Its dict form is the documented JSON of `kcb-replay simulate` (CONTRACT). Non-finite numbers stay floats here; whoever
writes JSON turns them into strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.replay.callbacks import EarlyStoppingState
from kcb_replay.replay.outcome import EarlyStoppingOutcome, Outcome, ReduceLROnPlateauOutcome, settings_dict
from kcb_replay.replay.validity import worst

if TYPE_CHECKING:
    import pandas as pd

    from kcb_replay.ingest.recording import Source
    from kcb_replay.replay.callbacks import Callback, State
    from kcb_replay.replay.engine import Row, Run
    from kcb_replay.replay.events import Event
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.stream import Stream
    from kcb_replay.replay.validity import Validity

__all__ = ["Replay"]

Json: TypeAlias = dict[str, object]


@dataclass(frozen=True, eq=False)
class Replay:
    """What a list of callbacks would have done with one recorded fit.

    `initial_lr` is what the learning rate started from; `initial_lr_source` says whether it was "given", "recorded" or
    "assumed". `notes` are sentences about what the answer does not say, `sources` the files it was read from.
    """

    run: str
    fit: int
    semantics: Semantics
    stream: Stream
    callbacks: tuple[Callback, ...]
    initial_lr: float
    initial_lr_source: str
    outcomes: tuple[Outcome, ...]
    run_record: Run
    notes: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def epochs(self) -> int:
        """Number of recorded epochs."""
        return len(self.stream.epochs)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The epochs that ran."""
        return self.run_record.rows

    @property
    def epochs_run(self) -> int:
        """Number of epochs that ran."""
        return len(self.rows)

    @property
    def stop_index(self) -> int | None:
        """0-based epoch after which the training was stopped, None if it never was."""
        last = self.rows[-1]
        return last.index if last.stoppers else None

    @property
    def stop_epoch(self) -> int | None:
        """Epoch after which the training was stopped, counted from 1."""
        return _one_based(self.stop_index)

    @property
    def stopped_by(self) -> str | None:
        """Name of the callback that stopped the training, the first in list order."""
        last = self.rows[-1]
        return self.callbacks[last.stoppers[0]].name if last.stoppers else None

    @property
    def final_lr(self) -> float | None:
        """Learning rate at the end; None when no callback holds one and none was recorded or given."""
        return None if self._lr_is_unknown else self.run_record.final_lr

    @cached_property
    def validity(self) -> Validity:
        """How far the stop (without EarlyStopping: the drops) can be trusted."""
        stops = [outcome.validity for outcome in self.outcomes if isinstance(outcome, EarlyStoppingOutcome)]
        fired = [o.validity for o in self.outcomes if isinstance(o, EarlyStoppingOutcome) and o.fired]
        return worst(fired or stops or [outcome.validity for outcome in self.outcomes])

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Every event, in the order of epochs and, within one, of the list."""
        during = [event for row in self.rows for events in row.events for event in events]
        return (*during, *(event for events in self.run_record.finish_events for event in events))

    @cached_property
    def trace(self) -> tuple[Json, ...]:
        """One row per epoch that ran: the 0-based epoch, learning rate, and best and wait of each callback."""
        return tuple(self._trace_row(row) for row in self.rows)

    def to_pandas(self) -> pd.DataFrame:
        """Return `trace` as a DataFrame."""
        import pandas as pd

        return pd.DataFrame.from_records(list(self.trace))

    def to_dict(self) -> Json:
        """Return one element of `results` of `kcb-replay simulate --json`."""
        return {
            "run": self.run,
            "fit": self.fit,
            "epochs": self.epochs,
            "semantics": self.semantics.name,
            **_validity_dict(self.validity),
            "epochs_run": self.epochs_run,
            "stop_index": self.stop_index,
            "stop_epoch": self.stop_epoch,
            "stopped_by": self.stopped_by,
            "initial_lr": None if self._lr_is_unknown else self.initial_lr,
            "initial_lr_source": self.initial_lr_source,
            "final_lr": self.final_lr,
            "callbacks": [_outcome_dict(outcome) for outcome in self.outcomes],
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        stop = f"stops after epoch {self.stop_epoch}" if self.stop_epoch is not None else "is never stopped"
        code = ", ".join(str(callback) for callback in self.callbacks)
        return f"<Replay of {self.run!r} fit {self.fit}: {stop} of {self.epochs} ({self.validity.label}) with {code}>"

    @property
    def _lr_is_unknown(self) -> bool:
        return self.initial_lr_source == "unknown"

    def _trace_row(self, row: Row) -> Json:
        record: Json = {"epoch": row.index, "lr_begin": row.lr_begin, "lr": row.lr}
        if self._lr_is_unknown:
            record |= {"lr_begin": None, "lr": None}
        for position, state in enumerate(row.states):
            prefix = self.callbacks[position].name
            if sum(callback.name == prefix for callback in self.callbacks) > 1:
                prefix = f"{prefix}[{position}]"
            record |= {f"{prefix}.{key}": value for key, value in _state_dict(state).items()}
        return record


def _state_dict(state: State) -> Json:
    names = (
        ("best", "best_index", "wait")
        if isinstance(state, EarlyStoppingState)
        else ("best", "wait", "cooldown_counter")
    )
    return {name: getattr(state, name) for name in names}


def _one_based(index: int | None) -> int | None:
    return None if index is None else index + 1


def _validity_dict(validity: Validity) -> Json:
    return {
        "validity": validity.label,
        "reason": validity.reason,
        "valid_through_index": validity.valid_through_index,
        "valid_through_epoch": _one_based(validity.valid_through_index),
        "earliest_stop_index": validity.earliest_stop_index,
        "earliest_stop_epoch": _one_based(validity.earliest_stop_index),
    }


def _outcome_dict(outcome: Outcome) -> Json:
    head: Json = {
        "callback": outcome.settings.name,
        "settings": settings_dict(outcome),
        "mode": outcome.mode,
        "fired": outcome.fired,
    }
    body = _stop_dict(outcome) if isinstance(outcome, EarlyStoppingOutcome) else _drops_dict(outcome)
    return {**head, **body, **_validity_dict(outcome.validity)}


def _stop_dict(outcome: EarlyStoppingOutcome) -> Json:
    record: Json = {}
    for name in ("stop", "best", "kept", "lowest"):
        index = getattr(outcome, f"{name}_index")
        record |= {f"{name}_index": index, f"{name}_epoch": _one_based(index)}
        if name != "stop":
            record[f"{name}_value"] = getattr(outcome, f"{name}_value")
    return {**record, "saved_epochs": outcome.saved_epochs, "regret": outcome.regret}


def _drops_dict(outcome: ReduceLROnPlateauOutcome) -> Json:
    return {
        "drops": [
            {
                "index": drop.index,
                "epoch": drop.index + 1,
                "old_lr": drop.old_lr,
                "new_lr": drop.new_lr,
                "validity": drop.validity,
            }
            for drop in outcome.drops
        ]
    }
