"""Who sells what a catalogue lists: a provider that is known here, or one of whom nothing but the name is."""

from __future__ import annotations

from functools import cache
from typing import Final

from gpuplan_hardware.catalogue import providers
from gpuplan_hardware.entities import Provider

#: Providers without figures of their own that let machines of others, each with the reason; `vast` is one in its own file.
MARKETPLACES: Final = {
    "hyperbolic": "hyperbolic.ai: a marketplace on which anybody lets GPUs",
    "lium": "lium.io: a marketplace of hosts on Bittensor's subnet 51",
    "primeintellect": "primeintellect.ai: resells machines of many clouds and of single hosts",
    "shadeform": "shadeform.ai: a marketplace of machines of many clouds",
    "spheron": "spheron.network: a marketplace of machines of many hosts",
}


@cache
def seller(name: str) -> Provider:
    """The provider of that name."""
    known = providers().get(name)
    if known is not None:
        return known
    why = MARKETPLACES.get(name)
    return Provider(name, marketplace=why is not None, volume_usd_per_gb_month=None, notes=f"{why}." if why else "")
