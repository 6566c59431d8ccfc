"""Devices that ask over the broker for a newer certificate are answered there: one look, made again and again.

    device ─ renewal, kept ─▶ broker ─▶ this look ─▶ broker ─ renewed, kept ─▶ device

Rules:
- nobody is asked: within the window who has the certificate in force and the tap key gets the next one. One that has
  ended is not followed here: a person looks at a file (`device_renewals`);
- a request counts under its own device's topic alone, where only that device may speak;
- one that is refused, or that cannot be told, keeps no other from its answer; each waits at the broker until its device
  takes it away;
- the office's own certificate is renewed before it ends; while it is good, that it cannot be is told and ends nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from protocol.errors import ProofError, SavarError, WireError
from protocol.limits import RENEWAL_MAX_BYTES
from protocol.wire.certificates import Chain
from protocol.wire.renewals import read_renewal
from protocol.wire.topics import Address, Channel, split
from provisioning.adapters import files
from provisioning.app.broker import admitted_devices
from provisioning.app.city import City, changing_city
from provisioning.app.device_renewals import renew_device
from provisioning.app.makers import Authority, Randomness
from provisioning.app.registry import Registered
from provisioning.core import certificates, names
from provisioning.core.days import unix_ms
from provisioning.core.errors import ProvisioningError, RenewalRefused
from provisioning.core.limits import OFFICE_RENEWS_DAYS, RENEWALS_AT_ONCE
from provisioning.core.purposes import Purpose
from transport.errors import TransportError

_FIX = "remove it and call again: the office makes itself another"


class Word(Protocol):
    """One message."""

    @property
    def topic(self) -> str:
        """Where it is kept."""
        ...

    @property
    def payload(self) -> bytes:
        """What it says."""
        ...


class Kept(Protocol):
    """What the broker keeps, as `transport.kept_words` has it."""

    def read(self) -> Sequence[Word]:
        """Every request that waits under the topics asked for."""
        ...

    def say(self, topic: str, payload: bytes) -> None:
        """Raises TransportError."""
        ...


class OpenKept(Protocol):
    """Comes to the broker by the key and certificate in one file: `transport.kept_words.KeptWords`."""

    def __call__(
        self, *, host: str, port: int, ca: Path, pair: Path, name: str, topics: Sequence[str], most_bytes: int
    ) -> AbstractContextManager[Kept]:
        """Raises TransportError."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """Who asked, and what became of it: `refused` says why nothing was given, or why it was not told."""

    device: str
    again: bool = False
    refused: SavarError | None = None


def answer_waiting(
    root: Path, open_kept: OpenKept, *, now: datetime, randomness: Randomness, tell: Callable[[str], None]
) -> list[Answered]:
    """Answer every request that waits at the city's broker. `tell`: what the office itself will lack soon.

    Raises TransportError where the broker does not let us in or hear; NotACity, FileFailed, BadSetting,
    AuthorityEnding, NotItsAuthority where the office itself is not able to.
    """
    with changing_city(root) as city:
        Authority.load(city.folder.authority, now, randomness).issuer(Purpose.DEVICE)  # else each would be refused
        require_pair(city, now, randomness, tell)
    settings, folder = city.settings, city.folder
    told: list[Answered] = []
    for some in _batches(admitted_devices(city)):
        with open_kept(
            host=settings.broker_host, port=settings.broker_port, ca=folder.authority.root_certificate,
            pair=folder.office, name=names.OFFICE, most_bytes=RENEWAL_MAX_BYTES,
            topics=[Address(settings.name, settings.shard, it).topic(Channel.RENEWAL) for it in some],
        ) as kept:  # fmt: skip
            told += answer(root, kept, now=now, randomness=randomness)
    return told


def _batches(devices: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(devices), RENEWALS_AT_ONCE):
        yield devices[at : at + RENEWALS_AT_ONCE]


def answer(root: Path, kept: Kept, *, now: datetime, randomness: Randomness) -> list[Answered]:
    """Answer what one look finds."""
    return [_answer(root, kept, word, now, randomness) for word in kept.read()]


def _answer(root: Path, kept: Kept, word: Word, now: datetime, randomness: Randomness) -> Answered:
    device = word.topic

    def in_time(_: Registered, held: Chain) -> None:
        if held.ends_ms <= unix_ms(now):
            raise RenewalRefused("the certificate has ended", fix="a person looks at it: `savar provision renew`")

    try:
        address, _ = split(word.topic)
        device = address.device
        _require_own(address, word.payload)
        done = renew_device(root, word.payload, now=now, randomness=randomness, confirm=in_time)
        kept.say(address.topic(Channel.RENEWED), done.answer)
    except (WireError, ProofError, ProvisioningError, TransportError) as refused:
        return Answered(device, refused=refused)
    return Answered(device, again=done.again)


def _require_own(address: Address, data: bytes) -> None:
    """Raises RenewalRefused, WireError."""
    asks = read_renewal(data).device
    if asks != address.device:
        raise RenewalRefused(
            f"{address.device} asks in the name of {asks}", fix="look at that device: it holds another's request"
        )


def require_pair(city: City, now: datetime, randomness: Randomness, tell: Callable[[str], None]) -> None:
    """The office's own key and certificate, made where there is none yet or it ends soon."""
    pair = city.folder.office
    ends = certificates.from_pem(files.read(pair, fix=_FIX)).not_valid_after_utc if pair.exists() else now
    if ends > now + timedelta(days=OFFICE_RENEWS_DAYS):
        return
    try:
        new = Authority.load(city.folder.authority, now, randomness).pair(Purpose.PEOPLE, names.OFFICE)
        files.replace(pair, new, mode=0o600)
    except ProvisioningError as error:
        if ends <= now:
            raise
        tell(f"the office's own certificate ends on {ends:%Y-%m-%d}, and is not renewed: {error}")
