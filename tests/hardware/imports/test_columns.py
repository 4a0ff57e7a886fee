"""Offers as columns: nothing is lost on the way, and the representatives are those that a plain loop finds."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpuplan_hardware import Offer, Provider, nodes, offers
from gpuplan_hardware import catalogue as hardware_catalogue
from gpuplan_hardware.entities import Figure, Pricing
from gpuplan_hardware.imports import packing
from gpuplan_hardware.imports.columns import OfferTable
from gpuplan_hardware.imports.packing import DamagedTableError, pack, unpack
from gpuplan_hardware.imports.table_parts import Terms

BUILT_IN = offers()
P5 = next(offer for offer in BUILT_IN if offer.node.name == "p5.48xlarge")
P4D = next(offer for offer in BUILT_IN if offer.node.name == "p4d.24xlarge")
DAY = date(2026, 11, 1)
MADE = replace(
    P5.node, name="8x-h100", provider="new-cloud", sources={"host.vcpus": Figure(192.0, "row 3", DAY, "assumed")}
)
NEW_CLOUD = Provider("new-cloud", marketplace=False, volume_usd_per_gb_month=None)


def offer(
    like: Offer = P5, region: str = "us-east-1", price: float = 10.0, pricing: Pricing = "on-demand", **changes: object
) -> Offer:
    name = f"{like.provider.name}/{like.node.name}/{region}/{pricing}"
    changed = {"id": name, "region": region, "price_usd_per_hour": price, "pricing": pricing, "as_of": DAY, **changes}
    return replace(like, **changed)  # type: ignore[arg-type]


MADE_OFFER = offer(replace(P5, node=MADE, provider=NEW_CLOUD), price=19.5, source="süß.csv, line 3")

drawn = st.builds(
    offer,
    like=st.sampled_from([P5, P4D, MADE_OFFER]),
    region=st.sampled_from(["us-east-1", "us-east-1-x", "us-east-10", "eu-1", "any"]),
    price=st.sampled_from([10.0, 10.0 * (1 + 1e-12), 10.1, 12.5]),
    pricing=st.sampled_from(["on-demand", "spot"]),
    as_of=st.integers(0, 3).map(lambda days: DAY + timedelta(days)),
    max_nodes=st.sampled_from([4, 8]),
    lead_time_seconds=st.sampled_from([0.0, None]),
    host_open=st.booleans(),
    interruptions_per_node_hour=st.sampled_from([None, 0.1]),
    source=st.text(max_size=5),
)
lists = st.lists(drawn, max_size=40, unique_by=lambda one: one.id)


def test_a_table_gives_back_what_it_was_made_of() -> None:
    table = OfferTable.from_offers(BUILT_IN)
    assert list(table) == list(BUILT_IN)
    assert [table[0], table[-1], table[5]] == [BUILT_IN[0], BUILT_IN[-1], BUILT_IN[5]]
    assert list(table[3:9:2]) == list(BUILT_IN[3:9:2])
    assert table.ids() == [one.id for one in BUILT_IN]
    assert BUILT_IN[7] in table
    with pytest.raises(IndexError):
        table[len(BUILT_IN)]


def test_names_in_a_table() -> None:
    table = OfferTable.from_offers(BUILT_IN)
    assert table.providers == tuple(sorted({one.provider.name for one in BUILT_IN}))
    assert table.regions == tuple(sorted({one.region for one in BUILT_IN}))
    assert table.gpus == tuple(sorted({one.node.accelerator.name for one in BUILT_IN}))
    assert table[:0].providers == table[:0].regions == table[:0].gpus == ()


def test_every_field_of_an_offer_is_in_the_table() -> None:
    """A new field of `Offer` must find its place: among the terms if a plan reads it."""
    elsewhere = {"id", "provider", "region", "node", "price_usd_per_hour", "as_of", "source", "also_in"}
    assert {field.name for field in fields(Offer)} == elsewhere | set(Terms._fields)


@pytest.mark.parametrize("wrong", [replace(P5, also_in=("eu-1",)), replace(P5, id="own")])
def test_an_offer_that_does_not_go_into_a_table(wrong: Offer) -> None:
    with pytest.raises(ValueError, match="does not go into a table"):
        OfferTable.from_offers([P4D, wrong])


@given(lists)
def test_packing_loses_nothing(found: list[Offer]) -> None:
    table = unpack(pack(OfferTable.from_offers(found)))
    assert list(table) == found
    assert [one.node.sources for one in table] == [one.node.sources for one in found]
    assert table.dropped == 0


def test_sources_that_nothing_points_to_are_not_kept() -> None:
    table = OfferTable.from_offers([offer(source="first"), offer(region="eu-1", source="second")])
    assert b"first" not in pack(table[1:])
    assert [one.source for one in unpack(pack(table[1:]))] == ["second"]


def test_offers_of_a_node_that_is_gone_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pack(OfferTable.from_offers([offer(P4D), MADE_OFFER, offer(), offer(region="eu-1")]))
    left = {key: node for key, node in nodes().items() if node.name != "p5.48xlarge"}
    monkeypatch.setattr(packing, "nodes", lambda: left)
    table = unpack(content)
    assert [one.id for one in table] == [offer(P4D).id, MADE_OFFER.id]
    assert table.dropped == 2
    monkeypatch.setattr(packing, "accelerators", dict)
    assert (len(unpack(content)), unpack(content).dropped) == (1, 3)


def test_a_node_of_the_catalogue_takes_its_later_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pack(OfferTable.from_offers([offer()]))
    corrected = replace(P5.node, notes="corrected")
    monkeypatch.setattr(packing, "nodes", lambda: {("aws", "p5.48xlarge"): corrected})
    assert unpack(content)[0].node == corrected


@given(st.binary(max_size=200))
def test_bytes_that_are_no_table(content: bytes) -> None:
    with pytest.raises(DamagedTableError):
        unpack(content)


@given(st.data())
def test_a_damaged_table_is_said_to_be_one(data: st.DataObject) -> None:
    content = bytearray(pack(OfferTable.from_offers(BUILT_IN[:20])))
    place = data.draw(st.integers(0, len(content) - 1))
    cut = data.draw(st.booleans())
    content[place] ^= data.draw(st.integers(1, 255))
    try:
        unpack(bytes(content[:place] if cut else content))  # a flipped byte may be one that nothing reads
    except DamagedTableError:
        return
    assert not cut


@pytest.mark.parametrize(("column", "value"), [("node", 99), ("terms", -1), ("day", 0), ("price", -1.0), ("source", 7)])
def test_a_number_that_points_to_nothing(column: str, value: float) -> None:
    table = OfferTable.from_offers([offer(), offer(region="eu-1")])
    table.rows[column][1] = value
    pointing = column != "source"
    if pointing:
        with pytest.raises(DamagedTableError, match=column):
            unpack(pack(table))
    else:
        with pytest.raises(IndexError):
            pack(table)


def group(one: Offer) -> tuple[object, ...]:
    """Everything but region, price and what a plan never reads, said once more."""
    skipped = ("id", "region", "price_usd_per_hour", "as_of", "source", "also_in")
    return tuple(str(getattr(one, field.name)) for field in fields(Offer) if field.name not in skipped)


def by_hand(found: list[Offer], allowed: list[Offer]) -> list[Offer]:
    chosen = []
    for key in {group(one) for one in allowed}:
        alike = [one for one in allowed if group(one) == key]
        best = min(alike, key=lambda one: (one.price_usd_per_hour, one.id))
        most = best.price_usd_per_hour * (1 + 1e-9)
        others = sorted(one.region for one in alike if one.price_usd_per_hour <= most and one.id != best.id)
        chosen.append(replace(best, also_in=tuple(others)))
    places = [one.id for one in found]
    return sorted(chosen, key=lambda one: places.index(one.id))


@given(lists, st.sets(st.sampled_from(["us-east-1", "us-east-10", "eu-1"])), st.sets(st.sampled_from(["eu-1", "any"])))
def test_representatives_are_those_of_a_plain_loop(found: list[Offer], regions: set[str], out: set[str]) -> None:
    table = OfferTable.from_offers(found)
    assert table.representatives() == by_hand(found, found)
    allowed = [one for one in found if one.region in regions and one.region not in out]
    assert table.representatives(regions, out) == by_hand(found, allowed)
    apart = [one for one in found if one.region != "any"]
    east = [one for one in apart if one.region.startswith("us")]
    others = [one for one in apart if one not in east]
    ids = [one.id for one in found]
    expected = sorted(by_hand(found, east) + by_hand(found, others), key=lambda one: ids.index(one.id))
    answer = table.representatives(alike=lambda _, region: -5 if region == "any" else int(region.startswith("us")))
    assert answer == expected


def test_the_first_id_stands_for_equal_prices_and_names_the_others() -> None:
    found = [offer(region=region, price=price) for region, price in (("b", 9.0), ("c", 9.5), ("a-1", 9.0), ("a", 9.0))]
    (one,) = OfferTable.from_offers(found).representatives()
    # as ids are ordered, "aws/p5.48xlarge/a-1/..." comes before "aws/p5.48xlarge/a/..."
    assert (one.region, one.also_in, one.price_usd_per_hour) == ("a-1", ("a", "b"), 9.0)


def test_what_differs_beside_region_and_price_stands_for_itself() -> None:
    found = [
        offer(region="a"),
        offer(region="b", price=20.0, max_nodes=2),
        offer(region="c", price=20.0, lead_time_seconds=None),
        offer(region="d", price=20.0, host_open=True),
        offer(region="e", price=20.0, interruptions_per_node_hour=0.5),
        offer(region="f", price=20.0, pricing="spot"),
        offer(P4D, region="g", price=20.0),
        offer(region="h", price=20.0, as_of=DAY + timedelta(1), source="another"),
    ]
    assert [one.region for one in OfferTable.from_offers(found).representatives()] == list("abcdefg")


def test_ids_that_are_kept() -> None:
    found = [offer(region=region, price=price) for region, price in (("a", 9.0), ("b", 9.5), ("c", 9.5), ("d", 9.9))]
    table = OfferTable.from_offers(found)
    kept = table.representatives(exclude_regions=("d",), keep_ids=[found[1].id, found[3].id, "aws/none/a/on-demand"])
    assert [(one.region, one.also_in) for one in kept] == [("a", ()), ("b", ("c",)), ("d", ())]
    assert [one.region for one in table.representatives(keep_ids=[found[0].id])] == ["a"]


@given(lists, lists, st.booleans())
def test_the_newest_of_two_tables(first: list[Offer], second: list[Offer], dearest: bool) -> None:
    joined = OfferTable.from_offers(first).newest(OfferTable.from_offers(second), dearest=dearest)
    expected: dict[str, Offer] = {one.id: one for one in first}
    for one in second:
        was = expected.get(one.id)
        same_day = was is not None and was.as_of == one.as_of
        if (
            was is None
            or was.as_of < one.as_of
            or (same_day and dearest and one.price_usd_per_hour >= was.price_usd_per_hour)
        ):
            expected[one.id] = one
    assert sorted(joined, key=lambda one: one.id) == sorted(expected.values(), key=lambda one: one.id)
    assert len(joined.representatives()) == len({group(one) for one in expected.values()})


def test_fifty_thousand_offers_are_quick() -> None:
    """About 40 ms here; the limit leaves room for a busy machine."""
    shapes = list(nodes().values())[:100]
    sellers = hardware_catalogue.providers()
    many = [
        Offer(
            f"{node.provider}/{node.name}/r-{region}/{pricing}",
            sellers[node.provider],
            f"r-{region}",
            pricing,
            node,
            10.0 + (region * 7) % 5,
            4,
            DAY,
            f"prices.csv, line {region}",
        )
        for node in shapes
        for pricing in ("on-demand", "spot", "reserved-1y", "reserved-3y", "capacity-block")
        for region in range(100)
    ]
    content = pack(OfferTable.from_offers(many))
    start = time.perf_counter()
    found = unpack(content).representatives()
    seconds = time.perf_counter() - start
    assert (len(many), len(found)) == (50_000, 500)
    assert all(len(one.also_in) == 19 for one in found)  # a fifth of the regions has the lowest price
    assert seconds < 0.6
