"""Measuring a tiny model with PyTorch, transformers and PEFT on the CPU; skipped where they are not installed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.measure_gpu import __main__ as command
from benchmarks.measure_gpu.plan import MIXED, NF4_BF16, NF4_FP32, PURE_BF16, TASKS, Point, config
from benchmarks.measure_gpu.rows import GIB, OutOfMemoryError, measured_rows

DATE = "2026-11-21"
EVERY = [
    Point("tiny", task, precision, 32, 1, mode)
    for task, precisions in TASKS.items()
    for precision in precisions
    for mode in ("none", "full")
]


def skip_without(*names: str) -> None:
    for name in names:
        pytest.importorskip(name, reason="pip install 'gpuplan[measure]'")


@pytest.mark.filterwarnings("default")  # of torch, transformers and PEFT, which are not ours to mend
class TestTiny:
    """The real thing, on the CPU."""

    @pytest.fixture(autouse=True)
    def on_the_cpu(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        skip_without(*command.NEEDED)
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # a tiny model spends its time waiting for them
        yield
        torch.set_num_threads(threads)

    @pytest.mark.parametrize("task", list(TASKS))
    def test_the_command_measures_the_tiny_model(self, task: str, tmp_path: Path) -> None:
        import torch

        if task == "qlora":
            skip_without("bitsandbytes")
        path = tmp_path / "rows.csv"
        assert command.main(["--quick", "--only", task, "--out", str(path)]) == 0
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 2 * len(TASKS[task])
        assert all(float(row["step_time_s"]) > 0 and row["gpu"] == "CPU" for row in rows)
        assert all(f"torch {torch.__version__}" in row["framework"] for row in rows)

    @pytest.mark.parametrize(("arguments", "word"), [([], "--out"), (["--out", "x", "--memory-limit-gib", "24"], "24")])
    def test_what_makes_no_sense_on_a_cpu_is_refused(
        self, arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main(arguments) == 2
        assert word in capsys.readouterr().err

    @pytest.mark.parametrize("point", EVERY, ids=lambda point: point.name)
    def test_what_is_trained_gets_gradients_and_layers_run_as_often_as_asked(self, point: Point) -> None:
        import torch

        from benchmarks.measure_gpu import models

        if point.task == "qlora":
            skip_without("bitsandbytes")
        model, _ = models.build(point, torch.device("cpu"))
        calls: list[str] = []
        for name, module in model.named_modules():
            if name.endswith("layers.0.mlp"):
                module.register_forward_pre_hook(lambda *_: calls.append("mlp"))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=point.precision != PURE_BF16):
            model(input_ids=torch.arange(32)[None], labels=torch.arange(32)[None]).loss.backward()
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        assert all(parameter.grad is not None for parameter in trained.values())
        assert len(calls) == {"none": 1, "full": 2}[point.recompute]
        assert all("lora_" in name for name in trained) == (point.task != "full")
        dtypes = {str(parameter.dtype).removeprefix("torch.") for parameter in trained.values()}
        assert dtypes == {"bfloat16" if point.precision == PURE_BF16 else "float32"}

    @pytest.mark.parametrize(("precision", "rest"), [(NF4_BF16, "bfloat16"), (NF4_FP32, "float32")])
    def test_qlora_holds_its_linears_in_nf4_with_double_quantisation(self, precision: str, rest: str) -> None:
        skip_without("bitsandbytes")
        import torch

        from benchmarks.measure_gpu import models

        point = Point("tiny", "qlora", precision, 32, 1, "none")
        model = models.build(point, torch.device("cpu"))[0].get_base_model()
        weight = model.model.layers[0].mlp.up_proj.base_layer.weight
        assert weight.numel() * weight.element_size() == 64 * 128 // 2
        assert weight.quant_state.nested
        assert weight.quant_state.quant_type == "nf4"
        assert str(model.lm_head.weight.dtype) == str(model.model.norm.weight.dtype) == f"torch.{rest}"

    @pytest.mark.parametrize("precision", [PURE_BF16, MIXED])
    def test_shared_weights_stay_shared_and_nothing_is_left_without_values(
        self, precision: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import torch

        from benchmarks.measure_gpu import models

        fields = {**config("tiny"), "tie_word_embeddings": True}
        monkeypatch.setattr(models, "config", lambda name: fields)
        model, parameters = models.build(Point("tiny", "full", precision, 32, 1, "none"), torch.device("cpu"))
        assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
        assert sum(parameter.numel() for parameter in model.parameters()) == parameters
        # embeddings 256 x 64; per layer q, o 64 x 64, k, v 64 x 32, MLP 3 x 64 x 128, two norms; a last norm
        assert parameters == 256 * 64 + 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128 + 2 * 64) + 64
        with torch.no_grad():
            loss = model(input_ids=torch.arange(32)[None], labels=torch.arange(32)[None]).loss
        assert 5.0 < float(loss) < 6.2  # ln 256 = 5.55: random weights know nothing

    def test_on_a_gpu_peaks_limits_and_lack_of_memory_are_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A GPU of 80 GiB with 0.5 GiB in use, played on the CPU: no figure is real, every call is made."""
        import torch

        from benchmarks.measure_gpu import training

        fractions: list[float] = []
        properties = SimpleNamespace(name="NVIDIA H200", total_memory=int(80 * GIB), uuid="1234")
        played: dict[str, object] = {
            "synchronize": lambda: None,
            "empty_cache": lambda: None,
            "reset_peak_memory_stats": lambda: None,
            "mem_get_info": lambda device: (int(79 * GIB), int(80 * GIB)),
            "memory_reserved": lambda: int(0.5 * GIB),
            "max_memory_allocated": lambda: int(12 * GIB),
            "max_memory_reserved": lambda: int(13 * GIB),
            "get_device_properties": lambda device: properties,
            "set_per_process_memory_fraction": lambda share, device: fractions.append(share),
        }
        for name, play in played.items():
            monkeypatch.setattr(torch.cuda, name, play)
        program = tmp_path / "nvidia-smi"
        program.write_text('#!/bin/sh\necho "580.1, 700.00 W, 1980 MHz"\n', encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        backend = training.Torch()
        backend.has_gpu, backend.context_bytes = True, int(0.5 * GIB)
        point = Point("tiny", "lora", TASKS["lora"][0], 32, 1, "full", 24)
        first, second = measured_rows(point, backend.machine(), backend.measure(point), DATE)
        assert fractions == [pytest.approx((24 * 0.975 - 0.5) / 80)]
        assert (first["gpu"], first["peak_mem_gib"]) == ("H200-SXM-141GB", "12.000")
        assert (second["gpu"], second["peak_mem_gib"]) == ("any 24GB (imitated)", "13.000")
        assert "driver 580.1; power limit 700.00 W; highest SM clock 1980 MHz" in first["notes"]

        def fail(*_: object) -> None:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

        monkeypatch.setattr(training, "build", fail)
        with pytest.raises(OutOfMemoryError, match="Tried to allocate"):
            backend.measure(point)
