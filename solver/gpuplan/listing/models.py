"""The architectures of the catalogue, and any other that a config describes."""

from __future__ import annotations

from collections.abc import Mapping

from gpuplan.errors import InputError, close_matches, shown
from gpuplan.listing.base import Listing
from gpuplan.listing.frameworks import frameworks_of
from gpuplan.result import Answer
from gpuplan_models import Architecture, architectures

STORAGE = ("bf16", "fp8", "int8", "nf4")


class ModelEntry(Answer):
    """One architecture, in short; the counts of experts are 0 in a dense model."""

    name: str
    model_type: str
    parameters: int
    active_parameters: int
    layers: int
    hidden_size: int
    heads: int
    kv_heads: int
    routed_experts: int
    experts_per_token: int
    vocab_size: int
    max_sequence_length_tokens: int
    native_weights: str


class ModelList(Listing):
    """Architectures by type, the smaller ones first."""

    models: list[ModelEntry]

    def rows(self) -> list[ModelEntry]:
        return self.models

    def row_type(self) -> type[ModelEntry]:
        return ModelEntry


class LayerEntry(Answer):
    """Layers of a stack that look alike; parameters are those of one layer."""

    kind: str
    count: int
    heads: int
    kv_heads: int
    qk_head_dim: int
    v_head_dim: int
    window_tokens: int | None
    routed_experts: int
    parameters: int


class ModelDetails(ModelEntry):
    """Everything known of an architecture.

    `weights_bytes` has layers in the named storage, embedding, head and final norm in 16 bit, as the memory rule counts
    them; the multi-token-prediction modules are left out, as fine-tuning leaves them out.
    """

    aliases: list[str]
    expert_parameters: int
    mtp_parameters: int
    embedding_parameters: int
    tied_embeddings: bool
    layer_kinds: list[LayerEntry]
    tensor_parallel_degrees: list[int]
    expert_parallel_degrees: list[int]
    frameworks: list[str]
    weights_bytes: dict[str, float]
    tokenizer: str
    parameter_basis: str
    source: str


def list_models(
    *,
    family: str | None = None,
    min_parameters: float = 0.0,
    max_parameters: float | None = None,
    mixture: bool | None = None,
    search: str | None = None,
) -> ModelList:
    """List the catalogue's architectures.

    Parameters
    ----------
    family
        A ``model_type`` or how several of them begin: "qwen" takes qwen2 and qwen3_moe.
    min_parameters, max_parameters
        Bounds of the number of parameters, both included.
    mixture
        True for mixtures of experts only, False for dense models only.
    search
        Text in the name or an alias, whatever the case.

    Raises
    ------
    InputError
        No model is of that family, or the bounds exclude each other.
    """
    if max_parameters is not None and max_parameters < min_parameters:
        raise InputError(
            "max_params", f"{max_parameters:g}", f"{max_parameters:g} is below --min-params, {min_parameters:g}"
        )
    types = None if family is None else _types(family)
    found = [
        one
        for one in architectures().values()
        if (types is None or one.model_type in types)
        and one.parameters >= min_parameters
        and (max_parameters is None or one.parameters <= max_parameters)
        and (mixture is None or (one.routed_experts > 0) == mixture)
        and (search is None or any(search.lower() in name.lower() for name in (one.name, *one.aliases)))
    ]
    found.sort(key=lambda one: (one.model_type, one.parameters, one.name))
    return ModelList(models=[ModelEntry.model_validate(_short(one)) for one in found])


def model_details(name: str) -> ModelDetails:
    """Everything about a model: a catalogue name, the path of a ``config.json``, or ``org/name`` on the hub.

    Raises
    ------
    InputError
        If there is no such model or its config cannot be used.
    """
    from gpuplan.job.training import find_architecture  # the hardware and yaml: not needed by any list

    found = find_architecture(name)
    return ModelDetails.model_validate(
        {
            **_short(found),
            "aliases": list(found.aliases),
            "expert_parameters": found.expert_parameters,
            "mtp_parameters": found.mtp_parameters,
            "embedding_parameters": found.embedding_parameters,
            "tied_embeddings": found.tied_embeddings,
            "layer_kinds": _layers(found),
            "tensor_parallel_degrees": _tensor_parallel(found),
            "expert_parallel_degrees": _expert_parallel(found),
            "frameworks": frameworks_of(found),
            "weights_bytes": {storage: weights_bytes(found, storage) for storage in STORAGE},
            "tokenizer": found.tokenizer,
            "parameter_basis": found.parameter_basis,
            "source": found.source,
        }
    )


def weights_bytes(model: Architecture, storage: str) -> float:
    """Bytes of the weights: ``b * (P - ends) + 2 * ends`` with b bytes per parameter of the storage."""
    from gpuplan.performance.workload import storage_bytes  # numpy: not needed by any list

    layers = sum(kind.count * kind.parameters for kind in model.layers)
    return storage_bytes(storage) * layers + 2.0 * (model.parameters - layers)


def _types(family: str) -> frozenset[str]:
    wanted = _plain(family)
    known = sorted({one.model_type for one in architectures().values()})
    types = frozenset(name for name in known if wanted and _plain(name).startswith(wanted))
    if not types:
        listed = f"{shown(family)!r} is not the family of any model; they are {', '.join(known)}"
        raise InputError("family", family, listed, close_matches(family, known))
    return types


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def _short(model: Architecture) -> Mapping[str, object]:
    return {
        "name": model.name,
        "model_type": model.model_type,
        "parameters": model.parameters,
        "active_parameters": model.active_parameters,
        "layers": model.layer_count,
        "hidden_size": model.hidden_size,
        "heads": max(kind.attention.heads for kind in model.layers),
        "kv_heads": max(kind.attention.kv_heads for kind in model.layers),
        "routed_experts": model.routed_experts,
        "experts_per_token": max(kind.experts_per_token for kind in model.layers),
        "vocab_size": model.vocab_size,
        "max_sequence_length_tokens": model.max_sequence_length,
        "native_weights": model.native_weights,
    }


def _layers(model: Architecture) -> list[LayerEntry]:
    return [
        LayerEntry(
            kind=kind.name,
            count=kind.count,
            heads=kind.attention.heads,
            kv_heads=kind.attention.kv_heads,
            qk_head_dim=kind.attention.qk_head_dim,
            v_head_dim=kind.attention.v_head_dim,
            window_tokens=kind.attention.window_tokens,
            routed_experts=kind.routed_experts,
            parameters=kind.parameters,
        )
        for kind in model.layers
    ]


def _tensor_parallel(model: Architecture) -> list[int]:
    """Degrees that cut the model into equal parts; none is above the number of heads."""
    heads = max(kind.attention.heads for kind in model.layers)
    return [degree for degree in range(1, heads + 1) if model.tensor_parallel_divides(degree)]


def _expert_parallel(model: Architecture) -> list[int]:
    return [degree for degree in range(1, max(1, model.routed_experts) + 1) if model.expert_parallel_divides(degree)]
