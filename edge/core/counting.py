"""Whether a card's journal is the newest that its machine knows of, by a counter that nothing sets back (P11).

    the card                     the machine's counter
    kept: n, over the chain      n, or n - 1: the power went between the two        as it should be
    kept: n                      more: this card is a copy from before              doubted
    kept: n                      less than n - 1, or none: another machine's card   doubted

Rules:
- the card says the next number first, signed by the tap key over the chain's newest signed record; then the counter
  advances. So no cut between them looks like a copy; what a cut left open is counted first, and then the next number;
- what the card says holds for its own chain alone: the number of a newer image put into an older one does not fit;
- a card that is doubted counts no more, so that every later start finds the same;
- a card that was counted by nobody may be an old one: only its first run on a new journal takes the counter up.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edge.core.ports import Head
from protocol.errors import OutOfRange
from protocol.limits import HASH_BYTES, INT63_MAX
from protocol.plurals import counted
from protocol.wire import cbor
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.signed import open_message, seal_message

COUNTED_MAX_BYTES = 512  # on the card; the longest is 230
_VERSION = 1
_FIELDS: cbor.Fields = (
    ("device", cbor.name_text),
    ("count", cbor.uint(INT63_MAX)),
    ("epoch", cbor.uint(INT63_MAX)),
    ("sequence", cbor.uint(INT63_MAX)),
    ("head", cbor.octets(HASH_BYTES)),
)
_COPY = "keep the card and this device; `savar journal recover` brings its taps, then give it an empty data_dir"


@dataclass(frozen=True, slots=True)
class Counted:
    """`count`: of the machine's counter once it has followed, 0 before the first; `at`: the chain as it was then."""

    count: int
    at: Head


def encode_counted(device: str, word: Counted, signer: Signer) -> bytes:
    """→ bytes for the card, signed. Raises what the signer raises."""
    values = (device, word.count, word.at.epoch, word.at.sequence, word.at.hash)
    payload = cbor.encode_structure("count", values, _FIELDS, version=_VERSION, max_bytes=COUNTED_MAX_BYTES)
    return seal_message(Purpose.COUNT, payload, signer)


def decode_counted(device: str, data: bytes, key: VerifyingKey) -> Counted:
    """Bytes of the card → what this device signed. Raises WireError or ProofError by name."""
    payload = open_message(Purpose.COUNT, data, [key], max_bytes=COUNTED_MAX_BYTES)
    named, count, *chain = cbor.decode_structure(
        "count", payload, _FIELDS, version=_VERSION, max_bytes=COUNTED_MAX_BYTES
    )
    if named != device:
        raise OutOfRange("a count of another device", found=named, expected=device)
    return Counted(count, Head(*chain))


def why_doubted(
    kept: Counted | None, counter: int | None, journal: Head, hash_at: Callable[[int], bytes | None], *, is_new: bool
) -> str:
    """Empty if the journal is the newest that the machine knows of; else what is wrong and what to do.

    `journal`: its newest record, signed or not: after a power cut the signature that was counted is on no card yet;
    `hash_at`: the chain's hash over one of its records, None for one that was pruned; `is_new`: begun in this run.
    """
    if kept is None or kept.at.epoch != journal.epoch:
        known = counter is not None or kept is not None
        if is_new or not known:
            return ""
        return f"this machine has counted, and this card's journal knows nothing of it: {_COPY}"
    if counter is None or counter < kept.count - 1:
        # Between the first word and the counter's making.
        return "" if kept.count == 0 else f"this card was counted by another machine: {_COPY}"
    if kept.count and counter > kept.count:
        ago = counted(counter - kept.count, "count")
        return f"this card is a copy from {ago} ago, or another door has its index of [counter]: {_COPY}"
    if kept.at.sequence > journal.sequence:
        return f"the journal ends at {journal.sequence}, and reached {kept.at.sequence} when it was counted: {_COPY}"
    held = hash_at(kept.at.sequence)
    if held is not None and held != kept.at.hash:
        return f"record {kept.at.sequence} is not the one that was counted: {_COPY}"
    return ""
