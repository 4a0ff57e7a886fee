"""What a limit costs, and what must change, in sentences."""

from __future__ import annotations

from gpuplan.scheduling.answer import UNITS, date_of
from gpuplan.scheduling.conflict import Change, Limit, Reason
from gpuplan.scheduling.modes import Prepared
from gpuplan.scheduling.problem import MICRO
from gpuplan.scheduling.result import FleetRelaxation, FleetWorth
from gpuplan.scheduling.types import Fleet
from gpuplan.scheduling.worth import WEEK, Saving
from gpuplan.units import format_count, format_hours_at_least, format_money, format_money_at_least


def limit_name(prepared: Prepared, limit: Limit) -> str:
    """A limit as one calls it: "deadline of support-bot", "budget", "dgx"."""
    if limit.kind == "deadline":
        return f"deadline of {prepared.problem.tasks[limit.index].name}"
    return "budget" if limit.kind == "budget" else prepared.resources[limit.index].name


def relaxations(fleet: Fleet, prepared: Prepared, reason: Reason) -> list[FleetRelaxation]:
    """The changes, one of which is enough."""
    return [_relaxation(fleet, prepared, change) for change in reason.changes]


def _relaxation(fleet: Fleet, prepared: Prepared, change: Change) -> FleetRelaxation:
    limit = change.limit
    name, job = limit_name(prepared, limit), None
    if limit.kind == "deadline":
        job, unit, scale = prepared.problem.tasks[limit.index].name, "hours", 60
        later = format_hours_at_least((change.after - change.before) / 60)
        date = date_of(fleet, change.after)
        at = format_hours_at_least(change.after / 60) + " from the start" if date is None else date.replace("T", " ")
        sentence = f"the deadline of {job} {later} later, at {at}"
    elif limit.kind == "budget":
        unit, scale = "USD", MICRO
        sentence = f"a budget of {format_money_at_least(change.after / MICRO)} instead of {format_money(change.before / MICRO)}"
    else:
        shared = prepared.resources[limit.index]
        unit, scale = shared.unit, 1
        more = change.after - change.before
        counted = unit.removesuffix("s") if more == 1 else unit
        sentence = f"{format_count(more)} more {counted} of {name} throughout ({change.after} instead of {change.before} at most)"
    return FleetRelaxation(
        limit=name,
        job=job,
        **{"from": change.before / scale},
        to=change.after / scale,
        unit=unit,
        smallest=change.smallest,
        sentence=sentence if change.smallest else f"{sentence} (perhaps less)",
    )


def worth_answer(fleet: Fleet, prepared: Prepared, saving: Saving) -> FleetWorth:
    """What more of a limit saves."""
    objective = fleet.objectives[0]
    unit, scale = UNITS[objective]
    amount = _amount(objective, saving.saves / scale)
    proved = saving.saves_at_most is not None and saving.saves_at_most <= saving.saves
    saved = f"would save {amount}" if proved else f"would save at least {amount}"
    most = None if saving.saves_at_most is None else saving.saves_at_most / scale
    if saving.resource is None:
        step = saving.units / MICRO
        return FleetWorth(
            limit="budget", unit="USD", step=step, from_hours=None, until_hours=None, saves=saving.saves / scale,
            saves_at_most=most, objective_unit=unit, sentence=f"{format_money(step)} more budget {saved}",
        )  # fmt: skip
    shared = prepared.resources[saving.resource]
    gpus, gpu = saving.units * shared.gpus_per_unit, shared.gpu or "GPUs"
    return FleetWorth(
        limit=shared.name,
        unit=shared.unit,
        step=saving.units,
        from_hours=saving.begin / 60,
        until_hours=saving.end / 60,
        saves=saving.saves / scale,
        saves_at_most=most,
        objective_unit=unit,
        sentence=f"{gpus} more {gpu} of {shared.name} in {_week(fleet, saving)} {saved}",
    )


def _amount(objective: str, value: float) -> str:
    if objective in ("cost", "value"):
        return format_money(value)
    return f"{value:,.1f} hours x priority of being late"


def _week(fleet: Fleet, saving: Saving) -> str:
    number = f"week {saving.begin // WEEK + 1}"
    first = date_of(fleet, saving.begin)
    return number if first is None else f"{number} (from {first.partition('T')[0]})"
