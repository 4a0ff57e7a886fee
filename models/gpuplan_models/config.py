"""From a Hugging Face ``config.json`` to an architecture."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from gpuplan_models.errors import ModelError, close_matches, shown
from gpuplan_models.families import builders, defaults
from gpuplan_models.fields import Fields
from gpuplan_models.paths import user_path
from gpuplan_models.shape import Architecture, NativeWeights

CONFIG_NAME = "config.json"
CONFIG_LIMIT_BYTES = 10_000_000
"""Largest config that is read; the largest published ones have some hundred kilobytes."""


def read_config(path: str | os.PathLike[str]) -> Architecture:
    """Read the architecture of any supported model from its ``config.json``.

    Parameters
    ----------
    path
        The file, or the folder that holds it. In a multimodal config the language model (``text_config``) is taken.

    Returns
    -------
    Architecture
        Named after the folder (``config.json``) or the file (any other name), without aliases.

    Raises
    ------
    ModelError
        If the path does not lead to such a file (`field` is ``"model"``), or a field is missing, mistyped or
        contradicts another (`field` is its name).
    """
    file = _config_file(user_path(path))
    values = _read_json(file)
    fields = _text_fields(Fields(values, str(file)))
    name = file.stem if file.name != CONFIG_NAME else file.resolve().parent.name
    basis = f"counted from {file}; no published count to check against"
    nested = " (its text_config: only the language model is counted)" if fields.values is not values else ""
    return build(fields, name=name, basis=basis, source=f"{file}{nested}")


def build(
    fields: Fields,
    *,
    name: str,
    basis: str,
    source: str,
    aliases: tuple[str, ...] = (),
    tokenizer: str | None = None,
) -> Architecture:
    """Build an architecture from a config's fields.

    Parameters
    ----------
    tokenizer
        Key of the tokenizer family; None takes the one with this size of vocabulary, or ``"unknown"``.

    Raises
    ------
    ModelError
        If the ``model_type`` is not supported, or a field is missing or wrong.
    """
    model_type = fields.text("model_type")
    builder = builders().get(model_type) or _refuse_type(fields, model_type)
    fields = replace(fields, values={**defaults(model_type), **fields.values})
    stack = builder(fields)
    vocabulary = fields.integer("vocab_size")
    return Architecture(
        name=name,
        aliases=aliases,
        model_type=model_type,
        hidden_size=stack.hidden_size or fields.integer("hidden_size"),
        vocab_size=vocabulary,
        # False is the default of most configuration classes in transformers; other families have it in DEFAULTS.
        tied_embeddings=fields.flag("tie_word_embeddings", default=False),
        layers=stack.layers,
        final_norm_parameters=stack.final_norm_parameters,
        mtp_parameters=stack.mtp_parameters,
        tokenizer=tokenizer or _tokenizer_of(vocabulary),
        max_sequence_length=stack.max_sequence_length or fields.integer("max_position_embeddings"),
        native_weights=_native_weights(fields),
        parameter_basis=basis,
        source=source,
        order=stack.order,
        extra_embedding_parameters=stack.extra_embedding_parameters,
        extra_head_parameters=stack.extra_head_parameters,
    )


def _config_file(path: Path) -> Path:
    """Return the file behind a path that the user gave."""
    try:
        if path.is_dir():
            path = path / CONFIG_NAME
            if not path.exists():
                raise _path_error(path.parent, f"is a folder without {CONFIG_NAME}")
        if not path.exists():
            raise _path_error(path, f"does not exist; give a {CONFIG_NAME}, its folder, or a model's name")
        if not path.is_file():
            raise _path_error(path, "is not a regular file")
        size = path.stat().st_size
    except OSError as error:
        raise _path_error(path, f"cannot be read: {error.strerror}") from error
    if size > CONFIG_LIMIT_BYTES:
        raise _path_error(path, f"has {size} bytes; a config has at most {CONFIG_LIMIT_BYTES}")
    return path


def _read_json(path: Path) -> Mapping[str, object]:
    try:
        values = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except OSError as error:
        raise _path_error(path, f"cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise _path_error(path, "is nested too deeply for a config") from error
    except ValueError as error:  # not JSON, not Unicode, NaN, or an integer of thousands of digits
        raise _path_error(path, f"is not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise _path_error(path, f"holds {type(values).__name__}, but a config is a JSON object")
    return values


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number that JSON knows")


def _text_fields(fields: Fields) -> Fields:
    """Return the fields of the language model: of ``text_config`` where the outer type is not supported but its is."""
    nested = fields.values.get("text_config")
    if fields.values.get("model_type") in builders() or not isinstance(nested, dict):
        return fields
    return Fields(nested, f"text_config of {fields.origin}") if nested.get("model_type") in builders() else fields


def _refuse_type(fields: Fields, model_type: str) -> NoReturn:
    supported = ", ".join(builders())
    given = f'"{shown(model_type)}"' if model_type else "missing"
    message = f"model_type is {given} in {fields.origin}; supported are {supported}."
    raise ModelError("model_type", model_type, message, close_matches(model_type, builders()))


def _native_weights(fields: Fields) -> NativeWeights:
    # Other quantisations (AWQ, GPTQ, bitsandbytes) are made from 16-bit weights, which are what training starts from.
    method = fields.table("quantization_config").get("quant_method")
    return "fp8" if method == "fp8" else "mxfp4" if method == "mxfp4" else "bf16"


def _tokenizer_of(vocabulary: int) -> str:
    from gpuplan_models.tokens import family_of_vocabulary

    return family_of_vocabulary(vocabulary)


def _path_error(path: Path, complaint: str) -> ModelError:
    return ModelError("model", path, f"model: {shown(path)} {complaint}.")
