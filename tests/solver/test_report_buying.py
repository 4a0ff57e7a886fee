"""How to order a plan, in the text: quotas, how soon, commitments, checkpoints, the second currency, offers that stand for others."""

from __future__ import annotations

from typing import Any

import pytest

from gpuplan.report.buying import quota_words
from gpuplan.report.tables import relaxation_cells
from gpuplan.result import CurrencyAnswer, PlanAnswer, Result
from gpuplan.solve import solve
from report_samples import answer, buying, commitment, failed, line_with, plan, quota, rule, text, unwrapped

CNY = CurrencyAnswer(code="CNY", per_usd=6.8, source="a bank", as_of="2026-05-08", cost=945.2)


def offered(**changes: Any) -> PlanAnswer:
    """The sample plan with changes of its offer."""
    return plan().model_copy(update={"offer": plan().offer.model_copy(update=changes)})


def ordered(offer: dict[str, Any] | None = None, **changes: Any) -> Result:
    """A plan with what its buyer must know."""
    return answer(plan=offered(**(offer or {})), buying=buying(**changes))


def test_what_to_ask_for_stands_after_the_cluster() -> None:
    printed = text(ordered())
    assert printed.index("\nCluster") < printed.index("\nTo order") < printed.index("\nLayout")
    assert (
        "ask for 8 GPUs of a region (Q-1) in eu-north1; new accounts have 0; ask at "
        "https://example.org/quotas" in unwrapped(ordered())
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": 1}, "1 GPU of a region (Q-1) in eu-north1; new accounts have 0; ask at https://example.org/quotas"),
        ({"name": "gpu.h100", "code": "gpu.h100"},
         "8 GPUs of gpu.h100 in eu-north1; new accounts have 0; ask at https://example.org/quotas"),
        ({"name": "GPUS_ALL_REGIONS", "how": None}, "8 GPUs of GPUS_ALL_REGIONS (Q-1) in eu-north1; new accounts have 0"),
        ({"name": "Instances in EC2 Capacity Blocks", "unit": "instances", "amount": 2, "how": None, "code": None},
         "2 instances in EC2 Capacity Blocks in eu-north1; new accounts have 0"),
        ({"amount": 1536, "unit": "vCPUs", "code": None, "default_amount": None, "how": None, "note": "Ask them."},
         "1,536 vCPUs, GPUs of a region: ask them"),
        ({"amount": None, "how": None, "note": "The vCPUs are unknown."},
         "an unknown number of GPUs of a region (Q-1) in eu-north1; new accounts have 0; The vCPUs are unknown"),
    ],
)  # fmt: skip
def test_quotas_in_words(changes: dict[str, Any], words: str) -> None:
    assert quota_words(quota(**changes)).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        ({}, "how soon self-service, within minutes where there is capacity"),
        ({"lead_time": "queue", "lead_time_hours": 48.0}, "how soon by waiting list or reservation; 2 days, counted"),
        (
            {"lead_time": "contract", "lead_time_hours": None},
            "by contract, from people; how long that takes is not stated",
        ),
        ({"pricing": "owned"}, "how soon at once: the machines are yours"),
        (
            {"pricing": "owned", "purchase_usd_per_node": 2e5},
            "how soon at once where the machines are there; buying them",
        ),
        ({"pricing": "owned", "purchase_usd_per_node": 2e5}, "to buy $200,000 a node, if it is not there yet"),
        ({"pricing": "owned"}, "share of owning the nodes $139"),
        (
            {"lead_time_hours": None},
            "does it in 2.8 h [2.4-3.3 h] once the nodes are granted (how soon, nobody states) for $139",
        ),
        ({"lead_time_hours": None}, "Time 2.8 h [2.4-3.3 h] and the lead time"),
        ({"lead_time_hours": None}, "2.8 h+ $139 best"),
        (
            {"lead_time_hours": None},
            "+ the time once the nodes are granted; how long that takes from the order, nobody",
        ),
        ({"also_in": ["eu-west1"]}, "also in eu-west1, at the same price"),
        ({"also_in": list("abcdef")}, "also in a, b, c, d and 2 more regions, at the same price"),
        ({"pricing": "spot"}, "8 x H100-SXM (1 x nebius gpu-8 in eu-north1, spot) does it in"),
    ],
)
def test_how_soon_and_where(offer: dict[str, Any], words: str) -> None:
    assert words in unwrapped(ordered(offer)).replace("2.0 days", "2 days")


@pytest.mark.parametrize(
    ("one", "row"),
    [
        (commitment(region="eu-west1"), "reserved, 1 year in eu-west1 $14.16"),
        (commitment(), "reserved, 1 year $14.16 $124,042 60% use 0.03%"),
        (commitment(pricing="reserved-3y", term_hours=26_280.0, chosen=True, wins_from_utilisation=None),
         "reserved, 3 years (chosen) $14.16 $124,042 no price to compare 0.03%"),
        (commitment(pricing="capacity-block", term_hours=24.0, wins_from_utilisation=1.2, used_share=0.11),
         "capacity block, 1 day $14.16 $124,042 never 11%"),
    ],
)  # fmt: skip
def test_commitments(one: Any, row: str) -> None:
    assert row in unwrapped(ordered(commitments=[one]))


def test_checkpoints_and_taking_the_result_out() -> None:
    assert line_with(ordered(), "checkpoints") == "checkpoints every 1 h, 560 MB each; the result of a trial has 80 MB"
    assert "taking it out" not in text(ordered())
    dear = ordered(egress_result_usd=3.0, egress_price_known=False)
    assert (
        "taking it out $3.00 for all results over the internet, at the dearest price known, as nobody states it; not in the cost"
        in unwrapped(dear)
    )
    prediction = plan().prediction.model_copy(update={"cost_parts_usd": {"nodes": 136.0, "egress": 3.0}})
    counted = dear.model_copy(update={"plan": plan().model_copy(update={"prediction": prediction})})
    assert "taking it out" not in text(counted)


def test_there_is_nothing_to_order_where_the_job_does_not_fit() -> None:
    late = rule("deadline", "time to the deadline", 360_000.0, 86_400.0, "seconds")
    assert "To order" not in text(failed(late, fits=True, finishes=False, buying=buying()))
    assert "To order" not in text(answer())


def test_the_second_currency_stands_beside_the_cost() -> None:
    printed = unwrapped(answer(currency=CNY))
    assert "for $139 [$118-$163], CNY 945 at 6.80 per USD of 2026-05-08; proved cheapest." in printed
    assert "Cost $139 [$118-$163], CNY 945" in printed
    mine = CNY.model_copy(update={"per_usd": 0.0071, "as_of": None})
    assert "CNY 0.99 at 0.0071 per USD, your rate; proved" in unwrapped(answer(currency=mine))
    checked = answer(question="check", fits=True, finishes=True, alternatives=[], currency=CNY)
    assert "CNY 945 at 6.80 per USD of 2026-05-08." in unwrapped(checked)


def test_offers_that_stand_for_dearer_regions_are_counted() -> None:
    solver = answer().solver.model_copy(update={"offers": 1_912, "offers_listed": 50_000})
    printed = unwrapped(answer(solver=solver))
    assert "searched 50,000 offers listed, 1,912 after leaving out the same node in dearer regions; 44 kinds" in printed
    assert "searched 103 offers; 44 kinds" in unwrapped(answer())


def test_times_from_the_order_have_no_mark() -> None:
    printed = unwrapped(ordered())
    assert "granted" not in printed and " h+" not in printed and "lead time" not in printed


def test_what_the_choice_was_restricted_to_stands_with_the_job() -> None:
    limits = answer().limits.model_copy(update={"selection": ["residency eu", "provider aws"], "budget_usd": 500.0})
    printed = unwrapped(answer(limits=limits))
    assert "limits done within 24 h from the order; at most $500 asked for only residency eu; provider aws" in printed
    assert "asked for only" not in unwrapped(answer())


def test_how_the_bill_of_several_trials_comes_about() -> None:
    # 3 trials on each of 2 clusters: a trial has 1 h, stretched by 20 %; each cluster is set up in 0.4 h.
    # Used are 2 x 0.4 + 6 x 1.2 = 8.0 h of a cluster for $160, of which the contingency has 6 x 0.2 = 1.2 h: $24.
    parts = {"provisioning": 0.3, "download_weights": 0.1, "training": 3.0, "contingency": 0.6}
    cost = {"nodes": 150.0, "network_volume": 10.0, "minimum_billing": 32.0, "egress": 8.0}
    prediction = plan().prediction.model_copy(
        update={"time_parts_hours": parts, "cost_parts_usd": cost, "cost_usd": 200.0}
    )
    plan_ = plan().model_copy(update={"prediction": prediction})
    assert (
        "the bill 6 trials on 2 clusters at once, 3 trials on each; each cluster is paid for its own setting up and goes back "
        "after its last trial; the contingency makes every trial 20% longer, not the setting up: 36.0 min and $24.00, 12% of "
        "the expected cost"
    ) in unwrapped(answer(plan=plan_, trials=6, parallel=2))
    plain = answer(trials=3)
    assert "the bill 3 trials, one after the other on one cluster, which is set up once in a node" in unwrapped(plain)
    assert "up to 2 trials on each" in unwrapped(answer(trials=3, parallel=2))
    assert "the bill" not in unwrapped(answer())


def test_a_relaxed_quota_says_which_one_it_is() -> None:
    words = {"model": "deepseek-r1", "method": "lora", "data": "10MB", "gpu": ["H200-SXM"], "quota": ["H200-SXM=8"]}
    answer = solve(words)
    change = next(one for one in answer.relaxations if one.limit == "quota")
    assert change.which == "H200-SXM"
    assert relaxation_cells(change)[0] == "quota H200-SXM"
