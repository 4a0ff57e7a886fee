"""Random tiny fleets, in which every feature occurs and binds often, and about a fifth of which cannot be done."""

from __future__ import annotations

from itertools import permutations
from random import Random

from gpuplan.scheduling.problem import MICRO, OBJECTIVES, Mode, Problem, Resource, Task

#: One objective, or one and then another.
CHOICES = tuple((name,) for name in OBJECTIVES) + tuple(permutations(OBJECTIVES, 2))
#: What a task of four may have at most, so that brute force ends soon.
MOST_MODES = {2: 4, 3: 3, 4: 2}


def random_problem(seed: int) -> Problem:
    """Two to four tasks on one to three resources over some fourteen minutes; the same for the same seed."""
    random = Random(f"fleet {seed}")
    count = random.choice((2, 3, 3, 4))
    resources = tuple(_resource(random, number) for number in range(random.randint(1, 3)))
    objectives = CHOICES[seed % len(CHOICES)]
    tasks = tuple(_task(random, number, count, resources, objectives) for number in range(count))
    return Problem(tasks, resources, _budget(random, tasks), objectives)


def _resource(random: Random, number: int) -> Resource:
    """Units that change up to twice in the first minutes, to none at all at times."""
    minutes = [0, *sorted(random.sample(range(1, 6), random.choice((0, 1, 1, 2))))]
    levels = [random.choice((1, 2, 2, 3, 4)) for _ in minutes]
    if len(minutes) > 1 and random.random() < 0.4:
        levels[random.randrange(len(levels) - (random.random() < 0.75))] = 0
    return Resource(f"r{number}", tuple(zip(minutes, levels, strict=True)))


def _task(
    random: Random, number: int, count: int, resources: tuple[Resource, ...], objectives: tuple[str, ...]
) -> Task:
    modes = tuple(_mode(random, resources) for _ in range(random.randint(1, MOST_MODES[count])))
    shortest = min(mode.minutes for mode in modes)
    release = random.choice((0, 0, 0, 1, 2, 3))
    after = tuple(sorted(random.sample(range(number), 1))) if number and random.random() < 0.35 else ()
    if len(after) == 1 and number > 1 and random.random() < 0.2:
        after = (0, number - 1)
    room = release + shortest + random.randint(1, 6) + 2 * len(after)
    wants_due = "tardiness" in objectives and random.random() < 0.8
    optional = random.random() < (0.6 if "value" in objectives else 0.25)
    return Task(
        name=f"t{number}",
        modes=modes,
        release=release,
        deadline=room if not wants_due and random.random() < 0.55 else None,
        due=max(1, room - 2) if wants_due else None,
        priority=random.choice((1, 1, 2, 3)),
        value_micro_usd=random.randint(1, 12) * MICRO if optional else None,
        after=after,
    )


def _mode(random: Random, resources: tuple[Resource, ...]) -> Mode:
    """Dearer in all where it is shorter, mostly; some use two resources (nodes of an offer and a quota), a few none."""
    minutes = random.randint(1, 4)
    cost = random.randint(0, 6) + random.randint(0, 4 - minutes) * 2
    wanted = random.choice((0, 1, 1, 1, 1, 2)) if len(resources) > 1 else random.choice((0, 1, 1, 1, 1, 1))
    chosen = sorted(random.sample(range(len(resources)), wanted))
    return Mode(
        minutes=minutes,
        cost_micro_usd=cost * MICRO,
        budget_micro_usd=(cost + random.randint(0, 2)) * MICRO,
        uses=tuple((index, _units(random, resources[index])) for index in chosen),
        earliest=random.choice((0, 0, 0, 1, 3)),
    )


def _units(random: Random, resource: Resource) -> int:
    """Hardly ever more than there ever is."""
    units = random.choice((1, 1, 2, 2, 3))
    return units if random.random() < 0.15 else max(1, min(units, resource.most))


def _budget(random: Random, tasks: tuple[Task, ...]) -> int | None:
    """Often less than all would like; what comes before may make the least too little."""
    if random.random() < 0.45:
        return None
    least = sum(min(mode.budget_micro_usd for mode in task.modes) for task in tasks if task.value_micro_usd is None)
    return max(0, least + random.randint(0, 7) * MICRO)
