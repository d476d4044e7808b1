"""The course: every number is that of a replay, every text exists in every language, and a folder is written or not."""

from __future__ import annotations

import re
import string
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from places import ROOT

import kcb_replay as kcb
from kcb_replay.errors import KcbReplayError
from kcb_replay.language.reason import reason
from kcb_replay.replay.settings_text import parse_callback
from kcb_replay.report.course.lesson import Option, Round, marked_up, paragraphs
from kcb_replay.report.course.lessons import LESSONS
from kcb_replay.report.course.lessons.hooks import walk
from kcb_replay.report.course.lessons.own import StopWhenReached, source_code, stop_of
from kcb_replay.report.course.page import INDEX, course_of, course_pages, write_folder
from kcb_replay.report.course.rounds import initial_rate, sample
from kcb_replay.report.sections import explanation
from kcb_replay.text import short

CATALOGUES = ("language", "report/course")
OF_WORDS = ("", ".", "A", "A.", ";", "and")
HANGUL = re.compile(r"[\uac00-\ud7a3]")
# Four English words in a row are a sentence that nobody has translated.
ENGLISH_SENTENCE = re.compile(r"(?:\b[A-Za-z]+\b[ ,]+){3,}[A-Za-z]+")
# What stands in a Korean text as it is: Keras's own names, quantities and placeholders.
UNTRANSLATED = re.compile(r"`[^`]*`|\{[^}]*\}|patience|GL|PQ|ReduceLROnPlateau|min_delta|ModelCheckpoint")
KEYS = ("hooks", "patience", "min_delta", "baseline", "start", "restore", "checkpoint", "factor", "cooldown")
KEYS += ("conflict", "order", "schedule", "nan", "own")


def flat(table, prefix=""):
    """Return the texts of a catalogue by dotted keys."""
    found = {}
    for name, value in table.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def texts_of(folder, language):
    """Return the texts of a catalogue, of which each is in one theme."""
    texts = {}
    for theme in sorted((ROOT / folder / language).glob("*.toml")):
        found = flat(tomllib.loads(theme.read_text(encoding="utf-8")))
        assert not texts.keys() & found.keys()
        texts |= found
    return texts


def placeholders(text):
    """Return what fills a text and how a number is written; words and full stops are a matter of the language."""
    parts = string.Formatter().parse(text)
    named = {(name, "" if spec in OF_WORDS else spec) for _, name, spec, _ in parts if name and "|" not in spec}
    assert all(not spec or spec in OF_WORDS or spec[-1] in "defgrs%," for _, spec in named)
    return named


@pytest.fixture(scope="session")
def course():
    """Return the course as it comes with the package."""
    return course_of()


@pytest.fixture(scope="session")
def rounds(course):
    """Return the questions by their keys."""
    return {made.round.key: made.round for taught in course.taught for made in taught.rounds}


@pytest.fixture(scope="session")
def pages(course):
    """Return the English pages."""
    return course_pages(course, command="kcb-replay course -o course/")


def replay_of_the_code(asked, place):
    """Replay the code that a position shows, read as a user would type it."""
    callbacks = [parse_callback(line) for line in asked.positions[place].code]
    return kcb.replay(asked.recording, callbacks, initial_lr=initial_rate(asked.recording))


def schedule_of_the_code(asked):
    """Replay the schedule that the asked position names; our own schedules give plain floats."""
    schedule = asked.positions[asked.goal].code[0].removeprefix("decay = ")
    return kcb.replay(asked.recording, [parse_callback(f"LearningRateScheduler({schedule})")])


def right_answer(asked):
    """Return what the right option says: its text, or the numbers that fill it."""
    text = asked.options[asked.right].text
    return text if isinstance(text, str) else tuple(dict(text.values).values()) or text.code


def written_columns(found):
    """Return the columns of the file that the CSVLogger of a replay writes."""
    logger = next(outcome for outcome in found.outcomes if "text" in outcome.output)
    return logger.output["text"].splitlines()[0].split(",")


# What the right answer to each question has to be, read off a replay of the code on the page and nothing else.
TRUTH = {
    "patience": lambda found: (found.stop_epoch,),
    "min_delta": lambda found: (found.stop_epoch,),
    "baseline": lambda found: (found.stop_epoch,),
    "start": lambda found: (found.stop_epoch,),
    "nan": lambda found: (found.stop_epoch,),
    "restore": lambda found: (found.outcomes[0].kept_index + 1,),
    "checkpoint": lambda found: (len(found.outcomes[0].on_disk),),
    "factor": lambda found: short(found.outcomes[0].drops[0].new_lr),
    "cooldown": lambda found: (len(found.outcomes[0].drops),),
    "conflict": lambda found: (sum(row.lr_begin != found.rows[0].lr_begin for row in found.rows),),
    "schedule": lambda found: short(found.rows[-1].lr_begin),
    "order": lambda found: f"order.option_{'with' if 'learning_rate' in written_columns(found) else 'without'}",
}


@pytest.mark.parametrize("key", TRUTH)
def test_the_right_answer_is_that_of_the_code_on_the_page(rounds, key):
    """The code of the asked position, parsed and replayed, gives the option that is marked right."""
    asked = rounds[key]
    found = schedule_of_the_code(asked) if key == "schedule" else replay_of_the_code(asked, asked.goal)
    assert right_answer(asked) == TRUTH[key](found)


@pytest.mark.keras
@pytest.mark.parametrize("key", [key for key in TRUTH if key != "order"])  # a real CSVLogger would write its file
def test_real_keras_takes_the_code_and_does_the_same(rounds, key):
    """The code of every position, run with Keras installed, stops and sets the learning rate as the page says."""
    keras = pytest.importorskip("keras")
    asked = rounds[key]
    for shown in asked.positions:
        names = {**vars(keras.callbacks), **vars(keras.optimizers.schedules)}
        *before, last = shown.code if key == "schedule" else ("", f"[{', '.join(shown.code)}]")
        exec("\n".join(before), names)
        made = eval(last, names)
        real = kcb.replay(
            asked.recording, made if isinstance(made, list) else [made], initial_lr=initial_rate(asked.recording)
        )
        assert (real.stop_epoch, [row.lr for row in real.rows]) == (
            shown.replay.stop_epoch,
            [row.lr for row in shown.replay.rows],
        )


@pytest.mark.parametrize("key", ["patience", "min_delta", "baseline", "start", "conflict", "cooldown"])
def test_every_position_was_replayed(rounds, key):
    """What each position of a slider shows is the replay of the code that it shows."""
    asked = rounds[key]
    for place, shown in enumerate(asked.positions):
        found = replay_of_the_code(asked, place)
        assert found.to_dict() == shown.replay.to_dict()
        assert dict(shown.answer.values).get("stop") == found.stop_epoch


def test_seven_lessons_ask_what_they_teach(course, rounds):
    """There are seven, and every question of the issue is among them, with three or four answers to choose from."""
    assert [taught.number for taught in course.taught] == [1, 2, 3, 4, 5, 6, 7]
    assert set(rounds) == set(KEYS)
    assert all(3 <= len(asked.options) <= 4 for asked in rounds.values())


@pytest.mark.parametrize("key", KEYS)
def test_the_slider_does_not_give_the_answer_away(rounds, key):
    """The position that is shown first does not say what the asked one says."""
    asked = rounds[key]
    start, goal = asked.positions[asked.start], asked.positions[asked.goal]
    assert (start.answer.code, start.answer.values) != (goal.answer.code, goal.answer.values)


def test_a_round_has_exactly_one_right_answer(rounds):
    """A round that could be answered twice, or that asks for what it shows, cannot be made."""
    asked = rounds["patience"]
    with pytest.raises(ValueError, match="one right answer"):
        replace(asked, options=(Option(text="a", right=True), Option(text="b", right=True)))
    with pytest.raises(ValueError, match="that it shows"):
        replace(asked, goal=asked.start)


def test_hooks_are_walked_in_the_order_of_fit():
    """The engine calls them as Keras does, and val_ is there at the end of the epoch only."""
    calls = walk(sample("keras3-overfit").fits[0])
    epoch = ["on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_test_begin", "on_test_end"]
    epoch.append("on_epoch_end")
    assert [call.hook for call in calls] == ["on_train_begin", *epoch, *epoch, "on_train_end"]
    with_val_loss = [call.hook for call in calls if "val_loss" in call.logs]
    assert with_val_loss == ["on_epoch_end", "on_epoch_end", "on_train_end"]
    validated = next(call for call in calls if call.hook == "on_test_end")
    assert set(validated.logs) == {"accuracy", "loss"}


def test_the_table_of_hooks_uncovers_one_call_after_the_other(rounds):
    """What lies ahead of the slider is covered."""
    asked = rounds["hooks"]
    for place, shown in enumerate(asked.positions):
        covered = [row[-1] == "…" for row in shown.picture.rows]
        assert covered == [number > place for number in range(len(asked.positions))]


def test_the_patience_conflict_is_the_one_that_the_lints_speak_of(rounds):
    """Lesson 6 asks for the setting that kcb-replay itself warns of."""
    asked = rounds["conflict"]
    assert "reduced-rate-unused" in {lint.code for lint in asked.positions[asked.goal].replay.lints}


@pytest.mark.keras
@pytest.mark.parametrize("target", [0.88, 0.93, 0.95])
def test_the_own_callback_does_on_real_keras_what_the_lesson_says(tmp_path, target):
    """The code to take home, on Keras's own base class over the same recording, stops where the lesson's class does."""
    pytest.importorskip("keras")
    (tmp_path / "stop_when_reached.py").write_text(source_code(), encoding="utf-8")
    recording = sample("keras3-overfit")
    real = parse_callback(f'{tmp_path}/stop_when_reached.py:StopWhenReached("val_accuracy", {target})')
    found = kcb.replay(recording, [real])
    assert found.stop_index == stop_of(StopWhenReached("val_accuracy", target), found.stream.epochs)


@pytest.mark.parametrize("folder", CATALOGUES)
def test_both_languages_have_the_same_texts_and_placeholders(folder):
    """No text is missing in Korean, and each is filled with the same numbers."""
    english, korean = texts_of(folder, "en"), texts_of(folder, "ko")
    assert set(english) == set(korean)
    assert [key for key in english if placeholders(english[key]) != placeholders(korean[key])] == []


@pytest.mark.parametrize("folder", CATALOGUES)
def test_no_english_sentence_is_left_in_korean(folder):
    """Every text speaks Korean; names of Keras and quantities stay as they are."""
    texts = texts_of(folder, "ko")
    bare = {key: UNTRANSLATED.sub("", text) for key, text in texts.items()}
    assert [key for key, text in bare.items() if re.search(r"[A-Za-z]{2}", text) and not HANGUL.search(text)] == []
    assert [key for key, text in bare.items() if ENGLISH_SENTENCE.search(text)] == []


def test_every_text_that_a_lesson_may_say_is_in_the_catalogue():
    """Also those for recordings that do not suit, which no shipped page shows."""
    texts, missing = {**texts_of("language", "en"), **texts_of("report/course", "en")}, []
    for path in (ROOT / "report" / "course").rglob("*.py"):
        keys = re.findall(r'reason\(\s*"([a-z_.A-Z]+)"', path.read_text(encoding="utf-8"))
        missing += [key for key in keys if key not in texts]
    assert missing == []
    parts = ("head", "intro", "question", "why")
    assert [f"{key}.{part}" for key in KEYS for part in parts if f"{key}.{part}" not in texts] == []


def require_offline_pages(pages, language):
    """Check what holds for each page: its language, its policy, nothing from elsewhere, and its size."""
    assert len(pages) == 1 + len(LESSONS) + 5
    for text in pages.values():
        assert f'<html lang="{language}">' in text
        assert "Content-Security-Policy" in text
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text
        assert " style=" not in text
        assert len(text.encode()) < 300_000


@pytest.mark.slow
def test_there_are_an_index_seven_lessons_and_five_pages_to_try(pages):
    """Each is whole in itself, and small enough to mail."""
    require_offline_pages(pages, "en")
    assert not HANGUL.search(pages[INDEX])


@pytest.mark.slow
def test_all_pages_are_there_in_korean(course):
    """The same pages, in the other language."""
    pages = course_pages(course, language="ko")
    require_offline_pages(pages, "ko")
    assert all(HANGUL.search(text) for text in pages.values())


def test_the_page_to_try_begins_with_the_answer(course, pages):
    """The explainer behind a lesson starts at the position that the lesson asked for."""
    for taught in course.taught:
        if taught.try_file:
            asked = taught.rounds[taught.lesson.tried].round
            answer = explanation(asked.positions[asked.goal].replay).splitlines()[3]
            stop = asked.positions[asked.goal].replay.stop_epoch
            said = f"Training stops after epoch {stop} of" if stop else answer
            assert said in pages[taught.try_file]
            assert f'href="{taught.file}"' in pages[taught.try_file]


def test_the_answer_stands_on_the_page_without_a_program(pages, rounds):
    """The right answer of each question is in the details that unfold without JavaScript."""
    text = pages["lesson-2-patience.html"]
    details = re.findall(r"<details>.*?</details>", text, re.DOTALL)
    stops = [dict(rounds[key].options[rounds[key].right].text.values)["epoch"] for key in ("patience", "min_delta")]
    assert [f"The answer: after epoch {stop}." in part for stop, part in zip(stops, details, strict=True)] == [
        True,
        True,
    ]


def test_texts_are_escaped_and_code_is_marked_up():
    """What stands in backticks becomes code, whatever it holds stays text."""
    assert str(marked_up("`a<b` & <i>\u202e")) == "<code>a&lt;b</code> &amp; &lt;i&gt;\\u202e"
    assert paragraphs("one\ntwo\n\nthree") == ["one two", "three"]


@pytest.mark.slow
def test_a_teachers_recording_is_used_wherever_it_shows_what_is_asked(sample_logs):
    """Numbers, options and right answers follow the recording; the question on NaN keeps its own and says so."""
    (own,) = kcb.read(sample_logs / "tf_keras-overfit" / "training.log")
    course = course_of(own)
    made = {each.round.key: each for taught in course.taught for each in taught.rounds}
    kept = {key: asked.kept_because.code for key, asked in made.items() if asked.kept_because}
    assert kept == {"nan": "unsuited.nan"}
    assert all(made[key].round.recording is own for key in made if key not in kept)
    asked = made["patience"].round
    assert right_answer(asked) == TRUTH["patience"](replay_of_the_code(asked, asked.goal))
    pages = course_pages(course)
    assert "the question keeps keras3-nan" in pages["lesson-7-own.html"]
    assert own.name in pages[INDEX]


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ({"loss": [1.0, 0.9, 0.8]}, "unsuited.metric"),
        ({"val_loss": [1.0]}, "unsuited.patience"),
        ({"val_loss": [1.0, 0.9, 0.8]}, "unsuited.patience"),
        ({"val_loss": [float("nan")] * 5}, "unsuited.metric"),
        ({"val_loss": [float("nan"), 1.0, 0.9]}, "unsuited.patience"),
    ],
    ids=["no val_loss", "one epoch", "too short", "only NaN", "NaN first"],
)
def test_a_recording_that_does_not_suit_is_replaced_with_the_reason(recording, metrics, reason):
    """Where a recording cannot show what is asked, the lesson keeps its own."""
    course = course_of(recording("mine", **metrics))
    (patience, _) = course.taught[1].rounds
    assert patience.kept_because.code == reason
    assert patience.round.recording is sample("keras3-overfit")


def test_a_recording_that_begins_later_is_not_asked(recording):
    """Epochs that count from somewhere else would confuse, so the lesson keeps its own."""
    asked = course_of(recording("mine", first=5, val_loss=[1.0, 0.8, 0.9, 0.7, 0.9, 0.9, 0.9])).taught[1].rounds[0]
    assert asked.kept_because.code == "unsuited.epochs"


def test_a_recording_of_several_fits_is_asked_about_its_longest(recording):
    """The lesson says nothing of the others, and does not fail."""
    parts = [
        recording("mine", val_loss=values) for values in ([1.0, 0.9], [1.0, 0.8, 0.9, 0.9, 0.7, 0.8, 0.8, 0.8, 0.8])
    ]
    both = replace(parts[0], fits=(parts[0].fits[0], parts[1].fits[0]))
    asked = course_of(both).taught[1].rounds[0]
    assert asked.kept_because is None
    assert asked.round.positions[0].replay.fit == 1


@pytest.mark.slow
def test_names_from_logs_are_inert(recording):
    """A run whose name is markup is text on every page."""
    name = '<img src=x onerror=alert(1)>\u202e"'
    values = [1.0, 0.8, 0.9, 0.9, 0.7, 0.8, 0.8, 0.8, 0.8, 0.9, 0.9, 0.9]
    for text in course_pages(course_of(recording(name, val_loss=values))).values():
        assert "<img" not in text
        assert "\u202e" not in text


def test_every_shipped_recording_is_in_the_wheel():
    """The package data name each file that a lesson reads and no other, and sources say where it is in a checkout."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    shipped = {path for pattern in data["kcb_replay"] for path in ROOT.glob(pattern)}
    samples = {maker.sample for lesson in LESSONS for maker in lesson.makers}
    used = {ROOT / source.path for name in samples for source in sample(name).sources}
    assert used == shipped - {ROOT / "py.typed"}


def test_a_folder_keeps_what_is_not_of_the_course(tmp_path):
    """Pages of an earlier course are replaced whole; a foreign file stays as it is."""
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    earlier = '<meta name="generator" content="kcb-replay 0.1.0"> and longer than what follows'
    (tmp_path / "a.html").write_text(earlier, encoding="utf-8")
    write_folder(tmp_path, {"a.html": "new", "b.html": "too"})
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        "notes.txt": "mine",
        "a.html": "new",
        "b.html": "too",
    }


@pytest.mark.parametrize("exists", [True, False])
def test_a_course_that_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch, exists):
    """When writing fails half way, old pages are as they were, and a new folder is gone again."""
    folder = tmp_path / "course"
    if exists:
        folder.mkdir()
        (folder / "a.html").write_text("old", encoding="utf-8")
    written, write = [], Path.write_text

    def full(path, *arguments, **named):
        written.append(path)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        return write(path, *arguments, **named)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(KcbReplayError, match="No space left on device"):
        write_folder(folder, {"a.html": "new", "b.html": "new"})
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == (["a.html"] if exists else [])
    assert folder.exists() == exists


def test_a_folder_in_the_place_of_a_page_stops_everything(tmp_path):
    """Nothing is written beside it."""
    (tmp_path / "b.html").mkdir()
    with pytest.raises(KcbReplayError, match=r"b\.html is a folder"):
        write_folder(tmp_path, {"a.html": "new", "b.html": "new"})
    assert [path.name for path in tmp_path.iterdir()] == ["b.html"]


@pytest.mark.slow
def test_the_command_writes_the_course(cli, sample_logs, tmp_path):
    """The pages lie in the folder; stderr says how many, and which questions keep their recording and why."""
    log = sample_logs / "keras3-validation-freq" / "training.log"
    result = cli("course", "-o", "course", "--lang", "ko", "--run", log)
    assert result.exit_code == 0
    assert "Wrote course (13 pages" in result.stderr
    assert "Lesson 5 keeps keras3-reduce-lr: it does not say which learning rate it was trained with." in result.stderr
    assert result.stdout == ""
    assert len(list((tmp_path / "course").glob("*.html"))) == 13


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-o", "missing/course"], 1, "does not exist. Make it first."),
        (["-o", "taken"], 1, "taken is a file. Give the name of a folder"),
        (["-o", "course", "--lang", "tlh"], 2, "'tlh' is not one of 'en', 'ko'"),
        (["-o", "course", "--run", "nothing"], 1, "'nothing' is no file or folder"),
        ([], 2, "Missing option '-o'"),
    ],
    ids=["no parent", "a file", "language", "no run", "no folder"],
)
def test_wrong_usage_says_what_to_do_and_writes_nothing(cli, tmp_path, arguments, code, message):
    """An error names the remedy, and no folder appears."""
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    result = cli("course", *arguments)
    assert result.exit_code == code
    assert message in " ".join(result.stderr.split())
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_several_runs_are_one_too_many(cli, sample_logs, tmp_path):
    """A folder of three runs is refused, with their number."""
    result = cli("course", "-o", "course", "--run", sample_logs / "seeds")
    assert result.exit_code == 2
    assert "stands for 3 runs, but exactly one is needed" in result.stderr
    assert not (tmp_path / "course").exists()


def test_explain_speaks_korean_on_its_page_and_in_the_terminal(cli, sample_logs, tmp_path):
    """Both have the same catalogue; what was written is told in English."""
    log = sample_logs / "keras3-overfit" / "training.log"
    assert cli("explain", log, "--html", "run.html", "--lang", "ko").exit_code == 0
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert '<html lang="ko">' in page
    assert "에포크 20 뒤에 학습이 멈춥니다." in page
    printed = cli("explain", log, "--lang", "ko").stdout
    assert "그때까지는 지켜보기만 합니다." in printed
    assert "에포크 20: " in printed


def test_a_text_cannot_be_changed():
    """Texts are values: what fills them is read only."""
    text = reason("option.after", epoch=3)
    with pytest.raises(TypeError):
        text.values[0] = ("epoch", 4)


def test_rounds_are_made_anew_and_alike(rounds):
    """Making a question twice gives the same question."""
    maker = LESSONS[1].makers[0]
    again = maker.make(sample(maker.sample))
    assert isinstance(again, Round)
    assert [option.text for option in again.options] == [option.text for option in rounds["patience"].options]
