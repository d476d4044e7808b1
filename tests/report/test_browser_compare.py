"""The page of a comparison in a real browser: one choice of a rule drives all, and it says what was compared."""

from __future__ import annotations

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
from kcb_replay.replay.recommend.survey import rules_surveyed
from kcb_replay.replay.verdicts.rules import RuleQuestion
from kcb_replay.report.choices.compare import rules_page
from kcb_replay.report.choices.page import choices_html

RULES = (
    kcb.EarlyStopping(patience=5),
    kcb.EarlyStopping(patience=12, restore_best_weights=True),
    kcb.GL(alpha=10),
    kcb.StopAt(9),
)
PAGES = ("compare", "alone", "hostile", "empty")
pytestmark = browser_marks


@pytest.fixture(scope="module")
def found(sample_logs):
    """Read the shipped recordings once."""
    return list(kcb.read(sample_logs))


@pytest.fixture(scope="module")
def pages(tmp_path_factory, found):
    """Write every kind of page once and return their folder."""
    folder = tmp_path_factory.mktemp("comparisons")
    write(folder / "compare.html", found)
    write(folder / "alone.html", found[1:2], RULES[:1])
    write(folder / "hostile.html", hostile_recordings(found))
    write(folder / "empty.html", found, monitor="nothing", mode="min")
    return folder


def write(path, recordings, rules=RULES, **arguments):
    """Write the page of a comparison."""
    compared, survey = rules_surveyed(lambda: recordings, RuleQuestion(rules, **arguments))
    page = rules_page(compared, survey, recorded=lambda _: ("loss",))
    path.write_text(choices_html(page, command=HOSTILE[0]), encoding="utf-8")


@pytest.fixture
def visit(open_file, pages):
    """Return a function that opens a page by name."""
    return lambda name, **settings: open_file(pages / f"{name}.html", **settings)


def settle(page):
    """Wait until the table has followed a choice."""
    page.wait_for_selector("html[data-ready=yes]", state="attached", timeout=10_000)
    page.wait_for_selector("#runs[aria-busy=false]", state="attached", timeout=10_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_quiet_and_offline(visit, pages, name, scheme):
    """The page asks for nothing but itself and its empty icon, and the console stays empty whatever is pressed."""
    page = visit(name, color_scheme=scheme)
    for button in page.locator("button:visible").all()[:14]:
        button.click()
    assert page.problems == []
    assert set(page.outside) <= {(pages / f"{name}.html").as_uri(), "data:,"}


def test_every_rule_and_run_is_said_as_it_was_compared(visit, found):
    """Chosen by keyboard, each rule fills the table of runs with its records; the matrix holds all of them at once."""
    page = visit("compare")
    settle(page)
    compared = kcb.compare_rules(found, RULES)
    several = {each["run"] for each in compared.records() if each["fit"]}
    for number in range(len(RULES)):
        page.locator("#rules button").nth(number).press("Enter")
        settle(page)
        rows = page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll('#runs tbody tr')].map(row =>
                [row.cells[0].textContent, [...row.cells].slice(2).map(cell => cell.textContent)]))"""
        )
        matrix = page.evaluate(
            """number => Object.fromEntries([...document.querySelectorAll('#matrix tbody tr')].map(row =>
                [row.cells[0].textContent, row.cells[number + 1].textContent]))""",
            number,
        )
        for each in (record for record in compared.records() if record["rule"] == str(RULES[number])):
            name = f"{each['run']}, fit {each['fit']}" if each["run"] in several else each["run"]
            stop, saved, kept, _, regret, label = rows[name]
            assert stop == ("never" if each["stop_index"] is None else str(each["stop_epoch"]))
            assert saved == str(each["saved_epochs"])
            assert kept == ("none" if each["kept_index"] is None else str(each["kept_epoch"]))
            assert label == each["validity"]
            assert matrix[name].split()[0] == regret
            if each["regret"] is not None:
                assert float(regret) == pytest.approx(each["regret"], abs=5e-5, rel=1e-3)


def test_the_answer_and_the_plane_follow_the_rule(visit):
    """And the row of the rule is marked as pressed."""
    page = visit("compare")
    settle(page)
    page.get_by_role("button", name="GL(alpha=10)").first.click()
    assert page.inner_text("#answer").startswith("GL(alpha=10) saves")
    assert page.locator("svg.plane .chosen text").text_content() == "GL(alpha=10)"
    assert page.locator("#rules button[aria-pressed=true]").all_inner_texts() == ["GL(alpha=10)"]


def test_the_matrix_sorts_and_filters(visit):
    """By any rule."""
    page = visit("compare")
    settle(page)
    page.locator("#matrix th[data-key='3'] button").click()
    ranks = page.locator("#matrix tbody td:nth-child(4)").evaluate_all("cells => cells.map(cell => +cell.dataset.rank)")
    assert ranks == sorted(ranks, reverse=True)
    page.locator("#matrix-filter").fill("seeds")
    assert page.locator("#matrix tbody tr:visible").count() == 3
    assert page.inner_text("#matrix-count") == "3 of 10 fits"


def test_everything_is_there_without_a_program(visit):
    """Python wrote the first rule in full, and the matrix of all."""
    plain, live = visit("compare", java_script_enabled=False), visit("compare")
    settle(live)
    for part in ("#answer", "dl.facts", "#rules tbody", "#runs tbody", "#matrix tbody"):
        assert plain.inner_text(part).split() == live.inner_text(part).split(), part


@pytest.mark.parametrize("name", PAGES)
def test_narrow_screen_has_no_sideways_scroll(visit, name):
    """At 390 pixels the document does not scroll sideways; what scrolls in its own box takes the focus."""
    page = visit(name, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert unreachable_boxes(page) == []


def test_hostile_names_are_text_and_nothing_runs(visit):
    """Names are shown as they are written; an injected script is refused."""
    page = visit("hostile")
    settle(page)
    inject(page)
    assert page.evaluate("window.broken") is None
    assert page.locator("img, iframe, object, embed, form, base").count() == 0
    assert HOSTILE[0] in page.inner_text("#matrix")


def test_no_chart_text_is_cut_off(visit):
    """Every text of the plane lies inside its picture."""
    page = visit("compare")
    settle(page)
    assert cut_off_texts(page) == []


@pytest.mark.parametrize("name", ["compare"])
def test_tables_fit_on_paper(visit, name):
    """No column of a table is cut by the edge of a printed page."""
    assert cells_off_the_paper(visit(name)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit, name, scheme):
    """axe-core has no complaint: WCAG 2.2 AA and best practice."""
    page = visit(name, color_scheme=scheme, bypass_csp=True)
    assert complaints_of_axe(page) == []
