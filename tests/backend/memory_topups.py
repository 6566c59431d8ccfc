"""Top-ups in memory: a part of `MemoryStore`, held to the same suite as the ledger's own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from backend.core import limits
from backend.core.errors import StoreRefused
from backend.core.ledger import Transfer, debt_account, rider_account
from backend.core.payments import postings
from backend.core.payments.life import FINAL
from backend.core.payments.topup import Denial, State, TopUp


class MemoryTopUps:
    """Implements TopUpStore over `topups`, `transfers` and `denied`; AnnouncedStore."""

    topups: dict[str, TopUp]
    transfers: list[Transfer]
    denied: list[Denial]
    manifest: bytes | None = None
    deny_list: dict[bytes, tuple[int, int | None]]  # version, and `since_ms` of the denial for debt that it is for

    def _look(self) -> None:
        raise NotImplementedError

    def balance(self, account: str) -> int:
        raise NotImplementedError

    def add_topup(self, topup: TopUp) -> None:
        self._look()
        self.topups[topup.id] = topup

    def topup(self, topup_id: str) -> TopUp | None:
        self._look()
        return self.topups.get(topup_id)

    def topup_by_authority(self, authority: str) -> TopUp | None:
        self._look()
        return next((topup for topup in self.topups.values() if topup.authority == authority), None)

    def topup_named(self, provider: str, name: str) -> TopUp | None:
        ours = [it for it in self.topups.values() if it.provider == provider]
        return next((it for it in ours if it.receipt == name), None) or next(
            (it for it in ours if it.authority == name), None
        )

    def give_authority(self, topup_id: str, authority: str, *, next_ms: int) -> bool:
        self._look()
        old = self.topups[topup_id]
        if old.authority or old.state not in (State.ASKED, State.FAILED):
            return False
        self.topups[topup_id] = replace(old, authority=authority, status=State.PENDING, tries=0, next_ms=next_ms)
        return True

    def move_topup(
        self, topup_id: str, old: State, new: State, *, receipt: str = "", tries: int, next_ms: int | None, at_ms: int
    ) -> bool:
        self._look()
        was = self.topups[topup_id]
        if was.state is not old:
            return False
        self._keep_receipt(was, receipt)
        self.topups[topup_id] = replace(
            was, status=new, receipt=receipt or was.receipt, tries=tries, next_ms=next_ms
        )  # fmt: skip
        return True

    def _keep_receipt(self, topup: TopUp, receipt: str) -> None:
        others = [it for it in self.topups.values() if it.id != topup.id and it.provider == topup.provider]
        if receipt and any(it.receipt == receipt for it in others):
            raise StoreRefused("one receipt, two top-ups")

    def pay_topup(self, topup_id: str, at_ms: int, *, receipt: str = "", next_ms: int | None = None) -> bool:
        self._look()
        old = self.topups[topup_id]
        if old.state not in (State.ASKED, State.PENDING, State.FAILED):
            return False
        self._keep_receipt(old, receipt)
        owed = -self.balance(debt_account(old.credential_id))
        self._post(postings.credit(old, owed))
        self.topups[topup_id] = replace(
            old, status=State.PAID, receipt=receipt or old.receipt, tries=0, next_ms=next_ms
        )  # fmt: skip
        if owed <= old.rials:
            self.denied = [self._ended(it, old.credential_id, at_ms) for it in self.denied]
        return True

    def _ended(self, it: Denial, credential_id: bytes, at_ms: int) -> Denial:
        return replace(it, ended_ms=at_ms) if (it.credential_id, it.ended_ms) == (credential_id, None) else it

    def charge_back(self, topup_id: str, at_ms: int) -> bool:
        self._look()
        old = self.topups[topup_id]
        if old.state is not State.PAID:
            return False
        self._post(postings.charge_back(old, self.balance(rider_account(old.credential_id))))
        self.topups[topup_id] = replace(old, status=State.CHARGED_BACK, tries=0, next_ms=None)
        mine = [it for it in self.denied if it.credential_id == old.credential_id]
        owed = -self.balance(debt_account(old.credential_id))
        if postings.is_too_much(owed) and all(it.ended_ms is not None for it in mine):
            since_ms = max([at_ms, *(it.since_ms + 1 for it in mine)])
            self.denied.append(Denial(old.credential_id, since_ms, postings.DEBT))
        return True

    def _post(self, transfers: Sequence[Transfer]) -> None:
        for transfer in transfers:
            if any(posted.key == transfer.key for posted in self.transfers):
                raise StoreRefused("transfer posted twice")
        self.transfers += transfers

    def due_topups(self, provider: str, now_ms: int, limit: int) -> Sequence[TopUp]:
        self._look()
        ours = [it for it in self.topups.values() if it.provider == provider]
        due = [it for it in ours if it.next_ms is not None and it.next_ms <= now_ms]
        ahead = [it for it in ours if it.next_ms is not None and it.next_ms > now_ms + limits.SWEEP_AHEAD_MS]
        return [one for some in (due, ahead) for one in sorted(some, key=lambda it: (it.next_ms, it.id))][:limit]

    def topups_between(self, from_ms: int, until_ms: int) -> Sequence[TopUp]:
        self._look()
        return [topup for topup in self.topups.values() if from_ms <= topup.created_ms < until_ms]

    def look_soon(self, topup_ids: Sequence[str], at_ms: int) -> None:
        self._look()
        for topup_id in topup_ids:
            if self.topups[topup_id].state not in FINAL:
                self.topups[topup_id] = replace(self.topups[topup_id], next_ms=at_ms)

    def keep_announced(self, manifest: bytes, deny: Mapping[bytes, int]) -> None:
        self._look()
        owing = {it.credential_id: it.since_ms for it in self.denied if it.ended_ms is None}
        before = self.deny_list
        self.deny_list = {
            it: before[it] if it in before and before[it][0] == version
            else (version, None if it in before else owing.get(it))
            for it, version in deny.items()
        }  # fmt: skip
        self.manifest = manifest

    def announced(self) -> bytes | None:
        self._look()
        return self.manifest

    def announced_denials(self) -> Mapping[bytes, int] | None:
        self._look()
        return None if self.manifest is None else {it: version for it, (version, _) in self.deny_list.items()}

    def has_paid(self, credential_id: bytes, version: int) -> bool:
        self._look()
        owing = any(it.credential_id == credential_id and it.ended_ms is None for it in self.denied)
        listed, debt_ms = self.deny_list.get(credential_id, (None, None))
        return not owing and listed == version and debt_ms is not None

    def denials(self, *, open_only: bool) -> Sequence[Denial]:
        self._look()
        found = [it for it in self.denied if it.ended_ms is None or not open_only]
        return sorted(found, key=lambda it: (-it.since_ms, it.credential_id))
