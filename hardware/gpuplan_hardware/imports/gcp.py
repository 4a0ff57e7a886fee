"""Google's accelerator-optimised machines: which GPUs a type has. Their catalogues price the GPUs and the host apart."""

from __future__ import annotations

#: Family, and the GPU of its machines as SkyPilot calls it; the machine's name ends with how many (a2-highgpu-4g).
#: Source: docs.cloud.google.com/compute/docs/accelerator-optimized-machines.
_FAMILIES = {
    "a2-highgpu": "A100",
    "a2-megagpu": "A100",
    "a2-ultragpu": "A100-80GB",
    "a3-edgegpu": "H100",
    "a3-highgpu": "H100",
    "a3-megagpu": "H100-MEGA",
    "a3-ultragpu": "H200",
    "a4-highgpu": "B200",
    "a4x-highgpu": "GB200",
    "a4x-maxgpu": "GB300",
}
#: Family, its GPU, and how many by vCPUs, which end the name (g2-standard-24). Fractions are slices of one card.
_BY_VCPUS: dict[str, tuple[str, dict[str, float]]] = {
    "g2-standard": ("L4", {"4": 1, "8": 1, "12": 1, "16": 1, "32": 1, "24": 2, "48": 4, "96": 8}),
    "g4-standard": ("RTX-PRO-6000", {"6": 1 / 8, "12": 1 / 4, "24": 1 / 2, "48": 1, "96": 2, "192": 4, "384": 8}),
}


def gpus_of(machine_type: str) -> tuple[str, float] | None:
    """The GPU of a machine type and how many it has; None where it is not of a family with GPUs.

    "a3-highgpu-8g" and "a3-edgegpu-8g-nolssd" have ("H100", 8).
    """
    series, _, rest = machine_type.partition("-")
    size, _, rest = rest.partition("-")
    number = rest.partition("-")[0]
    family = f"{series}-{size}"
    if family in _FAMILIES:
        digits = number.removesuffix("g")
        return (_FAMILIES[family], float(digits)) if digits.isdecimal() and digits.isascii() else None
    if family in _BY_VCPUS:
        gpu, counts = _BY_VCPUS[family]
        return (gpu, counts[number]) if number in counts else None
    return None
