"""What a buyer must know of how a plan is priced: spot, commitments, steps of billing, prices that nobody states, machines of one's own."""

from __future__ import annotations

from gpuplan.answer import to_buy
from gpuplan.buying import TERM_HOURS
from gpuplan.catalogue import OWN_PRICE
from gpuplan.performance.bill import (
    UNKNOWN_EGRESS_USD_PER_GB,
    UNKNOWN_STORAGE_USD_PER_GB_MONTH,
    billing_increment_seconds,
    capacity_block_seconds,
    minimum_billing_seconds,
)
from gpuplan.performance.spot import MOST_STOPS, interruptions_per_node_hour
from gpuplan.plan import Plan
from gpuplan.units import decimal, format_hours, format_money, format_percent

DAY_SECONDS, DAYS_PER_WEEK = 86_400.0, 7
#: aws sells longer capacity blocks in whole weeks (docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-blocks-purchase).
AWS_DAYS = 14
#: Terms of commitments in words.
TERMS = {"reserved-1y": "1 year", "reserved-3y": "3 years"}


def how_it_is_priced(plan: Plan) -> list[str]:
    """What the price rests on that a reader may take as given: assumptions."""
    return [*_discount(plan), *_spot(plan), *_steps(plan)]


def what_its_price_hides(plan: Plan) -> list[str]:
    """What may cost more than the reader expects: warnings."""
    return [*_owned(plan), *_taken_back(plan), *_commitment(plan), *_least(plan), *_unknown_prices(plan)]


def _discount(plan: Plan) -> list[str]:
    shares, offer = dict(plan.job.catalogue.discounts), plan.offer
    share = shares.get(offer.provider.name, shares.get("", 0.0))
    if not share or offer.pricing == "owned" or offer.id.endswith(OWN_PRICE):
        return []
    return [f"the price is the list price less your discount of {format_percent(share)} with {offer.provider.name}"]


def _spot(plan: Plan) -> list[str]:
    """How often a node is taken back, who says so, and how often the job is saved because of it."""
    if plan.offer.pricing != "spot":
        return []
    rate, who = _rate(plan)
    if rate <= 0:
        return [f"spot nodes are never taken back ({who})"]
    interval = format_hours(float(plan.clock.checkpoint_interval_seconds) / 3600)
    return [
        f"a spot node is taken back once in {format_hours(1 / rate)} of use ({who})",
        f"because of it a checkpoint every {interval} (Young's interval, 5 minutes to an hour)",
        f"spot clusters that would be stopped more than {MOST_STOPS:g} time from a checkpoint to the next are not planned; "
        f"this one {decimal(float(plan.clock.stops))} times",
    ]


def _rate(plan: Plan) -> tuple[float, str]:
    """Interruptions of a node in an hour, and who says so."""
    asked, offer = plan.job.spot_interruptions_per_node_hour, plan.offer
    rate = interruptions_per_node_hour(offer, asked)
    if asked is not None:
        return rate, "as you say"
    if offer.interruptions_per_node_hour is not None:
        return rate, "as its price list says"
    if offer.provider.spot_interruptions_per_node_hour is not None:
        figure = offer.provider.sources.get("spot_interruptions_per_node_hour")
        return rate, f"{offer.provider.name}" + ("" if figure is None else f", {figure.basis}: {figure.source}")
    return rate, "assumed, as nobody says"


def _taken_back(plan: Plan) -> list[str]:
    """Stops to be expected in all, and what is not counted of them."""
    if plan.offer.pricing != "spot":
        return []
    rate, who = _rate(plan)
    stops = rate * plan.nodes * float(plan.clock.used_seconds(plan.training_seconds)) / 3600
    said = []
    if stops > 0:
        said.append(
            f"spot nodes can be taken back at any time: {decimal(stops)} stops are to be expected in all; the work that is lost "
            "and the way back are counted, waiting for another node is not"
        )
    if who.startswith("assumed"):
        said.append(
            f"nobody says how often {plan.offer.provider.name} takes back this node: once in {format_hours(1 / rate)} is "
            "assumed, and --interruptions takes what you know"
        )
    return said


def _commitment(plan: Plan) -> list[str]:
    """What is paid for whether it is used or not."""
    offer, at_once = plan.offer, plan.nodes * plan.job.parallel
    used = float(plan.clock.used_seconds(plan.training_seconds)) / plan.job.parallel
    if offer.pricing in TERM_HOURS:
        hours = TERM_HOURS[offer.pricing]
        whole = format_money(at_once * hours * offer.price_usd_per_hour)
        return [
            f"the price is that of a commitment of {TERMS[offer.pricing]}, which costs {whole} in all, used or not; the cost is "
            f"the share of this job, {decimal(100 * used / 3600 / hours)}% of it"
        ]
    if offer.pricing != "capacity-block":
        return []
    paid = float(plan.clock.billed_seconds(plan.training_seconds)) / plan.job.parallel
    step = format_hours(capacity_block_seconds(offer) / 3600)
    known = "" if offer.provider.capacity_block_seconds is not None else ", assumed as nobody states it"
    said = [
        f"a capacity block is paid whole and ahead, in steps of {step}{known}: {format_hours(paid / 3600)} are paid for, "
        f"{format_hours(used / 3600)} are used"
    ]
    days = round(paid / DAY_SECONDS)
    if offer.provider.name == "aws" and days > AWS_DAYS and days % DAYS_PER_WEEK:
        missing = DAYS_PER_WEEK - days % DAYS_PER_WEEK
        more = format_money(missing * 24 * at_once * offer.price_usd_per_hour)
        said.append(
            f"aws sells blocks of more than {AWS_DAYS} days in whole weeks: {days + missing} days, {more} more than is counted"
        )
    return said


def _owned(plan: Plan) -> list[str]:
    """What is owned is not rented: its price is a share of what it cost to buy and to run."""
    offer = plan.offer
    if offer.pricing != "owned":
        return []
    bought = to_buy(offer)
    if bought is not None:
        return [
            f"nobody said that machines like {offer.node.name} are there: an hour is priced as its share of buying one at "
            f"{format_money(bought.purchase_usd)} ({bought.as_of}) and running it for years, other work before and after assumed; "
            "`gpuplan offers own` takes your own figures"
        ]
    return [
        "the machine is owned, not rented: the cost is its share of purchase, network, power, rack and maintenance (the source of "
        "the price has the figures), and assumes other work for it before and after"
    ]


def _steps(plan: Plan) -> list[str]:
    """In which steps time is billed, where they are coarse."""
    offer, step = plan.offer, billing_increment_seconds(plan.offer)
    if offer.pricing in ("owned", "capacity-block"):
        return []
    if step > 0:
        return [f"{offer.provider.name} bills in steps of {format_hours(step / 3600)}, counted"]
    if offer.provider.billing_increment_seconds is None:
        return [f"{offer.provider.name} does not state in which steps it bills: counted as if by the minute"]
    return []


def _least(plan: Plan) -> list[str]:
    """Where the least bill decides."""
    offer = plan.offer
    used = float(plan.clock.used_seconds(plan.training_seconds))
    if offer.pricing == "capacity-block" or used >= plan.clock.least_billed_seconds:
        return []
    known = offer.provider.minimum_billing_seconds is not None
    why = f"{offer.provider.name}'s least" if known else f"assumed, as {offer.provider.name}'s least is unknown"
    return [
        f"billed for {format_hours(minimum_billing_seconds(offer) / 3600)} ({why}), though it runs "
        f"{format_hours(used / plan.job.parallel / 3600)}"
    ]


def _unknown_prices(plan: Plan) -> list[str]:
    """Prices that nobody states and that the job pays."""
    job, provider, said = plan.job, plan.offer.provider, []
    if plan.offer.pricing == "owned":
        return []
    if job.egress and provider.egress_usd_per_gb is None:
        price = f"${UNKNOWN_EGRESS_USD_PER_GB:.2f} per GB"
        said.append(
            f"what {provider.name} charges for taking data out is not known: {price}, the dearest known, is counted"
        )
    if job.checkpoint_days and provider.object_storage_usd_per_gb_month is None:
        price = f"${UNKNOWN_STORAGE_USD_PER_GB_MONTH:.2f} per GB and month"
        said.append(
            f"what {provider.name} charges for keeping data is not known: {price}, the dearest known, is counted"
        )
    return said
