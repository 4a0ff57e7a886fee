"""The questions: the grid that people ask for, and 30 further ones in questions.csv, and what every tool is told of each."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.grid.cells import DEADLINE, METHODS, MODELS, SIZES
from gpuplan import InputError, Job
from gpuplan.job import resolve
from gpuplan_hardware import resolve_gpus

FURTHER = Path(__file__).resolve().parent / "questions.csv"
GRID_SET, FURTHER_SET = "grid", "further"


@dataclass(frozen=True)
class Question:
    """A job as its user states it; what is None is left to its default."""

    id: str
    source: str
    model: str
    method: str
    data: str
    deadline: str
    gpu: str | None = None
    max_gpus: int | None = None
    budget: float | None = None
    seq_len: int | None = None
    epochs: int | None = None

    @property
    def spec(self) -> dict[str, object]:
        """The question in gpuplan's words."""
        named: dict[str, object] = {
            "model": self.model,
            "method": self.method,
            "data": self.data,
            "deadline": self.deadline,
        }
        more: dict[str, object] = {
            "gpu": [self.gpu] if self.gpu else None,
            "max_gpus": self.max_gpus,
            "budget": self.budget,
            "seq_len": self.seq_len,
            "epochs": self.epochs,
        }
        return named | {key: value for key, value in more.items() if value is not None} | {"alternatives": 0}

    @property
    def words(self) -> str:
        """The question in few words."""
        limits = {
            "GPU": self.gpu,
            "GPUs at most": self.max_gpus,
            "budget $": self.budget,
            "sequences of": self.seq_len,
            "epochs": self.epochs,
        }
        said = [f", {name} {value}" for name, value in limits.items() if value is not None]
        return f"{self.model} {self.method} {self.data} in {self.deadline}{''.join(said)}"


@dataclass(frozen=True)
class ModelFacts:
    """A model in the numbers that the peers ask for."""

    name: str
    parameters: int
    active_parameters: int
    adapter_parameters: int
    hidden_size: int
    layers: int
    heads: int
    kv_heads: int
    intermediate_size: int
    vocab_size: int
    max_sequence_length: int
    experts: int


@dataclass(frozen=True)
class Facts:
    """A question in numbers: what every tool is told. `gpus` names the accelerators of a wish, None where all will do."""

    id: str
    model: ModelFacts
    method: str
    tokens: float
    epochs: int
    sequence_length: int
    deadline_hours: float
    budget_usd: float | None
    max_gpus: int | None
    gpus: tuple[str, ...] | None

    @property
    def all_tokens(self) -> float:
        """Tokens of all epochs."""
        return self.tokens * self.epochs


def questions() -> list[Question]:
    """The grid's questions, then those of questions.csv."""
    return [*_grid(), *read_questions(FURTHER)]


def _grid() -> Iterator[Question]:
    for name, model in MODELS.items():
        for method in METHODS:
            for size, data in SIZES.items():
                yield Question(f"{name}-{method}-{size}", GRID_SET, model, method, data, DEADLINE)


def read_questions(path: Path) -> list[Question]:
    """Questions of a file with the columns of questions.csv."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Question(
                id=row["id"],
                source=FURTHER_SET,
                model=row["model"],
                method=row["method"],
                data=row["data"],
                deadline=row["deadline"],
                gpu=row["gpu"] or None,
                max_gpus=int(row["max_gpus"]) if row["max_gpus"] else None,
                budget=float(row["budget"]) if row["budget"] else None,
                seq_len=int(row["seq_len"]) if row["seq_len"] else None,
                epochs=int(row["epochs"]) if row["epochs"] else None,
            )
            for row in csv.DictReader(file)
        ]


def ways(question: Question) -> list[dict[str, object]]:
    """The question as gpuplan can be asked it: as it is, or where no usual framework runs it, once for each that does."""
    try:
        resolve(question.spec)
    except InputError as error:
        if error.field != "framework" or not error.suggestions:
            raise
        return [question.spec | {"framework": name} for name in error.suggestions]
    return [question.spec]


def facts(question: Question) -> Facts:
    """The question in numbers."""
    job = resolve(ways(question)[0])
    return Facts(
        id=question.id,
        model=_model(job),
        method=question.method,
        tokens=job.tokens.tokens,
        epochs=int(job.epochs),
        sequence_length=job.sequence_length,
        deadline_hours=(job.limits.deadline_seconds or 0.0) / 3600,
        budget_usd=question.budget,
        max_gpus=question.max_gpus,
        gpus=resolve_gpus(question.gpu) if question.gpu else None,
    )


def _model(job: Job) -> ModelFacts:
    """Exact counts; heads and widths of the layers that most of the model is made of."""
    shape = job.architecture
    kind = max(shape.layers, key=lambda layer: layer.count * layer.parameters)
    parts = ("expert",) if kind.routed_experts else ("mlp",)
    widths = [linear.in_features for linear in kind.linears if linear.part in parts]
    return ModelFacts(
        name=shape.name,
        parameters=shape.parameters,
        active_parameters=shape.active_parameters,
        adapter_parameters=shape.adapter_parameters(job.lora_rank, job.lora_targets),
        hidden_size=shape.hidden_size,
        layers=shape.layer_count,
        heads=kind.attention.heads,
        kv_heads=kind.attention.kv_heads,
        intermediate_size=next((width for width in widths if width != shape.hidden_size), shape.hidden_size),
        vocab_size=shape.vocab_size,
        max_sequence_length=shape.max_sequence_length,
        experts=shape.routed_experts,
    )
