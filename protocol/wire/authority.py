"""What the recovery key says: whose manifests are believed, and up to which incarnation the ledger's receipts are.

    a manifest, signed by a bundle key that is believed
      └ section `authority`: a statement, signed by the recovery key ─▶ the bundle keys that are believed from then on

Rules:
- a bundle key alone changes no bundle key, for the statement wants the recovery key; nor does the recovery key alone,
  for a device hears of a statement only in a manifest that is signed by a key it believes already;
- a statement is for one city and numbered: a lower number is refused, and one number with two contents; the incarnation
  never goes down;
- it names the key that signs the manifest it comes in: a bundle that withdraws its own key could not be read again;
- a receipt of a later incarnation than the announced one is not believed: a receipt key alone, in wrong hands, would
  else make every true receipt after it look old, for good;
- a device that was enrolled without a recovery key knows one bundle key for ever, and believes any incarnation.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from protocol import limits
from protocol.errors import NumberReused, OutOfRange, RolledBack
from protocol.wire import cbor
from protocol.wire.bundles import Bundle
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.manifests import Manifest, require_ascending
from protocol.wire.signed import cut, open_message, seal_message

VERSION = 1
FIRST_INCARNATION = 1  # of a ledger that was never restored
_FIELDS: cbor.Fields = (
    ("city", cbor.name_text),
    ("number", cbor.uint(limits.INT63_MAX, least=1)),
    ("incarnation", cbor.uint(limits.INT63_MAX, least=1)),
    ("bundle_keys", cbor.array(cbor.octets(limits.PUBLIC_KEY_BYTES), most=limits.STATEMENT_KEYS_MAX)),
)


@dataclass(frozen=True, slots=True)
class Statement:
    """The recovery key's newest word. `bundle_keys` are 33-byte points, ascending; `raw` is the signed message."""

    city: str
    number: int
    incarnation: int
    bundle_keys: tuple[bytes, ...]
    raw: bytes = field(default=b"", repr=False)


def encode_statement(statement: Statement, signer: Signer) -> bytes:
    """Statement → signed message bytes. Raises WireError for what no reader would take."""
    values = [statement.city, statement.number, statement.incarnation, list(statement.bundle_keys)]
    payload = cbor.encode_structure("statement", values, _FIELDS, version=VERSION, max_bytes=limits.MESSAGE_MAX_BYTES)
    _require_keys(statement.bundle_keys)
    return seal_message(Purpose.AUTHORITY, payload, signer)


def open_statement(data: bytes, recovery: VerifyingKey, *, city: str, held: Statement | None = None) -> Statement:
    """Signed message bytes → the verified statement for this city, not older than the one that is held.

    Raises WireError or ProofError by name: OutOfRange for another city or no key, RolledBack for a lower number or
    incarnation, NumberReused for the same number with other contents, BadKey for what is no key.
    """
    payload = open_message(Purpose.AUTHORITY, data, [recovery], max_bytes=limits.MESSAGE_MAX_BYTES)
    values = cbor.decode_structure("statement", payload, _FIELDS, version=VERSION, max_bytes=limits.MESSAGE_MAX_BYTES)
    for_city, number, incarnation, keys = values
    if for_city != city:
        raise OutOfRange("statement is for another city", field="city", expected=city, found=for_city)
    _require_keys(keys)
    statement = Statement(city, number, incarnation, tuple(keys), data)
    if held is not None:
        _require_not_older(statement, held)
    return statement


def _require_keys(keys: Iterable[bytes]) -> None:
    found = list(keys)
    if not found:
        raise OutOfRange("statement names no bundle key", field="bundle_keys")
    require_ascending("bundle_keys", found)
    for key in found:
        VerifyingKey.load(key)


def _require_not_older(statement: Statement, held: Statement) -> None:
    if statement.number < held.number or statement.incarnation < held.incarnation:
        raise RolledBack(
            "statement is older than the one that is held", number=statement.number, held=held.number,
            incarnation=statement.incarnation,
        )  # fmt: skip
    if statement.number == held.number and replace(statement, raw=b"") != replace(held, raw=b""):
        raise NumberReused("another statement has this number already", number=statement.number)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose manifests a device believes, and which incarnations: by its enrolment, or by the statement it holds."""

    city: str
    enrolled: VerifyingKey
    recovery: VerifyingKey | None = None
    held: Statement | None = None

    @property
    def keys(self) -> list[VerifyingKey]:
        """The bundle keys that are believed."""
        return [self.enrolled] if self.held is None else [VerifyingKey.load(key) for key in self.held.bundle_keys]

    @property
    def incarnation(self) -> int | None:
        """The latest incarnation that was announced; None where nobody can announce one."""
        if self.recovery is None:
            return None
        return FIRST_INCARNATION if self.held is None else self.held.incarnation

    def taken_up(self, data: bytes) -> "Trust":
        """With the statement that was kept, if there is one. Raises WireError, ProofError."""
        if self.recovery is None or not data:
            return self
        return replace(self, held=open_statement(data, self.recovery, city=self.city, held=self.held))

    def followed(self, manifest: Manifest, bundle: Bundle) -> "Trust":
        """With the statement that a bundle brings, whose manifest was verified by one of `keys`.

        Raises WireError or ProofError by name; then the bundle must not come into force.
        """
        if self.recovery is None or not bundle.authority:
            return self
        statement = open_statement(bundle.authority, self.recovery, city=self.city, held=self.held)
        if statement.number != bundle.authority_number:
            raise OutOfRange("section and statement are of two numbers", field="authority", number=statement.number)
        signer = cut(manifest.raw, max_bytes=limits.MANIFEST_MAX_BYTES).key_id
        if signer not in [VerifyingKey.load(key).id for key in statement.bundle_keys]:
            raise OutOfRange("the bundle is signed by a key that its own statement withdraws", field="bundle_keys")
        return replace(self, held=statement)
