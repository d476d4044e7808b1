"""The HTML report: one file, offline, one program, every name inert, and the numbers are those of the replays."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

import kcb_replay as kcb
from kcb_replay.errors import KcbReplayError
from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.language.reason import reason
from kcb_replay.replay.simulation import LeftOut, Simulation
from kcb_replay.report.report_page import MOST_EPOCHS, contents_of, page_html, report
from kcb_replay.text import visible

BOTH = [kcb.EarlyStopping(patience=5), kcb.ReduceLROnPlateau(patience=4, factor=0.5)]
IMPATIENT = (kcb.EarlyStopping(patience=1),)
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "a\u202egnp.exe",
    '"><script>alert(2)</script>',
    "{{ 7*7 }}",
    "'\x00\x1b[2J\n",
    "\ud800",
]


class Markup(HTMLParser):
    """Collects elements, attributes and the text of cells."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.open, self.void = [], [], [], {"meta", "link", "br", "input"}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note an element and its attributes."""
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Note an element that is closed at once."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        """Check that what was opened last is closed first."""
        assert self.open.pop() == tag


@pytest.fixture(scope="session")
def recordings(sample_logs):
    """Return the shipped recordings."""
    return list(kcb.read(sample_logs))


@pytest.fixture(scope="session")
def simulation(recordings):
    """Return a simulation of every shipped run with both callbacks."""
    return kcb.simulate(recordings, [BOTH])


@pytest.fixture(scope="session")
def page(simulation):
    """Return the page of that simulation."""
    return page_html(simulation, command="kcb-replay report sample_logs -o report.html")


def simulated(recording, *names, callbacks=IMPATIENT, values=(0.5, 0.6, 0.7)):
    """Return a simulation of made-up runs."""
    return kcb.simulate([recording(name, val_loss=list(values)) for name in names], [list(callbacks)])


def text_of(html):
    """Return what can be read on a page."""
    read = re.sub(r"<(style|script)\b.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", read)).split())


def test_page_needs_nothing_from_elsewhere(page):
    """There is no address of another place, one script, no style attribute and no event handler."""
    markup = Markup(page)
    assert markup.tags.count("script") == 1
    assert not re.findall(r"https?://|url\((?!#)|@import", page)
    for tag, name, value in markup.attributes:
        assert name != "style", tag
        assert not name.startswith("on"), (tag, name)
        if name in {"href", "src", "xlink:href", "action"}:
            assert value.startswith(("#", "data:,")), value


def test_elements_are_closed_and_ids_unique(page):
    """The markup is well formed, every id occurs once, and every link inside the page leads somewhere."""
    markup = Markup(page)
    assert markup.open == []
    ids = [value for _, name, value in markup.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = {value[1:] for _, name, value in markup.attributes if name == "href" and value.startswith("#")}
    assert links <= set(ids)


def test_policy_allows_exactly_the_one_style_sheet_and_program(page):
    """The hashes in the policy are those of the two texts as they stand in the page."""
    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)
    )
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{script_hash}'; style-src 'sha256-{style_hash}'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_run_names_are_text(recording, tmp_path, name):
    """A run name is shown as text with its invisible characters written out, alone and among others."""
    for names in ([name], [name, "other"]):
        report(simulated(recording, *names), tmp_path / "page.html")
        html = (tmp_path / "page.html").read_text(encoding="utf-8")
        markup = Markup(html)
        assert "img" not in markup.tags
        assert markup.tags.count("script") == 1
        assert not re.search("[\x00-\x09\x0b-\x1f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", html)
        assert " ".join(visible(name).split()) in text_of(html)


def test_hostile_metric_names_and_commands_are_text(recording):
    """The same holds for the monitor, the settings as code, reasons and the command line."""
    hostile = "<i>\u202e"
    found = recording("run", **{hostile: [0.5, 0.6, 0.7]})
    simulation = kcb.simulate([found], [[kcb.EarlyStopping(hostile, mode="min", patience=1)]])
    left_out = (LeftOut("<b>", 1, reason("note.recorded", text="<u>\u202e is not recorded"), ""),)
    html = page_html(Simulation(simulation.replays, left_out), command="kcb-replay <s>\u202e")
    assert not {"i", "s", "u"} & set(Markup(html).tags)
    assert "\u202e" not in html
    for text in (r"<i>\u202e", r"<u>\u202e is not recorded", r"kcb-replay <s>\u202e", "fit 1"):
        assert text in text_of(html)


def test_left_out_runs_are_listed_with_their_reasons(recording):
    """A run that cannot be replayed is named above the table, with what would help."""
    runs = [recording(name, val_dice=[0.5, 0.6]) for name in "ab"]
    simulation = kcb.simulate(runs, [[kcb.EarlyStopping("val_dice")]])
    text = text_of(page_html(simulation))
    assert "2 fits are left out." in text
    for each in simulation.left_out:
        assert f"{each.reason}" in text


@pytest.mark.parametrize(
    ("mode", "cell", "notice"),
    [
        ("max", "never", "EarlyStopping never stops: val_acc is not in its logs; did you mean val_accuracy?"),
        ("auto", "raises", "keras-3.15 raises ValueError at epoch 1: val_acc is not in its logs; did you mean"),
    ],
)
def test_a_run_without_the_monitor_is_a_row(recording, mode, cell, notice):
    """It is among the runs of the page, with what Keras does and why, and is counted."""
    runs = [recording("a", val_acc=[0.5, 0.6]), recording("b", val_accuracy=[0.5, 0.6])]
    contents = contents_of(kcb.simulate(runs, [[kcb.EarlyStopping("val_acc", mode=mode, patience=1)]]))
    assert sorted((row.name, row.cells[0]) for row in contents.rows) == [("a", "never"), ("b", cell)]
    assert contents.unanswered[0].startswith(f"b: {notice}")
    assert "2 runs" in contents.subtitle
    html = page_html(kcb.simulate(runs, [[kcb.EarlyStopping("val_acc", mode=mode, patience=1)]]))
    assert notice in text_of(html)


def test_nothing_replayed_is_still_a_page(tmp_path):
    """With every run left out the page is written, with only the notice."""
    path = tmp_path / "page.html"
    report(Simulation((), (LeftOut("one", 0, reason("note.recorded", text="val_loss is not recorded"), ""),)), path)
    html = path.read_text(encoding="utf-8")
    assert "one : val_loss is not recorded" in text_of(html)
    assert not {"table", "svg", "section"} & set(Markup(html).tags)


def titled(simulation):
    """Return each replay behind its name in the table: that of the run, and of the fit where it has several."""
    several = {replay.run for replay in simulation.replays if replay.fit}
    return [
        (f"{replay.run}, fit {replay.fit}" if replay.run in several else replay.run, replay)
        for replay in simulation.replays
    ]


def test_table_says_what_the_replays_say(simulation):
    """Every cell of the table of runs is a number of `to_dict`."""
    contents = contents_of(simulation)
    heads = [head.title for head in contents.columns]
    records = {title: replay.to_dict() for title, replay in titled(simulation)}
    assert len(contents.rows) == len(records)
    for row in contents.rows:
        record = records[row.name]
        stopping, reducing = record["callbacks"]
        cells = dict(zip(heads, row.cells, strict=True))
        assert cells["Stops"] == str(record["stop_epoch"])
        assert cells["Saved"] == str(stopping["saved_epochs"])
        assert cells["Best"] == str(stopping["best_epoch"])
        for head, key in (("Lowest val_loss", "lowest_value"), ("Kept val_loss", "kept_value"), ("Regret", "regret")):
            assert float(cells[head]) == pytest.approx(stopping[key], abs=1e-4, rel=1e-3)
        drops = [f"{drop['epoch']}{'' if drop['validity'] == 'exact' else '?'}" for drop in reducing["drops"]]
        assert cells["Lr drops"] == " ".join(drops)
        assert (row.validity, row.reason) == (record["validity"], record["reason"])


def test_largest_regret_comes_first(simulation):
    """The table begins with what was given up most."""
    rows = contents_of(simulation).rows
    regrets = {title: replay.outcomes[0].regret for title, replay in titled(simulation)}
    given_up = [regrets[row.name] for row in rows]
    assert given_up == sorted(given_up, reverse=True)


def test_page_writes_what_the_contents_say(page, simulation):
    """Answer, facts, table and sentences of the info stand on the page."""
    contents, text = contents_of(simulation), text_of(page)
    for said in (contents.question, contents.answer, contents.logic, *(fact.value for fact in contents.facts)):
        assert said in text
    for section in contents.sections:
        for lane in section.lanes:
            assert lane.sentence in text
            assert lane.reason in text


def test_one_run_is_asked_by_name(recording):
    """A single replay has its name in the question and its own answer."""
    text = text_of(page_html(simulated(recording, "resnet")))
    assert "When would EarlyStopping have stopped resnet ?" in text
    assert "Training stops after epoch 2 of 3." in text


def test_without_early_stopping_the_question_is_about_the_learning_rate(recording):
    """A list that cannot stop is asked when it would have reduced the learning rate."""
    simulation = simulated(recording, "a", "b", callbacks=[kcb.ReduceLROnPlateau(patience=1)])
    contents = contents_of(simulation)
    assert contents.question == "When would ReduceLROnPlateau have reduced the learning rate of these 2 runs?"
    assert [head.title for head in contents.columns] == ["Lr drops", "Final lr"]
    assert "regret" not in text_of(page_html(simulation)).lower()


def test_several_settings_are_told_apart(recordings):
    """Each list of callbacks is shown as code and named in every row; columns fit the rows."""
    settings = [[kcb.EarlyStopping(patience=3)], [kcb.ReduceLROnPlateau(patience=3)], BOTH]
    simulation = kcb.simulate(recordings[1:3], settings)
    contents = contents_of(simulation)
    assert [name for name, _ in contents.settings] == ["Setting 1", "Setting 2", "Setting 3"]
    assert {row.name.split(", ")[-1] for row in contents.rows} == {"setting 1", "setting 2", "setting 3"}
    assert {len(row.cells) for row in contents.rows} == {len(contents.columns)}
    assert Markup(page_html(simulation)).open == []


def test_epochs_after_the_stop_are_not_run(recording):
    """The epoch table has every recorded epoch, and says which did not run."""
    contents = contents_of(simulated(recording, "run", values=[0.5, 0.6, None, 0.4]))
    rows = contents.sections[0].rows
    assert [row.value for row in rows] == ["0.5000", "0.6000", "", "0.4000"]
    assert [bool(row.cells) for row in rows] == [True, True, False, False]
    assert rows[1].cells[0].kind == "stopped"


def test_one_epoch_has_no_chart(recording):
    """A single epoch is told in words and in the table."""
    html = page_html(simulated(recording, "run", values=[0.5]))
    assert "svg" not in Markup(html).tags
    assert "0.5000 is the first value." in text_of(html)


def many(count, epochs):
    """Return recordings that differ in their noise."""
    noise = np.random.default_rng(0)
    for number in range(count):
        values = 1 / np.arange(1, epochs + 1) + noise.normal(0, 0.02, epochs)
        yield Recording(f"run{number}", (), (Fit(np.arange(epochs), {"val_loss": _series(values)}),))


def _series(values):
    return Series(values, np.ones(len(values), bool), tag="val_loss", source="training.log")


def test_many_runs_have_sections_only_for_the_worst(tmp_path):
    """Only the worst are told epoch by epoch, the page says so, and it can be mailed."""
    simulation = kcb.simulate(many(50, 100), [IMPATIENT])
    contents = contents_of(simulation)
    assert (len(contents.rows), len(contents.sections)) == (50, MOST_EPOCHS // 100)
    report(simulation, tmp_path / "page.html")
    assert "the other 45 are in the table only" in text_of((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert (tmp_path / "page.html").stat().st_size < 200_000


@pytest.mark.slow
def test_five_hundred_runs_stay_below_a_megabyte():
    """All of them are drawn and listed."""
    html = page_html(kcb.simulate(many(500, 100), [IMPATIENT]))
    assert len(html.encode()) < 1_000_000


def test_of_more_than_500_fits_some_are_drawn():
    """The numbers are those of all, and the page says what it draws; all of them where that is asked for."""
    simulation = kcb.simulate(many(510, 5), [IMPATIENT])
    contents = contents_of(simulation)
    assert len(contents.rows) == 500
    assert contents.drawn_remark.startswith("Drawn and listed are 500 of 510 fits")
    assert "510" in contents.facts[0].remark
    assert len(contents_of(simulation, draw_all=True).rows) == 510


def test_all_curves_are_one_chart(simulation, page):
    """A curve per fit; rows know theirs."""
    contents = contents_of(simulation)
    assert len(contents.all_curves.curves.rows) == len(contents.rows)
    assert sorted(row.place for row in contents.rows) == list(range(len(contents.rows)))
    assert 'class="chart all few"' in page


def test_versions_stand_side_by_side(recordings):
    """A column per version, the stop and the regret of each fit in its line."""
    simulation = kcb.simulate(recordings[:3], [IMPATIENT], semantics="keras-2.0.8,keras-3.15")
    matrix = contents_of(simulation).matrix
    assert matrix.columns == ("keras-2.0.8", "keras-3.15")
    for title, cells in matrix.rows:
        for version, cell in zip(matrix.columns, cells, strict=True):
            (found,) = (each for each in simulation.replays if each.run == title and each.semantics.name == version)
            assert cell.stop == ("never" if found.stop_epoch is None else f"after {found.stop_epoch}")


def test_page_of_the_sample_logs_is_small(page):
    """The page of the shipped runs can be mailed."""
    assert len(page.encode()) < 500_000


def test_sources_stand_at_the_foot(recordings, simulation):
    """The files that were read are listed with their hash."""
    sources = recordings[0].sources
    text = text_of(page_html(simulation))
    assert sources[0].path in text
    assert sources[0].sha256[:12] in text


def test_missing_folder_says_what_to_do(simulation, tmp_path):
    """A folder that does not exist is an error that names it, and nothing is left."""
    with pytest.raises(KcbReplayError, match="Make it first"):
        report(simulation, tmp_path / "nowhere" / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_only_the_page_is_left_in_the_folder(simulation, tmp_path):
    """No temporary file stays behind."""
    report(simulation, tmp_path / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
