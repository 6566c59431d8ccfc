"""The starting bundle: everything a validator must be told, in one signed and numbered message (P12).

Chunks, deltas and the rider table join it with the bundle mechanism; the rules of numbering are these already:
- signed by the city's bundle key, which the device holds from its enrolment;
- for one city; a bundle of a lower number than the one in force is refused;
- lists that mean a table or a set ascend strictly: one meaning has one form, and no entry overrides another unseen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from protocol import limits
from protocol.errors import DuplicateKey, NotDeterministic, OutOfRange, RolledBack
from protocol.fares.tariff import Tariff
from protocol.wire import cbor
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.signed import open_message, seal_message

VERSION = 1

_KEYS = cbor.array(cbor.octets(limits.PUBLIC_KEY_BYTES), most=limits.BUNDLE_KEYS_MAX)
_FIELDS: cbor.Fields = (
    ("city", cbor.name_text),
    ("number", cbor.uint(limits.INT63_MAX)),
    ("issued_ms", cbor.uint(limits.INT63_MAX)),
    ("issuer_keys", _KEYS),
    ("receipt_keys", _KEYS),
    ("sealing_key", cbor.octets(limits.PUBLIC_KEY_BYTES)),
    ("tariff", cbor.row((
        ("version", cbor.uint(limits.UINT32_MAX)),
        ("flat_fare_rials", cbor.uint(limits.FLAT_FARE_MAX_RIALS)),
        ("rider_permille", cbor.array(
            cbor.row((("rider_class", cbor.uint(15)), ("permille", cbor.uint(1000)))), most=16,
        )),
        ("repeat_window_s", cbor.uint(limits.REPEAT_WINDOW_MAX_S)),
    ))),
    ("deny_number", cbor.uint(limits.INT63_MAX)),
    ("deny", cbor.array(
        cbor.row((("credential_id", cbor.octets(limits.CREDENTIAL_ID_BYTES)), ("version", cbor.uint(255)))),
        most=limits.BUNDLE_DENY_MAX,
    )),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bundle:
    """Public keys (33-byte points), tariff and deny list of a city. `deny`: credential id → highest denied version."""

    city: str
    number: int
    issued_ms: int
    issuer_keys: tuple[bytes, ...]
    receipt_keys: tuple[bytes, ...]
    sealing_key: bytes
    tariff: Tariff
    deny_number: int = 0
    deny: Mapping[bytes, int] = field(default_factory=dict)


def encode_bundle(bundle: Bundle, signer: Signer) -> bytes:
    """Bundle → signed message bytes."""
    tariff = bundle.tariff
    values = [
        bundle.city, bundle.number, bundle.issued_ms, list(bundle.issuer_keys), list(bundle.receipt_keys),
        bundle.sealing_key,
        [tariff.version, tariff.flat_fare_rials, [[c, tariff.rider_permille[c]] for c in sorted(tariff.rider_permille)],
         tariff.repeat_window_s],
        bundle.deny_number, [list(entry) for entry in sorted(bundle.deny.items())],
    ]  # fmt: skip
    payload = cbor.encode_structure("bundle", values, _FIELDS, version=VERSION, max_bytes=limits.BUNDLE_MAX_BYTES)
    return seal_message(Purpose.BUNDLE, payload, signer)


def open_bundle(data: bytes, keys: Iterable[VerifyingKey], *, city: str, at_least: int = 0) -> Bundle:
    """Signed message bytes → verified bundle for this city.

    Raises WireError or ProofError by name; RolledBack when its number is below `at_least`.
    """
    payload = open_message(Purpose.BUNDLE, data, keys, max_bytes=limits.BUNDLE_MAX_BYTES)
    values = cbor.decode_structure("bundle", payload, _FIELDS, version=VERSION, max_bytes=limits.BUNDLE_MAX_BYTES)
    for_city, number, issued_ms, issuers, receipts, sealing, tariff, deny_number, deny = values
    if for_city != city:
        raise OutOfRange("bundle is for another city", field="city", expected=city, found=for_city)
    if number < at_least:
        raise RolledBack("bundle is older than the one in force", number=number, in_force=at_least)
    version, fare, shares, window = tariff
    _require_ascending("rider_permille", [share[0] for share in shares])
    _require_ascending("deny", [entry[0] for entry in deny])
    return Bundle(
        city=city,
        number=number,
        issued_ms=issued_ms,
        issuer_keys=tuple(issuers),
        receipt_keys=tuple(receipts),
        sealing_key=sealing,
        tariff=Tariff(version, fare, {c: s for c, s in shares}, window),  # noqa: C416
        deny_number=deny_number,
        deny=dict(deny),
    )


def _require_ascending(name: str, items: Sequence[Any]) -> None:
    """Refuse a list that names one entry twice or out of order."""
    for before, item in pairwise(items):
        if item == before:
            raise DuplicateKey(f"{name} names one entry twice", field=name)
        if item < before:
            raise NotDeterministic(f"{name} is not sorted", field=name)
