"""Cities made once for all tests of this folder: making one takes its time, and nobody changes it."""

from collections.abc import Iterator

import pytest

from tests.transport.peers import LoopbackBus, make_city
from transport.config import PeerConfig


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PeerConfig]:
    return make_city(tmp_path_factory.mktemp("peers") / "isfahan", "isfahan")


@pytest.fixture
def loopback(city: dict[str, PeerConfig]) -> Iterator[LoopbackBus]:
    bus = LoopbackBus(city)
    yield bus
    bus.close()
