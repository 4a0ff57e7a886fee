"""Random small jobs: tiny models, frameworks as they are or with other abilities, and a decision that the job is to need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from gpuplan.job import Job, Limits, TokenCount
from gpuplan.layout import Layout, obstacle
from gpuplan_hardware import Node
from gpuplan_models import Architecture, Framework, Method, frameworks, methods
from gpuplan_models.config import build
from gpuplan_models.fields import Fields


@dataclass(frozen=True)
class Focus:
    """A decision that a problem is drawn for, so that its best plan often takes it.

    Attributes
    ----------
    decisions, closed
        Decisions that stay open, and those that mostly do not.
    shows
        Whether a layout on nodes of that shape takes the decision.
    able
        Whether a framework can.
    for_memory
        How often memory is what makes it pay (else time).
    weight
        How often problems are drawn for it, relative to the others.
    """

    decisions: tuple[str, ...]
    shows: Callable[[Layout, Node], bool]
    able: Callable[[Framework], bool]
    for_memory: float = 0.0
    closed: tuple[str, ...] = ()
    weight: float = 1.0


FOCI = {
    "none": Focus((), lambda layout, node: True, lambda f: True, weight=4.5),
    "virtual": Focus(
        ("virtual",),
        lambda layout, node: layout.virtual > 1,
        lambda f: f.interleaved,
        closed=("pipeline", "lighter"),
        weight=2.0,
    ),
    "lighter": Focus(
        ("lighter",),
        lambda layout, node: layout.lighter != "none",
        lambda f: f.pipeline_uneven,
        for_memory=0.5,
        closed=("pipeline", "virtual"),
        weight=1.8,
    ),
    "context": Focus(
        ("context",),
        lambda layout, node: layout.context > 1,
        lambda f: f.context_parallel,
        for_memory=0.4,
        closed=("tensor", "pipeline", "zero"),
        weight=1.4,
    ),
    "expert_tensor": Focus(
        ("expert_tensor",),
        lambda layout, node: layout.expert_tensor > 1,
        lambda f: f.expert_tensor_parallel,
        for_memory=0.9,
        closed=("tensor", "expert"),
        weight=1.6,
    ),
    "optimizer": Focus(
        ("offload",),
        lambda layout, node: layout.offload == "optimizer",
        lambda f: "optimizer" in f.offload,
        for_memory=0.9,
    ),
    "parameters": Focus(
        ("offload", "zero"),
        lambda layout, node: layout.offload == "parameters",
        lambda f: "parameters" in f.offload,
        for_memory=0.9,
        weight=1.5,
    ),
    "tensor": Focus(
        ("tensor",),
        lambda layout, node: layout.tensor > 1,
        lambda f: f.tensor_parallel,
        for_memory=0.6,
        closed=("pipeline", "context", "zero"),
        weight=1.8,
    ),
    "domain": Focus(
        ("tensor",),
        lambda layout, node: layout.tensor > node.gpus_per_node,
        lambda f: f.tensor_parallel,
        for_memory=0.9,
        closed=("pipeline", "context", "zero", "recompute", "micro_batch"),
        weight=2.2,
    ),
}


#: Jobs that are drawn in a row until a framework runs one; now and then the last is taken as it is.
DRAWS = 4
#: Any may be taken.
PRICINGS = ("on-demand", "spot", "capacity-block", "owned")


def random_job(rng: Random, focus: str) -> Job:
    """A job without limits and pins, which mostly some framework runs."""
    for _ in range(DRAWS):
        job = _random_job(rng, focus)
        plain = "hf-peft" if job.method.trains == "adapters" else "torch-fsdp"
        asked = [job.framework] if job.framework is not None else [frameworks()[name] for name in (plain, "megatron")]
        if any(obstacle(framework, job) is None for framework in asked):
            return job
    return job


def _random_job(rng: Random, focus: str) -> Job:
    method, framework, runs = _training(rng, focus)
    weights = [storage for storage in method.frozen_weights if storage in runs.frozen_weights] or method.frozen_weights
    plain = focus != "none" and rng.random() < 0.8  # then nothing else keeps the layout from running
    length = rng.choice((2048, 4096, 4096, 8192) if focus == "context" else (512, 1024, 2048, 2050, 4096, 4100))
    sequences = round(10 ** rng.uniform(1.0, 5.0))
    trials = rng.choice((1, 1, 1, 2, 3))
    mixture = focus == "expert_tensor" or rng.random() < 0.3
    return Job(
        architecture=_mixture(rng, focus) if mixture else _dense(rng, focus),
        method=method,
        precision="bf16" if plain else rng.choice(("bf16", "bf16", *runs.precisions)),
        weights=rng.choice(weights) if weights else "bf16",
        tokens=_tokens(rng, float(sequences * length)),
        lora_rank=rng.choice((8, 16, 64)),
        lora_targets=rng.choice(("all-linear", "attention")),
        optimizer="adamw" if plain else rng.choice(("adamw", *runs.optimizers)),
        framework=framework,
        sequence_length=length,
        samples=rng.choice((None, sequences)),
        epochs=rng.choice((1.0, 1.0, 2.5)),
        packing_efficiency=rng.choice((1.0, 1.0, 0.9)),
        global_batches=_batches(rng, focus),
        trials=trials,
        parallel=rng.randint(1, trials),
        contingency=rng.choice((0.0, 0.0, 0.2)),
        evaluation_share=rng.choice((0.0, 0.0, 0.05)),
        startup_seconds=rng.choice((0.0, 600.0)),
        checkpoint_interval_seconds=rng.choice((600.0, 3600.0)),
        checkpoint_days=rng.choice((0.0, 0.0, 30.0)),
        egress=rng.choice((0.0, 0.0, "result", 1e10)),
        spot_interruptions_per_node_hour=rng.choice((None, None, None, 0.1)),
        confidence=rng.choice((0.9, 0.9, None)),
        objectives=_objectives(rng, focus),
        limits=Limits(pricing=PRICINGS),
    )


def _objectives(rng: Random, focus: str) -> tuple[str, ...]:
    """One, or two of which the first decides: number of GPUs first, mostly, since the others seldom tie."""
    if rng.random() < 0.25:
        return rng.choice((("gpus", "time"), ("gpus", "cost"), ("gpus", "time"), ("time", "gpus"), ("cost", "time")))
    times = ("time",) * (6 if focus in ("virtual", "lighter", "context", "tensor") else 3)
    return (rng.choice(("cost", "cost", "gpus", *times)),)


def _training(rng: Random, focus: str) -> tuple[Method, Framework | None, Framework]:
    """Method, the framework that is asked for (None: the default), and one whose words the job is made of."""
    method = methods()[rng.choice(("full", "full", "lora", "lora", "qlora"))]
    if focus == "optimizer":
        method = methods()["full"]
    able = [f for f in frameworks().values() if FOCI[focus].able(f)]
    able = [f for f in able if method.name in f.methods] or able
    named = rng.choice(able)
    if method.name not in named.methods:
        method = methods()[rng.choice(named.methods)]
    if rng.random() < 0.3:
        named = _variant(rng, named, focus)
    # Now and then words that no framework can bring together, or not the usual one.
    runs = named if rng.random() < (0.9 if focus == "none" else 0.98) else rng.choice(list(frameworks().values()))
    asked = 0.25 if focus == "none" or named.tensor_parallel else 0.8
    return method, named if rng.random() < asked or named.name not in frameworks() else None, runs


def _variant(rng: Random, framework: Framework, focus: str) -> Framework:
    """A framework with other abilities than the one that it is made of."""
    piped = framework.pipeline_parallel
    other = replace(
        framework,
        name=f"{framework.name}-variant",
        tensor_parallel=rng.random() < 0.7,
        pipeline_uneven=piped and rng.random() < 0.7,
        interleaved=piped and rng.random() < 0.7,
        expert_parallel=rng.random() < 0.7,
        context_parallel=rng.random() < 0.7,
        expert_tensor_parallel=rng.random() < 0.7,
        zero_stages=rng.choice(((0, 1, 2, 3), (0, 3), (1, 3), (3,), framework.zero_stages)),
        recompute=rng.choice((("none", "full"), ("none", "selective", "full"), ("none",))),
        offload=rng.choice((("none",), ("none", "optimizer", "parameters"), ("none", "parameters"))),
    )
    if piped:
        stages = tuple(stage for stage in other.zero_stages if stage < 3)
        other = replace(other, zero_stages_with_pipeline=stages or other.zero_stages)
    return other if FOCI[focus].able(other) else framework


def _tokens(rng: Random, tokens: float) -> TokenCount:
    return TokenCount(tokens, tokens, tokens, basis="", data_bytes=rng.choice((None, 1e9, 1e12)))


def _batches(rng: Random, focus: str) -> tuple[int, ...]:
    if focus in ("context", "domain", "tensor"):  # a batch that leaves GPUs without a sequence of their own
        return (rng.choice((2, 4, 4, 6, 6)),)
    if focus in ("virtual", "lighter"):
        return (rng.choice((4, 6, 8, 12, 16)),)
    if rng.random() < 0.6:  # few powers of two: of the others many micro-batches are no divisors
        return (rng.choice((4, 6, 6, 8, 10, 10, 12, 14, 16, 20, 24, 32)),)
    return tuple(sorted(rng.sample((4, 6, 8, 10, 12, 16, 20), rng.choice((2, 2, 3)))))


# -- models ------------------------------------------------------------------------------------------------------------------
def _dense(rng: Random, focus: str) -> Architecture:
    kv_heads = rng.choice((4, 8) if focus in ("domain", "tensor") else (2, 3, 3, 4, 4, 5))
    heads, head_dim = kv_heads * rng.choice((1, 2, 4)), rng.choice((64, 128))
    config = {
        "model_type": rng.choice(("llama", "qwen2", "mistral")),
        "sliding_window": rng.choice((None, 1024)) if focus != "context" else None,  # only Mistral's counts
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "hidden_size": heads * head_dim,
        "intermediate_size": heads * head_dim * rng.choice((2, 4)),
    }
    return _architecture(rng, config, focus)


def _mixture(rng: Random, focus: str) -> Architecture:
    cut = focus in ("expert_tensor", "domain", "tensor")
    heads, experts = rng.choice((4, 8) if cut else (4, 6, 8)), rng.choice((3, 4, 5) if cut else (4, 6, 8))
    config = {
        "num_attention_heads": heads,
        "hidden_size": heads * 64,
        "intermediate_size": heads * 128,
        "num_experts_per_tok": 2,
    }
    if rng.random() < 0.6:
        config |= {"num_key_value_heads": heads // 2, "num_local_experts": experts}
        kind = (
            "gpt_oss" if rng.random() < 0.2 and not cut else "mixtral"
        )  # the first has experts with biases, and windows
        return _architecture(
            rng, {"model_type": kind, "sliding_window": None if kind == "mixtral" else 128} | config, focus
        )
    latent = {"q_lora_rank": None, "kv_lora_rank": 64, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32}
    counts = {"n_routed_experts": experts, "n_shared_experts": 1, "first_k_dense_replace": rng.choice((0, 1))}
    width = heads * rng.choice((64, 63))  # now and then a width that no even degree divides
    return _architecture(
        rng, {"model_type": "deepseek_v3", "moe_intermediate_size": width} | config | latent | counts, focus
    )


def _architecture(rng: Random, config: dict[str, Any], focus: str) -> Architecture:
    layers = {"virtual": (4, 6, 8, 12), "lighter": (4, 6, 7, 8, 9)}.get(focus, (2, 3, 4, 6, 8))
    common = {
        "num_hidden_layers": rng.choice(layers),
        "vocab_size": rng.choice((32000, 128000) if focus == "lighter" else (1000, 32000)),
        "max_position_embeddings": 8192,
        "tie_word_embeddings": rng.random() < 0.5,
    }
    return build(Fields(config | common, "config.json"), name="tiny", basis="", source="", tokenizer="unknown")
