"""What the path of a price catalogue says: the day of its prices, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from gpuplan_hardware.imports.base import EARLIEST
from gpuplan_hardware.provider_names import known_name, our_name

#: 2026-05-20, 20260520, and 20260520134501 (a version of the AWS price list); not a part of a longer number.
_DAY = re.compile(r"(?<!\d)(?:(20\d\d)-(\d\d)-(\d\d)|(20\d\d)(\d\d)(\d\d)(?:\d{6})?)(?!\d)")
_WORD = re.compile(r"[a-z0-9]+")
_SCHEMA = re.compile(r"v\d+")
_FOLDERS_ABOVE = 3  # v3/aws/20260801-123/catalog.zip
_HOMES = frozenset({"home", "users"})  # the folders in them are named after people: "oracle" is a common one

#: Folders beside those of the providers in SkyPilot's catalogue, and a name of ours that is a word of its own.
_NOBODY = frozenset({"common", "kubernetes", "own", "slurm", "ssh"})


def day_in(parts: Sequence[str], today: date) -> date | None:
    """The date in a path, in the part nearest to the file that has one; those before `EARLIEST` and after tomorrow are none of prices.

    Examples
    --------
    >>> day_in(("prices", "skypilot-v8-fork-2026-05-20", "aws_vms.csv"), date(2026, 11, 21))
    datetime.date(2026, 5, 20)
    """
    for part in reversed(parts):
        for match in _DAY.finditer(part):
            year, month, day = (int(group) for group in match.groups() if group is not None)
            try:
                found = date(year, month, day)
            except ValueError:
                continue
            if EARLIEST <= found <= today + timedelta(days=1):
                return found
    return None


def provider_in(parts: Sequence[str]) -> str | None:
    """Our name of the provider that a path names, None where it names none or, in one part, several.

    The folder after a schema ("catalogs/v8/nebius") is a provider's in any case. Else the words of the file's name count
    ("aws_vms.csv", "lambdalabs.csv"), then the names of the folders above it.
    """
    for above, schema, name in zip(parts, parts[1:], parts[2:-1], strict=False):
        if above.lower() == "catalogs" and _SCHEMA.fullmatch(schema.lower()):
            return None if name.lower() in _NOBODY else our_name(name)
    for index in range(len(parts) - 1, max(len(parts) - 2 - _FOLDERS_ABOVE, -1), -1):
        if index and parts[index - 1].lower() in _HOMES:
            return None
        names = _named(parts[index], is_file=index == len(parts) - 1)
        if names:
            return names.pop() if len(names) == 1 else None
    return None


def _named(part: str, is_file: bool) -> set[str]:
    lower = part.lower()
    stem = lower.rpartition(".")[0] if is_file and "." in lower else lower
    words = [stem, *_WORD.findall(stem)] if is_file else [stem]
    found = (known_name(word) for word in words if word not in _NOBODY and len(word) > 2)
    return {name for name in found if name is not None and name not in _NOBODY}
