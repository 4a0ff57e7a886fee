"""`verify` finds every broken rule of a plan, and lists all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from gpuplan.objectives import objectives
from gpuplan.pipeline import find
from gpuplan.plan import Plan
from gpuplan.rules import rules
from gpuplan.verify import VerificationError, quantities, verify, violations
from gpuplan_hardware import Host
from problems import problem_of

Tampering = Callable[[Plan], Plan]


@cache
def good_plan() -> Plan:
    """A plan that obeys every rule and uses several nodes over a known fabric."""
    for seed in range(1000):
        problem = problem_of(seed)
        plan = find(problem.job, problem.offers).plan
        if plan is not None and plan.nodes > 1:
            return plan
    raise LookupError("none of the problems needs several nodes")


def _layout(**words: Any) -> Tampering:
    return lambda plan: replace(plan, layout=replace(plan.layout, **words))


def _limits(**words: Any) -> Tampering:
    return lambda plan: replace(plan, job=replace(plan.job, limits=replace(plan.job.limits, **words)))


def _offer(**words: Any) -> Tampering:
    return lambda plan: replace(plan, offer=replace(plan.offer, **words))


def _node(**words: Any) -> Tampering:
    return lambda plan: replace(plan, offer=replace(plan.offer, node=replace(plan.offer.node, **words)))


def _framework(**words: Any) -> Tampering:
    return lambda plan: replace(plan, framework=replace(plan.framework, **words))


def _host(vcpus: int | None, ram_bytes: int | None) -> Tampering:
    return _node(host=Host(vcpus, ram_bytes, 10**15))


def _little_memory(plan: Plan) -> Plan:
    return _node(accelerator=replace(plan.offer.node.accelerator, usable_memory_bytes=10**6))(plan)


def _nowhere_to_store(plan: Plan) -> Plan:
    free = replace(plan.offer.provider, volume_usd_per_gb_month=None)
    return _node(host=replace(plan.offer.node.host, nvme_bytes=0))(_offer(provider=free)(plan))


def _faster_than_its_parts(plan: Plan) -> Plan:
    other = replace(plan)
    other.__dict__["prediction"] = replace(plan.prediction, step_seconds=plan.prediction.step_seconds / 2)
    return other


BROKEN: list[tuple[str, str, Tampering]] = [
    ("batch", "left over", lambda plan: _layout(micro_batch=plan.layout.global_batch + 1)(plan)),
    ("divisibility", "heads and widths", _layout(tensor=7)),
    ("divisibility", "dealt to 7 ranks", _layout(expert=7)),
    ("divisibility", "form groups of 7", _layout(expert=7)),
    ("divisibility", "without a layer", _layout(pipeline=1000)),
    ("framework", "ZeRO", _layout(zero=4)),
    ("framework", "recompute", _framework(recompute=())),
    ("framework", "precisions", _framework(precisions=())),
    ("framework", "parallelism", lambda plan: _framework(tensor_parallel=False)(_layout(tensor=2)(plan))),
    ("topology", "node boundary", _layout(tensor=7)),
    ("topology", "the layout uses", _layout(data=10**4)),
    ("topology", "idle", lambda plan: replace(plan, nodes=plan.nodes + 1)),
    ("topology", "known fabric", _node(network=None)),
    ("memory", "worst GPU", _little_memory),
    ("deadline", "deadline", _limits(deadline_seconds=1.0)),
    ("budget", "cost", _limits(budget_usd=0.001)),
    ("max_gpus", "GPUs", _limits(max_gpus=1)),
    ("max_nodes", "nodes", _limits(max_nodes=1)),
    ("offer_nodes", "nodes", _offer(max_nodes=1)),
    ("host", "virtual CPUs", _host(1, 10**15)),
    ("host", "virtual CPUs", _host(None, 10**15)),
    ("host", "memory of a node", _host(10**4, 10**6)),
    ("host", "memory of a node", _host(10**4, None)),
    ("host", "storage", _nowhere_to_store),
    ("step_time", "parts", _faster_than_its_parts),
]


def strict(plan: Plan) -> Plan:
    """The plan under the rule that unknown host figures are not enough."""
    return _limits(allow_unknown_host=False)(plan)


def test_a_good_plan_passes() -> None:
    plan = good_plan()
    assert violations(plan) == []
    for objective in objectives().values():
        verify(plan, objective, objective.value(plan))


def test_every_rule_is_broken_below() -> None:
    """`offer_nodes` is the second quantity of the rule on nodes."""
    assert {rule for rule, _, _ in BROKEN} == {rule.name for rule in rules()} | {"offer_nodes"}


@pytest.mark.parametrize(("rule", "words", "tamper"), BROKEN, ids=[f"{rule}-{words}" for rule, words, _ in BROKEN])
def test_a_broken_rule_is_found(rule: str, words: str, tamper: Tampering) -> None:
    plan = tamper(strict(good_plan()))
    found = [quantity.name for quantity in violations(plan) if quantity.rule == rule]
    assert any(words in name for name in found), found
    gpus = objectives()["gpus"]
    with pytest.raises(VerificationError, match=f"{rule}: "):
        verify(plan, gpus, gpus.value(plan))


def test_all_that_is_wrong_is_listed() -> None:
    plan = good_plan()
    for tamper in (_limits(deadline_seconds=1.0, budget_usd=0.001, max_gpus=1), _little_memory, _offer(max_nodes=1)):
        plan = tamper(plan)
    with pytest.raises(VerificationError) as caught:
        verify(plan, objectives()["gpus"], 10_000.0)
    wrong = ("deadline: ", "budget: ", "max_gpus: ", "memory: ", "offer_nodes: ", "gpus is ")
    assert all(words in str(caught.value) for words in wrong)
    assert {quantity.rule for quantity in violations(plan)} == {words.split(":")[0] for words in wrong[:-1]}


@pytest.mark.parametrize("share", [0.99, 1.01])
def test_a_wrong_objective_is_found(share: float) -> None:
    plan, time = good_plan(), objectives()["time"]
    with pytest.raises(VerificationError, match="time is "):
        verify(plan, time, time.value(plan) * share)


def test_unknown_host_figures_pass_where_they_are_allowed() -> None:
    for tamper in (_host(None, None), _nowhere_to_store):
        plan = _limits(allow_unknown_host=True)(tamper(good_plan()))
        assert violations(plan) == []


def test_every_quantity_says_what_it_is() -> None:
    for quantity in quantities(good_plan()):
        assert quantity.name and quantity.unit
        assert quantity.satisfied
