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
from hashlib import sha256

from backend.core import limits
from backend.core.api import Registered
from backend.core.errors import NotAllowed, Refused
from backend.core.ports import Rider, RiderStore
from protocol.limits import ALLOWANCE_UNIT_RIALS, CREDENTIAL_ID_BYTES
from protocol.localtime import service_day
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.passes import issue_credential, read_issued

_NOBODY = bytes(32)  # compared against where there is no rider, so that both ways take the same work


def hash_token(token: str) -> bytes:
    """What is stored of a bearer token."""
    return sha256(token.encode()).digest()


class Riders:
    """Implements `RiderDesk`. `clock` gives Unix milliseconds, `randomness(n)` n random bytes.

    `granted`: the classes that are granted to whoever holds a key.
    """

    def __init__(
        self,
        store: RiderStore,
        issuer: Signer,
        clock: Callable[[], int],
        randomness: Callable[[int], bytes],
        *,
        granted: Callable[[bytes], Collection[int]],
    ) -> None:
        self._store = store
        self._granted = granted
        self._issuer = issuer
        self._clock = clock
        self._randomness = randomness
        self._one_at_a_time = threading.Lock()  # two retries of one phone must not become two riders

    def register(self, public_key: bytes, proof: bytes, rider_class: int) -> Registered:
        """Register a key, or recover it. Raises BadKey, BadSignature, NotAllowed, Refused, OutOfRange, StoreFailed."""
        VerifyingKey.load(public_key).verify(Purpose.REGISTRATION, public_key, proof)
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
