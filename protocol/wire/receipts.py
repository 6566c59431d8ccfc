"""Receipts: the backend's signed word that it holds everything of a device up to a sequence.

Rules:
- cumulative and idempotent: losing one costs nothing, a newer one says it all;
- bound to the chain head, so a receipt for another history proves nothing (P2);
- names the ledger incarnation and head: thousands of devices hold them, which stops a quiet rewrite of the ledger.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from protocol import limits
from protocol.wire import cbor
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.signed import open_message, seal_message

VERSION = 1
_FIELDS: cbor.Fields = (
    ("device", cbor.name_text),
    ("epoch", cbor.uint(limits.INT63_MAX)),
    ("sequence", cbor.uint(limits.INT63_MAX)),
    ("head", cbor.octets(limits.HASH_BYTES)),
    ("incarnation", cbor.uint(limits.INT63_MAX)),
    ("ledger_head", cbor.octets(limits.HASH_BYTES)),
    ("issued_ms", cbor.uint(limits.INT63_MAX)),
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """I hold records 1…`sequence` of this device and epoch, and `head` is the hash of the last. Sequence 0: none."""

    device: str
    epoch: int
    sequence: int
    head: bytes
    incarnation: int
    ledger_head: bytes
    issued_ms: int


def encode_receipt(receipt: Receipt, signer: Signer) -> bytes:
    """Receipt → signed message bytes."""
    values = [
        receipt.device, receipt.epoch, receipt.sequence, receipt.head,
        receipt.incarnation, receipt.ledger_head, receipt.issued_ms,
    ]  # fmt: skip
    payload = cbor.encode_structure("receipt", values, _FIELDS, version=VERSION, max_bytes=limits.MESSAGE_MAX_BYTES)
    return seal_message(Purpose.RECEIPT, payload, signer)


def open_receipt(data: bytes, keys: Iterable[VerifyingKey]) -> Receipt:
    """Signed message bytes → verified receipt. Raises WireError or ProofError by name."""
    payload = open_message(Purpose.RECEIPT, data, keys, max_bytes=limits.MESSAGE_MAX_BYTES)
    values = cbor.decode_structure("receipt", payload, _FIELDS, version=VERSION, max_bytes=limits.MESSAGE_MAX_BYTES)
    return Receipt(*values)
