"""GPUs that the user names: what a name stands for, which of them can be planned on, and what they are paid for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gpuplan.errors import InputError, input_error
from gpuplan.job.reader import Reader
from gpuplan_hardware import CatalogueError, Offer, accelerators, resolve_gpus


def gpu_names(reader: Reader | None) -> Callable[[str, tuple[str, ...]], tuple[str, ...]]:
    """Return a parser of GPU names and families that tells the reader what a family stands for."""

    def parse(field: str, words: tuple[str, ...]) -> tuple[str, ...]:
        names: dict[str, None] = {}
        for word in some(field, words):
            try:
                found = resolve_gpus(word)
            except CatalogueError as error:
                raise input_error(error, field) from None
            if field == "gpu":
                found = _planned(word, found)
            if reader and len(found) > 1:
                reader.assume(f"GPU {word} stands for {', '.join(found)}")
            names.update(dict.fromkeys(found))
        return tuple(names)

    return parse


def some(field: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse an empty list: it reads like "none" and would mean "all"."""
    if not words:
        raise InputError(field, "", "is empty; name at least one, or leave the field out")
    return words


def _planned(word: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the accelerators that jobs are planned on; refused with the reason where there is none."""
    known = accelerators()
    planned = tuple(name for name in names if known[name].refused is None)
    if not planned:
        raise InputError("gpu", word, f"{word} cannot be planned on: {known[names[0]].refused}")
    return planned


def default_pricing(reader: Reader, gpus: Sequence[str] | None, known: Sequence[Offer], own: bool) -> tuple[str, ...]:
    """On demand; and what is owned, where the offers are the user's `own` or nobody lets the GPUs that are asked for.

    Raises
    ------
    InputError
        If no price at all is known for any of the GPUs.
    """
    if own and any(offer.pricing == "owned" for offer in known):
        reader.assume("on-demand prices and owned nodes")
        return ("on-demand", "owned")
    if gpus is not None and not reader.given("price"):
        sold = {
            pricing: {o.node.accelerator.name for o in known if o.pricing == pricing}
            for pricing in ("on-demand", "owned")
        }
        let, bought = sold["on-demand"].intersection(gpus), sold["owned"].intersection(gpus)
        if not let and bought:
            names = ", ".join(sorted(bought))
            reader.assume(
                f"nobody in the catalogue lets {names}: priced as owned machines, from their purchase and power"
            )
            return ("owned",)
        if not let and not own:
            raise _price_needed(gpus)
    if not reader.given("price"):
        reader.assume("on-demand prices")
    return ("on-demand",)


def _price_needed(gpus: Sequence[str]) -> InputError:
    names = ", ".join(gpus)
    message = f"no price is known for {names}; give your own per GPU and hour (--gpu {gpus[0]} --price 2.10), or an --offers file"
    return InputError("gpu", names, message)
