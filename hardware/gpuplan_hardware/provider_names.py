"""Names of providers, as people and price catalogues know them."""

from __future__ import annotations

from gpuplan_hardware.catalogue import providers

#: Names of companies and products, without spaces, hyphens and underscores, and the provider's name here. SkyPilot says "do",
#: gpuhunt says "lambdalabs" and "vastai"; older files of both say "datacrunch".
ALSO_CALLED = {
    "amazon": "aws",
    "amazonwebservices": "aws",
    "ec2": "aws",
    "google": "gcp",
    "googlecloud": "gcp",
    "microsoft": "azure",
    "microsoftazure": "azure",
    "oracle": "oci",
    "oraclecloud": "oci",
    "lambdalabs": "lambda",
    "lambdacloud": "lambda",
    "datacrunch": "verda",
    "vast.ai": "vast",
    "vastai": "vast",
    "alibabacloud": "alibaba",
    "aliyun": "alibaba",
    "huaweicloud": "huawei",
    "do": "digitalocean",
    "cudocompute": "cudo",
}

#: Further providers in the catalogues of SkyPilot (schema v8) and gpuhunt 0.1.34, of which nothing else is known here.
ELSEWHERE = frozenset(
    {
        "cloudrift",
        "crusoe",
        "cudo",
        "daytona",
        "digitalocean",
        "fluidstack",
        "hotaisle",
        "hyperbolic",
        "hyperstack",
        "ibm",
        "jarvislabs",
        "lium",
        "mithril",
        "paperspace",
        "primeintellect",
        "seeweb",
        "shadeform",
        "spheron",
        "tensordock",
        "vultr",
        "yotta",
    }
)


def plain(name: str) -> str:
    """The name in lower case without spaces, hyphens and underscores: what `ALSO_CALLED` is keyed by."""
    return "".join(name.lower().split()).replace("-", "").replace("_", "")


def our_name(name: str) -> str:
    """The provider's name here; one that nobody knows keeps its own, in lower case."""
    return known_name(name) or name.strip().lower()


def known_name(name: str) -> str | None:
    """The provider's name here, None where nobody knows it."""
    key = plain(name)
    key = ALSO_CALLED.get(key, key)
    return key if key in providers() or key in ELSEWHERE else None
