"""Tokens, passkeys, invitations and sessions of the staff: each change and its entry in one transaction."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.staff import add_token, of_person, tell
from backend.adapters.ledger.staff_tables import STAFF, STAFF_INVITATION, STAFF_PASSKEY, STAFF_SESSION, STAFF_TOKEN
from backend.core.limits import PASSKEYS_MAX, SESSIONS_MAX
from backend.core.staff.log import Entry
from backend.core.staff.roles import Person
from backend.core.staff.signing_in import Passkey, Session, Token, rises

_KEY, _SESSION = STAFF_PASSKEY.c, STAFF_SESSION.c
_NEWEST = (_SESSION.began_ms.desc(), _SESSION.token_hash)
_PEOPLE = sa.select(STAFF).where(STAFF.c.ended_ms.is_(None))


class SignInTables:
    """Implements `SignInStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded

    # --- tokens and invitations -----------------------------------------------------------------------------------

    def add_token(self, token: Token, others_end_ms: int, entry: Entry) -> bool:
        """Keep it; the person's others end at `others_end_ms` at the latest. False: there is no such person now."""
        mine = STAFF_TOKEN.c.person == token.person
        later = sa.or_(STAFF_TOKEN.c.ends_ms.is_(None), STAFF_TOKEN.c.ends_ms > others_end_ms)
        with self._writer.transaction() as core:
            if not _is_there(core, token.person):
                return False
            core.execute(STAFF_TOKEN.delete().where(mine, STAFF_TOKEN.c.ends_ms <= token.made_ms))
            core.execute(STAFF_TOKEN.update().where(mine, later).values(ends_ms=others_end_ms))
            add_token(core, token)
            tell(core, entry)
        return True

    def tokens(self, person: str, at_ms: int) -> Sequence[Token]:
        """A person's that open something, oldest first."""
        of = STAFF_TOKEN.c
        good = sa.and_(of.person == person, sa.or_(of.ends_ms.is_(None), of.ends_ms > at_ms))
        with self._reader.reading() as core:
            rows = core.execute(sa.select(STAFF_TOKEN).where(good).order_by(of.made_ms, of.hash)).all()
        return [Token(*row) for row in rows]

    def invite(self, code_hash: bytes, person: str, until_ms: int, entry: Entry) -> bool:
        """Keep an invitation in the place of one before. False: there is no such person now."""
        with self._writer.transaction() as core:
            if not _is_there(core, person):
                return False
            core.execute(STAFF_INVITATION.delete().where(STAFF_INVITATION.c.person == person))
            row = {"person": person, "code_hash": code_hash, "until_ms": until_ms}
            core.execute(STAFF_INVITATION.insert(), row)
            tell(core, entry)
        return True

    def invited(self, code_hash: bytes, at_ms: int) -> Person | None:
        """Whom this invitation is for, if it is still good."""
        of = STAFF_INVITATION.c
        asked = _PEOPLE.where(STAFF.c.name == of.person, of.code_hash == code_hash, of.until_ms > at_ms)
        with self._reader.reading() as core:
            row = core.execute(asked).first()
        return None if row is None else of_person(row)

    # --- passkeys -------------------------------------------------------------------------------------------------

    def add_passkey(self, code_hash: bytes, passkey: Passkey, entry: Entry) -> bool:
        """Use the invitation up. False, and nothing is stored: it is not good any more, or the passkey is known."""
        of = STAFF_INVITATION.c
        good = sa.and_(of.code_hash == code_hash, of.person == passkey.person, of.until_ms > entry.at_ms)
        known = sa.select(_KEY.credential_id).where(_KEY.credential_id == passkey.credential_id)
        held = sa.select(sa.func.count()).select_from(STAFF_PASSKEY).where(_KEY.person == passkey.person)
        with self._writer.transaction() as core:
            if (
                not _is_there(core, passkey.person)
                or core.execute(known).first() is not None
                or core.execute(held).scalar_one() >= PASSKEYS_MAX
                or not core.execute(STAFF_INVITATION.delete().where(good)).rowcount
            ):
                return False
            core.execute(STAFF_PASSKEY.insert(), {
                "credential_id": passkey.credential_id, "person": passkey.person, "public_key": passkey.public_key,
                "sign_count": passkey.sign_count, "label": passkey.label, "added_ms": passkey.added_ms,
            })  # fmt: skip
            tell(core, entry)
        return True

    def passkey(self, credential_id: bytes) -> tuple[Passkey, Person] | None:
        """A passkey and whose it is, if it still opens anything."""
        asked = sa.select(STAFF_PASSKEY).where(_KEY.credential_id == credential_id)
        with self._reader.reading() as core:
            row = core.execute(asked).first()
            whose = None if row is None else core.execute(_PEOPLE.where(STAFF.c.name == row.person)).first()
        return None if row is None or whose is None else (_passkey(row), of_person(whose))

    def passkeys(self, person: str) -> Sequence[Passkey]:
        """A person's, oldest first."""
        asked = sa.select(STAFF_PASSKEY).where(_KEY.person == person).order_by(_KEY.added_ms, _KEY.credential_id)
        with self._reader.reading() as core:
            return [_passkey(row) for row in core.execute(asked)]

    def end_passkeys(self, person: str, credential_id: bytes | None, entry: Entry) -> int:
        """One of them, or all and an invitation that waits, with their sessions → how many passkeys there were."""
        one = sa.true() if credential_id is None else _KEY.credential_id == credential_id
        theirs = sa.true() if credential_id is None else _SESSION.credential_id == credential_id
        with self._writer.transaction() as core:
            ended = core.execute(STAFF_PASSKEY.delete().where(_KEY.person == person, one)).rowcount
            core.execute(STAFF_SESSION.delete().where(_SESSION.person == person, theirs))
            open_ones = STAFF_INVITATION.delete().where(STAFF_INVITATION.c.person == person)
            withdrawn = core.execute(open_ones).rowcount if credential_id is None else 0
            if ended or withdrawn:
                tell(core, entry)
        return ended

    def count_up(self, credential_id: bytes, sign_count: int) -> bool:
        """Keep the count that a passkey told. False, and nothing is stored: it does not rise."""
        with self._writer.transaction() as core:
            return _count_up(core, credential_id, sign_count)

    # --- sessions -------------------------------------------------------------------------------------------------

    def begin_session(self, session: Session, sign_count: int, entry: Entry) -> bool:
        """`count_up`, and with it the session; the oldest beyond SESSIONS_MAX and those that are over are forgotten."""
        with self._writer.transaction() as core:
            if not _is_there(core, session.person) or not _count_up(core, session.credential_id, sign_count):
                return False
            newest = sa.select(STAFF_SESSION).where(_SESSION.person == session.person)
            held = [_session(row) for row in core.execute(newest.order_by(*_NEWEST))]
            stay = [it for it in held if not it.is_over(session.began_ms)][: SESSIONS_MAX - 1]
            gone = [it.token_hash for it in held if it not in stay]
            if gone:
                core.execute(STAFF_SESSION.delete().where(_SESSION.token_hash.in_(gone)))
            core.execute(STAFF_SESSION.insert(), {
                "token_hash": session.token_hash, "person": session.person, "credential_id": session.credential_id,
                "began_ms": session.began_ms, "seen_ms": session.seen_ms,
            })  # fmt: skip
            tell(core, entry)
        return True

    def session(self, token_hash: bytes) -> tuple[Session, Person] | None:
        """A session and whose it is, over or not; None where it, its passkey or its person was ended."""
        asked = sa.select(STAFF_SESSION).where(_SESSION.token_hash == token_hash)
        with self._reader.reading() as core:
            row = core.execute(asked).first()
            whose = None if row is None else core.execute(_PEOPLE.where(STAFF.c.name == row.person)).first()
        return None if row is None or whose is None else (_session(row), of_person(whose))

    def keep_seen(self, session: Session) -> None:
        """When it was used last."""
        seen = STAFF_SESSION.update().where(_SESSION.token_hash == session.token_hash).values(seen_ms=session.seen_ms)
        with self._writer.transaction() as core:
            core.execute(seen)

    def sessions(self, person: str) -> Sequence[Session]:
        """A person's, newest first, over or not."""
        asked = sa.select(STAFF_SESSION).where(_SESSION.person == person).order_by(*_NEWEST)
        with self._reader.reading() as core:
            return [_session(row) for row in core.execute(asked)]

    def end_sessions(self, person: str, token_hash: bytes | None, entry: Entry) -> int:
        """One of them, or all → how many there were; none: nothing is told."""
        which = sa.true() if token_hash is None else _SESSION.token_hash == token_hash
        with self._writer.transaction() as core:
            ended = core.execute(STAFF_SESSION.delete().where(_SESSION.person == person, which)).rowcount
            if ended:
                tell(core, entry)
        return ended


def _is_there(core: sa.Connection, person: str) -> bool:
    return core.execute(_PEOPLE.where(STAFF.c.name == person)).first() is not None


def _count_up(core: sa.Connection, credential_id: bytes, sign_count: int) -> bool:
    """Of two who tell the same count at once, the second finds the first one's."""
    it = _KEY.credential_id == credential_id
    before = core.execute(sa.select(_KEY.sign_count).where(it).with_for_update()).scalar()
    if before is None or not rises(before, sign_count):
        return False
    core.execute(STAFF_PASSKEY.update().where(it).values(sign_count=sign_count))
    return True


def _passkey(row: Any) -> Passkey:
    return Passkey(row.credential_id, row.person, row.public_key, row.sign_count, row.label, row.added_ms)


def _session(row: Any) -> Session:
    return Session(row.token_hash, row.person, row.credential_id, row.began_ms, row.seen_ms)
