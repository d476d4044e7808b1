"""When would EarlyStopping, ReduceLROnPlateau or any other Keras callback have fired on the trainings you already have?

The public names, and nothing else; each is imported when it is first used, so that `import kcb_replay` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kcb_replay.ingest.display import Displayed, Renderers

if TYPE_CHECKING:
    from kcb_replay.errors import (
        DirectionUnknownError,
        KcbReplayError,
        KerasWouldRaiseError,
        MissingExtraError,
        MonitorNotRecordedError,
        NotInRecordingError,
        NotReplayableError,
        ReadError,
        RunNotFoundError,
        SettingError,
        StoreError,
    )
    from kcb_replay.ingest.ingest import IngestReport, read
    from kcb_replay.ingest.readers.base import Blob, Reader, Reading
    from kcb_replay.ingest.recording import Fit, Message, Note, Recording, Series, Source, StepSeries
    from kcb_replay.ingest.store import Store
    from kcb_replay.ingest.store.check import CheckReport, Fault
    from kcb_replay.ingest.store.schema import RunEntry
    from kcb_replay.replay.callbacks import (
        GL,
        PQ,
        UP,
        BackupAndRestore,
        BaseLogger,
        CSVLogger,
        EarlyStopping,
        History,
        LambdaCallback,
        LearningRateScheduler,
        LightningEarlyStopping,
        MedianStopping,
        ModelCheckpoint,
        ProgbarLogger,
        ReduceLROnPlateau,
        RemoteMonitor,
        StopAt,
        TensorBoard,
        TerminateOnNaN,
        TorchReduceLROnPlateau,
    )
    from kcb_replay.replay.inference.infer import infer
    from kcb_replay.replay.inference.result import Inference
    from kcb_replay.replay.learning_rates import IntegerRate
    from kcb_replay.replay.median import MedianStops, median_stopping
    from kcb_replay.replay.recommend.recommend import recommend
    from kcb_replay.replay.recommend.result import Recommendation
    from kcb_replay.replay.replay import replay, simulate
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.schedules import (
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    )
    from kcb_replay.replay.semantics import Semantics, semantics
    from kcb_replay.replay.simulation import RaisedFit, Simulation
    from kcb_replay.replay.verdicts.plateau import PlateauSweep
    from kcb_replay.replay.verdicts.rules import RuleComparison, compare_rules
    from kcb_replay.replay.verdicts.sweep import sweep
    from kcb_replay.replay.verdicts.table import Sweep
    from kcb_replay.replay.version_comparison import VersionComparison, versions
    from kcb_replay.report.figure import plot
    from kcb_replay.report.report_page import report

__version__ = "0.1.0"

_HOME = {
    "errors": (
        "DirectionUnknownError",
        "KcbReplayError",
        "KerasWouldRaiseError",
        "MissingExtraError",
        "MonitorNotRecordedError",
        "NotInRecordingError",
        "NotReplayableError",
        "ReadError",
        "RunNotFoundError",
        "SettingError",
        "StoreError",
    ),
    "ingest.store.check": ("CheckReport", "Fault"),
    "ingest.ingest": ("IngestReport", "read"),
    "ingest.readers.base": ("Blob", "Reader", "Reading"),
    "ingest.recording": ("Fit", "Message", "Note", "Recording", "Series", "Source", "StepSeries"),
    "ingest.store.schema": ("RunEntry",),
    "ingest.store": ("Store",),
    "replay.callbacks": (
        "BackupAndRestore",
        "BaseLogger",
        "CSVLogger",
        "EarlyStopping",
        "GL",
        "History",
        "LambdaCallback",
        "LearningRateScheduler",
        "LightningEarlyStopping",
        "MedianStopping",
        "ModelCheckpoint",
        "PQ",
        "ProgbarLogger",
        "ReduceLROnPlateau",
        "RemoteMonitor",
        "StopAt",
        "TensorBoard",
        "TerminateOnNaN",
        "TorchReduceLROnPlateau",
        "UP",
    ),
    "replay.inference.infer": ("infer",),
    "replay.inference.result": ("Inference",),
    "replay.median": ("MedianStops", "median_stopping"),
    "replay.learning_rates": ("IntegerRate",),
    "replay.replay": ("simulate",),
    "replay.result": ("Replay",),
    "replay.simulation": ("RaisedFit", "Simulation"),
    "replay.verdicts.rules": ("RuleComparison", "compare_rules"),
    "replay.schedules": (
        "CosineDecay",
        "CosineDecayRestarts",
        "ExponentialDecay",
        "InverseTimeDecay",
        "PiecewiseConstantDecay",
        "PolynomialDecay",
    ),
    "replay.recommend.recommend": ("recommend",),
    "replay.recommend.result": ("Recommendation",),
    "replay.semantics": ("Semantics", "semantics"),
    "replay.verdicts.sweep": ("sweep",),
    "replay.verdicts.plateau": ("PlateauSweep",),
    "replay.verdicts.table": ("Sweep",),
    "replay.version_comparison": ("VersionComparison", "versions"),
    "report.figure": ("plot",),
}
# Two public functions have the name of the package that holds them; those packages can be called.
_CALLABLE_PACKAGES = ("replay", "report")
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "GL",
    "PQ",
    "UP",
    "BackupAndRestore",
    "BaseLogger",
    "Blob",
    "CSVLogger",
    "CheckReport",
    "CosineDecay",
    "CosineDecayRestarts",
    "DirectionUnknownError",
    "EarlyStopping",
    "ExponentialDecay",
    "Fault",
    "Fit",
    "History",
    "Inference",
    "IngestReport",
    "IntegerRate",
    "InverseTimeDecay",
    "KcbReplayError",
    "KerasWouldRaiseError",
    "LambdaCallback",
    "LearningRateScheduler",
    "LightningEarlyStopping",
    "MedianStopping",
    "MedianStops",
    "Message",
    "MissingExtraError",
    "ModelCheckpoint",
    "MonitorNotRecordedError",
    "NotInRecordingError",
    "NotReplayableError",
    "Note",
    "PiecewiseConstantDecay",
    "PlateauSweep",
    "PolynomialDecay",
    "ProgbarLogger",
    "RaisedFit",
    "ReadError",
    "Reader",
    "Reading",
    "Recommendation",
    "Recording",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "Replay",
    "RuleComparison",
    "RunEntry",
    "RunNotFoundError",
    "Semantics",
    "Series",
    "SettingError",
    "Simulation",
    "Source",
    "StepSeries",
    "StopAt",
    "Store",
    "StoreError",
    "Sweep",
    "TensorBoard",
    "TerminateOnNaN",
    "TorchReduceLROnPlateau",
    "VersionComparison",
    "__version__",
    "compare_rules",
    "infer",
    "median_stopping",
    "plot",
    "read",
    "recommend",
    "replay",
    "report",
    "semantics",
    "simulate",
    "sweep",
    "versions",
]


def _later(module: str, name: str) -> Any:
    """Return a function that is imported when it is first called."""

    def call(*arguments: Any, **named: Any) -> Any:
        return getattr(importlib.import_module(f"kcb_replay.{module}"), name)(*arguments, **named)

    return call


# What draws results stands above them, and is loaded when a notebook asks for it.
Displayed.renderers = Renderers(
    html=_later("report.notebook.drawn", "html_of"), explainer=_later("report.notebook.drawn", "explainer_of")
)


def __getattr__(name: str) -> object:
    if name in _CALLABLE_PACKAGES:
        return importlib.import_module(f"kcb_replay.{name}")
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'kcb_replay' has no attribute {name!r}")
    return getattr(importlib.import_module(f"kcb_replay.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
