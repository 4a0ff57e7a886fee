"""From a plan to an order, in words: what to ask for, how soon it can be had, commitments, checkpoints, taking the result out."""

from __future__ import annotations

from rich.console import RenderableType

from gpuplan.report import format as f
from gpuplan.report.blocks import facts, section, table
from gpuplan.report.format import GLUE
from gpuplan.report.words import plain_pricing
from gpuplan.result import BuyingAnswer, CommitmentAnswer, OfferAnswer, PlanAnswer, QuotaAnswer, Result

#: How a node is come by, by the class of its lead time.
LEAD_TIMES = {
    "instant": "self-service, within minutes where there is capacity",
    "queue": "by waiting list or reservation",
    "contract": "by contract, from people",
}
#: So many other regions are named; further ones are counted.
REGIONS_NAMED = 4
#: What taking results out costs is worth a line from here on.
WORTH_SAYING_USD = 0.005
COMMITMENT_HEADERS = ("commitment", ">an hour", ">in all", ">wins from", ">this job uses")


def to_order(result: Result, plan: PlanAnswer) -> list[RenderableType]:
    """The section of a plan that can be ordered; a cluster that the job does not fit on is not."""
    buying = result.buying
    if buying is None or result.status not in ("optimal", "feasible"):
        return []
    out = taking_out(buying, plan)
    rows: list[tuple[str, str | None]] = [("ask for", quota_words(need)) for need in buying.ask_for]
    rows += [
        ("how soon", how_soon(plan.offer)),
        ("also in", same_price(plan.offer)),
        ("checkpoints", checkpoints(buying)),
        ("taking it out", None if out is None else f"{out}; not in the cost (--egress result counts it)"),
    ]
    parts: list[RenderableType] = [facts(rows)]
    if buying.commitments:
        parts.append(table(COMMITMENT_HEADERS, [commitment_cells(one, plan.offer) for one in buying.commitments]))
    return [section("To order", *parts)]


def quota_words(need: QuotaAnswer) -> str:
    """What to ask for: name, amount and unit, region, what new accounts have, where to ask."""
    if need.code is None and need.default_amount is None and need.how is None:  # no quota that anybody publishes
        note = need.note.rstrip(".")
        return f"{_amount(need.amount, need.unit)}, {need.name}: {note[:1].lower()}{note[1:]}"
    code = "" if need.code in (None, need.name) else f" ({need.code})"
    said = [f"{_of_quota(need)}{code} in{GLUE}{need.region}"]
    if need.default_amount is not None:
        said.append(f"new accounts have {f.count(need.default_amount)}")
    if need.how is not None:
        said.append(f"ask at {need.how}")
    if need.amount is None:
        said.append(need.note.rstrip("."))
    return "; ".join(said)


def _of_quota(need: QuotaAnswer) -> str:
    """How much of which quota; one that is called after its unit does not have it twice."""
    amount = _amount(need.amount, need.unit)
    if need.name.casefold().startswith(f"{need.unit.casefold()} "):
        return f"{amount}{need.name[len(need.unit) :]}"
    return f"{amount} of {need.name}"


def _amount(amount: int | None, unit: str) -> str:
    """A number of a unit, which is a plural."""
    if amount is None:
        return f"an unknown number of {unit}"
    return f"{amount:,}{GLUE}{unit.removesuffix('s') if amount == 1 else unit}"


def how_soon(offer: OfferAnswer) -> str:
    """How the nodes are come by, and how long that takes."""
    if offer.purchase_usd_per_node is not None:
        return "at once where the machines are there; buying them takes longer, which is not counted"
    if offer.pricing == "owned":
        return "at once: the machines are yours"
    way = LEAD_TIMES.get(offer.lead_time, offer.lead_time)
    if offer.lead_time_hours is None:
        return f"{way}; how long that takes is not stated and not counted"
    return way if offer.lead_time_hours == 0 else f"{way}; {f.hours(offer.lead_time_hours)}, counted"


def same_price(offer: OfferAnswer) -> str | None:
    """Other regions in which the same node costs the same."""
    if not offer.also_in:
        return None
    named, more = offer.also_in[:REGIONS_NAMED], len(offer.also_in) - REGIONS_NAMED
    words = ", ".join(named) + (f" and {f.plural(more, 'more region')}" if more > 0 else "")
    return f"{words}, at the same price"


def checkpoints(buying: BuyingAnswer) -> str:
    """How often the job is saved, and sizes."""
    interval = f.hours(buying.checkpoint_interval_minutes / 60).replace(f".0{GLUE}", GLUE)
    return (
        f"every {interval}, {f.decimal_bytes(1e9 * buying.checkpoint_gb)} each; the result of a trial has "
        f"{f.decimal_bytes(1e9 * buying.result_gb)}"
    )


def taking_out(buying: BuyingAnswer, plan: PlanAnswer) -> str | None:
    """What taking the results out costs, where it is not in the cost already."""
    if plan.prediction.cost_parts_usd.get("egress", 0.0) > 0 or buying.egress_result_usd < WORTH_SAYING_USD:
        return None
    known = "" if buying.egress_price_known else ", at the dearest price known, as nobody states it"
    return f"{f.money(buying.egress_result_usd)} for all results over the internet{known}"


def commitment_cells(one: CommitmentAnswer, chosen: OfferAnswer) -> tuple[str, ...]:
    """Term, price, total, from which utilisation it wins over on demand, how much of it this job uses."""
    return (
        commitment_name(one, chosen) + (" (chosen)" if one.chosen else ""),
        f.price(one.price_usd_per_hour),
        f.money(one.total_usd),
        wins_from(one),
        f.percent(one.used_share),
    )


def commitment_name(one: CommitmentAnswer, chosen: OfferAnswer) -> str:
    """What is committed to, for how long, and where, if that is not the region of the plan."""
    where = "" if one.region == chosen.region else f" in{GLUE}{one.region}"
    if one.pricing.startswith("reserved"):
        return f"reserved, {f.plural(one.term_hours / 8760, 'year')}{where}"
    term = f.plural(one.term_hours / 24, "day") if one.term_hours % 24 == 0 else f.hours(one.term_hours)
    return f"{plain_pricing(one.pricing)}, {term}{where}"


def wins_from(one: CommitmentAnswer) -> str:
    """Utilisation of the term from which it is cheaper than on demand."""
    if one.wins_from_utilisation is None:
        return "no price to compare"
    return "never" if one.wins_from_utilisation >= 1 else f"{f.percent(one.wins_from_utilisation)} use"
