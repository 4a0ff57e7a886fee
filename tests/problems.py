"""Random small problems: tiny models, a few offers, and limits drawn near the needs of a random plan so that they often bind.

`random_problem` is plain Python over a `random.Random`; `problems()` is the same as a hypothesis strategy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from random import Random
from typing import Any

from hypothesis import strategies as st

from gpuplan.job import Job, Limits, TokenCount
from gpuplan.performance.machine import supports
from gpuplan_hardware import Accelerator, Host, Link, Network, Node, Offer, Provider
from gpuplan_models import Architecture, frameworks, methods
from gpuplan_models.config import build
from gpuplan_models.fields import Fields
from oracle import Evaluated, Oracle

#: Most layouts (over all node shapes) that a problem may have, so that an oracle in plain Python stays quick.
MOST_LAYOUTS = 220


@dataclass(frozen=True)
class Problem:
    """A job, the offers, and the oracle for both (it has predicted most of the plans when the limits were drawn)."""

    job: Job
    offers: tuple[Offer, ...]
    oracle: Oracle


@lru_cache(maxsize=200)
def problem_of(seed: int) -> Problem:
    """The problem with that number; kept, because many tests look at the first ones."""
    return random_problem(Random(seed))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Strategy of random small problems."""
    return random_problem(draw(st.randoms(use_true_random=False)))


def random_problem(rng: Random) -> Problem:
    """Draw a problem."""
    job = _random_job(rng)
    offers = _random_offers(rng, job)
    job = _small(rng, job, offers)
    offers = _tight(rng, job, offers)
    free = Oracle(job, offers)
    job = replace(job, limits=_random_limits(rng, job, free))
    return Problem(job, offers, free.under(job.limits))


def limited(job: Job, **limits: Any) -> Job:
    """The job with other limits."""
    return replace(job, limits=replace(job.limits, **limits))


# -- the job ---------------------------------------------------------------------------------------------------------------
def _random_job(rng: Random) -> Job:
    method = methods()[rng.choice(("full", "full", "lora", "lora", "lora", "qlora"))]
    named = rng.choice([framework for framework in frameworks().values() if method.name in framework.methods])
    # Now and then words that no framework can bring together, or not the usual one.
    runs = named if rng.random() < 0.9 else rng.choice(list(frameworks().values()))
    weights = [storage for storage in method.frozen_weights if storage in runs.frozen_weights] or method.frozen_weights
    length = rng.choice((512, 1024, 2048))
    sequences = round(10 ** rng.uniform(1.0, 5.0))
    trials = rng.choice((1, 1, 1, 2, 3))
    return Job(
        architecture=_mixture(rng) if rng.random() < 0.35 else _dense(rng),
        method=method,
        precision=rng.choice(("bf16", "bf16", *runs.precisions)),
        weights=rng.choice(weights) if weights else "bf16",
        tokens=_tokens(rng, float(sequences * length)),
        lora_rank=rng.choice((8, 16, 64)),
        lora_targets=rng.choice(("all-linear", "attention")),
        optimizer=rng.choice(("adamw", *runs.optimizers)),
        framework=named if rng.random() < 0.25 else None,
        sequence_length=length,
        samples=rng.choice((None, sequences)),
        epochs=rng.choice((1.0, 1.0, 2.5)),
        packing_efficiency=rng.choice((1.0, 1.0, 0.9)),
        global_batches=_batches(rng),
        trials=trials,
        parallel=rng.randint(1, trials),
        contingency=rng.choice((0.0, 0.0, 0.2)),
        evaluation_share=rng.choice((0.0, 0.0, 0.05)),
        startup_seconds=rng.choice((0.0, 600.0)),
        checkpoint_interval_seconds=rng.choice((600.0, 3600.0)),
        confidence=rng.choice((0.9, 0.9, None)),
        objectives=(rng.choice(("cost", "cost", "gpus", "time", "time", "time", "time")), "cost"),
    )


def _tokens(rng: Random, tokens: float) -> TokenCount:
    return TokenCount(tokens, tokens, tokens, basis="", data_bytes=rng.choice((None, 1e9, 1e12)))


def _batches(rng: Random) -> tuple[int, ...]:
    if rng.random() < 0.7:
        return (rng.choice((4, 6, 6, 8, 10, 12, 12, 16, 20, 24, 32)),)
    return tuple(sorted(rng.sample((4, 6, 8, 12, 16, 20), rng.choice((2, 2, 3)))))


def _dense(rng: Random) -> Architecture:
    kv_heads = rng.choice((2, 3, 3, 4, 5))
    heads, head_dim = kv_heads * rng.choice((1, 2, 4)), rng.choice((64, 128))
    config = {
        "model_type": rng.choice(("llama", "qwen2")),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "hidden_size": heads * head_dim,
        "intermediate_size": heads * head_dim * rng.choice((2, 4)),
    }
    return _architecture(rng, config)


def _mixture(rng: Random) -> Architecture:
    heads, experts = rng.choice((4, 6, 8)), rng.choice((4, 6, 8))
    config = {
        "num_attention_heads": heads,
        "hidden_size": heads * 64,
        "intermediate_size": heads * 128,
        "num_experts_per_tok": 2,
    }
    if rng.random() < 0.5:
        config |= {"num_key_value_heads": heads // 2, "num_local_experts": experts}
        return _architecture(rng, {"model_type": "mixtral"} | config)
    latent = {"q_lora_rank": None, "kv_lora_rank": 64, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32}
    counts = {"n_routed_experts": experts, "n_shared_experts": 1, "first_k_dense_replace": rng.choice((0, 1))}
    return _architecture(
        rng, {"model_type": "deepseek_v3", "moe_intermediate_size": heads * 64} | config | latent | counts
    )


def _architecture(rng: Random, config: dict[str, Any]) -> Architecture:
    common = {
        "num_hidden_layers": rng.choice((2, 3, 4, 6)),
        "vocab_size": rng.choice((1000, 32000)),
        "max_position_embeddings": 4096,
        "tie_word_embeddings": rng.random() < 0.5,
    }
    return build(Fields(config | common, "config.json"), name="tiny", basis="", source="", tokenizer="unknown")


def _small(rng: Random, job: Job, offers: Sequence[Offer]) -> Job:
    """Pin decisions, one after the other, until there are few layouts."""
    left = ["recompute", "zero_stage", "expert_parallel", "pipeline_parallel", "micro_batch", "tensor_parallel"]
    while left and _layouts(Oracle(job, offers)) > MOST_LAYOUTS:
        name = left.pop(rng.randrange(min(3, len(left))))
        job = replace(job, pins=replace(job.pins, **_pin(rng, job, offers, name)))
    return job


def _pin(rng: Random, job: Job, offers: Sequence[Offer], name: str) -> dict[str, Any]:
    v = Oracle(job, offers).layouts.values
    recompute = [("none", "selective", "full")[code] for code in v.recompute]
    values: dict[str, Sequence[int | str]] = {
        "recompute": recompute,
        "zero_stage": v.zero,
        "expert_parallel": v.expert,
        "pipeline_parallel": v.pipeline[:2],
        "micro_batch": v.micro_batch[:2],
        "tensor_parallel": v.tensor[:2],
    }
    return {name: rng.choice(values[name])}


def _layouts(oracle: Oracle) -> int:
    nodes = {(offer.node.provider, offer.node.name): offer.node for offer in oracle.offers}
    return sum(not candidate.broken for node in nodes.values() for candidate in oracle.layouts.on(node))


# -- the offers ------------------------------------------------------------------------------------------------------------
def _random_offers(rng: Random, job: Job) -> tuple[Offer, ...]:
    nodes = [_node(rng, index) for index in range(rng.randint(1, 4))]
    while not any(supports(node, job.precision) for node in nodes):
        nodes.append(_node(rng, len(nodes)))
    providers = [
        Provider(
            f"p{index}", False, rng.choice((0.08, 0.08, 0.2, None)), rng.choice((0.0, 60.0, 3600.0, 14400.0, None))
        )
        for index in range(2)
    ]
    return tuple(_offer(rng, index, rng.choice(nodes), rng.choice(providers)) for index in range(rng.randint(2, 6)))


def _node(rng: Random, index: int) -> Node:
    per_node = rng.choice((1, 1, 2, 2, 3, 3, 3, 4, 6, 8))
    peak = rng.uniform(60e12, 900e12)
    formats: dict[str, float] = {"fp16": peak}
    if rng.random() < 0.85:
        formats["bf16"] = peak
        if rng.random() < 0.5:
            formats["fp8"] = 2 * peak
    family = rng.choice(("volta", "ampere", "ada", "hopper", "blackwell", "cdna3"))
    accelerator = Accelerator(
        name=f"gpu{index}",
        aliases=(),
        families=(),
        vendor={"cdna3": "AMD", "ada": "Intel", "volta": "Huawei"}.get(family, "NVIDIA"),  # some run less, or nothing
        kernel_family=family,
        usable_memory_bytes=2 * 10**11,
        memory_bandwidth_bytes_per_second=rng.uniform(0.3e12, 8e12),
        peak_flops=formats,
        tdp_watts=400,
        sources={},
    )
    link = Link("none", 0.0) if per_node == 1 else Link("pcie", rng.choice((16e9, 300e9)))
    network = None if rng.random() < 0.6 else Network("tcp", rng.choice((1e9, 12.5e9, 50e9, 50e9)), None)
    host = Host(vcpus=1000, ram_bytes=10**13, nvme_bytes=10**13)
    return Node(f"node{index}", "any", accelerator, per_node, link, network, host)


def _offer(rng: Random, index: int, node: Node, provider: Provider) -> Offer:
    most = rng.choice((1, 2, 4, 4, 8, 8))
    # Now and then a price list that promises several nodes without a fabric; the rules have to refuse them.
    promised = most if node.network is not None or rng.random() < 0.9 else 1
    return Offer(
        id=f"offer{index}",
        provider=provider,
        region=rng.choice(("eu", "us")),
        pricing="on-demand",
        node=node,
        price_usd_per_hour=round(node.gpus_per_node * rng.uniform(0.5, 6.0), 2),
        max_nodes=promised,
        as_of=date(2026, 11, 1),
        source="",
        lead_time="queue",
        lead_time_seconds=rng.choice((0.0, 0.0, 0.0, 1800.0, None)),
        host_open=rng.random() < 0.1,
    )


def _tight(rng: Random, job: Job, offers: Sequence[Offer]) -> tuple[Offer, ...]:
    """Shrink memories and hosts to about what a random layout needs."""
    oracle = Oracle(job, offers)
    tight: dict[str, Node] = {}
    for offer in offers:
        node = offer.node
        if node.name not in tight:
            legal = [c for c in oracle.layouts.on(node) if not c.broken] if supports(node, job.precision) else []
            tight[node.name] = _shrink(rng, oracle, offer, legal) if legal else node
    return tuple(replace(offer, node=_host(rng, oracle, tight[offer.node.name])) for offer in offers)


def _shrink(rng: Random, oracle: Oracle, offer: Offer, legal: Sequence[Any]) -> Node:
    if rng.random() < 0.25:
        return offer.node
    need = oracle.evaluate(offer, rng.choice(legal)).memory_bytes
    smaller = replace(offer.node.accelerator, usable_memory_bytes=int(need * rng.uniform(0.9, 1.2)))
    return replace(offer.node, accelerator=smaller)


def _host(rng: Random, oracle: Oracle, node: Node) -> Node:
    """Mostly ample; else near the need of one or two nodes, or unknown."""
    nodes = rng.choice((1, 2))
    host = node.host
    if rng.random() < 0.12:
        host = replace(host, vcpus=rng.choice((None, oracle.formulas.vcpus(node) - 1, oracle.formulas.vcpus(node))))
    if rng.random() < 0.16:
        near = int(oracle.formulas.ram_bytes(node, nodes) * rng.uniform(0.97, 1.03))
        host = replace(host, ram_bytes=rng.choice((None, near, near)))
    if rng.random() < 0.4:
        near = int(oracle.formulas.storage_bytes(nodes) * rng.uniform(0.97, 1.03))
        host = replace(host, nvme_bytes=rng.choice((None, 0, near)))
    return replace(node, host=host)


# -- the limits ------------------------------------------------------------------------------------------------------------
#: Field of `Limits`, the quantity of a plan that it limits, how often it is given.
_LIMITED = (
    ("deadline_seconds", "deadline_clock", 0.5),
    ("budget_usd", "cost_at_confidence", 0.6),
    ("max_gpus", "gpus", 0.4),
    ("max_nodes", "nodes", 0.7),
)


def _random_limits(rng: Random, job: Job, free: Oracle) -> Limits:
    """Limits in random order, each near the need of a plan that obeys those before it."""
    limits = Limits(
        allow_unknown_host=rng.random() < 0.2,
        deadline_from=rng.choice(("order", "start")),
        available_within_seconds=rng.choice((None, None, None, None, 1000.0)),
        timed=rng.random() < 0.3,
    )
    plans = [plan for plan in free.under(limits).plans if not plan.broken]
    drawn: dict[str, Any] = {}
    if rng.random() < 0.2:
        return limits
    for field, quantity, chance in rng.sample(_LIMITED, len(_LIMITED)):
        if plans and rng.random() < chance:
            need, whole = _reference(rng, job, plans, quantity).value(quantity), quantity in ("gpus", "nodes")
            most = max(1, need - rng.choice((-1, 0, 1, 1, 2))) if whole else need * math.exp(rng.uniform(-0.2, 0.3))
            drawn[field] = round(most * job.parallel) if whole else most
            plans = [plan for plan in plans if plan.value(quantity) <= most]
    return replace(limits, **drawn)


def _reference(rng: Random, job: Job, plans: Sequence[Evaluated], quantity: str) -> Evaluated:
    """Any plan, the best one (then the limit often binds), or the one that needs least (then it often forbids everything)."""
    best = min(plans, key=lambda plan: plan.value(job.objectives[0]))
    least = min(plans, key=lambda plan: plan.value(quantity))
    return rng.choice((best, best, best, least, rng.choice(plans)))
