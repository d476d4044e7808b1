"""Results in a notebook: static, harmless, and as light or dark as the notebook; tried in a real JupyterLab too."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from html import unescape

import pytest

import kcb_replay as kcb
from kcb_replay.errors import KcbReplayError
from kcb_replay.ingest.display import Displayed
from kcb_replay.report.notebook import ROOT, FramedPage, markup_of, style

CURVES = ([3.0, 2.0, 2.5, 2.4, 1.0, 1.5, 1.6, 1.7], [2.0, 1.9, 1.8, 1.85, 1.7, 1.75, 1.72, 1.71])
STOP = kcb.EarlyStopping(patience=2)
HOSTILE = "<img src=x onerror=alert(1)>\u202e</script>&\x1b[31m"
KINDS = ("replay", "simulation", "sweep", "plateau", "comparison", "inference", "recommendation", "recording")


@pytest.fixture
def results(recording):
    """Return a function of a name that returns one result of each kind."""

    def make(name="run"):
        runs = [recording(f"{name}{number}", val_loss=curve) for number, curve in enumerate(CURVES)]
        return {
            "replay": kcb.replay(runs[0], [STOP]),
            "simulation": kcb.simulate(runs, [[STOP]]),
            "sweep": kcb.sweep(runs, patience=[1, 2, 3], min_delta=[0, 0.1]),
            "plateau": kcb.sweep(runs, kcb.ReduceLROnPlateau, patience=[1, 2]),
            "comparison": kcb.compare_rules(runs, [STOP, kcb.StopAt(3)]),
            "inference": kcb.infer(runs[0]),
            "recommendation": kcb.recommend(runs),
            "recording": runs[0],
        }

    return make


def text_of(html):
    """Return what HTML says, apart from its style."""
    return unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL))


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_shows_itself_without_a_program(results, kind):
    """One element with a style of its own, and nothing that runs or comes from elsewhere."""
    html = results()[kind]._repr_html_()
    assert html.startswith(f'<div class="{ROOT}"><style>')
    assert html.endswith("</div>")
    assert not re.search(r"<(script|iframe|link|img|object)|\son\w+=|https?://|url\((?!#)", html)


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_are_text(results, kind):
    """Markup is escaped, and control and bidi characters are written out."""
    html = results(HOSTILE)[kind]._repr_html_()
    assert "<img" not in html
    assert not set("\u202e\x1b") & set(html)


def test_a_replay_says_its_answer_its_limits_and_shows_its_curve(results):
    """What `explain` says first, with the chart of the pages and the facts."""
    replay = results()["replay"]
    said = " ".join(text_of(replay._repr_html_()).split())
    assert "Training stops after epoch 4 of 8." in said
    assert "Exact: It stops after epoch 4" in said
    assert "best 2.0000, epoch 2" in said
    assert "Regret (val_loss given up) 1.4000" in said


def test_a_single_epoch_has_no_chart(recording):
    """A sentence and a table say it all."""
    html = kcb.replay(recording(val_loss=[0.5]), [STOP])._repr_html_()
    assert "<svg" not in html
    assert "never stopped" in html


def test_tables_say_what_is_printed(results):
    """Cell by cell, numbers to the right."""
    html = markup_of(
        "two runs\n\nrun      stops\n-----  -------\na           11\nb        never\nand more\n\n    code = 1"
    )
    assert html == (
        "<p>two runs</p>"
        '<table><thead><tr><th scope="col">run</th><th scope="col" class="n">stops</th></tr></thead>'
        '<tbody><tr><td>a</td><td class="n">11</td></tr><tr><td>b</td><td class="n">never</td></tr></tbody></table>'
        "<p>and more</p><pre>    code = 1</pre>"
    )


def test_long_tables_say_how_much_more_there_is():
    """Twenty rows are enough to see what it is."""
    html = markup_of(
        "\n".join(["run      stops", "-----  -------", *(f"r{number:<6}  {number:>5}" for number in range(50))])
    )
    assert html.count("<tr>") == 21
    assert "… and 30 rows more." in html


def test_the_style_reaches_nothing_but_results():
    """Each rule is for the element of a result or for what is inside it."""
    without_media = re.sub(r"@media[^{]+\{(.*?\})\}", r"\1", style())
    for selectors in re.findall(r"([^{}]+)\{", without_media):
        assert all(f".{ROOT}" in selector for selector in selectors.split(",")), selectors


def test_a_result_is_text_where_nothing_draws_it(results, monkeypatch):
    """Whoever uses the rooms without the public package still has a repr."""
    replay = results()["replay"]
    monkeypatch.setattr(Displayed, "renderers", None)
    assert replay._repr_html_() is None
    with pytest.raises(KcbReplayError, match="import kcb_replay"):
        replay.explain()


def test_a_pickled_replay_leaves_its_recording_behind(results):
    """It is the same answer, and says what it cannot do any more."""
    replay = results()["replay"]
    copy = pickle.loads(pickle.dumps(replay))
    assert (copy.to_dict(), copy.recording) == (replay.to_dict(), None)
    with pytest.raises(KcbReplayError, match="does not hold its recording"):
        copy.explain()


def test_callbacks_that_went_through_an_earlier_fit_are_not_explained_as_fresh_ones(sample_logs):
    """The explainer would start them anew, which is another answer."""
    (resumed,) = kcb.read(sample_logs / "keras3-resumed")
    first, second = kcb.simulate([resumed], [[STOP]], reuse=True).replays
    assert first.recording is resumed
    assert second.recording is None


def test_a_replay_explains_itself_as_it_was_asked(recording, tmp_path):
    """The page starts at the settings, the start of the learning rate and the version of the replay."""
    run = recording(val_loss=CURVES[0])
    callbacks = [STOP, kcb.ReduceLROnPlateau(patience=1)]
    replay = kcb.replay(run, callbacks, initial_lr=0.05, semantics="keras-2.0.8")
    page = replay.explain()
    assert "Training stops after epoch 4 of 8." in text_of(page.html)
    assert "keras-2.0.8" in text_of(page.html)
    assert "0.05 to" in text_of(page.html)
    assert replay.explain(language="ko").html != page.html
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page.html


def test_a_page_in_a_notebook_is_in_a_frame_of_its_own(tmp_path):
    """Its programs may run, but not as the notebook; what it holds cannot end the frame."""
    page = FramedPage('<!doctype html><p title="a">&amp;</p>')
    html = page._repr_html_()
    assert 'sandbox="allow-scripts"' in html
    assert "allow-same-origin" not in html
    assert unescape(re.search(r'srcdoc="([^"]*)"', html)[1]) == page.html
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page.html


@pytest.fixture
def lab(tmp_path):
    """Start a JupyterLab of its own in an empty folder, and return its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {f"JUPYTER_{kind}_DIR": str(tmp_path / f".{kind}") for kind in ("CONFIG", "DATA", "RUNTIME")}
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "IdentityProvider.token": "",
        "ServerApp.password": "",
        "ServerApp.root_dir": tmp_path,
        "LabApp.expose_app_in_browser": True,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.news_url": "",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    with (
        (tmp_path / "server.log").open("w") as log,
        subprocess.Popen(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            env={**os.environ, **settings, "IPYTHONDIR": str(tmp_path / ".ipython")},
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as server,
    ):
        address = f"http://127.0.0.1:{port}"
        try:
            wait_for(address, server)
            yield address
        finally:
            server.terminate()


def wait_for(address, server):
    """Return when a server answers."""
    for _ in range(240):
        assert server.poll() is None, "JupyterLab ended"
        try:
            urllib.request.urlopen(f"{address}/lab", timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.25)
        else:
            return
    raise AssertionError("JupyterLab does not answer")


def notebook(*sources):
    """Return a notebook of code cells as JSON."""
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell{number}",
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


# What stands below each cell; whether all have run; ground, ink and the stop of the first result.
OUTPUTS = """() => [...document.querySelectorAll('.jp-CodeCell')].map(cell =>
    [...cell.querySelectorAll('.jp-OutputArea-child')].map(output =>
        output.querySelector('iframe') ? 'frame' : output.querySelector('.jp-RenderedHTMLCommon') ? 'html'
        : output.querySelector('img') ? 'image' : output.textContent))"""
IS_READY = """() => {
    const kernel = globalThis.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === 'connected' && kernel?.status === 'idle';
}"""
ALL_RAN = """count => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .filter(prompt => /\\[\\d+\\]/.test(prompt.textContent)).length >= count"""
COLOURS = """() => {
    const result = document.querySelector('.kcb-replay-result'), style = getComputedStyle(result);
    return [style.backgroundColor, style.color, getComputedStyle(result.querySelector('.t-stop')).fill];
}"""


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(importlib.util.find_spec("jupyterlab") is None, reason="needs jupyterlab")
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_jupyterlab_shows_results_once_and_in_its_own_theme(lab, tmp_path, sample_logs):
    """Run through its menu: HTML where it is HTML, one picture per figure, light and dark with the notebook."""
    from playwright.sync_api import sync_playwright

    sources = (
        f"import kcb_replay as kcb\nrecordings = kcb.read({str(sample_logs / 'seeds')!r})\n"
        "replay = kcb.replay(recordings[0], [kcb.EarlyStopping(patience=5)])\nreplay",
        "kcb.plot(replay)",
        "kcb.sweep(recordings, patience=[3, 5], min_delta=[0, 0.01])",
        "import matplotlib.pyplot as plt\nkcb.plot(replay, kind='wait', theme='dark')",
        "replay.explain()",
    )
    (tmp_path / "results.ipynb").write_text(notebook(*sources))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-quic"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 3000})
        page.goto(f"{lab}/lab/tree/results.ipynb")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        page.wait_for_function(IS_READY, timeout=120_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.wait_for_function(ALL_RAN, arg=len(sources), timeout=120_000)
        page.wait_for_function("document.querySelectorAll('.jp-OutputArea-child img').length >= 2", timeout=60_000)
        assert page.evaluate(OUTPUTS) == [["html"], ["image"], ["html"], ["image"], ["frame"]]
        assert page.evaluate(COLOURS) == ["rgb(255, 255, 255)", "rgb(22, 25, 29)", "rgb(185, 58, 6)"]
        page.evaluate("jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
        page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
        assert page.evaluate(COLOURS) == ["rgb(18, 21, 24)", "rgb(236, 239, 242)", "rgb(255, 141, 94)"]
        frame = page.frame_locator("iframe[sandbox='allow-scripts']")
        answer, patience = frame.locator("#answer"), frame.locator("input[type=range]").first
        assert "stops after epoch 23 of 40" in answer.inner_text()
        for _ in range(3):
            patience.press("ArrowRight")
        assert "stops after epoch 23 of 40" not in answer.inner_text()
        assert patience.evaluate("() => origin") == "null"
        browser.close()
