"""Which Keras is replayed: every version-dependent behaviour is one named field of a frozen `Semantics` value.

The versions stand on one line of time: multi-backend Keras 2.0 to 2.3, then the TensorFlow line (tf.keras, keras 2.4 to
2.15, tf_keras), then Keras 3. A behaviour is its oldest value until a change on that line replaces it; a further version
is a further change. Versions beyond the line's ends are refused, never approximated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

from kcb_replay.errors import SettingError, did_you_mean

__all__ = ["DEFAULT", "Arithmetic", "DirectionRule", "LogsOrder", "Semantics", "known_semantics", "semantics"]

Arithmetic: TypeAlias = Literal["float32 or ValueError", "float32", "float64"]
DirectionRule: TypeAlias = Literal["acc in name", "name ends in acc, accuracy or auc", "metric"]
Counted: TypeAlias = Literal["samples", "calls", "batches"]
Floor: TypeAlias = Literal["min_lr * 1.0001", "float64", "float32"]
LogsOrder: TypeAlias = Literal["as computed", "sorted, then validation sorted", "sorted"]
TrainEndLogs: TypeAlias = Literal["none", "metrics", "shared"]
BaseLoggerDoes: TypeAlias = Literal["means", "KeyError", "absent"]
MissingCell: TypeAlias = Literal["KeyError", "NA when stopping", "NA"]
Float32Logs: TypeAlias = Literal["learning rate", "training metrics", "metrics", "none"]
BarLayout: TypeAlias = Literal["seconds", "per step", "per unit", "per epoch", "blocks"]
BarStateful: TypeAlias = Literal["given", "model or given", "model and given", "none", "all"]
BackupCounts: TypeAlias = Literal["absent", "epochs", "calls", "batches"]
DEFAULT = "keras-3.15"


@dataclass(frozen=True, slots=True, kw_only=True)
class Semantics:
    """The behaviours in which Keras versions and backends differ; the values here are those of Keras 2.0.0.

    Where a behaviour changed, and how that is known, stands with the change in `_CHANGES`.

    Attributes:
        name: what the user writes, for example `keras-3.15/jax`.
        learning_rate_key: the name under which callbacks put the learning rate into the shared logs.
        early_stopping_arithmetic: how EarlyStopping compares `monitor -/+ min_delta` with the best value. The sum is made
            in float64; float32 means that both sides are then rounded and denormals count as 0, and a finite value
            beyond float32 is a ValueError on tensorflow and infinite on jax.
        early_stopping_direction: how `mode="auto"` finds the direction.
        early_stopping_counts_first: the wait is counted before it is tested against patience, not after.
        early_stopping_signed_min_delta: a negative min_delta loosens instead of being taken as positive.
        early_stopping_baseline_by_wait: the baseline decides whether the wait is reset; before, it was the first best.
        early_stopping_spares_first_epoch: epoch 0 never stops.
        early_stopping_improving_never_stops: an improving epoch is not tested against patience.
        early_stopping_restores_at_end: the best weights come back whenever training ends, not only when it stopped.
        early_stopping_any_first_value: the first value is always an improvement, NaN included.
        early_stopping_keeps_best: a re-used callback goes on with the best of the fit before.
        plateau_arithmetic: as early_stopping_arithmetic, for ReduceLROnPlateau and ModelCheckpoint.
        plateau_direction: as early_stopping_direction, for ReduceLROnPlateau and ModelCheckpoint.
        plateau_any_first_value: as early_stopping_any_first_value, for ReduceLROnPlateau and ModelCheckpoint.
        plateau_absolute_min_delta: ReduceLROnPlateau compares value +/- |min_delta| with best, not value with
            best -/+ min_delta; at the exact boundary the two round differently.
        plateau_counts_first: the wait is counted before it is tested against patience, not after.
        plateau_floor: what the learning rate must exceed to be reduced.
        plateau_keeps_best: a re-used ReduceLROnPlateau goes on with the best of the fit before.
        float32_product: the learning rate times the factor is a float32 product (NumPy 2 under tf_keras).
        scheduler_passes_rate: LearningRateScheduler calls schedule(epoch, lr), not schedule(epoch) alone.
        scheduler_logs_rate: LearningRateScheduler logs the learning rate at the end of the epoch.
        checkpoint_epoch_offset: what is added to the epoch in a file name.
        checkpoint_counts: what an integer save_freq counts: samples, calls of the hook, or the batches between them.
        checkpoint_batch_in_name: a file name may hold {batch}.
        checkpoint_saves_without_metric: save_best_only saves when the metric is missing.
        checkpoint_first_batch: the batch seen last before the first one; None takes the first batch as one step.
        checkpoint_suffixes: the endings that a whole model may have; empty where any is allowed.
        logs_order: the order of the keys in the logs that `fit` hands to callbacks.
        train_hooks_pass_none: `on_train_begin` and `on_train_end` pass None where others pass empty logs.
        train_end_logs: what `on_train_end` passes: nothing, the last epoch's metrics, or what callbacks added, too.
        train_batch_hooks: there are `on_train_batch_begin` and `on_train_batch_end`; before, only `on_batch_...`.
        batch_hooks_by_keyword: the logs of a batch are passed as `logs=`.
        base_logger: what BaseLogger does at the end of an epoch, or that there is none.
        base_logger_stateful: BaseLogger and ProgbarLogger have the argument `stateful_metrics`.
        history_keeps: a re-used History goes on with the lists of the fit before.
        csv_logger_missing: what CSVLogger writes for a key that the first epoch had and this one has not.
        csv_logger_pads_validation: without a `val_` key in the first epoch there is one more column for every key.
        csv_logger_keeps_keys: a re-used CSVLogger keeps the columns of its first fit.
        csv_logger_spells_texts: CSVLogger takes a text for a list of its letters.
        float32_logs: which values of the logs are np.float32, and written with as few digits as that needs: the
            learning rate, the metrics of the training, too, or those of the validation as well; never the losses.
        remote_monitor_unwraps: an np.float32 in the logs is no TypeError.
        remote_monitor_sends_json: RemoteMonitor has the argument `send_as_json`.
        progbar_layout: how a line is laid out: the seconds alone; with the time per step, also for the unit "sample";
            since 2.7 with the time per epoch; since Keras 3 in colour.
        progbar_count_mode: ProgbarLogger has the argument `count_mode`.
        progbar_heads_single_epoch: a fit of one epoch prints `Epoch 1/1`, too.
        progbar_always_redraws: a line goes over the one before wherever it is written to.
        progbar_draws_last_batch: every batch is drawn; before, the values of the last one went in with the epoch's, and
            only the metrics of the model were shown.
        progbar_starts_with_batch: the clock of an epoch starts when its first batch has ended.
        progbar_stateful: which metrics are shown as they are; the others are averaged over the epoch by the bar.
        progbar_raw_stateful: those are written with all their digits, and with verbose=2 are a TypeError.
        progbar_feeds_line: batches go into the averages of verbose=2, too.
        progbar_least_weight: the weight in that average of values without a new step.
        progbar_final_as_it_is: the values of the epoch replace the averages.
        progbar_float32: averages are rounded to float32 before they are printed.
        progbar_forces_last: the end of the epoch is drawn however soon it comes after the last batch.
        progbar_ends_at_target: the end of the epoch counts all steps as done, also where it was left early.
        progbar_skips_first_step: the time per step leaves the first step out.
        progbar_sees_learning_rate: what callbacks listed before have logged is shown.
        backup_counts: what an integer save_freq of BackupAndRestore counts; "epochs": there is no such argument.
        backup_refuses_no_frequency: a save_freq of False, 0 or None is a ValueError.
        backup_preempts: BackupAndRestore has the argument `save_before_preemption`.
        backup_double: BackupAndRestore has the argument `double_checkpoint`.
        backup_forgets_batch: the batch seen last is 0 again after each epoch.
    """

    name: str = ""
    learning_rate_key: str = "lr"
    early_stopping_arithmetic: Arithmetic = "float64"
    early_stopping_direction: DirectionRule = "acc in name"
    early_stopping_counts_first: bool = False
    early_stopping_signed_min_delta: bool = True
    early_stopping_baseline_by_wait: bool = False
    early_stopping_spares_first_epoch: bool = False
    early_stopping_improving_never_stops: bool = False
    early_stopping_restores_at_end: bool = False
    early_stopping_any_first_value: bool = False
    early_stopping_keeps_best: bool = False
    plateau_arithmetic: Arithmetic = "float64"
    plateau_direction: DirectionRule = "acc in name"
    plateau_any_first_value: bool = False
    plateau_absolute_min_delta: bool = False
    plateau_counts_first: bool = False
    plateau_floor: Floor = "min_lr * 1.0001"
    plateau_keeps_best: bool = False
    float32_product: bool = False
    scheduler_passes_rate: bool = False
    scheduler_logs_rate: bool = False
    checkpoint_epoch_offset: int = 0
    checkpoint_counts: Counted = "samples"
    checkpoint_batch_in_name: bool = False
    checkpoint_saves_without_metric: bool = False
    checkpoint_first_batch: int | None = 0
    checkpoint_suffixes: tuple[str, ...] = ()
    logs_order: LogsOrder = "as computed"
    train_hooks_pass_none: bool = False
    train_end_logs: TrainEndLogs = "none"
    train_batch_hooks: bool = False
    batch_hooks_by_keyword: bool = False
    base_logger: BaseLoggerDoes = "means"
    base_logger_stateful: bool = False
    history_keeps: bool = False
    csv_logger_missing: MissingCell = "KeyError"
    csv_logger_pads_validation: bool = False
    csv_logger_keeps_keys: bool = False
    csv_logger_spells_texts: bool = True
    float32_logs: Float32Logs = "learning rate"
    remote_monitor_unwraps: bool = False
    remote_monitor_sends_json: bool = False
    progbar_layout: BarLayout = "seconds"
    progbar_count_mode: bool = True
    progbar_heads_single_epoch: bool = True
    progbar_always_redraws: bool = True
    progbar_draws_last_batch: bool = False
    progbar_starts_with_batch: bool = False
    progbar_stateful: BarStateful = "given"
    progbar_raw_stateful: bool = False
    progbar_feeds_line: bool = True
    progbar_least_weight: int = 0
    progbar_final_as_it_is: bool = False
    progbar_float32: bool = False
    progbar_forces_last: bool = True
    progbar_ends_at_target: bool = False
    progbar_skips_first_step: bool = False
    progbar_sees_learning_rate: bool = False
    backup_counts: BackupCounts = "absent"
    backup_refuses_no_frequency: bool = False
    backup_preempts: bool = False
    backup_double: bool = False
    backup_forgets_batch: bool = False


class _Point(NamedTuple):
    """A place on the line of time: the era, and the release within it."""

    era: int
    release: tuple[int, ...]


def _multi_backend(*release: int) -> _Point:
    return _Point(0, release)


def _tensorflow(*release: int) -> _Point:
    return _Point(1, release)


def _keras_3(*release: int) -> _Point:
    return _Point(2, release)


class _Change(NamedTuple):
    since: _Point
    field: str
    value: object


# Boundaries: golden cases on both sides, and the release between them by the source diffs of the versions around it.
_CHANGES = (
    # keras-team/keras#8100 and the file name's epoch + 1.
    _Change(_multi_backend(2, 0, 9), "early_stopping_counts_first", True),
    _Change(_multi_backend(2, 0, 9), "checkpoint_epoch_offset", 1),
    _Change(_multi_backend(2, 1), "scheduler_passes_rate", True),
    # lr_epsilon is gone in 2.1.5; 2.1.3 and 2.1.4 were not looked at.
    _Change(_multi_backend(2, 1, 3), "plateau_floor", "float64"),
    # keras-team/keras#9541.
    _Change(_multi_backend(2, 1, 6), "plateau_counts_first", True),
    _Change(_multi_backend(2, 2, 3), "scheduler_logs_rate", True),
    _Change(_tensorflow(2, 0), "early_stopping_signed_min_delta", False),
    _Change(_tensorflow(2, 2), "checkpoint_counts", "calls"),
    _Change(_tensorflow(2, 3), "checkpoint_counts", "batches"),
    # EarlyStopping was rewritten in TensorFlow 2.5.
    _Change(_tensorflow(2, 5), "early_stopping_baseline_by_wait", True),
    _Change(_tensorflow(2, 5), "plateau_floor", "float32"),
    _Change(_tensorflow(2, 6), "checkpoint_batch_in_name", True),
    _Change(_tensorflow(2, 7), "early_stopping_spares_first_epoch", True),
    _Change(_tensorflow(2, 7), "early_stopping_direction", "name ends in acc, accuracy or auc"),
    _Change(_tensorflow(2, 12), "early_stopping_improving_never_stops", True),
    _Change(_tensorflow(2, 15), "checkpoint_first_batch", -1),
    _Change(_tensorflow(2, 16), "early_stopping_restores_at_end", True),
    # Keras 3: keras/src/callbacks/early_stopping.py, reduce_lr_on_plateau.py, model_checkpoint.py.
    _Change(_keras_3(3, 0), "learning_rate_key", "learning_rate"),
    _Change(_keras_3(3, 0), "early_stopping_direction", "metric"),
    _Change(_keras_3(3, 0), "early_stopping_arithmetic", "float32"),
    _Change(_keras_3(3, 0), "early_stopping_keeps_best", True),
    _Change(_keras_3(3, 0), "checkpoint_first_batch", 0),
    _Change(_keras_3(3, 0), "checkpoint_suffixes", (".keras",)),
    _Change(_keras_3(3, 7), "early_stopping_any_first_value", True),
    _Change(_keras_3(3, 7), "early_stopping_keeps_best", False),
    _Change(_keras_3(3, 8), "checkpoint_suffixes", (".keras", ".h5")),
    _Change(_keras_3(3, 10), "checkpoint_saves_without_metric", True),
    # keras/src/callbacks/monitor_callback.py is new in 3.11.
    _Change(_keras_3(3, 11), "plateau_direction", "metric"),
    _Change(_keras_3(3, 11), "plateau_arithmetic", "float32"),
    _Change(_keras_3(3, 11), "plateau_any_first_value", True),
    _Change(_keras_3(3, 11), "plateau_absolute_min_delta", True),
    _Change(_keras_3(3, 11), "early_stopping_keeps_best", True),
    _Change(_keras_3(3, 11), "plateau_keeps_best", True),
    _Change(_keras_3(3, 14), "checkpoint_first_batch", None),
    # keras-team/keras#20256.
    _Change(_keras_3(3, 15), "early_stopping_keeps_best", False),
    _Change(_keras_3(3, 15), "plateau_keeps_best", False),
)

# The loggers. Boundaries: the text of the classes in the releases that tests/golden/loggers.jsonl names; where one that
# was not read lies between two texts, the later text is taken to begin with the next one that was.
_LOGGER_CHANGES = (
    _Change(_multi_backend(2, 0, 5), "csv_logger_spells_texts", False),
    # 2.0.6 has none, 2.0.8 has it; 2.0.7 was not read.
    _Change(_multi_backend(2, 0, 8), "csv_logger_missing", "NA when stopping"),
    _Change(_multi_backend(2, 0, 9), "progbar_layout", "per step"),
    _Change(_multi_backend(2, 0, 9), "progbar_always_redraws", False),
    _Change(_multi_backend(2, 1, 3), "csv_logger_keeps_keys", True),
    _Change(_multi_backend(2, 1, 4), "base_logger_stateful", True),
    _Change(_multi_backend(2, 1, 4), "remote_monitor_unwraps", True),
    _Change(_multi_backend(2, 1, 4), "progbar_forces_last", False),
    _Change(_multi_backend(2, 1, 4), "progbar_raw_stateful", True),
    _Change(_multi_backend(2, 1, 6), "progbar_raw_stateful", False),
    _Change(_multi_backend(2, 1, 6), "remote_monitor_sends_json", True),
    # By a real fit: in 2.2.4 the means of all metrics that are functions are float64.
    _Change(_multi_backend(2, 3), "float32_logs", "training metrics"),
    _Change(_multi_backend(2, 3), "train_batch_hooks", True),
    _Change(_multi_backend(2, 3), "train_hooks_pass_none", True),
    _Change(_tensorflow(2, 0), "progbar_layout", "per unit"),
    _Change(_tensorflow(2, 0), "progbar_heads_single_epoch", False),
    # `posix` is in sys.modules on every such system.
    _Change(_tensorflow(2, 0), "progbar_always_redraws", True),
    _Change(_tensorflow(2, 0), "float32_logs", "metrics"),
    _Change(_tensorflow(2, 0), "remote_monitor_unwraps", False),
    _Change(_tensorflow(2, 1), "progbar_least_weight", 1),
    # Training was rewritten in TensorFlow 2.2: no `metrics` in params, no sizes in the logs of a batch.
    _Change(_tensorflow(2, 2), "train_hooks_pass_none", False),
    _Change(_tensorflow(2, 2), "base_logger", "KeyError"),
    _Change(_tensorflow(2, 2), "history_keeps", True),
    _Change(_tensorflow(2, 2), "float32_logs", "learning rate"),
    _Change(_tensorflow(2, 2), "remote_monitor_unwraps", True),
    _Change(_tensorflow(2, 2), "progbar_draws_last_batch", True),
    _Change(_tensorflow(2, 2), "progbar_starts_with_batch", True),
    _Change(_tensorflow(2, 2), "progbar_stateful", "model or given"),
    _Change(_tensorflow(2, 2), "progbar_forces_last", True),
    _Change(_tensorflow(2, 2), "progbar_sees_learning_rate", True),
    # CallbackList hands ProgbarLogger, which takes tensors, another dict than the rest.
    _Change(_tensorflow(2, 3), "progbar_sees_learning_rate", False),
    _Change(_tensorflow(2, 3), "progbar_feeds_line", False),
    _Change(_tensorflow(2, 3), "train_end_logs", "metrics"),
    _Change(_tensorflow(2, 3), "backup_counts", "epochs"),
    _Change(_tensorflow(2, 4), "progbar_starts_with_batch", False),
    _Change(_tensorflow(2, 4), "progbar_ends_at_target", True),
    _Change(_tensorflow(2, 4), "progbar_skips_first_step", True),
    # Asked when the first epoch begins, before the first batch has made the metrics of a new model.
    _Change(_tensorflow(2, 4), "progbar_stateful", "given"),
    _Change(_tensorflow(2, 5), "progbar_stateful", "model and given"),
    _Change(_tensorflow(2, 5), "progbar_sees_learning_rate", True),
    _Change(_tensorflow(2, 7), "progbar_layout", "per epoch"),
    _Change(_tensorflow(2, 10), "backup_counts", "calls"),
    _Change(_tensorflow(2, 11), "backup_refuses_no_frequency", True),
    _Change(_tensorflow(2, 11), "backup_preempts", True),
    _Change(_tensorflow(2, 13), "csv_logger_missing", "NA"),
    _Change(_tensorflow(2, 13), "csv_logger_pads_validation", True),
    _Change(_keras_3(3, 0), "logs_order", "sorted, then validation sorted"),
    _Change(_keras_3(3, 0), "train_end_logs", "shared"),
    _Change(_keras_3(3, 0), "batch_hooks_by_keyword", True),
    _Change(_keras_3(3, 0), "base_logger", "absent"),
    _Change(_keras_3(3, 0), "float32_logs", "none"),
    _Change(_keras_3(3, 0), "progbar_layout", "blocks"),
    _Change(_keras_3(3, 0), "progbar_count_mode", False),
    _Change(_keras_3(3, 0), "progbar_stateful", "none"),
    _Change(_keras_3(3, 0), "progbar_float32", True),
    _Change(_keras_3(3, 0), "backup_counts", "batches"),
    _Change(_keras_3(3, 0), "backup_refuses_no_frequency", False),
    _Change(_keras_3(3, 0), "backup_preempts", False),
    _Change(_keras_3(3, 1), "backup_forgets_batch", True),
    # CallbackList makes its own, sorted dict since 3.7.
    _Change(_keras_3(3, 7), "logs_order", "sorted"),
    _Change(_keras_3(3, 7), "train_end_logs", "metrics"),
    _Change(_keras_3(3, 7), "backup_double", True),
    _Change(_keras_3(3, 11), "csv_logger_keeps_keys", False),
    _Change(_keras_3(3, 11), "progbar_final_as_it_is", True),
    _Change(_keras_3(3, 12), "progbar_float32", False),
    _Change(_keras_3(3, 15), "progbar_stateful", "all"),
)

_NAME = re.compile(r"(keras|tf\.keras|tf_keras)-(\d+(?:\.\d+){1,2})(?:/(tensorflow|jax|numpy|torch|numpy1|numpy2))?")
_OF_LIBRARY = {
    "keras": ((_multi_backend(2, 0), _multi_backend(2, 3, 1)), (_tensorflow(2, 4), _tensorflow(2, 15)),
              (_keras_3(3, 0), _keras_3(3, 15))),
    "tf.keras": ((_tensorflow(2, 0), _tensorflow(2, 15)),),
    "tf_keras": ((_tensorflow(2, 15), _tensorflow(2, 21)),),
}  # fmt: skip
# NumPy 2 multiplies a float32 by a Python float in float32; the optimizer of tf_keras hands out such a float32.
_NUMPY_2_SINCE = _tensorflow(2, 18)


def known_semantics() -> tuple[str, ...]:
    """Return the names of the versions at which something changed, oldest first, then the qualifiers."""
    names = (
        "keras-2.0", "keras-2.0.5", "keras-2.0.8", "keras-2.0.9", "keras-2.1", "keras-2.1.3", "keras-2.1.4",
        "keras-2.1.6", "keras-2.2.3", "keras-2.3", "tf.keras-2.0", "tf.keras-2.1", "tf.keras-2.2",
        "tf.keras-2.3", "tf.keras-2.4", "tf.keras-2.5", "keras-2.6", "keras-2.7", "keras-2.10", "keras-2.11",
        "keras-2.12", "keras-2.13", "keras-2.15", "tf_keras-2.16", "tf_keras-2.18", "keras-3.0", "keras-3.1",
        "keras-3.7", "keras-3.8", "keras-3.10", "keras-3.11", "keras-3.12", "keras-3.14", "keras-3.15",
    )  # fmt: skip
    return (*names, "keras-3.15/jax", "keras-3.15/torch", "keras-3.15/numpy", "tf_keras-2.21/numpy1")


def semantics(name: str | Semantics = DEFAULT) -> Semantics:
    """Resolve a library, version and backend such as `keras-3.15/jax`; raises `SettingError` for an unknown one.

    Releases between two that are named in `known_semantics` behave like the earlier one. Without a backend tensorflow is
    meant, without a NumPy version (tf_keras) NumPy 2.
    """
    if isinstance(name, Semantics):
        return name
    found = _NAME.fullmatch(name)
    point = _point(found[1], found[2]) if found else None
    if found is None or point is None or not _fits(found[1], point, found[3]):
        known = known_semantics()
        raise SettingError(
            f"{name!r} is not a Keras version that kcb-replay knows.{did_you_mean(name, known)}"
            f" Known are these and the releases between them: {', '.join(known)}."
        )
    version = Semantics(name=name.removesuffix("/tensorflow"))
    for change in (*_CHANGES, *_LOGGER_CHANGES):
        if change.since <= point:
            version = replace(version, **{change.field: change.value})  # type: ignore[arg-type]  # fields are checked by a test
    return _qualified(version, point, found[3])


def _point(library: str, version: str) -> _Point | None:
    release = tuple(int(part) for part in version.split("."))
    for first, last in _OF_LIBRARY[library]:
        # 2.15.1 is a patch of the last known release, 2.16 is not.
        if first.release <= release and release[: len(last.release)] <= last.release:
            return _Point(first.era, release)
    return None


def _fits(library: str, point: _Point, qualifier: str | None) -> bool:
    if qualifier in ("numpy1", "numpy2"):
        return library == "tf_keras"
    return qualifier in (None, "tensorflow") or point.era == 2


def _qualified(version: Semantics, point: _Point, qualifier: str | None) -> Semantics:
    if point.era < 2:
        product = point >= _NUMPY_2_SINCE and qualifier != "numpy1"
        return replace(version, float32_product=product)
    single: Arithmetic = {"jax": "float32", "torch": "float32", "numpy": "float64"}.get(  # type: ignore[assignment]
        qualifier or "", "float32 or ValueError"
    )
    return replace(
        version,
        early_stopping_arithmetic=single,
        plateau_arithmetic=single if point >= _keras_3(3, 11) else "float64",
    )
