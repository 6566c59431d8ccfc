"""The keys that a device makes for itself, in its own folder, and what it keeps while it waits for its answer.

    keys/tls.key.pem, tap.key.pem    made here, 0600 from their first moment; they never leave
    keys/request.cose, claim.root    while it waits: what it asked, and the digits of the root that it believes
    keys/tap.uri                     while it waits: the tap key's place, where a token has it; then in validator.toml
    validator.toml                   written last of all: without it the device is not enrolled

Every file is written beside, synced and renamed: after a power cut the old one is there, or the new one.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from edge.adapters.keys import TapKey, open_token
from edge.adapters.whole_file import sync_folder_of, write_whole
from edge.core.errors import EnrolmentFailed, NotEnrolling, SignerFailed
from hardware_keys.places import KeyPlace, read_place
from protocol.errors import BadKey, ProofError, WireError
from protocol.limits import ENROLMENT_MAX_BYTES
from protocol.wire.enrolments import Request, open_request
from protocol.wire.keys import SigningKey

log = logging.getLogger(__name__)
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

    def make(self, randomness: Callable[[int], bytes], place: KeyPlace | None = None) -> tuple[TapKey, SigningKey]:
        """The tap key and the TLS key: those that are there, or new ones.

        `place`: where a token shall have the tap key; what was begun without one goes on without, and the other way.

        Raises EnrolmentFailed; HardwareKeyError and SignerFailed for the token.
        """
        try:
            self.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _failed(self.keys, error) from error
        if place is not None:
            self._choose(place)
        held = self.place()
        if held is not None:
            from hardware_keys.keys import open_or_make_key  # noqa: PLC0415 - 4 MB that other doors have no use of

            open_or_make_key(held)
        for name in ("tap", "tls") if held is None else ("tls",):
            if not self._key(name).exists():
                pem = SigningKey.from_secret(randomness(_SECRET_BYTES)).to_pem()
                self.write(f"keys/{name}.key.pem", pem, private=True)
        return self.held()

    def place(self) -> KeyPlace | None:
        """Where a token has the tap key, while the device waits; None: it is a file. Raises EnrolmentFailed."""
        if not self._uri.exists():
            return None
        return read_place(self._read(self._uri).decode(errors="replace").strip())

    def held(self) -> tuple[TapKey, SigningKey]:
        """Tap key and TLS key. Raises NotEnrolling, EnrolmentFailed; SignerFailed for the token."""
        place = self.place()
        try:
            tls = SigningKey.from_pem(self._read(self._key("tls")))
            tap = SigningKey.from_pem(self._read(self._key("tap"))) if place is None else open_token(place)
        except BadKey as error:
            raise EnrolmentFailed(
                f"a key of this device is damaged: {error.message}", fix="take keys/ away and begin anew"
            ) from error
        return tap, tls

    def wait(self, request: bytes, root: str) -> None:
        """Keep what was asked. Raises EnrolmentFailed."""
        self.write("keys/claim.root", root.encode())
        self.write("keys/request.cose", request)

    def asked(self) -> Request | None:
        """What was asked, if anything was; a damaged request was not, for the next one takes its place.

        Raises EnrolmentFailed.
        """
        try:
            return open_request(self._read(self._request)) if self._request.exists() else None
        except (WireError, ProofError):
            return None

    def waiting(self) -> tuple[Request, str]:
        """What was asked, and the root's digits. Raises NotEnrolling, EnrolmentFailed."""
        root = self._read(self.keys / "claim.root").decode(errors="replace")
        try:
            return open_request(self._read(self._request)), root
        except (WireError, ProofError) as error:
            raise EnrolmentFailed(
                f"the request that is kept is damaged: {error}", fix="begin the enrolment anew"
            ) from error

    def wait_no_more(self) -> None:
        """Raises EnrolmentFailed."""
        for name in ("request.cose", "claim.root", self._uri.name):
            try:
                (self.keys / name).unlink(missing_ok=True)
            except OSError as error:
                raise _failed(self.keys / name, error) from error

    def write(self, name: str, data: bytes, *, private: bool = False) -> None:
        """One file of the folder, whole. Raises EnrolmentFailed."""
        path = self.root / name
        replace_whole(path, data, mode=0o600 if private else 0o644)

    def _choose(self, place: KeyPlace) -> None:
        """Keep where the tap key shall lie, before it is made: after a power cut it is found there.

        A place that was named wrongly holds no key, and nothing was asked by it: another one may be named.
        """
        if self._key("tap").exists():
            raise EnrolmentFailed(
                "this device has begun with a tap key in a file",
                fix="take keys/ away and begin anew, or leave --keys out",
            )
        before = self.place()
        if before not in (None, place) and (self._request.exists() or _opens(before)):
            raise EnrolmentFailed(
                f"this device has begun with its tap key at {before.uri}",
                fix=f"give that --keys; to begin anew with another key, take {self.keys} away",
            )
        self.write("keys/tap.uri", place.uri.encode())

    @property
    def _request(self) -> Path:
        return self.keys / "request.cose"

    @property
    def _uri(self) -> Path:
        return self.keys / "tap.uri"

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


def _opens(place: KeyPlace) -> bool:
    """Whether there is a key that signs. Where nobody can tell there is none."""
    try:
        open_token(place)
    except SignerFailed as error:
        log.info("no tap key was made at the place before: %s", error)
        return False
    return True


def replace_whole(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file beside, synced, then put it in its place. Raises EnrolmentFailed."""
    try:
        write_whole(path, data, mode=mode)
    except OSError as error:
        raise _failed(path, error) from error


def rename(path: Path, other: Path) -> None:
    """Put a file into another's place in its folder. Raises EnrolmentFailed."""
    try:
        path.replace(other)
        sync_folder_of(other)
    except OSError as error:
        raise _failed(path, error) from error


def remove(path: Path) -> None:
    """A file, if it is there. Raises EnrolmentFailed."""
    try:
        if path.exists():
            path.unlink()
            sync_folder_of(path)
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
