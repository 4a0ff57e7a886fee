"""`verify` finds every broken rule of a plan, and lists all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from gpuplan.job import Quota
from gpuplan.layout import OFFLOAD
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
    """A plan that obeys every rule and uses several nodes over a known fabric, of hosts that are not open to questions."""
    for seed in range(1000):
        problem = problem_of(seed)
        plan = find(problem.job, problem.offers).plan
        if plan is not None and plan.gpus > plan.offer.node.scale_up_gpus and not plan.offer.host_open:
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


def _in_a_rack(domain: int, **layout: Any) -> Tampering:
    """Nodes of four GPUs, of which one link joins as many as hold `domain` GPUs."""

    def tampered(plan: Plan) -> Plan:
        rack = _node(domain_gpus=domain, gpus_per_node=4)(plan)
        plain: dict[str, Any] = {"tensor": 1, "pipeline": 1, "context": 1, "expert": 1, "expert_tensor": 1}
        other = replace(rack.layout, **(plain | layout))
        return replace(rack, layout=other, nodes=-(-other.gpus // 4))

    return tampered


def _without_host_link(plan: Plan) -> Plan:
    unlinked = replace(plan.offer.node.accelerator, host_link_bytes_per_second=None)
    return _layout(offload="optimizer")(_node(accelerator=unlinked)(plan))


def _much_on_the_host(plan: Plan) -> Plan:
    """Just enough memory for the job, and then the optimizer on top."""
    ram = int(plan.host.ram_bytes) + 1
    linked = replace(plan.offer.node.accelerator, host_link_bytes_per_second=1e9)
    ample = _node(accelerator=linked, host=replace(plan.offer.node.host, ram_bytes=ram))(plan)
    return _layout(offload="optimizer", zero=1)(ample)


def _shown_before(plan: Plan) -> Plan:
    return _limits(exclude_layouts=(plan.layout.degrees,))(plan)


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
    ("divisibility", "without a layer", _layout(pipeline=2, lighter="both")),
    ("divisibility", "cut over 3 ranks", _layout(expert_tensor=3)),
    ("divisibility", "cut into 14 chunks", _layout(context=7)),
    ("divisibility", "virtual stages", _layout(virtual=7)),
    ("divisibility", "virtual stages", _layout(pipeline=2, virtual=2, lighter="first")),
    ("framework", "ZeRO", _layout(zero=4)),
    ("framework", "virtual", lambda plan: _framework(interleaved=False)(_layout(virtual=2)(plan))),
    ("framework", "unequal", lambda plan: _framework(pipeline_uneven=False)(_layout(pipeline=2, lighter="last")(plan))),
    ("framework", "parallelism", lambda plan: _framework(context_parallel=False)(_layout(context=2)(plan))),
    ("framework", "parallelism", lambda plan: _framework(expert_tensor_parallel=False)(_layout(expert_tensor=2)(plan))),
    ("framework", "offloading", lambda plan: _framework(offload=("none",))(_layout(offload="optimizer")(plan))),
    ("framework", "not with ZeRO-3", lambda p: _framework(offload=OFFLOAD)(_layout(offload="optimizer", zero=3)(p))),
    ("framework", "not with ZeRO-2", lambda p: _framework(offload=OFFLOAD)(_layout(offload="parameters", zero=2)(p))),
    ("framework", "recompute", _framework(recompute=())),
    ("framework", "precisions", _framework(precisions=())),
    ("framework", "parallelism", lambda plan: _framework(tensor_parallel=False)(_layout(tensor=2)(plan))),
    ("topology", "node boundary", _layout(tensor=7)),
    ("topology", "the layout uses", _layout(data=10**4)),
    ("topology", "idle", lambda plan: replace(plan, nodes=plan.nodes + 1)),
    ("topology", "known fabric", _node(network=None)),
    ("topology", "whole blocks", _in_a_rack(12, data=20)),
    ("topology", "larger than a block", _in_a_rack(12, data=12, expert=12)),
    ("memory", "worst GPU", _little_memory),
    ("deadline", "deadline", _limits(deadline_seconds=1.0)),
    ("budget", "cost", _limits(budget_usd=0.001)),
    ("max_gpus", "GPUs", _limits(max_gpus=1)),
    ("max_nodes", "nodes", _limits(max_nodes=1)),
    ("max_tp", "tensor-parallel degree", lambda plan: _limits(max_tensor=1)(_layout(tensor=2)(plan))),
    ("min_mfu", "utilisation", _limits(min_mfu=0.99)),
    ("quota", "GPUs of a quota", _limits(quotas=(Quota(10**6), Quota(0)))),
    ("interruptions", "stops between", _offer(pricing="spot", interruptions_per_node_hour=10.0)),
    ("node_counts", "none of 5, 7", lambda plan: _limits(node_counts=(5, 7))(replace(plan, nodes=6))),
    ("shown", "shown before", _shown_before),
    ("offer_nodes", "nodes", _offer(max_nodes=1)),
    ("host", "virtual CPUs", _host(1, 10**15)),
    ("host", "virtual CPUs", _host(None, 10**15)),
    ("host", "memory of a node", _host(10**4, 10**6)),
    ("host", "memory of a node", _host(10**4, None)),
    ("host", "storage", _nowhere_to_store),
    ("host", "links to the host", _without_host_link),
    ("host", "memory of a node", _much_on_the_host),
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
