"""Predictions of rows: what they depend on, and what they do with what is missing."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from gpuplan.cli import cli
from gpuplan.runs import INPUT_COLUMNS, Answer, predict_rows, read_rows
from gpuplan.runs.answers import COLUMNS
from runs.sample import LLAMA, predicted

RUNS = Path(__file__).resolve().parents[3] / "shared" / "data" / "runs.csv"
needs_runs = pytest.mark.skipif(not RUNS.exists(), reason=f"no published runs at {RUNS}")

RESULTS = ("tokens_per_sec_per_gpu", "step_time_s", "tflops_per_gpu", "mfu", "peak_mem_gib", "total_time_s")
SOURCES = ("source_key", "source", "source_url_or_repo_path", "provenance", "notes")


def test_a_row_gets_times_and_memory_with_bounds() -> None:
    answer = predicted()
    assert answer.step_seconds and answer.step_low_seconds and answer.step_high_seconds
    assert answer.step_low_seconds < answer.step_seconds < answer.step_high_seconds
    assert answer.memory_gib and answer.memory_high_gib
    # 16 GiB of weights (8.03e9 parameters of 2 byte are 15.0 GiB) and little else with full recompute.
    assert 15 < answer.memory_gib < 30
    assert answer.memory_gib < answer.memory_high_gib
    assert answer.fits


def test_a_shape_comes_from_the_catalogue_by_name() -> None:
    shape = dict.fromkeys(("hidden", "layers", "heads", "kv_heads", "ffn", "vocab", "params_total_b"), "")
    completed = predicted(**shape)
    assert completed.step_seconds == predicted().step_seconds
    assert "llama-3-8b" in completed.note


def test_a_model_outside_the_catalogue_is_built_from_its_columns() -> None:
    assert predicted(model="nobody/own-9b", layers="34").step_seconds


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"n_gpus": ""}, "n_gpus is not given"),
        ({"global_batch_sequences": ""}, "global_batch_sequences is not given"),
        ({"seq_len": ""}, "seq_len is not given"),
        ({"gpu": ""}, "gpu is not given"),
        ({"gpu": "Voodoo 2"}, "no such GPU"),
        ({"task": "reward"}, "task 'reward'"),
        ({"precision": "ternary"}, "precision 'ternary'"),
        ({"model": "nobody/own", "hidden": ""}, "shape not given"),
        ({"tp": "16"}, "but n_gpus is 8"),
        ({"pp": "40", "n_gpus": "64"}, "but there are 32 layers"),
        ({"gpu": "A100-80GB", "precision": "fp8"}, "does not multiply in fp8"),
        ({"memory_measure": "felt"}, "memory_measure is 'felt'"),
    ],
)
def test_what_cannot_be_predicted_says_why(cells: dict[str, str], reason: str) -> None:
    answer = predicted(**cells)
    assert reason in answer.note
    assert answer == Answer("x", note=answer.note)


def test_what_fits_at_no_length_is_said_without_a_length() -> None:
    # 8.03e9 parameters of 2 byte are 15 GiB, and the card has 8.
    answer = predicted(gpu="any 8GB VRAM", n_gpus="1", seq_len="")
    assert (answer.fits, answer.step_seconds) == (False, None)
    assert "does not fit whatever it is" in answer.note


def test_an_unstated_recompute_is_the_least_that_fits() -> None:
    megatron = {"framework": "NeMo/Megatron-Core+TE", "task": "full", "recompute": "", "tp": "1", "pp": "1"}
    short, long = predicted(**megatron), predicted(**megatron, micro_batch="4")
    assert "recompute none" in short.note
    assert "recompute full" in long.note
    assert long.fits
    # It repeats no more than it must: the step lies between those with none and all of the layers repeated.
    none, full = (predicted(**{**megatron, "micro_batch": "4", "recompute": mode}) for mode in ("none", "full"))
    assert none.fits is False
    assert none.step_seconds and full.step_seconds and long.step_seconds
    assert none.step_seconds < long.step_seconds < full.step_seconds


def test_unstated_tensor_parallelism_is_the_least_that_fits() -> None:
    big = {"framework": "NVIDIA NeMo Framework Release 25.04", "task": "lora", "recompute": ""}
    shape = dict.fromkeys(("hidden", "layers", "heads", "kv_heads", "ffn", "vocab", "params_total_b"), "")
    assert "TP 1" in predicted(**big).note
    assert "TP 1" not in predicted(**big, **{**shape, "model": "llama-3-70b"}).note


def test_memory_is_counted_as_the_row_says() -> None:
    by_measure = [predicted(memory_measure=measure).memory_gib for measure in ("allocated", "reserved", "nvidia-smi")]
    assert by_measure == sorted(by_measure, key=lambda gib: gib or 0.0)
    assert len(set(by_measure)) == 3


@given(
    st.dictionaries(
        st.sampled_from(INPUT_COLUMNS),
        st.sampled_from(
            ["", "0", "1", "3", "8", "64", "4096", "8/2", "1/64", "x", "-2", "1e9", "nan", "full", "lora", "mpt-7b"]
        ),
        max_size=12,
    )
)
@settings(max_examples=200)
def test_no_cell_makes_it_fall_over(cells: dict[str, str]) -> None:
    answer = predicted(**cells)
    assert (answer.step_seconds is None) == (answer.memory_gib is None)
    assert answer.step_seconds is not None or answer.note


@needs_runs
def test_published_runs_are_predicted_from_nothing_but_their_inputs(tmp_path: Path) -> None:
    """Results, sources and notes blanked and ids in another order: the same predictions."""
    with RUNS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    blanked = tmp_path / "blanked.csv"
    with blanked.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for cells, other in zip(rows, reversed(rows), strict=True):
            writer.writerow(cells | dict.fromkeys((*RESULTS, *SOURCES), "") | {"id": other["id"]})
    before, after = (predict_rows(read_rows(path)) for path in (RUNS, blanked))
    assert [replace(each, id="") for each in before] == [replace(each, id="") for each in after]
    alone = predict_rows(read_rows(RUNS)[100:101])
    assert alone == before[100:101]


@needs_runs
def test_every_published_run_with_its_inputs_is_predicted() -> None:
    rows = read_rows(RUNS)
    answers = predict_rows(rows)
    needed = ("hidden", "layers", "heads", "vocab", "gpu", "n_gpus", "global_batch_sequences", "seq_len")
    missing = [each for each, answer in zip(rows, answers, strict=True) if answer.step_seconds is None]
    left = [each.id for each in missing if all(each.text(name) for name in needed) and "Gaudi1" not in each.text("gpu")]
    assert left == []


def test_the_command_writes_the_columns(tmp_path: Path) -> None:
    runs, out = tmp_path / "runs.csv", tmp_path / "out.csv"
    with runs.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", *LLAMA])
        writer.writeheader()
        writer.writerows([LLAMA | {"id": "a"}, LLAMA | {"id": "b", "seq_len": ""}])
    result = CliRunner().invoke(cli, ["predict", str(runs), "--out", str(out)])
    assert result.exit_code == 0
    assert "1 of 2 rows predicted" in result.stderr
    with out.open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert tuple(first) == COLUMNS
    assert first["pred_fits"] == "true"
    assert (second["id"], second["pred_step_time_s"], second["pred_note"]) == ("b", "", "seq_len is not given")


def test_the_command_names_a_missing_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["predict", str(tmp_path / "none.csv"), "--out", str(tmp_path / "out.csv")])
    assert result.exit_code == 2
    assert "none.csv" in result.stderr
