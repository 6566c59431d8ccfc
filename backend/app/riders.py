"""Registration of riders: a proven key in, a credential and a token out.

Rules:
- who registers a key proves to hold it, by a signature over a challenge that we gave just now (`challenges`);
- one key is one rider: the same key again gets the same credential and a new token, and the old token ends. So an
  answer that was lost does no harm, and a phone that lost its token recovers it with its key;
- a class other than 0 (adult) needs a concession that two people of the staff granted for this key (`granted`), and
  ends with it: registering again, or `renew`, gives the credential's next version as `backend.core.concessions` has it,
  with the class that holds then. Wallet, rides and the older versions stay the rider's;
- who is denied gets no new version by his own word until he has paid;
- the token is 32 random bytes; only its SHA-256 is stored, and it is compared in constant time.
"""

import hmac
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Protocol

from backend.app.challenges import KeyChallenges
from backend.core import limits
from backend.core.api import Registered, ToldTime
from backend.core.challenges import KeyProof
from backend.core.concessions.grant import ADULT, Grant, held_with, is_due
from backend.core.errors import NotAllowed, Refused
from backend.core.moving import FIRST_VERSION, VERSION_MAX, Former, Regranted, denied, last_version, listed
from backend.core.moving_ports import MovingStore
from backend.core.phone.binding import key_waits
from backend.core.ports import Rider, RiderStore
from protocol.limits import ALLOWANCE_UNIT_RIALS, CREDENTIAL_ID_BYTES
from protocol.localtime import service_day
from protocol.wire.keys import Purpose, Signer, SigningKey
from protocol.wire.passes import Credential, issue_credential, read_issued
from protocol.wire.told_time import told_time_payload

_NOBODY = bytes(32)  # compared against where there is no rider, so that both ways take the same work


def hash_token(token: str) -> bytes:
    """What is stored of a bearer token."""
    return sha256(token.encode()).digest()


class RidersStore(RiderStore, MovingStore, Protocol):
    """The parts of the store that it needs."""


class Riders:
    """Implements `RiderDesk`. `clock` gives Unix milliseconds, `randomness(n)` n random bytes.

    `granted`: what is granted to whoever holds a key, by class; `moves`: the credential that is, and by which
    proposal; `waits`: whether a key waits by then for an account that it asked for by a telephone number.
    """

    def __init__(
        self,
        store: RidersStore,
        issuer: Signer,
        clock: Callable[[], int],
        randomness: Callable[[int], bytes],
        *,
        granted: Callable[[bytes], Mapping[int, Grant]],
        moves: Callable[[bytes], tuple[bytes, str] | None] = lambda _: None,
        waits: Callable[[bytes, int], bool] = lambda _key, _now_ms: False,
    ) -> None:
        self._store = store
        self._moves, self._waits = moves, waits
        self._granted = granted
        self._issuer = issuer
        self._clock = clock
        self._randomness = randomness
        self._challenges = KeyChallenges(clock, randomness)
        self._one_at_a_time = threading.Lock()  # two retries of one phone must not become two riders

    @property
    def issuer_key(self) -> bytes:
        """What credentials and the time are signed by."""
        return self._issuer.public

    def tell_time(self, nonce: bytes) -> ToldTime:
        """The time, signed over a phone's nonce. Raises WrongLength."""
        time_ms = self._clock()
        return ToldTime(time_ms, self._issuer.sign(Purpose.TIME, told_time_payload(nonce, time_ms)))

    def challenge(self) -> bytes:
        """What a phone signs to prove its key."""
        return self._challenges.new()

    def register(self, public_key: bytes, proof: KeyProof, rider_class: int) -> Registered:
        """Register a key, or recover it. Raises BadKey, BadSignature, NotAllowed, Refused, OutOfRange, StoreFailed."""
        self._challenges.require(public_key, proof)
        with self._one_at_a_time:
            moved = self._moved_to(public_key)
        if moved is not None:
            return moved
        granted = self._granted(public_key)
        token = urlsafe_b64encode(self._randomness(32)).rstrip(b"=").decode()
        with self._one_at_a_time:
            known, now_ms = self._store.rider_with_key(public_key), self._clock()
            if known is None:
                if self._waits(public_key, now_ms):
                    raise key_waits()
                grant = _asked(rider_class, granted, service_day(now_ms))
                rider = self._new(public_key, grant, token)
            else:
                if rider_class != known.rider_class and _asked(rider_class, granted, service_day(now_ms)) != ADULT:
                    raise Refused(
                        "this key is registered with another class",
                        fix="apply for the class with your token: the credential that you have gets it",
                        rider_class=known.rider_class,
                        rider_fa="این گوشی ثبت شده است؛ با همین گوشی درخواست تخفیف بدهید",
                        rider_en="This phone is registered: apply for the concession with it",
                    )
                rider = replace(self._renewed(known, granted, now_ms), token_hash=hash_token(token))
            self._store.add_rider(rider)
        return _registered(rider.credential, token)

    def renew(self, rider: Rider) -> Rider:
        """His credential as it is due today: longer, or of the class that holds by now; as it is where nothing is due.

        Raises Refused where one is due and he may have none: he is denied, has the last, or the account is closed.
        """
        with self._one_at_a_time:
            live, now_ms = self._store.rider(rider.credential_id) or rider, self._clock()
            granted = self._granted(read_issued(live.credential).holder)
            renewed = self._renewed(live, granted, now_ms)
        it = read_issued(renewed.credential)
        if not is_due(it, held_with(renewed.grant, granted), service_day(now_ms)):
            return renewed
        if it.version >= VERSION_MAX:
            raise last_version()
        raise denied() if self._store.owes(it.credential_id) else listed()

    def _renewed(self, rider: Rider, granted: Mapping[int, Grant], now_ms: int) -> Rider:
        """With the next version where one is due; the rider himself where it is not, or he may have none."""
        try:
            return self._renewed_once(rider, granted, now_ms)
        except Regranted:  # by two people, just now; a second time in one moment is refused
            return self._renewed_once(self._store.rider(rider.credential_id) or rider, granted, now_ms)

    def _renewed_once(self, rider: Rider, granted: Mapping[int, Grant], now_ms: int) -> Rider:
        """The same; Raises Regranted where he has another class by now than the one that was read."""
        was, has = read_issued(rider.credential), held_with(rider.grant, granted)
        due = has != rider.grant or is_due(was, has, service_day(now_ms))
        if not due or was.version >= VERSION_MAX or not self._store.may_renew(was.credential_id, was.version):
            return rider
        held = replace(rider, rider_class=has.rider_class, class_until=has.until_day)
        credential, former = self._next(held, was.holder, now_ms)
        renewed = replace(held, credential=credential)
        self._store.renew_rider(renewed, replace(former, ended_ms=None), rider.grant)
        return renewed

    # --- by another's app ---------------------------------------------------------------------------------------------

    def with_key(self, public_key: bytes) -> Rider | None:
        """The rider of a key, whoever asks: the caller has proven that he may."""
        return self._store.rider_with_key(public_key)

    def enrol(self, public_key: bytes, keep: Callable[[Rider], None]) -> Rider:
        """A new rider, an adult, for a key that was proven before; `keep` stores him.

        His token is nobody's: he gets one when his phone registers its key itself.
        Raises Refused, OutOfRange, StoreFailed.
        """
        with self._one_at_a_time:
            self._require_new(public_key)
            if self._moves(public_key) is not None:
                raise Refused(
                    "a desk moved an account to this key", fix="register it in the city's own app first",
                    rider_fa="حساب شما به این گوشی آمده است؛ نخست برنامهٔ سوار را باز کنید",
                    rider_en="Your account moved to this phone: open the Savar app first",
                )  # fmt: skip
            if self._waits(public_key, self._clock()):
                raise key_waits()
            nobodys = urlsafe_b64encode(self._randomness(32)).rstrip(b"=").decode()
            rider = self._new(public_key, ADULT, nobodys)
            keep(rider)
        return rider

    # --- another phone ------------------------------------------------------------------------------------------------

    def move(self, rider: Rider, public_key: bytes, proof: KeyProof) -> Registered:
        """His credential to another phone's key.

        Raises BadKey, BadSignature, NotAllowed, Refused, OutOfRange, StoreFailed.
        """
        self._challenges.require(public_key, proof)
        with self._one_at_a_time:
            self._require_new(public_key)
            return self._move(rider, public_key, lambda moved, former: self._store.move_rider(moved, former, None))

    def prove_new(self, public_key: bytes, proof: KeyProof) -> None:
        """Return where the caller holds this key and it is no rider's. Raises as `move`, of the key alone."""
        self._challenges.require(public_key, proof)
        with self._one_at_a_time:
            self._require_new(public_key)

    def recover(self, rider: Rider, public_key: bytes, keep: Callable[[Rider, Former], None]) -> Registered:
        """His credential to another phone's key that was proven before; `keep` stores it and says whether it may be.

        Raises Refused, OutOfRange, StoreFailed.
        """
        with self._one_at_a_time:
            self._require_new(public_key)
            return self._move(rider, public_key, keep)

    def _require_new(self, public_key: bytes) -> None:
        if self._store.rider_with_key(public_key) is not None:
            raise Refused(
                "this key is registered", fix="make a new key on the new phone", rider_fa="این گوشی ثبت شده است",
                rider_en="This phone is registered already",
            )  # fmt: skip
        self._require_fresh(public_key)

    def ended(self, rider: Rider, at_ms: int) -> tuple[Rider, Former]:
        """His credential's next version, over a key that nobody has, and what ends with that.

        For who closes his account: no phone shows anything that is his any more, and his token goes on reading. In
        place of the last version stands one of its number: the key alone tells that it is nobody's.
        """
        nobodys = SigningKey.from_secret(self._randomness(32)).public
        version = min(read_issued(rider.credential).version + 1, VERSION_MAX)
        credential, former = self._succeeded(rider, nobodys, version, at_ms)
        return replace(rider, credential=credential), former

    def _moved_to(self, public_key: bytes) -> Registered | None:
        """The credential that two people let this key have; None if there is none, or it has one. Raises Refused."""
        if self._store.rider_with_key(public_key) is not None:
            return None
        self._require_fresh(public_key)
        found = self._moves(public_key)
        rider = None if found is None else self._store.rider(found[0])
        if found is None or rider is None:
            return None
        allowed_by = found[1]
        moved = self._move(rider, public_key, lambda moved, former: self._store.move_rider(moved, former, allowed_by))
        return replace(moved, by_desk=True)

    def _require_fresh(self, public_key: bytes) -> None:
        if self._store.was_moved(public_key):
            raise Refused(
                "the credential of this key has ended: it moved to another phone, or its account was closed",
                fix="make a new key and register that; who has found this phone gives it back",
                ended=True,  # a phone goes by this: other refusals of a key are not its end
                rider_fa="اعتبار این گوشی پایان یافته یا به گوشی دیگری رفته است",
                rider_en="This phone's credential has ended, or moved to another",
            )  # fmt: skip

    def _move(self, rider: Rider, public_key: bytes, keep: Callable[[Rider, Former], None]) -> Registered:
        credential, former = self._next(rider, public_key, self._clock())
        token = urlsafe_b64encode(self._randomness(32)).rstrip(b"=").decode()
        keep(replace(rider, credential=credential, token_hash=hash_token(token)), former)
        return _registered(credential, token)

    def _next(self, rider: Rider, public_key: bytes, at_ms: int) -> tuple[bytes, Former]:
        """The next version of a credential, and the one that ends now. Raises Refused behind the last."""
        was = read_issued(rider.credential)
        if was.version >= VERSION_MAX:
            raise last_version()
        return self._succeeded(rider, public_key, was.version + 1, at_ms)

    def _succeeded(self, rider: Rider, public_key: bytes, version: int, at_ms: int) -> tuple[bytes, Former]:
        was = read_issued(rider.credential)
        credential = self._issued(replace(was, version=version, holder=public_key), rider.grant, at_ms)
        return credential, Former(rider.credential_id, was.version, rider.credential, was.holder, at_ms)

    def _new(self, public_key: bytes, grant: Grant, token: str) -> Rider:
        now_ms, units = self._clock(), limits.ALLOWANCE_UNITS_DEFAULT
        first = Credential(0, self._randomness(CREDENTIAL_ID_BYTES), FIRST_VERSION, public_key, 0, 0, 0, units, b"")
        credential = self._issued(first, grant, now_ms)
        return Rider(
            first.credential_id, credential, grant.rider_class, hash_token(token), now_ms, grant.until_day
        )  # fmt: skip

    def _issued(self, it: Credential, grant: Grant, at_ms: int) -> bytes:
        """Signed, with the class that holds today and the day that follows from it."""
        now = grant.on(service_day(at_ms))
        return issue_credential(
            self._issuer, credential_id=it.credential_id, version=it.version, holder=it.holder,
            rider_class=now.rider_class, product=it.product, expiry_day=now.expiry_day(service_day(at_ms)),
            allowance_units=it.allowance_units,
        )  # fmt: skip

    def authenticate(self, credential_id: bytes, token: str) -> Rider:
        """The rider whose token this is. Raises NotAllowed, the same for no such rider and for another's token."""
        rider = self.proven(credential_id, token)
        if rider is None:
            raise wrong_token()
        return rider

    def proven(self, credential_id: bytes, token: str) -> Rider | None:
        """The rider, where the token is his; None for no such rider and for another's token, in the same time."""
        rider = self._store.rider(credential_id)
        same = hmac.compare_digest(hash_token(token), rider.token_hash if rider else _NOBODY)
        return rider if same else None

    def known(self, credential_id: bytes) -> Rider | None:
        """The rider of a credential, whoever asks: the caller has proven that he may."""
        return self._store.rider(credential_id)


def wrong_token() -> NotAllowed:
    """What is said to who has no token for it."""
    return NotAllowed("the token is not this rider's", fix="register again with the same key: it gives a new token")


def _asked(rider_class: int, granted: Mapping[int, Grant], today: int) -> Grant:
    """What somebody registers with. Raises NotAllowed where two people did not grant it, or it is over."""
    found = ADULT if rider_class == ADULT.rider_class else granted.get(rider_class)
    if found is None or not found.holds_on(today):
        raise NotAllowed(
            "a reduced fare is granted by two people of the staff first, and ends some day",
            fix="register with class 0 and apply for it, or ask at a service desk and show this key there",
            rider_class=rider_class,
            rider_fa="تخفیف باید نخست در باجهٔ خدمات تأیید شود",
            rider_en="A reduced fare is approved at a service desk first",
        )
    return found


def _registered(credential: bytes, token: str) -> Registered:
    it = read_issued(credential)
    return Registered(it.credential_id, credential, it.allowance_units * ALLOWANCE_UNIT_RIALS, token)
