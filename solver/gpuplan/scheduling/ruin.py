"""A good schedule soon: tasks that run at about the same time are taken out and put back in another order, again and again.

Ruin and recreate (Schrimpf and others, Journal of Computational Physics 159, 2000) with a falling temperature: each round costs a
tenth of a millisecond, and most of the way from a list schedule to the best one needs no more.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence

from gpuplan.scheduling.booking import Booking, Place

#: Most tasks that are taken out at a time, and the share of rounds in which they lie close in time.
MOST_OUT = 14
CLOSE_SHARE = 0.7
#: Share of ways that are passed over although there is room.
PASSED_OVER = 0.05
#: Temperature at first, as a share of the objective; it falls to nothing.
WARM = 5e-4
#: Rounds between two looks at the clock.
LOOK_EVERY = 64


def construct(booking: Booking) -> None:
    """Fill an empty booking by the best of a few usual orders: earliest deadline, most work, first released, dearest."""
    problem, ways = booking.problem, booking.ways
    tasks = problem.tasks
    work = [max((way.minutes * sum(u for _, u in way.uses) for way in own), default=0) for own in ways]
    dearest = [max((way.cost for way in own), default=0) for own in ways]
    indices = range(len(tasks))
    ends = [task.deadline or task.due or problem.horizon for task in tasks]
    orders = (
        sorted(indices, key=lambda i: (ends[i], i)),
        sorted(indices, key=lambda i: (-work[i], i)),
        sorted(indices, key=lambda i: (tasks[i].release, i)),
        sorted(indices, key=lambda i: (-dearest[i], i)),
        sorted(indices, key=lambda i: (-tasks[i].priority, ends[i], i)),
    )
    best: tuple[float, list[Place | None]] | None = None
    for order in orders:
        booking.fill(order)
        value = booking.total()
        if best is None or value < best[0]:
            best = (value, list(booking.places))
        for index in indices:
            booking.take_out(index)
    if best is not None:
        for index, place in enumerate(best[1]):
            booking.put(index, place)


def improve(booking: Booking, rounds: int, seconds: float, seed: int) -> bool:
    """Make a booking better; whether all `rounds` were done before the time was up. The best that was met is left in it."""
    count = len(booking.places)
    if count < 2:
        return True
    chance = random.Random(seed)
    draw, end = chance.random, time.monotonic() + seconds
    whole = booking.objective == "makespan"
    total = booking.total()
    best, kept = total, list(booking.places)
    warm = WARM * min(total, booking.large / (count + 1))

    def skip() -> bool:
        return draw() < PASSED_OVER

    for turn in range(rounds):
        if turn % LOOK_EVERY == 0 and time.monotonic() > end:
            break
        temperature = warm * (1 - turn / rounds) ** 2
        out = booking.with_successors(_chosen(booking, chance))
        before = [(index, booking.places[index]) for index in out]
        old = total if whole else booking.penalty(out) + booking.excess()
        for index in out:
            booking.take_out(index)
        booking.fill(_ordered(booking, out, before, chance), skip)
        new = booking.total() if whole else booking.penalty(out) + booking.excess()
        if new <= old - temperature * math.log(1 - draw()):
            total += new - old
            if total < best - 1e-6:
                best, kept = total, list(booking.places)
        else:
            for index in out:
                booking.take_out(index)
            for index, place in before:
                booking.put(index, place)
    else:
        turn = rounds
    for index in range(count):
        booking.take_out(index)
    for index, place in enumerate(kept):
        booking.put(index, place)
    return turn == rounds


def _chosen(booking: Booking, chance: random.Random) -> list[int]:
    """Tasks that run near some minute, or any."""
    count = len(booking.places)
    size = chance.randint(2, max(2, min(count, MOST_OUT)))
    if chance.random() >= CLOSE_SHARE:
        return chance.sample(range(count), min(size, count))
    spans = [(0, 0) if p is None or p[0] is None else (p[1], p[1] + p[0].minutes) for p in booking.places]
    at = chance.uniform(0, max(end for _, end in spans) or 1)
    far = [
        (
            chance.random() * booking.problem.tasks[index].release
            if begin == end
            else chance.random()
            if begin <= at <= end
            else min(abs(at - begin), abs(at - end)) * (0.5 + chance.random()),
            index,
        )
        for index, (begin, end) in enumerate(spans)
    ]
    far.sort()
    return [index for _, index in far[:size]]


def _ordered(
    booking: Booking, out: list[int], before: Sequence[tuple[int, Place | None]], chance: random.Random
) -> list[int]:
    """The order in which they come back: most work first, most to gain first, earliest deadline first, or any."""
    ways, tasks = booking.ways, booking.problem.tasks
    which = chance.random()
    if which < 0.35:
        keys = {i: -chance.uniform(0.7, 1.3) * _work(booking, i) for i in out}
    elif which < 0.6:
        keys = {
            i: float((ways[i][0].cost if ways[i] else 0) - (booking.large if p is None else booking.amount(i, p)))
            for i, p in before
        }
    elif which < 0.8:
        horizon = booking.problem.horizon
        keys = {i: float(tasks[i].deadline or tasks[i].due or horizon) for i in out}
    else:
        keys = {i: chance.random() for i in out}
    return sorted(out, key=lambda i: (keys[i], i))


def _work(booking: Booking, index: int) -> int:
    own = booking.ways[index]
    return own[0].minutes * sum(units for _, units in own[0].uses) if own else 0
