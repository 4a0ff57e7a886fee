"""The head to head: the sheet, the guide's rows, what is kept of the packages, and how verdicts are counted. Nothing is installed."""

import math
from dataclasses import replace

import pytest

from benchmarks.peers import guide, sheet
from benchmarks.peers.answers import KEPT, Answer, read, write
from benchmarks.peers.judge import Ours, Verdict, divided, judge, ours, score
from benchmarks.peers.market import Cluster, market, within
from benchmarks.peers.packages import PACKAGES
from benchmarks.peers.questions import FURTHER, Facts, Question, facts, questions, read_questions, ways
from benchmarks.peers.render import csv_text, headline, markdown

SMALL = Question("small", "grid", "deepseek-r1-distill-qwen-7b", "lora", "1MB", "24h")


@pytest.fixture(scope="module")
def told() -> Facts:
    return facts(SMALL)


@pytest.fixture(scope="module")
def own() -> Ours:
    return ours(SMALL)


def cluster(gpus: int, price: float, memory_gb: float = 80.0, tflops: float = 1000.0, gpu: str = "H100-SXM") -> Cluster:
    return Cluster(gpu, gpus, price, 16, 200.0, int(memory_gb * 1e9), tflops, "somebody", "any")


def test_the_grid_and_thirty_further_questions() -> None:
    asked = questions()
    assert len(asked) == 138
    assert len({question.id for question in asked}) == 138
    further = read_questions(FURTHER)
    assert len(further) == 30
    assert {question.method for question in further} == {"full", "lora", "qlora"}
    assert sum(question.gpu is not None for question in further) >= 5
    assert all(ways(question) for question in further)


def test_a_question_keeps_its_limits_in_every_way_of_asking() -> None:
    question = Question(
        "q", "further", "llama-3.1-8b", "lora", "1GB", "12h", "H100", max_gpus=8, budget=50.0, seq_len=2048, epochs=3
    )
    assert question.spec == {
        "model": "llama-3.1-8b",
        "method": "lora",
        "data": "1GB",
        "deadline": "12h",
        "gpu": ["H100"],
        "max_gpus": 8,
        "budget": 50.0,
        "seq_len": 2048,
        "epochs": 3,
        "alternatives": 0,
    }
    told = facts(question)
    assert told.gpus is not None
    assert "H100-SXM" in told.gpus
    assert (told.deadline_hours, told.epochs, told.sequence_length, told.budget_usd) == (12.0, 3, 2048, 50.0)
    assert told.all_tokens == 3 * told.tokens


def test_a_mixture_is_told_with_its_experts() -> None:
    model = facts(replace(SMALL, model="deepseek-r1")).model
    assert (model.experts, model.intermediate_size, model.hidden_size, model.layers) == (256, 2048, 7168, 61)
    assert model.active_parameters < model.parameters / 10


def test_the_market_is_what_solve_looks_at_by_default(told: Facts) -> None:
    clusters = market()
    assert {"H100-SXM", "B200", "L4"} <= {c.gpu for c in clusters}
    assert "T4" not in {c.gpu for c in clusters}, "no bf16 in hardware"
    assert all(c.vcpus > 0 and c.ram_gb > 0 and c.price_usd_per_hour > 0 for c in clusters)
    few = within(clusters, replace(told, gpus=("L4",), max_gpus=2))
    assert {c.gpu for c in few} == {"L4"}
    assert max(c.gpus for c in few) <= 2


def test_the_sheet_counts_flop_and_bytes(told: Facts) -> None:
    n, tokens = told.model.parameters, told.tokens
    assert sheet.memory_bytes(replace(told, method="full")) == 18 * n
    assert sheet.memory_bytes(told) == pytest.approx(2 * n + 18 * told.model.adapter_parameters)
    assert sheet.memory_bytes(replace(told, method="qlora")) == pytest.approx(
        0.5 * n + 18 * told.model.adapter_parameters
    )
    assert sheet.hours(told, cluster(4, 10.0)) == pytest.approx(4 * n * tokens / (4 * 1e15 * 0.4) / 3600)


def test_the_sheet_takes_the_cheapest_that_holds_and_is_in_time(told: Facts) -> None:
    big = replace(told, tokens=1e8)
    found = sheet.answer(big, [cluster(1, 1.0, memory_gb=10), cluster(1, 2.0), cluster(2, 4.0), cluster(1, 3.0)])
    assert found.gpus == 1
    assert found.usd == pytest.approx(2.0 * sheet.hours(big, cluster(1, 2.0)))
    soon = replace(big, deadline_hours=sheet.hours(big, cluster(2, 4.0)) / (1 - sheet.SLACK))
    assert sheet.answer(soon, [cluster(1, 2.0), cluster(2, 4.0)]).gpus == 2


def test_the_sheet_says_which_limit_leaves_nothing(told: Facts) -> None:
    assert sheet.answer(told, [cluster(1, 1.0, memory_gb=1)]).said.endswith("memory")
    assert sheet.answer(replace(told, deadline_hours=1e-9), [cluster(1, 1.0)]).said.endswith("deadline")
    assert sheet.answer(replace(told, budget_usd=1e-9), [cluster(1, 1.0)]).said.endswith("budget")


def test_the_guide_answers_its_rows_and_nothing_else() -> None:
    table = guide.rows(guide.TABLE.read_text(encoding="utf-8"))
    assert len(table) == 23
    found = guide.answer(replace(SMALL, model="deepseek-r1", data="1GB"), table)
    assert (found.gpu, found.gpus) == (("A100-80GB-PCIe", "A100-80GB-SXM"), 64)
    assert not guide.answer(replace(SMALL, data="5GB"), table).answered
    assert not guide.answer(replace(SMALL, model="deepseek-r1", data="1GB", deadline="12h"), table).answered


def test_answers_survive_their_file() -> None:
    given = [
        Answer("a tool", "q1", ("H100-PCIe", "H100-SXM"), 8, 1.5, 12.25, "zero_3", "1.0", "2026-11-21"),
        Answer("a tool", "q2", said="nothing, it says, fits", version="1.0", asked_on="2026-11-21"),
    ]
    assert read(write(given)) == given


def test_both_packages_have_been_asked_every_question() -> None:
    kept = read(KEPT.read_text(encoding="utf-8"))
    assert {(a.tool, a.question) for a in kept} == {(tool, q.id) for tool in PACKAGES for q in questions()}
    assert {a.tool: a.version for a in kept} == {name: version for name, (version, _) in PACKAGES.items()}
    assert all(a.said for a in kept if not a.answered), "who names no cluster says why"


def test_a_batch_that_the_gpus_divide() -> None:
    assert divided(1024, 48) == 1008
    assert divided(64, 384) == 384


def test_the_judge_agrees_with_gpuplan_and_sees_what_does_not_fit(own: Ours) -> None:
    assert own.plan is not None
    same = judge(SMALL, Answer("gpuplan", SMALL.id, (own.plan.offer.gpu,), own.plan.gpus))
    assert same.feasible
    assert same.usd >= 0.9999 * own.plan.prediction.cost_usd
    full = replace(SMALL, method="full")
    verdict = judge(full, Answer("a tool", full.id, ("L4",), 1))
    assert not verdict.fits
    assert "memory" in verdict.broken
    assert not judge(SMALL, Answer("a tool", SMALL.id, said="no")).feasible


def test_verdicts_are_counted_beside_gpuplans_plans(own: Ours) -> None:
    assert own.plan is not None
    cost, none = own.plan.prediction.cost_usd, replace(own, result=own.result.model_copy(update={"plan": None}))
    named = Answer("a tool", SMALL.id, ("L4",), 1)
    pairs = [
        (own, Verdict(named, feasible=True, feasible_at_point=True, fits=True, hours=1.0, usd=2 * cost)),
        (own, Verdict(named, feasible_at_point=True, fits=True, hours=30.0, usd=cost)),
        (own, Verdict(named, hours=1.0, usd=cost)),
        (own, Verdict(Answer("a tool", SMALL.id))),
        (none, Verdict(named, fits=True, hours=99.0)),
        (none, Verdict(Answer("a tool", SMALL.id))),
    ]
    found = score(pairs)
    assert (found.of, found.answered, found.feasible, found.feasible_at_point) == (4, 3, 1, 2)
    assert (found.misfits, found.late) == (1, 1)
    assert list(found.usd_ratios) == pytest.approx([2.0])
    assert [found.usd, found.our_usd] == pytest.approx([2 * cost, cost])


def test_the_report_names_the_plan_that_cannot_work(own: Ours) -> None:
    none = replace(own, result=own.result.model_copy(update={"plan": None, "status": "infeasible"}))
    named = Answer("ftuneai", SMALL.id, ("L4",), 1, 3.0, 1.0)
    verdicts = [Verdict(named, fits=True, hours=99.0, usd=5.0, broken="time to the deadline")]
    said = markdown({SMALL.id: none}, verdicts)
    assert "ftuneai names 1 x L4 (3.0 h by its own estimate)" in said
    assert "breaks: time to the deadline" in said
    assert "1 have none" in headline({SMALL.id: none}, verdicts)


def test_a_plan_cheaper_than_the_proof_would_be_said(own: Ours) -> None:
    assert own.plan is not None
    verdict = Verdict(
        Answer("ftuneai", SMALL.id, ("L4",), 1), feasible=True, hours=1.0, usd=0.5 * own.plan.prediction.cost_usd
    )
    said = headline({SMALL.id: own}, [verdict])
    assert "1 plans that hold are cheaper" in said
    assert "0 plans that hold are cheaper" in headline({SMALL.id: own}, [replace(verdict, another_batch=True)])
    assert (
        len(csv_text({SMALL.id: own}, [verdict, Verdict(Answer("ftuneai", SMALL.id), usd=math.nan)]).splitlines()) == 3
    )
