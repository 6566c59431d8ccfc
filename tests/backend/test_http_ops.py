"""What operations see and do: devices, taps, alarms, statements; and what everybody may see."""

import re
from collections.abc import Iterator
from dataclasses import asdict, replace

import httpx
import pytest

from backend.adapters.http.open_routes import STATIC
from backend.core import limits
from backend.core.conduct import FIX, Case, CaseKind, KeptCase
from backend.core.ports import TapRow
from protocol.fares.verdicts import TABLE
from protocol.wire.health import BoardHealth, BoardState, CameraState
from tests.backend.desk_http import OPS, Api
from tests.protocol.samples import HEALTH, STATE, WALL_MS

WITH_BOARD = HEALTH.board
assert WITH_BOARD is not None


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def tap(sequence: int, *, verdict: int = 1, rials: int = 60_000) -> TapRow:
    return TapRow(
        "bus-0001-d1", 7 * 10**18 + 1, sequence, WALL_MS + sequence, "bus-0001", 1, verdict, 0, rials, "rider"
    )


@pytest.mark.parametrize("path", ["/v1/devices", "/v1/taps", "/v1/alarms", "/v1/cases", "/v1/statements"])
def test_operations_need_their_token(api: Api, path: str) -> None:
    """A rider's token opens none of it."""
    method = "POST" if path.endswith("statements") else "GET"
    _, rider = api.register()
    assert api.client.request(method, path).status_code == 401
    assert api.client.request(method, path, headers=rider).status_code == 403
    assert api.client.request(method, path, headers={"Authorization": "Basic b3A6b3A="}).status_code == 401


def test_cases_are_told_to_operations_and_to_nobody_else(api: Api) -> None:
    """They name drivers: the status page is open to all who are on the network."""
    case = Case(
        CaseKind.FREE_RIDES, "driver:4711", 20_719, "rode free", {"times": 5, "where": ["r1 08h"]}, (("d", 7, 9),)
    )
    api.cases.append(KeptCase(case, WALL_MS, None))
    assert api.client.get("/v1/cases", headers=OPS).json() == {"cases": [{
        "name": "free-rides", "subject": "driver:4711", "day": 20_719, "detail": "rode free",
        "fix": FIX[CaseKind.FREE_RIDES], "figures": {"times": 5, "where": ["r1 08h"]},
        "records": [{"device": "d", "epoch": "7", "sequence": 9}], "opened_ms": WALL_MS,
    }], "next_after": None, "days_due": [20_700]}  # fmt: skip
    assert "4711" not in api.client.get("/v1/status").text


def test_devices_tell_last_word_backlog_cameras_and_problem(api: Api) -> None:
    """P4: a dead camera and an unsent backlog are seen from the desk; a device that never spoke is listed as such."""
    api.store.keep_health(HEALTH, WALL_MS + 5)
    api.store.keep_state(STATE)
    api.store.held["bus-0001-d1"] = 3
    told, silent = api.client.get("/v1/devices", headers=OPS).json()["devices"]
    assert (told["device"], told["last_seen_ms"], told["online"]) == ("bus-0001-d1", WALL_MS + 5, True)
    assert (told["held_sequence"], told["backlog"]) == (3, HEALTH.last_sequence - 3)
    assert [(c["name"], c["state"]) for c in told["cameras"]] == [("front", "working"), ("rear", "missing")]
    assert [(c["blur_permille"], c["haze_permille"]) for c in told["cameras"]] == [(80, 140), (0, 0)]
    assert told["problem"] == HEALTH.problem
    condition = told["condition"]
    assert (condition["started"], condition["oldest_waiting_s"], condition["unread"]) == (
        "power_lost",
        41,
        ["temperature"],
    )
    assert condition["machine"] == asdict(HEALTH.machine)
    assert condition["sister"] == {
        "linked": False,
        "silent_s": 12,
        "waiting": 3,
        "carried": 0,
        "exposed_rials": 150_000,
    }
    assert condition["board"] == asdict(WITH_BOARD) | {"state": "there", "cause": "watchdog"}
    assert (condition["tamper"], silent["condition"]) == (False, None)
    assert (silent["last_seen_ms"], silent["online"], silent["backlog"], silent["cameras"]) == (None, False, 0, [])


def test_a_door_without_a_panel_board_tells_of_none_and_one_that_is_gone_of_nothing_more(api: Api) -> None:
    """P4: a door whose riders see no lamp is seen from the desk; null is not 0."""
    api.store.keep_health(replace(HEALTH, board=None), WALL_MS)
    (told, _) = api.client.get("/v1/devices", headers=OPS).json()["devices"]
    assert told["condition"]["board"] is None
    api.store.keep_health(replace(HEALTH, board=BoardHealth(BoardState.GONE)), WALL_MS)
    (told, *_) = api.client.get("/v1/status").json()["devices"]
    board = told["condition"]["board"]
    assert (board.pop("state"), set(board.values())) == ("gone", {None})


def test_every_board_state_has_a_name_that_the_page_knows() -> None:
    words = (STATIC / "words.js").read_text()
    table = words[words.index("BOARD_STATES") : words.index("CASES")]
    for state in BoardState:
        assert re.search(rf'^  {state.name.lower()}: {{ fa: "[^"]+", en: "[^"]+" }},$', table, re.MULTILINE)


def test_every_camera_state_has_a_name_that_the_page_knows() -> None:
    words = (STATIC / "words.js").read_text()
    for state in CameraState:
        assert f"  {state.name.lower()}: {{ fa:" in words


def test_taps_page_by_page_without_any_rider(api: Api) -> None:
    """P18: no credential, no proof, and nothing to tell one rider's taps from another's."""
    api.store.tap_rows = [tap(n) for n in range(1, 8)]
    seen, before = [], None
    while True:
        page = api.client.get("/v1/taps", params={"limit": 3} | ({"before": before} if before else {}), headers=OPS)
        seen += page.json()["taps"]
        before = page.json()["next_before"]
        if before is None:
            break
    assert [row["sequence"] for row in seen] == [7, 6, 5, 4, 3, 2, 1]
    assert set(seen[0]) == {
        "device", "epoch", "sequence", "wall_ms", "vehicle", "door", "verdict", "reason", "fare_rials", "payer",
    }  # fmt: skip
    assert seen[0]["epoch"] == str(7 * 10**18 + 1)  # beyond 2^53: a browser would round a number


def test_alarms_open_and_ended(api: Api) -> None:
    api.store.open_alarm("silent", "bus-0001-d1", "no word", "look", WALL_MS)
    api.store.end_alarm("silent", "bus-0001-d1", WALL_MS + 9)
    api.store.open_alarm("fork", "bus-0002-d1", "differs", "keep the card", WALL_MS + 10)
    every = api.client.get("/v1/alarms", headers=OPS).json()["alarms"]
    assert [(a["name"], a["ended_ms"]) for a in every] == [("fork", None), ("silent", WALL_MS + 9)]
    assert every[0]["fix"] == "keep the card"
    still = api.client.get("/v1/alarms", params={"open_only": "true"}, headers=OPS).json()["alarms"]
    assert [a["name"] for a in still] == ["fork"]


# --- statements ----------------------------------------------------------------------------------------------------------


def post(api: Api, text: str | bytes) -> httpx.Response:
    return api.client.post("/v1/statements", content=text, headers=OPS | {"Content-Type": "text/csv"})


def test_a_statement_in_four_classes(api: Api) -> None:
    """Every payment on either side is in exactly one class, and those that differ are named."""
    rider, headers = api.register()
    topups = [api.start(rider, headers, rials) for rials in (100_000, 200_000, 300_000, 400_000)]
    for paid in topups[:3]:
        api.client.post(f"/v1/topups/{paid['id']}/settle", headers=headers)
    authority = [str(topup["pay_url"]).rsplit("/", 1)[1] for topup in topups]
    when = "2026-09-21T17:00:00+03:30"
    found = post(api, "\n".join((
        "authority,amount_rials,paid_at",
        f"{authority[0]},100000,{when}",  # matched
        f"{authority[1]},200001,{when}",  # another amount
        # authority[2]: credited here, unknown there
        f"{authority[3]},400000,{when}",  # paid there, pending here
        f"ASTRANGER,500000,{when}",  # never heard of
        f"{authority[0]},100000,{when}",  # a second time
        "A,,",
    ))).json()  # fmt: skip
    assert {kind: found[kind]["count"] for kind in ("matched", "ours_only", "theirs_only", "amount_differs")} == {
        "matched": 1, "ours_only": 1, "theirs_only": 2, "amount_differs": 1,
    }  # fmt: skip
    assert found["ours_only"] == {"count": 1, "ours_rials": 300_000, "theirs_rials": 0}
    assert found["theirs_only"]["theirs_rials"] == 900_000
    assert {(one["kind"], one["authority"]) for one in found["differing"]} == {
        ("amount_differs", authority[1]), ("ours_only", authority[2]),
        ("theirs_only", authority[3]), ("theirs_only", "ASTRANGER"),
    }  # fmt: skip
    assert [bad["line"] for bad in found["bad_lines_shown"]] == [6, 7]
    assert api.balance(rider, headers) == 600_000  # comparing changes nothing


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("authority,amount,paid_at\n", 422),
        ("authority,amount_rials,paid_at\n", 422),
        ("authority,amount_rials,paid_at\nA1,x,y\n", 422),
        (b"authority,amount_rials,paid_at\n\xff\xfe", 400),
        (b"x" * (limits.STATEMENT_BYTES_MAX + 1), 413),
    ],
    ids=["header", "empty", "no readable row", "not UTF-8", "too long"],
)
def test_a_statement_that_cannot_be_used(api: Api, body: str | bytes, status: int) -> None:
    answer = post(api, body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["fix"]


# --- what everybody may see --------------------------------------------------------------------------------------------------


def test_the_status_counts_and_words(api: Api) -> None:
    """P17: the words of every verdict come from the one table; refusals are told by verdict."""
    api.store.tap_rows = [tap(1), tap(2, verdict=4, rials=0), tap(3, verdict=6, rials=0), tap(4, verdict=6, rials=0),
                          tap(5, verdict=14, rials=0), tap(6, verdict=16, rials=0),
                          tap(7, verdict=9, rials=0), tap(8, verdict=17, rials=0)]  # fmt: skip
    api.store.posted_rials = 60_000
    found = api.client.get("/v1/status").json()
    assert found["counts"] == {
        "accepted": 2, "refused": 4, "refusals": {"6": 2, "9": 1, "14": 1}, "posted_rials": 60_000, "shown_less": 0,
        "quarantined": 0,
    }  # fmt: skip
    assert [row["driver_fa"] for row in found["verdicts"]] == [row.driver_fa for row in TABLE.values()]
    assert [row["lamp"] for row in found["verdicts"]] == [row.lamp.value for row in TABLE.values()]
    assert [row["sequence"] for row in found["taps"]] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert (found["city"], found["now_ms"]) == ("isfahan", api.now_ms)


def test_health_says_so_when_the_ledger_cannot_be_read(api: Api) -> None:
    assert api.client.get("/healthz").json() == {"status": "ok"}
    api.store.failing = True
    answer = api.client.get("/healthz")
    assert (answer.status_code, answer.json()["title"]) == (503, "Store failed")
