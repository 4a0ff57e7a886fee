"""The verb `check`: does a given cluster, with a given or the best layout, hold the job and finish it, and by what margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gpuplan.answer import rule_answer
from gpuplan.ask import INTERRUPTED, stopped
from gpuplan.catalogue import offers_for
from gpuplan.cluster import Cluster, choose_cluster, pinned
from gpuplan.job import Job, JobSpec, resolve
from gpuplan.layout import Layout, default_framework
from gpuplan.outcome import result_of
from gpuplan.performance.constants import calibrated, use_constants
from gpuplan.pipeline import Outcome, find
from gpuplan.plan import Plan
from gpuplan.result import Result
from gpuplan.search import least_memory
from gpuplan.space import build_space
from gpuplan.verify import quantities
from gpuplan_hardware import Offer
from gpuplan_models import frameworks

#: Rules about the shape and memory of a plan, as opposed to time and money.
FIT_RULES = ("batch", "divisibility", "framework", "host", "memory", "offer_nodes", "topology")
FINISH_RULES = ("deadline", "interruptions")


def check(spec: Job | JobSpec | Mapping[str, Any], offers: Sequence[Offer] | None = None) -> Result:
    """Say whether a job fits and finishes on a given cluster.

    The cluster is an offer and nodes, or a GPU and a count; then, of the offers whose nodes give exactly that count (else of the
    nearest shape), the one that keeps the limits at the least cost is audited. Layout decisions that are not given are taken for
    the least time; where nothing fits, for the least memory.

    Returns
    -------
    Result
        With `fits`, `finishes` and `violations`; `status` is "optimal" if it fits and finishes, else "infeasible".

    Raises
    ------
    InputError
        If a field of the job cannot be used, or no cluster is given.
    """
    job = resolve(spec, offers)
    found = offers_for(job, offers)
    with use_constants(calibrated(job.calibration)):
        return _check(job, choose_cluster(job, found), found)


def _check(job: Job, cluster: Cluster, offers: Sequence[Offer]) -> Result:
    """The best layout that agrees with what is given, held against every rule."""
    outcome = _best_layout(job, cluster)
    if stopped(outcome) == INTERRUPTED:
        raise KeyboardInterrupt
    if outcome.plan is None:
        outcome.plan = _least_memory(job, cluster) or _as_given(job, cluster)
        outcome.value = outcome.objective.value(outcome.plan)
        outcome.proof = "no layout that agrees with what is given fits; the one that needs least memory is shown"
    plan = outcome.plan = replace(outcome.plan, job=job)
    broken = [quantity for quantity in quantities(plan) if not quantity.satisfied]
    fits = not any(quantity.rule in FIT_RULES for quantity in broken)
    finishes = fits and not any(quantity.rule in FINISH_RULES for quantity in broken)
    outcome.status = "infeasible" if broken else "optimal"
    result = result_of(job, outcome, offers, "check")
    return result.model_copy(
        update={
            "fits": fits,
            "finishes": finishes,
            "violations": [rule_answer(quantity) for quantity in broken],
            "assumptions": [*result.assumptions, cluster.note],
            "conflict": sorted({quantity.rule for quantity in broken}),
        }
    )


def _best_layout(job: Job, cluster: Cluster) -> Outcome:
    return find(pinned(job, cluster), [cluster.offer], "time")


def _least_memory(job: Job, cluster: Cluster) -> Plan | None:
    """The layout that needs least memory, fitting or not; None if no layout agrees with what is given."""
    return least_memory(build_space(pinned(job, cluster), [cluster.offer]))


def _as_given(job: Job, cluster: Cluster) -> Plan:
    """The layout in the user's own numbers, whatever rule it breaks; what is not given is 1, or saves memory."""
    pins = job.pins
    tensor, pipeline, context = pins.tensor_parallel or 1, pins.pipeline_parallel or 1, pins.context_parallel or 1
    layout = Layout(
        framework="",
        tensor=tensor,
        pipeline=pipeline,
        data=pins.data_parallel or max(1, cluster.gpus_used // (tensor * pipeline * context)),
        expert=pins.expert_parallel or 1,
        zero=pins.zero_stage if pins.zero_stage is not None else 3 if pins.offload == "parameters" else 0,
        micro_batch=pins.micro_batch or 1,
        global_batch=job.global_batches[0],
        recompute=pins.recompute or "full",
        virtual=pins.virtual_pipeline or 1,
        context=context,
        expert_tensor=pins.expert_tensor_parallel or 1,
        offload=pins.offload or "none",
        lighter=pins.lighter or "none",
    )
    name = job.framework.name if job.framework else default_framework(job, layout.model_parallel)
    return Plan(job, cluster.offer, cluster.nodes, replace(layout, framework=name), frameworks()[name])
