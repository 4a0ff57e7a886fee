"""The grid as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from benchmarks.grid.cells import DEADLINE, Cell
from gpuplan.report.format import GLUE
from gpuplan.report.words import degrees
from gpuplan.result import PlanAnswer

COMMAND = "python -m benchmarks.grid"
METHODS = {"lora": "LoRA", "qlora": "QLoRA", "full": "full"}
#: Below this share of the time, training is not what decides.
LITTLE = 0.5
BINDING = 0.97
COLUMNS = ("data", "method", "cheapest cluster that is done in a day", "time", "cost", "what decides")
FIELDS = (
    "model", "method", "data", "status", "gpu", "gpus", "nodes", "offer", "framework", "hours", "hours_low", "hours_high",
    "cost_usd", "cost_usd_low", "cost_usd_high", "training_share", "unused_minimum_usd", "days_needed", "days_cluster",
    "days_cost_usd", "nodes_needed", "nodes_sold", "nodes_cluster", "nodes_cost_usd", "refused", "solve_seconds",
)  # fmt: skip


def hours(value: float) -> str:
    """Hours or minutes, as a person would say them."""
    if value < 1:
        return f"{value * 60:.0f} min"
    return f"{value:.1f} h" if value < 48 else f"{value / 24:,.1f} days"


def dollars(value: float) -> str:
    """Dollars, with cents where they matter."""
    return f"${value:,.2f}" if value < 100 else f"${value:,.0f}"


def headline(found: Sequence[Cell]) -> str:
    """The grid in three sentences."""
    asked = [cell for cell in found if cell.result is not None]
    plans = [cell for cell in asked if cell.plan is not None]
    proved = sum(cell.proved for cell in asked)
    none = [cell for cell in asked if cell.plan is None]
    seconds = sorted(cell.seconds for cell in asked)
    missing = len(found) - len(asked)
    nowhere = f" {missing} more combinations do not exist." if missing else ""
    return (
        f"{len(asked)} questions, {proved} answers proved: {len(plans)} have a cluster that is done within a day at 90 % "
        f"confidence, {len(none)} have none among the built-in on-demand offers.{nowhere} "
        f"An answer takes {seconds[len(seconds) // 2]:.1f} s (median; longest {seconds[-1]:.1f} s), explanation included."
    )


def markdown(found: Sequence[Cell]) -> str:
    """Headline and a table per model."""
    lines = [
        "# The grid people ask for",
        "",
        headline(found),
        "",
        f"Made by `{COMMAND}`: the cheapest cluster for one epoch over so much text, deadline {DEADLINE} from the order, every other",
        "setting at its default. Times and costs are the expected ones with their 90 % interval; limits hold at 90 % confidence.",
        "Where no plan exists, the smallest changes that give one: more days with what is sold, or more nodes in one fabric than",
        "the offer has on demand. * marks a GPU or framework with too few published runs behind it: wider intervals.",
        "",
    ]
    for method in dict.fromkeys(cell.method for cell in found):
        lines += [
            f"## {METHODS[method]} at a glance",
            "",
            *glance([cell for cell in found if cell.method == method]),
            "",
        ]
    for model in dict.fromkeys(cell.model for cell in found):
        lines += [f"## {model}", "", "| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
        of_model = [cell for cell in found if cell.model == model]
        sizes = list(dict.fromkeys(cell.size for cell in of_model))
        lines += [line(cell) for size in sizes for cell in of_model if cell.size == size]
        lines.append("")
    return "\n".join(lines)


def glance(found: Sequence[Cell]) -> list[str]:
    """A table of models by sizes for cells of one method."""
    sizes = list(dict.fromkeys(cell.size for cell in found))
    lines = ["| | " + " | ".join(sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    for model in dict.fromkeys(cell.model for cell in found):
        row = [_glance(cell) for cell in found if cell.model == model]
        lines.append(f"| {model} | " + " | ".join(row) + " |")
    return lines


def _glance(cell: Cell) -> str:
    """GPUs, time and money; or the days that it takes with what is sold."""
    days = cell.change("deadline")
    if cell.plan is not None:
        return _short(cell.plan, cell.plan.prediction.total_hours)
    if days is not None:
        return f"**not in a day**: {_short(days.plan, days.to)}"
    return "-" if cell.result is None else "none holds it"


def _short(plan: PlanAnswer, time: float) -> str:
    return f"{plan.gpus} x {plan.offer.gpu}, {hours(time)}, {dollars(plan.prediction.cost_usd)}"


def line(cell: Cell) -> str:
    """One row of the table."""
    head = [cell.size, METHODS[cell.method]]
    if cell.plan is not None:
        p = cell.plan.prediction
        time, cost = p.total_hours_interval, p.cost_usd_interval
        cells = [
            cluster(cell.plan),
            f"{hours(time.point)} [{hours(time.low)}-{hours(time.high)}]",
            f"{dollars(cost.point)} [{dollars(cost.low)}-{dollars(cost.high)}]",
            decides(cell),
        ]
    elif cell.result is None:
        cells = ["does not exist", "", "", cell.refused]
    else:
        cells = ["**none**", "", "", _changes(cell)]
    return "| " + " | ".join([*head, *cells]) + " |"


def cluster(plan: PlanAnswer) -> str:
    """GPUs, seller and layout in few words."""
    named = degrees(plan).replace(GLUE, " ")
    nodes = f"{plan.nodes} x {plan.offer.node}"
    guess = "" if plan.prediction.coverage != "extrapolated" else " *"
    return f"{plan.gpus} x {plan.offer.gpu}{guess} ({plan.offer.provider} {nodes}), {plan.layout.framework}, {named}"


def decides(cell: Cell) -> str:
    """What the answer hangs on: what surrounds the training, the least bill, or the limits that bind."""
    if cell.result is None or cell.plan is None:
        return ""
    p, said = cell.plan.prediction, []
    training = p.time_parts_hours["training"] / p.total_hours
    if training < LITTLE:
        said.append(f"start-up and loading are {1 - training:.0%} of the time")
    unused = p.cost_parts_usd.get("minimum_billing", 0.0) / p.cost_usd
    if unused > 0.01:
        said.append(f"the least bill: {unused:.0%} of the money is for unused time")
    # A volume is rented to the byte, so storage always "binds".
    binding = [
        rule.rule
        for rule in cell.result.rules
        if (rule.used_share or 0.0) >= BINDING
        and rule.rule not in ("step_time", "topology")
        and not rule.name.startswith("storage")
    ]
    names = {"offer_nodes": "nodes of the offer", "batch": "global batch"}
    said += [names.get(name, name) for name in dict.fromkeys(binding)]
    return "; ".join(said) or "price per token"


def _changes(cell: Cell) -> str:
    said: list[str] = []
    days, nodes = cell.change("deadline"), cell.change("offer_nodes")
    if days is not None:
        said.append(
            f"{hours(days.to)} with what is sold: {cluster(days.plan)}, {dollars(days.plan.prediction.cost_usd)}"
        )
    if nodes is not None:
        said.append(
            f"in a day with {nodes.to:,.0f} nodes in one fabric, which nobody sells on demand ({nodes.from_:,.0f} are): "
            f"{cluster(nodes.plan)}, {dollars(nodes.plan.prediction.cost_usd)}"
        )
    elif days is not None:
        said.append("in a day with no number of nodes: the global batch and the layers leave no more to divide")
    others = [c for c in (cell.result.relaxations if cell.result else []) if c.limit not in ("deadline", "offer_nodes")]
    said += [f"with --{c.limit.replace('_', '-')}: {cluster(c.plan)}" for c in others]
    return "; or ".join(said) or "no cluster in the catalogue holds it"


def csv_text(found: Sequence[Cell]) -> str:
    """The same figures, a line per question."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, FIELDS, lineterminator="\n")
    writer.writeheader()
    for cell in found:
        writer.writerow(_record(cell))
    return buffer.getvalue()


def _record(cell: Cell) -> dict[str, object]:
    record: dict[str, object] = {"model": cell.model, "method": cell.method, "data": cell.size, "refused": cell.refused}
    record["solve_seconds"] = f"{cell.seconds:.2f}"
    if cell.result is not None:
        record["status"] = cell.result.status
    if cell.plan is not None:
        p, plan = cell.plan.prediction, cell.plan
        time, cost = p.total_hours_interval, p.cost_usd_interval
        record |= {"gpu": plan.offer.gpu, "gpus": plan.gpus, "nodes": plan.nodes, "offer": plan.offer.id}
        record |= {"framework": plan.layout.framework, "hours": f"{time.point:.4f}", "hours_low": f"{time.low:.4f}"}
        record |= {"hours_high": f"{time.high:.4f}", "cost_usd": f"{cost.point:.2f}", "cost_usd_low": f"{cost.low:.2f}"}
        record |= {
            "cost_usd_high": f"{cost.high:.2f}",
            "training_share": f"{p.time_parts_hours['training'] / p.total_hours:.4f}",
        }
        record |= {"unused_minimum_usd": f"{p.cost_parts_usd.get('minimum_billing', 0.0):.2f}"}
    days, nodes = cell.change("deadline"), cell.change("offer_nodes")
    if days is not None:
        record |= {"days_needed": f"{days.to / 24:.2f}", "days_cluster": cluster(days.plan)}
        record |= {"days_cost_usd": f"{days.plan.prediction.cost_usd:.0f}"}
    if nodes is not None:
        record |= {
            "nodes_needed": f"{nodes.to:.0f}",
            "nodes_sold": f"{nodes.from_:.0f}",
            "nodes_cluster": cluster(nodes.plan),
        }
        record |= {"nodes_cost_usd": f"{nodes.plan.prediction.cost_usd:.0f}"}
    return record
