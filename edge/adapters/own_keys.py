"""The keys that a device makes for itself, in its own folder, and what it keeps while it waits for its answer.

    keys/tls.key.pem, tap.key.pem    made here, 0600 from their first moment; they never leave
    keys/request.cose, claim.root    while it waits: what it asked, and the digits of the root that it believes
    validator.toml                   written last of all: without it the device is not enrolled

Every file is written beside, synced and renamed: after a power cut the old one is there, or the new one.
"""

import os
from collections.abc import Callable
from pathlib import Path

from edge.core.errors import EnrolmentFailed, NotEnrolling
from protocol.errors import BadKey, ProofError, WireError
from protocol.limits import ENROLMENT_MAX_BYTES
from protocol.wire.enrolments import Request, open_request
from protocol.wire.keys import SigningKey

SETTINGS = "validator.toml"
_SECRET_BYTES = 32  # one P-256 scalar
_FIX = "look at the card, and at who owns the folder"


class OwnKeys:
    """One device's folder, which is made if it is not there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.keys = root / "keys"

    @property
    def enrolled(self) -> bool:
        """Whether the device has come to its end of an enrolment."""
        return (self.root / SETTINGS).exists()

    def make(self, randomness: Callable[[int], bytes]) -> tuple[SigningKey, SigningKey]:
        """The tap key and the TLS key: those that are there, or new ones. Raises EnrolmentFailed."""
        try:
            self.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _failed(self.keys, error) from error
        for name in ("tap", "tls"):
            if not self._key(name).exists():
                pem = SigningKey.from_secret(randomness(_SECRET_BYTES)).to_pem()
                self.write(f"keys/{name}.key.pem", pem, private=True)
        return self.held()

    def held(self) -> tuple[SigningKey, SigningKey]:
        """Tap key and TLS key. Raises NotEnrolling, EnrolmentFailed."""
        try:
            tap, tls = (SigningKey.from_pem(self._read(self._key(name))) for name in ("tap", "tls"))
        except BadKey as error:
            raise EnrolmentFailed(
                f"a key of this device is damaged: {error.message}", fix="take keys/ away and begin anew"
            ) from error
        return tap, tls

    def wait(self, request: bytes, root: str) -> None:
        """Keep what was asked. Raises EnrolmentFailed."""
        self.write("keys/claim.root", root.encode())
        self.write("keys/request.cose", request)

    def waiting(self) -> tuple[Request, str]:
        """What was asked, and the root's digits. Raises NotEnrolling, EnrolmentFailed."""
        root = self._read(self.keys / "claim.root").decode(errors="replace")
        try:
            return open_request(self._read(self.keys / "request.cose")), root
        except (WireError, ProofError) as error:
            raise EnrolmentFailed(
                f"the request that is kept is damaged: {error}", fix="begin the enrolment anew"
            ) from error

    def wait_no_more(self) -> None:
        """Raises EnrolmentFailed."""
        for name in ("request.cose", "claim.root"):
            try:
                (self.keys / name).unlink(missing_ok=True)
            except OSError as error:
                raise _failed(self.keys / name, error) from error

    def write(self, name: str, data: bytes, *, private: bool = False) -> None:
        """One file of the folder, whole. Raises EnrolmentFailed."""
        path = self.root / name
        replace_whole(path, data, mode=0o600 if private else 0o644)

    def _key(self, name: str) -> Path:
        return self.keys / f"{name}.key.pem"

    def _read(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(ENROLMENT_MAX_BYTES + 1)  # the largest of them is the request
        except FileNotFoundError as error:
            raise NotEnrolling(
                f"{path.name} is not in {path.parent}", fix="begin: `savar enrol begin`", path=str(path)
            ) from error
        except OSError as error:
            raise _failed(path, error) from error


def replace_whole(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file beside, synced, then put it in its place. Raises EnrolmentFailed."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)  # of a call whose power went
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _failed(path, error) from error


def read_bounded(path: Path, most: int) -> bytes:
    """A file that somebody brought; at most one byte more than allowed. Raises EnrolmentFailed."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise EnrolmentFailed(f"cannot read {path}: {error.strerror}", fix="name the file that was brought") from error


def hardware_serial(root: Path = Path("/")) -> str:
    """The board's own number, as a Pi's firmware tells it; empty where there is none."""
    try:
        text = (root / "proc/device-tree/serial-number").read_bytes()
    except OSError:
        return ""
    return text.strip(b"\0\n ").decode("ascii", errors="replace")[:64]


def _failed(path: Path, error: OSError) -> EnrolmentFailed:
    return EnrolmentFailed(f"cannot use {path}: {error.strerror}", fix=_FIX, path=str(path))
