"""Models of a family, and the largest of them with which a plan still keeps every limit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gpuplan.ask import Asker, unasked
from gpuplan.errors import InputError
from gpuplan.job import Job, JobSpec, resolve
from gpuplan.job.training import find_architecture
from gpuplan.pipeline import Outcome
from gpuplan.reasons import reason_of
from gpuplan.sweeping.maximize import Most
from gpuplan.sweeping.points import explained
from gpuplan_hardware import Offer
from gpuplan_models import Architecture, architectures

#: From here on a name says a size: "-7b", "-8x22b", "-a2.7b".
_SIZE = re.compile(r"-a?\d+(\.\d+)?(x\d+)?b(-|$)")


@dataclass(frozen=True)
class Member:
    """A model of a family with the job that trains it; None where it cannot be asked about, as `refusal` says."""

    model: Architecture
    job: Job | None
    refusal: str = ""


def family(words: str) -> list[Architecture]:
    """Models that are meant, the largest first.

    Parameters
    ----------
    words
        Several models with commas between them; or one, which stands for all of the catalogue that are called the same but for the
        size ("qwen2.5-7b" for every qwen2.5, a name without a size for all that begin with it); or what names begin with
        ("deepseek-r1-distill"); or a model of one's own, which has no family.

    Raises
    ------
    InputError
        A name that nothing is called or begins with, with close matches.
    """
    parts = [part.strip() for part in words.split(",") if part.strip()]
    found = [find_architecture(part) for part in parts] if len(parts) > 1 else _alike(words.strip())
    distinct = {model.name: model for model in found}
    return sorted(distinct.values(), key=lambda model: (-model.parameters, model.name))


def _alike(word: str) -> list[Architecture]:
    """Models of the catalogue that one word stands for."""
    known = architectures()
    begin = word.lower().rstrip("*").rstrip("-")
    try:
        one = find_architecture(word)
    except InputError:
        starting = [model for name, model in known.items() if begin and name.startswith(begin)]
        if not starting:
            raise
        return starting
    if known.get(one.name) is not one:
        return [one]
    stem = _stem(one.name)
    if stem == one.name:
        return [model for name, model in known.items() if name.startswith(stem)]
    return [model for name, model in known.items() if _stem(name) == stem]


def _stem(name: str) -> str:
    """A name as far as its size."""
    return _SIZE.split(name, maxsplit=1)[0]


def members(spec: JobSpec, offers: Sequence[Offer] | None = None) -> list[Member]:
    """The family of a job's model with a job for each, the largest first; what the job asks may be too much for some.

    Raises
    ------
    InputError
        The job cannot be used with any of them, or names no model.
    """
    if spec.model is None:
        raise InputError("model", "", "is missing; name a model, or what the names of a family begin with")
    found: list[Member] = []
    errors: list[InputError] = []
    for model in family(str(spec.model)):
        name = str(spec.model) if model.name not in architectures() else model.name
        try:
            found.append(Member(model, resolve(spec.model_copy(update={"model": name}), offers)))
        except InputError as error:
            errors.append(error)
            found.append(Member(model, None, error.message))
    if all(member.job is None for member in found):
        raise errors[0]
    return found


def largest_model(models: Sequence[Member], ask: Asker) -> Most:
    """The largest model with which a plan keeps every limit, by parameters; each has the job's time limit.

    Parameters
    ----------
    models
        In falling order (see `members`); the limits of their jobs count.
    """
    questions, proved = 0, True
    larger: Member | None = None
    outcome: Outcome | None = None
    for member in models:
        if member.job is None:
            larger = member
            continue
        ask.extend(member.job.search.time_limit_seconds)
        outcome = ask(member.job) or unasked(member.job, ask.offers)
        questions += 1
        if outcome.plan is not None:
            decided = proved and outcome.status == "optimal"
            return Most(member.job, outcome, questions, decided, _why_not_larger(larger, ask))
        proved = proved and outcome.status == "infeasible"
        larger = member
    last = next(member.job for member in reversed(models) if member.job is not None)
    if outcome is None:
        raise ValueError("no model to ask about")
    why = explained(last, ask.offers, ask) if outcome.status == "infeasible" else None
    return Most(last, outcome, questions, proved, None, why)


def _why_not_larger(larger: Member | None, ask: Asker) -> str | None:
    """Why the next larger model has no plan."""
    if larger is None:
        return None
    if larger.job is None:
        return f"{larger.model.name} is larger; {larger.refusal}"
    ask.extend(larger.job.search.time_limit_seconds)
    outcome = ask(larger.job)
    if outcome is None or outcome.status != "infeasible":
        return f"{larger.model.name} is larger; whether it has a plan was not decided in time"
    why = explained(larger.job, ask.offers, ask)
    return f"{larger.model.name} is larger; {reason_of(why.conflict, why.relaxations)}"


__all__ = ["Member", "family", "largest_model", "members"]
