"""Nodes that the provider takes back: how often, how often to save because of it, and what that costs in time.

A cluster of n spot nodes stands still when one of them is taken. With `rate` stops a second (interruptions and failures together, a
Poisson process), a checkpoint of C seconds every `interval` seconds of work, and R seconds to be back at work, the expected time
per second of work is Daly's complete form (J. T. Daly, A higher order estimate of the optimum checkpoint interval, Future Generation
Computer Systems 22, 2006, equation 20):

    exp(rate R) (exp(rate (interval + C)) - 1) / (rate interval)

and the interval that makes it least is close to Young's sqrt(2 C / rate).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuplan.performance.workload import Workload
from gpuplan_hardware import Offer

Array = np.ndarray

#: Where neither the user nor the price list nor the provider says how often a spot node is taken: once in 20 hours (assumed, dear).
UNKNOWN_INTERRUPTIONS_PER_NODE_HOUR = 0.05
#: Nobody saves more often than this.
LEAST_INTERVAL_SECONDS = 300.0
#: Expected stops between two checkpoints, with the way back, from which on a cluster is not planned: most attempts would fail.
MOST_STOPS = 1.0
#: Share of the peak that training usually reaches (assumed).
USUAL_UTILISATION = 0.35


def interruptions_per_node_hour(offer: Offer, asked: float | None = None) -> float:
    """How often a node of `offer` is taken back: `asked` by the user, the price list's, the provider's, or the assumed rate."""
    if offer.pricing != "spot":
        return 0.0
    for known in (asked, offer.interruptions_per_node_hour, offer.provider.spot_interruptions_per_node_hour):
        if known is not None:
            return known
    return UNKNOWN_INTERRUPTIONS_PER_NODE_HOUR


def checkpoint_interval(rate: Array, save_seconds: Array, longest_seconds: float) -> Array:
    """Young's interval in seconds, not above the job's own nor below `LEAST_INTERVAL_SECONDS`."""
    young = np.sqrt(2 * save_seconds / rate)
    return np.asarray(np.clip(young, min(LEAST_INTERVAL_SECONDS, longest_seconds), longest_seconds))


def expected_stretch(rate: Array, interval: Array, save_seconds: Array, back_seconds: Array) -> Array:
    """Expected seconds per second of work (see the module)."""
    exponent = np.minimum(
        rate * np.stack([back_seconds, interval + save_seconds]), 50.0
    )  # beyond that no rule lets it through
    return np.asarray(np.exp(exponent[0]) * np.expm1(exponent[1]) / (rate * interval))


def expected_stops(rate: Array, interval: Array, save_seconds: Array, back_seconds: Array) -> Array:
    """Stops to expect from one checkpoint to the next, the way back included."""
    return np.asarray(rate * (interval + save_seconds + back_seconds))


def usual_seconds(tokens: float, work: Workload, offer: Offer, nodes: Array | float) -> Array:
    """About how long training takes: 6 FLOP per active parameter and token at `USUAL_UTILISATION` of the peak.

    Where the line of `spread` touches. It must not depend on layout or limits: a plan must not get worse when a limit is
    relaxed. At half or twice the true time the line is 6 % above the deviation.
    """
    peak = max(offer.node.accelerator.peak_flops.values())
    gpus = np.asarray(nodes, dtype=float) * offer.node.gpus_per_node
    return np.asarray(6.0 * work.architecture.active_parameters * tokens / (gpus * peak * USUAL_UTILISATION))


@dataclass(frozen=True)
class Spread:
    """How far the time of an interrupted job strays: ``z * (fixed + slope * T) + bad_luck(z) * loss`` seconds beyond the expected.

    T is the seconds of work, z the quantile of a normal; ``fixed + slope * T`` is a line that the standard deviation never exceeds.
    """

    fixed: Array
    slope: Array
    loss: Array


def spread(rate: Array, interval: Array, save_seconds: Array, back_seconds: Array, at_seconds: Array) -> Spread:
    """The spread of an interrupted job; the line touches the deviation where the work takes `at_seconds`.

    A stretch of a = interval + C seconds is tried until nothing stops it: N attempts fail, geometric with ``E N = exp(rate a) - 1``
    and ``Var N = E N exp(rate a)``, each after X seconds (exponential below a), and each has a way back of B seconds, begun anew at a
    stop. With ``E B = (exp(rate R) - 1) / rate`` and the variance of such a run of length r,
    ``V(r) = (exp(2 rate r) - 2 rate r exp(rate r) - 1) / rate^2``, the variance of the stretch is
    ``V(a) + E N V(R) + Var N (E B^2 + 2 E B E X)``. The stretches are independent, so the deviation grows with the square root of
    their number, which lies below its tangent.
    """
    a = interval + save_seconds
    run, back = rate * a, rate * back_seconds
    failed = np.expm1(run)
    many = failed * np.exp(run)
    mean_back = np.expm1(back) / rate
    mean_stop = 1 / rate - a / failed
    variance = _run_variance(rate, run) + failed * _run_variance(rate, back)
    variance = variance + many * (mean_back**2 + 2 * mean_back * mean_stop)
    per_second = np.sqrt(variance / interval)
    root = np.sqrt(at_seconds)
    return Spread(np.asarray(per_second * root / 2), np.asarray(per_second / (2 * root)), np.asarray(a + mean_back))


def bad_luck(deviations: float) -> float:
    """What the skew of few large losses adds, in losses: the second term of Cornish and Fisher, ``(z^2 - 1) / 6``; none below z = 1.

    The skewness of compound Poisson losses times their deviation is E L^3 / E L^2, which the largest usual loss exceeds.
    """
    return max(0.0, (deviations**2 - 1) / 6)


def _run_variance(rate: Array, length: Array) -> Array:
    """Variance of the time until `length` (in mean times between stops) passes without a stop."""
    return np.asarray((np.expm1(2 * length) - 2 * length * np.exp(length)) / rate**2)
