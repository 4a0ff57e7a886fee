"""Which provider is meant."""

from __future__ import annotations

from collections.abc import Iterable

from gpuplan.errors import InputError, choose, shown
from gpuplan_hardware import providers
from gpuplan_hardware.provider_names import ALSO_CALLED, plain


def choose_provider(field: str, value: object, known: Iterable[str]) -> str:
    """Return the provider that was meant, in any case, of those that are `known` here.

    Raises
    ------
    InputError
        It has another name, it is in the catalogue but has nothing here, or there is no such provider.
    """
    names = tuple(known)
    written = plain(str(value))
    meant = ALSO_CALLED.get(written, written)
    if meant not in (name.lower() for name in names):
        if meant in providers():
            message = (
                f"{meant} is known, but no offer of it has a price here; offers are of {', '.join(names)}. Bring a price: "
                "--gpu NAME --price USD without --provider, or an --offers file"
            )
            raise InputError(field, value, message)
    elif meant != written:
        raise InputError(field, value, f"{shown(value)!r} is called {meant} here", (meant,))
    return choose(field, value, names)
