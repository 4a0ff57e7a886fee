"""Which catalogued model stands for a model that a guide names but nobody released, or names without its family."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.guides.registry import MissingEntryError
from gpuplan_models import Architecture, architectures


@dataclass(frozen=True)
class StandIn:
    """The model taken, in order of preference, and why."""

    names: tuple[str, ...]
    why: str


STAND_INS = {
    "R1-7B": StandIn(("deepseek-r1-distill-qwen-7b",), "no plain R1 7B exists; the distilled Qwen is the 7B of the family"),
    "R1-14B": StandIn(("deepseek-r1-distill-qwen-14b",), "the distilled Qwen"),
    "R1-32B": StandIn(("deepseek-r1-distill-qwen-32b",), "the distilled Qwen"),
    "R1-70B": StandIn(("deepseek-r1-distill-llama-70b",), "no plain R1 70B exists; the distilled Llama is the 70B of the family"),
    "R1-671B": StandIn(("deepseek-r1",), "the model itself"),
    "DeepSeek-7B": StandIn(("deepseek-llm-7b", "deepseek-r1-distill-qwen-7b"), "DeepSeek LLM 7B, the release of that size"),
    "DeepSeek-13B": StandIn(("llama-2-13b", "deepseek-r1-distill-qwen-14b"), "DeepSeek released no 13B; a dense model of that size"),
    "DeepSeek-30B": StandIn(("deepseek-r1-distill-qwen-32b",), "DeepSeek released no 30B; the distilled Qwen is the nearest"),
    "DeepSeek-65B": StandIn(("deepseek-llm-67b", "deepseek-r1-distill-llama-70b"), "DeepSeek LLM 67B, the nearest release"),
    "BERT-base": StandIn(("bert-base", "bert-base-uncased"), "the model itself"),
    "1B": StandIn(("llama-3.2-1b", "deepseek-r1-distill-qwen-1.5b"), "a dense model of about that size, states scaled to 1e9"),
    "10B": StandIn(("gemma-2-9b", "deepseek-r1-distill-llama-8b"), "a dense model of about that size, states scaled to 10e9"),
    "8x7B": StandIn(("mixtral-8x7b",), "a mixture of experts that activates 2 of 8"),
}  # fmt: skip


def stand_in(size: str) -> str:
    """Catalogue name of the model that stands for `size`.

    Raises
    ------
    MissingEntryError
        If the catalogue has none of the candidates.
    """
    for name in STAND_INS[size].names:
        if name in architectures():
            return name
    raise MissingEntryError(STAND_INS[size].names[0])


def shape(size: str) -> Architecture:
    """Architecture of the model that stands for `size`."""
    return architectures()[stand_in(size)]
