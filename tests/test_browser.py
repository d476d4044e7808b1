"""The report in a real browser: quiet, offline, inert, readable on a narrow screen, in the dark, on paper.

Needs playwright's Python package and any Chromium (`apt-get install chromium`, or its path in KCB_CHROMIUM); axe-core
is used where KCB_AXE names its axe.min.js.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import kcb_replay as kcb
from kcb_replay.report.page import report

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright (its browsers are not needed)")

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("KCB_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
AXE = Path(os.environ.get("KCB_AXE") or "axe.min.js")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HOSTILE = ["<img src=x onerror=alert(1)>", "a\u202egnp.exe", '"><script>window.broken = 1</script>', "long" * 60]
PAGES = ("both", "stop", "rate", "one", "hostile", "empty")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium: apt-get install chromium, or set KCB_CHROMIUM"),
]


@pytest.fixture(scope="module")
def browser():
    """Start one browser for all tests of this file."""
    with playwright.sync_playwright() as driver:
        try:
            started = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=30_000)
        except playwright.Error as error:
            pytest.skip(f"chromium does not start here: {str(error).splitlines()[0]}")
        yield started
        started.close()


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
    report(kcb.simulate(found, [[kcb.EarlyStopping("nothing", mode="min")]]), folder / "empty.html")
    renamed = [_renamed(recording, name) for recording, name in zip(found, HOSTILE, strict=False)]
    report(kcb.simulate(renamed, [[stop, rate]]), folder / "hostile.html", command=HOSTILE[0])
    return folder


def _renamed(recording, name):
    return kcb.Recording(name, recording.sources, recording.fits)


@pytest.fixture
def visit(browser, pages):
    """Return a function that opens a page offline and gathers what it asks for and complains about."""
    contexts = []

    def open_page(name, width=1320, **settings):
        context = browser.new_context(viewport={"width": width, "height": 900}, **settings)
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.problems, page.outside = [], []
        page.on("console", lambda message: page.problems.append(message.text))
        page.on("pageerror", lambda error: page.problems.append(f"exception: {error}"))
        page.on("dialog", lambda dialog: (page.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: page.outside.append(asked.url))
        page.goto((pages / f"{name}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


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
    unreachable = page.evaluate(
        """() => [...document.querySelectorAll('main *')].filter(each =>
            each.scrollWidth > each.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(each).overflowX)
            && !(each.tabIndex === 0 && each.getAttribute('role') === 'region' && each.getAttribute('aria-label'))
        ).map(each => each.outerHTML.slice(0, 80))"""
    )
    assert unreachable == []


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
    page.evaluate(
        """() => { const script = document.createElement('script'); script.textContent = 'window.broken = 1';
                   document.body.append(script); const box = document.createElement('div');
                   box.setAttribute('onclick', 'window.broken = 2'); document.body.append(box); box.click(); }"""
    )
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
    outside = page.evaluate(
        """() => [...document.querySelectorAll('svg.chart')].flatMap(chart => {
            const frame = chart.getBoundingClientRect();
            return [...chart.querySelectorAll('text')].filter(text => { const box = text.getBoundingClientRect();
                return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
                    || box.bottom > frame.bottom + 1; }).map(text => text.textContent); })"""
    )
    assert outside == []


@pytest.mark.parametrize("name", ["both", "stop", "rate"])
def test_chart_labels_do_not_touch(visit, name):
    """No two labels of a chart overlap as they are really drawn."""
    page = visit(name)
    touching = page.evaluate(
        """() => [...document.querySelectorAll('svg.chart')].flatMap(chart => {
            const texts = [...chart.querySelectorAll('text')];
            const boxes = texts.map(text => [text.textContent, text.getBoundingClientRect()]);
            return boxes.flatMap(([one, a], place) => boxes.slice(0, place).filter(([, b]) =>
                a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3
            ).map(([two]) => [one, two])); })"""
    )
    assert touching == []


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


@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: npm install axe-core, and set KCB_AXE to its axe.min.js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit, name, scheme):
    """axe-core has no complaint: WCAG 2.2 AA and best practice, with every table unfolded."""
    page = visit(name, color_scheme=scheme, bypass_csp=True)  # only so that axe can be put in
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    assert [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found["violations"]] == []
