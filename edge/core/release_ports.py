"""Ports of the releases on a card: its files, and who proves what comes."""

from collections.abc import Iterable
from typing import BinaryIO, Protocol

from protocol.wire.releases import Release, Stages


class CardFiles(Protocol):
    """The files of one folder, by paths below it ("7/lib/x.py", "" is the folder). Raises ReleaseFailed.

    A file's bytes are synced when `write` returns; its name is durable once its folder was synced.
    """

    def names(self, folder: str) -> list[str]:
        """What lies in a folder; nothing where there is none."""
        ...

    def read(self, path: str, most: int) -> bytes | None:
        """At most `most` + 1 bytes of a file; None where there is none."""
        ...

    def open(self, path: str) -> BinaryIO:
        """A file to be read and sought in."""
        ...

    def make_folder(self, path: str) -> None:
        """Make a folder, if it is not there; its parent is."""
        ...

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        """Write a new file, or an old one anew."""
        ...

    def rename(self, path: str, name: str) -> None:
        """Give a file or folder another name in its own folder, in one step; a file of that name is replaced."""
        ...

    def sync(self, folder: str) -> None:
        """The names in a folder are durable from here on."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all in it, in no order."""
        ...

    def room(self) -> int:
        """Bytes free."""
        ...


class Proven(Protocol):
    """What TUF has vouched for."""

    @property
    def raw(self) -> bytes:
        """The metadata as it came: what the next one is held against."""
        ...

    @property
    def releases(self) -> tuple[Release, ...]:
        """Every release of it."""
        ...

    @property
    def stages(self) -> Stages:
        """Who takes them now."""
        ...

    def file_digest(self, number: int, name: str) -> bytes:
        """SHA-256 of one file of a release."""
        ...


class Prover(Protocol):
    """Holds metadata against the keys that this device believes."""

    def prove(self, data: bytes, *, held: bytes | None, reference_ms: int) -> Proven:
        """Metadata that came, `held` what was proven before; expiry counts by `reference_ms`, Unix time.

        Raises WireError or ProofError by name: RolledBack, Expired, TooFewSigners, WrongHash, BadMetadata, …
        """
        ...
