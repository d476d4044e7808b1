"""The figure of a sweep: its numbers first, then that it is drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kcb_replay import plot, sweep
from kcb_replay.errors import SettingError
from kcb_replay.report.drawing.choices import sweep_drawing
from kcb_replay.report.drawing.scales import heat_steps

CURVES = ([3.0, 2.0, 2.5, 2.4, 1.0, 1.5, 1.6, 1.7], [2.0, 1.9, 1.8, 1.85, 1.7, 1.75, 1.72, 1.71])


@pytest.fixture
def info_of(recording):
    """Return a function that sweeps two runs and returns what the figure shows of it."""

    def make(**arguments):
        found = sweep([recording(str(number), val_loss=curve) for number, curve in enumerate(CURVES)], **arguments)
        summaries = {(each.choice.patience, each.choice.min_delta): each for each in found.per_setting()}
        return sweep_drawing(found.summary()), summaries

    return make


def test_every_cell_of_the_grid_is_a_setting(info_of):
    """Patience down the rows, for it has more values; each with its own regret and saving."""
    info, summaries = info_of(patience=[1, 2, 3], min_delta=[0, 0.5])
    grid = info.grid
    assert (grid.rows, grid.columns, grid.row_names, grid.column_names) == (
        "patience",
        "min_delta",
        ("1", "2", "3"),
        ("0", "0.5"),
    )
    (cells,) = grid.slices.values()
    for row, patience in enumerate([1, 2, 3]):
        for column, delta in enumerate([0, 0.5]):
            number = cells[row][column]
            assert grid.regret[number] == summaries[patience, delta].regret_mean
            assert grid.saving[number] == summaries[patience, delta].saving


def test_a_single_argument_has_no_grid(info_of):
    """The plane shows it all."""
    info, _ = info_of(patience=[1, 2, 3])
    assert info.grid.varying == 1
    assert sorted(point.number for point in info.plane.front) == list(range(1, len(info.legend) + 1))
    assert all(not point.number for point in info.plane.points if point.tone == "gone")


def test_settings_of_the_front_that_have_no_number_are_counted(recording):
    """A disc must not cover another one: what saves hardly more than the one before is not named."""
    curve = [1 / (epoch + 1) + 0.1 * (epoch % 2) for epoch in range(400)]
    found = sweep([recording(val_loss=curve)], patience=[1, 2, 3], min_delta=[0, 0.001, 0.002, 0.003, 0.004])
    info = sweep_drawing(found.summary())
    unnamed = sum(not point.number for point in info.plane.front)
    assert unnamed > 0
    assert any(note.startswith(f"{unnamed} further setting") for note in info.notes)


def test_of_further_arguments_a_cell_is_the_best(info_of):
    """Restored weights never cost more, so they are in the cells."""
    info, _ = info_of(patience=[1, 2, 3], min_delta=[0, 0.5], restore_best_weights=[False, True])
    restored, _ = info_of(patience=[1, 2, 3], min_delta=[0, 0.5], restore_best_weights=True)
    assert regrets_of(info.grid) == regrets_of(restored.grid)


def regrets_of(grid):
    """Return the mean regrets of the cells that a figure draws."""
    return [[grid.regret[number] for number in row] for row in grid.best]


def test_settings_that_act_alike_are_drawn_once_and_undecided_ones_hollow(info_of):
    """And both is said below the figure."""
    info, summaries = info_of(patience=[2, 30, 31])
    points = sorted(info.plane.points, key=lambda point: point.saving)
    assert [point.choices for point in points] == [(1, 2), (0,)]
    assert [point.hollow for point in points] == [summaries[30, 0].undecided > 0, summaries[2, 0].undecided > 0]
    assert any("act like another one" in note for note in info.notes)
    assert any(note.startswith("hollow") for note in info.notes)


def test_a_diverged_run_hides_no_setting(recording):
    """Neither in the grid, which goes by rank, nor in the plane, whose axis is logarithmic then."""
    found = sweep([recording(val_loss=[1.0, 0.5, 0.6, 1e20, 1e22])], patience=[1, 2, 3], min_delta=[0, 0.01])
    info = sweep_drawing(found.summary())
    assert info.plane.scale.linear_until == 0.1
    assert "logarithmic above 0.1" in info.plane.y_name
    assert len(set(info.grid.regret_steps)) == 3
    assert heat_steps(np.array([[math.nan, 1.0, math.inf]])).tolist() == [[-1, 8, 8]]


@pytest.mark.slow
def test_a_sweep_is_drawn_whole(recording, tmp_path):
    """From Python, in every format, with one argument, with two, and with nothing to show."""
    runs = [recording(val_loss=CURVES[0])]
    for number, arguments in enumerate([{"patience": [1, 2]}, {"patience": range(1, 40), "min_delta": [0, 1]}]):
        for suffix in ("png", "svg", "pdf"):
            path = tmp_path / f"{number}.{suffix}"
            plot(sweep(runs, **arguments), path)
            assert path.stat().st_size > 1000
    plot(sweep([], patience=[1, 2]), tmp_path / "nothing.png")


def test_the_command_draws(cli, sample_logs, tmp_path):
    """Beside the table; ReduceLROnPlateau has no such figure."""
    cli("ingest", sample_logs / "seeds", "-q")
    result = cli("sweep", "--patience", "1..5", "--plot", tmp_path / "sweep.png")
    assert (result.exit_code, (tmp_path / "sweep.png").read_bytes()[:4]) == (0, b"\x89PNG")
    refused = cli("sweep", "--lr-patience", "2", "--plot", tmp_path / "no.png")
    assert (refused.exit_code, "--plot is for EarlyStopping" in refused.stderr) == (2, True)


@pytest.mark.parametrize("command", [("sweep", "--patience", "1..5"), ("compare", "-c", "StopAt(3)")])
def test_a_figure_of_another_kind_is_refused_before_anything_is_asked(cli, sample_logs, command):
    """A sweep of many runs takes a while, and its figure would be lost behind it."""
    cli("ingest", sample_logs / "seeds", "-q")
    refused = cli(*command, "--plot", "figure.txt")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "must end in .png, .svg or .pdf" in refused.stderr


def test_figures_speak_korean_where_that_is_asked_for(cli, sample_logs, tmp_path):
    """Sweeps, rules and runs, from the command line and from Python; an unknown language is refused."""
    cli("ingest", sample_logs / "seeds", "-q")
    cli("sweep", "--patience", "1..5", "--plot", "sweep.svg", "--lang", "ko")
    cli("compare", "-c", "StopAt(3)", "--plot", "rules.svg", "--lang", "ko")
    cli("plot", "seed0", "--patience", "5", "-o", "run.svg", "--lang", "ko")
    for name, said in (("sweep", "놓친 값의 평균"), ("rules", "멈춤 규칙"), ("run", "에포크 23 뒤에 멈춤")):
        assert said in (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
    with pytest.raises(SettingError, match="no catalogue for 'tlh'"):
        plot(sweep([], patience=[1, 2]), language="tlh")
