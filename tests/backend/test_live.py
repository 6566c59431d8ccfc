"""Live events: bounded for each browser, and nobody waits for a slow one."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from backend.adapters.http.open_routes import STATIC
from backend.app.live import Live, LiveClosed, TooManyBrowsers
from backend.core import api as events
from backend.core import limits
from backend.core.ledger import Payer
from backend.core.ports import Alarm, StoredRecord, TapRow
from tests.backend.desk_http import Api
from tests.protocol.samples import WALL_MS


def event(number: int) -> dict[str, object]:
    return {"kind": "counts", "number": number}


async def drained(browser: object, most: int) -> list[int | None]:
    """Up to `most` events; None for the heartbeat that ends them."""
    got: list[int | None] = []
    async for one in browser:
        got.append(None if one is None else json.loads(one.json)["number"])
        if one is None or len(got) == most:
            break
    return got


def test_events_arrive_in_order_from_another_thread() -> None:
    async def run() -> list[int | None]:
        live = Live(heartbeat_s=0.2)
        browser = live.subscribe()
        publisher = threading.Thread(target=lambda: [live.publish(event(n)) for n in range(50)])
        publisher.start()
        got = await drained(browser, 50)
        publisher.join()
        return got

    assert asyncio.run(run()) == list(range(50))


def test_a_slow_browser_is_cut_off_and_counted_and_others_are_not() -> None:
    """P3: no unbounded queue; the lagging view ends, reconnects and reads the status afresh."""

    async def run() -> None:
        live = Live(waiting_max=10, heartbeat_s=0.05)
        slow, fast = live.subscribe(), live.subscribe()
        for n in range(10):
            live.publish(event(n))
        assert await drained(fast, 10) == list(range(10))
        live.publish(event(10))
        assert (live.cut_off, live.browsers) == (1, 1)
        assert await drained(slow, 99) == []  # it ends, and what waited is dropped
        await asyncio.wait_for(slow.ended(), 5)
        assert await drained(fast, 1) == [10]
        live.publish(event(11))
        assert live.cut_off == 1

    asyncio.run(run())


def test_a_quiet_stream_beats() -> None:
    async def run() -> list[int | None]:
        live = Live(heartbeat_s=0.01)
        return await drained(live.subscribe(), 2)

    assert asyncio.run(run()) == [None]


def test_browsers_are_bounded_and_leave() -> None:
    async def run() -> None:
        live = Live(browsers_max=2)
        first, _ = live.subscribe(), live.subscribe()
        with pytest.raises(TooManyBrowsers):
            live.subscribe()
        first.close()
        first.close()
        live.subscribe()
        assert live.browsers == 2
        live.close()
        assert live.browsers == 0
        with pytest.raises(LiveClosed):
            live.subscribe()

    asyncio.run(run())


def test_a_browser_whose_loop_is_gone_is_cut_off() -> None:
    """The ingest thread survives a server that stopped under a browser."""
    live = Live()

    async def run() -> None:
        live.subscribe()

    asyncio.run(run())
    live.publish(event(1))
    assert (live.cut_off, live.browsers) == (1, 0)


STORED = StoredRecord("bus-0001-d1", 7, 9, bytes(32), b"raw", 4, WALL_MS, "bus-0001", 1, 1, 7, 60_000, 1, Payer.RIDER)


def test_a_stored_tap_is_told_whole_and_a_refusal_has_neither_fare_nor_payer() -> None:
    assert events.tap_row(STORED) == TapRow("bus-0001-d1", 7, 9, WALL_MS, "bus-0001", 1, 1, 7, 60_000, "rider")
    refused = replace(STORED, verdict=6, reason=None, fare_rials=None, payer=None)
    assert events.tap_row(refused) == TapRow("bus-0001-d1", 7, 9, WALL_MS, "bus-0001", 1, 6, 0, 0, None)


@pytest.mark.parametrize("missing", ["vehicle", "door", "verdict"])
def test_a_record_that_is_no_tap_is_not_told_as_one(missing: str) -> None:
    assert events.tap_row(replace(STORED, **{missing: None})) is None


def test_an_event_is_sent_under_the_kind_that_the_page_listens_to() -> None:
    """P4: an alarm that the page does not know by name would be seen by nobody."""
    alarm = Alarm(3, "fork", "bus-0001-d1", WALL_MS, None, "differs", "keep the card")
    counts = {"accepted": 2, "posted_rials": 9, "shown_less": 0, "quarantined": 1}
    script = (STATIC / "status.js").read_text()

    async def run() -> None:
        live = Live(heartbeat_s=0.05)
        browser = live.subscribe()
        for one in (events.boarding_event(TAP), events.alarm_event(alarm), events.counts_event(counts)):
            live.publish(one)
            sent = await anext(aiter(browser))
            assert json.loads(sent.json) == one
            assert sent.kind == one["kind"]
            assert f'addEventListener("{sent.kind}"' in script

    asyncio.run(run())


# --- over HTTP ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


TAP = TapRow("bus-0001-d1", 7, 9, WALL_MS, "bus-0001", 1, 1, 0, 60_000, "rider")


def test_server_sent_events(api: Api) -> None:
    """What arrives has the fields of the list, and no rider in it (P18)."""
    with api.client.stream("GET", "/v1/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        api.live.publish(events.boarding_event(TAP))
        got = [line for line in (next(lines) for _ in range(3)) if line]
        assert got[0] == "event: boarding"
        told = json.loads(got[1].removeprefix("data: "))
    assert told == {
        "kind": "boarding", "device": "bus-0001-d1", "epoch": "7", "sequence": 9, "wall_ms": WALL_MS,
        "vehicle": "bus-0001", "door": 1, "verdict": 1, "reason": 0, "fare_rials": 60_000, "payer": "rider",
    }  # fmt: skip


def test_a_reader_that_takes_nothing_is_cut_off(api: Api) -> None:
    """P3: bounded in memory also where the browser's machine hangs; the server goes on for everybody else."""
    with api.client.stream("GET", "/v1/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        big = {"kind": "counts", "filling": "x" * 50_000}  # sooner than the socket's own buffers can take
        for _ in range(20 * limits.EVENTS_WAITING_MAX):
            api.live.publish(big)
            if api.live.cut_off:
                break
        assert (api.live.cut_off, api.live.browsers) == (1, 0)
        assert api.client.get("/healthz").status_code == 200
        with contextlib.suppress(httpx.RemoteProtocolError):
            assert sum(1 for _ in lines) < 20 * limits.EVENTS_WAITING_MAX  # it ends


def test_too_many_views_are_a_problem_and_the_status_still_answers() -> None:
    with Api() as api:
        api.live._browsers_max = 1
        with api.client.stream("GET", "/v1/events") as stream:
            lines = stream.iter_lines()  # kept: closing the iterator closes the stream
            next(lines)
            answer = api.client.get("/v1/events")
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert api.client.get("/v1/status").status_code == 200


def test_stopping_ends_the_views(api: Api) -> None:
    """A stop does not wait for browsers that never leave."""
    with api.client.stream("GET", "/v1/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        api.server.stop()
        assert not api.server.alive
        assert list(lines) in ([""], [])
