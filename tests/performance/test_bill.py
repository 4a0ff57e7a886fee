"""The bill beside the rent, by hand: least and steps of billing, capacity blocks, and what is paid after the job."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gpuplan.performance.bill import after_parts_usd, billing_increment_seconds, minimum_billing_seconds
from gpuplan.performance.clock import clock, in_steps
from gpuplan_hardware import Offer, Provider
from performance.test_clock import JOB, OFFER, round_rates
from performance.toy import about, work

__all__ = ["round_rates"]

pytestmark = pytest.mark.usefixtures("toy_constants", "round_rates")


def sold(pricing: str = "on-demand", **figures: float | None) -> Offer:
    return replace(OFFER, pricing=pricing, provider=replace(Provider("toy", False, None), **figures))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offer", "least", "step"),
    [
        (sold(), 3600.0, 0.0),
        (sold(minimum_billing_seconds=60.0, billing_increment_seconds=1.0), 60.0, 0.0),
        (sold(minimum_billing_seconds=60.0, billing_increment_seconds=60.0), 60.0, 0.0),
        (sold(minimum_billing_seconds=600.0, billing_increment_seconds=600.0), 600.0, 600.0),
        (sold("owned", minimum_billing_seconds=600.0, billing_increment_seconds=600.0), 0.0, 0.0),
        (sold("capacity-block", minimum_billing_seconds=60.0), 86_400.0, 86_400.0),
        (sold("capacity-block", capacity_block_seconds=604_800.0), 604_800.0, 604_800.0),
    ],
)
def test_least_and_steps(offer: Offer, least: float, step: float) -> None:
    assert (minimum_billing_seconds(offer), billing_increment_seconds(offer)) == (least, step)


def test_time_is_billed_in_whole_steps_of_every_cluster() -> None:
    # Two clusters at once in steps of 1000 s: whole steps of 2000 s. Without training 4100 s are used (see test_clock): 6000.
    found = clock(JOB, work(), 2, 16, billing_increment_seconds=1000.0)
    assert float(found.used_seconds(0.0)) == about(4100)
    assert float(found.billed_seconds(0.0)) == about(6000)
    # 4100 + 4.032 x 471.2301... = 6000: not one more for the noise of the arithmetic.
    assert float(found.billed_seconds(1900 / 4.032)) == about(6000)
    assert float(found.billed_seconds(1900.1 / 4.032)) == about(8000)


def test_no_step_is_no_rounding() -> None:
    assert in_steps(np.array([1.5, 2.0]), np.array([0.0, 1.5])) == pytest.approx([1.5, 3.0])


def test_what_is_paid_after_the_job_by_hand() -> None:
    # Three trials. The result has 184.034e6 bytes, a checkpoint 14 x 92.017e6 = 1288.238e6: 1.472272 GB are kept for 15.2083 days,
    # half a month, at 0.02: 3 x 1.472272 x 0.5 x 0.02 = 0.0441682 USD. Taking out 2 GB a trial at 0.09: 3 x 2 x 0.09 = 0.54 USD.
    offer = sold(object_storage_usd_per_gb_month=0.02, egress_usd_per_gb=0.09)
    job = replace(JOB, egress=2e9, checkpoint_days=730 / 48)
    parts = after_parts_usd(job, work(), offer)
    assert parts == {"checkpoint_storage": about(0.04416816), "egress": about(0.54)}
    result = after_parts_usd(replace(JOB, egress="result"), work(), offer)
    assert result == {"checkpoint_storage": 0.0, "egress": about(3 * 0.184034 * 0.09)}


def test_unknown_prices_count_as_the_dearest_and_what_is_owned_as_nothing() -> None:
    job = replace(JOB, egress=1e9, checkpoint_days=730 / 24)
    assert after_parts_usd(job, work(), sold()) == {
        "checkpoint_storage": about(3 * 1.472272 * 0.2),
        "egress": about(3 * 0.12),
    }
    assert sum(after_parts_usd(job, work(), sold("owned")).values()) == 0.0
