"""Nothing that a reduction leaves out counts: with any of them switched off, or all, the same plan is the best one.

Each reduction states its argument where it is written. Here every one is asked the same question with and without.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gpuplan.catalogue import offers_for
from gpuplan.job import Job, Pins, resolve
from gpuplan.look import Look, Pairs
from gpuplan.physics import Cache, Physics
from gpuplan.pipeline import Outcome, find
from gpuplan.plan import Plan
from gpuplan.reduce import Kept
from gpuplan.search import Searcher
from gpuplan.selection import selected
from gpuplan.space import Space
from gpuplan_hardware import Offer
from problems import limited, problem_of
from rivals import with_rivals

pytestmark = pytest.mark.sources

#: Two evaluations of one formula differ by less than this share.
SAME = 1e-8
#: A seed is as short as a failure gets: nothing is gained by shrinking it.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
SEEDS = st.integers(0, 10**6)


@cache
def asked(seed: int, wide: bool) -> tuple[Job, tuple[Offer, ...]]:
    """A random problem; a wide one with all decisions open and every offer in a few variants, which is too much for the oracle."""
    problem = problem_of(seed)
    if not wide:
        return problem.job, problem.offers
    return replace(problem.job, pins=Pins()), tuple(with_rivals(problem.offers, Random(seed), each=2))


#: Questions as users ask them, in which all that is left out is large: weights, groups of shardings, nodes nobody sells.
REAL: dict[str, dict[str, Any]] = {
    "full": {"model": "llama-3.1-70b", "method": "full", "framework": "megatron", "data": "100MB", "deadline": "24h"},
    "mixture": {"model": "mixtral-8x7b", "method": "lora", "data": "1GB", "deadline": "24h"},
    "two objectives": {"model": "deepseek-r1", "method": "lora", "data": "10MB", "minimize": "gpus,time"},
    "nothing fits": {"model": "llama-3.1-70b", "method": "full", "data": "10GB", "deadline": "2h", "max_gpus": 64},
}


@cache
def real(name: str) -> tuple[Job, tuple[Offer, ...]]:
    job = resolve(REAL[name] | {"gpu": ["H200" if "r1" in REAL[name]["model"] else "H100-SXM", "L40S"]})
    return job, tuple(offer for offer in offers_for(job, None) if selected(job, offer))


# -- how each is switched off ------------------------------------------------------------------------------------------------
def blind(name: str) -> Callable[..., Any]:
    """The method of `Look` with eyes shut: everything that exists is worth a look, and nothing is known of its value."""
    method = getattr(Look, name)

    def everything(self: Look, *arguments: Any) -> Any:
        def hope(*asked: Any) -> tuple[np.ndarray, float]:
            return np.ones(len(asked[2]), dtype=bool), 0.0

        with patch.object(self, "_hope", hope):
            return method(self, *arguments)

    return everything


def all_offers(_: Job, offers: Sequence[Offer]) -> list[Offer]:
    return sorted(offers, key=lambda offer: offer.id)


_join, _prepare = Look.join, Physics.prepare


def unbounded(self: Look, states: np.ndarray) -> Pairs:
    pairs = _join(self, states)
    return replace(pairs, bound=np.full(len(pairs), 1e-30))  # next to nothing


def every_atom(self: Physics, machines: Sequence[int], *_: object) -> None:
    _prepare(self, machines)


OFF: dict[str, tuple[str, Callable[..., Any]]] = {
    "undominated": ("gpuplan.space.undominated", all_offers),
    "machine bounds": ("gpuplan.search.machine_bounds", lambda space, _: np.zeros(len(space.machines))),
    "group bounds": ("gpuplan.look.Look.groups", blind("groups")),
    "state bounds": ("gpuplan.look.Look.states", blind("states")),
    "pair bounds": ("gpuplan.look.Look.join", unbounded),
    "weights that fit": ("gpuplan.space.Space._fits", lambda *a: np.ones(len(a[3]), dtype=bool)),
    "memory floors": ("gpuplan.bounds._memory_floor", lambda rows, *_: np.zeros(len(rows))),
    "atoms of some state": ("gpuplan.physics.Physics.prepare", every_atom),
    "rentable": ("gpuplan.space._rentable", lambda _, *columns: list(columns)),
}


@contextmanager
def without(*names: str) -> Iterator[None]:
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(patch(*OFF[name]))
        yield


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one.status == other.status
    assert one.status in ("optimal", "infeasible")
    assert _number(one.value) == pytest.approx(_number(other.value), rel=SAME)
    assert _decided(one.plan) == _decided(other.plan)


def _number(value: float | None) -> float:
    return math.inf if value is None else value


def _decided(plan: Plan | None) -> object:
    return None if plan is None else (plan.offer.id, plan.nodes, plan.layout)


# -- with and without --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("names", [*((name,) for name in OFF), tuple(OFF)], ids="+".join)
def test_the_answer_is_the_same_without(names: tuple[str, ...]) -> None:
    @settings(max_examples=12, phases=PHASES)
    @given(SEEDS, st.booleans())
    def holds(seed: int, wide: bool) -> None:
        job, offers = asked(seed, wide)
        with without(*names):
            other = find(job, offers)
        assert_same(find(job, offers), other)

    holds()


@pytest.mark.parametrize("name", REAL)
def test_the_answer_to_a_real_question_is_the_same_without(name: str) -> None:
    job, offers = real(name)
    plain = find(job, offers)
    assert (plain.plan is None) == (name == "nothing fits")
    for switch in OFF:
        with without(switch):
            assert_same(plain, find(job, offers))


def test_what_is_switched_off_does_something() -> None:
    """Each switch, over some problems, lets the search look at more; so it is in the right place."""
    jobs = [*(asked(seed, True) for seed in range(12)), *(real(name) for name in REAL)]
    plain = [_work(*one) for one in jobs]
    for name in OFF:
        with without(name):
            assert any(_work(*one) > before for one, before in zip(jobs, plain, strict=True)), name


def _work(job: Job, offers: Sequence[Offer]) -> int:
    """Offers, machine classes, rows and layouts that a search makes or holds against bounds."""
    work: list[int] = []

    def counted(method: Callable[..., Any], size: Callable[..., int]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            result = method(*arguments)
            work.append(size(result, *arguments))
            return result

        return wrapped

    with (
        patch.object(Space, "states", counted(Space.states, lambda keys, *_: len(keys))),
        patch.object(Physics, "base", counted(Physics.base, lambda rows, *_: len(rows))),
        patch.object(Look, "join", counted(Look.join, lambda pairs, *_: len(pairs))),
        patch.object(Look, "_hope", counted(Look._hope, lambda *asked: len(asked[4]))),
    ):
        outcome = find(job, offers)
    looked = len(outcome.space.machines) - outcome.skipped_machines
    return sum(work) + outcome.layouts + looked + len(outcome.space.offers)


# -- what is left to CP-SAT --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("most", [0, 300, 10**9])
def test_how_much_is_left_to_cp_sat_does_not_matter(most: int) -> None:
    @settings(max_examples=12, phases=PHASES)
    @given(SEEDS, st.booleans())
    def holds(seed: int, wide: bool) -> None:
        job, offers = asked(seed, wide)
        with patch("gpuplan.reduce.MOST_BY_BOUND", most):
            other = find(job, offers)
        assert_same(find(job, offers), other)

    holds()


def keep_all(searcher: Searcher, **levels: int) -> Kept:
    """Every layout on every offer."""
    kept = Kept()
    for machine, offers in enumerate(searcher.space.offers_of_machine):
        look = searcher.look(machine)
        candidates, _ = look.layouts(look.join(np.arange(len(look.shardings))))
        if len(candidates):
            kept.rows.append(candidates)
            kept.offers |= set(offers)
            kept.pairs += len(candidates)
    return kept


@settings(max_examples=12, phases=PHASES)
@given(SEEDS)
def test_cp_sat_agrees_over_all_layouts(seed: int) -> None:
    job, offers = asked(seed, False)
    with patch("gpuplan.pipeline.reduce_rows", keep_all):
        other = find(job, offers)
    assert_same(find(job, offers), other)


# -- what earlier questions have left ----------------------------------------------------------------------------------------
def _other_questions(job: Job, best: Plan | None, random: Random) -> list[Job]:
    """The same job under other limits and decisions, those first under which the best plan is none."""
    shown = () if best is None else (best.layout.degrees,)
    changes: list[dict[str, Any]] = [
        {"max_gpus": random.choice((1, 4, None)), "max_nodes": random.choice((1, None))},
        {"node_counts": (1, 3)},
        {"min_mfu": 0.2},
        {"deadline_seconds": None, "budget_usd": None},
        {"allow_unknown_host": True, "providers": None, "regions": None, "exclude_providers": ()},
    ]
    wanted: list[dict[str, Any]] = [{"exclude_layouts": shown}, {"max_tensor": 1}, *random.sample(changes, 2)]
    pins = replace(job.pins, nodes=random.choice((1, 2)), zero_stage=random.choice((3, None)))
    return [replace(job, pins=pins), *(limited(job, **change) for change in wanted)]


@settings(max_examples=12, phases=PHASES)
@given(SEEDS, st.booleans())
def test_what_earlier_questions_have_computed_does_not_change_an_answer(seed: int, wide: bool) -> None:
    job, offers = asked(seed, wide)
    random, kept, alone = Random(seed), Cache(), find(job, offers)
    for other in _other_questions(job, alone.plan, random):
        some = offers if random.random() < 0.7 else random.sample(offers, random.randint(1, len(offers)))
        find(other, some, random.choice(("cost", "gpus", "time", None)), kept)
    assert_same(alone, find(job, offers, cache=kept))
    assert_same(alone, find(job, offers, cache=kept))
