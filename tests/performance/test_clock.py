"""The clock and the bill around the steps by hand: three trials, two at a time, with contingency, evaluation and failures."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from gpuplan.job import Job, Limits, TokenCount
from gpuplan.performance import clock as clock_module
from gpuplan.performance.bill import checkpoint_bytes, final_bytes
from gpuplan.performance.clock import clock, weight_file_bytes
from gpuplan.plan import Plan
from gpuplan_hardware import Host, Offer, Provider
from gpuplan_models import architecture, methods
from performance.toy import DENSE, MOE, NODE, about, framework, layout, work

pytestmark = pytest.mark.usefixtures("toy_constants")

JOB = Job(
    architecture=DENSE,
    method=methods()["full"],
    precision="bf16",
    weights="bf16",
    tokens=TokenCount(1.0, 1.0, 1.0, "test"),
    samples=3_200_000,
    sequence_length=1000,
    global_batches=(32,),
    trials=3,
    parallel=2,
    contingency=0.2,
    evaluation_share=0.05,
    startup_seconds=600.0,
    weights_bytes_per_second=184_034.0,
    checkpoint_interval_seconds=7000.0,
)
OFFER = Offer(
    id="toy",
    provider=Provider("toy", False, None),
    region="any",
    pricing="on-demand",
    node=replace(NODE, host=Host(64, 10**12, 10**13)),
    price_usd_per_hour=36.0,
    max_nodes=4,
    as_of=date(2026, 1, 1),
    source="test",
)


def test_failures_as_reported_for_llama_3(monkeypatch: pytest.MonkeyPatch) -> None:
    # 419 in 54 days on 16,384 GPUs: one in 50,677 GPU hours.
    monkeypatch.undo()
    assert pytest.approx(50_677, abs=1) == clock_module.GPU_HOURS_PER_FAILURE


@pytest.fixture(autouse=True)
def round_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are 2 x 92,017,000 = 184.034e6 bytes: 1000 s to download, 100 s to load and 100 s to warm up, 100 s to save."""
    monkeypatch.setattr(clock_module, "LOAD_BYTES_PER_SECOND", 1_840_340.0)
    monkeypatch.setattr(clock_module, "SAVE_BYTES_PER_SECOND", 1_840_340.0)
    monkeypatch.setattr(clock_module, "WARM_UP_SECONDS", 100.0)
    monkeypatch.setattr(clock_module, "RESTART_SECONDS", 800.0)
    monkeypatch.setattr(clock_module, "GPU_HOURS_PER_FAILURE", 1000.0)


def test_bytes_of_files() -> None:
    assert weight_file_bytes(work()) == 184_034_000
    assert checkpoint_bytes(work()) == 14 * 92_017_000
    assert final_bytes(work()) == 184_034_000
    # R1 is published in fp8; LoRA saves its adapters: 2,048,000 of the toy model, 8 x 16 (7,000 + 16 x 4,500) with experts.
    assert weight_file_bytes(work(architecture("deepseek-r1"))) == 671_026_419_200
    assert checkpoint_bytes(work(method="lora")) == 14 * 2_048_000
    assert checkpoint_bytes(work(MOE, "lora")) == 14 * 10_112_000


def test_two_nodes() -> None:
    # Provisioning 600 + download 1000, once. A trial: load and warm up 200 and save 100 / 2 nodes, stretched by 1.2.
    # A second of training takes 1 + 0.05 of evaluation + 0.05 of checkpoints (7 x 50 s every 7000 s) + 0.02 of failures
    # (16 GPUs / 1000 h, each losing 800 + 200 + 7000/2 = 4500 s): 1.12 s. Two rounds for three trials; three are billed, on two
    # clusters.
    found = clock(JOB, work(), 2, 16)
    assert found.fixed_seconds == about(1600 + 2 * 1.2 * 250)
    assert found.slope == about(2 * 1.2 * 1.12)
    assert found.billed_fixed_seconds == about(2 * 1600 + 3 * 1.2 * 250)
    assert found.billed_slope == about(3 * 1.2 * 1.12)
    assert {name: float(value) for name, value in found.parts.items()} == {
        "lead_time": 0,
        "provisioning": about(600),
        "download_weights": about(1000),
        "load_and_warm_up": about(200),
        "final_save": about(50),
        "evaluation_share": about(0.05),
        "checkpoint_share": about(0.05),
        "failure_share": about(0.02),
        "interruption_share": 0,
    }


def test_many_clusters_at_once_are_each_alone() -> None:
    many = clock(JOB, work(), np.array([1, 2, 4]), np.array([8, 16, 32]))
    for index, nodes in enumerate((1, 2, 4)):
        alone = clock(JOB, work(), nodes, 8 * nodes)
        assert many.fixed_seconds[index] == about(float(alone.fixed_seconds))
        assert many.billed_slope[index] == about(float(alone.billed_slope))


def test_one_plain_trial() -> None:
    # No contingency, evaluation, checkpoints or failures worth the name: the clock is provisioning, download, load, save, steps.
    plain = replace(JOB, trials=1, parallel=1, contingency=0.0, evaluation_share=0.0, checkpoint_interval_seconds=1e12)
    found = clock(plain, work(), 1, 0)
    assert found.fixed_seconds == about(1600 + 200 + 100)
    assert found.slope == about(1 + 7e-10)
    assert found.billed_fixed_seconds == about(1900)


def plan(job: Job) -> Plan:
    """The pipeline of test_step on one node: 0.0701231665 s a step, 3,200,000 / 32 = 100,000 steps."""
    return Plan(job, OFFER, 1, layout(pipeline=2, data=4, zero=1, global_batch=32), framework())


# On one node saving takes 100 s, checkpoints 0.1 (700 s every 7000 s), failures 0.01 (8 GPUs).
TRAINING = 7012.31665
WALL = 1600 + 2 * 1.2 * 300 + 2 * 1.2 * 1.16 * TRAINING
BILLED = 2 * 1600 + 3 * 1.2 * 300 + 3 * 1.2 * 1.16 * TRAINING


def test_wall_clock_and_cost_of_a_plan() -> None:
    found = plan(JOB)
    assert found.training_seconds == about(TRAINING)
    assert found.wall_seconds() == about(WALL)
    # $36 an hour is a cent a second.
    assert found.cost_usd() == about(0.01 * BILLED)


def test_slower_steps_stretch_only_the_steps() -> None:
    found = plan(JOB)
    assert found.wall_seconds(2.0) == about(WALL + 2 * 1.2 * 1.16 * TRAINING)
    assert found.wall_seconds(0.0) == about(1600 + 2 * 1.2 * 300)
    assert found.cost_usd(2.0) == about(0.01 * (BILLED + 3 * 1.2 * 1.16 * TRAINING))


def test_deadline_counts_from_the_order_or_from_running_nodes() -> None:
    ordered = plan(replace(JOB, limits=Limits(deadline_seconds=1e5)))
    started = plan(replace(JOB, limits=Limits(deadline_seconds=1e5, deadline_from="start")))
    assert ordered.deadline_clock_seconds() == about(WALL)
    assert started.deadline_clock_seconds() == about(WALL - 600)


def test_chance_to_be_on_time() -> None:
    # At the predicted end one half; where steps may take exp(w) times as long (w = 0.5, nothing is covered) 95 %.
    width = 0.5
    fixed, steps = 1600 + 2 * 1.2 * 300, 2 * 1.2 * 1.16 * TRAINING
    even = plan(replace(JOB, limits=Limits(deadline_seconds=WALL)))
    late = plan(replace(JOB, limits=Limits(deadline_seconds=fixed + steps * np.exp(width))))
    assert even.on_time_probability() == pytest.approx(0.5, abs=1e-9)
    assert late.on_time_probability() == pytest.approx(0.95, abs=1e-9)
    assert plan(JOB).on_time_probability() is None


def test_a_lead_time_delays_the_clock_and_is_not_billed() -> None:
    # Two nodes as above, ordered 7200 s before they can be had: only the wall clock and the time until they are up grow.
    plain, late = clock(JOB, work(), 2, 16), clock(JOB, work(), 2, 16, lead_seconds=7200.0)
    assert late.fixed_seconds == about(float(plain.fixed_seconds) + 7200)
    assert (late.billed_fixed_seconds, late.slope) == (plain.billed_fixed_seconds, plain.slope)
    assert late.ready_seconds == about(7200 + 600)


def test_no_less_than_the_minimum_is_billed_for_each_cluster() -> None:
    # Two clusters at once, an hour each at least: 7200 s. Without training 2 x 1600 + 3 x 1.2 x 250 = 4100 s are used.
    found = clock(JOB, work(), 2, 16, minimum_billing_seconds=3600.0)
    assert float(found.billed_seconds(0.0)) == about(7200)
    # From (7200 - 4100) / 4.032 s of training on, what is used counts.
    assert float(found.billed_seconds(1000.0)) == about(4100 + 1000 * 3 * 1.2 * 1.12)
