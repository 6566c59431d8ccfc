"""What a seed need not do twice: answers of pure functions of the product, kept by the bytes they are about."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from protocol.wire import chain

_RECORDS = 4_000  # of a few hundred bytes each; a city signs some three hundred, and tells each a dozen times


@contextmanager
def remembering() -> Iterator[None]:
    """A record that was decoded once is known by its bytes: two sinks, resends, replays and checkers all ask again.

    Decoding is pure and its records are frozen, so no run changes by it; what is refused is refused anew each time.
    """
    owner: Any = chain
    before = owner.decode_record
    owner.decode_record = lru_cache(_RECORDS)(before)
    try:
        yield
    finally:
        owner.decode_record = before
