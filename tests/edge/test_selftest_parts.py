"""The self-test's parts that need no broker and no camera: certificate, machine, panel."""

import os
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from gpiozero import Device

from edge.adapters.machine import MachineReader
from edge.app import selftest
from edge.app.config import PanelConfig
from edge.app.panels import Panels, open_panels
from edge.app.selftest import Check, Result
from edge.core.errors import PanelFailed
from edge.core.ports import Showing
from firmware_bridge.core.declaration import Input
from protocol.fares.tariff import Tariff
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from tests.firmware_bridge.cable import Cable


def certificate(root: Path, *, days_ago: int) -> Path:
    """A device's, made so long ago; it is good for two years."""
    made = datetime.now(UTC) - timedelta(days=days_ago)
    create_city(root, name="isfahan", tariff=Tariff(1, 60_000), now=made, randomness=os.urandom)
    folder = add_device(
        root, device="bus-1-d1", vehicle="bus-1", door=1, cameras=[("f", "v4l2:0")], now=made, randomness=os.urandom
    )
    return folder / "keys" / "tls.crt.pem"


@pytest.mark.parametrize(
    ("days_ago", "result", "found"),
    [
        (10, Result.OK, "days left"),
        (570, Result.OK, "may be renewed"),
        (590, Result.WARN, "days left"),
        (710, Result.WARN, "days left"),
        (800, Result.WARN, "days ago"),
    ],
)
def test_a_certificate_that_ends_is_said_in_time(tmp_path: Path, days_ago: int, result: Result, found: str) -> None:
    told = selftest._certificate(certificate(tmp_path / "city", days_ago=days_ago))
    assert told[0] is result
    assert found in told[1]
    assert bool(told[2]) == (result is not Result.OK)


def test_a_certificate_that_cannot_be_read_fails_with_its_fix(tmp_path: Path) -> None:
    check = selftest._guarded("certificate", lambda: selftest._certificate(tmp_path / "none.pem"))
    assert check.result is Result.FAIL
    assert check.fix


@pytest.mark.parametrize(
    ("bits", "temp", "result", "found"),
    [
        ("0", "61342", Result.OK, "61 °C, throttling bits 0x0"),
        ("50000", "61342", Result.WARN, "throttling bits 0x50000"),
        ("0", "hot", Result.WARN, "not told: temperature"),
        (None, None, Result.OK, "it tells nothing of itself"),
    ],
)  # fmt: skip
def test_a_machine_says_how_it_is(
    tmp_path: Path, bits: str | None, temp: str | None, result: Result, found: str
) -> None:
    for path, text in (
        ("sys/devices/platform/soc/soc:firmware/get_throttled", bits), ("sys/class/thermal/thermal_zone0/temp", temp),
    ):  # fmt: skip
        if text is not None:
            (tmp_path / path).parent.mkdir(parents=True)
            (tmp_path / path).write_text(text)
    told = selftest._machine(MachineReader(tmp_path, root=tmp_path))
    assert told[0] is result
    assert found in told[1]


WIRED = PanelConfig.model_validate({
    "kind": "gpio", "lamp": {"red": 17, "green": 27, "blue": 22}, "buzzer": {"pin": 18},
})  # fmt: skip


def panel_check(open_panel: object) -> Check:
    return selftest._guarded("panel", lambda: selftest._panel(open_panel))  # type: ignore[arg-type]


def test_lamps_and_tones_are_played_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    monkeypatch.setenv("GPIOZERO_MOCK_PIN_CLASS", "mockpwmpin")
    shown: list[str] = []
    waits: list[float] = []
    show = Panels.show

    def noted(panels: Panels, showing: Showing) -> None:
        shown.append(showing.row.lamp.value)
        show(panels, showing)

    monkeypatch.setattr(Panels, "show", noted)
    monkeypatch.setattr(time, "sleep", waits.append)
    assert panel_check(lambda: open_panels(WIRED, None)).result is Result.OK
    assert shown == ["green", "amber", "red", "blue"]
    assert len(waits) == 4
    assert min(waits) >= 0.9


def test_a_panel_without_pins_fails_and_so_does_one_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Panels:
        raise PanelFailed("the panel's pins cannot be had", fix="look at the cable")

    assert panel_check(none).result is Result.FAIL
    monkeypatch.setattr(selftest, "PANEL_WAIT_S", 0.0)
    monkeypatch.setattr(Panels, "problem", PanelFailed("the panel does not answer", fix="look at the cable"))
    check = panel_check(lambda: open_panels(PanelConfig(), None))
    assert (check.result, check.fix) == (Result.FAIL, "look at the cable")


def test_a_panel_board_is_waited_for_and_says_what_hangs_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cable = Cable()
    try:
        cable.set(Input.IGNITION, on=True)
        port = {"port": cable.path, "wired": ["doors", "ignition"]}
        config = PanelConfig.model_validate({"kind": "board", "board": port})
        check = panel_check(lambda: open_panels(config, None))
        with monkeypatch.context() as weak:
            weak.setattr("edge.app.wired_vehicle.SUPPLY_LOW_PERMILLE", 1_100)
            low = panel_check(lambda: open_panels(config, None))
        cable.set(Input.POWER_FAIL, on=True)
        failing = panel_check(lambda: open_panels(config, None))
    finally:
        cable.pull()
    assert (failing.result, "supply" in failing.found, "PB3" in failing.fix) == (Result.FAIL, True, True)
    assert (low.result, "24.0 V (low)" in low.found, "ADC0" in low.fix) == (Result.WARN, True, True)
    assert check.result is Result.OK
    assert re.search(r"; board firmware \d+, supply \d+\.\d V, ignition on, door closed$", check.found)
    monkeypatch.setattr(selftest, "PANEL_WAIT_S", 0.1)
    check = panel_check(lambda: open_panels(config, None))
    assert check.result is Result.FAIL
    assert check.fix
