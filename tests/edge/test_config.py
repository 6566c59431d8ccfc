"""What a validator's configuration may say, refused at the start and not by a thread later."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.adapters.http_chunks import HttpChunks
from edge.app.config import load_config
from edge.core.errors import BundleLate
from protocol.fares.tariff import Tariff
from protocol.wire.manifests import name_chunk
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from transport.toml_file import ConfigError


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A validator.toml as provisioning writes it."""
    root, now = tmp_path_factory.mktemp("config") / "city", datetime.now(UTC)
    create_city(root, name="isfahan", tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
    folder = add_device(
        root, device="bus-1-d1", vehicle="bus-1", door=1, cameras=[("f", "v4l2:0")], now=now, randomness=os.urandom
    )
    return folder / "validator.toml"


def with_url(written: Path, url: str) -> Path:
    path = written.with_name("other.toml")
    text, count = re.subn(r"(?m)^chunks_url = .*$", f'chunks_url = "{url}"', written.read_text())
    assert count == 1
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "url", ["http://host:80a", "http://host:99999", "http://host:0", "http://[::1", "http://:80", "ftp://host"]
)
def test_an_address_that_cannot_be_called_is_refused_at_the_start(written: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="chunks_url"):
        load_config(with_url(written, url))


@pytest.mark.parametrize("url", ["http://host", "https://host:8443/city", "http://[::1]:8080", "http://127.0.0.1:"])
def test_one_that_can_be_called_is_taken(written: Path, url: str) -> None:
    assert load_config(with_url(written, url)).chunks_url == url


@pytest.mark.parametrize("url", ["http://host:80a", "http://host:99999"])
def test_what_slips_through_ends_no_thread(url: str) -> None:
    """A source that is built by hand says that it cannot fetch, as of any address."""
    with pytest.raises(BundleLate):
        HttpChunks(url).fetch(name_chunk(b"x"))


PANEL = """
[panel]
kind = "gpio"

[panel.lamp]
red = 17
green = 27
blue = 22

[panel.buzzer]
pin = 18

[panel.button]
pin = 23
"""


def with_panel(written: Path, text: str) -> Path:
    path = written.with_name("panel.toml")
    path.write_text(written.read_text() + text)
    return path


def test_a_panel_on_pins_is_taken(written: Path) -> None:
    panel = load_config(with_panel(written, PANEL)).panel
    assert panel.lamp is not None
    assert panel.buzzer is not None
    assert panel.button is not None
    assert (panel.kind, panel.lamp.red, panel.buzzer.pin, panel.button.pin) == ("gpio", 17, 18, 23)
    assert (panel.lamp.active_high, panel.buzzer.tonal, panel.button.pull_up) == (True, True, True)
    assert load_config(written).panel.kind == "console"


def test_a_panel_board_needs_its_port_only(written: Path) -> None:
    text = '[panel]\nkind = "board"\n\n[panel.board]\nport = "A10LX"\n'
    panel = load_config(with_panel(written, text)).panel
    assert panel.board is not None
    assert (panel.kind, panel.board.port, panel.lamp) == ("board", "A10LX", None)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("pin = 18", "pin = 27", "lamp.green and panel.buzzer.pin are both on pin 27"),
        ("pin = 23", "pin = 18", "buzzer.pin and panel.button.pin are both on pin 18"),
        ("blue = 22", "blue = 17", "lamp.red and panel.lamp.blue are both on pin 17"),
        ("blue = 22", "blue = 1", "panel.lamp.blue"),
        ("blue = 22", "blue = 28", "panel.lamp.blue"),
        ("blue = 22", "white = 22", "panel.lamp.blue"),
        ("blue = 22", "blue = 22\nwhite = 4", "panel.lamp.white"),
        ("pin = 18", "pin = 18\nvolume = 3", "panel.buzzer.volume"),
        ("[panel.buzzer]\npin = 18\n", "", "needs"),
        ("[panel.lamp]\nred = 17\ngreen = 27\nblue = 22\n", "", "needs"),
        ('kind = "gpio"', 'kind = "console"', "panel.lamp has pins"),
        ('kind = "gpio"', 'kind = "lights"', "panel.kind"),
        ('kind = "gpio"', 'kind = "board"', "needs kind"),
        ('kind = "gpio"', 'kind = "board"\nboard = {port = "/dev/ttyACM0"}', "panel.lamp has pins"),
        ('kind = "gpio"', 'kind = "gpio"\nboard = {port = "/dev/ttyACM0"}', "needs kind"),
        ('kind = "gpio"', 'kind = "board"\nboard = {port = "no port"}', "panel.board.port"),
        (
            PANEL,
            '[panel]\nkind = "board"\nboard = {port = "A1", wired = "doors"}',
            'wired: "doors" is no list; write [',
        ),
        ('kind = "gpio"', "", "panel.lamp has pins"),
    ],
)
def test_a_panel_that_cannot_be_meant_is_refused(written: Path, old: str, new: str, named: str) -> None:
    assert old in PANEL
    with pytest.raises(ConfigError, match="panel") as refused:
        load_config(with_panel(written, PANEL.replace(old, new)))
    assert named in str(refused.value)
