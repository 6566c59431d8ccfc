"""A claim: what lets one device ask for one name, once. Printed at the office, taken to the device on paper.

    SAVAR:CLAIM:1:city:device:vehicle:CODE:ROOT:CHECK     a line of capitals, as a QR and as text under it
    SAVAR:CLAIM:2:city:device:CODE:ROOT:CHECK             the same for a spare, which serves no vehicle yet

Rules:
- the code is a secret of 80 bits. It never travels: a key is made of it, which signs the device's request, and the
  office keeps that key's public half alone. Who reads the request on its way, or the office's files, cannot claim;
- ROOT is the beginning of the SHA-256 of the city's root: the paper says under whom an answer is believed;
- CHECK is the beginning of the SHA-256 of the text before it.
"""

from dataclasses import dataclass, field
from hashlib import sha256

from protocol import limits
from protocol.errors import DamagedCode, NotAFareCode, OutOfRange, TooLarge, UnknownVersion
from protocol.wire import cbor
from protocol.wire.keys import SigningKey

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: none is taken for another
_HEAD = "SAVAR:CLAIM:"
_VERSION, _SPARE = "1", "2"
_PARTS = {_VERSION: 6, _SPARE: 5}  # behind the version: city, device, vehicle where there is one, code, root, check
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Claim:
    """`vehicle` None: a spare. `root`: the first hex digits of the root's SHA-256, lower case."""

    city: str
    device: str
    vehicle: str | None
    code: str = field(repr=False)
    root: str

    def key(self) -> SigningKey:
        """The key that is made of the code."""
        return SigningKey.from_secret(sha256(b"savar/1/claim-code:" + self.code.encode()).digest())


def make_code(random_bytes: bytes) -> str:
    """As many random bytes as the code has letters → the code."""
    if len(random_bytes) != limits.CLAIM_CODE_CHARS:
        raise OutOfRange("a claim code needs a byte a letter", field="code", expected=limits.CLAIM_CODE_CHARS)
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in random_bytes)  # 256 is eight times 32: no letter is rarer


def claim_text(claim: Claim) -> str:
    """Claim → its line. Raises WireError for what no reader would take."""
    _require(claim)
    names = (
        (_SPARE, claim.city, claim.device)
        if claim.vehicle is None
        else (_VERSION, claim.city, claim.device, claim.vehicle)
    )
    text = f"{_HEAD}{':'.join((*names, claim.code, claim.root))}".upper()
    return f"{text}:{claim_check(text)}"


def read_claim(text: str) -> Claim:
    """A line, as it was read or typed → the claim. Blanks are nothing, small letters are as good as capitals.

    Raises NotAFareCode for another text, TooLarge, UnknownVersion, DamagedCode for a slip, OutOfRange.
    """
    if len(text) > 2 * limits.CLAIM_TEXT_MAX_CHARS:
        raise TooLarge("no claim is so long", field="claim", limit=limits.CLAIM_TEXT_MAX_CHARS)
    line = "".join(text.split()).upper()
    if not line.isascii() or not line.startswith(_HEAD):
        raise NotAFareCode("not the line of a claim's sheet")
    version, *parts = line.removeprefix(_HEAD).split(":")
    if version not in _PARTS:
        raise UnknownVersion("a claim of an unknown version", version=version[:40])
    if len(parts) != _PARTS[version] or parts[-1] != claim_check(line.rpartition(":")[0]):
        raise DamagedCode("the line is not as it is printed")
    city, device, *vehicle, code, root, _ = parts
    claim = Claim(city.lower(), device.lower(), vehicle[0].lower() if vehicle else None, code, root.lower())
    _require(claim)
    return claim


def claim_check(text: str) -> str:
    """What stands behind a line, so that a slip is told."""
    return sha256(text.encode()).hexdigest()[: limits.CLAIM_CHECK_DIGITS].upper()


def _require(claim: Claim) -> None:
    for name, value in (("city", claim.city), ("device", claim.device)):
        cbor.name_text(name, value)
    if claim.vehicle is not None:
        cbor.name_text("vehicle", claim.vehicle)
    if len(claim.code) != limits.CLAIM_CODE_CHARS or not set(claim.code) <= set(ALPHABET):
        raise OutOfRange("no claim code", field="code")
    if len(claim.root) != limits.CLAIM_ROOT_DIGITS or not _HEX.issuperset(claim.root):
        raise OutOfRange("the root's digits are not as many", field="root")
