"""The desk for hosts (rules: `backend.core.hosts`): whose token it is, what it opens, whose riders it has."""

from collections.abc import Callable, Sequence
from hashlib import sha256

from backend.app.challenges import Challenges
from backend.app.riders import Riders
from backend.app.tries import Counts
from backend.core import limits
from backend.core.challenges import KeyProof
from backend.core.errors import NotAllowed, NotFound, Refused
from backend.core.hosts.host import (
    Caller,
    Host,
    Link,
    Scope,
    anothers_key,
    caller_of,
    nobody,
    registered_elsewhere,
    require_return,
    require_scope,
    require_user,
)
from backend.core.hosts.ports import Hosted, HostStore
from backend.core.ports import Rider
from backend.core.staff.errors import TooManyTries
from protocol.limits import DAY_S
from protocol.wire.keys import Purpose, VerifyingKey
from protocol.wire.registrations import registration_payload

_DAY_MS = DAY_S * 1000


class Hosts:
    """Implements `HostDesk`. `clock` gives Unix milliseconds, `randomness(n)` n random bytes."""

    def __init__(
        self, store: HostStore, riders: Riders, *, clock: Callable[[], int], randomness: Callable[[int], bytes]
    ) -> None:
        self._store, self._riders, self._clock = store, riders, clock
        self._challenges = Challenges(
            clock, randomness, lifetime_ms=limits.CHALLENGE_MS, most=limits.CHALLENGES_ANSWERED_MAX
        )
        watched = limits.HOSTS_WATCHED_MAX
        self._minute, self._day = Counts(clock, 60_000, watched), Counts(clock, _DAY_MS, watched)
        self._registered, self._topups = Counts(clock, _DAY_MS, watched), Counts(clock, _DAY_MS, watched)
        self._topups_of_one = Counts(clock, _DAY_MS, limits.HOST_TOPUPS_WATCHED_MAX)

    # --- who asks -----------------------------------------------------------------------------------------------------

    def caller(self, token: str) -> Caller | None:
        """Whose token this is; None for nobody's."""
        # By its hash: how long that takes tells nothing of a token.
        found = self._store.host_with(sha256(token.encode()).digest(), self._clock())
        return None if found is None else caller_of(found[0], found[1].scopes)

    def allow(self, caller: Caller, scope: Scope) -> None:
        """Return where the token opens it, and not too much was asked of late. Raises NotAllowed, TooManyTries."""
        require_scope(caller, scope)
        self._count(self._minute, caller.name, limits.HOST_REQUESTS_A_MINUTE, "requests of this host in a minute")
        self._count(self._day, caller.name, limits.HOST_REQUESTS_A_DAY, "requests of this host in a day")

    def _count(self, counts: Counts, name: str, most: int, what: str) -> None:
        """Once more, where that may be. Raises TooManyTries."""
        if wait_ms := counts.wait_ms(name, most):
            raise TooManyTries(wait_ms, f"too many {what}", most=most)
        counts.add(name)

    # --- its riders ---------------------------------------------------------------------------------------------------

    def challenge(self, caller: Caller) -> bytes:
        """What a phone signs to be registered by this host, and by no other."""
        return self._challenges.new(caller.name.encode())

    def register(self, caller: Caller, user: str, public_key: bytes, proof: KeyProof) -> Rider:
        """The rider of a proven key, whom the host calls `user`; safe to repeat.

        Raises BadKey, BadSignature, NotAllowed, Refused, TooManyTries, Unfit.
        """
        require_user(user)
        self._require_proof(caller, public_key, proof)
        self._count(
            self._registered, caller.name, limits.HOST_REGISTRATIONS_A_DAY, "registrations by this host in a day"
        )
        known, named = self._riders.with_key(public_key), self._store.link_of(caller.name, user)
        if known is None:
            if named is not None:
                raise anothers_key()
            return self._riders.enrol(
                public_key, lambda new: self._store.register_hosted(new, self._link(caller, user, new))
            )
        if named is not None and named.credential_id == known.credential_id:
            return known
        self._require_allowed(caller, known)
        if not self._store.name_user(self._link(caller, user, known)):
            raise anothers_key()
        return known

    def _require_allowed(self, caller: Caller, known: Rider) -> None:
        """Return where this host has the rider by his own word. Raises Refused."""
        if all(it.host != caller.name for it in self._store.links_of(known.credential_id)):
            raise registered_elsewhere()

    def _link(self, caller: Caller, user: str, rider: Rider) -> Link:
        return Link(caller.name, user, rider.credential_id, self._clock())

    def _require_proof(self, caller: Caller, public_key: bytes, proof: KeyProof) -> None:
        """That the proof is of this key, and answers what this host was given; each is answered once."""
        VerifyingKey.load(public_key).verify(
            Purpose.REGISTRATION, registration_payload(proof.challenge, public_key), proof.signature
        )
        if not self._challenges.answer(proof.challenge, caller.name.encode()):
            raise NotAllowed(
                "this challenge is not this host's, is too old, or was answered before",
                fix="ask /v1/host/challenges for a new one, and let the phone sign that",
                rider_fa="دوباره تلاش کنید", rider_en="Please try again",
            )  # fmt: skip

    def rider(self, caller: Caller, user: str) -> Hosted:
        """One of its own. Raises NotFound, the same for another's and for none."""
        link = self._store.link_of(caller.name, user)
        rider = None if link is None else self._riders.known(link.credential_id)
        if link is None or rider is None:
            raise nobody()
        return Hosted(rider, link.since_ms)

    # --- top-ups ------------------------------------------------------------------------------------------------------

    def require_topup(self, caller: Caller, it: Hosted, return_url: str) -> None:
        """Return where one may be begun. Raises Unfit, TooManyTries."""
        require_return(caller.host, return_url)
        one = it.rider.credential_id.hex()
        self._count(self._topups_of_one, one, limits.HOST_TOPUPS_OF_ONE_A_DAY, "top-ups begun for this rider in a day")
        self._count(self._topups, caller.name, limits.HOST_TOPUPS_A_DAY, "top-ups begun by this host in a day")

    def begun(self, caller: Caller, topup_id: str, return_url: str) -> None:
        """This host began it."""
        self._store.note_host_topup(topup_id, caller.name, return_url)

    def require_begun(self, caller: Caller, topup_id: str) -> None:
        """Return where this host began it. Raises NotFound, the same for another's and for none."""
        found = self._store.host_topup(topup_id)
        if found is None or found[0] != caller.name:
            raise NotFound("this host began no such top-up", fix="ask for one that POST …/topups told")

    def way_back(self, topup_id: str) -> str | None:
        """Where its page leads back to; None: it was begun in no host."""
        found = self._store.host_topup(topup_id)
        return None if found is None else found[1]

    # --- the rider's own word -----------------------------------------------------------------------------------------

    def of_rider(self, rider: Rider) -> Sequence[tuple[Link, Host]]:
        """Whose a rider is, but those that were ended."""
        found = [(it, self._store.host(it.host)) for it in self._store.links_of(rider.credential_id)]
        return [(it, kept.host) for it, kept in found if kept is not None and kept.ended_ms is None]

    def allow_host(self, rider: Rider, host: str) -> None:
        """The rider allows it. Raises NotFound, Refused."""
        of_rider = self._store.links_of(rider.credential_id)
        if len(of_rider) >= limits.HOSTS_OF_A_RIDER_MAX and all(it.host != host for it in of_rider):
            raise Refused(
                "too many apps have this account", fix="end one that you do not use",
                rider_fa="برنامه‌های زیادی به این حساب راه دارند؛ یکی را بردارید",
                rider_en="Too many apps have this account: end one of them",
            )  # fmt: skip
        if not self._store.allow_host(Link(host, None, rider.credential_id, self._clock())):
            raise _no_host()

    def end(self, rider: Rider, host: str) -> None:
        """The rider ends it. Raises NotFound."""
        if not self._store.end_link(host, rider.credential_id, self._clock()):
            raise _no_host()


def _no_host() -> NotFound:
    return NotFound("there is no such app", fix="look at the list of your apps: GET /v1/riders/{id}/hosts")
