"""Offers that stand for others change no answer: solving over them is solving over every offer, in every region, by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gpuplan.catalogue import listed, offers_for
from gpuplan.job import Job, resolve
from gpuplan.job.market import Market
from gpuplan.job.types import Catalogue, Quota
from gpuplan.pipeline import Outcome, find
from gpuplan.plan import Plan
from gpuplan.solve import solve
from gpuplan_hardware import Offer, nodes, offers, providers
from gpuplan_hardware.entities import Pricing
from gpuplan_hardware.imports.columns import OfferTable
from gpuplan_hardware.imports.table_parts import terms_of
from gpuplan_hardware.regions import in_area
from problems import limited, problem_of

pytestmark = pytest.mark.sources

#: A seed is as short as a failure gets: nothing is gained by shrinking it.
SEEDS = settings(max_examples=100, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
#: Regions whose countries are known, and one that nobody knows.
REGIONS = {
    "aws": ("us-east-1", "us-east-2", "us-west-2", "eu-central-1", "eu-west-3", "ap-northeast-1", "mars-1"),
    "gcp": ("us-central1", "us-east4", "europe-west4", "europe-west3", "asia-northeast1", "mars-1"),
    "nebius": ("eu-north1", "eu-west1", "us-central1", "any"),
}
AREAS = ("eu", "us", "jp", "de", "eea")
SAME = 1e-9


@dataclass(frozen=True)
class Question:
    """A job, and a table of offers in many regions."""

    job: Job
    table: OfferTable

    def every(self) -> tuple[Offer, ...]:
        """Every offer by itself, at the price that the user pays."""
        return offers_for(self.job, list(self.table))

    def standing(self, table: OfferTable | None = None) -> tuple[Offer, ...]:
        """Those that stand for others, of the table as if it were the catalogue."""
        market = Market(table=self.table if table is None else table)
        with patch("gpuplan.catalogue.market_of", lambda *_: market):
            return offers_for(self.job)


def question(seed: int) -> Question:
    """A random small problem (see `problems`), each of its offers in several regions, and limits that tell these apart."""
    rng, problem = Random(seed), problem_of(seed % 400)
    found: dict[str, Offer] = {}
    for offer in problem.offers:
        if offer.pricing == "owned" and rng.random() < 0.7:
            offer = replace(offer, pricing="on-demand")
        seller = rng.choice(sorted(REGIONS))
        provider = replace(offer.provider, name=seller)
        usual = offer.price_usd_per_hour
        # Most regions have the same price, so that ties are frequent.
        prices = (*[usual] * 6, usual * 1.1, usual * rng.uniform(0.9, 1.3))
        # What one owns is in one place, wherever that is.
        places = 1 if offer.pricing == "owned" else rng.randint(1, len(REGIONS[seller]))
        for region in rng.sample(REGIONS[seller], places):
            name = f"{seller}/{offer.node.name}/{region}/{offer.pricing}"
            most = 1 if rng.random() < 0.15 else offer.max_nodes
            found[name] = replace(
                offer, id=name, provider=provider, region=region, price_usd_per_hour=rng.choice(prices), max_nodes=most
            )
    table = list(found.values())
    rng.shuffle(table)
    return Question(_limited(rng, problem.job, table), OfferTable.from_offers(table))


def _limited(rng: Random, job: Job, table: Sequence[Offer]) -> Job:
    """The job with limits on regions, residency and quotas, each of them in a third of the questions, and discounts in half."""
    regions = sorted({offer.region for offer in table})
    words: dict[str, Any] = {"regions": None, "exclude_regions": (), "quotas": (), "residency": None}
    if rng.random() < 0.35:
        words["regions"] = tuple(rng.sample(regions, rng.randint(1, len(regions))))
    if rng.random() < 0.35:
        words["exclude_regions"] = tuple(rng.sample(regions, min(2, len(regions))))
    if rng.random() < 0.35:
        words["residency"] = tuple(rng.sample(AREAS, rng.randint(1, 3)))
    if rng.random() < 0.35:
        words["quotas"] = tuple(_quota(rng, table) for _ in range(rng.randint(1, 3)))
    shares = {rng.choice(("", *REGIONS)): rng.choice((0.05, 0.1, 0.3)) for _ in range(2)}
    discounts = tuple(shares.items()) if rng.random() < 0.5 else ()
    return replace(limited(job, **words), catalogue=Catalogue(discounts=discounts))


def _quota(rng: Random, table: Sequence[Offer]) -> Quota:
    offer = rng.choice(table)
    return Quota(
        rng.choice((0, 1, 2, 4, 8, 16)),
        rng.choice((None, offer.provider.name)),
        rng.choice((None, (offer.node.accelerator.name,))),
        rng.choice((None, offer.region, offer.region)),
    )


def answer(outcome: Outcome) -> tuple[object, ...]:
    """What must be equal: what was proved, and the plan."""
    plan = outcome.plan
    return (outcome.status, None if plan is None else (plan.offer.id, plan.layout, plan.nodes, plan.framework.name))


def same_price(asked: Question, plan: Plan) -> set[str]:
    """Other regions that are allowed where the plan's node costs the same on the same terms, said once more, offer by offer."""
    limits = asked.job.limits
    mine = next(offer for offer in asked.table if offer.id == plan.offer.id)
    found = set()
    for offer in asked.table:
        where = (offer.provider.name, offer.region)
        allowed = (
            limits.regions is None or offer.region in limits.regions
        ) and offer.region not in limits.exclude_regions
        kept_there = limits.residency is None or any(in_area(*where, area) for area in limits.residency)
        same_thing = (offer.provider, offer.node, terms_of(offer)) == (mine.provider, mine.node, terms_of(mine))
        same_cost = abs(offer.price_usd_per_hour - mine.price_usd_per_hour) <= SAME * mine.price_usd_per_hour
        own_quota = {quota for quota in limits.quotas if quota.region == offer.region} != {
            quota for quota in limits.quotas if quota.region == mine.region
        }
        if allowed and kept_there and same_thing and same_cost and not own_quota and offer.id != mine.id:
            found.add(offer.region)
    return found


@SEEDS
@given(st.integers(0, 10**6))
def test_the_answer_is_that_over_every_offer(seed: int) -> None:
    asked = question(seed)
    standing = find(asked.job, asked.standing())
    every = find(asked.job, asked.every())
    assert answer(standing) == answer(every)
    assert standing.value == (None if every.value is None else pytest.approx(every.value, rel=SAME))
    assert standing.bound == (None if every.bound is None else pytest.approx(every.bound, rel=1e-6))
    if standing.plan is not None:
        also_in = standing.plan.offer.also_in
        assert list(also_in) == sorted(same_price(asked, standing.plan))


@SEEDS
@given(st.integers(0, 10**6))
def test_the_order_of_the_catalogue_does_not_matter(seed: int) -> None:
    asked = question(seed)
    places = list(range(len(asked.table)))
    Random(seed).shuffle(places)
    other = asked.standing(asked.table.take(places))
    assert sorted(other, key=lambda offer: offer.id) == sorted(asked.standing(), key=lambda offer: offer.id)
    one, two = find(asked.job, asked.standing()), find(asked.job, other)
    assert (answer(one), one.value) == (answer(two), two.value)


def test_the_random_questions_are_worth_asking() -> None:
    """Offers do stand for others, some answers hold in several regions, some limits forbid everything, and some tell regions apart."""
    asked = [question(seed) for seed in range(60)]
    outcomes = [find(one.job, one.standing()) for one in asked]
    plans = [outcome.plan for outcome in outcomes if outcome.plan is not None]
    assert sum(len(one.standing()) < 0.75 * len(one.table) for one in asked) > 30
    assert sum(bool(plan.offer.also_in) for plan in plans) > 5
    assert 5 < len(plans) < 55
    assert sum(any(quota.region for quota in one.job.limits.quotas) for one in asked) > 15


# -- real machines ---------------------------------------------------------------------------------------------------------
JOB = {
    "model": "deepseek-r1-distill-qwen-7b",
    "method": "lora",
    "data": "1GB",
    "deadline": "24h",
    "pricing": ["on-demand", "spot"],
}
LIMITS: tuple[dict[str, Any], ...] = (
    {},
    {"residency": ["eu"]},
    {"region": ["region-3", "region-7"]},
    {"quota": ["aws=8", "H100=4", "gcp@region-2=1", "lambda@region-4=0"], "discount": ["aws=30%", "5%"]},
    {"exclude_region": ["region-0", "region-1"], "minimize": "gpus"},
    {"deadline": "2h", "minimize": "cost,time"},
    {"residency": ["jp"], "budget": 40},
)  # fmt: skip


def market(seed: int) -> OfferTable:
    """Nodes of the catalogue in a dozen regions, a few of which have a level of their own."""
    rng, sellers = Random(seed), providers()
    built_in = [offer for offer in offers() if offer.pricing == "on-demand" and offer.provider.name in sellers]
    real = {name: sorted({o.region for o in built_in if o.provider.name == name} - {"any"}) for name in sellers}
    found: dict[str, Offer] = {}
    for offer in rng.sample(built_in, 40):
        name = offer.provider.name
        for region in [*real[name][:2], "eu-central-1", "ap-northeast-1", *(f"region-{n}" for n in range(9))]:
            shares: dict[Pricing, float] = {"on-demand": 1.0, "spot": rng.uniform(0.3, 0.6)}
            for pricing, share in shares.items():
                key = f"{name}/{offer.node.name}/{region}/{pricing}"
                price = offer.price_usd_per_hour * share * rng.choice((1.0, 1.0, 0.9, rng.uniform(0.8, 1.2)))
                found[key] = replace(offer, id=key, region=region, pricing=pricing, price_usd_per_hour=price)
    return OfferTable.from_offers(found.values())


@pytest.mark.parametrize("seed", range(len(LIMITS)))
def test_a_whole_answer_is_the_same(seed: int) -> None:
    """With its alternatives, and what each limit costs; only what stands for others says where else the price holds."""
    table, words = market(seed), {**JOB, **LIMITS[seed]}
    every = list(table)
    known = Market(table=table)
    with (
        patch("gpuplan.catalogue.market_of", lambda catalogue, given=None: known),
        patch("gpuplan.job.resolve.market_of", lambda catalogue, given=None: known),
    ):
        standing = solve(words)
    plain = solve(words, every)
    assert (standing.status, standing.objective, standing.bound) == (plain.status, plain.objective, plain.bound)
    assert [plan.offer.id for plan in standing.alternatives] == [plan.offer.id for plan in plain.alternatives]
    assert standing.worth == plain.worth
    assert (standing.conflict, standing.relaxations) == (plain.conflict, plain.relaxations)
    assert (standing.plan is None) == (plain.plan is None)
    assert (
        standing.solver.offers_listed
        == plain.solver.offers_listed
        == listed(resolve(words, every), every)
        == len(table)
    )
    if standing.plan is not None and plain.plan is not None:
        assert standing.plan.model_copy(update={"offer": plain.plan.offer}) == plain.plan
        assert standing.plan.offer.model_copy(update={"also_in": []}) == plain.plan.offer.model_copy(
            update={"also_in": []}
        )


def test_the_market_has_nodes_of_the_catalogue() -> None:
    assert {offer.node for offer in market(0)} <= set(nodes().values())
