"""An endless queue of riders at one door: each has a number, and all else follows from it and the city's issuer."""

from functools import lru_cache

from protocol import limits
from protocol.fares.tariff import Product, RiderClass
from protocol.wire.codes import write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import Presentation, issue_credential, render_long_pass
from simulators.riders import CREDENTIAL_DAYS

_REMEMBERED = 64  # a rider who shows again boarded just before


class RiderQueue:
    """Codes of riders 1, 2, 3, … with keys and credentials of their own. `today` is a local day."""

    def __init__(self, issuer: SigningKey, today: int) -> None:
        self._issuer = issuer
        self._today = today
        self._rider = lru_cache(_REMEMBERED)(self._issue)

    def presentation(self, number: int, time_s: int, counter: int = 1) -> Presentation:
        """What identifies one render by rider `number`."""
        return Presentation(number.to_bytes(limits.CREDENTIAL_ID_BYTES, "big"), time_s, counter)

    def text(self, shown: Presentation) -> str:
        """The `SV1:` text of that very render: signing is deterministic, so it is the same each time."""
        key, credential = self._rider(shown.credential_id)
        return write_code(render_long_pass(credential, key, time_s=shown.time_s, counter=shown.counter, party=0))

    def _issue(self, credential_id: bytes) -> tuple[SigningKey, bytes]:
        key = SigningKey.from_secret(credential_id.rjust(32, b"\1"))
        credential = issue_credential(
            self._issuer, credential_id=credential_id, version=1, holder=key.public, rider_class=RiderClass.ADULT,
            product=Product.WALLET, expiry_day=self._today + CREDENTIAL_DAYS, allowance_units=4,
        )  # fmt: skip
        return key, credential
