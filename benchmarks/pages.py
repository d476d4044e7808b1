"""How large the explainer is, how long it takes to write from process start, and how long a moved slider takes to draw.

Against the limits that the pages are built to: 300 kB, 2 s of one processor, one frame of 16 ms. The moves need
playwright and a Chromium (KCB_CHROMIUM, or `chromium` on the path).
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from processes import cost

MOVES = """() => {
    const sliders = [...document.querySelectorAll('input[id^=control-]')], times = [];
    for (let move = 0; move < 300; move++) {
        const slider = sliders[move % sliders.length];
        slider.value = (Number(slider.value) + 1) % (Number(slider.max) + 1);
        const begin = performance.now();
        slider.dispatchEvent(new Event('input'));
        document.body.offsetHeight;  // the layout is part of it
        times.push(performance.now() - begin);
    }
    times.sort((one, two) => one - two);
    return [times[150], times[285]];
}"""
ARGUMENTS = {
    "EarlyStopping": ["--patience", "5"],
    "and ReduceLROnPlateau": ["--patience", "5", "--lr-patience", "3"],
}


def main() -> None:
    """Print a line per page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    epochs = parser.parse_args().epochs
    with tempfile.TemporaryDirectory() as folder:
        log, page = Path(folder) / "training.log", Path(folder) / "page.html"
        _write_log(log, epochs)
        for name, arguments in ARGUMENTS.items():
            seconds = _seconds(log, page, arguments)
            size = page.stat().st_size / 1000
            print(f"{epochs} epochs, {name}: {size:.0f} kB, {seconds:.2f} s of processor time", end="")
            median, slow = _moves(page)
            print(f", a move {median:.1f} ms (95 %: {slow:.1f} ms)")


def _write_log(path: Path, epochs: int) -> None:
    noise, steps = np.random.default_rng(3), np.arange(epochs)
    falling = 1.4 * np.exp(-steps / 9) + 0.2
    columns = {
        "accuracy": 0.95 - 0.6 * np.exp(-steps / 12) + noise.normal(0, 0.002, epochs),
        "loss": falling - 0.05 + noise.normal(0, 0.002, epochs),
        "val_accuracy": 0.92 - 0.6 * np.exp(-steps / 10) + noise.normal(0, 0.004, epochs),
        "val_loss": falling + 0.0006 * np.maximum(steps - 60, 0) + noise.normal(0, 0.006, epochs),
    }
    rows = [",".join(["epoch", *columns])]
    rows += [",".join(map(str, [step, *(np.float32(values[step]) for values in columns.values())])) for step in steps]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def _seconds(log: Path, page: Path, arguments: list[str]) -> float:
    command = "import sys; from kcb_replay.cli import main; main(sys.argv[1:])"
    return cost(command, "explain", log, *arguments, "--html", page, "-q").cpu


def _moves(page: Path) -> tuple[float, float]:
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("KCB_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": 1320, "height": 1000})
        opened.goto(page.as_uri())
        opened.wait_for_selector(".explainer.on")
        median, slow = opened.evaluate(MOVES)
        browser.close()
    return median, slow


if __name__ == "__main__":
    main()
