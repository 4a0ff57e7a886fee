"""Jobs of every kind for tests of batches, and answers without what may differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SMALL = {"model": "qwen2.5-0.5b", "method": "lora", "data": "1MB", "gpu": "H100-SXM"}
#: Rows of every kind: plans, no plan, several choices, alternatives, an own price, an error.
MIXED: list[dict[str, Any]] = [
    SMALL,
    {**SMALL, "deadline": "2h"},
    {**SMALL, "deadline": "1m", "name": "too soon"},
    {**SMALL, "model": "qwen2.5-7b", "method": "any", "budget": "$30"},
    {**SMALL, "model": "qwen2.5-7b", "method": "any", "deadline": "1m"},
    {**SMALL, "alternatives": 2, "alternatives_by": "layout"},
    {"model": "qwen2.5-7b", "method": "qlora", "data": "10MB", "gpu": "H100-SXM", "price": 2.5},
    {**SMALL, "model": "qwen2.5-05b"},
    {**SMALL, "framework": "trl"},
    {**SMALL, "data": "10GB", "max-gpus": 1},
    SMALL,
]


def without_seconds(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what depends on the machine."""
    for one in (answer, *answer["choices"]):
        one["solver"]["seconds"] = {}
    return answer


def main_question(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what a plan's neighbours say."""
    for one in (answer, *answer["choices"]):
        one["worth"] = one["alternatives"] = []
        for rule in one["rules"]:
            rule["binding"] = False
    return without_seconds(answer)


def lines(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    for row in found:
        if row["answer"] is not None:
            without_seconds(row["answer"])
    return found
