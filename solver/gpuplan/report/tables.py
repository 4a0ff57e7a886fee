"""Tables over several rules or plans: limits, what is broken, alternatives, relaxations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType

from gpuplan.report import format as f
from gpuplan.report.blocks import Prose, bar, columns, section, table
from gpuplan.report.format import GLUE
from gpuplan.report.verdict import limit_value
from gpuplan.report.words import (
    DECISIONS,
    LIMITS,
    RULES,
    USER_LIMITS,
    amount,
    available,
    cluster,
    confidence,
    degrees,
    gpus,
    lead_unknown,
    used,
    words,
)
from gpuplan.result import PlanAnswer, Relaxation, Result, RuleAnswer, Worth

#: Rules that a plan meets exactly by construction; they say nothing about how near a limit is.
EXACT = ("step_time", "topology")
#: What alternatives differ in, as a heading.
NEXT_BEST = {"gpu": "on other GPUs", "provider": "from other providers", "layout": "with other layouts"}
#: Header of the column that compares plans, by what is minimised.
DIFFERENCE = {"cost": "cost +", "gpus": "GPUs +", "time": "time +"}
MARK = f"{GLUE}*"
FOOTNOTE = "* extrapolated: too few published runs behind this GPU and framework"
LEAD_MARK = "+"
LEAD_FOOTNOTE = "+ the time once the nodes are granted; how long that takes from the order, nobody states"


def limits(result: Result) -> list[RenderableType]:
    """How near each limit is, nearest first."""
    near = [rule for rule in result.rules if rule.used_share is not None and not always_met(rule)]
    near.sort(key=lambda rule: -(rule.used_share or 0.0))
    if not near:
        return []
    rows = [_nearness(rule) for rule in near]
    return [section(f"How near each limit is ({confidence(result)})", columns(rows, right=(1,)))]


def always_met(rule: RuleAnswer) -> bool:
    """Whether a rule says nothing about nearness: what is met exactly, and storage, which is rented as it is needed."""
    return rule.satisfied and (rule.rule in EXACT or "storage" in rule.name)


def _nearness(rule: RuleAnswer) -> tuple[str, ...]:
    share = rule.used_share or 0.0
    state = "broken" if not rule.satisfied else "binding" if rule.binding else ""
    return words(RULES, rule.name), f.share(share), f"{bar(share, 10):<10}".replace(" ", GLUE), used(rule), state


def violations(result: Result) -> list[RenderableType]:
    """Which rules fail, and by how much."""
    if not result.violations:
        return []
    fit_first = sorted(result.violations, key=lambda rule: rule.rule in USER_LIMITS)
    rows = [_violation(rule) for rule in fit_first]
    grid = table(["", ">needed", ">there is", ">too much"], rows)
    unknown = any(rule.available is None for rule in result.violations)
    hint = [Prose("--allow-unknown-host accepts nodes whose figures nobody states.")] if unknown else []
    return [section(f"What fails ({confidence(result)})", grid, *hint)]


def _violation(rule: RuleAnswer) -> tuple[str, ...]:
    name, needed = words(RULES, rule.name), amount(rule.required, rule)
    if rule.available is None:
        return name, needed, "unknown", "unknown"
    if rule.available == 0:
        return name, needed, "none allowed", needed
    return name, needed, available(rule), amount(rule.required - rule.available, rule)


def alternatives(result: Result) -> list[RenderableType]:
    """Next-best plans on other GPUs, from other providers, or with other layouts."""
    best = result.plan
    if best is None or not result.alternatives:
        return []
    plans = (best, *result.alternatives)
    rows = [_plan_cells(plan, _difference(result, best, plan)) for plan in plans]
    rows = [(*row[:-1], plan.offer.price_as_of, row[-1]) for row, plan in zip(rows, plans, strict=True)]
    headers = ["GPUs", ">time", ">cost", f">{DIFFERENCE.get(result.objective_name, 'more')}", "price of", "cluster"]
    if result.alternatives_by == "layout":
        headers.append("layout")
        rows = [(*row, degrees(plan)) for row, plan in zip(rows, plans, strict=True)]
    title = f"Next best {words(NEXT_BEST, result.alternatives_by)}"
    return [section(title, table(headers, rows), *_footnote(plans))]


def _plan_cells(plan: PlanAnswer, *more: str) -> tuple[str, ...]:
    """GPUs, time, cost, what else there is to say, cluster."""
    p = plan.prediction
    mark = "" if p.coverage != "extrapolated" else MARK
    return gpus(plan) + mark, marked_hours(plan), f.money(p.cost_usd), *more, cluster(plan)


def marked_hours(plan: PlanAnswer) -> str:
    """Time of a plan, with a mark where it does not count from the order."""
    return f.hours(plan.prediction.total_hours) + (LEAD_MARK if lead_unknown(plan) else "")


def _footnote(plans: Sequence[PlanAnswer]) -> list[RenderableType]:
    """What the marks in a table of plans mean."""
    extrapolated = any(plan.prediction.coverage == "extrapolated" for plan in plans)
    notes = [FOOTNOTE] if extrapolated else []
    return [Prose(note) for note in [*notes, *lead_footnote(plans)]]


def lead_footnote(plans: Iterable[PlanAnswer]) -> list[str]:
    """What the mark of a time means, where one has it."""
    return [LEAD_FOOTNOTE] if any(lead_unknown(plan) for plan in plans) else []


def _difference(result: Result, best: PlanAnswer, plan: PlanAnswer) -> str:
    """How much worse a plan is in what is minimised."""
    if plan is best:
        return "best"
    before, after = (_objective(result.objective_name, one) for one in (best, plan))
    if before <= 0:
        return ""
    more = after / before - 1
    return f"{'-' if more < 0 else '+'}{f.percent(abs(more))}"


def _objective(name: str, plan: PlanAnswer) -> float:
    values = {"gpus": float(plan.gpus), "time": plan.prediction.total_hours}
    return values.get(name, plan.prediction.cost_usd)


def relaxations(result: Result) -> list[RenderableType]:
    """For each limit the least change that makes a plan exist, with the plan it buys."""
    if result.status != "infeasible" or result.question == "check":
        return []
    if not result.relaxations:
        return [section("What would help", Prose(no_relaxation(result)))]
    rows = [relaxation_cells(relaxation) for relaxation in result.relaxations]
    plans = tuple(relaxation.plan for relaxation in result.relaxations)
    grid = table(["limit", ">from", ">   to", "buys", ">time", ">cost", "on"], rows)
    return [section("What would help", Group(grid, Prose(relaxation_note(result)), *_footnote(plans)))]


def relaxation_cells(relaxation: Relaxation) -> tuple[str, ...]:
    """A limit, from what to what, and the plan that it buys: GPUs, time, cost, cluster."""
    name, cells = _switch(relaxation.limit), _plan_cells(relaxation.plan)
    if relaxation.which is not None:
        name = f"{name} {relaxation.which}"
    if relaxation.unit == "switch":
        more = [_switch(also.limit) for also in relaxation.also_lifted if also.unit == "switch"]
        if relaxation.limit == "framework":
            name = f"--framework{GLUE}{relaxation.plan.layout.framework}"
        return ", ".join([name, *more]), "", "", *cells
    before = limit_value(relaxation.from_, relaxation.unit)
    return name, before, f"->{GLUE}{_at_least(relaxation.to, relaxation.unit)}", *cells


def _switch(name: str) -> str:
    """A limit, or what is said instead of a decision or a choice of the user."""
    return f"no {DECISIONS[name]}" if name in DECISIONS else words(LIMITS, name)


def _at_least(value: float, unit: str) -> str:
    """The new limit, rounded so that it is enough."""
    if unit == "share":  # here less is enough
        return f.share(math.floor(1000 * value) / 1000)
    if unit == "hours":
        return f.hours_at_least(value)
    return f.money_at_least(value) if unit == "USD" else f.count(value)


def relaxation_note(result: Result) -> str:
    """What goes with the relaxations, in sentences."""
    text = "Any one of these changes is enough, with the other limits as they are."
    if len(result.relaxations) == 1:
        text = "This change is enough, with the other limits as they are."
    together = [_together(relaxation) for relaxation in result.relaxations]
    if any(together):
        each = (
            "This change is enough." if len(together) == 1 else "Each of these is enough, with what is named beside it."
        )
        text = " ".join([each, *filter(None, together)])
    if not all(relaxation.smallest for relaxation in result.relaxations):
        named = ", ".join(_switch(change.limit) for change in result.relaxations if not change.smallest)
        text += f" Less may be enough, which the time limit left open: {named}."
    if any(relaxation.limit == "offer_nodes" for relaxation in result.relaxations):
        text += " More nodes than the offer has are for its provider to say: ask."
    if result.confidence is not None:
        text += (
            f" Limits hold {confidence(result)}, so they lie above the expected time and cost of the plans beside them."
        )
    return text


def _together(relaxation: Relaxation) -> str:
    """What must give way beside a limit, as a sentence."""
    switched = relaxation.unit == "switch"  # those of a switch stand beside it
    others = [also for also in relaxation.also_lifted if also.unit != "switch" or not switched]
    if not others:
        return ""
    named = " and ".join(
        _switch(also.limit) if also.unit == "switch" else f"{words(LIMITS, also.limit)} {_at_least(also.to, also.unit)}"
        for also in others
    )
    name, _, to, *_ = relaxation_cells(relaxation)
    return f"{' '.join(filter(None, (_sentence(name), to)))}: only together with {named}."


def _sentence(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def no_relaxation(result: Result) -> str:
    """Why there is none, and what else there is to try."""
    if result.conflict == ["offers"]:
        if result.solver.machine_classes == 0:
            return (
                "No offer is selected: none has this GPU, provider, region, pricing and availability and computes in this "
                "precision (--gpu, --provider, --region, --pricing, --available-within, --precision); marketplaces need "
                "--marketplace."
            )
        smaller = "--seq-len" if result.method == "full" else "--method qlora, --weights, --seq-len"
        return (
            "More time or money does not. Widen the selection (--gpu, --provider, --region, --marketplace, "
            f"--allow-unknown-host), or make the job smaller ({smaller})."
        )
    return "No change of a single limit is enough: other limits conflict as well."


def worth(result: Result) -> list[RenderableType]:
    """What one unit more or less of each limit is worth in what is minimised."""
    if not result.worth:
        return []
    moved = [one for one in result.worth if one.saves]
    rows = [_worth(result, one) for one in moved]
    parts: list[RenderableType] = []
    if rows:
        headers = ["limit", ">from", ">   to", "worth", "buys", ">time", ">cost", "on"]
        parts.append(table(headers, rows))
    still = [one for one in result.worth if not one.saves and one.step > 0]
    if still:
        named = " and ".join(f"{words(LIMITS, one.limit)} {limit_value(one.to, one.unit)}" for one in still)
        parts.append(Prose(f"{_sentence(named)} would change nothing."))
    parts += _footnote([one.plan for one in moved if one.plan is not None])
    return [section("What a limit is worth", *parts)] if parts else []


def _worth(result: Result, one: Worth) -> tuple[str, ...]:
    saved = _objective_words(abs(one.saves), result.objective_unit)
    says = f"saves {saved}" if one.saves > 0 else f"costs {saved} more"
    cells = ("",) * 4 if one.plan is None else _plan_cells(one.plan)
    before, after = limit_value(one.to - one.step, one.unit), limit_value(one.to, one.unit)
    return words(LIMITS, one.limit), before, f"->{GLUE}{after}", says.replace(" ", GLUE), *cells


def _objective_words(value: float, unit: str) -> str:
    """A difference of the objective in the unit a person would use."""
    if unit == "USD":
        return f.money(value)
    return f.hours(value / 3600) if unit == "seconds" else f.plural(value, unit.removesuffix("s"))
