"""What the user has decided already: the cluster, the layout, or both."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from gpuplan.errors import InputError, choose
from gpuplan.job.market import Market
from gpuplan.job.reader import Reader
from gpuplan.job.types import Job, Limits, Pins
from gpuplan.layout import LIGHTER, OFFLOAD
from gpuplan.units import parse_whole

if TYPE_CHECKING:
    from gpuplan_models import Framework

RECOMPUTE = ("none", "selective", "full")
MAX_GPUS = 1_000_000
#: Flag of each pin, in the order in which they are asked for.
FLAGS = {
    "offer": "offer",
    "nodes": "nodes",
    "gpus": "gpus",
    "tensor_parallel": "tp",
    "pipeline_parallel": "pp",
    "virtual_pipeline": "vp",
    "data_parallel": "dp",
    "context_parallel": "cp",
    "expert_parallel": "ep",
    "expert_tensor_parallel": "etp",
    "lighter": "uneven",
    "zero_stage": "zero",
    "micro_batch": "micro_batch",
    "recompute": "recompute",
    "offload": "offload",
}


def read_pins(reader: Reader, framework: Framework | None, market: Market) -> Pins:
    """Read what is fixed; `check_pins` holds it against the rest of the job."""

    def degree(flag: str) -> int | None:
        return reader.optional(flag, count)

    return Pins(
        offer=reader.optional("offer", lambda name, value: market.offer_id(name, str(value).strip())),
        nodes=degree("nodes"),
        gpus=degree("gpus"),
        tensor_parallel=degree("tp"),
        pipeline_parallel=degree("pp"),
        data_parallel=degree("dp"),
        expert_parallel=degree("ep"),
        zero_stage=reader.optional("zero", lambda name, value: parse_whole(name, value, 0, 3)),
        micro_batch=degree("micro_batch"),
        recompute=reader.optional("recompute", lambda name, value: choose(name, value, RECOMPUTE)),
        framework=framework.name if framework else None,
        virtual_pipeline=degree("vp"),
        context_parallel=degree("cp"),
        expert_tensor_parallel=degree("etp"),
        offload=reader.optional("offload", lambda name, value: choose(name, value, OFFLOAD)),
        lighter=reader.optional("uneven", lambda name, value: choose(name, value, LIGHTER)),
    )


def with_offer(job: Job, reader: Reader, market: Market) -> Job:
    """The job with the pricing of the offer that it names, unless it names one; refused where it leaves that offer out.

    Raises
    ------
    InputError
        Provider, region, GPU or pricing are asked for that the offer does not have.
    """
    if job.pins.offer is None:
        return job
    offer, limits = market.offer(job.pins.offer), job.limits
    if not reader.given("pricing"):
        limits = replace(limits, pricing=(offer.pricing,))
    gpu = offer.node.accelerator.name
    for flag, mine, asked, left_out in (
        ("provider", offer.provider.name, limits.providers, limits.exclude_providers),
        ("region", offer.region, limits.regions, limits.exclude_regions),
        ("gpu", gpu, limits.gpus, limits.exclude_gpus),
        ("pricing", offer.pricing, limits.pricing, ()),
    ):
        if (asked is not None and mine not in asked) or mine in left_out:
            flags = f"--{flag} {', '.join(asked or ())}" if mine not in left_out else f"--exclude-{flag} {mine}"
            raise InputError("offer", offer.id, f"{offer.id} is left out by {flags}; give one of the two")
    return replace(job, limits=limits)


def count(name: str, value: object) -> int:
    """Count of GPUs, nodes or ranks."""
    return parse_whole(name, value, 1, MAX_GPUS)


def check_pins(job: Job) -> None:
    """Refuse what contradicts itself whatever the offer is: no search would find a plan, and no limit would be to blame.

    Raises
    ------
    InputError
        With the way out.
    """
    pins = job.pins
    _check_product(pins)
    _check_experts(pins, job)
    _check_pipeline(pins, job)
    _check_sequence(pins, job)
    _check_offload(pins)
    _check_limits(pins, job.limits)
    if job.framework:
        _check_framework(pins, job.framework)


def _check_product(pins: Pins) -> None:
    """TP x PP x DP x CP = GPUs; degrees that are not given may still divide."""
    given = {
        "tp": pins.tensor_parallel,
        "pp": pins.pipeline_parallel,
        "dp": pins.data_parallel,
        "cp": pins.context_parallel,
    }
    if pins.gpus is None or not any(given.values()):
        return
    product = prod(degree or 1 for degree in given.values())
    written = " x ".join(f"{name} {degree}" for name, degree in given.items() if degree)
    whole = all(given.values())
    if pins.gpus % product or (whole and product != pins.gpus):
        fits = "be" if whole else "divide"
        comes_to = f" = {product}, which" if " x " in written else ""
        raise InputError("gpus", pins.gpus, f"{written}{comes_to} must {fits} the number of GPUs, {pins.gpus}")


def _check_experts(pins: Pins, job: Job) -> None:
    """EP x ETP divides the GPUs of a stage, ETP is that of TP or 1, and there are experts to deal."""
    deal, cut, tensor = pins.expert_parallel or 1, pins.expert_tensor_parallel or 1, pins.tensor_parallel
    stages = pins.pipeline_parallel or 1
    if pins.gpus is not None and pins.gpus // stages % (deal * cut):
        stage = " of a pipeline stage" if stages > 1 else ""
        named = f"ep {deal}" + (f" x etp {cut}" if cut > 1 else "")
        raise InputError("ep", deal, f"{named} must divide the number of GPUs{stage}, {pins.gpus // stages}")
    if cut > 1 and tensor is not None and cut != tensor:
        raise InputError("etp", cut, f"{cut} must be 1 or that of tp, {tensor}", ("1", str(tensor)))
    for name, degree in (("ep", deal), ("etp", cut)):
        if degree > 1 and not job.architecture.routed_experts:
            message = (
                f"{degree} needs a mixture of experts, and {job.architecture.name} is none; give 1, or leave it out"
            )
            raise InputError(name, degree, message)


def _check_pipeline(pins: Pins, job: Job) -> None:
    """Virtual and lighter stages need a pipeline, each other's absence, and layers enough."""
    stages, virtual, lighter = pins.pipeline_parallel, pins.virtual_pipeline or 1, pins.lighter or "none"
    layers = job.architecture.layer_count
    if virtual > 1 and lighter != "none":
        raise InputError(
            "uneven", lighter, f"{lighter} does not go with vp {virtual}: virtual stages are of equal length"
        )
    if stages is None:
        return
    if virtual > 1 and (stages == 1 or layers % (stages * virtual)):
        message = (
            f"{virtual} with pp {stages} must divide the {layers} layers of {job.architecture.name}, with pp above 1"
        )
        raise InputError("vp", virtual, message)
    needed = {"none": 1, "both": 3}.get(lighter, 2)
    if stages < needed:
        raise InputError("uneven", lighter, f"{lighter} needs pp {needed} or more, and pp is {stages}")


def _check_sequence(pins: Pins, job: Job) -> None:
    """Context parallelism deals a sequence in two pieces to each rank, one from each end, so that all see as many pairs."""
    ranks, length = pins.context_parallel or 1, job.sequence_length
    if ranks > 1 and length % (2 * ranks):
        message = f"{ranks} needs a sequence length that {2 * ranks} divides, and seq_len is {length:,}"
        raise InputError("cp", ranks, message)


def _check_offload(pins: Pins) -> None:
    """Parameters are offloaded as shards of ZeRO-3; what ZeRO-3 offloads are the parameters too."""
    if pins.zero_stage is None:
        return
    if pins.offload == "parameters" and pins.zero_stage != 3:
        raise InputError(
            "offload", "parameters", f"parameters needs zero 3, and zero is {pins.zero_stage}", ("optimizer",)
        )
    if pins.offload == "optimizer" and pins.zero_stage == 3:
        raise InputError(
            "offload", "optimizer", "optimizer goes with zero 0 to 2; with zero 3 take parameters", ("parameters",)
        )


def _check_limits(pins: Pins, limits: Limits) -> None:
    """What is given must keep the limits that are given beside it."""
    if limits.max_tensor is not None and (pins.tensor_parallel or 1) > limits.max_tensor:
        raise InputError(
            "tp", pins.tensor_parallel or 1, f"{pins.tensor_parallel} is more than max_tp, {limits.max_tensor}"
        )
    if limits.node_counts is not None and pins.nodes is not None and pins.nodes not in limits.node_counts:
        listed = tuple(str(one) for one in limits.node_counts)
        raise InputError("nodes", pins.nodes, f"{pins.nodes} is not among node_counts, {', '.join(listed)}")


def _check_framework(pins: Pins, framework: Framework) -> None:
    """Refuse a layout that the framework cannot run at all."""
    degrees = (
        ("tp", pins.tensor_parallel, framework.tensor_parallel),
        ("pp", pins.pipeline_parallel, framework.pipeline_parallel),
        ("vp", pins.virtual_pipeline, framework.interleaved),
        ("cp", pins.context_parallel, framework.context_parallel),
        ("ep", pins.expert_parallel, framework.expert_parallel),
        ("etp", pins.expert_tensor_parallel, framework.expert_tensor_parallel),
    )
    for name, degree, supported in degrees:
        if degree is not None and degree > 1 and not supported:
            raise InputError(
                name, degree, f"{degree} does not go with framework {framework.name}; give 1, or framework megatron"
            )
    if pins.lighter not in (None, "none") and not framework.pipeline_uneven:
        message = (
            f"{pins.lighter} does not go with framework {framework.name}, whose stages are of equal length; give none"
        )
        raise InputError("uneven", pins.lighter, message)
    words = (
        ("zero", pins.zero_stage, framework.zero_stages),
        ("recompute", pins.recompute, framework.recompute),
        ("offload", pins.offload, framework.offload),
    )
    for name, word, allowed in words:
        if word is not None and word not in allowed:
            said = f"stage {word}" if name == "zero" else str(word)
            has = ", ".join(str(one) for one in allowed)
            raise InputError(name, word, f"{said} does not go with {framework.name}; it has {has}")
