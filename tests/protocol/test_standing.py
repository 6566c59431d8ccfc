"""What a batch is against its device's watermark: the pure rule (P6, P11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.wire import chain
from protocol.wire.batches import decode_batch, verify_batch
from protocol.wire.standing import Standing, Watermark, judge
from tests.backend.bus import Bus, Rider

RIDER = Rider(1)
BUS = Bus()
BUS.ride(1, [RIDER], 8)  # sequences 1 to 10
LAST = BUS.last


def walked(bus: Bus, first: int, last: int) -> list:
    return verify_batch(decode_batch(bus.batch(first, last)), bus.tap_key.verifying)


def mark(sequence: int, bus: Bus = BUS) -> Watermark:
    return Watermark(bus.epoch, sequence, bus.hashes[sequence - 1]) if sequence else Watermark.before(bus.epoch)


@given(st.integers(0, LAST), st.integers(1, LAST), st.integers(1, LAST))
def test_every_cut_of_one_history_is_known_new_or_a_gap(held: int, a: int, b: int) -> None:
    """P6: of records up to the watermark nothing is stored; of the others each is, once and in order."""
    first, last = min(a, b), max(a, b)
    known = BUS.hashes[last - 1] if last <= held else None
    judgement = judge(walked(BUS, first, last), mark(held), known)
    fresh = [record.link.sequence for record, _ in judgement.fresh]
    assert not judgement.why
    if last <= held:
        assert (judgement.standing, fresh) == (Standing.KNOWN, [])
    elif first > held + 1:
        assert (judgement.standing, fresh) == (Standing.GAP, [])
    else:
        assert (judgement.standing, fresh) == (Standing.NEW, list(range(held + 1, last + 1)))
        assert [digest for _, digest in judgement.fresh] == BUS.hashes[held:last]


@given(st.integers(2, LAST - 1), st.integers(1, LAST), st.integers(0, 4))
def test_a_cloned_card_is_a_fork_wherever_it_meets_the_watermark(keep: int, held: int, more: int) -> None:
    """P11: a second history under the same keys is never taken for the first."""
    twin = BUS.fork(keep)
    twin.ride(2, [RIDER], LAST - keep + more)
    for first in range(1, twin.last + 1):
        known = BUS.hashes[twin.last - 1] if twin.last <= held else None
        judgement = judge(walked(twin, first, twin.last), mark(held), known)
        if held <= keep and first <= held + 1:
            assert judgement.standing is Standing.NEW  # nothing of ours contradicts it yet
        elif first > held + 1:
            assert judgement.standing is Standing.GAP
        else:
            assert judgement.standing is Standing.FORK
            assert f"record {min(twin.last, held + 1 if twin.last > held else twin.last)} " in judgement.why
            assert not judgement.fresh


def test_records_below_the_watermark_that_we_do_not_hold_are_a_fork() -> None:
    """P11: never `known` on the device's word."""
    assert judge(walked(BUS, 1, 3), mark(5), None).standing is Standing.FORK


@pytest.mark.parametrize("with_day_key", [True, False])
def test_an_epoch_begins_with_its_opening(*, with_day_key: bool) -> None:
    """P11: a journal whose first record is anything else has lost its beginning."""
    bus = Bus(opened=False, with_day_key=with_day_key)
    bus.refusal()
    judgement = judge(walked(bus, 1, bus.last), Watermark.before(bus.epoch), None)
    assert judgement.standing is Standing.FORK
    assert "opening" in judgement.why


def test_before_an_epoch_stands_genesis() -> None:
    assert Watermark.before(7) == Watermark(7, 0, chain.GENESIS)
