"""A process of its own for every measurement: forked after the imports, with its peak memory, killed at a limit."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection

from benchmarks.solve.contenders import Answer, Contender, every_pair, gpuplan, plain_cp_sat, size_of_space
from benchmarks.solve.problems import Problem
from benchmarks.solve.rows import PARTS, Row
from gpuplan.job import Job, resolve
from gpuplan.pipeline import find
from gpuplan_hardware import Offer

WARM_UP = {"model": "qwen2.5-0.5b", "method": "lora", "data": "1MB", "deadline": "24h", "framework": "hf-peft"}
"""A job that no problem shares a table with; it loads what numpy and OR-Tools load at their first use."""
WARM_UP_OFFERS = 3
LIMIT_SECONDS = 600.0
CHEAP_SECONDS = 10.0
"""What takes longer is measured once."""


def measure(contender: Contender, job: Job, offers: Sequence[Offer], limit_seconds: float = LIMIT_SECONDS) -> Answer:
    """Run `contender` in a fork of this process; its memory is the fork's peak, the imports in it."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(sender, contender, job, offers))
    start = time.perf_counter()
    child.start()
    sender.close()
    try:
        answered = receiver.poll(limit_seconds)
        answer: Answer = receiver.recv() if answered else Answer("stopped", None, time.perf_counter() - start)
    except EOFError:  # the child has died, and said why
        answer = Answer("error", None, time.perf_counter() - start)
    finally:
        if child.is_alive():
            child.join(1.0)
            child.kill()
        child.join()
        receiver.close()
    return answer


def _child(sender: Connection, contender: Contender, job: Job, offers: Sequence[Offer]) -> None:
    small = offers[:WARM_UP_OFFERS]
    find(resolve(WARM_UP, small), small)
    answer = contender(job, offers)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sender.send(replace(answer, peak_mb=peak_kib * 1024 / 1e6))
    sender.close()


def row_of(problem: Problem, offers: Sequence[Offer], repeats: int, plain_seconds: float) -> Row:
    """Measure a problem: gpuplan and the exhaustive search in turn, `repeats` times; the plain model once, if it has any time."""
    job = resolve(problem.words, offers)
    ours, rival = [measure(gpuplan, job, offers)], [measure(every_pair, job, offers)]
    while len(ours) < repeats and ours[-1].seconds + rival[-1].seconds < CHEAP_SECONDS:
        ours.append(measure(gpuplan, job, offers))
        rival.append(measure(every_pair, job, offers))
    pairs = measure(size_of_space, job, offers)
    plain = measure(plain_cp_sat(plain_seconds), job, offers, 10 * plain_seconds) if plain_seconds else None
    first, other, figures = ours[0], rival[0], ours[0].figures
    return Row(
        problem=problem.name,
        offers=len(offers),
        expect=problem.expect,
        minimize=job.objectives[0],
        kept_offers=int(figures.get("kept_offers", 0)),
        machines=int(figures.get("machines", 0)),
        pairs=int(pairs.value or 0),
        status=first.status if all(a.status == first.status for a in ours) else "not repeated",
        value=first.value,
        cold_seconds=statistics.median(answer.seconds for answer in ours),
        warm_seconds=statistics.median(answer.figures.get("warm", answer.seconds) for answer in ours),
        peak_mb=max(answer.peak_mb for answer in ours),
        **{f"seconds_{part}": figures.get(f"seconds_{part}", 0.0) for part in PARTS},
        layouts=int(figures.get("layouts", 0)),
        left_pairs=int(figures.get("left_pairs", 0)),
        literals=int(figures.get("literals", 0)),
        exhaustive_status=other.status,
        exhaustive_value=other.value,
        exhaustive_seconds=statistics.median(answer.seconds for answer in rival),
        evaluated=int(other.figures.get("evaluated", 0)),
        exhaustive_mb=max(answer.peak_mb for answer in rival),
        plain_status=plain.status if plain else "",
        plain_value=plain.value if plain else None,
        plain_seconds=plain.seconds if plain else 0.0,
        plain_rows=int(plain.figures.get("rows", 0)) if plain else 0,
        plain_mb=plain.peak_mb if plain else 0.0,
    )
