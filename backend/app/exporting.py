"""A rider's own data, section by section and page by page: between two pages nothing of the ledger is held."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backend.core.exporting.entries import accounts_of, by_key, keys_of, told
from backend.core.exporting.ports import ExportStore, Piece, Row
from backend.core.exporting.sections import RIDE_COLUMNS, SECTIONS, Section, withheld
from backend.core.limits import EXPORT_PAGE
from backend.core.staff.subjects import Posting, read
from backend.core.staff.two_people import Kind

_BY_RIDER = (Kind.RELEASE, Kind.GUARDIAN)  # a proposal's subject: the credential, …
_BY_KEY = (Kind.CONCESSION, Kind.MOVE)  # … one of its phones' keys, …
_BY_DISPUTE = (Kind.REFUND,)  # … a dispute
_BY_HAND = ""  # a posting's: it is found by its proposal alone, so all of them are looked at; the office made each


class Exports:
    """Implements `ExportDesk`. Whose it is has been proven by who asks."""

    def __init__(self, store: ExportStore) -> None:
        self._store = store

    def of(self, credential_id: bytes) -> Iterator[Piece]:
        """Each section in turn, each at least once. Raises StoreFailed, also in the midst of it."""
        accounts = accounts_of(credential_id)
        sums = dict.fromkeys(accounts.values(), 0)
        keys: set[str] = set()
        disputes: set[str] = set()
        for section in SECTIONS:
            pages = (
                self._decisions(credential_id, accounts, keys, disputes)
                if section.name == "decisions"
                else self._pages(section, credential_id)
            )
            for page in pages:
                keys |= {bytes(row["public_key"]).hex() for row in page if "public_key" in row}
                disputes |= {row["name"] for row in page if section.name == "disputes"}
                yield Piece(section.name, self._told(section, page, credential_id, accounts, sums))
        yield Piece("balances", self._balances(accounts, sums))

    def _pages(self, section: Section, credential_id: bytes) -> Iterator[Sequence[Row]]:
        after: list[Any] | None = None
        while True:
            page = self._store.own_rows(section, credential_id, after, EXPORT_PAGE)
            yield page
            if len(page) < EXPORT_PAGE:
                return
            after = [page[-1][name] for name in section.order]

    def _decisions(
        self, credential_id: bytes, accounts: Mapping[str, str], keys: set[str], disputes: set[str]
    ) -> Iterator[Sequence[Row]]:  # fmt: skip
        for kinds, subjects in ((_BY_RIDER, {credential_id.hex()}), (_BY_KEY, keys), (_BY_DISPUTE, disputes)):
            for kind in kinds:
                yield from self._decided(kind, sorted(subjects))
        for page in self._decided(Kind.POSTING, [_BY_HAND]):
            yield [row for row in page if _names(row, accounts)]

    def _decided(self, kind: Kind, subjects: Sequence[str]) -> Iterator[Sequence[Row]]:
        after = 0
        while True:
            page = self._store.own_decisions(kind.value, subjects, after, EXPORT_PAGE)
            yield page
            if len(page) < EXPORT_PAGE:
                return
            after = page[-1]["id"]

    def _told(
        self, section: Section, page: Sequence[Row], credential_id: bytes, accounts: Mapping[str, str],
        sums: dict[str, int],
    ) -> list[Mapping[str, object]]:  # fmt: skip
        columns = (*section.columns, *(RIDE_COLUMNS if section.name == "rides" else ()))
        silent = [withheld(section, row) for row in page]
        rows: list[dict[str, Any]] = [
            {it.name: None if it.name in quiet else it.value(row[it.name]) for it in columns}
            for row, quiet in zip(page, silent, strict=True)
        ]
        if not section.posts:
            return list(rows)
        wanted = [keys_of(section, row, credential_id) for row in page]
        found = by_key(self._store.posted_under([key for some in wanted for key in some]))
        for row, some in zip(rows, wanted, strict=True):
            posted = sorted((it for key in some for it in found.get(key, ())), key=lambda one: one.row)
            row["entries"] = [line for it in posted for line in told(it, accounts)]
            for line in row["entries"]:
                sums[line["account"]] += line["rials"]
        return list(rows)

    def _balances(self, accounts: Mapping[str, str], sums: Mapping[str, int]) -> list[Mapping[str, object]]:
        return [
            {
                "account": accounts[name], "debits": debits, "credits": credited, "debits_pending": out,
                "credits_pending": coming, "balance_rials": credited - debits, "told_rials": sums[accounts[name]],
                "not_told_rials": credited - debits - sums[accounts[name]],
            }
            for name, debits, credited, out, coming in self._store.own_balances(list(accounts))
        ]  # fmt: skip


def _names(row: Row, accounts: Mapping[str, str]) -> bool:
    """Whether a posting by hand moves something of these accounts."""
    it = read(Kind.POSTING, bytes(row["content"]))
    return isinstance(it, Posting) and (it.debit in accounts or it.credit in accounts)
