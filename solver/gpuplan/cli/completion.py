"""Shell completion: the script for a shell, and the values that flags and arguments complete to.

The catalogue is read only when a shell asks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, get_args

import click
from click.shell_completion import CompletionItem, get_completion_class

if TYPE_CHECKING:
    from gpuplan_hardware import Offer

VARIABLE = "_GPUPLAN_COMPLETE"
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


#: Not a docstring: the mark before a paragraph that click must not wrap is a control character.
HELP = """Print the completion script of a shell.

\b
bash   eval "$(gpuplan completion bash)"    in ~/.bashrc
zsh    eval "$(gpuplan completion zsh)"     in ~/.zshrc
fish   gpuplan completion fish | source     in ~/.config/fish/config.fish
"""


@click.command("completion", help=HELP, short_help="the script that makes a shell complete gpuplan's words")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print the completion script of a shell."""
    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"this version of click cannot complete in {shell}")
    click.echo(script(ctx.find_root().command, {}, "gpuplan", VARIABLE).source(), nl=False)
    return 0


def values_of(name: str) -> Completer | None:
    """Completer of a flag or argument by the name of what it takes, None where nothing is known to complete."""
    if name in _FILES:
        return lambda _, __, incomplete: [CompletionItem(incomplete, type="file")]
    names = _VALUES.get(name)
    if names is None:
        return None

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Values that begin like the last word of a list with commas; files for what can be a path."""
        if name in _PATHS and incomplete.startswith((".", "~", os.sep)):
            return [CompletionItem(incomplete, type="file")]
        before, comma, word = incomplete.rpartition(",")
        return [CompletionItem(f"{before}{comma}{value}") for value in _known(names) if _begins(value, word)]

    return complete


def _known(names: Callable[[], Iterable[str]]) -> list[str]:
    """Values in order; none where the catalogue cannot be read, which any other command says better."""
    try:
        return sorted(set(names()))
    except (ValueError, OSError):
        return []


def _begins(value: str, word: str) -> bool:
    return value.lower().startswith(word.lower())


def _models() -> Iterable[str]:
    from gpuplan_models import architectures

    return architectures()


def _families_of_models() -> Iterable[str]:
    from gpuplan_models import architectures

    return (one.model_type for one in architectures().values())


def _frameworks() -> Iterable[str]:
    from gpuplan_models import frameworks

    return frameworks()


def _methods() -> Iterable[str]:
    from gpuplan_models import methods

    return methods()


def _tokenizers() -> Iterable[str]:
    from gpuplan_models import tokenizers

    return tokenizers()


def _gpus() -> Iterable[str]:
    """Accelerators and their families: one word of a user often means all of them."""
    from gpuplan_hardware import accelerators

    known = accelerators()
    return [*known, *(family for one in known.values() for family in one.families)]


def _generations() -> Iterable[str]:
    from gpuplan_hardware import accelerators

    return [*_gpus(), *(one.kernel_family for one in accelerators().values())]


def _vendors() -> Iterable[str]:
    from gpuplan_hardware import accelerators

    return (one.vendor for one in accelerators().values())


def _hardware() -> Iterable[str]:
    from gpuplan_hardware import accelerators, nodes

    return [*accelerators(), *("/".join(key) for key in nodes())]


def _providers() -> Iterable[str]:
    from gpuplan_hardware import providers

    return providers()


def _sellers() -> Iterable[str]:
    """Providers that have an offer, those of imports among them."""
    return [*_providers(), *(offer.provider.name for offer in _known_offers())]


def _regions() -> Iterable[str]:
    return (offer.region for offer in _known_offers())


def _offers() -> Iterable[str]:
    return (offer.id for offer in _known_offers())


def _known_offers() -> Iterable[Offer]:
    from gpuplan.listing.known_offers import known_offers

    return known_offers()


def _sorts() -> Iterable[str]:
    from gpuplan.listing.offers import SORTS

    return SORTS


def _axes() -> Iterable[str]:
    from gpuplan.sweeping.axes import AXES

    return AXES


def _objectives_of_fleets() -> Iterable[str]:
    from gpuplan.scheduling.problem import OBJECTIVES

    return OBJECTIVES


def _priced() -> Iterable[str]:
    """What a price may be asked of: a GPU, a provider or an offer."""
    return [*_gpus(), *_providers(), *_offers()]


def _pricings() -> Iterable[str]:
    from gpuplan_hardware.entities import Pricing

    return get_args(Pricing)


_VALUES: Final[dict[str, Callable[[], Iterable[str]]]] = {
    "model": _models,
    "model_family": _families_of_models,
    "framework": _frameworks,
    "method": _methods,
    "tokenizer": _tokenizers,
    "gpu": _gpus,
    "exclude_gpu": _gpus,
    "gpu_family": _generations,
    "vendor": _vendors,
    "hardware": _hardware,
    "provider": _providers,
    "seller": _sellers,
    "exclude_provider": _providers,
    "region": _regions,
    "exclude_region": _regions,
    "offer": _offers,
    "origin": lambda: ("built-in", "imported"),
    "sort": _sorts,
    "pricing": _pricings,
    "precision": lambda: ("bf16", "fp16", "fp8", "any"),
    "weights": lambda: ("bf16", "fp8", "int8", "nf4"),
    "optimizer": lambda: ("adamw", "adamw-8bit"),
    "recompute": lambda: ("none", "selective", "full"),
    "uneven": lambda: ("none", "first", "last", "both"),
    "offload": lambda: ("none", "optimizer", "parameters"),
    "minimize": lambda: ("cost", "gpus", "time"),
    "fleet_minimize": _objectives_of_fleets,
    "alternatives_by": lambda: ("gpu", "provider", "layout"),
    "deadline_from": lambda: ("order", "start"),
    "over": _axes,
    "frontier": lambda: ("cost", "time", "gpus", "deadline"),
    "maximize": lambda: ("tokens", "model"),
    "of": _priced,
    "break_even": _priced,
}
_PATHS = frozenset({"model", "tokenizer"})
"""What can be a name or a path."""
_FILES = frozenset({"data", "offers", "job", "out", "quote", "plot", "fleet", "jobs", "page"})
