"""Somebody with the database, who knows Savar's code: whatever he writes there is told by `savar ledger verify`."""

import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from backend.adapters import backup_file
from backend.app.backups import restore
from backend.app.config import BackendConfig
from backend.app.verifying import verify
from backend.core.errors import BackupDamaged
from backend.core.ledger import Transfer, TransferKind
from backend.core.ledger.verifying import Broken, Told
from backend.core.staff.subjects import KIND, Posting
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, detected_if
from tests.attacks.defence import gives, off
from tests.backend import databases
from tests.backend.bus import FARE, NOON_MS
from tests.backend.desk import CITY
from tests.backend.places import Place, filled, ridden
from tests.backend.verifying_books import ADULT, DAY, Books


def _books(ground: Ground) -> Books:
    made = Books(ground.folder)
    ground.closing.callback(made.close)
    return made


def _told(books: Books, *kinds: Broken, known: dict[int, bytes] | None = None) -> Outcome:
    """Whether something of these kinds is told."""
    return detected_if(bool({what for what, _ in books.wrong(known)} & {*kinds}))


@attack(
    Surface.LEDGER, Who.DATABASE, Outcome.DETECTED, off("backend.app.verifying_sources:Sources.hold", gives(None))
)  # fmt: skip
def top_up_that_nobody_paid(ground: Ground) -> Outcome:
    """A top-up is written into the ledger, with the hash and the balances that follow from it."""
    books = _books(ground)
    books.append(Transfer(bytes(range(32)), TransferKind.TOPUP, "provider:clearing", ADULT.account, 900_000))
    return _told(books, Broken.SOURCE)


@attack(
    Surface.LEDGER, Who.DATABASE, Outcome.DETECTED, off("backend.app.verifying_sources:Sources.hold", gives(None))
)  # fmt: skip
def fare_lowered_for_a_friend(ground: Ground) -> Outcome:
    """A friend's fare is lowered in the ledger, and every hash and balance behind it is made anew."""
    books = _books(ground)
    books.forge(f"UPDATE transfer SET rials = 1 WHERE kind = 'fare' AND debit = '{ADULT.account}' AND rials = {FARE}")
    return _told(books, Broken.SOURCE)


@attack(Surface.LEDGER, Who.DATABASE, Outcome.DETECTED, off("backend.core.ledger.verifying:check_accounts", gives(0)))
def balance_raised(ground: Ground) -> Outcome:
    """A friend's balance is raised where balances stand, without any row that says why."""
    books = _books(ground)
    databases.now.change(
        books.folder, "UPDATE account SET credits = credits + 900000 WHERE id = ?", (ADULT.account,)
    )  # fmt: skip
    return _told(books, Broken.BALANCE)


@attack(
    Surface.LEDGER, Who.DATABASE, Outcome.DETECTED, off("backend.core.ledger.verifying:Walk._two_people", gives(None))
)  # fmt: skip
def posting_by_hand(ground: Ground) -> Outcome:
    """A posting to an owner is written without any proposal."""
    books = _books(ground)
    books.append(Transfer(bytes(range(32)), TransferKind.MANUAL, "adjustments", "owner:ali", 900_000))
    return _told(books, Broken.UNDECIDED)


@attack(
    Surface.LEDGER, Who.DATABASE, Outcome.DETECTED,
    off("backend.core.verifying.approvals:check_approval", gives(None)),
)  # fmt: skip
def approval_of_ones_own(ground: Ground) -> Outcome:
    """An approved proposal in two colleagues' names is written into the database, and the posting that follows."""
    books, name, it = _books(ground), "ab" * 16, Posting("adjustments", "owner:ali", 900_000)
    columns = "name, kind, subject, content, why, proposer, proposed_ms, until_ms, state, decided_by, decided_ms"
    databases.now.change(
        books.folder, f"INSERT INTO proposal ({columns}) VALUES ({', '.join('?' * 11)})",
        (name, KIND[Posting].value, it.subject, it.content, "counted", "sara", NOON_MS, NOON_MS + 9, "approved",
         "omid", NOON_MS + 5),
    )  # fmt: skip
    books.append(it.transfer(name, DAY))
    return _told(books, Broken.APPROVAL)


def _whatever_was_kept(check: Callable[..., Any]) -> Callable[..., Any]:
    return lambda rows, mark, known: check(rows, mark, {})


@attack(Surface.LEDGER, Who.DATABASE, Outcome.DETECTED, off("backend.core.staff.log:check", _whatever_was_kept))
def log_written_anew(ground: Ground) -> Outcome:
    """Who proposed a payout is changed, and the staff's log is written anew to its end; an auditor kept one hash."""
    books = _books(ground)
    kept = books.store.log_mark()
    books.forge("UPDATE proposal SET proposer = 'reza' WHERE kind = 'payout'")
    books.forge("UPDATE staff_log SET person = 'reza' WHERE action = 'propose-payout'")
    books.write_log_anew()
    return _told(books, Broken.LOG, known={kept.number: kept.hash})


@attack(
    Surface.LEDGER, Who.DATABASE, Outcome.DETECTED, off("backend.core.ledger.verifying:check_receipts", gives(None))
)  # fmt: skip
def history_written_anew(ground: Ground) -> Outcome:
    """A top-up is raised with what it comes from, the whole ledger is made anew; a bus holds a receipt of before."""
    books = _books(ground)
    mark = books.store.ledger_mark()
    books.forge("UPDATE topup SET rials = rials + 90000 WHERE id = 't-1'")
    books.forge(f"UPDATE transfer SET rials = rials + 90000 WHERE kind = 'topup' AND credit = '{ADULT.account}'")
    receipt = Told("bus-1-d1", mark.incarnation, mark.head)
    with closing(databases.now.reading(books.folder)) as guarded:
        found = verify(guarded, CITY, [receipt], lambda *_: None)
    return detected_if(bool(found.findings.count))


@attack(
    Surface.LEDGER, Who.DATABASE, Outcome.DETECTED,
    off("backend.core.ledger.verifying:_wrong", lambda _: lambda pending, row: iter(())),
)  # fmt: skip
def payout_of_more_than_was_held(ground: Ground) -> Outcome:
    """A payout that two people approved goes out with more than was held for it."""
    books = _books(ground)
    books.forge("UPDATE transfer SET rials = rials + 90000 WHERE phase = 'posted'")
    return _told(books, Broken.PHASE)


@attack(Surface.LEDGER, Who.DATABASE, Outcome.REFUSED, off("backend.core.backups:require_whole", gives(None)))
def backup_with_another_balance(ground: Ground) -> Outcome:
    """A backup's balance is raised on the shelf; the next time the ledger is lost, that one is restored."""
    place = Place("sqlite", ground.folder, None)
    ground.closing.callback(place.close)
    filled(place, ridden(10)).close()
    place.back_up("first", "a.backup")
    _raise_in_backup(ground.folder / "a.backup")
    (ground.folder / "second").mkdir()
    config = BackendConfig.model_construct(data_dir=ground.folder / "second", city=CITY, database=None)
    try:
        restore(config, ground.folder / "a.backup", replace=False, at_ms=NOON_MS, tick=lambda *_: None)
    except BackupDamaged:
        return Outcome.REFUSED
    return Outcome.SUCCEEDED


def _raise_in_backup(file: Path) -> None:
    """One account in the ledger inside it; its label stays."""
    with zipfile.ZipFile(file) as archive:
        label, ledger = archive.read(backup_file.LABEL), archive.read(backup_file.LEDGER)
    loose = file.with_suffix(".db")
    loose.write_bytes(ledger)
    with closing(sqlite3.connect(loose)) as connection, connection:
        connection.execute("UPDATE account SET credits = credits + 900000 WHERE id LIKE 'operator:%'")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.write(loose, backup_file.LEDGER)
        archive.writestr(backup_file.LABEL, label)
