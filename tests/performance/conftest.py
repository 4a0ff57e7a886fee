"""Fixtures of the performance tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gpuplan.performance.constants import use_constants
from performance.toy import round_constants


@pytest.fixture
def toy_constants() -> Iterator[None]:
    """Predict with the round constants of `performance.toy` for the length of a test."""
    with use_constants(round_constants()):
        yield
