"""Telephone numbers as HMACs: whose they are, the codes that prove them, and what waits by one."""

from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.moving import move_within, require_may_move, require_open
from backend.adapters.ledger.phone_tables import PHONE, PHONE_CODE, PHONE_RECOVERY
from backend.adapters.ledger.riders import HOLDER
from backend.core.limits import RECOVERY_GOOD_MS
from backend.core.moving import Former
from backend.core.phone.binding import Bound, PhoneState, Recovery, recovery, state_of, stopped
from backend.core.phone.code import DAY_MS, HOUR_MS, Asked, SentOfLate, require_may_send
from backend.core.ports import Rider

_CODE, _WAITS = PHONE_CODE.c, PHONE_RECOVERY.c
_BOUND = sa.select(PHONE.c.credential_id, PHONE.c.since_ms, PHONE.c.next_id, PHONE.c.next_ms)


class PhoneTables:
    """Implements `PhoneStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded

    # --- codes ----------------------------------------------------------------------------------------------------

    def note_code(self, it: Asked) -> None:
        """Keep a code that may be sent now. Raises as `require_may_send`, and keeps nothing then."""
        by_now, in_day, in_hour = (
            _CODE.at_ms <= it.at_ms, _CODE.at_ms > it.at_ms - DAY_MS, _CODE.at_ms > it.at_ms - HOUR_MS
        )  # fmt: skip
        of_number = sa.select(_CODE.at_ms).where(_CODE.number_mac == it.number_mac, in_day, by_now)
        of_all = sa.select(sa.func.count(), sa.func.min(_CODE.at_ms)).where(in_hour, by_now)
        with self._writer.transaction() as core:
            times = core.execute(of_number.order_by(_CODE.at_ms)).scalars().all()
            count, oldest_ms = core.execute(of_all).one()
            require_may_send(SentOfLate(tuple(times), count, oldest_ms or 0), it.at_ms)
            row = {"number_mac": it.number_mac, "at_ms": it.at_ms, "mac": it.mac, "tries": it.tries}
            core.execute(PHONE_CODE.insert(), row)

    def use_code(self, number_mac: bytes, mac: bytes, now_ms: int) -> bool:
        """Whether it is the number's newest and right; used up if it is, a try more if not."""
        newest = (
            sa.select(PHONE_CODE).where(_CODE.number_mac == number_mac, _CODE.at_ms <= now_ms)
            .order_by(_CODE.at_ms.desc()).limit(1)
        )  # fmt: skip
        with self._writer.transaction() as core:
            row = core.execute(newest).first()
            if row is None:
                return False
            it = Asked(bytes(row.number_mac), row.at_ms, bytes(row.mac), row.tries)
            if not it.may_be_tried(now_ms):
                return False
            right = it.is_right(mac)
            kept = it.tried(right=right)
            same = sa.and_(_CODE.number_mac == number_mac, _CODE.at_ms == it.at_ms)
            core.execute(PHONE_CODE.update().where(same).values(mac=kept.mac, tries=kept.tries))
            return right

    # --- numbers --------------------------------------------------------------------------------------------------

    def bind_number(self, number_mac: bytes, credential_id: bytes, now_ms: int) -> None:
        """The account has proven the number just now. Raises Refused where it is closed."""
        with self._writer.transaction() as core:
            require_open(core, credential_id)
            _settle(core, now_ms)
            _release(core, credential_id, now_ms, but=number_mac)
            _end_recovery(core, credential_id)
            held = _bound(core, number_mac)
            it = Bound(credential_id, now_ms) if held is None else held.proven_by(credential_id, now_ms)
            _keep(core, number_mac, it)

    def release_number(self, credential_id: bytes, now_ms: int) -> None:
        """The account gives up what it has of a number; what waits by it ends."""
        with self._writer.transaction() as core:
            give_up_within(core, credential_id, now_ms)

    def phone_state(self, credential_id: bytes, now_ms: int) -> PhoneState:
        """How the account stands to a number."""
        with self._reader.reading() as core:
            row = core.execute(_BOUND.where(_is_of(credential_id))).first()
            bound = None if row is None else _of(row)
            return state_of(credential_id, bound, _recovery(core, credential_id), now_ms)

    # --- a way back -----------------------------------------------------------------------------------------------

    def note_recovery(self, number_mac: bytes, public_key: bytes, now_ms: int) -> Recovery | None:
        """What waits for this key by this number, from now on at the latest; None where no account has the number."""
        with self._writer.transaction() as core:
            _settle(core, now_ms)
            held = _bound(core, number_mac)
            if held is None:
                return None
            before = _recovery(core, held.credential_id)
            it = recovery(held.credential_id, public_key, now_ms, before)
            if it is not before:
                _end_recovery(core, it.credential_id)
                core.execute(PHONE_RECOVERY.insert(), {
                    "credential_id": it.credential_id, "public_key": it.public_key, "asked_ms": it.asked_ms,
                    "due_ms": it.due_ms,
                })  # fmt: skip
            return it

    def recover_rider(self, rider: Rider, former: Former, now_ms: int) -> None:
        """`move_rider` for what has waited, which is used up. Raises Refused."""
        same = _WAITS.credential_id == former.credential_id, _WAITS.public_key == rider.credential[HOLDER]
        due = _WAITS.due_ms <= now_ms, _WAITS.due_ms > now_ms - RECOVERY_GOOD_MS
        with self._writer.transaction() as core:
            require_may_move(core, former.credential_id)
            if not core.execute(PHONE_RECOVERY.delete().where(*same, *due)).rowcount:
                raise stopped()
            move_within(core, rider, former, None)

    def forget_phones(self, now_ms: int) -> None:
        """Codes of a day ago and what lapsed are gone; numbers that have come over are their new account's."""
        with self._writer.transaction() as core:
            core.execute(PHONE_CODE.delete().where(_CODE.at_ms <= now_ms - DAY_MS))
            core.execute(PHONE_RECOVERY.delete().where(_WAITS.due_ms <= now_ms - RECOVERY_GOOD_MS))
            _settle(core, now_ms)


def give_up_within(core: sa.Connection, credential_id: bytes, now_ms: int) -> None:
    """`release_number` within a transaction of the caller's: also as an account closes."""
    _settle(core, now_ms)
    _release(core, credential_id, now_ms)
    _end_recovery(core, credential_id)


def _settle(core: sa.Connection, now_ms: int) -> None:
    """Numbers that have come over are their new account's; what waited for the former one by them has ended."""
    over = PHONE.c.next_ms <= now_ms
    core.execute(PHONE_RECOVERY.delete().where(_WAITS.credential_id.in_(sa.select(PHONE.c.credential_id).where(over))))
    core.execute(PHONE.update().where(over).values(
        credential_id=PHONE.c.next_id, since_ms=PHONE.c.next_ms, next_id=None, next_ms=None
    ))  # fmt: skip


def _release(core: sa.Connection, credential_id: bytes, now_ms: int, *, but: bytes = b"") -> None:
    """Whatever an account has of numbers, but of one."""
    held = sa.select(PHONE).where(_is_of(credential_id), PHONE.c.number_mac != but)
    for row in core.execute(held).all():
        _keep(core, bytes(row.number_mac), _of(row).without(credential_id, now_ms))


def _keep(core: sa.Connection, number_mac: bytes, it: Bound | None) -> None:
    core.execute(PHONE.delete().where(PHONE.c.number_mac == number_mac))
    if it is not None:
        core.execute(PHONE.insert(), {
            "number_mac": number_mac, "credential_id": it.credential_id, "since_ms": it.since_ms,
            "next_id": it.next_id, "next_ms": it.next_ms,
        })  # fmt: skip


def _bound(core: sa.Connection, number_mac: bytes) -> Bound | None:
    row = core.execute(_BOUND.where(PHONE.c.number_mac == number_mac)).first()
    return None if row is None else _of(row)


def _recovery(core: sa.Connection, credential_id: bytes) -> Recovery | None:
    row = core.execute(sa.select(PHONE_RECOVERY).where(_WAITS.credential_id == credential_id)).first()
    return None if row is None else Recovery(bytes(row.credential_id), bytes(row.public_key), row.asked_ms, row.due_ms)


def _end_recovery(core: sa.Connection, credential_id: bytes) -> None:
    core.execute(PHONE_RECOVERY.delete().where(_WAITS.credential_id == credential_id))


def _is_of(credential_id: bytes) -> sa.ColumnElement[bool]:
    return sa.or_(PHONE.c.credential_id == credential_id, PHONE.c.next_id == credential_id)


def _of(row: Any) -> Bound:
    next_id = None if row.next_id is None else bytes(row.next_id)
    return Bound(bytes(row.credential_id), row.since_ms, next_id, row.next_ms)
