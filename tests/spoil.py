"""Bytes with one wrong bit."""


def spoiled(data: bytes) -> bytes:
    """The last bit turned. Set to a fixed byte instead, one signature in 256 would still be the right one."""
    return data[:-1] + bytes([data[-1] ^ 1])
