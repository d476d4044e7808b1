"""Mutate the decisions of the engine one by one, and count the mutants that golden and live cases tell from real Keras.

A mutant is one changed node of the syntax tree (a comparison, an operator, a condition, a constant, a return, a call);
its function gets the changed code in a forked process, which compares the cases that run its line, until the first that
differs, and at most 3,000. What survives them is tried with the unit tests of the engine: what is beside a decision (a
reason in words, what `fit` tells a logger) no real class shows. Defaults and tables, which no function holds, are not
mutated.

Considered: mutmut copies the sources into a folder of its own and names modules by their path, but here the package
is the checkout itself; cosmic-ray starts the test command anew for every mutant, which is a second of imports each,
where a fork takes some hundredths.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from kcb_replay.replay.conformance.golden import differences, golden_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parent.parent
FILES = (
    "engine", "comparison", "directions", "callbacks/base", "callbacks/early_stopping",
    "callbacks/reduce_lr_on_plateau", "callbacks/model_checkpoint", "callbacks/terminate_on_nan",
    "callbacks/learning_rate_scheduler",
)  # fmt: skip
LIVE = (("jax", "keras"), ("tensorflow", "keras"), ("tensorflow", "tf_keras"), ("torch", "keras"))
MOST, SECONDS = 3000, 120
TESTS = [
    str(ROOT / "tests" / "replay" / f"test_{name}.py")
    for name in ("callbacks", "conform_outcomes", "directions", "laws", "loggers_golden", "outcomes", "partial_epochs",
                 "plateau_arguments", "reuse", "schedules", "semantics", "validity", "versions")
]  # fmt: skip
_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}  # fmt: skip
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Mod: ast.Mult
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, what it is, and the code of its module."""

    module: str
    line: int
    change: str
    code: CodeType


def changes_of(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], ast.AST | None]]]:
    """Yield what can be changed in a node, and the function that changes a copy of it (None: it is dropped)."""
    match node:
        case ast.Compare(ops=[operator]):
            for other in _COMPARED[type(operator)]:
                yield f"{type(operator).__name__} to {other.__name__}", lambda n, o=other: _set(n, ops=[o()])
        case ast.BoolOp(op=operator):
            other = ast.Or if isinstance(operator, ast.And) else ast.And
            yield f"{type(operator).__name__} to {other.__name__}", lambda n, o=other: _set(n, op=o())
            for place in range(len(node.values)):
                yield f"operand {place} dropped", lambda n, p=place: _without(n, p)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield f"{type(node.op).__name__} dropped", lambda n: n.operand
        case ast.BinOp(op=operator) if type(operator) in _COMPUTED:
            other = _COMPUTED[type(operator)]
            yield f"{type(operator).__name__} to {other.__name__}", lambda n, o=other: _set(n, op=o())
        case ast.If() | ast.IfExp() | ast.While():
            yield "condition negated", lambda n: _set(n, test=ast.UnaryOp(ast.Not(), n.test))
        case ast.Constant(value=bool(value)):
            yield f"{value} to {not value}", lambda n: ast.Constant(not n.value)
        case ast.Constant(value=int(value) | float(value)):
            yield f"{value} to {value + 1}", lambda n: ast.Constant(n.value + 1)
            yield f"{value} to {value - 1}", lambda n: ast.Constant(n.value - 1)
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield "return dropped", lambda _: ast.Pass()
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield "statement dropped", lambda _: ast.Pass()
        case ast.Call(keywords=[*keywords]):
            for place, keyword in enumerate(keywords):
                yield (
                    f"{keyword.arg}= dropped",
                    lambda n, p=place: _set(n, keywords=n.keywords[:p] + n.keywords[p + 1 :]),
                )


def _set(node: Any, **values: object) -> ast.AST:
    for name, value in values.items():
        setattr(node, name, value)
    return node  # type: ignore[no-any-return]


def _without(node: ast.BoolOp, place: int) -> ast.AST:
    values = node.values[:place] + node.values[place + 1 :]
    return values[0] if len(values) == 1 else _set(node, values=values)


def mutants(file: str) -> Iterator[Mutant]:
    """Yield every mutant of a file, in the order of its lines."""
    path = ROOT / "replay" / f"{file}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    texts = {id(function.body[0]) for function in functions if ast.get_docstring(function)}
    decides = {id(node) for function in functions for part in function.body for node in ast.walk(part)} - texts
    inside = [(number, node) for number, node in enumerate(ast.walk(tree)) if id(node) in decides]
    for number, node in inside:
        for change, changed in changes_of(node):
            mutated = copy.deepcopy(tree)
            target = next(other for place, other in enumerate(ast.walk(mutated)) if place == number)
            _Replaced(target, changed(target)).visit(mutated)
            try:
                code = compile(ast.fix_missing_locations(mutated), str(path), "exec")
            except (SyntaxError, TypeError):
                continue
            yield Mutant(_module(file), getattr(node, "lineno", 0), change, code)


class _Replaced(ast.NodeTransformer):
    def __init__(self, target: ast.AST, other: ast.AST | None) -> None:
        self._target, self._other = target, other

    def visit(self, node: ast.AST) -> Any:
        return self._other if node is self._target else self.generic_visit(node)


def install(mutant: Mutant) -> None:
    """Give the functions of the imported module the code of the mutant."""
    codes = {code.co_qualname: code for code in _codes(mutant.code)}
    for function in _live_functions(importlib.import_module(mutant.module)):
        code = codes.get(function.__qualname__)
        # One that loses its super() cannot be exchanged, and survives.
        if code is not None and code.co_freevars == function.__code__.co_freevars:
            function.__code__ = code


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _live_functions(module: ModuleType) -> Iterator[FunctionType]:
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    for value in own:
        for member in vars(value).values() if isinstance(value, type) else [value]:
            function = member.fget if isinstance(member, property) else getattr(member, "__wrapped__", member)
            if isinstance(function, FunctionType):
                yield function


def is_killed(mutant: Mutant, cases: list[Any]) -> bool:
    """Tell whether a case differs with the mutant, in a forked process; one that takes too long is killed, too."""
    return _fails(mutant, lambda: any(map(differences, cases)))


def fails_tests(mutant: Mutant, files: Sequence[str]) -> bool:
    """Tell whether one of the test files fails with the mutant, in a forked process."""
    return _fails(mutant, lambda: _tests_fail(files))


def _tests_fail(files: Sequence[str]) -> bool:
    import pytest

    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow and not browser and not keras", *files]
    return pytest.main(arguments) != pytest.ExitCode.OK


def _fails(mutant: Mutant | None, judge: Callable[[], bool]) -> bool:
    child = os.fork()
    if not child:
        # Seconds of the processor: on a busy machine a fair run takes longer.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            if mutant is not None:
                install(mutant)
            os._exit(int(judge()))
        except BaseException:  # noqa: BLE001  # whatever a mutant raises tells it from the engine
            os._exit(1)
    return os.waitpid(child, 0)[1] != 0


def lines_of(cases: list[Any], files: Sequence[str]) -> dict[tuple[str, int], list[int]]:
    """Return the numbers of the cases that run each line of the files."""
    names = {str(Path(sys.modules[_module(file)].__file__ or "")): _module(file) for file in files}
    running: dict[tuple[str, int], list[int]] = {}
    for number, case in enumerate(cases):
        seen: set[tuple[str, int]] = set()

        def trace(frame: FrameType, event: str, _: object, seen: set[tuple[str, int]] = seen) -> Any:
            module = names.get(frame.f_code.co_filename)
            if module is None:
                return None
            if event == "line":
                seen.add((module, frame.f_lineno))
            return trace

        sys.settrace(trace)
        differences(case)
        sys.settrace(None)
        for line in seen:
            running.setdefault(line, []).append(number)
    return running


def _module(file: str) -> str:
    return f"kcb_replay.replay.{file.replace('/', '.')}"


def live_cases(backend: str, library: str, count: int) -> list[Any]:
    """Return random cases with what the Keras installed here does in them."""
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as file:
        program = (
            "import json, sys; from kcb_replay.replay.conformance import live; lines = open(sys.argv[1], 'w')\n"
            "live.differences = lambda case: print(json.dumps(case), file=lines) or []\n"
            "live.conform_live(cases=int(sys.argv[2]), seed=11, library=sys.argv[3]); lines.close()"
        )
        command = [sys.executable, "-c", program, file.name, str(count), library]
        subprocess.run(command, env={**os.environ, "KERAS_BACKEND": backend}, capture_output=True, check=True)
        return [json.loads(line) for line in file]


def main() -> None:
    """Run all mutants, print the survivors and the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=FILES, help="below replay/, without .py")
    parser.add_argument("--live", type=int, default=1500, help="live cases of each library and backend")
    parser.add_argument("--most", type=int, default=None, help="mutants of each file, chosen at random")
    parser.add_argument("--tests", nargs="*", default=TESTS, help="test files for the survivors")
    given = parser.parse_args()
    begun = time.monotonic()
    if given.tests and _fails(None, lambda: _tests_fail(given.tests)):
        parser.error(f"the unit tests fail without any mutant: {' '.join(given.tests)}")
    cases = [case for path in sorted((ROOT / "tests" / "golden").glob("*.jsonl.gz")) for case in golden_cases(path)]
    cases += [case for backend, library in LIVE for case in live_cases(backend, library, given.live)]
    random.Random(7).shuffle(cases)
    wrong = sum(bool(differences(case)) for case in cases)
    print(f"{len(cases)} cases, {wrong} of which differ without a mutant", flush=True)
    running = lines_of(cases, given.files)
    print(f"the lines that they run are known ({time.monotonic() - begun:.0f} s)", flush=True)
    survivors, total, tested = [], 0, 0
    for file in given.files:
        of_file = list(mutants(file))
        chosen = random.Random(7).sample(of_file, min(given.most or len(of_file), len(of_file)))
        alive = []
        for each in chosen:
            numbers = running.get((each.module, each.line), [])
            if not is_killed(each, [cases[number] for number in numbers[:MOST]]):
                alive.append((each, len(numbers)))
        total += len(chosen)
        by_tests = [pair for pair in alive if given.tests and fails_tests(pair[0], given.tests)]
        alive = [pair for pair in alive if pair not in by_tests]
        survivors += alive
        tested += len(by_tests)
        seconds = f"{time.monotonic() - begun:.0f} s"
        print(
            f"{file}: {len(chosen)} mutants, {len(by_tests)} left to tests, {len(alive)} survive ({seconds})",
            flush=True,
        )
        for each, count in sorted(alive, key=lambda pair: pair[0].line):
            print(f"  {file}.py:{each.line}: {each.change} ({count} cases run this line)", flush=True)
    killed = total - len(survivors)
    score = f"{killed} of {total} mutants killed ({100 * killed / total:.1f} %), {tested} of them by unit tests"
    print(f"{score}, in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
