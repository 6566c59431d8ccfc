"""A rider's phone as benchmarks need many: a key, a credential that its city issued, and what it shows."""

from dataclasses import dataclass

from protocol.wire.codes import write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import issue_credential, render_long_pass
from protocol.wire.short_passes import render_short_pass


@dataclass(frozen=True, slots=True)
class Phone:
    """One rider's."""

    credential_id: bytes
    key: SigningKey
    credential: bytes

    def raw(self, time_s: int, *, counter: int = 1, party: int = 0, short: bool = False) -> bytes:
        """The pass that it shows at this Unix second, with `party` companions."""
        render = render_short_pass if short else render_long_pass
        return render(self.credential, self.key, time_s=time_s, counter=counter, party=party)

    def text(self, time_s: int, *, counter: int = 1, party: int = 0, short: bool = False) -> str:
        """The same as the text in its QR."""
        return write_code(self.raw(time_s, counter=counter, party=party, short=short))


def phone(
    issuer: SigningKey, key: SigningKey, number: int, *, expiry_day: int, rider_class: int = 0, allowance_units: int = 4
) -> Phone:
    """The phone of rider `number`, with a credential of the wallet until that service day.

    `allowance_units`: how much it may ride without the backend's word, in units of 50,000 rials.
    """
    credential_id = number.to_bytes(8, "big")
    credential = issue_credential(
        issuer, credential_id=credential_id, version=1, holder=key.public, rider_class=rider_class,
        product=0, expiry_day=expiry_day, allowance_units=allowance_units,
    )  # fmt: skip
    return Phone(credential_id, key, credential)
