# ruff: noqa: T201 - a program that says what it found
"""Check the COSE_Sign1 vectors, and the day key wrapped by HPKE, with independent libraries: `make cose-check` runs this in an environment of its own.

The COSE library (cwt, which brings pyhpke) wants an older cbor2 than Savar does, so this file imports nothing of Savar. The signature's purpose
is the external data of the Sig_structure. What only Savar's own rules refuse (low s, determinism, fields, numbers) the
library takes, and the line says so.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import cwt
from cryptography.hazmat.primitives.asymmetric import ec
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
KEYS = {
    "receipt": "receipt_keys",
    "health": "tap_keys",
    "state": "tap_keys",
    "envelope": "envelope_keys",
    "manifest": "bundle_keys",
    "contents": "bundle_keys",
}
FORGED = {"BadSignature", "UnknownKey", "UnknownAlgorithm", "Truncated"}  # what any COSE library must refuse


def data(entry: dict[str, Any]) -> bytes:
    """An entry's bytes, as in README.md."""
    if "bytes" in entry:
        return bytes.fromhex(entry["bytes"])
    return (
        bytes.fromhex(entry["before"])
        + bytes.fromhex(entry["fill"]) * int(entry["times"])
        + bytes.fromhex(entry["after"])
    )


def cose_key(public: bytes) -> Any:
    """Compressed point → COSE_Key (RFC 9053 §7.1.1) with the key id as kid."""
    numbers = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public).public_numbers()
    x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
    return cwt.COSEKey.new({1: 2, 2: sha256(public).digest()[:8], 3: -7, -1: 1, -2: x, -3: y})


def holds(entry: dict[str, Any], given: dict[str, Any], purpose: bytes) -> bool:
    """Whether the library finds a right signature of one of the keys held."""
    keys = [cose_key(bytes.fromhex(public)) for public in given[KEYS[entry["decoder"]]]]
    try:
        cwt.COSE.new().decode(data(entry), keys, external_aad=purpose)
    except (cwt.VerifyError, cwt.DecodeError, ValueError):
        return False
    return True


def check(name: str, content: dict[str, Any]) -> int:
    """Print what the library says of one file; 1 if it contradicts the vectors."""
    given, wrong = content["given"], []
    messages = [entry for entry in content["pass"] if entry["decoder"] in KEYS]  # a chunk bears no signature of its own
    refused = [entry for entry in content["fail"] if entry["decoder"] in KEYS]
    for entry in messages:
        purpose = b"savar/1/" + entry.get("purpose", entry["decoder"]).lower().encode()
        if not holds(entry, given, purpose):
            wrong.append(f"not verified: {entry['name']}")
        if holds(entry, given, b"savar/1/another purpose"):
            wrong.append(f"verified for another purpose: {entry['name']}")
    taken = [
        entry
        for entry in refused
        if holds(entry, given, b"savar/1/" + entry.get("purpose", entry["decoder"]).lower().encode())
    ]
    wrong += [f"forged, but verified: {entry['name']}" for entry in taken if entry["error"] in FORGED]
    print(
        f"{name}: cwt {cwt.__version__}: {len(messages)} must-pass, {len(refused)} must-fail, "
        f"{len(wrong)} contradictions; left to Savar's own rules: {', '.join(sorted({entry['error'] for entry in taken}))}"
    )
    for line in wrong:
        print(f"{name}: {line}")
    return int(bool(wrong))


def check_wrapping(content: dict[str, Any]) -> int:
    """Open the wrapped day key as docs/PROTOCOL.md tells it; 1 if another key comes out."""
    entry = next(entry for entry in content["pass"] if entry["decoder"] == "wrapped")
    scalar = int(content["given"]["sealing_secret"], 16) % (ORDER - 1) + 1
    recipient = KEMKey.from_pyca_cryptography_key(ec.derive_private_key(scalar, ec.SECP256R1()))
    suite = CipherSuite.new(KEMId.DHKEM_P256_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
    info = f"savar/1/daykey|{entry['device']}|{entry['epoch']}|{entry['day']}".encode()
    wrapped = data(entry)
    opened = suite.create_recipient_context(wrapped[:65], recipient, info=info).open(wrapped[65:])
    same = opened.hex() == content["given"]["day_key"]
    print(f"sealing: pyhpke opens the wrapped day key: {'the same' if same else 'another'}")
    return int(not same)


if __name__ == "__main__":
    folder = Path(__file__).parent
    files = {
        name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("messages", "manifests", "sealing")
    }
    sys.exit(max(check_wrapping(files["sealing"]), *[check(name, files[name]) for name in ("messages", "manifests")]))
