"""What a newcomer gets wrong, and the step that is named: it has to be one that helps."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli
from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from provisioning.app.city import create_city
from tests.provisioning.test_provision import DEVICE, NOW, make

DAYS = ("--from", "1499/07/01", "--until", "1499/07/02")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """Two cities, one with a device."""
    make(tmp_path / "isfahan")
    create_city(
        tmp_path / "shiraz",
        name="shiraz",
        tariff=Tariff(1, 1),
        now=NOW,
        randomness=lambda size: bytes(size - 1) + b"\7",
    )
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said", "step"),
    [
        (("provision", "city", "isfahan", "--name", "isfahan"), "a city already", "go on with it"),
        (("bundle", "make", "isfahan"), "nothing would change", "savar bundle make --help"),
        (("badges", "make", "isfahan", "4021", "--until", "1499/07/01"), "4021 (there is none yet)", "--driver NUMBER"),
        (("bundle", "make", "isfahan", "--driver-gone", "4021"), "no driver", "--driver NUMBER"),
        (("tickets", "make", "isfahan", "t", "--count", "1", "--form", "card", *DAYS), "a card has rides", "--rides-a-day"),
        (("tickets", "make", "isfahan", "t", "--count", "1", "--form", "single", *DAYS, "--issuer", "maim"),
         "did you mean main?", "savar provision issuer"),
        (("badges", "make", "isfahan", "1", "--until", "1499/07/01", "--issuer", "x"), "no issuer", "savar provision issuer"),
        (("provision", "pair", "isfahan", DEVICE, "bus-0001-d3"), f"did you mean {DEVICE}?", "savar provision device"),
        (("bundle", "make", "isfahan", "--riders", "isfahan/city.toml"), "no table of riders", "savar backend riders"),
        (("bundle", "feed", "isfahan"), "no routes.txt", "the GTFS feed itself"),
        (("bundle", "make", "isfahan", "--timetable", "isfahan/city.toml"), "no whole zip", "the GTFS feed"),
        (("bundle", "take", "isfahan/backend", "--config", "DEVICE"), "holds no bundle", "backend/bundle"),
        (("bundle", "take", "shiraz/backend/bundle", "--config", "DEVICE"), "a key we do not hold", "this device's own city"),
        (("bundle", "show", "shiraz/backend/bundle", "--config", "DEVICE"), "a key we do not hold", "this device's own city"),
        (("bundle", "show", "--config", "isfahan/city.toml"), "device is missing", "the right file"),
        (("backend", "cases", "--config", "isfahan/city.toml"), "unknown key", "the right file"),
    ],
)  # fmt: skip
def test_the_step_that_is_named_helps(
    there: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str, step: str
) -> None:
    monkeypatch.chdir(there)
    named = [f"isfahan/devices/{DEVICE}/validator.toml" if word == "DEVICE" else word for word in words]
    done = CliRunner().invoke(cli, named)
    assert done.exit_code != 0
    assert isinstance(done.exception, SavarError), done.output
    assert said in done.exception.message
    assert step in done.exception.fix
