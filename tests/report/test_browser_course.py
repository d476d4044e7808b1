"""The lessons in a real browser: from question to answer by keyboard alone, in both languages, offline and inert."""

from __future__ import annotations

import pytest
from browsing import (
    HOSTILE,
    browser_marks,
    complaints_of_axe,
    cut_off_texts,
    hostile_recordings,
    inject,
    touching_texts,
    unreachable_boxes,
)

import kcb_replay as kcb
from kcb_replay.report.course.lesson import plain, texts
from kcb_replay.report.course.page import INDEX, course_of, course_pages, write_folder

COURSE = course_of()
LESSONS = [taught.file for taught in COURSE.taught]
LANGUAGES = ("en", "ko")
# One with charts, one with tables and code: what all pages have in common is looked at on these.
BOTH_KINDS = ("lesson-5-plateau.html", "lesson-7-own.html")
pytestmark = browser_marks


@pytest.fixture(scope="module")
def courses(tmp_path_factory, sample_logs):
    """Write the course in both languages, and one from a recording with a hostile name."""
    folder = tmp_path_factory.mktemp("courses")
    for language in LANGUAGES:
        write_folder(folder / language, course_pages(COURSE, language=language))
    (hostile,) = hostile_recordings(kcb.read(sample_logs / "keras3-overfit" / "training.log"))
    write_folder(folder / "hostile", course_pages(course_of(hostile), command=HOSTILE[0]))
    return folder


@pytest.fixture
def visit(open_file, courses):
    """Return a function that opens a page of a course."""
    return lambda file, language="en", **settings: open_file(courses / language / file, **settings)


def taught_in(file):
    """Return the lesson of a page."""
    return next(taught for taught in COURSE.taught if taught.file == file)


def predict(page, part, option):
    """Choose an answer by keyboard alone: reach the first by Tab, go on by arrow keys, take it by Space."""
    part.locator("input[type=radio]").first.focus()
    page.keyboard.press("Space")
    for _ in range(option):
        page.keyboard.press("ArrowDown")


def slide_to_the_question(page, asked):
    """Go on to the slider by Tab and move it, step by step, to the asked position."""
    page.keyboard.press("Tab")
    steps = asked.goal - asked.start
    for _ in range(abs(steps)):
        page.keyboard.press("ArrowRight" if steps > 0 else "ArrowLeft")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", LESSONS)
def test_from_question_to_answer_by_keyboard_alone(visit, file, language):
    """The slider waits for the prediction; at the asked position the page says what the replay says, and why.

    What is to be remembered, and the page to try, give answers away, so they come when every question is answered.
    """
    page, said = visit(file, language), texts(language)
    assert page.locator(".later:visible").count() == 0
    for number, each in enumerate(taught_in(file).rounds):
        asked, part = each.round, page.locator(".round").nth(number)
        slider, verdict = part.locator("input[type=range]"), part.locator(".verdict")
        assert slider.is_disabled()
        assert verdict.inner_text() == said.say("course.first")
        chosen = asked.right if number % 2 == 0 else (asked.right + 1) % len(asked.options)
        predict(page, part, chosen)
        assert verdict.inner_text() == plain(said.say("course.now", value=asked.positions[asked.goal].value))
        slide_to_the_question(page, asked)
        goal = asked.positions[asked.goal]
        assert slider.evaluate("each => each === document.activeElement")
        assert part.locator("output").inner_text() == goal.value
        assert part.locator(".shown:visible .outcome").inner_text() == plain(said.why(goal.answer))
        assert slider.get_attribute("aria-valuetext") == plain(f"{goal.value}: {said.why(goal.answer)}")
        assert verdict.get_attribute("data-is") == ("right" if chosen == asked.right else "wrong")
        assert verdict.inner_text().endswith(plain(said.why(asked.why)))
    assert page.locator(".later[hidden]").count() == 0
    assert page.problems == []
    assert set(page.outside) <= {page.url, "data:,"}


@pytest.mark.parametrize("file", LESSONS)
def test_every_position_can_be_shown_and_nothing_overlaps(visit, file):
    """Each step of each slider shows its own picture, code and limits; no label is cut off or covered."""
    page = visit(file)
    for number, each in enumerate(taught_in(file).rounds):
        part = page.locator(".round").nth(number)
        part.locator("input[type=radio]").first.check()
        slider = part.locator("input[type=range]")
        slider.press("Home")
        for place, position in enumerate(each.round.positions):
            assert slider.input_value() == str(place)
            assert part.locator(".shown:visible").count() == 1
            assert part.locator(".shown:visible pre").inner_text().split("\n")[0] == position.code[0]
            assert touching_texts(page) == []
            assert cut_off_texts(page) == []
            slider.press("ArrowRight")


def test_a_changed_mind_is_judged_at_once(visit):
    """After the answer was seen, another choice gets its own sentence."""
    page, asked = visit(LESSONS[1]), COURSE.taught[1].rounds[0].round
    part = page.locator(".round").first
    predict(page, part, asked.right)
    slide_to_the_question(page, asked)
    wrong = next(place for place, option in enumerate(asked.options) if not option.right)
    part.locator("input[type=radio]").nth(wrong).check()
    assert part.locator(".verdict").get_attribute("data-is") == "wrong"
    part.locator("input[type=radio]").nth(asked.right).check()
    assert part.locator(".verdict").get_attribute("data-is") == "right"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", [INDEX, *LESSONS])
def test_narrow_screen_has_no_sideways_scroll(visit, file, language):
    """At 390 pixels the document does not scroll sideways, and what scrolls can be reached by keyboard."""
    page = visit(file, language, width=390)
    for number, each in enumerate(taught_in(file).rounds if file != INDEX else ()):
        predict(page, page.locator(".round").nth(number), 0)
        slide_to_the_question(page, each.round)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert unreachable_boxes(page) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", LESSONS)
def test_readable_without_javascript(visit, file, language):
    """Python's own words are there: the question, the first picture, and the answer to unfold."""
    page, said = visit(file, language, java_script_enabled=False), texts(language)
    for number, each in enumerate(taught_in(file).rounds):
        part = page.locator(".round").nth(number)
        assert part.locator("input[type=range]").is_hidden()
        assert part.locator(".shown:visible").count() == 1
        part.locator("summary").press("Enter")
        assert plain(said.why(each.round.why)) in part.locator("details").inner_text()


def test_the_answer_does_not_lie_about_open(visit):
    """With JavaScript the answer that unfolds is not there to peek at, on the screen or on paper."""
    page = visit(LESSONS[1])
    assert page.locator("details").first.is_hidden()
    page.emulate_media(media="print")
    assert page.locator("details").first.is_hidden()


def test_paper_is_white_and_a_worksheet(visit):
    """Printing forces light colours, keeps question and choices, and drops slider and verdict."""
    page = visit(LESSONS[1], color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("fieldset").first.is_visible()
    assert page.locator(".slide").first.is_hidden()
    assert len(page.pdf()) > 10_000


def test_lessons_lead_to_each_other(visit):
    """From the index to the first lesson, and on by its links to the last."""
    page = visit(INDEX)
    page.locator("ol.lessons a").first.click()
    for file in LESSONS[1:]:
        page.locator("nav .on").click()
        assert page.url.endswith(file)
    assert page.locator("nav .on").count() == 0
    assert page.problems == []


@pytest.mark.parametrize("taught", [taught for taught in COURSE.taught if taught.try_file], ids=lambda each: each.file)
def test_a_lesson_leads_to_its_explainer_and_back(visit, taught):
    """When all is answered, the page with every slider is one link away; its sliders move, and it leads back."""
    page = visit(taught.file, "ko")
    for number, each in enumerate(taught.rounds):
        predict(page, page.locator(".round").nth(number), 0)
        slide_to_the_question(page, each.round)
    page.locator(".try a").click()
    answer = page.locator("#answer")
    before = answer.inner_text()
    page.locator(".settings input[type=range]").first.press("Home")
    assert answer.inner_text() != before
    page.locator(f"a[href='{taught.file}']").click()
    assert page.url.endswith(taught.file)
    assert page.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("file", [INDEX, *BOTH_KINDS])
def test_axe_finds_nothing(visit, file, scheme):
    """axe-core has no complaint, before a prediction and after the answer."""
    page = visit(file, color_scheme=scheme, bypass_csp=True)
    for number, each in enumerate(taught_in(file).rounds if file != INDEX else ()):
        predict(page, page.locator(".round").nth(number), 0)
        slide_to_the_question(page, each.round)
    assert complaints_of_axe(page) == []


def test_axe_finds_nothing_in_korean(visit):
    """The language of the page and the names of its parts hold in Korean, too."""
    assert complaints_of_axe(visit(LESSONS[0], "ko", bypass_csp=True)) == []


@pytest.mark.parametrize("file", [INDEX, *BOTH_KINDS])
def test_hostile_names_are_text(visit, file):
    """A run whose name is markup is shown as it is written, and nothing runs."""
    page = visit(file, "hostile")
    assert page.evaluate("window.broken") is None
    assert page.locator("img, iframe, object, embed, form, base").count() == 0
    assert page.locator("script").count() == (1 if file == INDEX else 2)
    assert HOSTILE[0] in page.inner_text("body")


def test_policy_stops_what_an_escape_might_miss(visit):
    """An injected script or handler is refused by the policy of the page."""
    page = visit(LESSONS[0])
    inject(page)
    assert page.evaluate("window.broken") is None
    assert any("Content Security Policy" in problem for problem in page.problems)
