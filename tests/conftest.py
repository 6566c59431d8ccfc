"""What holds for every room's tests."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A property says nothing of time: on a machine that has other work, drawing examples may be slow.
settings.register_profile("savar", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("savar")

FILES_MOST = 400  # select(), which the brokers' clients use, takes no file whose number is above 1,023


@pytest.fixture(autouse=True)
def files_are_given_back() -> Iterator[None]:
    """What a test left to the collector keeps its files open until that comes by, which in a long run is seldom."""
    yield
    if sum(1 for _ in Path("/proc/self/fd").iterdir()) > FILES_MOST:
        gc.collect()
