"""The house: imports flow downwards, nothing is left out of the wheel, everything is documented and clean."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import click
import pytest
from places import ROOT

import kcb_replay
from kcb_replay.cli import main
from kcb_replay.replay import callbacks, outcomes
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.outcomes import Outcome

# Errors give reasons, and what speaks raises errors.
GROUND = ("text", "language", "errors")
ROOMS = (*GROUND, "ingest", "replay", "report", "commands", "cli")
MODULES = sorted(
    path.relative_to(ROOT) for room in ROOMS for path in [*ROOT.glob(f"{room}.py"), *ROOT.glob(f"{room}/**/*.py")]
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


# These rooms decide what a callback does; the lanes are a second, faster way to do what two of them do.
KNOW_CALLBACKS = {("replay", "callbacks"), ("replay", "outcomes"), ("replay", "lane_answers.py")}
MOST_IMPORTS = 0.09
FEWEST_LINES, MOST_LINES = 25, 400
# A reader of one format; a class that needs matplotlib before it can exist; what pages and figures must agree on.
SHORT = {"ingest/readers/yolo.py", "report/figures/shown.py", "replay/verdicts/sample.py"}
IDIOMS = {"told_apart", "Asked", "Said", "Held", "Found", "Parting"}
VAGUE = ("found", "asked", "said", "held")
MOST_VAGUE = 0


def imported_modules(path):
    """Return every module that a file imports, wherever the import stands."""
    for node in ast.walk(tree_of(path)):
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


def imported_files(path, names):
    """Return which of the files called `names` a file imports, in functions and for annotations, too."""
    imported = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = (f"{node.module}.{alias.name}" for alias in node.names)
            imported |= {name if name in names else node.module for name in inside}
    return imported & names - {module_name(path)}


def test_no_circle_of_imports():
    """Every file can be read with nothing but those below it in mind."""
    paths = {module_name(path): path for path in MODULES if path.parts[0].removesuffix(".py") in ROOMS}
    above = {name: imported_files(path, paths.keys()) for name, path in paths.items()}
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
        for node in tree_of(path).body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    ]
    assert sorted(set(names)) == sorted(names)


@cache
def tree_of(path):
    """Return the syntax tree of a file."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def lines_of(path):
    """Return how many lines a file has."""
    return (ROOT / path).read_text(encoding="utf-8").count("\n")


def repeated(names):
    """Return the names that come more than once."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def test_a_class_name_exists_once():
    """A name that means one thing in one file does not mean another one elsewhere."""
    classes = [node.name for path in MODULES for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)]
    assert repeated(classes) == []


def classes_asked_for(path):
    """Yield the names of the classes that a file asks for with `isinstance`, `issubclass` or a pattern."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.MatchClass):
            yield from (name.id for name in ast.walk(node.cls) if isinstance(name, ast.Name))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass"):
            yield from (name.id for name in ast.walk(node.args[1]) if isinstance(name, ast.Name))


def kinds_of(package, base):
    """Return the names of the classes of a package that inherit from a base."""
    modules = [
        importlib.import_module(f"{package.__name__}.{each.name}") for each in pkgutil.iter_modules(package.__path__)
    ]
    classes = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    return {kind.__name__ for kind in classes if issubclass(kind, base) and kind is not base}


def test_what_a_callback_is_and_comes_to_is_asked_by_its_facets():
    """Only the rooms of callbacks and outcomes know their classes; a new callback is one file and one line."""
    kinds = kinds_of(callbacks, Callback) | kinds_of(outcomes, Outcome)
    assert {"EarlyStopping", "StoppingOutcome"} <= kinds
    elsewhere = [path for path in MODULES if path.parts[:2] not in KNOW_CALLBACKS]
    tested = {str(path): sorted(kinds & {*classes_asked_for(path)}) for path in elsewhere}
    assert {path: names for path, names in tested.items() if names} == {}


def mentioned_names(path):
    """Return the names that a file imports, reads from a module or writes as text."""
    names = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)
    return names


def test_only_rooms_list_what_they_give_to_others():
    """In every other file the underscore tells what is its own: two homes of that fact would drift."""
    lists = [path for path in MODULES if any(getattr(node, "id", "") == "__all__" for node in ast.walk(tree_of(path)))]
    assert [str(path) for path in lists if path.name != "__init__.py"] == []


def test_a_function_that_nobody_else_calls_is_private():
    """What has no underscore is read as wanted elsewhere; dead code shows here, too."""
    files = [*MODULES, Path("__init__.py"), *(path.relative_to(ROOT) for path in ROOT.glob("tests/**/*.py"))]
    mentioned = {path: mentioned_names(path) for path in files}
    others = Counter(name for names in mentioned.values() for name in names)
    alone = [
        f"{path}: {node.name}"
        for path in MODULES
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        if others[node.name] - (node.name in mentioned[path]) == 0
    ]
    assert alone == []


def import_lines(path):
    """Return how many lines of a file import, or list what it gives to others."""
    count = 0
    for node in ast.walk(tree_of(path)):
        is_guard = isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        is_list = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        if isinstance(node, (ast.Import, ast.ImportFrom)) or is_list:
            count += node.end_lineno - node.lineno + 1
        count += is_guard
    return count


def test_imports_are_a_small_part_of_the_lines():
    """Files are cut by ideas: with one per helper, a tenth of all lines would be imports."""
    share = sum(map(import_lines, MODULES)) / sum(map(lines_of, MODULES))
    assert share < MOST_IMPORTS


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__init__.py"], ids=str)
def test_a_file_is_one_idea(path):
    """A file of one helper belongs to those who use it; one that takes an hour to read holds several ideas."""
    assert lines_of(path) <= MOST_LINES
    assert lines_of(path) >= FEWEST_LINES or str(path) in SHORT


def test_exceptions_to_the_size_of_files_are_needed():
    """One that is no longer needed is taken out, so that the file stays as it has become."""
    assert [name for name in SHORT if lines_of(name) >= FEWEST_LINES] == []


def bound_names(tree):
    """Yield every name that a file gives to a value, a parameter or a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.MatchAs)) and node.name:
            yield node.name


def test_names_say_what_a_thing_is():
    """`found` is a sweep, a mode or a list; the limit falls with each that is named by what it is, and never rises."""
    names = Counter(name for path in MODULES for name in bound_names(tree_of(path)))
    assert names.keys() & IDIOMS == set()
    assert sum(names[name] for name in VAGUE) <= MOST_VAGUE


@pytest.mark.parametrize("path", [path for path in MODULES if path.parts[0] == "replay"], ids=str)
def test_replay_stays_light(path):
    """The replay room imports no pandas at module level, and never click, matplotlib or tensorboard."""
    top = {module.split(".")[0] for module in imported_modules(path)}
    assert top & {"click", "matplotlib", "tensorboard"} == set()


def test_only_what_is_always_installed_is_imported_when_a_file_is_read():
    """What an extra brings is imported where it is needed; a file that draws cases is asked for by that only."""
    declared = {re.split(r"[<>=!~ \[]", each)[0].replace("-", "_") for each in PROJECT["project"]["dependencies"]}
    known = {*sys.stdlib_module_names, "kcb_replay", *declared}
    tops = {
        (str(path), module.split(".")[0])
        for path in MODULES
        for node in tree_of(path).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for module in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module])
    }
    assert {(path, top) for path, top in tops if top not in known} == {("replay/conformance/cases.py", "hypothesis")}


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
