"""The real link between two doors: who is let in, what ends a connection, which of two is kept."""

import asyncio
import logging
import random
import shutil
import socket
import ssl
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.limits import SISTER_MESSAGE_MAX_BYTES
from provisioning.app.makers import Authority
from provisioning.core.layout import AuthorityFolder
from provisioning.core.purposes import Purpose
from tests.listening import sends_at_once
from tests.transport.peers import CALLING, LISTENING, STRANGER, LoopbackBus, make_city
from transport.accept import take_calls
from transport.config import PeerConfig, split_endpoint
from transport.errors import CredentialsMissing, FrameTooLong, PeerAway, PeerRefused
from transport.peer import CALLERS_MAX

PING = bytes(4)


@pytest.fixture(scope="session")
def other_city(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PeerConfig]:
    """Another authority's devices, of the same names."""
    return make_city(tmp_path_factory.mktemp("peers") / "shiraz", "shiraz")


def identity(config: PeerConfig) -> dict[str, object]:
    return {"ca": config.ca, "cert": config.cert, "key": config.key}


def call(bus: LoopbackBus, config: PeerConfig) -> ssl.SSLSocket:
    """A caller of our own making, proven to the listening door."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(config.ca)
    context.load_cert_chain(config.cert, config.key)
    plain = socket.create_connection(split_endpoint(bus.configs[LISTENING].endpoint), timeout=20)
    return context.wrap_socket(plain)


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


def ended(caller: ssl.SSLSocket) -> bool:
    """Whether the door ends the connection; waits for it."""
    try:
        while caller.recv(65_536):
            pass
    except (ConnectionResetError, ssl.SSLEOFError):
        pass
    return True


def test_what_a_door_answers_does_not_wait_for_an_acknowledgement() -> None:
    """asyncio sets it for the end that calls only; a frame behind another one waited 40 ms."""

    async def called(listening: socket.socket) -> bool:
        found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def answer(came: socket.socket) -> None:
            found.set_result(sends_at_once(came))

        taking = asyncio.create_task(take_calls(listening, lambda came: asyncio.create_task(answer(came))))
        with socket.create_connection(listening.getsockname()):
            try:
                return await found
            finally:
                taking.cancel()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert asyncio.run(called(listening))


# --- who is let in ----------------------------------------------------------------------------------------------------


def test_another_device_of_the_city_is_refused_by_name(loopback: LoopbackBus, city: dict[str, PeerConfig]) -> None:
    listening = loopback.door(LISTENING)
    stranger = loopback.door(CALLING, **identity(city[STRANGER]))
    listening.session.start()
    stranger.session.start()
    loopback.until(lambda: isinstance(listening.session.problem, PeerRefused))
    assert STRANGER in str(listening.session.problem)
    loopback.until(lambda: isinstance(stranger.session.problem, PeerRefused))
    assert "hung up" in str(stranger.session.problem)
    assert (listening.changes, stranger.changes) == ([], [])


def test_a_listener_that_is_another_device_is_refused_by_name(
    loopback: LoopbackBus, city: dict[str, PeerConfig]
) -> None:
    stranger = loopback.door(LISTENING, **identity(city[STRANGER]))
    calling = loopback.door(CALLING)
    stranger.session.start()
    calling.session.start()
    loopback.until(lambda: isinstance(calling.session.problem, PeerRefused))
    assert STRANGER in str(calling.session.problem)
    assert (stranger.changes, calling.changes) == ([], [])


@pytest.mark.parametrize("liar", [LISTENING, CALLING])
@pytest.mark.parametrize("trusts", ["our city", "its own"])
def test_a_device_of_that_name_from_another_city_is_refused(
    loopback: LoopbackBus, other_city: dict[str, PeerConfig], city: dict[str, PeerConfig], liar: str, trusts: str
) -> None:
    foreign = identity(other_city[liar]) | ({"ca": city[liar].ca} if trusts == "our city" else {})
    doors = {side: loopback.door(side, **(foreign if side == liar else {})) for side in (LISTENING, CALLING)}
    for door in doors.values():
        door.session.start()
    # The caller judges first; if it hangs up, the listening door cannot know why.
    judge = doors[LISTENING if liar == CALLING and trusts == "our city" else CALLING]
    loopback.until(lambda: "no certificate for a door of this city" in str(judge.session.problem))
    assert isinstance(judge.session.problem, PeerRefused)
    assert (doors[LISTENING].changes, doors[CALLING].changes) == ([], [])


def test_who_speaks_no_tls_or_nothing_at_all_keeps_nobody_out(loopback: LoopbackBus) -> None:
    listening = loopback.door(LISTENING)
    listening.session.start()
    loopback.until(lambda: "has not called" in str(listening.session.problem))
    where = split_endpoint(loopback.configs[LISTENING].endpoint)
    with ExitStack() as callers:
        for _ in range(3 * CALLERS_MAX):
            callers.enter_context(socket.create_connection(where))
        for _ in range(3 * CALLERS_MAX):
            callers.enter_context(socket.create_connection(where)).sendall(b"GET / HTTP/1.1\r\n\r\n")
        loopback.until(lambda: isinstance(listening.session.problem, PeerRefused))
        calling = loopback.door(CALLING)
        calling.session.start()
        loopback.until(lambda: listening.session.connected and calling.session.connected)
    assert listening.changes == [True]


def test_a_caller_without_a_certificate_is_refused(loopback: LoopbackBus, city: dict[str, PeerConfig]) -> None:
    listening = loopback.door(LISTENING)
    listening.session.start()
    loopback.until(lambda: "has not called" in str(listening.session.problem))
    context = ssl.create_default_context(cafile=str(city[CALLING].ca))
    context.check_hostname = False
    plain = socket.create_connection(split_endpoint(loopback.configs[LISTENING].endpoint), timeout=20)
    with context.wrap_socket(plain) as caller:
        assert ended(caller)
    loopback.until(lambda: isinstance(listening.session.problem, PeerRefused))
    assert "PEER_DID_NOT_RETURN_A_CERTIFICATE" in str(listening.session.problem)


def test_older_tls_is_refused(loopback: LoopbackBus, city: dict[str, PeerConfig]) -> None:
    listening = loopback.door(LISTENING)
    listening.session.start()
    loopback.until(lambda: "has not called" in str(listening.session.problem))
    context = ssl.create_default_context(cafile=str(city[CALLING].ca))
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    where = split_endpoint(loopback.configs[LISTENING].endpoint)
    with socket.create_connection(where, timeout=20) as plain, pytest.raises(OSError):
        context.wrap_socket(plain)
    loopback.until(lambda: "UNSUPPORTED_PROTOCOL" in str(listening.session.problem))


@pytest.mark.parametrize("year", [2020, 2080], ids=["long ended", "not begun"])
def test_doors_with_a_dead_clock_stay_together(tmp_path: Path, year: int) -> None:
    """P7, P14: a certificate's dates would be judged by a clock that nobody vouches for."""
    bus = LoopbackBus(make_city(tmp_path / "city", "isfahan", datetime(year, 1, 1, tzinfo=UTC)))
    with closing(bus):
        doors = [bus.door(LISTENING), bus.door(CALLING)]
        for door in doors:
            door.session.start()
        bus.until(lambda: all(door.session.connected for door in doors))


# --- what ends a connection -------------------------------------------------------------------------------------------


def test_a_message_beyond_the_limit_ends_the_connection_by_name(
    loopback: LoopbackBus, city: dict[str, PeerConfig]
) -> None:
    listening = loopback.door(LISTENING)
    listening.session.start()
    loopback.until(lambda: "has not called" in str(listening.session.problem))
    with call(loopback, city[CALLING]) as caller:
        largest = bytes(SISTER_MESSAGE_MAX_BYTES)
        caller.sendall(PING + framed(b"first") + framed(largest))
        loopback.until(lambda: listening.heard == [b"first", largest])
        caller.sendall((SISTER_MESSAGE_MAX_BYTES + 1).to_bytes(4, "big"))
        assert ended(caller)
    loopback.until(lambda: isinstance(listening.session.problem, FrameTooLong))
    assert listening.changes == [True, False]


def test_a_half_frame_is_no_message(loopback: LoopbackBus, city: dict[str, PeerConfig]) -> None:
    listening = loopback.door(LISTENING)
    listening.session.start()
    loopback.until(lambda: "has not called" in str(listening.session.problem))
    with call(loopback, city[CALLING]) as caller:
        caller.sendall(PING + framed(b"whole") + framed(b"cut off")[:-1])
        loopback.until(lambda: listening.heard == [b"whole"])
    loopback.until(lambda: isinstance(listening.session.problem, PeerAway))
    assert listening.heard == [b"whole"]


def test_a_message_that_comes_while_the_connection_ends_is_refused(loopback: LoopbackBus) -> None:
    """Another thread may hold the link at the moment when it goes."""
    doors = [loopback.door(LISTENING), loopback.door(CALLING)]
    for door in doors:
        door.session.start()
    loopback.until(lambda: all(door.session.connected for door in doors))
    link = doors[1].session._link
    doors[1].session.stop()
    assert link is not None
    assert not link.offer(b"too late")


@pytest.mark.parametrize("side", [LISTENING, CALLING])
def test_what_the_thread_dies_of_is_kept_for_the_supervisor(loopback: LoopbackBus, side: str) -> None:
    """P4: a door whose link has ended for good must not look as if the cable were out."""

    def broken(_message: bytes) -> None:
        raise ValueError("nobody foresaw this")

    doors = {name: loopback.door(name) for name in (LISTENING, CALLING)}
    doors[side].session._on_message = broken
    for door in doors.values():
        door.session.start()
    loopback.until(lambda: all(door.session.connected for door in doors.values()))
    doors[CALLING if side == LISTENING else LISTENING].session.send(b"a message")
    loopback.until(lambda: doors[side].session.failure is not None)
    failure = doors[side].session.failure
    assert "nobody foresaw this" in repr(failure)
    assert not doors[side].session.connected


# --- which of two is kept ---------------------------------------------------------------------------------------------


def test_a_newer_connection_replaces_the_older_once_it_has_said_something(
    loopback: LoopbackBus, city: dict[str, PeerConfig], caplog: pytest.LogCaptureFixture
) -> None:
    """A door whose power was cut comes back before anyone has noticed that it went."""
    listening = loopback.door(LISTENING)
    listening.session.start()
    loopback.until(lambda: "has not called" in str(listening.session.problem))
    with call(loopback, city[CALLING]) as older, call(loopback, city[CALLING]) as newer:
        older.sendall(PING + framed(b"older"))
        loopback.until(lambda: listening.heard == [b"older"])
        assert newer.recv(4) == PING  # in, but not heard yet
        assert listening.changes == [True]
        newer.sendall(PING + framed(b"newer"))
        loopback.until(lambda: listening.heard == [b"older", b"newer"])
        assert listening.changes == [True, False, True]
        assert ended(older)
        assert listening.session.connected
        assert not [line for line in caplog.messages if "ended the connection" in line]  # it is no trouble
        assert listening.session.send(b"to the newer")
        with newer.makefile("rb") as stream:
            while (size := int.from_bytes(stream.read(4), "big")) == 0:
                pass
            assert stream.read(size) == b"to the newer"


def test_a_stranger_does_not_replace_the_sister(loopback: LoopbackBus, city: dict[str, PeerConfig]) -> None:
    doors = [loopback.door(LISTENING), loopback.door(CALLING)]
    for door in doors:
        door.session.start()
    loopback.until(lambda: all(door.session.connected for door in doors))
    with call(loopback, city[STRANGER]) as stranger:
        stranger.sendall(PING + framed(b"let me in"))
        assert ended(stranger)
    assert doors[0].session.problem is None
    assert (doors[0].changes, doors[0].heard) == ([True], [])


def test_idle_callers_do_not_end_the_sisters_connection(loopback: LoopbackBus) -> None:
    doors = [loopback.door(LISTENING), loopback.door(CALLING)]
    for door in doors:
        door.session.start()
    loopback.until(lambda: all(door.session.connected for door in doors))
    where = split_endpoint(loopback.configs[LISTENING].endpoint)
    with ExitStack() as callers:
        for _ in range(3 * CALLERS_MAX):
            callers.enter_context(socket.create_connection(where))
        plain = callers.enter_context(socket.create_connection(where))
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert plain.recv(100)[:1] in (b"", b"\x15")  # it was looked at, after those before it; 0x15: a TLS alert
        assert doors[1].session.send(b"still here")
        loopback.until(lambda: doors[0].heard == [b"still here"])
    assert [door.changes for door in doors] == [[True], [True]]


def test_calls_are_spread_below_a_doubling_bound_that_starts_again_after_a_connection(
    loopback: LoopbackBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds: list[float] = []

    def drawn(least: float, most: float) -> float:
        assert least == 0.1
        bounds.append(most)
        return 0.001

    monkeypatch.setattr(random, "uniform", drawn)
    calling, listening = loopback.door(CALLING), loopback.door(LISTENING)
    calling.session.start()
    loopback.until(lambda: len(bounds) >= 8)
    assert bounds[:8] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    listening.session.start()
    loopback.until(lambda: calling.session.connected)
    before = len(bounds)
    listening.session.stop()
    loopback.until(lambda: len(bounds) >= before + 2)
    assert bounds[before : before + 2] == [0.2, 0.4]


# --- what is said of this door's own side -----------------------------------------------------------------------------


@pytest.mark.parametrize("side", [LISTENING, CALLING])
def test_a_missing_key_is_named_and_taken_up_when_it_comes(
    loopback: LoopbackBus, city: dict[str, PeerConfig], tmp_path: Path, side: str
) -> None:
    key = tmp_path / "tls.key.pem"
    doors = {LISTENING: loopback.door(LISTENING), CALLING: loopback.door(CALLING)}
    doors[side] = loopback.door(side, key=key)
    doors[side].session.start()
    loopback.until(lambda: isinstance(doors[side].session.problem, CredentialsMissing))
    shutil.copy(city[side].key, key)
    doors[CALLING if side == LISTENING else LISTENING].session.start()
    loopback.until(lambda: all(door.session.connected for door in doors.values()))


def test_an_address_that_is_taken_is_said_and_listened_at_when_it_is_free(loopback: LoopbackBus) -> None:
    where = split_endpoint(loopback.configs[LISTENING].endpoint)
    doors = [loopback.door(LISTENING), loopback.door(CALLING)]
    with socket.create_server(where):
        doors[0].session.start()
        loopback.until(lambda: "cannot listen" in str(doors[0].session.problem))
    doors[1].session.start()
    loopback.until(lambda: all(door.session.connected for door in doors))


def test_one_trouble_is_logged_once_and_no_secret_with_it(
    loopback: LoopbackBus, city: dict[str, PeerConfig], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "transport")
    stranger = loopback.door(CALLING, **identity(city[STRANGER]))
    listening = loopback.door(LISTENING)
    listening.session.start()
    stranger.session.start()
    loopback.until(lambda: loopback.cable.bytes_down > 5_000)  # some handshakes
    said = [record.getMessage() for record in caplog.records]
    assert len([line for line in said if "PeerRefused" in line]) == 2  # either end its own
    assert len(said) == len(set(said))
    assert "PRIVATE" not in caplog.text


@pytest.mark.parametrize("liar", [LISTENING, CALLING])
def test_a_certificate_for_people_named_like_the_sister_is_refused(
    loopback: LoopbackBus, city: dict[str, PeerConfig], tmp_path: Path, liar: str
) -> None:
    """Attack: who may sign for people makes one with a door's name. As a server its use forbids it, too."""
    root = city[liar].ca.parents[3]
    authority = Authority.load(AuthorityFolder(root / "authority"), datetime.now(UTC), random.Random(3).randbytes)
    authority.write_leaf(tmp_path, Purpose.PEOPLE, liar)
    foreign = {"cert": tmp_path / "tls.crt.pem", "key": tmp_path / "tls.key.pem"}
    doors = {side: loopback.door(side, **(foreign if side == liar else {})) for side in (LISTENING, CALLING)}
    for door in doors.values():
        door.session.start()
    judge = doors[CALLING if liar == LISTENING else LISTENING].session
    words = "unsuitable certificate purpose" if liar == LISTENING else "not the device"
    loopback.until(lambda: words in str(judge.problem))
    assert isinstance(judge.problem, PeerRefused)
    assert (doors[LISTENING].changes, doors[CALLING].changes) == ([], [])
