"""Prices: rents, purchases, and what follows from them."""

from __future__ import annotations

from benchmarks.guides.claims import Claim
from benchmarks.guides.facts import fact
from benchmarks.guides.hardware import A100, A100S, H100, bought, card, offer_price, rent
from benchmarks.guides.physics import LABELS, TWO, fastest, least_plan, number
from benchmarks.guides.registry import Finding, Method, Reading, claim
from benchmarks.guides.verdict import ARITHMETIC, LIST_PRICE, PURCHASE_PRICE

DAY_HOURS, MONTH_HOURS, YEAR_HOURS = 24.0, 730.0, 8760.0
P4D = ("aws", "p4d.24xlarge", "us-east-1")


@claim("g000-11")
def price_of_4090(one: Claim) -> Finding:
    cny = bought("RTX-4090") * fact("cny_per_usd")
    tax = 1 + fact("china_value_added_tax_percent") / 100
    readings = (Reading("launch price", cny), Reading("launch price with Chinese VAT", cny * tax))
    why = (
        f"${number(bought('RTX-4090'))} at {fact('cny_per_usd'):g} yuan; street prices of 2025 are not in the catalogue"
    )
    return Finding(readings, "CNY", why, tolerance=PURCHASE_PRICE)


@claim("g000-19", "g000-20")
def rent_of_a100(one: Claim) -> Finding:
    gpus, size = (1, "R1-7B") if one.id == "g000-19" else (8, "R1-70B")
    scale = DAY_HOURS * fact("cny_per_usd")
    price = rent(f"{gpus} x A100", A100S, gpus, scale, gpus_per_node=gpus)
    least = {method: least_plan(size, method, A100).layout.gpus_used for method in TWO}
    why = (
        f"median and range of on-demand offers with {gpus} in a node; the count is not said. The {size[3:]} needs "
        f"{least['lora']} (LoRA) or {least['full']} (full)"
    )
    return Finding((price,), "CNY/day", why, tolerance=LIST_PRICE)


@claim("g000-21")
def rent_for_671b(one: Claim) -> Finding:
    readings = []
    for method in TWO:
        gpus = least_plan("R1-671B", method, A100).layout.gpus_used
        price = rent(f"{LABELS[method]}, {gpus} x A100", A100S, gpus, DAY_HOURS * fact("cny_per_usd"), gpus_per_node=8)
        readings.append(Reading(price.label, price.value, price.low, price.high, method))
    return Finding(
        tuple(readings),
        "CNY/day",
        "rent of the least cluster that holds the model; a lower bound",
        "at least",
        tolerance=LIST_PRICE,
    )


@claim("g000-22", "g000-23", "g000-24")
def own_cluster(one: Claim) -> Finding:
    size = {"g000-22": "R1-7B", "g000-23": "R1-70B", "g000-24": "R1-671B"}[one.id]
    rate = fact("cny_per_usd")
    readings = []
    for method in TWO:
        gpus = least_plan(size, method, H100).layout.gpus_used
        low, high = gpus * bought(H100) * rate, gpus * fact("h100_in_cluster_high_usd") * rate
        readings.append(Reading(f"{LABELS[method]}, {gpus} x H100", (low + high) / 2, low, high, method))
    why = (
        f"least number of cards, from the bare card (${number(bought(H100))}) to its share of a cluster with hosts "
        "and InfiniBand "
        f"(${number(fact('h100_in_cluster_high_usd'))}); the claim pays for "
        f"{number(float(one.value) / rate / fact('h100_in_cluster_low_usd'))} cards"
    )
    return Finding(tuple(readings), "CNY", why, tolerance=PURCHASE_PRICE)


@claim("g000-25")
def payback(one: Claim) -> Finding:
    table = {"7B": 1_200_000 / 500, "70B": 3_000_000 / 4000, "671B": 15_000_000 / 20_000}
    months = DAY_HOURS / MONTH_HOURS
    monthly = rent("one H100", (H100,), 1, MONTH_HOURS)
    low, high = monthly.interval
    whole = fact("h100_in_cluster_low_usd"), fact("h100_in_cluster_high_usd")
    readings = (
        Reading("bought over rented, always in use", sum(whole) / 2 / monthly.value, whole[0] / high, whole[1] / low),
        *(Reading(f"the guide's own table, {name}", days * months) for name, days in table.items()),
    )
    why = (
        "price of an H100 in a cluster over its rent, before power and staff; the guide's own prices give longer, "
        "and compare H100 bought with A100 rented"
    )
    return Finding(readings, "months", why, tolerance=LIST_PRICE)


@claim("g001-20", "g001-21", "g001-22", "g003-41")
def p4d(one: Claim) -> Finding:
    nodes = {"g001-20": 1, "g001-21": 4, "g001-22": 8, "g003-41": 1}[one.id]
    offer = offer_price(*P4D)
    readings = (
        Reading(f"{nodes} on demand", nodes * offer.price_usd_per_hour),
        Reading("until June 2025", nodes * fact("p4d_old_price_usd_per_hour"), judged=False),
    )
    why = (
        f"stale: AWS in {offer.region} as of {offer.as_of}, the claim is the price until June 2025. "
        f"And these nodes have {offer.node.accelerator.name}, not 80 GB"
    )
    return Finding(readings, "USD/h", why, tolerance=LIST_PRICE)


@claim("g003-42")
def reserved(one: Claim) -> Finding:
    listed = fact("p4d_2021_on_demand_usd_per_gpu_hour")
    readings = tuple(
        Reading(
            f"{years} year{'s' if years > 1 else ''}",
            100 * (1 - fact(f"p4d_2021_reserved_{years}y_usd_per_gpu_hour") / listed),
        )
        for years in (1, 3)
    )
    why = (
        "AWS's own page of 2021; the term is not said, and what a reservation saves from the on-demand price of "
        "today is in no source we have"
    )
    return Finding(readings, "% discount", why, tolerance=LIST_PRICE)


@claim("g003-26")
def cost_of_ownership(one: Claim) -> Finding:
    whole = fact("h100_in_cluster_low_usd"), fact("h100_in_cluster_high_usd")
    low, high = (100 * bought(H100) / cost for cost in reversed(whole))
    readings = (
        Reading("if hardware is the cards", (low + high) / 2, low, high),
        Reading("if hardware is all that is bought: hosts, network, space", 100.0),
    )
    why = (
        "a definition; what it covers of an H100 in a cluster depends on what counts as hardware. Staff, cooling "
        "and resale are left out"
    )
    return Finding(readings, "% of what is bought", why, claimed=(100.0, 100.0), tolerance=LIST_PRICE)


@claim("g003-27")
def server(one: Claim) -> Finding:
    cards = tuple(Reading(f"8 x {name}, no host", 8 * bought(name)) for name in ("A100-40GB-SXM", A100))
    readings = (*cards, Reading("HGX A100 80 GB server", 8 * fact("a100_80gb_in_server_usd")))
    why = "low for a new server; in reach for the cards alone, or with 40 GB. The memory size is not said"
    return Finding(readings, "USD", why, tolerance=PURCHASE_PRICE)


@claim("g003-28")
def electricity(one: Claim) -> Finding:
    year = 8 * YEAR_HOURS * 0.12
    maximum = fact("dgx_a100_max_power_watts") / 1000
    readings = (
        Reading("8 kW x 8,760 h x $0.12", year),
        Reading(f"at the {maximum:g} kW a DGX A100 draws at most", maximum * YEAR_HOURS * 0.12, judged=False),
    )
    return Finding(
        readings,
        "USD/year",
        "the arithmetic is right; cooling is not named, and 8 kW would include some",
        tolerance=ARITHMETIC,
    )


@claim("g003-30")
def five_years(one: Claim) -> Finding:
    total = 120_000 + 5 * 8 * YEAR_HOURS * 0.12
    return Finding(
        (Reading(f"120,000 + 5 x electricity = {total:,.0f}", total),),
        "USD",
        "the arithmetic is right, but maintenance, a term of its own formula, is zero",
        tolerance=ARITHMETIC,
    )


@claim("g003-29")
def draw(one: Claim) -> Finding:
    watts = card(A100).tdp_watts or 0.0
    readings = (
        Reading("DGX A100, maximum", fact("dgx_a100_max_power_watts") / 1000),
        Reading("the 8 cards alone", 8 * watts / 1000, judged=False),
    )
    return Finding(
        readings,
        "kW",
        "8 kW is what such a server draws with the overhead of a data centre (PUE 1.23)",
        tolerance=ARITHMETIC,
    )


@claim("g001-27")
def cheaper_65b(one: Claim) -> Finding:
    price = 8 * offer_price(*P4D).price_usd_per_hour
    method: Method = "full"
    plan = fastest("DeepSeek-65B", method, A100, 64)
    rate = plan.layout.global_batch * 4096 / plan.prediction.step_seconds
    readings = (
        Reading("the guide's own: 262.16 $/h at 6,200 tokens/s", 262.16 / 6200 / 3600 * 1e6, judged=False),
        Reading("fastest layout on 64 A100, today's price", price / rate / 3600 * 1e6, method=method, judged=False),
    )
    return Finding(readings, "USD per 1M tokens", "the baseline of the saving is not given", checkable=False)
