"""The HTTP API over a store in memory and a provider in hand, really served, called as a phone or a desk would."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import httpx

from backend.adapters.http.app import make_app
from backend.adapters.http.server import HttpServer
from backend.adapters.http.services import Services
from backend.adapters.passkeys import Passkeys
from backend.adapters.sqlite.store import SqliteStore
from backend.app.agents import Agents
from backend.app.applications import Applications
from backend.app.cards import Cards, NewCards
from backend.app.closing import Closings
from backend.app.disputes import Disputes
from backend.app.exporting import Exports
from backend.app.grants import Grants
from backend.app.guardians import Guardians
from backend.app.hosts import Hosts
from backend.app.live import Live
from backend.app.money_cases import MoneyCases
from backend.app.naming import end_person, name_person
from backend.app.payments.settling import Calls, Settling
from backend.app.payments.topups import TopUps
from backend.app.payouts import Payouts
from backend.app.phones import Phones, Wired
from backend.app.riders import Riders
from backend.app.settlement_desk import SettlementDesk
from backend.app.signing_in import SignIn
from backend.app.staff import Staff, granted_classes, granted_move
from backend.core.case_ports import CaseKey
from backend.core.conduct import KeptCase
from backend.core.errors import ProviderRefused, ProviderUnknown
from backend.core.explaining.ports import ReceiptPlace
from backend.core.explaining.receipts import Receipt
from backend.core.payments.life import PACE
from backend.core.payments.port import Found, Payment, Says, Unverified
from backend.core.ports import Device
from backend.core.settlement.parties import Party
from backend.core.staff.roles import Role
from protocol.fares.tariff import Tariff
from protocol.wire.keys import SigningKey
from simulators.phones import registration
from tests.backend.authenticator import ORIGIN, RP_ID
from tests.backend.memory_store import MemoryStore
from tests.backend.phone.senders import Sender
from tests.protocol import samples
from tests.protocol.samples import ISSUER, WALL_MS, key

OPS_TOKEN = "operations"
OPS = {"Authorization": f"Bearer {OPS_TOKEN}"}
BUS = Device("bus-0001-d1", "s0", "bus-0001", 1, samples.TAP_KEY.public)
FARES = Tariff(3, 50_000, {2: 500, 3: 0}, 180)
DEVICES = [Device("bus-0001-d1", "s0", "bus-0001", 1, b""), Device("bus-0002-d1", "s0", "bus-0002", 1, b"")]


def case_key(it: KeptCase) -> tuple[int, str, str]:
    """As the store orders them: newest day first."""
    return -it.case.day, it.case.kind.value, it.case.subject


class Provider:
    """Implements PaymentProvider. `says` is what verify answers: "paid", "refused" or "unknown"."""

    def __init__(self) -> None:
        self.says = "paid"
        self.takes = "ok"  # what request answers: "ok", "refused" or "unknown"
        self.given = 0
        self.callbacks: list[str] = []
        self.asked: list[tuple[str, int]] = []
        self.found = Found(Says.HELD)

    def request(self, *, topup_id: str, rials: int, callback_url: str, description: str) -> str:
        self.callbacks.append(callback_url)
        if self.takes == "refused":
            raise ProviderRefused("not taken", fix="pay", code=-9)
        self._unclear(self.takes)
        self.given += 1
        return f"A{self.given:035d}"

    def pay_url(self, authority: str) -> str:
        return f"http://provider.test/pg/StartPay/{authority}"

    def inquire(self, payment: Payment) -> Found:
        self._unclear(self.says)
        return self.found

    def verify(self, payment: Payment) -> Says:
        self.asked.append((payment.authority, payment.rials))
        return Says.PAID if self.says == "paid" else Says.NOT_PAID

    def unverified(self) -> list[Unverified]:
        return []

    def reverse(self, payment: Payment) -> Says:
        return Says.REVERSED

    def statement_key(self, payment: Payment) -> str:
        return payment.authority

    def close(self) -> None:
        """Nothing is open."""

    def _unclear(self, says: str) -> None:
        if says == "unknown":
            raise ProviderUnknown("no answer", fix="ask again")


def calls_noted(into: list[tuple[str, ...]]) -> Calls:
    """Whoever would be called for."""
    return Calls(lambda *told: into.append(told), lambda *ended: into.append(("ended", *ended)))


class OwnReceipts:
    """Implements ReceiptDesk over a list for each rider, newest first."""

    def __init__(self) -> None:
        self.rows: dict[bytes, list[Receipt]] = {}

    def of(self, credential_id: bytes, before: ReceiptPlace | None, limit: int) -> list[Receipt]:
        rows = self.rows.get(credential_id, [])
        return [it for it in rows if before is None or it.place < before][:limit]


PARTY = {Role.PARTNER: Party.named("operator:metro"), Role.DRIVER: Party.named("driver:d-17")}


class Api:
    """A served API and a client for it; `with` starts and stops both."""

    def __init__(
        self, *, payments: bool = True, one_ledger: bool = False, passkeys: bool = False, sms: bool = True
    ) -> None:
        """`one_ledger`: riders and their wallets are kept where people and proposals are."""
        self.store = MemoryStore()
        self.provider, self.second = Provider(), Provider()
        self.called: list[tuple[str, ...]] = []
        self.live = Live()
        self.chunks: dict[bytes, bytes] = {}
        self.cases: list[KeptCase] = []
        self.now_ms = WALL_MS
        self._folder = TemporaryDirectory()
        self.office = SqliteStore(Path(self._folder.name) / "ledger.db", "isfahan")  # people, proposals, their log
        kept = self.office if one_ledger else self.store
        self.settlements = SettlementDesk(self.office, "isfahan", lambda: self.now_ms)
        self.waiting: list[Tariff] = []
        self._tokens: dict[str, str] = {}
        providers = {"main": self.provider, "saman": self.second}
        settling = Settling(
            kept, providers, clock=lambda: self.now_ms, pace=PACE, calls=calls_noted(self.called)
        )  # fmt: skip
        topups = TopUps(
            kept, providers, settling, clock=lambda: self.now_ms, randomness=os.urandom,
            callback_base=lambda: self.server.url,
        )  # fmt: skip
        self.receipts = OwnReceipts()
        staff = Staff(
            self.office, sha256(OPS_TOKEN.encode()).digest(), clock=lambda: self.now_ms, randomness=os.urandom,
            waiting=lambda: self.waiting, new_cards=NewCards(self.office, ISSUER, os.urandom),
        )  # fmt: skip
        self.sign_in = SignIn(
            self.office, Passkeys(RP_ID, ORIGIN, "isfahan"), ORIGIN, clock=lambda: self.now_ms, randomness=os.urandom
        )
        riders = Riders(
            kept,
            ISSUER,
            lambda: self.now_ms,
            os.urandom,
            granted=partial(granted_classes, self.office),
            moves=partial(granted_move, self.office),
            waits=self.office.key_waits,
        )
        self.sms = Sender()
        phones = Phones(
            self.office, kept, riders, Wired(self.sms, b"n" * 32) if sms else None, clock=lambda: self.now_ms,
            randomness=os.urandom, calls=calls_noted(self.called),
        )  # fmt: skip
        self.told: list[tuple[str, bytes]] = []  # grants
        self.grants = Grants(
            self.office, lambda _name: (BUS, samples.TAP_KEY.verifying), {FARES.version: FARES}, ISSUER,
            clock=lambda: self.now_ms, publish=lambda device, grant: self.told.append((device, grant)),
        )  # fmt: skip
        self.services = Services(
            receipts=self.receipts,
            riders=riders, closings=Closings(self.office, riders, lambda: self.now_ms),
            exports=Exports(self.office),
            topups=topups if payments else None, store=kept, live=self.live, devices=lambda: DEVICES,
            staff=staff, disputes=Disputes(self.office, staff, clock=lambda: self.now_ms, randomness=os.urandom),
            guardians=Guardians(self.office, riders, staff, clock=lambda: self.now_ms, randomness=os.urandom),
            agents=Agents(self.office, staff, clock=lambda: self.now_ms),
            hosts=Hosts(self.office, riders, clock=lambda: self.now_ms, randomness=os.urandom),
            cards=Cards(self.office, staff, ISSUER, clock=lambda: self.now_ms, randomness=os.urandom),
            applications=Applications(self.office, staff, clock=lambda: self.now_ms, randomness=os.urandom),
            phones=phones, grants=self.grants, sign_in=self.sign_in if passkeys else None, office_pages=None, passenger_pages=None,
            office=self.office, once=self.office, clock=lambda: self.now_ms, city="isfahan",
            chunk=self.chunks.get, settlements=self.settlements, payouts=Payouts(self.office, lambda: self.now_ms),
            money_cases=MoneyCases(self.office, lambda: self.now_ms),
            cases=self._cases, days_due=lambda: [20_700],
        )  # fmt: skip
        self.app = make_app(self.services)
        self.server = HttpServer(self.app, "127.0.0.1", 0)

    def _cases(self, after: CaseKey | None, limit: int) -> list[KeptCase]:
        at = None if after is None else (-after[0], *after[1:])
        return [it for it in self.cases if at is None or case_key(it) > at][:limit]

    def __enter__(self) -> Self:
        self.server.start()
        self.client = httpx.Client(base_url=self.server.url, trust_env=False, timeout=20)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.server.stop()
        self.office.close()
        self._folder.cleanup()

    def staff(self, role: Role, name: str | None = None, party: Party | None = None) -> dict[str, str]:
        """The headers of a person with this role; the same name is the same person. `party`: else one of PARTY."""
        name = name or f"a-{role.value}"
        if name not in self._tokens:
            self._tokens[name] = name_person(
                self.office, name, role, by="test", now_ms=self.now_ms, randomness=os.urandom,
                party=party or PARTY.get(role),
            )  # fmt: skip
        return {"Authorization": f"Bearer {self._tokens[name]}"}

    def end(self, role: Role) -> None:
        """The person that `staff` named for this role is ended."""
        end_person(self.office, f"a-{role.value}", by="test", now_ms=self.now_ms)

    @contextmanager
    def stuck(self, caller: str, key: str) -> Iterator[None]:
        """The request under this key has not been answered yet."""
        with closing(sqlite3.connect(self._folder.name + "/ledger.db")) as ledger:
            (answer,) = ledger.execute("SELECT answer FROM once WHERE caller = ?", (caller,)).fetchone()
            for now in (None, answer):
                ledger.execute("UPDATE once SET answer = ? WHERE caller = ? AND request_key = ?", (now, caller, key))
                ledger.commit()
                if now is None:
                    yield

    def both(self, what: str, body: dict[str, object], role: Role = Role.OPERATIONS) -> dict[str, object]:
        """Two people of a role: one proposes, the other approves → the proposal."""
        one, other = self.staff(role, f"one-{role.value}"), self.staff(role, f"other-{role.value}")
        made = self.client.post(f"/v1/proposals/for/{what}", json={"why": "a test", **body}, headers=one)
        assert made.status_code == 201, made.text
        it = made.json()
        done = self.client.post(f"/v1/proposals/{it['id']}/approve", json={"digest": it["digest"]}, headers=other)
        assert done.status_code == 200, done.text
        approved: dict[str, object] = done.json()
        return approved

    def registration(self, phone: SigningKey, **more: object) -> dict[str, object]:
        """The body that a phone sends."""
        challenge = self.client.post("/v1/riders/challenges").json()["challenge"]
        return registration(phone, challenge) | more

    def register(self, name: str = "phone") -> tuple[str, dict[str, str]]:
        """A new rider → (its id, its headers)."""
        answer = self.client.post("/v1/riders", json=self.registration(key(name)))
        assert answer.status_code == 201, answer.text
        body = answer.json()
        return body["credential_id"], {"Authorization": f"Bearer {body['token']}"}

    def start(self, rider: str, headers: dict[str, str], rials: int = 500_000) -> dict[str, object]:
        """A started top-up."""
        answer = self.client.post(f"/v1/riders/{rider}/topups", json={"amount_rials": rials}, headers=headers)
        assert answer.status_code == 201, answer.text
        body: dict[str, object] = answer.json()
        return body

    def balance(self, rider: str, headers: dict[str, str]) -> int:
        """What the wallet holds."""
        return self.client.get(f"/v1/riders/{rider}/balance", headers=headers).json()["balance_rials"]
