"""A file is read as it was at one moment, whatever its writer does meanwhile, or it is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kcb_replay.errors import ReadError
from kcb_replay.ingest.files import LARGEST_FILE, read_head, read_whole, state_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BEFORE = b"epoch,loss\r\n0,1.5\r\n1,1.25\r\n"


@pytest.fixture
def log(tmp_path) -> Path:
    """Return a file with two rows."""
    path = tmp_path / "training.log"
    path.write_bytes(BEFORE)
    return path


@pytest.fixture
def while_read(monkeypatch) -> Callable[..., None]:
    """Return a function that lets something happen behind each of the first reads of a file."""
    real = os.read

    def arrange(*happenings: Callable[[], object]) -> None:
        waiting = list(happenings)

        def read(descriptor: int, size: int) -> bytes:
            block = real(descriptor, size)
            if waiting:
                waiting.pop(0)()
            return block

        monkeypatch.setattr(os, "read", read)

    return arrange


def _append(path: Path, rows: bytes) -> None:
    with path.open("ab") as file:
        file.write(rows)


def _rewrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))


def test_a_file_at_rest_is_read_with_its_state(log):
    """Content, size and time are those of the file."""
    assert read_whole(log) == (BEFORE, (len(BEFORE), log.stat().st_mtime_ns))


def test_a_file_that_grows_while_it_is_read_is_what_it_was(log, while_read):
    """The rows that come later are read the next time, for the state is that of the rows read."""
    while_read(lambda: _append(log, b"2,1.125\r\n"))
    content, state = read_whole(log)
    assert (content, state.size < log.stat().st_size) == (BEFORE, True)


def test_a_file_that_is_rewritten_while_it_is_read_is_read_again(log, while_read):
    """Old and new rows are never mixed."""
    while_read(lambda: _rewrite(log, b"epoch,loss\r\n0,9.5\r\n1,9.25\r\n"))
    assert read_whole(log)[0] == b"epoch,loss\r\n0,9.5\r\n1,9.25\r\n"


def test_a_file_that_is_cut_off_while_it_is_read_is_read_again(log, while_read):
    """A training that starts anew truncates its log first."""
    while_read(lambda: _rewrite(log, b"epoch,loss\r\n"))
    assert read_whole(log)[0] == b"epoch,loss\r\n"


def test_a_file_that_never_rests_is_refused(log, while_read):
    """Rewritten again and again, no reading of it is whole."""
    while_read(*(lambda n=n: _rewrite(log, b"epoch,loss\r\n0,%d.5\r\n" % n + b"x" * n) for n in range(40)))
    with pytest.raises(ReadError, match="changes while it is read"):
        read_whole(log)


def test_a_file_that_is_replaced_while_it_is_read_is_the_old_one(log, tmp_path, while_read):
    """What was opened is read to its end; the new file is another one."""
    (tmp_path / "new").write_bytes(b"epoch,loss\r\n0,9.5\r\n")
    while_read(lambda: (tmp_path / "new").replace(log))
    assert read_whole(log)[0] == BEFORE


def test_a_file_that_vanishes_while_it_is_read_is_read(log, while_read):
    """An open file outlives its name."""
    while_read(log.unlink)
    assert read_whole(log)[0] == BEFORE


@pytest.mark.parametrize("look", [read_whole, read_head, state_of])
@pytest.mark.parametrize("kind", ["fifo", "folder", "device"])
def test_only_regular_files_are_opened(tmp_path, monkeypatch, look, kind):
    """Whatever else bears the name is refused at once."""
    path = tmp_path / "training.log"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    monkeypatch.setattr(os, "open", None)
    with pytest.raises(ReadError, match="is no regular file"):
        look(path)


def test_a_fifo_in_the_place_of_a_file_hangs_nobody(log, monkeypatch):
    """Between looking and opening a file can be replaced by a FIFO without a writer."""
    real = os.open

    def swap(path: Path, flags: int) -> int:
        log.unlink()
        os.mkfifo(log)
        return real(path, flags)

    monkeypatch.setattr(os, "open", swap)
    with pytest.raises(ReadError, match="is no regular file"):
        read_whole(log)


def test_a_file_beyond_memory_is_refused_unread(log):
    """A sparse file says more than any memory holds; its size is in the error."""
    os.truncate(log, LARGEST_FILE + 1)
    with pytest.raises(ReadError, match=r"4,294,967,297 bytes"):
        read_whole(log)


@pytest.mark.parametrize(
    ("content", "at"),
    [
        (b"x" * 2_000_001, 0),
        (b"a\nb\n" + b"x" * 4_000_000, 2_000_000),
        (b"x" * 1_999_999 + b"\n" * 4_000_001 + b"y" * 2_000_000, 6_000_000),
    ],
)
def test_a_line_beyond_the_cap_is_refused_with_its_place(log, content, at):
    """The place is named, and nothing behind it is read."""
    log.write_bytes(content)
    with pytest.raises(ReadError, match=rf"no end of line in 2,000,000 bytes from byte {at:,} on"):
        read_whole(log, longest_line=2_000_000)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_large_file_of_short_lines_is_read(log, end):
    """The cap is on lines, not on files."""
    content = (b"x" * 999_999 + end) * 4
    log.write_bytes(content)
    assert read_whole(log, longest_line=1_000_001)[0] == content


def test_the_head_holds_the_whole_first_line(log):
    """The header of ten thousand metrics is far longer than what is read of other files."""
    header = b"epoch," + b",".join(b"output_%05d_accuracy" % n for n in range(10_000)) + b"\n"
    log.write_bytes(header + b"0" * 100_000)
    assert read_head(log).startswith(header)


def test_a_line_of_a_gigabyte_costs_no_memory(tmp_path):
    """A file without an end of line, as a crash may leave it, is refused within bounded memory."""
    path = tmp_path / "training.log"
    path.write_bytes(b"epoch,loss\n0,")
    os.truncate(path, 1 << 30)
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from kcb_replay.errors import ReadError\n"
        "from kcb_replay.ingest.ingest import read\n"
        "try: read(sys.argv[1])\n"
        "except ReadError as error: print(error)\n"
        # The peak of resource.getrusage would be that of pytest, which started this process.
        "print(re.search(r'VmHWM:\\s*(\\d+) kB', Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    *said, peak = done.stdout.splitlines()
    assert "has no end of line in 16,777,216 bytes from byte 16,777,216 on" in said[0]
    assert int(peak) < 300_000
