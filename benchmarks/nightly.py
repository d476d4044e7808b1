"""No speed: what the callbacks of tomorrow's Keras do otherwise than those of the last release, and than the engine.

    python benchmarks/nightly.py [--cases 2000] [--backend jax] [--diff] [--into DIR]

Installs keras-nightly and the last release of Keras into folders of their own, compares the files of
`keras/src/callbacks` (classes, functions, signatures, lines), runs `conform --live` with the nightly's real classes
under the newest version that the engine knows, and counts the differences of as many cases by their kind. Nothing of
the environment is changed. Exits with 1 where a case differs: then `replay/timeline.py` lacks a version.
"""

from __future__ import annotations

import argparse
import ast
import collections
import difflib
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_CALLBACKS = Path("keras", "src", "callbacks")
_NUMBER = re.compile(r"(?<![A-Za-z])-?\d+(\.\d+)?(e[+-]?\d+)?")


def main() -> int:
    """Compare sources, then answers."""
    given = _arguments()
    if given.compare:
        return _compare(given.cases, given.seed)
    with tempfile.TemporaryDirectory() as folder:
        into = Path(given.into or folder)
        nightly, release = (_install(name, into / name) for name in (given.nightly, given.release))
        print(f"{given.nightly} {_version(nightly)} against {given.release} {_version(release)}\n")
        _print_sources(release / _CALLBACKS, nightly / _CALLBACKS, whole=given.diff)
        environment = {**os.environ, "PYTHONPATH": str(nightly.resolve()), "KERAS_BACKEND": given.backend}
        cases = ["--cases", str(given.cases), "--seed", str(given.seed)]
        conform = ["-m", "kcb_replay", "conform", "--live", "--library", "keras"]
        failed = 0
        for command in (conform, [__file__, "--compare"]):
            print(flush=True)
            failed |= subprocess.run([sys.executable, *command, *cases], env=environment, check=False).returncode
        return failed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000, help="how many random cases (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default: 0)")
    parser.add_argument("--backend", default="jax", help="backend of Keras, which has to be installed (default: jax)")
    parser.add_argument("--diff", action="store_true", help="print the changed lines, too")
    parser.add_argument("--into", help="keep both versions in this folder, and use those that are there")
    parser.add_argument("--nightly", default="keras-nightly", help="what is looked at, as pip names it")
    parser.add_argument("--release", default="keras", help="what it is compared with, as pip names it")
    parser.add_argument("--compare", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _install(name: str, target: Path) -> Path:
    """Return a folder that holds the package alone, as pip installs it by its name."""
    if not (target / _CALLBACKS).exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), name]
        subprocess.run(command, check=True)
    return target


def _version(target: Path) -> str:
    text = (target / "keras" / "src" / "version.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "([^"]+)"', text)
    return found[1] if found else "of no version"


def _print_sources(before: Path, after: Path, *, whole: bool) -> None:
    old, new = ({path.name: path.read_text(encoding="utf-8") for path in _sources(each)} for each in (before, after))
    differing = [name for name in sorted(old | new) if old.get(name) != new.get(name)]
    print(f"{len(differing)} of {len(old | new)} files of {_CALLBACKS} differ")
    for name in differing:
        lines = list(difflib.unified_diff(*(text.get(name, "").splitlines() for text in (old, new)), lineterm="", n=1))
        added, removed = (sum(line.startswith(sign) for line in lines[2:]) for sign in "+-")
        print(f"\n{name}: {added} lines added, {removed} removed")
        for change in _changed_signatures(old.get(name, ""), new.get(name, "")):
            print(f"  {change}")
        if whole:
            print("\n".join(f"    {line}" for line in lines[2:]))


def _sources(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.py") if not path.name.endswith("_test.py")]


def _changed_signatures(before: str, after: str) -> Iterator[str]:
    old, new = dict(_signatures(ast.parse(before))), dict(_signatures(ast.parse(after)))
    for name in sorted(old | new):
        if name not in old:
            yield f"new: {name}{new[name]}"
        elif name not in new:
            yield f"gone: {name}{old[name]}"
        elif old[name] != new[name]:
            yield f"changed: {name}{old[name]} -> {new[name]}"


def _signatures(parent: ast.AST, prefix: str = "") -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef):
            yield f"{prefix}{node.name}", f"({', '.join(map(ast.unparse, node.bases))})"
            yield from _signatures(node, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{prefix}{node.name}", f"({ast.unparse(node.args)})"


def _compare(cases: int, seed: int) -> int:
    """Run random cases through the Keras that is found first, and through the engine; print how they differ."""
    from kcb_replay.replay.bridge.real_keras import installed
    from kcb_replay.replay.semantics import nearest_known

    here = installed("keras", "This benchmark")
    version, _ = nearest_known(here.semantics)
    print(f"{here}, against the engine's {version.name}")
    kinds: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    answers = list(_answers(cases, seed, here))
    for case, fields in answers:
        if fields:
            kinds[_kind(case, fields)].append(case)
    wrong = sum(map(len, kinds.values()))
    print(f"{len(answers)} random cases, {wrong} differ" + (":" if wrong else ""))
    for kind, examples in sorted(kinds.items(), key=lambda item: -len(item[1])):
        smallest = min(
            (json.dumps({"callbacks": each["callbacks"], "epochs": each["epochs"]}) for each in examples), key=len
        )
        print(f"  {len(examples)}: {kind}\n    for example {smallest[:400]}")
    return int(wrong > 0)


def _answers(cases: int, seed: int, here: Any) -> Iterator[tuple[dict[str, Any], list[str]]]:
    import hypothesis

    from kcb_replay.replay.conformance.case_settings import Signature
    from kcb_replay.replay.conformance.cases import cases as cases_of, shares
    from kcb_replay.replay.conformance.golden import differences
    from kcb_replay.replay.conformance.observed import observed

    keras: Any = importlib.import_module("keras")
    raises = "raise_error" in inspect.signature(keras.callbacks.TerminateOnNaN).parameters
    signature = Signature(period=False, raise_error=raises, backup=True, remote=True)
    head = {"library": here.library, "version": here.version, "backend": here.backend, "numpy": here.numpy}
    found: list[tuple[dict[str, Any], list[str]]] = []

    def compare(drawn: dict[str, Any]) -> None:
        case = {**head, **drawn, "expect": observed(drawn, keras)}
        found.append((case, differences(case)))

    for stratum, count in shares(cases).items():
        settings = hypothesis.settings(
            max_examples=count,
            deadline=None,
            database=None,
            phases=(hypothesis.Phase.generate,),
            suppress_health_check=tuple(hypothesis.HealthCheck),
        )
        hypothesis.seed(seed)(settings(hypothesis.given(cases_of(signature, stratum))(compare)))()
        yield from found
        found.clear()


def _kind(case: dict[str, Any], fields: list[str]) -> str:
    """Return what cases of one kind have in common: the error that one side has alone, else the first field."""
    error = next((field for field in fields if field.startswith("expect.error")), None)
    names = "+".join(dict.fromkeys(item["class"] for item in case["callbacks"])) if error is None else "any list"
    return f"{names}: {_NUMBER.sub('n', error or fields[0])}"


if __name__ == "__main__":
    sys.exit(main())
