"""Which files below a path are logs, which run each belongs to, and what is left out and why."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from kcb_replay.errors import ReadError, SettingError
from kcb_replay.ingest.discover import Discovery, discover

CSV = b"epoch,loss\r\n0,1.5\r\n"
PICKLE = pickle.dumps({"loss": [1.5]})
EVENTS = "events.out.tfevents.1.host.1.0.v2"


def _content(name: str) -> bytes:
    if "tfevents" in name:
        return b""
    return PICKLE if name.endswith(".pkl") else CSV


@pytest.fixture
def logs(tmp_path):
    """Return a function that makes a folder with files; those without given content are logs by their name."""

    def make(*names: str, **contents: bytes) -> Path:
        root = tmp_path / "logs"
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents.get(name, _content(name)))
        return root

    return make


def _runs(found: Discovery, root: Path) -> dict[str, set[str]]:
    return {
        group.name: {candidate.path.relative_to(root).as_posix() for candidate in group.candidates}
        for group in found.runs
    }


@pytest.mark.parametrize(
    ("files", "runs"),
    [
        (["run1/training.log"], {"run1": ["run1/training.log"]}),
        (["training.log"], {"logs": ["training.log"]}),
        (
            ["seeds/seed0/training.log", "seeds/seed1/training.log"],
            {"seeds/seed0": ["seeds/seed0/training.log"], "seeds/seed1": ["seeds/seed1/training.log"]},
        ),
        (["run/a.csv", "run/b.csv"], {"run/a": ["run/a.csv"], "run/b": ["run/b.csv"]}),
        (["run/a.csv", "run/a.pkl", "run/b.csv"], {"run/a": ["run/a.csv", "run/a.pkl"], "run/b": ["run/b.csv"]}),
        (["run/a.csv", "run/a.log"], {"run/a.csv": ["run/a.csv"], "run/a.log": ["run/a.log"]}),
        (["run/training.log", "run/history.pkl"], {"run": ["run/training.log", "run/history.pkl"]}),
        (
            [f"run/train/{EVENTS}", f"run/validation/{EVENTS}", "run/training.log"],
            {"run": [f"run/train/{EVENTS}", f"run/validation/{EVENTS}", "run/training.log"]},
        ),
        ([f"run/{EVENTS}"], {"run": [f"run/{EVENTS}"]}),
        ([f"train/{EVENTS}"], {"logs": [f"train/{EVENTS}"]}),
        (
            ["run/a.csv", "run/b.csv", f"run/train/{EVENTS}"],
            {"run/a": ["run/a.csv"], "run/b": ["run/b.csv"], "run": [f"run/train/{EVENTS}"]},
        ),
        (["train/training.log"], {"train": ["train/training.log"]}),
    ],
)
def test_runs_are_named_by_their_folders(logs, files, runs):
    """One folder is one run; several logs of one format in it are one run each."""
    root = logs(*files)
    assert _runs(discover([root]), root) == {name: set(paths) for name, paths in runs.items()}


@pytest.mark.parametrize(
    ("files", "given", "name"),
    [
        (["run1/training.log"], "run1/training.log", "run1"),
        (["run1/a.csv", "run1/b.csv"], "run1/b.csv", "run1/b"),
        ([f"run1/train/{EVENTS}"], f"run1/train/{EVENTS}", "run1"),
        (["run1/a.csv", "run1/history.pkl"], "run1/history.pkl", "run1"),
        (["run1/metrics.dat"], "run1/metrics.dat", "run1"),
    ],
)
def test_a_single_file_is_named_as_its_folder_would_name_it(logs, files, given, name):
    """Naming the file or its folder gives the same run."""
    assert [group.name for group in discover([logs(*files) / given]).runs] == [name]


@pytest.mark.parametrize("path", ["training.log", "./training.log", ".", "../run1"])
def test_the_working_folder_has_its_real_name(logs, monkeypatch, path):
    """A run in `.` is named by the folder, however it is written."""
    monkeypatch.chdir(logs("run1/training.log") / "run1")
    assert [group.name for group in discover([path]).runs] == ["run1"]


def test_a_run_given_twice_is_one_run(logs):
    """The parent folder, the folder and the file, all three given, are one run under the first name."""
    root = logs("seeds/seed0/training.log")
    found = discover([root, root / "seeds" / "seed0", root / "seeds" / "seed0" / "training.log"])
    assert (_runs(found, root), found.left_out) == ({"seeds/seed0": {"seeds/seed0/training.log"}}, [])


def test_files_of_one_folder_given_one_by_one_are_one_run(logs):
    """A shell's glob over a run's files gives the run."""
    root = logs("run/training.log", "run/history.pkl")
    found = discover([root / "run" / "training.log", root / "run" / "history.pkl"])
    assert _runs(found, root) == {"run": {"run/training.log", "run/history.pkl"}}


@pytest.mark.parametrize("hidden", [".git/training.log", "run/.cache/training.log", "run/.training.log"])
def test_hidden_files_and_folders_are_skipped(logs, hidden):
    """Nothing below a name that begins with a dot is looked at."""
    root = logs("run/history.pkl", hidden)
    assert _runs(discover([root]), root) == {"run": {"run/history.pkl"}}


def test_stores_are_skipped(logs):
    """A store below the logs is not read as logs."""
    root = logs("run/training.log", "kcb-store/_kcb.json", "kcb-store/x/training.log", "kcb-store/training.log")
    assert _runs(discover([root]), root) == {"run": {"run/training.log"}}


def test_folder_links_are_not_followed(logs):
    """A loop of directory links ends, and nothing is found twice."""
    root = logs("run/training.log")
    (root / "run" / "loop").symlink_to(root)
    (root / "again").symlink_to(root / "run")
    assert _runs(discover([root]), root) == {"run": {"run/training.log"}}


@pytest.mark.parametrize("name", ["training.log", EVENTS])
def test_a_fifo_is_reported_and_not_opened(logs, name):
    """A FIFO named like a log would hang whoever opens it."""
    root = logs("run/history.pkl")
    os.mkfifo(root / "run" / name)
    found = discover([root])
    assert [(left.path, left.reason) for left in found.left_out] == [
        (str(root / "run" / name), "is no regular file; it is not opened")
    ]


@pytest.mark.parametrize("name", ["run.data", "run.curve", "training.log.bak", "results", "run.v2"])
def test_a_log_is_known_by_its_content_whatever_its_name(logs, name):
    """The ending of a file says nothing of a log, also below a folder."""
    root = logs("run1/notes.txt", f"run1/{name}", **{"run1/notes.txt": b"Hi"})
    assert _runs(discover([root]), root) == {"run1": {f"run1/{name}"}}


def test_what_is_certainly_no_log_is_not_opened(logs):
    """A program that quotes a log and a file of weights are no runs."""
    assert discover([logs("run/train.py", "run/w.h5", "run/README.md", "run/p.PNG")]).other_files == 4


def test_a_fifo_of_any_other_name_is_counted_and_not_opened(logs):
    """A program's pipe beside the logs hangs nobody and is nothing to report."""
    root = logs("run/history.pkl")
    os.mkfifo(root / "run" / "control.pipe")
    found = discover([root])
    assert (found.other_files, found.left_out) == (1, [])


def test_a_named_fifo_is_an_error(tmp_path):
    """A FIFO that is given by name is refused, not opened."""
    os.mkfifo(tmp_path / "training.log")
    with pytest.raises(ReadError, match="is no regular file"):
        discover([tmp_path / "training.log"])


def test_a_broken_link_is_reported(logs):
    """A link to nothing is named with the reason."""
    root = logs("run/history.pkl")
    (root / "run" / "training.log").symlink_to(root / "gone")
    assert "No such file" in discover([root]).left_out[0].reason


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["a", "b"], ["a/run1", "b/run1", "run2"]),
        (["x/a", "y/a"], ["a/run1", "y/a/run1"]),
        (["a/run1/training.log", "b/run1/training.log"], ["a/run1", "b/run1"]),
    ],
)
def test_runs_of_the_same_name_are_told_apart_by_the_folders_above(logs, given, names):
    """Two folders that give the same name are two runs, and neither is dropped."""
    places = ("a/run1", "b/run1", "b/run2", "x/a/run1", "y/a/run1")
    root = logs(*(f"{place}/training.log" for place in places))
    found = discover([root / path for path in given])
    assert (sorted(group.name for group in found.runs), found.left_out) == (names, [])
    assert {group.plain_name for group in found.runs if group.name != "run2"} == {"run1"}


def test_other_files_are_counted(logs):
    """Files that are no logs are not opened one by one in the report, only counted."""
    found = discover(
        [logs("run/training.log", "run/model.keras", "run/notes.txt", "run/plot.png", **{"run/notes.txt": b"Hi"})]
    )
    assert (found.other_files, found.left_out) == (3, [])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("run/log.csv", b"epoch,step,train_loss\n0,1,2\n", "begins with 'epoch,step,train_loss'"),
        ("run/training.log", b"", "is empty"),
    ],
)
def test_what_looks_like_a_log_and_is_none_is_reported(logs, name, content, reason):
    """A look-alike is left out by name, with what it begins with."""
    (left,) = discover([logs("good/training.log", name, **{name: content})]).left_out
    assert (left.path.endswith(name), reason in left.reason) == (True, True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello\n", "begins with 'hello'"),
        (b"\x1f\x8b\x08\x00\xff", "begins with the bytes 1f 8b 08 00 ff"),
        (b"hello\n", "csvlogger, history, tensorboard"),
        (b"", "is empty"),
        (b"x" * 500, "x..."),
    ],
)
def test_a_named_file_of_no_format_is_an_error(logs, content, reason):
    """Whoever names a file wants it read: the error says what it begins with and which formats there are."""
    path = logs("run/notes.txt", **{"run/notes.txt": content}) / "run" / "notes.txt"
    with pytest.raises(ReadError, match=f"^{path} ") as caught:
        discover([path])
    assert reason in str(caught.value)


def test_a_path_that_does_not_exist_is_an_error(tmp_path):
    """A mistyped path is named."""
    with pytest.raises(ReadError, match="nowhere does not exist"):
        discover([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("format_name", "files"),
    [("csvlogger", {"run/training.log"}), ("history", {"run/history.pkl"}), ("tensorboard", {f"run/train/{EVENTS}"})],
)
def test_a_format_limits_what_is_read(logs, format_name, files):
    """Only files of the named format are taken, and nothing else is called an error."""
    root = logs("run/training.log", "run/history.pkl", f"run/train/{EVENTS}")
    found = discover([root], format=format_name)
    assert (_runs(found, root), found.left_out) == ({"run": files}, [])


def test_a_named_file_is_taken_for_the_named_format(logs):
    """With --format a file is given to that reader whatever it looks like."""
    path = logs("run/odd.dat", **{"run/odd.dat": b"odd"}) / "run" / "odd.dat"
    (group,) = discover([path], format="history").runs
    assert [candidate.reader.format for candidate in group.candidates] == ["history"]


def test_an_unknown_format_is_an_error(tmp_path):
    """The error names the formats there are and the closest one."""
    with pytest.raises(SettingError, match=r"Did you mean 'csvlogger'\?.*history, tensorboard"):
        discover([tmp_path], format="csvloger")


def test_a_header_of_many_metrics_is_recognised(logs):
    """A model with a hundred outputs has a first line of many kilobytes."""
    names = [f"x_output_{n:03d}_accuracy" for n in range(100)]
    header = ",".join(["epoch", *names, *(f"val_{name}" for name in names)])
    content = header + "\r\n" + ",".join(["0", *["1.5"] * 200]) + "\r\n"
    root = logs("run/training.log", **{"run/training.log": content.encode()})
    assert _runs(discover([root]), root) == {"run": {"run/training.log"}}


def test_a_name_that_is_not_utf_8_is_left_out_with_the_remedy(logs):
    """Such a name can neither be stored nor printed; the report shows its bytes."""
    root = logs("run/training.log")
    folder = root / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "training.log").write_bytes(CSV)
    found = discover([root])
    assert [group.name for group in found.runs] == ["run"]
    assert [(left.path.endswith("caf\\xe9/training.log"), left.reason) for left in found.left_out] == [
        (True, "has a name that is not UTF-8: rename it")
    ]


def test_a_folder_that_cannot_be_opened_is_an_error(logs, monkeypatch):
    """Without permission nothing is silently empty."""
    root = logs("run/training.log")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ReadError, match="permission denied"):
        discover([root])


def test_an_unreadable_file_is_reported_and_the_others_found(logs, monkeypatch):
    """Permission denied on one file costs only that file."""
    root = logs("a/training.log", "b/training.log")
    real = os.open

    def deny(path: Path, *args: object, **options: object) -> object:
        if Path(path).parent.name == "a":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", deny)
    found = discover([root])
    assert (_runs(found, root), found.left_out[0].reason) == (
        {"b": {"b/training.log"}},
        "cannot be read: Permission denied",
    )
