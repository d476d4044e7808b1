"""Pages in a real browser: how they are opened, and the looks at them that every kind of page has to stand.

Needs playwright's Python package and any Chromium (`apt-get install chromium`, or its path in KCB_CHROMIUM); axe-core
is used where KCB_AXE names its axe.min.js. What `conftest` makes fixtures of starts here; the looks return what is
wrong, so that a test says `== []`.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from kcb_replay.ingest.recording import Recording

__all__ = [
    "AXE",
    "HOSTILE",
    "browser_marks",
    "complaints_of_axe",
    "cut_off_texts",
    "hostile_recordings",
    "inject",
    "open_pages",
    "started_browser",
    "touching_texts",
    "unreachable_boxes",
]

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
# The width of A4 between the margins of the style sheet, in CSS pixels.
A4 = 718
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HOSTILE = ["<img src=x onerror=alert(1)>", "a\u202egnp.exe", '"><script>window.broken = 1</script>', "long" * 60]
browser_marks = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium: apt-get install chromium, or set KCB_CHROMIUM"),
]


@contextmanager
def started_browser():
    """Start one browser; a test that asks for it is skipped where there is none."""
    driver_of = pytest.importorskip(
        "playwright.sync_api", reason="pip install playwright (its browsers are not needed)"
    )
    with driver_of.sync_playwright() as driver:
        try:
            started = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=30_000)
        except driver_of.Error as error:
            pytest.skip(f"chromium does not start here: {str(error).splitlines()[0]}")
        yield started
        started.close()


@contextmanager
def open_pages(browser):
    """Give a function that opens a file offline; the page gathers what it asks for and complains about."""
    contexts = []

    def open_file(path, width=1320, **settings):
        context = browser.new_context(viewport={"width": width, "height": 900}, **settings)
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.problems, page.outside = [], []
        page.on("console", lambda message: page.problems.append(message.text))
        page.on("pageerror", lambda error: page.problems.append(f"exception: {error}"))
        page.on("dialog", lambda dialog: (page.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: page.outside.append(asked.url))
        page.goto(path.as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()


def hostile_recordings(recordings):
    """Return recordings whose names are markup, reorder text or are very long."""
    return [
        Recording(name, recording.sources, recording.fits) for recording, name in zip(recordings, HOSTILE, strict=False)
    ]


def inject(page):
    """Put an inline script and an event handler into a page, as a missed escape would, and click."""
    page.evaluate(
        """() => { const script = document.createElement('script'); script.textContent = 'window.broken = 1';
                   document.body.append(script); const box = document.createElement('div');
                   box.setAttribute('onclick', 'window.broken = 2'); document.body.append(box); box.click(); }"""
    )


def unreachable_boxes(page):
    """Return the boxes that scroll sideways and are no labelled region that takes the focus."""
    return page.evaluate(
        """() => [...document.querySelectorAll('main *')].filter(each =>
            each.scrollWidth > each.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(each).overflowX)
            && !(each.tabIndex === 0 && each.getAttribute('role') === 'region' && each.getAttribute('aria-label'))
        ).map(each => each.outerHTML.slice(0, 80))"""
    )


def cells_off_the_paper(page):
    """Return the heads and cells of tables that an upright sheet of A4 would cut, and those too narrow for a word."""
    page.set_viewport_size({"width": A4, "height": 1000})
    page.emulate_media(media="print")
    return page.evaluate(
        """paper => [...document.querySelectorAll('main table:not(.heat) :is(th, td)')].filter(each => {
            const box = each.getBoundingClientRect();
            return box.width && (box.right > paper + 1 || each.scrollWidth > each.clientWidth + 1
                || (each.scope === 'row' && each.textContent.length > 8 && box.width < 80));
        }).map(each => each.textContent.trim().slice(0, 40))""",
        A4,
    )


def cut_off_texts(page):
    """Return the texts of charts that reach out of their picture, with the fonts of this machine."""
    return page.evaluate(
        """() => [...document.querySelectorAll('svg.chart')].flatMap(chart => {
            const frame = chart.getBoundingClientRect();
            return [...chart.querySelectorAll('text')].filter(text => text.textContent).filter(text => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
                    || box.bottom > frame.bottom + 1; }).map(text => text.textContent); })"""
    )


def touching_texts(page):
    """Return the pairs of labels of a chart that overlap as they are really drawn."""
    return page.evaluate(
        """() => [...document.querySelectorAll('svg.chart')].flatMap(chart => {
            const texts = [...chart.querySelectorAll('text')].filter(text => text.textContent
                && text.getBoundingClientRect().width);
            const boxes = texts.map(text => [text.textContent, text.getBoundingClientRect()]);
            return boxes.flatMap(([one, a], place) => boxes.slice(0, place).filter(([, b]) =>
                a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3
            ).map(([two]) => [one, two])); })"""
    )


def complaints_of_axe(page):
    """Return what axe-core finds against WCAG 2.2 AA and best practice, every table unfolded.

    The page has to be opened with `bypass_csp=True`, only so that axe can be put in.
    """
    if not AXE.is_file():
        pytest.skip("no axe-core: npm install axe-core, and set KCB_AXE to its axe.min.js")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found["violations"]]
