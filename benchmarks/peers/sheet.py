"""The sheet that people use: FLOP over constant MFU for the time, bytes per parameter for the memory, list price for the bill.

A careful user's sheet: a fifth of memory and of the time to the deadline is kept free.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers.answers import Answer
from benchmarks.peers.market import Cluster, within
from benchmarks.peers.questions import Facts

NAME = "constant-MFU sheet"
MFU = 0.4
SLACK = 0.2
FLOP_PER_PARAMETER_AND_TOKEN = {"full": 6.0, "lora": 4.0, "qlora": 4.0}
BYTES_PER_TRAINED = 18.0
BYTES_PER_FROZEN = {"full": 0.0, "lora": 2.0, "qlora": 0.5}


def memory_bytes(asked: Facts) -> float:
    """Weights, gradients and Adam's states of what is trained (18 bytes a parameter), and the frozen weights."""
    model = asked.model
    trained = model.parameters if asked.method == "full" else model.adapter_parameters
    return BYTES_PER_TRAINED * trained + BYTES_PER_FROZEN[asked.method] * model.parameters


def hours(asked: Facts, cluster: Cluster) -> float:
    """``6 N T`` FLOP (``4 N T`` for LoRA), N active parameters and T tokens, over GPUs, peak and MFU."""
    flop = FLOP_PER_PARAMETER_AND_TOKEN[asked.method] * asked.model.active_parameters * asked.all_tokens
    return flop / (cluster.gpus * cluster.tflops * 1e12 * MFU) / 3600


def answer(asked: Facts, clusters: Sequence[Cluster]) -> Answer:
    """The cheapest cluster that holds the bytes and does the FLOP in time; of equals the one with the lowest price an hour."""
    inside = within(clusters, asked)
    need = memory_bytes(asked)
    holding = [c for c in inside if need <= (1 - SLACK) * c.gpus * c.memory_bytes]
    in_time = [c for c in holding if hours(asked, c) <= (1 - SLACK) * asked.deadline_hours]
    bills = [(hours(asked, c) * c.price_usd_per_hour, c.price_usd_per_hour, c) for c in in_time]
    paid = [bill for bill in bills if asked.budget_usd is None or bill[0] <= asked.budget_usd]
    if not paid:
        lists = {"memory": holding, "deadline": in_time, "budget": paid}
        return Answer(NAME, asked.id, said=f"no cluster left after: {next(n for n, left in lists.items() if not left)}")
    usd, _, best = min(paid, key=lambda bill: (round(bill[0], 6), bill[1]))
    return Answer(NAME, asked.id, (best.gpu,), best.gpus, hours(asked, best), usd)
