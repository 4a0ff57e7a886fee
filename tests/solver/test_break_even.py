"""Break-even prices against brute force, against arithmetic by hand, and in the words that a user may say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpuplan.ask import Asker
from gpuplan.errors import InputError
from gpuplan.job import Job, Limits, Pins, resolve
from gpuplan.sweeping.break_even import BreakEvens, break_evens, highest_price
from gpuplan.sweeping.result import BreakEvenAnswer
from gpuplan_hardware import Host, Offer, Provider, offers
from gpuplan_models import architecture
from oracle import Oracle
from problems import Problem, limited, problem_of
from random_jobs import PRICINGS

#: Share by which a price is moved to either side of a break-even.
ASIDE = 1e-4
#: Two evaluations of the same bill differ by less.
NOISE = 1e-7
PROBLEMS = 150


# -- brute force -----------------------------------------------------------------------------------------------------------
def cheapest(problem: Problem, job: Job, offer: Offer, price: float) -> float:
    """Cost of the cheapest plan on one offer at a price per GPU-hour, by looking at every plan."""
    priced = replace(offer, price_usd_per_hour=price * offer.node.gpus_per_node)
    value = Oracle(job, [priced], problem.oracle).solve("cost").value
    return math.inf if value is None else value


def a_word(problem: Problem, seed: int) -> tuple[str, list[Offer]]:
    """A GPU, a provider or an offer of the problem, and the offers that it means."""
    one = problem.offers[seed // 4 % len(problem.offers)]
    if seed % 4 == 0:
        return one.id, [one]
    if seed % 4 == 1:
        gpu = one.node.accelerator.name
        return gpu, [offer for offer in problem.offers if offer.node.accelerator.name == gpu]
    return one.provider.name, [offer for offer in problem.offers if offer.provider.name == one.provider.name]


def check(problem: Problem, answer: BreakEvenAnswer, offer: Offer, rival: float) -> str:
    """Below the price the cheapest plan of all is on the offer, above it is not; says what kind of answer it was."""
    price = answer.break_even_usd_per_gpu_hour
    assert answer.proved
    if price is None:
        assert answer.plan is None
        assert cheapest(problem, problem.job, offer, 1e-6) > rival * (1 - NOISE)
        return "never"
    below, above = (cheapest(problem, problem.job, offer, price * (1 + side)) for side in (-ASIDE, ASIDE))
    assert below < rival < above
    listed = offer.price_usd_per_hour / offer.node.gpus_per_node
    assert answer.listed_usd_per_gpu_hour == pytest.approx(listed)
    assert answer.wins_now == (cheapest(problem, problem.job, offer, listed) < rival)
    assert answer.change == pytest.approx(price / listed - 1)
    assert answer.plan is not None
    assert answer.plan.offer.price_usd_per_hour == pytest.approx(price * offer.node.gpus_per_node)
    cost = answer.plan.prediction.cost_usd
    assert cost <= rival * (1 + NOISE)
    if cost < rival * (1 - NOISE):
        return "budget"
    return "wins" if answer.wins_now else "loses"


def freer(problem: Problem, seed: int) -> Problem:
    """The problem with cost as its objective and without a selection; every other one without any limit."""
    limits = replace(problem.job.limits, gpus=None, exclude_gpus=(), providers=None, exclude_providers=())
    limits = Limits(pricing=PRICINGS, allow_unknown_host=True) if seed % 2 else limits
    job = replace(problem.job, limits=limits, objectives=("cost", "gpus", "time"))
    return asked_of(problem, job, problem.offers)


def asked_of(problem: Problem, job: Job, offers: tuple[Offer, ...]) -> Problem:
    """Another job and other offers on the same machines."""
    return replace(problem, job=job, offers=offers, oracle=Oracle(job, offers, problem.oracle))


def with_a_rival(problem: Problem, random: Random) -> Problem:
    """Somebody else sells the node of the cheapest plan."""
    best = problem.oracle.solve("cost").best
    if best is None:
        return problem
    seller = replace(best.offer.provider, name="rival")
    price = best.offer.price_usd_per_hour * random.uniform(0.6, 1.6)
    rival = replace(best.offer, id="rival", provider=seller, price_usd_per_hour=price)
    return asked_of(problem, problem.job, (*problem.offers, rival))


def with_a_tight_budget(problem: Problem, rest: list[Offer], random: Random) -> Problem:
    """A budget that the rival's plan hardly keeps."""
    best = Oracle(problem.job, rest, problem.oracle).solve("cost").best
    if best is None:
        return problem
    job = limited(problem.job, budget_usd=best.cost_at_confidence * random.uniform(1.001, 1.02))
    return asked_of(problem, job, problem.offers)


@pytest.mark.sources
@pytest.mark.slow
def test_below_the_price_the_cheapest_plan_is_on_the_offer_and_above_it_is_not() -> None:
    said: Counter[str] = Counter()
    for seed in range(PROBLEMS):
        random, problem = Random(seed), freer(problem_of(seed), seed)
        word, theirs = a_word(problem, seed)
        problem = with_a_rival(problem, random) if seed % 4 != 1 else problem
        rest = [offer for offer in problem.offers if offer not in theirs]
        problem = with_a_tight_budget(problem, rest, random) if seed % 4 == 3 else problem
        rival = Oracle(problem.job, rest, problem.oracle).solve("cost").value
        try:
            found = break_evens(problem.job, word, Asker((), 60.0), problem.offers)
        except InputError as error:
            assert "in the selection" in error.message
            said["left out"] += 1
            continue
        if rival is None:
            assert found.rival.plan is None
            assert found.warnings
            assert all(one.break_even_usd_per_gpu_hour is None and one.proved for one in found.answers)
            said["no rival"] += 1
            continue
        assert found.rival.value == pytest.approx(rival, rel=NOISE)
        by_id = {offer.id: offer for offer in theirs}
        for one in found.answers:
            said[check(problem, one, by_id[one.offer], rival)] += 1
    least = {"wins": 20, "loses": 50, "budget": 1, "never": 20, "no rival": 20}
    assert all(said[kind] >= count for kind, count in least.items()), said


# -- lines -----------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Line:
    """A plan whose bill is ``hours * price + beside``; at confidence both are so many times as large."""

    offer: Offer
    job: Job
    hours: float
    beside: float
    wider: float

    def cost_usd(self) -> float:
        return self.hours * self.offer.price_usd_per_hour + self.beside

    @property
    def cost_at_confidence_usd(self) -> float:
        return self.wider * self.cost_usd()


AMOUNTS = st.floats(0.1, 100.0)
LINES = st.lists(st.tuples(AMOUNTS, st.floats(0.0, 100.0), st.floats(1.0, 2.0)), min_size=1, max_size=12)


@settings(max_examples=300)
@given(LINES, AMOUNTS, st.none() | st.floats(1.0, 2.0), st.floats(0.001, 100.0))
def test_the_highest_price_is_that_of_the_line_that_reaches_furthest(
    lines: list[tuple[float, float, float]], usd: float, wider: float | None, start: float
) -> None:
    offer = replace(two()[0], node=replace(two()[0].node, gpus_per_node=1))
    job = limited(resolve(JOB, two()), budget_usd=None if wider is None else usd * wider)
    budget = math.inf if wider is None else usd * wider

    def asked_at(job: Job, at: Sequence[Offer]) -> Any:
        plans = [Line(at[0], job, *line) for line in lines]
        kept = [plan for plan in plans if plan.cost_at_confidence_usd <= budget * (1 + 1e-9)]
        best = min(kept, key=Line.cost_usd, default=None)
        return SimpleNamespace(status="infeasible" if best is None else "optimal", plan=best)

    reach = max((min(usd, budget / factor) - beside) / hours for hours, beside, factor in lines)
    found = highest_price(asked_at, job, offer, usd, start)
    assert found.proved
    if found.price is None:
        assert reach < 1e-5
    else:
        assert found.price == pytest.approx(reach, rel=1e-6, abs=1e-5)


# -- by hand ---------------------------------------------------------------------------------------------------------------
PINS = {
    "nodes": 1,
    "gpus": 8,
    "tp": 1,
    "pp": 1,
    "zero": 0,
    "micro_batch": 1,
    "recompute": "none",
    "framework": "hf-peft",
}
JOB: dict[str, Any] = {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "tokens": "1e9", "global_batch": 64}


def seller(name: str, volume: float | None = None, least: float = 0.0) -> Provider:
    return Provider(name, False, volume, least, 1.0, egress_usd_per_gb=0.0)


@cache
def two() -> tuple[Offer, Offer]:
    """The same node from two sellers who take nothing else, at $2 and $3 per GPU-hour."""
    sold = next(offer for offer in offers() if offer.node.name == "p5.48xlarge")
    node = replace(sold.node, host=Host(vcpus=192, ram_bytes=2 * 10**12, nvme_bytes=10**13))
    common = replace(sold, node=node, region="any", as_of=date(2026, 11, 1), pricing="on-demand")
    return (
        replace(common, id="a", provider=seller("cheap"), price_usd_per_hour=16.0),
        replace(common, id="b", provider=seller("dear"), price_usd_per_hour=24.0),
    )


def asked(words: dict[str, Any], what: str, *given: Offer) -> BreakEvens:
    return break_evens(resolve(JOB | words, given), what, Asker((), 60.0), given)


def test_the_same_node_breaks_even_at_the_same_price() -> None:
    (answer,) = asked(PINS, "dear", *two()).answers
    assert answer.break_even_usd_per_gpu_hour == pytest.approx(2.0, rel=1e-9)
    assert answer.change == pytest.approx(-1 / 3)
    assert (answer.wins_now, answer.proved) == (False, True)
    (answer,) = asked(PINS, "a", *two()).answers
    assert answer.break_even_usd_per_gpu_hour == pytest.approx(3.0, rel=1e-9)
    assert (answer.wins_now, answer.proved) == (True, True)


def test_what_is_paid_beside_the_node_lowers_the_price() -> None:
    """A node without a disk rents one: 50 GB for the system, the weights, 4 GB of tokens, two checkpoints of 14 bytes each."""
    a, b = two()
    bare = replace(b, node=replace(b.node, host=replace(b.node.host, nvme_bytes=0)), provider=seller("dear", 100.0))
    found = asked(PINS, "dear", a, bare)
    widths = (3584 + 3584) + 2 * (3584 + 512) + (3584 + 3584) + 3 * (3584 + 18944)  # q, k and v, o; gate, up, down
    trained = 28 * 16 * widths
    weights = 2 * architecture("deepseek-r1-distill-qwen-7b").parameters
    volume_gb = (50e9 + weights + 4e9 + 2 * 14 * trained) / 1e9
    rent_per_gpu_hour = volume_gb * 100.0 / 730 / 8
    assert 1.0 < rent_per_gpu_hour < 1.5
    (answer,) = found.answers
    assert answer.break_even_usd_per_gpu_hour == pytest.approx(2.0 - rent_per_gpu_hour, rel=1e-6)


def test_a_least_bill_is_paid_in_full() -> None:
    """A job that the cheap seller bills for h hours and the dear one for 1000 in any case: 2 h = 1000 p."""
    a, b = two()
    b = replace(b, provider=seller("dear", least=1000 * 3600.0))
    found = asked(PINS, "dear", a, b)
    assert found.rival.value is not None
    hours = found.rival.value / 16.0
    (answer,) = found.answers
    assert answer.break_even_usd_per_gpu_hour == pytest.approx(2 * hours / 1000, rel=1e-9)


def test_above_the_budget_a_lower_expected_bill_is_no_help() -> None:
    """The budget is what the rival needs at confidence; an offer whose speed is less certain breaks it before it costs as much."""
    a, b = two()
    wide = replace(b, node=replace(b.node, accelerator=replace(b.node.accelerator, name="X", kernel_family="new")))
    free = asked(PINS | {"gpu": "H100"}, "X", a, wide)
    assert free.rival.plan is not None
    sure = free.rival.plan.cost_at_confidence_usd
    tight = asked(PINS | {"gpu": "H100", "budget": f"${sure * 1.001:.4f}"}, "X", a, wide)
    (at_any_price,), (within,) = free.answers, tight.answers
    assert at_any_price.break_even_usd_per_gpu_hour is not None
    assert within.break_even_usd_per_gpu_hour is not None
    assert within.proved
    assert within.break_even_usd_per_gpu_hour < at_any_price.break_even_usd_per_gpu_hour
    share = free.rival.plan.step_factor  # the rival's; the other one is less certain
    assert within.break_even_usd_per_gpu_hour < 2.0 * share


# -- words -----------------------------------------------------------------------------------------------------------------
WORDS: dict[str, Any] = {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "data": "10MB"}


def of_catalogue(what: str, **words: Any) -> BreakEvens:
    return break_evens(resolve(WORDS | words), what, Asker((), 60.0))


def test_every_offer_of_a_gpu_has_a_row_and_the_rival_is_on_another() -> None:
    found = of_catalogue("H200")
    assert {one.gpu for one in found.answers} == {"H200-SXM"}
    assert found.rival.plan is not None
    assert found.rival.plan.offer.node.accelerator.name != "H200-SXM"
    changes = [one.change for one in found.answers if one.change is not None]
    assert changes == sorted(changes, reverse=True)
    assert found.questions <= 1 + 4 * len(found.answers)


def test_a_gpu_that_nobody_lets_is_priced_as_the_users_own() -> None:
    found = of_catalogue("MI325X")
    assert found.answers
    for one in found.answers:
        assert one.offer.endswith("/own-price")
        assert (one.listed_usd_per_gpu_hour, one.change, one.wins_now) == (None, None, False)
        assert one.break_even_usd_per_gpu_hour is not None


def test_a_selection_of_another_gpu_is_what_it_is_held_against() -> None:
    found = of_catalogue("GH200", gpu="H100")
    assert found.rival.plan is not None
    assert found.rival.plan.offer.node.accelerator.name.startswith("H100")
    assert found.answers
    alone = of_catalogue("GH200", gpu="GH200")
    assert alone.rival.plan is not None
    assert alone.rival.plan.offer.node.accelerator.name != "GH200"


def test_an_own_price_is_held_against_the_market_or_the_market_against_it() -> None:
    mine = of_catalogue("GB200", gpu="GB200", price="0.01")
    assert all(one.listed_usd_per_gpu_hour == pytest.approx(0.01) for one in mine.answers)
    assert any(one.wins_now for one in mine.answers)
    theirs = of_catalogue("GH200", gpu="H100-SXM", price="0.01")
    assert theirs.rival.plan is not None
    assert theirs.rival.plan.offer.id.endswith("/own-price")
    assert not any(one.wins_now or one.offer.endswith("/own-price") for one in theirs.answers)


def test_the_rival_of_an_offer_may_be_the_same_node_in_another_region() -> None:
    """Of regions that differ in price only the cheapest is looked at; where that is asked about, the next one must be there."""
    prices = sorted(
        (offer.price_usd_per_hour, offer.id)
        for offer in offers()
        if (offer.provider.name, offer.node.name, offer.pricing) == ("gcp", "a2-highgpu-1g", "on-demand")
    )
    (listed, cheapest), (next_price, _), *_ = prices
    found = of_catalogue(cheapest, provider="gcp", gpu="A100-40GB", gpus=1)
    assert found.rival.plan is not None
    assert found.rival.plan.offer.node.name == "a2-highgpu-1g"
    (answer,) = found.answers
    assert answer.offer == cheapest
    assert answer.listed_usd_per_gpu_hour == pytest.approx(listed)
    assert answer.break_even_usd_per_gpu_hour == pytest.approx(next_price, rel=1e-9)


def test_where_nothing_else_keeps_the_limits_there_is_no_price_and_a_sentence() -> None:
    a, b = two()
    small = replace(a, node=replace(a.node, accelerator=replace(a.node.accelerator, usable_memory_bytes=10**9)))
    found = asked({}, "dear", small, b)
    (answer,) = found.answers
    assert found.rival.status == "infeasible"
    assert (answer.break_even_usd_per_gpu_hour, answer.wins_now, answer.proved) == (None, True, True)
    assert "no plan without dear" in found.warnings[0]


def test_without_time_nothing_is_proved() -> None:
    a, b = two()
    job = resolve(JOB, (a, b))
    none = replace(job, search=replace(job.search, time_limit_seconds=0.0))
    found = break_evens(none, "dear", Asker((), 60.0), (a, b))
    assert not any(one.proved for one in found.answers)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("H20O", "Did you mean H20"),
        ("nebus", "Did you mean nebius"),
        ("nebius/gpu-h200/eu/on-demand", "is none of the"),
        ("TPU v5e", "cannot be planned on"),
        ("huawei", "known, but no offer"),
    ],
)
def test_what_is_meant_must_be_known(what: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        of_catalogue(what)


def test_a_selection_that_leaves_all_offers_out_is_said() -> None:
    with pytest.raises(InputError, match="what is asked of pricing, precision leaves it out"):
        of_catalogue("lambda", pricing="spot")


def test_pinned_offers_do_not_stand_in_the_way() -> None:
    a, b = two()
    job = resolve(JOB, (a, b))
    pinned = replace(job, pins=Pins(offer="a"))
    found = break_evens(limited(pinned), "dear", Asker((), 60.0), (a, b))
    assert found.rival.plan is not None
    assert found.rival.plan.offer.id == "a"
    assert [one.offer for one in found.answers] == ["b"]
