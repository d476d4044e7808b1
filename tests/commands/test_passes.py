"""How often a command reads the store: once, whatever the number of settings, monitors, Keras versions and rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from kcb_replay.ingest.store.store import Store

RULES = ("-c", "EarlyStopping(patience=2)", "-c", "StopAt(3)", "-c", "GL(alpha=5)")


@pytest.fixture
def passes(monkeypatch, cli, sample_logs):
    """Return the list to which every pass over a store of some runs adds the metrics that it asks for."""
    cli("ingest", sample_logs, "-q")
    seen, recordings = [], Store.recordings

    def counted(store, *patterns, metrics=None):
        seen.append(metrics)
        return recordings(store, *patterns, metrics=metrics)

    monkeypatch.setattr(Store, "recordings", counted)
    return seen


@pytest.mark.parametrize(
    "command",
    [
        ("sweep",),
        ("sweep", "--monitor", "val_loss,val_accuracy", "--semantics", "keras-3.15,keras-2.15"),
        ("sweep", "--html", "page.html"),
        ("sweep", "--monitor", "val_loss,val_accuracy", "--semantics", "keras-3.15,keras-2.15", "--html", "page.html"),
        ("sweep", "--rows", "rows.csv"),
        ("sweep", "--rows", "rows.csv", "--html", "page.html"),
        ("sweep", "--lr-patience", "2,5"),
        ("compare", *RULES),
        ("compare", *RULES, "--html", "page.html", "--json"),
        ("recommend", "--group-by", "run"),
    ],
    ids=" ".join,
)
def test_a_command_reads_the_store_once(cli, passes, command):
    """What is drawn of few runs is kept from that pass."""
    result = cli(*command, "-q")
    assert result.exit_code == 0 or command[0] == "recommend", result.stderr
    assert len(passes) == 1
    assert passes[0] is not None


def test_rows_beside_a_page_are_those_of_the_sweep_alone(cli, sample_logs):
    """They are written in the pass that the page is made from."""
    cli("ingest", sample_logs, "-q")
    for options in (("--rows", "alone.csv"), ("--rows", "beside.csv", "--html", "page.html")):
        assert cli("sweep", "--patience", "1..3", *options, "-q").exit_code == 0
    assert Path("beside.csv").read_bytes() == Path("alone.csv").read_bytes()
