"""The `jobs` of a fleet's file: training jobs in the words of `gpuplan.fields`, and work of known length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gpuplan.errors import InputError, close_matches, shown
from gpuplan.fields import BY_NAME, OFFERS
from gpuplan.job import Job, make_spec, resolve
from gpuplan.job.choices import read_choices
from gpuplan.job.gpus import gpu_names
from gpuplan.job.yaml_file import merged
from gpuplan.scheduling.calendar import Clock, minutes_of_work
from gpuplan.scheduling.types import FleetJob, KnownWork
from gpuplan.scheduling.words import at, entries, fields, name_of, required, several, yes_or_no
from gpuplan.units import parse_money, parse_whole
from gpuplan_hardware import Offer, accelerators

#: Fields that say when a job runs and what it is worth.
OF_CALENDAR = ("release", "deadline", "late", "priority", "value", "after")
#: Fields of a job that mean nothing in a fleet, or are those of the whole.
INSTEAD: Final = {
    **dict.fromkeys(
        ("confidence", "time_limit", "workers", "seed", "minimize"),
        "is one for all jobs; write it at the top of the file",
    ),
    **dict.fromkeys(("alternatives", "alternatives_by", "currency"), "has no effect in a fleet; leave it out"),
    "deadline_from": "has no effect in a fleet, whose calendar counts every lead time; leave it out",
    "quota": "is common to all jobs; write it under 'quotas:'",
}
TRAINING = tuple(name for name in BY_NAME if name not in INSTEAD and name != "deadline")
#: What may be rented, in the words of a job.
RENT = tuple(
    one.name
    for one in BY_NAME.values()
    if one.group == OFFERS and one.name not in (*INSTEAD, "nvswitch_only", "allow_unknown_host")
)
#: What else than its calendar is said of known work: GPUs, and which of them it may rent.
KNOWN_WORK = (
    "takes",
    "gpus",
    *(name for name in RENT if name not in ("price", "interruptions")),
    "nvswitch_only",
    "max_nodes",
)
MAX_PRIORITY = 1_000
MAX_GPUS = 100_000
#: A small job that `KnownWork.like` is made of: only its limits and its catalogue are read.
LIKE = {"model": "qwen2.5-0.5b", "method": "lora", "tokens": "1M"}


@dataclass(frozen=True)
class Common:
    """What all jobs of a file share.

    Attributes
    ----------
    clock
        Reads the times.
    defaults
        Words of every training job.
    rent
        What may be rented for any job that does not say otherwise itself; of its GPUs only those that the job names, too.
    confidence
        Word for the chance with which limits hold; None for the usual one.
    late
        Whether a deadline is one that may be missed, unless a job says otherwise.
    offers
        The caller's offers, in place of those of the catalogue.
    """

    clock: Clock
    defaults: Mapping[str, Any] = field(default_factory=dict)
    rent: Mapping[str, Any] = field(default_factory=dict)
    confidence: object = None
    late: bool = False
    offers: Sequence[Offer] | None = None


def read_jobs(words: object, common: Common) -> tuple[FleetJob, ...]:
    """Every entry of `jobs`.

    Raises
    ------
    InputError
        The first thing that cannot be used, with its place: no jobs, an unknown field, two of a name, a name in `after` that no job
        has, jobs that wait for each other.
    """
    listed = entries("jobs", words)
    names: list[str] = []
    for number, entry in enumerate(listed, 1):
        with at(f"jobs[{number}]"):
            names.append(name_of(entry, names))
    found = []
    for number, (name, entry) in enumerate(zip(names, listed, strict=True), 1):
        with at(f"jobs[{number}] {name}"):
            found.append(_job(name, entry, common, names))
    _check_order(found)
    return tuple(found)


def _job(name: str, entry: object, common: Common, names: Sequence[str]) -> FleetJob:
    known = isinstance(entry, Mapping) and entry.get("takes") is not None
    what, allowed = ("work with 'takes'", KNOWN_WORK) if known else ("a job of a fleet", (*TRAINING, "takes"))
    own = fields(entry, ("name", *OF_CALENDAR, *allowed), what, INSTEAD)
    own.pop("name")
    words = own if known else merged(common.defaults, own)
    calendar = {key: words.pop(key) for key in OF_CALENDAR if key in words}
    if "late" in own and "deadline" not in calendar:
        raise InputError("late", own["late"], "has no effect without a deadline; leave it out")
    work = _known(words, common) if known else _training(words, common)
    release, deadline = _window(calendar, common.clock)
    return FleetJob(
        name=name,
        work=work,
        release=release,
        deadline=deadline,
        may_be_late=deadline is not None and yes_or_no("late", calendar.get("late", common.late)),
        priority=parse_whole("priority", calendar.get("priority", 1), 1, MAX_PRIORITY),
        value_usd=parse_money("value", calendar["value"]) if "value" in calendar else None,
        after=_after(name, calendar["after"], names) if "after" in calendar else (),
        stock_gpus=named_gpus(words),
    )


def _window(words: Mapping[str, Any], clock: Clock) -> tuple[int, int | None]:
    """First minute of a job, and its deadline."""
    release = clock.after("release", words["release"]) if "release" in words else 0
    if "deadline" not in words:
        return release, None
    deadline = clock.before("deadline", words["deadline"])
    if deadline <= release:
        since = f"the release, {shown(words['release'])!r}" if release else "the start of the calendar"
        raise InputError("deadline", words["deadline"], f"{shown(words['deadline'])!r} is not after {since}")
    return release, deadline


def _training(words: Mapping[str, Any], common: Common) -> Job:
    """The job that is trained, its deadline left open."""
    spec = make_spec(words)
    choices = read_choices(spec)
    if len(choices) > 1:
        name = "method" if len({choice.method for choice in choices}) > 1 else "precision"
        meant = tuple(dict.fromkeys(getattr(choice, name) for choice in choices))
        message = f"a fleet needs one for each job, and this may be {' or '.join(meant)}; name one of them"
        raise InputError(name, ",".join(getattr(spec, name) or ()), message)
    return _renting(words, common)


def _known(words: Mapping[str, Any], common: Common) -> KnownWork:
    """Work of known length, on GPUs for which it is known."""
    minutes = minutes_of_work("takes", words["takes"])
    count = parse_whole("gpus", required(words, "gpus", "8"), 1, MAX_GPUS)
    gpus = named_gpus({"gpu": required(words, "gpu", "H100")}) or ()
    peaks = [accelerators()[name].peak_flops for name in gpus]
    precision = next((one for one in ("bf16", "fp16") if all(one in peak for peak in peaks)), "bf16")
    # Whether a framework trains on these GPUs does not matter, so they are put in afterwards.
    asked = {name: word for name, word in words.items() if name not in ("takes", "gpus", "gpu")}
    like = _renting({**LIKE, **asked, "precision": precision}, common)
    return KnownWork(minutes, count, _only(like, gpus))


def _renting(words: Mapping[str, Any], common: Common) -> Job:
    """The job of its own words and those that say what may be rented.

    Every offer must say how soon it can be had, as the calendar counts it. The GPUs that may be rented are put in afterwards: what
    only the stock has is no mistake. Only a price needs to know at once whose it is.
    """
    rent = {name: word for name, word in common.rent.items() if name not in ("gpu", "exclude_gpu")}
    asked = merged(rent, words)
    if "price" in asked and "price" not in words:
        asked["gpu"] = common.rent["gpu"]
    if not {"pricing", "offers", "price"} & asked.keys() and common.offers is None:
        asked["pricing"] = "on-demand"
    if common.confidence is not None:
        asked["confidence"] = common.confidence
    job = resolve(asked, common.offers)
    job = replace(job, limits=replace(job.limits, timed=True, gpus=named_gpus(words, excluded=False)))
    return _only(job, named_gpus(common.rent))


def _only(job: Job, gpus: Sequence[str] | None) -> Job:
    """The job with no other GPUs than these to rent, None for any; where none is left, nothing is rented for it."""
    if gpus is None:
        return job
    left = tuple(name for name in (gpus if job.limits.gpus is None else job.limits.gpus) if name in gpus)
    catalogue = job.catalogue if left else replace(job.catalogue, price_usd_per_gpu_hour=None)
    return replace(job, limits=replace(job.limits, gpus=left), catalogue=catalogue)


def named_gpus(words: Mapping[str, Any], *, excluded: bool = True) -> tuple[str, ...] | None:
    """Accelerators that `gpu` names, without those of `exclude_gpu`; None where neither is said.

    With `excluded` false only `gpu` is looked at.
    """
    of, without = gpu_names(None), words.get("exclude_gpu") if excluded else None
    if "gpu" not in words and without is None:
        return None
    named = of("gpu", several("gpu", words["gpu"])) if "gpu" in words else tuple(accelerators())
    taken = () if without is None else of("exclude_gpu", several("exclude_gpu", without))
    return tuple(name for name in named if name not in taken)


def _after(name: str, value: object, names: Sequence[str]) -> tuple[str, ...]:
    """Names of the jobs that come first."""
    by_lower = {one.lower(): one for one in names}
    words = (
        (value.strip(),) if isinstance(value, str) and value.strip().lower() in by_lower else several("after", value)
    )
    for word in words:
        if word.lower() not in by_lower:
            raise InputError("after", word, f"there is no job {shown(word)!r}", close_matches(word, names))
    found = tuple(dict.fromkeys(by_lower[word.lower()] for word in words))
    if name in found:
        raise InputError("after", value, "a job cannot come after itself; leave it out")
    return found


def _check_order(jobs: Sequence[FleetJob]) -> None:
    """Refuse jobs that wait for each other, all around."""
    waits = {job.name: set(job.after) for job in jobs}
    while ready := [name for name, before in waits.items() if not before & waits.keys()]:
        for name in ready:
            del waits[name]
    if waits:
        raise InputError("after", "", f"these jobs wait for each other: {_cycle(waits)}; take one of them out")


def _cycle(waits: Mapping[str, set[str]]) -> str:
    """One way around: "a after b after a"."""
    path = [min(waits)]
    while path.count(path[-1]) < 2:
        path.append(min(waits[path[-1]] & waits.keys()))
    return " after ".join(path[path.index(path[-1]) :])
