"""The desk for guardians (rules: `backend.core.guardians`): who acts for whom, and how it ends."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Protocol

from backend.app.riders import Riders, wrong_token
from backend.app.staff import Staff
from backend.core.guardians.giving import Given
from backend.core.guardians.guardianship import Held, none, the_wards_alone
from backend.core.guardians.ports import GivingStore, GuardianStore
from backend.core.ports import Rider
from backend.core.staff.errors import AnotherContent
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor, Right
from backend.core.staff.two_people import require, require_words
from protocol.localtime import service_day


class GuardiansStore(GuardianStore, GivingStore, Protocol):
    """The parts of the store that it needs."""


class Guardians:
    """Implements `GuardianDesk`. `clock` gives Unix milliseconds, `randomness(n)` n random bytes."""

    def __init__(
        self, store: GuardiansStore, riders: Riders, staff: Staff, *, clock: Callable[[], int],
        randomness: Callable[[int], bytes],
    ) -> None:  # fmt: skip
        self._store, self._riders, self._staff = store, riders, staff
        self._clock, self._randomness = clock, randomness

    def acting_for(self, credential_id: bytes, token: str) -> Rider:
        """The rider himself, where the token is his or a guardian's. Raises NotAllowed, for all others alike."""
        own = self._riders.proven(credential_id, token)
        if own is not None:
            return own
        ward = self._riders.known(credential_id)
        if ward is None or not self._is_a_guardians(credential_id, token):
            raise wrong_token()
        return ward

    def himself(self, credential_id: bytes, token: str) -> Rider:
        """The rider, where the token is his own. Raises NotAllowed; who holds the account is told what it takes."""
        own = self._riders.proven(credential_id, token)
        if own is not None:
            return own
        raise the_wards_alone() if self._is_a_guardians(credential_id, token) else wrong_token()

    def _is_a_guardians(self, ward: bytes, token: str) -> bool:
        found = [self._riders.proven(it.guardian, token) for it in self._store.guardians_of(ward)]
        return any(found)

    def guardians_of(self, ward: bytes) -> Sequence[Held]:
        """Who holds this account."""
        return self._store.guardians_of(ward)

    def wards_of(self, guardian: bytes) -> Sequence[Held]:
        """Whose accounts this rider holds."""
        return self._store.wards_of(guardian)

    def of_age(self, it: Held) -> bool:
        """Whether the ward is, today."""
        return it.of_age(self._today)

    def end(self, rider: bytes, other: bytes) -> None:
        """Either side ends what is between two riders. Raises NotFound, Refused before the ward is of age."""
        for it in (*self._store.guardians_of(rider), *self._store.wards_of(rider)):
            if other in {it.guardian, it.ward} - {rider}:
                it.require_of_age(self._today)
                if self._store.end_guardianship(it.guardian, it.ward, None):
                    return
        raise none()

    def give(self, guardian: bytes, ward: bytes, rials: int, *, key: str) -> Given:
        """From his own wallet; under the same idempotency key the same. Raises NotFound, Refused, AnotherContent."""
        named = sha256(f"ward-topup|{guardian.hex()}|{key}".encode()).digest() if key else self._randomness(16)
        made = self._store.give(Given(named[:16].hex(), guardian, ward, rials, self._clock()))
        if (made.ward, made.rials) != (ward, rials):
            raise AnotherContent("this key was used for another top-up", fix="use a new Idempotency-Key")
        return made

    def given_or_got(self, credential_id: bytes, before: int | None, limit: int) -> Sequence[tuple[int, Given]]:
        """What a rider gave his wards, and was given, newest first, with a cursor each."""
        return self._store.given_or_got(credential_id, before, limit)

    def end_by_office(self, actor: Actor, guardian: bytes, ward: bytes, *, why: str, key: str) -> None:
        """Raises NotFound, NotNamed, NotAllowed, Unfit."""
        action, on = Right.END_GUARDIAN.value, f"{guardian.hex()} {ward.hex()}"
        with self._staff.told(actor, action, on, key):
            require(actor, Right.END_GUARDIAN)
            require_words("why", why)
            entry = Entry(self._clock(), actor.name, actor.role.value, action, on, f"ended: {why}", key)
            if not self._store.end_guardianship(guardian, ward, entry):
                raise none()

    @property
    def _today(self) -> int:
        return service_day(self._clock())
