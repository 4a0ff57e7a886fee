"""Searches that are cut short give the best so far, and say that another run may find another plan."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

import gpuplan
from gpuplan import pipeline
from gpuplan.cli import cli

JOB: dict[str, Any] = {"model": "deepseek-r1-distill-qwen-1.5b", "method": "lora", "data": "10MB", "gpu": "L4,H100-SXM"}
LINE = "solve --model deepseek-r1-distill-qwen-1.5b --method lora --data 10MB --gpu L4,H100-SXM"


def interrupt_after(monkeypatch: pytest.MonkeyPatch, questions: int) -> None:
    """Press Ctrl-C in the question after so many."""
    asked = []
    find = pipeline.find

    def interrupted(*arguments: Any) -> Any:
        asked.append(1)
        if len(asked) > questions:
            raise KeyboardInterrupt
        return find(*arguments)

    monkeypatch.setattr("gpuplan.ask.find", interrupted)


def interrupt_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("gpuplan.prove.prove", interrupted)


def test_an_interrupt_before_there_is_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(monkeypatch, 0)
    found = CliRunner().invoke(cli, LINE.split())
    assert found.exit_code == 4
    assert "No answer, interrupted" in found.stdout
    assert "not reproducible" in " ".join(found.stdout.split())


def test_an_interrupt_of_the_proof_leaves_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_the_proof(monkeypatch)
    found = CliRunner().invoke(cli, LINE.split())
    assert found.exit_code == 0
    assert "interrupted; not reproducible" in " ".join(found.stdout.split())
    answer = json.loads(CliRunner().invoke(cli, [*LINE.split(), "--format", "json"]).stdout)
    assert (answer["status"], answer["plan"] is None) == ("feasible", False)
    assert (answer["solver"]["stopped"], answer["solver"]["reproducible"]) == ("interrupted", False)


def test_an_interrupt_beside_the_plan_leaves_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(monkeypatch, 1)
    result = gpuplan.solve(JOB | {"deadline": "24h"})
    assert (result.status, result.alternatives) == ("optimal", [])
    assert (result.solver.stopped, result.solver.reproducible) == ("interrupted", False)
    assert "alternatives" in result.undecided


def test_an_interrupt_of_the_explanation_leaves_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(monkeypatch, 1)
    result = gpuplan.solve(JOB | {"deadline": "11m", "budget": "0.01"})
    assert (result.status, result.conflict, result.relaxations) == ("infeasible", [], [])
    assert {"deadline", "budget"} <= set(result.undecided)
    assert not result.solver.reproducible


def test_after_an_interrupt_no_further_choice_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(monkeypatch, 1)
    result = gpuplan.solve(JOB | {"method": "full,lora,qlora", "framework": "hf-peft", "precision": "bf16"})
    assert [choice.status for choice in result.choices] == ["optimal", "unknown", "unknown"]
    assert result.status == "feasible"
    assert result.solver.stopped == "interrupted"


def test_a_time_limit_that_is_too_short_is_said() -> None:
    result = gpuplan.solve(JOB | {"time_limit": "0.001s"})
    assert result.status in ("feasible", "unknown")
    assert (result.solver.stopped, result.solver.reproducible) == ("time limit", False)


def test_an_answer_that_was_not_cut_short_is_reproducible() -> None:
    result = gpuplan.solve(JOB | {"alternatives": 0})
    assert (result.solver.stopped, result.solver.reproducible, result.undecided) == (None, True, [])
