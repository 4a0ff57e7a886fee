"""Random-weight models on the device, built without a download and without a copy in another format: on "meta", then tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import peft
import torch
import transformers

from benchmarks.measure_gpu.plan import MIXED, NF4_FP32, Point, config
from benchmarks.measure_gpu.rows import LORA_RANK, LORA_TARGETS

#: Fields of `config.json` that say how a checkpoint is stored.
STORAGE = {"architectures", "quantization_config", "torch_dtype", "model_type"}
#: PyTorch's and Trainer's way since both can choose; the older reentrant one needs inputs with gradients.
CHECKPOINTING = {"use_reentrant": False}
#: Standard deviation of random weights, as Llama and Qwen start.
SPREAD = 0.02


def build(point: Point, device: Any) -> tuple[Any, int]:
    """Return the model of a point, ready to train, and the parameters that it has without adapters.

    Raises
    ------
    RuntimeError
        If a tensor was left without memory: a buffer that this code does not know.
    """
    fields = {name: value for name, value in config(point.model).items() if name not in STORAGE}
    full = transformers.AutoConfig.for_model(config(point.model)["model_type"], use_cache=False, **fields)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(full, attn_implementation="sdpa")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if point.task == "qlora":
        _quantise(model, device)
    _materialise(model, torch.float32 if point.precision == MIXED else torch.bfloat16, device)
    _restore_rotary(model, full, device)
    _refuse_meta(model)
    return _adapted(model, point), parameters


def _adapted(model: Any, point: Point) -> Any:
    """Freeze, checkpoint and adapt the way PEFT's guides do."""
    recompute = point.recompute == "full"
    if point.precision == NF4_FP32:
        model = peft.prepare_model_for_kbit_training(model, recompute, CHECKPOINTING)
    elif recompute:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=CHECKPOINTING)
    if point.task != "full":
        adapters = peft.LoraConfig(
            r=LORA_RANK, lora_alpha=2 * LORA_RANK, target_modules=list(LORA_TARGETS), task_type="CAUSAL_LM"
        )
        model = peft.get_peft_model(model, adapters)
    return model.train()


def _quantise(model: Any, device: Any) -> None:
    """Replace every linear but the head by an NF4 one with double quantisation, as `BitsAndBytesConfig` would."""
    import bitsandbytes as bnb  # not there on every machine; only QLoRA needs it

    for parent, name, linear in list(_children(model, torch.nn.Linear)):
        if linear is model.get_output_embeddings():
            continue
        with torch.device("meta"):
            new = bnb.nn.Linear4bit(
                linear.in_features,
                linear.out_features,
                bias=linear.bias is not None,
                compute_dtype=torch.bfloat16,
                compress_statistics=True,
                quant_type="nf4",
            )
        weights = _normal(linear.weight.shape, torch.bfloat16, device)
        new.weight = bnb.nn.Params4bit(
            weights, requires_grad=False, compress_statistics=True, quant_type="nf4", module=new
        ).to(device)
        setattr(parent, name, new)
    model.is_loaded_in_4bit = True  # what PEFT asks before it adapts 4-bit linears


def _materialise(model: Any, dtype: Any, device: Any) -> None:
    """Give every parameter on "meta" memory: weights are random, norms one, biases zero; shared ones stay shared."""
    made: dict[int, Any] = {}
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if not parameter.is_meta:
                continue
            if id(parameter) not in made:
                if parameter.ndim > 1:
                    values = _normal(parameter.shape, dtype, device)
                else:
                    values = torch.full(parameter.shape, float(name == "weight"), dtype=dtype, device=device)
                # A frozen model's biases beside 4-bit weights stay frozen; PEFT freezes the others itself.
                made[id(parameter)] = torch.nn.Parameter(values, requires_grad=parameter.requires_grad)
            setattr(module, name, made[id(parameter)])


def _restore_rotary(model: Any, full: Any, device: Any) -> None:
    """Build the rotary embeddings anew: their frequencies are computed when they are built, and "meta" keeps no values."""
    for parent in list(model.modules()):
        if hasattr(parent, "rotary_emb"):
            parent.rotary_emb = type(parent.rotary_emb)(config=full).to(device)


def _refuse_meta(model: Any) -> None:
    tensors = [*model.named_parameters(), *model.named_buffers()]
    left = [name for name, tensor in tensors if tensor.is_meta]
    if left:
        raise RuntimeError(
            f"{left[0]} has no values: this version of transformers keeps something that is not restored"
        )


def _normal(shape: Any, dtype: Any, device: Any) -> Any:
    return torch.empty(shape, dtype=dtype, device=device).normal_(0.0, SPREAD)


def _children(model: Any, kind: Any) -> Iterator[tuple[Any, str, Any]]:
    for parent in model.modules():
        for name, child in parent.named_children():
            if isinstance(child, kind):
                yield parent, name, child
