"""The readers, one a file; a further format is one file and one line here."""

from kcb_replay.errors import SettingError, did_you_mean
from kcb_replay.ingest.readers.base import Blob, Reader, Reading
from kcb_replay.ingest.readers.console import CONSOLE
from kcb_replay.ingest.readers.csvlogger import CSVLOGGER
from kcb_replay.ingest.readers.history import HISTORY
from kcb_replay.ingest.readers.tensorboard import TENSORBOARD

__all__ = ["READERS", "Blob", "Reader", "Reading", "reader_named"]

READERS: tuple[Reader, ...] = (CSVLOGGER, HISTORY, TENSORBOARD, CONSOLE)


def reader_named(name: str) -> Reader:
    """Return the reader of a format; raises `SettingError` with the formats there are."""
    for reader in READERS:
        if reader.format == name:
            return reader
    known = [reader.format for reader in READERS]
    raise SettingError(f"{name!r} is no known format.{did_you_mean(name, known)} Known: {', '.join(known)}.")
