"""P11: a changed, missing, doubled or foreign row is found, and what remains proven is saved and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.journal_check import Proven, Walk, check, cut_batches, missing, proven_groups, whole
from edge.core.ports import StoredRecord
from protocol import limits
from protocol.errors import ChainBroken
from protocol.wire import chain
from protocol.wire.batches import decode_batch, verify_batch
from protocol.wire.keys import VerifyingKey
from protocol.wire.receipts import Receipt
from tests.edge.journals import head_at, rows
from tests.protocol.samples import DEVICE, EPOCH, OTHER_TAP_KEY, TAP_KEY, WALL_MS, opening, tap

ROWS = rows(5)
KEY = TAP_KEY.verifying


def _check(stored: list[StoredRecord], key: VerifyingKey | None = None, receipt: Receipt | None = None):  # noqa: ANN202
    return check(stored, device=DEVICE, epoch=EPOCH, key=key, receipt=receipt)


def _receipt(sequence: int, head: bytes, epoch: int = EPOCH) -> Receipt:
    return Receipt(DEVICE, epoch, sequence, head, 1, bytes(32), WALL_MS)


def _flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("key", [None, KEY], ids=["key of the opening", "key given"])
def test_a_sound_journal_is_proven_to_its_head(key: VerifyingKey | None) -> None:
    checked = _check(ROWS, key)
    assert checked.broken is None
    assert (checked.first, checked.last, checked.records) == (1, 7, 7)
    assert checked.head == head_at(ROWS, 7)


@pytest.mark.parametrize("start", [2, 3, 7])
def test_a_pruned_journal_is_proven_from_its_first_row(start: int) -> None:
    checked = _check(ROWS[start - 1 :], KEY)
    assert checked.broken is None
    assert (checked.first, checked.head) == (start, head_at(ROWS, 7))


@pytest.mark.parametrize("pruned", [0, 2])
@pytest.mark.parametrize("index", [0, 1, 2, 6])
def test_every_flipped_bit_of_a_records_bytes_is_found(pruned: int, index: int) -> None:
    """P11, exhaustively: each bit of an opening, a day key, a tap and a refusal."""
    if index < pruned:
        return
    row = ROWS[index]
    for bit in range(8 * len(row.raw)):
        stored = list(ROWS)
        stored[index] = replace(row, raw=_flip(row.raw, bit))
        checked = _check(stored[pruned:], KEY)
        assert checked.broken is not None, bit
        assert checked.broken.sequence == row.sequence
        assert checked.broken.message


@settings(max_examples=60)
@given(index=st.integers(0, 6), bit=st.integers(0, 511))
def test_a_flipped_bit_of_a_signature_is_found(index: int, bit: int) -> None:
    stored = list(ROWS)
    stored[index] = replace(ROWS[index], signature=_flip(ROWS[index].signature, bit))
    broken = _check(stored).broken
    assert broken is not None
    assert broken.sequence == index + 1


@given(st.permutations(ROWS))
def test_no_other_order_is_proven(stored: list[StoredRecord]) -> None:
    assert (_check(stored, KEY).broken is None) == (stored == ROWS)


@pytest.mark.parametrize("gap", [1, 2, 5])
def test_a_missing_row_is_named(gap: int) -> None:
    stored = ROWS[:gap] + ROWS[gap + 1 :]
    broken = _check(stored).broken
    assert broken is not None
    assert (broken.sequence, broken.expected, broken.found) == (gap + 2, gap + 1, gap + 2)


def test_rows_that_were_renumbered_to_hide_a_gap_are_found() -> None:
    stored = [*ROWS[:2], *(replace(row, sequence=row.sequence - 1) for row in ROWS[3:])]
    broken = _check(stored).broken
    assert broken is not None
    assert broken.sequence == 3


def _signed(sequence: int, raw: bytes, previous: bytes) -> StoredRecord:
    return StoredRecord(sequence, raw, chain.sign_hash(chain.next_hash(previous, raw), TAP_KEY))


STRAY = _signed(4, tap(b"x" * 32, sequence=4), b"x" * 32)  # of another history of this very device
HEADLESS = _signed(1, opening(b"x" * 32), b"x" * 32)


@pytest.mark.parametrize(
    "stored",
    [
        [*ROWS[:3], STRAY],
        [HEADLESS],
        [_signed(1, tap(chain.GENESIS, sequence=1), chain.GENESIS)],
    ],
    ids=["a row of another history", "an opening that follows something", "no opening"],
)
@pytest.mark.parametrize("key", [None, KEY], ids=["key of the opening", "key given"])
def test_a_signed_row_that_does_not_belong_there_is_found(stored: list[StoredRecord], key: VerifyingKey | None) -> None:
    """P11: a card put together from two copies of one journal has good signatures everywhere."""
    checked = _check(stored, key)
    assert checked.broken is not None
    assert (checked.broken.sequence, checked.broken.error) == (stored[-1].sequence, "ChainBroken")
    assert checked.records == len(stored) - 1


def test_another_devices_key_and_another_epoch_are_found() -> None:
    other_key = _check(ROWS, OTHER_TAP_KEY.verifying).broken
    assert other_key is not None
    assert "another tap key" in other_key.message
    assert check(ROWS, device=DEVICE, epoch=EPOCH + 1, key=None).broken is not None
    assert check(ROWS, device="bus-0002-d1", epoch=EPOCH, key=None).broken is not None


def test_a_journal_rewritten_under_another_key_does_not_pass_for_the_devices() -> None:
    """The opening's own key proves one piece, not whose: only a given key does."""
    forged = [replace(row, signature=chain.sign_hash(head_at(ROWS, row.sequence), OTHER_TAP_KEY)) for row in ROWS]
    assert _check(forged[1:], OTHER_TAP_KEY.verifying).broken is None
    assert _check(forged[1:], KEY).broken is not None


def test_a_rollback_and_a_fork_show_against_the_receipt() -> None:
    """P11: a receipt for more, or for another history, is met."""
    assert _check(ROWS, receipt=_receipt(5, head_at(ROWS, 5))).broken is None
    rolled = _check(ROWS[:4], receipt=_receipt(5, head_at(ROWS, 5))).broken
    assert rolled is not None
    assert (rolled.error, rolled.expected, rolled.found) == ("RolledBack", 5, 4)
    fork = _check(ROWS, receipt=_receipt(5, bytes(32))).broken
    assert fork is not None
    assert fork.sequence == 5
    assert (fork.error, fork.expected) == ("ChainBroken", bytes(32).hex())
    others = (_receipt(5, head_at(ROWS, 5), epoch=1), replace(_receipt(5, head_at(ROWS, 5)), device="bus-0002-d1"))
    for other in others:
        foreign = _check(ROWS, receipt=other).broken
        assert foreign is not None
        assert (foreign.error, foreign.sequence) == ("ChainBroken", 7)


def test_of_a_break_inside_and_a_receipt_the_break_is_told() -> None:
    """Else a damaged row would look like a rollback, which asks for something else."""
    broken = _check([*ROWS[:2], *ROWS[3:]], receipt=_receipt(5, head_at(ROWS, 5))).broken
    assert broken is not None
    assert (broken.error, broken.sequence) == ("ChainBroken", 4)


def test_an_empty_journal_that_was_receipted_was_rolled_back() -> None:
    rolled = _check([], receipt=_receipt(1, head_at(ROWS, 1))).broken
    assert rolled is not None
    assert (rolled.error, rolled.expected, rolled.found) == ("RolledBack", 1, 0)


def test_a_receipt_just_below_a_pruned_journal_is_compared_too() -> None:
    assert _check(ROWS[4:], KEY, _receipt(4, head_at(ROWS, 4))).broken is None
    assert _check(ROWS[4:], KEY, _receipt(4, bytes(32))).broken is not None
    assert _check(ROWS[4:], KEY, _receipt(2, head_at(ROWS, 2))).broken is None  # nothing of it is left to compare


def test_nothing_is_nothing() -> None:
    checked = _check([])
    assert (checked.first, checked.last, checked.records, checked.broken) == (None, None, 0, None)


# --- Saving --------------------------------------------------------------------------------------------------------
def _saved(stored: list[StoredRecord]) -> list[tuple[int, int]]:
    """Ranges saved; every batch must be what the backend accepts."""
    ranges = []
    groups = proven_groups(stored, device=DEVICE, epoch=EPOCH, key=KEY)
    for cut in cut_batches(groups, DEVICE, EPOCH):
        batch = decode_batch(cut.data)
        assert (batch.first, batch.last) == (cut.first, cut.last)
        assert list(batch.records) == [row.raw for row in ROWS[cut.first - 1 : cut.last]]
        verify_batch(batch, KEY)
        ranges.append((cut.first, cut.last))
    return ranges


def test_a_sound_journal_is_saved_whole() -> None:
    assert _saved(ROWS) == [(1, 7)]


def test_a_changed_record_is_lost_alone() -> None:
    stored = list(ROWS)
    stored[3] = replace(ROWS[3], raw=_flip(ROWS[3].raw, 8 * 200))
    assert _saved(stored) == [(1, 3), (5, 7)]


def test_a_changed_signature_loses_nothing_but_at_the_end() -> None:
    """A later signature commits to all before it."""
    stored = list(ROWS)
    stored[3] = replace(ROWS[3], signature=bytes(64))
    assert _saved(stored) == [(1, 7)]
    stored[6] = replace(ROWS[6], signature=b"")
    assert _saved(stored) == [(1, 6)]


def test_with_its_own_key_a_device_signs_what_only_lacks_its_signature_and_nothing_else() -> None:
    """P11: what a power cut left unsigned is sound; a signature that does not hold is a finding, not a gap."""

    def saved(stored: list[StoredRecord]) -> list[int]:
        groups = proven_groups(stored, device=DEVICE, epoch=EPOCH, key=KEY, tap_key=TAP_KEY)
        return [row.sequence for group in groups for row in group.rows]

    unsigned, forged = replace(ROWS[6], signature=b""), replace(ROWS[5], signature=bytes(64))
    assert saved([*ROWS[:6], unsigned]) == [1, 2, 3, 4, 5, 6, 7]
    assert saved([*ROWS[:5], forged]) == [1, 2, 3, 4, 5]
    assert saved([*ROWS[:5], forged, unsigned]) == [1, 2, 3, 4, 5]
    assert saved([replace(ROWS[0], signature=b"")]) == [1]
    assert saved([replace(ROWS[1], signature=b"")]) == []


def test_nothing_is_saved_of_another_journal_or_of_a_beginning_that_is_none() -> None:
    for device, epoch in ((DEVICE, EPOCH + 1), ("bus-0002-d1", EPOCH)):
        assert list(proven_groups(ROWS, device=device, epoch=epoch, key=KEY)) == []
    assert list(proven_groups([HEADLESS], device=DEVICE, epoch=EPOCH, key=KEY)) == []


def test_a_sound_journal_is_one_run_of_single_rows_and_a_row_that_cannot_be_read_is_named() -> None:
    stored = [*ROWS[:1], replace(ROWS[1], signature=b"")]
    groups = list(whole(stored, Walk(DEVICE, EPOCH, KEY), TAP_KEY))
    assert [(len(group.rows), group.joins) for group in groups] == [(1, False), (1, True)]
    assert [group.joins for group in whole(ROWS[:2], Walk(DEVICE, EPOCH, KEY))] == [False, True]
    alone = whole([replace(ROWS[0], signature=b"")], Walk(DEVICE, EPOCH, KEY), TAP_KEY)
    assert [group.joins for group in alone] == [False]
    with pytest.raises(ChainBroken) as caught:
        list(whole([ROWS[0], replace(ROWS[1], raw=b"\xff")], Walk(DEVICE, EPOCH, KEY)))
    assert caught.value.data["sequence"] == 2


def test_a_gap_cuts_a_batch() -> None:
    assert _saved([*ROWS[:2], *ROWS[4:]]) == [(1, 2), (5, 7)]


def test_a_number_that_the_device_itself_skipped_cuts_a_batch() -> None:
    """Signed and chained, but not consecutive: one batch would give its records wrong numbers."""
    raw = tap(head_at(ROWS, 3), sequence=9)
    skipped = StoredRecord(9, raw, chain.sign_hash(chain.next_hash(head_at(ROWS, 3), raw), TAP_KEY))
    groups = proven_groups([*ROWS[:3], skipped], device=DEVICE, epoch=EPOCH, key=KEY)
    assert [(cut.first, cut.last) for cut in cut_batches(groups, DEVICE, EPOCH)] == [(1, 3), (9, 9)]
    broken = _check([*ROWS[:3], skipped]).broken
    assert broken is not None
    assert broken.message == "rows are missing"


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 8 * 64 - 1)), max_size=4))
def test_whatever_is_damaged_all_that_is_saved_is_proven(damage: list[tuple[int, int, int]]) -> None:
    """Every undamaged row whose chain to a good signature stands is saved, and no other bytes ever are."""
    stored: list[StoredRecord | None] = list(ROWS)
    for index, what, bit in damage:
        row = stored[index]
        if row is None or what == 0:
            stored[index] = None
        elif what == 1:
            stored[index] = replace(row, raw=_flip(row.raw, bit))
        else:
            stored[index] = replace(row, signature=_flip(row.signature, bit))
    left = [row for row in stored if row is not None]
    saved = {n for first, last in _saved(left) for n in range(first, last + 1)}
    assert saved >= {row.sequence for row in left if row == ROWS[row.sequence - 1]}
    assert saved <= {row.sequence for row in left if row.raw == ROWS[row.sequence - 1].raw}


def test_unsigned_rows_do_not_pile_up_beyond_what_a_batch_could_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BATCH_DRAIN_RECORDS", 3)
    stored = [replace(row, signature=b"") for row in ROWS[:4]] + ROWS[4:]
    assert _saved(stored) == [(4, 6), (7, 7)]
    monkeypatch.undo()
    monkeypatch.setattr("edge.core.journal_check._BATCH_BUDGET_BYTES", 2 * len(ROWS[3].raw))
    assert _saved([replace(row, signature=b"") for row in ROWS[:6]] + ROWS[6:]) == [(6, 7)]


def test_batches_keep_both_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BATCH_DRAIN_RECORDS", 2)
    assert _saved(ROWS) == [(1, 2), (3, 4), (5, 6), (7, 7)]
    monkeypatch.undo()
    budget = 2 * len(ROWS[2].raw) + 10
    monkeypatch.setattr("edge.core.journal_check._BATCH_BUDGET_BYTES", budget)
    ranges = _saved(ROWS)
    assert [n for first, last in ranges for n in range(first, last + 1)] == list(range(1, 8))
    for first, last in ranges:
        size = sum(len(row.raw) + 3 for row in ROWS[first - 1 : last])
        assert size <= budget
        if last < 7:
            assert size + len(ROWS[last].raw) + 3 > budget


@pytest.mark.parametrize(
    "size",
    [limits.RECORD_MAX_BYTES, limits.BATCH_MAX_BYTES // 512 - 3],
    ids=["the largest", "512 of which, with their heads, would leave room for nothing else"],
)
def test_a_full_batch_of_large_records_is_within_the_contract(size: int) -> None:
    """The budget leaves room for what is not records: the encoder itself refuses a batch beyond 1 MiB."""
    row = StoredRecord(1, bytes(size), bytes(64))
    groups = [Proven((replace(row, sequence=n),), joins=n > 1) for n in range(1, 1_200)]
    cuts = list(cut_batches(groups, "d" * limits.NAME_MAX_CHARS, limits.INT63_MAX))
    assert len(cuts) == 3
    assert limits.BATCH_MAX_BYTES - 2 * limits.RECORD_MAX_BYTES < len(cuts[0].data) <= limits.BATCH_MAX_BYTES


@given(
    kept=st.lists(st.integers(1, 40), unique=True, max_size=10).map(lambda s: [(n, n) for n in sorted(s)]),
    first=st.integers(1, 10), last=st.integers(0, 40),
)  # fmt: skip
def test_what_is_missing_is_the_complement(kept: list[tuple[int, int]], first: int, last: int) -> None:
    lost = [n for a, b in missing([r for r in kept if r[0] >= first], first, last) for n in range(a, b + 1)]
    have = {n for n, _ in kept if n >= first}
    top = max([last, *(n for n in have)])
    assert [n for n in lost if n <= last] == [n for n in range(first, last + 1) if n not in have]
    assert all(n <= top for n in lost)
