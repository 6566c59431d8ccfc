"""The timers that renew the broker's lists and the devices' certificates: often enough, and commands that there are."""

from pathlib import Path

import pytest

from cli.provision import command as provision
from provisioning.core.limits import CRL_VALID_DAYS
from tests.deploy.unit_files import read_unit

FOLDER = Path(__file__).parents[2] / "deploy" / "broker"


def test_the_lists_are_renewed_once_a_week_and_a_missed_week_is_made_up_for() -> None:
    timer = read_unit((FOLDER / "savar-crl.timer").read_text())
    assert timer["Timer"]["OnCalendar"] == ["weekly"]
    assert CRL_VALID_DAYS / 2 > 10 * 7, "the alarm opens after many tries"
    assert timer["Timer"]["Persistent"] == ["true"]
    assert timer["Install"]["WantedBy"] == ["timers.target"]


def test_the_service_calls_the_command_and_may_write_the_city_alone() -> None:
    service = read_unit((FOLDER / "savar-crl.service").read_text())["Service"]
    assert service["Type"] == ["oneshot"]
    assert service["ExecStart"] == ["/opt/savar/bin/savar provision crl ${CITY}"]
    assert service["Environment"] == [f"CITY={service['ReadWritePaths'][0]}"]
    assert service["ProtectSystem"] == ["strict"]


def test_devices_are_answered_once_an_hour_and_the_city_alone_is_written() -> None:
    timer = read_unit((FOLDER / "savar-renewals.timer").read_text())
    assert timer["Timer"]["OnCalendar"] == ["hourly"]
    assert timer["Timer"]["Persistent"] == ["true"]
    assert timer["Install"]["WantedBy"] == ["timers.target"]
    service = read_unit((FOLDER / "savar-renewals.service").read_text())["Service"]
    assert service["Type"] == ["oneshot"]
    assert service["ExecStart"] == ["/opt/savar/bin/savar provision renewals ${CITY}"]
    assert service["Environment"] == [f"CITY={service['ReadWritePaths'][0]}"]
    assert service["ProtectSystem"] == ["strict"]
    assert 0 < int(service["TimeoutStartSec"][0]) < 3_600, "one that hangs would keep every later one from beginning"
    assert "PrivateNetwork" not in service, "it speaks to the broker"


@pytest.mark.parametrize("name", ["savar-crl.service", "savar-renewals.service"])
def test_the_command_of_a_timer_is_there(name: str) -> None:
    (line,) = read_unit((FOLDER / name).read_text())["Service"]["ExecStart"]
    _, room, word, _city = line.split()
    assert room == "provision"
    assert word in provision.commands
