"""The app's scanner in a real Chromium whose camera sees a real door's code: grant, lamp, ledger. Times are printed."""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.web.conftest import walk
from tests.web.scanned import SeenByPhones
from tests.web.strings import Strings

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def bus(tmp_path: Path, pages: Path) -> Iterator[SeenByPhones]:
    assert pages.is_dir()
    made = SeenByPhones(tmp_path)
    made.begin()
    with closing(made.client):
        yield made
    made.stop()


def test_a_rider_scans_the_bus(bus: SeenByPhones, capsys: pytest.CaptureFixture[str]) -> None:
    """Camera, code, fare, confirmation, green lamp (3 s are the bound, printed); a bus offline takes the screen's grant."""
    with Strings(bus.pulled) as strings:
        said = walk("passenger_scan", bus.address, strings.url)
    with capsys.disabled():
        sys.stdout.write(f"\n{said}")


def test_what_can_go_wrong_is_said(bus: SeenByPhones) -> None:
    """An old code, another's code, no money, no answer, no network, no camera: each with what to do, and the own code."""
    with Strings(bus.pulled) as strings:
        walk("passenger_scan_hard", bus.address, strings.url)
