"""Write rules.jsonl.gz: what the real ReduceLROnPlateau of PyTorch and EarlyStopping of Lightning do on random series.

Run `python make_rules.py` where torch 2.13.0 and pytorch_lightning 2.6.6 are installed. A line is one case: the class,
its arguments, the metric per epoch (null where there is none) and, for PyTorch, the learning rate it starts from. The
answer is, for PyTorch, the rate, the bad epochs and the cooldown after every step; for Lightning the epoch after which
it stops (null: never), why, its wait and its best. Lightning's metrics are float32 tensors, as `self.log` makes of
floats. NaN and infinities are strings.
"""

from __future__ import annotations

import gzip
import json
import math
import random
from pathlib import Path
from types import SimpleNamespace

import pytorch_lightning
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.trainer.states import TrainerFn

CASES = 200
ODD = (math.nan, math.inf, -math.inf, 0.0, -0.5, 1e300, 1e-40)


def series(rng, margin):
    """Return a noisy curve that falls and flattens; some values are odd, or just the margin off the one before."""
    scale = rng.choice((1.0, 1.0, 100.0, 1e-3))
    odd = rng.choice((0.0, 0.0, 0.05))
    missing = rng.choice((0.0, 0.0, 0.2))
    values, before = [], scale
    for epoch in range(rng.randint(1, 25)):
        value = scale * (0.3 + math.exp(-epoch / 6) + rng.gauss(0, 0.05))
        value = rng.choice((value, value, before - margin, before + margin, before * (1 - margin), round(value, 3)))
        value = rng.choice(ODD) if rng.random() < odd else value
        before = value if math.isfinite(value) else before
        values.append(None if rng.random() < missing else value)
    return values if any(value is not None for value in values) else [1.0]


def plain(value):
    """Return a number that JSON can hold."""
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def torch_case(rng):
    """Return a case of torch.optim.lr_scheduler.ReduceLROnPlateau."""
    arguments = {
        "mode": rng.choice(("min", "max")),
        "factor": rng.choice((0.1, 0.5, 0.9)),
        "patience": rng.randint(0, 4),
        "threshold": rng.choice((1e-4, 0.0, 0.125, 0.1)),
        "threshold_mode": rng.choice(("rel", "abs")),
        "cooldown": rng.randint(0, 3),
        "min_lr": rng.choice((0, 0, 1e-3, 0.03125)),
        "eps": rng.choice((1e-8, 1e-8, 1e-3)),
    }
    # A power of two is the same in float32, in which a replay holds the learning rate.
    rate, values = rng.choice((0.125, 0.5, 2**-10)), series(rng, arguments["threshold"])
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **arguments)
    steps = []
    for value in values:
        if value is not None:
            scheduler.step(value)
        lr = optimizer.param_groups[0]["lr"]
        steps.append([lr, plain(scheduler.best), scheduler.num_bad_epochs, scheduler.cooldown_counter])
    return {"class": "TorchReduceLROnPlateau", "arguments": arguments, "rate": rate, "values": values, "steps": steps}


def lightning_case(rng):
    """Return a case of pytorch_lightning.callbacks.EarlyStopping, driven by a stand-in for the Trainer."""
    min_delta = rng.choice((0.0, 0.0, 0.125, 0.1, 0.01))
    values = series(rng, min_delta)
    recorded = [value for value in values if value is not None and math.isfinite(value)] or [1.0]
    thresholds = (*[None] * 8, 0.5, rng.choice(recorded))
    arguments = {
        "min_delta": min_delta,
        "patience": rng.randint(0, 5),
        "mode": rng.choice(("min", "max")),
        "check_finite": rng.choice((True, False)),
        "stopping_threshold": rng.choice(thresholds),
        "divergence_threshold": rng.choice((*thresholds, 1.25)),
    }
    callback = EarlyStopping("val_loss", check_on_train_epoch_end=True, **arguments)
    trainer = SimpleNamespace(
        callback_metrics={}, fast_dev_run=False, should_stop=False, sanity_checking=False, current_epoch=0,
        state=SimpleNamespace(fn=TrainerFn.FITTING),
        strategy=SimpleNamespace(reduce_boolean_decision=lambda decision, **_: decision),
    )  # fmt: skip
    for epoch, value in enumerate(values):
        if value is None:
            continue
        trainer.current_epoch = epoch
        trainer.callback_metrics = {"val_loss": torch.tensor(value)}
        callback.on_train_epoch_end(trainer, None)
        if trainer.should_stop:
            break
    stop = {"index": callback.stopped_epoch, "why": callback.stopping_reason.name} if trainer.should_stop else None
    state = {"stop": stop, "wait": callback.wait_count, "best": plain(callback.best_score.item())}
    return {"class": "LightningEarlyStopping", "arguments": arguments, "values": values, **state}


def with_plain(value):
    """Return a case with every number plain, however deep."""
    if isinstance(value, dict):
        return {key: with_plain(item) for key, item in value.items()}
    return [with_plain(item) for item in value] if isinstance(value, list) else plain(value)


def main():
    """Write the file beside this one."""
    rng = random.Random(20261121)
    versions = {"torch": torch.__version__, "pytorch_lightning": pytorch_lightning.__version__}
    lines = [versions, *(torch_case(rng) for _ in range(CASES)), *(lightning_case(rng) for _ in range(CASES))]
    text = "".join(json.dumps(with_plain(line), separators=(",", ":"), allow_nan=False) + "\n" for line in lines)
    # Without a time, so that the same cases give the same file.
    Path(__file__).with_name("rules.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
