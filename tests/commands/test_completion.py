"""What shells complete: commands, options, names of stored runs."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys

import pytest
from click.shell_completion import get_completion_class

from kcb_replay.cli import main
from kcb_replay.report.figure import KINDS


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


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Put the command into a folder of its own at the head of PATH, as an installation does."""
    program = tmp_path / "bin" / "kcb-replay"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom kcb_replay.cli import main\nmain()\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def needs(shell):
    """Skip a test where the shell is not installed."""
    return pytest.mark.skipif(not shutil.which(shell), reason=f"needs {shell}")


# What is typed, and what is offered for it.
OFFERED = [
    (("show", "seed"), ["seed0", "seed1", "seed2"]),
    (("plot", "--kind", ""), sorted(KINDS)),
    (("plot", "--theme", "d"), ["dark"]),
    (("sw",), ["sweep"]),
]


@pytest.mark.slow
@needs("bash")
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("words", "offered"), OFFERED)
def test_a_real_bash_completes(cli, sample_logs, tmp_path, words, offered):
    """The script is sourced, and its function asked as bash asks it."""
    cli("ingest", sample_logs / "seeds", "-q")
    typed = " ".join(f"'{word}'" for word in words)
    script = (
        f'eval "$(kcb-replay completion bash)"; COMP_WORDS=(kcb-replay {typed}); COMP_CWORD={len(words)};'
        ' _kcb_replay_completion kcb-replay 2>/dev/null; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == offered, done.stderr


@pytest.mark.slow
@needs("fish")
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("words", "offered"), OFFERED)
def test_a_real_fish_completes(cli, sample_logs, tmp_path, words, offered):
    """It says itself what it would offer."""
    cli("ingest", sample_logs / "seeds", "-q")
    (tmp_path / "home").mkdir()
    typed = " ".join(("kcb-replay", *words))
    script = f"kcb-replay completion fish | source; complete -C '{typed}'"
    done = subprocess.run(
        ["fish", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(line.split("\t")[0] for line in done.stdout.splitlines() if line) == offered, done.stderr


@pytest.mark.slow
@needs("zsh")
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("words", "offered"), OFFERED)
def test_a_real_zsh_completes(cli, sample_logs, tmp_path, words, offered):
    """Its own function for offering is looked over the shoulder."""
    cli("ingest", sample_logs / "seeds", "-q")
    typed = " ".join(f"'{word}'" for word in words)
    script = (
        # The script asks zsh's completion system for these two; what it would show is printed instead.
        'compdef() { :; }; _describe() { print -l -- "${(@P)3}"; }; compadd() { print -l -- "${(@P)@[-1]}"; };'
        f' eval "$(kcb-replay completion zsh)"; words=(kcb-replay {typed}); CURRENT={len(words) + 1};'
        " _kcb_replay_completion"
    )
    done = subprocess.run(["zsh", "-f", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    found = {line.split(":")[0] for line in done.stdout.splitlines() if line}
    assert sorted(found) == offered, done.stderr


INTERACTIVE = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(kcb-replay completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -u; eval "$(kcb-replay completion zsh)"'),
    "fish": (["fish", "--no-config", "-i"], "kcb-replay completion fish | source"),
}
HOSTILE = ["zz$(touch PWNED)", "zz`touch PWNED` *", "zz'\"; touch PWNED; #", "zz PWNED & ~!$HOME", "zz\\PWNED"]


def at_a_terminal(shell, typed, folder):
    """Type into a shell, each part when what the part before waits for is on its screen; return all that was there."""
    keyboard, screen = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "HOME": str(folder)}
    # With a terminal of its own, as fish wants it.
    process = subprocess.Popen(
        ["setsid", "--ctty", *shell], cwd=folder, env=environment, stdin=screen, stdout=screen, stderr=screen
    )
    seen = ""
    for keys, awaited in typed:
        os.write(keyboard, keys.encode())
        since = len(seen)
        while awaited not in seen[since:]:
            assert select.select([keyboard], [], [], 30)[0], f"{awaited!r} does not come after {seen!r}"
            seen += os.read(keyboard, 65536).decode(errors="replace")
    process.kill()
    process.wait()
    os.close(keyboard)
    os.close(screen)
    return seen


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("shell", [pytest.param(shell, marks=needs(shell)) for shell in INTERACTIVE])
def test_a_name_that_is_completed_is_never_run(cli, shell, name, quote, tmp_path):
    """It is quoted as the shell wants it, whatever quote it was begun with, so that this very run is shown."""
    (tmp_path / "logs" / name).mkdir(parents=True)
    (tmp_path / "logs" / name / "training.log").write_text("epoch,loss\n0,1.0\n1,0.5\n")
    cli("ingest", "logs", "-q")
    program, load = INTERACTIVE[shell]
    typed = [
        (f"{load}; echo RE''ADY\n", "READY"),
        (f"kcb-replay show {quote}zz\t", "PWNED"),
        ("\r", "Fit 0: 2 epochs"),
    ]
    seen = at_a_terminal(program, typed, tmp_path)
    assert f"{name}: 1 fit, 2 epochs" in seen
    assert not (tmp_path / "PWNED").exists()


def test_what_a_script_would_cut_or_a_terminal_obey_is_not_offered(cli, tmp_path, monkeypatch):
    """A line end parts the answers, a comma the values of fish; other control characters steer the terminal."""
    for name in ("zz-plain", "zz,comma", "zz\nline", "zz\x1b[2Jclear"):
        (tmp_path / "logs" / name).mkdir(parents=True)
        (tmp_path / "logs" / name / "training.log").write_text("epoch,loss\n0,1.0\n")
    cli("ingest", "logs", "-q")
    monkeypatch.setenv("COMP_WORDS", "kcb-replay show zz")
    offered = {}
    for shell, word in (("bash", "2"), ("zsh", "2"), ("fish", "zz")):
        monkeypatch.setenv("COMP_CWORD", word)
        completion = get_completion_class(shell)(main, {}, "kcb-replay", "_KCB_REPLAY_COMPLETE")
        args, incomplete = completion.get_completion_args()
        offered[shell] = [item.value for item in completion.get_completions(args, incomplete) if item.type == "plain"]
    assert offered == {"bash": ["zz,comma", "zz-plain"], "zsh": ["zz,comma", "zz-plain"], "fish": ["zz-plain"]}
