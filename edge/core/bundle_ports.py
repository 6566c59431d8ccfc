"""Ports of the bundle service: where chunks come from, and where a bundle lies on the card."""

from collections.abc import Iterable
from typing import Protocol

from protocol.wire.manifests import Chunk, Manifest


class ChunkSource(Protocol):
    """Where chunks of a bundle come from."""

    def fetch(self, chunk: Chunk) -> bytes:
        """The chunk's bytes. Raises BundleLate when they cannot be had now, WrongLength or WrongHash for others."""
        ...


class BundleStore(Protocol):
    """A bundle on the card: `put_…` are durable when they return. Raises BundleFailed where the card does not do."""

    def holds(self, wanted: Chunk) -> bool:
        """Whether the chunk is here and whole."""
        ...

    def chunk(self, wanted: Chunk) -> bytes:
        """Its bytes, hashed. Raises WrongLength or WrongHash besides."""
        ...

    def put_chunk(self, wanted: Chunk, data: bytes) -> None:
        """Keep it. Raises WrongLength or WrongHash besides."""
        ...

    def put_manifest(self, manifest: Manifest) -> None:
        """Bring it into force in one step; its chunks are here."""
        ...

    def authority(self) -> bytes:
        """The recovery key's newest word that was taken; empty if there is none."""
        ...

    def put_authority(self, data: bytes) -> None:
        """Keep it."""
        ...

    def prune(self, keep: Iterable[Chunk]) -> int:
        """Remove every other chunk."""
        ...

    def room(self) -> int:
        """Bytes free on the card."""
        ...
