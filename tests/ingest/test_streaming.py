"""A large event file is read piece by piece, and gives what it gives as a whole, whatever its writer does meanwhile."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tensorboard.compat.proto.event_pb2 import Event

from kcb_replay.errors import ReadError
from kcb_replay.ingest import reading
from kcb_replay.ingest.events.records import write_record
from kcb_replay.ingest.files import LARGEST_FILE, FileStream, streamed
from kcb_replay.ingest.ingest import read
from kcb_replay.ingest.plan import plan
from kcb_replay.ingest.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kcb_replay.ingest.recording import Recording

NAME = "events.out.tfevents.1600000000.host.1.0.v2"


def _events(*losses: float) -> bytes:
    parts = []
    for step, loss in enumerate(losses):
        event = Event(step=step, wall_time=100.0 + step)
        event.summary.value.add(tag="epoch_loss", simple_value=loss)
        parts.append(write_record(event.SerializeToString()))
    return b"".join(parts)


@pytest.fixture
def log(tmp_path) -> Path:
    """Return an event file of two epochs."""
    path = tmp_path / "run" / "train" / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(_events(1.0, 0.5))
    return path


@pytest.fixture
def large(monkeypatch) -> None:
    """Make every event file too large to be held."""
    monkeypatch.setattr(reading, "_MOST_BYTES", 0)


@pytest.fixture
def while_read(monkeypatch) -> Callable[..., None]:
    """Return a function that lets something happen behind each of the first reads of a file."""
    real = FileStream.readinto

    def arrange(*happenings: Callable[[], object]) -> None:
        waiting = list(happenings)

        def readinto(self: FileStream, buffer: bytearray) -> int:
            got = real(self, buffer)
            if waiting:
                waiting.pop(0)()
            return got

        monkeypatch.setattr(FileStream, "readinto", readinto)

    return arrange


def _rewrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))


def _losses(path: Path) -> list[float]:
    return _read(path).fits[0].metrics["loss"].values.tolist()


def _read(path: Path) -> Recording:
    (recording,) = read(path.parents[1])
    return recording


def test_a_streamed_file_gives_what_it_gives_as_a_whole(log, monkeypatch):
    """Fits, notes, size, time and hash are the same, also behind a damage that ends the reading early."""
    log.write_bytes(_events(1.0, 0.5) + b"garbage" * 500_000)
    whole = _read(log)
    monkeypatch.setattr(reading, "_MOST_BYTES", 0)
    monkeypatch.setattr(reading, "read_whole", None)
    found = _read(log)
    assert (found.fits, found.notes, found.sources) == (whole.fits, whole.notes, whole.sources)
    assert found.sources[0].sha256 == hashlib.sha256(log.read_bytes()).hexdigest()


@pytest.mark.usefixtures("large")
def test_a_streamed_file_that_grows_is_what_it_was(log, while_read):
    """What comes later is read the next time, for size and hash are those of what was read."""
    before = log.read_bytes()
    while_read(lambda: log.write_bytes(before + _events(9.0)))
    (source,) = _read(log).sources
    assert (source.size, source.sha256) == (len(before), hashlib.sha256(before).hexdigest())


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("losses", [(9.0, 8.0), (9.0,), (9.0, 8.0, 7.0)], ids=["as long", "shorter", "longer"])
def test_a_streamed_file_that_is_rewritten_is_read_again(log, while_read, losses):
    """Old and new points are never mixed."""
    while_read(lambda: _rewrite(log, _events(*losses)))
    assert _losses(log) == list(losses)


@pytest.mark.usefixtures("large")
def test_a_streamed_file_that_is_no_log_for_a_moment_is_read_again(log, while_read):
    """What the reader refuses of a file that did not rest is not the last word."""
    content = log.read_bytes()
    _rewrite(log, b"garbage")
    while_read(lambda: _rewrite(log, content))
    assert _losses(log) == [1.0, 0.5]


@pytest.mark.usefixtures("large")
def test_a_streamed_file_that_never_rests_is_refused(log, while_read):
    """Rewritten again and again, no reading of it is whole."""
    while_read(*(lambda n=n: _rewrite(log, _events(*[float(n)] * (n % 7 + 1))) for n in range(60)))
    with pytest.raises(ReadError, match="changes while it is read"):
        read(log)


@pytest.mark.usefixtures("large")
def test_a_streamed_file_that_vanishes_is_read(log, while_read):
    """An open file outlives its name."""
    while_read(log.unlink)
    assert _losses(log) == [1.0, 0.5]


@pytest.mark.usefixtures("large")
def test_a_streamed_file_that_is_gone_before_is_refused_by_its_name(log, monkeypatch):
    """Between finding and opening, a file can vanish."""
    real = reading._read_streamed
    monkeypatch.setattr(reading, "_read_streamed", lambda *rest: log.unlink() or real(*rest))
    with pytest.raises(ReadError, match=f"{NAME} cannot be read: No such file"):
        read(log)


def test_a_file_beyond_the_cap_is_not_streamed(log):
    """A sparse file can say that it has more bytes than anyone would wait for."""
    os.truncate(log, LARGEST_FILE + 1)
    with pytest.raises(ReadError, match=r"4,294,967,297 bytes"), streamed(log):
        pass


def test_a_stream_is_read_from_end_to_end(log):
    """Going back would hash bytes twice."""
    with streamed(log) as stream:
        assert (stream.seek(0, os.SEEK_END), stream.seek(0)) == (len(log.read_bytes()), 0)
        stream.read(3)
        with pytest.raises(OSError, match="end to end"):
            stream.seek(0)


def test_a_touched_file_is_known_by_its_hash(log, tmp_path):
    """The same bytes with another time are unchanged; other bytes of the same size are not."""
    store = Store(tmp_path / "store")
    store.ingest(log.parents[1])
    os.utime(log, ns=(1, 1))
    assert list(plan(store, [log.parents[1]]).unchanged) == ["run"]
    _rewrite(log, _events(9.0, 8.0))
    assert list(plan(store, [log.parents[1]]).wanted) == ["run"]


@pytest.mark.slow
def test_a_file_of_hundreds_of_megabytes_costs_no_such_memory(log, tmp_path):
    """Ingested in a process of its own, 320 MB of graphs with two epochs behind them."""
    graph = write_record(Event(wall_time=1.0, graph_def=bytes(1 << 20)).SerializeToString())
    with log.open("wb") as file:
        for _ in range(320):
            file.write(graph)
        file.write(_events(1.0, 0.5))
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from kcb_replay.ingest.store import Store\n"
        "print(Store(sys.argv[2]).ingest(sys.argv[1]).epochs)\n"
        # The peak of resource.getrusage would be that of pytest, which started this process.
        "print(re.search(r'VmHWM:\\s*(\\d+) kB', Path('/proc/self/status').read_text())[1])"
    )
    command = [sys.executable, "-c", code, str(log.parents[1]), str(tmp_path / "store")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    epochs, peak = map(int, done.stdout.split())
    assert epochs == 2
    assert peak < 200_000
