"""Bytes on the worst GPU: activations and logits (per layer decisions), weights, gradients and optimizer states (per sharding)."""

from __future__ import annotations

import numpy as np

from gpuplan.performance.constants import constants
from gpuplan.performance.layers import FULL, SELECTIVE, AtomKeys, sequence_split, tokens
from gpuplan.performance.workload import LayerWork, Workload
from gpuplan_models import Framework

Array = np.ndarray


def activation_bytes(work: LayerWork, job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    """Activations that one layer keeps for the backward pass, per micro-batch in flight.

    Without recompute ``a 2 M [4h/S + 2 (Hq + Hk)/t + (2g + 2) f/t + k h/t]``; selective recompute drops the attention output (Megatron)
    or keeps a fixed share (torch); full recompute keeps the layer's input, ``2 M h / S``.
    """
    c = constants()
    everything = _saved(work, job, framework, keys)
    if framework.kernels == "megatron":
        attention_output = 2 * tokens(job, keys) * work.kind.query_width / keys.tensor
        multiplier = c.value("activation_multiplier", framework.kernels)
        selective = everything - multiplier * attention_output
    else:
        selective = c.value("selective_kept_share") * everything
    layer_input = 2 * tokens(job, keys) * job.architecture.hidden_size / sequence_split(framework, keys)
    kept = np.where(keys.recompute == FULL, layer_input, np.where(keys.recompute == SELECTIVE, selective, everything))
    return kept * c.value("allocator_slack")


def working_bytes(job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    """The one layer that full recompute is rebuilding: its activations and a working set."""
    c = constants()
    heaviest = np.max([_saved(work, job, framework, keys) for work in job.layers], axis=0)
    rebuilt = heaviest * c.value("working_set") * c.value("allocator_slack")
    return np.where(keys.recompute == FULL, rebuilt, 0.0)


def logit_bytes(job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    """Logits, their gradient and the loss's copies for one micro-batch: ``M V/t`` times the framework's bytes."""
    c = constants()
    logits = tokens(job, keys) * job.architecture.vocab_size / keys.tensor
    return logits * c.value("head_bytes_per_logit", framework.kernels) * c.value("allocator_slack")


def _saved(work: LayerWork, job: Workload, framework: Framework, keys: AtomKeys) -> Array:
    c = constants()
    kind, h = work.kind, float(job.architecture.hidden_size)
    heads = 2 * (kind.query_width + kind.key_value_width) / keys.tensor
    mlp = work.gate_factor * kind.mlp_width / keys.tensor
    routed = work.experts_active * h / keys.tensor  # the copies of a token that its experts keep as input
    saved = 2 * tokens(job, keys) * (4 * h / sequence_split(framework, keys) + heads + mlp + routed)
    adapters = 1 + c.value("adapter_activations", framework.kernels) if job.trains_adapters else 1.0
    return saved * c.value("activation_multiplier", framework.kernels) * adapters
