"""The timer that renews the broker's lists: often enough for the alarm, and a command that there is."""

from pathlib import Path

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
