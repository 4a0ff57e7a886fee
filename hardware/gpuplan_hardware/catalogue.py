"""The catalogue: walks the data folders, checks every file and turns it into the domain's objects."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gpuplan_hardware.entities import Accelerator, Figure, Host, Link, Network, Node, Provider
from gpuplan_hardware.errors import CatalogueError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from gpuplan_hardware import schema

    AnyFile = TypeVar("AnyFile", bound=schema.FileModel)

# pydantic is imported where a file is read, not here: importing the package must stay cheap.

DATA = Path(__file__).parent / "data"


def accelerators() -> dict[str, Accelerator]:
    """Every known accelerator by its name, in alphabetical order.

    Raises
    ------
    CatalogueError
        When a file of data/accelerators is wrong; the message names file, field and value.
    """
    return dict(_accelerators())


def nodes() -> dict[tuple[str, str], Node]:
    """Every known node by (provider, name).

    Raises
    ------
    CatalogueError
        When a file of data/nodes is wrong or refers to an unknown accelerator or provider.
    """
    return dict(_nodes())


def providers() -> dict[str, Provider]:
    """Every known provider by its name.

    Raises
    ------
    CatalogueError
        When a file of data/providers is wrong.
    """
    return dict(_providers())


@cache
def _accelerators() -> dict[str, Accelerator]:
    from gpuplan_hardware import schema

    found: dict[str, Accelerator] = {}
    for path, file in read_folder("accelerators", schema.AcceleratorFile):
        _refuse_twice(path, file.name, file.name in found)
        found[file.name] = _accelerator(path, file)
    return dict(sorted(found.items()))


@cache
def _providers() -> dict[str, Provider]:
    from gpuplan_hardware import schema

    found: dict[str, Provider] = {}
    for path, file in read_folder("providers", schema.ProviderFile):
        _refuse_twice(path, file.name, file.name in found)
        found[file.name] = Provider(
            name=file.name,
            marketplace=file.marketplace,
            volume_usd_per_gb_month=_value(file.volume_usd_per_gb_month),
            minimum_billing_seconds=_value(file.minimum_billing_seconds),
            billing_increment_seconds=_value(file.billing_increment_seconds),
            capacity_block_seconds=_value(file.capacity_block_seconds),
            spot_interruptions_per_node_hour=_value(file.spot_interruptions_per_node_hour),
            object_storage_usd_per_gb_month=_value(file.object_storage_usd_per_gb_month),
            egress_usd_per_gb=_value(file.egress_usd_per_gb),
            notes=file.notes,
            sources=sourced(path, file, file.sources),
        )
    return found


@cache
def _nodes() -> dict[tuple[str, str], Node]:
    from gpuplan_hardware import schema

    found: dict[tuple[str, str], Node] = {}
    for path, file in read_folder("nodes", schema.NodeFile):
        key = (file.provider, file.name)
        _refuse_twice(path, "/".join(key), key in found)
        _refuse_unknown(path, "provider", file.provider, _providers())
        _refuse_unknown(path, "accelerator", file.accelerator, _accelerators())
        found[key] = _node(path, file, _accelerators()[file.accelerator])
    return found


@cache
def ownership_figures() -> dict[str, Figure]:
    """What turns a purchase into a price per hour, keyed as in data/ownership.toml.

    Raises
    ------
    CatalogueError
        When the file is wrong.
    """
    from gpuplan_hardware import schema

    path = DATA / "ownership.toml"
    file = read_file(path, schema.OwnershipFile)
    return sourced(path, file, file.sources)


def _accelerator(path: Path, file: schema.AcceleratorFile) -> Accelerator:
    peaks = {"bf16": file.peak_flops.bf16, "fp16": file.peak_flops.fp16, "fp8": file.peak_flops.fp8}
    native = {precision: figure.value for precision, figure in peaks.items() if figure is not None}
    if not native:
        raise file_error(path, "peak_flops", "{}", "one of bf16, fp16 and fp8 at least was expected")
    return Accelerator(
        name=file.name,
        aliases=tuple(file.aliases),
        families=tuple(file.families),
        vendor=file.vendor,
        kernel_family=file.kernel_family,
        usable_memory_bytes=int(file.usable_memory_bytes.value),
        memory_bandwidth_bytes_per_second=file.memory_bandwidth_bytes_per_second.value,
        peak_flops=native,
        tdp_watts=_value(file.tdp_watts),
        purchase_price_usd=_value(file.purchase_price_usd),
        refused=file.refused,
        notes=file.notes,
        sources=sourced(path, file, file.sources),
        host_link_bytes_per_second=_value(file.host_link_bytes_per_second),
    )


def _node(path: Path, file: schema.NodeFile, accelerator: Accelerator) -> Node:
    gpus, rate = int(file.gpus_per_node.value), file.intra_node.bytes_per_second_per_gpu.value
    if (gpus == 1) != (file.intra_node.kind == "none") or (gpus == 1) != (rate == 0):
        right = 'kind "none" and 0 bytes/s on a node with one GPU, else a link with a rate'
        raise file_error(path, "intra_node", f"{file.intra_node.kind}, {rate:g} bytes/s, {gpus} GPUs", right)
    domain = _integer(file.domain_gpus)
    if domain is not None and (gpus == 1 or domain <= gpus or domain % gpus):
        right = f"a multiple of the node's GPUs ({gpus}), more than it has, was expected, and a link within the node"
        raise file_error(path, "domain_gpus", str(domain), right)
    return Node(
        name=file.name,
        provider=file.provider,
        accelerator=accelerator,
        gpus_per_node=gpus,
        intra_node=Link(file.intra_node.kind, rate),
        network=_network(file.network),
        host=Host(_integer(file.host.vcpus), _integer(file.host.ram_bytes), _integer(file.host.nvme_bytes)),
        notes=file.notes,
        sources=sourced(path, file, file.sources),
        domain_gpus=domain,
    )


def _network(file: schema.NetworkFile | None) -> Network | None:
    return None if file is None else Network(file.kind, file.bytes_per_second_per_gpu.value, file.rdma)


def _value(figure: schema.FigureFile | None) -> float | None:
    return None if figure is None else figure.value


def _integer(figure: schema.FigureFile | None) -> int | None:
    return None if figure is None else int(figure.value)


def sourced(path: Path, file: schema.FileModel, texts: dict[str, str]) -> dict[str, Figure]:
    """The figures of a file with their sources spelled out, by their dotted paths."""
    from gpuplan_hardware import schema

    resolved: dict[str, Figure] = {}
    for field, figure in schema.figures(file).items():
        if figure.source not in texts:
            right = f"one of the keys of [sources] was expected: {', '.join(sorted(texts)) or 'there is none'}"
            raise file_error(path, f"{field}.source", figure.source, right)
        resolved[field] = Figure(figure.value, texts[figure.source], figure.as_of, figure.basis)
    return resolved


def read_folder(folder: str, model: type[AnyFile]) -> Iterator[tuple[Path, AnyFile]]:
    """Every TOML file of a folder of data/, checked, by name."""
    for path in sorted((DATA / folder).glob("*.toml")):
        yield path, read_file(path, model)


def read_file(path: Path, model: type[AnyFile]) -> AnyFile:
    """A TOML file of data/, checked; raises `CatalogueError`."""
    from pydantic import ValidationError

    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise file_error(path, "file", path.name, f"it is not valid TOML ({error})") from None
    except ValidationError as error:
        raise _schema_error(path, error) from None


def _schema_error(path: Path, error: ValidationError) -> CatalogueError:
    keys = _wrong_key(error.errors(include_url=False))
    if keys is not None:
        return file_error(path, *keys)
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    value = first["input"]
    if isinstance(value, dict):
        value = value.get("value", value)
    return file_error(path, field, str(value), first["msg"].removeprefix("Value error, "))


def _wrong_key(errors: Sequence[ErrorDetails]) -> tuple[str, str, str] | None:
    """Field, value and problem of the first key that is missing or unknown; None where all keys are right.

    Both are seen together: a misspelt key is unknown, and the right one missing. The models package has the same function: neither may
    import the other, and a package for one function is more than two of them.
    """
    missing = [error["loc"] for error in errors if error["type"] == "missing"]
    unknown = [error["loc"] for error in errors if error["type"] == "extra_forbidden"]
    if unknown:
        place = unknown[0]
        close = get_close_matches(
            str(place[-1]), [str(other[-1]) for other in missing if other[:-1] == place[:-1]], n=1
        )
        return (
            ".".join(map(str, place)),
            str(place[-1]),
            f"there is no such key{f'; {close[0]} was expected' if close else ''}",
        )
    if missing:
        return ".".join(map(str, missing[0])), "", "the key is missing"
    return None


def file_error(path: Path, field: str, value: str, problem: str) -> CatalogueError:
    """An error about a file of data/; `problem` says what would be right."""
    place = f"{path.parent.name}/{path.name}"
    return CatalogueError(field, value, f"{place}: {field} is {value[:200]!r}: {problem}.")


def _refuse_twice(path: Path, name: str, known: bool) -> None:
    if known:
        raise file_error(path, "name", name, "another file has it already, and names must be unique")


def _refuse_unknown(path: Path, field: str, name: str, known: dict[str, Accelerator] | dict[str, Provider]) -> None:
    if name not in known:
        raise file_error(path, field, name, f"one of the catalogue's was expected: {', '.join(known)}")
