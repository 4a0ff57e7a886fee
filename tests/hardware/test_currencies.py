"""Rates of exchange and their provenance."""

from __future__ import annotations

from datetime import date

import pytest

from gpuplan_hardware import CatalogueError
from gpuplan_hardware.currencies import currencies, rate, to_usd


def test_every_rate_says_where_and_when_it_is_from() -> None:
    assert {"CNY", "EUR", "GBP"} <= set(currencies())
    for figure in currencies().values():
        assert figure.source
        assert date(2026, 1, 1) <= figure.as_of <= date(2026, 11, 21)
        assert figure.basis == "assumed"  # half a year old


def test_rates_are_those_of_the_source() -> None:
    # European Central Bank, 2026-05-08: 1.1761 USD, 7.9989 CNY and 0.86410 GBP for a euro
    assert rate("EUR").value == 1.1761
    assert rate("CNY").value == pytest.approx(1.1761 / 7.9989, rel=1e-5)
    assert rate("GBP").value == pytest.approx(1.1761 / 0.86410, rel=1e-5)


def test_amounts_become_usd_and_usd_stays() -> None:
    assert to_usd(100, "USD") == to_usd(100, "usd") == 100
    assert to_usd(64.8179, "cny") == pytest.approx(64.8179 * 0.147033)


def test_an_unknown_currency_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(CatalogueError) as caught:
        to_usd(1, "XAU")
    assert caught.value.field == "currency"
    assert str(caught.value) == "currency is 'XAU'; one of USD, CNY, EUR, GBP was expected."
