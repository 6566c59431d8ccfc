"""A device's certificate is renewed over the TLS key that it has: it asks, and takes what comes back.

    ask ─▶ a file, or the broker ─▶ the office ─▶ a file, or the broker ─▶ take ─▶ settle

Rules:
- what is in force changes in one step of the file system (`transport.certificate`), so a power cut leaves a whole one;
- the one before stays until the broker has let the newer one in, and the newer one is never given up: it rests, and is
  tried again;
- nothing is written beside the keys, where the unit lets the validator write nothing.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from edge.adapters.keys import load_keys
from edge.adapters.own_keys import read_bounded, remove, rename, replace_whole
from edge.app.config import ValidatorConfig
from edge.core.errors import EnrolmentFailed
from protocol.errors import ProofError, WireError
from protocol.limits import CERTIFICATE_MAX_BYTES
from protocol.wire.certificates import Chain, from_pem, open_chain, to_pem
from protocol.wire.renewals import encode_renewal, open_renewed
from transport.certificate import Certificates

_PEM_MAX_BYTES = 4 * CERTIFICATE_MAX_BYTES  # two of them in base64, with their lines


def ask(config: ValidatorConfig) -> bytes:
    """The request for a certificate that follows the one in force. Raises LocalError."""
    held, _ = _held(files_of(config).in_force, config)
    return encode_renewal(held, load_keys(config.keys_dir, config.tap_key).tap, city=config.city, device=config.device)


def take(config: ValidatorConfig, data: bytes) -> Chain:
    """Bring what came back into force, on trial. Called again it comes to the same end.

    Raises EnrolmentFailed; WireError or ProofError for what is not this device's next certificate.
    """
    files = files_of(config)
    held, root = _held(files.in_force, config)
    new = open_renewed(data, held, root=root, city=config.city, device=config.device)
    if new.leaf != held.leaf:
        try:
            files.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EnrolmentFailed(f"cannot make {files.folder}: {error.strerror}", fix="look at the card") from error
        replace_whole(files.newer, to_pem(new.leaf, new.intermediate), mode=0o644)
        remove(files.rests)
    return new


def on_trial(config: ValidatorConfig) -> bool:
    """Whether there is a newer one that the broker has not let in yet. Raises EnrolmentFailed."""
    return _is_there(files_of(config).newer)


def settle(config: ValidatorConfig, let_in: Callable[[], bool]) -> bool:
    """Ask whether the broker lets the newer one in, and then give the one before up → whether none is on trial now.

    Raises EnrolmentFailed.
    """
    files = files_of(config)
    if on_trial(config) and not _is_there(files.rests) and let_in():
        rename(files.newer, files.let_in)
    return not on_trial(config)


def put_back(config: ValidatorConfig) -> None:
    """Bring the certificate before into force; the newer one rests. Raises EnrolmentFailed where there is none."""
    if not on_trial(config):
        raise EnrolmentFailed("no certificate is on trial here", fix="nothing was renewed, or the new one was let in")
    replace_whole(files_of(config).rests, b"", mode=0o644)


def try_again(config: ValidatorConfig) -> None:
    """The newer one rests no more. Raises EnrolmentFailed."""
    remove(files_of(config).rests)


def rests(config: ValidatorConfig) -> bool:
    """Whether the one before is in force though there is a newer one. Raises EnrolmentFailed."""
    return on_trial(config) and _is_there(files_of(config).rests)


def digest(config: ValidatorConfig) -> bytes:
    """SHA-256 of the file in force, by which a session tells what it came in by. Raises EnrolmentFailed."""
    return sha256(read_bounded(files_of(config).in_force, _PEM_MAX_BYTES)).digest()


def files_of(config: ValidatorConfig) -> Certificates:
    """Where the certificates lie. Raises EnrolmentFailed for a device that has none."""
    if config.broker.cert is None or config.broker.renewed is None:
        raise EnrolmentFailed("this device has no certificate: a password on loopback", fix="there is none to renew")
    return Certificates(config.broker.cert, config.broker.renewed)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise EnrolmentFailed(f"cannot look at {path}: {error.strerror}", fix="look at the card") from error


def _held(path: Path, config: ValidatorConfig) -> tuple[Chain, bytes]:
    """A certificate of ours, proven, and the root that this device believes. Raises EnrolmentFailed."""
    assert config.broker.ca is not None
    try:
        (root,) = from_pem(read_bounded(config.broker.ca, _PEM_MAX_BYTES))
        leaf, intermediate = from_pem(read_bounded(path, _PEM_MAX_BYTES))
        return open_chain(leaf, intermediate, root, city=config.city, device=config.device), root
    except (WireError, ProofError, ValueError) as error:
        raise EnrolmentFailed(
            f"the certificate here cannot be renewed: {error}", fix="enrol the door under a new name"
        ) from error
