"""What a rider who scanned a bus is granted, as a test's bus records it."""

from protocol.wire.grants import GRANTED, issue_grant, sign_boarding
from protocol.wire.keys import SigningKey
from protocol.wire.records import CodeKind
from tests.backend.bus import ISSUER, NOON_MS, Rider, Shown, key


class Granted(Shown):
    """A grant over the vehicle code of `time_s`. `signed_by`: another phone than the rider's."""

    def __init__(
        self, rider: Rider, *, vehicle: str = "bus-1", party: int = 0, time_s: int = NOON_MS // 1000,
        version: int = 1, signed_by: SigningKey | None = None, issuer: SigningKey = ISSUER,
    ) -> None:  # fmt: skip
        self._of = vehicle, version, issuer
        request = sign_boarding(
            signed_by or rider.key, credential_id=rider.credential_id, version=version, time_s=time_s,
            nonce=bytes(8), party=party, vehicle=vehicle,
        )  # fmt: skip
        raw = issue_grant(issuer, request, rider_class=rider.rider_class, product=0, most_rials=10**7)
        super().__init__(rider, raw, GRANTED, party, time_s)

    def forged(self) -> bytes:
        """The same by a phone that does not hold the key, granted by an issuer's key that was stolen."""
        vehicle, version, issuer = self._of
        thief = Granted(
            self.rider, vehicle=vehicle, party=self.party, time_s=self.time_s, version=version, signed_by=key("thief"),
            issuer=issuer,
        )  # fmt: skip
        return thief.raw

    @property
    def code_kind(self) -> CodeKind:
        """As a record tells it."""
        return CodeKind.GRANT
