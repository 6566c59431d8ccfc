"""A city for a phone's money: a bus of real parts, a payment provider, and what a walk through the app asks of them."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

from backend.app.backend import Backend
from backend.app.config import load_config
from backend.core.ledger import rider_account
from protocol.fares.tariff import Tariff
from protocol.wire.keys import SigningKey
from protocol.wire.passes import verify_credential
from simulators.payments.misbehaviour import Faults
from simulators.payments.server import PaymentServer
from tests.integration.two_doors import FRONT, PLAIN, TwoDoors, until
from tests.web.conftest import PASSENGER
from tests.web.holding import Screen

MERCHANT = "savar-dev"


class Purse(TwoDoors):
    """With the app served and top-ups taken. The one rider who is not of the bus's own is the phone's."""

    def __init__(self, root: Path, tariff: Tariff = PLAIN) -> None:
        super().__init__(root, tariff)
        self.provider = PaymentServer(merchant=MERCHANT, seed=1)
        self.provider.start()
        config = self.root / "backend" / "backend.toml"
        config.write_text(
            config.read_text() + f"\n[passenger]\npages = {json.dumps(str(PASSENGER))}\n"
            f'\n[payments]\nprovider = "{self.provider.url}"\nmerchant = "{MERCHANT}"\n'
        )
        self._config = load_config(config)
        self._camera = Screen()
        self.url = f"http://127.0.0.1:{self._config.http.port}"

    def close(self) -> None:
        super().close()
        self.provider.stop()

    def pulled(self, what: str, order: dict[str, Any]) -> object:
        if what == "cut":
            assert self.backend is not None
            self.backend.stop()
            self.backend = None
        elif what == "mend":
            self.backend = Backend(self._config)
            self.backend.start()
        elif what == "provider":
            self.provider.books.faults = Faults(**order)
        elif what == "asked":
            found = len(self.provider.books.truth())
            assert found == order["payments"], f"the provider was asked for {found} payments"
        elif what == "ride":
            self._camera.hold([b64decode(order["png"])])
            until(lambda: len(self.charged()) == order["rides"], self.charged)
        elif what == "trips":
            assert order["rials"] == self.charged(), f"the ledger charged {self.charged()}"
        else:
            assert what == "wallet"
            assert self.backend is not None
            found = self.backend.store.balance(rider_account(self.rider()))
            assert found == order["rials"], f"the ledger holds {found}, the screen says {order['rials']}"
        return None

    def ride(self) -> None:
        """The front door takes fares."""
        self.start_door(FRONT, self._camera)

    def charged(self) -> list[int]:
        """What the ledger charged the phone's rider, newest first."""
        assert self.backend is not None
        return [it.rials for it in self.backend.store.rider_taps(self.rider(), 10)]

    def rider(self) -> bytes:
        """The credential of the phone."""
        assert self.backend is not None
        issuer = SigningKey.from_pem((self.root / "backend" / "keys" / "issuer.key.pem").read_bytes()).verifying
        ids = {verify_credential(raw, [issuer]).credential_id for raw in self.backend.store.credentials()}
        (found,) = ids - {verify_credential(raw, [issuer]).credential_id for _, raw in self._riders}
        return found
