"""Grants: who scanned a bus says so here, and what the boarding costs at most is set aside and told to that bus.

Rules:
- a vehicle code is proven by the tap key that is registered for the device which it names, is of the vehicle that this
  device is enrolled for, and is not older than a minute by our clock. A photograph, a sticker, a revoked device: none;
- the request is proven by the key in the rider's own credential, names that very code, and comes with his token;
- money first, then the word: what is set aside is committed before a grant is signed. A grant whose answer was lost is
  given again, and told to the bus again a few times; one that the bus did not hear is on the phone's screen.
"""

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Protocol

from backend.core.errors import KeyReused, NotCovered
from backend.core.grants import (
    Granted,
    PublishGrant,
    SeenVehicle,
    another_code,
    asked_otherwise,
    good_until_ms,
    held_already,
    hold_key,
    no_bus_of_ours,
    no_tariff,
    old_code,
    renew_first,
    set_aside,
    too_little,
    until_ms,
)
from backend.core.ledger import rider_account
from backend.core.ledger.ports import PendingStore
from backend.core.limits import GRANT_TOLD_MAX, GRANTS_TOLD_KEPT
from backend.core.moving import denied
from backend.core.ports import Device, Rider
from protocol.errors import ProofError, WireError
from protocol.fares.pricing import Ride, price
from protocol.fares.tariff import RiderClass, Tariff
from protocol.limits import VEHICLE_CODE_MAX_AGE_S
from protocol.localtime import service_day
from protocol.wire.grants import issue_grant, open_boarding
from protocol.wire.keys import Signer, VerifyingKey
from protocol.wire.passes import read_issued
from protocol.wire.vehicle_codes import VehicleCode, claimed_device, open_vehicle_code

log = logging.getLogger(__name__)
FindDevice = Callable[[str], tuple[Device, VerifyingKey] | None]  # raises KeyRevoked


class GrantsStore(PendingStore, Protocol):
    """The parts of the store that it needs."""

    def may_renew(self, credential_id: bytes, version: int) -> bool:
        """Whether it is denied neither by the announced list nor, for debt, by the next one."""
        ...


class Grants:
    """Implements `GrantDesk`. `clock` gives Unix milliseconds; `publish` tells a device of a grant."""

    def __init__(
        self,
        store: GrantsStore,
        find_device: FindDevice,
        tariffs: Mapping[int, Tariff],
        issuer: Signer,
        *,
        clock: Callable[[], int],
        publish: PublishGrant,
    ) -> None:
        self._store, self._find_device, self._tariffs, self._issuer = store, find_device, tariffs, issuer
        self._clock, self._publish = clock, publish
        self._told: dict[bytes, int] = {}  # how often each was, the last ones
        self._lock = Lock()

    def seen(self, code: bytes) -> SeenVehicle:
        """What a vehicle code is. Raises Refused."""
        now_ms = self._clock()
        found = self._proven(code, now_ms)
        fare = self._most(found, int(RiderClass.ADULT), 0, 0, now_ms)
        left_ms = (found.time_s + VEHICLE_CODE_MAX_AGE_S) * 1000 - now_ms
        return SeenVehicle(found.vehicle, found.door, found.line, fare, left_ms)

    def grant(self, rider: Rider, code: bytes, request: bytes) -> Granted:
        """Set the fare aside and tell the bus. Raises Refused, WireError, BadSignature, HighSSignature."""
        now_ms, holder = self._clock(), read_issued(rider.credential)
        found = self._proven(code, now_ms)
        asked = open_boarding(request, VerifyingKey.load(holder.holder))
        of_code = (asked.vehicle, asked.time_s, asked.nonce) == (found.vehicle, found.time_s, found.nonce)
        if asked.credential_id != holder.credential_id or not of_code:
            raise another_code()
        if asked.version != holder.version or holder.expiry_day < service_day(now_ms):
            raise renew_first()
        if not self._store.may_renew(holder.credential_id, holder.version):
            raise denied()
        most = self._most(found, holder.rider_class, holder.product, asked.party, now_ms)
        if most:
            try:
                self._store.make_pending(set_aside(asked, most), expires_ms=until_ms(asked), at_ms=now_ms)
            except NotCovered as error:
                wallet = self._store.balance_of(rider_account(holder.credential_id))
                holds = wallet.credits - wallet.debits >= most
                raise (held_already(most) if holds else too_little(most)) from error
            except KeyReused as error:
                raise asked_otherwise() from error
        granted = issue_grant(
            self._issuer, request, rider_class=holder.rider_class, product=holder.product, most_rials=most
        )
        self._tell(found.device, hold_key(asked), granted)
        return Granted(granted, most, good_until_ms(asked))

    def _tell(self, device: str, key: bytes, granted: bytes) -> None:
        with self._lock:
            told = self._told.pop(key, 0)
            self._told[key] = told + 1
            if len(self._told) > GRANTS_TOLD_KEPT:
                del self._told[next(iter(self._told))]
        if told < GRANT_TOLD_MAX:
            self._publish(device, granted)

    def _proven(self, raw: bytes, now_ms: int) -> VehicleCode:
        """A code that a door of ours shows now. Raises Refused."""
        try:
            name = claimed_device(raw)
            known = None if name is None else self._find_device(name)
            if known is None:
                raise no_bus_of_ours()
            device, tap_key = known
            code = open_vehicle_code(raw, tap_key)
        except (WireError, ProofError) as error:  # and KeyRevoked
            log.info("a vehicle code is not believed: %s: %s", error.name, error)
            raise no_bus_of_ours() from error
        if code.vehicle != device.vehicle:
            raise no_bus_of_ours()
        if not code.fresh(now_ms):
            raise old_code()
        return code

    def _most(self, code: VehicleCode, rider_class: int, product: int, party: int, now_ms: int) -> int:
        """What a ride costs alone: on the line that somebody told, today, without what else its rider rides."""
        begun = [it for it in [*self._tariffs.values()] if it.starts_ms <= now_ms]
        if not begun:
            raise no_tariff()
        tariff = max(begun, key=lambda it: (it.starts_ms, it.version))
        return price(tariff, Ride(rider_class, party, product, code.line, None, now_ms)).rider_rials
