"""The backend's key files and its token."""

from dataclasses import dataclass
from pathlib import Path

from backend.core.errors import KeyMissing
from protocol.errors import ProofError
from protocol.wire.keys import SigningKey, VerifyingKey

_FIX = "run `savar provision city` and point keys_dir at its backend folder"


@dataclass(frozen=True, slots=True, repr=False)
class BackendKeys:
    """Receipt, sealing and issuer keys, the bundle key's public half, and the operators' token."""

    receipt: SigningKey
    sealing: SigningKey
    issuer: SigningKey
    bundle: VerifyingKey
    ops_token: str


def load_keys(folder: Path) -> BackendKeys:
    """Read them all. Raises KeyMissing."""
    try:
        return BackendKeys(
            receipt=SigningKey.from_pem((folder / "receipt.key.pem").read_bytes()),
            sealing=SigningKey.from_pem((folder / "sealing.key.pem").read_bytes()),
            issuer=SigningKey.from_pem((folder / "issuer.key.pem").read_bytes()),
            bundle=VerifyingKey.load(bytes.fromhex((folder / "bundle.pub").read_text().strip())),
            ops_token=(folder / "ops.token").read_text().strip(),
        )
    except OSError as error:
        raise KeyMissing(f"cannot read a key: {error}", fix=_FIX) from error
    except (ValueError, ProofError) as error:
        raise KeyMissing(f"a key file is damaged: {error}", fix=_FIX) from error
