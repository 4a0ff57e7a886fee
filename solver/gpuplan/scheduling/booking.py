"""A schedule that is being changed: tasks are put in where there is room, and taken out again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from gpuplan.scheduling.problem import Placed, Problem, Schedule
from gpuplan.scheduling.profile import NEVER, Profile, first_common_room
from gpuplan.scheduling.windows import Way, successors

#: A way and a start; a start without a way: left out, as it may be.
Place = tuple[Way | None, int]
LEFT_OUT: Place = (None, 0)


class Booking:
    """Where every task stands, and what is left of every resource.

    Attributes
    ----------
    places
        Place of each task; None where it has none although it must.
    """

    def __init__(
        self, problem: Problem, ways: Sequence[Sequence[Way]], objective: str, caps: Mapping[str, int]
    ) -> None:
        self.problem, self.ways, self.objective = problem, ways, objective
        self.caps = {**caps, **({} if problem.budget_micro_usd is None else {"budget": problem.budget_micro_usd})}
        self.caps.pop("makespan", None)  # a deadline of every task by now
        self.places: list[Place | None] = [None] * len(problem.tasks)
        self.profiles = [Profile(resource.capacity) for resource in problem.resources]
        self.after = successors(problem)
        self.spent = dict.fromkeys(self.caps, 0)
        self._chained = any(task.after for task in problem.tasks)
        most = max((abs(self.amount(index, None)) for index in range(len(self.places))), default=0)
        most = max(
            [most, problem.horizon, *(self.amount(i, (way, way.last)) for i, own in enumerate(ways) for way in own)]
        )
        #: Worth more than all that an objective can gain.
        self.large = float(most + 1) * (len(self.places) + 1)

    def put(self, index: int, place: Place | None) -> None:
        """Give a task without a place this one."""
        self.places[index] = place
        for name in self.spent:
            self.spent[name] += self.amount(index, place, name)
        way, start = place or LEFT_OUT
        if way is not None:
            for resource, units in way.uses:
                self.profiles[resource].book(start, start + way.minutes, units)

    def take_out(self, index: int) -> None:
        """Take a task out."""
        place = self.places[index]
        self.places[index] = None
        for name in self.spent:
            self.spent[name] -= self.amount(index, place, name)
        way, start = place or LEFT_OUT
        if way is not None:
            for resource, units in way.uses:
                self.profiles[resource].book(start, start + way.minutes, -units)

    def with_successors(self, chosen: Iterable[int]) -> list[int]:
        """The tasks, and all that come after one of them."""
        if not self._chained:
            return list(chosen)
        found: dict[int, None] = {}
        left = list(chosen)
        while left:
            index = left.pop()
            if index not in found:
                found[index] = None
                left += self.after[index]
        return list(found)

    def fill(self, chosen: Sequence[int], skip: Callable[[], bool] | None = None) -> None:
        """Give tasks without a place one, in this order but for those that must come later; each the best there is by itself."""
        if not self._chained:
            for index in chosen:
                self.put(index, self.best_place(index, skip))
            return
        waiting = dict.fromkeys(chosen)
        for index in chosen:
            self._fill_one(index, waiting, skip)

    def _fill_one(self, index: int, waiting: dict[int, None], skip: Callable[[], bool] | None) -> None:
        if index not in waiting:
            return
        del waiting[index]
        for before in self.problem.tasks[index].after:
            self._fill_one(before, waiting, skip)
        self.put(index, self.best_place(index, skip))

    def best_place(self, index: int, skip: Callable[[], bool] | None = None) -> Place | None:
        """The best place by itself, with what is there; now and then one is passed over."""
        task = self.problem.tasks[index]
        start = 0
        for before in task.after:
            place = self.places[before]
            if place is None or place[0] is None:
                return LEFT_OUT if task.optional else None
            start = max(start, place[1] + place[0].minutes)
        found = (
            self._cheapest(index, start, skip)
            if self.objective in ("cost", "value")
            else self._soonest(index, start, skip)
        )
        if found is None:
            return LEFT_OUT if task.optional else None
        if task.optional and self.amount(index, found) > self.amount(index, LEFT_OUT):
            return LEFT_OUT
        return found

    def _room(self, way: Way, start: int) -> int:
        start = max(start, way.first)
        if not way.uses:
            return start if start <= way.last else NEVER
        return first_common_room(self.profiles, way.uses, start, way.minutes, way.last)

    def _cheapest(self, index: int, start: int, skip: Callable[[], bool] | None) -> Place | None:
        """The first way that finds room: they are sorted by cost."""
        for way in self.ways[index]:
            at = self._room(way, start)
            if at <= way.last and not (skip is not None and skip()):
                return way, at
        return None

    def _soonest(self, index: int, start: int, skip: Callable[[], bool] | None) -> Place | None:
        """The least late, the cheapest of these; or the first to end."""
        best: tuple[int, int] | None = None
        found: Place | None = None
        for way in self.ways[index]:
            at = self._room(way, start)
            if at > way.last or (skip is not None and skip()):
                continue
            rank = (self.amount(index, (way, at)), way.cost)
            if best is None or rank < best:
                best, found = rank, (way, at)
                if not rank[0]:
                    break
        return found

    # -- what it is worth ------------------------------------------------------------------------------------------------------
    def amount(self, index: int, place: Place | None, of: str | None = None) -> int:
        """What a task adds to the objective, or to another sum; without a place nothing. Of the makespan its end."""
        name = self.objective if of is None else of
        if place is None:
            return 0
        way, start = place
        task = self.problem.tasks[index]
        if way is None:
            return task.value_micro_usd or 0 if name in ("cost", "value") else 0
        if name == "cost":
            return way.cost
        if name == "budget":
            return way.budget
        if name == "value":
            return 0
        end = start + way.minutes
        if name == "makespan":
            return end
        return 0 if task.due is None else task.priority * max(0, end - task.due)

    def penalty(self, chosen: Iterable[int] | None = None) -> float:
        """The objective of some tasks (all), and much more for tasks without a place."""
        indices = range(len(self.places)) if chosen is None else chosen
        return float(sum(self.large if (p := self.places[i]) is None else self.amount(i, p) for i in indices))

    def excess(self) -> float:
        """How far caps are broken, in shares of them, as a penalty."""
        return self.large * sum(max(0, self.spent[name] - cap) / max(1, cap) for name, cap in self.caps.items())

    def makespan(self) -> float:
        """End of the last task, and much more for tasks without a place."""
        ends = [self.large if p is None else self.amount(i, p, "makespan") for i, p in enumerate(self.places)]
        return float(max(ends, default=0))

    def total(self) -> float:
        """The objective, with all penalties."""
        return (self.makespan() if self.objective == "makespan" else self.penalty()) + self.excess()

    def in_order(self, index: int) -> bool:
        """Whether a task is after what comes before it, and before what comes after, as far as these have a place."""
        way, start = self.places[index] or LEFT_OUT
        if way is None:
            return all((p := self.places[later]) is None or p[0] is None for later in self.after[index])
        for before in self.problem.tasks[index].after:
            other = self.places[before]
            if other is not None and (other[0] is None or other[1] + other[0].minutes > start):
                return False
        return all(
            (p := self.places[later]) is None or p[0] is None or p[1] >= start + way.minutes
            for later in self.after[index]
        )

    def schedule(self) -> Schedule | None:
        """The schedule; None where a task that must be done has no place, or a cap is broken."""
        if any(place is None for place in self.places) or self.excess() > 0:
            return None
        return tuple(Placed(p[0].mode, p[1]) if p is not None and p[0] is not None else None for p in self.places)


def moved_up(problem: Problem, schedule: Schedule) -> Schedule:
    """The schedule with every task as early as those before it leave room, on the same mode: no objective gains from waiting."""
    profiles = [Profile(resource.capacity) for resource in problem.resources]
    found: list[Placed | None] = [None] * len(schedule)
    begun = [(place.start, index) for index, place in enumerate(schedule) if place is not None]
    for start, index in sorted(begun):
        task, place = problem.tasks[index], schedule[index]
        if place is None:
            continue
        mode = task.modes[place.mode]
        ends = [p.start + problem.tasks[i].modes[p.mode].minutes for i in task.after if (p := found[i]) is not None]
        earliest = max([task.release, mode.earliest, *ends])
        if mode.uses:
            earliest = first_common_room(profiles, mode.uses, earliest, mode.minutes, start)
        found[index] = Placed(place.mode, earliest)
        for resource, units in mode.uses:
            profiles[resource].book(earliest, earliest + mode.minutes, units)
    return tuple(found)
