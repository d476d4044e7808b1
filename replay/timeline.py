"""When each behaviour changed, with its source.

The versions stand on one line of time: multi-backend Keras 2.0 to 2.3, then the TensorFlow line (tf.keras, keras 2.6 to
2.15, tf_keras), then Keras 3. A behaviour is its oldest value until a change on that line replaces it; a further
version is a further change.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

# Every boundary is that of the class sources of the releases on both sides of it; beyond that, recorded cases of real
# builds on both sides, or on one, come out otherwise without the change, or a real fit does.
Known: TypeAlias = Literal["cases on both sides", "cases on one side", "a real fit", "class sources"]
_BOTH_SIDES: Known = "cases on both sides"
_ONE_SIDE: Known = "cases on one side"
FIT: Known = "a real fit"


class Point(NamedTuple):
    """A place on the line of time: the era, and the release within it."""

    era: int
    release: tuple[int, ...]


def multi_backend(*release: int) -> Point:
    """Return a release of Keras before it became a part of TensorFlow."""
    return Point(0, release)


def tensorflow(*release: int) -> Point:
    """Return a release of tf.keras, and of keras and tf_keras of the same number."""
    return Point(1, release)


def keras_3(*release: int) -> Point:
    """Return a release of Keras 3."""
    return Point(2, release)


class Change(NamedTuple):
    """From `since` on the `field` of Semantics is `value`.

    `known` says how that is known; `note` names the pull request, or what was not looked at. What the value means, and
    which callback has the behaviour, stands in `behaviour_words`, for that is the same for every change of it.
    """

    since: Point
    field: str
    value: object
    known: Known = "class sources"
    note: str = ""


class Argument(NamedTuple):
    """From `since` on an argument, as `EarlyStopping.baseline`, or a whole class is there, or is no longer there."""

    since: Point
    name: str
    known: Known = "class sources"
    note: str = ""


# The class sources read: Keras 2.0.0 to 2.3.1, TensorFlow 1.15, 2.1 to 2.5, Keras 2.6 to 2.15, tf_keras 2.15 to 2.21
# and Keras 3.0 to 3.15.
_OF_DECISIONS = (
    Change(multi_backend(2, 0, 7), "early_stopping_direction", "acc in name"),
    Change(multi_backend(2, 0, 7), "early_stopping_needs_metric", False, _ONE_SIDE),
    Change(multi_backend(2, 0, 9), "early_stopping_counts_first", True, _BOTH_SIDES, note="keras-team/keras#8100"),
    Change(multi_backend(2, 0, 9), "checkpoint_epoch_offset", 1, _BOTH_SIDES),
    Change(multi_backend(2, 1, 3), "plateau_floor", "float64", _BOTH_SIDES),
    Change(multi_backend(2, 1, 4), "scheduler_call", "schedule(epoch, lr=lr)", _BOTH_SIDES),
    Change(multi_backend(2, 1, 6), "plateau_epsilon", "min_delta, with a warning"),
    Change(multi_backend(2, 1, 6), "plateau_counts_first", True, _BOTH_SIDES, note="keras-team/keras#9541"),
    Change(multi_backend(2, 2), "scheduler_call", "schedule(epoch, lr)"),
    Change(multi_backend(2, 2, 3), "scheduler_logs_rate", True, _BOTH_SIDES),
    Change(tensorflow(1, 15), "integer_rates", "kept", note="as in the legacy optimizers of tf_keras 2.21"),
    Change(tensorflow(1, 15), "early_stopping_signed_min_delta", False, _BOTH_SIDES),
    Change(tensorflow(2, 0), "scheduler_takes_tensors", True, note="TensorFlow 1.15 and 2.1 were read, 2.0 was not"),
    Change(tensorflow(2, 2), "checkpoint_counts", "calls", _ONE_SIDE),
    Change(tensorflow(2, 3), "checkpoint_counts", "batches", _ONE_SIDE),
    Change(tensorflow(2, 3), "early_stopping_keeps_weights", False),
    Change(tensorflow(2, 5), "early_stopping_baseline_by_wait", True, _BOTH_SIDES, note="EarlyStopping was rewritten"),
    Change(tensorflow(2, 5), "plateau_floor", "float32", _BOTH_SIDES),
    Change(tensorflow(2, 6), "checkpoint_batch_in_name", True, _BOTH_SIDES),
    Change(tensorflow(2, 7), "early_stopping_spares_first_epoch", True, _BOTH_SIDES),
    Change(tensorflow(2, 7), "early_stopping_direction", "name ends in acc, accuracy or auc", _BOTH_SIDES),
    Change(tensorflow(2, 11), "integer_rates", "kept by legacy optimizers", note="run in tf_keras 2.21"),
    Change(tensorflow(2, 11), "scheduled_rates", "overwrites what is set", note="run in tf_keras 2.21"),
    Change(tensorflow(2, 12), "early_stopping_improving_never_stops", True, _BOTH_SIDES),
    Change(tensorflow(2, 15), "checkpoint_first_batch", -1, _BOTH_SIDES),
    Change(tensorflow(2, 16), "early_stopping_restores_at_end", True, _BOTH_SIDES),
    Change(keras_3(3, 0), "learning_rate_key", "learning_rate", _BOTH_SIDES),
    Change(keras_3(3, 0), "early_stopping_direction", "metric", _BOTH_SIDES),
    Change(keras_3(3, 0), "early_stopping_arithmetic", "float32", _BOTH_SIDES),
    Change(keras_3(3, 0), "early_stopping_keeps_best", True, _BOTH_SIDES),
    Change(keras_3(3, 0), "plateau_epsilon", "ignored"),
    Change(keras_3(3, 0), "integer_rates", "made float32"),
    Change(keras_3(3, 0), "scheduled_rates", "refuses what is set"),
    Change(keras_3(3, 0), "scheduler_takes_tensors", False),
    Change(keras_3(3, 0), "checkpoint_first_batch", 0, _BOTH_SIDES),
    Change(keras_3(3, 0), "checkpoint_suffixes", (".keras",), _BOTH_SIDES),
    Change(keras_3(3, 7), "early_stopping_any_first_value", True, _BOTH_SIDES),
    Change(keras_3(3, 7), "early_stopping_keeps_best", False, _BOTH_SIDES),
    Change(keras_3(3, 8), "checkpoint_suffixes", (".keras", ".h5"), _BOTH_SIDES),
    Change(keras_3(3, 10), "checkpoint_saves_without_metric", True, _BOTH_SIDES),
    Change(keras_3(3, 11), "plateau_direction", "metric", _BOTH_SIDES, note="monitor_callback.py is new"),
    Change(keras_3(3, 11), "plateau_arithmetic", "float32", _BOTH_SIDES, note="monitor_callback.py is new"),
    Change(keras_3(3, 11), "plateau_any_first_value", True, _BOTH_SIDES, note="monitor_callback.py is new"),
    Change(keras_3(3, 11), "plateau_absolute_min_delta", True, _BOTH_SIDES, note="monitor_callback.py is new"),
    Change(keras_3(3, 11), "early_stopping_keeps_best", True, _BOTH_SIDES, note="monitor_callback.py is new"),
    Change(keras_3(3, 11), "plateau_keeps_best", True, _BOTH_SIDES, note="monitor_callback.py is new"),
    Change(keras_3(3, 14), "checkpoint_first_batch", None, _BOTH_SIDES),
    Change(keras_3(3, 15), "early_stopping_keeps_best", False, _BOTH_SIDES, note="keras-team/keras#20256"),
    Change(keras_3(3, 15), "plateau_keeps_best", False, _BOTH_SIDES, note="keras-team/keras#20256"),
)

# What is not listed always was. Read in the class sources of the releases on both sides.
ADDED: tuple[Argument, ...] = (
    Argument(multi_backend(2, 0, 5), "TerminateOnNaN"),
    Argument(multi_backend(2, 1, 4), "BaseLogger.stateful_metrics"),
    Argument(multi_backend(2, 1, 4), "ProgbarLogger.stateful_metrics"),
    Argument(multi_backend(2, 1, 6), "ReduceLROnPlateau.min_delta"),
    Argument(multi_backend(2, 1, 6), "RemoteMonitor.send_as_json"),
    Argument(multi_backend(2, 2), "EarlyStopping.baseline"),
    Argument(multi_backend(2, 2, 3), "EarlyStopping.restore_best_weights"),
    Argument(tensorflow(1, 15), "ModelCheckpoint.save_freq"),
    Argument(tensorflow(2, 3), "BackupAndRestore"),
    Argument(tensorflow(2, 8), "ModelCheckpoint.initial_value_threshold"),
    Argument(tensorflow(2, 10), "BackupAndRestore.save_freq"),
    Argument(tensorflow(2, 10), "BackupAndRestore.delete_checkpoint"),
    Argument(tensorflow(2, 11), "BackupAndRestore.save_before_preemption"),
    Argument(tensorflow(2, 11), "EarlyStopping.start_from_epoch"),
    Argument(keras_3(3, 7), "BackupAndRestore.double_checkpoint"),
    Argument(keras_3(3, 13), "TerminateOnNaN.raise_error"),
)
# Keras 3 has no BaseLogger: its metrics average themselves.
REMOVED: tuple[Argument, ...] = (
    Argument(keras_3(3, 0), "BackupAndRestore.save_before_preemption"),
    Argument(keras_3(3, 0), "BaseLogger"),
    Argument(keras_3(3, 0), "ModelCheckpoint.period"),
    Argument(keras_3(3, 0), "ProgbarLogger.count_mode"),
    Argument(keras_3(3, 0), "ProgbarLogger.stateful_metrics"),
)

# The loggers. Boundaries: the text of the classes in the releases that tests/golden/loggers.jsonl names; where one that
# was not read lies between two texts, the later text is taken to begin with the next one that was.
_OF_LOGGERS = (
    Change(multi_backend(2, 0, 5), "csv_logger_spells_texts", False),
    Change(
        multi_backend(2, 0, 8),
        "csv_logger_missing",
        "NA when stopping",
        note="2.0.6 and 2.0.8 were read, 2.0.7 was not",
    ),
    Change(multi_backend(2, 0, 9), "progbar_layout", "per step"),
    Change(multi_backend(2, 0, 9), "progbar_always_redraws", False),
    Change(multi_backend(2, 1, 3), "csv_logger_keeps_keys", True),
    Change(multi_backend(2, 1, 4), "remote_monitor_unwraps", True),
    Change(multi_backend(2, 1, 4), "progbar_forces_last", False),
    Change(multi_backend(2, 1, 4), "progbar_raw_stateful", True),
    Change(multi_backend(2, 1, 6), "progbar_raw_stateful", False),
    Change(
        multi_backend(2, 3),
        "float32_logs",
        "training metrics",
        FIT,
        note="in 2.2.4 the means of all metrics that are functions are float64",
    ),
    Change(multi_backend(2, 3), "train_batch_hooks", True),
    Change(multi_backend(2, 3), "train_hooks_pass_none", True),
    Change(tensorflow(2, 0), "progbar_layout", "per unit"),
    Change(tensorflow(2, 0), "progbar_heads_single_epoch", False),
    # `posix` is in sys.modules on every such system.
    Change(tensorflow(2, 0), "progbar_always_redraws", True),
    Change(tensorflow(2, 0), "float32_logs", "metrics"),
    Change(tensorflow(2, 0), "remote_monitor_unwraps", False),
    Change(tensorflow(2, 1), "progbar_least_weight", 1),
    # Training was rewritten in TensorFlow 2.2: no `metrics` in params, no sizes in the logs of a batch.
    Change(tensorflow(2, 2), "train_hooks_pass_none", False),
    Change(tensorflow(2, 2), "base_logger", "KeyError"),
    Change(tensorflow(2, 2), "history_keeps", True),
    Change(tensorflow(2, 2), "float32_logs", "learning rate"),
    Change(tensorflow(2, 2), "remote_monitor_unwraps", True),
    Change(tensorflow(2, 2), "progbar_draws_last_batch", True),
    Change(tensorflow(2, 2), "progbar_starts_with_batch", True),
    Change(tensorflow(2, 2), "progbar_stateful", "model or given"),
    Change(tensorflow(2, 2), "progbar_forces_last", True),
    Change(tensorflow(2, 2), "progbar_sees_learning_rate", True),
    # CallbackList hands ProgbarLogger, which takes tensors, another dict than the rest.
    Change(tensorflow(2, 3), "progbar_sees_learning_rate", False),
    Change(tensorflow(2, 3), "progbar_feeds_line", False),
    Change(tensorflow(2, 3), "train_end_logs", "metrics"),
    Change(tensorflow(2, 4), "progbar_starts_with_batch", False),
    Change(tensorflow(2, 4), "progbar_ends_at_target", True),
    Change(tensorflow(2, 4), "progbar_skips_first_step", True),
    # Asked when the first epoch begins, before the first batch has made the metrics of a new model.
    Change(tensorflow(2, 4), "progbar_stateful", "given"),
    Change(tensorflow(2, 5), "progbar_stateful", "model and given"),
    Change(tensorflow(2, 5), "progbar_sees_learning_rate", True),
    Change(tensorflow(2, 7), "progbar_layout", "per epoch"),
    Change(tensorflow(2, 10), "backup_counts", "calls"),
    Change(tensorflow(2, 11), "backup_refuses_no_frequency", True),
    Change(tensorflow(2, 13), "csv_logger_missing", "NA"),
    Change(tensorflow(2, 13), "csv_logger_pads_validation", True),
    Change(keras_3(3, 0), "logs_order", "sorted, then validation sorted"),
    Change(keras_3(3, 0), "train_end_logs", "shared"),
    Change(keras_3(3, 0), "batch_hooks_by_keyword", True),
    Change(keras_3(3, 0), "float32_logs", "none"),
    Change(keras_3(3, 0), "progbar_layout", "blocks"),
    Change(keras_3(3, 0), "progbar_count_mode", False),
    Change(keras_3(3, 0), "progbar_stateful", "none"),
    Change(keras_3(3, 0), "progbar_float32", True),
    Change(keras_3(3, 0), "backup_counts", "batches"),
    Change(keras_3(3, 0), "backup_refuses_no_frequency", False),
    Change(keras_3(3, 1), "backup_forgets_batch", True),
    # TensorBoard: real trainings of tf_keras 2.21 and Keras 3.15.1, sources of Keras 2.6 to 2.15 and 3.0 to 3.14, event
    # files of Keras 2.2.4 and tf.keras 2.1 and 2.4. Not looked at: 1.15, and 2.5, which may be either.
    Change(tensorflow(1, 15), "tensorboard_tags", "epoch_ and metric"),
    Change(tensorflow(2, 6), "tensorboard_evaluations", True),
    Change(tensorflow(2, 8), "tensorboard_batches", "none"),
    Change(tensorflow(2, 12), "tensorboard_batches", "with a batch hook"),
    Change(keras_3(3, 0), "tensorboard_reads_rate", True),
    Change(keras_3(3, 0), "tensorboard_batches", "all at step 0"),
    Change(keras_3(3, 7), "tensorboard_batches", "all"),
    Change(keras_3(3, 15), "tensorboard_batches", "every N, and epochs"),
    # CallbackList makes its own, sorted dict since 3.7.
    Change(keras_3(3, 7), "logs_order", "sorted"),
    Change(keras_3(3, 7), "train_end_logs", "metrics"),
    Change(keras_3(3, 11), "csv_logger_keeps_keys", False),
    Change(keras_3(3, 11), "progbar_final_as_it_is", True),
    Change(keras_3(3, 12), "progbar_float32", False),
    Change(keras_3(3, 15), "progbar_stateful", "all"),
)

OF_LIBRARY = {
    "keras": ((multi_backend(2, 0), multi_backend(2, 3, 1)), (tensorflow(2, 4), tensorflow(2, 15)),
              (keras_3(3, 0), keras_3(3, 15))),
    "tf.keras": ((tensorflow(1, 15), tensorflow(2, 15)),),
    "tf_keras": ((tensorflow(2, 15), tensorflow(2, 21)),),
}  # fmt: skip
# NumPy 2 multiplies a float32 by a Python float in float32; the optimizer of tf_keras hands out such a float32.
NUMPY_2_SINCE = tensorflow(2, 18)

CHANGES = (*_OF_DECISIONS, *_OF_LOGGERS)
