"""Event files as columns of scalars: a fast decoder over exemplars, and the plain one that it must equal."""

from kcb_replay.ingest.events.columns import FileEvents, TagColumn
from kcb_replay.ingest.events.decode import Stream, decode, decode_files
from kcb_replay.ingest.events.plain import decode_plainly

__all__ = ["FileEvents", "Stream", "TagColumn", "decode", "decode_files", "decode_plainly"]
