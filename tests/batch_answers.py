"""Answers to `batch` put together without solving anything, for the tests of what is made of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gpuplan.batching.result import BatchResult, BatchRow, BatchSolver, ErrorAnswer
from gpuplan.batching.summary import summary_of
from gpuplan.batching.write import written
from gpuplan.result import PlanAnswer
from report_samples import answer, plan

GPUS = ("H100-SXM", "B200", "GH200", "H200-SXM", "A100-80GB-SXM", "L4", "RTX-PRO-6000", "MI300X")
PROVIDERS = ("lambda", "aws", "nebius", "verda", "runpod", "gcp", "azure", "oracle", "coreweave", "crusoe", "vultr")


def planned(gpu: str, provider: str, hours: float, usd: float) -> PlanAnswer:
    """A plan of eight GPUs from a provider."""
    found = plan(gpu, hours, usd)
    parts = {"lead_time": 0.0, **found.prediction.time_parts_hours}
    return found.model_copy(
        update={
            "offer": found.offer.model_copy(update={"provider": provider}),
            "prediction": found.prediction.model_copy(update={"time_parts_hours": parts}),
        }
    )


def with_plan(row: int, model: str, found: PlanAnswer, **changes: Any) -> BatchRow:
    """A row with a plan."""
    result = answer(model=model, plan=found, warnings=[])
    known = {"row": row, "name": f"{model}, lora, 1GB", "job": {"model": model}, "status": "optimal", "answer": result}
    return BatchRow.model_validate(known | changes)


def without_plan(row: int, conflict: Sequence[str], model: str = "llama-3.1-405b") -> BatchRow:
    """A row that is proved to have none."""
    result = answer(model=model, status="infeasible", plan=None, objective=None, conflict=list(conflict), warnings=[])
    reason = f"no plan; {' and '.join(conflict)} cannot be kept"
    known = {"row": row, "name": f"{model}, full, 10GB", "job": {"model": model}, "reason": reason}
    return BatchRow.model_validate({**known, "status": "infeasible", "answer": result})


def undecided(row: int) -> BatchRow:
    """A row that came to its time limit."""
    result = answer(status="unknown", plan=None, objective=None, warnings=[])
    known = {"row": row, "name": "large", "job": {"model": result.model}, "reason": "not decided: the time limit"}
    return BatchRow.model_validate({**known, "status": "unknown", "answer": result})


def with_error(row: int, model: str = "lama-8b") -> BatchRow:
    """A row that cannot be used."""
    message = f"{model!r} is no model that is known; did you mean llama-3.1-8b? gpuplan models list names them all"
    error = ErrorAnswer(field="model", value=model, message=message)
    known = {"row": row, "name": model, "job": {"model": model}, "status": "error", "reason": message, "error": error}
    return BatchRow.model_validate({**known, "answer": None})


def ten() -> list[BatchRow]:
    """Few rows, of every kind."""
    return [
        with_plan(1, "qwen2.5-7b", planned("GH200", "lambda", 6.5, 14.86)),
        with_plan(2, "qwen2.5-7b", planned("GH200", "lambda", 7.7, 17.66)),
        with_plan(3, "llama-3.1-70b", planned("B200", "lambda", 10.2, 141.0)),
        with_plan(4, "mixtral-8x7b", planned("B300", "runpod", 4.2, 33.43)),
        with_plan(5, "qwen2.5-0.5b", planned("L4", "gcp", 0.4, 0.27)),
        without_plan(6, ["budget"]),
        without_plan(7, ["deadline"]),
        without_plan(8, ["budget"]),
        undecided(9),
        with_error(10),
    ]


def many(count: int, models: int = 40, seed: int = 3) -> list[BatchRow]:
    """So many rows: more models, GPUs and providers than have a place of their own, costs over five orders."""
    lot = random.Random(seed)
    rows: list[BatchRow] = []
    for row in range(1, count + 1):
        size = lot.randrange(models)
        if row % 20 == 7:
            rows.append(without_plan(row, lot.choice((["deadline"], ["budget", "deadline"], ["offers"], ["max_gpus"]))))
        elif row % 50 == 9:
            rows.append(with_error(row, lot.choice(("lama-8b", "gpt-9", "qwen 3", "mixtral"))))
        else:
            hours = lot.lognormvariate(1.5, 1.2)
            gpu, provider = lot.choice(GPUS), lot.choice(PROVIDERS)
            found = planned(gpu, provider, hours, 0.5 * 1.25**size * hours)
            rows.append(with_plan(row, f"family-{size // 5}-{2 ** (size % 5)}b-instruct", found))
    return rows


def odd() -> list[BatchRow]:
    """Names that are markup, formulas or long, and one plan alone."""
    name = "$1 and $2 <b>x</b> " + "y" * 90
    offer = planned("<i>GPU</i>", "a & b", 1.0, 20.0)
    return [with_plan(1, name, offer, name=name), with_error(2, name)]


def batched(rows: Sequence[BatchRow], out: Path, **changes: Any) -> BatchResult:
    """The answer to a batch of these rows, which are written."""
    texts: Iterable[str] = (row.model_dump_json() for row in rows)
    summary = summary_of(written(out, texts))
    counts = summary.counts
    left = counts.get("unknown", 0) + counts.get("feasible", 0)
    errors = counts.get("error", 0)
    solver = BatchSolver(
        asked=len(rows),
        resumed=0,
        seconds=20.0,
        rows_per_second=len(rows) / 20,
        executor="local",
        processes=2,
        versions={"gpuplan": "0.1.0"},
    )
    known = {
        "status": "undecided" if left else "decided",
        "jobs": len(rows),
        "planned": summary.planned,
        "infeasible": counts.get("infeasible", 0),
        "undecided": left,
        "errors": errors,
        **summary.totals,
        **summary.groups(),
        **summary.extremes(),
        "unplanned": summary.unplanned(),
        "warnings": [f"{errors} of {len(rows):,} rows have errors"] if errors else [],
        "out": str(out),
        "solver": solver,
    }
    return BatchResult.model_validate(known | changes)
