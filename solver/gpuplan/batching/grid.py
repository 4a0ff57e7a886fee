"""Jobs as YAML has them: a list, or a mapping with `defaults`, a `grid` of values, and a list of `jobs`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from gpuplan.batching.rows import NAME, Row, field_name, row_of
from gpuplan.errors import InputError, close_matches, shown
from gpuplan.fields import BY_NAME
from gpuplan.job import resolve_all
from gpuplan.job.yaml_file import merged
from gpuplan_models import architectures

PARTS = ("defaults", "grid", "jobs")
#: Stands for every model of the catalogue that some method trains.
CATALOGUE = "catalogue"


def rows_of_content(content: object) -> Iterator[Row]:
    """Rows of a list, or of a mapping with the parts of a file: those of the grid first.

    Raises
    ------
    InputError
        It is neither, or a part is not what it should be; a bad job of the list is a bad row.
    """
    parts = {"jobs": content} if isinstance(content, list) else content
    if not isinstance(parts, Mapping):
        right = "write a list of jobs ('- model: ...'), or 'grid:' with a list of values for each field"
        raise InputError("jobs", content, f"there are no jobs in it; {right}")
    _check_parts(parts)
    defaults = _defaults(parts.get("defaults"))
    grid, jobs = parts.get("grid"), parts.get("jobs")
    if grid is None and jobs is None:
        raise InputError("jobs", ", ".join(map(str, parts)), "has neither 'grid:' nor 'jobs:'; give one of them")
    if (jobs is not None and not isinstance(jobs, Sequence | None)) or isinstance(jobs, str):
        raise InputError("jobs", jobs, "'jobs:' must be a list of jobs, each beginning with a dash")
    combinations = iter(()) if grid is None else _combinations(grid)
    return _numbered(defaults, itertools.chain(combinations, jobs or ()))


def _numbered(defaults: Mapping[str, Any], jobs: Iterator[Any]) -> Iterator[Row]:
    """Rows with the defaults, where the job has nothing of its own."""
    for number, job in enumerate(jobs, start=1):
        row = row_of(number, job)
        yield row if row.problem else Row(number, merged(defaults, row.words), row.given_name)


def _check_parts(parts: Mapping[Any, Any]) -> None:
    for key in parts:
        if key not in PARTS:
            one = ", write a list ('- model: ...')" if field_name(key) in BY_NAME else ""
            message = f"{shown(key)!r} is not one of {', '.join(PARTS)}; fields of a job belong into these{one}"
            raise InputError("jobs", key, message, close_matches(str(key), PARTS))


def _defaults(words: object) -> dict[str, Any]:
    """Fields that every job has, unless it has its own."""
    if words is None:
        return {}
    row = row_of(0, words)
    if row.problem is not None:
        raise InputError("jobs", row.problem.value, f"defaults: {row.problem.message}", row.problem.suggestions)
    for name in row.words:
        _check_field("defaults", name)
    return dict(row.words)


def _check_field(part: str, name: str) -> None:
    if name not in BY_NAME:
        raise InputError("jobs", name, f"{part}: {shown(name)!r} is no field of a job", close_matches(name, BY_NAME))


def _combinations(grid: object) -> Iterator[dict[str, Any]]:
    """The product of the values of all fields, the last field fastest."""
    if not isinstance(grid, Mapping) or not grid:
        raise InputError("jobs", grid, "'grid:' must have a list of values for each field, such as 'data: [1GB, 10GB]'")
    values: dict[str, list[Any]] = {}
    for key, given in grid.items():
        name = field_name(key)
        if name == NAME:
            raise InputError("jobs", NAME, "grid: all of its jobs would have one name; leave 'name' out")
        _check_field("grid", name)
        if name in values:
            raise InputError("jobs", name, f"grid: {name!r} stands twice, with a dash and with an underscore; keep one")
        values[name] = _values(name, given)
    return (dict(zip(values, combination, strict=True)) for combination in itertools.product(*values.values()))


def _values(name: str, given: Any) -> list[Any]:
    """Values of a field of the grid."""
    values = list(given) if isinstance(given, list | tuple) else [given]
    if not values:
        raise InputError("jobs", name, f"grid: {name!r} has no values; give one at least, or leave it out")
    if name != "model":
        return values
    models = [trainable() if str(value).strip().lower() == CATALOGUE else [value] for value in values]
    return list(itertools.chain.from_iterable(models))


@cache
def trainable() -> tuple[str, ...]:
    """Models of the catalogue that some method trains, in the catalogue's order."""
    return tuple(name for name in architectures() if _is_trainable(name))


def _is_trainable(name: str) -> bool:
    try:
        resolve_all({"model": name, "method": "any", "tokens": "1M"})
    except InputError:
        return False
    return True
