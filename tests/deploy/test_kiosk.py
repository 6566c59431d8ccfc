"""The driver's screen: its unit, its browser's settings, and these settings in a real Chromium, as far as it goes here."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from edge.app.config import TerminalConfig
from tests.deploy.unit_files import PI, read_unit

UNIT = {
    key: values
    for section in read_unit((PI / "savar-terminal@.service").read_text()).values()
    for key, values in section.items()
}
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


def command() -> list[str]:
    """The browser's words, as systemd hands them over."""
    words = shlex.split(UNIT["ExecStart"][0].replace("\\x20", "\\ "))
    return words[words.index("/usr/bin/chromium") :]


def served() -> str:
    return f"http://{TerminalConfig.model_fields['host'].default}:{TerminalConfig.model_fields['port'].default}"


def test_it_shows_the_validators_pages_and_may_go_nowhere_else() -> None:
    *flags, page = command()
    assert page == served() + "/", "where a validator serves them unless it is told otherwise"
    assert "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" in flags
    policy = json.loads((PI / "chromium-policy.json").read_text())
    assert (policy["URLBlocklist"], policy["URLAllowlist"]) == (["*"], [served()])
    assert (UNIT["IPAddressDeny"], UNIT["IPAddressAllow"]) == (["any"], ["localhost"])
    assert served().removeprefix("http://").replace(":", "/") in UNIT["ExecStartPre"][0]


def test_it_has_nothing_of_the_validators_and_no_keyring() -> None:
    assert "--password-store=basic" in command()
    assert UNIT["KeyringMode"] == ["private"]
    assert UNIT["User"] == ["savar-screen"]
    assert "-/data" in UNIT["InaccessiblePaths"][0].split()
    assert "savar" not in UNIT["SupplementaryGroups"][0].split()
    people = (PI / "sysusers.conf").read_text()
    for group in UNIT["SupplementaryGroups"][0].split():
        assert any(line.split() == ["m", "savar-screen", group] for line in people.splitlines()), group
    kept = [word.partition("=")[2] for word in command() if word.startswith(("--user-data-dir=", "--disk-cache-dir="))]
    assert len(kept) == 2
    assert all(path.startswith("/run/savar-screen/") for path in kept), "in memory, gone with the power"


def test_it_is_started_anew_for_ever_and_never_at_a_doors_cost() -> None:
    assert UNIT["Restart"] == ["always"]
    assert UNIT["StartLimitIntervalSec"] == ["0"]
    assert "Requires" not in UNIT
    assert UNIT["Wants"] == ["savar-validator@%i.service"]
    assert int(UNIT["OOMScoreAdjust"][0]) > 0
    validator = read_unit((PI / "savar-validator@.service").read_text())
    assert not [
        line for section in validator.values() for lines in section.values() for line in lines if "terminal@" in line
    ]


@pytest.fixture
def page() -> Iterator[str]:
    """A page of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>bus</title><p id=here>of this bus</p>")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
def test_a_real_chromium_with_these_flags_loads_the_bus_and_nothing_else(page: str, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    given = [
        word
        for word in command()[1:-1]
        if not word.startswith(("--kiosk", "--ozone", "--user-data-dir", "--disk-cache"))
    ]

    def shows(address: str) -> str:
        done = subprocess.run(
            [CHROMIUM or "", "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", *given, "--dump-dom", address],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.stdout

    assert "of this bus" in shows(f"http://{page}/")
    assert "of this bus" not in shows(f"http://localhost:{page.rpartition(':')[2]}/"), "a name is not looked up"
