"""A glob in --monitor asks each fold by its own metric."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

VALUES = (0.5, 0.625, 0.75, 0.7, 0.65, 0.6)


@pytest.fixture
def folds(cli) -> Path:
    """Return a folder of three folds, whose metrics Keras has numbered."""
    for fold, suffix in enumerate(("", "_1", "_2")):
        folder = Path("folds", f"f{fold}")
        folder.mkdir(parents=True)
        rows = "".join(f"{epoch},1.5,{value - fold / 64}\n" for epoch, value in enumerate(VALUES))
        (folder / "training.log").write_text(f"epoch,loss,val_auc{suffix}\n{rows}")
    return Path("folds")


@pytest.mark.parametrize("stored", [False, True])
def test_a_glob_pools_the_metrics_of_folds(cli, folds, stored):
    """All three fits are swept and counted, of files and of the store, and each gives its own values."""
    runs = () if stored else (folds,)
    if stored:
        assert cli("ingest", folds).exit_code == 0
    options = ("--monitor", "val_auc*", "--mode", "max")
    sweep = cli("sweep", *runs, *options, "--patience", "2")
    assert sweep.stdout.startswith("3 fits, 18 epochs, 1 setting of")
    results = json.loads(cli("simulate", *runs, *options, "--patience", "2", "--json").stdout)["results"]
    assert [result["stop_epoch"] for result in results] == [5, 5, 5]
    assert [result["callbacks"][0]["best_value"] for result in results] == [0.75, 0.734375, 0.71875]


def test_what_is_pooled_is_said(cli, folds):
    """The note names the metric that was taken."""
    stderr = cli("simulate", folds, "--monitor", "val_auc*", "--mode", "max").stderr
    assert "val_auc_2 of fit 0 is taken for val_auc, as val_auc* asks for" in stderr


def test_a_plain_name_pools_nothing(cli, folds):
    """Keras would not find val_auc in the other folds, and that is the answer."""
    sweep = cli("sweep", folds, "--monitor", "val_auc", "--mode", "max", "--patience", "2")
    assert sweep.stdout.startswith("1 of 3 fits, 6 epochs")


@pytest.mark.parametrize(
    ("glob", "why"), [("*auc*", "'*auc*' stands for auc, val_auc of one fit"), ("*", "stands for any")]
)
def test_a_glob_that_says_too_little_is_an_error(cli, glob, why):
    """Two metrics of one fit are named, and nobody guesses."""
    Path("training.log").write_text("epoch,auc,loss,val_auc\n0,.5,1,.5\n1,.6,1,.6\n")
    result = cli("simulate", "training.log", "--monitor", glob)
    assert (result.exit_code != 0, why in result.stderr) == (True, True)
