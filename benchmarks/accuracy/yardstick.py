"""The yardstick: one constant MFU for every GPU, 8 bit or not, and method, fitted on the rows themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.accuracy.tables import Pair
from gpuplan.performance.predict import model_flops
from gpuplan.runs.groups import Run


def yardstick(pairs: Sequence[Pair], runs: Mapping[str, Run], leave_source_out: bool) -> list[Pair]:
    """The pairs with the yardstick's prediction; leaving the row's source out, only where another source has such rows."""
    known: dict[tuple[str, str, str], list[tuple[str, float]]] = defaultdict(list)
    rate: dict[str, float] = {}
    for pair in pairs:
        row, run = pair.scored.row, runs[pair.scored.row["id"]]
        flop = model_flops(run.workload, float(row["global_batch_sequences"]) * float(row["seq_len"]))
        rate[row["id"]] = flop / float(row["n_gpus"])
        known[_key(run, row["gpu"])].append((row["source_key"], rate[row["id"]] / pair.measured))
    found = []
    for pair in pairs:
        row = pair.scored.row
        same = known[_key(runs[row["id"]], row["gpu"])]
        speeds = [speed for source, speed in same if not leave_source_out or source != row["source_key"]]
        if speeds:
            found.append(Pair(pair.scored, rate[row["id"]] / float(np.median(speeds)), pair.measured))
    return found


def _key(run: Run, gpu: str) -> tuple[str, str, str]:
    return gpu, run.workload.precision, run.workload.method.name
