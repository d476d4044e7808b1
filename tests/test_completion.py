"""What shells complete: commands, options, names of stored runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kcb_replay.cli import main

PROGRAM = Path(sys.executable).with_name("kcb-replay")


@pytest.fixture
def completed(cli, sample_logs, tmp_path, monkeypatch):
    """Return a function that returns what bash is offered for words, the last of which is incomplete."""
    cli("ingest", sample_logs, "-q")

    def complete(*words: str) -> list[str]:
        from click.shell_completion import BashComplete

        monkeypatch.setenv("COMP_WORDS", " ".join(("kcb-replay", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        found = BashComplete(main, {}, "kcb-replay", "_KCB_REPLAY_COMPLETE").complete()
        return [line.split(",", 1)[1] for line in found.splitlines() if not line.startswith("file,")]

    return complete


def test_commands_options_and_choices_are_completed(completed):
    """As far as they are typed."""
    assert completed("sw") == ["sweep"]
    assert completed("simulate", "--lr") == ["--lr-patience", "--lr-min-delta"]
    assert completed("simulate", "--mode", "m") == ["min", "max"]


def test_names_of_stored_runs_are_completed(completed):
    """Wherever a run is asked for, several of them too."""
    assert completed("show", "seeds/") == ["seeds/seed0", "seeds/seed1", "seeds/seed2"]
    assert completed("simulate", "seeds/seed0", "keras3-o") == ["keras3-overfit"]


def test_a_store_that_is_not_there_or_damaged_completes_nothing(completed, tmp_path):
    """No traceback ever reaches the line that somebody types."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "_kcb.json").write_text("{")
    assert completed("show", "--store", str(tmp_path / "other"), "s") == []
    assert completed("show", "--store", str(tmp_path / "nothing"), "s") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_every_shell_is_printed(cli, shell):
    """Even where that shell is not installed."""
    result = cli("completion", shell)
    assert (result.exit_code, "_KCB_REPLAY_COMPLETE" in result.stdout) == (0, True)


@pytest.mark.slow
@pytest.mark.skipif(not (PROGRAM.exists() and shutil.which("bash")), reason="needs bash and the installed command")
def test_a_real_bash_completes(cli, sample_logs, tmp_path):
    """The script is sourced, and its function asked as bash asks it."""
    cli("ingest", sample_logs / "seeds", "-q")
    script = (
        'eval "$(kcb-replay completion bash)"; COMP_WORDS=(kcb-replay show seed); COMP_CWORD=2;'
        ' _kcb_replay_completion kcb-replay; echo "${COMPREPLY[@]}"'
    )
    environment = {**os.environ, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["seed0", "seed1", "seed2"], done.stderr
