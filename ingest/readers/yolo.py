"""Read the `results.csv` of Ultralytics YOLO and YOLOv5: a row an epoch, five digits, names padded at times.

YOLOv5 and the first YOLOv8 count epochs from 0, later ones from 1: a file that begins with another epoch is refused,
for nobody could tell. `time` is the seconds since the start, and kept as a metric.
"""

from __future__ import annotations

from kcb_replay.ingest.readers.epoch_csv import EpochColumns, epoch_csv_reader


def _is_header(names: list[str]) -> bool:
    starts = {name.partition("/")[0] for name in names}
    return names[:1] == ["epoch"] and {"train", "metrics"} <= starts


YOLO = epoch_csv_reader(
    "yolo",
    "a results.csv of YOLO",
    EpochColumns(needed="epoch, then train/, metrics/ and val/ columns", is_header=_is_header, counts_from_first=True),
)
