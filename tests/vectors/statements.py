"""Vectors of the recovery key's statements."""

from typing import Any

from protocol.wire import cbor
from protocol.wire.authority import Statement, encode_statement
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.signed import seal_message
from tests.protocol.samples import BUNDLE_KEY, RECEIPT_KEY
from tests.vectors.entries import Entries, of

RECOVERY = SigningKey.from_secret(b"recovery" + bytes(24))
NEW = SigningKey.from_secret(b"new bundle key" + bytes(18))


def statement_entries() -> Entries:
    one, both = (BUNDLE_KEY.public,), tuple(sorted((BUNDLE_KEY.public, NEW.public)))
    held = encode_statement(Statement("isfahan", 5, 1_796_000_000_000, both), RECOVERY).hex()

    def good(*values: object, **more: Any) -> dict[str, Any]:
        return of(encode_statement(Statement(*values), RECOVERY), **more)  # type: ignore[arg-type]

    def signed(*values: object, key: SigningKey = RECOVERY, purpose: Purpose = Purpose.AUTHORITY) -> dict[str, Any]:
        return of(seal_message(purpose, cbor.encode([1, *values]), key))

    keys = list(both)
    return {
        "the first": good("isfahan", 1, 1, one),
        "two keys, a restored ledger": good("isfahan", 2, 1_796_000_000_000, both),
        "behind the one that is held": good("isfahan", 6, 1_796_000_000_000, one, held=held),
        "the one that is held": of(bytes.fromhex(held), held=held),
        "older than the one that is held": good("isfahan", 4, 1_796_000_000_000, both, held=held),
        "an older incarnation": good("isfahan", 6, 1_795_999_999_999, both, held=held),
        "the same number, other contents": good("isfahan", 5, 1_796_000_000_000, one, held=held),
        "of another city": good("shiraz", 1, 1, one),
        "signed by the bundle key": signed("isfahan", 1, 1, keys, key=BUNDLE_KEY),
        "signed by a receipt key": signed("isfahan", 1, 1, keys, key=RECEIPT_KEY),
        "signed as a manifest": signed("isfahan", 1, 1, keys, purpose=Purpose.MANIFEST),
        "number 0": signed("isfahan", 0, 1, keys), "incarnation 0": signed("isfahan", 1, 0, keys),
        "no keys": signed("isfahan", 1, 1, []), "five keys": signed("isfahan", 1, 1, [bytes(33)] * 5),
        "one key twice": signed("isfahan", 1, 1, [keys[0], keys[0]]), "not sorted": signed("isfahan", 1, 1, keys[::-1]),
        "a key that is no point": signed("isfahan", 1, 1, [bytes(33)]), "a key of 32 bytes": signed("isfahan", 1, 1, [bytes(32)]),
        "field missing": signed("isfahan", 1, 1), "field too many": signed("isfahan", 1, 1, keys, 0),
        "version 2": of(seal_message(Purpose.AUTHORITY, cbor.encode([2, "isfahan", 1, 1, keys]), RECOVERY)),
    }  # fmt: skip
