"""Lesson 4: which weights the model holds at the end, and which files are left on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint
from kcb_replay.replay.outcomes import ModelCheckpointOutcome
from kcb_replay.report.course.lesson import Cell, Lesson, Part, Position, Round, Said, Sheet, Unsuited, said
from kcb_replay.report.course.rounds import MONITOR, Guess, choices, position, replayed, stopping, values_of
from kcb_replay.report.words import decimals_of

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.result import Replay

__all__ = ["LESSON", "checkpoint_round", "restore_round"]

_PATIENCES = (5, 3, 2, 1, 8)
_MOST_FILES = 12
_FEWEST_SAVES = 3
_NUMBERED = "epoch-{epoch:02d}.keras"
_CHECKPOINTS = (
    ModelCheckpoint("model.keras"),
    ModelCheckpoint("best.keras", save_best_only=True),
    ModelCheckpoint(_NUMBERED),
    ModelCheckpoint(_NUMBERED, save_best_only=True),
    ModelCheckpoint("{epoch:02d}-{val_loss:.2f}.keras", save_best_only=True),
)


def restore_round(recording: Recording) -> Round:
    """Ask which epoch's weights the model holds when nobody asked for the best ones."""
    values_of(recording)
    patience = next((each for each in _PATIENCES if replayed(recording, _stopper(each, restore=True)).stop_epoch), None)
    if patience is None:
        raise Unsuited(said("unsuited.stop"))
    replays = [replayed(recording, _stopper(patience, restore=restore)) for restore in (True, False)]
    with_best, with_last = map(stopping, replays)
    best, stop = (with_best.best_index or 0) + 1, replays[0].stop_epoch or 0
    lowest = (with_best.lowest_index or 0) + 1
    wrong = [
        Guess(best, said("option.epoch", epoch=best), said("restore.because_best")),
        Guess(replays[0].epochs, said("option.epoch", epoch=replays[0].epochs), said("restore.because_end")),
        Guess(1, said("option.epoch", epoch=1), said("restore.because_first")),
    ]
    if lowest > stop:
        wrong.insert(1, Guess(lowest, said("option.epoch", epoch=lowest), said("restore.because_lowest")))
    decimals = decimals_of(replays[0])
    named = {"patience": patience, "stop": stop, "best": best}
    return Round(
        key="restore",
        recording=recording,
        slider="restore_best_weights",
        positions=tuple(
            position(str(restore), found, _kept_answer(found))
            for restore, found in zip((True, False), replays, strict=True)
        ),
        start=0,
        asked=1,
        question=said("restore.question", **named),
        options=choices(Guess(stop, said("option.epoch", epoch=stop)), wrong),
        why=said(
            "restore.why",
            **named,
            kept=decimals.show(with_last.kept_value),
            value=decimals.show(with_best.best_value),
        ),
    )


def checkpoint_round(recording: Recording) -> Round:
    """Ask how many files `save_best_only` leaves when every file has a name of its own."""
    values_of(recording)
    positions = tuple(_checkpoint_position(recording, callback) for callback in _CHECKPOINTS)
    asked = 3
    replays = [each.replay for each in positions if each.replay is not None]
    saves, files = len(_saved(replays[asked]).saves), len(_saved(replays[asked]).on_disk)
    epochs = replays[asked].epochs
    if saves < _FEWEST_SAVES:
        raise Unsuited(said("unsuited.saves"))
    wrong = (
        Guess(1, said("option.file"), said("checkpoint.because_one")),
        Guess(epochs, said("option.files", count=epochs), said("checkpoint.because_all")),
        Guess(2, said("option.files", count=2), said("checkpoint.because_two")),
    )
    return Round(
        key="checkpoint",
        recording=recording,
        slider="ModelCheckpoint",
        positions=positions,
        start=0,
        asked=asked,
        question=said("checkpoint.question", epochs=epochs, name=_NUMBERED),
        options=choices(Guess(files, said("option.files", count=files)), wrong),
        why=said("checkpoint.why", count=saves, epochs=epochs, best=_saved(replays[asked]).on_disk[-1].index + 1),
    )


def _stopper(patience: int, *, restore: bool) -> EarlyStopping:
    return EarlyStopping(MONITOR, patience=patience, restore_best_weights=restore)


def _kept_answer(found: Replay) -> Said:
    outcome = stopping(found)
    kept = (outcome.kept_index or 0) + 1
    return said("answer.kept", stop=found.stop_epoch, kept=kept, value=decimals_of(found).show(outcome.kept_value))


def _checkpoint_position(recording: Recording, callback: ModelCheckpoint) -> Position:
    found = replayed(recording, callback)
    outcome = _saved(found)
    answer = said("answer.saved", saves=len(outcome.saves), files=len(outcome.on_disk), epochs=found.epochs)
    best_only = ", save_best_only=True" if callback.save_best_only else ""
    return position(callback.filepath + best_only, found, answer, picture=_files(found, outcome))


def _saved(found: Replay) -> ModelCheckpointOutcome:
    outcome = found.outcomes[0]
    if not isinstance(outcome, ModelCheckpointOutcome):
        raise TypeError("only a ModelCheckpoint was replayed")
    return outcome


def _files(found: Replay, outcome: ModelCheckpointOutcome) -> Sheet:
    """Return what a directory listing would show after the training, the latest files where there are many."""
    values, decimals = found.stream.values_of(MONITOR), decimals_of(found)
    shown = outcome.on_disk[-_MOST_FILES:]
    rows: list[tuple[Cell, ...]] = [
        (file.path, str(file.index + 1), decimals.show(values.get(file.index)), str(file.overwritten)) for file in shown
    ]
    left = len(outcome.on_disk) - len(shown)
    caption = said("files.caption_rest", rest=left) if left else said("files.caption")
    return Sheet(
        caption=caption,
        head=(said("files.file"), said("files.epoch"), MONITOR, said("files.overwritten")),
        rows=tuple(rows),
    )


LESSON = Lesson("weights", (Part(restore_round, "seeds/seed0"), Part(checkpoint_round, "keras3-overfit")), tried=0)
