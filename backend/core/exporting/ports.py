"""The ports of exports: what is read, and who writes the document."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from backend.core.exporting.entries import Posted
from backend.core.exporting.sections import Section

Row: TypeAlias = Mapping[str, Any]  # a row's columns as the ledger holds them


class Piece(NamedTuple):
    """Some rows of a section, as they are told; the next piece of the same section goes on with it."""

    section: str
    rows: Sequence[Mapping[str, object]]


class ExportDesk(Protocol):
    """What the API asks for a rider's own."""

    def of(self, credential_id: bytes) -> Iterator[Piece]:
        """Each section in turn, each at least once. Raises StoreFailed, also in the midst of it."""
        ...


class ExportStore(Protocol):
    """Every call is a short reading of its own. Raises StoreFailed."""

    def own_rows(
        self, section: Section, credential_id: bytes, after: Sequence[Any] | None, limit: int
    ) -> Sequence[Row]:  # fmt: skip
        """Rows of a section behind this place of its `order`; of rides with what their records tell."""
        ...

    def own_decisions(self, kind: str, subjects: Sequence[str], after: int, limit: int) -> Sequence[Row]:
        """What was approved of a kind for these subjects, behind this `id`, with its `content`."""
        ...

    def own_balances(self, accounts: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
        """(account, debits, credits, debits pending, credits pending) of those that there are."""
        ...

    def posted_under(self, keys: Sequence[bytes]) -> Sequence[Posted]:
        """What was posted under these keys."""
        ...
