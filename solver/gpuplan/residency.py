"""Whether data stays where the user wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpuplan_hardware.regions import in_area

if TYPE_CHECKING:
    from gpuplan.job.types import Limits


def stays(limits: Limits, provider: str, region: str) -> bool:
    """Whether a region is in one of the areas asked for; one whose country nobody states is in none."""
    return limits.residency is None or any(in_area(provider, region, area) for area in limits.residency)
