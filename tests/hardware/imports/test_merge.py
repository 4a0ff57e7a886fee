"""Several prices of one thing: which of them stands, and which differences are told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gpuplan_hardware import nodes, providers
from gpuplan_hardware.imports.base import Origin, Source
from gpuplan_hardware.imports.merge import Merged, Price, merge

MAY, JULY = date(2026, 5, 20), date(2026, 7, 20)
STATED, WEAK = Origin("a catalogue", weak_day=False), Origin("a catalogue", weak_day=True)


def source(name: str = "vms.csv") -> Source:
    return Source(name, Path(name), "aws", MAY, "the path", "0" * 64)


def price(usd: float, **changes: Any) -> Price:
    """A price of a p4d in us-east-1 on 2026-05-20 in vms.csv unless told otherwise."""
    node = nodes()["aws", "p4d.24xlarge"]
    plain = Price(
        source=source(),
        line=2,
        provider=providers()["aws"],
        node=node,
        max_nodes=64,
        region="us-east-1",
        zone="",
        pricing="on-demand",
        usd_per_hour=usd,
        as_of=MAY,
        origin=STATED,
        note=("A catalogue vms.csv", "; date of the path"),
    )
    return plain._replace(**changes)


def standing(found: Merged) -> tuple[float, date]:
    (offer,) = found.offers
    return offer.price_usd_per_hour, offer.as_of


def test_things_that_differ_are_offers_of_their_own() -> None:
    rows = [
        price(10),
        price(5, pricing="spot"),
        price(11, region="us-west-2"),
        price(9, node=nodes()["aws", "p5.48xlarge"]),
    ]
    found = merge(rows)
    assert [offer.id for offer in found.offers] == [
        "aws/p4d.24xlarge/us-east-1/on-demand",
        "aws/p4d.24xlarge/us-east-1/spot",
        "aws/p4d.24xlarge/us-west-2/on-demand",
        "aws/p5.48xlarge/us-east-1/on-demand",
    ]
    assert found.used == {"vms.csv": 4}
    assert found.differences == []


def test_the_dearest_zone_stands_for_its_region_and_zones_are_no_difference() -> None:
    found = merge([price(2.5, zone="a"), price(8.25, zone="b", line=3), price(4.0, zone="c")])
    assert standing(found) == (8.25, MAY)
    assert found.offers[0].source == "A catalogue vms.csv, line 3; date of the path; dearest of 3 zones, 2.5-8.25 USD/h"
    assert found.differences == []


def test_zones_that_cost_the_same_are_not_worth_a_word() -> None:
    found = merge([price(21.957642, zone="a"), price(21.95764, zone="b")])  # rounded in different digits
    assert found.offers[0].source == "A catalogue vms.csv, line 2; date of the path"


@pytest.mark.parametrize("turned", [False, True])
def test_the_newest_day_stands_though_it_is_dearer_or_cheaper(turned: bool) -> None:
    for new in (8.0, 12.0):
        rows = [price(10.0), price(new, source=source("b.csv"), as_of=JULY)]
        found = merge(reversed(rows) if turned else rows)
        assert standing(found) == (new, JULY)
        assert found.used == {"b.csv": 1}


@pytest.mark.parametrize("turned", [False, True])
def test_of_one_day_the_dearer_stands(turned: bool) -> None:
    rows = [price(10.0), price(11.0, source=source("b.csv"))]
    found = merge(reversed(rows) if turned else rows)
    assert standing(found) == (11.0, MAY)
    assert found.differences == []


def test_a_difference_over_a_fifth_is_told_with_both_sides() -> None:
    found = merge([price(32.7726, line=9), price(21.957642, source=source("b.csv"), as_of=JULY)])
    (one,) = found.differences
    assert one.key == "aws/p4d.24xlarge/us-east-1/on-demand"
    assert (one.kept_usd_per_hour, one.kept_as_of, one.kept_source) == (21.957642, JULY, "b.csv, line 2")
    assert (one.other_usd_per_hour, one.other_as_of, one.other_source) == (32.7726, MAY, "vms.csv, line 9")
    assert one.share == pytest.approx(32.7726 / 21.957642 - 1)


@pytest.mark.parametrize(("other", "told"), [(12.0, False), (12.1, True), (8.0, False), (7.9, True)])
def test_a_fifth_is_the_limit_both_ways(other: float, told: bool) -> None:
    found = merge([price(10.0, as_of=JULY), price(other)])
    assert bool(found.differences) is told


def test_the_same_zone_twice_in_a_file_is_a_repeat_and_told() -> None:
    found = merge([price(5.0, zone="a"), price(10.0, zone="a", line=3), price(9.0, zone="b")])
    assert standing(found) == (10.0, MAY)
    assert [(one.kept_usd_per_hour, one.other_usd_per_hour) for one in found.differences] == [(10.0, 5.0)]


def test_dearest_zones_of_files_are_held_against_each_other() -> None:
    old = [price(4.0, zone="a"), price(8.0, zone="b")]
    new = [price(usd, zone=zone, source=source("b.csv"), as_of=JULY) for usd, zone in ((3.0, "a"), (7.5, "b"))]
    found = merge(old + new)
    assert standing(found) == (7.5, JULY)
    assert found.differences == []  # 8.0 against 7.5


def test_days_of_one_file_may_differ() -> None:
    found = merge([price(10.0, as_of=MAY), price(6.0, as_of=JULY, line=3)])
    assert standing(found) == (6.0, JULY)
    assert len(found.differences) == 1


def test_nothing_comes_of_nothing() -> None:
    assert merge([]) == Merged([], {}, [], {})


def test_of_one_kind_a_day_that_nobody_states_never_stands_before_one_that_is_stated() -> None:
    copied = price(4.0, source=source("copied.csv"), as_of=JULY, origin=WEAK)
    found = merge([copied, price(9.0)])
    assert (standing(found), list(found.origins.values())) == ((9.0, MAY), [STATED])
    assert found.differences[0].other_source == "copied.csv, line 2"
    older = price(3.0, source=source("older.csv"), origin=WEAK)
    found = merge([copied, older])
    assert (standing(found), found.origins) == ((4.0, JULY), {found.offers[0].id: WEAK})
    other = price(9.0, origin=Origin("another catalogue", weak_day=False))
    assert standing(merge([copied, other])) == (4.0, JULY)
