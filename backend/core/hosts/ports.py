"""The ports for hosts: what is kept, and what the API asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from backend.core.challenges import KeyProof
from backend.core.hosts.events import Event
from backend.core.hosts.host import Caller, Host, HostToken, KeptHost, Link, Scope
from backend.core.ports import Rider
from backend.core.staff.log import Entry


class HostStore(Protocol):
    """Each change is one durable transaction. Raises StoreFailed."""

    def host(self, name: str) -> KeptHost | None:
        """One, ended or not."""
        ...

    def hosts(self, after: str, limit: int) -> Sequence[KeptHost]:
        """By name, those behind `after`; ended ones too."""
        ...

    def end_host(self, name: str, entry: Entry) -> bool:
        """Its tokens open nothing any more. False: there is none, or it was ended."""
        ...

    def add_host_token(self, token: HostToken, others_end_ms: int, entry: Entry) -> bool:
        """Keep it; its others end at `others_end_ms` at the latest. False: there is no such host now."""
        ...

    def host_tokens(self, host: str, at_ms: int) -> Sequence[HostToken]:
        """Those that open something, oldest first."""
        ...

    def host_with(self, token_hash: bytes, at_ms: int) -> tuple[Host, HostToken] | None:
        """Whose token this is, if it still opens anything."""
        ...

    def link_of(self, host: str, user: str) -> Link | None:
        """The rider whom this host calls so."""
        ...

    def links_of(self, credential_id: bytes) -> Sequence[Link]:
        """Whose a rider is, by host."""
        ...

    def register_hosted(self, rider: Rider, link: Link) -> None:
        """A new rider and whose he is, both or none."""
        ...

    def allow_host(self, link: Link) -> bool:
        """The rider allows this host; one that he has stays as it is. False: there is no such host now."""
        ...

    def name_user(self, link: Link) -> bool:
        """The host has registered who allowed it. False: the user is another's, or it is allowed no more."""
        ...

    def end_link(self, host: str, credential_id: bytes, at_ms: int) -> bool:
        """The host has this rider no more. False: it had not."""
        ...

    def note_host_topup(self, topup_id: str, host: str, return_url: str) -> None:
        """Which host began it, and where its page leads back to."""
        ...

    def host_topup(self, topup_id: str) -> tuple[str, str] | None:
        """Which host began it, and where its page leads back to."""
        ...


@dataclass(frozen=True, slots=True)
class Hosted:
    """A rider of the calling host, and since when he is: Unix milliseconds."""

    rider: Rider
    since_ms: int


class HostDesk(Protocol):
    """What the API asks of the app."""

    def caller(self, token: str) -> Caller | None:
        """Whose token this is; None for nobody's."""
        ...

    def allow(self, caller: Caller, scope: Scope) -> None:
        """Return where the token opens it, and not too much was asked of late. Raises NotAllowed, TooManyTries."""
        ...

    def challenge(self, caller: Caller) -> bytes:
        """What a phone signs to be registered by this host, and by no other."""
        ...

    def register(self, caller: Caller, user: str, public_key: bytes, proof: KeyProof) -> Rider:
        """The rider of a proven key, whom the host calls `user`; safe to repeat.

        Raises BadKey, BadSignature, NotAllowed, Refused, TooManyTries, Unfit.
        """
        ...

    def rider(self, caller: Caller, user: str) -> Hosted:
        """One of its own. Raises NotFound, the same for another's and for none."""
        ...

    def require_topup(self, caller: Caller, it: Hosted, return_url: str) -> None:
        """Return where one may be begun. Raises Unfit, TooManyTries."""
        ...

    def begun(self, caller: Caller, topup_id: str, return_url: str) -> None:
        """This host began it."""
        ...

    def require_begun(self, caller: Caller, topup_id: str) -> None:
        """Return where this host began it. Raises NotFound, the same for another's and for none."""
        ...

    def way_back(self, topup_id: str) -> str | None:
        """Where its page leads back to; None: it was begun in no host."""
        ...

    def of_rider(self, rider: Rider) -> Sequence[tuple[Link, Host]]:
        """Whose a rider is, but those that were ended."""
        ...

    def allow_host(self, rider: Rider, host: str) -> None:
        """The rider allows it. Raises NotFound."""
        ...

    def end(self, rider: Rider, host: str) -> None:
        """The rider ends it. Raises NotFound."""
        ...


class EventStore(Protocol):
    """What waits to be told. Each change is one durable transaction. Raises StoreFailed."""

    def hosts(self, after: str, limit: int) -> Sequence[KeptHost]:
        """By name, those behind `after`; ended ones too."""
        ...

    def due_events(self, host: str, now_ms: int, limit: int) -> Sequence[Event]:
        """A host's that are to be sent now, longest due first."""
        ...

    def event_told(self, it: Event) -> None:
        """It was taken: it waits no more, unless something newer took its place; the endpoint is well."""
        ...

    def event_failed(self, it: Event, next_ms: int | None, at_ms: int) -> int:
        """Later again; None: given up → since when nothing reaches this endpoint."""
        ...

    def pause_host(self, host: str, at_ms: int) -> None:
        """Nothing is told any more, and what waits is dropped."""
        ...

    def resume_host(self, host: str, entry: Entry) -> bool:
        """It is told again what comes from now on. False: it is not paused, or there is none."""
        ...

    def next_secret(self, host: str, former_ms: int, entry: Entry) -> KeptHost | None:
        """Its next secret; the one before signs beside it until then. None: there is no such host now."""
        ...


class Heard(Enum):
    """What an endpoint said."""

    TAKEN = "taken"
    GONE = "gone"
    FAILED = "failed"


class HookWire(Protocol):
    """Sends one webhook; safe from several threads."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[Heard, str]:
        """What was said, and in words for operations what was wrong."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...
