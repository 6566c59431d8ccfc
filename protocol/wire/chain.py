"""The hash chain over a device's records: hash(n) = SHA-256(hash(n-1) ‖ record bytes).

Rules:
- the first record of an epoch follows 32 zero bytes;
- every record also names its predecessor's hash inside, so one record's bytes can be destroyed (a day key past its
  time) while its neighbours still prove the chain;
- the device signs each hash at the tap; the signature over the last hash of a run commits to all before it.
"""

from collections.abc import Sequence
from hashlib import sha256

from protocol import limits
from protocol.errors import ChainBroken
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.records import Link, Record, decode_record

GENESIS = bytes(limits.HASH_BYTES)


def next_hash(previous: bytes, record: bytes) -> bytes:
    """hash(n) from hash(n-1) and the record's bytes."""
    return sha256(previous + record).digest()


def head_of(record: bytes) -> bytes:
    """Hash of a record from its bytes alone: it names its predecessor's hash itself."""
    return next_hash(decode_record(record).link.previous, record)


def sign_hash(head: bytes, signer: Signer) -> bytes:
    """The device's signature over one hash of its chain."""
    return signer.sign(Purpose.RECORD, head)


def verify_hash(head: bytes, signature: bytes, key: VerifyingKey) -> None:
    """Check a device's signature over a hash. Raises BadSignature, HighSSignature or WrongLength."""
    key.verify(Purpose.RECORD, head, signature)


def follow(link: Link, *, device: str, epoch: int, sequence: int, previous: bytes) -> None:
    """Require that a record stands exactly where it is expected. Raises ChainBroken naming what differs."""
    for name, expected, found in (
        ("device", device, link.device),
        ("epoch", epoch, link.epoch),
        ("sequence", sequence, link.sequence),
        ("previous", previous, link.previous),
    ):
        if expected != found:
            raise ChainBroken(
                f"record's {name} does not follow", field=name, sequence=sequence,
                expected=expected.hex() if isinstance(expected, bytes) else expected,
                found=found.hex() if isinstance(found, bytes) else found,
            )  # fmt: skip


def walk(records: Sequence[bytes], *, device: str, epoch: int, first: int) -> list[tuple[Record, bytes]]:
    """Records in order → [(record, its hash)]. The walk starts at genesis, or at the first record's own `previous`.

    Whoever calls compares that `previous`, or the head, with what they hold. Raises ChainBroken or WireError.
    """
    out: list[tuple[Record, bytes]] = []
    previous = GENESIS if first == 1 else None
    for offset, raw in enumerate(records):
        record = decode_record(raw)
        expected = record.link.previous if previous is None else previous
        follow(record.link, device=device, epoch=epoch, sequence=first + offset, previous=expected)
        previous = next_hash(expected, raw)
        out.append((record, previous))
    return out
