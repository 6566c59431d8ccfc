"""Devices that ask over the broker for a newer certificate are answered there: one look, made again and again.

    device ─ renewal, kept ─▶ broker ─▶ this look ─▶ broker ─ renewed, kept ─▶ device

Rules:
- nobody is asked: within the window who has the certificate in force and the tap key gets the next one. Behind its end
  the broker lets nobody in, and a person looks at a file (`device_renewals`);
- a request counts under its own device's topic alone, where only that device may speak;
- one that is refused keeps no other from its answer; all of them wait at the broker until their devices take them away.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from protocol.errors import ProofError, SavarError, WireError
from protocol.wire.renewals import read_renewal
from protocol.wire.topics import Address, Channel, shard_filter, split
from provisioning.adapters import files
from provisioning.app.city import City, changing_city, load_city
from provisioning.app.device_renewals import renew_device
from provisioning.app.makers import Authority, Randomness
from provisioning.core import certificates, names
from provisioning.core.errors import ProvisioningError, RenewalRefused
from provisioning.core.limits import OFFICE_RENEWS_DAYS, RENEWALS_A_LOOK_MAX
from provisioning.core.purposes import Purpose

_FIX = "remove it and call again: the office makes itself another"


class Kept(Protocol):
    """What the broker keeps, as `transport.kept_words` has it."""

    def read(self) -> Sequence["Word"]:
        """Every request that waits."""
        ...

    def say(self, topic: str, payload: bytes) -> None:
        """Raises BrokerSilent."""
        ...


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


class OpenKept(Protocol):
    """Comes to the broker by the certificate in a folder: `transport.kept_words.KeptWords`."""

    def __call__(
        self, folder: Path, *, host: str, port: int, name: str, topics: str, most: int
    ) -> AbstractContextManager[Kept]:
        """Raises BrokerSilent."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """Who asked, and what became of it: `refused` says why, in words, where nothing was given."""

    device: str
    again: bool = False
    refused: SavarError | None = None


def answer_waiting(root: Path, open_kept: OpenKept, *, now: datetime, randomness: Randomness) -> list[Answered]:
    """Answer every request that waits at the city's broker.

    Raises BrokerSilent; NotACity, FileFailed, NotItsAuthority, AuthorityEnding where the office itself is not able to.
    """
    with changing_city(root) as city:
        _require_keys(city, now, randomness)
    settings = city.settings
    with open_kept(
        city.folder.office, host=settings.broker_host, port=settings.broker_port, name=names.OFFICE,
        topics=shard_filter(settings.name, settings.shard, Channel.RENEWAL), most=RENEWALS_A_LOOK_MAX,
    ) as kept:  # fmt: skip
        return answer(root, kept, now=now, randomness=randomness)


def answer(root: Path, kept: Kept, *, now: datetime, randomness: Randomness) -> list[Answered]:
    """The same, over whatever keeps words. Raises BrokerSilent; FileFailed, NotItsAuthority."""
    city = load_city(root)
    Authority.load(city.folder.authority, now, randomness).issuer(
        Purpose.DEVICE
    )  # else each would be refused by itself
    return [_answer(root, kept, word, now, randomness) for word in kept.read()]


def _answer(root: Path, kept: Kept, word: Word, now: datetime, randomness: Randomness) -> Answered:
    device = word.topic
    try:
        address, _ = split(word.topic)
        device = address.device
        _require_own(address, word.payload)
        done = renew_device(root, word.payload, now=now, randomness=randomness, confirm=lambda *_: None)
    except (WireError, ProofError, ProvisioningError) as refused:
        return Answered(device, refused=refused)
    kept.say(address.topic(Channel.RENEWED), done.answer)
    return Answered(device, again=done.again)


def _require_own(address: Address, data: bytes) -> None:
    """Raises RenewalRefused, WireError."""
    asks = read_renewal(data).device
    if asks != address.device:
        raise RenewalRefused(
            f"{address.device} asks in the name of {asks}", fix="look at that device: it holds another's request"
        )


def _require_keys(city: City, now: datetime, randomness: Randomness) -> None:
    """The office's own certificate, made where there is none yet or it ends soon."""
    folder = city.folder.office
    certificate = folder / "tls.crt.pem"
    if certificate.exists():
        held = certificates.from_pem(files.read(certificate, fix=_FIX))
        if held.not_valid_after_utc > now + timedelta(days=OFFICE_RENEWS_DAYS):
            return
    files.make_folder(folder, private=True)
    if (folder / "tls.key.pem").exists():  # of an interrupted call, or of the certificate that ends
        files.remove([folder / "tls.key.pem"])
    Authority.load(city.folder.authority, now, randomness).write_leaf(folder, Purpose.PEOPLE, names.OFFICE)
