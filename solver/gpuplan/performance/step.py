"""The one place where the terms of a step meet: used for a single plan and for millions of candidates alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuplan.performance.constants import constants

Array = np.ndarray


@dataclass(frozen=True)
class StepTerms:
    """Terms of a step for n candidates.

    ``layer`` (n, kinds), ``head``, ``transfer`` (n,): seconds per pass; ``layer_passes`` (n, 3, kinds), ``head_passes`` (n, 3),
    ``transfers`` (n,), ``mean_layers`` (n, kinds): how often; ``exchange``, ``optimizer``, ``fixed`` (n,): seconds once a step.
    """

    layer: Array
    head: Array
    transfer: Array
    layer_passes: Array
    head_passes: Array
    transfers: Array
    mean_layers: Array
    exchange: Array
    optimizer: Array
    fixed: Array

    def stage_seconds(self) -> Array:
        """Seconds (n, 3) of the pipeline if that stage is the slowest: its micro-batches, after the pipeline has filled."""
        layers = np.einsum("nk,nsk->ns", self.layer, self.layer_passes)
        return layers + self.head[:, None] * self.head_passes + (self.transfer * self.transfers)[:, None]

    def exposed_exchange(self) -> Array:
        """Gradient exchange that is not hidden: ``max(x E, E - overlap * one micro-batch's pass through a mean stage)``."""
        c = constants()
        window = c.value("data_parallel_overlap") * np.einsum("nk,nk->n", self.layer, self.mean_layers)
        return np.maximum(c.value("data_parallel_exposed") * self.exchange, self.exchange - window)

    def seconds(self) -> Array:
        """Seconds (n,) of a step: slowest stage + exposed exchange + optimizer + fixed."""
        return self.stage_seconds().max(axis=1) + self.exposed_exchange() + self.optimizer + self.fixed
