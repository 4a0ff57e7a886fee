"""Settings of all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Tests rest on the built-in offers, whatever whoever runs them has imported. A test that imports sets a folder of its own.
os.environ["GPUPLAN_OFFERS_DIR"] = "none"

# The same examples every time where a red build must mean a change of the code; new ones at the desk. No deadline: the
# first call of many functions reads data files.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture
def python_handler() -> Iterator[None]:
    """Python's own handler of Ctrl-C, which a process in a shell's background does not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
