"""Made-up fleets, without physics, so that nothing but the scheduling is measured: ``generate(seed, jobs)``.

What is drawn (the same for the same seed):

- two to four weeks, in minutes; stocks of different GPUs whose nodes change over time, the last a reserved block; two offers of each
  kind, of which what is rented at once falls under a quota (`benchmarks.fleet.hardware`);
- the work of each job, log-normal (sigma 0.9), so much that all of it is `LOAD` of what the stock can do in the calendar;
- its parallel efficiency ``nodes ** -a`` with a from 0.06 to 0.22, how well it runs on each GPU (0.75 to 1.15 of its speed), the memory
  that it needs, a start-up of 10 to 30 minutes, and how uncertain its time is (5 to 25 %): a mode takes that much longer than its
  bill expects;
- releases over the first 70 % of the calendar; deadlines of three kinds: a little more than the job takes on a fast mode, about
  twice what it takes on its cheapest, and the end of the calendar; every sixth job comes after one that should have ended by then;
  priorities 1 to 5; modes of which the longest fits in the calendar.

So that there is a schedule, jobs are placed once, the least slack first, and a deadline that this misses is moved to where it ends;
the budget is a tenth more than that schedule needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random

from benchmarks.fleet.calendar import Free
from benchmarks.fleet.hardware import DAY, GPUS_PER_NODE, KINDS, Hardware, Source, hardware
from gpuplan.scheduling.problem import MICRO, Mode, Problem, Task

LEAST_MODES, MOST_MODES = 20, 40
COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)
MEMORY_GB = (40, 40, 160, 160, 400, 900)
CHAINED_SHARE = 1 / 6
#: Work of all jobs as a share of what the stock can do in the calendar.
LOAD = (0.3, 0.5)
MARGIN = 1.1
#: Nodes of all stocks together: some, and more for more jobs.
SOME_NODES, JOBS_PER_NODE = 40, 5


def generate(
    seed: int, jobs: int, stocks: int = 4, objectives: tuple[str, ...] = ("cost",), load: tuple[float, float] = LOAD
) -> Problem:
    """A fleet of so many jobs on so many stocks.

    Parameters
    ----------
    seed
        Another one, another fleet.
    jobs
        How many.
    stocks
        At least four, the last of which is a block: with fewer, a job has less than 20 modes.
    objectives
        Where tardiness is among them, deadlines may be missed.
    load
        Least and most of the work of all jobs, as a share of what the stock can do.
    """
    random = Random(f"fleet {seed} {jobs} {stocks}")
    minutes = random.randrange(14, 29) * DAY
    machines = hardware(random, stocks, SOME_NODES + jobs // JOBS_PER_NODE, minutes)
    shares = [random.lognormvariate(0.0, 0.9) for _ in range(jobs)]
    hours = random.uniform(*load) * machines.work_hours(minutes)
    works = [_work(random, hours * share / sum(shares)) for share in shares]
    tasks = _tasks(random, works, machines, minutes)
    problem = _possible(Problem(tuple(tasks), machines.resources, None, objectives))
    if "tardiness" in objectives:
        tasks = [replace(task, due=task.deadline, deadline=None) for task in problem.tasks]
        problem = replace(problem, tasks=tuple(tasks))
    return problem


@dataclass(frozen=True, slots=True)
class _Work:
    """What a job needs: H100-hours on one GPU, memory of all GPUs, and how it takes to nodes and kinds of GPU."""

    hours: float
    memory_gb: int
    loss: float
    startup_minutes: int
    uncertainty: float
    suits: dict[str, float]


def _work(random: Random, hours: float) -> _Work:
    return _Work(
        hours=hours,
        memory_gb=random.choice(MEMORY_GB),
        loss=random.uniform(0.06, 0.22),
        startup_minutes=random.randrange(10, 31),
        uncertainty=random.uniform(0.05, 0.25),
        suits={kind.gpu: random.uniform(0.75, 1.15) for kind in KINDS},
    )


def _tasks(random: Random, works: list[_Work], machines: Hardware, minutes: int) -> list[Task]:
    """Jobs in the order of their release; what comes after another is released with it at the earliest."""
    releases = sorted(random.randrange(0, minutes * 7 // 10) for _ in works)
    tasks: list[Task] = []
    for number, (work, release) in enumerate(zip(works, releases, strict=True)):
        modes = _modes(random, work, machines, minutes)
        ended = [index for index, task in enumerate(tasks) if (task.deadline or 0) <= max(release, minutes // 2)]
        after = (random.choice(ended),) if ended and random.random() < CHAINED_SHARE else ()
        begin = max([release, *(tasks[before].deadline or 0 for before in after)])
        tasks.append(
            Task(
                name=f"job-{number:03d}",
                modes=modes,
                release=release,
                deadline=_deadline(random, modes, begin, minutes),
                priority=random.randint(1, 5),
                after=after,
            )
        )
    return tasks


def _deadline(random: Random, modes: tuple[Mode, ...], begin: int, minutes: int) -> int:
    """Tight, usual or loose."""
    fast = sorted(mode.minutes for mode in modes)[len(modes) // 4]
    cheapest = min(modes, key=lambda mode: mode.cost_micro_usd).minutes
    tight = begin + fast * random.uniform(1.1, 1.6)
    usual = min(begin + cheapest * random.uniform(1.5, 3.0), max(tight, minutes))
    return round(random.choices((tight, usual, max(tight, minutes)), (0.25, 0.45, 0.3))[0])


def _modes(random: Random, work: _Work, machines: Hardware, minutes: int) -> tuple[Mode, ...]:
    """Between 20 and 40 modes of which none is beaten, drawn among those of all sources and numbers of nodes."""
    every = [[_mode(work, source, count) for count in _counts(work, source)] for source in machines.sources]
    by_source = [_undominated([mode for mode in modes if mode.minutes <= minutes]) for modes in every]
    kept = [[modes[0], modes[-1]] if len(modes) > 1 else modes for modes in by_source if modes]
    first = list(dict.fromkeys(mode for modes in kept for mode in modes))
    others = [mode for modes in by_source for mode in modes if mode not in first]
    wanted = random.randint(max(LEAST_MODES, len(first)), MOST_MODES)
    chosen = first[:MOST_MODES] + random.sample(others, min(len(others), max(0, wanted - len(first))))
    return tuple(sorted(chosen, key=lambda mode: (mode.cost_micro_usd, mode.minutes, mode.uses)))


def _counts(work: _Work, source: Source) -> list[int]:
    """Numbers of nodes that hold the job and that there are at some time."""
    least = math.ceil(work.memory_gb / (source.kind.memory_gb * GPUS_PER_NODE))
    return sorted({count for count in (*COUNTS, least) if least <= count <= source.most})


def _mode(work: _Work, source: Source, nodes: int) -> Mode:
    rate = nodes ** (1 - work.loss) * GPUS_PER_NODE * source.kind.speed * work.suits[source.kind.gpu]
    expected = work.startup_minutes + work.hours * 60 / rate
    longest = math.ceil(expected * (1 + work.uncertainty))
    uses = tuple(sorted((resource, units * nodes) for resource, units in source.resources))
    return Mode(longest, _bill(source, nodes, expected), _bill(source, nodes, longest), uses, source.lead_minutes)


def _bill(source: Source, nodes: int, minutes: float) -> int:
    steps = math.ceil(max(minutes, source.least_minutes) / source.step_minutes)
    return math.ceil(steps * source.step_minutes / 60 * nodes * source.usd_per_hour * MICRO)


def _undominated(modes: list[Mode]) -> list[Mode]:
    """Of the modes of one source, fewest nodes first, those that no other one beats in nodes, time and cost."""
    kept: list[Mode] = []
    for mode in modes:
        if not any(_beats(other, mode) for other in kept):
            kept.append(mode)
    return kept


def _beats(one: Mode, other: Mode) -> bool:
    """Fewer nodes, of the same source, are given."""
    return (
        one.minutes <= other.minutes
        and one.cost_micro_usd <= other.cost_micro_usd
        and one.budget_micro_usd <= other.budget_micro_usd
    )


def _possible(problem: Problem) -> Problem:
    """The same with deadlines and a budget that one schedule keeps."""
    free = Free(problem.resources)
    tasks, ends, spent = list(problem.tasks), dict[int, int](), 0
    while len(ends) < len(tasks):
        ready = [
            index for index in range(len(tasks)) if index not in ends and all(one in ends for one in tasks[index].after)
        ]
        index = min(ready, key=lambda one: _slack(tasks[one]))
        task = tasks[index]
        begin = max([task.release, *(ends[before] for before in task.after)])
        place = free.cheapest_by(task, begin, task.deadline)
        if place is None:
            raise ValueError(f"{task.name} fits nowhere")
        ends[index] = free.book(task, place)
        spent += task.modes[place.mode].budget_micro_usd
        tasks[index] = replace(task, deadline=max(task.deadline or 0, ends[index]))
    return replace(problem, tasks=tuple(tasks), budget_micro_usd=round(spent * MARGIN))


def _slack(task: Task) -> float:
    """How late it may begin on a middling mode."""
    return (task.deadline or math.inf) - sorted(mode.minutes for mode in task.modes)[len(task.modes) // 2]
