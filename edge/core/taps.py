"""From a decision to the record that is signed: pure assembly, one function per record kind."""

from dataclasses import dataclass

from edge.core.decide import Decision
from edge.core.ports import Head, StoredRecord
from protocol.wire import chain
from protocol.wire.bundles import Bundle
from protocol.wire.keys import Signer
from protocol.wire.records import (
    DayKeyRecord,
    Instant,
    Link,
    Opening,
    Service,
    Tap,
    encode_day_key,
    encode_opening,
    encode_public_tap,
    encode_tap,
)
from protocol.wire.seal import DayKey


@dataclass(frozen=True, slots=True)
class Signed:
    """A record ready to store (its bytes and the device's signature over the new head), and that head."""

    stored: StoredRecord
    head: bytes


def _sign(link: Link, raw: bytes, signer: Signer) -> Signed:
    head = chain.next_hash(link.previous, raw)
    return Signed(StoredRecord(link.sequence, raw, chain.sign_hash(head, signer)), head)


def next_link(device: str, head: Head) -> Link:
    """The place behind the journal's head."""
    return Link(device, head.epoch, head.sequence + 1, head.hash)


def sign_opening(link: Link, now: Instant, software: str, signer: Signer) -> Signed:
    """The first record of a journal."""
    return _sign(link, encode_opening(Opening(link, now, software, signer.public, None)), signer)


def sign_day_key(link: Link, now: Instant, key: DayKey, wrapped: bytes, signer: Signer) -> Signed:
    """A day key, wrapped to the backend, before the first tap sealed under it."""
    return _sign(link, encode_day_key(DayKeyRecord(link, now, key.day, key.id, wrapped)), signer)


def sign_tap(
    link: Link, now: Instant, decision: Decision, *, service: Service, bundle: Bundle, key: DayKey, signer: Signer
) -> Signed:
    """One decision, its rider part sealed."""
    tap = Tap(
        link=link,
        at=now,
        service=service,
        position=None,
        key_id=key.id if decision.proof else None,
        code_kind=decision.code_kind,
        party=decision.party,
        product=decision.product,
        tariff_version=bundle.tariff.version,
        fare_rials=decision.fare_rials,
        verdict=decision.verdict,
        reason=decision.reason,
        lists=(bundle.number, bundle.deny_number),
    )
    public = encode_public_tap(tap)
    sealed = key.seal(link.sequence, decision.proof, public) if decision.proof else b""
    return _sign(link, encode_tap(public, sealed), signer)
