"""The user's words: the same names as the flags, values as people write them, checked for shape only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictFloat, StrictInt, StrictStr, ValidationError

from gpuplan.errors import InputError, close_matches, shown
from gpuplan.fields import BY_NAME


def _path_as_text(value: object) -> object:
    """Accept `pathlib.Path` wherever a text is accepted."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _split(value: object) -> object:
    """Read "a, b" and ["a", "b"] alike."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        return value
    return tuple(part.strip() for word in words for part in word.split(",") if part.strip())


def _split_numbers(value: object) -> object:
    """Read "1, 2", 1, [1, 2] and ["1", "2"] alike."""
    numbers = value if isinstance(value, (list, tuple)) else [value]
    return _split([str(one) if type(one) is int else one for one in numbers])


Word = Annotated[StrictStr | StrictInt | StrictFloat, BeforeValidator(_path_as_text)]
Words = Annotated[tuple[StrictStr, ...], BeforeValidator(_split)]
Numbers = Annotated[tuple[StrictStr, ...], BeforeValidator(_split_numbers)]


class JobSpec(BaseModel):
    """A job in the user's words; `gpuplan.job.resolve` makes a `Job` of it. `gpuplan.fields` says what each means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Word | None = None
    method: Words | None = None
    lora_rank: Word | None = None
    lora_targets: Words | None = None
    precision: Words | None = None
    weights: Word | None = None
    optimizer: Word | None = None
    framework: Word | None = None
    data: Word | None = None
    tokens: Word | None = None
    samples: Word | None = None
    epochs: Word | None = None
    seq_len: Word | None = None
    packing: Word | None = None
    bytes_per_token: Word | None = None
    language: Word | None = None
    tokenizer: Word | None = None
    global_batch: Word | None = None
    trials: Word | None = None
    parallel: Word | None = None
    evaluation_share: Word | None = None
    keep_checkpoints: Word | None = None
    egress: Word | None = None
    deadline: Word | None = None
    deadline_from: Word | None = None
    budget: Word | None = None
    contingency: Word | None = None
    max_gpus: Word | None = None
    max_nodes: Word | None = None
    node_counts: Numbers | None = None
    max_tp: Word | None = None
    min_mfu: Word | None = None
    gpu: Words | None = None
    exclude_gpu: Words | None = None
    provider: Words | None = None
    exclude_provider: Words | None = None
    region: Words | None = None
    exclude_region: Words | None = None
    nvswitch_only: bool = False
    residency: Words | None = None
    pricing: Words | None = None
    quota: Words | None = None
    discount: Words | None = None
    interruptions: Word | None = None
    price: Word | None = None
    marketplace: bool = False
    available_within: Word | None = None
    offers: Word | None = None
    max_price_age: Word | None = None
    allow_unknown_host: bool = False
    confidence: Word | None = None
    calibration: Word | None = None
    minimize: Words | None = None
    currency: Word | None = None
    alternatives: Word | None = None
    alternatives_by: Word | None = None
    time_limit: Word | None = None
    workers: Word | None = None
    seed: Word | None = None
    offer: Word | None = None
    nodes: Word | None = None
    gpus: Word | None = None
    tp: Word | None = None
    pp: Word | None = None
    dp: Word | None = None
    ep: Word | None = None
    cp: Word | None = None
    vp: Word | None = None
    etp: Word | None = None
    uneven: Word | None = None
    zero: Word | None = None
    micro_batch: Word | None = None
    recompute: Word | None = None
    offload: Word | None = None


def make_spec(words: Mapping[str, Any]) -> JobSpec:
    """Check names and shapes of a job given as a mapping.

    Raises
    ------
    InputError
        An unknown name (with close matches) or a value of the wrong shape; the first one found.
    """
    for name in words:
        if name not in BY_NAME:
            raise _unknown_name(name)
    try:
        return JobSpec.model_validate(dict(words))
    except ValidationError as error:
        raise _shape_error(error) from None


def _unknown_name(name: object) -> InputError:
    """Error for a key that no field has."""
    close = close_matches(str(name), BY_NAME)
    way_out = "" if close else f"; the fields are {', '.join(BY_NAME)}"
    return InputError(str(name), name, f"there is no such field in a job{way_out}", close)


def _shape_error(error: ValidationError) -> InputError:
    """Turn the first of pydantic's complaints into one sentence that says what would be right."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    field = BY_NAME[name]
    wanted = "true or false" if field.kind == "switch" else field.help
    given = shown(repr(first["input"]))
    return InputError(
        name, first["input"], f"cannot use {given} (of type {type(first['input']).__name__}); give {wanted}"
    )
