"""What an hour of a node that one owns costs: its purchase spread over the hours that it works, and its power."""

from __future__ import annotations

from gpuplan_hardware.catalogue import ownership_figures


def owned_price(purchase_usd: float, power_watts: float) -> float:
    """USD per hour of an owned node.

    ``purchase / (years * 8760 * used share) + watts / 1000 * PUE * USD per kWh``: straight-line depreciation to nothing over
    the hours in use, and power at the node's maximum. Space, staff, switches and interest are not in it.

    Parameters
    ----------
    purchase_usd
        Price of the whole node.
    power_watts
        Largest draw of the whole node.
    """
    f = ownership_figures()
    hours = f["depreciation_years"].value * 8760 * f["used_share"].value
    power = power_watts / 1000 * f["power_usage_effectiveness"].value * f["electricity_usd_per_kwh"].value
    return purchase_usd / hours + power


def owned_source(purchase_usd: float, power_watts: float) -> str:
    """The sum behind `owned_price`, in words."""
    f = ownership_figures()
    return (
        f"${purchase_usd:,.0f} over {f['depreciation_years'].value:g} years at {f['used_share'].value:.0%} use, and "
        f"{power_watts / 1000:g} kW x PUE {f['power_usage_effectiveness'].value:g} x "
        f"${f['electricity_usd_per_kwh'].value:g}/kWh, without space, staff, switches and interest"
    )
