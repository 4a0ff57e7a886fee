"""The commands that show what the catalogues hold: `gpuplan models|hardware|frameworks|methods list|show`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gpuplan.cli.completion import values_of
from gpuplan.cli.options import output_options

if TYPE_CHECKING:
    from gpuplan.result import Answer

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


@click.group(short_help="the models that can be planned for")
def models() -> None:
    """List the catalogue's models, or show what is known of one."""


@models.command("list")
@click.option("--family", metavar="TYPE", help="llama, qwen, deepseek ...", shell_complete=values_of("model_family"))
@click.option("--min-params", metavar="N", help="parameters at least, such as 7B")
@click.option("--max-params", metavar="N", help="parameters at most, such as 80B")
@click.option("--moe", is_flag=True, help="mixtures of experts only")
@click.option("--dense", is_flag=True, help="dense models only")
@click.option("--search", metavar="TEXT", help="text in the name or an alias")
@output_options("text", "json", "csv")
def list_models(min_params: str | None, max_params: str | None, moe: bool, dense: bool, **words: Any) -> int:
    """List models by type, the smaller ones first."""
    from gpuplan.errors import InputError
    from gpuplan.listing import models as listing
    from gpuplan.units import parse_quantity

    low, high = (
        flag_value("min_params", min_params, parse_quantity),
        flag_value("max_params", max_params, parse_quantity),
    )
    if moe and dense:
        raise InputError(
            "dense", "--dense", "--dense leaves nothing of --moe; give one of the two, or none for all models"
        )
    words["mixture"] = moe if moe or dense else None
    return write_list(
        words, lambda filters: listing.list_models(min_parameters=low or 0.0, max_parameters=high, **filters)
    )


@models.command("show")
@click.argument("model", metavar="NAME|config.json|ORG/NAME", shell_complete=values_of("model"))
@output_options("text", "json")
def show_model(model: str, **words: Any) -> int:
    """Show a model: of the catalogue, of a config.json, or of the Hugging Face hub."""
    from gpuplan.listing import models as listing

    return write_details(words, lambda: listing.model_details(model))


@click.group(short_help="the accelerators and nodes that there are")
def hardware() -> None:
    """List accelerators or node shapes, or show what is known of one."""


@hardware.command("list")
@click.option(
    "--vendor", "vendors", multiple=True, metavar="NAME", help="NVIDIA, AMD ...", shell_complete=values_of("vendor")
)
@click.option(
    "--family",
    "families",
    multiple=True,
    metavar="NAME",
    help="a family (A100) or generation (hopper)",
    shell_complete=values_of("gpu_family"),
)
@click.option("--min-memory", metavar="SIZE", help="usable memory of a GPU at least, such as 40GiB")
@click.option("--precision", metavar="TYPE", help="native bf16, fp16 or fp8", shell_complete=values_of("precision"))
@click.option("--nodes", "as_nodes", is_flag=True, help="list node shapes in place of accelerators")
@click.option(
    "--provider", "providers", multiple=True, metavar="NAME", help="who has it", shell_complete=values_of("provider")
)
@output_options("text", "json", "csv")
def list_hardware(min_memory: str | None, as_nodes: bool, **words: Any) -> int:
    """List accelerators by vendor and name, or node shapes by provider."""
    from gpuplan.listing import hardware as listing
    from gpuplan.units import parse_bytes

    least = flag_value("min_memory", min_memory, parse_bytes) or 0.0
    make: Callable[..., Answer] = listing.list_nodes if as_nodes else listing.list_accelerators
    return write_list(words, lambda filters: make(min_memory_bytes=least, **filters))


@hardware.command("show")
@click.argument("name", metavar="GPU|PROVIDER/NODE", shell_complete=values_of("hardware"))
@output_options("text", "json")
def show_hardware(name: str, **words: Any) -> int:
    """Show an accelerator (H100-SXM) or a node shape (aws/p5.48xlarge), every figure with its source."""
    from gpuplan.listing import hardware as listing

    return write_details(words, lambda: listing.hardware_details(name))


@click.group(short_help="the training frameworks")
def frameworks() -> None:
    """List the frameworks, or show what is known of one."""


@frameworks.command("list")
@click.option("--method", metavar="NAME", help="those that run a method", shell_complete=values_of("method"))
@output_options("text", "json", "csv")
def list_frameworks(**words: Any) -> int:
    """List the frameworks and what they can lay out."""
    from gpuplan.listing import frameworks as listing

    return write_list(words, lambda filters: listing.list_frameworks(**filters))


@frameworks.command("show")
@click.argument("framework", metavar="NAME", shell_complete=values_of("framework"))
@output_options("text", "json")
def show_framework(framework: str, **words: Any) -> int:
    """Show a framework: what it runs, what it keeps for a parameter, and who says so."""
    from gpuplan.listing import frameworks as listing

    return write_details(words, lambda: listing.framework_details(framework))


@click.group(short_help="the training methods")
def methods() -> None:
    """List the methods, or show what is known of one."""


@methods.command("list")
@output_options("text", "json", "csv")
def list_methods(**words: Any) -> int:
    """List the methods."""
    from gpuplan.listing import frameworks as listing

    return write_list(words, lambda filters: listing.list_methods(**filters))


@methods.command("show")
@click.argument("method", metavar="NAME", shell_complete=values_of("method"))
@output_options("text", "json")
def show_method(method: str, **words: Any) -> int:
    """Show a method."""
    from gpuplan.listing import frameworks as listing

    return write_details(words, lambda: listing.method_details(method))


def flag_value(field: str, word: str | None, parse: Callable[[str, object], T]) -> T | None:
    """Value of a flag, None where it was not given."""
    return None if word is None else parse(field, word)


def write_list(words: dict[str, Any], make: Callable[[dict[str, Any]], Answer]) -> int:
    """Write a list; `words` are what the flags gave, form and place of the answer among them."""
    from gpuplan.cli.output import UNLIMITED_WIDTH, Destination

    destination = Destination(words.pop("output_format"), words.pop("out"), UNLIMITED_WIDTH)
    destination.write(make(words))
    return 0


def write_details(words: dict[str, Any], make: Callable[[], Answer]) -> int:
    """Write what is known of one thing."""
    from gpuplan.cli.output import Destination

    destination = Destination(words["output_format"], words["out"])
    destination.write(make())
    return 0
