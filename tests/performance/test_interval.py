"""Widths by what published runs cover, and the factor and chance that follow from a width."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpuplan.performance.constants import Constant, Constants, constants, use_constants
from gpuplan.performance.interval import factor, memory_width, probability, step_width
from gpuplan.performance.predict import predict
from performance.toy import NODE, about, framework, layout, round_constants, work


@pytest.fixture(autouse=True)
def coverage() -> Iterator[None]:
    """Enough runs for hopper, ampere, cdna3, megatron and hf, though not for each pair; two for ada, nine for torch."""
    base = round_constants()
    tables = dict(base.tables) | {
        "matmul_efficiency": {
            "hopper": Constant(0.7, "fitted", 100),
            "ampere": Constant(0.8, "fitted", 148),
            "cdna3": Constant(0.5, "fitted", 10),
            "ada": Constant(0.6, "fitted", 2),
            "*": Constant(0.4, "prior", 0),
        },
        "launch_seconds": {
            "megatron": Constant(1e-3, "fitted", 100),
            "hf": Constant(1e-3, "fitted", 48),
            "torch": Constant(1e-3, "fitted", 9),
            "*": Constant(1e-3, "prior", 0),
        },
        "step_interval": {
            "measured": Constant(0.1, "fitted", 100),
            "moe": Constant(0.4, "fitted", 30),
            "transferred": Constant(0.35, "prior", 0),
            "extrapolated": Constant(0.5, "prior", 0),
            "*": Constant(0.6, "prior", 0),
        },
        "paired_runs": {
            "hopper/megatron": Constant(100, "fitted", 100),
            "hopper/hf": Constant(48, "fitted", 48),
            "cdna3/megatron": Constant(10, "fitted", 10),
            "ampere/megatron": Constant(9, "fitted", 9),
            "ampere/older": Constant(139, "fitted", 139),
            "hopper/torch": Constant(9, "fitted", 9),
            "ada/megatron": Constant(2, "fitted", 2),
            "*": Constant(0, "prior", 0),
        },
    }
    with use_constants(Constants(tables, base.as_of, base.software_year)):
        yield


@pytest.mark.parametrize(
    ("family", "kernels", "mixture", "width"),
    [
        ("hopper", "megatron", False, 0.1),
        ("hopper", "hf", False, 0.1),
        ("hopper", "megatron", True, 0.4),
        ("cdna3", "megatron", False, 0.1),
        # Each was measured, but not together, or nine times only.
        ("cdna3", "hf", False, 0.35),
        ("ampere", "megatron", False, 0.35),
        ("ampere", "megatron", True, 0.4),
        # Two runs speak for no accelerator, nor nine for a framework; one that nobody measured has none.
        ("ada", "megatron", False, 0.5),
        ("hopper", "torch", False, 0.5),
        ("volta", "megatron", False, 0.5),
        # A mixture is not surer because its accelerator was not measured.
        ("ada", "megatron", True, 0.5),
    ],
)
def test_step_width(family: str, kernels: str, mixture: bool, width: float) -> None:
    assert step_width(family, kernels, mixture) == width


@pytest.mark.parametrize(
    ("family", "kernels", "covered", "width"),
    [
        ("hopper", "megatron", "measured", 0.25),
        ("cdna3", "megatron", "measured", 0.25),
        ("cdna3", "hf", "transferred", 0.3),
        ("ampere", "megatron", "transferred", 0.3),
        ("ada", "megatron", "extrapolated", 0.35),
        ("hopper", "torch", "extrapolated", 0.35),
        ("volta", "unknown", "extrapolated", 0.35),
    ],
)
def test_coverage_and_memory_width(family: str, kernels: str, covered: str, width: float) -> None:
    assert constants().coverage(family, kernels) == covered
    assert memory_width(family, kernels) == width


def test_prediction_says_how_well_it_is_covered() -> None:
    # The toy's accelerator is a hopper.
    found = {name: predict(work(), framework(name), NODE, 1, layout(name)) for name in ("megatron", "torch-fsdp")}
    assert [found[name].coverage for name in found] == ["measured", "extrapolated"]
    assert [found[name].step_width for name in found] == [0.1, 0.5]
    assert [found[name].memory_width for name in found] == [0.25, 0.35]


def test_factor_by_hand() -> None:
    # Nine of ten lie within exp(-w) and exp(w), so 95 % lie below exp(w) and 5 % below exp(-w).
    assert factor(0.2, 0.95) == about(math.exp(0.2))
    assert factor(0.2, 0.05) == about(math.exp(-0.2))
    assert factor(0.2, 0.5) == 1
    assert factor(0.2, None) == 1
    # 90 % of a normal distribution lie below 1.2815515655 standard deviations, 95 % below 1.6448536270.
    assert factor(0.2, 0.9) == pytest.approx(math.exp(0.2 * 1.2815515655 / 1.6448536270), rel=1e-9)


def test_probability_at_the_ends() -> None:
    assert probability(0.2, 1.0) == 0.5
    assert probability(0.2, 0.0) == 0
    assert probability(0.2, -3.0) == 0
    assert probability(0.2, 1e9) == 1
    assert probability(0.0, 0.99) == 0
    assert probability(0.0, 1.0) == 1


@given(st.floats(0.01, 1), st.floats(0.001, 0.999))
def test_factor_and_probability_are_inverse(width: float, confidence: float) -> None:
    assert probability(width, factor(width, confidence)) == pytest.approx(confidence, rel=1e-9)


@given(st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0.51, 0.99), st.floats(0.51, 0.99))
def test_more_confidence_and_more_width_ask_for_more(a: float, b: float, p: float, q: float) -> None:
    assert factor(min(a, b), min(p, q)) <= factor(max(a, b), max(p, q))
