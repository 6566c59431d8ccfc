"""What a seed need not do twice: answers of pure functions of the product, kept by the bytes they are about."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import base45

from backend.adapters.ledger import cases
from backend.app import branches, explaining, ingest, postings, proofs
from edge.app import given_back, receipt_trust, sister, station
from protocol.wire import chain, codes
from protocol.wire.batches import Batch
from protocol.wire.keys import VerifyingKey
from protocol.wire.receipts import Receipt
from protocol.wire.records import Record
from simulators.seeded import checkers, city, let_rides, ways

_KEPT = 4_000  # answers of one function; a city signs some three hundred records, and sends fewer batches and receipts
Answers = Callable[..., Any]


def _of_bytes(function: Answers) -> Answers:
    """Records and batches: by their bytes alone."""
    return lru_cache(_KEPT)(function)


def _of_receipt(function: Answers) -> Answers:
    """A receipt, by its bytes and the keys that were tried."""
    known = lru_cache(_KEPT)(function)

    def remembered(data: bytes, keys: Iterable[VerifyingKey]) -> Receipt:
        receipt: Receipt = known(data, tuple(keys))
        return receipt

    return remembered


def _of_batch(function: Answers) -> Answers:
    """A batch's records and hashes, by the batch and the key that was tried: a list of its own for each who asks."""
    known = lru_cache(_KEPT)(function)

    def remembered(batch: Batch, key: VerifyingKey) -> list[tuple[Record, bytes]]:
        return list(known(batch, key))

    return remembered


class _Parts(dict[bytes, bytes]):
    """Answers of a function about a few bytes, which it gives once a process."""

    def __init__(self, function: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, part: bytes) -> bytes:
        made = self[part] = self._function(part)
        return made


_ENCODED, _DECODED = _Parts(base45.b45encode), _Parts(base45.b45decode)


def in_parts(text: bytes, size: int, known: _Parts) -> bytes:
    """What stands for every `size` bytes of a text, one behind the other. Raises what its function raises."""
    return b"".join([known[text[at : at + size]] for at in range(0, len(text), size)])


# base45 is put together of two bytes and three characters each: a city's phones and doors write and read 300 codes.
_BASE45 = SimpleNamespace(
    b45encode=lambda data: in_parts(data, 2, _ENCODED), b45decode=lambda text: in_parts(text, 3, _DECODED)
)
_WRITTEN: tuple[Any, str] = (codes, "base45")  # where it is asked by its name

# Where each function is asked by its name, and how its answers are kept.
_ASKED: tuple[tuple[str, Callable[[Answers], Answers], tuple[Any, ...]], ...] = (
    (
        "decode_record", _of_bytes,
        (chain, given_back, station, sister, postings, proofs, explaining, cases, checkers, let_rides, ways),
    ),
    ("decode_batch", _of_bytes, (sister, ingest, branches, checkers)),
    ("verify_batch", _of_batch, (sister, ingest)),
    ("open_receipt", _of_receipt, (receipt_trust, city)),
)  # fmt: skip


@contextmanager
def remembering() -> Iterator[None]:
    """What was decoded and proven once is known by its bytes: two sinks, resends, replays and checkers all ask again.

    All of it is pure and its answers are frozen, so no run changes by it; what is refused is refused anew each time.
    A defect that is planted in one place is remembered for that place alone.
    """
    before = [(owner, name, getattr(owner, name)) for name, _, owners in _ASKED for owner in owners]
    before.append((*_WRITTEN, getattr(*_WRITTEN)))
    for name, keep, owners in _ASKED:
        kept: dict[Answers, Answers] = {}
        for owner in owners:
            asked = getattr(owner, name)
            if asked not in kept:
                kept[asked] = keep(asked)
            setattr(owner, name, kept[asked])
    setattr(*_WRITTEN, _BASE45)
    try:
        yield
    finally:
        for owner, name, asked in before:
            setattr(owner, name, asked)
