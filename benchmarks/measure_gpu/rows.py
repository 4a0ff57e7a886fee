"""Rows with the columns of the published runs, and the file that holds them: complete after every point, whenever the run is cut off."""

from __future__ import annotations

import csv
import io
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure_gpu.plan import Point, config, published_name

GIB = 2.0**30
#: The first line of a file of published runs.
HEADER = (
    "id,source_key,source,source_url_or_repo_path,provenance,date,model,params_total_b,params_active_b,hidden,layers,"
    "heads,kv_heads,ffn,vocab,experts,task,lora_rank,lora_targets,precision,gpu,n_gpus,gpus_per_node,tp,pp,vp,dp,cp,"
    "ep,etp,zero_stage_or_fsdp,micro_batch,global_batch_sequences,seq_len,recompute,offload,framework,"
    "tokens_per_sec_per_gpu,step_time_s,tflops_per_gpu,mfu,peak_mem_gib,memory_measure,memory_rank,total_time_s,"
    "notes"
)
COLUMNS = HEADER.split(",")
#: Columns of a row and the fields of `config.json` that fill them.
SHAPE = {
    "hidden": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "ffn": "intermediate_size",
    "vocab": "vocab_size",
}
LORA_RANK = 16
LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
#: What PyTorch calls a GPU and `gpuplan predict` would read as another one.
GPU_NAMES = {"NVIDIA H200": "H200-SXM-141GB"}
OUT_OF_MEMORY = "RESULT=OOM"

Row = dict[str, str]


class OutOfMemoryError(Exception):
    """A point needs more memory than there is; the text is the allocator's."""


@dataclass(frozen=True)
class Machine:
    """Where it runs. `facts`: driver, power limit and the like, for the notes; `framework`: names with versions."""

    name: str
    memory_gib: float
    framework: str
    facts: tuple[str, ...] = ()

    @property
    def gpu(self) -> str:
        """The name as `gpuplan predict` reads it."""
        return GPU_NAMES.get(self.name, self.name)

    @property
    def slug(self) -> str:
        """The name as part of an id or of a file's name."""
        words = self.gpu.casefold().removeprefix("nvidia ").replace("(", "").replace(")", "").split()
        return "-".join(words)


@dataclass(frozen=True)
class Measurement:
    """What a point gave. Memory is None where it cannot be read (a CPU). `notes`: how it was trained.

    `device_bytes`: what the driver counted as used at the end, the context and the allocator's cache included.
    """

    parameters: int
    step_seconds: tuple[float, ...]
    allocated_bytes: int | None = None
    reserved_bytes: int | None = None
    device_bytes: int | None = None
    notes: tuple[str, ...] = ()


def measured_rows(point: Point, machine: Machine, found: Measurement, date: str) -> list[Row]:
    """Return a row with step time and allocated peak and, where memory can be read, one with the reserved peak and no time."""
    seconds = statistics.median(found.step_seconds)
    spread = (
        f"median of {len(found.step_seconds)} steps ({min(found.step_seconds):.4g} to {max(found.step_seconds):.4g} s)"
    )
    if found.device_bytes is not None:
        spread += f", {found.device_bytes / GIB:.3f} GiB of the device in use at the end by the driver's count"
    base = _row(point, machine, date) | {"params_total_b": f"{found.parameters / 1e9:.3g}"}
    base["params_active_b"] = base["params_total_b"]
    base["notes"] = "; ".join((*_notes(point, machine), *found.notes, spread))
    first = base | {"step_time_s": f"{seconds:.5g}", "tokens_per_sec_per_gpu": f"{point.tokens / seconds:.6g}"}
    if found.allocated_bytes is None or found.reserved_bytes is None:
        return [first]
    first |= {"peak_mem_gib": f"{found.allocated_bytes / GIB:.3f}", "memory_measure": "allocated"}
    second = base | {
        "id": f"{base['id']}-reserved",
        "gpu": _card(point, machine),
        "peak_mem_gib": f"{found.reserved_bytes / GIB:.3f}",
        "memory_measure": "reserved",
    }
    return [first, second]


def out_of_memory_row(point: Point, machine: Machine, message: str, date: str) -> Row:
    """Return the row of a point that does not fit: no figures, the outcome in its notes."""
    first_line = message.strip().splitlines()[0] if message.strip() else "no message"
    notes = (*_notes(point, machine), OUT_OF_MEMORY, f"allocator: {first_line}")
    return _row(point, machine, date) | {"gpu": _card(point, machine), "notes": "; ".join(notes)}


def row_id(point: Point, machine: Machine) -> str:
    """Return the id of a point's first row, the same in every session."""
    return f"measured-{machine.slug}-{point.name}"


def _card(point: Point, machine: Machine) -> str:
    """The GPU whose memory decides: the imitated card where there is a limit. Only its size counts in rows without a time."""
    return f"any {point.limit_gib}GB (imitated)" if point.limit_gib else machine.gpu


def _notes(point: Point, machine: Machine) -> tuple[str, ...]:
    limit = (f"a card of {point.limit_gib} GiB imitated by a limit on PyTorch's allocator",) if point.limit_gib else ()
    return ("random weights and tokens, no padding", f"ran on {machine.name}", *machine.facts, *limit)


def _row(point: Point, machine: Machine, date: str) -> Row:
    fields = config(point.model)
    adapters = point.task != "full"
    return dict.fromkeys(COLUMNS, "") | {
        "id": row_id(point, machine),
        "source_key": "measured",
        "source": "gpuplan, benchmarks/measure_gpu",
        "source_url_or_repo_path": f"benchmarks/measured/{machine.slug}.csv",
        "provenance": "measured",
        "date": date,
        "model": published_name(point.model),
        **{column: str(fields[field]) for column, field in SHAPE.items()},
        "task": point.task,
        "lora_rank": str(LORA_RANK) if adapters else "",
        "lora_targets": "|".join(LORA_TARGETS) if adapters else "",
        "precision": point.precision,
        "gpu": machine.gpu,
        **dict.fromkeys(("n_gpus", "gpus_per_node", "tp", "pp", "dp", "cp"), "1"),
        "micro_batch": str(point.micro_batch),
        "global_batch_sequences": str(point.micro_batch),
        "seq_len": str(point.seq_len),
        "recompute": point.recompute,
        "offload": "none",
        "framework": machine.framework,
    }


class Ledger:
    """The file of rows. Each `add` replaces it as a whole, so it never holds half a point."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows = self._read()

    def _read(self) -> list[Row]:
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if list(reader.fieldnames or ()) != COLUMNS:
                raise ValueError(
                    f"{self.path} does not have the columns of measured rows; name another file with --out"
                )
            return list(reader)

    def outcome(self, identity: str) -> str:
        """Return "" where the point is not in the file, else "measured" or "out of memory"."""
        for row in self._rows:
            if row["id"] == identity:
                return "out of memory" if OUT_OF_MEMORY in row["notes"] else "measured"
        return ""

    def add(self, rows: Sequence[Row]) -> None:
        """Append rows and write the file anew."""
        self._rows += rows
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(self.path.name + ".new")
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
