"""The page of a sweep in a real browser: one choice drives everything, and it says what `kcb.sweep` says."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from browsing import (
    HOSTILE,
    browser_marks,
    cells_off_the_paper,
    complaints_of_axe,
    cut_off_texts,
    hostile_recordings,
    inject,
    unreachable_boxes,
)

import kcb_replay as kcb
from kcb_replay.replay.grid import settings_grid
from kcb_replay.replay.semantics import semantics
from kcb_replay.report.choices.page import choices_html
from kcb_replay.report.choices.sweep import SweepQuestion, sweep_page, sweep_surveys

if TYPE_CHECKING:
    from pathlib import Path

ARGUMENTS = {"patience": [1, 2, 3, 5, 8, 12], "min_delta": [0, 0.001, 0.01]}
PAGES = ("sweep", "views", "restored", "one", "hostile", "empty")
pytestmark = browser_marks


@pytest.fixture(scope="module")
def found(sample_logs):
    """Read the shipped recordings once."""
    return list(kcb.read(sample_logs))


@pytest.fixture(scope="module")
def pages(tmp_path_factory, found):
    """Write every kind of page once and return their folder."""
    folder = tmp_path_factory.mktemp("sweeps")
    both = {**ARGUMENTS, "restore_best_weights": [False, True]}
    write(folder / "sweep.html", found, ARGUMENTS)
    write(folder / "views.html", found, ARGUMENTS, ["val_loss", "val_accuracy"], ["keras-3.15", "keras-2.0.8"])
    write(folder / "half.html", found, {**ARGUMENTS, "mode": "min"}, ["val_loss", "nothing"])
    write(folder / "restored.html", found, both)
    write(folder / "one.html", found[1:2], ARGUMENTS)
    write(folder / "hostile.html", hostile_recordings(found), ARGUMENTS)
    write(folder / "empty.html", found, ARGUMENTS, ["nothing"])
    return folder


def write(path: Path, recordings, arguments, monitors=("val_loss",), versions=("keras-3.15",)):
    """Write a page of a sweep."""
    asked = SweepQuestion(
        settings=settings_grid(
            kcb.EarlyStopping, {**arguments, "mode": "min"} if monitors == ["nothing"] else arguments
        ),
        monitors=monitors,
        versions=[semantics(name) for name in versions],
        recorded=lambda run: next(each.metrics for each in recordings if each.name == run),
    )
    path.write_text(
        choices_html(sweep_page(sweep_surveys(lambda: recordings, asked), asked), command=HOSTILE[0]), encoding="utf-8"
    )


@pytest.fixture
def visit(open_file, pages):
    """Return a function that opens a page by name."""
    return lambda name, **settings: open_file(pages / f"{name}.html", **settings)


def settle(page):
    """Wait until the table has followed a choice."""
    page.wait_for_selector("html[data-ready=yes]", state="attached", timeout=10_000)
    page.wait_for_selector("#runs[aria-busy=false]", state="attached", timeout=10_000)


def table_of(page):
    """Return the texts of the table by the name of the run, how long it was recorded last."""
    return {
        row[0]: row[1:]
        for row in page.evaluate(
            """() => [...document.querySelectorAll('#runs tbody tr')].map(row =>
                [...row.cells].filter((_, place) => place !== 1).concat(row.cells[1]).map(cell => cell.textContent))"""
        )
    }


def expected_cells(row):
    """Return what the table should say of a row of `kcb.sweep`."""
    unknown = row["regret"] is None
    return [
        str(row["stop_epoch"]) if row["fired"] else "never",
        str(row["saved_epochs"]),
        "none" if row["best_epoch"] is None else str(row["best_epoch"]),
        "none" if row["kept_epoch"] is None else str(row["kept_epoch"]),
        None,
        "unknown" if unknown else None,
        row["validity"],
        str(row["last"]),
    ]


def rows_of(recordings, **arguments):
    """Return the rows of a sweep by setting and name of the run, as the page names it."""
    table = kcb.sweep(recordings, kcb.EarlyStopping, **arguments).to_arrow().to_pylist()
    last = {(each.name, number): int(fit.epochs[-1]) + 1 for each in recordings for number, fit in enumerate(each.fits)}
    several = {row["run"] for row in table if row["fit"]}
    return {
        (
            row["patience"],
            row["min_delta"],
            f"{row['run']}, fit {row['fit']}" if row["run"] in several else row["run"],
        ): {
            **row,
            "last": last[row["run"], row["fit"]],
        }
        for row in table
    }


def require_same(cells, row):
    """Fail where the table and a row of the sweep say different things."""
    for said, meant in zip(cells, expected_cells(row), strict=True):
        assert meant is None or said == meant, (cells, row)
    if row["regret"] is not None:
        assert float(cells[5]) == pytest.approx(row["regret"], abs=5e-5, rel=1e-3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_quiet_and_offline(visit, pages, name, scheme):
    """The page asks for nothing but itself and its empty icon, and the console stays empty whatever is pressed."""
    page = visit(name, color_scheme=scheme)
    for button in page.locator("button:visible").all()[:14]:
        button.click()
    assert page.problems == []
    assert set(page.outside) <= {(pages / f"{name}.html").as_uri(), "data:,"}
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0


def test_what_the_page_says_is_what_the_sweep_and_simulate_say(visit, found):
    """A hundred random settings and runs, the settings chosen in the grid by keyboard."""
    page, rows = visit("sweep"), rows_of(found, **ARGUMENTS)
    settle(page)
    lot, here = random.Random(0), None
    pairs = [(lot.choice(ARGUMENTS["patience"]), lot.choice(ARGUMENTS["min_delta"])) for _ in range(20)]
    for patience, delta in pairs:
        here = walk(page, here, (patience, delta))
        table = table_of(page)
        simulated = rows_of_simulate(found, patience, delta)
        for name in lot.sample(sorted(table), 5):
            require_same(table[name], rows[patience, delta, name])
            require_same(table[name], simulated[name])


def rows_of_simulate(recordings, patience, delta):
    """Return what `simulate --json` says of one setting, by the name of the run on the page."""
    simulation = kcb.simulate(recordings, [[kcb.EarlyStopping(patience=patience, min_delta=delta)]])
    several = {replay.run for replay in simulation.replays if replay.fit}
    return {
        f"{replay.run}, fit {replay.fit}" if replay.run in several else replay.run: {
            **replay.to_dict()["callbacks"][0],
            "last": replay.stream.epochs[-1].index + 1,
        }
        for replay in simulation.replays
    }


def walk(page, here, goal):
    """Go from the chosen cell to another one with the arrow keys, press Enter, and return the place."""
    goal = ARGUMENTS["patience"].index(goal[0]), ARGUMENTS["min_delta"].index(goal[1])
    if here is None:
        here = (0, 0)
        page.locator("table.heat button").first.focus()
    for axis, keys in ((0, ("ArrowDown", "ArrowUp")), (1, ("ArrowRight", "ArrowLeft"))):
        steps = goal[axis] - here[axis]
        for _ in range(abs(steps)):
            page.keyboard.press(keys[steps < 0])
    page.keyboard.press("Enter")
    settle(page)
    return goal


def test_every_cell_speaks_and_one_choice_drives_everything(visit, found):
    """The answer, the facts, the code, the plane and the cell are those of one setting of the sweep."""
    page = visit("sweep")
    settle(page)
    summaries = kcb.sweep(found, kcb.EarlyStopping, **ARGUMENTS).per_setting()
    cells = page.locator("table.heat button")
    for number in (0, 7, 17):
        summary = summaries[number]
        cells.nth(number).click()
        name = f"patience {summary.choice.patience}, min_delta {summary.choice.min_delta:g}"
        assert cells.nth(number).get_attribute("aria-label").startswith(f"{name}: mean regret")
        assert f"{summary.saving:.0%} of epochs saved" in cells.nth(number).get_attribute("aria-label")
        assert name in page.inner_text("#answer")
        assert page.locator("svg.plane .chosen text").text_content() == name
        assert f"patience={summary.choice.patience}" in page.inner_text("#code")
        assert page.locator("dl.facts dd span").nth(0).inner_text() == str(summary.stopped)
        assert page.locator("table.heat button[aria-pressed=true]").count() == 1


def test_a_point_of_the_plane_is_chosen_by_pointing(visit):
    """The cell of the setting is pressed then."""
    page = visit("one")
    settle(page)
    page.locator("svg.plane").scroll_into_view_if_needed()
    points = page.locator("svg.plane .point").all()
    right = max(points, key=lambda point: float(point.get_attribute("cx")))
    right.click(force=True)
    chosen = page.locator("svg.plane .chosen circle")
    assert chosen.get_attribute("cx") == right.get_attribute("cx")
    pressed = page.locator("table.heat button[aria-pressed=true]").get_attribute("aria-label")
    assert page.locator("svg.plane .chosen text").text_content() == pressed.split(":")[0]


def test_the_grid_shows_regret_or_saving(visit):
    """A toggle; the chosen setting stays."""
    page = visit("sweep")
    settle(page)
    chosen, regret = page.inner_text("#answer"), page.inner_text("table.heat tbody")
    page.get_by_role("button", name="Epochs saved", exact=True).click()
    assert page.inner_text("table.heat tbody") != regret
    assert page.inner_text("#answer") == chosen


def test_further_arguments_are_chosen_beside_the_grid(visit, found):
    """Patience and min_delta stay where they are, the third argument changes."""
    page = visit("restored")
    settle(page)
    page.locator("select[data-other]").select_option("True")
    settle(page)
    assert "restore_best_weights True" in page.inner_text("#answer")
    chosen = page.locator("table.heat button[aria-pressed=true]").get_attribute("aria-label")
    patience, delta = (float(chosen.split(word)[1].split(",")[0]) for word in ("patience ", "min_delta "))
    rows = rows_of(found, **ARGUMENTS, restore_best_weights=True)
    for name, cells in table_of(page).items():
        require_same(cells, rows[patience, delta, name])


@pytest.mark.parametrize(("monitor", "version"), [("val_accuracy", "keras-3.15"), ("val_loss", "keras-2.0.8")])
def test_monitors_and_versions_are_views_of_one_page(visit, found, monitor, version):
    """Turning to another monitor or version shows the answers of that sweep, in every part."""
    page = visit("views")
    settle(page)
    for name in (monitor, version):
        page.get_by_role("button", name=name, exact=True).click()
    settle(page)
    chosen = page.locator("table.heat:visible button[aria-pressed=true]").get_attribute("aria-label")
    patience, delta = (float(chosen.split(word)[1].split(",")[0].split(":")[0]) for word in ("patience ", "min_delta "))
    rows = rows_of(found, **ARGUMENTS, monitor=monitor, semantics=version)
    visible = page.evaluate(
        "() => [...document.querySelectorAll('#runs tbody tr:not([hidden]) th')].map(e => e.innerText)"
    )
    table = table_of(page)
    assert visible
    for name in visible:
        require_same(table[name], rows[patience, delta, name])
    for part in ("#runs thead", "#caption", "dl.facts", "svg.plane:visible .t-title"):
        assert monitor in page.locator(part).text_content(), part
    assert monitor in page.inner_text("#answer")


def test_a_monitor_that_no_run_has_is_a_view_without_runs(visit):
    """It says so, lists nothing, and leads back."""
    page = visit("half")
    settle(page)
    page.get_by_role("button", name="nothing", exact=True).click()
    settle(page)
    assert page.inner_text("#answer") == "No run can be asked about nothing."
    assert page.locator("#runs tbody tr:visible").count() == 0
    assert "10 fits are left out" in page.inner_text("main")
    page.get_by_role("button", name="val_loss", exact=True).click()
    settle(page)
    assert page.locator("#runs tbody tr:visible").count() == 10
    assert page.problems == []


def test_the_table_sorts_and_filters(visit):
    """Heads are buttons with aria-sort; the filter says how many rows are left."""
    page = visit("sweep")
    settle(page)
    regret = page.locator("#runs th[data-key=regret]")
    assert regret.get_attribute("aria-sort") == "descending"
    texts = [float(text) for text in page.locator("#runs tbody td:nth-child(8)").all_inner_texts()]
    assert texts == sorted(texts, reverse=True)
    page.locator("#runs th[data-key=name] button").press("Enter")
    names = page.locator("#runs tbody th").all_inner_texts()
    assert names == sorted(names)
    assert regret.get_attribute("aria-sort") == "none"
    page.locator("#filter").fill("SEEDS")
    assert page.locator("#runs tbody tr:visible").count() == 3
    assert page.inner_text("#count") == "3 of 10 fits"


def test_curves_are_stepped_through_by_arrow_keys(visit):
    """Each step says the run in words and marks its row; Escape lets go."""
    page = visit("sweep")
    settle(page)
    page.locator("#curves").focus()
    said = []
    for _ in range(3):
        page.keyboard.press("ArrowDown")
        said.append(page.inner_text("#picked"))
    assert len(set(said)) == 3
    assert page.locator("#runs tr.hot th").inner_text() in said[-1]
    page.keyboard.press("Escape")
    assert page.locator("#runs tr.hot").count() == 0


def test_everything_is_there_without_a_program(visit):
    """Python wrote the setting shown first in full: answer, facts, grid, plane, curves, table."""
    plain, live = visit("sweep", java_script_enabled=False), visit("sweep")
    settle(live)
    for part in ("#answer", "dl.facts", "#code", "#runs tbody", "table.heat tbody"):
        assert plain.inner_text(part).split() == live.inner_text(part).split(), part
    assert plain.locator("svg.all .curve").count() >= 10
    assert plain.locator(".control:visible").count() == 0


@pytest.mark.parametrize("name", PAGES)
def test_narrow_screen_has_no_sideways_scroll(visit, name):
    """At 390 pixels the document does not scroll sideways; what scrolls in its own box takes the focus."""
    page = visit(name, width=390)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert unreachable_boxes(page) == []


def test_hostile_names_are_text(visit):
    """Names that are markup or reorder text are shown as they are written, in the table and in sentences."""
    page = visit("hostile")
    settle(page)
    page.locator("#curves").focus()
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    assert page.evaluate("window.broken") is None
    assert page.locator("img, iframe, object, embed, form, base").count() == 0
    assert page.locator("script").count() == 2
    assert HOSTILE[0] in page.inner_text("#runs")
    assert not any(sign in page.content() for sign in "\u202a\u202b\u202d\u202e\u2066\u2067")


def test_policy_stops_what_an_escape_might_miss(visit):
    """An injected script or handler is refused by the policy of the page."""
    page = visit("one")
    inject(page)
    assert page.evaluate("window.broken") is None
    assert any("Content Security Policy" in problem for problem in page.problems)


@pytest.mark.parametrize("name", ["sweep", "restored", "one"])
def test_no_chart_text_is_cut_off(visit, name):
    """Every text of the plane lies inside its picture."""
    page = visit(name)
    settle(page)
    assert cut_off_texts(page) == []


def test_paper_is_white_and_unrolled(visit):
    """Printing forces light colours, unrolls the table and drops the controls."""
    page = visit("sweep", color_scheme="dark")
    settle(page)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.tall')).maxHeight") == "none"
    assert page.locator("#filter").is_visible() is False
    assert page.locator("#curves").is_visible()


@pytest.mark.parametrize("name", ["sweep"])
def test_tables_fit_on_paper(visit, name):
    """No column of a table is cut by the edge of a printed page."""
    assert cells_off_the_paper(visit(name)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit, name, scheme):
    """axe-core has no complaint: WCAG 2.2 AA and best practice."""
    page = visit(name, color_scheme=scheme, bypass_csp=True)
    assert complaints_of_axe(page) == []
