"""Bytes on the worst GPU: activations and logits (per layer decisions), weights, gradients and optimizer states (per sharding)."""

from __future__ import annotations

import numpy as np

from gpuplan.performance.constants import constants
from gpuplan.performance.layers import AtomKeys, sequence_split
from gpuplan.performance.recompute import FULL, SELECTIVE
from gpuplan.performance.workload import LayerWork, Workload, widening
from gpuplan_models import Framework

Array = np.ndarray


def activation_bytes(work: LayerWork, job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    """Activations that one layer keeps for the backward pass, per micro-batch in flight.

    Without recompute ``a 2 M [4h/S + 2 (Hq + Hk)/t + (2g + 2) f/t + k h/t]``, plus attention scores where they are written out;
    selective recompute drops the attention output and the scores (Megatron) or keeps a fixed share (torch); full recompute keeps
    the layer's input, ``2 M h / S``. All twice where the residual stream is fp32 (`widening`).
    """
    c = constants()
    everything = _saved(work, job, framework, keys)
    if framework.kernels == "megatron":
        attention_output = 2 * keys.tokens(job) * work.kind.query_width / keys.tensor
        multiplier = c.value("activation_multiplier", framework.kernels)
        selective = everything - multiplier * attention_output
    else:
        selective = c.value("selective_kept_share") * everything
    everything = everything + c.value("score_bytes_kept") * _scores(work, job, framework, keys)
    layer_input = 2 * keys.tokens(job) * job.architecture.hidden_size / sequence_split(framework, keys)
    layer_input = layer_input * widening(job, framework)
    kept = np.where(keys.recompute == FULL, layer_input, np.where(keys.recompute == SELECTIVE, selective, everything))
    return kept * c.value("allocator_slack")


def working_bytes(job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    """The one layer that full recompute is rebuilding: its activations, its scores and a working set."""
    c = constants()
    rebuilt = [
        c.value("working_set") * _saved(work, job, framework, keys)
        + c.value("score_bytes_working") * _scores(work, job, framework, keys)
        for work in job.layers
    ]
    return np.where(keys.recompute == FULL, np.max(rebuilt, axis=0) * c.value("allocator_slack"), 0.0)


def loss_bytes(job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    """Logits, their gradient and the loss's copies for one micro-batch, beyond what `working_bytes` has counted.

    ``M V/t`` times the framework's bytes, or those of fp32 logits (`widening`). They are gone before the first layer is rebuilt, so
    the two never stand side by side.
    """
    c = constants()
    logits = keys.tokens(job) * job.architecture.vocab_size / keys.tensor
    key = "fp32" if widening(job, framework) > 1 else framework.kernels
    key = "fused" if framework.fused_cross_entropy else key
    held = logits * c.value("head_bytes_per_logit", key) * c.value("allocator_slack")
    return np.maximum(0.0, held - working_bytes(job, framework, keys))


def _saved(work: LayerWork, job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    c = constants()
    kind, h = work.kind, float(job.architecture.hidden_size)
    heads = 2 * (kind.query_width + kind.key_value_width) / keys.tensor
    mlp = work.gate_factor * kind.mlp_width / keys.tensor
    # The copies of a token that its experts keep as input; all ranks of an expert that is cut hold the tokens of all of them.
    routed = work.experts_active * h * keys.expert_tensor / keys.tensor
    saved = 2 * keys.tokens(job) * (4 * h / sequence_split(framework, keys) + heads + mlp + routed)
    adapters = 1 + c.value("adapter_activations", framework.kernels) if job.trains_adapters else 1.0
    return saved * c.value("activation_multiplier", framework.kernels) * adapters * widening(job, framework)


def _scores(work: LayerWork, job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    """Attention scores of one layer and micro-batch where they are written out, all of the square: ``M s heads / t``."""
    if not framework.writes_scores(job.architecture.model_type):
        return np.zeros(len(keys))
    return keys.tokens(job) * float(job.sequence_length) * work.kind.attention.heads / keys.tensor
