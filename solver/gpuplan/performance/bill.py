"""What a bill holds beside the rent of the nodes: the least and the steps that time is billed in, and what is paid after the job."""

from __future__ import annotations

from typing import Literal, Protocol

from gpuplan.performance.workload import Workload
from gpuplan_hardware import Offer

#: Least time that is billed where the provider does not say: the coarsest practice among clouds (bare metal by the hour).
UNKNOWN_MINIMUM_BILLING_SECONDS = 3600.0
#: Finer steps than this are not counted: a minute of a node is less than any prediction knows.
FINE_INCREMENT_SECONDS = 60.0
#: Capacity blocks are sold by the day where the provider does not say (assumed, as at aws).
UNKNOWN_CAPACITY_BLOCK_SECONDS = 86_400.0
#: Where a provider does not state them: the dearest list prices among the large clouds (assumed, so that nothing unknown is cheap).
UNKNOWN_EGRESS_USD_PER_GB, UNKNOWN_STORAGE_USD_PER_GB_MONTH = 0.12, 0.2
DAYS_PER_MONTH = 730.0 / 24


class BilledJob(Protocol):
    """What the bill after a job reads of it."""

    @property
    def trials(self) -> int: ...

    @property
    def egress(self) -> float | Literal["result"]: ...

    @property
    def checkpoint_days(self) -> float: ...


def checkpoint_bytes(work: Workload) -> float:
    """Bytes of a checkpoint: 16-bit weights, fp32 master copy and two moments of what is trained."""
    return 14.0 * work.trainable_parameters


def final_bytes(work: Workload) -> float:
    """Bytes of the result: what was trained, in 16 bit."""
    return 2.0 * work.trainable_parameters


def minimum_billing_seconds(offer: Offer) -> float:
    """Least time that a node of `offer` is billed for: nothing where it is owned, a block, the provider's, or the coarsest known."""
    if offer.pricing == "owned":
        return 0.0
    if offer.pricing == "capacity-block":
        return capacity_block_seconds(offer)
    known = offer.provider.minimum_billing_seconds
    return UNKNOWN_MINIMUM_BILLING_SECONDS if known is None else known


def billing_increment_seconds(offer: Offer) -> float:
    """Steps in which the time of a node is billed; 0 where they are too fine to matter, or nobody states them."""
    if offer.pricing == "owned":
        return 0.0
    if offer.pricing == "capacity-block":
        return capacity_block_seconds(offer)
    step = offer.provider.billing_increment_seconds or 0.0
    return step if step > FINE_INCREMENT_SECONDS else 0.0


def capacity_block_seconds(offer: Offer) -> float:
    """Shortest capacity block, which is also the step in which blocks grow."""
    return offer.provider.capacity_block_seconds or UNKNOWN_CAPACITY_BLOCK_SECONDS


def after_parts_usd(job: BilledJob, work: Workload, offer: Offer) -> dict[str, float]:
    """USD of what follows the job, all trials, whatever cluster ran it.

    ``egress = trials * bytes / 1e9 * price`` and ``storage = trials * (checkpoint + result) / 1e9 * days / 30.4 * price``. What is
    owned has neither. A price that the provider does not state counts as the dearest known.
    """
    if offer.pricing == "owned":
        return {"checkpoint_storage": 0.0, "egress": 0.0}
    taken_out = final_bytes(work) if job.egress == "result" else job.egress
    kept = checkpoint_bytes(work) + final_bytes(work)
    months = job.checkpoint_days / DAYS_PER_MONTH
    return {
        "checkpoint_storage": job.trials * kept / 1e9 * months * storage_usd_per_gb_month(offer),
        "egress": job.trials * taken_out / 1e9 * egress_usd_per_gb(offer),
    }


def storage_usd_per_gb_month(offer: Offer) -> float:
    """Price of keeping checkpoints after the job."""
    known = offer.provider.object_storage_usd_per_gb_month
    return UNKNOWN_STORAGE_USD_PER_GB_MONTH if known is None else known


def egress_usd_per_gb(offer: Offer) -> float:
    """Price of taking data out."""
    known = offer.provider.egress_usd_per_gb
    return UNKNOWN_EGRESS_USD_PER_GB if known is None else known
