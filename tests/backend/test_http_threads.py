"""How many turns of a thread a phone's request takes: each waits for its thread, and then for the interpreter.

What asks nobody (a header read, the services found) is a coroutine and takes none. A count, and so no matter of speed.
"""

from collections.abc import Iterator
from typing import Any

import anyio.to_thread
import pytest

from tests.backend.desk_http import Api
from tests.protocol.samples import key


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was called on a thread, by its name."""
    called: list[str] = []
    run_sync = anyio.to_thread.run_sync

    async def counted(call: Any, *arguments: Any, **options: Any) -> Any:
        called.append(getattr(getattr(call, "func", call), "__name__", "?"))
        return await run_sync(call, *arguments, **options)

    monkeypatch.setattr(anyio.to_thread, "run_sync", counted)
    return called


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def test_a_phones_requests_take_a_turn_for_what_asks_the_ledger_and_no_other(api: Api, turns: list[str]) -> None:
    """One for who it is, one for the route, and FastAPI's own for looking at the answer; two more before."""
    rider, own = api.register()
    for path, of_ours in (
        (f"/v1/riders/{rider}/balance", 2),
        (f"/v1/riders/{rider}/taps", 2),
        (f"/v1/riders/{rider}/receipts", 2),
        ("/v1/time?nonce=" + "00" * 16, 1),
    ):
        turns.clear()
        assert api.client.get(path, headers=own).status_code == 200, path
        assert (len(turns), turns[-1]) == (of_ours + 1, "validate"), turns
    turns.clear()
    told = api.registration(key("another phone"))  # its challenge first
    assert api.client.post("/v1/riders", json=told).status_code == 201
    assert len(turns) == 2 * 2, turns
