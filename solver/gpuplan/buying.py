"""From a plan to an order: what to ask the provider for, what a commitment costs, what taking the result out costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from gpuplan.job.types import Currency
from gpuplan.performance.bill import after_parts_usd, capacity_block_seconds, checkpoint_bytes, final_bytes
from gpuplan.plan import Plan, workload
from gpuplan.result import BuyingAnswer, CommitmentAnswer, CurrencyAnswer, QuotaAnswer
from gpuplan.selection import outside
from gpuplan_hardware import Offer
from gpuplan_hardware.quotas import QuotaNeed, quota_needs

#: What leaves out an offer as a plan but not as a commitment to compare with.
NOT_ASKED_OF_TERMS = {"pricing", "lead_time", "offer", "gpu"}
#: Terms of reservations in hours.
TERM_HOURS = {"reserved-1y": 8760.0, "reserved-3y": 3 * 8760.0}


def buying(plan: Plan, offers: Sequence[Offer]) -> BuyingAnswer:
    """How to order `plan`; `offers` are searched for other terms of the same node."""
    work, job = workload(plan.job), plan.job
    at_once = plan.nodes * job.parallel
    out = after_parts_usd(replace(job, egress="result", checkpoint_days=0.0), work, plan.offer)
    return BuyingAnswer(
        ask_for=[_quota(need) for need in quota_needs(plan.offer, at_once)],
        lead_time=plan.offer.lead_time,
        commitments=commitments(plan, offers),
        checkpoint_interval_minutes=float(plan.clock.checkpoint_interval_seconds) / 60,
        result_gb=final_bytes(work) / 1e9,
        checkpoint_gb=checkpoint_bytes(work) / 1e9,
        egress_result_usd=out["egress"],
        egress_price_known=plan.offer.pricing == "owned" or plan.offer.provider.egress_usd_per_gb is not None,
    )


def commitments(plan: Plan, offers: Sequence[Offer]) -> list[CommitmentAnswer]:
    """Terms under which the plan's node is sold by its provider, in its region where it can be had there; the shortest first.

    A reservation is paid for its whole term whether it is used or not. It wins over on demand when the node is used for more than
    ``price / on-demand price`` of the term; a capacity block likewise of its own hours.
    """
    same = [o for o in offers if o.provider.name == plan.offer.provider.name and o.node.name == plan.offer.node.name]
    same = [o for o in same if not {*outside(plan.job, o)} - NOT_ASKED_OF_TERMS]
    plain = min((o.price_usd_per_hour for o in same if o.pricing == "on-demand"), default=None)
    found: dict[str, Offer] = {}
    for offer in sorted(
        same,
        key=lambda o: (
            o.id != plan.offer.id,
            plan.offer.region not in (o.region, *o.also_in),
            o.price_usd_per_hour,
            o.id,
        ),
    ):
        if offer.pricing in TERM_HOURS or offer.pricing == "capacity-block":
            found.setdefault(offer.pricing, offer)
    answers = [_commitment(plan, offer, plain) for offer in found.values()]
    return sorted(answers, key=lambda one: one.term_hours)


def _commitment(plan: Plan, offer: Offer, plain: float | None) -> CommitmentAnswer:
    nodes = plan.nodes * plan.job.parallel
    hours = float(plan.clock.used_seconds(plan.training_seconds)) / plan.job.parallel / 3600
    term = TERM_HOURS.get(offer.pricing)
    if term is None:
        block = capacity_block_seconds(offer) / 3600
        term = math.ceil(hours / block) * block
    return CommitmentAnswer(
        pricing=offer.pricing,
        offer=offer.id,
        region=plan.offer.region if plan.offer.region in offer.also_in else offer.region,
        price_usd_per_hour=offer.price_usd_per_hour,
        price_as_of=offer.as_of.isoformat(),
        term_hours=term,
        total_usd=nodes * term * offer.price_usd_per_hour,
        used_share=hours / term,
        on_demand_usd_per_hour=plain,
        wins_from_utilisation=None if plain is None else offer.price_usd_per_hour / plain,
        chosen=offer.id == plan.offer.id,
    )


def currency_answer(plan: Plan | None, currency: Currency | None) -> CurrencyAnswer | None:
    """The second currency that the user asked for, with what the plan costs in it."""
    if currency is None:
        return None
    return CurrencyAnswer(
        code=currency.code,
        per_usd=currency.per_usd,
        source=currency.source,
        as_of=None if currency.as_of is None else currency.as_of.isoformat(),
        cost=None if plan is None else plan.cost_usd() * currency.per_usd,
    )


def _quota(need: QuotaNeed) -> QuotaAnswer:
    return QuotaAnswer(
        name=need.name,
        unit=need.unit,
        code=need.code,
        amount=need.amount,
        region=need.region,
        default_amount=need.default_amount,
        how=need.how,
        note=need.note,
        source=need.source,
        as_of=None if need.as_of is None else need.as_of.isoformat(),
        basis=need.basis,
    )
