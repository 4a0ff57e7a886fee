"""The most tokens and the largest model: against brute force, on the catalogue, and in the words that a user may say."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from gpuplan.ask import Asker
from gpuplan.catalogue import offers_for
from gpuplan.errors import InputError
from gpuplan.job import Job, make_spec, resolve
from gpuplan.job.batch import default_batch
from gpuplan.sweeping.family import family, largest_model, members
from gpuplan.sweeping.maximize import Most, most_tokens, sequences_of_epoch
from gpuplan.verify import violations
from oracle import Oracle
from problems import Problem, limited, problem_of

PROBLEMS = 50
#: Questions that a job of the catalogue may take; 4 to 10 are usual.
FEW = 14


# -- brute force -----------------------------------------------------------------------------------------------------------
def with_sequences(job: Job, count: int) -> Job:
    """The job with so many sequences of an epoch, by the definition of `Job.sequences`."""
    tokens = float(count * job.sequence_length * job.packing_efficiency)
    size = job.tokens.data_bytes
    size = None if size is None else size * tokens / job.tokens.tokens
    found = replace(job, tokens=replace(job.tokens, tokens=tokens, low=tokens, high=tokens, data_bytes=size))
    return replace(found, samples=None if job.samples is None else count)


def has_plan(problem: Problem, count: int) -> bool:
    """Whether some plan keeps all limits, by looking at every one."""
    return Oracle(with_sequences(problem.job, count), problem.offers, problem.oracle).solve("cost").value is not None


def bounded(problem: Problem, random: Random) -> Problem:
    """The problem with a limit on money or time: its own, or what the best plan needs and some more."""
    job, best = problem.job, problem.oracle.solve("cost").best
    if best is not None and job.limits.budget_usd is None and random.random() < 0.7:
        job = limited(job, budget_usd=best.cost_at_confidence * random.uniform(1.0, 3.0))
    if best is not None and (job.limits.budget_usd is None or random.random() < 0.5):
        job = limited(job, deadline_seconds=best.deadline_clock * random.uniform(1.0, 3.0))
    return replace(problem, job=job, oracle=Oracle(job, problem.offers, problem.oracle))


def more(job: Job, count: int, random: Random) -> set[int]:
    """Counts above `count` that might have a plan: the next few, ends of steps, and some far away."""
    ends = {_end(job, count, batch, steps) for batch in job.global_batches for steps in (1, 2, 3)}
    far = {round(count * random.uniform(1.0, 4.0)) + 1 for _ in range(4)}
    return {larger for larger in (count + 1, count + 2, *ends, *far) if larger > count}


def _end(job: Job, count: int, batch: int, steps: int) -> int:
    """Sequences of an epoch at the end of a step after those that `count` needs."""
    return int((with_sequences(job, count).steps(batch) + steps - 1) * batch / job.epochs)


@pytest.mark.sources
@pytest.mark.slow
def test_there_is_a_plan_with_the_most_and_none_with_more() -> None:
    said: Counter[str] = Counter()
    for seed in range(PROBLEMS):
        random = Random(seed)
        problem = bounded(problem_of(seed), random)
        job = problem.job
        if job.limits.budget_usd is None and job.limits.deadline_seconds is None:
            said["unbounded"] += 1
            continue
        found = most_tokens(job, Asker(problem.offers, 60.0), default_batch=False)
        assert found.proved
        if found.outcome.plan is None:
            assert found.outcome.status == "infeasible"
            assert found.why is not None
            assert not any(has_plan(problem, count) for count in more(job, 0, random))
            said["none"] += 1
            continue
        count = sequences_of_epoch(found.job)
        assert found.job.sequences == with_sequences(job, count).sequences
        assert found.outcome.status == "optimal"
        assert found.outcome.objective.name == job.objectives[0]
        assert not violations(replace(found.outcome.plan, job=found.job))
        assert has_plan(problem, count)
        assert not any(has_plan(problem, larger) for larger in more(job, count, random))
        said[
            "spot or utilisation" if job.limits.min_mfu or found.outcome.plan.offer.pricing == "spot" else "plain"
        ] += 1
    assert said["plain"] >= 15, said
    assert said["spot or utilisation"] >= 5, said


# -- tokens over the catalogue -------------------------------------------------------------------------------------------
WORDS: dict[str, Any] = {"model": "deepseek-r1-distill-qwen-7b", "method": "lora", "data": "1GB"}


def tokens_of(near: int | None = None, **words: Any) -> Most:
    job = resolve(WORDS | words)
    return most_tokens(job, Asker(offers_for(job), 60.0), default_batch="global_batch" not in words, near=near)


@pytest.mark.parametrize(
    "words", [{"budget": "$500"}, {"budget": "$500", "deadline": "12h"}, {"deadline": "12h"}], ids=str
)
def test_few_questions_are_enough(words: dict[str, Any]) -> None:
    found = tokens_of(**words)
    assert found.proved
    assert found.questions <= FEW
    assert found.outcome.plan is not None
    plan = found.outcome.plan
    assert plan.layout.global_batch == default_batch(found.job.tokens.tokens)
    one_more = with_sequences(found.job, sequences_of_epoch(found.job) + 1)
    outcome = Asker(offers_for(one_more), 60.0)(one_more)
    assert outcome is not None
    assert outcome.status == "infeasible"
    assert found.reason is not None
    assert "one sequence more" in found.reason


def test_a_first_guess_changes_nothing_but_the_questions() -> None:
    plain = tokens_of(budget="$500")
    count = sequences_of_epoch(plain.job)
    for near in (count, count // 3, count * 3):
        assert sequences_of_epoch(tokens_of(near, budget="$500").job) == count
    assert tokens_of(count, budget="$500").questions <= plain.questions


def test_the_default_batch_goes_with_the_amount_of_data() -> None:
    """More money is never less data, whatever the batch; and each amount has the batch that `solve` would take for it."""
    found = [tokens_of(budget=budget) for budget in ("$4", "$9", "$60", "$200")]
    amounts = [one.job.tokens.tokens for one in found]
    assert amounts == sorted(amounts)
    batches = [one.job.global_batches for one in found]
    assert batches == [(default_batch(amount),) for amount in amounts]
    assert {batch for (batch,) in batches} == {64, 256, 1024}
    for one in found:
        (said,) = [text for text in one.job.assumptions if text.startswith("global batch of ")]
        assert said.startswith(f"global batch of {one.job.global_batches[0]:,} sequences")
        assert not any("tokens per epoch" in text for text in one.job.assumptions)


def test_a_batch_that_is_given_stays() -> None:
    found = tokens_of(budget="$100", global_batch=96)
    assert found.job.global_batches == (96,)
    assert found.proved


def test_samples_epochs_packing_and_trials() -> None:
    words: dict[str, Any] = {"data": None, "samples": 1000, "epochs": 2, "packing": 0.9, "trials": 3, "budget": "$100"}
    found = tokens_of(**words)
    count = sequences_of_epoch(found.job)
    assert found.proved
    assert (found.job.samples, found.job.sequences) == (count, 2 * count)
    assert found.job.tokens.tokens == pytest.approx(count * 4096 * 0.9)
    once = tokens_of(**words | {"epochs": 1})
    assert count <= sequences_of_epoch(once.job)


def test_bytes_go_with_tokens() -> None:
    found = tokens_of(budget="$100").job.tokens
    assert found.data_bytes is not None
    assert found.bytes_per_token is not None
    assert found.data_bytes == pytest.approx(found.tokens * found.bytes_per_token, rel=1e-3)


def test_too_little_money_for_anything_is_explained() -> None:
    found = tokens_of(budget="$0.01")
    assert found.outcome.status == "infeasible"
    assert found.proved
    assert found.reason is None
    assert found.why is not None
    assert found.why.conflict == ["budget"]


def test_without_a_limit_there_is_no_most() -> None:
    with pytest.raises(InputError, match="give --budget or --deadline"):
        tokens_of(max_gpus=8)


def test_without_time_nothing_is_said_to_be_proved() -> None:
    job = resolve(WORDS | {"budget": "$500", "time_limit": "0.001s"})
    found = most_tokens(job, Asker(offers_for(job), 60.0), default_batch=True)
    assert not found.proved
    assert found.reason is not None
    assert "not decided in time" in found.reason


# -- models ----------------------------------------------------------------------------------------------------------------
DISTILLED = ["deepseek-r1-distill-qwen-32b", "deepseek-r1-distill-qwen-14b", "deepseek-r1-distill-qwen-7b"]


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("deepseek-r1-distill-qwen-7b", [*DISTILLED, "deepseek-r1-distill-qwen-1.5b"]),
        ("DeepSeek-R1-Distill-Qwen-*", [*DISTILLED, "deepseek-r1-distill-qwen-1.5b"]),
        ("deepseek-r1-distill-l", ["deepseek-r1-distill-llama-70b", "deepseek-r1-distill-llama-8b"]),
        ("gpt-oss-20b", ["gpt-oss-120b", "gpt-oss-20b"]),
        ("mixtral-8x7b", ["mixtral-8x22b-instruct", "mixtral-8x22b", "mixtral-8x7b"]),
        ("qwen1.5-moe-a2.7b", ["qwen1.5-moe-a2.7b"]),
        ("mistral-7b, phi-4", ["phi-4", "mistral-7b"]),
    ],
)
def test_the_family_of_a_name(word: str, names: list[str]) -> None:
    assert [model.name for model in family(word)] == names


def test_a_name_without_a_size_begins_those_of_its_family() -> None:
    names = [model.name for model in family("deepseek-r1")]
    assert names[0] == "deepseek-r1"
    assert set(DISTILLED) < set(names)
    assert all(name.startswith("deepseek-r1") for name in names)


@pytest.mark.parametrize("word", ["deepsek-r1", "qwen2.5-7b,deepsek-r1", ""])
def test_a_name_that_nothing_has_is_refused(word: str) -> None:
    with pytest.raises(InputError) as caught:
        family(word)
    assert caught.value.field == "model"
    assert not word or "deepseek-r1" in caught.value.suggestions


def test_too_little_time_is_no_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan with the most has a time of its own, also where the search for the most had too little."""
    job = resolve({**WORDS, "deadline": "2h", "budget": "$50", "time_limit": "0.002s"})
    most = most_tokens(job, Asker(offers_for(job), 0.002), default_batch=True)
    assert not most.proved
    assert most.outcome.stopped != "interrupted"
    assert most.reason is None or "not decided in time" in most.reason


def largest(model: str, **words: Any) -> Most:
    found = members(make_spec({"model": model, "method": "lora", "data": "100MB"} | words))
    job = next(member.job for member in found if member.job is not None)
    return largest_model(found, Asker(offers_for(job), 60.0))


def test_the_largest_model_has_a_plan_and_the_next_one_has_none() -> None:
    found = largest("deepseek-r1-distill-qwen", budget="$6")
    assert found.outcome.status == "optimal"
    assert found.proved
    name = found.job.architecture.name
    assert name in DISTILLED[1:]
    larger = DISTILLED[DISTILLED.index(name) - 1]
    assert found.reason is not None
    assert re.match(rf"{larger} is larger; no plan; .*budget", found.reason)
    assert found.questions == 1 + DISTILLED.index(name)


def test_more_money_is_never_a_smaller_model() -> None:
    sizes = [
        largest("deepseek-r1-distill", budget=budget).job.architecture.parameters for budget in ("$2", "$8", "$90")
    ]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 1
    assert largest("deepseek-r1-distill", budget="$900").reason is None


def test_where_no_model_has_a_plan_the_smallest_says_why() -> None:
    found = largest("deepseek-r1-distill-qwen", budget="$0.01")
    assert found.job.architecture.name == "deepseek-r1-distill-qwen-1.5b"
    assert found.outcome.status == "infeasible"
    assert found.why is not None
    assert found.why.conflict == ["budget"]


def test_a_model_that_the_job_cannot_have_is_passed_over_and_said() -> None:
    """Gemma 2 takes 8,192 tokens at most."""
    found = members(make_spec({"model": "gemma-2-2b,qwen2.5-1.5b", "method": "lora", "data": "1MB", "seq_len": 16_384}))
    by_name = {member.model.name: member for member in found}
    assert by_name["gemma-2-2b"].job is None
    assert "8,192" in by_name["gemma-2-2b"].refusal
    most = largest_model(found, Asker(offers_for(by_name["qwen2.5-1.5b"].job or resolve(WORDS)), 60.0))
    assert most.job.architecture.name == "qwen2.5-1.5b"
    assert most.reason is not None
    assert most.reason.startswith("gemma-2-2b is larger; seq_len")


def test_where_no_model_can_be_asked_about_the_first_error_is_raised() -> None:
    with pytest.raises(InputError, match="seq_len"):
        members(make_spec({"model": "gemma-2", "method": "lora", "data": "1MB", "seq_len": 16_384}))
    with pytest.raises(InputError, match="is missing; name a model"):
        members(make_spec({"method": "lora", "data": "1MB"}))
