"""The 23 rows of the guide's sizing table: each is a claim "this cluster fine-tunes this model on this data within one day"."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

METHODS = {"lora_4bit": "qlora", "lora": "lora"}
#: The table's names: A100-40GB and A100-80GB mean SXM, A10G-24GB is the AWS card.
GPUS = {"A100-80GB": "A100-80GB-SXM", "A100-40GB": "A100-40GB-SXM", "A10G-24GB": "A10G"}


@dataclass(frozen=True)
class Row:
    """One row as printed. Cores, memory and storage are read as totals of the cluster, network as Gb/s of a node."""

    number: int
    model: str
    method: str
    data: str
    gpu: str
    gpus: int
    tensor: int
    data_parallel: int
    zero: int | None
    cpu_cores: int
    ram_gb: int
    storage_gb: int
    network_gbps: float

    @property
    def valid_as_printed(self) -> bool:
        """Whether TP x DP (PP is 1) gives the printed number of GPUs."""
        return self.tensor * self.data_parallel == self.gpus

    @property
    def job(self) -> dict[str, object]:
        """The job in gpuplan's words."""
        return {"model": self.model, "method": METHODS[self.method], "data": self.data, "deadline": "24h"}

    @property
    def cluster(self) -> dict[str, object]:
        """Cluster and layout in gpuplan's words; only the cluster where the layout is impossible as printed."""
        given: dict[str, object] = {"gpu": [GPUS[self.gpu]], "gpus": self.gpus}
        if not self.valid_as_printed:
            return given
        given |= {"tp": self.tensor, "dp": self.data_parallel, "pp": 1}
        return given if self.zero is None else given | {"zero": self.zero}


def read_rows(path: Path) -> list[Row]:
    """Rows of the table at `path`."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                number=number,
                model=line["model"],
                method=line["method"],
                data=line["data_size"],
                gpu=line["gpu"],
                gpus=int(line["n_gpus"]),
                tensor=int(line["tp"]),
                data_parallel=int(line["dp"]),
                zero=int(line["zero"]) if line["zero"] else None,
                cpu_cores=int(line["cpu_cores"]),
                ram_gb=int(line["ram_gb"]),
                storage_gb=int(line["storage_gb"]),
                network_gbps=float(line["network_gbps"]),
            )
            for number, line in enumerate(csv.DictReader(file), start=1)
        ]
