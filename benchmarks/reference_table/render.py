"""The audit as Markdown and CSV."""

from __future__ import annotations

import csv
import io

from benchmarks.reference_table.audit import WASTE, Audit, HostFigure
from gpuplan.result import PlanAnswer, RuleAnswer

COLUMNS = (
    "#",
    "model, method, data",
    "guide's cluster",
    "fits",
    "time on it",
    "in 24 h",
    "cost",
    "cores",
    "RAM GB",
    "storage GB",
    "network Gb/s",
    "gpuplan's cheapest in 24 h",
)
DAY_HOURS = 24.0
COMMAND = "python -m benchmarks.reference_table"


def hours(value: float) -> str:
    return f"{value:.1f} h" if value < 100 else f"{value:,.0f} h"


def dollars(value: float) -> str:
    return f"${value:,.2f}" if value < 100 else f"${value:,.0f}"


def headline(audits: list[Audit]) -> str:
    """The table in three sentences."""
    misfit = [a for a in audits if not a.checked.fits]
    late = [a for a in audits if a.checked.fits and not a.checked.finishes]
    good = [a for a in audits if a.holds and a.solved.plan is not None]
    guide = sum(a.plan.prediction.cost_usd for a in good)
    ours = sum(a.solved.plan.prediction.cost_usd for a in good if a.solved.plan is not None)
    invalid = [a for a in audits if not a.row.valid_as_printed]
    return (
        f"Of the guide's {len(audits)} clusters {len(misfit)} cannot hold the job and {len(late)} more cannot finish it in a day "
        f"at 90 % confidence; {len(invalid)} rows are arithmetically impossible as printed. "
        f"Over the {len(good)} rows that do hold, the guide's clusters cost {dollars(guide)}, "
        f"gpuplan's {dollars(ours)} ({guide / ours:.1f} times less). "
        f"gpuplan proves a cluster that finishes in a day for {sum(a.solved.plan is not None for a in audits)} of {len(audits)} rows."
    )


def markdown(audits: list[Audit]) -> str:
    """Headline, table, refused claims and how to read it."""
    lines = [
        "# The guide's sizing table, audited",
        "",
        headline(audits),
        "",
        f"Made by `{COMMAND}`. Hours are the point and the 90 % interval; cost is the point. A host figure is `given/needed`:",
        f"short if less than needed, wasteful if more than {WASTE:g} times as much (cores, RAM and storage are totals,",
        "network is per node; every node holds the weights and the data).",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---" * len(COLUMNS) + "|",
    ]
    lines += [_line(audit) for audit in audits]
    return "\n".join([*lines, "", "## Claims that do not hold", "", *_refusals(audits), "", *_notes(audits)]) + "\n"


def _line(audit: Audit) -> str:
    row, p = audit.row, audit.plan.prediction
    interval = p.total_hours_interval
    cells = [
        str(row.number),
        f"{row.model.removeprefix('DeepSeek-')}, {row.method}, {row.data}",
        f"{row.gpus} x {row.gpu}, {_layout(audit.plan)}",
        "yes" if audit.checked.fits else "**no**",
        f"{hours(p.total_hours)} [{interval.low:,.1f}-{interval.high:,.1f}]",
        "yes" if audit.holds else "**no**",
        dollars(p.cost_usd),
        *(_figure(figure) for figure in audit.host.values()),
        _best(audit),
    ]
    return "| " + " | ".join(cells) + " |"


def _layout(plan: PlanAnswer) -> str:
    layout = plan.layout
    degrees = {"TP": layout.tensor_parallel, "EP": layout.expert_parallel, "DP": layout.data_parallel}
    named = " ".join(f"{name} {degree}" for name, degree in degrees.items() if degree > 1) or "one GPU"
    return (
        f"{named} ZeRO-{layout.zero_stage} ({layout.framework})"
        if layout.data_parallel > 1
        else f"{named} ({layout.framework})"
    )


def _figure(figure: HostFigure) -> str:
    return f"{figure.given:,.0f}/{figure.needed:,.0f} {figure.verdict}"


def _best(audit: Audit) -> str:
    if audit.solved.plan is not None:
        return _plan(audit.solved.plan)
    changes = [f"{r.limit} {r.to:,.1f} {r.unit}: {_plan(r.plan)}" for r in audit.solved.relaxations]
    return "none; " + ("; ".join(changes) or "no offer holds it")


def _plan(plan: PlanAnswer) -> str:
    p = plan.prediction
    return f"{plan.gpus} x {plan.offer.gpu} ({plan.offer.provider}), {hours(p.total_hours)}, {dollars(p.cost_usd)}"


def _refusals(audits: list[Audit]) -> list[str]:
    lines = []
    for audit in audits:
        row, p = audit.row, audit.plan.prediction
        name = f"row {row.number}: {row.data} through {row.model} on {row.gpus} x {row.gpu} in a day"
        if not audit.checked.fits:
            broken = "; ".join(_violation(v) for v in audit.checked.violations)
            lines.append(f"- {name}: it does not fit ({broken}).")
        elif not audit.checked.finishes:
            low, chance = p.total_hours_interval.low, p.on_time_probability or 0.0
            how = (
                f"with 95 % confidence more than {hours(low)}"
                if low > DAY_HOURS
                else f"chance to be on time {chance:.0%}"
            )
            lines.append(f"- {name}: it takes {hours(p.total_hours)}; {how}.")
    return lines


def _violation(broken: RuleAnswer) -> str:
    scale, unit = (2**30, "GiB") if broken.unit == "bytes" else (1, broken.unit)
    available = "unknown" if broken.available is None else f"{broken.available / scale:,.4g}"
    return f"{broken.name}: {broken.required / scale:,.4g} {unit} at the asked confidence, there are {available}"


def _notes(audits: list[Audit]) -> list[str]:
    said = [f"- row {audit.row.number}: {note}." for audit in audits for note in audit.notes]
    return [
        "## How rows were read",
        "",
        *said,
        *(f"- row {a.row.number}: {a.checked.assumptions[-1]}." for a in audits),
    ]


def csv_text(audits: list[Audit]) -> str:
    """The same figures, a line per row."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        [
            "row",
            "model",
            "method",
            "data",
            "gpu",
            "gpus",
            "fits",
            "finishes",
            "hours",
            "hours_low",
            "hours_high",
            "cost_usd",
        ]
        + [
            f"{name}_{part}"
            for name in ("cores", "ram_gb", "storage_gb", "network_gbps")
            for part in ("given", "needed", "verdict")
        ]
        + ["best_gpu", "best_gpus", "best_provider", "best_hours", "best_cost_usd", "best_status"]
    )
    for audit in audits:
        row, p, best = audit.row, audit.plan.prediction, audit.solved.plan
        i = p.total_hours_interval
        figures = [value for f in audit.host.values() for value in (f"{f.given:g}", f"{f.needed:.1f}", f.verdict)]
        chosen = [""] * 5 if best is None else [
            best.offer.gpu, best.gpus, best.offer.provider, f"{best.prediction.total_hours:.3f}", f"{best.prediction.cost_usd:.2f}"
        ]  # fmt: skip
        writer.writerow(
            [row.number, row.model, row.method, row.data, row.gpu, row.gpus, audit.checked.fits, audit.checked.finishes]
            + [f"{value:.3f}" for value in (i.point, i.low, i.high)] + [f"{p.cost_usd:.2f}", *figures, *chosen, audit.solved.status]
        )  # fmt: skip
    return buffer.getvalue()
