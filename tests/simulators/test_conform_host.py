"""The conformance suite for hosts: the reference host passes, and each of its seeded faults fails for its own reason."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from backend.app.backend import Backend
from backend.app.config import load_config
from backend.core.errors import StoreForeign
from cli.main import cli
from simulators.hosts.checks import CHECKS
from simulators.hosts.front import Front
from simulators.hosts.reference import SESSION, SESSIONS, Fault, ReferenceHost
from simulators.hosts.sandbox import HandedOver, Sandbox
from simulators.hosts.suite import Found, answers, held_against, played
from transport.toml_file import ConfigError

ORIGIN = "https://host.example"
BOTH = (SESSION, SESSIONS[0]), (SESSION, SESSIONS[1])
OWN_REASON = {
    Fault.KEY_OF_THE_SERVER: ("key-of-the-page", "another key than the page's"),
    Fault.PROOF_SKIPPED: ("proof-is-the-backends-to-judge", "without its proof"),
    Fault.NO_SESSION: ("session-is-wanted", "no session"),
    Fault.USER_FROM_PAGE: ("user-is-the-sessions", "a user that it named"),
    Fault.KEY_CHANGED: ("key-is-the-first-ones", "another Idempotency-Key"),
    Fault.ADDRESS_BELIEVED: ("amount-is-the-backends", "told as 1, paid"),
    Fault.USERS_MIXED: ("topup-is-its-users", "another's top-up"),
    Fault.CURSOR_DROPPED: ("receipts-are-all", "20 are shown"),
    Fault.RECEIPT_TWICE: ("receipt-is-shown-once", "shown 3 times"),
    Fault.SIGNATURE_UNCHECKED: ("webhook-is-signed", "unsigned was taken"),
    Fault.REPLAY_ACCEPTED: ("webhook-is-young", "ten minutes ago"),
    Fault.FIRST_SIGNATURE_ALONE: ("either-signature-is-good", "two signatures"),
    Fault.HAMMERS: ("who-is-told-to-wait-waits", "within it"),
    Fault.OPENED_IN_PAGE: ("nothing-secret-is-told", "the host's token"),
}


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Front, HandedOver]]:
    with played(tmp_path_factory.mktemp("played"), url=ORIGIN) as it:
        yield it


def found_in(backend: tuple[Front, HandedOver], *faults: Fault) -> dict[str, Found]:
    """What the suite says of the reference host with these faults."""
    front, given = backend
    host = ReferenceHost(given, origin=ORIGIN, faults=frozenset(faults))
    host.start()
    try:
        assert answers(host.url, BOTH[0], 10)
        return {it.name: it for it in held_against(host.url, BOTH, front, given)}
    finally:
        host.stop()


def test_the_reference_host_passes(backend: tuple[Front, HandedOver]) -> None:
    found = found_in(backend)
    assert {name: it.why for name, it in found.items() if it.why} == {}
    assert len(found) == len(CHECKS)


@pytest.mark.parametrize("fault", list(Fault), ids=lambda it: it.name.lower())
def test_each_seeded_fault_fails_for_its_own_reason(backend: tuple[Front, HandedOver], fault: Fault) -> None:
    name, why = OWN_REASON[fault]
    failed = {one: it.why for one, it in found_in(backend, fault).items() if it.why}
    assert list(failed) == [name], failed
    assert why in failed[name]


def test_every_check_is_failed_by_some_fault() -> None:
    """A check that nothing fails would show nothing."""
    assert {name for name, _ in OWN_REASON.values()} == {it.__name__.replace("_", "-") for it in CHECKS}


def test_nobody_there_fails(backend: tuple[Front, HandedOver]) -> None:
    front, given = backend
    host = ReferenceHost(given)
    host.start()
    host.stop()
    assert not answers(host.url, BOTH[0], 0)
    assert all(it.why for it in held_against(host.url, BOTH, front, given))


def test_the_command_says_it_and_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a partner runs it: the set-up in a file, a status for its own tests."""
    hosts: list[ReferenceHost] = []

    def started(url: str, session: tuple[str, str], wait_s: float) -> bool:
        given = HandedOver(**json.loads((tmp_path / "set-up.json").read_text()))
        hosts.append(ReferenceHost(given, port=int(url.rpartition(":")[2]), faults=faults))
        hosts[-1].start()
        return answers(url, session, wait_s)

    monkeypatch.setattr("cli.conform.answers", started)
    for chosen, status in ((frozenset(), 0), (frozenset({Fault.USERS_MIXED}), 1)):
        faults = chosen
        port = _free_port()
        words = [
            "conform", "host", "--url", f"http://127.0.0.1:{port}", "--session-a", f"{SESSION}:{SESSIONS[0]}",
            "--session-b", f"{SESSION}:{SESSIONS[1]}", "--listen", "0", "--set-up", str(tmp_path / "set-up.json"),
        ]  # fmt: skip
        done = CliRunner().invoke(cli, words)
        hosts.pop().stop()
        assert done.exit_code == status, done.output
        assert ("FAILS  topup-is-its-users" in done.output) is bool(status)
        (tmp_path / "set-up.json").unlink()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as it:
        port: int = it.getsockname()[1]
    return port


# --- the sandbox -----------------------------------------------------------------------------------------------------


def test_a_sandbox_opens_no_real_ledger_and_takes_no_real_money(tmp_path: Path) -> None:
    with Sandbox(tmp_path, origins=[ORIGIN]) as it:
        assert httpx.get(f"{it.given.backend}/healthz", trust_env=False).status_code == 200
    config = tmp_path / "isfahan-sandbox" / "backend" / "backend.toml"
    text = config.read_text()
    for spoilt in (
        text.replace("isfahan-sandbox", "isfahan"), text.replace("sandbox = true", "sandbox = false"),
        text.replace('provider = "http://127.0.0.1', 'provider = "https://bank.example'),
    ):  # fmt: skip
        config.write_text(spoilt)
        with pytest.raises(ConfigError):
            load_config(config)
    real = spoilt.replace("isfahan-sandbox", "isfahan").replace("sandbox = true", "sandbox = false")
    config.write_text(real.replace("https://bank.example", "http://127.0.0.1"))
    with pytest.raises(StoreForeign):
        Backend(load_config(config))
