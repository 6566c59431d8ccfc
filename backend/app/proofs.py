"""Riders' proofs: day keys unwrapped, rider parts opened, the phone's signature checked.

A failure is a finding, not an exception: the tap stays, and nobody's wallet pays for it (P20). A short pass, or the
request in a grant, is verified by the key of the credential that this backend issued under its id, in its version,
ended or not; by no key that a device names.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from backend.core.limits import DAY_KEYS_CACHED_MAX
from backend.core.ports import Rider
from backend.core.shown import Shown, by_row, claimed, claimed_id, open_shown, read_shown
from protocol.errors import ProofError, SavarError, SealBroken, UnknownIssuer, WireError
from protocol.wire.keys import SigningKey, VerifyingKey
from protocol.wire.records import DayKeyRecord, Tap, decode_record
from protocol.wire.seal import DayKey, unwrap_day_key
from protocol.wire.short_passes import Pass
from protocol.wire.tickets import Ticket, claimed_ticket_id, open_ticket

log = logging.getLogger(__name__)
# (device, epoch, key id) → the day key's record bytes, if held
FindDayKey = Callable[[str, int, bytes], bytes | None]
KeyName: TypeAlias = tuple[str, int, bytes]  # device, epoch, key id
NONE_LEARNED: Mapping[KeyName, DayKey | None] = MappingProxyType({})
# credential ids → those of them that are registered, as `IngestStore.riders` finds them
FindRiders = Callable[[Sequence[bytes]], Mapping[bytes, Rider]]


class ProofDesk:
    """Opens rider parts with the backend's sealing key; keeps unwrapped day keys in memory only."""

    def __init__(self, sealing: SigningKey, find_day_key: FindDayKey, find_riders: FindRiders) -> None:
        self._sealing = sealing
        self._find_day_key = find_day_key
        self._find_riders = find_riders
        self._keys: OrderedDict[KeyName, DayKey | None] = OrderedDict()
        self._destroyed = False

    def forget_keys(self) -> None:
        """Keys may have been destroyed: whichever is needed next is looked for anew. From any thread."""
        self._destroyed = True

    def learn(self, record: DayKeyRecord) -> DayKey | None:
        """A day key came by; taps sealed under it follow. None: it is none, and they are without proof."""
        link = record.link
        key: DayKey | None
        try:
            secret = unwrap_day_key(record.wrapped, self._sealing, device=link.device, epoch=link.epoch, day=record.day)
            key = DayKey.load(secret, record.day)
        except SealBroken as error:
            log.warning("taps of %s under this day key are without proof: %s", link.device, error)
            key = None
        if key is not None and key.id != record.key_id:
            log.warning("taps of %s are without proof: a day key under another key's id", link.device)
            key = None
        self._keys[link.device, link.epoch, record.key_id] = key
        while len(self._keys) > DAY_KEYS_CACHED_MAX:
            self._keys.popitem(last=False)
        return key

    def open(self, tap: Tap) -> Pass | None:
        """The rider's proof in a tap, as `proven` has it: unsealed, and its rider looked for."""
        raw = self.unsealed(tap)
        if raw is None:
            return None
        credential_id = claimed_id(raw)
        return self.proven(tap, raw, {} if credential_id is None else self._find_riders([credential_id]))

    def unsealed(self, tap: Tap, learned: Mapping[KeyName, DayKey | None] = NONE_LEARNED) -> bytes | None:
        """What was held before the camera; None where the tap has nothing of it, or its seal does not hold.

        Asked in the order of a journal's records: a day key comes before what is sealed under it. `learned`: keys that
        came with the same group and are not stored yet: what is forgotten meanwhile, or pushed out by other devices'
        keys, is not these.
        """
        try:
            key = self._key(tap, learned)
            return None if key is None or not tap.sealed else key.open(tap.link.sequence, tap.sealed, tap.public)
        except (WireError, ProofError) as error:
            _told(tap, error)
            return None

    def proven(self, tap: Tap, raw: bytes, riders: Mapping[bytes, Rider], *, held: bool = False) -> Pass | None:
        """What was unsealed, its phone's signature verified; None if that does not hold.

        `riders`: by credential, with at least the one that it claims to be, if that is registered. The issuer's
        signature in a long pass is not checked here: the caller compares the credential with the one it issued. A short
        pass that is returned is of a credential that was issued. `held`: somebody has verified it (`Openers`), by
        what `shown` says of it with the same riders.
        """
        it = shown(raw, riders)
        try:
            return read_shown(*it) if held else open_shown(*it)
        except (WireError, ProofError) as error:
            _told(tap, error)
            return None

    def ticket(self, tap: Tap, raw: bytes | None, key_of: Callable[[bytes], VerifyingKey | None]) -> Ticket | None:
        """The bearer ticket that was unsealed, proven by the key that `key_of` has for its id; None if none is proven.

        Raises UnknownIssuer where `key_of` has none: nobody here has issued it.
        """
        try:
            if raw is None:
                return None
            key = key_of(claimed_ticket_id(raw))
            return open_ticket(raw, [] if key is None else [key])
        except UnknownIssuer:
            raise
        except (WireError, ProofError) as error:
            _told(tap, error)
            return None

    def _key(self, tap: Tap, learned: Mapping[KeyName, DayKey | None]) -> DayKey | None:
        if tap.key_id is None:
            return None
        name = (tap.link.device, tap.link.epoch, tap.key_id)
        if name in learned:
            return learned[name]
        if self._destroyed:
            self._destroyed = False
            self._keys.clear()
        if name in self._keys:
            return self._keys[name]
        raw = self._find_day_key(*name)
        record = None if raw is None else decode_record(raw)
        return self.learn(record) if isinstance(record, DayKeyRecord) else None


def shown(raw: bytes, riders: Mapping[bytes, Rider]) -> Shown:
    """What was unsealed, with what a short pass is opened by: the credential issued under its id, in its version."""
    named = claimed(raw) if by_row(raw) else None
    rider = None if named is None else riders.get(named[0])
    if named is None or rider is None:
        return raw, None
    return raw, next((it.credential for it in rider.former if it.version == named[1]), rider.credential)


def _told(tap: Tap, error: SavarError) -> None:
    log.warning("the proof of tap %s/%d does not hold: %s: %s", tap.link.device, tap.link.sequence, error.name, error)
