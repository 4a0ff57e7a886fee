"""One page of Markdown for the person who signs: what is asked for, what it costs, what it rests on."""

from __future__ import annotations

import math

from gpuplan.report import format as f
from gpuplan.report import markdown as md
from gpuplan.report.bill import how_billed
from gpuplan.report.buying import commitment_cells, how_soon, quota_words, same_price, taking_out
from gpuplan.report.no_order import no_order
from gpuplan.report.quote_frame import foundations, head, sentence
from gpuplan.report.tables import NEXT_BEST, lead_footnote, marked_hours
from gpuplan.report.trades import trades
from gpuplan.report.verdict import proof, who
from gpuplan.report.words import (
    cluster,
    confidence,
    cost_parts,
    degrees,
    exchange,
    framework,
    gpus,
    in_currency,
    lead_unknown,
    plain_pricing,
    words,
)
from gpuplan.result import CommitmentAnswer, OfferAnswer, PlanAnswer, Result

#: Alternatives that a page has room for.
MOST_ALTERNATIVES = 3
HALF_A_CENT = 0.005
#: Noise of the arithmetic, in cents.
ROUNDING = 1e-6


def quote(result: Result) -> str:
    """Write the page for the person who signs.

    Parameters
    ----------
    result
        The answer to `solve`. Where there is nothing to order (no plan, or several methods of which none is chosen) the page says so,
        and what would help.

    Returns
    -------
    str
        Markdown with a final line break.
    """
    if result.plan is not None and result.status in ("optimal", "feasible"):
        lines = _order(result, result.plan)
    else:
        lines = no_order(result)
    return "\n".join(lines).replace(f.GLUE, " ").rstrip() + "\n"


def _order(result: Result, plan: PlanAnswer) -> list[str]:
    return [
        *head("Quote", result),
        _ask(result, plan),
        "",
        "## What it costs",
        "",
        *md.facts(_cost(result, plan)),
        "## What is ordered",
        "",
        *md.facts(_ordered(result, plan)),
        *_ask_for(result, plan.offer),
        *_commitment(result, plan),
        *_alternatives(result, plan),
        *foundations(result, f"{sentence(proof(result))}. {sentence(result.solver.proof)}"),
        "Approved by: ______________________  Date: ______________",
    ]


def _to_approve(result: Result) -> float | None:
    """What covers the cost at the asked confidence."""
    return next((rule.required for rule in result.rules if rule.rule == "budget"), None)


def _ask(result: Result, plan: PlanAnswer) -> str:
    """What the reader is asked for, in a sentence or two."""
    p, asked = plan.prediction, _to_approve(result)
    amount = _covering(p.cost_usd if asked is None else asked, plan)
    expected = f"Expected: {f.money(p.cost_usd)}, done {f.hours(p.total_hours)} after {_since(plan)}."
    whole = next((one for one in (result.buying.commitments if result.buying else []) if one.chosen), None)
    for_what = f"for {md.escaped(who(result, plan))}"
    if plan.offer.purchase_usd_per_node is not None:
        return (
            f"**Please approve {amount}** {for_what}: the share of this job in machines that cost "
            f"**{f.money(_purchase(result, plan))} to buy** where they are not there yet. {expected}"
        )
    if plan.offer.pricing == "owned":
        return f"**Please approve the use of your own machines, worth {amount}**, {for_what}. {expected}"
    if whole is not None and whole.pricing.startswith("reserved"):
        return (
            f"**Please approve {amount}** {for_what}: the share of this job in a commitment that costs "
            f"**{f.money(whole.total_usd)} in all** where it is not there yet. {expected}"
        )
    return f"**Please approve {amount}** {for_what}. {expected}"


def _covering(usd: float, plan: PlanAnswer) -> str:
    """An amount that is enough; to the cent where nothing of the cost is uncertain, so that it is not a dollar off what is expected."""
    if abs(usd - plan.prediction.cost_usd) < HALF_A_CENT:
        return f"${math.ceil(100 * usd - ROUNDING) / 100:,.2f}"
    return f.money_at_least(usd)


def _since(plan: PlanAnswer) -> str:
    """What the time to the end counts from."""
    if lead_unknown(plan):
        return "the nodes are granted, and how long that takes from the order nobody states"
    lead = plan.offer.lead_time_hours
    return f"the order, {f.hours(lead)} of lead time among them" if lead else "the order"


def _purchase(result: Result, plan: PlanAnswer) -> float:
    """What all nodes of all clusters cost to buy, without the network between them."""
    return plan.nodes * result.parallel * (plan.offer.purchase_usd_per_node or 0.0)


def _cost(result: Result, plan: PlanAnswer) -> list[tuple[str, str | None]]:
    p, asked, second = plan.prediction, _to_approve(result), result.currency
    known = None if asked is None else f"{_covering(asked, plan)}, {_enough(result)}{_included(result, plan)}"
    out = None if result.buying is None else taking_out(result.buying, plan)
    in_second = None
    if second is not None:
        more = "" if asked is None else f", {in_currency(result, asked)} to approve"
        in_second = f"{in_currency(result, p.cost_usd)} expected{more}, {exchange(second)}"
    parts = [
        f"{words(cost_parts(plan.offer), name)} {f.money(usd)}" for name, usd in p.cost_parts_usd.items() if usd > 0
    ]
    return [
        ("expected", _range(f.money(p.cost_usd), f.money(p.cost_usd_interval.low), f.money(p.cost_usd_interval.high))),
        ("to approve", known),
        ("in your currency", in_second),
        ("of the expected", ", ".join(parts)),
        ("how it comes about", how_billed(result, plan)),
        ("not in it", None if out is None else f"taking the results out of {plan.offer.provider}: {out}"),
        (
            "done after",
            _range(f.hours(p.total_hours), f.hours(p.total_hours_interval.low), f.hours(p.total_hours_interval.high))
            + (f"; counted from when {_since(plan)}" if lead_unknown(plan) else ""),
        ),
        ("on time", _on_time(result, plan)),
        ("budget", None if result.limits.budget_usd is None else f.limit_money(result.limits.budget_usd)),
    ]


def _range(point: str, low: str, high: str) -> str:
    """What is expected, with its two-sided interval."""
    return point if low == high == point else f"{point}; 90% of runs between {low} and {high}, 5% above"


def _enough(result: Result) -> str:
    """How sure an amount is to cover the cost, which is one-sided."""
    if result.confidence is None:
        return f"enough {confidence(result)}"
    return f"enough {confidence(result)}: {f.percent(result.confidence)} of runs cost no more"


def _included(result: Result, plan: PlanAnswer) -> str:
    """What is in the amount beside one run of the job."""
    said = []
    if result.trials > 1:
        together = f", {result.parallel} at a time" if result.parallel > 1 else ", one after the other"
        said.append(f"{f.plural(result.trials, 'trial')}{together}")
    hours = plan.prediction.time_parts_hours.get("contingency", 0.0)
    if hours > 0:
        said.append(f"{f.hours(hours)} of contingency")
    return f"; with {' and '.join(said)}" if said else ""


def _on_time(result: Result, plan: PlanAnswer) -> str | None:
    deadline, chance = result.limits.deadline_hours, plan.prediction.on_time_probability
    if deadline is None or chance is None:
        return None
    since = "the order" if result.limits.deadline_from == "order" else "the moment the nodes are up"
    return f"{f.probability(chance)} chance to keep the deadline, {f.limit_hours(deadline)} from {since}"


def _ordered(result: Result, plan: PlanAnswer) -> list[tuple[str, str | None]]:
    offer, host = plan.offer, plan.host
    per_gpu = f", {f.price(offer.price_usd_per_hour / offer.gpus_per_node)} per GPU" if offer.gpus_per_node > 1 else ""
    clusters = "" if result.parallel == 1 else f"{result.parallel} clusters, each "
    return [
        ("nodes", f"{clusters}{plan.nodes} x {offer.node} with {f.plural(offer.gpus_per_node, f'{offer.gpu} GPU')}"),
        ("from", _seller(offer)),
        ("also in", same_price(offer)),
        ("pricing", plain_pricing(offer.pricing)),
        ("price", f"{f.price(offer.price_usd_per_hour)} per node and hour{per_gpu}"),
        ("price of", f"{offer.price_as_of}, {f.age(offer.price_age_days)}: {offer.source}"),
        ("to buy", _to_buy(result, plan)),
        ("billed", _billed(offer)),
        ("network volume", _volume(plan)),
        (
            "a node needs",
            f"{host.required_vcpus:,} vCPUs, {f.gib(host.required_ram_bytes)} of RAM, "
            f"{f.decimal_bytes(host.required_storage_bytes)} of storage, {f.rate(host.required_network_bytes_per_second)} of network",
        ),
        ("runs", f"{framework(plan.layout.framework)}, {degrees(plan)}"),
    ]


def _seller(offer: OfferAnswer) -> str:
    if offer.purchase_usd_per_node is not None:
        return "machines of your own, which have to be bought where they are not there"
    return "your own machines" if offer.pricing == "owned" else f"{offer.provider}, {offer.region}"


def _to_buy(result: Result, plan: PlanAnswer) -> str | None:
    """The purchase behind the price of machines that nobody said are there."""
    each = plan.offer.purchase_usd_per_node
    if each is None:
        return None
    return (
        f"{f.money(_purchase(result, plan))}: {f.plural(plan.nodes * result.parallel, 'node')} at {f.money(each)}, a price of "
        f"{plan.offer.price_as_of}, {f.age(plan.offer.price_age_days)}; switches and upkeep are beside it, and in the price of an hour"
    )


def _volume(plan: PlanAnswer) -> str | None:
    """The volume that is rented for what the local disks do not hold."""
    size, usd = plan.host.rented_volume_bytes, plan.prediction.cost_parts_usd.get("network_volume", 0.0)
    if size <= 0:
        return None
    priced = f"{f.money(usd)} in all, in the cost" if usd > 0 else "its price is unknown and not in the cost"
    return f"{f.decimal_bytes(size)} per node, for what the local disk does not hold; {priced}"


def _billed(offer: OfferAnswer) -> str | None:
    """Least time and steps of the bill."""
    if offer.pricing in ("owned", "capacity-block"):
        return None
    return f.billed(offer.minimum_billing_seconds, offer.billing_increment_seconds)


def _ask_for(result: Result, offer: OfferAnswer) -> list[str]:
    needs = [] if result.buying is None else [quota_words(need) for need in result.buying.ask_for]
    return ["## What to ask for first", "", *md.bullets([*needs, f"How soon: {how_soon(offer)}"])]


def _commitment(result: Result, plan: PlanAnswer) -> list[str]:
    """What is paid for whether it is used or not, and when it would pay."""
    known = [] if result.buying is None else result.buying.commitments
    lines = ["## Commitment", ""]
    if not any(one.chosen for one in known):
        said = "None: nothing is owed after the job."
        if plan.offer.pricing == "owned":
            said = "None: the machines are there."
        if plan.offer.purchase_usd_per_node is not None:
            said = f"The purchase, {f.money(_purchase(result, plan))}, where the machines are not there; none where they are."
        lines += [said + (" Terms that the provider also has:" if known else ""), ""]
    if known:
        headers = ("commitment", ">an hour", "price of", ">in all", ">wins over on demand from", ">this job uses", "")
        rows = [_term(one, plan.offer) for one in known]
        lines += md.table(headers, rows)
    return lines


def _term(one: CommitmentAnswer, chosen: OfferAnswer) -> tuple[str, ...]:
    name, price, *rest = commitment_cells(one.model_copy(update={"chosen": False}), chosen)
    return name, price, one.price_as_of, *rest, "this plan" if one.chosen else ""


def _alternatives(result: Result, plan: PlanAnswer) -> list[str]:
    shown = result.alternatives[:MOST_ALTERNATIVES]
    if not shown:
        where = words(NEXT_BEST, result.alternatives_by)
        return ["## Alternatives", "", f"No plan {where} was found, or none was asked for.", ""]
    rows = [
        (
            f"{gpus(other)} ({cluster(other)})",
            f.money(other.prediction.cost_usd),
            marked_hours(other),
            trades(plan, other),
            f"{other.offer.price_as_of}, {f.age(other.offer.price_age_days)}",
        )
        for other in shown
    ]
    notes = [line for note in lead_footnote(shown) for line in (md.escaped(note), "")]
    return ["## Alternatives", "", *md.table(("plan", ">cost", ">time", "what it trades", "price of"), rows), *notes]
