"""Which GPU a price catalogue's word stands for: the same word is another model on another provider.

Sources of the conventions: SkyPilot's catalogues (schema v8) and what writes them (skypilot-org/skypilot
sky/catalog/data_fetchers), gpuhunt 0.1.34 (KNOWN_ACCELERATORS: one name for all sizes), and the providers' own shapes.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache

from gpuplan_hardware.catalogue import accelerators
from gpuplan_hardware.errors import CatalogueError
from gpuplan_hardware.names import normalise, resolve_gpus

#: Words that people use for one model, but catalogues for several, or for none that is known; without case, "-" and "_".
_WIDER: dict[str, tuple[str, ...]] = {
    "a100sxm": ("A100-40GB-SXM", "A100-80GB-SXM"),
    "a100sxm4": ("A100-40GB-SXM", "A100-80GB-SXM"),
    "a100pcie": ("A100-40GB-PCIe", "A100-80GB-PCIe"),
    "a800sxm": ("A800-80GB-SXM",),
    "h10080gb": ("H100-PCIe", "H100-SXM"),
    "h200141gb": ("H200-NVL", "H200-SXM"),
    "rtxpro6000wk": ("RTX-PRO-6000",),  # RunPod's workstation edition
    "h100nvlink": ("H100-PCIe", "H100-SXM"),  # FluidStack's, of the size of Hyperstack's PCIe cards with bridges
    "gaudi": (),  # the first one, HL-205
}

#: Form of the cards, where a provider's word has several: provider, its instance types, GPU, form. The first match holds.
_FORMS: tuple[tuple[str, str, str, str], ...] = (
    ("aws", "*", "A100 H100 H200 V100", "SXM"),
    ("gcp", "*", "A100 H100 H200 V100", "SXM"),
    ("oci", "*", "A100 H100 H200 V100", "SXM"),
    ("azure", "standard_nd*", "A100 H100 H200 V100", "SXM"),
    ("azure", "standard_nc*", "A100 V100", "PCIe"),
    ("azure", "standard_nc*", "H100", "NVL"),  # 94 GB, though the catalogue's memory may say 80
    ("jarvislabs", "*", "H100 H200", "SXM"),  # jarvislabs.ai/pricing: "NVIDIA H100 SXM", "NVIDIA H200 SXM"
    ("lambda", "*", "V100", "SXM"),
    ("nebius", "*", "H100 H200", "SXM"),
    ("runpod", "[0-9]*x_*", "A100 H100", "PCIe"),  # SkyPilot's names; the SXM cards have one of their own
    ("runpod", "*", "H200", "SXM"),  # H200 NVL has a name of its own
    ("vast", "*", "H200", "SXM"),  # the same
    ("verda", "*", "A100 H100 H200", "SXM"),
)

#: What SkyPilot's bare word means on these providers, where the catalogue gives no memory; larger cards have it in their name.
_BARE = {"a100": "A100-40GB", "v100": "V100-16GB"}
_BARE_PROVIDERS = frozenset({"aws", "azure", "gcp", "lambda", "oci"})

_FORM_IN_TYPE = re.compile(r"(?<![a-z])(sxm|pcie|pci|nvl|hbm3)(?![a-z])")
_FORM_CALLED = {"sxm": "SXM", "hbm3": "SXM", "pcie": "PCIe", "pci": "PCIe", "nvl": "NVL"}

#: What resellers add to a card's name (spheron "H100_PCIE_BAREMETAL", Hyperstack "H100-80G-PCIe-NVLink", whose bridges join pairs):
#: left out, and "80G" is 80 GB.
_ADDED = re.compile(r"[ _-](baremetal|nvlink)(?![a-z])")
_GIGABYTES = re.compile(r"(?<![0-9])([0-9]+)g(?![a-z0-9])")
#: Cards that are sold as PCIe cards alone, of which some say so ("L40S_PCIE").
_PCIE_ALONE = re.compile(r"(a10|a40|l4|l40|l40s|rtx.*)")
_VAST_TYPE = re.compile(r"[0-9]+x-(.+?)(-[0-9.]+-[0-9.]+)?")  # SkyPilot's: "8x-H100_SXM-128-1024"
_VAST_SIZED = re.compile(
    r"[0-9]+x-.+-[0-9.]+gb"
)  # made of what gpuhunt says of a machine without a name: "1x-rtx-4090-24gb"
_NO_GPU = re.compile(r"(tpu.*|(tpu-?)?v[2-9](p|e|litepod)?(-[0-9]+)?|inferentia.*|inf[12]|trainium.*|trn[1-3]n?)")
_SAME_MEMORY = 0.1  # between a nominal size and what a process can address


def is_no_gpu(word: str) -> bool:
    """Whether a word stands for a TPU, Inferentia or Trainium, on which nothing is planned."""
    return _NO_GPU.fullmatch(word.strip().casefold()) is not None


@cache
def models(
    provider: str, instance_type: str, word: str, memory_gib: float | None = None, also_called: str = ""
) -> tuple[str, ...]:
    """Names of the accelerators that a word may stand for.

    Parameters
    ----------
    provider : str
        Our name of the provider.
    instance_type : str
        The provider's own name of the machine, which may tell the form ("gpu_1x_h100_pcie", "8x-A100_SXM4-...").
    word : str
        The catalogue's word for the GPU.
    memory_gib : float or None
        What the catalogue says of one GPU: only tells variants of one name apart.
    also_called : str
        Further names that it has for the machine or its GPU, which may tell the form where the instance type does not.

    Returns
    -------
    tuple of str
        None where the catalogue knows no such GPU, one where it is clear, several where it cannot be told.
    """
    kind = instance_type.casefold()
    told = kind if _FORM_IN_TYPE.search(kind) else f"{kind} {also_called.casefold()}"
    sized = provider == "vast" and _VAST_SIZED.fullmatch(kind) is not None
    if provider == "vast" and not sized and (own := _VAST_TYPE.fullmatch(kind)):
        word = own[1]  # SkyPilot's word drops the form, "Ti" and "D" of the host's own name
    found = _named(word) or _named(_plainly(word))
    found = _unless_denied(found, kind) if len(found) < 2 else _of_form(found, _form(provider, told, found))
    if len(found) < 2:  # cards are sold with twice the memory of their model, and are another one then
        return _of_memory(found, memory_gib) if sized else found
    if by_memory := _of_memory(found, memory_gib):
        return by_memory
    if memory_gib is None and provider in _BARE_PROVIDERS and (bare := _BARE.get(normalise(word))):
        return tuple(name for name in found if name.startswith(bare))
    return found


def _named(word: str) -> tuple[str, ...]:
    """The models that a word may stand for whoever says it."""
    wider = _WIDER.get(normalise(word))
    if wider is not None:
        return wider
    try:
        return resolve_gpus(word)
    except CatalogueError as error:
        if error.field != "gpu":  # the catalogue itself is wrong
            raise
        return ()


def _plainly(word: str) -> str:
    """The word without what resellers add to it; as it is where that says too little (an "H100-NVLink" may be SXM or PCIe)."""
    lower = word.casefold()
    plain = _GIGABYTES.sub(r"\1gb", _ADDED.sub("", lower))
    if "nvlink" in lower and "pcie" not in lower:
        return word
    card = plain.removesuffix("pcie").rstrip(" _-")
    return card if card != plain and _PCIE_ALONE.fullmatch(normalise(card)) else plain


def _unless_denied(found: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """The one model of a word; with its like of another form where the instance type says that it is that.

    Massed Compute's "gpu_1x_a100_SXM4" is an "A100_80G_PCIE" at spheron, whose "H100_NVL" is Hyperstack's "n3-H100x8-NVLink", two
    PCIe cards to a bridge.
    """
    told = _FORM_IN_TYPE.search(kind)
    if not found or (told is None and "nvlink" not in kind):
        return found
    (name,) = found
    wanted = _FORM_CALLED[told[1]] if told else "PCIe"
    if told is None and not name.endswith("NVL"):
        return found
    alike = tuple(other for family in accelerators()[name].families for other in _named(family))
    other = tuple(one for one in _of_form(alike, wanted) if _form_of(one) == wanted)
    return found if name in other or not other else tuple(dict.fromkeys((name, *other)))


def _form(provider: str, kind: str, found: tuple[str, ...]) -> str | None:
    """SXM, PCIe or NVL as the instance type says, or else as the provider's cards are."""
    if told := _FORM_IN_TYPE.search(kind):
        return _FORM_CALLED[told[1]]
    family = found[0].partition("-")[0]
    for name, types, families, form in _FORMS:
        if name == provider and family in families.split() and fnmatchcase(kind, types):
            return form
    return None


def _of_form(found: tuple[str, ...], form: str | None) -> tuple[str, ...]:
    return tuple(name for name in found if _form_of(name) == form) or found


def _form_of(name: str) -> str:
    ends = name.rpartition("-")[2]
    return ends if ends in ("PCIe", "NVL") else "SXM"


def _of_memory(found: tuple[str, ...], memory_gib: float | None) -> tuple[str, ...]:
    """Those whose memory it is; none where it is unknown or that of none of them."""
    if memory_gib is None:
        return ()
    sizes = {name: accelerators()[name].usable_memory_bytes / 2**30 for name in found}
    return tuple(name for name, size in sizes.items() if abs(memory_gib / size - 1) < _SAME_MEMORY)
