"""A price list to fill in: `gpuplan offers template`."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from gpuplan_hardware.price_list import OPTIONAL_COLUMNS, REQUIRED_COLUMNS

EXAMPLE = "example: put your own offer here"

#: One node that is rented and one that is owned; figures of the node are needed as the catalogue knows neither of the two.
ROWS = (
    {
        "provider": "my-cloud",
        "region": "eu-1",
        "pricing": "on-demand",
        "node": "8x-h100",
        "gpu": "H100-SXM",
        "gpus_per_node": "8",
        "max_nodes": "4",
        "price_usd_per_hour": "20.00",
        "intra_node_gb_per_s_per_gpu": "450",
        "network_gb_per_s_per_gpu": "50",
        "vcpus": "192",
        "ram_gib": "2048",
        "nvme_gb": "15000",
        "lead_time": "instant",
    },
    {
        "provider": "my-lab",
        "region": "on-premises",
        "pricing": "owned",
        "node": "4x-a100",
        "gpu": "A100-80GB-SXM",
        "gpus_per_node": "4",
        "max_nodes": "1",
        "purchase_usd": "100000",
        "power_watts": "3000",
        "intra_node_gb_per_s_per_gpu": "300",
        "vcpus": "128",
        "ram_gib": "1024",
        "nvme_gb": "7000",
    },
)


def template() -> str:
    """A price list with all columns and two examples, which `--offers` takes as it is."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS), restval="", lineterminator="\n")
    writer.writeheader()
    today = datetime.now(UTC).date().isoformat()
    writer.writerows({**row, "as_of": today, "source": EXAMPLE} for row in ROWS)
    return buffer.getvalue()
