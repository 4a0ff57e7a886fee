"""Several methods and precisions: each answered and proved as if it were asked for alone, and none chosen."""

from __future__ import annotations

from typing import Any

import pytest

import gpuplan

JOB: dict[str, Any] = {
    "model": "deepseek-r1-distill-qwen-1.5b",
    "data": "10MB",
    "gpu": "L4,H100-SXM",
    "alternatives": 0,
}


def test_each_choice_is_answered_as_if_it_were_alone() -> None:
    result = gpuplan.solve({**JOB, "method": "any", "precision": "bf16,fp8"})
    assert (result.status, result.plan, result.objective) == ("optimal", None, None)
    kinds = [(choice.method, choice.precision) for choice in result.choices]
    assert kinds == [("full", "bf16"), ("full", "fp8"), ("lora", "bf16"), ("lora", "fp8"), ("qlora", "bf16")]
    for choice in result.choices:
        alone = gpuplan.solve({**JOB, "method": choice.method, "precision": choice.precision})
        assert choice.status == alone.status == "optimal"
        assert choice.plan == alone.plan
        assert choice.choice is not None and choice.choice.quality
    assert gpuplan.Result.model_validate_json(result.model_dump_json()) == result


def test_savings_are_against_the_dearest_plan_that_rounds_nothing() -> None:
    result = gpuplan.solve({**JOB, "method": "any"})
    costs = {choice.method: choice.objective for choice in result.choices}
    dearest = max(("full", "lora"), key=lambda method: costs[method] or 0.0)
    for choice in result.choices:
        assert choice.choice is not None
        if choice.method == dearest:
            assert choice.choice.against is None
        else:
            assert choice.choice.against == f"{dearest} in bf16"
            assert choice.choice.saves_usd == pytest.approx((costs[dearest] or 0.0) - (choice.objective or 0.0))


def test_each_choice_that_cannot_be_is_explained() -> None:
    result = gpuplan.solve({**JOB, "method": "full,lora", "budget": "0.0001"})
    assert result.status == "infeasible"
    for choice in result.choices:
        assert choice.conflict == ["budget"]
        assert [change.limit for change in choice.relaxations] == ["budget"]


def test_one_choice_is_a_plain_answer() -> None:
    result = gpuplan.solve({**JOB, "method": ["lora"], "precision": "bf16"})
    assert (result.choices, result.choice) == ([], None)
    assert result.plan is not None


def test_check_takes_one_method_and_precision() -> None:
    with pytest.raises(gpuplan.InputError, match="method: is missing; give --method"):
        gpuplan.check({**JOB, "gpu": "L4", "gpus": 1})
