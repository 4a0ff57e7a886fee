"""An answer as text: the verdict first, then what it rests on."""

from __future__ import annotations

from rich.console import Console, RenderableType

from gpuplan.report import format as f
from gpuplan.report.blocks import MAX_WIDTH, Prose, bullets, facts, section, write
from gpuplan.report.choices import choices
from gpuplan.report.plan import job, plan_sections
from gpuplan.report.tables import alternatives, limits, relaxations, violations, worth
from gpuplan.report.verdict import verdict, warnings
from gpuplan.report.words import LIMITS, ORDER, words
from gpuplan.result import Result, SolverAnswer


def render(result: Result, console: Console) -> None:
    """Print an answer for people.

    Parameters
    ----------
    result
        The answer to `solve` or `check`.
    console
        Where to print; text is at most its width and `MAX_WIDTH` columns wide, without trailing spaces.
    """
    width = max(1, min(console.width, MAX_WIDTH))
    write(console, _sections(result, width), width)


def _sections(result: Result, width: int) -> list[RenderableType]:
    sentence, style = verdict(result)
    blocks: list[RenderableType] = [Prose(sentence, style)]
    blocks += [Prose(f"Warning: {text}.", "yellow") for text in warnings(result)]
    if result.plan is not None:
        blocks.append(Prose("[Brackets]: 90% interval of the prediction.", "dim"))
    if result.undecided:
        why = (
            "Interrupted before it was decided"
            if result.solver.stopped == "interrupted"
            else "Not decided within the time limit"
        )
        named = ", ".join(words(LIMITS, name) for name in result.undecided)
        blocks.append(Prose(f"{why}: {named}; not reproducible.", "yellow"))
    blocks += [*choices(result), *violations(result), *relaxations(result), job(result)]
    if result.plan is not None:
        blocks += [*plan_sections(result, result.plan, width), *limits(result), *worth(result), *alternatives(result)]
    if result.assumptions:
        blocks.append(section("Assumed", bullets(result.assumptions)))
    return [*blocks, section("Proof", _proof(result))]


def _proof(result: Result) -> RenderableType:
    """Who decided what."""
    solver = result.solver
    total = sum(solver.seconds.values())
    laps = ", ".join(f"{name.replace('_', '-')} {_seconds(value)}" for name, value in solver.seconds.items())
    versions = ", ".join(f"{name} {number}" for name, number in solver.versions.items())
    prices = f"; newest price {solver.catalogue_as_of}" if solver.catalogue_as_of else ""
    return facts(
        [
            ("verdict", solver.proof + _precision(solver)),
            ("order", _order(result)),
            (
                "searched",
                searched(result),
            ),
            ("left to CP-SAT", _left(solver)),
            ("took", f"{_seconds(total)}" + (f" ({laps})" if laps else "")),
            ("data", f"constants of {solver.constants_as_of}{prices}"),
            ("versions", versions),
        ]
    )


def _order(result: Result) -> str | None:
    """What decides among equally good plans."""
    rest = [words(ORDER, name) for name in result.objective_order[1:]]
    return f"of equally good plans {', then '.join([*rest, 'the plainer layout'])}" if rest else None


def searched(result: Result) -> str:
    """Offers, kinds of machine and layouts, and how many a bound made needless; several choices look at the same machines."""
    solver, searches = result.solver, [one.solver for one in result.choices]
    kinds = max((one.machine_classes for one in searches), default=solver.machine_classes)
    excluded = 0 if searches else solver.machine_classes_excluded_by_bound
    offers = f.plural(solver.offers, "offer")
    if solver.offers_listed > solver.offers:
        offers = (
            f"{f.plural(solver.offers_listed, 'offer')} listed, {f.count(solver.offers)} after leaving out the same node in "
            "dearer regions"
        )
    bound = f", {excluded:,} of them excluded by a bound" if excluded else ""
    return (
        f"{offers}; {f.plural(kinds, 'kind')} of machine in the selection"
        f"{bound}; {f.plural(solver.layouts_evaluated, 'layout')} evaluated"
    )


def _left(solver: SolverAnswer) -> str:
    """What the reductions could not decide."""
    if solver.cp_sat_status is None and solver.pairs_left_to_cp_sat == 0:
        return "nothing"
    said = "" if solver.cp_sat_status is None else f"; CP-SAT says {solver.cp_sat_status}"
    return f"{f.plural(solver.pairs_left_to_cp_sat, 'pair')} of offer and layout{said}"


def _precision(solver: SolverAnswer) -> str:
    """Gap between plan and bound, and what rounding to integers can hide."""
    if solver.gap is None:
        return ""
    rounding = "" if solver.rounding_bound is None else f", rounding at most {f.percent(solver.rounding_bound)}"
    return f"; gap {f.percent(solver.gap)}{rounding}"


def _seconds(value: float) -> str:
    return f"{value:.2f}{f.GLUE}s"
