"""The ports for guardians: what is kept, and what the API asks."""

from collections.abc import Sequence
from typing import Protocol

from backend.core.guardians.giving import Given
from backend.core.guardians.guardianship import Held
from backend.core.ports import Rider
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor


class GuardianStore(Protocol):
    """Each change is one durable transaction. Raises StoreFailed."""

    def guardians_of(self, ward: bytes) -> Sequence[Held]:
        """Who holds this account, by credential."""
        ...

    def wards_of(self, guardian: bytes) -> Sequence[Held]:
        """Whose accounts this rider holds, by credential."""
        ...

    def end_guardianship(self, guardian: bytes, ward: bytes, entry: Entry | None) -> bool:
        """It is over, with the entry in the log where the office ends it; False if there is none."""
        ...


class GivingStore(Protocol):
    """Each is one durable transaction. Raises StoreFailed."""

    def give(self, it: Given) -> Given:
        """Note and post it; one that has its id is given back, and nothing is posted. Raises NotFound, Refused."""
        ...

    def given_or_got(self, credential_id: bytes, before: int | None, limit: int) -> Sequence[tuple[int, Given]]:
        """What a rider gave his wards, and was given, newest first, with a cursor each."""
        ...


class GuardianDesk(Protocol):
    """What the API asks of the app."""

    def acting_for(self, credential_id: bytes, token: str) -> Rider:
        """The rider himself, where the token is his or a guardian's. Raises NotAllowed, for all others alike."""
        ...

    def himself(self, credential_id: bytes, token: str) -> Rider:
        """The rider, where the token is his own. Raises NotAllowed; who holds the account is told what it takes."""
        ...

    def guardians_of(self, ward: bytes) -> Sequence[Held]:
        """Who holds this account."""
        ...

    def wards_of(self, guardian: bytes) -> Sequence[Held]:
        """Whose accounts this rider holds."""
        ...

    def of_age(self, it: Held) -> bool:
        """Whether the ward is, today."""
        ...

    def end(self, rider: bytes, other: bytes) -> None:
        """Either side ends what is between two riders. Raises NotFound, Refused before the ward is of age."""
        ...

    def give(self, guardian: bytes, ward: bytes, rials: int, *, key: str) -> Given:
        """From his own wallet; under the same idempotency key the same. Raises NotFound, Refused, AnotherContent."""
        ...

    def given_or_got(self, credential_id: bytes, before: int | None, limit: int) -> Sequence[tuple[int, Given]]:
        """What a rider gave his wards, and was given, newest first, with a cursor each."""
        ...

    def end_by_office(self, actor: Actor, guardian: bytes, ward: bytes, *, why: str, key: str) -> None:
        """Raises NotFound, NotNamed, NotAllowed, Unfit."""
        ...
