"""Nodes that are taken back, by hand: how often to save, what is lost, how far chance may go, and what the formulas reduce to."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import NormalDist

import numpy as np
import pytest

from gpuplan.job import Job
from gpuplan.performance.clock import clock
from gpuplan.performance.spot import (
    UNKNOWN_INTERRUPTIONS_PER_NODE_HOUR,
    bad_luck,
    checkpoint_interval,
    expected_stops,
    expected_stretch,
    interruptions_per_node_hour,
    spread,
    usual_seconds,
)
from gpuplan_hardware import Offer
from performance.test_clock import JOB, OFFER
from performance.toy import about, work

pytestmark = pytest.mark.usefixtures("toy_constants")

SPOT = replace(OFFER, pricing="spot")


def one(value: float) -> np.ndarray:
    return np.asarray(value, dtype=float)


def test_who_says_how_often_a_node_is_taken() -> None:
    said = replace(SPOT, provider=replace(SPOT.provider, spot_interruptions_per_node_hour=0.02))
    listed = replace(said, interruptions_per_node_hour=0.1)
    assert interruptions_per_node_hour(OFFER, 0.5) == 0.0  # on demand nothing is taken
    assert interruptions_per_node_hour(SPOT) == UNKNOWN_INTERRUPTIONS_PER_NODE_HOUR
    assert interruptions_per_node_hour(said) == 0.02
    assert interruptions_per_node_hour(listed) == 0.1
    assert interruptions_per_node_hour(listed, 0.3) == 0.3


def test_youngs_interval_within_what_anyone_does() -> None:
    # A stop every 20,000 s and 25 s to save: sqrt(2 x 25 x 20,000) = 1000 s.
    assert checkpoint_interval(one(1 / 20_000), one(25.0), 3600.0) == about(1000.0)
    assert checkpoint_interval(one(1 / 20_000), one(2500.0), 3600.0) == about(
        3600.0
    )  # 10,000 s: not above the job's own
    assert checkpoint_interval(one(1 / 20_000), one(0.0), 3600.0) == about(300.0)  # adapters are saved in no time
    assert checkpoint_interval(one(1 / 20_000), one(0.0), 60.0) == about(60.0)


def test_dalys_time_by_hand_and_its_limit() -> None:
    # rate 1e-4, interval 900, saving 100, back in 1000: e^0.1 (e^0.1 - 1) / 0.09 = 1.105171 x 0.105171 / 0.09 = 1.291465.
    assert expected_stretch(one(1e-4), one(900.0), one(100.0), one(1000.0)) == pytest.approx(1.291465, rel=1e-6)
    # Where stops are rare it is the sum of parts: saving 100 / 900, and rate x (back + half of the interval).
    rare = float(expected_stretch(one(1e-8), one(900.0), one(100.0), one(1000.0)))
    assert rare == pytest.approx(1 + 100 / 900 + 1e-8 * (1000 + 500) * 1000 / 900, rel=1e-8)
    assert expected_stops(one(1e-4), one(900.0), one(100.0), one(1000.0)) == about(0.2)


RATE, INTERVAL, SAVING, BACK = 1 / 5000, 1500.0, 60.0, 900.0


def simulated(rng: Random, segments: int) -> float:
    """Seconds of so many stretches of work, each tried until nothing stops it; the way back may be stopped as well."""
    taken = 0.0
    for _ in range(segments):
        while (stop := rng.expovariate(RATE)) < INTERVAL + SAVING:
            taken += stop
            while (again := rng.expovariate(RATE)) < BACK:
                taken += again
            taken += BACK
        taken += INTERVAL + SAVING
    return taken


def test_dalys_time_is_what_a_simulation_takes() -> None:
    expected = float(expected_stretch(one(RATE), one(INTERVAL), one(SAVING), one(BACK)))
    assert simulated(Random(7), 20_000) / (20_000 * INTERVAL) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("segments", [2, 20, 200])
@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95])
def test_the_reserve_holds_in_a_simulation(segments: int, confidence: float) -> None:
    """The share of runs that end within the expected time and the reserve is the confidence, also where there are few stops."""
    rng, seconds, z = Random(segments), segments * INTERVAL, NormalDist().inv_cdf(confidence)
    ends = [simulated(rng, segments) for _ in range(3000 if segments < 100 else 600)]
    strays = spread(one(RATE), one(INTERVAL), one(SAVING), one(BACK), one(seconds))
    expected = seconds * float(expected_stretch(one(RATE), one(INTERVAL), one(SAVING), one(BACK)))
    reserve = z * float(strays.fixed + strays.slope * seconds) + bad_luck(z) * float(strays.loss)
    held = sum(end <= expected + reserve for end in ends) / len(ends)
    assert confidence - 0.02 <= held <= confidence + 0.06


@pytest.mark.parametrize("seconds", [100.0, 3000.0, 8000.0, 10_000.0, 1e6])
def test_the_line_is_never_below_the_deviation(seconds: float) -> None:
    """The deviation grows with the root of the work; the line touches it at 8000 s."""
    line = spread(one(RATE), one(INTERVAL), one(SAVING), one(BACK), one(8000.0))
    exact = spread(one(RATE), one(INTERVAL), one(SAVING), one(BACK), one(seconds))
    value = float(line.fixed + line.slope * seconds)
    assert value >= float(exact.fixed + exact.slope * seconds) * (1 - 1e-12)
    assert seconds != 8000.0 or value == about(float(2 * exact.fixed))


def test_about_how_long_training_takes() -> None:
    # 6 x parameters x 1e9 tokens on 8 GPUs at 35 % of the toy's peak.
    peak = max(OFFER.node.accelerator.peak_flops.values())
    expected = 6 * work().architecture.active_parameters * 1e9 / (16 * peak * 0.35)
    assert usual_seconds(1e9, work(), replace(OFFER, node=replace(OFFER.node, gpus_per_node=8)), 2) == about(expected)


def clock_of(offer: Offer, job: Job = JOB, taken: float = 0.0) -> float:
    found = clock(job, work(), 1, 8, interruptions_per_node_hour=taken, usual_seconds=1e4)
    return float(found.slope)


def test_spot_costs_more_time_the_oftener_nodes_are_taken() -> None:
    never, seldom, often = (clock_of(SPOT, taken=taken) for taken in (0.0, 0.01, 0.1))
    assert never < seldom < often


def test_stops_are_those_of_failures_and_of_the_provider() -> None:
    found = clock(JOB, work(), 2, 16, interruptions_per_node_hour=0.5, usual_seconds=1e4)
    parts = {name: float(value) for name, value in found.parts.items()}
    # Two nodes once in two hours each, and 16 GPUs once in GPU_HOURS_PER_FAILURE: shares are in proportion.
    assert parts["interruption_share"] > 10 * parts["failure_share"] > 0
    per_second = 1 + sum(parts[f"{name}_share"] for name in ("evaluation", "checkpoint", "failure", "interruption"))
    assert found.slope == about(2 * 1.2 * per_second)
    assert float(found.wall_seconds(1e4, 1.0) - found.wall_seconds(1e4)) > 0
    assert float(found.stops) > 0
