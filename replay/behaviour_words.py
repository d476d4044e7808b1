"""What each value of each behaviour means, in words, and which callback does so: what `versions` says of a change.

A clause has the callback as its subject, "takes the first value for an improvement", and stands alone on its side of a
change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from kcb_replay.replay.behaviours import Semantics

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FIT", "OF_EVERY_BACKEND", "Meaning", "meaning_of", "words_of"]

# The subject of what no callback does, but the training that calls them.
FIT = "Model.fit"
_STOPPING = ("EarlyStopping",)
_PLATEAU = ("ReduceLROnPlateau",)
_CHECKPOINT = ("ModelCheckpoint",)
_MONITORS = ("ReduceLROnPlateau", "ModelCheckpoint")
_SCHEDULER = ("LearningRateScheduler",)
_CSV = ("CSVLogger",)
_BAR = ("ProgbarLogger",)
_BACKUP = ("BackupAndRestore",)
_BOARD = ("TensorBoard",)

_ARITHMETIC = {
    "float64": "compares in float64",
    "float32": "compares in float32: denormals count as 0, a finite value beyond it as infinite",
    "float32 with denormals": "compares in float32: denormals as they are, a finite value beyond it as infinite",
    "float32 or ValueError": "compares in float32: denormals count as 0, a finite value beyond it is a ValueError",
}
# What the timeline knows of a release, before a backend is chosen.
OF_EVERY_BACKEND = (
    "compares in float32: a finite value beyond it is a ValueError on tensorflow and infinite on jax and torch,"
    " denormals count as 0 but on torch (numpy: float64)"
)
_DIRECTION = {
    "acc or fmeasure in name": 'mode="auto" takes a name with "acc" in it, or that starts with fmeasure, as rising',
    "acc in name": 'mode="auto" takes a name with "acc" in it as rising, all others as falling',
    "name ends in acc, accuracy or auc": 'mode="auto" takes a name that ends in acc, accuracy or auc as rising',
    "metric": 'mode="auto" asks the compiled metric for its direction; a name that is none is a ValueError',
}


class Meaning(NamedTuple):
    """The callbacks that have a behaviour, and a clause for each of its values."""

    callbacks: tuple[str, ...]
    words: Mapping[Any, str]


def _either(callbacks: tuple[str, ...], no: str, yes: str) -> Meaning:
    return Meaning(callbacks, {False: no, True: yes})


_MEANINGS: dict[str, Meaning] = {
    "learning_rate_key": Meaning(
        ("ReduceLROnPlateau", "LearningRateScheduler"),
        {"lr": "logs the learning rate as lr", "learning_rate": "logs the learning rate as learning_rate"},
    ),
    "early_stopping_arithmetic": Meaning(_STOPPING, _ARITHMETIC),
    "early_stopping_direction": Meaning(_STOPPING, _DIRECTION),
    "early_stopping_needs_metric": _either(
        _STOPPING, "warns in an epoch without the metric", "raises TypeError in an epoch without the metric"
    ),
    "early_stopping_counts_first": _either(
        _STOPPING,
        "tests the wait against patience, then counts it: stops an epoch later",
        "counts the wait, then tests it against patience",
    ),
    "early_stopping_signed_min_delta": _either(
        _STOPPING, "takes a negative min_delta as positive", "takes a negative min_delta as it is: it loosens"
    ),
    "early_stopping_baseline_by_wait": _either(
        _STOPPING,
        "takes the baseline for the first best value: nothing is kept until it is beaten",
        "resets the wait only by an improvement that beats the baseline, and keeps the first weights",
    ),
    "early_stopping_spares_first_epoch": _either(
        _STOPPING, "may stop after the first epoch", "never stops after the first epoch"
    ),
    "early_stopping_improving_never_stops": _either(
        _STOPPING,
        "tests an improving epoch against patience, too: patience=0 stops in it",
        "does not test an improving epoch against patience",
    ),
    "early_stopping_restores_at_end": _either(
        _STOPPING,
        "restores the best weights only when it stops the training",
        "restores the best weights whenever training ends",
    ),
    "early_stopping_any_first_value": _either(
        _STOPPING,
        "holds the first value against the worst of all: NaN is no improvement",
        "takes any first value for the best: after NaN nothing improves",
    ),
    "early_stopping_keeps_best": _either(
        _STOPPING, "used again, starts with no best value", "used again, goes on with the best of the fit before"
    ),
    "early_stopping_keeps_weights": _either(
        _STOPPING, "used again, has no weights kept", "used again, still holds the best weights of the fit before"
    ),
    "plateau_arithmetic": Meaning(_MONITORS, _ARITHMETIC),
    "plateau_direction": Meaning(_MONITORS, _DIRECTION),
    "plateau_any_first_value": _either(
        _MONITORS,
        "holds the first value against the worst of all: NaN is no improvement",
        "takes any first value for the best: after NaN nothing improves",
    ),
    "plateau_absolute_min_delta": _either(
        _PLATEAU,
        "compares the value with best -/+ min_delta, of either sign",
        "compares value +/- |min_delta| with best: at the boundary this rounds differently",
    ),
    "plateau_counts_first": _either(
        _PLATEAU,
        "tests the wait against patience, then counts it: reduces an epoch later",
        "counts the wait, then tests it against patience",
    ),
    "plateau_floor": Meaning(
        _PLATEAU,
        {
            "min_lr * 1.0001": "reduces while the rate is above min_lr * 1.0001",
            "float64": "reduces while the rate is above min_lr in float64: one that float32 rounds up is never reached",
            "float32": "reduces while the rate is above min_lr as float32 holds it",
        },
    ),
    "plateau_epsilon": Meaning(
        _PLATEAU,
        {
            "min_delta": "calls min_delta epsilon",
            "min_delta, with a warning": "takes epsilon as another name for min_delta, with a warning",
            "ignored": "ignores epsilon, as any argument that it does not have, without a word",
        },
    ),
    "integer_rates": Meaning(
        _PLATEAU,
        {
            "made float32": "reduces a learning rate that was given as an integer as any other",
            "kept": "cuts a learning rate that was given as an integer off to a whole number: 1 becomes 0",
            "kept by legacy optimizers": "cuts a rate that was given as an integer off in legacy optimizers alone",
        },
    ),
    "scheduled_rates": Meaning(
        _PLATEAU,
        {
            "is no number": "raises TypeError at its first plateau when the optimizer has a schedule",
            "overwrites what is set": "reduces a rate that the schedule of the optimizer overwrites at the next step",
            "refuses what is set": "raises TypeError at its first reduction when the optimizer has a schedule",
        },
    ),
    "plateau_keeps_best": _either(
        _PLATEAU, "used again, starts with no best value", "used again, goes on with the best of the fit before"
    ),
    "float32_product": _either(
        _PLATEAU, "multiplies rate and factor in float64, then rounds", "multiplies rate and factor in float32"
    ),
    "scheduler_call": Meaning(
        _SCHEDULER,
        {
            "schedule(epoch)": "calls schedule(epoch)",
            "schedule(epoch, lr=lr)": "calls schedule(epoch, lr=lr), on a TypeError schedule(epoch)",
            "schedule(epoch, lr)": "calls schedule(epoch, lr), on a TypeError schedule(epoch)",
        },
    ),
    "scheduler_takes_tensors": _either(
        _SCHEDULER, "refuses a schedule that returns a tensor (ValueError)", "takes a schedule that returns a tensor"
    ),
    "scheduler_logs_rate": _either(_SCHEDULER, "does not log the learning rate", "logs the learning rate"),
    "checkpoint_epoch_offset": Meaning(
        _CHECKPOINT, {0: "counts {epoch} in a file name from 0", 1: "counts {epoch} in a file name from 1"}
    ),
    "checkpoint_counts": Meaning(
        _CHECKPOINT,
        {
            "samples": "counts samples for an integer save_freq",
            "calls": "counts calls of the batch hook for an integer save_freq",
            "batches": "counts batches for an integer save_freq",
        },
    ),
    "checkpoint_batch_in_name": _either(
        _CHECKPOINT, "knows no {batch} in a file name (KeyError)", "knows {batch} in a file name"
    ),
    "checkpoint_saves_without_metric": _either(
        _CHECKPOINT,
        "skips a save with save_best_only in an epoch without the metric",
        "saves with save_best_only in an epoch without the metric",
    ),
    "checkpoint_first_batch": Meaning(
        _CHECKPOINT,
        {
            0: "takes the first batch hook for batch 0: of several steps per call, the first are not all counted",
            -1: "counts every step of the first call",
            None: "counts the first call as one step",
        },
    ),
    "checkpoint_suffixes": Meaning(
        _CHECKPOINT,
        {
            (): "takes any file name",
            (".keras",): "takes whole models as .keras and weights as .weights.h5 only (ValueError)",
            (".keras", ".h5"): "takes whole models as .keras or .h5 and weights as .weights.h5 only (ValueError)",
        },
    ),
    "logs_order": Meaning(
        (FIT,),
        {
            "as computed": "hands out logs in the order of computation",
            "sorted, then validation sorted": "hands out logs sorted, those of the validation behind",
            "sorted": "hands out logs sorted",
        },
    ),
    "train_hooks_pass_none": _either(
        (FIT,), "passes empty logs to on_train_begin and on_train_end", "passes None to on_train_begin and on_train_end"
    ),
    "train_end_logs": Meaning(
        (FIT,),
        {
            "none": "passes no logs to on_train_end",
            "metrics": "passes the metrics of the last epoch to on_train_end",
            "shared": "passes the logs of the last epoch, with what callbacks added, to on_train_end",
        },
    ),
    "train_batch_hooks": _either((FIT,), "calls on_batch_... only", "calls on_train_batch_..., too"),
    "batch_hooks_by_keyword": _either(
        (FIT,), "passes the logs of a batch by position", "passes the logs of a batch as logs="
    ),
    "float32_logs": Meaning(
        (FIT,),
        {
            "learning rate": "logs the learning rate as np.float32",
            "training metrics": "logs learning rate and training metrics as np.float32",
            "metrics": "logs learning rate and all metrics but the losses as np.float32",
            "none": "logs Python floats",
        },
    ),
    "base_logger": Meaning(
        ("BaseLogger",), {"means": "averages the metrics of the batches", "KeyError": "raises KeyError: params lack it"}
    ),
    "history_keeps": _either(
        ("History",), "used again, starts with empty lists", "used again, goes on with the lists of the fit before"
    ),
    "csv_logger_missing": Meaning(
        _CSV,
        {
            "KeyError": "raises KeyError for a key that only the first epoch had",
            "NA when stopping": "writes NA for a missing key when training is stopping, else raises KeyError",
            "NA": "writes NA for a key that only the first epoch had",
        },
    ),
    "csv_logger_pads_validation": _either(
        _CSV,
        "writes no val_ columns where the first epoch has none",
        "adds a val_ column for every key where the first epoch has none",
    ),
    "csv_logger_keeps_keys": _either(
        _CSV, "used again, takes the columns of the new fit", "used again, keeps the columns of its first fit"
    ),
    "csv_logger_spells_texts": _either(_CSV, "writes a text as it is", "writes a text as a list of its letters"),
    "remote_monitor_unwraps": _either(
        ("RemoteMonitor",), "raises TypeError for an np.float32 in the logs", "sends an np.float32 as a number"
    ),
    "progbar_layout": Meaning(
        _BAR,
        {
            "seconds": "prints the seconds of an epoch",
            "per step": "prints the seconds and the time per step",
            "per unit": "prints the seconds and the time per step or sample",
            "per epoch": "prints the time per epoch, too",
            "blocks": "prints a bar of blocks, in colour",
        },
    ),
    "progbar_count_mode": _either(_BAR, "has no count_mode", "counts steps or samples by count_mode"),
    "progbar_heads_single_epoch": _either(
        _BAR, "prints no head for a fit of one epoch", "prints Epoch 1/1 for a fit of one epoch"
    ),
    "progbar_always_redraws": _either(
        _BAR, "redraws a line on a terminal only", "redraws a line wherever it is written to"
    ),
    "progbar_draws_last_batch": _either(
        _BAR, "draws the last batch with the values of the epoch", "draws every batch by itself"
    ),
    "progbar_starts_with_batch": _either(
        _BAR, "starts the clock with the epoch", "starts the clock when the first batch has ended"
    ),
    "progbar_stateful": Meaning(
        _BAR,
        {
            "given": "shows the stateful_metrics given to it as they are, averages the others",
            "model or given": "shows the metrics of the model, else those given, as they are",
            "model and given": "shows the metrics of the model and those given as they are",
            "none": "averages every metric",
            "all": "shows every metric as it is",
        },
    ),
    "progbar_raw_stateful": _either(
        _BAR,
        "formats stateful metrics as all others",
        "prints stateful metrics with all digits; verbose=2 is a TypeError",
    ),
    "progbar_feeds_line": _either(
        _BAR, "leaves batches out of the averages of verbose=2", "takes batches into the averages of verbose=2"
    ),
    "progbar_least_weight": Meaning(
        _BAR, {0: "gives values without a new step no weight", 1: "gives values without a new step the weight of one"}
    ),
    "progbar_final_as_it_is": _either(
        _BAR, "averages the values of the epoch with those of its batches", "shows the values of the epoch as they are"
    ),
    "progbar_float32": _either(_BAR, "prints averages in float64", "rounds averages to float32"),
    "progbar_forces_last": _either(
        _BAR, "may leave out the end of an epoch that comes soon", "draws the end of an epoch however soon it comes"
    ),
    "progbar_ends_at_target": _either(
        _BAR, "ends an epoch at the batch it was left at", "counts all steps as done at the end of an epoch"
    ),
    "progbar_skips_first_step": _either(
        _BAR, "takes the first step into the time per step", "leaves the first step out of the time per step"
    ),
    "progbar_sees_learning_rate": _either(
        _BAR, "does not show what callbacks log", "shows what callbacks listed before have logged"
    ),
    "backup_counts": Meaning(
        _BACKUP,
        {
            "epochs": "backs up after each epoch: there is no save_freq",
            "calls": "counts calls of the batch hook for an integer save_freq",
            "batches": "counts batches for an integer save_freq",
        },
    ),
    "backup_refuses_no_frequency": _either(
        _BACKUP, "takes a save_freq of False, 0 or None", "refuses a save_freq of False, 0 or None (ValueError)"
    ),
    "tensorboard_tags": Meaning(
        _BOARD,
        {
            "metric": "writes tags like loss and val_loss into log_dir itself",
            "epoch_ and metric": "writes tags like epoch_loss into train/ and validation/",
        },
    ),
    "tensorboard_reads_rate": _either(
        _BOARD,
        "writes the learning rate where a callback listed before has logged it",
        "always writes epoch_learning_rate",
    ),
    "tensorboard_evaluations": _either(
        _BOARD,
        "writes validations by epoch alone",
        "writes validations as evaluation_..._vs_iterations, too, at the steps of the optimizer",
    ),
    "tensorboard_batches": Meaning(
        _BOARD,
        {
            "unknown": "with an integer update_freq writes batches in a way that is not known here",
            "none": "with an integer update_freq writes no batches",
            "with a batch hook": "with an integer update_freq writes every N-th batch if write_steps_per_second is set",
            "all at step 0": "with an integer update_freq writes every batch, each at step 0",
            "all": "with an integer update_freq writes every batch",
            "every N, and epochs": "with an integer update_freq writes every N-th batch, and epochs that end with one",
        },
    ),
    "backup_forgets_batch": _either(
        _BACKUP, "goes on counting batches over epochs", "takes the batch seen last for 0 after each epoch"
    ),
}


def meaning_of(behaviour: str) -> Meaning:
    """Return who has a behaviour and what its values mean; by its own words where it is not in the table."""
    return _MEANINGS.get(behaviour) or Meaning((FIT,), {})


def words_of(behaviour: str, value: object) -> str:
    """Return what one value of a behaviour means."""
    return meaning_of(behaviour).words.get(value) or f"{Semantics.about(behaviour)}: {value}"
