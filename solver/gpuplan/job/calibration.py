"""A user's own constants: the file that `gpuplan calibrate` writes."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

from gpuplan.errors import InputError, shown
from gpuplan.job.reader import Reader
from gpuplan.job.types import CalibratedConstant

MAX_FILE_BYTES = 1_000_000
EXPECTED = "a file that gpuplan calibrate wrote was expected"


def read_calibration(reader: Reader) -> tuple[CalibratedConstant, ...]:
    """Read the constants of the job's calibration file, none where there is no such file.

    Raises
    ------
    InputError
        If the file cannot be read, or a value of it cannot be used.
    """
    path = reader.optional("calibration", lambda _, value: Path(str(value)).expanduser())
    if path is None:
        return ()
    found, sentence = load_calibration(path)
    reader.assume(sentence)
    return found


def load_calibration(path: Path) -> tuple[tuple[CalibratedConstant, ...], str]:
    """Return the constants of a calibration file, and what they are in one sentence.

    Raises
    ------
    InputError
        If the file cannot be read, or a value of it cannot be used.
    """
    tables = _load(path)
    meta = tables.pop("meta", None)
    if meta is None or not tables:
        raise InputError("calibration", path, f"{path} has no {'constants' if meta else '[meta]'}; {EXPECTED}")
    found = [_constant(path, name, key, entry) for name, table in tables.items() for key, entry in table.items()]
    runs = meta.get("runs", 0)
    said = f"constants corrected by {runs} run{'' if runs == 1 else 's'} of your own ({path}, {meta.get('as_of')})"
    return tuple(found), said


def _load(path: Path) -> dict[str, dict[str, Any]]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError("calibration", path, f"{path} is larger than {MAX_FILE_BYTES:,} bytes; {EXPECTED}")
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("calibration", path, f"{str(path)!r} cannot be read: {error.strerror}; {EXPECTED}") from None
    except ValueError as error:  # no TOML, or no Unicode
        if isinstance(error, InputError):
            raise
        raise InputError("calibration", path, f"{path} is no TOML ({shown(error)}); {EXPECTED}") from None
    if not all(isinstance(table, dict) for table in tables.values()):
        raise InputError("calibration", path, f"{path} has values outside of tables; {EXPECTED}")
    return tables


def _constant(path: Path, name: str, key: str, entry: Any) -> CalibratedConstant:
    value, runs = (entry.get("value"), entry.get("runs", 0)) if isinstance(entry, dict) else (None, 0)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        value = math.nan
    if not math.isfinite(value) or not isinstance(runs, int) or runs < 0:
        raise InputError(
            "calibration", entry, f"{path}: {name}.{key} is {shown(entry)}; {{ value = NUMBER, runs = N }} was expected"
        )
    return CalibratedConstant(name, key, float(value), runs)
