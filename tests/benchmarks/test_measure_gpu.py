"""Measuring on the GPU at hand: order, rows, resuming and running out of memory with a stand-in for PyTorch."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.measure_gpu.plan import MIXED, MODELS, NF4_BF16, PURE_BF16, TASKS, Point, points
from benchmarks.measure_gpu.rows import (
    COLUMNS,
    GIB,
    GPU_NAMES,
    Ledger,
    Machine,
    Measurement,
    OutOfMemoryError,
    measured_rows,
    out_of_memory_row,
)
from benchmarks.measure_gpu.session import run
from gpuplan.runs import predict_rows, read_rows
from gpuplan.runs.gpus import node_of
from gpuplan.runs.rows import INPUT_COLUMNS

DATE = "2026-11-21"
RUNS = Path("../shared/data/runs.csv")
H100 = Machine("NVIDIA H100 80GB HBM3", 79.1, "HF transformers + peft, plain loop: torch 2.11", ("power limit 700 W",))
POINT = Point("llama-3.1-8b", "qlora", NF4_BF16, 2048, 4, "full")
LIMITED = Point("llama-3.1-8b", "qlora", NF4_BF16, 2048, 4, "full", 24)
FOUND = Measurement(8_030_261_248, (2.0, 1.0, 3.0), int(12 * GIB), int(13.5 * GIB), int(14 * GIB), ("NF4",))


@dataclass
class Fake:
    """Takes a second a step; `most_tokens` fit; `broken` fails otherwise; `now` is its clock."""

    most_tokens: int = 1 << 30
    broken: tuple[Point, ...] = ()
    asked: list[Point] = field(default_factory=list)
    now: float = 0.0

    def machine(self) -> Machine:
        return H100

    def measure(self, point: Point) -> Measurement:
        self.asked.append(point)
        self.now += 10.0
        if point in self.broken:
            raise RuntimeError("an illegal instruction was encountered")
        if point.tokens > self.most_tokens:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")
        return FOUND

    def clock(self) -> float:
        return self.now


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# Order ------------------------------------------------------------------------------------------------------------------------


def test_qlora_as_on_24_gib_comes_first_and_every_point_once() -> None:
    plan = points(79.1)
    limited = [point.limit_gib == 24 for point in plan]
    first_without = limited.index(False)
    assert all(point.task == "qlora" for point in plan[:first_without])
    assert {point.model for point in plan[:first_without]} == set(MODELS)
    assert len({point.name for point in plan}) == len(set(plan)) == len(plan)
    assert {point.task for point in plan} == set(TASKS)
    assert {point.seq_len for point in plan} == {1024, 2048, 4096, 8192}
    assert {point.micro_batch for point in plan} == {1, 2, 4, 8}
    assert {point.recompute for point in plan} == {"none", "full"}


def test_a_card_of_24_gib_imitates_none() -> None:
    assert not any(point.limit_gib for point in points(23.5))


def test_a_limit_holds_for_all_and_quick_and_tasks_narrow_it() -> None:
    plan = points(79.1, 16, ("lora",), quick=True)
    assert {(point.limit_gib, point.task) for point in plan} == {(16, "lora")}
    assert len(plan) == 4


def test_a_cpu_gets_the_tiny_model() -> None:
    assert {point.model for point in points(0.0)} == {"tiny"}


def test_more_sequences_or_longer_ones_need_no_less() -> None:
    longer = Point("llama-3.1-8b", "qlora", NF4_BF16, 4096, 4, "full")
    assert longer.needs_at_least(POINT)
    assert not POINT.needs_at_least(longer)
    assert not longer.needs_at_least(LIMITED)


# Rows -------------------------------------------------------------------------------------------------------------------------


def test_the_columns_are_those_of_published_runs() -> None:
    assert set(INPUT_COLUMNS) < set(COLUMNS)
    if not RUNS.is_file():
        pytest.skip(f"{RUNS} is not there")
    with RUNS.open(encoding="utf-8") as file:
        assert file.readline().strip().split(",") == COLUMNS


def test_a_point_is_a_row_with_time_and_one_with_the_reserved_peak() -> None:
    first, second = measured_rows(POINT, H100, FOUND, DATE)
    # median of 1, 2, 3 s; 4 x 2048 tokens in 2 s
    assert (first["step_time_s"], first["tokens_per_sec_per_gpu"]) == ("2", "4096")
    assert (first["peak_mem_gib"], first["memory_measure"]) == ("12.000", "allocated")
    assert (second["peak_mem_gib"], second["memory_measure"]) == ("13.500", "reserved")
    assert (second["step_time_s"], second["tokens_per_sec_per_gpu"]) == ("", "")
    assert second["id"] == first["id"] + "-reserved"
    assert (first["params_total_b"], first["hidden"], first["layers"], first["vocab"]) == (
        "8.03",
        "4096",
        "32",
        "128256",
    )
    assert "power limit 700 W" in first["notes"]
    assert "14.000 GiB of the device" in first["notes"]
    assert list(first) == list(second) == COLUMNS


def test_without_memory_figures_there_is_one_row() -> None:
    (row,) = measured_rows(POINT, H100, Measurement(1, (1.0,)), DATE)
    assert (row["peak_mem_gib"], row["memory_measure"]) == ("", "")


def test_running_out_of_memory_is_a_row_without_figures() -> None:
    row = out_of_memory_row(LIMITED, H100, "CUDA out of memory.\nmore", DATE)
    assert "RESULT=OOM" in row["notes"]
    assert "a card of 24 GiB" in row["notes"]
    assert "\n" not in row["notes"]
    assert not any(row[name] for name in ("step_time_s", "tokens_per_sec_per_gpu", "peak_mem_gib", "memory_measure"))


def test_predict_answers_every_row_and_judges_an_imitated_card_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    ledger = Ledger(path)
    every = [
        Point(model, task, precision, 8192, 2, "full", limit)
        for model in (*MODELS, "tiny")
        for task, precisions in TASKS.items()
        for precision in precisions
        for limit in (0, 24)
    ]
    for point in every:
        ledger.add([*measured_rows(point, H100, FOUND, DATE)])
    answers = {answer.id: answer for answer in predict_rows(read_rows(path))}
    assert all(answer.step_seconds and answer.memory_gib for answer in answers.values())
    assert {row["model"] for row in rows_of(path)} >= {"meta-llama/Llama-3.1-8B", "tiny (random)"}
    name = "measured-h100-80gb-hbm3-llama-3.2-3b-lora-bf16-base-fp32-adapters-s8192-b2-full-24gib"
    assert answers[name].fits  # on the H100 that it ran on
    assert not answers[f"{name}-reserved"].fits  # on the card that it imitates


@pytest.mark.parametrize(("name", "precision"), [("pure", PURE_BF16), ("mixed", MIXED)])
def test_ids_are_plain_words(name: str, precision: str) -> None:
    (row,) = measured_rows(Point("qwen2.5-7b", "full", precision, 1024, 1, "full"), H100, Measurement(1, (1.0,)), DATE)
    assert not set(row["id"]) - set("abcdefghijklmnopqrstuvwxyz0123456789-.")


@pytest.mark.parametrize("name", ["NVIDIA H200", "NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-80GB", "NVIDIA L4"])
def test_names_that_pytorch_prints_are_read_as_one_gpu(name: str) -> None:
    node, note = node_of(Machine(name, 1.0, "").gpu, 1)
    assert note == ""
    assert node.accelerator.name in ("H200-SXM", "H100-SXM", "A100-80GB-SXM", "L4")
    assert set(GPU_NAMES) == {"NVIDIA H200"}


# Sessions ---------------------------------------------------------------------------------------------------------------------


def test_a_session_that_was_cut_off_goes_on_where_it_was(tmp_path: Path) -> None:
    path, plan = tmp_path / "deep" / "rows.csv", points(79.1, quick=True)
    first, second = Fake(), Fake()
    # 10 s a point; after two of them a third would end at 30 s, which 25 s do not leave room for
    tally = run(plan, first, Ledger(path), DATE, 25.0, first.clock)
    assert (tally.measured, len(first.asked)) == (2, 2)
    # 2 models x 2 shapes x (2 + 2 + 1 + 2 precisions), less the two and their like without a limit
    assert tally.left == 28 - 2 - 2
    run(plan, second, Ledger(path), DATE)
    assert not set(first.asked) & set(second.asked)
    assert max(Counter(row["id"] for row in rows_of(path)).values()) == 1
    assert not list(path.parent.glob("*.new"))
    third = Fake()
    assert run(plan, third, Ledger(path), DATE).measured == 0
    assert not third.asked


def test_what_fitted_under_the_limit_is_not_run_again_without(tmp_path: Path) -> None:
    backend = Fake()
    tally = run([LIMITED, POINT], backend, Ledger(tmp_path / "rows.csv"), DATE)
    assert backend.asked == [LIMITED]
    assert tally.measured == 1


def test_what_needs_more_than_one_that_did_not_fit_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    plan = [Point("llama-3.1-8b", "lora", TASKS["lora"][0], 1024, micro, "none") for micro in (1, 2, 4, 8)]
    backend = Fake(most_tokens=2048)
    tally = run(plan, backend, Ledger(path), DATE)
    assert [point.micro_batch for point in backend.asked] == [1, 2, 4]
    assert (tally.measured, tally.out_of_memory) == (2, 1)
    assert ["RESULT=OOM" in row["notes"] for row in rows_of(path)] == [False, False, False, False, True]
    again = Fake(most_tokens=2048)
    run(plan, again, Ledger(path), DATE)
    assert not again.asked


def test_another_failure_is_reported_and_stays_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, other = tmp_path / "rows.csv", Point("qwen2.5-7b", "lora", TASKS["lora"][0], 1024, 1, "full")
    tally = run([POINT, other], Fake(broken=(POINT,)), Ledger(path), DATE)
    assert (tally.failed, tally.measured) == (1, 1)
    assert "illegal instruction" in capsys.readouterr().err
    assert run([POINT], Fake(), Ledger(path), DATE).measured == 1


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.csv does not have the columns"):
        Ledger(path)
    assert path.read_text(encoding="utf-8") == "a,b\n1,2\n"
