"""The architecture of a row: the catalogue's where the cells agree with it, else built from the cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from gpuplan.runs.rows import RunRow, UnpredictableError
from gpuplan.runs.tables import ModelRule, matched, model_rules
from gpuplan_models import Architecture, AttentionCore, LayerKind, Linear, architectures
from gpuplan_models.config import build
from gpuplan_models.errors import ModelError
from gpuplan_models.fields import Fields

#: Cells that make a dense shape, in the order in which the cache keys hold them.
SHAPE = ("hidden", "layers", "heads", "kv_heads", "ffn", "vocab")
#: A head has about so many features where the row does not say.
HEAD_FEATURES = 128
#: Vocabularies are padded to multiples (Megatron, Qwen); cells within this share of the catalogue's agree with it.
VOCABULARY_SLACK = 0.03
#: A stated layer count may follow from stages (a multiple of the pipeline's) where it is within this share of the parameters'.
LAYER_SLACK = 0.04


def architecture_of(row: RunRow) -> tuple[Architecture, str]:
    """Return the architecture of a row, and what was completed ("" if nothing); equal rows share one object.

    Raises
    ------
    UnpredictableError
        If cells are missing that neither the catalogue nor a default can fill, or the model has layers that gpuplan does not know.
    """
    try:
        return _architecture_of(row)
    except ModelError as error:
        raise UnpredictableError(f"shape: {error.message}") from error


def _architecture_of(row: RunRow) -> tuple[Architecture, str]:
    name = row.text("model")
    rule = matched(model_rules(), name)
    if rule is not None and rule.refused and not row.text("hidden"):
        raise UnpredictableError(f"model {name}: {rule.refused}, and no shape is given")
    cells = {column: row.whole(column) for column in SHAPE}
    if rule is not None and rule.cells:
        cells = {column: cells[column] or int(rule.cells.get(column, 0)) or None for column in SHAPE}
    known = _known(name, rule)
    if known is not None and _agrees(known, cells):
        return _cut(known, cells["layers"]), "" if all(cells.values()) else f"shape of {known.name}"
    if not cells["hidden"]:
        raise UnpredictableError(f"shape not given, and the catalogue has no model {name!r}")
    return _from_cells(row, cells, rule)


def _from_cells(row: RunRow, cells: Mapping[str, int | None], rule: ModelRule | None) -> tuple[Architecture, str]:
    experts = row.text("experts")
    filled, note = _filled(row, cells)
    key = tuple(filled[column] for column in SHAPE)
    if experts:
        return _mixture(key, experts), note
    stated = row.number("params_total_b") or 0.0
    gated, tied = (rule.gated, rule.tied) if rule is not None else (None, None)
    return _dense(key, float(f"{stated:.3g}"), gated, tied), note


def _filled(row: RunRow, cells: Mapping[str, int | None]) -> tuple[dict[str, int], str]:
    """Complete a shape: heads of about 128 features, 4 h in the MLP, layers from the parameters."""
    hidden = cells["hidden"] or 0
    if not cells["vocab"]:
        raise UnpredictableError("vocab is not given, and the model is not in the catalogue")
    found = {column: value for column, value in cells.items() if value}
    if "heads" not in found:
        found["heads"] = min(
            (n for n in range(1, hidden + 1) if hidden % n == 0), key=lambda n: abs(n - hidden / HEAD_FEATURES)
        )
    found.setdefault("kv_heads", found["heads"])
    found.setdefault("ffn", 4 * hidden)
    if "layers" not in found:
        found["layers"] = _layers(row, found)
    if not found["kv_heads"] <= found["heads"] <= hidden:
        raise UnpredictableError(
            f"hidden {hidden}, heads {found['heads']} and kv_heads {found['kv_heads']} do not go together"
        )
    new = [column for column in SHAPE if not cells[column]]
    return found, f"completed {', '.join(f'{column} {found[column]}' for column in new)}" if new else ""


def _layers(row: RunRow, cells: Mapping[str, int]) -> int:
    """Layers of ``4 h^2 + 2 h f`` parameters that make the stated total, a multiple of the pipeline's stages if one is near."""
    stated = row.number("params_total_b")
    if not stated:
        raise UnpredictableError("neither layers nor params_total_b is given")
    h = cells["hidden"]
    exact = (stated * 1e9 - cells["vocab"] * h) / (4 * h * h + 2 * h * cells["ffn"])
    stages = row.whole("pp") or 1
    near = max(1, round(exact / stages)) * stages
    return near if abs(near - exact) <= LAYER_SLACK * exact else max(1, round(exact))


def _normalise(text: str) -> str:
    return re.sub(r"[\s_-]+", "-", text.casefold()).strip("-")


@cache
def _index() -> dict[str, str]:
    """Every catalogued name and alias, with and without the publisher, as it may stand in a row."""
    index: dict[str, str] = {}
    for found in architectures().values():
        for text in (found.name, *found.aliases):
            index.setdefault(_normalise(text), found.name)
            index.setdefault(_normalise(text.rsplit("/", 1)[-1]), found.name)
    return index


def _known(name: str, rule: ModelRule | None) -> Architecture | None:
    if rule is not None and rule.catalogue:
        return _overridden(rule.pattern)
    key = _normalise(name)
    catalogue = (
        _index().get(key) or _index().get(_normalise(name.rsplit("/", 1)[-1])) or _index().get(key.removesuffix("-hf"))
    )
    return architectures()[catalogue] if catalogue else None


@cache
def _overridden(pattern: str) -> Architecture:
    rule = next(each for each in model_rules() if each.pattern == pattern)
    base = architectures()[rule.catalogue]
    if not rule.config:
        return base
    return build(Fields(_config(base) | dict(rule.config), pattern), name=pattern, basis="config", source=rule.source)


def _config(base: Architecture) -> dict[str, object]:
    from gpuplan_models.loading import read_folder
    from gpuplan_models.schema import ArchitectureFile

    return next(
        dict(file.config) for _, file in read_folder("architectures", ArchitectureFile) if file.name == base.name
    )


def _agrees(known: Architecture, cells: Mapping[str, int | None]) -> bool:
    """Whether no stated cell contradicts the catalogue; fewer layers do not (a proxy of the model), nor a padded vocabulary."""
    kind = known.layers[-1]
    exact = {"hidden": known.hidden_size, "heads": kind.attention.heads, "kv_heads": None, "ffn": None}
    if not kind.routed_experts:
        exact |= {"kv_heads": kind.attention.kv_heads, "ffn": kind.mlp_width}
    if any(cells[column] not in (None, value) for column, value in exact.items() if value is not None):
        return False
    if (cells["layers"] or 0) > known.layer_count:
        return False
    vocabulary = cells["vocab"] or known.vocab_size
    return abs(vocabulary - known.vocab_size) <= VOCABULARY_SLACK * known.vocab_size


@cache
def _cut(known: Architecture, layers: int | None) -> Architecture:
    """The first `layers` layers of a model: published proxies of large models leave the rest out."""
    if layers in (None, known.layer_count):
        return known
    stack = known.stack[:layers]
    counts = [stack.count(index) for index in range(len(known.layers))]
    kept = [index for index, count in enumerate(counts) if count]
    kinds = tuple(replace(known.layers[index], count=counts[index]) for index in kept)
    order = tuple(kept.index(index) for index in stack) if known.order else ()
    return replace(known, name=f"{known.name}, {layers} layers", layers=kinds, order=order)


@cache
def _mixture(key: tuple[int, ...], experts: str) -> Architecture:
    h, layers, heads, kv_heads, ffn, vocab = key
    copies, _, active = experts.partition("/")
    if not (copies.isdigit() and active.isdigit()):
        raise UnpredictableError(f"experts is {experts!r}, not total/active")
    values: dict[str, object] = {
        "model_type": "mixtral",
        "hidden_size": h,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": ffn,
        "num_local_experts": int(copies),
        "num_experts_per_tok": int(active),
        "vocab_size": vocab,
        "max_position_embeddings": 1 << 20,
    }
    return build(Fields(values, "row"), name="mixture of the row", basis="columns of the run", source="row")


@cache
def _dense(key: tuple[int, ...], stated_billions: float, gated: bool | None, tied: bool | None) -> Architecture:
    """A dense model: the catalogue's of that shape, else gated or not and tied or not, whichever is nearest to the stated count.

    Without one: untied, and gated unless the MLP is 4 h wide, the width of those that are not.
    """
    for known in architectures().values():
        if len(known.layers) == 1 and _key(known) == key and gated is None:
            return known
    choices = [
        _plain(key, g, t)
        for g in ((True, False) if gated is None else (gated,))
        for t in ((False, True) if tied is None else (tied,))
    ]
    if not stated_billions:
        return choices[0] if key[4] != 4 * key[0] else choices[-2 if tied is None else -1]
    return min(choices, key=lambda choice: abs(choice.parameters - stated_billions * 1e9))


def _key(known: Architecture) -> tuple[int, ...]:
    kind = known.layers[0]
    core = kind.attention
    widths = (core.heads, core.kv_heads, kind.mlp_width if not kind.routed_experts else 0)
    return (known.hidden_size, known.layer_count, *widths, known.vocab_size)


def _plain(key: tuple[int, ...], gated: bool, tied: bool) -> Architecture:
    h, layers, heads, kv_heads, f, vocab = key
    head = h // heads
    kv = kv_heads * head
    linears = [
        Linear("q_proj", h, heads * head, "attention", "column"),
        Linear("k_proj", h, kv, "attention", "column"),
        Linear("v_proj", h, kv, "attention", "column"),
        Linear("o_proj", heads * head, h, "attention", "row"),
        Linear("up_proj", h, f, "mlp", "column"),
        Linear("down_proj", f, h, "mlp", "row"),
    ]
    if gated:
        linears.append(Linear("gate_proj", h, f, "mlp", "column"))
    kind = LayerKind("dense", layers, tuple(linears), AttentionCore(heads, kv_heads, head, head), 2 * h, gated)
    return Architecture(
        name=f"{layers} layers of {h}",
        aliases=(),
        model_type="llama",
        hidden_size=h,
        vocab_size=vocab,
        tied_embeddings=tied,
        layers=(kind,),
        final_norm_parameters=h,
        mtp_parameters=0,
        tokenizer="unknown",
        max_sequence_length=1 << 20,
        native_weights="bf16",
        parameter_basis="columns of the run",
        source="columns of the run",
    )
