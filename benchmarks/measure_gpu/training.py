"""A few training steps with transformers and PEFT, as Hugging Face's Trainer makes them: AdamW, gradients clipped to norm 1."""

from __future__ import annotations

import gc
import importlib.metadata
import importlib.util
import shutil
import subprocess
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from benchmarks.measure_gpu.models import build
from benchmarks.measure_gpu.plan import MIXED, NF4_FP32, PURE_BF16, Point, config
from benchmarks.measure_gpu.rows import GIB, LORA_RANK, Machine, Measurement, OutOfMemoryError

PACKAGES = ("transformers", "peft", "bitsandbytes", "torch")
LEARNING_RATE, LARGEST_NORM = 1e-5, 1.0
WARM_UP_STEPS, STEPS = 2, 5
#: Once so many steps have taken so many seconds, their median is settled.
FEWEST_STEPS, ENOUGH_SECONDS = 3, 20.0
#: What a card's driver leaves of its nominal memory (an RTX 4090: 23.5 of 24 GiB).
USABLE_SHARE = 0.975
#: Texts of errors that are no `torch.OutOfMemoryError` but mean the same.
MEMORY_TEXTS = ("out of memory", "ALLOC_FAILED")


def quantises() -> bool:
    """Return whether bitsandbytes is installed, without which there is no QLoRA."""
    return importlib.util.find_spec("bitsandbytes") is not None


class Torch:
    """PyTorch on the first GPU that it sees, or on the CPU."""

    def __init__(self) -> None:
        self.has_gpu = bool(torch.cuda.is_available())
        self.device = torch.device("cuda:0" if self.has_gpu else "cpu")
        self.context_bytes = self._context_bytes() if self.has_gpu else 0

    def _context_bytes(self) -> int:
        """Bytes of the device that the driver counts before anything is trained: context, kernels, other processes."""
        torch.ones(256, 256, device=self.device) @ torch.ones(256, 256, device=self.device)
        torch.cuda.synchronize()
        return self._device_bytes() - int(torch.cuda.memory_reserved())

    def _device_bytes(self) -> int:
        free, total = torch.cuda.mem_get_info(self.device)
        return int(total - free)

    def machine(self) -> Machine:
        """Return the GPU's name and memory, and everything that a row's notes say about it."""
        framework = "HF transformers + peft, plain loop: " + ", ".join(_versions())
        if not self.has_gpu:
            return Machine("CPU", 0.0, framework)
        properties = torch.cuda.get_device_properties(self.device)
        facts = (
            *_driver_facts(str(getattr(properties, "uuid", ""))),
            f"CUDA {torch.version.cuda or 'none'}",
            f"{self.context_bytes / GIB:.2f} GiB in use before training",
        )
        return Machine(str(properties.name), properties.total_memory / GIB, framework, facts)

    def measure(self, point: Point) -> Measurement:
        """Train a point and give its memory back, whatever happens."""
        self._limit(point.limit_gib)
        message = ""
        try:
            return self._train(point)
        except RuntimeError as error:
            # Only the text is kept: the error itself holds every tensor of the failed step.
            message = str(error)
            if not any(text in message for text in MEMORY_TEXTS):
                raise
        finally:
            gc.collect()
            if self.has_gpu:
                torch.cuda.empty_cache()
        raise OutOfMemoryError(message)

    def _limit(self, limit_gib: int) -> None:
        """Cap the allocator at what a card of `limit_gib` leaves it after the driver's share and the context; 0 lifts the cap."""
        if not self.has_gpu:
            return
        total = torch.cuda.get_device_properties(self.device).total_memory
        cap = limit_gib * GIB * USABLE_SHARE - self.context_bytes if limit_gib else float(total)
        torch.cuda.set_per_process_memory_fraction(min(1.0, max(0.0, cap / total)), self.device)

    def _train(self, point: Point) -> Measurement:
        model, parameters = build(point, self.device)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE, fused=self.has_gpu)
        shape = (point.micro_batch, point.seq_len)
        tokens = torch.randint(config(point.model)["vocab_size"], shape, device=self.device)
        if self.has_gpu:
            gc.collect()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        seconds: list[float] = []
        for step in range(WARM_UP_STEPS + STEPS):
            taken = self._timed(point, model, optimizer, trained, tokens)
            if step >= WARM_UP_STEPS:
                seconds.append(taken)
            if len(seconds) >= FEWEST_STEPS and sum(seconds) >= ENOUGH_SECONDS:
                break
        notes = _how(point, sum(parameter.numel() for parameter in trained))
        if not self.has_gpu:
            return Measurement(parameters, tuple(seconds), notes=notes)
        return Measurement(
            parameters,
            tuple(seconds),
            int(torch.cuda.max_memory_allocated()),
            int(torch.cuda.max_memory_reserved()),
            self._device_bytes(),
            notes,
        )

    def _timed(self, point: Point, model: Any, optimizer: Any, trained: list[Any], tokens: Any) -> float:
        """Return the seconds of one optimizer step: one micro-batch forward and backward, clip, update."""
        self._synchronise()
        start = time.perf_counter()
        with self._autocast(point):
            loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, LARGEST_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        self._synchronise()
        return time.perf_counter() - start

    def _autocast(self, point: Point) -> AbstractContextManager[Any]:
        """Trainer's bf16=True: adapters and mixed precision run under autocast, pure bf16 does not."""
        if point.precision == PURE_BF16:
            return nullcontext()
        context: AbstractContextManager[Any] = torch.autocast(self.device.type, dtype=torch.bfloat16)
        return context

    def _synchronise(self) -> None:
        if self.has_gpu:
            torch.cuda.synchronize()


def _how(point: Point, trained: int) -> tuple[str, ...]:
    notes = [
        "AdamW (fused on a GPU), gradients clipped, sdpa attention, unfused cross-entropy, gradient accumulation 1"
    ]
    if point.task == "qlora":
        rest = "cast to fp32 (prepare_model_for_kbit_training)" if point.precision == NF4_FP32 else "in bf16"
        notes.append(f"NF4 with double quantisation, norms, embeddings and head {rest}")
    if point.task != "full":
        notes.append(f"alpha {2 * LORA_RANK}, no dropout, adapters in fp32 under bf16 autocast")
    if point.precision == MIXED:
        notes.append("weights, gradients and moments in fp32, bf16 autocast")
    if point.recompute == "full":
        notes.append("gradient checkpointing of every layer, not reentrant")
    return (*notes, f"{trained:,} trained parameters")


def _versions() -> list[str]:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _driver_facts(uuid: str) -> tuple[str, ...]:
    """Driver, power limit and highest clock by nvidia-smi, where there is one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=driver_version,power.limit,clocks.max.sm", "--format=csv,noheader"]
    if uuid:
        query.append(f"--id=GPU-{uuid.removeprefix('GPU-')}")
    answer = subprocess.run(query, capture_output=True, text=True, check=False, timeout=60)
    if answer.returncode != 0 or not answer.stdout.strip():
        return ()
    values = answer.stdout.splitlines()[0].split(",")
    titles = ("driver", "power limit", "highest SM clock")
    return tuple(f"{title} {value.strip()}" for title, value in zip(titles, values, strict=False))
