"""`kcb.plot`: every kind of every result, light and dark, at any width, and nothing of the user's touched."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import numpy as np
import pytest

import kcb_replay as kcb
from kcb_replay.errors import SettingError
from kcb_replay.language.catalogue import catalogue
from kcb_replay.report.drawing.curve import curve_info
from kcb_replay.report.drawing.layout import trace_layout
from kcb_replay.report.drawing.palette import DARK, LIGHT
from kcb_replay.report.drawing.scales import RegretScale, heat_steps
from kcb_replay.report.drawing.strips import strips_info
from kcb_replay.report.figure import KINDS
from kcb_replay.report.figures.canvas import look_of, wrapped
from kcb_replay.text import screen_width, visible

CURVES = ([3.0, 2.0, 2.5, 2.4, 1.0, 1.5, 1.6, 1.7], [2.0, 1.9, 1.8, 1.85, 1.7, 1.75, 1.72, 1.71])
STOP = kcb.EarlyStopping(patience=2)


@pytest.fixture
def results(recording):
    """Return something to draw for each kind."""
    runs = [recording(f"seeds/{number}", val_loss=curve) for number, curve in enumerate(CURVES)]
    one = kcb.replay(runs[0], [STOP, kcb.ReduceLROnPlateau(patience=1)])
    swept = kcb.sweep(runs, patience=[1, 2, 3], min_delta=[0, 0.2])
    return {
        **dict.fromkeys(("run", "curve", "wait", "lr"), one),
        "strips": kcb.simulate(runs, [[STOP]]),
        **dict.fromkeys(("sweep", "heatmap", "pareto"), swept),
        "rules": kcb.compare_rules(runs, [STOP, kcb.StopAt(3)]),
    }


def texts_of(figure):
    """Return everything that a figure says, in order."""
    return [text.get_text() for text in figure.texts]


def size_of(figure):
    """Return width and height in inches."""
    return tuple(figure.get_size_inches())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_in_both_themes_with_the_same_words(results, kind):
    """The colours differ, and nothing else does."""
    light, dark = (kcb.plot(results[kind], kind=kind, theme=theme) for theme in ("light", "dark"))
    assert texts_of(light) == texts_of(dark)
    assert len(texts_of(light)) > 5
    grounds = [figure.get_facecolor() for figure in (light, dark)]
    from matplotlib.colors import to_rgba

    assert grounds == [to_rgba(LIGHT.ground), to_rgba(DARK.ground)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_input_gives_the_same_files(results, kind, tmp_path):
    """In every format: no date, no chance."""
    for suffix in ("png", "svg", "pdf"):
        for name in ("one", "two"):
            kcb.plot(results[kind], tmp_path / f"{name}.{suffix}", kind=kind)
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_text_stays_text_in_svg(results, kind, tmp_path):
    """So that a figure can be searched, edited and read aloud."""
    figure = kcb.plot(results[kind], tmp_path / "figure.svg", kind=kind)
    said = re.findall(r"<text[^>]*>([^<]+)</text>", (tmp_path / "figure.svg").read_text(encoding="utf-8"))
    assert set(said) == {text.replace("&", "&amp;").replace(">", "&gt;") for text in texts_of(figure)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [3.5, 7, 13.3])
def test_no_text_leaves_the_page_and_none_is_too_small_to_read(results, kind, width):
    """A column of a paper, a page and a slide."""
    figure = kcb.plot(results[kind], kind=kind, width=width)
    assert size_of(figure)[0] == pytest.approx(width)
    renderer = figure.canvas.get_renderer()
    page = figure.bbox
    for text in figure.texts:
        box = text.get_window_extent(renderer)
        assert text.get_fontsize() >= 6, text
        assert page.x0 <= box.x0, text
        assert box.x1 <= page.x1, text
        assert page.y0 <= box.y0, text
        assert box.y1 <= page.y1, text


@pytest.mark.slow
def test_no_two_texts_of_grid_and_plane_overlap(recording):
    """Side by side, and below each other where the page is narrow, with every note that there may be above them."""
    runs = [recording("a", val_loss=CURVES[0]), recording("b", val_loss=[1.0, 0.5, 0.6, 1e20, 1e22])]
    sweep = kcb.sweep(runs, patience=[1, 2, 3, 30], min_delta=[0, 0.01])
    for width in (9.6, 5):
        figure = kcb.plot(sweep, width=width)
        renderer = figure.canvas.get_renderer()
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in figure.texts]
        for number, (one, box) in enumerate(boxes):
            assert [other for other, beside in boxes[:number] if box.overlaps(beside)] == [], one


def test_nothing_global_is_touched(results, tmp_path):
    """rcParams, the figures of pyplot and the backend are as before, whatever is drawn and saved."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    before = dict(mpl.rcParams), plt.get_fignums(), mpl.get_backend()
    for kind in KINDS:
        kcb.plot(results[kind], tmp_path / "figure.svg", kind=kind)
    assert (dict(mpl.rcParams), plt.get_fignums(), mpl.get_backend()) == before


@pytest.mark.slow
def test_pyplot_is_never_imported(tmp_path):
    """It would choose a backend, and keep figures that nobody closes."""
    code = (
        "import sys, kcb_replay as kcb, numpy as np\n"
        "from kcb_replay.ingest.recording import Fit, Recording, Series\n"
        "series = Series(np.array([1.0, 0.5, 0.7]), np.ones(3, bool), tag='val_loss', source='x')\n"
        "run = Recording('run', (), (Fit(np.arange(3), {'val_loss': series}),), ())\n"
        "kcb.plot(kcb.replay(run, [kcb.EarlyStopping(patience=1)]), 'a.png')\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_figure_shows_itself_in_a_notebook_once(results):
    """As a picture for sharp screens with the size to show it in, and as no second kind of thing."""
    figure = kcb.plot(results["strips"])
    picture, size = figure._repr_png_()
    assert picture.startswith(b"\x89PNG")
    assert size["width"] == 960
    assert int.from_bytes(picture[16:20], "big") == 2 * size["width"]
    assert figure._repr_html_() is None


@pytest.mark.parametrize(
    ("what", "kind", "said"),
    [
        ("run", "heatmap", "There is no kind 'heatmap' of a replay, only run, curve, wait, lr, strips."),
        ("strips", "run", "There is no kind 'run' of 2 replays, only strips."),
        ("sweep", "heat", "There is no kind 'heat' of a sweep, only sweep, heatmap, pareto. Did you mean 'heatmap'?"),
        ("rules", "pareto", "There is no kind 'pareto' of a comparison of rules, only rules."),
    ],
)
def test_a_kind_that_a_result_has_not_names_those_that_it_has(results, what, kind, said):
    """And the one that was meant, where it is a slip."""
    with pytest.raises(SettingError) as caught:
        kcb.plot(results[what], kind=kind)
    assert str(caught.value) == said


def test_what_cannot_be_drawn_is_refused(recording):
    """Nothing, a recording, a sweep of ReduceLROnPlateau, a heat map of one argument, a width to read nothing at."""
    run = recording(val_loss=CURVES[0])
    with pytest.raises(SettingError, match="no replay to draw"):
        kcb.plot([])
    with pytest.raises(SettingError, match="A Recording cannot be drawn"):
        kcb.plot(run)
    with pytest.raises(SettingError, match="A PlateauSweep cannot be drawn"):
        kcb.plot(kcb.sweep([run], kcb.ReduceLROnPlateau, patience=[1, 2]))
    with pytest.raises(SettingError, match="Give lists of two"):
        kcb.plot(kcb.sweep([run], patience=[1, 2]), kind="heatmap")
    with pytest.raises(SettingError, match=r"must be 3\.1 to 20 wide"):
        look_of(LIGHT, 1.0)


@pytest.mark.parametrize(
    ("callback", "kind", "said"),
    [(kcb.GL(alpha=5), "wait", "No callback of this replay has a wait counter"), (STOP, "lr", "is neither recorded")],
)
def test_a_panel_that_a_replay_has_not_is_refused(recording, callback, kind, said):
    """With what to draw instead."""
    with pytest.raises(SettingError, match=said):
        kcb.plot(kcb.replay(recording(val_loss=CURVES[0]), [callback]), kind=kind)


def test_the_wait_alone_counts_in_whole_numbers(recording):
    """Its ticks are waits, and patience is named beside its level."""
    info = curve_info(kcb.replay(recording(val_loss=CURVES[0]), [STOP]))
    layout = trace_layout(info, "wait", 960)
    assert [tick.text for tick in layout.metric.ticks] == ["0", "1", "2"]
    assert {"wait counter", "patience 2", "stops after epoch 4: wait 2/2"} <= {label.text for label in layout.labels}


def test_strips_say_what_the_table_says(recording):
    """Largest regret first; only what differs is in a name."""
    runs = [recording(f"seeds/{number}", val_loss=curve) for number, curve in enumerate(CURVES)]
    info = strips_info(kcb.simulate(runs, [[STOP]]).replays)
    first, second = info.rows
    assert (first.name, first.texts) == ("seeds/0", ("4", "4", "1.4000"))
    assert (second.name, second.texts) == ("seeds/1", ("7", "1", "0.0200"))
    assert (first.strip.first, first.strip.ran, first.strip.last, first.strip.best, first.strip.lowest) == (
        1,
        4,
        8,
        2,
        5,
    )
    assert info.columns == ("stops", "saved", "regret (val_loss)")
    assert "All answers are exact." in info.notes


def test_strips_keep_the_limits_of_each_answer(recording):
    """One that is a what-if is marked so, in a column of its own; a run without the metric is a strip, too."""
    runs = [recording("a", val_loss=CURVES[0]), recording("b", loss=CURVES[1])]
    simulation = kcb.simulate(runs, [[STOP, kcb.ReduceLROnPlateau(patience=1)]])
    info = strips_info(simulation.replays, len(simulation.left_out))
    assert info.columns[-1] == "validity"
    assert info.rows[0].texts[-1] == "hypothetical after 3"
    assert info.rows[0].strip.drops == ((3, False), (4, True))
    assert "All answers are exact." not in info.notes
    assert (info.rows[1].name, info.rows[1].texts[0]) == ("b", "never")
    assert "b: EarlyStopping never stops: val_loss is not in its logs; did you mean loss?" in info.notes


def test_a_training_that_raises_is_a_strip(recording):
    """It stands last, with what it comes to, and what is left out is counted."""
    runs = [
        recording("a", val_accuracy=[0.5, 0.6]),
        recording("b", val_acc=[0.5, 0.6]),
        recording("c", val_acc=[]),
    ]
    simulation = kcb.simulate(runs, [[kcb.EarlyStopping("val_acc", patience=1)]])
    info = strips_info(simulation.replays, len(simulation.left_out), simulation.raised)
    assert [(row.name, row.strip.ran, row.texts) for row in info.rows] == [
        ("b", 2, ("never", "0", "0.0000", "undecided: 3 or later")),
        ("a", 0, ("raises", "", "")),
    ]
    said = " ".join(texts_of(kcb.plot(simulation, kind="strips")))
    assert "Left out: 1 fit that could not be replayed." in said
    assert "raises ValueError at epoch 1" in said


def test_settings_are_named_where_they_differ(recording):
    """Several settings of one run."""
    info = strips_info(kcb.simulate([recording(val_loss=CURVES[0])], [[STOP], [kcb.EarlyStopping(patience=9)]]).replays)
    assert sorted(row.name for row in info.rows) == [
        'run, EarlyStopping(monitor="val_loss", patience=2)',
        'run, EarlyStopping(monitor="val_loss", patience=9)',
    ]


@pytest.mark.parametrize("count", [1, 3, 48, 500])
@pytest.mark.slow
def test_any_number_of_runs_is_one_page(recording, count):
    """As far as names fit, they are there; beyond, it is said that they are not."""
    runs = [recording(f"run{number:03}", val_loss=CURVES[number % 2]) for number in range(count)]
    figure = kcb.plot(kcb.simulate(runs, [[STOP]]), kind="strips")
    assert size_of(figure)[1] < 16
    named = sum(text.startswith("run") and len(text) == 6 for text in texts_of(figure))
    assert named == (count if count <= 50 else 0)
    assert any("without their names" in text for text in texts_of(figure)) == (count > 50)


def test_of_too_many_runs_the_worst_are_drawn_and_it_is_said(recording):
    """The sentence stays about all of them."""
    replays = kcb.simulate([recording(val_loss=CURVES[0])], [[STOP]]).replays * 501
    info = strips_info(replays)
    assert len(info.rows) == 500
    assert "Drawn are the 500 of largest regret; the answer is about all 501." in info.notes


@pytest.mark.parametrize("name", ["a $\\frac{x$ b", "<b>&", "run\u202e\x1b[31m", "运行/실행", "x" * 300, "\ud800"])
@pytest.mark.parametrize("kind", ["strips", "run", "wait"])
@pytest.mark.slow
def test_any_name_can_be_drawn(recording, tmp_path, name, kind):
    """Hostile ones are shown as text, long ones cut in the middle, and what no font has is a box."""
    simulation = kcb.simulate([recording(name, val_loss=CURVES[0])], [[STOP]])
    for suffix in ("png", "svg", "pdf"):
        figure = kcb.plot(simulation, tmp_path / f"figure.{suffix}", kind=kind)
    said = next(text for text in texts_of(figure) if text.startswith(visible(name)[:8]))
    assert said == visible(name) or ("…" in said and len(said) < 100)


@pytest.mark.parametrize(
    "values",
    [
        [0.5],
        [math.nan] * 3,
        [math.inf, 1.0, -math.inf],
        [1e308, -1e308, 1e308],
        [0.5, None, 0.4, None],
        [-3.0, -4.0, -3.5, -3.6],
        [1e-30, 1e-31, 1e-30, 1e-30],
    ],
    ids=["one epoch", "only NaN", "infinities", "huge", "missing", "negative", "tiny"],
)
@pytest.mark.parametrize("kind", ["run", "curve", "wait", "strips"])
@pytest.mark.slow
def test_any_values_can_be_drawn(recording, tmp_path, values, kind):
    """Without an error or a warning."""
    replay = kcb.replay(recording(val_loss=values), [kcb.EarlyStopping(patience=1)], semantics="keras-3.15/numpy")
    kcb.plot(replay, tmp_path / "figure.png", kind=kind)


def test_a_metric_that_should_rise_is_drawn(recording):
    """The words turn with it."""
    replay = kcb.replay(recording(val_accuracy=[0.5, 0.9, 0.8, 0.85]), [kcb.EarlyStopping("val_accuracy", patience=1)])
    assert "val_accuracy (higher is better)" in texts_of(kcb.plot(replay))


def test_every_cell_of_a_heat_map_prints_its_number(recording):
    """What is not decided in every recording is marked, and the mark explained."""
    runs = [recording(str(number), val_loss=curve) for number, curve in enumerate(CURVES)]
    found = kcb.sweep(runs, patience=[1, 30], min_delta=[0, 0.2])
    decided, open_end = (summary.regret_mean for summary in found.per_setting() if summary.choice.min_delta == 0)
    said = texts_of(kcb.plot(found, kind="heatmap"))
    assert {f"{decided:.4f}", f"{open_end:.4f}"} <= set(said)
    assert "Hatched: some recordings end before the stop" in " ".join(said)


def test_a_heat_map_without_room_for_numbers_says_what_they_would_have_marked(recording):
    """How many cells there are, and in how many of them not every recording is decided."""
    found = kcb.sweep([recording(val_loss=CURVES[0])], patience=range(1, 31), min_delta=[n / 100 for n in range(30)])
    said = " ".join(texts_of(kcb.plot(found, kind="heatmap")))
    open_ends = sum(summary.undecided > 0 for summary in found.per_setting())
    assert "30 × 30 cells are too many for their numbers." in said
    assert f"In {open_ends} of 900 cells some recordings end before the stop" in said


def test_heat_goes_by_the_root_and_by_rank_where_one_diverged():
    """Equal steps of the root; where one would hide the others, equal numbers of settings."""
    assert heat_steps(np.array([0.0, 0.25, 1.0]), 4).tolist() == [0, 2, 3]
    assert heat_steps(np.array([0.0, 0.0]), 4).tolist() == [0, 0]
    assert heat_steps(np.array([0.1, 0.2, 1e9]), 9).tolist() == [0, 4, 8]
    assert heat_steps(np.array([math.nan, math.inf]), 9).tolist() == [-1, 8]


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (RegretScale(1.0), (0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)),
        (RegretScale(1e6, 0.1), (0.0, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6)),
    ],
    ids=["root", "log"],
)
def test_ticks_of_regret_are_round_and_apart(scale, ticks):
    """From 0 to the top, never two in the same place."""
    assert [tick.value for tick in scale.ticks()] == pytest.approx(ticks)
    shares = [scale.share(tick) for tick in ticks]
    assert shares == sorted(shares)
    assert (shares[0], max(shares)) == (0.0, pytest.approx(1.0))


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_draws_every_kind(cli, sample_logs, tmp_path, kind):
    """From the store, with the options of callbacks."""
    cli("ingest", sample_logs / "seeds", "-q")
    options = {
        "rules": ("-c", "EarlyStopping(patience=5)", "-c", "StopAt(20)"),
        **dict.fromkeys(("sweep", "heatmap", "pareto"), ("--patience", "1..5", "--min-delta", "0,0.01")),
        "strips": (),
    }.get(kind, ("seed0", "--lr-patience", "3"))
    result = cli("plot", *options, "--kind", kind, "--theme", "dark", "--width", "7", "-o", "figure.svg")
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert DARK.ground in (tmp_path / "figure.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--kind", "heatmap", "-c", "EarlyStopping()"), "not by -c"),
        (("--kind", "rules"), "one -c for each"),
        (("--kind", "sweep", "--lr-patience", "3"), "has no figure"),
        (("--kind", "heatmap"), "Give lists of two"),
        (("--kind", "run"), "exactly one is needed"),
        (("--width", "1"), "must be 3.1 to 20 wide"),
    ],
)
def test_what_the_command_cannot_draw_is_wrong_usage(cli, sample_logs, tmp_path, arguments, said):
    """Exit code 2, with the remedy, and no file."""
    cli("ingest", sample_logs / "seeds", "-q")
    result = cli("plot", *arguments, "-o", "figure.png")
    assert (result.exit_code, said in " ".join(result.stderr.split())) == (2, True), result.stderr
    assert not (tmp_path / "figure.png").exists()


def test_explain_draws_what_it_says(cli, sample_logs, tmp_path):
    """`explain --plot`, beside the words; another kind of file is refused before anything is said."""
    cli("ingest", sample_logs / "seeds", "-q")
    result = cli("explain", "seed0", "--patience", "5", "--plot", "run.svg", "--theme", "dark")
    assert "Wrote run.svg" in result.stderr
    assert "epoch 23: " in result.stdout
    assert "stops after epoch 23: wait 5/5" in (tmp_path / "run.svg").read_text(encoding="utf-8")
    refused = cli("explain", "seed0", "--plot", "run.gif")
    assert (refused.exit_code, refused.stdout) == (2, "")
    both = cli("explain", "seed0", "--plot", "run.svg", "--html", "run.html")
    assert (both.exit_code, "one after the other" in both.stderr) == (2, True)


def test_figures_beside_a_table_take_a_theme(cli, sample_logs, tmp_path):
    """`sweep --plot` and `compare --plot`."""
    cli("ingest", sample_logs / "seeds", "-q")
    cli("sweep", "--patience", "1..5", "--plot", "sweep.svg", "--theme", "dark")
    cli("compare", "-c", "StopAt(3)", "--plot", "rules.svg", "--theme", "dark", "--width", "7")
    for name in ("sweep.svg", "rules.svg"):
        assert DARK.ground in (tmp_path / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["가나다라 " * 30, "word " * 60, "가" * 200])
def test_lines_fit_into_their_room_whatever_is_written(text):
    """A character of Korean fills the room of two of English."""
    lines = wrapped(text, 375)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(map(screen_width, lines)) <= 50


def test_strips_speak_the_language_that_is_asked_for(recording):
    """Heads, notes and the axis, as the figure of one run does."""
    replays = kcb.simulate([recording("a", val_loss=CURVES[0]), recording("b", val_loss=CURVES[1])], [[STOP]]).replays
    info = strips_info(replays, words=catalogue("ko"))
    assert (info.axis, info.columns[:2]) == ("에포크", ("멈춤", "아낌"))
    assert all(re.search(r"[가-힣]", text) for text in (info.title, info.answer, info.key, *info.notes))
