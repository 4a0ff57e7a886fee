"""A schedule made better a part at a time: CP-SAT finds the best places for some tasks while all others stay where they are."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from gpuplan.cp_sat import new_solver
from gpuplan.scheduling.booking import LEFT_OUT, Booking, Place
from gpuplan.scheduling.model import FleetModel
from gpuplan.scheduling.problem import Problem
from gpuplan.scheduling.profile import NEVER, Profile, first_common_room
from gpuplan.scheduling.windows import Way

#: Tasks that are free at a time, at first; more while they are soon solved, fewer while they are not.
FREE_AT_FIRST, LEAST_FREE, MOST_FREE = 16.0, 6.0, 80.0
MORE, FEWER = 1.06, 0.93
#: Work of CP-SAT on one part, in its own deterministic units (about seconds).
PART_EFFORT = 1.0
#: Rounds without a gain after which nothing more is expected.
PATIENCE = 15


@dataclass(frozen=True)
class _Part:
    """Tasks that are free, with their ways, what they may use, and where they are now."""

    problem: Problem
    ways: Mapping[int, Sequence[Way]]
    capacities: Sequence[Sequence[tuple[int, int]]]
    places: Mapping[int, Place]
    objective: str
    left: Mapping[str, int]
    at_least: int


def improve_by_parts(
    booking: Booking, ways: Sequence[Sequence[Way]], end: float, workers: int, seed: int, goal: int
) -> bool:
    """Make a whole schedule better until time `end`, or nothing more is gained, or it is as good as `goal`.

    Parts that are solved side by side are put in one after the other, where they still are better; so the result depends on `workers`
    and `seed` alone, as long as the time is not up. Returns whether it was not.
    """
    chance, size, idle = random.Random(seed), FREE_AT_FIRST, 0
    with ThreadPoolExecutor(workers) as pool:
        while idle < PATIENCE * workers and booking.total() > goal:
            if time.monotonic() >= end:
                return False
            parts = [_part(booking, ways, _free(booking, chance, round(size))) for _ in range(workers)]
            seconds = end - time.monotonic()
            seeds = [chance.randrange(2**31) for _ in parts]
            for places, proved in pool.map(_solved, parts, [seconds] * len(parts), seeds):
                size = min(MOST_FREE, size * MORE) if proved else max(LEAST_FREE, size * FEWER)
                idle = 0 if places is not None and _put_in(booking, places) else idle + 1
    return True


def _free(booking: Booking, chance: random.Random, size: int) -> list[int]:
    """Tasks that run near some minute."""
    spans = [(0, 0) if p is None or p[0] is None else (p[1], p[1] + p[0].minutes) for p in booking.places]
    at = chance.uniform(0, max(end for _, end in spans) or 1)
    far = sorted(
        ((max(begin - at, at - end, 0) + chance.uniform(0, 600)) * chance.uniform(0.5, 1.5), index)
        for index, (begin, end) in enumerate(spans)
    )
    free = booking.with_successors(index for _, index in far[:size])
    done = {index for index, place in enumerate(booking.places) if place is not None and place[0] is not None}
    tasks = booking.problem.tasks
    return sorted(i for i in free if all(before in done or before in free for before in tasks[i].after))


def _part(booking: Booking, ways: Sequence[Sequence[Way]], free: Sequence[int]) -> _Part:
    """The tasks, and all that is not used by others."""
    now = {index: booking.places[index] or LEFT_OUT for index in free}
    for index in free:
        booking.take_out(index)
    left = {name: cap - booking.spent[name] for name, cap in booking.caps.items()}
    rest = int(booking.makespan()) if booking.objective == "makespan" else 0
    own = {index: _roomy(booking, index, ways[index], free) for index in free}
    begin = min((way.first for some in own.values() for way in some), default=0)
    end = max((way.last + way.minutes for some in own.values() for way in some), default=0)
    capacities = [_clipped(profile, begin, end) for profile in booking.profiles]
    for index, place in now.items():
        booking.put(index, place)
    return _Part(booking.problem, own, capacities, now, booking.objective, left, rest)


def _roomy(booking: Booking, index: int, own: Sequence[Way], free: Sequence[int]) -> list[Way]:
    """Ways of a task that have room somewhere, between the held tasks before and after it."""
    first, last = 0, booking.problem.horizon
    for before in booking.problem.tasks[index].after:
        place = booking.places[before] if before not in free else None
        if place is not None and place[0] is not None:
            first = max(first, place[1] + place[0].minutes)
    for later in booking.after[index]:
        place = booking.places[later] if later not in free else None
        if place is not None and place[0] is not None:
            last = min(last, place[1])
    found = []
    for way in own:
        start, latest = max(first, way.first), min(last - way.minutes, way.last)
        if way.uses and start <= latest:
            start = first_common_room(booking.profiles, way.uses, start, way.minutes, latest)
        if start <= latest:
            found.append(replace(way, first=start, last=latest))
    return found


def _clipped(profile: Profile, begin: int, end: int) -> list[tuple[int, int]]:
    """What is left between two minutes; nobody looks outside, where it is said to be plenty."""
    inside = [
        (max(minute, begin), units)
        for minute, units, until in zip(profile.times, profile.units, [*profile.times[1:], NEVER], strict=True)
        if minute < end and until > begin
    ]
    plenty = max(units for _, units in inside) if inside else 0
    return [*([(0, plenty)] if begin > 0 else []), *inside, (end, plenty)]


def _solved(part: _Part, seconds: float, seed: int) -> tuple[dict[int, Place] | None, bool]:
    """The best places for the tasks of a part, None where none are better, and whether that is proved."""
    model = FleetModel(part.problem, part.capacities)
    model.add_tasks(part.ways)
    for name, cap in part.left.items():
        model.model.add(model.sum_of(name) <= cap)
    goal = model.sum_of(part.objective)
    model.model.minimize(goal)
    if part.objective == "makespan":
        model.model.add(goal >= part.at_least)
    model.hint(part.places)
    solver = new_solver(seconds, 1, seed)
    solver.parameters.max_deterministic_time = PART_EFFORT
    solver.parameters.catch_sigint_signal = False  # the main thread hears it
    status = solver.solve(model.model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None, status == cp_model.INFEASIBLE
    return model.places(solver), status == cp_model.OPTIMAL


def _put_in(booking: Booking, places: Mapping[int, Place]) -> bool:
    """Take places over, where there is room for them and they are better; whether they are better by themselves."""
    before, old = {index: booking.places[index] for index in places}, booking.total()
    for index in places:
        booking.take_out(index)
    fits = all(_fits(booking, index, place) for index, place in places.items())
    if fits and booking.schedule() is not None and booking.total() <= old:
        return booking.total() < old
    for index in places:
        booking.take_out(index)
    for index, place in before.items():
        booking.put(index, place)
    return False


def _fits(booking: Booking, index: int, place: Place) -> bool:
    """Put a task there, if there is room, between the tasks before and after it."""
    way, start = place
    room = (
        way is None or not way.uses or first_common_room(booking.profiles, way.uses, start, way.minutes, start) == start
    )
    if not room:
        return False
    booking.put(index, place)
    return booking.in_order(index)
