"""Disks and checkpoints: what the data and the weights ask of them."""

from __future__ import annotations

from math import ceil, sqrt

from benchmarks.guides.claims import Claim
from benchmarks.guides.facts import fact
from benchmarks.guides.hardware import A100, H100
from benchmarks.guides.physics import LABELS, TWO, least_plan, number, throughput, weights_gb, work
from benchmarks.guides.registry import Finding, Reading, claim
from benchmarks.guides.verdict import RATIO
from gpuplan.host import BYTES_PER_TOKEN_ON_DISK
from gpuplan.performance.bill import checkpoint_bytes, final_bytes
from gpuplan.performance.clock import (
    GPU_HOURS_PER_FAILURE,
    LOAD_BYTES_PER_SECOND,
    SAVE_BYTES_PER_SECOND,
)

DAY_SECONDS = 86_400.0
GB = 1e9


@claim("g000-17")
def nvme_array(one: Claim) -> Finding:
    drive = fact("pcie4_x4_bytes_per_second")
    readings = []
    for method in TWO:
        gpus = least_plan("R1-671B", method, H100).layout.gpus_used
        rate = throughput("R1-671B", method, H100, gpus).value * BYTES_PER_TOKEN_ON_DISK
        readings.append(
            Reading(
                f"{LABELS[method]}, {number(rate / 1e3)} kB/s of text on {gpus} cards",
                ceil(rate / drive),
                method=method,
            )
        )
    why = (
        f"one drive reads {drive / GB:g} GB/s, thousands of times what the text asks; eight would serve "
        "checkpoints, which the guide does not give as the reason"
    )
    return Finding(tuple(readings), "NVMe drives", why, claimed=(8, 8))


@claim("g002-14")
def raid(one: Claim) -> Finding:
    readings = tuple(
        Reading(
            LABELS[method],
            throughput("DeepSeek-7B", method, A100, 8).value * BYTES_PER_TOKEN_ON_DISK / GB,
            method=method,
        )
        for method in TWO
    )
    load = weights_gb("DeepSeek-7B") / (LOAD_BYTES_PER_SECOND / GB)
    why = (
        f"text read by 8 A100 at full speed; the weights load once, in {number(load)} s at "
        f"{LOAD_BYTES_PER_SECOND / GB:g} GB/s"
    )
    return Finding(readings, "GB/s", why)


@claim("g004-24")
def io_bottleneck(one: Claim) -> Finding:
    rate = 100 * GB / DAY_SECONDS
    share = 100 * rate / fact("gp3_bytes_per_second")
    why = (
        f"100 GB in a day are {number(rate / 1e6)} MB/s, a share of what the plainest network volume gives: there "
        "is no bottleneck to avoid. "
        "At start a fast disk does help: 671B of weights take "
        f"{number(weights_gb('R1-671B', 1) / (LOAD_BYTES_PER_SECOND / GB) / 60)} min"
    )
    return Finding(
        (Reading("share of a plain volume that reading takes", share),), "%", why, "at least", (100.0, 100.0)
    )


@claim("g000-29")
def shards(one: Claim) -> Finding:
    size = float(one.value) * GB
    readings = tuple(
        Reading(
            f"{LABELS[method]}, {number(final_bytes(work('R1-671B', method)) / GB)} GB",
            ceil(final_bytes(work("R1-671B", method)) / size),
            method=method,
        )
        for method in TWO
    )
    why = (
        f"files of {one.value} GB that the result fills, in 16 bit; 'must be saved in shards' holds where there is "
        "more than one. The size is an example"
    )
    return Finding(readings, "shards", why, "at least", (2.0, 2.0))


@claim("g003-38")
def checkpoint_interval(one: Claim) -> Finding:
    readings = []
    for method in TWO:
        plan = least_plan("R1-671B", method, H100)
        save = checkpoint_bytes(work("R1-671B", method)) / (SAVE_BYTES_PER_SECOND * plan.nodes)
        between_failures = GPU_HOURS_PER_FAILURE / plan.gpus * 3600
        best = sqrt(2 * save * between_failures) / 60
        readings.append(
            Reading(f"{LABELS[method]} on {plan.gpus} H100, {number(save)} s a checkpoint", best, method=method)
        )
    why = (
        "best interval by Young's rule, sqrt(2 x time to save x time between failures), for 671B on its least cluster: "
        f"{SAVE_BYTES_PER_SECOND / GB:g} GB/s a node, a failure in {number(GPU_HOURS_PER_FAILURE)} GPU-hours"
    )
    return Finding(tuple(readings), "minutes", why, "equals", tolerance=RATIO)
