"""docs/what-runs.md says what the code computes: its tables, and the files that it names."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from gpuplan.performance.stages import stage_layer_counts
from gpuplan_models import Architecture, Framework, architectures, frameworks

PAGE = Path(__file__).parents[1] / "docs" / "what-runs.md"
DEGREES = range(1, 257)
DISTILLED = ("qwen-1.5b", "qwen-7b", "qwen-14b", "qwen-32b", "llama-8b", "llama-70b")
R1 = architectures()["deepseek-r1"]


def rows_under(header: str) -> list[list[str]]:
    """The cells of the table of the page whose header begins so."""
    return rows_of(PAGE.read_text(encoding="utf-8"), header)


def rows_of(page: str, header: str) -> list[list[str]]:
    """The cells of the table whose header begins so, without the header."""
    lines = page.splitlines()
    (start,) = [number for number, line in enumerate(lines) if line.startswith(f"| {header} |")]
    end = next(number for number in range(start, len(lines)) if not lines[number].startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start + 2 : end]]


def listed(values: list[int]) -> str:
    return ", ".join(map(str, values)) or "none"


def equal_stages(model: Architecture) -> list[int]:
    return [degree for degree in DEGREES if model.layer_count % degree == 0]


def virtual_stages(model: Architecture, pipeline: int) -> str:
    return listed([degree for degree in DEGREES if degree > 1 and model.layer_count % (pipeline * degree) == 0])


def test_deepseek_r1() -> None:
    values = {row[0]: row[1] for row in rows_under("decision")}
    assert (R1.layer_count, R1.routed_experts, [kind.count for kind in R1.layers]) == (61, 256, [3, 58])
    assert {kind.attention.heads for kind in R1.layers} == {128}
    assert values["TP"] == listed([degree for degree in DEGREES if R1.tensor_parallel_divides(degree)])
    assert values["EP"] == listed([degree for degree in DEGREES if R1.expert_parallel_divides(degree)])
    assert values["PP with equal stages"] == listed(equal_stages(R1))
    assert values["VP"] == "none" == virtual_stages(R1, 2)
    assert not any(virtual_stages(R1, pipeline) != "none" for pipeline in range(2, 62))
    tensor = [degree for degree in DEGREES if R1.tensor_parallel_divides(degree)]
    assert values["ETP"] == "1 or TP" and all(R1.expert_tensor_divides(degree) for degree in tensor)
    assert values["CP"] == listed([degree for degree in range(1, 129) if 4096 % (2 * degree) == 0])


def test_the_stages_of_deepseek_r1() -> None:
    for degree, *cells in rows_under("PP"):
        stages = int(degree)
        for lighter, cell in zip(("none", "first", "last", "both"), cells, strict=True):
            if stages == 2 and lighter == "both":
                assert cell == ""
                continue
            first, middle, last = stage_layer_counts(R1.layer_count, stages, lighter)
            assert cell == (f"{first} + {last}" if stages == 2 else f"{first}, {middle}, {last}"), (degree, lighter)


def framework_row(found: Framework) -> list[str]:
    degrees = {
        "TP": found.tensor_parallel,
        "PP": found.pipeline_parallel,
        "VP": found.interleaved,
        "EP": found.expert_parallel,
        "ETP": found.expert_tensor_parallel,
        "CP": found.context_parallel,
    }
    experts = found.experts_of(R1.model_type)
    away = [name for name in found.offload if name != "none"]
    return [
        found.name,
        ", ".join(name for name, there in degrees.items() if there) or "none",
        listed(list(found.zero_stages)),
        listed(list(found.zero_stages_with_pipeline)) if found.pipeline_parallel else "no PP",
        ", ".join(away) or "none",
        ", ".join(found.recompute),
        ", ".join(experts.frozen_weights) if experts else "does not train it",
        "yes" if experts and experts.adapters else "no",
    ]


def test_the_frameworks() -> None:
    assert rows_under("framework") == [framework_row(found) for found in frameworks().values()]


def distilled_row(name: str) -> list[str]:
    model = architectures()[f"deepseek-r1-distill-{name}"]
    (kind,) = model.layers
    return [
        model.name,
        str(model.layer_count),
        f"{kind.attention.heads}, {kind.attention.kv_heads}",
        f"{kind.mlp_width:,}",
        listed([degree for degree in DEGREES if model.tensor_parallel_divides(degree)]),
        listed(equal_stages(model)),
        *(virtual_stages(model, pipeline) for pipeline in (2, 4, 8)),
    ]


def test_the_distilled_models() -> None:
    assert rows_under("model") == [distilled_row(name) for name in DISTILLED]


def test_the_files_that_are_named_exist_and_no_rule_is_left_out() -> None:
    named = set(re.findall(r"\b((?:rules|job|performance)/\w+|layout)\.py", PAGE.read_text(encoding="utf-8")))
    for name in named:
        assert find_spec(f"gpuplan.{name.replace('/', '.')}") is not None, name
    # What is not on the page are limits of the user, which say nothing about what a framework can run, and the base class.
    package = find_spec("gpuplan.rules")
    assert package is not None and package.origin is not None
    present = {f"rules/{path.stem}" for path in Path(package.origin).parent.glob("*.py")}
    of_user = ("deadline", "budget", "step_time", "max_tp", "min_mfu", "node_counts", "quota", "shown")
    limits = {f"rules/{name}" for name in of_user}
    assert named >= present - limits - {"rules/__init__", "rules/base"}


@pytest.mark.parametrize("name", ["deepseek-r1", "deepseek-v3"])
def test_what_the_page_says_of_one_holds_for_both(name: str) -> None:
    model = architectures()[name]
    assert (model.stack, model.layers) == (R1.stack, R1.layers)
