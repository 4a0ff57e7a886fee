"""Global batch: fixed, a range, or the default of the data's size."""

from __future__ import annotations

from gpuplan.job.reader import Reader
from gpuplan.units import format_count, parse_count_range

MAX_GLOBAL_BATCH = 1_000_000
DEFAULTS = ((100e6, 64), (1e9, 256))
"""Tokens of one epoch up to which a default holds, and the default."""
DEFAULT_ABOVE = 1024


def global_batches(reader: Reader, tokens: float) -> tuple[int, ...]:
    """Candidate global batches, in sequences, in ascending order."""
    given = reader.optional("global_batch", lambda name, value: parse_count_range(name, value, 1, MAX_GLOBAL_BATCH))
    if given is not None:
        return batch_candidates(*given)
    batch = default_batch(tokens)
    reader.assume(f"global batch of {batch:,} sequences, the default for {format_count(tokens)} tokens; it bounds DP")
    return (batch,)


def default_batch(tokens: float) -> int:
    """64 sequences up to 100 M tokens of data (one epoch), 256 up to 1 G, 1,024 above."""
    return next((batch for most, batch in DEFAULTS if tokens <= most), DEFAULT_ABOVE)


def batch_candidates(low: int, high: int) -> tuple[int, ...]:
    """Both ends of a range, and every power of two times 1, 3 or 5 strictly inside."""
    inside = {factor << shift for factor in (1, 3, 5) for shift in range(high.bit_length())}
    return tuple(sorted({low, high} | {batch for batch in inside if low < batch < high}))
