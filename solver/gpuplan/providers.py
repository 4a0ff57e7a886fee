"""Names of providers, as people know them."""

from __future__ import annotations

from collections.abc import Iterable

from gpuplan.errors import InputError, choose, shown
from gpuplan_hardware import providers

#: Names of companies and products, without spaces and hyphens, and the provider's name in the catalogue.
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
    "datacrunch": "verda",
    "vast.ai": "vast",
    "vastai": "vast",
    "alibabacloud": "alibaba",
    "aliyun": "alibaba",
    "huaweicloud": "huawei",
}


def choose_provider(field: str, value: object, known: Iterable[str]) -> str:
    """Return the provider that was meant, in any case, of those that are `known` here.

    Raises
    ------
    InputError
        It has another name, it is in the catalogue but has nothing here, or there is no such provider.
    """
    names = tuple(known)
    plain = "".join(str(value).lower().split()).replace("-", "").replace("_", "")
    meant = ALSO_CALLED.get(plain, plain)
    if meant not in (name.lower() for name in names):
        if meant in providers():
            message = (
                f"{meant} is known, but no offer of it has a price here; offers are of {', '.join(names)}. Bring a price: "
                "--gpu NAME --price USD without --provider, or an --offers file"
            )
            raise InputError(field, value, message)
    elif meant != plain:
        raise InputError(field, value, f"{shown(value)!r} is called {meant} here", (meant,))
    return choose(field, value, names)
