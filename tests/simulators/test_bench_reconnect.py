"""`savar bench reconnect` lets everybody in once, drains what they kept, and says what it cost."""

from pathlib import Path

import pytest

from benchmarks import reconnect


def test_a_small_fleet_is_let_in_and_drained(tmp_path: Path) -> None:
    ticks: list[int] = []
    figures = reconnect.run(tmp_path, devices=6, seed=1, tick=ticks.append)
    assert sum(ticks) == 12
    assert figures["devices"] == 6
    assert figures["acknowledged"] == 60
    assert figures["tries_a_device"] >= 1
    assert 0 < figures["half_in_s"] <= figures["all_in_s"] <= figures["drained_s"]


@pytest.mark.parametrize(("length", "told"), [(127, b"\x7f"), (128, b"\x80\x01"), (16_384, b"\x80\x80\x01")])
def test_a_packet_tells_its_length_seven_bits_a_byte(length: int, told: bytes) -> None:
    assert reconnect._packet(0x32, bytes(length)) == b"\x32" + told + bytes(length)
