"""What hosts are told, when again, and by which secret."""

from base64 import b64decode

import pytest

from backend.core.hosts.events import (
    WAITS_S,
    EventKind,
    event,
    is_to_pause,
    listens,
    next_try_ms,
    secret,
    secrets_of,
    stamp,
    written,
)
from backend.core.hosts.host import Host, KeptHost, Link, Scope
from backend.core.limits import HOOK_PAUSE_MS

HOOK = "https://city.example/savar/webhooks"
APP = Host("city-app", "برنامه", "An app", ("https://city.example",), tuple(Scope), HOOK)
ANN = Link("city-app", "u-7Hq2mVx9", b"12345678", 0)


def test_an_event_is_one_for_its_content() -> None:
    one = event(ANN, EventKind.TOPUP, "a", {"status": "paid"}, 1_000)
    assert one == event(ANN, EventKind.TOPUP, "a", {"status": "paid"}, 1_000)
    other = event(ANN, EventKind.TOPUP, "a", {"status": "reversed"}, 1_000)
    assert (other.subject, other.id == one.id) == (one.subject, False)
    assert one.body == (
        b'{"type":"topup.changed","timestamp":"1970-01-01T00:00:01.000Z","data":{"user":"u-7Hq2mVx9","status":"paid"}}'
    )
    assert stamp(1_733_000_000_123) == "2024-11-30T20:53:20.123Z"


def test_what_fails_waits_longer_and_longer_for_three_days_and_is_given_up() -> None:
    waits = [next_try_ms(tries, 0, 0) for tries in range(1, len(WAITS_S) + 2)]
    assert waits == [*(it * 1000 for it in WAITS_S), None]
    assert sum(WAITS_S) * 1000 > HOOK_PAUSE_MS
    for drawn in (0, 128, 255):
        moved = next_try_ms(3, 1_000, drawn)
        assert moved is not None
        assert 1_801_000 <= moved <= 1_801_000 + 360_000
    assert next_try_ms(3, 0, 255) != next_try_ms(3, 0, 0)


def test_an_endpoint_is_paused_after_days() -> None:
    assert not is_to_pause(None, 10 * HOOK_PAUSE_MS)
    assert not is_to_pause(1, HOOK_PAUSE_MS)
    assert is_to_pause(1, HOOK_PAUSE_MS + 1)


@pytest.mark.parametrize(("it", "told"), [
    (KeptHost(APP, 0), set(EventKind)), (KeptHost(APP, 0, ended_ms=5), set()), (KeptHost(APP, 0, paused_ms=5), set()),
    (KeptHost(Host("a-b", "x", "x", APP.origins, (Scope.TRIPS,), HOOK), 0), {EventKind.RECEIPT, EventKind.ENDED}),
    (KeptHost(Host("a-b", "x", "x", APP.origins, tuple(Scope)), 0), set()),
])  # fmt: skip
def test_who_is_told_what(it: KeptHost, told: set[EventKind]) -> None:
    assert {kind for kind in EventKind if listens(it, kind)} == told


def test_secrets_are_a_hosts_own_and_two_sign_for_a_while() -> None:
    key = bytes(range(32))
    one = secret(key, "city-app", 1)
    assert len({one, secret(key, "city-app", 2), secret(key, "bank-app", 1), secret(bytes(32), "city-app", 1)}) == 4
    it = KeptHost(APP, 0, generation=2, former_ms=100)
    assert secrets_of(key, it, 99) == [secret(key, "city-app", 2), one]
    assert secrets_of(key, it, 100) == [secret(key, "city-app", 2)]
    assert written(one).startswith("whsec_")
    assert b64decode(written(one).removeprefix("whsec_")) == one
