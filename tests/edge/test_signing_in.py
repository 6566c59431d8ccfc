"""Who may sign in (B1–B5): badges and PINs at the gate, at the terminal, over HTTP, before a door's camera."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest

from edge.app.hooks import Hooks
from edge.app.validator import Validator
from edge.core import limits
from edge.core.errors import BadgeRefused, BadgeWanted, Moving, PinWait, PinWanted, WrongPin
from edge.core.sightings import Sighting, SightingKind
from edge.core.signing_in import Claim, Gate, Refusal, badge_in
from edge.core.vehicle import NO_LINES
from protocol.fares.verdicts import Verdict
from protocol.localtime import service_day
from protocol.wire.badges import Badge, issue_badge, open_badge
from protocol.wire.codes import write_code
from protocol.wire.keys import SigningKey
from protocol.wire.records import ClockQuality, Instant, Tap, decode_record
from protocol.wire.staff import make_row
from protocol.wire.vehicle_codes import VehicleCode, make_vehicle_code, write_vehicle_url
from simulators.practice import DRIVER, PIN, Practice, PracticeBus
from simulators.practice import ISSUER as PRACTICE_ISSUER
from tests.edge.door import ISSUER, NOON_MS, STRANGER, MemoryJournal, RememberingPanel, Rider, at, boarding
from tests.edge.test_terminal import Counted, Hand
from tests.spoil import spoiled

MINE, LOST = b"12345678", b"lostlost"
DAY = service_day(NOON_MS)
STAFF = (
    replace(make_row("4021", "1234", bytes(16)), badge=MINE),
    replace(make_row("5007", "2580", bytes(16)), badge=MINE, both=True),
    make_row("6000", "9999", bytes(16)),
)


def badge(
    number: str = "4021", badge_id: bytes = MINE, *, last_day: int = DAY, issuer: SigningKey = ISSUER
) -> tuple[Badge, str]:
    raw = issue_badge(issuer, badge_id=badge_id, last_day=last_day, number=number)
    return open_badge(raw, [issuer.verifying]), write_code(raw)


@pytest.fixture
def gate() -> Gate:
    return Gate(lambda: STAFF, lambda: (ISSUER.public,))


def enter(
    gate: Gate, number: str = "", pin: str = "", code: str = "", now: Instant | None = None, *, here: bool = True
) -> str:
    now = now or at()
    claim = gate.claim(number, code, now)
    gate.check(claim, pin, now, here=here)
    return claim.number


def test_b1_a_badge_that_the_list_names_is_enough(gate: Gate) -> None:
    assert enter(gate, code=badge()[1]) == "4021"


@pytest.mark.parametrize(
    ("number", "badge_id", "last_day", "issuer"),
    [
        ("4021", LOST, DAY, ISSUER), ("4021", MINE, DAY - 1, ISSUER), ("4021", MINE, DAY, STRANGER),
        ("6000", MINE, DAY, ISSUER), ("7777", MINE, DAY, ISSUER),
    ],
)  # fmt: skip
def test_b1_every_other_badge_is_refused(
    gate: Gate, number: str, badge_id: bytes, last_day: int, issuer: SigningKey
) -> None:
    shown, code = badge(number, badge_id, last_day=last_day, issuer=issuer)
    with pytest.raises(BadgeRefused):
        enter(gate, code=code)
    if issuer is ISSUER:
        gate.shown(shown, at())
        said = gate.badge(at(), here=True)
        assert said is not None
        assert said.refused is (Refusal.EXPIRED if last_day < DAY else Refusal.NOT_LISTED)
        with pytest.raises(BadgeRefused):
            enter(gate)
        with pytest.raises(WrongPin):
            enter(gate, number)


def test_b1_a_clock_that_nobody_trusts_ends_no_badge(gate: Gate) -> None:
    code = badge(last_day=DAY - 9)[1]
    assert enter(gate, code=code, now=at(quality=ClockQuality.UNTRUSTED)) == "4021"


@pytest.mark.parametrize("code", ["SV1:", "SV1:00", "4021", "", "SV1:é", badge()[1][:-3]])
def test_what_is_no_badge_opens_nothing(gate: Gate, code: str) -> None:
    with pytest.raises((BadgeRefused, WrongPin)):
        enter(gate, "4021" if not code else "", code=code)
    assert badge_in(code.encode(), (ISSUER.public,)) is None


def test_b2_of_whom_both_are_asked_neither_is_enough(gate: Gate) -> None:
    code = badge("5007")[1]
    with pytest.raises(PinWanted):
        enter(gate, code=code)
    with pytest.raises(BadgeWanted):
        enter(gate, "5007", "2580")
    for _ in range(2 * limits.PIN_FREE_TRIES):
        with pytest.raises(BadgeWanted):
            (
                enter(gate, "5007", "1111"),
                "without the badge no PIN is tried, or a right one would be told from a wrong one",
            )
    with pytest.raises(WrongPin):
        enter(gate, pin="1234", code=code)
    assert enter(gate, pin="2580", code=code) == "5007"
    gate.shown(badge("4021")[0], at())
    with pytest.raises(BadgeWanted):
        enter(gate, "5007", "2580")  # by another driver's badge
    gate.shown(badge("5007")[0], at())
    assert enter(gate, "5007", "2580") == "5007"


def test_b3_another_page_needs_the_pin_besides(gate: Gate) -> None:
    shown, code = badge()
    gate.shown(shown, at())
    for given in ({"code": code}, {"number": "4021"}):
        with pytest.raises(PinWanted):
            enter(gate, **given, here=False)  # type: ignore[arg-type]
        assert enter(gate, **given, pin="1234", here=False) == "4021"  # type: ignore[arg-type]
    said = gate.badge(at(), here=False)
    assert said is not None
    assert said.pin_wanted


def test_b4_a_badge_before_the_camera_counts_for_seconds_and_once(gate: Gate) -> None:
    gate.shown(badge()[0], at())
    last = at((limits.BADGE_SHOWN_MS - 1) / 1000)
    assert enter(gate, "4021", now=last) == "4021"
    assert gate.badge(last, here=True) is not None
    late = at(limits.BADGE_SHOWN_MS / 1000)
    assert gate.badge(late, here=True) is None
    with pytest.raises(WrongPin):
        enter(gate, "4021", now=late)
    gate.forget()
    with pytest.raises(WrongPin):
        enter(gate, "4021")


def test_b5_a_badge_waits_for_nobodys_wrong_pins_and_undoes_none(gate: Gate) -> None:
    for _ in range(limits.PIN_FREE_TRIES):
        with pytest.raises(WrongPin):
            enter(gate, "4021", "0000")
    assert enter(gate, code=badge()[1]) == "4021"
    with pytest.raises(PinWait):
        enter(gate, "4021", "1234")
    with pytest.raises(PinWait):
        gate.check(Claim("4021", badge()[0]), "1234", at(), here=True)


def test_b5_wrong_pins_from_elsewhere_keep_this_screen_waiting_for_nothing(gate: Gate) -> None:
    """A phone in the bus's network must not lock the driver out."""
    for _ in range(limits.PIN_FREE_TRIES):
        with pytest.raises(WrongPin):
            enter(gate, "4021", "0000", here=False)
    assert gate.wait_ms(at(), here=False) > 0
    with pytest.raises(PinWait):
        enter(gate, "4021", "1234", here=False)
    assert gate.wait_ms(at(), here=True) == 0
    assert enter(gate, "4021", "1234") == "4021"


def test_b5_a_pin_of_ones_own_clears_no_try_at_a_colleagues(gate: Gate) -> None:
    for _ in range(limits.PIN_FREE_TRIES - 1):
        with pytest.raises(WrongPin):
            enter(gate, "4021", "0000")
    assert enter(gate, "6000", "9999") == "6000"
    with pytest.raises(WrongPin):
        enter(gate, "4021", "0001")
    with pytest.raises(PinWait):
        enter(gate, "4021", "0002")


# --- at the terminal --------------------------------------------------------------------------------------------------


def test_a_shift_by_badge_and_no_second_one_by_the_same_showing() -> None:
    clock = Hand()
    bus = PracticeBus(clock, Counted())
    bus.speed(30)
    bus.badge(DRIVER)
    with pytest.raises(Moving):
        bus.terminal.sign_in("", "", clock.now, here=True)
    bus.speed(0)
    token = bus.terminal.sign_in("", "", clock.now, here=True)
    view = bus.terminal.view(token, clock.now)
    assert view.shift is not None
    assert (view.mine, view.shift.driver, view.badge) == (True, DRIVER, None)
    with pytest.raises(WrongPin):
        bus.terminal.sign_in(DRIVER, "", clock.now, here=True)


def test_over_http_and_the_code_is_not_repeated(served: Practice) -> None:
    code = badge(DRIVER, bytes(range(1, 9)), last_day=65_535, issuer=PRACTICE_ISSUER)[1]
    with httpx.Client(base_url=served.server.url, timeout=10) as page:
        served.bus.badge(DRIVER)
        said = page.get("/v1/state").json()["badge"]
        assert (said["number"], said["refused"], said["pin_wanted"]) == (DRIVER, None, False)
        refused = page.post("/v1/sign-in", json={"badge": code[:-2]})
        assert (refused.status_code, refused.json()["name"]) == (403, "BadgeRefused")
        assert code[4:-2] not in refused.text
        assert page.post("/v1/sign-in", json={}).status_code == 422
        odd = page.post(
            "/v1/sign-in", content=b'{"badge": "SV1:\\ud800"}', headers={"Content-Type": "application/json"}
        )
        assert odd.status_code in (403, 422)
        long = page.post("/v1/sign-in", json={"badge": code * 3})
        assert (long.status_code, code in long.text) == (422, False)
        assert page.post("/v1/sign-in", json={"badge": code}).status_code == 204
        assert page.get("/v1/state").json()["mine"]


def test_from_another_device_a_badge_needs_its_pin(served: Practice) -> None:
    """The app itself, called as from a phone in the bus's network."""
    app = served.server._server.config.app
    phone = httpx.ASGITransport(app=app, client=("192.168.7.44", 50_000))  # type: ignore[arg-type]
    served.bus.badge(DRIVER)

    async def asks(pin: str | None) -> tuple[int, str]:
        async with httpx.AsyncClient(transport=phone, base_url="http://192.168.7.1") as page:
            assert (await page.get("/v1/state")).json()["badge"]["pin_wanted"]
            answer = await page.post("/v1/sign-in", json={"number": DRIVER, "pin": pin})
            return answer.status_code, answer.json()["name"] if answer.content else ""

    assert asyncio.run(asks(None)) == (403, "PinWanted")
    assert asyncio.run(asks(PIN)) == (204, "")


# --- before the door's camera -----------------------------------------------------------------------------------------


class Door:
    """As much of a validator as answers a sighting."""

    def __init__(self) -> None:
        self.journal, self.panel = MemoryJournal(), RememberingPanel()
        self.boarding = boarding(self.journal, self.panel)
        self.boarding.begin(at())
        self.hooks = Hooks()
        self._clock, self._on_outcome, self._vehicle = Hand(), lambda *_: None, NO_LINES
        self._stands_by = SimpleNamespace(answers=lambda _sighting: False)  # it serves a door
        self._clock.now = at()

    def sees(self, text: bytes) -> bool:
        return Validator._sighting_came(self, "front", Sighting(SightingKind.CODE, text, settled=True), 0)  # type: ignore[arg-type]

    @property
    def taps(self) -> list[Tap]:
        return [it for it in map(decode_record, self.journal.rows.values()) if isinstance(it, Tap)]


def test_a_badge_at_a_door_is_nobodys_tap() -> None:
    door = Door()
    read: list[str] = []
    shown, code = badge()
    before = dict(door.journal.rows)
    assert door.sees(code.encode()), "a door without a terminal makes nothing of it either"
    door.hooks.on_badge = lambda it, _: read.append(it.number)
    assert door.sees(code.encode())
    assert (door.journal.rows, door.panel.shown, read) == (before, [], [shown.number])
    assert door.sees(Rider(1).code(at()))
    assert [it.verdict for it in door.taps] == [Verdict.ACCEPTED]


@pytest.mark.parametrize("forged", [badge(issuer=STRANGER)[1], write_code(spoiled(badge()[0].raw))])
def test_what_only_says_that_it_is_a_badge_is_refused_as_every_code_that_is_not_proven(forged: str) -> None:
    door = Door()
    read: list[Badge] = []
    door.hooks.on_badge = lambda it, _: read.append(it)
    door.sees(forged.encode())
    assert read == []
    assert [(it.verdict, it.fare_rials) for it in door.taps] == [(Verdict.NOT_GENUINE, 0)]


def test_a_vehicle_code_at_a_door_is_nobodys_tap() -> None:
    """The other door's, or its own in a mirror: no verdict, no record. A shop's code is answered as ever."""
    door = Door()
    before = dict(door.journal.rows)
    shown = VehicleCode(at().wall_ms // 1000, bytes(8), 2, "bus-1-d2", "bus-1", "r9")
    assert door.sees(write_vehicle_url("https://savar.example", make_vehicle_code(shown, STRANGER)).encode())
    assert (door.journal.rows, door.panel.shown) == (before, [])
    assert door.sees(b"https://shop.example/v#AAAA")
    assert [it.verdict for it in door.taps] == [Verdict.NOT_A_FARE_CODE]
