"""Whether the power that somebody gives for a node can be that of the whole node, in watts."""

from __future__ import annotations

from gpuplan.errors import InputError
from gpuplan.listing.machines import Machine
from gpuplan_hardware import accelerators
from gpuplan_hardware.ownership import Ownership

#: No server with a GPU draws less than this at its maximum (assumed; an L4 alone has a TDP of 72 W).
LEAST_WATTS = 100.0


def _gpus_watts(machine: Machine) -> float | None:
    """What the GPUs of a node may draw by their TDP; None where that is unknown."""
    if machine.gpu is None or machine.gpus_per_node is None:
        return None
    tdp = accelerators()[machine.gpu].tdp_watts
    return None if tdp is None else machine.gpus_per_node * tdp


def check_power(machine: Machine, watts: float) -> None:
    """Refuse kilowatts, or the watts of one GPU, where those of the whole node are asked for.

    Raises
    ------
    InputError
        Less than half of what the GPUs may draw, or than any server does.
    """
    least = _gpus_watts(machine)
    if least is not None and watts < least / 2:
        has = f"its {machine.gpus_per_node} x {machine.gpu} may draw {least:,.0f} W without the host"
    elif watts < LEAST_WATTS:
        has = f"no server with a GPU draws less than {LEAST_WATTS:,.0f} W"
    else:
        return
    right = f"{watts:g} is too little: {has}; give watts of the whole node at its maximum, so 10.2 kW is 10200"
    raise InputError("power_watts", f"{watts:g}", right)


def power_note(machine: Machine, owned: Ownership) -> list[str]:
    """What to say of a power that leaves nothing for the host."""
    least = _gpus_watts(machine)
    if least is None or owned.power_watts >= least:
        return []
    return [
        f"the power, {owned.power_watts:,.0f} W, is less than the {least:,.0f} W that the GPUs alone may draw: is it that of the "
        "whole node at its maximum?"
    ]
