"""A card in a machine with a counter, without either: its chain, the file beside it, and cuts in between."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.adapters.counted_file import CountedFile
from edge.app.counting import Counting
from edge.core.ports import Head, StoredRecord
from hardware_keys.errors import CounterGone
from protocol.wire import chain
from tests.edge.journals import rows
from tests.protocol.samples import DEVICE, EPOCH, TAP_KEY

RECORDS = tuple(rows(60))


class Cut(Exception):
    """The power goes."""


class FakeCounter:
    """A chip's counter: what it counted stays, whatever is done to it. `fails`: it does not answer."""

    def __init__(self) -> None:
        self.most = 0  # of all that this chip ever counted
        self.value: int | None = None
        self.written = False
        self.fails = False
        self.cut_in: int | None = None  # so many words from now the power goes, before the word is done

    def read(self) -> int | None:
        self._asked()
        if self.value is not None and not self.written:
            return self._one_more()
        return self.value

    def make(self) -> None:
        self._asked()
        if self.value is not None:
            raise CounterGone("there is one", fix="none")
        self.value, self.written = self.most, False

    def advance(self) -> int:
        self._asked()
        if self.value is None:
            raise CounterGone("there is none", fix="none")
        return self._one_more()

    def remove(self) -> None:
        self.value = None

    def _one_more(self) -> int:
        self.most = self.value = self.most + 1
        self.written = True
        return self.value

    def _asked(self) -> None:
        if self.fails:
            raise CounterGone("it does not answer", fix="look")
        if self.cut_in is not None:
            if self.cut_in == 0:
                self.cut_in = None
                raise Cut
            self.cut_in -= 1


class MemoryFile(CountedFile):
    """The file, in memory."""

    def __init__(self, data: bytes | None = None) -> None:
        super().__init__(Path("counted"))
        self.data = data

    def read(self) -> bytes | None:
        return self.data

    def keep(self, data: bytes) -> None:
        self.data = data


@dataclass
class Card:
    """What a copy takes: the journal's length, where it begins, and the file."""

    taps: int = 0
    first: int = 1
    epoch: int = EPOCH
    kept: MemoryFile = field(default_factory=MemoryFile)
    stored: Sequence[StoredRecord] = RECORDS

    def copy(self) -> "Card":
        return replace(self, kept=MemoryFile(self.kept.data))

    @property
    def head(self) -> Head:
        at = chain.head_of(self.stored[self.taps - 1].raw) if self.taps else chain.GENESIS
        return Head(self.epoch, self.taps, at)

    @property
    def signed(self) -> int:
        return self.taps

    def read(self, first: int, most: int, most_bytes: int) -> list[StoredRecord]:
        assert most_bytes > 0
        return list(self.stored[max(first, self.first) - 1 : min(first + most - 1, self.taps)])

    def counting(self, counter: object, device: str = DEVICE) -> Counting:
        return Counting(device, self, TAP_KEY, counter, self.kept)  # type: ignore[arg-type]
