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
from backend.core.staff.roles import Role
from protocol.fares.tariff import Tariff
from simulators.sms.kavenegar import SmsServer
from tests.integration.two_doors import PLAIN
from tests.web.purse import Purse

_SMS_KEY = "a0key0of0this0test"
# All that says when a number's code was asked for, and since when somebody waits for an account by it.
_TIMES = (
    "UPDATE phone_code SET at_ms = at_ms - ?1",
    "UPDATE phone_recovery SET asked_ms = asked_ms - ?1, due_ms = due_ms - ?1",
)


class Rights(Purse):
    """With telephones. `code`: the newest message's; `pass`: so many milliseconds, for codes and what waits.

    `refuse`, `refund`: finance answers the one dispute that is open, in its own words.
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
            asked = {"dispute": self._disputed(), "by_house": False, "why": "a test", **order}
            made = self.post("one", "/v1/proposals/for/refunds", asked)
            self.post("other", f"/v1/proposals/{made['id']}/approve", {"digest": made["digest"]})
        else:
            return super().pulled(what, order)
        return None

    def post(self, who: str, path: str, body: dict[str, Any]) -> Any:
        """What the backend answers to somebody of finance."""
        return self._ask(who, "POST", path, body)

    def _disputed(self) -> str:
        (found,) = self._ask("one", "GET", "/v1/disputes", None)["disputes"]
        it: str = found["id"]
        return it

    def _ask(self, who: str, method: str, path: str, body: dict[str, Any] | None) -> Any:
        assert self.backend is not None
        if who not in self._staff:
            now_ms = time.time_ns() // 1_000_000
            self._staff[who] = name_person(
                self.backend.store, who, Role.FINANCE, by="test", now_ms=now_ms, randomness=os.urandom
            )
        told = {"Authorization": f"Bearer {self._staff[who]}"}
        answer = httpx.request(method, self.url + path, json=body, headers=told, trust_env=False, timeout=20)
        assert answer.is_success, answer.text
        return answer.json()
