"""How large the pages of many runs are, and how long a browser takes to show them and to follow a choice.

`python benchmarks/many_runs.py --folder pages` writes pages of 1, 10, 50 and 500 made-up trainings and opens each in
Chromium (`KCB_CHROMIUM`, or what is installed).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.replay.callbacks import GL, EarlyStopping, StopAt
from kcb_replay.replay.grid import settings_grid
from kcb_replay.replay.recommend.survey import rules_surveyed
from kcb_replay.replay.replay import simulate
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.verdicts.rules import RuleQuestion
from kcb_replay.report.choices.compare import rules_page
from kcb_replay.report.choices.page import choices_html
from kcb_replay.report.choices.sweep import SweepQuestion, sweep_page, sweep_surveys
from kcb_replay.report.report_page import page_html

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCES = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40]
MIN_DELTAS = [0, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02]
MODELS = ("resnet50", "effnet-b0", "vit-tiny", "convnext-s")
RATES = ("0.0003", "0.001", "0.003", "0.01")


def made_up(count: int, seed: int = 0) -> list[Recording]:
    """Return trainings whose loss falls, wanders and slowly rises: four models, four learning rates, many seeds."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        epochs = int(rng.integers(80, 150))
        t = np.arange(epochs)
        plateau, fall = rng.uniform(0.16, 0.28), rng.uniform(6, 14)
        wander = np.cumsum(rng.normal(0, 0.003, epochs))
        over = rng.uniform(0, 0.0009) * np.maximum(t - rng.uniform(40, 100), 0)
        loss = plateau + 1.6 * np.exp(-t / fall) + wander + over + rng.normal(0, 0.009, epochs)
        values = np.float64(np.float32(np.maximum(loss, 0.01)))
        model, rate = MODELS[number % 4], RATES[number // 4 % 4]
        series = Series(values, np.ones(epochs, bool), tag="val_loss", source="training.log")
        name = f"{model}/lr{rate}/seed{number // 16}"
        found.append(Recording(name, (), (Fit(np.arange(epochs), {"val_loss": series}),), ()))
    return found


def compare_text(recordings: list[Recording]) -> str:
    """Return the page of a comparison of four rules."""
    rules = [EarlyStopping(patience=5), EarlyStopping(patience=15, restore_best_weights=True), GL(alpha=10), StopAt(60)]
    comparison, survey = rules_surveyed(lambda: recordings, RuleQuestion(rules))
    return choices_html(rules_page(comparison, survey, recorded=lambda _: ()))


def report_text(recordings: list[Recording]) -> str:
    """Return the report of one setting."""
    return page_html(simulate(recordings, [[EarlyStopping(patience=5)]]))


def sweep_text(recordings: list[Recording]) -> str:
    """Return the page of a sweep of 98 settings."""
    grid = settings_grid(EarlyStopping, {"patience": PATIENCES, "min_delta": MIN_DELTAS, "restore_best_weights": True})
    asked = SweepQuestion(settings=grid, monitors=["val_loss"], versions=[semantics("keras-3.15")])
    return choices_html(sweep_page(sweep_surveys(lambda: recordings, asked), asked))


# A choice until the frame is painted in which the answer, the grid, the plane and the curves have followed; and until
# the table has, which is busy meanwhile.
CHOOSE = """async () => {
  const times = [], cells = [...document.querySelectorAll('table.heat button, #rules button')];
  const table = document.getElementById('runs');
  const next = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
  for (let n = 0; n < 30 && cells.length; n += 1) {
    const start = performance.now();
    cells[(n * 37) % cells.length].click();
    await next();
    const seen = performance.now() - start;
    while (table.getAttribute('aria-busy') === 'true') await next();
    await next();
    times.push([seen, performance.now() - start]);
  }
  return times;
}"""


def opened(page: Page, path: Path) -> tuple[float, str, str]:
    """Return the ms until the page is ready, until a choice is painted, and until the table has followed."""
    started = time.perf_counter()
    page.goto(path.resolve().as_uri())
    if path.name.startswith("report"):
        return 1000 * (time.perf_counter() - started), "", ""
    page.wait_for_selector("html[data-ready=yes]", state="attached")
    ready = 1000 * (time.perf_counter() - started)
    times = page.evaluate(CHOOSE)
    painted, followed = (statistics.median(each[part] for each in times) for part in (0, 1))
    return ready, f"{painted:.0f} ms", f"{followed:.0f} ms"


def main() -> None:
    """Write, open and measure."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--runs", type=int, nargs="*", default=[1, 10, 50, 500])
    asked = parser.parse_args()
    asked.folder.mkdir(exist_ok=True)
    chromium = os.environ.get("KCB_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        print("| page | runs | made in | size | ready | a choice is painted | with the table |")
        print("|---|---|---|---|---|---|---|")
        for kind, write in (("sweep", sweep_text), ("compare", compare_text), ("report", report_text)):
            for count in asked.runs:
                recordings = made_up(count)
                started = time.process_time()
                text = write(recordings)
                took = time.process_time() - started
                path = asked.folder / f"{kind}-{count}.html"
                path.write_text(text, encoding="utf-8")
                page = browser.new_page(viewport={"width": 1320, "height": 900})
                ready, painted, followed = opened(page, path)
                page.close()
                size = f"{len(text.encode()) / 1000:.0f} kB"
                print(f"| {kind} | {count} | {took:.2f} s | {size} | {ready:.0f} ms | {painted} | {followed} |")
        browser.close()


if __name__ == "__main__":
    main()
