"""Whether another framework than the default would do better: the default is the user's to change, so it is said, not done."""

from __future__ import annotations

from dataclasses import replace

from gpuplan.ask import Asker
from gpuplan.job import Job
from gpuplan.layout import other_frameworks
from gpuplan.pipeline import Outcome
from gpuplan.plan import Plan
from gpuplan_models import frameworks

#: Another framework is named when it lowers the objective by more than this share.
WORTH_SAYING = 0.02


def better_framework(job: Job, outcome: Outcome, ask: Asker) -> Plan | None:
    """The best plan under another framework than the default, where it is better by more than `WORTH_SAYING`.

    The default is the user's to change, so it is said, not done.
    """
    if job.framework is not None or outcome.value is None:
        return None
    limit = outcome.value * (1 - WORTH_SAYING)
    others = [replace(job, framework=framework) for framework in other_frameworks(job)]
    glances = {other.framework.name: ask.glance(other, limit) for other in others if other.framework is not None}
    values = {name: value for name, value in glances.items() if value is not None}
    name = min(values, key=lambda key: values[key], default="")
    if not name or values[name] >= limit:
        return None
    best = ask(replace(job, framework=frameworks()[name]))
    return None if best is None or best.plan is None or best.status != "optimal" else replace(best.plan, job=job)
