"""Whether the claims behind `sweep` and `recommend` hold, on simulated trainings whose truth is known.

    python benchmarks/claims.py [--runs 4000]

1. Truncation: recordings that end early make a setting look better than it is; `improving` warns of it.
2. Optimism: the setting that is best on N runs looks better on them than it is; leaving runs out corrects that.
3. Records: on a plateau of noise, no new best value comes in p epochs after n with probability n / (n + p).
4. Winner's curse: the best monitored value is partly luck, and a metric that was not monitored tells how much.

Each simulated validation loss falls to a floor, by two exponentials of random depth and speed, with noise upon it; a
second metric has the same curve and noise of its own. Prints what was measured beside what is claimed.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.replay.verdicts.sweep import sweep

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCHS, CUT, NOISE = 200, 60, 0.012
# What one is willing to pay in loss for not running the whole training.
PRICE = 0.02


@dataclass(frozen=True, slots=True)
class Trainings:
    """Simulated trainings: the monitored loss and an independent one, of shape (runs, epochs)."""

    monitored: NDArray[np.float64]
    independent: NDArray[np.float64]

    def recordings(self, epochs: int = EPOCHS) -> list[Recording]:
        """Return the trainings as recordings of their first epochs."""
        pairs = zip(self.monitored[:, :epochs], self.independent[:, :epochs], strict=True)
        return [_recording(f"run{number}", *pair) for number, pair in enumerate(pairs)]


def main() -> None:
    """Print all four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=4_000)
    runs = parser.parse_args().runs
    generator = np.random.default_rng(0)
    trainings = simulated(runs, generator)
    short, whole, improving = truncation(trainings)
    print(f"1. patience 10, keeping the last: mean regret {short:.4f} on recordings of {CUT} epochs, of which")
    print(f"   {improving:.0%} were still improving; on all {EPOCHS} epochs the same stops give away {whole:.4f}.")
    for count in (5, 20, 100):
        seen, left_out, truth = (f"{cost:.5f}" for cost in optimism(trainings, count, generator))
        print(f"2. best of 240 settings on {count} runs, J: {seen} on them, {left_out} left out, {truth} in truth.")
    for n, p in ((10, 5), (50, 10), (100, 50)):
        print(f"3. no record in {p} after {n}: {no_record(n, p, runs, generator):.3f}, claimed {n / (n + p):.3f}.")
    best, independent = winners_curse(trainings)
    print(f"4. best monitored loss {best:.4f}; the independent one at that epoch {independent:.4f} (noise {NOISE}).")


def simulated(runs: int, generator: np.random.Generator) -> Trainings:
    """Return trainings of `EPOCHS` epochs."""
    epoch = np.arange(EPOCHS)

    def column(low: float, high: float) -> NDArray[np.float64]:
        return generator.uniform(low, high, (runs, 1))

    fast = column(0.5, 1.5) * np.exp(-epoch / column(2, 15))
    slow = column(0.0, 0.2) * np.exp(-epoch / column(30, 150))
    curve = 0.3 + fast + slow
    one, other = (curve + NOISE * generator.standard_normal(curve.shape) for _ in range(2))
    return Trainings(one.astype(np.float32).astype(np.float64), other)


def truncation(trainings: Trainings) -> tuple[float, float, float]:
    """Return the mean regret on short recordings, that of the same stops on whole ones, and the share improving."""
    (short,) = sweep(trainings.recordings(CUT), patience=10).per_setting()
    (whole,) = sweep(trainings.recordings(), patience=10).per_setting()
    return short.regret_mean, whole.regret_mean, short.improving


def optimism(trainings: Trainings, count: int, generator: np.random.Generator, draws: int = 100) -> tuple[float, ...]:
    """Return what the best setting of `count` runs costs on them, on each left out in turn, and on all runs.

    The cost J is the mean regret less `PRICE` times the mean saving; means over `draws` draws of runs.
    """
    grid = {"patience": range(1, 61), "min_delta": [0.0, 0.003, 0.01, 0.03], "restore_best_weights": True}
    found = sweep(trainings.recordings(), **grid)
    cost = found.answers.regret - PRICE * found.answers.saved / EPOCHS
    truth = cost.mean(axis=1)
    results = []
    for _ in range(draws):
        chosen = cost[:, generator.choice(cost.shape[1], count, replace=False)]
        best = chosen.mean(axis=1).argmin()
        others = ((chosen.sum(axis=1, keepdims=True) - chosen) / (count - 1)).argmin(axis=0)
        results.append((chosen[best].mean(), chosen[others, np.arange(count)].mean(), truth[best]))
    return tuple(float(value) for value in np.mean(results, axis=0))


def no_record(n: int, p: int, runs: int, generator: np.random.Generator) -> float:
    """Return how often p further values of noise hold none below the first n."""
    noise = generator.standard_normal((runs, n + p))
    return float((noise[:, n:].min(axis=1) > noise[:, :n].min(axis=1)).mean())


def winners_curse(trainings: Trainings) -> tuple[float, float]:
    """Return the mean of the best monitored loss, and of the independent one at the same epoch."""
    best = trainings.monitored.argmin(axis=1)[:, np.newaxis]
    both = (trainings.monitored, trainings.independent)
    monitored, independent = (float(np.take_along_axis(values, best, axis=1).mean()) for values in both)
    return monitored, independent


def _recording(name: str, monitored: NDArray[np.float64], independent: NDArray[np.float64]) -> Recording:
    known = np.ones(len(monitored), np.bool_)
    metrics = {
        "val_loss": Series(monitored, known, tag="val_loss", source="simulated"),
        "val_other": Series(independent, known, tag="val_other", source="simulated"),
    }
    return Recording(name, (), (Fit(np.arange(len(monitored)), metrics),))


if __name__ == "__main__":
    main()
