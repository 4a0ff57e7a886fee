"""What an answer rests on beside the user's words, what the reader must know before signing, and what was not looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gpuplan.answer import today
from gpuplan.catalogue import OWN_PRICE
from gpuplan.errors import close_matches
from gpuplan.job import Job
from gpuplan.money_caveats import how_it_is_priced, what_its_price_hides
from gpuplan.performance.constants import constants
from gpuplan.plan import Plan
from gpuplan.selection import outside
from gpuplan_hardware import Offer

#: A price, or a rate of exchange, older than this is called old: a quarter, in which list prices have fallen by a third.
OLD_PRICE_DAYS = 90
#: How the source of an imported offer ends whose day nobody stated.
WEAK_DAYS = {
    "date of the file's last change": "when its file was last changed",
    "date of the day of the import": "when it was imported",
}
#: Why offers are outside the selection, and the option that decides it, in the order in which they are counted.
OUTSIDE = {
    "gpu": "of other GPUs, or of ones that no job is planned on (see --gpu, --exclude-gpu)",
    "provider": "of other providers (see --provider, --exclude-provider)",
    "region": "of other regions (see --region, --exclude-region)",
    "residency": "not known to be where the data must stay (see --residency)",
    "nvswitch": "whose GPUs are not all joined by NVSwitch (see --nvswitch-only)",
    "pricing": "priced otherwise (see --pricing)",
    "marketplace": "of marketplaces (--marketplace lets them in)",
    "lead_time": "not to be had soon enough, or nobody says how soon (see --available-within, --deadline-from start)",
    "precision": "of GPUs that do not compute in this precision (see --precision)",
    "offer": "others (see --offer)",
}


def assumptions(job: Job, plan: Plan | None) -> list[str]:
    """What the answer rests on beside the user's own words."""
    spot = plan is not None and plan.offer.pricing == "spot"  # then how often to save is decided, and said below
    said = [text for text in job.assumptions if not (spot and text.startswith("a checkpoint every "))]
    if job.currency is not None:
        said.append(f"{job.currency.per_usd:,.4g} {job.currency.code} per USD: {job.currency.source}")
    if plan is not None:
        said.append(f"framework {plan.framework.title}")
        said.extend(_of_the_offer(plan))
        said.extend(how_it_is_priced(plan))
        if plan.host.volume_bytes > 0:
            volume = plan.host.volume_bytes / 1e9
            said.append(
                f"a network volume of {volume:,.0f} GB per node, priced with the nodes, holds what the local disk does not"
            )
    return said


def _of_the_offer(plan: Plan) -> list[str]:
    """What nobody states of the node and of how soon it can be had."""
    offer, host, said = plan.offer, plan.offer.node.host, []
    if offer.id.endswith(OWN_PRICE):
        said.append(
            f"your price buys nodes like {offer.node.name} of {offer.provider.name}, and they are to be had at once"
        )
    figures = {"vCPUs": host.vcpus, "RAM": host.ram_bytes, "NVMe": host.nvme_bytes}
    unknown = [name for name, figure in figures.items() if figure is None]
    if unknown and plan.offer.host_open:
        said.append(
            f"the host is yours to choose: {', '.join(unknown)} as the job needs them; what the price covers, its source says"
        )
    elif unknown and plan.job.limits.allow_unknown_host:
        said.append(f"unknown of the node and taken as enough: {', '.join(unknown)}")
    return said


def warnings(plan: Plan) -> list[str]:
    """What the reader must know before signing."""
    said = []
    name, framework = plan.offer.node.accelerator.name, plan.framework.title
    if plan.framework.stand_in:
        said.append(
            f"no published runs of {framework} stand behind the constants; those of its nearest relative stand in"
        )
    if plan.prediction.coverage == "extrapolated":
        said.append(f"too few published runs stand behind {name} or {framework}; time and memory are extrapolated")
    elif plan.prediction.coverage == "transferred" and not plan.framework.stand_in:
        said.append(f"no published runs combine {name} with {framework}; constants of each are put together")
    family = plan.offer.node.accelerator.kernel_family
    if family not in constants().tables["matmul_efficiency"]:
        close = close_matches(family, constants().tables["matmul_efficiency"])
        meant = f"; did its file mean {' or '.join(close)}?" if close else ""
        said.append(
            f"no constants are known for the kernel family {family!r} of {name}, so those of any GPU hold{meant}"
        )
    if plan.offer.lead_time_seconds is None:
        said.append(
            f"{plan.offer.id} is sold by {plan.offer.lead_time}, and how long that takes is not stated: time counts without it"
        )
    said.extend(what_its_price_hides(plan))
    said.extend(_stale(plan))
    if plan.job.global_batches == (plan.layout.global_batch,) and plan.layout.data == plan.layout.global_batch:
        said.append(f"the global batch of {plan.layout.global_batch} sequences caps data parallelism")
    return said


def _stale(plan: Plan) -> list[str]:
    """Prices and rates that may no longer hold."""
    offer, currency, said = plan.offer, plan.job.currency, []
    age = (today() - offer.as_of).days
    if age > OLD_PRICE_DAYS:
        said.append(f"the price of {offer.id} is {age} days old ({offer.as_of}); ask before you order")
    weak = next((meaning for words, meaning in WEAK_DAYS.items() if words in offer.source), None)
    if weak is not None:
        said.append(
            f"nobody states the day of the price of {offer.id}: {offer.as_of} is {weak}, and the price may be older "
            "(gpuplan offers import --as-of)"
        )
    if (
        currency is not None
        and currency.as_of is not None
        and (days := (today() - currency.as_of).days) > OLD_PRICE_DAYS
    ):
        said.append(
            f"the rate of {currency.code} is {days} days old ({currency.as_of}); --currency {currency.code}=RATE takes yours"
        )
    return said


def left_out(job: Job, offers: Sequence[Offer], plan: Plan | None) -> list[str]:
    """GPUs that were asked for and that no offer in the selection has; without a plan, also why offers were not looked at."""
    chosen = {offer.node.accelerator.name for offer in offers if not outside(job, offer)}
    missing = [name for name in job.limits.gpus or () if name not in chosen]
    said = []
    if chosen and missing:
        said.append(
            f"no offer in the selection has {', '.join(missing)}: left out; --price gives one GPU a price of yours"
        )
    if plan is None and (counted := not_looked_at(job, offers)):
        said.append(counted)
    return said


def not_looked_at(job: Job, offers: Sequence[Offer]) -> str:
    """How many offers the selection leaves out, by the first reason of each; "" where it leaves out none."""
    reasons = Counter(why[0] for offer in offers if (why := outside(job, offer)))
    if not reasons:
        return ""
    counted = "; ".join(f"{reasons[name]} {words}" for name, words in OUTSIDE.items() if reasons[name])
    return f"{reasons.total()} of {len(offers)} offers were not looked at: {counted}"
