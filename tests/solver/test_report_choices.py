"""Several methods side by side, worth, and layouts that are not plain, as text."""

from __future__ import annotations

from typing import Any

import pytest

from gpuplan.result import Result, Worth
from gpuplan.several import combined
from report_samples import answer, infeasible, line_with, plan, relaxation, text, unwrapped


def of(method: str, usd: float, **changes: Any) -> Result:
    weights = "nf4" if method == "qlora" else "bf16"
    return answer(method=method, weights=weights, plan=plan(usd=usd), warnings=[], **changes)


def several(*results: Result) -> Result:
    return combined(results)


def test_choices_stand_side_by_side_and_none_is_chosen() -> None:
    result = several(of("full", 300.0), of("lora", 139.0), of("qlora", 150.0))
    assert (result.status, result.plan, result.method) == ("optimal", None, "full, lora, qlora")
    printed = unwrapped(result)
    assert printed.startswith(
        "3 of 3 choices of method and precision have a plan, each proved cheapest of its kind; the"
    )
    assert line_with(result, "full fine-tuning bf16") == (
        "full fine-tuning bf16 bf16 megatron 8 x H100-SXM 2.8 h $300 1 x nebius gpu-8"
    )
    assert line_with(result, "LoRA bf16").startswith("LoRA bf16 bf16 megatron 8 x H100-SXM 2.8 h $139 $161")
    assert line_with(result, "QLoRA bf16").startswith("QLoRA bf16 nf4 megatron 8 x H100-SXM 2.8 h $150 $150")
    assert "against full in bf16, the dearest that rounds nothing" in printed
    for source in ("arXiv:2305.14314", "arXiv:2405.09673"):
        assert source in printed


def test_what_rounds_is_no_measure_of_savings() -> None:
    dear = several(of("lora", 139.0), of("qlora", 150.0), of("lora", 200.0, precision="fp8"))
    by = {(one.method, one.precision): one.choice for one in dear.choices}
    assert by[("qlora", "bf16")].against == "lora in bf16"  # type: ignore[union-attr]
    assert by[("qlora", "bf16")].saves_usd == -11.0  # type: ignore[union-attr]
    assert by[("lora", "bf16")].against is None  # type: ignore[union-attr]
    assert "arXiv:2412.19437" in by[("lora", "fp8")].quality_sources  # type: ignore[union-attr]
    alone = several(of("qlora", 150.0), of("lora", 200.0, precision="fp8"))
    assert all(one.choice is not None and one.choice.against is None for one in alone.choices)


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["optimal", "infeasible"], "optimal"),
        (["infeasible", "infeasible"], "infeasible"),
        (["feasible", "infeasible"], "feasible"),
        (["optimal", "unknown"], "feasible"),
        (["unknown", "infeasible"], "unknown"),
    ],
)
def test_the_status_of_the_whole(statuses: list[Any], status: str) -> None:
    parts = [
        of("lora", 139.0, status=one) if one in ("optimal", "feasible") else of("lora", 1.0, status=one)
        for one in statuses
    ]
    gone = [one if one.status in ("optimal", "feasible") else one.model_copy(update={"plan": None}) for one in parts]
    assert several(*gone).status == status


def test_a_choice_without_a_plan_is_explained() -> None:
    without = infeasible(["budget"], [relaxation("budget", 100.0, 162.3, "USD")]).model_copy(update={"method": "full"})
    printed = unwrapped(several(without, of("lora", 139.0)))
    assert "1 of 2 choices of method and precision have a plan" in printed
    assert "full fine-tuning bf16 bf16 no plan" in printed
    assert "full fine-tuning in bf16 No plan: the budget of $100 alone rules out every cluster; proved." in printed
    assert "$100 -> $163" in printed
    nothing = unwrapped(several(without, without.model_copy(update={"method": "lora"})))
    assert nothing.startswith("No plan for any of 2 choices of method and precision; proved.")


def test_choices_are_json_and_back() -> None:
    result = several(of("full", 300.0), of("lora", 139.0))
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_a_stopped_choice_is_said() -> None:
    cut = of("lora", 139.0, status="feasible")
    cut = cut.model_copy(
        update={"solver": cut.solver.model_copy(update={"stopped": "time limit", "reproducible": False})}
    )
    result = several(of("full", 300.0), cut)
    assert (result.solver.stopped, result.solver.reproducible) == ("time limit", False)
    assert "Not proved: lora in bf16." in unwrapped(result)
    assert "stopped at choice 2 of 2" in unwrapped(result)


def worths(*changes: tuple[str, str, float, float, float]) -> list[Worth]:
    return [
        Worth(
            limit=limit,
            unit=unit,
            step=step,
            to=to,
            objective=139.0 - saves,
            saves=saves,
            plan=plan() if saves else None,
        )
        for limit, unit, step, to, saves in changes
    ]


def test_what_a_limit_is_worth() -> None:
    result = answer(
        worth=worths(
            ("deadline", "hours", 1.0, 25.0, 12.5),
            ("deadline", "hours", -1.0, 23.0, -7.25),
            ("max_gpus", "GPUs", 8.0, 24.0, 0.0),
        )
    )
    assert line_with(result, "deadline 24 h -> 25 h").startswith("deadline 24 h -> 25 h saves $12.50 8 x H100-SXM")
    assert line_with(result, "deadline 24 h -> 23 h").startswith("deadline 24 h -> 23 h costs $7.25 more")
    assert "Max GPUs 24 would change nothing." in unwrapped(result)
    assert "What a limit is worth" not in text(answer())


@pytest.mark.parametrize(
    ("changes", "label", "line"),
    [
        ({"context_parallel": 2}, "parallelism", "parallelism TP 2 x CP 2 x PP 1 x DP 4 = 8 GPUs; EP 1, ZeRO stage 1"),
        (
            {"expert_tensor_parallel": 2},
            "parallelism",
            "parallelism TP 2 x PP 1 x DP 4 = 8 GPUs; EP 1 (TP 2 inside an expert), ZeRO stage 1",
        ),
        ({"offload": "optimizer"}, "offload", "offload optimizer states and step on the host"),
        (
            {"virtual_stages": 7, "pipeline_parallel": 2, "stage_layers": [14, 14]},
            "stages",
            "stages 7 virtual stages per pipeline rank (interleaved 1F1B) of 2 layers",
        ),
        (
            {"pipeline_parallel": 4, "stage_layers": [6, 8, 6], "lighter_stages": "both"},
            "stages",
            "stages layers: first 6, fullest middle 8, last 6",
        ),
    ],
)
def test_what_is_not_plain_about_a_layout(changes: dict[str, Any], label: str, line: str) -> None:
    special = plan().model_copy(update={"layout": plan().layout.model_copy(update=changes)})
    assert line_with(answer(plan=special), label) == line
    if label != "parallelism":
        assert f"\n  {label} " not in text(answer())


def test_alternatives_by_layout_show_their_degrees() -> None:
    result = answer(alternatives_by="layout")
    assert "Next best with other layouts" in text(result)
    assert "TP 2 x DP 4" in line_with(result, "8 x H200")
    assert "Next best from other providers" in text(answer(alternatives_by="provider"))


def test_decisions_in_a_conflict_and_taken_back() -> None:
    change = relaxation("tp", 0.0, 1.0, "switch")
    result = infeasible(["deadline", "tp"], [relaxation("deadline", 2.0, 3.0, "hours"), change])
    assert unwrapped(result).startswith(
        "No plan: the deadline of 2 h and the given --tp cannot be kept together; proved."
    )
    assert line_with(result, "no --tp").startswith("no --tp 8 x H100-SXM")
    mfu = infeasible(["min_mfu"], [relaxation("min_mfu", 0.5, 0.4137, "share")])
    assert unwrapped(mfu).startswith("No plan: the min MFU of 50% alone rules out every cluster; proved.")
    assert line_with(mfu, "min MFU").startswith("min MFU 50% -> 41.3%")


def test_a_relaxation_that_is_not_proved_smallest_is_said() -> None:
    open_ = relaxation("deadline", 2.0, 3.0, "hours").model_copy(update={"smallest": False})
    assert "Less may be enough, which the time limit left open: deadline." in unwrapped(
        infeasible(["deadline"], [open_])
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("feasible", "not proved cheapest, at most 0% off: interrupted; not reproducible."),
        ("unknown", "No answer, interrupted: neither a plan nor a proof that there is none; not reproducible."),
    ],
)
def test_an_interrupted_answer_says_so(status: str, words: str) -> None:
    result = answer(status=status, plan=None if status == "unknown" else plan())
    cut = result.model_copy(update={"solver": result.solver.model_copy(update={"stopped": "interrupted"})})
    assert words in unwrapped(cut)
