"""Lesson 4: which weights the model holds at the end, and which files are left on disk."""

from __future__ import annotations

from kcb_replay.ingest.recording import Recording
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint
from kcb_replay.replay.outcomes import Outcome
from kcb_replay.replay.result import Replay
from kcb_replay.report.course.lesson import Lesson, Position, Round, RoundMaker, Sheet, SheetCell, Unsuited
from kcb_replay.report.course.rounds import (
    MONITOR,
    PossibleAnswer,
    position,
    positions_of,
    replayed,
    round_of,
    stopping,
    values_of,
)
from kcb_replay.report.words import decimals_of

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


def _restore_round(recording: Recording) -> Round:
    """Ask which epoch's weights the model holds when nobody asked for the best ones."""
    values_of(recording)
    patience = next((each for each in _PATIENCES if replayed(recording, _stopper(each, restore=True)).stop_epoch), None)
    if patience is None:
        raise Unsuited(reason("unsuited.stop"))
    replays = [replayed(recording, _stopper(patience, restore=restore)) for restore in (True, False)]
    with_best, with_last = map(stopping, replays)
    best, stop = (with_best.best_index or 0) + 1, replays[0].stop_epoch or 0
    lowest = (with_best.lowest_index or 0) + 1
    wrong = [
        _epoch(best, reason("restore.because_best")),
        _epoch(replays[0].epochs, reason("restore.because_end")),
        _epoch(1, reason("restore.because_first")),
    ]
    if lowest > stop:
        wrong.insert(1, _epoch(lowest, reason("restore.because_lowest")))
    decimals = decimals_of(replays[0])
    return round_of(
        "restore",
        recording,
        "restore_best_weights",
        positions_of(("True", "False"), replays, _kept_sentence),
        goal=1,
        right=_epoch(stop),
        wrong=wrong,
        facts={"patience": patience, "stop": stop, "best": best},
        kept=decimals.show(with_last.kept_value),
        value=decimals.show(with_best.best_value),
    )


def _checkpoint_round(recording: Recording) -> Round:
    """Ask how many files `save_best_only` leaves when every file has a name of its own."""
    values_of(recording)
    positions = tuple(_checkpoint_position(recording, callback) for callback in _CHECKPOINTS)
    goal = 3
    replays = [each.replay for each in positions if each.replay is not None]
    saved, epochs = replays[goal].outcomes[0], replays[goal].epochs
    if len(saved.saves) < _FEWEST_SAVES:
        raise Unsuited(reason("unsuited.saves"))
    return round_of(
        "checkpoint",
        recording,
        "ModelCheckpoint",
        positions,
        goal=goal,
        right=PossibleAnswer(len(saved.on_disk), reason("option.files", count=len(saved.on_disk))),
        wrong=(
            PossibleAnswer(1, reason("option.file"), reason("checkpoint.because_one")),
            PossibleAnswer(epochs, reason("option.files", count=epochs), reason("checkpoint.because_all")),
            PossibleAnswer(2, reason("option.files", count=2), reason("checkpoint.because_two")),
        ),
        facts={"epochs": epochs, "name": _NUMBERED},
        count=len(saved.saves),
        best=saved.on_disk[-1].index + 1,
    )


def _epoch(epoch: int, because: Reason | None = None) -> PossibleAnswer:
    return PossibleAnswer(epoch, reason("option.epoch", epoch=epoch), because)


def _stopper(patience: int, *, restore: bool) -> EarlyStopping:
    return EarlyStopping(MONITOR, patience=patience, restore_best_weights=restore)


def _kept_sentence(result: Replay) -> Reason:
    outcome = stopping(result)
    kept = (outcome.kept_index or 0) + 1
    return reason("answer.kept", stop=result.stop_epoch, kept=kept, value=decimals_of(result).show(outcome.kept_value))


def _checkpoint_position(recording: Recording, callback: ModelCheckpoint) -> Position:
    result = replayed(recording, callback)
    outcome = result.outcomes[0]
    answer = reason("answer.saved", saves=len(outcome.saves), files=len(outcome.on_disk), epochs=result.epochs)
    best_only = ", save_best_only=True" if callback.save_best_only else ""
    return position(callback.filepath + best_only, result, answer, picture=_files(result, outcome))


def _files(result: Replay, outcome: Outcome) -> Sheet:
    """Return what a directory listing would show after the training, the latest files where there are many."""
    values, decimals = result.stream.values_of(MONITOR), decimals_of(result)
    shown = outcome.on_disk[-_MOST_FILES:]
    rows: list[tuple[SheetCell, ...]] = [
        (file.path, str(file.index + 1), decimals.show(values.get(file.index)), str(file.overwritten)) for file in shown
    ]
    left = len(outcome.on_disk) - len(shown)
    caption = reason("files.caption_rest", rest=left) if left else reason("files.caption")
    return Sheet(
        caption=caption,
        head=(reason("files.file"), reason("files.epoch"), MONITOR, reason("files.overwritten")),
        rows=tuple(rows),
    )


WEIGHTS = Lesson(
    "weights", (RoundMaker(_restore_round, "seeds/seed0"), RoundMaker(_checkpoint_round, "keras3-overfit")), tried=0
)
