"""Batches: consecutive records of one device and epoch, with one signature over the last hash.

The same bytes go over MQTT, in a depot file, and between the doors of a bus.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol import limits
from protocol.errors import OutOfRange
from protocol.wire import cbor, chain
from protocol.wire.keys import VerifyingKey
from protocol.wire.records import Record

VERSION = 1
_FIELDS: cbor.Fields = (
    ("device", cbor.name_text),
    ("epoch", cbor.uint(limits.INT63_MAX)),
    ("first", cbor.uint(limits.INT63_MAX, least=1)),
    ("records", cbor.array(cbor.octets(most=limits.RECORD_MAX_BYTES), most=limits.BATCH_DRAIN_RECORDS)),
    ("signature", cbor.octets(limits.SIGNATURE_BYTES)),
)


@dataclass(frozen=True, slots=True)
class Batch:
    """A decoded, not yet verified batch."""

    device: str
    epoch: int
    first: int
    records: tuple[bytes, ...]
    signature: bytes

    @property
    def last(self) -> int:
        """Sequence of the last record."""
        return self.first + len(self.records) - 1


def encode_batch(device: str, epoch: int, first: int, records: Sequence[bytes], signature: bytes) -> bytes:
    """Consecutive record bytes and the stored signature of the last one → batch bytes. Raises WireError by name."""
    if not records:
        raise OutOfRange("batch without records", field="records")
    values = [device, epoch, first, list(records), signature]
    return cbor.encode_structure("batch", values, _FIELDS, version=VERSION, max_bytes=limits.BATCH_MAX_BYTES)


def decode_batch(data: bytes) -> Batch:
    """Batch bytes → batch; nothing in it is proven yet. Raises WireError by name."""
    device, epoch, first, records, signature = cbor.decode_structure(
        "batch", data, _FIELDS, version=VERSION, max_bytes=limits.BATCH_MAX_BYTES
    )
    if not records:
        raise OutOfRange("batch without records", field="records")
    return Batch(device, epoch, first, tuple(records), signature)


def verify_batch(batch: Batch, key: VerifyingKey) -> list[tuple[Record, bytes]]:
    """Walk the chain, check the one signature → [(record, its hash)]. Raises ChainBroken, BadSignature, WireError."""
    walked = chain.walk(batch.records, device=batch.device, epoch=batch.epoch, first=batch.first)
    chain.verify_hash(walked[-1][1], batch.signature, key)
    return walked
