"""The readers, one a file; a further format is one file and one line here, or an entry point of another package."""

from kcb_replay.errors import SettingError, did_you_mean
from kcb_replay.ingest.readers.base import Blob, FolderReader, Reader, Reading
from kcb_replay.ingest.readers.console import CONSOLE
from kcb_replay.ingest.readers.csvlogger import CSVLOGGER
from kcb_replay.ingest.readers.hf_trainer import HF_TRAINER
from kcb_replay.ingest.readers.history import HISTORY
from kcb_replay.ingest.readers.history_json import HISTORY_JSON
from kcb_replay.ingest.readers.lightning import LIGHTNING
from kcb_replay.ingest.readers.mlflow import MLFLOW
from kcb_replay.ingest.readers.plugins import plugin_readers
from kcb_replay.ingest.readers.remote_monitor import REMOTE_MONITOR
from kcb_replay.ingest.readers.tensorboard import TENSORBOARD
from kcb_replay.ingest.readers.yolo import YOLO

__all__ = ["READERS", "Blob", "FolderReader", "Reader", "Reading", "reader_named"]

_OWN: tuple[Reader, ...] = (
    CSVLOGGER,
    HISTORY,
    TENSORBOARD,
    LIGHTNING,
    YOLO,
    HF_TRAINER,
    MLFLOW,
    REMOTE_MONITOR,
    HISTORY_JSON,
    CONSOLE,
)
# Those of other packages come last: what is read today is read the same with them.
READERS: tuple[Reader, ...] = (*_OWN, *plugin_readers(reader.format for reader in _OWN))


def reader_named(name: str) -> Reader:
    """Return the reader of a format; raises `SettingError` with the formats there are."""
    for reader in READERS:
        if reader.format == name:
            return reader
    known = [reader.format for reader in READERS]
    raise SettingError(f"{name!r} is no known format.{did_you_mean(name, known)} Known: {', '.join(known)}.")
