"""The office's newest word on where this device serves: one signed file on the card, put into its place in one step.

Whoever reads it proves it anew, under the root that came with the enrolment: what was written into the card by somebody
else says nothing. It lies where the validator may write, beside the journal; settings and keys stay as they are.
"""

import logging
from pathlib import Path

from edge.adapters.own_keys import read_bounded, replace_whole
from edge.core.errors import EnrolmentFailed
from protocol.errors import ProofError, WireError
from protocol.limits import ASSIGNMENT_MAX_BYTES, CERTIFICATE_MAX_BYTES
from protocol.wire.assignments import Assignment, open_assignment
from protocol.wire.certificates import from_pem

log = logging.getLogger(__name__)
_NAME = "assigned.cose"
_PEM_MAX_BYTES = 2 * CERTIFICATE_MAX_BYTES  # in base64, with its lines


def read_assigned(data: Path, ca: Path | None, *, city: str, device: str) -> Assignment | None:
    """What is in force; None where nothing was said yet.

    A file that proves nothing is said and left out: the device is what its own settings make of it, until the office's
    word comes again. Raises nothing.
    """
    path = data / _NAME
    try:
        if not path.exists():
            return None
        return prove(read_bounded(path, ASSIGNMENT_MAX_BYTES), ca, city=city, device=device)
    except (EnrolmentFailed, WireError, ProofError, OSError) as error:
        log.error("%s says nothing: %s; have the office say it again", path, error)
        return None


def prove(data: bytes, ca: Path | None, *, city: str, device: str) -> Assignment:
    """Signed message bytes → this device's assignment. `ca`: the root's certificate, PEM.

    Raises EnrolmentFailed, WireError, ProofError.
    """
    if ca is None:
        raise EnrolmentFailed("this device has no root: a password on loopback", fix="enrol it: `savar enrol begin`")
    try:
        (root,) = from_pem(read_bounded(ca, _PEM_MAX_BYTES))
    except ValueError as error:
        raise EnrolmentFailed(f"{ca} is not one certificate", fix="enrol the door under a new name") from error
    return open_assignment(data, root=root, city=city, device=device)


def keep_assigned(folder: Path, data: bytes) -> None:
    """Whole, or as before. Raises EnrolmentFailed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnrolmentFailed(f"cannot make {folder}: {error.strerror}", fix="look at the card") from error
    replace_whole(folder / _NAME, data, mode=0o644)
