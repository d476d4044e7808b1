"""The Replay: one fit, one list of callbacks, everything that happened, immutable.

Non-finite numbers stay floats here; whoever writes JSON turns them into strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.errors import KcbReplayError
from kcb_replay.ingest.display import Displayed, HtmlPage
from kcb_replay.ingest.recording import Recording, Source
from kcb_replay.language.reason import Reason
from kcb_replay.replay.answers import Answer
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.directions import assumed_direction, is_assumed
from kcb_replay.replay.engine import Row, Run
from kcb_replay.replay.events import Event
from kcb_replay.replay.lints import Lint, lints
from kcb_replay.replay.monitors import MissingMonitor
from kcb_replay.replay.outcomes import Drop, Outcome, Save
from kcb_replay.replay.rate_changes import changes_rate
from kcb_replay.replay.stream import Stream
from kcb_replay.replay.validity import Horizon, Label, Validity, worst
from kcb_replay.replay.version_guess import OtherEra, other_era

if TYPE_CHECKING:
    import pandas as pd


Json: TypeAlias = dict[str, object]


@dataclass(frozen=True, eq=False)
class Replay(Answer, Displayed):
    """What a list of callbacks would have done with one recorded fit.

    Up to the `horizon` the recorded metrics are what the replayed training would have seen; None: to the end.

    `initial_lr` is what the learning rate started from; `initial_lr_source` says whether it was "given", "recorded" or
    "assumed". `remarks` are about what the answer does not say, `sources` the files it was read from.
    `recording` is what can be asked further; it does not travel in a pickle, and is None for callbacks that went
    through an earlier fit, too. `missing` are the metrics that callbacks watch and that no epoch has.
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
    remarks: tuple[Reason, ...] = ()
    sources: tuple[Source, ...] = ()
    horizon: Horizon | None = None
    recording: Recording | None = None
    steps_per_epoch: int | None = None
    missing: tuple[MissingMonitor, ...] = ()

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
    def stopped_by(self) -> str | None:
        """Name of the callback that stopped the training, the first in list order."""
        last = self.rows[-1]
        return self.callbacks[last.stoppers[0]].name if last.stoppers else None

    @cached_property
    def changes_learning_rate(self) -> bool:
        """Whether the learning rate is the callbacks' own, and not the recorded one."""
        return changes_rate(self.callbacks, self.run_record)

    @cached_property
    def drops(self) -> tuple[Drop, ...]:
        """Every reduction of the learning rate at the end of an epoch, by whichever callback, epoch by epoch."""
        return tuple(sorted((drop for outcome in self.outcomes for drop in outcome.drops), key=lambda drop: drop.index))

    @cached_property
    def saves(self) -> tuple[Save, ...]:
        """Everything that was written of the model, by whichever callback, in the order of epochs and of the list."""
        return tuple(sorted((save for outcome in self.outcomes for save in outcome.saves), key=lambda save: save.index))

    @property
    def final_lr(self) -> float | None:
        """Learning rate at the end; None when no callback holds one and none was recorded or given."""
        return None if self._lr_is_unknown else self.run_record.final_lr

    @cached_property
    def validity(self) -> Validity:
        """How far the answer can be trusted: the stop where there is one, else whatever the callbacks do."""
        last = self.rows[-1]
        if last.stoppers:
            return worst([self.outcomes[position].validity for position in last.stoppers])
        stops = [outcome.validity for outcome in self.outcomes if outcome.is_of_stopping_rule]
        return worst(stops or [outcome.validity for outcome in self.outcomes])

    @cached_property
    def assumed(self) -> tuple[Reason, ...]:
        """What is assumed of directions, for each metric of which Keras would have asked the model."""
        return tuple(filter(None, (assumed_direction(metric, self.stream.names) for metric in self.assumed_metrics)))

    @cached_property
    def assumed_metrics(self) -> tuple[str, ...]:
        """The metrics whose direction is taken from their names, where Keras would have asked the model."""
        metrics = dict.fromkeys(filter(None, (state.asked_metric for state in self.run_record.states)))
        return tuple(metric for metric in metrics if is_assumed(metric, self.stream.names))

    @cached_property
    def other_era(self) -> OtherEra | None:
        """The version that the recording looks like, where that is another one and the fit would end elsewhere in it.

        None for callbacks that went through an earlier fit, too.
        """
        if self.recording is None:
            return None
        return other_era(self.stream, self.callbacks, self.semantics, self.run_record, self.initial_lr)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Every event, in the order of epochs and, within one, of the list."""
        return (*self.run_record.epoch_events, *(event for events in self.run_record.finish_events for event in events))

    def label_of(self, event: Event) -> Label:
        """Return "exact", or "hypothetical" for an event of an epoch whose metrics need not be those of the replay.

        How far the digits and the points of the source allow it is a question to the outcomes.
        """
        # A bad loss itself is what cuts its epoch short.
        covered = self.horizon is None or self.horizon.covers(event.index) or event.ends_epoch
        return "exact" if covered else "hypothetical"

    @cached_property
    def lints(self) -> tuple[Lint, ...]:
        """What the user may not have meant; each is proved by further replays, so the first look takes its time."""
        return lints(self.callbacks, self.stream, self.semantics, self.run_record)

    @cached_property
    def trace(self) -> tuple[Json, ...]:
        """One row per epoch that ran: the 0-based epoch, learning rate, and best and wait of each callback."""
        return tuple(self._trace_row(row) for row in self.rows)

    def to_pandas(self) -> pd.DataFrame:
        """Return `trace` as a DataFrame."""
        import pandas as pd

        return pd.DataFrame.from_records(list(self.trace))

    def explain(
        self,
        *,
        axes: Mapping[str, Sequence[object]] | None = None,
        monitors: Sequence[str] | None = None,
        language: str = "en",
    ) -> HtmlPage:
        """Return a page with a slider for every argument; a notebook shows it, and its `save` writes it.

        `axes` are the positions of sliders by the name of their option, as `{"patience": range(1, 21)}`, and `monitors`
        the metrics to choose from; both are found in the recording where they are not given.
        """
        if self.renderers is None:
            raise KcbReplayError("Nothing that could explain is installed: import kcb_replay, the public package.")
        return self.renderers.explainer(self, axes=axes, monitors=monitors, language=language)

    def __getstate__(self) -> Json:
        # A recording holds views of files, which nobody else can open.
        return {**self.__dict__, "recording": None}

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
            record |= {f"{prefix}.{name}": getattr(state, name) for name in state.traced}
        return record
