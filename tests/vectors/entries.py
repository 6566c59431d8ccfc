"""What the makers of vectors share: an entry from its bytes, and bytes with one bit changed."""

from typing import Any

Entries = dict[str, dict[str, Any]]


def of(data: bytes, **more: Any) -> dict[str, Any]:
    return {"bytes": data.hex(), **more}


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
