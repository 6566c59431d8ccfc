"""Money that needs a person, over HTTP: discrepancies in pages, resolved under one's own name; what is held."""

from collections.abc import Iterator

import pytest

from backend.core.holding import HeldSum, HeldTap, Why
from backend.core.reconciliation.classes import ABOUT, Class
from backend.core.reconciliation.discrepancies import Discrepancy
from backend.core.reconciliation.ports import Run
from backend.core.staff.roles import Role
from tests.backend.desk_http import WALL_MS, Api

FOUND = [
    Discrepancy(Class.PAID_NOT_CREDITED, f"zarinpal/{n}", 1_000 * n, WALL_MS - n, 20_700, {"there": 1_000 * n})
    for n in (1, 2, 3)
]
HELD = [HeldTap("bus-1-d1", (1 << 60) + n, n, "bus-1", WALL_MS, Why.COPIED, 50_000) for n in (1, 2, 3)]


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        run = served.office.go_on(20_700, 20_700, "", WALL_MS, "payments")
        assert isinstance(run, Run)
        served.office.keep_step(run, FOUND, WALL_MS)
        yield served


def test_discrepancies_come_in_pages_with_what_to_do(api: Api) -> None:
    seen, after = [], ""
    while True:
        asked = f"/v1/discrepancies?limit=2{f'&after={after}' if after else ''}"
        page = api.client.get(asked, headers=api.staff(Role.AUDITOR)).json()
        seen += page["discrepancies"]
        after = page["next_after"]
        if after is None:
            break
    assert [it["name"] for it in seen] == [it.name for it in FOUND]
    about = ABOUT[Class.PAID_NOT_CREDITED]
    assert (seen[1]["meaning"], seen[1]["next_step"], seen[1]["owner"]) == (about.meaning, about.fix, "finance")
    assert (seen[1]["amount_rials"], seen[1]["facts"], seen[1]["state"]) == (2_000, {"there": 2_000}, "opened")


def test_a_discrepancy_is_resolved_under_ones_own_name_and_the_log_tells(api: Api) -> None:
    sara = api.staff(Role.FINANCE, "sara")
    body = {"name": FOUND[0].name, "why": "credited by hand, proposal 12"}
    for _ in range(2):  # under one key the same answer comes again
        done = api.client.post("/v1/discrepancies/resolve", json=body, headers=sara | {"Idempotency-Key": "k1"})
        assert (done.status_code, done.json()["state"], done.json()["who"]) == (200, "resolved", "sara")
    again = api.client.post("/v1/discrepancies/resolve", json=body, headers=sara)
    assert again.status_code == 409
    assert api.client.post("/v1/discrepancies/resolve", json=body | {"name": "no:1"}, headers=sara).status_code == 404
    left = api.client.get("/v1/discrepancies", headers=sara).json()["discrepancies"]
    assert [it["name"] for it in left] == [it.name for it in FOUND[1:]]
    every = api.client.get("/v1/discrepancies?open_only=false", headers=sara).json()["discrepancies"]
    assert len(every) == 3
    told = [(it.entry.person, it.entry.action, it.entry.on) for it in api.office.log(0, 99)]
    assert told.count(("sara", "resolve-discrepancy", FOUND[0].name)) == 1


def test_what_is_held_is_listed_and_summed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sums = [HeldSum("bus-1", Why.COPIED, 3, 150_000, WALL_MS)]
    monkeypatch.setattr(api.office, "held_sums", lambda: sums)
    monkeypatch.setattr(
        api.office, "held",
        lambda after, limit: [it for it in HELD if after is None or it.tap > after][:limit],
    )  # fmt: skip
    finance = api.staff(Role.FINANCE)
    assert api.client.get("/v1/held", headers=finance).json()["held"] == [
        {"vehicle": "bus-1", "why": "copied", "taps": 3, "amount_rials": 150_000, "oldest_ms": WALL_MS}
    ]
    first = api.client.get("/v1/held/taps?limit=2", headers=finance).json()
    rest = api.client.get(f"/v1/held/taps?limit=2&after={first['next_after']}", headers=finance).json()
    assert [int(it["epoch"]) for it in first["taps"] + rest["taps"]] == [it.epoch for it in HELD]
    assert rest["next_after"] is None
    asked = f"/v1/held/taps?after=bus-1/{'9' * 19}/1"
    assert api.client.get(asked, headers=finance).status_code == 422
