"""Registration of riders: a proven key in, a credential and a token out.

Rules:
- who registers a key proves to hold it: a signature by that key over its own 33 bytes (purpose REGISTRATION);
- one key is one rider: the same key again gets the same credential and a new token, and the old token ends. So an
  answer that was lost does no harm, and a phone that lost its token recovers it with its key;
- a class other than 0 (adult) needs a concession that two people of the staff granted for this key (`granted`), and a
  registered class is never changed here;
- the token is 32 random bytes; only its SHA-256 is stored, and it is compared in constant time.
"""

import hmac
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection
from dataclasses import replace
from hashlib import sha256
from typing import Protocol

from backend.core import limits
from backend.core.api import Registered
from backend.core.errors import NotAllowed, Refused
from backend.core.moving import VERSION_MAX, Former
from backend.core.moving_ports import MovingStore
from backend.core.ports import Rider, RiderStore
from protocol.limits import ALLOWANCE_UNIT_RIALS, CREDENTIAL_ID_BYTES
from protocol.localtime import service_day
from protocol.wire.keys import Purpose, Signer, SigningKey, VerifyingKey
from protocol.wire.passes import issue_credential, read_issued

_NOBODY = bytes(32)  # compared against where there is no rider, so that both ways take the same work


def hash_token(token: str) -> bytes:
    """What is stored of a bearer token."""
    return sha256(token.encode()).digest()


class RidersStore(RiderStore, MovingStore, Protocol):
    """The parts of the store that it needs."""


class Riders:
    """Implements `RiderDesk`. `clock` gives Unix milliseconds, `randomness(n)` n random bytes.

    `granted`: the classes that are granted to whoever holds a key; `moves`: the credential that is, and by which
    proposal.
    """

    def __init__(
        self,
        store: RidersStore,
        issuer: Signer,
        clock: Callable[[], int],
        randomness: Callable[[int], bytes],
        *,
        granted: Callable[[bytes], Collection[int]],
        moves: Callable[[bytes], tuple[bytes, str] | None] = lambda _: None,
    ) -> None:
        self._store = store
        self._moves = moves
        self._granted = granted
        self._issuer = issuer
        self._clock = clock
        self._randomness = randomness
        self._one_at_a_time = threading.Lock()  # two retries of one phone must not become two riders

    def register(self, public_key: bytes, proof: bytes, rider_class: int) -> Registered:
        """Register a key, or recover it. Raises BadKey, BadSignature, NotAllowed, Refused, OutOfRange, StoreFailed."""
        VerifyingKey.load(public_key).verify(Purpose.REGISTRATION, public_key, proof)
        with self._one_at_a_time:
            moved = self._moved_to(public_key)
        if moved is not None:
            return moved
        if rider_class and rider_class not in self._granted(public_key):
            raise NotAllowed(
                "a reduced fare is granted by two people of the staff first",
                fix="register with class 0, or ask at a service desk and show this key there",
                rider_class=rider_class,
                rider_fa="تخفیف باید نخست در باجهٔ خدمات تأیید شود",
                rider_en="A reduced fare is approved at a service desk first",
            )
        token = urlsafe_b64encode(self._randomness(32)).rstrip(b"=").decode()
        with self._one_at_a_time:
            known = self._store.rider_with_key(public_key)
            if known is None:
                rider = self._new(public_key, rider_class, token)
            elif rider_class not in (0, known.rider_class):
                raise Refused(
                    "this key is registered with another class",
                    fix="make a new key on the phone and register that",
                    rider_class=known.rider_class,
                )
            else:
                rider = Rider(
                    known.credential_id, known.credential, known.rider_class, hash_token(token), known.created_ms
                )
            self._store.add_rider(rider)
        allowance_rials = read_issued(rider.credential).allowance_units * ALLOWANCE_UNIT_RIALS
        return Registered(rider.credential_id, rider.credential, allowance_rials, token)

    # --- another phone ------------------------------------------------------------------------------------------------

    def move(self, rider: Rider, public_key: bytes, proof: bytes) -> Registered:
        """His credential to another phone's key. Raises BadKey, BadSignature, Refused, OutOfRange, StoreFailed."""
        VerifyingKey.load(public_key).verify(Purpose.REGISTRATION, public_key, proof)
        with self._one_at_a_time:
            if self._store.rider_with_key(public_key) is not None:
                raise Refused(
                    "this key is registered", fix="make a new key on the new phone", rider_fa="این گوشی ثبت شده است",
                    rider_en="This phone is registered already",
                )  # fmt: skip
            self._require_fresh(public_key)
            return self._move(rider, public_key, None)

    def ended(self, rider: Rider) -> tuple[Rider, Former]:
        """His credential's next version, over a key that nobody has, and what ended with that. Raises Refused.

        For who closes his account: no phone shows anything that is his any more, and his token goes on reading.
        """
        credential, former = self._next(rider, SigningKey.from_secret(self._randomness(32)).public)
        return replace(rider, credential=credential), former

    def _moved_to(self, public_key: bytes) -> Registered | None:
        """The credential that two people let this key have; None if there is none, or it has one. Raises Refused."""
        if self._store.rider_with_key(public_key) is not None:
            return None
        self._require_fresh(public_key)
        found = self._moves(public_key)
        rider = None if found is None else self._store.rider(found[0])
        return None if found is None or rider is None else self._move(rider, public_key, found[1])

    def _require_fresh(self, public_key: bytes) -> None:
        if self._store.was_moved(public_key):
            raise Refused(
                "the credential of this key has ended: it moved to another phone, or its account was closed",
                fix="make a new key and register that; who has found this phone gives it back",
                rider_fa="اعتبار این گوشی پایان یافته یا به گوشی دیگری رفته است",
                rider_en="This phone's credential has ended, or moved to another",
            )  # fmt: skip

    def _move(self, rider: Rider, public_key: bytes, proposal_id: str | None) -> Registered:
        credential, former = self._next(rider, public_key)
        token = urlsafe_b64encode(self._randomness(32)).rstrip(b"=").decode()
        moved = Rider(rider.credential_id, credential, rider.rider_class, hash_token(token), rider.created_ms)
        self._store.move_rider(moved, former, proposal_id)
        allowance_rials = read_issued(credential).allowance_units * ALLOWANCE_UNIT_RIALS
        return Registered(rider.credential_id, credential, allowance_rials, token)

    def _next(self, rider: Rider, public_key: bytes) -> tuple[bytes, Former]:
        """The next version of a credential, and the one that ends now."""
        now_ms, was = self._clock(), read_issued(rider.credential)
        if was.version >= VERSION_MAX:
            raise Refused(
                "a credential moves no more often", fix="register anew; two people post what the wallet holds"
            )
        credential = issue_credential(
            self._issuer, credential_id=rider.credential_id, version=was.version + 1, holder=public_key,
            rider_class=rider.rider_class, product=was.product,
            expiry_day=service_day(now_ms) + limits.CREDENTIAL_DAYS, allowance_units=was.allowance_units,
        )  # fmt: skip
        return credential, Former(rider.credential_id, was.version, rider.credential, was.holder, now_ms)

    def _new(self, public_key: bytes, rider_class: int, token: str) -> Rider:
        now_ms = self._clock()
        credential_id = self._randomness(CREDENTIAL_ID_BYTES)
        credential = issue_credential(
            self._issuer,
            credential_id=credential_id,
            version=1,
            holder=public_key,
            rider_class=rider_class,
            product=0,
            expiry_day=service_day(now_ms) + limits.CREDENTIAL_DAYS,
            allowance_units=limits.ALLOWANCE_UNITS_DEFAULT,
        )
        return Rider(credential_id, credential, rider_class, hash_token(token), now_ms)

    def authenticate(self, credential_id: bytes, token: str) -> Rider:
        """The rider whose token this is. Raises NotAllowed, the same for no such rider and for another's token."""
        rider = self._store.rider(credential_id)
        same = hmac.compare_digest(hash_token(token), rider.token_hash if rider else _NOBODY)
        if rider is None or not same:
            raise NotAllowed(
                "the token is not this rider's", fix="register again with the same key: it gives a new token"
            )
        return rider
