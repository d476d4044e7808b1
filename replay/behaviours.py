"""Every behaviour in which Keras versions and backends differ, each documented once, with its oldest value."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias

Arithmetic: TypeAlias = Literal["float32 or ValueError", "float32", "float32 with denormals", "float64"]
DirectionRule: TypeAlias = Literal[
    "acc or fmeasure in name", "acc in name", "name ends in acc, accuracy or auc", "metric"
]
IntegerRates: TypeAlias = Literal["made float32", "kept", "kept by legacy optimizers"]
ScheduledRates: TypeAlias = Literal["refuses what is set", "overwrites what is set", "is no number"]
EpsilonIs: TypeAlias = Literal["min_delta", "min_delta, with a warning", "ignored"]
Counted: TypeAlias = Literal["samples", "calls", "batches"]
ScheduleCall: TypeAlias = Literal["schedule(epoch)", "schedule(epoch, lr=lr)", "schedule(epoch, lr)"]
Floor: TypeAlias = Literal["min_lr * 1.0001", "float64", "float32"]
LogsOrder: TypeAlias = Literal["as computed", "sorted, then validation sorted", "sorted"]
TrainEndLogs: TypeAlias = Literal["none", "metrics", "shared"]
BaseLoggerDoes: TypeAlias = Literal["means", "KeyError"]
MissingCell: TypeAlias = Literal["KeyError", "NA when stopping", "NA"]
Float32Logs: TypeAlias = Literal["learning rate", "training metrics", "metrics", "none"]
BarLayout: TypeAlias = Literal["seconds", "per step", "per unit", "per epoch", "blocks"]
BarStateful: TypeAlias = Literal["given", "model or given", "model and given", "none", "all"]
BackupCounts: TypeAlias = Literal["epochs", "calls", "batches"]
BoardTags: TypeAlias = Literal["metric", "epoch_ and metric"]
BoardBatches: TypeAlias = Literal["unknown", "none", "with a batch hook", "all at step 0", "all", "every N, and epochs"]


def _means(words: str) -> dict[str, str]:
    return {"about": words}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Semantics:
    """The behaviours of one Keras; the values here are those of Keras 2.0.0.

    Where a behaviour changed, and how that is known, stands with the change in `timeline`. `about` says in words what a
    field is.
    """

    name: str = field(default="", metadata=_means("what the user writes, for example `keras-3.15/jax`"))
    learning_rate_key: str = field(
        default="lr", metadata=_means("the name under which callbacks put the learning rate into the shared logs")
    )
    early_stopping_arithmetic: Arithmetic = field(
        default="float64",
        metadata=_means(
            "how EarlyStopping compares `monitor -/+ min_delta` with the best value. The sum is made in float64; "
            "float32 means that both sides are then rounded. Denormals count as 0 on tensorflow and jax, not on torch; "
            "a finite value beyond float32 is a ValueError on tensorflow and infinite on jax and torch"
        ),
    )
    early_stopping_direction: DirectionRule = field(
        default="acc or fmeasure in name", metadata=_means('how `mode="auto"` of EarlyStopping finds the direction')
    )
    early_stopping_needs_metric: bool = field(
        default=True, metadata=_means("EarlyStopping raises TypeError in an epoch without the metric")
    )
    early_stopping_counts_first: bool = field(
        default=False,
        metadata=_means("EarlyStopping counts the wait before it tests it against patience, not after"),
    )
    early_stopping_signed_min_delta: bool = field(
        default=True,
        metadata=_means("a negative min_delta of EarlyStopping loosens instead of being taken as positive"),
    )
    early_stopping_baseline_by_wait: bool = field(
        default=False,
        metadata=_means(
            "the baseline of EarlyStopping decides whether the wait is reset; before, it was the first best"
        ),
    )
    early_stopping_spares_first_epoch: bool = field(
        default=False, metadata=_means("EarlyStopping never stops after the first epoch")
    )
    early_stopping_improving_never_stops: bool = field(
        default=False, metadata=_means("EarlyStopping does not test an improving epoch against patience")
    )
    early_stopping_restores_at_end: bool = field(
        default=False,
        metadata=_means("EarlyStopping restores the best weights whenever training ends, not only when it stopped it"),
    )
    early_stopping_any_first_value: bool = field(
        default=False, metadata=_means("EarlyStopping takes the first value for an improvement always, NaN included")
    )
    early_stopping_keeps_best: bool = field(
        default=False, metadata=_means("a re-used EarlyStopping goes on with the best of the fit before")
    )
    early_stopping_keeps_weights: bool = field(
        default=True, metadata=_means("a re-used EarlyStopping still holds the best weights of the fit before")
    )
    plateau_arithmetic: Arithmetic = field(
        default="float64", metadata=_means("how ReduceLROnPlateau and ModelCheckpoint compare, in the same terms")
    )
    plateau_direction: DirectionRule = field(
        default="acc in name",
        metadata=_means('how `mode="auto"` of ReduceLROnPlateau and ModelCheckpoint finds the direction'),
    )
    plateau_any_first_value: bool = field(
        default=False,
        metadata=_means(
            "ReduceLROnPlateau and ModelCheckpoint take the first value for an improvement always, NaN included"
        ),
    )
    plateau_absolute_min_delta: bool = field(
        default=False,
        metadata=_means(
            "ReduceLROnPlateau compares value +/- |min_delta| with best, not value with best -/+ min_delta; at the "
            "exact boundary the two round differently"
        ),
    )
    plateau_epsilon: EpsilonIs = field(
        default="min_delta",
        metadata=_means(
            "what the argument `epsilon` of ReduceLROnPlateau is: min_delta under its first name, the same with a "
            "warning, or ignored without a word, as any unknown argument"
        ),
    )
    plateau_counts_first: bool = field(
        default=False,
        metadata=_means("ReduceLROnPlateau counts the wait before it tests it against patience, not after"),
    )
    plateau_floor: Floor = field(
        default="min_lr * 1.0001",
        metadata=_means("what the learning rate must exceed for ReduceLROnPlateau to reduce it"),
    )
    plateau_keeps_best: bool = field(
        default=False, metadata=_means("a re-used ReduceLROnPlateau goes on with the best of the fit before")
    )
    float32_product: bool = field(
        default=False,
        metadata=_means("ReduceLROnPlateau multiplies in float32 (NumPy 2 under tf_keras)"),
    )
    integer_rates: IntegerRates = field(
        default="made float32",
        metadata=_means(
            "what an optimizer makes of a learning rate that is an int: a float32, or an int32 that cuts off every "
            "rate that a callback sets"
        ),
    )
    scheduled_rates: ScheduledRates = field(
        default="is no number",
        metadata=_means(
            "what an optimizer that was compiled with a schedule does when a callback sets its learning rate: a "
            "TypeError, nothing that lasts, or it hands out the schedule itself, which callbacks cannot compare"
        ),
    )
    scheduler_call: ScheduleCall = field(
        default="schedule(epoch)",
        metadata=_means("how LearningRateScheduler calls first; on a TypeError it calls schedule(epoch)"),
    )
    scheduler_takes_tensors: bool = field(
        default=False, metadata=_means("a schedule may return a tensor, as keras.optimizers.schedules do")
    )
    scheduler_logs_rate: bool = field(
        default=False, metadata=_means("LearningRateScheduler logs the learning rate at the end of the epoch")
    )
    checkpoint_epoch_offset: int = field(
        default=0, metadata=_means("what ModelCheckpoint adds to the epoch in a file name")
    )
    checkpoint_counts: Counted = field(
        default="samples",
        metadata=_means("what an integer save_freq of ModelCheckpoint counts: samples, calls of the hook, or batches"),
    )
    checkpoint_batch_in_name: bool = field(
        default=False, metadata=_means("the file name of ModelCheckpoint may hold {batch}")
    )
    checkpoint_saves_without_metric: bool = field(
        default=False, metadata=_means("ModelCheckpoint with save_best_only saves when the metric is missing")
    )
    checkpoint_first_batch: int | None = field(
        default=0,
        metadata=_means(
            "the batch that ModelCheckpoint takes for the one before the first; None takes the first batch as one step"
        ),
    )
    checkpoint_suffixes: tuple[str, ...] = field(
        default=(),
        metadata=_means("the endings that ModelCheckpoint allows for a whole model; empty where any is allowed"),
    )
    missing_arguments: frozenset[str] = field(
        default=frozenset(),
        metadata=_means("arguments, as `EarlyStopping.baseline`, and whole classes that the version does not have"),
    )
    logs_order: LogsOrder = field(
        default="as computed", metadata=_means("the order of the keys in the logs that `fit` hands to callbacks")
    )
    train_hooks_pass_none: bool = field(
        default=False, metadata=_means("`on_train_begin` and `on_train_end` pass None where others pass empty logs")
    )
    train_end_logs: TrainEndLogs = field(
        default="none",
        metadata=_means("what `on_train_end` passes: nothing, the last epoch's metrics, or what callbacks added, too"),
    )
    train_batch_hooks: bool = field(
        default=False,
        metadata=_means("there are `on_train_batch_begin` and `on_train_batch_end`; before, only `on_batch_...`"),
    )
    batch_hooks_by_keyword: bool = field(default=False, metadata=_means("the logs of a batch are passed as `logs=`"))
    base_logger: BaseLoggerDoes = field(default="means", metadata=_means("what BaseLogger does at the end of an epoch"))
    history_keeps: bool = field(
        default=False, metadata=_means("a re-used History goes on with the lists of the fit before")
    )
    csv_logger_missing: MissingCell = field(
        default="KeyError",
        metadata=_means("what CSVLogger writes for a key that the first epoch had and this one has not"),
    )
    csv_logger_pads_validation: bool = field(
        default=False, metadata=_means("without a `val_` key in the first epoch there is one more column for every key")
    )
    csv_logger_keeps_keys: bool = field(
        default=False, metadata=_means("a re-used CSVLogger keeps the columns of its first fit")
    )
    csv_logger_spells_texts: bool = field(
        default=True, metadata=_means("CSVLogger takes a text for a list of its letters")
    )
    float32_logs: Float32Logs = field(
        default="learning rate",
        metadata=_means(
            "which values of the logs are np.float32, written with as few digits as that needs: the learning rate, the "
            "metrics of the training, too, or those of the validation as well, but never the losses"
        ),
    )
    remote_monitor_unwraps: bool = field(default=False, metadata=_means("an np.float32 in the logs is no TypeError"))
    progbar_layout: BarLayout = field(
        default="seconds",
        metadata=_means(
            'how a line is laid out: the seconds alone; with the time per step, also for the unit "sample"; since 2.7 '
            "with the time per epoch; since Keras 3 in colour"
        ),
    )
    progbar_count_mode: bool = field(default=True, metadata=_means("ProgbarLogger has the argument `count_mode`"))
    progbar_heads_single_epoch: bool = field(
        default=True, metadata=_means("a fit of one epoch prints `Epoch 1/1`, too")
    )
    progbar_always_redraws: bool = field(
        default=True, metadata=_means("a line goes over the one before wherever it is written to")
    )
    progbar_draws_last_batch: bool = field(
        default=False,
        metadata=_means(
            "every batch is drawn; before, the values of the last one went in with the epoch's, and only the metrics "
            "of the model were shown"
        ),
    )
    progbar_starts_with_batch: bool = field(
        default=False, metadata=_means("the clock of an epoch starts when its first batch has ended")
    )
    progbar_stateful: BarStateful = field(
        default="given",
        metadata=_means("which metrics are shown as they are; the others are averaged over the epoch by the bar"),
    )
    progbar_raw_stateful: bool = field(
        default=False, metadata=_means("those are written with all their digits, and with verbose=2 are a TypeError")
    )
    progbar_feeds_line: bool = field(default=True, metadata=_means("batches go into the averages of verbose=2, too"))
    progbar_least_weight: int = field(
        default=0, metadata=_means("the weight in that average of values without a new step")
    )
    progbar_final_as_it_is: bool = field(default=False, metadata=_means("the values of the epoch replace the averages"))
    progbar_float32: bool = field(
        default=False, metadata=_means("averages are rounded to float32 before they are printed")
    )
    progbar_forces_last: bool = field(
        default=True, metadata=_means("the end of the epoch is drawn however soon it comes after the last batch")
    )
    progbar_ends_at_target: bool = field(
        default=False, metadata=_means("the end of the epoch counts all steps as done, also where it was left early")
    )
    progbar_skips_first_step: bool = field(
        default=False, metadata=_means("the time per step leaves the first step out")
    )
    progbar_sees_learning_rate: bool = field(
        default=False, metadata=_means("what callbacks listed before have logged is shown")
    )
    backup_counts: BackupCounts = field(
        default="epochs",
        metadata=_means('what an integer save_freq of BackupAndRestore counts; "epochs": there is no such argument'),
    )
    backup_refuses_no_frequency: bool = field(
        default=False, metadata=_means("a save_freq of False, 0 or None is a ValueError")
    )
    backup_forgets_batch: bool = field(
        default=False, metadata=_means("the batch seen last is 0 again after each epoch")
    )
    tensorboard_tags: BoardTags = field(
        default="metric",
        metadata=_means("the name of a tag: the metric, or epoch_ and the metric in train/ and validation/"),
    )
    tensorboard_reads_rate: bool = field(
        default=False,
        metadata=_means("the learning rate is read off the optimizer, whether a callback logged it or not"),
    )
    tensorboard_evaluations: bool = field(
        default=False, metadata=_means("each validation is written against the steps of the optimizer, too")
    )
    tensorboard_batches: BoardBatches = field(
        default="unknown", metadata=_means("which batches are points with an update_freq of N batches")
    )

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f'Semantics("{self.name}")'

    @classmethod
    def about(cls, behaviour: str) -> str:
        """Return what a field means, in words."""
        return next(str(item.metadata["about"]) for item in fields(cls) if item.name == behaviour)
