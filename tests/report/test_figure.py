"""Files of figures: three formats, whole or not at all, and nothing of the user's settings touched."""

from __future__ import annotations

import subprocess
import sys

import pytest

import kcb_replay as kcb
from kcb_replay.errors import KcbReplayError, SettingError
from kcb_replay.report.drawing.curve import curve_info
from kcb_replay.report.figure import plot
from kcb_replay.report.figures.canvas import Look
from kcb_replay.report.figures.run import figure_of_run

STARTS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.fixture
def replay(recording):
    """Return a replay with a stop and a drop."""
    found = recording(val_loss=[0.9, 0.5, 0.4, 0.6, 0.7, 0.3, 0.8], learning_rate=[0.01] * 7)
    return kcb.replay(found, [kcb.EarlyStopping(patience=2), kcb.ReduceLROnPlateau(patience=1)])


@pytest.mark.parametrize("suffix", [*STARTS, ".PNG"])
@pytest.mark.slow
def test_suffix_chooses_the_format(replay, tmp_path, suffix):
    """PNG, SVG and PDF are written by the suffix, and nothing else is left in the folder."""
    target = tmp_path / f"curve{suffix}"
    plot(replay, target)
    assert target.read_bytes().startswith(STARTS[suffix.lower()])
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["curve.jpg", "curve", ".png.txt"])
def test_other_suffixes_are_refused(replay, tmp_path, name):
    """Any other suffix is an error that names the three."""
    with pytest.raises(SettingError, match=r"\.png, \.svg or \.pdf"):
        plot(replay, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_says_what_to_do(replay, tmp_path):
    """A folder that does not exist is an error that names it."""
    with pytest.raises(KcbReplayError, match="does not exist"):
        plot(replay, tmp_path / "nowhere" / "curve.png")


def test_place_that_is_a_folder(replay, tmp_path):
    """A folder is no file to write."""
    (tmp_path / "curve.png").mkdir()
    with pytest.raises(KcbReplayError, match="is a folder"):
        plot(replay, tmp_path / "curve.png")


def test_folder_that_is_a_file(replay, tmp_path):
    """A file is no folder to write in."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(KcbReplayError, match="is a file, not a folder"):
        plot(replay, tmp_path / "taken" / "curve.png")


def test_failure_leaves_the_old_file_and_no_other(replay, tmp_path, monkeypatch):
    """When writing fails half-way, the file from before is untouched and no temporary file stays."""
    from matplotlib.figure import Figure

    target = tmp_path / "curve.png"
    target.write_text("Software\0kcb-replay, before")

    def fail(self, path, **settings):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(KcbReplayError, match="No space left on device"):
        plot(replay, target)
    assert target.read_text() == "Software\0kcb-replay, before"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.slow
def test_same_replay_same_file(replay, tmp_path):
    """No date or chance gets into a file."""
    plot(replay, tmp_path / "one.png")
    plot(replay, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.slow
def test_settings_of_the_user_are_neither_used_nor_changed(replay, tmp_path):
    """Global rcParams stay as they are, and a strange style does not show."""
    import matplotlib as mpl

    plot(replay, tmp_path / "plain.png")
    strange = {
        "axes.grid": True,
        "font.size": 40,
        "lines.linewidth": 9,
        "savefig.bbox": "tight",
        "figure.facecolor": "red",
    }
    strange |= {"lines.linestyle": ":", "lines.marker": "x", "figure.constrained_layout.use": True, "axes.linewidth": 5}
    with mpl.rc_context(strange):
        before = dict(mpl.rcParams)
        plot(replay, tmp_path / "strange.png")
        assert dict(mpl.rcParams) == before
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "strange.png").read_bytes()


def test_figure_is_no_global_figure(replay):
    """No pyplot figure is made that somebody would have to close."""
    figure_of_run(curve_info(replay), Look())
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def test_panels_share_the_epochs(replay):
    """Metric, wait counter and learning rate stand on one epoch axis."""
    metric, wait, rate = figure_of_run(curve_info(replay), Look()).axes[:3]
    assert metric.get_shared_x_axes().joined(metric, wait)
    assert metric.get_shared_x_axes().joined(metric, rate)
    assert metric.get_xlim() == (0.5, 7.5)


def test_every_mark_is_labelled_in_the_figure(replay):
    """What the info marks can be read in the figure."""
    info = curve_info(replay)
    texts = {text.get_text() for text in figure_of_run(info, Look()).texts}
    assert {info.stop.label, info.best.label, info.kept.label, info.wait.label, info.regret.label} <= texts


@pytest.mark.parametrize("name", ["a $\\frac{x$ b", "<b>&", "run\u202e\x1b[31m", "运行", "x" * 300, "\ud800"])
@pytest.mark.slow
def test_any_name_can_be_drawn(recording, tmp_path, name):
    """No name breaks the drawing: dollar signs, control characters, lone surrogates, other scripts, great length."""
    replay = kcb.replay(recording(name, val_loss=[0.5, 0.6, 0.7]), [kcb.EarlyStopping(patience=1)])
    for suffix in STARTS:
        plot(replay, tmp_path / f"curve{suffix}")


@pytest.mark.parametrize(
    "values",
    [[0.5], [float("nan")] * 3, [float("inf"), 1.0, float("-inf")], [1e308, -1e308, 1e308], [0.5, None, 0.4, None]],
)
@pytest.mark.slow
def test_any_values_can_be_drawn(recording, tmp_path, values):
    """One epoch, only NaN, infinities, huge and missing values are drawn without an error or a warning."""
    replay = kcb.replay(recording(val_loss=values), [kcb.EarlyStopping(patience=1)], semantics="keras-3.15/numpy")
    plot(replay, tmp_path / "curve.png")


def test_importing_the_module_loads_no_matplotlib():
    """matplotlib costs a second and is loaded when something is drawn, jinja2 when a page is written."""
    code = (
        "import sys, kcb_replay.report.figure, kcb_replay.report.report_page;"
        " print('matplotlib' in sys.modules, 'jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
