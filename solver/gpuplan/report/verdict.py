"""The first lines: what the answer is, in one sentence, and what the reader must know before signing."""

from __future__ import annotations

from gpuplan.report.format import (
    count,
    hours_interval,
    limit_hours,
    limit_money,
    money_interval,
    percent,
    plural,
    share,
)
from gpuplan.report.words import (
    BEST,
    DECISIONS,
    LIMITS,
    USER_LIMITS,
    amount,
    available,
    cluster,
    clusters_at_once,
    confidence,
    exchange,
    gpus,
    in_currency,
    lead_unknown,
    shortfall,
    words,
)
from gpuplan.result import PlanAnswer, Result

#: What times count from where nobody states the lead time.
FROM_GRANTED = "once the nodes are granted (how soon, nobody states)"
#: How the sentence goes on that counts the offers outside the selection (`caveats.not_looked_at`).
NOT_LOOKED_AT = " offers were not looked at: "
GOOD, BAD, OPEN = "bold green", "bold red", "bold yellow"


#: Where a limit stands in the answer, and its unit.
LIMIT_FIELDS = {
    "deadline": ("deadline_hours", "hours"),
    "budget": ("budget_usd", "USD"),
    "min_mfu": ("min_mfu", "share"),
}


def verdict(result: Result) -> tuple[str, str]:
    """The answer in one sentence, and the style it is printed in."""
    if result.question == "check" and result.plan is not None:
        sentence, style = _check(result, result.plan)
        return _extrapolated(result.plan, sentence), style
    if result.choices:
        return _choices(result)
    if result.plan is not None:
        sentence = _extrapolated(result.plan, _plan(result, result.plan))
        return sentence, GOOD if result.status == "optimal" else OPEN
    if result.status == "infeasible":
        return _infeasible(result), BAD
    ended = "No answer, interrupted" if result.solver.stopped == "interrupted" else "No answer within the time limit"
    return f"{ended}: neither a plan nor a proof that there is none; not reproducible.", OPEN


def _choices(result: Result) -> tuple[str, str]:
    """How many of the choices have a plan; which to take is the reader's to say."""
    having = [choice for choice in result.choices if choice.plan is not None]
    asked = f"{len(result.choices)} choices"
    if not having and result.status == "infeasible":
        return f"No plan for any of {asked} of method and precision; proved.", BAD
    if not having:
        return f"None of {asked} of method and precision was decided in time, or has a plan; not reproducible.", OPEN
    how = "each proved" if all(choice.status == "optimal" for choice in having) else "not all proved"
    best = words(BEST, result.objective_name)
    sentence = (
        f"{len(having)} of {asked} of method and precision have a plan, {how} {best} of its kind; the choice is yours."
    )
    return sentence, GOOD if result.status == "optimal" else OPEN


def warnings(result: Result) -> list[str]:
    """Warnings that the first line does not give already."""
    extrapolated = result.plan is not None and result.plan.prediction.coverage == "extrapolated"
    said = [text for text in result.warnings if not (extrapolated and "published runs" in text)]
    if _nothing_left(result):
        said = [text for text in said if NOT_LOOKED_AT not in text]
    return said if result.other_framework is None else [_better_framework(result, result.other_framework), *said]


def _better_framework(result: Result, other: PlanAnswer) -> str:
    """What another framework than the default would do better."""
    name, mark = other.layout.framework, " (extrapolated)" if other.prediction.coverage == "extrapolated" else ""
    best = words(BEST, result.objective_name)
    if result.plan is not None and result.plan.layout.framework == name:
        name += ", also where no model parallelism is used,"
    return f"--framework {name} is proved {best} at {who(result, other)}, {_time_and_cost(other)}{mark}"


def _extrapolated(plan: PlanAnswer, sentence: str) -> str:
    """The sentence, behind a word of caution where nobody has measured."""
    if plan.prediction.coverage != "extrapolated":
        return sentence
    caution = f"Extrapolated, too few published runs behind {plan.offer.gpu} with {plan.layout.framework}: "
    return caution + sentence[0].lower() + sentence[1:]


def who(result: Result, plan: PlanAnswer) -> str:
    """The cluster, or the clusters of trials that run together."""
    at_once = clusters_at_once(result)
    if at_once == 1:
        return f"{gpus(plan)} ({cluster(plan)})"
    return f"{plural(at_once, 'cluster')} of {gpus(plan)} (each {cluster(plan)})"


def _time_and_cost(plan: PlanAnswer) -> str:
    p, since = plan.prediction, f" {FROM_GRANTED}" if lead_unknown(plan) else ""
    return f"{hours_interval(p.total_hours_interval)}{since} for {money_interval(p.cost_usd_interval)}"


def _time_and_bill(result: Result, plan: PlanAnswer) -> str:
    """Time and cost of the plan of the answer, also in the second currency."""
    second = result.currency
    if second is None:
        return _time_and_cost(plan)
    return f"{_time_and_cost(plan)}, {in_currency(result, plan.prediction.cost_usd)} {exchange(second)}"


def _plan(result: Result, plan: PlanAnswer) -> str:
    verb = "does it in" if clusters_at_once(result) == 1 else "do it in"
    return f"{who(result, plan)} {verb} {_time_and_bill(result, plan)}; {proof(result)}."


def proof(result: Result) -> str:
    """Whether the plan is proved the best of its kind, and otherwise how far off it may be."""
    best = words(BEST, result.objective_name)
    if result.other_framework is not None:
        best += " with the default frameworks"
    if result.status == "optimal":
        return f"proved {best}"
    gap = "" if result.solver.gap is None else f", at most {percent(result.solver.gap)} off"
    ended = "interrupted" if result.solver.stopped == "interrupted" else "the time limit ended the search"
    return f"not proved {best}{gap}: {ended}; not reproducible"


def _infeasible(result: Result) -> str:
    if _nothing_left(result):
        why = [f" Left out: {text.partition(NOT_LOOKED_AT)[2]}." for text in result.warnings if NOT_LOOKED_AT in text]
        return f"No plan: no offer is left to look at; proved.{''.join(why)}"
    if any(relaxation.limit == "framework" for relaxation in result.relaxations):
        return f"No plan with the default frameworks: {_conflict(result)}; proved."
    return f"No plan: {_conflict(result)}; proved."


def _nothing_left(result: Result) -> bool:
    """Whether every offer was left out before any was looked at."""
    return result.conflict == ["offers"] and result.solver.machine_classes == 0


def _conflict(result: Result) -> str:
    """What cannot be kept, or kept together."""
    if result.conflict == ["offers"]:
        return "no offer in the selection can hold it at all, whatever the time and the money"
    named = [_limit(result, name) for name in result.conflict]
    if not named:
        return "not all limits can be kept"
    if len(named) == 1:
        return f"{named[0]} alone rules out every cluster"
    return f"{', '.join(named[:-1])} and {named[-1]} cannot be kept together"


def _limit(result: Result, name: str) -> str:
    """A limit or a decision as the user gave it."""
    if name in DECISIONS:
        return f"the given {DECISIONS[name]}"
    field, unit = LIMIT_FIELDS.get(name, (name, ""))
    value = getattr(result.limits, field, None)
    if isinstance(value, list):
        return f"the {words(LIMITS, name)} {', '.join(str(one) for one in value)}"
    return f"the {words(LIMITS, name)}" + ("" if value is None else f" of {limit_value(value, unit)}")


def limit_value(value: float, unit: str) -> str:
    """The value of a limit in its unit, as the user gave it."""
    if unit == "hours":
        return limit_hours(value)
    if unit == "switch":
        return "on" if value else "off"
    if unit == "share":
        return share(value).replace(".0%", "%")
    return limit_money(value) if unit == "USD" else count(value)


def _check(result: Result, plan: PlanAnswer) -> tuple[str, str]:
    broken = result.violations
    if not broken:
        deadline = any(rule.rule == "deadline" and rule.available is not None for rule in result.rules)
        fits = "Fits and finishes in time" if deadline else "Fits"
        return f"{fits}: {who(result, plan)} takes {_time_and_bill(result, plan)}.", GOOD
    fitting = [rule for rule in broken if rule.rule not in USER_LIMITS]
    worst = max(fitting or broken, key=lambda rule: rule.used_share or 0.0)
    more = f"; and {plural(len(broken) - 1, 'more limit')} broken" if len(broken) > 1 else ""
    if result.fits is False:
        return f"Does not fit on {who(result, plan)}: {shortfall(worst)}{more}.", BAD
    if result.finishes is False:
        late = next((rule for rule in broken if rule.rule == "deadline"), worst)
        takes = f"{who(result, plan)} takes {_time_and_cost(plan)}"
        needs = f"{confidence(result)} it needs {amount(late.required, late)}, and the deadline is {available(late)}"
        return f"Fits, but does not finish in time: {takes}; {needs}{more}.", BAD
    return f"Fits and finishes, but breaks a limit on {who(result, plan)}: {shortfall(worst)}{more}.", BAD
