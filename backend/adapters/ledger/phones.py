"""Telephone numbers as HMACs: whose they are, the codes that prove them, and what waits by one."""

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.held_numbers import bound, bound_of, end_recovery, give_up, keep, settle, take_away
from backend.adapters.ledger.moving import move_within, require_may_move, require_open
from backend.adapters.ledger.phone_tables import PHONE_CODE, PHONE_RECOVERY
from backend.adapters.ledger.riders import HOLDER
from backend.core.limits import RECOVERY_GOOD_MS
from backend.core.moving import Former
from backend.core.phone.binding import (
    Bound,
    PhoneState,
    Recovery,
    kept_for,
    recovery,
    state_of,
    stopped,
    waits_elsewhere,
)
from backend.core.phone.code import DAY_MS, HOUR_MS, Asked, For, SentOfLate, require_may_send
from backend.core.ports import Rider

_CODE, _WAITS = PHONE_CODE.c, PHONE_RECOVERY.c


class PhoneTables:
    """Implements `PhoneStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded

    # --- codes ----------------------------------------------------------------------------------------------------

    def note_code(self, it: Asked) -> int:
        """Keep a code that may be sent now; how many of all that makes within an hour.

        Raises as `require_may_send`, and keeps nothing then.
        """
        by_now, in_day, in_hour = (
            _CODE.at_ms <= it.at_ms, _CODE.at_ms > it.at_ms - DAY_MS, _CODE.at_ms > it.at_ms - HOUR_MS
        )  # fmt: skip
        of_number = sa.select(_CODE.at_ms).where(_CODE.number_mac == it.number_mac, in_day, by_now)
        of_all = sa.select(sa.func.count(), sa.func.min(_CODE.at_ms)).where(by_now)
        with self._writer.transaction() as core:
            times = core.execute(of_number.order_by(_CODE.at_ms)).scalars().all()
            hours, hour_ms = core.execute(of_all.where(in_hour)).one()
            days, day_ms = core.execute(of_all.where(in_day)).one()
            require_may_send(SentOfLate(tuple(times), hours, hour_ms or 0, days, day_ms or 0), it.at_ms)
            core.execute(PHONE_CODE.insert(), {
                "number_mac": it.number_mac, "at_ms": it.at_ms, "mac": it.mac, "tries": it.tries,
                "what_for": it.what_for.value,
            })  # fmt: skip
            return int(hours) + 1

    def use_code(self, number_mac: bytes, what_for: For, mac: bytes, now_ms: int) -> bool:
        """Whether it is the number's newest of its purpose, and right; used up if it is, a try more if not."""
        newest = (
            sa.select(PHONE_CODE)
            .where(_CODE.number_mac == number_mac, _CODE.at_ms <= now_ms, _CODE.what_for == what_for.value)
            .order_by(_CODE.at_ms.desc()).limit(1)
        )  # fmt: skip
        with self._writer.transaction() as core:
            row = core.execute(newest).first()
            if row is None:
                return False
            it = Asked(bytes(row.number_mac), row.at_ms, bytes(row.mac), For(row.what_for), row.tries)
            if not it.may_be_tried(now_ms):
                return False
            right = it.is_right(mac)
            kept = it.tried(right=right)
            same = sa.and_(_CODE.number_mac == number_mac, _CODE.at_ms == it.at_ms)
            core.execute(PHONE_CODE.update().where(same).values(mac=kept.mac, tries=kept.tries))
            return right

    # --- numbers --------------------------------------------------------------------------------------------------

    def bind_number(self, number_mac: bytes, credential_id: bytes, now_ms: int, former: bytes | None = None) -> None:
        """The account has proven the number just now. Raises Refused where it is closed.

        What it had before is given up; `former`, which it has proven too, at once.
        """
        with self._writer.transaction() as core:
            require_open(core, credential_id)
            settle(core, now_ms)
            if former is not None and former != number_mac:
                take_away(core, former, credential_id, now_ms)
            give_up(core, credential_id, now_ms, but=number_mac)
            end_recovery(core, credential_id)
            held = bound(core, number_mac)
            it = Bound(credential_id, now_ms) if held is None else held.proven_by(credential_id, now_ms)
            keep(core, number_mac, it)

    def release_number(self, credential_id: bytes, now_ms: int, proven: bytes | None = None) -> None:
        """The account gives up what it has of a number, `proven` at once; what waits by it ends at once."""
        with self._writer.transaction() as core:
            settle(core, now_ms)
            if proven is not None:
                take_away(core, proven, credential_id, now_ms)
            give_up(core, credential_id, now_ms)
            end_recovery(core, credential_id)

    def phone_state(self, credential_id: bytes, now_ms: int) -> PhoneState:
        """How the account stands to a number."""
        with self._reader.reading() as core:
            return state_of(credential_id, bound_of(core, credential_id), _recovery(core, credential_id), now_ms)

    # --- a way back -----------------------------------------------------------------------------------------------

    def note_recovery(self, number_mac: bytes, public_key: bytes, now_ms: int) -> Recovery | None:
        """What waits for this key by this number, from now on at the latest; None where no account has the number.

        Raises Refused where the key waits for another account.
        """
        with self._writer.transaction() as core:
            settle(core, now_ms)
            held = bound(core, number_mac)
            if held is None:
                return None
            if _waits_elsewhere(core, public_key, held.credential_id, now_ms):
                raise waits_elsewhere()
            before = _recovery(core, held.credential_id)
            it = recovery(held, public_key, now_ms, before)
            if it is not before:
                end_recovery(core, it.credential_id)
                core.execute(PHONE_RECOVERY.insert(), {
                    "credential_id": it.credential_id, "public_key": it.public_key, "asked_ms": it.asked_ms,
                    "due_ms": it.due_ms,
                })  # fmt: skip
            keep(core, number_mac, kept_for(held, it))
            return it

    def recover_rider(self, rider: Rider, former: Former, number_mac: bytes, now_ms: int) -> None:
        """`move_rider` for what has waited by this number, which stays the account's. Raises Refused."""
        same = _WAITS.credential_id == former.credential_id, _WAITS.public_key == rider.credential[HOLDER]
        due = _WAITS.due_ms <= now_ms, _WAITS.due_ms > now_ms - RECOVERY_GOOD_MS
        with self._writer.transaction() as core:
            require_may_move(core, former.credential_id)
            if not core.execute(PHONE_RECOVERY.delete().where(*same, *due)).rowcount:
                raise stopped()
            held = bound(core, number_mac)
            if held is None or held.credential_id != former.credential_id:
                raise stopped()
            give_up(core, former.credential_id, now_ms, but=number_mac)
            keep(core, number_mac, held.proven_by(former.credential_id, now_ms))
            move_within(core, rider, former, None)

    def key_waits(self, public_key: bytes, now_ms: int) -> bool:
        """Whether it waits, and not lapsed, for an account that it asked for by a number."""
        asked = sa.select(_WAITS.due_ms).where(
            _WAITS.public_key == public_key, _WAITS.due_ms > now_ms - RECOVERY_GOOD_MS
        )
        with self._reader.reading() as core:
            return core.execute(asked.limit(1)).first() is not None

    def forget_phones(self, now_ms: int) -> None:
        """Codes of a day ago and what lapsed are gone; numbers that have come over are their new account's."""
        with self._writer.transaction() as core:
            core.execute(PHONE_CODE.delete().where(_CODE.at_ms <= now_ms - DAY_MS))
            core.execute(PHONE_RECOVERY.delete().where(_WAITS.due_ms <= now_ms - RECOVERY_GOOD_MS))
            settle(core, now_ms)


def _recovery(core: sa.Connection, credential_id: bytes) -> Recovery | None:
    row = core.execute(sa.select(PHONE_RECOVERY).where(_WAITS.credential_id == credential_id)).first()
    return None if row is None else Recovery(bytes(row.credential_id), bytes(row.public_key), row.asked_ms, row.due_ms)


def _waits_elsewhere(core: sa.Connection, public_key: bytes, credential_id: bytes, now_ms: int) -> bool:
    """Whether this key waits, and not lapsed, for another account than this."""
    live = _WAITS.due_ms > now_ms - RECOVERY_GOOD_MS
    asked = sa.select(_WAITS.due_ms).where(_WAITS.public_key == public_key, _WAITS.credential_id != credential_id, live)
    return core.execute(asked.limit(1)).first() is not None
