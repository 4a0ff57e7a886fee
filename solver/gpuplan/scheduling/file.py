"""From the file of a fleet to the fleet: YAML, or a mapping of the same words.

Times are dates or durations from the start of the calendar. They become whole minutes, rounded to the safe side: a release and what
adds to the stock up, a deadline and what takes from it down, work of known length up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gpuplan.errors import InputError, choose, shown
from gpuplan.job import make_spec, resolve
from gpuplan.job.market import Market, market_of
from gpuplan.job.reader import Reader
from gpuplan.job.resolve import read_confidence, read_search
from gpuplan.job.yaml_file import merged, read_words
from gpuplan.scheduling.calendar import Clock, parse_date
from gpuplan.scheduling.jobs import INSTEAD, LIKE, OF_CALENDAR, RENT, TRAINING, Common, named_gpus, read_jobs
from gpuplan.scheduling.problem import OBJECTIVES
from gpuplan.scheduling.stock import read_quotas, read_stocks
from gpuplan.scheduling.types import Fleet, FleetJob
from gpuplan.scheduling.words import YES_OR_NO, at, fields, required, several, yes_or_no
from gpuplan.units import parse_money
from gpuplan_hardware import Offer

#: Fields of the whole that are fields of a job, too.
SEARCH = ("confidence", "time_limit", "workers", "seed")
FLEET_FIELDS: Final = (
    "start",
    "minimize",
    "budget",
    *SEARCH,
    "worth",
    "rent",
    "stock",
    "quotas",
    "defaults",
    "jobs",
)
#: Fields that a flag can stand in place of.
OVERRIDES: Final = ("minimize", "budget", *SEARCH, "worth")
HOLDS = "jobs and what there is to run them on"


def load_fleet(
    source: str | Path | Mapping[str, Any],
    offers: Sequence[Offer] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Fleet:
    """Read a fleet.

    Parameters
    ----------
    source
        Path of a YAML file, or a mapping of the same words.
    offers
        What may be rented, in place of the built-in and imported offers and those that the file names.
    overrides
        Words that win over the file's: minimize, budget, confidence, time_limit, workers, seed, worth.

    Returns
    -------
    Fleet
        Every training job without a deadline of its own: the calendar has it.

    Raises
    ------
    InputError
        The first thing that cannot be used, with its place in the file, such as "jobs[3] support-bot: deadline", counted from 1.
    """
    words = fields(_content(source), FLEET_FIELDS, "a fleet")
    words |= fields(overrides or {}, OVERRIDES, "the flags")
    clock = Clock(parse_date("start", words["start"]) if "start" in words else None)
    reader = Reader(make_spec({name: words[name] for name in SEARCH if name in words}))
    confidence, search = read_confidence(reader), read_search(reader)
    objectives = _objectives(words.get("minimize", "cost"))
    notes: list[str] = []
    rents, rent = _rent(words.get("rent", True))
    with at("rent"):
        market = _market(rent, offers)
    stocks = read_stocks(words.get("stock"), clock, market, notes)
    if not stocks and not rents:
        raise InputError(
            "rent", words["rent"], "there is no stock and nothing may be rented; give 'stock:' or rent more"
        )
    quotas = read_quotas(words.get("quotas"), clock, market, [stock.name for stock in stocks])
    common = Common(
        clock=clock,
        defaults=_defaults(words.get("defaults", {})),
        rent=rent,
        confidence=words.get("confidence"),
        late="tardiness" in objectives,
        offers=offers,
    )
    jobs = read_jobs(required(words, "jobs", "[...]"), common)
    _check_objectives(objectives, jobs, words.get("minimize"))
    return Fleet(
        jobs=jobs,
        stocks=stocks,
        quotas=quotas,
        rent=rents,
        budget_usd=parse_money("budget", words["budget"]) if "budget" in words else None,
        objectives=objectives,
        start=clock.start,
        confidence=confidence,
        time_limit_seconds=search.time_limit_seconds,
        workers=search.workers if reader.given("workers") else 0,
        seed=search.seed,
        worth=yes_or_no("worth", words.get("worth", True)),
        notes=(*notes, *_notes(clock, common, jobs)),
    )


def _content(source: object) -> object:
    """The words of a fleet, wherever they are."""
    if isinstance(source, Mapping):
        return source
    if not isinstance(source, (str, Path)):
        message = (
            f"cannot use {shown(repr(source))} (of type {type(source).__name__}); give a path, a mapping or a Fleet"
        )
        raise InputError("fleet", source, message)
    content = read_words(source, "fleet", HOLDS)
    if not isinstance(content, Mapping):
        raise InputError("fleet", source, f"{str(source)!r} holds no fields; give {', '.join(FLEET_FIELDS)}")
    return content


def _objectives(value: object) -> tuple[str, ...]:
    """What is minimised, the most important first."""
    found = tuple(choose("minimize", word, OBJECTIVES) for word in several("minimize", value))
    if len(set(found)) < len(found):
        raise InputError("minimize", ", ".join(found), "names one of them twice; name each once")
    return found


def _check_objectives(objectives: Sequence[str], jobs: Sequence[FleetJob], given: object) -> None:
    """Refuse what no schedule would change: silence would look like an answer."""
    if "tardiness" in objectives and all(job.deadline is None or not job.may_be_late for job in jobs):
        why = "no job has a deadline that it may miss; give 'deadline:' (and not 'late: false')"
        raise InputError("minimize", given, f"tardiness is always 0 here: {why}")
    if "value" in objectives and all(job.value_usd is None for job in jobs):
        raise InputError(
            "minimize", given, "value is always 0 here: no job may be left out; give 'value:' to those that may"
        )


def _rent(value: object) -> tuple[bool, dict[str, Any]]:
    """Whether anything may be rented, and the words that say what."""
    if isinstance(value, Mapping):
        with at("rent"):
            return True, fields(value, RENT, "what may be rented", INSTEAD)
    if not isinstance(value, bool) and str(value).strip().lower() not in YES_OR_NO:
        message = f"{shown(value)!r} is neither true nor false, nor fields such as 'gpu: H100'"
        raise InputError("rent", value, message)
    return yes_or_no("rent", value), {}


def _market(rent: Mapping[str, Any], offers: Sequence[Offer] | None) -> Market:
    """The offers whose names the stock and the quotas may use; what is wrong with the words is said here, not of every job."""
    if "price" in rent and "gpu" not in rent:
        raise InputError("price", rent["price"], "is the price of one GPU; name it: 'gpu: H100-SXM'")
    named_gpus(rent)
    words = {name: word for name, word in rent.items() if name not in ("gpu", "exclude_gpu") or "price" in rent}
    job = resolve({**LIKE, **words}, offers)
    return market_of(job.catalogue, offers)


def _defaults(value: object) -> dict[str, Any]:
    """Words of every training job."""
    with at("defaults"):
        names = tuple(name for name in (*OF_CALENDAR, *TRAINING) if name != "after")
        found = fields(value, names, "the defaults of training jobs", INSTEAD)
        make_spec({name: word for name, word in found.items() if name not in OF_CALENDAR})
        return merged({}, found)


def _notes(clock: Clock, common: Common, jobs: Sequence[FleetJob]) -> list[str]:
    """What else was taken for granted."""
    found = []
    if clock.start is not None and clock.start.tzinfo is None:
        found.append("dates are local time, and every day has 24 hours")
    if common.late and any(job.may_be_late for job in jobs):
        found.append("deadlines may be missed, as tardiness is minimised, unless a job says 'late: false'")
    return found
