"""What providers charge beside the node, and how they sell it: figures in range, derivations worked again."""

import math

import pytest

from gpuplan_hardware import Provider, providers

HOUR, DAY = 3600.0, 86400.0
PROVIDERS = list(providers().values())
OPTIONAL = (
    "capacity_block_seconds",
    "spot_interruptions_per_node_hour",
    "object_storage_usd_per_gb_month",
    "egress_usd_per_gb",
)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_figures_are_sourced_and_in_range(provider: Provider) -> None:
    for field in OPTIONAL:
        value = getattr(provider, field)
        assert (value is None) == (field not in provider.sources), field
        assert value is None or provider.sources[field].value == value
    assert provider.capacity_block_seconds in (None, DAY, 7 * DAY)
    assert 0 <= (provider.egress_usd_per_gb or 0) <= 0.2
    assert 0.01 <= (provider.object_storage_usd_per_gb_month or 0.01) <= 0.1
    # From one in half a year to one in an hour and a quarter; beyond that nothing would ever finish.
    assert 1 / 4380 <= (provider.spot_interruptions_per_node_hour or 0.01) <= 0.8
    step, least = provider.billing_increment_seconds, provider.minimum_billing_seconds
    assert step is None or least is None or least == 0 or least >= step


@pytest.mark.parametrize(
    ("name", "share", "hours"),
    [
        ("gcp", 0.15, 24),  # the upper end of 5-15 % a day
        ("azure", 0.20, 1),  # the lower end of 20+ % in an hour, which has no upper end
    ],
)
def test_spot_rates_follow_from_the_class_that_is_stated(name: str, share: float, hours: float) -> None:
    """A share that is taken back within some hours, at a constant rate r: share = 1 - exp(-r hours)."""
    provider = providers()[name]
    assert provider.spot_interruptions_per_node_hour == pytest.approx(-math.log(1 - share) / hours, rel=2e-3)
    assert provider.sources["spot_interruptions_per_node_hour"].basis == "assumed", "derived, not published"
    assert f"-ln(1 - {share:.2f}) / {hours} h" in provider.sources["spot_interruptions_per_node_hour"].source


def test_where_nobody_says_anything_it_stays_unknown() -> None:
    known = providers()
    silent = {"aws", "coreweave", "lambda", "nebius", "oci", "runpod", "vast", "verda"}
    assert all(known[name].spot_interruptions_per_node_hour is None for name in silent)
    assert known["vast"].egress_usd_per_gb is None, "every host sets its own"
    assert known["nebius"].egress_usd_per_gb is None
    assert known["own"].egress_usd_per_gb is None


def test_known_prices_of_keeping_and_moving() -> None:
    known = providers()
    kept = {name: known[name].object_storage_usd_per_gb_month for name in ("aws", "gcp", "oci", "nebius", "coreweave")}
    moved = {name: known[name].egress_usd_per_gb for name in ("aws", "azure", "gcp", "oci", "coreweave", "lambda")}
    assert kept == {"aws": 0.023, "gcp": 0.02, "oci": 0.0255, "nebius": 0.0147, "coreweave": 0.06}
    assert moved == {"aws": 0.09, "azure": 0.087, "gcp": 0.12, "oci": 0.0085, "coreweave": 0, "lambda": 0}


def test_blocks_are_sold_by_the_day_or_week() -> None:
    blocks = {provider.name: provider.capacity_block_seconds for provider in PROVIDERS}
    assert {name: block for name, block in blocks.items() if block} == {"aws": DAY, "gcp": DAY, "lambda": 7 * DAY}
