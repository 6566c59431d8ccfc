"""What one door of a bus tells the other: its new records, its fresh boardings, what it holds of the other's journal.

Rules:
- signed with the sender's tap key, which the other door holds from enrolment; sent over mutual TLS, because boardings
  are plain ids for as long as the tariff's windows;
- the batch is the one that goes to the backend, byte for byte: a copy that outlives a dead card proves itself;
- a boarding's age is counted on the sender's monotonic clock, so the doors' wall clocks need not agree (P14);
- the witness says what the sender holds durably of the receiver's journal: a rollback shows there first (P11);
- the receipt is the backend's word on the sender's journal, passed on so that the copy can be pruned too (P2);
- a copy leaves records out only where the sender says that its journal begins behind them, and a receipt covers them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol import limits
from protocol.wire import cbor
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.passes import Presentation
from protocol.wire.signed import open_message, seal_message

VERSION = 2  # 1 had no fares
_BOARDING: cbor.Fields = (
    ("credential_id", cbor.octets(limits.CREDENTIAL_ID_BYTES)),
    ("time_s", cbor.uint(limits.UINT32_MAX)),
    ("counter", cbor.uint(65_535)),
    ("party", cbor.uint(limits.PARTY_MAX)),
    ("door", cbor.uint(255)),
    ("wall_ms", cbor.uint(limits.INT63_MAX)),
    ("age_ms", cbor.uint(limits.INT63_MAX)),
    ("adult_rials", cbor.uint(limits.FLAT_FARE_MAX_RIALS)),
    ("permille", cbor.uint(1000)),
    ("cap_permille", cbor.uint(1000)),
)
_WITNESS: cbor.Fields = (
    ("epoch", cbor.uint(limits.INT63_MAX)),
    ("sequence", cbor.uint(limits.INT63_MAX)),
    ("head", cbor.octets(limits.HASH_BYTES)),
)
_FIELDS: cbor.Fields = (
    ("device", cbor.name_text),
    ("batch", cbor.octets(most=limits.BATCH_MAX_BYTES)),
    ("boardings", cbor.array(cbor.row(_BOARDING), most=limits.SISTER_BOARDINGS_MAX)),
    ("witness", cbor.optional(cbor.row(_WITNESS))),
    ("receipt", cbor.octets(most=limits.MESSAGE_MAX_BYTES)),
    ("begins", cbor.uint(limits.INT63_MAX)),
)


@dataclass(frozen=True, slots=True)
class FreshBoarding:
    """One accepted boarding at the sender's door, `age_ms` before the message was made."""

    presentation: Presentation
    party: int
    door: int
    wall_ms: int
    age_ms: int
    adult_rials: int  # what its ride adds to its rider's history: a transfer is priced at either door
    permille: int
    cap_permille: int


@dataclass(frozen=True, slots=True)
class Witness:
    """I hold records 1…`sequence` of your journal of this epoch; `head` is the hash of the last. Sequence 0: none."""

    epoch: int
    sequence: int
    head: bytes


@dataclass(frozen=True, slots=True)
class SisterWord:
    """One message between two doors. `batch` and `receipt` are empty where there is none.

    `begins`: the first record that the sender still has of the batch's journal; 0 without a batch.
    """

    device: str
    batch: bytes = b""
    boardings: Sequence[FreshBoarding] = ()
    witness: Witness | None = None
    receipt: bytes = b""
    begins: int = 0


def encode_sister(word: SisterWord, signer: Signer) -> bytes:
    """Word → signed message bytes. Raises WireError by name."""
    boardings = [
        [b.presentation.credential_id, b.presentation.time_s, b.presentation.counter, b.party, b.door, b.wall_ms,
         b.age_ms, b.adult_rials, b.permille, b.cap_permille]
        for b in word.boardings
    ]  # fmt: skip
    held = word.witness
    witness = None if held is None else [held.epoch, held.sequence, held.head]
    values = [word.device, word.batch, boardings, witness, word.receipt, word.begins]
    payload = cbor.encode_structure(
        "sister", values, _FIELDS, version=VERSION, max_bytes=limits.SISTER_MESSAGE_MAX_BYTES
    )
    return seal_message(Purpose.SISTER, payload, signer)


def open_sister(data: bytes, key: VerifyingKey) -> SisterWord:
    """Signed message bytes → verified word of the door that holds `key`. Raises WireError or ProofError by name."""
    payload = open_message(Purpose.SISTER, data, [key], max_bytes=limits.SISTER_MESSAGE_MAX_BYTES)
    device, batch, boardings, witness, receipt, begins = cbor.decode_structure(
        "sister", payload, _FIELDS, version=VERSION, max_bytes=limits.SISTER_MESSAGE_MAX_BYTES
    )
    return SisterWord(
        device, batch,
        tuple(FreshBoarding(Presentation(b[0], b[1], b[2]), *b[3:]) for b in boardings),
        None if witness is None else Witness(*witness), receipt, begins,
    )  # fmt: skip
