"""A city for a rider's rights: a purse, messages to telephones, finance, and days that pass in the ledger."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from backend.app.config import load_config
from backend.app.naming import name_person
from backend.core.ledger import rider_account
from backend.core.staff.roles import Role
from protocol.fares.tariff import Tariff
from protocol.wire.passes import read_issued
from simulators.sms.kavenegar import SmsServer
from tests.integration.two_doors import PLAIN
from tests.web.purse import Purse

_SMS_KEY = "a0key0of0this0test"
# All that says when a number's code was asked for, and since when somebody waits for an account by it.
_TIMES = (
    "UPDATE phone_code SET at_ms = at_ms - ?1",
    "UPDATE phone_recovery SET asked_ms = asked_ms - ?1, due_ms = due_ms - ?1",
)
_SAID = {"balance": "rials", "closed": "rials", "class": "is"}
_ROLES = {"one": Role.FINANCE, "other": Role.FINANCE, "nima": Role.OPERATIONS, "tara": Role.OPERATIONS}


class Rights(Purse):
    """With telephones. `code`: the newest message's; `pass`: so many milliseconds, for codes and what waits.

    `refuse`, `refund`: finance answers the one dispute that is open, in its own words; `grant`, `guardian`: two of
    operations decide. `balance`, `class`, `closed`: what the ledger holds of one rider, against what a screen says.
    """

    def __init__(self, root: Path, tariff: Tariff = PLAIN) -> None:
        super().__init__(root, tariff)
        self._staff: dict[str, str] = {}
        self.sms = SmsServer(key=_SMS_KEY, templates=("bind", "sign-in"))
        self.sms.start()
        config = self.root / "backend" / "backend.toml"
        (config.parent / "keys" / "sms.key").write_text(_SMS_KEY)
        config.write_text(
            config.read_text() + f'\n[sms]\nprovider = "{self.sms.url}"\nkey_file = "keys/sms.key"\n'
            'bind_template = "bind"\nsign_in_template = "sign-in"\n'
        )
        self._config = load_config(config)

    def close(self) -> None:
        super().close()
        self.sms.stop()

    def pulled(self, what: str, order: dict[str, Any]) -> object:
        if what == "code":
            newest = self.sms.messages[-1]
            assert (newest.number, newest.template) == (order["number"], order["for"]), newest
            return {"code": newest.code}
        if what == "messages":
            self.sms.misbehave(order["next"])
        elif what == "pass":
            with closing(sqlite3.connect(self.root / "backend" / "data" / "ledger.db", timeout=10)) as ledger, ledger:
                for time in _TIMES:
                    ledger.execute(time, (order["ms"],))
        elif what == "refuse":
            self.post("one", f"/v1/disputes/{self._disputed()}/refuse", order)
        elif what == "refund":
            self._both("refunds", {"dispute": self._disputed(), "by_house": False, **order}, ("one", "other"))
        elif what in ("balance", "class", "closed"):
            found = self._held(what, bytes.fromhex(order["of"]))
            assert found == order[_SAID[what]], f"the ledger has {found}"
        elif what == "grant":
            (wish,) = self._ask("nima", "GET", "/v1/concessions", None)["applications"]
            self._both("applications", {"application": wish["id"], "until": "1406-06-31", "document": "file 12"})
        elif what == "guardian":
            self._both("guardians", {"of_age_from": None, "document": "file 13", **order})
        else:
            return super().pulled(what, order)
        return None

    def post(self, who: str, path: str, body: dict[str, Any]) -> Any:
        """What the backend answers to somebody of the staff."""
        return self._ask(who, "POST", path, body)

    def _both(self, what: str, body: dict[str, Any], who: tuple[str, str] = ("nima", "tara")) -> None:
        """One proposes, another approves."""
        made = self.post(who[0], f"/v1/proposals/for/{what}", {"why": "a test", **body})
        self.post(who[1], f"/v1/proposals/{made['id']}/approve", {"digest": made["digest"]})

    def _held(self, what: str, rider: bytes) -> int | None:
        """Of this rider: his wallet, the class of his credential, or what waits behind the end of his account."""
        assert self.backend is not None
        store = self.backend.store
        if what == "balance":
            return store.balance(rider_account(rider))
        if what == "class":
            row = store.rider(rider)
            return None if row is None else read_issued(row.credential).rider_class
        left = store.closed(rider)
        return None if left is None else left.wallet_rials

    def _disputed(self) -> str:
        (found,) = self._ask("one", "GET", "/v1/disputes", None)["disputes"]
        it: str = found["id"]
        return it

    def _ask(self, who: str, method: str, path: str, body: dict[str, Any] | None) -> Any:
        assert self.backend is not None
        if who not in self._staff:
            now_ms = time.time_ns() // 1_000_000
            self._staff[who] = name_person(
                self.backend.store, who, _ROLES[who], by="test", now_ms=now_ms, randomness=os.urandom
            )
        told = {"Authorization": f"Bearer {self._staff[who]}"}
        answer = httpx.request(method, self.url + path, json=body, headers=told, trust_env=False, timeout=20)
        assert answer.is_success, answer.text
        return answer.json()
