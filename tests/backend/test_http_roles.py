"""Every route of the app, asked as every role: allowed and refused as the one table of roles says, and nothing else."""

from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from backend.adapters.http import access, host_access
from backend.core.hosts.host import Scope
from backend.core.staff.roles import FIRST, MAY, STAFF_ROLES, Right, Role
from tests.backend.desk_http import OPS, Api
from tests.protocol.samples import key

OPEN = "open to all"
NO_TOKEN = {"Authorization": "Bearer nobody-s-token"}


def asked(dependant: Dependant) -> Iterator[object]:
    """Everything that a route depends on."""
    for one in dependant.dependencies:
        yield one.call
        yield from asked(one)


def rules(route: APIRoute) -> set[Right | Scope | str]:
    """What a route asks of whoever calls."""
    found: set[Right | Scope | str] = set()
    for call in asked(route.dependant):
        if isinstance(call, access.Allowed):
            found.add(call.right)
        elif isinstance(call, host_access.Scoped):
            found.add(call.scope)
        elif call in (access.this_rider, access.rider_or_guardian, access.own_topup):
            found.add(Right.OWN_WALLET)
        elif call is access.open_to_all:
            found.add(OPEN)
    return found


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def routes(api: Api) -> list[APIRoute]:
    found: list[APIRoute] = []

    def walk(those: object) -> None:
        for route in those:  # type: ignore[attr-defined]
            if isinstance(route, APIRoute):
                found.append(route)
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)

    walk(api.app.routes)
    return found


def test_every_route_asks_for_exactly_one_thing(api: Api) -> None:
    """A new route without a rule fails here."""
    every = routes(api)
    assert {(method, route.path) for route in every for method in route.methods} >= {
        (method.upper(), path) for path, those in api.app.openapi()["paths"].items() for method in those
    }
    for route in every:
        assert len(rules(route)) == 1, (route.path, rules(route))
    assert {right for route in every for right in rules(route)} >= {OPEN, *Right, *Scope} - {
        Right.DECIDE_POSTING, Right.DECIDE_TARIFF, Right.DECIDE_CONCESSION, Right.DECIDE_RELEASE,
        Right.DECIDE_HELD, Right.DECIDE_REFUND, Right.DECIDE_MOVE, Right.DECIDE_PAYOUT, Right.DECIDE_GUARDIAN,
        Right.DECIDE_CARDS, Right.DECIDE_HOST,
    }  # fmt: skip


def status(api: Api, route: APIRoute, path: str, headers: dict[str, str]) -> int:
    (method,) = route.methods
    return api.client.request(method, path, headers=headers, json={} if method in ("POST", "PUT") else None).status_code


def test_every_role_gets_what_the_table_says_and_nothing_more(api: Api) -> None:
    rider, own = api.register("one")
    topup = api.start(rider, own)["id"]
    callers: list[tuple[Role, dict[str, str]]] = [(role, api.staff(role)) for role in STAFF_ROLES]
    callers += [(Role.RIDER, own), (FIRST.role, OPS)]
    seen = set()
    for route in routes(api):
        (rule,) = rules(route)
        if rule is OPEN:
            continue
        path = route.path.format(
            rider_id=rider, topup_id=topup, proposal_id="0" * 32, payout_id="0" * 32, vehicle="bus-1",
            day="1405-09-08", role="operator", name="metro", dispute_id="0" * 32, application_id="0" * 32, other_id="0" * 16,
            session="0" * 16, number="0" * 12, issue="0" * 32,
            user="a-user-of-theirs", host="an-app",
        )  # fmt: skip
        assert status(api, route, path, {}) == 401, path
        assert status(api, route, path, NO_TOKEN) == 403, path
        for role, headers in callers:
            found = status(api, route, path, headers)
            if isinstance(rule, Scope):  # a host's own token opens it, and nobody's of the staff, and no rider's
                assert found == 403, (path, role, found)
                continue
            assert isinstance(rule, Right)
            assert (found not in (401, 403)) == (rule in MAY[role]), (path, role, found)
            seen.add((rule, role))
    assert {role for _, role in seen} == set(Role)


def test_what_is_open_needs_no_token_and_says_nothing_of_riders(api: Api) -> None:
    """The list is short, and a route gets onto it by being written down here."""
    assert sorted(route.path for route in routes(api) if rules(route) == {OPEN}) == [
        "/", "/bundle/chunks/{digest}", "/healthz", "/v", "/v1/events", "/v1/riders", "/v1/riders/challenges",
        "/v1/riders/phone/codes", "/v1/riders/phone/sign-in",
        "/v1/staff/passkeys", "/v1/staff/passkeys/options", "/v1/staff/sign-in", "/v1/staff/sign-in/options",
        "/v1/status", "/v1/time", "/v1/topups/callback", "/v1/topups/callback", "/v1/vehicle-codes",
    ]  # fmt: skip


def test_what_one_of_the_staff_asked_in_vain_is_told_and_a_strangers_is_not(api: Api) -> None:
    driver = api.staff(Role.DRIVER)
    assert api.client.get("/v1/cases", headers=driver).status_code == 403
    assert api.client.get("/v1/cases", headers=NO_TOKEN).status_code == 403
    assert api.client.get("/v1/devices", headers=OPS).status_code == 200  # machines: nobody is named
    assert api.client.get("/v1/cases", headers=OPS).status_code == 200
    told = [(it.entry.person, it.entry.action, it.entry.outcome) for it in api.office.log(0, 99)]
    assert told == [
        ("test", "add-person", "driver for driver:d-17"), ("a-driver", "see-cases", "NotAllowed"), (FIRST.name, "see-cases", "shown"),
    ]  # fmt: skip


def test_an_ended_persons_token_opens_nothing(api: Api) -> None:
    auditor = api.staff(Role.AUDITOR)
    assert api.client.get("/v1/staff/log", headers=auditor).status_code == 200
    api.end(Role.AUDITOR)
    assert api.client.get("/v1/staff/log", headers=auditor).status_code == 403


def test_a_token_says_whose_it_is(api: Api) -> None:
    assert api.client.get("/v1/staff/me", headers=api.staff(Role.DRIVER)).json() == {
        "name": "a-driver", "role": "driver", "named": True, "party": "driver:d-17",
        "rights": ["see-oneself", "see-own-settlement"],
    }  # fmt: skip
    mine = api.client.get("/v1/staff/me", headers=OPS).json()
    assert (mine["name"], mine["named"]) == (FIRST.name, False)
    assert key("x").public.hex() not in str(mine)
