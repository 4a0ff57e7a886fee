"""What is asked, and how it is measured: whole processes and calls in one process, in turn with single solves."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import gpuplan
from gpuplan.sweeping.result import SweepPoint, SweepResult

_70B = {"model": "deepseek-r1-distill-llama-70b", "method": "lora", "data": "1GB"}
#: Jobs whose frontiers are walked; the first is the issue's.
JOBS: dict[str, dict[str, str]] = {
    "R1-Distill-Llama-70B, LoRA, 1 GB": _70B,
    "R1-Distill-Qwen-7B, LoRA, 1 GB": {**_70B, "model": "deepseek-r1-distill-qwen-7b"},
    "R1-Distill-Qwen-32B, full, 1 GB": {**_70B, "model": "deepseek-r1-distill-qwen-32b", "method": "full"},
    "R1-Distill-Llama-70B, LoRA, 10 GB, spot too": {**_70B, "data": "10GB", "pricing": "spot,on-demand"},
    "R1 671B, LoRA, 1 GB": {**_70B, "model": "deepseek-r1"},
    "R1 671B, full, 1 GB": {**_70B, "model": "deepseek-r1", "method": "full"},
    "Mixtral 8x7B, LoRA, 1 GB": {**_70B, "model": "mixtral-8x7b"},
}
PAIRS = (("cost", "time"), ("cost", "deadline"), ("cost", "gpus"), ("time", "gpus"))
SWEPT = _70B
SPAN = ("2h", "48h", 50)
#: By so much a deadline is tightened to ask for the plan of the next point.
TIGHTER = 1e-4
#: Points of the grid that people ask for where there is no frontier.
GRID = 11
COMMAND = (sys.executable, "-c", "from gpuplan.cli import main; main()")


@dataclass(frozen=True)
class Swept:
    """A sweep of so many points against a single solve, in seconds (medians); ratios are medians of those of two runs in a row."""

    points: int
    asked: int
    seconds: float
    solve_seconds: float
    ratio: float
    process_seconds: float
    solve_process_seconds: float
    process_ratio: float


@dataclass(frozen=True)
class Walked:
    """The frontiers of one job: points and seconds of each pair, and single solves that say otherwise than the deadline frontier.

    `found_by_grid` is how many of its plans a grid of single solves finds, evenly spaced between its ends; `overpaid` is by how much
    the dearest answer of the grid to a deadline between two of its points is dearer than it had to be.
    """

    job: str
    points: dict[str, int]
    seconds: dict[str, float]
    process_seconds: float
    solve_seconds: float
    asked_again: int
    wrong: list[str]
    found_by_grid: int
    overpaid: float


def sweep_against_solve(repeats: int) -> Swept:
    """A sweep of deadlines and a single solve, in turn."""
    start, stop, points = SPAN
    sweep = partial(gpuplan.sweep, SWEPT, over="deadline", start=start, stop=stop, points=points)
    solve = partial(gpuplan.solve, {**SWEPT, "deadline": stop})
    both = _in_turn(sweep, solve, repeats)
    ends = [*_flags(SWEPT), "--over", "deadline", "--from", start, "--to", stop, "--points", str(points)]
    alone = [*_flags(SWEPT), "--deadline", stop]
    whole = _in_turn(partial(_process, "sweep", ends), partial(_process, "solve", alone), repeats)
    return Swept(points, sweep().solver.asked, *both, *whole)


def walk(name: str, repeats: int) -> Walked:
    """The frontiers of a job, and the breakpoints of one of them as single solves."""
    words = JOBS[name]
    found = {pair: _median(partial(gpuplan.frontier, words, pair), repeats) for pair in PAIRS}
    process = _median(partial(_process, "sweep", [*_flags(words), "--frontier", "cost,time"]), repeats)[0]
    solve_seconds, _ = _median(partial(gpuplan.solve, words), repeats)
    points = found["cost", "deadline"][1].points
    wrong = [text for one, other in pairwise(points) for text in _asked_again(words, one, other)]
    found_by_grid, overpaid = _grid(points)
    return Walked(
        job=name,
        points={",".join(pair): len(result.points) for pair, (_, result) in found.items()},
        seconds={",".join(pair): seconds for pair, (seconds, _) in found.items()},
        process_seconds=process,
        solve_seconds=solve_seconds,
        asked_again=2 * (len(points) - 1),
        wrong=wrong,
        found_by_grid=found_by_grid,
        overpaid=overpaid,
    )


def _asked_again(words: Mapping[str, str], one: SweepPoint, other: SweepPoint) -> list[str]:
    """What `solve` says otherwise at the deadline of a point, and just below it, where the next point must be."""
    found = []
    for hours, expected in ((_hours(one), one), (_hours(one) * (1 - TIGHTER), other)):
        if _hours(other) > hours:
            continue  # the next point is nearer than what the question was tightened by
        result = gpuplan.solve({**words, "deadline": f"{hours * (1 + 1e-9)!r}h", "alternatives": 0})
        if result.objective is None or abs(result.objective - (expected.objective or 0.0)) > 1e-6 * result.objective:
            found.append(f"at {hours:.6g} h: {result.objective} instead of {expected.objective}")
    return found


def _grid(points: list[SweepPoint]) -> tuple[int, float]:
    """What a grid of single solves makes of a frontier: each of them is the dearest point that keeps its deadline."""
    last, first = _hours(points[0]), _hours(points[-1])
    hours = [first + (last - first) * step / (GRID - 1) for step in range(GRID)]
    seen = {_at(points, each) for each in hours}
    # Between two points of the grid one takes the plan of the tighter one, though a cheaper one would do.
    overpaid = max(
        _cost(points[_at(points, low)]) / _cost(points[_at(points, high * (1 - 1e-9))]) - 1
        for low, high in pairwise(hours)
    )
    return len(seen), overpaid


def _at(points: list[SweepPoint], hours: float) -> int:
    """The first, and so the cheapest, point that keeps a deadline."""
    return next((place for place, point in enumerate(points) if _hours(point) <= hours * (1 + 1e-9)), len(points) - 1)


def _hours(point: SweepPoint) -> float:
    return point.hours_at_confidence or 0.0


def _cost(point: SweepPoint) -> float:
    return 0.0 if point.plan is None else point.plan.prediction.cost_usd


def _in_turn(one: Callable[[], Any], other: Callable[[], Any], repeats: int) -> tuple[float, float, float]:
    """Medians of the seconds of both, and of their ratios; the first runs, which load what is loaded once, do not count."""
    pairs = [(_seconds(one)[0], _seconds(other)[0]) for _ in range(repeats + 1)][1:]
    first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
    return first, second, statistics.median(a / b for a, b in pairs)


def _median(call: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    runs = [_seconds(call) for _ in range(repeats)]
    return statistics.median(seconds for seconds, _ in runs), runs[-1][1]


def _seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result: SweepResult | None = call()
    return time.perf_counter() - start, result


def _flags(words: Mapping[str, str]) -> list[str]:
    return [part for name, value in words.items() for part in (f"--{name}", value)]


def _process(verb: str, arguments: list[str]) -> None:
    subprocess.run([*COMMAND, verb, *arguments, "--format", "json"], check=True, capture_output=True, env=os.environ)
