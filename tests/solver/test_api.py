from __future__ import annotations

import subprocess
import sys

import pytest

import gpuplan

ORDERS = [
    "import gpuplan, gpuplan.solve, gpuplan.check",
    "from gpuplan.solve import solve as function; import gpuplan",
    "from gpuplan.cli import main; import gpuplan",
    "import gpuplan; gpuplan.solve; gpuplan.solve",
    "from gpuplan import solve; import gpuplan; assert gpuplan.solve is solve",
    "from gpuplan import *; import gpuplan",
]


@pytest.mark.parametrize("order", ORDERS)
def test_the_verbs_are_functions_whatever_was_imported_before(order: str) -> None:
    code = f"{order}; print(gpuplan.solve.__name__, gpuplan.check.__name__, type(gpuplan.solve).__name__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["solve", "check", "function"]


def test_every_public_name_is_there() -> None:
    for name in gpuplan.__all__:
        assert getattr(gpuplan, name) is not None
        assert name in dir(gpuplan)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'serve'"):
        getattr(gpuplan, "serve")  # noqa: B009  mypy knows that it is not there


def test_bad_input_is_one_exception_type() -> None:
    with pytest.raises(gpuplan.InputError, match="deadline: '24' has no unit"):
        gpuplan.solve({"model": "mixtral-8x7b", "method": "lora", "data": "1GB", "deadline": "24"})
