"""Each row through `check` (the guide's cluster) and `solve` (the cheapest one that does the job)."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.reference_table.rows import Row
from gpuplan import check, solve
from gpuplan.job import resolve
from gpuplan.result import PlanAnswer, Result

#: More than this many times what is needed counts as wasteful.
WASTE = 4.0


@dataclass(frozen=True)
class HostFigure:
    """One host figure of a row: what the guide gives, what the job needs, and the verdict."""

    given: float
    needed: float
    unit: str

    @property
    def verdict(self) -> str:
        if self.given < self.needed:
            return "short"
        return "wasteful" if self.given > WASTE * self.needed else "right"


@dataclass(frozen=True)
class Audit:
    """What gpuplan says of a row."""

    row: Row
    checked: Result
    solved: Result
    host: dict[str, HostFigure]
    notes: list[str]

    @property
    def plan(self) -> PlanAnswer:
        """The guide's cluster, with its layout or the best one."""
        if self.checked.plan is None:
            raise ValueError(f"row {self.row.number}: check gave no plan")
        return self.checked.plan

    @property
    def holds(self) -> bool:
        """Whether the guide's claim stands: it fits and finishes within a day."""
        return bool(self.checked.fits and self.checked.finishes)


def audit(row: Row) -> Audit:
    """Audit one row."""
    notes = []
    if not row.valid_as_printed:
        notes.append(
            f"TP {row.tensor} x DP {row.data_parallel} is not {row.gpus} GPUs; the best layout on {row.gpus} is audited"
        )
    given = row.job | row.cluster
    batch = resolve(row.job).global_batches[0]
    if row.valid_as_printed and batch % row.data_parallel:
        # A multiple of 8 DP leaves the micro-batch free.
        batch = round(batch / (8 * row.data_parallel)) * 8 * row.data_parallel
        given["global_batch"] = batch
        notes.append(f"the default global batch is no multiple of DP {row.data_parallel}; {batch} is used")
    checked, solved = check(given), solve(row.job)
    result = Audit(row, checked, solved, {}, notes)
    return Audit(row, checked, solved, _host(row, result.plan), notes)


def _host(row: Row, plan: PlanAnswer) -> dict[str, HostFigure]:
    host, nodes = plan.host, plan.nodes
    return {
        "CPU cores": HostFigure(row.cpu_cores, host.required_vcpus / 2 * nodes, "cores"),
        "RAM": HostFigure(row.ram_gb, host.required_ram_bytes / 1e9 * nodes, "GB"),
        "storage": HostFigure(row.storage_gb, host.required_storage_bytes / 1e9 * nodes, "GB"),
        "network": HostFigure(row.network_gbps, host.required_network_bytes_per_second * 8 / 1e9, "Gb/s a node"),
    }
