"""When would EarlyStopping, ReduceLROnPlateau or any other Keras callback have fired on the trainings you already have?

The public names, and nothing else; each is imported when it is first used, so that `import kcb_replay` costs nothing.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kcb_replay.ingest.display import Displayed, Renderers

if TYPE_CHECKING:
    # Told to type checkers, which take `as` for public; the same names stand below (a test holds them together).
    from kcb_replay.errors import (
        DirectionUnknownError as DirectionUnknownError,
        KcbReplayError as KcbReplayError,
        KerasWouldRaiseError as KerasWouldRaiseError,
        MissingExtraError as MissingExtraError,
        MonitorNotRecordedError as MonitorNotRecordedError,
        NotInRecordingError as NotInRecordingError,
        NotReplayableError as NotReplayableError,
        ReadError as ReadError,
        RunNotFoundError as RunNotFoundError,
        SettingError as SettingError,
        StoreError as StoreError,
    )
    from kcb_replay.ingest.fits_joined import join_fits as join_fits
    from kcb_replay.ingest.ingest import (
        IngestReport as IngestReport,
        LogsRead as LogsRead,
        read as read,
        read_logs as read_logs,
    )
    from kcb_replay.ingest.readers.base import Blob as Blob, Reader as Reader, Reading as Reading
    from kcb_replay.ingest.recording import (
        Fit as Fit,
        Message as Message,
        Note as Note,
        Recording as Recording,
        Series as Series,
        Source as Source,
        StepSeries as StepSeries,
    )
    from kcb_replay.ingest.store import Store as Store
    from kcb_replay.ingest.store.check import CheckReport as CheckReport, Fault as Fault
    from kcb_replay.ingest.store.schema import RunEntry as RunEntry
    from kcb_replay.replay.behaviours import Semantics as Semantics
    from kcb_replay.replay.callbacks import (
        GL as GL,
        PQ as PQ,
        UP as UP,
        BackupAndRestore as BackupAndRestore,
        BaseLogger as BaseLogger,
        CSVLogger as CSVLogger,
        EarlyStopping as EarlyStopping,
        History as History,
        LambdaCallback as LambdaCallback,
        LearningRateScheduler as LearningRateScheduler,
        LightningEarlyStopping as LightningEarlyStopping,
        MedianStopping as MedianStopping,
        ModelCheckpoint as ModelCheckpoint,
        ProgbarLogger as ProgbarLogger,
        ReduceLROnPlateau as ReduceLROnPlateau,
        RemoteMonitor as RemoteMonitor,
        StopAt as StopAt,
        TensorBoard as TensorBoard,
        TerminateOnNaN as TerminateOnNaN,
        TorchReduceLROnPlateau as TorchReduceLROnPlateau,
    )
    from kcb_replay.replay.inference.infer import infer as infer
    from kcb_replay.replay.inference.result import Inference as Inference
    from kcb_replay.replay.learning_rates import IntegerRate as IntegerRate
    from kcb_replay.replay.median import MedianStops as MedianStops, median_stopping as median_stopping
    from kcb_replay.replay.recommend.recommend import recommend as recommend
    from kcb_replay.replay.recommend.result import Recommendation as Recommendation
    from kcb_replay.replay.replay import replay as replay, simulate as simulate
    from kcb_replay.replay.result import Replay as Replay
    from kcb_replay.replay.schedules import (
        CosineDecay as CosineDecay,
        CosineDecayRestarts as CosineDecayRestarts,
        ExponentialDecay as ExponentialDecay,
        InverseTimeDecay as InverseTimeDecay,
        PiecewiseConstantDecay as PiecewiseConstantDecay,
        PolynomialDecay as PolynomialDecay,
    )
    from kcb_replay.replay.semantics import semantics as semantics
    from kcb_replay.replay.simulation import RaisedFit as RaisedFit, Simulation as Simulation
    from kcb_replay.replay.verdicts.plateau import PlateauSweep as PlateauSweep
    from kcb_replay.replay.verdicts.rules import RuleComparison as RuleComparison, compare_rules as compare_rules
    from kcb_replay.replay.verdicts.sweep import sweep as sweep
    from kcb_replay.replay.verdicts.table import Sweep as Sweep
    from kcb_replay.replay.version_comparison import VersionComparison as VersionComparison, versions as versions
    from kcb_replay.report.figure import plot as plot
    from kcb_replay.report.report_page import report as report

__version__ = "0.1.0"

# Where each public name is.
_HOME = {
    "errors": (
        "DirectionUnknownError KcbReplayError KerasWouldRaiseError MissingExtraError MonitorNotRecordedError "
        "NotInRecordingError NotReplayableError ReadError RunNotFoundError SettingError StoreError"
    ),
    "ingest.store.check": "CheckReport Fault",
    "ingest.fits_joined": "join_fits",
    "ingest.ingest": "IngestReport LogsRead read read_logs",
    "ingest.readers.base": "Blob Reader Reading",
    "ingest.recording": "Fit Message Note Recording Series Source StepSeries",
    "ingest.store.schema": "RunEntry",
    "ingest.store": "Store",
    "replay.callbacks": (
        "BackupAndRestore BaseLogger CSVLogger EarlyStopping GL History LambdaCallback LearningRateScheduler "
        "LightningEarlyStopping MedianStopping ModelCheckpoint PQ ProgbarLogger ReduceLROnPlateau RemoteMonitor "
        "StopAt TensorBoard TerminateOnNaN TorchReduceLROnPlateau UP"
    ),
    "replay.inference.infer": "infer",
    "replay.inference.result": "Inference",
    "replay.median": "MedianStops median_stopping",
    "replay.learning_rates": "IntegerRate",
    "replay.replay": "replay simulate",
    "replay.result": "Replay",
    "replay.simulation": "RaisedFit Simulation",
    "replay.verdicts.rules": "RuleComparison compare_rules",
    "replay.schedules": (
        "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay PolynomialDecay"
    ),
    "replay.recommend.recommend": "recommend",
    "replay.recommend.result": "Recommendation",
    "replay.semantics": "Semantics semantics",
    "replay.verdicts.sweep": "sweep",
    "replay.verdicts.plateau": "PlateauSweep",
    "replay.verdicts.table": "Sweep",
    "replay.version_comparison": "VersionComparison versions",
    "report.figure": "plot",
    "report.report_page": "report",
}
# Two public functions have the name of the package that holds them.
_NAMED_AS_PACKAGES = ("replay", "report")
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names.split()}
_THREADS_SPIN = "OPENBLAS_THREAD_TIMEOUT"
_PUBLIC = sorted(("__version__", *_MODULE_OF))


def _later(module: str, name: str) -> Any:
    """Return a function that is imported when it is first called."""

    def call(*arguments: Any, **named: Any) -> Any:
        return getattr(importlib.import_module(f"kcb_replay.{module}"), name)(*arguments, **named)

    return call


# What draws results stands above them, and is loaded when a notebook asks for it.
Displayed.renderers = Renderers(
    html=_later("report.notebook", "html_of"), explainer=_later("report.notebook", "explainer_of")
)


def __getattr__(name: str) -> object:
    if name == "__all__":
        # Type checkers would take a list that they cannot evaluate for an empty one.
        return _PUBLIC
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'kcb_replay' has no attribute {name!r}")
    value = getattr(_imported(f"kcb_replay.{module}"), name)
    if name in _NAMED_AS_PACKAGES:
        # `kcb_replay.replay.engine` is a module all the same: the function has the names of the package, too.
        value.__dict__ = vars(sys.modules[f"kcb_replay.{name}"])
    return value


def _imported(module: str) -> ModuleType:
    """Import a module, and let the threads that NumPy starts for linear algebra sleep at once when they have nothing.

    They spin for some 30 ms each. The variable is read when NumPy is first imported; whoever computes later has all
    threads, and an environment as it was.
    """
    if _THREADS_SPIN in os.environ or "numpy" in sys.modules:
        return importlib.import_module(module)
    os.environ[_THREADS_SPIN] = "4"
    try:
        return importlib.import_module(module)
    finally:
        os.environ.pop(_THREADS_SPIN, None)


def __dir__() -> list[str]:
    return _PUBLIC


class _PublicPackage(ModuleType):
    """Has the functions `replay` and `report` where importing binds the packages of these names."""

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _NAMED_AS_PACKAGES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _PublicPackage
