"""What the pages of many runs say, before anything is drawn: coded answers, first settings, planes, lots, refusals."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import kcb_replay as kcb
from kcb_replay.errors import KcbReplayError, SettingError
from kcb_replay.language.catalogue import catalogue
from kcb_replay.replay.grid import settings_grid
from kcb_replay.replay.recommend.evidence import FitsSeen, evidence_in, grouping, spread_of
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.verdicts.collect import collect
from kcb_replay.replay.verdicts.sample import drawn_places
from kcb_replay.replay.verdicts.stopping import swept_blocks
from kcb_replay.replay.verdicts.totals import Totals
from kcb_replay.report.choices.page import choices_html
from kcb_replay.report.choices.run_table import matrix_cells, packed
from kcb_replay.report.choices.sweep import DEFAULT_LIMIT, Limit, SweepQuestion, sweep_page, sweep_surveys
from kcb_replay.report.drawing.choices import sweep_drawing
from kcb_replay.report.drawing.curves import LEAST, MISSING, MOST, NOT_A_NUMBER
from kcb_replay.report.drawing.grid import grid_of
from kcb_replay.report.drawing.plane import PlanePoint, plane_of
from kcb_replay.report.files import require_size, size_from_text
from kcb_replay.report.svg.plane import frame_of
from kcb_replay.text import Decimals

ANSWERS = {"stop": "stop_index", "best": "best_index", "kept": "kept_index", "saved": "saved", "label": "label"}
CURVES = ([3.0, 2.0, 2.5, 2.4, 1.0, 1.5, 1.6, 1.7], [2.0, 1.9, 1.8, 1.85, 1.7, 1.75, 1.72, 1.71])


@pytest.fixture
def page_of(recording):
    """Return a function that sweeps curves and returns the page."""

    def make(curves=CURVES, names=None, limit=DEFAULT_LIMIT, draw_all=False, versions=("keras-3.15",), **arguments):
        names = names or [f"model{number}/seed" for number in range(len(curves))]
        found = [recording(name, val_loss=curve) for name, curve in zip(names, curves, strict=True)]
        settings = settings_grid(kcb.EarlyStopping, {"patience": [1, 2, 3], "min_delta": [0, 0.5], **arguments})
        asked = SweepQuestion(
            settings=settings,
            monitors=[settings[0].monitor],
            versions=[semantics(name) for name in versions],
            limit=limit,
            draw_all=draw_all,
            recorded=lambda _: ("loss", "val_loss"),
        )
        return sweep_page(sweep_surveys(lambda: found, asked), asked)

    return make


def falling(count, epochs=40):
    """Return curves that fall and wander, each in its own way."""
    rng = np.random.default_rng(7)
    return [(2 * np.exp(-np.arange(epochs) / 5) + rng.normal(0, 0.02, epochs)).tolist() for _ in range(count)]


def overfitting(count, epochs=40):
    """Return curves that fall and then rise for good, where a patience of a few epochs costs nothing."""
    rise = 0.02 * np.maximum(np.arange(epochs) - 15, 0)
    return [(np.array(curve) / 10 + rise).tolist() for curve in falling(count, epochs)]


def test_coded_answers_are_those_of_the_sweep(page_of):
    """Every answer is found again behind its code, and few of them are kept."""
    runs = page_of().views[0].runs
    for choice, fit in np.ndindex(runs.coded.pick.shape):
        at = runs.coded.place(choice, fit)
        for name, answer in ANSWERS.items():
            assert getattr(runs.coded, name)[at] == getattr(runs.drawn.answers, answer)[choice, fit]
        assert runs.coded.regrets[runs.coded.regret[at]] == runs.decimals.show(runs.drawn.answers.regret[choice, fit])
    assert len(runs.coded.stop) < runs.coded.pick.size


def test_regrets_are_ranked_as_they_rise(page_of):
    """So that a program can sort by their places; an unknown one comes first."""
    coded = page_of(curves=falling(9)).views[0].runs.coded
    numbers = [float(text) for text in coded.regrets[1:]]
    assert coded.regrets[0] == "unknown"
    assert numbers == sorted(numbers)


def test_the_first_setting_saves_most_within_the_limit(page_of):
    """With few runs nothing is recommended, so the rule decides, and it is said."""
    view = page_of(limit=Limit.from_text("50%")).views[0]
    assert str(view.advice.sentence).startswith("No setting can be recommended.")
    assert "saves most among those whose mean regret is at most 50%" in view.rule
    allowed = 0.5 * np.mean([min(curve) for curve in CURVES])
    regrets = [float(text) for text in view.grid.regret_texts]
    savings = [int(text.removesuffix("%")) for text in view.grid.saving_texts]
    within = [number for number, regret in enumerate(regrets) if regret <= allowed]
    assert savings[view.choice] == max(savings[number] for number in within)


def test_the_recommended_setting_is_the_first_choice(page_of):
    """Where kcb.recommend answers, on the same fits and settings."""
    view = page_of(curves=overfitting(20), patience=[2, 5, 10], restore_best_weights=[True], min_delta=[0]).views[0]
    assert "recommended" in view.rule
    assert view.advice.code.startswith("keras.callbacks.EarlyStopping(")
    assert f"patience={view.names[view.choice].split()[1]}" in str(view.advice.sentence)


def test_a_limit_that_is_asked_for_comes_before_the_recommendation(page_of):
    """The recommendation is still there."""
    view = page_of(curves=overfitting(20), limit=Limit.from_text("0.5"), restore_best_weights=[True]).views[0]
    assert "at most 0.5" in view.rule


@pytest.mark.parametrize("text", ["", "much", "-1%", "nan", "inf"])
def test_a_limit_that_is_none_is_refused(text):
    """With an example of what would be one."""
    with pytest.raises(SettingError, match="1%"):
        Limit.from_text(text)


def test_intervals_are_those_of_the_recommendation(page_of, recording):
    """The spread of all settings holds, for the recommended one, what kcb.recommend says."""
    found = [recording(f"model{n}/seed", val_loss=curve) for n, curve in enumerate(overfitting(20))]
    settings = settings_grid(kcb.EarlyStopping, {"patience": [2, 5, 10], "restore_best_weights": True})
    answer = kcb.recommend(found, patience=[2, 5, 10])
    totals, fits = Totals(settings), FitsSeen()
    collect(swept_blocks(found, settings, semantics("keras-3.15")), [totals, fits])
    evidence = evidence_in(totals, fits, grouping("folder"), tolerance=0.1)
    spread, number = spread_of(evidence), settings.index(answer.setting)
    assert spread.saving[number] == pytest.approx(answer.saving_interval)
    assert spread.regret[number] == pytest.approx(answer.regret_interval)


def test_a_setting_without_any_regret_gives_up_nothing(page_of):
    """In words, not as 0.0000."""
    view = page_of(
        curves=[[3.0, 2.0, 1.0, 1.1, 1.2, 1.3, 1.4]], patience=[2], min_delta=[0], restore_best_weights=[True]
    )
    assert view.views[0].answer.startswith("With patience 2 you save 29% of the epochs and give up nothing:")


def test_few_groups_give_no_intervals(page_of):
    """And the page says why."""
    view = page_of().views[0]
    assert "No intervals are drawn" in view.plane_said
    assert all(point.saving_interval is None for point in view.plane.points)


def test_undecided_fits_are_marked_everywhere(page_of):
    """The cell is hatched, the point hollow, the row says never, the answer counts them."""
    view = page_of(patience=[3, 30]).views[0]
    number = view.names.index("patience 30, min_delta 0")
    assert view.grid.undecided[number]
    assert view.grid.doubts[number] == ", 2 of 2 undecided"
    assert next(point for point in view.plane.points if number in point.choices).hollow
    assert view.answers[number].kind == "open"
    assert any("Undecided" in item.text for notice in view.notices for item in notice.items)


def test_rows_of_the_table_come_with_the_largest_regret_first(page_of):
    """As the program sorts them, so that nothing moves when it starts."""
    page = page_of(curves=falling(9))
    regrets = [float(row.cells[-2]) for row in page.table.rows]
    assert regrets == sorted(regrets, reverse=True)


def test_a_missing_monitor_is_left_out_with_the_flag_that_helps(page_of):
    """The page is written with nothing but the notice."""
    page = page_of(monitor="val_los", mode="min")
    assert not page.has_runs
    (notice,) = page.views[0].notices
    assert notice.head == "2 runs are left out."
    assert notice.items[0].flag == "--monitor val_loss"
    html = choices_html(page)
    assert "No run could be swept." in html
    assert 'id="kcb"' not in html


def test_a_nan_at_the_first_epoch_is_its_own_text(page_of):
    """Nothing ever beats a NaN; without any number no regret is known."""
    page = page_of(curves=[[math.nan, 1.0, 2.0, 3.0, 4.0], [math.nan] * 5, CURVES[1]])
    said = " ".join(item.text for notice in page.views[0].notices for item in notice.items)
    assert "nothing ever beats a NaN" in said
    assert "never a number" in said
    assert "in no regret" in page.views[0].answers[0].doubts


def test_one_run_and_one_epoch_have_a_page(page_of):
    """One run has a sentence of its own; one epoch has no chart."""
    page = page_of(curves=CURVES[:1])
    assert page.question == "How early could this run have stopped?"
    assert "on average" not in page.views[0].answer
    assert page_of(curves=[[1.0]]).first.runs.chart is None
    assert "<canvas>" not in choices_html(page_of(curves=[[1.0]]))


def test_curves_are_rows_within_the_shown_range(page_of):
    """The middle third is what is shown; a missing value is passed over and NaN breaks the line."""
    curves = page_of(curves=[[0.5, None, 0.4, math.nan, 0.45]]).first.runs.chart
    assert curves.rows[0].tolist()[1] == MISSING
    assert curves.rows[0].tolist()[3] == NOT_A_NUMBER
    assert all(LEAST <= row <= MOST for row in curves.rows[0].tolist() if row < MISSING)


def test_long_curves_are_thinned_and_that_is_said(page_of):
    """A screen has no room for more points; stops stand at their own epochs."""
    curves = page_of(curves=[np.linspace(1, 0, 1000).tolist()]).first.runs.chart
    assert curves.every == 3
    assert "One epoch in 3 is drawn" in curves.remark


def test_more_than_500_fits_are_drawn_by_lot():
    """The 200 worst and 300 others, always the same ones; all of them where that is asked for."""
    regrets = np.random.default_rng(1).random(700)
    drawn = drawn_places(regrets)
    assert len(drawn) == len(set(drawn)) == 500
    assert set(np.argsort(-regrets)[:200].tolist()) <= set(drawn)
    assert drawn == drawn_places(regrets)
    assert drawn_places(regrets, draw_all=True) == list(range(700))
    assert drawn_places(regrets[:500]) == list(range(500))


def test_a_page_of_more_than_500_runs_says_what_it_draws(page_of):
    """The means are of all runs, the rows are 500."""
    page = page_of(curves=[[3.0, 2.0, 2.5, 2.4 + n / 1000, 2.6] for n in range(510)], patience=[1], min_delta=[0])
    assert len(page.table.rows) == 500
    assert "500 of 510 runs" in page.first.runs.drawn_remark
    assert page.views[0].facts[0][0].remark.startswith("of 510")


@pytest.mark.parametrize(("count", "passes"), [(3, 1), (510, 2)])
def test_a_page_reads_the_recordings_once_or_those_that_it_draws_again(recording, count, passes):
    """Whatever the number of monitors and versions: one pass, and a second one where more than 500 fits are there."""
    found = [recording(f"model/{n}", val_loss=[3.0, 2.0, 2.5 + n / 1000], loss=[2.0, 1.0, 1.5]) for n in range(count)]
    asked, read = question(["val_loss", "loss"], ["keras-3.15", "keras-3.14"]), []
    page = sweep_page(sweep_surveys(lambda: read.append(1) or found, asked), asked)
    assert (len(read), len(page.views)) == (passes, 4)


def question(monitors, versions):
    """Return what is asked of a small sweep."""
    return SweepQuestion(
        settings=settings_grid(kcb.EarlyStopping, {"patience": [1, 2]}),
        monitors=monitors,
        versions=[semantics(name) for name in versions],
    )


def test_a_grid_has_patience_down_and_min_delta_across(page_of):
    """Every cell is the setting of its row and column; further arguments are slices."""
    settings = settings_grid(
        kcb.EarlyStopping, {"min_delta": [0, 0.5], "patience": [1, 2, 3], "restore_best_weights": [False, True]}
    )
    grid = grid_of(settings, [])
    assert (grid.rows, grid.columns, grid.others) == (
        "patience",
        "min_delta",
        (("restore_best_weights", ("False", "True")),),
    )
    for values, rows in grid.slices.items():
        for row, numbers in enumerate(rows):
            for column, number in enumerate(numbers):
                setting = settings[number]
                assert (str(setting.patience), f"{setting.min_delta:g}") == (
                    grid.row_names[row],
                    grid.column_names[column],
                )
                assert str(setting.restore_best_weights) == values[0]


def test_a_diverged_run_leaves_the_other_cells_apart(recording):
    """The colours go by rank then, and that is said."""
    found = kcb.sweep([recording(val_loss=[1.0, 0.5, 0.6, 1e20, 1e22])], patience=[1, 2, 3], min_delta=[0, 0.01])
    grid = grid_of(found.settings, found.per_setting())
    assert len(set(grid.regret_steps)) == 3
    assert "by rank" in " ".join(grid.notes(grid.best))


def test_the_plane_is_square_root_scaled_from_its_corner():
    """A regret a quarter as large stands half as high."""
    places = [(0, 0), (0.5, 0.1), (1, 0.4)]
    points = [PlanePoint(choices=(n,), name="", saving=x, regret=y) for n, (x, y) in enumerate(places)]
    frame = frame_of(plane_of(points, monitor="val_loss", words=catalogue()))
    assert (frame.x(0), frame.y(0)) == (frame.left, frame.bottom)
    assert frame.bottom - frame.y(0.1) == pytest.approx((frame.bottom - frame.y(0.4)) / 2)
    assert frame.x(0.5) - frame.left == pytest.approx((frame.x(1) - frame.left) / 2)


def test_figure_and_page_draw_the_same_plane_and_grid(page_of, recording):
    """Points, front, numbers, scale and names of axes; cells, steps and frames: from one value each."""
    curves = falling(9)
    found = [recording(f"model{n}/seed", val_loss=curve) for n, curve in enumerate(curves)]
    figure = sweep_drawing(kcb.sweep(found, kcb.EarlyStopping, patience=[1, 2, 3], min_delta=[0, 0.5]).summary())
    view = page_of(curves=curves).views[0]
    bare = [replace(point, saving_interval=None, regret_interval=None) for point in view.plane.points]
    assert tuple(bare) == figure.plane.points
    for name in ("scale", "x_name", "y_name", "joined"):
        assert getattr(view.plane, name) == getattr(figure.plane, name)
    assert view.grid == figure.grid


def test_an_infinite_regret_has_a_rank_that_a_program_can_read():
    """It is the largest, and what is unknown or not asked the least."""
    answers = [(3, math.inf), (None, 0.25), (2, math.nan), None]
    cells = matrix_cells(answers, Decimals(), catalogue(), "not asked")
    assert [cell.rank for cell in cells] == ["Infinity", "0.25", "-1", "-1"]
    assert [cell.stop for cell in cells] == ["after 3", "never", "after 2", ""]
    assert [cell.best for cell in cells] == [False, True, False, False]


def test_numbers_are_packed_into_as_few_bytes_as_hold_them():
    """One, two or four each; more is refused."""
    assert [packed(np.array([low, high]))[0] for low, high in [(-1, 127), (-1, 128), (0, 65_535), (-1, 65_535)]] == [
        "Int8Array",
        "Int16Array",
        "Uint16Array",
        "Int32Array",
    ]
    with pytest.raises(ValueError, match="32 bits"):
        packed(np.array([2**40]))


def test_sizes_are_read_and_kept(tmp_path):
    """A page that is too large is an error that says what makes it smaller."""
    assert [size_from_text(text) for text in ("2MB", "500kB", "800")] == [2_000_000, 500_000, 800]
    with pytest.raises(SettingError, match="2MB"):
        size_from_text("large")
    with pytest.raises(KcbReplayError, match=r"fewer runs.*--max-size"):
        require_size("x" * 3000, 1000, tmp_path / "page.html")


@pytest.mark.parametrize(("count", "most"), [(50, 200_000), (500, 1_000_000)])
@pytest.mark.slow
def test_pages_are_small_enough_to_mail(page_of, count, most):
    """50 runs below 200 kB and 500 below 1 MB, with 98 settings each."""
    html = choices_html(
        page_of(
            curves=falling(count, epochs=110),
            patience=[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40],
            min_delta=[0, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02],
        )
    )
    assert len(html.encode()) < most


def test_versions_are_views_side_by_side(page_of):
    """One view each, in the order given."""
    page = page_of(versions=("keras-3.15", "keras-2.0.8"))
    assert [view.version for view in page.views] == ["keras-3.15", "keras-2.0.8"]


def test_what_versions_change_is_counted_and_explained(page_of):
    """Keras 2.0.8 counts the wait from 0 and stops elsewhere; versions that act alike are said to."""
    page = page_of(versions=("keras-2.0.8", "keras-3.15"))
    first, second = (view.runs.drawn.answers for view in page.views)
    differ = int(((first.stop_index != second.stop_index) | (first.kept_index != second.kept_index)).sum())
    counted, *explained = (item.text for item in page.differences.items)
    assert f"another epoch in {differ} of {first.stop_index.size} answers" in counted
    assert explained
    assert all("keras-2.0.8 and keras-3.15 part in" in text for text in explained)
    alike = page_of(versions=("keras-3.14", "keras-3.15"))
    assert "alike in all" in alike.differences.items[0].text


def test_the_command_writes_the_page_beside_its_output(cli, sample_logs):
    """The table stays on stdout, the page is named on stderr."""
    found = cli("sweep", sample_logs, "--patience", "1,2,3", "--html", "sweep.html", "--csv")
    assert found.exit_code == 0
    assert found.stdout.startswith("patience,")
    assert "Wrote sweep.html" in found.stderr


def test_several_monitors_and_versions_are_printed_one_after_the_other(cli, sample_logs):
    """As documents of one, and as records that say which version they are of."""
    arguments = ("sweep", sample_logs, "--patience", "2", "--monitor", "val_loss,val_accuracy")
    document = json.loads(cli(*arguments, "--semantics", "keras-3.15,keras-2.0.8", "--json").stdout)
    assert document["schema"] == "kcb-replay/sweeps/1"
    assert [(each["semantics"], each["settings"][0]["monitor"]) for each in document["sweeps"]] == [
        ("keras-3.15", "val_loss"),
        ("keras-2.0.8", "val_loss"),
        ("keras-3.15", "val_accuracy"),
        ("keras-2.0.8", "val_accuracy"),
    ]
    assert cli(*arguments, "--rows", "rows.csv").exit_code == 2


def test_without_any_run_the_page_has_the_notice_and_the_command_fails(cli, sample_logs, tmp_path):
    """Exit 1, and the page is there."""
    found = cli("sweep", sample_logs, "--monitor", "val_los", "--html", "sweep.html")
    assert found.exit_code == 1
    assert "10 fits are left out" in (tmp_path / "sweep.html").read_text()


@pytest.mark.parametrize("target", ["missing/sweep.html", "sweep.txt", "."])
def test_a_page_that_cannot_be_written_is_refused_before_the_work(cli, target):
    """No store is even looked for."""
    found = cli("sweep", "--html", target)
    assert found.exit_code in (1, 2)
    assert "store" not in found.stderr.lower()


def test_too_large_a_page_is_not_written(cli, sample_logs, tmp_path):
    """The error says what to do, and no half of a file is left."""
    found = cli("sweep", sample_logs, "--html", "sweep.html", "--max-size", "10kB")
    assert found.exit_code == 1
    assert "--max-size" in found.stderr
    assert list(tmp_path.glob("*.html")) == []


@pytest.mark.slow
def test_the_commands_say_what_they_draw_of_many_runs(cli, tmp_path):
    """On stderr, beside what was written; --all draws all of them."""
    for number in range(503):
        (tmp_path / f"run{number}").mkdir()
        (tmp_path / f"run{number}" / "training.log").write_text("epoch,val_loss\n0,2.0\n1,1.0\n2,1.5\n")
    for command in (("sweep", "--patience", "1", "--html"), ("report", "--patience", "1", "-o")):
        found = cli(command[0], tmp_path, *command[1:], "page.html")
        assert found.exit_code == 0
        assert "500 of 503" in found.stderr
        assert "503" not in cli(command[0], tmp_path, *command[1:], "page.html", "--all").stderr


def test_runs_of_the_same_name_are_told_apart(cli, tmp_path):
    """Two folders with a run of the same name are two rows with their own answers."""
    for folder, values in (("one", "2.0 1.0 1.5 0.5"), ("two", "2.0 1.0 0.9 0.8")):
        (tmp_path / folder / "run").mkdir(parents=True)
        rows = "".join(f"{epoch},{value}\n" for epoch, value in enumerate(values.split()))
        (tmp_path / folder / "run" / "training.log").write_text(f"epoch,val_loss\n{rows}")
    found = cli(
        "compare", tmp_path / "one", tmp_path / "two", "-c", "EarlyStopping(patience=1)", "--json", "--html", "c.html"
    )
    answers = json.loads(found.stdout)["answers"]
    assert [(each["run"], each["stop_epoch"]) for each in answers] == [("run", 3), ("run (2)", None)]
    page = (tmp_path / "c.html").read_text()
    assert "run (2)" in page
    assert ">never<" in page
