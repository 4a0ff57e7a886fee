"""What can be rented or bought: accelerators, links, hosts, nodes, providers, offers. Base units throughout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Basis = Literal["datasheet", "measured", "assumed"]
LinkKind = Literal[
    "nvswitch",
    "nvlink-mesh",
    "nvlink-pairs",
    "infinity-fabric",
    "roce-mesh",
    "hccs",
    "ici",
    "neuronlink",
    "pcie",
    "none",
]
NetworkKind = Literal["infiniband", "roce", "efa", "gpudirect-tcpx", "tcp", "unspecified"]
LeadTime = Literal["instant", "queue", "contract"]
Pricing = Literal["on-demand", "spot", "reserved-1y", "reserved-3y", "capacity-block", "owned"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number and where it comes from.

    Attributes
    ----------
    value : float
        The number, in the base unit that its key names.
    source : str
        The public source, spelled out.
    as_of : date
        The day the source says so; where it carries no date, the day it was read.
    basis : {"datasheet", "measured", "assumed"}
        Published by the maker or seller; observed on the real thing; or neither, only recalled or reasoned.
    """

    value: float
    source: str
    as_of: date
    basis: Basis


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One GPU model.

    Attributes
    ----------
    name : str
        The catalogue's name, such as "H100-SXM".
    aliases : tuple of str
        Other names for exactly this model (drivers, clouds, catalogues).
    families : tuple of str
        Names for a group of models that this one belongs to, such as "A100" and "A100-80GB".
    vendor : str
        "NVIDIA", "AMD", "Intel", "Huawei", "Google" or "AWS".
    kernel_family : str
        The key under which measured kernel constants are fitted; one without constants is extrapolated.
    usable_memory_bytes : int
        What a training process can address (PyTorch's total), which is less than the marketing figure.
    memory_bandwidth_bytes_per_second : float
        Datasheet rate of the device memory.
    peak_flops : mapping of str to float
        Dense (never sparse) FLOP/s with fp32 accumulation, for the natively supported of "bf16", "fp16" and "fp8".
    tdp_watts : float or None
        Board power limit; None when the maker does not publish it.
    purchase_price_usd : float or None
        What one cost to buy at the figure's date; None when no source says.
    refused : str or None
        Why jobs are not planned on it; None where they are.
    notes : str
        What a reader of its figures must know.
    sources : mapping of str to Figure
        The provenance of each number, keyed by field ("peak_flops.bf16").
    host_link_bytes_per_second : float or None
        Link of one GPU to its host's memory (PCIe, NVLink-C2C), ONE way; None when no source says.
    """

    name: str
    aliases: tuple[str, ...]
    families: tuple[str, ...]
    vendor: str
    kernel_family: str
    usable_memory_bytes: int
    memory_bandwidth_bytes_per_second: float
    peak_flops: Mapping[str, float] = field(hash=False)
    tdp_watts: float | None
    purchase_price_usd: float | None = None
    refused: str | None = None
    notes: str = ""
    sources: Mapping[str, Figure] = field(default_factory=dict, hash=False, compare=False, repr=False)
    host_link_bytes_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """The link between the GPUs of a node.

    Attributes
    ----------
    kind : str
        "none" on a node with a single GPU.
    bytes_per_second_per_gpu : float
        What one GPU can send while all others do the same: ONE way, half of the usual "bidirectional" figure.
    """

    kind: LinkKind
    bytes_per_second_per_gpu: float


@dataclass(frozen=True, slots=True)
class Network:
    """The network between nodes, as far as GPUs can use it.

    Attributes
    ----------
    kind : str
        The fabric; "unspecified" when only its rate is known.
    bytes_per_second_per_gpu : float
        One way, the node's rate divided by its GPUs.
    rdma : bool or None
        Whether NICs read GPU memory directly; None when unknown.
    """

    kind: NetworkKind
    bytes_per_second_per_gpu: float
    rdma: bool | None


@dataclass(frozen=True, slots=True)
class Host:
    """The machine around the GPUs. None means unknown and is never guessed; 0 NVMe means that there is none."""

    vcpus: int | None
    ram_bytes: int | None
    nvme_bytes: int | None


@dataclass(frozen=True, slots=True)
class Node:
    """A machine shape of a provider.

    Attributes
    ----------
    name : str
        The provider's own name for the shape ("p4d.24xlarge").
    provider : str
        Name of the provider.
    accelerator : Accelerator
        The GPU model; all GPUs of a node are alike.
    gpus_per_node : int
        How many of them.
    intra_node : Link
        The link between them.
    network : Network or None
        The fabric between nodes; None when unknown, and then a job may not span nodes.
    host : Host
        CPU cores, memory and local disks.
    notes : str
        What a reader of its figures must know.
    sources : mapping of str to Figure
        The provenance of each number, keyed by field ("host.vcpus").
    domain_gpus : int or None
        GPUs that one switch fabric of the same link joins across nodes, as the 72 of an NVL72 rack; None where the link ends at
        the node.
    """

    name: str
    provider: str
    accelerator: Accelerator
    gpus_per_node: int
    intra_node: Link
    network: Network | None
    host: Host
    notes: str = ""
    sources: Mapping[str, Figure] = field(default_factory=dict, hash=False, compare=False, repr=False)
    domain_gpus: int | None = None

    @property
    def scale_up_gpus(self) -> int:
        """GPUs that reach each other over the link of the node, whichever node they are in."""
        if self.domain_gpus is None or self.intra_node.kind == "none":
            return self.gpus_per_node
        return max(self.domain_gpus, self.gpus_per_node)


@dataclass(frozen=True, slots=True)
class Provider:
    """Someone who rents nodes.

    Attributes
    ----------
    name : str
        Lower-case name ("aws").
    marketplace : bool
        True when single hosts of third parties are let, with no promise of service.
    volume_usd_per_gb_month : float or None
        Price of network storage, USD for 1e9 bytes and a month; None when unknown.
    minimum_billing_seconds : float or None
        Least time that a node is billed for once it has been started; None when unknown.
    billing_increment_seconds : float or None
        Steps in which the time beyond it is billed; None when unknown.
    capacity_block_seconds : float or None
        Step in which capacity blocks are sold, which is also the shortest; None where there are none, or nobody says.
    spot_interruptions_per_node_hour : float or None
        How often a spot node is taken back; None when unknown.
    object_storage_usd_per_gb_month : float or None
        Price of object storage, where checkpoints are kept after the job; None when unknown.
    egress_usd_per_gb : float or None
        Price of moving 1e9 bytes out to the internet, the first price tier; None when unknown.
    notes : str
        What the prices are for.
    sources : mapping of str to Figure
        The provenance of each number.
    """

    name: str
    marketplace: bool
    volume_usd_per_gb_month: float | None
    minimum_billing_seconds: float | None = None
    billing_increment_seconds: float | None = None
    capacity_block_seconds: float | None = None
    spot_interruptions_per_node_hour: float | None = None
    object_storage_usd_per_gb_month: float | None = None
    egress_usd_per_gb: float | None = None
    notes: str = ""
    sources: Mapping[str, Figure] = field(default_factory=dict, hash=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """A node shape at a price.

    Attributes
    ----------
    id : str
        Readable and unique: "aws/p4d.24xlarge/us-east-1/on-demand".
    provider : Provider
        Who sells it.
    region : str
        Where; "any" when the price is the same everywhere.
    pricing : str
        "on-demand", "spot", "reserved-1y", "reserved-3y", "capacity-block" or "owned".
    node : Node
        What is sold.
    price_usd_per_hour : float
        USD for an hour of the whole node.
    max_nodes : int
        How many nodes one job may use; 1 where the fabric between nodes is unknown.
    as_of : date
        The day of the price.
    source : str
        Where the price comes from, and what `max_nodes` rests on.
    lead_time : str
        "instant" (self-service, minutes), "queue" (waiting list, capacity block, quota by request) or "contract" (sold by
        people).
    lead_time_seconds : float or None
        From the order to the start of provisioning; None when nobody states it. 0 where it is instant.
    host_open : bool
        Whether the buyer chooses what the host lacks in the figures (owned machines, a price of one's own): the needs are
        stated instead of held against unknowns.
    interruptions_per_node_hour : float or None
        How often a spot node is taken back, where the price list says so; None takes the provider's figure.
    also_in : tuple of str
        Further regions of the same provider where the same node costs the same under the same pricing.
    """

    id: str
    provider: Provider
    region: str
    pricing: Pricing
    node: Node
    price_usd_per_hour: float
    max_nodes: int
    as_of: date
    source: str
    lead_time: LeadTime = "instant"
    lead_time_seconds: float | None = 0.0
    host_open: bool = False
    interruptions_per_node_hour: float | None = None
    also_in: tuple[str, ...] = ()
