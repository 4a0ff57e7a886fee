"""Why nothing fits: a minimal set of limits that conflict, and for each limit the smallest change that makes a plan exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from gpuplan.ask import Asker
from gpuplan.job import Job
from gpuplan.question import Question, relax
from gpuplan.relax import Given, Limit, given
from gpuplan.result import Relaxation
from gpuplan.ways_out import switches_on, ways_out
from gpuplan_hardware import Offer

#: Stated when no limit of the user is to blame: no offer in the selection can hold the job at all.
NO_OFFER = "offers"


@dataclass(frozen=True)
class Explanation:
    """Limits that conflict (a minimal set), and relaxations, cheapest plan first.

    Where no single limit is enough, each is relaxed with the fewest others lifted, and those the plan breaks are named. `undecided`
    names what the time was too short for: limits of which it is open whether they belong to the conflict, and changes of which it
    is open whether they lead to a plan, or whether a smaller one would. With the limits named there the conflict is one in any
    case, but it may not be minimal.
    """

    conflict: list[str]
    relaxations: list[Relaxation]
    undecided: list[str] = field(default_factory=list)


def explain(job: Job, offers: Sequence[Offer], ask: Asker | None = None) -> Explanation:
    """Explain why `job` has no plan among `offers`.

    The conflict comes from a deletion filter: a limit is dropped for good when the others alone still leave no plan. What is left
    is minimal: without any one of them there is a plan.

    Parameters
    ----------
    ask
        Asks for plans, and keeps the time: all questions together may take the job's time limit unless told otherwise.
    """
    question = Question(job, offers, ask or Asker(offers, job.search.time_limit_seconds))
    stated = given(job)
    alone = [relax(question, item, [item]) for item in stated if len(stated) == 1]  # answers the next question as well
    some = question.possible(stated)
    if some is None:
        return Explanation([], [], [NO_OFFER, *(item.name for item in stated)])
    if not some:
        found = ways_out(question, switches_on(question, stated))
        return Explanation([NO_OFFER], found, list(question.undecided))
    tried = alone or [relax(question, item, [item]) for item in stated]
    singles = [change for change in tried if change is not None]
    core, open_ = _core(question, stated, stated)
    for item in open_:
        question.open(item.name)
    changes = ways_out(question, singles or _fewest(question, stated, [*core, *open_]))
    return Explanation([item.name for item in core], changes, list(question.undecided))


def _core(question: Question, stated: Sequence[Given], conflicting: Sequence[Given]) -> tuple[list[Given], list[Given]]:
    """A minimal part of what conflicts, and what of it was not decided: whether it can be left out."""
    kept, open_ = list(conflicting), []
    for item in sorted(conflicting, key=lambda item: isinstance(item, Limit)):  # decisions go first: a limit says more
        possible = question.possible([other for other in stated if other not in kept or other is item])
        if possible is False:
            kept.remove(item)
        elif possible is None:
            open_.append(item)
    return [item for item in kept if item not in open_], open_


def _fewest(question: Question, stated: Sequence[Given], core: Sequence[Given]) -> list[Relaxation]:
    """Smallest relaxation of each limit, with as few others lifted beside it as lead to a plan at all.

    Whatever is lifted must hit every set that conflicts; where it does and there is still no plan, what is left holds one more
    such set. There are few of them, so few combinations have to be tried.
    """
    cores = [set(core)]
    for size in range(2, len(stated) + 1):
        found: list[Relaxation] = []
        for lifted in combinations(stated, size):
            if any(not other & set(lifted) for other in cores):
                continue
            if question.ask.over:
                question.open(lifted[0].name)
                return found
            possible = question.possible(lifted)
            if possible is False:
                least, open_ = _core(question, stated, [item for item in stated if item not in lifted])
                cores.append({*least, *open_})
            elif possible:
                changes = [relax(question, item, [item, *(o for o in lifted if o is not item)]) for item in lifted]
                found += [change for change in changes if change is not None and change.to != change.from_]
        if found:
            return found
    return []
