"""The cheapest GPU cluster, and the layout on it, that fine-tunes a model before a deadline, with proof.

The verbs of the command line are functions here: ``gpuplan.solve({"model": ..., "data": "1GB", "deadline": "24h"})``.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpuplan.batch import batch, batch_rows
    from gpuplan.batching.result import BatchResult
    from gpuplan.check import check
    from gpuplan.errors import InputError
    from gpuplan.fleet import fleet
    from gpuplan.job import Job, JobSpec
    from gpuplan.report.quote import quote
    from gpuplan.result import Result
    from gpuplan.scheduling.result import FleetResult
    from gpuplan.solve import solve
    from gpuplan.sweep import break_even, frontier, sweep
    from gpuplan.sweeping.result import SweepResult

__version__ = "0.1.0"
__all__ = [
    "BatchResult",
    "FleetResult",
    "InputError",
    "Job",
    "JobSpec",
    "Result",
    "SweepResult",
    "__version__",
    "batch",
    "batch_rows",
    "break_even",
    "check",
    "fleet",
    "frontier",
    "quote",
    "solve",
    "sweep",
]

_HOMES = {
    "BatchResult": "gpuplan.batching.result",
    "FleetResult": "gpuplan.scheduling.result",
    "InputError": "gpuplan.errors",
    "Job": "gpuplan.job",
    "JobSpec": "gpuplan.job",
    "Result": "gpuplan.result",
    "SweepResult": "gpuplan.sweeping.result",
    "batch": "gpuplan.batch",
    "batch_rows": "gpuplan.batch",
    "break_even": "gpuplan.sweep",
    "check": "gpuplan.check",
    "fleet": "gpuplan.fleet",
    "frontier": "gpuplan.sweep",
    "quote": "gpuplan.report.quote",
    "solve": "gpuplan.solve",
    "sweep": "gpuplan.sweep",
}


class _Package(ModuleType):
    """The package itself: names are imported when they are first used, so that ``gpuplan --help`` stays instant.

    Importing the submodule ``gpuplan.solve`` would put it in the place of the function of the same name; that is refused,
    so ``gpuplan.solve(...)`` works whatever was imported before.
    """

    def __getattr__(self, name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_HOMES[name]), name)

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
