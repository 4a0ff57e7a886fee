"""A table of offers as the bytes of an .npz file: arrays, and one text of JSON for what they point to. Nothing is unpickled."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpuplan_hardware.catalogue import accelerators, nodes
from gpuplan_hardware.entities import Figure, Host, Link, Network, Node
from gpuplan_hardware.imports.columns import OfferTable
from gpuplan_hardware.imports.sellers import seller
from gpuplan_hardware.imports.table_parts import ROW, Terms, Texts, kind_code

#: What a damaged file makes of numpy, zipfile, json and the constructors of entities.
_DAMAGE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    OSError,
    ArithmeticError,
    SyntaxError,
    MemoryError,
)
_ZIP_DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, RuntimeError)


#: Rows as the first version kept them: the text of the source alone told what a price is from.
_ROW_1 = np.dtype([(name, ROW[name]) for name in ROW.names or () if name not in ("weak", "kind")])
_WEAK_1 = "date of the file's last change"


class DamagedTableError(ValueError):
    """Bytes are not those of a table of offers; `str(error)` says what they lack."""


def pack(table: OfferTable) -> bytes:
    """Write a table as the bytes of an .npz file.

    A node of the catalogue is kept by provider and name, so that later versions of its figures reach the offers; one that an
    import made is kept whole. Providers are kept by name. Sources that no row points to are left out.
    """
    rows = table.rows.copy()
    used, rows["source"] = np.unique(rows["source"], return_inverse=True)
    sources = Texts.of(table.sources[place] for place in used.tolist())
    pointed = {
        "providers": [one.name for one in table.sellers],
        "nodes": [_packed_node(node) for node in table.nodes],
        "terms": table.terms,
        "regions": table.places,
    }
    buffer = io.BytesIO()
    np.savez(
        buffer,
        rows=rows,
        pointed=_as_array(json.dumps(pointed).encode()),
        sources=_as_array(sources.block),
        source_ends=sources.ends,
    )
    return buffer.getvalue()


def unpack(content: bytes) -> OfferTable:
    """Read a table; offers whose node or GPU the catalogue no longer has are dropped and counted in `dropped`.

    Raises
    ------
    DamagedTableError
        These are not the bytes that `pack` wrote.
    """
    try:
        return _unpacked(content)
    except DamagedTableError:
        raise
    except (*_DAMAGE, *_ZIP_DAMAGE) as error:
        raise DamagedTableError(f"{type(error).__name__}: {error}") from None


def _unpacked(content: bytes) -> OfferTable:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        rows, ends = file["rows"], file["source_ends"]
        block, pointed = file["sources"].tobytes(), json.loads(file["pointed"].tobytes())
    found = [_unpacked_node(record) for record in pointed["nodes"]]
    table = OfferTable(
        rows=_of_now(rows, Texts(block, ends)) if rows.dtype == _ROW_1 else rows,
        sellers=tuple(seller(name) for name in pointed["providers"]),
        nodes=tuple(node for node in found if node is not None),
        terms=tuple(Terms(*values) for values in pointed["terms"]),
        places=tuple(pointed["regions"]),
        sources=Texts(block, ends),
    )
    _check(table, len(found))
    return table if all(found) else _without_lost_nodes(table, found)


def _of_now(rows: NDArray[np.void], sources: Texts) -> NDArray[np.void]:
    """Rows of the first version with the columns that it lacked."""
    from gpuplan_hardware.imports.formats import formats  # not for every table that is read

    found = np.zeros(len(rows), dtype=ROW)
    for name in _ROW_1.names or ():
        found[name] = rows[name]
    texts, codes = list(sources), [(kind.name, kind_code(kind.name)) for kind in formats()]
    weak = np.array([_WEAK_1 in text for text in texts], dtype=bool)
    kinds = np.array(
        [next((code for name, code in codes if text.startswith(name)), 0) for text in texts], dtype=np.uint32
    )
    found["weak"], found["kind"] = weak[rows["source"]], kinds[rows["source"]]
    return found


def _check(table: OfferTable, number_of_nodes: int) -> None:
    """Every number points to something, and every price is one."""
    rows, ends = table.rows, table.sources.ends
    if rows.dtype != ROW or rows.ndim != 1 or ends.dtype != np.int64 or ends.ndim != 1:
        raise DamagedTableError("its columns are not those of a table of offers")
    if len(ends) and (ends[0] < 0 or np.any(np.diff(ends) < 0) or ends[-1] != len(table.sources.block)):
        raise DamagedTableError("its sources are cut")
    if not len(rows):
        return
    lengths = {
        "provider": len(table.sellers),
        "node": number_of_nodes,
        "terms": len(table.terms),
        "region": len(table.places),
        "source": len(ends),
        "day": date.max.toordinal() + 1,
    }
    for column, length in lengths.items():
        if rows[column].min() < (column == "day") or rows[column].max() >= length:
            raise DamagedTableError(f"its column {column} points to nothing")
    if not np.all((rows["price"] > 0) & np.isfinite(rows["price"])):
        raise DamagedTableError("it has a price that is none")


def _without_lost_nodes(table: OfferTable, found: list[Node | None]) -> OfferTable:
    """The offers whose node is still known, pointing to what is left of the nodes."""
    known = np.array([node is not None for node in found])
    kept = table.rows[known[table.rows["node"]]]
    kept["node"] = (np.cumsum(known) - 1)[kept["node"]]
    return replace(table, rows=kept, dropped=len(table.rows) - len(kept))


def _as_array(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, dtype=np.uint8)


def _packed_node(node: Node) -> list[str] | dict[str, Any]:
    """A node as JSON: [provider, name] where the catalogue has exactly this one, else all of it but the GPU's figures."""
    if nodes().get((node.provider, node.name)) == node:
        return [node.provider, node.name]
    record = asdict(replace(node, sources={}))
    figures = {name: {**asdict(one), "as_of": one.as_of.isoformat()} for name, one in node.sources.items()}
    return {**record, "accelerator": node.accelerator.name, "sources": figures}


def _unpacked_node(record: list[str] | dict[str, Any]) -> Node | None:
    """A node of the catalogue or of a record; None where the catalogue no longer has it, or its GPU."""
    if isinstance(record, list):
        provider, name = record
        return nodes().get((provider, name))
    accelerator = accelerators().get(record["accelerator"])
    if accelerator is None:
        return None
    return Node(
        **{
            **record,
            "accelerator": accelerator,
            "intra_node": Link(**record["intra_node"]),
            "network": None if record["network"] is None else Network(**record["network"]),
            "host": Host(**record["host"]),
            "sources": {
                name: Figure(**{**one, "as_of": date.fromisoformat(one["as_of"])})
                for name, one in record["sources"].items()
            },
        }
    )
