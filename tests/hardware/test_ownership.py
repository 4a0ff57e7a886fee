"""What a node of one's own costs: every part by hand, and one sum for price lists and for whoever asks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpuplan_hardware import CatalogueError, nodes, offers
from gpuplan_hardware.catalogue import ownership_figures
from gpuplan_hardware.ownership import (
    PARTS,
    RANGES,
    Ownership,
    network_usd,
    owned_price,
    owned_source,
    ownership,
    purchases,
)

#: 10,000 USD and 1,000 of switches, 1 kW x PUE 1.5 x 0.10 USD, over 5 years, half of the time at work.
PLAIN = Ownership(
    purchase_usd=10_000,
    power_watts=1_000,
    network_usd=1_000,
    power_usage_effectiveness=1.5,
    electricity_usd_per_kwh=0.10,
    idle_power_share=0.2,
    colocation_usd_per_kw_month=100,
    maintenance_share=0.1,
    amortisation_years=5,
    used_share=0.5,
    residual_share=0.1,
)
A_YEAR = {
    "purchase": 1_800,  # 10,000 x 0.9 / 5
    "network": 180,  # 1,000 x 0.9 / 5
    "power": 788.4,  # 1 kW x 1.5 x 0.10 x 8,760 h = 1,314, x (0.5 + 0.2 x 0.5)
    "rack": 1_200,  # 100 x 1 kW x 12
    "maintenance": 1_100,  # 0.1 x 11,000
}


def test_a_year_by_hand() -> None:
    assert PLAIN.cost_per_year() == pytest.approx(A_YEAR)
    assert tuple(PLAIN.cost_per_year()) == PARTS


def test_an_hour_of_use_carries_the_idle_ones() -> None:
    assert PLAIN.cost_per_hour() == pytest.approx({part: usd / 4_380 for part, usd in A_YEAR.items()})
    assert owned_price(PLAIN) == pytest.approx(5_068.4 / 4_380)
    # at work all the time: 8,760 hours, and 1,314 of power
    assert sum(PLAIN.cost_per_hour(1.0).values()) == pytest.approx((5_068.4 - 788.4 + 1_314) / 8_760)


def test_all_years() -> None:
    assert PLAIN.cost_in_total() == pytest.approx({part: 5 * usd for part, usd in A_YEAR.items()})


def test_a_rack_takes_the_place_of_colocation() -> None:
    assert replace(PLAIN, rack_usd_per_month=50).cost_per_year()["rack"] == 600
    assert "$50 a month for its rack" in owned_source(replace(PLAIN, rack_usd_per_month=50))


def test_the_sum_in_words_names_every_part() -> None:
    assert owned_source(PLAIN) == (
        "$10,000 and $1,000 of switches and cables over 5 years, 10% of it left at the end, at 50% use; 1 kW, 20% of it while "
        "idle, x PUE 1.5 x $0.1/kWh; colocation at $100 per kW and month; maintenance 10% of the purchase a year; without "
        "interest, taxes and staff beyond the maintenance share"
    )


@given(st.floats(0.05, 50))
def test_renting_and_owning_cost_the_same_at_the_winning_share(rent: float) -> None:
    share = PLAIN.winning_share(rent)
    if share is None:
        assert sum(PLAIN.cost_per_hour(1.0).values()) > rent
    else:
        assert 0 < share <= 1
        assert sum(PLAIN.cost_per_hour(share).values()) == pytest.approx(rent)


def test_no_share_wins_against_a_rent_below_the_electricity() -> None:
    assert PLAIN.winning_share(0.01) is None
    assert PLAIN.winning_share(0) is None


@pytest.mark.parametrize(
    ("count", "usd"),
    # two points of a sheet for 8 x 400 Gbit/s; 16 nodes are 3 of 6 doublings between them: 6,500 + 27,500 / 2
    [(1, 0), (2, 6_500), (16, 20_250), (128, 34_000), (1_000, 34_000)],
)
def test_switches_by_the_size_of_the_cluster(count: int, usd: float) -> None:
    assert network_usd(count, 400e9) == pytest.approx(usd)
    assert network_usd(count, 200e9) == pytest.approx(usd / 2)
    assert network_usd(count, 0) == 0


@pytest.mark.parametrize("name", sorted(RANGES))
def test_a_figure_out_of_its_range_is_refused_by_name(name: str) -> None:
    low, high, _ = RANGES[name]
    for wrong in (low - 1, high + 1, float("nan")):
        with pytest.raises(CatalogueError, match=name) as caught:
            replace(PLAIN, **{name: wrong})
        assert caught.value.field == name


def test_what_is_not_given_is_the_catalogues() -> None:
    figures = ownership_figures()
    found = ownership(100_000, 5_000)
    assert found.network_usd == 0
    assert found.maintenance_share == figures["maintenance_share"].value
    assert {name for name in RANGES if name in figures} == set(RANGES) - {
        "purchase_usd", "power_watts", "network_usd", "rack_usd_per_month"
    }  # fmt: skip
    assert all(figure.source and figure.basis for figure in figures.values())


def test_price_lists_use_the_same_sum() -> None:
    by_node = {(offer.provider.name, offer.node.name): offer for offer in offers() if offer.pricing == "owned"}
    assert set(purchases()) == set(by_node)
    for key, bought in purchases().items():
        offer, node = by_node[key], nodes()[key]
        owned = ownership(
            bought.purchase_usd,
            bought.power_watts,
            nodes=offer.max_nodes,
            network=node.network,
            gpus_per_node=node.gpus_per_node,
        )
        assert offer.price_usd_per_hour == owned_price(owned)
        assert offer.source.endswith(owned_source(owned))
        assert (owned.network_usd > 0) == (offer.max_nodes > 1)
        assert offer.as_of == bought.as_of
