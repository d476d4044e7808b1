"""The report in a real browser: quiet, offline, inert, readable on a narrow screen, in the dark, on paper."""

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
    touching_texts,
    unreachable_boxes,
)

import kcb_replay as kcb
from kcb_replay.report.report_page import report

PAGES = ("both", "stop", "rate", "one", "versions", "hostile", "empty")
pytestmark = browser_marks


@pytest.fixture(scope="module")
def pages(tmp_path_factory, sample_logs):
    """Write every kind of page once and return their folder."""
    folder = tmp_path_factory.mktemp("pages")
    found = list(kcb.read(sample_logs))
    stop, rate = kcb.EarlyStopping(patience=5), kcb.ReduceLROnPlateau(patience=4, factor=0.5)
    report(kcb.simulate(found, [[stop, rate]]), folder / "both.html", command="kcb-replay report sample_logs")
    report(kcb.simulate(found, [[stop]]), folder / "stop.html")
    report(kcb.simulate(found, [[rate]]), folder / "rate.html")
    report(kcb.simulate(found[1:2], [[stop]]), folder / "one.html")
    report(kcb.simulate(found, [[stop]], semantics="keras-2.0.8,keras-3.15"), folder / "versions.html")
    report(kcb.simulate(found, [[kcb.EarlyStopping("nothing", mode="min")]]), folder / "empty.html")
    report(kcb.simulate(hostile_recordings(found), [[stop, rate]]), folder / "hostile.html", command=HOSTILE[0])
    return folder


@pytest.fixture
def visit(open_file, pages):
    """Return a function that opens a page by name."""
    return lambda name, **settings: open_file(pages / f"{name}.html", **settings)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_quiet_and_offline(visit, pages, name, scheme):
    """The page asks for nothing but itself and its empty icon, and the console stays empty."""
    page = visit(name, color_scheme=scheme)
    assert page.problems == []
    allowed = {(pages / f"{name}.html").as_uri(), "data:,"}
    assert set(page.outside) <= allowed
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize("name", PAGES)
def test_narrow_screen_has_no_sideways_scroll(visit, name):
    """At 390 pixels the document does not scroll sideways; tables and charts scroll in their own box."""
    page = visit(name, width=390)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", PAGES)
def test_what_scrolls_can_be_reached_by_keyboard(visit, name):
    """Every box that scrolls is a labelled region that takes the focus."""
    page = visit(name, width=390)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert unreachable_boxes(page) == []


def test_hostile_names_are_text(visit):
    """Names that are markup or reorder text are shown as they are written, and nothing runs."""
    page = visit("hostile")
    assert page.evaluate("window.broken") is None
    assert page.locator("img, iframe, object, embed, form, base").count() == 0
    assert page.locator("script").count() == 1
    text = page.inner_text("main")
    assert "<img src=x onerror=alert(1)>" in text
    assert r"a\u202egnp.exe" in text


def test_policy_stops_what_an_escape_might_miss(visit):
    """An injected script, handler or style is refused by the policy of the page."""
    page = visit("one")
    inject(page)
    assert page.evaluate("window.broken") is None
    assert any("Content Security Policy" in problem for problem in page.problems)


def test_style_sheet_is_allowed_by_its_own_policy(visit):
    """The style applies: the hash in the policy is right, and the ground follows the system."""
    for scheme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(18, 21, 24)")):
        page = visit("both", color_scheme=scheme)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground


def test_no_chart_text_is_cut_off(visit):
    """Every text of every chart lies inside its picture, with the fonts of this machine."""
    page = visit("both")
    assert cut_off_texts(page) == []


@pytest.mark.parametrize("name", ["both", "stop", "rate"])
def test_chart_labels_do_not_touch(visit, name):
    """No two labels of a chart overlap as they are really drawn."""
    page = visit(name)
    assert touching_texts(page) == []


def test_details_open_by_keyboard(visit):
    """The epochs of a run unfold without any script."""
    page = visit("one")
    summary = page.locator("summary").first
    assert not page.locator("table.epochs").first.is_visible()
    summary.focus()
    summary.press("Enter")
    assert page.locator("table.epochs").first.is_visible()
    assert page.locator("table.epochs tbody tr").count() == 60


def test_links_of_the_table_lead_to_the_runs(visit):
    """Choosing a run in the table brings its section into view."""
    page = visit("both")
    page.locator("table.runs a").nth(4).click()
    anchor = page.url.split("#")[1]
    assert page.locator(f"#{anchor} h3").is_visible()
    assert 0 <= page.locator(f"#{anchor}").bounding_box()["y"] < 900


def test_paper_is_white_and_unrolled(visit):
    """Printing forces light colours and shows whole tables, closed details included."""
    page = visit("one", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.tall')).maxHeight") == "none"
    assert len(page.pdf()) > 10_000


@pytest.mark.parametrize("name", ["both", "rate"])
def test_tables_fit_on_paper(visit, name):
    """No column of a table is cut by the edge of a printed page."""
    assert cells_off_the_paper(visit(name)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit, name, scheme):
    """axe-core has no complaint: WCAG 2.2 AA and best practice, with every table unfolded."""
    assert complaints_of_axe(visit(name, color_scheme=scheme, bypass_csp=True)) == []


def test_the_table_of_runs_sorts_and_filters(visit):
    """Heads are buttons with aria-sort, a filter counts what is left; without a program there are none of them."""
    page = visit("stop")
    page.get_by_role("button", name="Saved").click()
    saved = [int(text.replace(",", "")) for text in page.locator("#table tbody td:nth-child(7)").all_inner_texts()]
    assert saved == sorted(saved, reverse=True)
    assert page.locator("#table th[aria-sort=descending]").count() == 1
    page.locator("#filter").fill("seeds")
    assert page.locator("#table tbody tr:visible").count() == 3
    assert page.inner_text("#count") == "3 of 10 fits"
    assert visit("stop", java_script_enabled=False).locator("#filter:visible, th button:visible").count() == 0


def test_a_row_picks_out_its_curve(visit):
    """One curve is thick while the pointer is on a row."""
    page = visit("stop")
    page.locator("#table tbody tr").nth(2).hover()
    assert page.locator("svg.all g.hot").count() == 1


def test_versions_stand_side_by_side(visit):
    """A column per version, sorted by its regret."""
    page = visit("versions")
    page.locator("#matrix th[data-key='1'] button").click()
    regrets = [float(text.split()[0]) for text in page.locator("#matrix tbody td:nth-child(2)").all_inner_texts()]
    assert regrets == sorted(regrets, reverse=True)
