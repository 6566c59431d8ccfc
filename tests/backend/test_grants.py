"""Grants at the backend: a fresh code of a bus of ours, a rider's own word, money set aside once and let go of (P6, P20)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from backend.app.grants import Grants
from backend.core.errors import KeyRevoked, Refused
from backend.core.grants import hold_key
from backend.core.ledger import SUSPENSE, Transfer, TransferKind, reserved_account
from backend.core.ledger.two_phase import Balance
from backend.core.limits import PENDINGS_A_LOOK_MAX
from backend.core.ports import Device
from protocol.errors import SavarError
from protocol.fares.tariff import LineFare, Tariff
from protocol.localtime import day_begins_ms
from protocol.wire.grants import issue_grant, open_grant, read_boarding, sign_boarding
from protocol.wire.keys import SigningKey, VerifyingKey
from protocol.wire.passes import read_issued
from protocol.wire.vehicle_codes import VehicleCode, make_vehicle_code
from tests.backend.bus import FARE, ISSUER, NOON_MS, TARIFF, Bus, Rider, Shown, key
from tests.backend.desk import Desk
from tests.backend.granted import Granted
from tests.protocol.samples import high_s

pytestmark = pytest.mark.databases

ADULT, SENIOR, POOR = Rider(1), Rider(3, rider_class=3), Rider(4)
NOW_S = NOON_MS // 1000
LINES = replace(TARIFF, version=9, starts_ms=NOON_MS - 1, lines={"brt": LineFare(90_000)})


class FromGrant(Shown):
    """What the backend granted, as a bus records it."""

    def __init__(self, rider: Rider, raw: bytes) -> None:
        it = read_boarding(raw[8:-64])
        super().__init__(rider, raw, 65_534, it.party, it.time_s)

    code_kind = Granted.code_kind


@dataclass
class Office:
    """The desk over a ledger of either database; bus-1 shows codes, riders 1 and 3 have money."""

    folder: Path
    bus: Bus = field(default_factory=Bus)
    tariffs: dict[int, Tariff] = field(default_factory=lambda: {TARIFF.version: TARIFF})
    told: list[tuple[str, bytes]] = field(default_factory=list)
    revoked: bool = False
    enrolled: str = "bus-1"

    def __post_init__(self) -> None:
        self.desk = Desk(self.folder, [self.bus], [ADULT, SENIOR, POOR])
        self.pay_in(ADULT, 4 * FARE)
        self.grants = Grants(
            self.desk.store, self.find, self.tariffs, ISSUER, clock=lambda: self.desk.now_ms,
            publish=lambda device, grant: self.told.append((device, grant)),
        )  # fmt: skip

    def pay_in(self, rider: Rider, rials: int) -> None:
        """By hand: where from is not the question here."""
        with self.desk.store._writer.transaction() as core:
            it = Transfer(key(f"paid {rials}").public[1:], TransferKind.MANUAL, SUSPENSE, rider.account, rials)
            self.desk.store.post(core, [it], NOON_MS)

    def find(self, name: str) -> tuple[Device, VerifyingKey] | None:
        if self.revoked:
            raise KeyRevoked(f"{name} was revoked", device=name)
        return (
            (replace(self.bus.device, vehicle=self.enrolled), self.bus.tap_key.verifying)
            if name == self.bus.name
            else None
        )

    def code(
        self, after_s: int = 0, *, line: str | None = "r9", tap_key: SigningKey | None = None, **changes: str
    ) -> bytes:
        """What bus-1 shows at that second; the nonce follows from the time."""
        time_s = NOW_S + after_s
        names = {"device": self.bus.name, "vehicle": "bus-1"} | changes
        made = VehicleCode(time_s, time_s.to_bytes(8, "big"), 1, names["device"], names["vehicle"], line)
        return make_vehicle_code(made, tap_key or self.bus.tap_key)

    def ask(
        self,
        rider: Rider = ADULT,
        after_s: int = 0,
        *,
        party: int = 0,
        signed_by: SigningKey | None = None,
        **changes: object,
    ) -> bytes:
        """What the rider's phone signs over the code of that second."""
        time_s = NOW_S + after_s
        fields: dict[str, object] = {
            "credential_id": rider.credential_id, "version": 1, "time_s": time_s,
            "nonce": time_s.to_bytes(8, "big"), "party": party, "vehicle": "bus-1",
        }  # fmt: skip
        return sign_boarding(signed_by or rider.key, **(fields | changes))  # type: ignore[arg-type]

    def grant(self, rider: Rider = ADULT, after_s: int = 0, *, party: int = 0) -> bytes:
        """Scan, confirm → the grant."""
        row = self.desk.store.rider(rider.credential_id)
        assert row is not None
        return self.grants.grant(row, self.code(after_s), self.ask(rider, after_s, party=party)).grant

    def refused(self, act: Callable[[], object]) -> str:
        """By what it is refused; then nothing was set aside and no bus was told."""
        before, told = self.pending(), len(self.told)
        with pytest.raises(SavarError) as caught:
            act()
        assert (self.pending(), len(self.told)) == (before, told)
        return caught.value.message if isinstance(caught.value, Refused) else caught.value.name

    def wallet(self, rider: Rider = ADULT) -> Balance:
        return self.desk.store.balance_of(rider.account)

    def pending(self) -> int:
        return self.wallet().debits_pending

    def row(self, rider: Rider = ADULT) -> object:
        return self.desk.store.rider(rider.credential_id)

    def record(self, raw: bytes, rider: Rider = ADULT, *, fare: int | None = None) -> None:
        """The bus boards him and comes back."""
        self.bus.tap(FromGrant(rider, raw), fare=fare)
        self.desk.take_whole(self.bus)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


# --- what a code is --------------------------------------------------------------------------------------------------


def test_a_scanned_bus_says_what_it_costs(office: Office) -> None:
    seen = office.grants.seen(office.code(-10))
    assert (seen.vehicle, seen.door, seen.line, seen.fare_rials) == ("bus-1", 1, "r9", FARE)
    assert seen.good_for_ms == 50_000


def test_the_fare_is_that_of_the_line_and_of_the_tariff_in_force(office: Office) -> None:
    office.tariffs[9] = LINES
    office.tariffs[10] = replace(LINES, version=10, starts_ms=NOON_MS + 1, flat_fare_rials=1)
    assert office.grants.seen(office.code(line="brt")).fare_rials == 90_000
    assert office.grants.seen(office.code()).fare_rials == FARE


@pytest.mark.parametrize("after_s", [-61, -3_600, -86_400, 31])
def test_a_photograph_gets_nowhere(office: Office, after_s: int) -> None:
    """Not from home, not of yesterday, not of a clock that is ahead."""
    assert "not of now" in office.refused(lambda: office.grants.seen(office.code(after_s)))
    assert "not of now" in office.refused(lambda: office.grant(after_s=after_s))


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("another key", {"tap_key": key("thief")}), ("the issuer's key", {"tap_key": ISSUER}),
        ("a device of nobody", {"device": "bus-7-d1"}), ("another vehicle than it is enrolled for", {"vehicle": "bus-2"}),
    ],
)  # fmt: skip
def test_a_sticker_gets_nowhere(office: Office, what: str, changes: dict[str, object]) -> None:
    code = office.code(**changes)  # type: ignore[arg-type]
    for act in (lambda: office.grants.seen(code), lambda: office.grants.grant(office.row(), code, office.ask())):  # type: ignore[arg-type]
        assert "no bus of this city" in office.refused(act), what


@pytest.mark.parametrize("raw", [b"", b"\x01", bytes(100), b"\x02" * 90])
def test_rubbish_is_no_code(office: Office, raw: bytes) -> None:
    assert "no bus of this city" in office.refused(lambda: office.grants.seen(raw))


def test_a_revoked_device_shows_nothing_any_more(office: Office) -> None:
    office.revoked = True
    assert "no bus of this city" in office.refused(office.grant)


# --- what is granted -------------------------------------------------------------------------------------------------


def test_a_grant_is_set_aside_and_told_to_that_bus(office: Office) -> None:
    raw = office.grant(party=1)
    assert office.told == [(office.bus.name, raw)]
    found = open_grant(raw, [ISSUER.verifying])
    found.request.prove(ADULT.key.verifying)
    assert (found.most_rials, found.party, found.rider_class) == (2 * FARE, 1, 0)
    assert office.wallet() == Balance(0, 4 * FARE, 2 * FARE, 0)
    assert office.desk.store.balance_of(reserved_account(ADULT.credential_id)).credits_pending == 2 * FARE


def test_the_same_again_is_the_same_grant(office: Office) -> None:
    """An answer that was lost, a backend that went down in the middle."""
    assert office.grant() == office.grant()
    assert office.pending() == FARE
    assert len(office.told) == 2


def test_who_asks_without_end_does_not_fill_the_buss_network(office: Office) -> None:
    """Each telling goes over the bus's own radio; the phone has it on its screen after each."""
    assert len({office.grant() for _ in range(50)}) == 1
    assert len(office.told) == 4
    office.grant(after_s=-15)
    assert len(office.told) == 5


def test_another_party_over_the_same_code_is_another_grant_and_is_refused(office: Office) -> None:
    office.grant()
    assert "already" in office.refused(lambda: office.grant(party=1))


def test_who_pays_nothing_sets_nothing_aside(office: Office) -> None:
    assert open_grant(office.grant(SENIOR), [ISSUER.verifying]).most_rials == 0
    assert office.wallet(SENIOR) == Balance()


def test_no_money_no_grant(office: Office) -> None:
    assert "wallet" in office.refused(lambda: office.grant(POOR))
    assert "wallet" in office.refused(lambda: office.grant(party=4))


def test_who_scans_again_is_told_that_his_money_is_set_aside_and_not_to_top_up(office: Office) -> None:
    """An answer that was lost, and the next code scanned: his wallet holds it, and his own code boards him."""
    office.grant(party=3)
    with pytest.raises(Refused) as caught:
        office.grant(after_s=-15)
    assert "top up" not in str(caught.value.data["rider_en"])
    assert "set aside" in caught.value.message
    assert "or your own" in str(caught.value.data["rider_en"])
    with pytest.raises(Refused) as caught:
        office.grant(after_s=-30, party=4)
    assert "top up" in str(caught.value.data["rider_en"])


def test_two_grants_cannot_spend_one_wallet_twice(office: Office) -> None:
    office.grant(party=2)
    assert "wallet" in office.refused(lambda: office.grant(after_s=-15, party=1))
    office.grant(after_s=-15)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"vehicle": "bus-2"}, "not for this vehicle code"), ({"nonce": bytes(8)}, "not for this vehicle code"),
        ({"time_s": NOW_S - 1}, "not for this vehicle code"), ({"credential_id": bytes(8)}, "not for this vehicle code"),
        ({"version": 2}, "another version"), ({"signed_by": key("thief")}, "BadSignature"),
        ({"signed_by": ISSUER}, "BadSignature"),
    ],
)  # fmt: skip
def test_only_the_riders_own_word_over_this_code(office: Office, changes: dict[str, object], why: str) -> None:
    asked = office.ask(**changes)  # type: ignore[arg-type]
    assert why in office.refused(lambda: office.grants.grant(office.row(), office.code(), asked))  # type: ignore[arg-type]


def test_a_request_that_was_changed_is_none(office: Office) -> None:
    asked = office.ask()
    for raw in (asked[:-64] + bytes(64), asked[:-64] + high_s(asked[-64:]), asked[:-1], asked[:-64], b""):
        assert office.refused(lambda raw=raw: office.grants.grant(office.row(), office.code(), raw)) in {  # type: ignore[misc]
            "BadSignature", "HighSSignature", "WrongLength", "MissingSignature",
        }  # fmt: skip


def test_a_credential_past_its_day_is_renewed_first(office: Office) -> None:
    office.desk.now_ms = day_begins_ms(read_issued(ADULT.credential).expiry_day + 1)
    after_s = office.desk.now_ms // 1000 - NOW_S
    assert "past its last day" in office.refused(lambda: office.grant(after_s=after_s))


def test_a_credential_is_good_on_its_last_day(office: Office) -> None:
    office.desk.now_ms = day_begins_ms(read_issued(ADULT.credential).expiry_day)
    assert office.grant(after_s=office.desk.now_ms // 1000 - NOW_S)


def test_who_is_denied_gets_none(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(office.desk.store), "may_renew", lambda *_: False)
    assert "denied" in office.refused(office.grant)


def test_without_a_tariff_nothing_is_told(tmp_path: Path) -> None:
    office = Office(tmp_path, tariffs={})
    assert "no tariff" in office.refused(lambda: office.grants.seen(office.code()))


# --- what becomes of it ----------------------------------------------------------------------------------------------


def test_the_record_posts_the_fare_and_lets_go_of_what_was_set_aside(office: Office) -> None:
    raw = office.grant()
    office.record(raw)
    assert office.wallet() == Balance(FARE, 4 * FARE, 0, 0)
    assert office.desk.store.balance_of(reserved_account(ADULT.credential_id)) == Balance()
    assert office.desk.payers() == ["rider"]
    assert office.desk.store.expire_due(NOON_MS + 10**9, PENDINGS_A_LOOK_MAX) == 0


def test_a_batch_that_comes_again_changes_nothing(office: Office) -> None:
    """P6."""
    office.record(office.grant())
    office.desk.take_whole(office.bus)
    again = Desk(office.folder, [office.bus])
    again.take_whole(office.bus)
    assert office.wallet() == Balance(FARE, 4 * FARE, 0, 0)


def test_nobody_boards_and_it_lapses(office: Office) -> None:
    office.grant()
    due = (NOW_S + 600) * 1000
    assert office.desk.store.expire_due(due - 1, PENDINGS_A_LOOK_MAX) == 0
    assert office.desk.store.expire_due(due, PENDINGS_A_LOOK_MAX) == 1
    assert office.wallet() == Balance(0, 4 * FARE, 0, 0)


@pytest.mark.parametrize("swept", [True, False])
@pytest.mark.parametrize("after_ms", [600_000, 3_600_000])
def test_a_bus_that_was_away_is_paid_all_the_same(office: Office, *, swept: bool, after_ms: int) -> None:
    """P16: the boarding is a fact, long after what was set aside has lapsed, whether a sweep came by or not."""
    raw = office.grant()
    office.desk.now_ms += after_ms
    if swept:
        office.desk.store.expire_due(office.desk.now_ms, PENDINGS_A_LOOK_MAX)
    office.record(raw)
    office.desk.store.expire_due(office.desk.now_ms, PENDINGS_A_LOOK_MAX)
    assert office.wallet() == Balance(FARE, 4 * FARE, 0, 0)


def test_a_boarding_by_his_own_code_leaves_it_to_lapse(office: Office) -> None:
    office.grant()
    office.bus.tap(ADULT.show(1))
    office.desk.take_whole(office.bus)
    assert office.wallet() == Balance(FARE, 4 * FARE, FARE, 0)
    office.desk.store.expire_due((NOW_S + 600) * 1000, PENDINGS_A_LOOK_MAX)
    assert office.wallet() == Balance(FARE, 4 * FARE, 0, 0)


def test_two_doors_that_could_not_talk_charge_one_boarding(office: Office) -> None:
    raw = office.grant()
    other = Bus("bus-1-d2", epoch=1_002)
    office.desk.enrol(other)
    other.tap(FromGrant(ADULT, raw))
    office.record(raw)
    office.desk.take_whole(other)
    assert office.wallet() == Balance(FARE, 4 * FARE, 0, 0)
    assert sorted(office.desk.payers()) == ["copied", "rider"]


def test_a_record_without_the_riders_word_lets_go_of_nothing(office: Office) -> None:
    office.grant()
    forged = issue_grant(ISSUER, office.ask(signed_by=key("thief")), rider_class=0, product=0, most_rials=FARE)
    office.record(forged, fare=FARE)
    assert office.wallet() == Balance(0, 4 * FARE, FARE, 0)


def test_one_code_is_one_key() -> None:
    asked = read_boarding(Granted(ADULT).raw[8:-64])
    keys = {hold_key(it) for it in (
        asked, replace(asked, party=3), replace(asked, nonce=bytes([1] * 8)), replace(asked, time_s=1),
        replace(asked, credential_id=bytes(8)),
    )}  # fmt: skip
    assert len(keys) == 4
