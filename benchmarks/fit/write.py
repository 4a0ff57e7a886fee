"""Fit, and write the values with the number of runs behind each into the data files that ship: ``python -m benchmarks.fit.write``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.fit.counts import runs_behind
from benchmarks.fit.parameters import Parameter
from benchmarks.fit.problem import problem_of
from benchmarks.fit.rows import read_runs

RUNS = Path("../shared/data/runs.csv")
CONSTANTS = Path("solver/gpuplan/performance/constants.toml")
SOFTWARE = Path("solver/gpuplan/runs/software.toml")
#: A factor that few runs speak for keeps its prior mostly; digits beyond these mean nothing.
DIGITS = 3


def main() -> None:
    """Fit time, or memory, and write the values."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit.write", description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, default=RUNS, help=f"CSV of published runs (default {RUNS})")
    parser.add_argument("--memory", action="store_true", help="fit and write memory instead of time")
    arguments = parser.parse_args()
    problem = problem_of(read_runs(arguments.runs), arguments.memory)
    found = problem.fit()
    values = [(p, float(v), runs_behind(p, problem.taught)) for p, v in zip(problem.parameters, found, strict=True)]
    write(values)


def write(values: Sequence[tuple[Parameter, float, int]]) -> None:
    """Put every value where the data files have its constant; raises `LookupError` for one that has no place."""
    constants, software = CONSTANTS.read_text(encoding="utf-8"), SOFTWARE.read_text(encoding="utf-8")
    for parameter, value, runs in values:
        text = f"{value:.{DIGITS}g}" if value < 1e6 else f"{value:.0f}"
        if parameter.name == "software":
            pattern = rf'(\[\[software\]\]\nname = "{parameter.key}"\n(?:.*\n)*?value = )[^\n]*\nruns = [0-9]+'
            software, count = re.subn(pattern, rf"\g<1>{text}\nruns = {runs}", software)
        else:
            constants, count = _in_table(
                constants, f"[{parameter.name}]", rf'values\."?{re.escape(parameter.key)}"?', text, runs
            )
            if not count:
                software, count = _in_table(
                    software, f"[constants.{parameter.name}]", re.escape(parameter.key), text, runs
                )
        if parameter.name == "paired_runs" and count == 0:
            constants, count = _new_pair(constants, parameter.key, runs), 1
        if count != 1:
            raise LookupError(f"{parameter.label} has {count} places in {CONSTANTS} and {SOFTWARE}")
    constants = re.sub(r'as_of = "[^"]*"', f'as_of = "{datetime.now(UTC).date()}"', constants, count=1)
    CONSTANTS.write_text(constants, encoding="utf-8")
    SOFTWARE.write_text(software, encoding="utf-8")


def _new_pair(text: str, key: str, runs: int) -> str:
    """Add a pair of kernel family and kernels that has had no runs so far."""
    head = text.index("[paired_runs]")
    place = text.index('values."*"', head)
    return f'{text[:place]}values."{key}" = {{ value = {runs}, basis = "fitted", runs = {runs} }}\n{text[place:]}'


def _in_table(text: str, head: str, key: str, value: str, runs: int) -> tuple[str, int]:
    """Replace one entry of one table; comments stay."""
    place = text.find(f"\n{head}\n")
    if place < 0:
        return text, 0
    end = text.find("\n[", place + 2)
    table = text[place : end if end >= 0 else len(text)]
    kind = "fitted" if runs else "prior"
    basis = f', basis = "{kind}"' if "basis" in table else ""
    changed, count = re.subn(rf"(\n{key} = )\{{[^}}]*\}}", rf"\g<1>{{ value = {value}{basis}, runs = {runs} }}", table)
    return text.replace(table, changed, 1), count


if __name__ == "__main__":
    main()
