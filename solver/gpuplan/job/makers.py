"""Whether the accelerators that the user names are of makers for whom the job's framework runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gpuplan.errors import InputError
from gpuplan.layout import default_framework, obstacle, runs_on
from gpuplan_hardware import accelerators
from gpuplan_models import frameworks

if TYPE_CHECKING:
    from gpuplan.job.types import Job
    from gpuplan_hardware import Offer


def check_makers(job: Job, known: Iterable[Offer]) -> None:
    """Refuse accelerators that no framework in question runs the job on: a longer search or more money would not help.

    Raises
    ------
    InputError
        With the frameworks that do.
    """
    makers = {accelerator.name: accelerator.vendor for accelerator in accelerators().values()}
    makers |= {offer.node.accelerator.name: offer.node.accelerator.vendor for offer in known}
    named = {name: makers[name] for name in job.limits.gpus or () if name in makers}
    usual = (frameworks()[default_framework(job, parallel)] for parallel in (False, True))
    asked = [job.framework] if job.framework else [one for one in dict.fromkeys(usual) if obstacle(one, job) is None]
    if not named or any(runs_on(framework, maker, job) for framework in asked for maker in named.values()):
        return
    able = [
        framework.name
        for framework in frameworks().values()
        if obstacle(framework, job) is None and any(runs_on(framework, maker, job) for maker in named.values())
    ]
    what = f"{job.method.name} with {job.weights} weights and {job.optimizer}"
    where = " or ".join(dict.fromkeys(named.values()))
    others = (
        f"with --framework {' or '.join(able)} it does" if able else "nor does any other framework in the catalogue"
    )
    message = f"{' and '.join(framework.name for framework in asked)} does not run {what} on accelerators of {where}; {others}"
    raise InputError("gpu", ", ".join(named), message)
