"""gpuplan's own models put to the guides' questions: memory, cards, speed.

Defaults of every question: sequences of 4,096 tokens, LoRA of rank 16 on all linear layers, bf16 compute, AdamW.
"""

from __future__ import annotations

from functools import cache

from benchmarks.guides.hardware import A100, alone
from benchmarks.guides.registry import Method, MissingEntryError, Reading
from benchmarks.guides.stand_ins import shape, stand_in
from gpuplan import check, solve
from gpuplan.layout import Layout, obstacle, usual_framework
from gpuplan.performance import interval
from gpuplan.performance.predict import Prediction, predict
from gpuplan.performance.workload import Workload
from gpuplan.result import PlanAnswer
from gpuplan_hardware import Node
from gpuplan_models import frameworks, methods

SEQUENCE = 4096
LABELS: dict[Method, str] = {"lora": "LoRA", "qlora": "QLoRA", "full": "full"}
#: The methods where a claim names none; QLoRA is a third where the precision is open.
TWO: tuple[Method, ...] = ("lora", "full")
#: Full training with weights, gradients and both moments in bf16: half the bytes of the mixed-precision default.
PURE_BF16 = "hf-peft"


def work(size: str, method: Method, weights: str = "", precision: str = "bf16", sequence: int = SEQUENCE) -> Workload:
    """The model that stands for `size`, trained by `method`."""
    chosen = methods()[method]
    return Workload(shape(size), chosen, precision, weights or chosen.default_weights or "bf16", sequence)


def layout(
    framework: str,
    tensor: int = 1,
    data: int = 1,
    zero: int = 0,
    micro_batch: int = 1,
    accumulation: int = 1,
    recompute: str = "full",
) -> Layout:
    """A layout without pipeline or expert parallelism."""
    batch = data * micro_batch * accumulation
    return Layout(framework, tensor, 1, data, 1, zero, micro_batch, batch, recompute)


def run(job: Workload, where: Node, how: Layout, nodes: int = 1) -> Prediction:
    """`predict` a layout, whether or not it fits."""
    return predict(job, frameworks()[how.framework], where, nodes, how)


def framework_of(job: Workload) -> str:
    """gpuplan's usual framework without model parallelism; where that one cannot run the job, the first by name that can."""
    usual = usual_framework(job.method)
    if obstacle(frameworks()[usual], job) is None:
        return usual
    able = [name for name, framework in frameworks().items() if obstacle(framework, job) is None]
    if not able:
        raise MissingEntryError(f"a framework for {job.architecture.name} with {job.method.name}")
    return able[0]


def memory(label: str, method: Method, prediction: Prediction, scale: float = 1.0, judged: bool = True) -> Reading:
    """Peak of the worst GPU in GB, with its 90 % interval, times `scale`."""
    gb = prediction.memory_bytes / 1e9 * scale
    spread = interval.factor(prediction.memory_width, 0.95)
    return Reading(label, gb, gb / spread, gb * spread, method, judged)


def need(size: str, method: Method, framework: str = "", micro_batch: int = 1, gpu: str = A100) -> Prediction:
    """The job on one card that has all the memory it needs, full recompute: the least that has to be held in all."""
    job = work(size, method)
    return run(job, alone(gpu), layout(framework or framework_of(job), micro_batch=micro_batch))


def needs(size: str, qlora: bool = False) -> tuple[Reading, ...]:
    """Least memory in GB by method; QLoRA is judged only where the claim leaves the precision open."""
    return (
        memory("LoRA", "lora", need(size, "lora")),
        memory("QLoRA", "qlora", need(size, "qlora"), judged=qlora),
        memory("full", "full", need(size, "full")),
        memory("full, pure bf16", "full", need(size, "full", PURE_BF16)),
    )


def weights_gb(size: str, bytes_per_parameter: float = 2.0) -> float:
    """The exact parameters of a model at so many bytes each, in GB."""
    return shape(size).parameters * bytes_per_parameter / 1e9


def scaled(prediction: Prediction, parameters: float, target: float) -> float:
    """Bytes of a prediction with its states (weights, gradients, optimizer) scaled from `parameters` to `target`."""
    states = sum(prediction.memory_parts[name] for name in ("weights", "gradients", "optimizer"))
    return prediction.memory_bytes + states * (target / parameters - 1)


@cache
def least_plan(
    size: str, method: Method, gpu: str, confidence: str = "", data: str = "", hours: float = 0
) -> PlanAnswer:
    """The proved least number of such GPUs that hold the job (and finish the data in so many hours).

    Raises
    ------
    MissingEntryError
        If no cluster on offer does.
    """
    words: dict[str, object] = {
        "model": stand_in(size),
        "method": method,
        "gpu": [gpu],
        "minimize": "gpus",
        "marketplace": True,
        "allow_unknown_host": True,
        "alternatives": 0,
    }
    if method == "qlora":
        words["framework"] = framework_of(work(size, method))
    words |= {"data": data} if data else {"tokens": "100M"}
    words |= {"confidence": confidence} if confidence else {}
    words |= {"deadline": f"{hours}h"} if hours else {}
    plan = solve(words).plan
    if plan is None:
        raise MissingEntryError(f"a cluster of {gpu} that holds {stand_in(size)} with {method}")
    return plan


def least_cards(size: str, method: Method, gpu: str, judged: bool = True) -> Reading:
    """Least number of GPUs that hold the job: at 90 % confidence; the low end is that of the point estimate."""
    sure = least_plan(size, method, gpu).layout.gpus_used
    point = least_plan(size, method, gpu, "point").layout.gpus_used
    return Reading(LABELS[method], sure, point, sure, method, judged)


@cache
def fastest(
    size: str, method: Method, gpu: str, gpus: int, precision: str = "bf16", framework: str = "", point: bool = False
) -> PlanAnswer:
    """The fastest layout on so many GPUs that fits; memory holds at 90 % confidence unless only the `point` has to.

    Raises
    ------
    MissingEntryError
        If none fits.
    """
    words: dict[str, object] = {
        "model": stand_in(size),
        "method": method,
        "gpu": [gpu],
        "gpus": gpus,
        "tokens": "100M",
        "precision": precision,
        "marketplace": True,
        "allow_unknown_host": True,
    }
    words |= {"framework": framework} if framework else {}
    words |= {"confidence": "point"} if point else {}
    result = check(words)
    if result.plan is None or not result.fits:
        raise MissingEntryError(f"a layout of {stand_in(size)} with {method} that fits {gpus} x {gpu}")
    return result.plan


def throughput(size: str, method: Method, gpu: str, gpus: int, precision: str = "bf16", framework: str = "") -> Reading:
    """Tokens per second of all GPUs under the fastest layout, with the 90 % interval of the step time."""
    plan = fastest(size, method, gpu, gpus, precision, framework)
    tokens = plan.layout.global_batch * SEQUENCE
    step = plan.prediction.step_seconds_interval
    return Reading(LABELS[method], tokens / step.point, tokens / step.high, tokens / step.low, method)


def ratio(label: str, method: Method, before: float, after: float, judged: bool = True) -> Reading:
    """How many times `before` is of `after`."""
    return Reading(label, before / after, method=method, judged=judged)


def share_of_step(prediction: Prediction, *parts: str) -> float:
    """Per cent of the step that the named parts take."""
    return 100 * sum(prediction.step_parts[name] for name in parts) / prediction.step_seconds


def number(value: float) -> str:
    """A number for people: three digits, four from a thousand on, an exponent from 1e9 on."""
    if abs(value) >= 1e9:
        return f"{value:.3e}".replace("e+", "e")
    if value == 0 or abs(value) >= 1000:
        return f"{float(f'{value:.4g}'):,.0f}"
    return f"{float(f'{value:.3g}'):g}"
