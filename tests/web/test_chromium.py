"""A driver's shift and a rider's panel in a real Chromium that reaches nothing but the bus."""

import json
import time
from base64 import b64decode

import cv2
import numpy as np
import pytest

from edge.adapters.readers.zxing import ZxingReader
from edge.app.scanned import is_vehicle_code
from protocol.limits import VEHICLE_CODE_PERIOD_S
from protocol.wire.vehicle_codes import open_vehicle_code, read_vehicle_url
from simulators.practice import FARE_RIALS, ISSUER, Practice
from tests.web.conftest import walk

pytestmark = pytest.mark.slow


def test_a_drivers_whole_shift(practice: Practice) -> None:
    """What the last screen says is what the doors were told, added up here once more and by hand."""
    seen = json.loads(walk("shift", practice.server.url).splitlines()[-1])
    # adult + concession + party of 3 + adult + two on the float, less the one taken back; then two free, one on grace
    persons = 1 + 1 + 3 + 1 + 2 - 1 + 2 + 1
    fares = [1, 0.5, 3, 2, 1]  # the adult of the rear door was taken back
    assert seen == {
        "boarded": persons,
        "tomans": sum(fares) * FARE_RIALS / 10,
        "float_tomans": 2 * FARE_RIALS / 10,
    }
    front, rear = (practice.bus.doors[number].told for number in (1, 2))
    assert front == [
        ("begin", "4021"), ("line", "91", "1"),
        ("tap", "ACCEPTED", "1"), ("tap", "ACCEPTED", "3"), ("tap", "CODE_EXPIRED", "1"),
        ("proxy", "2"), ("free", "READER_OUT"), ("tap", "BOARD_FREE", "1"), ("free", "ended"),
        ("line", "91", "0"), ("event", "ILLNESS", "4021"), ("line", "24", "1"), ("tap", "ACCEPTED_GRACE", "1"),
        ("event", "SOS", "4021"), ("end", "4021"), ("begin", "4021"),
    ]  # fmt: skip
    # Both doors follow; the annulment is the rear door's own record.
    assert rear == [
        ("begin", "4021"), ("line", "91", "1"),
        ("tap", "ACCEPTED_CONCESSION", "1"), ("tap", "ALREADY_PAID", "1"), ("tap", "COPIED", "1"), ("tap", "ACCEPTED", "1"),
        ("annul", "6", "LEFT_BUS"), ("free", "READER_OUT"), ("tap", "BOARD_FREE", "1"), ("free", "ended"),
        ("line", "91", "0"), ("line", "24", "1"), ("end", "4021"), ("begin", "4021"),
    ]  # fmt: skip


def test_a_riders_panel(practice: Practice) -> None:
    """And the code on it, read off the screen, is the one that the front door shows, before a quarter of a minute is over."""
    before = time.time()
    (shown,) = walk("panel", practice.server.url).split()
    pixels = np.frombuffer(b64decode(shown), np.uint8)
    grey = cv2.imdecode(pixels, cv2.IMREAD_GRAYSCALE)
    (text,) = ZxingReader().read(grey)
    assert is_vehicle_code(text)
    code = open_vehicle_code(read_vehicle_url(text.decode()), ISSUER.verifying)
    assert (code.vehicle, code.door, code.line) == ("isf-1421", 1, "91")
    assert before - VEHICLE_CODE_PERIOD_S <= code.time_s <= time.time()
