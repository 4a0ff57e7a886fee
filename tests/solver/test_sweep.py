"""Sweeps: each point is what `solve` says there, whatever was reused; and what a question may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import gpuplan
from agreement import NEAR, SAME
from gpuplan.job import Job, Limits
from gpuplan.result import Result
from gpuplan.sweeping import frontier as frontier_module
from gpuplan.sweeping.axes import AXES
from gpuplan.sweeping.chain import asked
from gpuplan.sweeping.points import changes
from gpuplan.sweeping.result import SweepPoint, SweepResult
from problems import problem_of

JOB: Mapping[str, Any] = {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "data": "1GB"}
#: What of an answer `solve` has beside that of a point: neighbours and what limits are worth; and what depends on the machine.
BESIDE = {"alternatives", "worth", "solver", "question", "rules", "undecided"}


def _same(point: SweepPoint, result: Result) -> None:
    """A point has the fields of the answer of `solve`."""
    for field in set(Result.model_fields) - BESIDE:
        assert getattr(point, field) == getattr(result, field), field
    mine, theirs = ([rule.model_copy(update={"binding": False}) for rule in one.rules] for one in (point, result))
    assert mine == theirs


VALUES: Mapping[str, list[str]] = {
    "deadline": ["40h", "8h", "3h", "90m", "30m", "5m", "1m"],
    "budget": ["$10", "$16", "$20", "$100", "$1000"],
    "max-gpus": ["1", "2", "8"],
    "max-nodes": ["1", "3"],
    "data": ["100MB", "1GB", "20GB"],
    "tokens": ["50M", "2B"],
    "epochs": ["1", "2.5"],
    "global-batch": ["64", "256"],
    "sequence-length": ["2048", "8192"],
    "price": ["$1.50", "$3"],
}


@pytest.mark.sources
@pytest.mark.slow
@pytest.mark.parametrize("axis", VALUES)
def test_each_point_is_what_solve_says(axis: str) -> None:
    words = {name: value for name, value in JOB.items() if axis not in ("tokens",) or name != "data"}
    words |= {"gpu": "H100-SXM"} if axis == "price" else {}
    found = gpuplan.sweep(words, over=axis, values=VALUES[axis])
    assert found.status == "decided"
    assert [point.at_text for point in found.points] == VALUES[axis]
    for point in found.points:
        result = gpuplan.solve(words | {AXES[axis].field: point.at_text})
        _same(point, result)
        assert point.over == axis and point.at_unit == AXES[axis].unit
        assert (point.reason is None) == (point.plan is not None)


def test_every_axis_is_tried() -> None:
    assert set(VALUES) == set(AXES)


@pytest.mark.sources
@pytest.mark.slow
def test_a_chain_over_random_problems_is_what_single_questions_say() -> None:
    compared = reused = 0
    for seed in range(120):
        problem = problem_of(seed)
        limits, oracle = problem.job.limits, problem.oracle
        if limits.deadline_seconds is None or any(plan.distance < NEAR for plan in oracle.plans):
            continue
        hours = [limits.deadline_seconds * share / 3600 for share in (0.5, 0.8, 1.0, 1.3, 4.0)]
        found = gpuplan.sweep(
            problem.job, over="deadline", values=[f"{value}h" for value in hours], offers=problem.offers
        )
        for point in found.points:
            seconds = (point.at or 0.0) * 3600
            answer = oracle.under(_with_deadline(limits, seconds)).solve()
            if answer.distance < NEAR:
                continue
            compared += 1
            reused += point.proved_at is not None
            assert (point.plan is None) == (answer.value is None), (seed, point.at)
            if point.objective is not None and answer.value is not None:
                assert abs(point.objective - answer.value) <= SAME * answer.value, (seed, point.at)
    assert compared > 60 and reused > 15


def _with_deadline(limits: Limits, seconds: float) -> Limits:
    return replace(limits, deadline_seconds=seconds, timed=True)


def _sweep(**more: Any) -> SweepResult:
    words: dict[str, Any] = {"over": "deadline", "start": "1h", "stop": "20h", "points": 12}
    return gpuplan.sweep(JOB, **words | more)


@cache
def _frontier() -> SweepResult:
    """The whole frontier of the job, which many tests look at."""
    return gpuplan.frontier(JOB)


def test_a_plan_that_keeps_a_tighter_limit_is_proved_there_too() -> None:
    found = _sweep()
    reused = [point for point in found.points if point.proved_at is not None]
    assert found.solver.reused == len(reused) > 3
    assert found.solver.asked + found.solver.reused == found.solver.points == 12
    proofs = {point.at: point for point in found.points if point.proved_at is None}
    for point in reused:
        assert point.plan is not None and point.hours_at_confidence is not None and point.at is not None
        source = proofs[point.proved_at]
        assert source.plan is not None and source.plan.offer == point.plan.offer
        assert point.hours_at_confidence <= point.at < (point.proved_at or 0.0)


def test_the_order_of_the_values_does_not_matter() -> None:
    values = ["20h", "2h", "1m", "6h"]
    first, second = _values(values), _values(values[::-1])
    assert [point.at_text for point in first.points] == values
    assert {p.at_text: p.plan for p in first.points} == {p.at_text: p.plan for p in second.points}


def _values(values: list[str]) -> SweepResult:
    return gpuplan.sweep(JOB, over="deadline", values=values)


def test_evenly_spaced_values_are_rounded_and_have_their_ends() -> None:
    found = _sweep(start="30m", stop="4h", points=4)
    assert [point.at_text for point in found.points] == ["30m", "1.667h", "2.833h", "4h"]
    assert [point.at for point in found.points] == pytest.approx([0.5, 1.667, 2.833, 4.0])
    counts = gpuplan.sweep(JOB, over="max-gpus", start=1, stop=8, points=20)
    assert [point.at for point in counts.points] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_amounts_of_money_are_seen_to_be_ones() -> None:
    found = gpuplan.sweep(JOB, over="budget", values=["500", "$2k", 30])
    assert [point.at_text for point in found.points] == ["$500", "$2k", "$30"]
    assert [point.at for point in found.points] == [500.0, 2000.0, 30.0]


def test_methods_that_are_left_open_are_curves() -> None:
    found = gpuplan.sweep({**JOB, "method": "lora,full"}, over="deadline", values=["5h", "20h"])
    assert [one.label for one in found.series] == ["full", "lora"]
    assert [(p.series, p.method) for p in found.points] == [("full", "full")] * 2 + [("lora", "lora")] * 2


def test_series_have_words_of_their_own() -> None:
    found = gpuplan.sweep(
        JOB,
        over="deadline",
        values=["20h"],
        series=[
            "method=full",
            "spot: pricing=spot; provider=aws",
            {"label": "14B", "model": "deepseek-r1-distill-qwen-14b"},
        ],
    )
    assert [one.label for one in found.series] == ["full", "spot", "14B"]
    full, spot, larger = found.points
    assert full.method == "full" and spot.plan is not None and spot.plan.offer.pricing == "spot"
    assert larger.model == "deepseek-r1-distill-qwen-14b"


def test_what_changes_is_named() -> None:
    found = _frontier()
    first, second = found.points[:2]
    assert first.changes == [] and first.plan is not None and second.plan is not None
    assert second.changes == changes(first.plan, second.plan) != []
    assert any(word.startswith(("GPU:", "nodes:", "GPUs:", "layout:")) for word in second.changes)
    knees = [point for point in found.points if point.knee]
    products = [p.plan.prediction.cost_usd * p.plan.prediction.total_hours for p in found.points if p.plan]
    assert [found.points[products.index(min(products))]] == knees


def test_the_ends_of_a_frontier() -> None:
    whole, part = _frontier(), gpuplan.frontier(JOB, start="30m", stop="3h")
    times = [point.plan.prediction.total_hours for point in whole.points if point.plan]
    assert [p.plan for p in part.points] == [
        p.plan for p in whole.points if p.plan and 0.5 <= p.plan.prediction.total_hours <= 3
    ]
    assert times == sorted(times, reverse=True)
    assert whole.series[0].beyond is not None and "no plan needs less than" in whole.series[0].beyond
    assert part.series[0].beyond is not None and "less than was asked for" in part.series[0].beyond
    assert [p.plan for p in gpuplan.frontier(JOB, ("time", "cost")).points] == [p.plan for p in whole.points]


@pytest.mark.sources
def test_a_deadline_frontier_is_what_solve_says_between_its_points() -> None:
    points = gpuplan.frontier(JOB, ("cost", "deadline")).points
    for point, faster in list(pairwise(points))[::4]:
        assert point.hours_at_confidence is not None and faster.hours_at_confidence is not None
        for hours, expected in ((point.hours_at_confidence, point), (point.hours_at_confidence * (1 - 1e-4), faster)):
            if faster.hours_at_confidence <= hours:
                assert gpuplan.solve({**JOB, "deadline": f"{hours!r}h"}).objective == pytest.approx(expected.objective)


@pytest.mark.parametrize(
    ("start", "stop", "reason"),
    [
        ("10h", "20h", r"between the ends: the best by cost of those that need 20.0 h or less needs 6\.\d h"),
        ("50m", "58m", r"between the ends: .* 58.0 min or less needs 45\.\d min"),
        (None, "5m", r"no plan needs 5.0 min or less; the least is 13\.\d min"),
    ],
)
def test_a_frontier_with_nothing_between_its_ends_is_decided_and_says_what_is_near(
    start: str | None, stop: str, reason: str
) -> None:
    found = gpuplan.frontier(JOB, start=start, stop=stop)
    assert found.status == "decided"
    (point,) = found.points
    assert point.status == "infeasible" and re.search(reason, point.reason or "")


def test_fewer_gpus_take_more_time_which_the_end_of_a_frontier_says() -> None:
    words = {**JOB, "deadline": "1h"}
    found = gpuplan.frontier(words, "cost,gpus")
    beyond = found.series[0].beyond
    said = re.fullmatch(r"no plan needs less than (\d+) GPUs, proved; it takes a deadline of (\S+) h", beyond or "")
    assert said is not None
    fewer = {**words, "max_gpus": int(said[1]) - 1}
    assert gpuplan.solve(fewer).status == "infeasible"
    assert gpuplan.solve({**fewer, "deadline": f"{said[2]}h"}).status == "optimal"


def test_a_reason_names_a_limit_that_is_enough() -> None:
    """What is rounded must not be rounded down."""
    for words, over, value in (({**JOB, "deadline": "45m"}, "max-gpus", "1"), (JOB, "budget", "$5")):
        (point,) = gpuplan.sweep(words, over=over, values=value).points
        said = re.search(r"a (deadline|budget) of (\S+)( h)?$", point.reason or "")
        assert said is not None, point.reason
        fitting = {**words, AXES[over].field: value, said[1]: said[2] + ("h" if said[3] else "")}
        assert gpuplan.solve(fitting).status == "optimal"


@pytest.mark.parametrize("status", ["infeasible", "unknown", "feasible"])
def test_a_frontier_is_decided_only_where_its_end_is(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    """With an end below which the last question is not decided, or only a plan is known."""

    def cut(job: Job, offers: Any, ask: Any) -> Any:
        outcome = asked(job, offers, ask)
        if outcome.plan is None or outcome.plan.wall_seconds() >= 3000:
            return outcome
        cut_short = replace(outcome, status=status)
        return cut_short if status == "feasible" else replace(cut_short, plan=None, value=None)

    monkeypatch.setattr(frontier_module, "asked", cut)
    found = gpuplan.frontier(JOB, start="1h" if status == "feasible" else None)
    assert len(found.points) > 1 and all(point.status == "optimal" for point in found.points)
    assert found.status == ("decided" if status == "infeasible" else "undecided")
    assert found.series[0].decided == (status == "infeasible")


def test_an_amount_of_data_is_varied_in_place_of_the_job_s_own() -> None:
    found = gpuplan.sweep(JOB, over="tokens", values=["2M"])
    assert found.points[0].tokens.tokens == 2e6
    assert found.warnings[0] == "the job's own --data 1GB is not used: --tokens is varied"


def test_an_objective_that_a_question_does_not_use_is_said() -> None:
    words = {**JOB, "minimize": "time"}
    for found in (
        gpuplan.frontier(words, "cost,gpus"),
        gpuplan.break_even(words, "lambda/gpu_1x_gh200/any/on-demand"),
    ):
        assert found.warnings[0].startswith("the job's own --minimize time is not used: ")


def test_text_is_as_good_as_a_list() -> None:
    found = gpuplan.sweep(JOB, over="deadline", values="4h, 8h", series="lora: method=lora")
    assert [point.at_text.strip() for point in found.points] == ["4h", "8h"]
    assert gpuplan.frontier(JOB, "time,gpus", stop="4").frontier == ["time", "gpus"]


def test_another_framework_that_is_better_is_named() -> None:
    found = gpuplan.sweep(JOB, over="deadline", values=["8h", "2h"])
    better = [point.other_framework for point in found.points]
    assert better[0] is not None and better[0].layout.framework == "megatron"
    assert f"at {sum(one is not None for one in better)} of 2 points another framework" in found.warnings[0]
    alone = gpuplan.sweep({**JOB, "framework": "megatron"}, over="deadline", values=["8h", "2h"])
    assert [point.other_framework for point in alone.points] == [None, None]
    assert alone.points[0].plan == better[0]
    assert not any("framework" in text for text in alone.warnings if "another" in text)


def test_that_other_frameworks_are_not_looked_at_is_said() -> None:
    said = "proved with the default frameworks"
    for framework, there in ((None, True), ("megatron", False)):
        words = JOB if framework is None else {**JOB, "framework": framework}
        found = gpuplan.sweep(words, over="budget", values=["$20"], maximize="model")
        assert any(said in text for text in found.warnings) == there


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"over": "dedline"}, "over", "deadline"),
    ({"over": "deadline"}, "from", "is missing"),
    ({"over": "deadline", "start": "1h"}, "to", "is missing"),
    ({"over": "deadline", "start": "1h", "stop": "1h"}, "to", "another end"),
    ({"over": "deadline", "values": ["24"]}, "values", "no unit"),
    ({"over": "deadline", "values": []}, "values", "empty"),
    ({"over": "deadline", "values": ["1h"], "start": "1h"}, "values", "one of the two"),
    ({"over": "budget", "values": ["-3"]}, "values", "above zero"),
    ({"over": "budget", "values": ["nan"]}, "values", "nan"),
    ({"over": "max-gpus", "values": ["1.5"]}, "values", "1.5"),
    ({"over": "sequence-length", "values": ["4096", "99999999"]}, "seq_len", "99999999"),
    ({"over": "price", "values": ["2"]}, "of", "--of WHAT"),
    ({"over": None, "values": ["1h"]}, "over", "none"),
    ({"over": "deadline", "values": ["1h"], "maximize": "gold"}, "maximize", "gold"),
    ({"over": "deadline", "values": ["1h"], "series": ["deadline=2h"]}, "series", "--deadline is what is varied"),
    ({"over": "tokens", "values": ["1M"], "series": ["data=1GB"]}, "series", "--tokens is what is varied"),
    ({"over": "deadline", "values": ["1h"], "series": ["method"]}, "series", "no value"),
    ({"over": "deadline", "values": ["1h"], "series": ["methd=lora"]}, "methd", "method"),
    ({"over": "deadline", "values": ["1h"], "series": ["method=lora", "method=lora"]}, "series", "twice"),
    ({"over": "data", "values": ["1GB"], "maximize": "tokens"}, "maximize", "limit"),
]


@pytest.mark.parametrize(("words", "field", "message"), WRONG)
def test_bad_questions_name_field_value_and_way_out(words: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(gpuplan.InputError) as caught:
        gpuplan.sweep(JOB, **words)
    assert caught.value.field == field
    assert message in str(caught.value)


def test_an_unknown_frontier_names_those_there_are() -> None:
    with pytest.raises(gpuplan.InputError, match="cost,time, cost,deadline"):
        gpuplan.frontier(JOB, ("cost", "memory"))


def test_nothing_is_journaled_twice_and_a_finished_sweep_is_read_back(tmp_path: Path) -> None:
    journal = tmp_path / "points.journal"
    first = _sweep(journal=journal)
    again = _sweep(journal=journal)
    assert again.solver.resumed == 12 and first.solver.resumed == 0
    assert again.points == first.points
    with pytest.raises(gpuplan.InputError, match="another question"):
        _sweep(journal=journal, points=5)
    assert _sweep(journal=journal, points=5, restart=True).solver.resumed == 0


def _journaled_sweep(journal: Path) -> SweepResult:
    return _sweep(journal=journal)


def _journaled_frontier(journal: Path) -> SweepResult:
    return gpuplan.frontier(JOB, journal=journal)


@cache
def _whole(ask: Callable[[Path], SweepResult]) -> tuple[SweepResult, list[bytes]]:
    """The answer of a run that was not cut short, and the lines of its journal."""
    with TemporaryDirectory() as folder:
        journal = Path(folder) / "whole"
        return ask(journal), journal.read_bytes().splitlines(keepends=True)


CUT_SHORT = [
    *((_journaled_sweep, kept) for kept in range(0, 13, 3)),
    *((_journaled_frontier, kept) for kept in range(5)),
]


@pytest.mark.sources
@pytest.mark.parametrize(("ask", "kept"), CUT_SHORT)
def test_what_was_cut_short_gives_the_same_answer(
    tmp_path: Path, ask: Callable[[Path], SweepResult], kept: int
) -> None:
    """Run with the first lines of the journal only, the last of them torn."""
    (whole, lines), journal = _whole(ask), tmp_path / "cut"
    journal.write_bytes(b"".join(lines[: 1 + kept]) + (lines[1 + kept] if 1 + kept < len(lines) else b"")[:40])
    again = ask(journal)
    assert again.solver.resumed == kept
    assert _timeless(again) == _timeless(whole)


def _timeless(result: SweepResult) -> list[SweepPoint]:
    """Points without what depends on the machine."""
    return [p.model_copy(update={"solver": p.solver.model_copy(update={"seconds": {}})}) for p in result.points]


@pytest.mark.slow
def test_processes_give_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpuplan.sweeping.work.ALONE_SECONDS", 0.0)
    words = {**JOB, "method": "lora,full"}
    alone, together = (
        gpuplan.sweep(words, over="sequence-length", values=[1024, 2048, 4096, 8192], processes=count)
        for count in (1, 2)
    )
    assert _timeless(alone) == _timeless(together)


def test_a_table_of_the_points() -> None:
    pytest.importorskip("pandas")
    frame = _sweep().to_dataframe()
    assert len(frame) == 12
    assert {"at", "cost_usd", "total_hours", "gpu", "status"} <= set(frame.columns)
