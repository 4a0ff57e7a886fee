"""What the fit rests on: which runs read a constant, derivatives, and what stands for a constant's absence."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fit.ablation import NEUTRAL, ablate, ablation_table, together
from benchmarks.fit.counts import runs_behind
from benchmarks.fit.parameters import MEMORY, TIME
from benchmarks.fit.problem import STEP, Problem, problem_of
from benchmarks.fit.rows import Measured
from gpuplan.runs.answers import settle
from gpuplan.runs.rows import INPUT_COLUMNS, RunRow

CELLS = dict.fromkeys(INPUT_COLUMNS, "") | {
    "model": "meta-llama/Llama-2-7b-hf",
    "hidden": "4096",
    "layers": "32",
    "heads": "32",
    "kv_heads": "32",
    "ffn": "11008",
    "vocab": "32000",
    "task": "lora",
    "lora_rank": "16",
    "precision": "bf16",
    "n_gpus": "8",
    "gpus_per_node": "8",
    "global_batch_sequences": "32",
    "micro_batch": "1",
    "date": "2025-06",
}


def measured(source: str, factor: float, **cells: str) -> Measured:
    """A run that took `factor` times what the shipped constants predict, on 40 GiB."""
    (run,), (reason,) = settle([RunRow("one", CELLS | cells)])
    assert run is not None, reason
    own = Measured("one", source, "lora", cells["gpu"], run, 1.0, 40.0 * 2**30, True)
    problem = problem_of([own], memory=False)
    seconds = float(problem.predict(problem.point(np.array([parameter.prior for parameter in TIME])))[0])
    return Measured("one", source, "lora", cells["gpu"], run, seconds * factor, 40.0 * 2**30, True)


def problem(memory: bool) -> Problem:
    runs = [
        measured("a", 1.1, gpu="H100-SXM-80GB", framework="megatron-bridge", seq_len="4096"),
        measured("a", 1.1, gpu="H100-SXM-80GB", framework="megatron-bridge", seq_len="8192"),
        measured("b", 0.9, gpu="A100-80GB", framework="peft", seq_len="2048"),
    ]
    return problem_of(runs, memory)


@pytest.mark.parametrize("memory", [False, True])
def test_derivatives_predict_anew_only_what_reads_the_constant_and_miss_nothing(memory: bool) -> None:
    small = problem(memory)
    values = np.array([parameter.prior for parameter in small.parameters])
    found = small.derivatives(values)
    start = np.log(small.predict(small.point(values)))
    for column in range(len(values)):
        moved = values.copy()
        moved[column] *= np.exp(STEP)
        assert found[:, column] == pytest.approx((np.log(small.predict(small.point(moved))) - start) / STEP)


def test_a_constant_speaks_for_the_runs_that_read_it() -> None:
    small = problem(memory=False)
    by_label = {parameter.label: parameter for parameter in TIME}
    assert list(small.places(by_label["matmul_efficiency.hopper"])) == [0, 1]
    assert list(small.places(by_label["launch_seconds.hf"])) == [2]
    assert runs_behind(by_label["matmul_efficiency.hopper"], small.runs) == 2


def test_the_source_left_out_is_not_fitted_on() -> None:
    small = problem(memory=False)
    values = small.fit()
    seen, unseen = small.errors(small.point(values)), small.left_out(lambda source: small.fit(values, source), values)
    # Left out, source b's factor of 0.9 is not learned: the prediction is at least as far above it as when fitted.
    assert unseen[2] > seen[2]


def test_every_fitted_constant_has_a_neutral_value() -> None:
    assert not {parameter.name for parameter in (*TIME, *MEMORY)} - set(NEUTRAL)


def test_what_no_run_needs_is_a_candidate_for_removal() -> None:
    small = problem(memory=True)
    values = small.fit()
    found = ablate(small, values)
    by_label = {each.parameter.label: each for each in found}
    # No run of the three has 4-bit weights.
    assert by_label["nf4_bytes_per_parameter.*"].harmless
    assert by_label["nf4_bytes_per_parameter.*"].runs == 0
    assert together(small, values, found).startswith(f"All {len({each.parameter for each in found if each.harmless})} ")
    assert "nf4_bytes_per_parameter.* = 0.5" in ablation_table(found).splitlines()[0]
