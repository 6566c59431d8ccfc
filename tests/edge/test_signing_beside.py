"""A record signed beside its own commit: never green before both, taken back if unsigned, made good after a power cut."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge.adapters.journal import ApswJournal
from edge.adapters.tap_signer import InlineTapSigner, ThreadTapSigner
from edge.app.sync import BACKEND as SINK
from edge.app.sync import Sync
from edge.core.errors import JournalFailed, SignerFailed
from edge.core.ports import Pending, StoredRecord
from edge.core.uplink import Uplink
from protocol import limits
from protocol.fares.verdicts import Verdict
from protocol.wire.batches import decode_batch, encode_batch, verify_batch
from protocol.wire.records import DayKeyRecord, Opening, Tap, decode_record
from tests.edge.door import DEVICE, MemoryJournal, RememberingPanel, Rider, at, boarding
from tests.edge.test_journal_faults import FailingSync

WAIT_S = 10  # only ever spent when the code is broken


class Signer:
    """Signs like the device; `during` runs while the signature is awaited, after the commit, and may raise."""

    def __init__(self, during: Callable[[], None] = lambda: None) -> None:
        self.public = DEVICE.public
        self.during = during

    def start(self, head: bytes) -> Pending:
        return _Later(self, InlineTapSigner(DEVICE).start(head))


class _Later:
    def __init__(self, signer: Signer, ready: Pending) -> None:
        self._signer = signer
        self._ready = ready

    def result(self) -> bytes:
        self._signer.during()
        return self._ready.result()


def fail() -> None:
    raise SignerFailed("dead", fix="replace it")


def kinds(rows: list[StoredRecord]) -> list[type]:
    return [type(decode_record(row.raw)) for row in rows]


def prove(journal: ApswJournal | MemoryJournal) -> list[StoredRecord]:
    """Every record as a backend would take it in one batch per record, and so with its own signature."""
    rows = list(journal.read(1, 10_000, 1 << 30))
    for end in range(1, len(rows) + 1):
        raw = [row.raw for row in rows[:end]]
        batch = decode_batch(encode_batch("bus-1-d1", journal.head.epoch, 1, raw, rows[end - 1].signature))
        verify_batch(batch, DEVICE.verifying)
    return rows


@contextmanager
def opened(path: Path, vfs: str | None = None) -> Iterator[ApswJournal]:
    with closing(ApswJournal(path, device="bus-1-d1", new_epoch=11, vfs=vfs)) as journal:
        yield journal


def test_green_waits_for_a_slow_signature() -> None:
    """P1: durable is not enough; the record proves nothing before it is signed."""
    journal, panel, signer = MemoryJournal(), RememberingPanel(), Signer()
    told: list[int] = []
    service = boarding(journal, panel, signer)
    service._on_appended = told.append
    service.begin(at())
    service.present(Rider(1).code(at()), at(), settled=False)
    waiting, go = threading.Event(), threading.Event()

    def slow() -> None:
        waiting.set()
        assert go.wait(WAIT_S)

    signer.during = slow
    tap = threading.Thread(target=service.present, args=(Rider(2).code(at()), at()), kwargs={"settled": False})
    tap.start()
    assert waiting.wait(WAIT_S)
    assert journal.head.sequence == 4  # committed
    assert len(panel.shown) == 1  # the first rider's
    assert service.accepted == 1
    assert told == [1, 2, 3]
    go.set()
    tap.join(WAIT_S)
    assert [showing.verdict for showing in panel.shown] == [Verdict.ACCEPTED] * 2
    assert told == [1, 2, 3, 4]


def test_a_signer_that_fails_accepts_nothing_and_the_journal_does_not_keep_the_record(tmp_path: Path) -> None:
    """P1, P4: shown, named, told to nobody, and the same rider boards when the key signs again."""
    panel, signer = RememberingPanel(), Signer()
    told: list[int] = []
    path = tmp_path / "journal.db"
    with opened(path) as journal:
        service = boarding(journal, panel, signer)
        service._on_appended = told.append
        service.begin(at())
        service.present(Rider(1).code(at()), at(), settled=False)
        signer.during = fail
        outcome = service.present(Rider(2).code(at()), at(), settled=False)
        assert outcome is not None
        assert (outcome.sequence, type(outcome.problem)) == (None, SignerFailed)
        assert type(service.problem) is SignerFailed
        assert panel.shown[-1].verdict is Verdict.OUT_OF_SERVICE
        assert (service.accepted, told, journal.head.sequence) == (1, [1, 2, 3], 3)
        shutil.copytree(tmp_path, tmp_path / "card")  # the power goes now: it is off the card already
        signer.during = lambda: None
        service.present(Rider(2).code(at()), at(), settled=False)
        assert (panel.shown[-1].verdict, service.problem) == (Verdict.ACCEPTED, None)
        # The lost record's place is sealed under another key, for its bytes may have been seen.
        assert kinds(prove(journal)) == [Opening, DayKeyRecord, Tap, DayKeyRecord, Tap]
    with opened(tmp_path / "card" / "journal.db") as card:
        boarding(card, RememberingPanel()).begin(at(1))
        assert kinds(prove(card)) == [Opening, DayKeyRecord, Tap]


def test_a_card_that_fails_too_when_the_record_is_taken_back(tmp_path: Path) -> None:
    """P4: it is taken back before the next record, at the latest."""
    vfs = FailingSync()
    panel, signer = RememberingPanel(), Signer()
    with opened(tmp_path / "journal.db", vfs=vfs.NAME) as journal:
        service = boarding(journal, panel, signer)
        service.begin(at())
        service.present(Rider(1).code(at()), at(), settled=False)

        def both() -> None:
            vfs.failing = True
            fail()

        signer.during = both
        outcome = service.present(Rider(2).code(at()), at(), settled=False)
        assert outcome is not None
        assert type(outcome.problem) is JournalFailed
        assert journal.head.sequence == 3
        vfs.failing, signer.during = False, lambda: None
        service.present(Rider(2).code(at()), at(), settled=False)
        assert panel.shown[-1].verdict is Verdict.ACCEPTED
        assert kinds(prove(journal)) == [Opening, DayKeyRecord, Tap, DayKeyRecord, Tap]
    vfs.unregister()


def test_a_signer_busy_with_an_earlier_signature_refuses_before_anything_is_written() -> None:
    class Busy(Signer):
        def start(self, head: bytes) -> Pending:
            raise SignerFailed("busy", fix="restart")

    journal, panel = MemoryJournal(), RememberingPanel()
    service = boarding(journal, panel)
    service.begin(at())
    service._signer = Busy()
    service.present(Rider(1).code(at()), at(), settled=False)
    assert (panel.shown[-1].verdict, list(journal.rows)) == (Verdict.OUT_OF_SERVICE, [1])


def test_a_power_cut_between_commit_and_signature_is_made_good_at_the_next_start(tmp_path: Path) -> None:
    """P1, P11, P16: the record is durable, so it stands; it is signed before anything follows it, and remembered."""
    signer = Signer()
    with opened(tmp_path / "journal.db") as journal:
        service = boarding(journal, RememberingPanel(), signer)
        service.begin(at())
        service.present(Rider(1).code(at()), at(), settled=False)
        signer.during = lambda: shutil.copytree(tmp_path, tmp_path / "card") and None
        service.present(Rider(2).code(at()), at(), settled=False)
    with opened(tmp_path / "card" / "journal.db") as card:
        assert (card.head.sequence, card.signed) == (4, 3)
        panel, told = RememberingPanel(), []
        restarted = boarding(card, panel)
        restarted._on_appended = told.append
        restarted.begin(at(5))
        assert (told, card.signed) == ([4], 4)
        restarted.present(Rider(2).code(at()), at(6), settled=False)
        assert panel.shown[-1].verdict is Verdict.COPIED
        assert kinds(prove(card)) == [Opening, DayKeyRecord, Tap, Tap, DayKeyRecord, Tap]


def test_a_last_record_that_cannot_be_signed_keeps_the_door_shut() -> None:
    """P11: nothing may follow a record that is not signed."""
    journal = MemoryJournal()
    boarding(journal, RememberingPanel()).begin(at())
    del journal.signatures[1]
    with pytest.raises(SignerFailed):
        boarding(journal, RememberingPanel(), Signer(fail)).begin(at(1))


def test_a_clean_close_keeps_the_last_signature(tmp_path: Path) -> None:
    """The next start, and `savar journal`, need no key for it."""
    with opened(tmp_path / "journal.db") as journal:
        boarding(journal, RememberingPanel()).begin(at())
    with opened(tmp_path / "journal.db") as journal:
        assert journal.signed == 1
        boarding(journal, RememberingPanel(), Signer(fail)).begin(at(1))  # signs nothing
        prove(journal)


def test_the_signature_of_an_earlier_close_is_not_taken_for_the_last_records(tmp_path: Path) -> None:
    """P11: closed cleanly at record 1, cut from power at record 2."""
    with opened(tmp_path / "journal.db") as journal:
        boarding(journal, RememberingPanel()).begin(at())
    with opened(tmp_path / "journal.db") as journal:
        signer = Signer(lambda: shutil.copytree(tmp_path, tmp_path / "card") and fail())
        boarding(journal, RememberingPanel(), signer).present(Rider(1).code(at()), at(), settled=False)
    with opened(tmp_path / "card" / "journal.db") as card:
        assert (card.head.sequence, card.signed) == (2, 1)


def test_who_is_told_of_a_record_finds_it_signed() -> None:
    """P2: the uplink reads what it is told of, at once and on another thread."""
    journal = MemoryJournal()
    service = boarding(journal, RememberingPanel())
    found: list[list[int]] = []
    service._on_appended = lambda sequence: found.append([row.sequence for row in journal.read(sequence, 1, 1)])
    service.begin(at())
    service.present(Rider(1).code(at()), at(), settled=False)
    assert found == [[1], [2], [3]]


def test_a_signature_that_a_close_cannot_keep_is_said_and_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path / "journal.db") as journal:
        boarding(journal, RememberingPanel()).begin(at())
        journal._write.execute("PRAGMA query_only=ON")
    assert "the next start makes it again" in caplog.text
    with opened(tmp_path / "journal.db") as journal:
        assert journal.signed == 0
        boarding(journal, RememberingPanel()).begin(at(1))
        prove(journal)


def test_sync_never_ships_an_unsigned_record_while_taps_come(tmp_path: Path) -> None:
    """P2, P11: every batch that goes out while another thread taps is one that a backend takes."""
    taps = 150
    codes = [Rider(number + 1).code(at()) for number in range(taps)]
    wake, done = threading.Event(), threading.Event()
    appended = [0]

    def came(sequence: int) -> None:
        appended[0] = sequence
        wake.set()

    with opened(tmp_path / "journal.db") as journal:
        signer = ThreadTapSigner(DEVICE)
        signer.open()
        service = boarding(journal, RememberingPanel(), signer)
        service._on_appended = came
        service.begin(at())

        def tap() -> None:
            try:
                for code in codes:
                    service.present(code, at(), settled=False)
            finally:
                done.set()
                wake.set()

        sent: list[bytes] = []
        uplink = Uplink("bus-1-d1", 11, (SINK,), last=0)
        sync = Sync(
            journal=journal, uplink=uplink, send=lambda _order, batch, _last: sent.append(batch) is None,
            forgettable=service.forgettable,
            keep_tickets=service.keep_tickets,
        )  # fmt: skip
        thread = threading.Thread(target=tap)
        thread.start()
        finished = False
        while not finished:
            finished = done.is_set()
            uplink.on_connected(SINK)  # again from the first record, and room for batches: nothing is receipted here
            uplink.on_appended(appended[0])
            sync.step(at())
            assert sync.problem is None
            assert all(row.signature for row in journal.read(1, limits.INT63_MAX - 1, 1 << 30))
            if not finished:
                assert wake.wait(WAIT_S)
                wake.clear()
        thread.join(WAIT_S)
        signer.close()
        assert service.accepted == taps
    for data in sent:
        verify_batch(decode_batch(data), DEVICE.verifying)
    assert max(batch.first + len(batch.records) - 1 for batch in map(decode_batch, sent)) == taps + 2
