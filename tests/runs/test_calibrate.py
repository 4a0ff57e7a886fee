"""One's own runs correct the constants: a little, only what they speak for, and never against the physics."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import gpuplan
from gpuplan.cli import cli
from gpuplan.errors import InputError
from gpuplan.performance.constants import constants
from gpuplan.runs import INPUT_COLUMNS, RunRow, predict_rows
from gpuplan.runs.calibrate import Calibration, as_toml, calibrate

RUN = {
    "model": "Qwen/Qwen2.5-7B",
    "task": "lora",
    "lora_rank": "16",
    "precision": "bf16",
    "gpu": "A100-80GB",
    "n_gpus": "1",
    "tp": "1",
    "pp": "1",
    "micro_batch": "1",
    "global_batch_sequences": "16",
    "seq_len": "4096",
    "recompute": "full",
    "framework": "HF Trainer + PEFT",
    "memory_measure": "reserved",
}
JOB: dict[str, Any] = {"model": "qwen2.5-7b", "method": "lora", "data": "10MB", "gpu": "A100-80GB-SXM", "gpus": 1}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my runs.csv"


def measured(file: Path, *figures: dict[str, float]) -> Calibration:
    """Calibrate on copies of one run with these figures."""
    rows = [RUN | {"id": f"r{n}", **{name: f"{value}" for name, value in row.items()}} for n, row in enumerate(figures)]
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return calibrate(file)


@pytest.fixture
def predicted(file: Path) -> tuple[float, float]:
    """Seconds and GiB of the run with the constants that ship."""
    (answer,) = predict_rows([RunRow("r", dict.fromkeys(INPUT_COLUMNS, "") | RUN)])
    assert answer.step_seconds and answer.memory_gib
    return answer.step_seconds, answer.memory_gib


def test_a_run_as_predicted_changes_nothing(file: Path, predicted: tuple[float, float]) -> None:
    seconds, gib = predicted
    found = measured(file, {"step_time_s": seconds, "peak_mem_gib": gib})
    assert found.changes
    assert all(change.after == pytest.approx(change.before, rel=1e-3) for change in found.changes)


def test_one_run_moves_its_own_prediction_part_of_the_way_and_more_runs_more(
    file: Path, predicted: tuple[float, float]
) -> None:
    slower = {"step_time_s": 1.2 * predicted[0]}
    ones, fours = measured(file, slower), measured(file, *[slower] * 4)
    moved = [found.fitted[0].after / found.fitted[0].before - 1 for found in (ones, fours)]
    assert 0.03 < moved[0] < moved[1] < 0.2


@pytest.mark.parametrize("factor", [0.35, 2.9])
def test_one_run_does_not_overturn_the_physics(file: Path, predicted: tuple[float, float], factor: float) -> None:
    found = measured(file, {"step_time_s": factor * predicted[0], "peak_mem_gib": factor * predicted[1]})
    for fit in found.fitted:
        assert 1 / 1.35 < fit.after / fit.before < 1.35
        assert (fit.after > fit.before) == (factor > 1)


def test_a_run_that_is_far_off_is_not_learnt_from(file: Path, predicted: tuple[float, float]) -> None:
    found = measured(file, {"step_time_s": 1.1 * predicted[0]}, {"step_time_s": 1000 * predicted[0]})
    assert [name for name, _ in found.unused] == ["r1"] and "1e+03 times the predicted" in found.unused[0][1]
    assert [fit.id for fit in found.fitted] == ["r0"]
    with pytest.raises(InputError, match="no run to learn from"):
        measured(file, {"peak_mem_gib": 0.1 * predicted[1]})


def test_many_runs_do_not_lift_an_efficiency_above_one(file: Path, predicted: tuple[float, float]) -> None:
    found = measured(file, *[{"step_time_s": 0.4 * predicted[0]}] * 30)
    assert max(c.after for c in found.changes if c.name in ("matmul_efficiency", "flash_efficiency")) <= 1


def test_only_what_the_runs_speak_for_changes(file: Path, predicted: tuple[float, float]) -> None:
    names = {(change.name, change.key) for change in measured(file, {"step_time_s": 2 * predicted[0]}).changes}
    assert ("elementwise_traffic", "hf") in names and ("matmul_efficiency", "ampere") in names
    assert not {key for _, key in names} & {"hopper", "megatron", "nf4"}
    assert not {name for name, _ in names} & {"network_efficiency", "fp8_efficiency", "base_bytes"}


def test_rates_are_as_good_as_times(file: Path) -> None:
    rate = 16 * 4096 / 30.0
    by_rate, by_time = measured(file, {"tokens_per_sec_per_gpu": rate}), measured(file, {"step_time_s": 30.0})
    assert by_rate.fitted[0].measured == pytest.approx(30.0)
    assert by_rate.changes[0].after == pytest.approx(by_time.changes[0].after)


def test_what_it_writes_is_what_solve_and_check_read(
    file: Path, tmp_path: Path, predicted: tuple[float, float]
) -> None:
    mine = tmp_path / "my.toml"
    mine.write_text(as_toml(measured(file, {"step_time_s": 1.3 * predicted[0]}), "2026-11-21", file.name))
    shipped, own = gpuplan.check(JOB), gpuplan.check(JOB | {"calibration": str(mine)})
    assert shipped.plan and own.plan
    assert own.plan.prediction.step_seconds > 1.03 * shipped.plan.prediction.step_seconds
    assert any("corrected by 1 run of your own" in text for text in own.assumptions)
    assert gpuplan.check(JOB).plan == shipped.plan, "the shipped constants are in force again"
    assert gpuplan.solve({k: v for k, v in JOB.items() if k != "gpus"} | {"calibration": str(mine)}).status == "optimal"


def test_the_command_says_what_it_changed(file: Path, tmp_path: Path, predicted: tuple[float, float]) -> None:
    measured(file, {"step_time_s": 1.2 * predicted[0]}, {})
    result = CliRunner().invoke(cli, ["calibrate", str(file), "--out", str(tmp_path / "my.toml")])
    assert result.exit_code == 0
    assert "elementwise_traffic hf: " in result.stdout and "r0 step: " in result.stdout
    assert "r1: not used, neither a step time nor a peak of memory is given" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[meta]\nruns = 1\n[matmul_eficiency]\nampere = { value = 0.8 }", "there is no constant 'matmul_eficiency'"),
        ("[meta]\nruns = 1\n[matmul_efficiency]\nampere = 0.8", "{ value = NUMBER, runs = N } was expected"),
        (
            "[meta]\nruns = 1\n[matmul_efficiency]\nampere = { value = nan }",
            "{ value = NUMBER, runs = N } was expected",
        ),
        ("[meta]\nruns = 1\n[matmul_efficiency]\nampere = { value = -0.8 }", "no run of one's own moves it that far"),
        ("[meta]\nruns = 1\n[matmul_efficiency]\nampere = { value = 85 }", "no run of one's own moves it that far"),
        ("[meta]\nruns = 1\n[matmul_efficiency]\nampre = { value = 0.8 }", "no constant is known for 'ampre'"),
        ("[matmul_efficiency]\nampere = { value = 0.8 }", "has no [meta]"),
        ("", "has no [meta]"),
        ("matmul_efficiency = 3", "values outside of tables"),
        ("[[", "is no TOML"),
        (None, "cannot be read"),
    ],
)
def test_a_calibration_that_cannot_be_used(tmp_path: Path, text: str | None, message: str) -> None:
    mine = tmp_path / "my.toml"
    if text is not None:
        mine.write_text(text)
    with pytest.raises(InputError) as error:
        gpuplan.check(JOB | {"calibration": str(mine)})
    assert error.value.field == "calibration" and message in error.value.message


def test_runs_that_cannot_teach_are_refused(file: Path) -> None:
    with pytest.raises(InputError, match="has no run to learn from"):
        measured(file, {})
    with pytest.raises(InputError, match="step_time_s"):
        measured(file, {"step_time_s": -1.0})


def test_the_constants_in_force_stay_as_they_are(file: Path, predicted: tuple[float, float]) -> None:
    before = constants()
    measured(file, {"step_time_s": 2 * predicted[0]})
    assert constants() is before


def test_predictions_take_the_calibration_too(file: Path, tmp_path: Path, predicted: tuple[float, float]) -> None:
    mine, out = tmp_path / "my.toml", tmp_path / "pred.csv"
    mine.write_text(as_toml(measured(file, {"step_time_s": 1.3 * predicted[0]}), "2026-11-21", file.name))
    seconds = []
    for flags in ([], ["--calibration", str(mine)], []):
        result = CliRunner().invoke(cli, ["predict", str(file), "--out", str(out), *flags])
        assert result.exit_code == 0
        with out.open(newline="", encoding="utf-8") as stream:
            seconds.append(float(next(csv.DictReader(stream))["pred_step_time_s"]))
    assert seconds[0] == seconds[2] == pytest.approx(predicted[0], rel=1e-5)
    assert seconds[1] > 1.03 * seconds[0]
