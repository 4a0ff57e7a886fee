"""Karpenter's generated price tables of AWS and Azure, as CSV: on demand, by region."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from gpuplan_hardware.imports.base import EARLIEST, Format, Head, Listed, Skipped, Source
from gpuplan_hardware.imports.rows import NO_NAME, NO_REGION, Machine, amount, day, read_rows

_COLUMNS = ("InstanceType", "ArmSkuName", "Region", "PriceHourly", "Currency", "GeneratedAt")


class Karpenter(Format):
    """Prices of karpenter-provider-aws (``InstanceType``) or karpenter-provider-azure (``ArmSkuName``), each row with its day.

    Without a currency a price is in USD; regions of China are in CNY. GPUs are not named: the instance type tells them.
    """

    name = "Karpenter price table"

    def recognises(self, head: Head) -> bool:
        return {"Region", "PriceHourly"}.issubset(head.columns) and bool(
            {"InstanceType", "ArmSkuName"} & {*head.columns}
        )

    def read(self, source: Source) -> Iterator[Listed | Skipped]:
        latest = datetime.now(UTC).date() + timedelta(days=1)  # it may be tomorrow where the file was written
        for row in read_rows(source, _COLUMNS):
            if isinstance(row, Skipped):
                yield row
                continue
            aws, azure, region, price, currency, generated = row.cells
            name = aws or azure
            as_of = day(generated)
            if not name:
                yield Skipped(row.line, NO_NAME, region)
            elif not region:
                yield Skipped(row.line, NO_REGION, name)
            elif generated and (as_of is None or not EARLIEST <= as_of <= latest):
                yield Skipped(
                    row.line, f"GeneratedAt is no day from {EARLIEST} up to today", f"{name}: {generated[:40]!r}"
                )
            else:
                machine = Machine(
                    line=row.line,
                    provider=source.provider or ("aws" if aws else "azure"),
                    instance_type=name,
                    accelerator="",
                    accelerator_count=None,
                    region=region,
                    currency=currency.upper() or "USD",
                    as_of=as_of,
                )
                yield machine.priced("on-demand", amount(price), price)
