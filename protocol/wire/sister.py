"""What one door of a bus tells the other: its new records, its fresh boardings, what it holds of the other's journal.

Rules:
- signed with the sender's tap key, which the other door holds from enrolment; sent over mutual TLS, because boardings
  are plain ids for as long as the tariff's windows;
- the batch is the one that goes to the backend, byte for byte: a copy that outlives a dead card proves itself;
- a boarding is named by its record, and says what was answered: a door that never met the rider knows what was spent,
  which graces are used up, and which record to ask for. One that was taken back is still told, and says so;
- a boarding's age is counted on the sender's monotonic clock, so the doors' wall clocks need not agree (P14);
- the witness says what the sender holds durably of the receiver's journal: a rollback shows there first (P11);
- the receipt is the backend's word on the sender's journal, passed on so that the copy can be pruned too (P2);
- the condition is what the sender's own self-test says of it, told when a session begins and when it changes;
- a copy leaves records out only where the sender says that its journal begins behind them, and a receipt covers them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from protocol import limits
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire import cbor
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.passes import Presentation
from protocol.wire.signed import open_message, seal_message

VERSION = 4  # 1 had no fares, 2 no records, 3 no condition
_BOARDING: cbor.Fields = (
    ("epoch", cbor.uint(limits.INT63_MAX)),
    ("sequence", cbor.uint(limits.INT63_MAX, least=1)),
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
    ("fare_rials", cbor.uint(limits.RIALS_MAX)),
    ("verdict", cbor.code(Verdict)),
    ("reason", cbor.code(Reason)),
    ("tariff_version", cbor.uint(limits.UINT32_MAX)),
    ("annulled", cbor.flag),
    ("along", cbor.optional(cbor.row((
        ("line", cbor.name_text), ("direction", cbor.optional(cbor.uint(1))), ("trip", cbor.optional(cbor.name_text)),
        ("metres", cbor.optional(cbor.uint(limits.TARIFF_METRES_MAX))),
    )))),
    ("closes", cbor.optional(cbor.row((
        ("epoch", cbor.uint(limits.INT63_MAX)), ("sequence", cbor.uint(limits.INT63_MAX, least=1)),
    )))),
)  # fmt: skip
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
    ("condition", cbor.optional(cbor.row((("reads", cbor.flag), ("fault", cbor.short_text))))),
)


@dataclass(frozen=True, slots=True)
class Along:
    """Where a vehicle is on its way: `metres` by a trusted place. What is not known is None."""

    line: str
    direction: int | None = None
    trip: str | None = None
    metres: int | None = None


@dataclass(frozen=True, slots=True)
class FreshBoarding:
    """One accepted boarding on the sender's bus, `age_ms` before the message was made; named by its record.

    `along`: where, on a line by distance. A tap-out stands here too: `closes` names the (epoch, sequence) that it ends.
    """

    epoch: int
    sequence: int
    presentation: Presentation
    party: int
    door: int
    wall_ms: int
    age_ms: int
    adult_rials: int  # what its ride adds to its rider's history: a transfer is priced at either door
    permille: int
    cap_permille: int
    fare_rials: int  # as it was shown
    verdict: Verdict
    reason: Reason
    tariff_version: int
    annulled: bool = False  # taken back: its code is still a copy, and nothing else of it counts
    along: Along | None = None
    closes: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """I hold records 1…`sequence` of your journal of this epoch; `head` is the hash of the last. Sequence 0: none."""

    epoch: int
    sequence: int
    head: bytes


@dataclass(frozen=True, slots=True)
class DoorCondition:
    """What the sender says of itself: whether its cameras and its journal work, and its worst fault in words."""

    reads: bool
    fault: str = ""


@dataclass(frozen=True, slots=True)
class SisterWord:
    """One message between two doors. `batch` and `receipt` are empty, `condition` is None where there is no news.

    `begins`: the first record that the sender still has of the batch's journal; 0 without a batch.
    """

    device: str
    batch: bytes = b""
    boardings: Sequence[FreshBoarding] = ()
    witness: Witness | None = None
    receipt: bytes = b""
    begins: int = 0
    condition: DoorCondition | None = None


def encode_sister(word: SisterWord, signer: Signer) -> bytes:
    """Word → signed message bytes. Raises WireError by name."""
    boardings = [
        [b.epoch, b.sequence, b.presentation.credential_id, b.presentation.time_s, b.presentation.counter, b.party,
         b.door, b.wall_ms, b.age_ms, b.adult_rials, b.permille, b.cap_permille, b.fare_rials, int(b.verdict),
         int(b.reason), b.tariff_version, b.annulled, _along_values(b.along),
         None if b.closes is None else list(b.closes)]
        for b in word.boardings
    ]  # fmt: skip
    held = word.witness
    witness = None if held is None else [held.epoch, held.sequence, held.head]
    said = word.condition
    condition = None if said is None else [said.reads, said.fault]
    values = [word.device, word.batch, boardings, witness, word.receipt, word.begins, condition]
    payload = cbor.encode_structure(
        "sister", values, _FIELDS, version=VERSION, max_bytes=limits.SISTER_MESSAGE_MAX_BYTES
    )
    return seal_message(Purpose.SISTER, payload, signer)


def open_sister(data: bytes, key: VerifyingKey) -> SisterWord:
    """Signed message bytes → verified word of the door that holds `key`. Raises WireError or ProofError by name."""
    payload = open_message(Purpose.SISTER, data, [key], max_bytes=limits.SISTER_MESSAGE_MAX_BYTES)
    device, batch, boardings, witness, receipt, begins, condition = cbor.decode_structure(
        "sister", payload, _FIELDS, version=VERSION, max_bytes=limits.SISTER_MESSAGE_MAX_BYTES
    )
    return SisterWord(
        device, batch,
        tuple(_boarding(row) for row in boardings),
        None if witness is None else Witness(*witness), receipt, begins,
        None if condition is None else DoorCondition(*condition),
    )  # fmt: skip


def _along_values(it: Along | None) -> list[Any] | None:
    return None if it is None else [it.line, it.direction, it.trip, it.metres]


def _boarding(row: Sequence[Any]) -> FreshBoarding:
    epoch, sequence, *of_render = row[:5]
    *of_ride, verdict, reason, tariff_version, annulled, along, closes = row[5:]
    said = (*of_ride, Verdict(verdict), Reason(reason), tariff_version, annulled,
            None if along is None else Along(*along), None if closes is None else (closes[0], closes[1]))  # fmt: skip
    return FreshBoarding(epoch, sequence, Presentation(*of_render), *said)
