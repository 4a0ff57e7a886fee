"""Sliding windows: which layers of a stack have one, and the kinds of layer that this makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gpuplan_models.fields import Fields
from gpuplan_models.layers import LayerKind

_LAYER_TYPES = {"sliding_attention": True, "full_attention": False}
"""Words of a config's ``layer_types`` -> whether such a layer has the window."""

Windows = Sequence[int | None]


def layer_windows(fields: Fields, slides: Callable[[int], bool]) -> Windows:
    """Return the window of every layer in tokens, None where it has none.

    Parameters
    ----------
    slides
        Whether the layer of an index has the window ``sliding_window``, where the config has no ``layer_types``.

    Raises
    ------
    ModelError
        If ``sliding_window``, ``num_hidden_layers`` or ``layer_types`` is wrong.
    """
    count, window = fields.integer("num_hidden_layers"), fields.optional_integer("sliding_window")
    if window is None:
        return [None] * count
    if fields.values.get("layer_types") is None:
        return [window if slides(index) else None for index in range(count)]
    return [window if _LAYER_TYPES[word] else None for word in _layer_types(fields, count)]


def _layer_types(fields: Fields, count: int) -> list[str]:
    words = fields.values["layer_types"]
    if not isinstance(words, list) or len(words) != count or not all(word in _LAYER_TYPES for word in words):
        wanted = f"it must be a list of {count} words, each {' or '.join(_LAYER_TYPES)}"
        raise fields.error("layer_types", words, f"is {words} in {fields.origin}; {wanted}")
    return words


def kinds_by_window(kind: LayerKind, windows: Windows) -> tuple[tuple[LayerKind, ...], tuple[int, ...]]:
    """Return the kinds that layers like `kind` fall into by their windows, and `Architecture.order`.

    Where only some layers have a window, those are called ``"...-local"``. The kinds are in the order of their first layers.
    """
    found = list(dict.fromkeys(windows))
    kinds = tuple(
        replace(
            kind,
            name=kind.name if window is None or len(found) == 1 else f"{kind.name}-local",
            count=windows.count(window),
            attention=replace(kind.attention, window_tokens=window),
        )
        for window in found
    )
    return kinds, tuple(found.index(window) for window in windows) if len(kinds) > 1 else ()
