"""A city for a rider's rights: a purse, messages to telephones, finance, and days that pass in the ledger."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from backend.app.config import load_config
from simulators.sms.kavenegar import SmsServer
from tests.web.purse import Purse

_SMS_KEY = "a0key0of0this0test"
# All that says when a number's code was asked for, and since when somebody waits for an account by it.
_TIMES = (
    "UPDATE phone_code SET at_ms = at_ms - ?1",
    "UPDATE phone_recovery SET asked_ms = asked_ms - ?1, due_ms = due_ms - ?1",
)


class Rights(Purse):
    """With telephones. `code`: the newest message's; `pass`: so many milliseconds, for codes and what waits."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
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
        else:
            return super().pulled(what, order)
        return None
