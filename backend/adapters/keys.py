"""The backend's key files and its token."""

import json
from dataclasses import dataclass
from pathlib import Path

from backend.core.errors import KeyMissing
from protocol.errors import ProofError
from protocol.wire.keys import SigningKey, VerifyingKey

_SECRET_KEY_BYTES = 32
_FIX = "run `savar provision city` and point keys_dir at its backend folder"


@dataclass(frozen=True, slots=True, repr=False)
class BackendKeys:
    """Receipt, sealing and issuer keys, the bundle keys' public halves, and the operators' token."""

    receipt: SigningKey
    sealing: SigningKey
    issuer: SigningKey
    bundle: tuple[VerifyingKey, ...]
    ops_token: str


def load_keys(folder: Path) -> BackendKeys:
    """Read them all. Raises KeyMissing."""
    try:
        return BackendKeys(
            receipt=SigningKey.from_pem((folder / "receipt.key.pem").read_bytes()),
            sealing=SigningKey.from_pem((folder / "sealing.key.pem").read_bytes()),
            issuer=SigningKey.from_pem((folder / "issuer.key.pem").read_bytes()),
            bundle=bundle_keys(folder),
            ops_token=(folder / "ops.token").read_text().strip(),
        )
    except OSError as error:
        raise KeyMissing(f"cannot read a key: {error}", fix=_FIX) from error
    except (ValueError, ProofError) as error:
        raise KeyMissing(f"a key file is damaged: {error}", fix=_FIX) from error


def load_host_key(folder: Path) -> bytes:
    """What the secrets of hosts' webhooks are made of, 32 bytes. Raises KeyMissing."""
    return _secret_key(
        folder / "hosts.key", "of hosts' webhooks", "put it back from its copy, or tell every host its new secret"
    )


def load_number_key(folder: Path) -> bytes:
    """What telephone numbers are kept under, 32 bytes; only where a city sends messages. Raises KeyMissing."""
    return _secret_key(
        folder / "phone.key", "of telephone numbers", "put it back from its copy: without it no number is known"
    )


def _secret_key(path: Path, what: str, mend: str) -> bytes:
    """32 bytes out of hex digits. Raises KeyMissing."""
    fix = (
        f"a city of before has none: head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \\n' > {path}; chmod 600 {path}"
    )
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise KeyMissing(f"cannot read the key {what}: {error}", fix=fix) from error
    except ValueError as error:
        raise KeyMissing(f"{path} is damaged", fix=mend) from error
    if len(key) != _SECRET_KEY_BYTES:
        raise KeyMissing(f"{path} is damaged", fix=mend)
    return key


def bundle_keys(folder: Path) -> tuple[VerifyingKey, ...]:
    """The bundle keys that are believed, one a line. Raises OSError, ValueError, BadKey."""
    lines = (folder / "bundle.pub").read_text().split()
    if not lines:
        raise ValueError("bundle.pub is empty")
    return tuple(VerifyingKey.load(bytes.fromhex(line)) for line in lines)


def known_keys(folder: Path, kind: str) -> list[VerifyingKey]:
    """Every key of a kind (`issuer`, `receipt`) that the city ever gave out, withdrawn ones too; none without a list.

    What an earlier key signed stays proven by it. Raises KeyMissing.
    """
    path = folder / "known.json"
    try:
        rows = json.loads(path.read_bytes())["keys"] if path.exists() else []
        return [VerifyingKey.load(bytes.fromhex(row["public"])) for row in rows if row["kind"] == kind]
    except OSError as error:
        raise KeyMissing(f"cannot read the list of keys: {error}", fix=_FIX) from error
    except (ValueError, KeyError, TypeError, ProofError) as error:
        raise KeyMissing(f"the list of keys is damaged: {error}", fix=_FIX) from error
