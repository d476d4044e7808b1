"""The house: imports flow downwards, nothing is left out of the wheel, everything is documented and clean."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib

import click
import pytest
from places import ROOT

import kcb_replay
from kcb_replay.cli import main

# Errors give reasons, and what speaks raises errors.
GROUND = ("text", "language", "errors")
ROOMS = (*GROUND, "ingest", "replay", "report", "commands", "cli")
MODULES = sorted(
    path.relative_to(ROOT) for room in ROOMS for path in [*ROOT.glob(f"{room}.py"), *ROOT.glob(f"{room}/**/*.py")]
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def imported_modules(path):
    """Return every module that a file imports, wherever the import stands."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def room_of(module):
    """Return the room of `kcb_replay.replay.engine`, None for another package."""
    parts = module.split(".")
    return parts[1] if parts[0] == "kcb_replay" and len(parts) > 1 else None


def floor_of(room):
    """Return how high a room lies; what all others stand on is one floor."""
    return 0 if room in GROUND else ROOMS.index(room)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_only_flow_downwards(path):
    """The ground < ingest < replay < report < commands < cli: nobody imports from a room above his own."""
    own = floor_of(path.parts[0].removesuffix(".py"))
    rooms = {room for module in imported_modules(path) if (room := room_of(module))}
    assert [room for room in rooms if floor_of(room) > own] == []


def module_name(path):
    """Return the dotted name of a file."""
    return ".".join(("kcb_replay", *path.with_suffix("").parts)).removesuffix(".__init__")


def imported_files(path, names, *, types):
    """Return which of the files called `names` a file imports, in functions too; for annotations alone with `types`."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING" and not types:
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in names else node.module for name in inside}
    return found & names - {module_name(path)}


@pytest.mark.parametrize(
    ("rooms", "types"),
    [(ROOMS, False), (("text", "errors", "ingest"), True)],
    ids=["what runs", "annotations"],
)
def test_no_circle_of_imports(rooms, types):
    """Every file can be read with nothing but those below it in mind."""
    paths = {module_name(path): path for path in MODULES if path.parts[0].removesuffix(".py") in rooms}
    above = {name: imported_files(path, paths.keys(), types=types) for name, path in paths.items()}
    while lowest := {name for name, imported in above.items() if not imported}:
        above = {name: imported - lowest for name, imported in above.items() if name not in lowest}
    while highest := above.keys() - set().union(*above.values()):
        above = {name: imported for name, imported in above.items() if name not in highest}
    assert above == {}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_name_of_a_module_is_bound_twice(path):
    """The first value would silently be lost, as where two files are merged that had a constant of the same name."""
    names = [
        name.id
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    ]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("path", [path for path in MODULES if path.parts[0] == "replay"], ids=str)
def test_replay_stays_light(path):
    """The replay room imports no pandas at module level, and never click, matplotlib or tensorboard."""
    top = {module.split(".")[0] for module in imported_modules(path)}
    assert top & {"click", "matplotlib", "tensorboard"} == set()


def test_every_package_is_in_the_wheel():
    """The list of packages is that of the folders; one that is not listed would silently be missing."""
    folders = {path.parent for path in MODULES if path.name == "__init__.py"}
    expected = {"kcb_replay", *(".".join(("kcb_replay", *folder.parts)) for folder in folders)}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == expected


def test_no_stray_module_at_the_root():
    """Every module at the root lands in the wheel, so there are only those that belong there."""
    expected = ["__init__.py", "__main__.py", "cli.py", "errors.py", "text.py"]
    assert sorted(path.name for path in ROOT.glob("*.py")) == expected


@pytest.mark.parametrize("name", kcb_replay.__all__)
def test_every_public_name_exists_and_is_documented(name):
    """Each name of __all__ can be imported and has a docstring."""
    value = getattr(kcb_replay, name)
    assert name == "__version__" or (value.__doc__ or "").strip()


def test_every_dependency_has_its_line():
    """CONTRIBUTING says of every dependency what for, and what else was considered."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    extras = PROJECT["project"]["optional-dependencies"].values()
    listed = [*PROJECT["project"]["dependencies"], *(name for extra in extras for name in extra)]
    names = [re.split(r"[<>=\[]", requirement)[0] for requirement in listed]
    missing = [name for name in names if not re.search(rf"^\* .*{re.escape(name)}.*: .*; .*$", text, re.MULTILINE)]
    assert missing == []


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_help_and_a_place_in_readme(name):
    """A command has a help text, helps for its options, and README shows it."""
    command = main.commands[name]
    assert command.help
    undocumented = [
        option.name
        for option in command.params
        if isinstance(option, click.Option) and not (option.help or isinstance(option.type, click.Choice))
    ]
    assert undocumented == []
    assert f"`kcb-replay {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_runs_the_test_command_of_readme():
    """README gives one test command, and .ci/run takes it from there."""
    commands = re.findall(
        r"^python3 -m venv .*pytest -n auto$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(commands) == 1
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_is_content(arguments):
    """Lint and format find nothing."""
    found = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "."], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.slow
def test_mypy_is_content():
    """Strict types everywhere; the link is how mypy finds the package in a checkout of any name."""
    types = ROOT / ".types"
    types.mkdir(exist_ok=True)
    link = types / "kcb_replay"
    if not link.exists():
        link.symlink_to("..", target_is_directory=True)
    found = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    checked = int(re.search(r"in (\d+) source files", found.stdout)[1])
    assert checked >= len(MODULES)
