"""Every answer before the same judge: `gpuplan check` of the cluster that the tool names, with the best layout on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peers.answers import Answer
from benchmarks.peers.questions import Question, ways
from gpuplan import InputError, check, solve
from gpuplan.report.format import GLUE
from gpuplan.report.words import degrees
from gpuplan.result import PlanAnswer, Result


@dataclass(frozen=True)
class Ours:
    """What gpuplan answers: a plan, or the proof that there is none."""

    question: Question
    result: Result

    @property
    def plan(self) -> PlanAnswer | None:
        """The proved plan, None where there is none."""
        return self.result.plan

    @property
    def proved(self) -> bool:
        """Whether the answer is proved."""
        return self.result.status in ("optimal", "infeasible")


@dataclass(frozen=True)
class Verdict:
    """What becomes of an answer: whether it fits and keeps every limit at 90 %, and at the point estimate; its true hours and dollars.

    `broken` says what it breaks; the figures are those of the best layout, NaN where there is none. `another_batch` is set where the
    GPUs do not divide the question's global batch and one that they do was taken.
    """

    answer: Answer
    feasible: bool = False
    feasible_at_point: bool = False
    fits: bool = False
    hours: float = math.nan
    usd: float = math.nan
    offer: str = ""
    layout: str = ""
    broken: str = ""
    another_batch: bool = False


def ours(question: Question) -> Ours:
    """Gpuplan's answer: the cheapest proved plan of the frameworks that run the question."""
    results = [solve(way) for way in ways(question)]
    return Ours(question, min(results, key=lambda r: math.inf if r.plan is None else r.plan.prediction.cost_usd))


def judge(question: Question, answer: Answer) -> Verdict:
    """The answer's cluster under the limits of the question, priced at the catalogue's cheapest offer of it."""
    if not answer.answered:
        return Verdict(answer)
    cluster = {"gpu": list(answer.gpu), "gpus": answer.gpus}
    wish = {key: value for key, value in question.spec.items() if key not in ("gpu", "max_gpus")} | cluster
    checked = _best(question, wish)
    if isinstance(checked, str) or checked.plan is None:
        return Verdict(answer, broken=checked if isinstance(checked, str) else "no layout")
    another_batch = any(violation.rule == "batch" for violation in checked.violations)
    if another_batch:
        # No tool is told the global batch: one that the GPUs divide takes its place.
        wish["global_batch"] = divided(checked.plan.layout.global_batch, answer.gpus)
        checked = _best(question, wish)
    if isinstance(checked, str) or checked.plan is None:
        raise ValueError(f"{question.id}: {answer.tool}'s cluster cannot be checked with another global batch")
    plan, good = checked.plan, _keeps(checked, question)
    at_point = good
    if not good:
        pointed = _best(question, wish | {"confidence": "point"})
        at_point = not isinstance(pointed, str) and _keeps(pointed, question)
    return Verdict(
        answer=answer,
        feasible=good,
        feasible_at_point=at_point,
        fits=bool(checked.fits),
        hours=plan.prediction.total_hours,
        usd=plan.prediction.cost_usd,
        offer=plan.offer.id,
        layout=layout(plan),
        broken=", ".join(dict.fromkeys(violation.name for violation in checked.violations)),
        another_batch=another_batch,
    )


def divided(batch: int, gpus: int) -> int:
    """The multiple of `gpus` nearest to `batch`."""
    return max(1, round(batch / gpus)) * gpus


def _keeps(checked: Result, question: Question) -> bool:
    """Whether the cluster keeps all limits; that on the GPUs is held here, for `check` takes the cluster as given."""
    if checked.plan is None:
        return False
    return checked.status == "optimal" and checked.plan.gpus <= (question.max_gpus or math.inf)


def _best(question: Question, spec: dict[str, object]) -> Result | str:
    """The best of the frameworks that run the question; a sentence where the cluster cannot be checked at all."""
    found: list[Result] = []
    said = "no framework runs this"
    for way in ways(question):
        chosen = {"framework": way["framework"]} if "framework" in way else {}
        try:
            found.append(check(spec | chosen))
        except InputError as error:
            said = error.message
    return min(found, key=_merit) if found else said


def _merit(checked: Result) -> tuple[bool, float]:
    if checked.plan is None:
        return (True, math.inf)
    p = checked.plan.prediction
    return (False, p.cost_usd) if checked.status == "optimal" else (True, p.total_hours)


def layout(plan: PlanAnswer) -> str:
    """Framework and degrees above one."""
    found = plan.layout
    named = degrees(plan).replace(GLUE, " ")
    return f"{found.framework} {named} ZeRO-{found.zero_stage}, global batch {found.global_batch}"


@dataclass(frozen=True)
class Score:
    """How a tool did over the questions that have a plan (`of`).

    `late` counts what fits and breaks another limit, which is the deadline but for a budget. The sums and ratios are over the
    questions where the tool's plan is feasible: its dollars and hours beside gpuplan's.
    """

    of: int
    answered: int
    feasible: int
    feasible_at_point: int
    misfits: int
    late: int
    usd: float
    our_usd: float
    usd_ratios: tuple[float, ...]
    hours: float
    our_hours: float


def score(pairs: Sequence[tuple[Ours, Verdict]]) -> Score:
    """Count one tool's verdicts; questions without a plan are left out."""
    possible = [(ours, verdict) for ours, verdict in pairs if ours.plan is not None]
    named = [verdict for _, verdict in possible if verdict.answer.answered]
    good = [(o.plan.prediction, v) for o, v in possible if v.feasible and o.plan is not None]
    return Score(
        of=len(possible),
        answered=len(named),
        feasible=len(good),
        feasible_at_point=sum(verdict.feasible_at_point for verdict in named),
        misfits=sum(not verdict.fits for verdict in named),
        late=sum(verdict.fits and not verdict.feasible for verdict in named),
        usd=sum(v.usd for _, v in good),
        our_usd=sum(p.cost_usd for p, _ in good),
        usd_ratios=tuple(sorted(v.usd / p.cost_usd for p, v in good)),
        hours=sum(v.hours for _, v in good),
        our_hours=sum(p.total_hours for p, _ in good),
    )
