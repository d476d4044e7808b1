"""Read the `history.csv` that fastai's CSVLogger writes: a header for each training, a row an epoch, counted from 0.

`valid_loss` is Keras's `val_loss`; beside it, a metric without a beginning is that of the validation, as fastai's
Recorder takes it. `train_loss` is the loss of the batches smoothed exponentially, as it stands at the end of the epoch.
`time` is how long the epoch took, kept as a metric in seconds. `None` is what a metric was that had no value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kcb_replay.ingest.metric_names import keras_name, names_of
from kcb_replay.ingest.readers.epoch_csv import EpochColumns, epoch_csv_reader
from kcb_replay.ingest.readers.texts import cell

if TYPE_CHECKING:
    from collections.abc import Iterable


_TIME = re.compile(r"(?:(\d+):)?(\d+):(\d\d)")
_BEGINNINGS = ("train_", "valid_")


def _is_header(names: list[str]) -> bool:
    # A loop of one's own may end with the time, too; fastai calls its validation `valid_`.
    are_others = any(name.startswith("val_") for name in names)
    return names[:2] == ["epoch", "train_loss"] and names[-1] == "time" and not are_others


def _names(tags: Iterable[str]) -> dict[str, str]:
    tags = [*tags]

    def renamed(tag: str) -> str:
        of_validation = "valid_loss" in tags and not tag.startswith(_BEGINNINGS) and tag != "time"
        return f"val_{tag.removeprefix('valid_')}" if of_validation or tag.startswith("valid_") else keras_name(tag)

    return names_of(tags, renamed)


def _number(text: str) -> float | None:
    if time := _TIME.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in time.groups())
        return float(3600 * hours + 60 * minutes + seconds)
    return None if text == "None" else cell(text)


FASTAI = epoch_csv_reader(
    "fastai",
    "a history.csv of fastai",
    EpochColumns(
        needed="epoch, train_loss, metrics, and time at the end", is_header=_is_header, names=_names, number=_number
    ),
)
