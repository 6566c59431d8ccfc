"""The cuttable proxy: what passes, what a cut does to both sides, what a black hole does, and that memory is bounded."""

import socket
import threading
from collections.abc import Iterator

import pytest

from simulators.network import CuttableProxy

BLOCK = b"x" * 65_536


class Target:
    """Accepts connections on loopback and hands them out."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(10)
        self.port: int = self.listener.getsockname()[1]

    def accept(self) -> socket.socket:
        peer = self.listener.accept()[0]
        peer.settimeout(10)
        return peer


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()
    yield target
    target.listener.close()


@pytest.fixture
def proxy(target: Target) -> Iterator[CuttableProxy]:
    proxy = CuttableProxy("127.0.0.1", target.port)
    proxy.start()
    yield proxy
    proxy.stop()


def connect(proxy: CuttableProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def gone(end: socket.socket) -> bool:
    """Whether the other side has ended, by FIN or by reset; waits for it."""
    try:
        return end.recv(1) == b""
    except ConnectionResetError:
        return True


def fill(end: socket.socket) -> int:
    """Send until nobody takes any more, 64 MiB at most: far beyond what the kernel's buffers hold → bytes sent."""
    sent = 0
    for _ in range(1_000):
        try:
            sent += end.send(BLOCK)
        except TimeoutError:
            break
    return sent


def test_what_was_sent_before_the_end_still_arrives(proxy: CuttableProxy, target: Target) -> None:
    with connect(proxy) as client, target.accept() as served:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        with served.makefile("rb") as stream:
            assert stream.read() == b"question"
        served.sendall(20 * BLOCK)
        served.close()
        with client.makefile("rb") as stream:
            assert len(stream.read()) == 20 * len(BLOCK)


def test_bytes_pass_both_ways_and_are_counted(proxy: CuttableProxy, target: Target) -> None:
    with connect(proxy) as client, target.accept() as served:
        client.sendall(b"up!")
        assert served.recv(10) == b"up!"
        served.sendall(b"down")
        assert client.recv(10) == b"down"
    assert (proxy.bytes_up, proxy.bytes_down) == (3, 4)


def test_a_cut_drops_connections_and_refuses_new_ones_until_restored(proxy: CuttableProxy, target: Target) -> None:
    with connect(proxy) as client, target.accept() as served:
        client.sendall(b"1")
        assert served.recv(1) == b"1"
        proxy.cut()
        assert gone(client)
        assert gone(served)
    for _ in range(20):
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
    proxy.restore()
    with connect(proxy) as client, target.accept() as served:
        client.sendall(b"2")
        assert served.recv(1) == b"2"


def test_a_caller_who_comes_at_the_moment_of_the_cut_is_dropped_too(proxy: CuttableProxy, target: Target) -> None:
    for _ in range(200):
        with connect(proxy) as client:
            proxy.cut()
            client.settimeout(2)
            assert gone(client)
        proxy.restore()


def test_nobody_can_take_the_port_during_a_cut(proxy: CuttableProxy) -> None:
    proxy.cut()
    with socket.socket() as thief, pytest.raises(OSError, match="in use"):
        thief.bind(("127.0.0.1", proxy.port))


def test_frozen_nothing_passes_and_nothing_is_lost(proxy: CuttableProxy, target: Target) -> None:
    with connect(proxy) as client, target.accept() as served:
        client.sendall(b"a")
        assert served.recv(1) == b"a"
        proxy.freeze()
        client.sendall(b"b")
        served.settimeout(0.2)
        with pytest.raises(TimeoutError):
            served.recv(1)
        with connect(proxy) as late:
            late.sendall(b"late")
            served.settimeout(10)
            proxy.restore()
            assert served.recv(1) == b"b"
            with target.accept() as second:
                assert second.recv(4) == b"late"


def test_a_side_that_takes_nothing_stops_the_other(proxy: CuttableProxy, target: Target) -> None:
    """Backpressure: the proxy holds a bounded part of what a stuck target does not read."""
    with connect(proxy) as client, target.accept() as served:
        client.settimeout(1)
        sent = fill(client)
        assert sent < 1_000 * len(BLOCK)
        received = 0
        while received < sent:
            received += len(served.recv(1 << 20))
        assert received == sent


def test_a_target_that_is_down_ends_the_connection(target: Target) -> None:
    down = Target()
    down.listener.close()
    proxy = CuttableProxy("127.0.0.1", down.port)
    proxy.start()
    with connect(proxy) as client:
        assert gone(client)
    proxy.stop()


def test_stop_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    proxy = CuttableProxy("127.0.0.1", 1)
    proxy.start()
    proxy.cut()
    proxy.stop()
    assert set(threading.enumerate()) == before
