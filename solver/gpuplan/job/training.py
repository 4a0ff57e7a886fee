"""What is trained and how: model, method, adapters, precisions, optimizer, framework."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpuplan.errors import InputError, choose, input_error, shown
from gpuplan.job.choices import Choice
from gpuplan.job.reader import Reader
from gpuplan.layout import PARALLEL_FRAMEWORK, obstacle, usual_framework
from gpuplan.units import parse_whole
from gpuplan_models import ModelError, architecture, architectures, check_targets, frameworks, methods

if TYPE_CHECKING:
    from gpuplan_models import Architecture, Framework, Method

OPTIMIZERS = ("adamw", "adamw-8bit")
SEQUENCE_LENGTH = 4096
LORA_RANK, MAX_LORA_RANK = 16, 512
LORA_TARGETS = "all-linear"


@dataclass(frozen=True, slots=True)
class Training:
    """The part of a `Job` that says what runs on each sequence."""

    architecture: Architecture
    method: Method
    precision: str
    weights: str
    lora_rank: int
    lora_targets: str | tuple[str, ...]
    optimizer: str
    framework: Framework | None = None


def read_training(reader: Reader, choice: Choice) -> Training:
    """Read model, adapters, storage, optimizer and framework, and check that they go together with method and precision."""
    model = find_architecture(reader.required("model"))
    method = methods()[choice.method]
    rank, targets = _adapters(reader, model, method)
    precision = choice.precision
    if not reader.given("precision"):
        reader.assume(f"{precision} compute")
    weights = _weights(reader, model, method)
    optimizer = reader.default(
        "optimizer", lambda name, value: choose(name, value, OPTIMIZERS), "adamw", "AdamW optimizer"
    )
    training = Training(model, method, precision, weights, rank, targets, optimizer)
    return replace(training, framework=_framework(reader, training))


def read_sequence_length(reader: Reader, model: Architecture) -> int:
    """Tokens per sequence, not more than the model can take."""
    most = model.max_sequence_length
    default = min(SEQUENCE_LENGTH, most)
    length = reader.default("seq_len", parse_whole, default, f"sequences of {default:,} tokens")
    if length > most:
        message = f"{length} is more than the {most:,} tokens that {model.name} can take; give at most {most}"
        raise InputError("seq_len", reader.spec.seq_len, message, (str(most),))
    return length


def find_architecture(text: str) -> Architecture:
    """Find the model by name or config.json; one that has no name of its own is called what the user called it.

    Raises
    ------
    InputError
        There is no such model, or its config cannot be used.
    """
    try:
        found = architecture(text)
        named = (
            architectures().get(found.name) is found or "/" in found.name
        )  # of the catalogue, or org/name of the hub
    except ModelError as error:
        raise input_error(error) from None
    return found if named else replace(found, name=text.strip())


def _adapters(reader: Reader, model: Architecture, method: Method) -> tuple[int, str | tuple[str, ...]]:
    """Rank and targets; refused where nothing is adapted."""
    if method.trains != "adapters":
        for name in ("lora_rank", "lora_targets"):
            reader.refuse(name, f"with method {method.name}, which trains no adapters")
        return LORA_RANK, LORA_TARGETS
    rank = reader.default("lora_rank", _rank, LORA_RANK, f"LoRA rank {LORA_RANK}")
    words = reader.spec.lora_targets
    if words is None:
        reader.assume("LoRA on all linear layers")
        return rank, LORA_TARGETS
    targets = words[0] if len(words) == 1 else words
    try:
        check_targets(model, targets)
    except ModelError as error:
        raise input_error(error) from None
    return rank, targets


def _rank(name: str, value: object) -> int:
    """LoRA rank."""
    return parse_whole(name, value, 1, MAX_LORA_RANK)


def _weights(reader: Reader, model: Architecture, method: Method) -> str:
    """Storage of the frozen weights; a method that trains everything freezes none."""
    if method.default_weights is None:
        reader.refuse("weights", f"with method {method.name}, which freezes no weights")
        return "bf16"
    given = reader.optional("weights", lambda name, value: str(value).strip().lower())
    if given is not None:
        return _allowed_weights(given, method)
    sentence = f"frozen weights stored in {method.default_weights}"
    if model.native_weights in method.frozen_weights and model.native_weights != method.default_weights:
        sentence += (
            f" (the checkpoint is published in {model.native_weights}: --weights {model.native_weights} keeps it so)"
        )
    reader.assume(sentence)
    return method.default_weights


def _allowed_weights(given: str, method: Method) -> str:
    """Check that the method can freeze this storage, and name the method that can."""
    if given in method.frozen_weights:
        return given
    others = [other.name for other in methods().values() if given in other.frozen_weights]
    message = f"{shown(given)!r} does not go with method {method.name}, which takes {', '.join(method.frozen_weights)}"
    if others:
        message += f"; {given} weights go with method {' or '.join(others)}"
    raise InputError("weights", given, message)


def _framework(reader: Reader, training: Training) -> Framework | None:
    """Framework, None where the solver takes the one that a layout needs."""
    name = reader.optional("framework", lambda field, value: choose(field, value, frameworks()))
    if name is None:
        _check_usual(reader, training)
        return None
    reason = obstacle(frameworks()[name], training)
    if reason:
        raise InputError("framework", name, reason, _able(training))
    return frameworks()[name]


def _check_usual(reader: Reader, training: Training) -> None:
    """Say which frameworks layouts are computed with when none is asked for; one of them must run the job."""
    usual, parallel = (frameworks()[name] for name in (usual_framework(training.method), PARALLEL_FRAMEWORK))
    reasons = [obstacle(framework, training) for framework in (usual, parallel)]
    if all(reasons):
        message = f"none of the usual frameworks runs this: {'; '.join(reason for reason in reasons if reason)}"
        raise InputError("framework", "", message, _able(training))
    plain = "torch FSDP" if training.method.trains == "all" else "Hugging Face with PEFT"
    if reasons[0]:
        reader.assume(f"{parallel.title}, as {reasons[0]}")
    elif reasons[1]:
        reader.assume(f"{plain}; no tensor, pipeline, context or expert parallelism, as {reasons[1]}")
    else:
        reader.assume(f"{plain}; Megatron-Core where tensor, pipeline, context or expert parallelism is used")


def _able(training: Training) -> tuple[str, ...]:
    """Names of the frameworks that run the job."""
    return tuple(name for name, framework in frameworks().items() if obstacle(framework, training) is None)
