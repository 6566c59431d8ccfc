"""A device's certificate is renewed over the TLS key that it has: it asks, and takes what comes back.

    ask ─▶ a file, or the broker ─▶ the office ─▶ a file, or the broker ─▶ take ─▶ settle

Rules:
- one file is replaced, whole: after a power cut the old certificate is in force, or the new one;
- the old one is kept beside until the broker has let the new one in; until then it can be put back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.adapters.keys import load_keys
from edge.adapters.own_keys import read_bounded, replace_whole
from edge.app.config import ValidatorConfig
from edge.core.errors import EnrolmentFailed
from protocol.errors import ProofError, WireError
from protocol.limits import CERTIFICATE_MAX_BYTES
from protocol.wire.certificates import Chain, from_pem, open_chain, to_pem
from protocol.wire.renewals import encode_renewal, open_renewed

_PEM_MAX_BYTES = 4 * CERTIFICATE_MAX_BYTES  # two of them in base64, with their lines


@dataclass(frozen=True, slots=True)
class _Files:
    """Where the certificate lies, what it is proven by, and where the one before it is kept."""

    certificate: Path
    root: Path

    @property
    def kept(self) -> Path:
        return self.certificate.with_name("before." + self.certificate.name)


def ask(config: ValidatorConfig) -> bytes:
    """The request for a certificate that follows the one in force. Raises KeyMissing, EnrolmentFailed."""
    held, _ = _held(_files(config), config)
    return encode_renewal(held, load_keys(config.keys_dir, config.tap_key).tap, city=config.city, device=config.device)


def take(config: ValidatorConfig, data: bytes) -> Chain:
    """Bring what came back into force, and keep the one before it. Called again it comes to the same end.

    Raises EnrolmentFailed; WireError or ProofError for what is not this device's next certificate.
    """
    files = _files(config)
    held, root = _held(files, config)
    new = open_renewed(data, held, root=root, city=config.city, device=config.device)
    if new.leaf != held.leaf:
        if not files.kept.exists():  # else the one that is in force has never been let in
            replace_whole(files.kept, to_pem(held.leaf, held.intermediate), mode=0o644)
        replace_whole(files.certificate, to_pem(new.leaf, new.intermediate), mode=0o644)
    return new


def settle(config: ValidatorConfig, let_in: Callable[[], bool]) -> bool:
    """Ask whether the broker lets the device in, and then drop the certificate before → whether none is kept any more.

    Raises EnrolmentFailed.
    """
    kept = _files(config).kept
    if kept.exists() and let_in():
        try:
            kept.unlink()
        except OSError as error:
            raise EnrolmentFailed(f"cannot remove {kept}: {error.strerror}", fix="look at the card") from error
    return not kept.exists()


def is_kept(config: ValidatorConfig) -> bool:
    """Whether the certificate before lies beside the one in force. Raises EnrolmentFailed."""
    return _files(config).kept.exists()


def put_back(config: ValidatorConfig) -> None:
    """Bring the certificate before into force again. Raises EnrolmentFailed where none is kept."""
    files = _files(config)
    if not files.kept.exists():
        raise EnrolmentFailed("no certificate is kept here", fix="nothing was renewed, or the new one was let in")
    replace_whole(files.certificate, read_bounded(files.kept, _PEM_MAX_BYTES), mode=0o644)


def _files(config: ValidatorConfig) -> _Files:
    if config.broker.cert is None or config.broker.ca is None:
        raise EnrolmentFailed("this device has no certificate: a password on loopback", fix="there is none to renew")
    return _Files(config.broker.cert, config.broker.ca)


def _held(files: _Files, config: ValidatorConfig) -> tuple[Chain, bytes]:
    """The certificate in force, proven, and the root that this device believes. Raises EnrolmentFailed."""
    try:
        (root,) = from_pem(read_bounded(files.root, _PEM_MAX_BYTES))
        leaf, intermediate = from_pem(read_bounded(files.certificate, _PEM_MAX_BYTES))
        return open_chain(leaf, intermediate, root, city=config.city, device=config.device), root
    except (WireError, ProofError, ValueError) as error:
        raise EnrolmentFailed(
            f"the certificate here cannot be renewed: {error}", fix="enrol the door under a new name"
        ) from error
