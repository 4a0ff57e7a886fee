"""What each fitted constant is worth: held at the value that stands for its absence, the others fitted again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.fit.parameters import Parameter
from benchmarks.fit.problem import Problem
from benchmarks.fit.solve import Array

#: "The constant's other keys": the geometric mean of what was fitted for them.
OTHERS = "others"
#: What stands for a constant's absence. A share of time that is exposed has two: all of it hidden, none of it hidden.
NEUTRAL: dict[str, tuple[float | str, ...]] = {
    # Rates: one for all kernel families; 8 bit as efficient as 16 bit; links as their datasheets say.
    "matmul_efficiency": (OTHERS,),
    "flash_efficiency": (OTHERS,),
    "fp8_efficiency": (1.0,),
    "link_efficiency": (1.0,),
    "network_efficiency": (1.0,),
    # Memory traffic beside the products: none of it, or what the formulas count.
    "matmul_traffic_share": (0.0, 1.0),
    "elementwise_traffic": (OTHERS, 1.0),
    "loss_bytes_per_logit": (OTHERS,),
    "quantise_bytes_per_element": (0.0,),
    "permute_bytes_per_element": (0.0,),
    "expert_weight_bytes": (0.0,),
    "adapter_traffic": (OTHERS, 0.0, 1.0),
    "optimizer_bytes_per_parameter": (0.0,),
    # Times that do not shrink with the work, and what they grow with.
    "launch_seconds": (0.0,),
    "launch_moe_ratio": (1.0,),
    "launch_unpack_ratio": (1.0,),
    "launch_seconds_per_expert": (0.0,),
    "step_seconds": (0.0,),
    "synchronise_seconds": (0.0,),
    "dense_speedup_per_year": (1.0,),
    # Shares of communication that are not hidden.
    "tensor_parallel_exposed": (0.0, 1.0),
    "pipeline_exposed": (0.0, 1.0),
    "expert_parallel_exposed": (0.0, 1.0),
    "data_parallel_exposed": (0.0, 1.0),
    "gather_exposed": (0.0, 1.0),
    # Factors of other software.
    "software": (1.0,),
    # Memory.
    "activation_multiplier": (1.0,),
    "adapter_activations": (0.0,),
    "working_set": (1.0,),
    "head_bytes_per_logit": (OTHERS,),
    "base_bytes": (0.0,),
    "communicator_bytes": (0.0,),
    "nf4_bytes_per_parameter": (0.5,),
    "allocator_slack": (1.0,),
}
#: Points of percent by which an error may grow before a constant's removal counts as harm.
HARMLESS = 0.1
#: d log(prediction) / d log(constant) above which a run counts as one that the constant moves.
MOVES = 1e-4


@dataclass(frozen=True)
class Ablation:
    """A constant held at a value: how median, 90th percentile and the mean of the runs that it moves change, points of percent."""

    parameter: Parameter
    value: float
    held: str
    runs: int
    in_sample: tuple[float, float]
    left_out: tuple[float, float]
    own: float

    @property
    def harmless(self) -> bool:
        return max(*self.in_sample, *self.left_out, self.own) <= HARMLESS


def ablate(problem: Problem, values: Array) -> list[Ablation]:
    """Hold each parameter in turn; `values` is the fit of all.

    Fits without the constant are made near the full fit (`Problem.fit_nearby`), with the derivatives where it is held; so is the reference.
    """
    seen, unseen = _errors(problem, values)
    moves = np.abs(problem.derivatives(values)) > MOVES
    found = []
    for place, parameter in enumerate(problem.parameters):
        for neutral in NEUTRAL[parameter.name]:
            value = _others(problem.parameters, values, parameter) if neutral == OTHERS else float(neutral)
            if value is None:
                continue
            without_seen, without_unseen = _errors(problem.holding(parameter, value), np.delete(values, place))
            own = np.flatnonzero(moves[:, place])
            found.append(
                Ablation(
                    parameter,
                    value,
                    f"{value:.3g}{' (the others)' if neutral == OTHERS else ''}",
                    len(own),
                    _change(seen, without_seen),
                    _change(unseen, without_unseen),
                    _mean(without_seen[own]) - _mean(seen[own]),
                )
            )
    return found


def together(problem: Problem, values: Array, found: Sequence[Ablation]) -> str:
    """What changes where every harmless constant is held at once, each at the first value that did no harm."""
    held = {each.parameter: each.value for each in reversed(found) if each.harmless}
    without, start = problem, values
    for parameter, value in held.items():
        start = np.delete(start, list(without.parameters).index(parameter))
        without = without.holding(parameter, value)
    before, after = _errors(problem, values), _errors(without, start)
    (median, p90), (unseen_median, unseen_p90) = (_change(old, new) for old, new in zip(before, after, strict=True))
    return (
        f"All {len(held)} candidates at once: median {median:+.1f}, p90 {p90:+.1f}, "
        f"unseen median {unseen_median:+.1f}, unseen p90 {unseen_p90:+.1f} points."
    )


def ablation_table(found: Sequence[Ablation]) -> str:
    """One line for each constant and value, after the names of those whose removal does no harm."""
    harmless = [f"{each.parameter.label} = {each.held}" for each in found if each.harmless]
    lines = [
        f"Candidates for removal (no column grows by more than {HARMLESS} points): {', '.join(harmless) or 'none'}.",
        "",
        "| constant | held at | runs moved | median | p90 | unseen median | unseen p90 | mean of runs moved |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in found:
        figures = " | ".join(f"{figure:+.1f}" for figure in (*each.in_sample, *each.left_out, each.own))
        lines.append(f"| {each.parameter.label} | {each.held} | {each.runs} | {figures} |")
    return "\n".join(lines)


def _errors(problem: Problem, start: Array) -> tuple[Array, Array]:
    """Errors of a fit on all runs, and of fits without the run's source."""
    derivatives = problem.derivatives(start)
    values = problem.fit_nearby(start, derivatives)
    unseen = problem.left_out(lambda source: problem.fit_nearby(values, derivatives, source), values)
    return problem.errors(problem.point(values)), unseen


def _others(parameters: Sequence[Parameter], values: Array, own: Parameter) -> float | None:
    logs = [
        np.log(value)
        for parameter, value in zip(parameters, values, strict=True)
        if parameter.name == own.name and parameter != own
    ]
    return float(np.exp(np.mean(logs))) if logs else None


def _percent(error: Array) -> Array:
    relative: Array = np.abs(np.expm1(error)) * 100
    return relative


def _mean(error: Array) -> float:
    return float(_percent(error).mean()) if len(error) else 0.0


def _change(before: Array, after: Array) -> tuple[float, float]:
    old, new = _percent(before), _percent(after)
    return (
        float(np.median(new) - np.median(old)),
        float(np.quantile(new, 0.9) - np.quantile(old, 0.9)),
    )
