"""The explainer in a real browser: at every position it says what a replay of the settings in its code says."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace

import pytest
from browsing import (
    HOSTILE,
    browser_marks,
    cells_off_the_paper,
    complaints_of_axe,
    cut_off_texts,
    inject,
    touching_texts,
    unreachable_boxes,
)
from click.testing import CliRunner

import kcb_replay as kcb
from kcb_replay.cli import main
from kcb_replay.ingest.recording import Recording
from kcb_replay.report.explainer.page import explainer_html
from kcb_replay.report.pages.document import write_document

STOP = kcb.EarlyStopping(patience=5, restore_best_weights=True)
REDUCE = kcb.ReduceLROnPlateau(patience=4, factor=0.5)
SAVE = kcb.ModelCheckpoint("w.{epoch:02d}.keras", save_best_only=True)
HOSTILE_PATH = "<b>\u202e</b>" + "long" * 40 + ".keras"
PAGES = ("stop", "both", "rate", "nan", "gaps", "resumed", "one", "korean", "hostile")
LABELS = "all => all.map(each => [each.textContent, Number(each.getAttribute('x')), Number(each.getAttribute('y'))])"
pytestmark = browser_marks


@pytest.fixture(scope="module")
def recordings(sample_logs):
    """Return the shipped recordings by name."""
    return {each.name: each for each in kcb.read(sample_logs)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory, recordings):
    """Write every kind of explainer once and return their folder."""
    folder = tmp_path_factory.mktemp("pages")
    overfit = recordings["keras3-overfit"]
    first = overfit.fits[0]
    one = Recording("one", overfit.sources, (type(first)(first.epochs[:1], _first_epoch(first)),))
    hostile = replace(overfit, name=HOSTILE[0] + HOSTILE[3])
    made = {
        "stop": (overfit, [STOP], {}),
        "both": (recordings["keras3-reduce-lr"], [STOP, REDUCE, SAVE], {"semantics": "keras-3.15,tf_keras-2.21"}),
        "rate": (overfit, [REDUCE], {}),
        "nan": (recordings["keras3-nan"], [STOP, REDUCE], {}),
        "korean": (recordings["keras3-reduce-lr"], [STOP, REDUCE], {"language": "ko"}),
        "gaps": (recordings["keras3-validation-freq"], [STOP], {}),
        "resumed": (recordings["keras3-resumed"], [STOP, REDUCE], {"fit": 1}),
        "one": (one, [STOP], {}),
        "hostile": (
            hostile,
            [STOP, kcb.ModelCheckpoint("<b>\u202e</b>" + "long" * 40 + ".keras")],
            {"command": HOSTILE[2]},
        ),
    }
    for name, (recording, callbacks, options) in made.items():
        write_document(folder / f"{name}.html", explainer_html(recording, callbacks, **options))
    return folder


def _first_epoch(fit):
    return {
        name: type(series)(series.values[:1], series.valid[:1], tag=series.tag, source=series.source)
        for name, series in fit.metrics.items()
    }


@pytest.fixture
def visit(open_file, pages):
    """Return a function that opens a page by name and waits until its program is there."""

    def visited(name, **settings):
        page = open_file(pages / f"{name}.html", **settings)
        if settings.get("java_script_enabled", True):
            page.wait_for_selector(".explainer.on")
        return page

    return visited


def controls(page):
    """Return the controls of the page."""
    return page.locator("[id^=control-]").all()


def move(page, positions):
    """Move every control to a position, as a person does: by an input event."""
    page.evaluate(
        """positions => positions.forEach((position, n) => { const control = document.getElementById(`control-${n}`);
            control.value = position; control.dispatchEvent(new Event('input', {bubbles: true})); })""",
        positions,
    )


def random_positions(page, count, seed):
    """Yield random positions of all controls."""
    counts = page.evaluate(
        """() => [...document.querySelectorAll('[id^=control-]')].map(each =>
            each.options ? each.options.length : Number(each.max) + 1)"""
    )
    dice = random.Random(seed)
    for _ in range(count):
        yield [dice.randrange(each) for each in counts]


def simulated(page, log, fit=0):
    """Return the JSON that `simulate` prints for the code and the version that the page shows."""
    lines = [line.strip().rstrip(",") for line in page.inner_text("#code").splitlines()[1:-1]]
    chosen = page.locator("select").evaluate_all("all => all.map(each => each.selectedOptions[0].textContent)")
    version = next((text for text in chosen if "keras-" in text), "keras-3.15")
    arguments = ["simulate", str(log), "--json", "-q", "--semantics", version]
    result = CliRunner().invoke(main, [*arguments, *(part for line in lines for part in ("-c", line))])
    assert result.exit_code == 0, result.output
    return next(each for each in json.loads(result.stdout)["results"] if each["fit"] == fit)


def facts(page):
    """Return the facts as pairs of value and remark."""
    return page.evaluate(
        "() => [...document.querySelectorAll('#facts dd')].map(each => [...each.children].map(one => one.textContent))"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "run", "fit"),
    [
        ("stop", "keras3-overfit", 0),
        ("both", "keras3-reduce-lr", 0),
        ("nan", "keras3-nan", 0),
        ("resumed", "keras3-resumed", 1),
    ],
)
def test_every_position_says_what_simulate_says(visit, sample_logs, name, run, fit):
    """A hundred random positions in all: answer, facts, limits and learning rate are those of `simulate --json`."""
    page = visit(name)
    for positions in random_positions(page, 25, seed=name):
        move(page, positions)
        said = simulated(page, sample_logs / run, fit)
        stop, lead = said["stop_epoch"], said["callbacks"][0]
        answer, shown = page.inner_text("#answer"), facts(page)
        assert f"after epoch {stop} of {said['epochs']}" in answer if stop else "never stopped" in answer
        assert shown[0][0] == (str(stop) if stop else "never")
        assert shown[1][0] == str(lead["kept_epoch"])
        assert shown[2][0] == str(lead["saved_epochs"])
        if lead["regret"] is None:
            assert shown[3][0] == "unknown"
        elif lead["regret"] != "Infinity":
            assert float(shown[3][0]) == pytest.approx(lead["regret"], abs=6e-5, rel=1e-3)
        exact = page.inner_text("#exact")
        for callback in said["callbacks"]:
            assert callback["validity"] in exact
            assert " ".join(callback["reason"].split()) in " ".join(exact.split())
        for callback in said["callbacks"][1:]:
            for drop in callback.get("drops", ()):
                assert re.search(rf"\b{drop['epoch']}\b", page.inner_text("#also"))
        assert page.problems == []


def test_sentences_are_those_of_explain(visit, sample_logs):
    """Epoch by epoch, the stepper says what `explain` prints for the code that the page shows."""
    page = visit("stop")
    move(page, [1 if n == 1 else 0 for n in range(len(controls(page)))])
    (line,) = [line.strip().rstrip(",") for line in page.inner_text("#code").splitlines()[1:-1]]
    monitor = page.locator("select").first.evaluate("each => each.selectedOptions[0].textContent")
    assert monitor == "val_loss"
    printed = CliRunner().invoke(main, ["explain", str(sample_logs / "keras3-overfit"), "-c", line]).stdout
    said = dict(re.findall(r"^epoch +(\d+): (.*)$", printed, re.MULTILINE))
    assert len(said) > 2
    (restored,) = re.findall(r"^At the end .*$", printed, re.MULTILINE)
    ends = {max(said, key=int): f" {restored}"}
    for epoch, text in said.items():
        page.locator("#epoch").evaluate(
            "(slider, row) => { slider.value = row; slider.dispatchEvent(new Event('input')); }", int(epoch) - 1
        )
        text += ends.get(epoch, "")
        assert page.inner_text("#say").split("\n")[0].strip() == f"Epoch {epoch}"
        assert " ".join(page.inner_text("#say").split()[2:]) == text
        assert page.get_attribute("#epoch", "aria-valuetext") == f"Epoch {epoch} {text}"


@pytest.mark.parametrize("name", ["stop", "both", "rate", "nan", "gaps", "resumed", "korean"])
def test_no_label_is_cut_off_or_covered(visit, name):
    """Wherever the controls stand, on every scale, the labels of the chart are whole and apart."""
    page = visit(name)
    for number, positions in enumerate(random_positions(page, 20, seed=1)):
        move(page, positions)
        buttons = page.locator("[data-scale]:visible").all()
        buttons[number % len(buttons)].click()
        assert cut_off_texts(page) == [], positions
        assert touching_texts(page) == [], positions


@pytest.mark.parametrize("name", PAGES)
def test_python_wrote_what_the_program_draws(visit, name):
    """Without JavaScript the answer, facts, limits, epoch, code, table and labels are those of the program."""
    without, with_it = visit(name, java_script_enabled=False), visit(name)
    for selector in ("h1 + p", "#answer", "#also", "#facts", "#exact", "#say", "#code", "#epochs"):
        assert without.inner_text(selector).split() == with_it.inner_text(selector).split(), selector
    places = [page.locator("svg.chart text").evaluate_all(LABELS) for page in (without, with_it)]
    for one, other in zip(*map(sorted, places), strict=True):
        assert one[0] == other[0]
        assert one[1:] == pytest.approx(other[1:], abs=1)
    assert without.locator("[id^=control-]:visible").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_quiet_and_offline(visit, pages, name, scheme):
    """The page asks for nothing but itself, and the console stays empty while everything is used."""
    page = visit(name, color_scheme=scheme)
    for button in page.locator("button:visible").all():
        if button.get_attribute("id") != "copy":
            button.click()
    assert page.problems == []
    assert set(page.outside) <= {(pages / f"{name}.html").as_uri(), "data:,"}
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0


def test_everything_by_keyboard(visit):
    """Tab reaches every control; arrow keys move the sliders, and the answer, the chart and the code follow."""
    page = visit("both")
    page.keyboard.press("Tab")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert {f"control-{n}" for n in range(len(controls(page)))} <= set(reached)
    assert {"previous", "next", "to-end", "epoch", "code", "copy", "curve-chart"} <= set(reached)
    page.evaluate("window.heard = []; document.addEventListener('kcb:moved', event => heard.push(event.detail))")
    slider = page.get_by_label("patience").first
    slider.focus()
    before = page.inner_text("#code")
    slider.press("ArrowLeft")
    assert page.inner_text("#code") != before
    assert slider.get_attribute("aria-valuetext") == page.inner_text(f"#value-{slider.get_attribute('id')[8:]}")
    (heard,) = page.evaluate("heard")
    assert heard["answer"] == page.inner_text("#answer")
    page.locator("#previous").press("Enter")
    assert page.locator("#epochs tr[aria-current]").count() == 1


@pytest.mark.parametrize("name", PAGES)
def test_narrow_screen_has_no_sideways_scroll(visit, name):
    """At 390 pixels the document does not scroll sideways, and what scrolls can be reached by keyboard."""
    page = visit(name, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert unreachable_boxes(page) == []


def test_hostile_names_are_text(visit):
    """Names that are markup or reorder text are shown as they are written, and nothing runs."""
    page = visit("hostile")
    assert page.evaluate("window.broken") is None
    assert page.locator("img, iframe, object, embed, form, base, main b script").count() == 0
    assert page.locator("script").count() == 2
    text = page.inner_text("body")
    assert HOSTILE[0] in text
    assert r"<b>\u202e</b>longlong" in text
    assert "\u202e" not in page.content()


def test_policy_stops_what_an_escape_might_miss(visit):
    """An injected script or handler is refused by the policy of the page."""
    page = visit("stop")
    inject(page)
    assert page.evaluate("window.broken") is None
    assert any("Content Security Policy" in problem for problem in page.problems)


def test_paper_is_white_and_whole(visit):
    """Printing forces light colours, leaves the controls out and shows the whole table."""
    page = visit("both", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.tall')).maxHeight") == "none"
    assert page.locator("[id^=control-]:visible, #previous:visible, #copy:visible").count() == 0
    assert len(page.pdf()) > 10_000


@pytest.mark.parametrize("name", ["both"])
def test_tables_fit_on_paper(visit, name):
    """No column of a table is cut by the edge of a printed page."""
    assert cells_off_the_paper(visit(name)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit, name, scheme):
    """axe-core has no complaint: WCAG 2.2 AA and best practice."""
    assert complaints_of_axe(visit(name, color_scheme=scheme, bypass_csp=True)) == []
