"""Riders' proofs: day keys unwrapped, rider parts opened, the phone's signature checked.

A failure is a finding, not an exception: the tap stays, and nobody's wallet pays for it (P20).
"""

import logging
from collections import OrderedDict
from collections.abc import Callable

from backend.core.limits import DAY_KEYS_CACHED_MAX
from protocol.errors import ProofError, SealBroken, WireError
from protocol.wire.keys import SigningKey
from protocol.wire.passes import LongPass, open_presentation
from protocol.wire.records import DayKeyRecord, Tap, decode_record
from protocol.wire.seal import DayKey, unwrap_day_key

log = logging.getLogger(__name__)
# (device, epoch, key id) → the day key's record bytes, if held
FindDayKey = Callable[[str, int, bytes], bytes | None]


class ProofDesk:
    """Opens rider parts with the backend's sealing key; keeps unwrapped day keys in memory only."""

    def __init__(self, sealing: SigningKey, find_day_key: FindDayKey) -> None:
        self._sealing = sealing
        self._find_day_key = find_day_key
        self._keys: OrderedDict[tuple[str, int, bytes], DayKey | None] = OrderedDict()

    def learn(self, record: DayKeyRecord) -> None:
        """A day key came by; taps sealed under it follow."""
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

    def open(self, tap: Tap) -> LongPass | None:
        """The rider's proof in a tap, its phone's signature verified; None if there is none that holds.

        The issuer's signature is not checked here: the caller compares the credential with the one it issued.
        """
        key = self._key(tap)
        if key is None or not tap.sealed:
            return None
        try:
            raw = key.open(tap.link.sequence, tap.sealed, tap.public)
            return open_presentation(raw)
        except (WireError, ProofError) as error:
            log.warning("the proof of tap %s/%d does not hold: %s: %s", tap.link.device, tap.link.sequence,
                        error.name, error)  # fmt: skip
            return None

    def _key(self, tap: Tap) -> DayKey | None:
        if tap.key_id is None:
            return None
        name = (tap.link.device, tap.link.epoch, tap.key_id)
        if name not in self._keys:
            raw = self._find_day_key(*name)
            record = None if raw is None else decode_record(raw)
            if not isinstance(record, DayKeyRecord):
                return None
            self.learn(record)
        return self._keys[name]
