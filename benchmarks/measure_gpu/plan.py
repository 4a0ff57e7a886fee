"""What is measured, in which order: one point is one model, method, length, micro-batch and recompute under one memory limit."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from gpuplan_models.loading import DATA

#: Catalogued models by falling use: two of 7 to 8 B first, which a 24 GB card can hold in 4 bit.
MODELS = ("llama-3.1-8b", "qwen2.5-7b", "qwen2.5-14b", "llama-3.2-3b", "llama-3.2-1b")
QUICK_MODELS = ("llama-3.1-8b", "llama-3.2-1b")
TINY = "tiny"
#: Small enough for a CPU; in no catalogue, so rows of it are read by their shape.
TINY_CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 256,
    "tie_word_embeddings": False,
}
#: Number formats of a task as the column `precision` has them. NF4: PEFT's recipe (`prepare_model_for_kbit_training`) casts what is
#: not quantised to fp32; many scripts leave that out.
NF4_FP32, NF4_BF16 = "nf4, rest fp32", "nf4, rest bf16"
LORA_BF16 = "bf16 base + fp32 adapters"
PURE_BF16, MIXED = "pure bf16", "bf16 autocast over fp32 weights"
TASKS = {"qlora": (NF4_BF16, NF4_FP32), "lora": (LORA_BF16,), "full": (PURE_BF16, MIXED)}
LENGTHS, MICRO_BATCHES, RECOMPUTE = (1024, 2048, 4096, 8192), (1, 2, 4, 8), ("full", "none")
#: A step of more tokens tells nothing new about one GPU and takes long.
MOST_TOKENS = 16384
#: (length, micro-batch, recompute) that are measured for everything before any other.
CORE = (
    (4096, 1, "full"),
    (1024, 1, "none"),
    (2048, 4, "full"),
    (8192, 1, "full"),
    (2048, 2, "none"),
    (1024, 8, "full"),
    (4096, 1, "none"),
)
QUICK = CORE[:2]
TINY_SHAPES = tuple((length, micro, mode) for length in (32, 64) for micro in (1, 2) for mode in RECOMPUTE)
#: The card whose QLoRA is measured first, and the memory from which on a GPU imitates it.
SMALL_CARD_GIB, IMITATES_FROM_GIB = 24, 26.0


@dataclass(frozen=True)
class Point:
    """One run. `limit_gib`: nominal GiB of the card to imitate, 0 for the GPU as it is."""

    model: str
    task: str
    precision: str
    seq_len: int
    micro_batch: int
    recompute: str
    limit_gib: int = 0

    @property
    def name(self) -> str:
        """The point as part of an id: the same in every session."""
        precision = self.precision.replace(",", "").replace("+ ", "").replace(" ", "-")
        parts = (self.model, self.task, precision, f"s{self.seq_len}", f"b{self.micro_batch}", self.recompute)
        return "-".join(parts) + (f"-{self.limit_gib}gib" if self.limit_gib else "")

    @property
    def tokens(self) -> int:
        """Tokens of a step."""
        return self.seq_len * self.micro_batch

    def needs_at_least(self, other: Point) -> bool:
        """Whether this point needs no less memory than `other` under the same limit: longer or more sequences, all else equal."""
        same = ("model", "task", "precision", "recompute", "limit_gib")
        return (
            all(getattr(self, name) == getattr(other, name) for name in same)
            and self.seq_len >= other.seq_len
            and self.micro_batch >= other.micro_batch
        )


@cache
def config(model: str) -> Mapping[str, Any]:
    """Return the fields of a model's `config.json`: the catalogue's, read without checks (pydantic may be missing here)."""
    return TINY_CONFIG if model == TINY else _file(model)["config"]


def published_name(model: str) -> str:
    """Return the name that a row's column `model` gets."""
    return "tiny (random)" if model == TINY else str(_file(model)["aliases"][0])


@cache
def _file(model: str) -> Any:
    return tomllib.loads((DATA / "architectures" / f"{model}.toml").read_text(encoding="utf-8"))


def points(
    memory_gib: float, limit_gib: int = 0, tasks: Iterable[str] = tuple(TASKS), quick: bool = False
) -> list[Point]:
    """Return the points in their order, each once.

    Parameters
    ----------
    memory_gib
        The GPU's memory in GiB; 0 for a CPU, which runs the tiny model.
    limit_gib
        Nominal GiB of the card that all points imitate; 0: QLoRA as on a card of 24 GiB comes first, where the GPU is larger,
        then everything on the GPU as it is.
    tasks
        Some of `TASKS`.
    quick
        Two models and two shapes only.
    """
    chosen = [task for task in TASKS if task in set(tasks)]
    if not memory_gib:
        return list(_product((TINY,), [(task, 0) for task in chosen], TINY_SHAPES[:2] if quick else TINY_SHAPES))
    passes = [(task, limit_gib) for task in chosen]
    if not limit_gib and "qlora" in chosen and memory_gib >= IMITATES_FROM_GIB:
        passes.insert(0, ("qlora", SMALL_CARD_GIB))
    if quick:
        return list(_product(QUICK_MODELS, passes, QUICK))
    rest = [
        (length, micro, mode)
        for length in LENGTHS
        for micro in MICRO_BATCHES
        for mode in RECOMPUTE
        if length * micro <= MOST_TOKENS and (length, micro, mode) not in CORE
    ]
    return [*_product(MODELS, passes, CORE), *_product(MODELS, passes, rest)]


def _product(
    models: Iterable[str], passes: Iterable[tuple[str, int]], shapes: Iterable[tuple[int, int, str]]
) -> Iterator[Point]:
    models, shapes = tuple(models), tuple(shapes)
    for task, limit in passes:
        for model in models:
            for length, micro, mode in shapes:
                for precision in TASKS[task]:
                    yield Point(model, task, precision, length, micro, mode, limit)
