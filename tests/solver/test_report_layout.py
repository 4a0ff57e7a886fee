from __future__ import annotations

import io
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from rich.cells import cell_len
from rich.console import Console

from gpuplan.report.blocks import MAX_WIDTH
from gpuplan.report.text import render
from gpuplan.result import Answer, Interval, Result
from report_samples import answer, infeasible, plan, relaxation, text, unwrapped


def test_a_pipe_gets_plain_ascii_without_trailing_spaces() -> None:
    for result in (answer(), infeasible(["budget"], [relaxation("budget", 1.0, 2.0, "USD")])):
        printed = text(result)
        assert printed.isascii()
        assert "\x1b" not in printed
        assert all(line == line.rstrip() for line in printed.split("\n"))


def test_a_terminal_gets_colour() -> None:
    file = io.StringIO()
    render(answer(), Console(file=file, width=100, force_terminal=True, color_system="standard", legacy_windows=False))
    assert file.getvalue().startswith("\x1b[1;32m8 x H100-SXM")


def test_words_of_others_are_not_markup() -> None:
    printed = unwrapped(answer(warnings=["[red]a :smile: [/nothing]"], assumptions=["[bold]"]))
    assert "Warning: [red]a :smile: [/nothing]." in printed
    assert "- [bold]" in printed


@pytest.mark.parametrize("width", [20, 40, 60, 80, 92, 100, 300])
def test_no_line_is_wider_than_the_console(width: int) -> None:
    for result in (answer(), infeasible(["budget"], [relaxation("budget", 1.0, 2.0, "USD")])):
        assert max(map(len, text(result, width).split("\n"))) <= min(width, MAX_WIDTH)


def test_no_number_parts_from_its_unit() -> None:
    printed = "\n".join(text(answer(), width) for width in range(60, 101))
    for words in ("2.4-3.3\nh]", "4,096\ntokens", "TP\n2", "256\nsequences"):
        assert words not in printed


@pytest.mark.parametrize("factor", [1e-9, 1e-4, 1e5, 1e12])
def test_tiny_and_huge_numbers(factor: float) -> None:
    usd, hours = 139.0 * factor, 2.8 * factor
    printed = unwrapped(answer(plan=plan(hours=hours, usd=usd)))
    assert "$0.00 " not in printed
    assert "nan" not in printed
    assert "inf " not in printed


def test_the_report_loads_without_the_solver() -> None:
    code = "import sys, gpuplan.report.text; sys.exit('ortools' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


NUMBERS = st.floats(min_value=0, max_value=1e18)
#: Everything but control characters.
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=30)


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a field, for every annotation that `result.py` uses; None wherever it may be."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return st.sampled_from(parts)
    if parts == (Result,):  # choices are answers in themselves; those have none
        return st.just([])
    if origin is list:
        return st.lists(values(parts[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(WORDS, values(parts[1]), max_size=3)
    if origin in (Union, types.UnionType):
        return st.one_of([values(part) for part in parts])
    plain: dict[Any, Callable[[], st.SearchStrategy[Any]]] = {
        types.NoneType: st.none,
        bool: st.booleans,
        int: lambda: st.integers(0, 10**12),
        float: lambda: NUMBERS,
        str: lambda: WORDS,
    }
    return plain[annotation]() if annotation in plain else fields(annotation)


def fields(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Valid input of a model, by the names of its JSON."""
    return st.fixed_dictionaries(
        {field.alias or name: values(field.annotation) for name, field in model.model_fields.items()}
    )


@settings(max_examples=60)
@given(fields(Result), st.integers(20, 120), st.sampled_from(["solve", "check"]))
def test_any_answer_can_be_printed(given_fields: dict[str, Any], width: int, question: str) -> None:
    result = Result.model_validate(given_fields | {"question": question})
    lines = text(result, width).split("\n")
    assert max(map(cell_len, lines)) <= min(width, MAX_WIDTH)


def without_options(value: Any) -> Any:
    """The same answer with nothing in every field that may be empty."""
    if isinstance(value, Answer):
        optional = {
            name: None if types.NoneType in get_args(field.annotation) else without_options(getattr(value, name))
            for name, field in type(value).model_fields.items()
        }
        return value.model_copy(update=optional)
    return [without_options(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("question", ["solve", "check"])
def test_an_answer_without_anything_optional(question: str) -> None:
    bare: Result = without_options(answer(question=question))
    assert bare.plan is None
    assert text(bare)
    with_plan = bare.model_copy(update={"plan": without_options(plan()), "alternatives": []})
    assert "unknown" in text(with_plan)


def test_zero_intervals_are_not_divided_by() -> None:
    nothing = plan().prediction.model_copy(
        update={
            "step_seconds": 0.0,
            "step_parts_seconds": {},
            "time_parts_hours": {"training": 0.0},
            "cost_usd": 0.0,
            "cost_parts_usd": {},
            "cost_usd_interval": Interval(point=0, low=0, high=0),
        }
    )
    free = plan().model_copy(update={"prediction": nothing})
    assert "for $0.00;" in unwrapped(answer(plan=free))
