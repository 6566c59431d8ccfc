"""What announcing a bundle asks: tariffs and releases that two people approved."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from backend.core.announced_port import AnnouncedStore
from backend.core.moving_ports import MovingStore
from backend.core.staff.ports import NOT_DENIED, StaffStore
from backend.core.staff.subjects import Release, read, tariff_subject
from backend.core.staff.two_people import Kind
from protocol.fares.tariff import Tariff


class ApprovingStore(StaffStore, AnnouncedStore, MovingStore, Protocol):
    """The parts of the store that it needs."""


class StoredApprovals:
    """Implements `Approvals`. `tariffs`: those that were announced, by number; `clock` gives Unix milliseconds."""

    def __init__(self, store: ApprovingStore, tariffs: Mapping[int, Tariff], clock: Callable[[], int]) -> None:
        self._store, self._tariffs, self._clock = store, tariffs, clock

    def tariff(self, tariff: Tariff) -> bool:
        """Whether it may be announced: approved, or kept before."""
        if self._tariffs.get(tariff.version) == tariff:
            return True
        return bool(self._store.approved(Kind.TARIFF, tariff_subject(tariff)))

    def is_known(self, version: int) -> bool:
        """Whether a tariff of this number was ever kept."""
        return version in self._tariffs

    def release(self, credential_id: bytes, version: int, left: int = NOT_DENIED) -> bool:
        """Whether the credential, denied up to this version, may be denied up to `left` alone, or leave the list.

        Two people say so; or it is on the list for debt alone, up to this version, and nothing is owed any more: that
        takes nobody, but leaves on it the versions of lost phones.
        """
        ended = self._store.ended_versions().get(credential_id, NOT_DENIED)
        return (left >= ended and self._store.has_paid(credential_id, version)) or any(
            it.version >= version for it, _ in self._releases(credential_id)
        )

    def used(self, released: Collection[bytes]) -> None:
        """These have left it: another time they need another approval."""
        done = [name for credential_id in released for _, name in self._releases(credential_id)]
        if done:
            self._store.use_up(done, self._clock())

    def _releases(self, credential_id: bytes) -> list[tuple[Release, str]]:
        found = self._store.approved(Kind.RELEASE, credential_id.hex())
        read_ones = [(read(it.kind, it.content), it.id) for it in found]
        return [(it, name) for it, name in read_ones if isinstance(it, Release)]
