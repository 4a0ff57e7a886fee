"""The guide's sum for a server of its own, reproduced and corrected."""

from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks.ownership import cases
from benchmarks.ownership.render import headline, markdown


def test_the_guides_sum_is_reproduced() -> None:
    said = cases.guide()
    # 8 kW x 8,760 h x $0.12; the guide prints 8,409 and, with $120,000, 162,045
    assert cases.power_usd_per_year(said) == pytest.approx(8_409.60)
    assert cases.usd_in_total(said) == pytest.approx(162_048)
    assert cases.power_usd_per_year(said) == pytest.approx(cases.GUIDE_USD_PER_YEAR_OF_POWER, abs=1)
    assert cases.usd_in_total(said) == pytest.approx(cases.GUIDE_USD_IN_5_YEARS, abs=5)
    assert cases.price(said, 1) == pytest.approx(162_048 / 43_800)


def test_each_step_changes_the_sum_as_it_says() -> None:
    totals = [cases.usd_in_total(step.owned) for step in cases.steps()]
    assert totals[1] - totals[0] == pytest.approx(60_000)  # 10 % of 120,000 in 5 years
    assert totals[2] - totals[1] == pytest.approx((6.5 * 1.54 - 8) * 8_760 * 0.12 * 5)
    assert totals[3] - totals[2] == pytest.approx(184.06 * 6.5 * 60)
    assert totals[4] - totals[3] == pytest.approx((148_390 - 120_000) * 1.5)  # and its maintenance
    assert all(later > earlier for earlier, later in pairwise(totals[:5]))


def test_a_dearer_rent_is_broken_even_sooner() -> None:
    found = cases.against(cases.a100(), cases.A100_GPUS)
    assert {"p4d.24xlarge", "p4de.24xlarge"} <= {one.offer.node.name for one in found}
    for earlier, later in pairwise(found):
        assert (later.winning_share or 1) <= (earlier.winning_share or 1)
        for hours in cases.STREAMS:
            assert (later.break_even[hours] or 99) <= (earlier.break_even[hours] or 99)


def test_what_is_written() -> None:
    text = markdown()
    assert headline(cases.steps(), cases.against(cases.a100(), cases.A100_GPUS)) in text
    for words in ("$8,409 | $8,409.60", "$162,045 | $162,048", "not counted", "ownership.png"):
        assert words in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)
