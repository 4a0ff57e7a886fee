"""Files that lie beside price catalogues and are none: recognised, so that the refusal can say what they are."""

from __future__ import annotations

from gpuplan_hardware.imports.base import Format, Head


class InstanceTypes(Format):
    """Karpenter's list of instance types of AWS."""

    name = "instance types"
    refused = "it lists instance types and their GPUs, not prices"

    def recognises(self, head: Head) -> bool:
        return {"InstanceType", "instance-gpu-name", "instance-gpu-count"}.issubset(head.columns)


class PriceHistory(Format):
    """What instance types cost from which day on."""

    name = "price history"
    refused = "it lists what prices were from which day on, in one region, not what they are"

    def recognises(self, head: Head) -> bool:
        return {"InstanceType", "FirstSeen", "PriceHourly"}.issubset(head.columns)


class PurchasePrices(Format):
    """Epoch AI's "Hardware prices" of its training-cost-trends."""

    name = "purchase prices"
    refused = "it lists what GPUs cost to buy and per chip-hour over the years, not what machines cost to rent"

    def recognises(self, head: Head) -> bool:
        return {"Hardware model", "Price (hardware purchase)"}.issubset(head.columns)


class AcceleratorSheet(Format):
    """A table of GPU models and their figures."""

    name = "GPU datasheet"
    refused = "it lists figures of GPU models, not prices of machines"

    def recognises(self, head: Head) -> bool:
        return {"name", "vendor", "arch", "mem_bw_GBps"}.issubset(head.columns)


class NodeSheet(Format):
    """A table of machine shapes and their links."""

    name = "machine datasheet"
    refused = "it lists machine shapes with prices of several days and sources, not the catalogue of a provider"

    def recognises(self, head: Head) -> bool:
        return {"name", "gpus_per_node", "intra_node", "ondemand_usd_h"}.issubset(head.columns)


class SkyPilotAccelerators(Format):
    """SkyPilot's common/accelerators.csv: which clouds have a GPU."""

    name = "SkyPilot accelerators"
    refused = "it lists which clouds have a GPU, not prices; the prices are in the vms.csv of each cloud"

    def recognises(self, head: Head) -> bool:
        return head.columns == ("AcceleratorName", "Clouds")


class SkyPilotMetadata(Format):
    """SkyPilot's common/metadata.csv: memory and maker of GPUs."""

    name = "SkyPilot GPU metadata"
    refused = "it lists the memory and the maker of GPUs, not prices; the prices are in the vms.csv of each cloud"

    def recognises(self, head: Head) -> bool:
        return head.columns == ("GPU", "MemoryGB", "Manufacturer")


class SkyPilotImages(Format):
    """SkyPilot's images.csv: disk images of a cloud."""

    name = "SkyPilot images"
    refused = "it lists disk images, not prices; the prices are in the vms.csv of each cloud"

    def recognises(self, head: Head) -> bool:
        return {"Tag", "ImageId", "CreationDate"}.issubset(head.columns)


class SkyPilotQuotas(Format):
    """SkyPilot's quota mappings: the codes of quotas by machine or GPU."""

    name = "SkyPilot quota codes"
    refused = "it lists the codes of quotas, not prices; the prices are in the vms.csv of each cloud"

    def recognises(self, head: Head) -> bool:
        return {"OnDemandInstanceCode", "SpotInstanceCode"}.issubset(head.columns)


class SkyPilotSlurm(Format):
    """SkyPilot's slurm/pricing.csv: prices of parts of one's own cluster."""

    name = "SkyPilot Slurm prices"
    refused = "it prices cores, memory and GPUs one by one, not machines; write machines of your own into a price list of gpuplan"

    def recognises(self, head: Head) -> bool:
        return {"PricePerVCPU", "PricePerMemoryGB", "PricePerAccelerator"}.issubset(head.columns)
