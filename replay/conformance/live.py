"""Compare the engine with the Keras installed here, on random cases: real classes, real CallbackList, every field.

The first difference is shrunk to a case that is as small as it can be. A version that is newer than all that the engine
knows is compared with the newest known, and the report says so; all other unknown ones are refused.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from kcb_replay.errors import MissingExtraError, SettingError
from kcb_replay.replay.bridge.real_keras import Installed, Library, installed, module_of
from kcb_replay.replay.conformance.case_settings import Signature
from kcb_replay.replay.conformance.golden import Json, differences
from kcb_replay.replay.conformance.observed import observed
from kcb_replay.replay.semantics import nearest_known

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_PURPOSE = "Live conformance"
_PART = 2000


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """The smallest case found in which the engine differs, with what was observed, and the differing fields."""

    case: Json
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiveReport:
    """How many cases were compared with which Keras, and the first difference, None where there was none.

    `note` says which Keras the engine was, where the installed one is newer than all it knows.
    """

    library: Library
    version: str
    backend: str
    numpy: str
    cases: int
    first: FirstDifference | None
    note: str | None = None

    @property
    def caveat(self) -> str | None:
        """What the comparison cannot show, None where there is nothing to say."""
        caveats = [f"{self.note}."] if self.note else []
        if self.backend == "numpy":
            caveats.append(
                "Keras compares in float64 on its numpy backend, which cannot train: this run says nothing of the"
                " float32 comparisons of real trainings. Set KERAS_BACKEND to tensorflow, jax or torch for those."
            )
        return " ".join(caveats) or None


def conform_live(*, cases: int = 1000, seed: int = 0, library: Library | None = None) -> LiveReport:
    """Compare the engine with the installed Keras on random cases, the same for the same seed.

    `library` is "keras" or "tf_keras", by default the first that is installed. Stops at the first difference. Raises
    `MissingExtraError` without Keras or hypothesis, `SettingError` for a version that is older than those the engine
    knows; one that is newer is compared with the newest known.
    """
    library = library or first_installed()
    setup = installed(library, _PURPOSE)
    try:
        _, note = nearest_known(setup.semantics)
    except SettingError as unknown:
        raise SettingError(f"{setup} is installed, and the engine does not know how it decides. {unknown}") from None
    comparison = _Comparison(setup, module_of(library, _PURPOSE))
    comparison.run(cases, seed)
    return LiveReport(
        library,
        setup.version,
        setup.backend,
        setup.numpy,
        comparison.compared,
        comparison.first,
        note,
    )


class _DifferenceError(Exception):
    """Tells hypothesis that a case failed."""


class _Comparison:
    """Compares cases, and keeps the last that differed: hypothesis ends with the smallest."""

    def __init__(self, setup: Installed, keras: ModuleType) -> None:
        self.compared = 0
        self.first: FirstDifference | None = None
        self._setup = setup
        self._keras = keras

    def run(self, cases: int, seed: int) -> None:
        """Compare that many random cases, of each stratum its share; stop at the first that differs."""
        try:
            from kcb_replay.replay.conformance.cases import cases as cases_of, shares
        except ModuleNotFoundError as missing:
            raise MissingExtraError("hypothesis", "keras", _PURPOSE) from missing
        signature = self._signature()
        for stratum, count in shares(cases).items():
            strategy = cases_of(signature, stratum)
            # In parts: hypothesis remembers every case of one run, and is slower the more there are.
            for part in range(0, count, _PART):
                if self.first is None:
                    self._run_part(strategy, min(_PART, count - part), seed + part)

    def _run_part(self, strategy: SearchStrategy[Json], cases: int, seed: int) -> None:
        import hypothesis

        settings = hypothesis.settings(
            max_examples=cases,
            deadline=None,
            database=None,
            phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
            suppress_health_check=tuple(hypothesis.HealthCheck),
            verbosity=hypothesis.Verbosity.quiet,
            report_multiple_bugs=False,
        )
        compare = hypothesis.seed(seed)(settings(hypothesis.given(strategy)(self._compare)))
        with contextlib.suppress(_DifferenceError):
            compare()

    def _signature(self) -> Signature:
        from kcb_replay.replay.conformance.case_settings import Signature

        is_keras_3 = self._setup.library == "keras"
        return Signature(
            period=not is_keras_3,
            raise_error="raise_error" in inspect.signature(self._keras.callbacks.TerminateOnNaN).parameters,
            # That of tf_keras writes TensorFlow checkpoints of a real model.
            backup=is_keras_3,
            remote=importlib.util.find_spec("requests") is not None,
        )

    def _compare(self, drawn: Json) -> None:
        setup = self._setup
        case = {
            "library": setup.library,
            "version": setup.version,
            "backend": setup.backend,
            "numpy": setup.numpy,
            **drawn,
            # Recorded cases have no key for what was printed where nobody listened; here somebody does.
            "expect": {"stdout": "", **observed(drawn, self._keras)},
        }
        # While it shrinks, hypothesis tries cases of which most are no longer counted.
        self.compared += self.first is None
        fields = differences(case)
        if fields:
            self.first = FirstDifference(case, tuple(fields))
            raise _DifferenceError


def first_installed() -> Library:
    """Return keras, or tf_keras where only that is installed; raises `MissingExtraError` without either."""
    for library in ("keras", "tf_keras"):
        if importlib.util.find_spec(library) is not None:
            return "keras" if library == "keras" else "tf_keras"
    raise MissingExtraError("keras", "keras", _PURPOSE)
