"""What the user asks: words in (`JobSpec`), a validated `Job` out (`resolve`)."""

from __future__ import annotations

from gpuplan.job.resolve import resolve, resolve_all
from gpuplan.job.spec import JobSpec, make_spec
from gpuplan.job.types import Catalogue, Job, Limits, Pins, Quota, Search, TokenCount
from gpuplan.job.yaml_file import load_spec

__all__ = [
    "Catalogue",
    "Job",
    "JobSpec",
    "Limits",
    "Pins",
    "Quota",
    "Search",
    "TokenCount",
    "load_spec",
    "make_spec",
    "resolve",
    "resolve_all",
]
