"""Which linears LoRA adapts: the group names and the explicit module names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from gpuplan_models.errors import ModelError, close_matches

if TYPE_CHECKING:
    from gpuplan_models.layers import Linear

Targets = str | Sequence[str]

TARGET_GROUPS: Mapping[str, Callable[[Linear], bool]] = {
    "all-linear": lambda linear: linear.adaptable,
    "attention": lambda linear: linear.adaptable and linear.part == "attention",
    "all-linear-except-experts": lambda linear: linear.adaptable and linear.part != "expert",
}
"""Group name -> whether it takes a linear; shared experts are no routed experts and stay in the last group."""


def selected(linears: tuple[Linear, ...], targets: Targets) -> tuple[Linear, ...]:
    """Return those of `linears` that `targets` takes, in their order.

    Raises
    ------
    ModelError
        If no target is given, or one is neither a group nor the name of an adaptable linear.
    """
    wanted = (targets,) if isinstance(targets, str) else tuple(targets)
    if not wanted:
        raise ModelError("lora_targets", "", "lora_targets is empty; give a group or module names.", TARGET_GROUPS)
    for target in wanted:
        _check(target, linears)
    return tuple(linear for linear in linears if any(_takes(target, linear) for target in wanted))


def _takes(target: str, linear: Linear) -> bool:
    group = TARGET_GROUPS.get(target)
    return group(linear) if group else _is_named(linear, target)


def _is_named(linear: Linear, target: str) -> bool:
    """Whether a module name stands for a linear: its name or the end of its path, as in PEFT's ``target_modules``."""
    return linear.name == target or linear.name.endswith(f".{target}")


def _check(target: str, linears: tuple[Linear, ...]) -> None:
    adaptable = list(dict.fromkeys(linear.name for linear in linears if linear.adaptable))
    if target in TARGET_GROUPS or any(linear.adaptable and _is_named(linear, target) for linear in linears):
        return
    known = [*TARGET_GROUPS, *adaptable]
    if any(linear.name == target for linear in linears):
        message = f"lora_targets names {target!r}, a router, which LoRA does not adapt; use one of {', '.join(known)}."
        raise ModelError("lora_targets", target, message)
    message = f"lora_targets names {target!r}, which this model does not have; use one of {', '.join(known)}."
    raise ModelError("lora_targets", target, message, close_matches(str(target), known))
