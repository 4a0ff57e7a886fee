"""The text of a sweep: what the first sentence says, the tables, and that every line fits."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from gpuplan.report.spans import Grid, Row
from gpuplan.report.sweep import render
from gpuplan.result import PlanAnswer
from gpuplan.sweeping.result import SweepResult
from report_samples import plan
from sweep_answers import at, break_even_answer, frontier, point, series, swept


def text(result: SweepResult, width: int = 100) -> str:
    """What is printed into a pipe of that width."""
    file = io.StringIO()
    render(result, Console(file=file, width=width))
    return file.getvalue()


def folded(result: SweepResult) -> str:
    return " ".join(text(result).split())


def line(result: SweepResult, word: str) -> str:
    """The first line with a word, its spaces folded."""
    return next(one for one in (" ".join(row.split()) for row in text(result).splitlines()) if word in one)


def lines_of(result: SweepResult, title: str) -> list[str]:
    """Lines of the section with that title."""
    found = text(result).split("\n\n")
    return next(part.splitlines()[1:] for part in found if part.splitlines()[0].startswith(title))


NONE: dict[str, Any] = {"plan": None, "status": "infeasible", "reason": "no plan; it takes deadline 2.1 h"}
OPEN: dict[str, Any] = {"plan": None, "status": "unknown", "reason": "not decided within the time limit"}


def larger() -> PlanAnswer:
    """Two nodes."""
    found = plan("H200-SXM", 1.2, 278.0)
    layout = found.layout.model_copy(update={"gpus_used": 16, "data_parallel": 8})
    return found.model_copy(update={"nodes": 2, "gpus": 16, "layout": layout})


def curve() -> SweepResult:
    points = [
        at("10.0 h", "A100-80GB-SXM", 10.0, 99.0),
        at("2.8 h", "H100-SXM", 2.8, 139.0, knee=True, changes=["GPU: A100-80GB-SXM -> H100-SXM", "node: a -> b"]),
        at("1.5 h", "B200", 1.5, 400.0, changes=["GPU: H100-SXM -> B200", "provider: nebius -> aws", "region: x -> y"]),
    ]
    beyond = "no plan needs less than 1.5 h, proved; the last one uses up: nodes"
    return frontier(points, [series(beyond=beyond)])


def test_a_frontier_begins_with_its_ends_and_its_knee() -> None:
    assert folded(curve()).startswith(
        "3 plans that no other beats in both cost and time, each proved: cheapest $99.00 in 10.0 h (8 x A100-80GB-SXM, "
        "1 x nebius); knee $139 in 2.8 h (8 x H100-SXM, 1 x nebius); fastest $400 in 1.5 h (8 x B200, 1 x nebius)."
    )


def test_a_frontier_is_a_row_a_point() -> None:
    title, rule, *rows = lines_of(curve(), "Cost against time")
    assert title.split() == ["cost", "time", "90%", "sure", "GPUs", "nodes", "from", "layout", "changes"]
    assert set(rule.strip()) == {"-"}
    assert [" ".join(row.split()) for row in rows] == [
        "$99.00 10.0 h 12.0 h 8 x A100-80GB-SXM 1 x nebius TP2 DP4",
        "$139 2.8 h 3.4 h 8 x H100-SXM 1 x nebius TP2 DP4 knee; GPU",
        "$400 1.5 h 1.8 h 8 x B200 1 x nebius TP2 DP4 GPU, provider",
        "Knee: the least product of both; beyond it 1% less of one costs more than 1% of the other.",
        "90% sure: the time that the plan keeps with 90% confidence.",
        "Beyond the last: no plan needs less than 1.5 h, proved; the last one uses up: nodes.",
    ]


def test_a_frontier_of_deadlines_names_the_deadlines() -> None:
    result = curve().model_copy(update={"frontier": ["cost", "deadline"]})
    assert "cheapest $99.00 within 12.0 h (" in folded(result)
    assert "soonest $400 within 1.8 h (" in folded(result)


def test_a_frontier_of_one_plan_and_of_none() -> None:
    one = frontier([at("2.8 h", "H100-SXM", 2.8, 139.0)])
    assert folded(one).startswith(
        "One plan is best in both cost and time, proved: $139 in 2.8 h (8 x H100-SXM, 1 x nebius)."
    )
    none = frontier([point("", None, **NONE)])
    assert folded(none).startswith("No plan; it takes deadline 2.1 h; proved.")
    assert "Cost against time" not in text(none)


def sweep() -> SweepResult:
    points = [
        point("1h", 1.0, **NONE),
        point("12h", 12.0, plan=larger(), changes=["GPUs: 8 -> 16", "nodes: 1 -> 2", "layout: a -> b"]),
        point("24h", 24.0),
        point("2d", 48.0, proved_at=24.0),
    ]
    solver = swept(points).solver.model_copy(update={"asked": 3, "reused": 1, "resumed": 2, "processes": 2})
    return swept(points, solver=solver)


def test_a_sweep_counts_its_points_and_names_its_ends() -> None:
    assert folded(sweep()).startswith(
        "Deadline from 1h to 2d, 4 points: 3 of them with a plan, proved the cheapest, 1 proved to have no plan: "
        "$278 at 12h, $139 at 2d."
    )


def test_points_without_a_plan_have_their_reason_and_the_same_plan_is_not_written_again() -> None:
    assert [" ".join(row.split()) for row in lines_of(sweep(), "By deadline")[2:6]] == [
        "1h no plan; it takes deadline 2.1 h",
        "12h $278 1.2 h 3.3 h 16 x H200-SXM 2 x nebius TP2 DP8 count",
        "24h $139 2.8 h 3.3 h 8 x H100-SXM 1 x nebius TP2 DP4",
        "2d $139 2.8 h 3.3 h same plan",
    ]


def test_the_proof_says_how_many_points_have_one_of_their_own() -> None:
    proof = " ".join(" ".join(lines_of(sweep(), "Proof")).split())
    assert proof == (
        "decided 4 points: 3 by a proof of their own, 1 by that of a looser limit; 2 taken over "
        "from a run that was stopped took 1.00 s in 2 processes versions gpuplan 0.1.0"
    )


def test_the_limit_that_is_varied_is_not_one_of_the_job() -> None:
    assert "limits" not in text(sweep())
    kept = [point("1GB", 24.0), point("2GB", 24.0)]
    assert line(swept(kept), "limits ") == "limits done within 24 h from the order"
    several = answer_with_tokens()
    assert "  tokens " not in text(several)


def answer_with_tokens() -> SweepResult:
    """A sweep over the data."""
    first = point("1GB", 24.0)
    twice = first.tokens.model_copy(update={"tokens": 500e6, "sequences": 122072})
    return swept([first, first.model_copy(update={"tokens": twice})])


def test_what_is_not_proved_is_said() -> None:
    solver = point("1h", 1.0).solver.model_copy(update={"gap": 0.031})
    points = [point("1h", 1.0, status="feasible", solver=solver), point("2h", 2.0, **OPEN)]
    result = swept(points, [series(decided=False)], status="undecided")
    assert folded(result).startswith(
        "Deadline from 1h to 2h, 2 points: 1 of them with a plan, 1 of these not proved, 1 not decided: $139 at 1h."
    )
    assert line(result, "not proved, at").endswith("TP2 DP4 not proved, at most 3.1% off")
    assert line(result, "2h not") == "2h not decided within the time limit"


def test_undecided_points_have_no_proof() -> None:
    solver = sweep().solver.model_copy(update={"points": 2, "asked": 1, "reused": 0})
    proof = " ".join(" ".join(lines_of(swept([point("1h", 1.0)], solver=solver), "Proof")).split())
    assert proof.startswith("decided 1 of 2 points: 1 by a proof of their own")


def test_a_single_point_is_no_range() -> None:
    assert folded(swept([point("1h", 1.0)])).startswith("Deadline 1h: a plan, proved the cheapest: $139 at 1h.")
    same = folded(swept([point("1h", 1.0), point("2h", 2.0)]))
    assert same.startswith(
        "Deadline from 1h to 2h, 2 points: each with a plan, proved the cheapest: $139 at 1h and at 2h."
    )


def test_a_frontier_whose_end_is_open_does_not_say_what_is_fastest() -> None:
    result = frontier(curve().points, [series(decided=False)], status="undecided")
    assert "what comes after the last is not decided" in folded(result)
    assert "fastest" not in folded(result)


def test_a_warning_of_some_points_says_of_how_many() -> None:
    points = [point("1h", 1.0, warnings=["old price"]), point("2h", 2.0), point("3h", 3.0, **NONE)]
    result = swept(points, warnings=["of all"])
    assert "Warning: of all. Warning at 1 of 2 points: old price." in folded(result)


def test_no_point_has_a_plan() -> None:
    result = swept([point("1h", 1.0, **NONE), point("2h", 2.0, **NONE)])
    assert folded(result).startswith("Deadline from 1h to 2h, 2 points: no point has a plan, proved.")
    assert line(result, "1h no") == "1h no plan; it takes deadline 2.1 h"


def test_marks_are_explained_below() -> None:
    rough = plan(measured=False)
    offer = rough.offer.model_copy(update={"lead_time_hours": None})
    result = swept([point("12h", 12.0, plan=rough.model_copy(update={"offer": offer}))])
    assert line(result, "H100-SXM *") == "12h $139 2.8 h+ 3.3 h 8 x H100-SXM * 1 x nebius TP2 DP4"
    assert "* extrapolated: too few" in text(result)
    assert "+ the time once the nodes are granted" in text(result)


def test_what_a_budget_buys() -> None:
    less = point("$50", 50.0)
    tokens = less.tokens.model_copy(update={"tokens": 1e9, "epochs": 2.0})
    budgets = {"field": "budget", "unit": "USD", "values": [50.0, 500.0], "texts": ["$50", "$500"]}
    result = swept([less, point("$500", 500.0, tokens=tokens)], maximize="tokens", swept=budgets)
    assert folded(result).startswith(
        "Budget from $50 to $500, 2 points: each with a plan, proved the most data: 250 M tokens at $50, 2 B tokens at $500."
    )
    rows = [" ".join(row.split()) for row in lines_of(result, "By budget")]
    assert (rows[0], rows[3]) == (
        "budget tokens cost time 90% sure GPUs nodes from layout",
        "$500 2 B $139 2.8 h $163 same plan",
    )
    assert "90% sure: the cost that" in text(result)


def test_the_largest_model_at_each_budget() -> None:
    points = [point("$50", 50.0, model="qwen-7b"), point("$500", 500.0, model="qwen-32b", changes=["GPU: a -> b"])]
    points[0] = points[0].model_copy(update={"reason": "qwen-32b is larger; no plan; it takes a budget of $60"})
    result = swept(points, maximize="model")
    assert "At $50: qwen-32b is larger; no plan; it takes a budget of $60." in folded(result)
    assert line(result, "$500 qwen").endswith("same plan")
    assert "proved the largest model: qwen-7b at $50, qwen-32b at $500." in folded(result)


def test_curves_side_by_side() -> None:
    points = [
        *(point(name, hours, series="lora") for name, hours in (("12h", 12.0), ("24h", 24.0))),
        point("12h", 12.0, series="full", **NONE),
        point("24h", 24.0, series="full", plan=plan("B200", 2.0, 130.0)),
    ]
    result = swept(points, [series("lora"), series("full", method="full")])
    assert folded(result).startswith("2 curves, 2 of them with plans; every point proved.")
    assert [" ".join(row.split()) for row in lines_of(result, "Side by side")] == [
        "deadline lora full cheapest",
        "-" * 48,
        "12h $139 in 2.8 h no plan lora",
        "24h $139 in 2.8 h $130 in 2.0 h full",
    ]
    assert lines_of(result, "full  qwen-7b, full fine-tuning in bf16")[0].strip().startswith("Deadline from 12h to 24h")


def test_curves_that_are_as_good_are_both_named() -> None:
    points = [point("12h", 12.0, series=name) for name in ("list", "less")]
    result = swept(points, [series("list"), series("less")])
    assert " ".join(lines_of(result, "Side by side")[2].split()).endswith("list, less")


def test_an_offer_without_a_rival_wins_at_any_price() -> None:
    lone = {"break_even_usd_per_gpu_hour": None, "change": None, "plan": None, "wins_now": True}
    first, second = break_even_answer().break_even
    result = break_even_answer(break_even=[first.model_copy(update=lone), second], rival=None)
    assert folded(result).startswith("No break-even price: only plans on it keep the limits; proved.")
    rows = [" ".join(row.split()) for row in lines_of(result, "Break-even prices")]
    assert rows[2] == "8 x H200-SXM $3.50 keeps the limits; without it nothing does"
    assert rows[4] == "8 x H200-SXM $3.50 no plan at its price"


def test_break_even_prices_that_time_was_too_short_for() -> None:
    none = [one.model_copy(update={"proved": False}) for one in break_even_answer().break_even[1:]]
    result = break_even_answer(break_even=none, rival=None, status="undecided")
    assert folded(result).startswith("No break-even price was found in time.")


def test_frontiers_side_by_side() -> None:
    first = [one.model_copy(update={"series": "lora"}) for one in curve().points]
    result = frontier(first, [series("lora"), series("full")])
    rows = [" ".join(row.split()) for row in lines_of(result, "Side by side")]
    assert rows[0] == "curve cheapest knee fastest plans"
    assert rows[2].startswith("lora $99.00 in 10.0 h,")
    assert rows[-1] == "full no plan"


def test_a_break_even_price() -> None:
    result = break_even_answer()
    assert folded(result).startswith(
        "8 x H200-SXM of nebius wins below $2.50 per GPU-hour, 29% less than its $3.50, proved; the best without it is "
        "8 x H100-SXM, 1 x nebius, $139 in 2.8 h."
    )
    rows = [" ".join(row.split()) for row in lines_of(result, "Break-even prices")]
    assert rows[2:6] == [
        "8 x H200-SXM $3.50 $2.50 -29% 2.5 h 8 x H200-SXM TP2 DP4",
        "nebius/gpu-8/eu-north1/on-demand",
        "8 x H200-SXM $3.50 no plan keeps the limits, at any price",
        "aws/p5e/us-east-1/on-demand",
    ]
    assert "offer nebius/gpu-8/eu-north1/on-demand" in " ".join(" ".join(lines_of(result, "Held against")).split())


def test_an_offer_that_wins_now() -> None:
    first = break_even_answer().break_even[0]
    wins = first.model_copy(update={"break_even_usd_per_gpu_hour": 4.2, "change": 0.2, "wins_now": True})
    result = break_even_answer(break_even=[wins])
    assert folded(result).startswith(
        "8 x H200-SXM of nebius wins at its price of $3.50 per GPU-hour, and up to $4.20, proved;"
    )
    assert "$4.20 +20% wins now" in line(result, "+20%")


def test_an_offer_that_nobody_sells() -> None:
    first = break_even_answer().break_even[0]
    unsold = first.model_copy(update={"listed_usd_per_gpu_hour": None, "change": None})
    result = break_even_answer(break_even=[unsold])
    assert "wins below $2.50 per GPU-hour, which nobody lists, proved" in folded(result)
    assert line(result, "not sold").startswith("8 x H200-SXM not sold $2.50 2.5 h")


def test_no_break_even_price() -> None:
    none = break_even_answer().break_even[1:]
    assert folded(break_even_answer(break_even=none)).startswith(
        "No break-even price: no plan on it keeps the limits; proved."
    )
    alone = break_even_answer(break_even=none, rival=None)
    assert folded(alone).startswith("No break-even price: without it there is no plan to hold it against; proved.")


def test_warnings_come_before_the_job() -> None:
    printed = folded(swept([point("12h", 12.0)], warnings=["the price of x is 476 days old"]))
    assert printed.index("Warning: the price of x is 476 days old.") < printed.index(" Job ")


@pytest.mark.parametrize("width", [100, 80, 60, 40])
@pytest.mark.parametrize("make", [curve, sweep, break_even_answer, answer_with_tokens])
def test_lines_fit(make: Any, width: int) -> None:
    printed = text(make(), width)
    assert max(len(one) for one in printed.splitlines()) <= width
    assert all(one == one.rstrip() for one in printed.splitlines())
    assert printed.isascii()


def grid(table: Grid, width: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width).print(table)
    return [one.rstrip() for one in file.getvalue().splitlines()]


def test_columns_without_text_are_left_out_and_sentences_go_as_far_as_the_page() -> None:
    rows = [Row(("1", "", "one two")), Row(("22",), sentence="a sentence that is longer than the table")]
    assert grid(Grid([">no", "empty", "words"], rows), 26) == [
        "no  words",
        "-----------",
        " 1  one two",
        "22  a sentence that is",
        "    longer than the table",
    ]


def test_the_widest_column_gives_way_between_words() -> None:
    rows = [Row(("one two three four", "five six")), Row(("one", "five"))]
    assert grid(Grid(["first", "second"], rows), 20) == [
        "first       second",
        "--------------------",
        "one two     five six",
        "three four",
        "one         five",
    ]
