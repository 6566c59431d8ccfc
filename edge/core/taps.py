"""From a decision to the record that is stored and signed: pure assembly, one function per record kind."""

from edge.core.asked import Decision
from edge.core.ports import ChainedRecord, Head
from protocol.wire import chain
from protocol.wire.bundles import Bundle
from protocol.wire.records import (
    DayKeyRecord,
    Instant,
    Link,
    Opening,
    Position,
    Service,
    Tap,
    encode_day_key,
    encode_opening,
    encode_public_tap,
    encode_tap,
)
from protocol.wire.seal import DayKey


def chained(link: Link, raw: bytes) -> ChainedRecord:
    """Record bytes at their place, with the chain's hash over them."""
    return ChainedRecord(link.sequence, raw, chain.next_hash(link.previous, raw))


def next_link(device: str, head: Head) -> Link:
    """The place behind the journal's head."""
    return Link(device, head.epoch, head.sequence + 1, head.hash)


def opening_record(link: Link, now: Instant, software: str, tap_key: bytes) -> ChainedRecord:
    """The first record of a journal. `tap_key` is the public point that everything in it is signed under."""
    return chained(link, encode_opening(Opening(link, now, software, tap_key, None)))


def day_key_record(link: Link, now: Instant, key: DayKey, wrapped: bytes) -> ChainedRecord:
    """A day key, wrapped to the backend, before the first tap sealed under it."""
    return chained(link, encode_day_key(DayKeyRecord(link, now, key.day, key.id, wrapped)))


def tap_record(
    link: Link,
    now: Instant,
    decision: Decision,
    *,
    service: Service,
    bundle: Bundle,
    key: DayKey,
    line_told: bool,
    position: Position | None = None,
) -> ChainedRecord:
    """One decision, its rider part sealed."""
    tap = Tap(
        link=link,
        at=now,
        service=service,
        position=position,
        key_id=key.id if decision.proof else None,
        code_kind=decision.code_kind,
        party=decision.party,
        product=decision.product,
        tariff_version=decision.tariff_version,
        fare_rials=decision.fare_rials,
        verdict=decision.verdict,
        reason=decision.reason,
        lists=(bundle.number, bundle.deny_number),
        line_told=line_told,
        policy=None if decision.policy is None else (bundle.policies.number, decision.policy),
        forgone_rials=decision.forgone_rials,
        metres=decision.metres,
        closes=None if decision.accepted is None else decision.accepted.closes,
    )
    public = encode_public_tap(tap)
    sealed = key.seal(link.sequence, decision.proof, public) if decision.proof else b""
    return chained(link, encode_tap(public, sealed))
