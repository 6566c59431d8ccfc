"""`savar bench accounts`: every answer is looked at, a request's time counts from when it was due, nothing is left."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import accounts as bench
from benchmarks import open_loop
from benchmarks.accounts_ledger import AGAIN, DUE, EVERY, account
from benchmarks.filled import NoRoom
from benchmarks.open_loop import Load, arrivals
from cli.bench import command


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_ledger_of_accounts_is_asked_over_http(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    """Whatever a phone asks is answered as it needs it, by a full and by a small ledger."""
    monkeypatch.setattr(bench, "RATE", 20)  # this machine has other work
    out = tmp_path / "accounts.json"
    arguments = ["accounts", "--db", database, "--accounts", "2500", "--seconds", "3", "--rounds", "1"]
    ended = CliRunner().invoke(command, [*arguments, "--folder", str(tmp_path), "--json", str(out)])
    assert ended.exit_code == 0, ended.output
    figures = json.loads(out.read_text())
    assert (figures["db"], figures["accounts"], figures["rides"]) == (database, 2_500, 2_000)
    for phase, kinds in (("time", {"time"}), ("small", MIXED), ("full", MIXED)):
        told = figures[phase]
        assert told["errors"] == {}, phase
        asked = {kind: told[kind]["asked"] for kind in kinds}
        assert all(asked.values()), asked
        assert all(told[kind]["p50_ms"] <= told[kind]["p95_ms"] <= told[kind]["p99_ms"] for kind in kinds)
    assert {*figures["p95_over_time"]} == {*figures["p95_over_small"]} == MIXED
    assert [it.name for it in tmp_path.iterdir()] == ["accounts.json"], "what it made is gone"


MIXED = {"balance", "receipts", "pass"}


def load(port: int = 1, **told: object) -> Load:
    return Load(**{
        "port": port, "kind": "mix", "rate": 200, "seconds": 10.0, "accounts": 1_000, "rides": 1_000, "seed": 3, **told
    })  # fmt: skip


def test_requests_are_due_at_fixed_times_and_as_many_a_second_as_was_said() -> None:
    due = list(arrivals(load(seconds=8.0)))
    gaps = {round(after - before, 9) for (before, _), (after, _) in pairwise(due)}
    assert len(gaps) == 1
    asked = Counter(kind for _, kind in due)
    requests = sum(many * open_loop.REQUESTS_OF.get(kind, 1) for kind, many in asked.items())
    assert requests == 200 * 10, "two seconds of them are not told"
    assert asked["balance"] == requests / 2
    assert asked["new"] == asked["again"] == asked["due"] == requests / 20


def test_who_is_asked_for_a_balance_never_registers_again() -> None:
    """A token ends when its phone registers: what is then refused would be the benchmark's own fault."""
    phones = open_loop.Phones(load(), open_loop.Connections(1))
    assert {phones._with_its_token(lambda: phones._drawn.randrange(1_000)) % EVERY for _ in range(500)} == {
        *range(EVERY)
    } - {AGAIN, DUE}
    assert {phones._next(DUE) % EVERY for _ in range(500)} == {DUE}


@asynccontextmanager
async def answering(answer: Callable[[str], tuple[int, object]], *, stands_s: float = 0.0) -> AsyncIterator[int]:
    """A backend that answers a path so; the first request only after it has stood still."""
    stood, served = asyncio.Event(), list[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.append(task)
        while head := await reader.readline():
            while (await reader.readline()).strip():
                pass
            if not stood.is_set():
                await asyncio.sleep(stands_s)
                stood.set()
            status, told = answer(head.decode().split()[1])
            body = json.dumps(told).encode()
            writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, family=socket.AF_INET)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await asyncio.gather(*served)


def run(answer: Callable[[str], tuple[int, object]], **told: object) -> open_loop.Measured:
    async def whole() -> open_loop.Measured:
        async with answering(answer, stands_s=float(str(told.pop("stands_s", 0)))) as port:
            return await open_loop._Loop(load(port, kind="time", **told)).run()

    return asyncio.run(whole())


def test_a_backend_that_stands_still_shows_in_all_that_was_due_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection, which stands for 0.4 s: what was due behind the first waited, and is told to have waited."""
    monkeypatch.setattr(open_loop, "WARM_S", 0.0)
    monkeypatch.setattr(open_loop, "CONNECTIONS", 1)
    found = run(lambda _: (200, {"signature": "0" * 128}), seconds=0.2, rate=50, stands_s=0.4)
    assert len(found.ms["time"]) == 10
    assert min(found.ms["time"]) > 150, "the last was due 0.18 s behind the first"


def test_a_quick_refusal_is_an_error_and_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_loop, "WARM_S", 0.0)
    refused = run(lambda _: (503, {"code": "Busy"}), seconds=0.1, rate=50)
    assert (refused.ms, refused.errors, refused.rate) == ({}, {"time: NotServed 503 Busy": 5}, 0.0)
    unsigned = run(lambda _: (200, {"signature": ""}), seconds=0.1, rate=50)
    assert (unsigned.ms, sum(unsigned.errors.values())) == ({}, 5)


def test_a_phone_is_the_same_in_every_process() -> None:
    assert account(7) == account(7)
    assert account(7).key.public == account(7).key.public != account(8).key.public


def test_a_disk_without_room_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    arguments = ["accounts", "--db", "sqlite", "--accounts", str(10**12), "--folder", str(tmp_path)]
    ended = CliRunner().invoke(command, arguments)
    assert isinstance(ended.exception, NoRoom)
    assert list(tmp_path.iterdir()) == []
