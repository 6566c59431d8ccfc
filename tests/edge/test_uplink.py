"""The uplink's rules, one by one, and then against a sink that loses whatever it likes."""

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.limits import FORK_ROUND_MAX_MS, FORK_ROUND_MIN_MS, INFLIGHT_BATCHES, RETRY_MAX_MS, RETRY_MIN_MS
from edge.core.uplink import Publish, ReceiptOutcome, Uplink, Word
from protocol import limits

SINK = "backend"


def head(sequence: int) -> bytes:
    return sequence.to_bytes(32, "big")


def receipt(
    sequence: int, issued_ms: int = 1, *, of: bytes | None = None, epoch: int = 5, incarnation: int = 1
) -> Word:
    return Word("d", epoch, sequence, head(sequence) if of is None else of, incarnation, issued_ms)


def uplink(last: int = 0) -> Uplink:
    made = Uplink("d", 5, (SINK,), last=last)
    made.on_connected(SINK)
    return made


def send_all(link: Uplink, now: int) -> list[Publish]:
    out = []
    while (order := link.next_publish(now)) is not None:
        link.on_sent(order.sink, order.first + order.most - 1, now)
        out.append(order)
    return out


def take(link: Uplink, it: Word, now: int = 0) -> ReceiptOutcome:
    return link.on_word(SINK, it, head(it.sequence), now)


def test_live_taps_gather_while_batches_are_on_their_way() -> None:
    link = uplink()
    sizes = []
    for sequence in range(1, 11):
        link.on_appended(sequence)
        sizes += [order.most for order in send_all(link, 0)]
    assert sizes == [1] * INFLIGHT_BATCHES
    take(link, receipt(INFLIGHT_BATCHES))
    assert [(o.first, o.most) for o in send_all(link, 1)] == [(5, 6)]


def test_a_backlog_drains_in_large_batches() -> None:
    orders = send_all(uplink(5_000), 0)
    assert [o.most for o in orders] == [limits.BATCH_DRAIN_RECORDS] * INFLIGHT_BATCHES
    assert [o.first for o in orders] == [1, 1001, 2001, 3001]


def test_nothing_goes_out_without_a_session() -> None:
    link = Uplink("d", 5, (SINK,), last=9)
    assert link.next_publish(0) is None
    link.on_connected(SINK)
    assert send_all(link, 0)
    link.on_disconnected(SINK)
    assert link.next_publish(RETRY_MAX_MS) is None


def test_what_is_not_receipted_in_time_is_sent_again_and_the_wait_doubles_to_its_bound() -> None:
    link = uplink(3)
    now, waits = 0, []
    send_all(link, now)
    for _ in range(8):
        due = link.next_deadline()
        assert due is not None
        waits.append(due - now)
        assert link.next_publish(due - 1) is None
        assert send_all(link, due) == [Publish(SINK, 1, 3)]
        now = due
    assert waits[:3] == [RETRY_MIN_MS, 2 * RETRY_MIN_MS, 4 * RETRY_MIN_MS]
    assert max(waits) == RETRY_MAX_MS


def test_a_receipt_that_does_not_advance_sends_again_at_once_but_not_in_a_loop() -> None:
    link = uplink(3)
    send_all(link, 0)
    assert take(link, receipt(0), 10) is ReceiptOutcome.REPEATED
    assert send_all(link, 10) == [Publish(SINK, 1, 3)]
    take(link, receipt(0, 2), 20)
    assert send_all(link, 20) == []
    take(link, receipt(0, 3), 10 + RETRY_MIN_MS)
    assert send_all(link, 10 + RETRY_MIN_MS) == [Publish(SINK, 1, 3)]


def test_it_may_do_so_again_before_the_batch_itself_is_overdue() -> None:
    link, start = uplink(3), 10 * RETRY_MAX_MS
    send_all(link, start)
    take(link, receipt(0, 2), start + 10)
    assert send_all(link, start + RETRY_MIN_MS // 2) == [Publish(SINK, 1, 3)]
    take(link, receipt(0, 3), start + 9 + RETRY_MIN_MS)
    assert send_all(link, start + 9 + RETRY_MIN_MS) == []
    take(link, receipt(0, 4), start + 10 + RETRY_MIN_MS)
    assert send_all(link, start + 10 + RETRY_MIN_MS) == [Publish(SINK, 1, 3)]


def test_the_same_word_twice_sends_again_too_and_while_nothing_is_on_its_way_it_means_nothing() -> None:
    link, start = uplink(3), 10 * RETRY_MAX_MS
    send_all(link, start)
    assert take(link, receipt(3), start) is ReceiptOutcome.ADVANCED
    assert take(link, receipt(3), start + 1) is ReceiptOutcome.REPEATED  # the broker may deliver it twice
    assert not link.forked(SINK)
    link.on_appended(4)
    assert send_all(link, start + 2) == [Publish(SINK, 4, 1)]
    assert take(link, receipt(3), start + 3) is ReceiptOutcome.REPEATED
    assert send_all(link, start + 3) == [Publish(SINK, 4, 1)]


def test_a_receipt_or_a_new_session_ends_the_long_waits_and_the_later_batch_keeps_its_own_time() -> None:
    link, now = uplink(3), 0
    send_all(link, now)
    for _ in range(4):
        now = link.next_deadline()
        send_all(link, now)
    take(link, receipt(3), now)
    for sequence in (4, 5):
        link.on_appended(sequence)
        send_all(link, now + sequence)
    assert link.next_deadline() == now + 4 + RETRY_MIN_MS
    take(link, receipt(4, 2), now + 6)
    assert link.next_deadline() == now + 5 + RETRY_MIN_MS
    send_all(link, now + 5 + RETRY_MIN_MS)
    assert link.next_deadline() == now + 5 + 3 * RETRY_MIN_MS
    link.on_connected(SINK)
    send_all(link, now + 6 + RETRY_MIN_MS)
    assert link.next_deadline() == now + 6 + 2 * RETRY_MIN_MS


def test_a_sink_that_begins_to_listen_is_sent_at_once_what_went_past_it_but_not_in_a_loop() -> None:
    link, now = uplink(3), 0
    link.on_there(SINK, now)
    assert send_all(link, now) == [Publish(SINK, 1, 3)]
    for _ in range(4):
        now = link.next_deadline()
        send_all(link, now)
    link.on_there(SINK, now + 1)
    assert send_all(link, now + 1) == [Publish(SINK, 1, 3)]
    assert link.next_deadline() == now + 1 + RETRY_MIN_MS  # the long waits are over, too
    link.on_there(SINK, now + RETRY_MIN_MS)
    assert send_all(link, now + RETRY_MIN_MS) == []
    take(link, receipt(3), now + RETRY_MIN_MS)
    link.on_there(SINK, now + 2 * RETRY_MIN_MS)
    assert send_all(link, now + 2 * RETRY_MIN_MS) == []


def test_a_restored_backend_gets_its_taps_again_and_a_late_receipt_does_not_rewind() -> None:
    """P2: lower and issued later is a restored ledger; lower and issued earlier is only late."""
    link = uplink(10)
    send_all(link, 0)
    assert take(link, receipt(10, 100)) is ReceiptOutcome.ADVANCED
    assert take(link, receipt(4, 50)) is ReceiptOutcome.LATE
    assert link.receipted(SINK) == 10
    assert take(link, receipt(4, 200)) is ReceiptOutcome.REWOUND
    assert send_all(link, 1) == [Publish(SINK, 5, 6)]


def test_of_words_of_one_time_the_lower_is_late_and_a_late_one_makes_no_other_newer() -> None:
    """P2: two receipts of one millisecond may arrive in either order; nothing goes back for it."""
    link = uplink(10)
    take(link, receipt(10, 100))
    assert take(link, receipt(4, 100)) is ReceiptOutcome.LATE
    assert take(link, receipt(10, 50)) is ReceiptOutcome.REPEATED
    assert take(link, receipt(4, 70)) is ReceiptOutcome.LATE
    assert link.receipted(SINK) == 10


def test_the_word_that_advanced_last_is_the_one_that_others_are_older_than() -> None:
    """P2, P14: a backend whose clock was set back, and which is then restored, gets its taps again."""
    link = uplink(10)
    take(link, receipt(4, 100))
    assert take(link, receipt(10, 50)) is ReceiptOutcome.ADVANCED
    assert take(link, receipt(6, 70)) is ReceiptOutcome.REWOUND


def test_a_word_of_an_older_incarnation_is_never_believed_again() -> None:
    """P2, P14: whatever its time says; a newer one counts though its clock is behind."""
    link = uplink(10)
    send_all(link, 0)
    take(link, receipt(10, 100))
    assert take(link, receipt(4, 50, incarnation=2)) is ReceiptOutcome.REWOUND
    assert take(link, receipt(10, 200, incarnation=1)) is ReceiptOutcome.LATE
    assert link.receipted(SINK) == 4
    assert send_all(link, 1) == [Publish(SINK, 5, 6)]
    assert take(link, receipt(10, 51, incarnation=2)) is ReceiptOutcome.ADVANCED


def test_a_fork_is_sent_once_a_session_as_evidence() -> None:
    """P11: the other branch reaches the sink, and does not flood it."""
    link = uplink(3)
    assert send_all(link, 0) == [Publish(SINK, 1, 3)]
    take(link, receipt(3, of=b"x" * 32))
    assert link.forked(SINK)
    assert send_all(link, RETRY_MAX_MS) == []
    link.on_appended(5)
    assert send_all(link, RETRY_MAX_MS + 1) == [Publish(SINK, 4, 2)]
    link.on_connected(SINK)
    assert send_all(link, 2 * RETRY_MAX_MS) == [Publish(SINK, 1, 5)]
    take(link, receipt(3, 2))
    assert not link.forked(SINK)


def test_the_evidence_of_a_fork_goes_out_anew_in_rounds_that_grow_rarer() -> None:
    """P3, P11: an answer that was given to something else counted for a batch that was lost."""
    link, wait = uplink(3), FORK_ROUND_MIN_MS
    send_all(link, 0)
    take(link, receipt(3, of=b"x" * 32), 10)
    began = 10
    while wait < FORK_ROUND_MAX_MS:
        assert link.next_deadline() == began + wait
        assert send_all(link, began + wait - 1) == []
        take(link, receipt(3, 2, of=b"x" * 32), began + 20)
        began += wait
        assert send_all(link, began) == [Publish(SINK, 1, 3)]
        take(link, receipt(3, 3, of=b"x" * 32), began + 1)
        wait = min(2 * wait, FORK_ROUND_MAX_MS)
    assert send_all(link, began + wait - 1) == []
    assert send_all(link, began + wait) == [Publish(SINK, 1, 3)]
    link.on_connected(SINK)
    send_all(link, began + wait + 1)
    take(link, receipt(3, 4, of=b"x" * 32), began + wait + 2)
    assert link.next_deadline() == began + wait + FORK_ROUND_MIN_MS
    take(link, receipt(3, 5), began + wait + 3)
    assert link.next_deadline() is None


def test_a_round_of_evidence_begins_only_when_the_one_before_is_out() -> None:
    """Else a fork longer than a round would never be told to its end."""
    link = uplink(INFLIGHT_BATCHES * limits.BATCH_DRAIN_RECORDS + 5)
    send_all(link, 0)
    take(link, receipt(3, of=b"x" * 32), 1)
    late = 1 + FORK_ROUND_MIN_MS
    assert [order.first for order in send_all(link, 2)] == [4001]
    for moment in range(INFLIGHT_BATCHES):
        assert send_all(link, 3 + moment) == []
        take(link, receipt(3, 2 + moment, of=b"x" * 32), 3 + moment)
    assert [order.first for order in send_all(link, late)] == [1, 1001, 2001, 3001]


def test_a_round_of_evidence_waits_for_the_answer_to_the_newest_record() -> None:
    link = uplink(3)
    send_all(link, 0)
    take(link, receipt(3, of=b"x" * 32), 1)
    link.on_appended(4)
    assert send_all(link, FORK_ROUND_MIN_MS) == [Publish(SINK, 4, 1)]
    assert send_all(link, FORK_ROUND_MIN_MS + 1) == []
    take(link, receipt(3, 2, of=b"x" * 32), FORK_ROUND_MIN_MS + 2)
    assert send_all(link, FORK_ROUND_MIN_MS + 2) == [Publish(SINK, 1, 4)]


def test_evidence_that_cannot_go_out_is_not_asked_for_all_the_time() -> None:
    """A deadline that has passed would be asked for without end while the modem takes nothing."""
    link = uplink(3)
    send_all(link, 0)
    take(link, receipt(3, of=b"x" * 32), 1)
    link.on_appended(4)
    assert link.next_publish(2 + FORK_ROUND_MIN_MS) == Publish(SINK, 4, 1)
    assert link.next_deadline() is None


def test_a_restored_ledger_gets_the_evidence_of_a_fork_again() -> None:
    """P11: it was lost with the ledger that had it."""
    link = uplink(3)
    send_all(link, 0)
    take(link, receipt(3, of=b"x" * 32))
    assert send_all(link, 1) == []
    assert take(link, receipt(2, 2, of=b"x" * 32, incarnation=2)) is ReceiptOutcome.FORKED
    assert send_all(link, 2) == [Publish(SINK, 1, 3)]
    take(link, receipt(2, 3, of=b"x" * 32, incarnation=2))
    assert send_all(link, 3) == []


def test_one_word_answers_every_batch_of_a_fork_that_came_at_once() -> None:
    """The backend answers a group once; a branch that waited for each answer would be sent without end."""
    link = uplink(INFLIGHT_BATCHES * 100)
    take(link, receipt(3, of=b"x" * 32))
    link.on_connected(SINK)
    sent = now = 0
    while now < 24 * 3_600_000:
        while (order := link.next_publish(now)) is not None:
            link.on_sent(SINK, min(order.first + 99, INFLIGHT_BATCHES * 100), now)
            sent += 1
        if not sent % 3:
            take(link, receipt(3, now + 2, of=b"x" * 32), now)  # the other groups' answers are lost
        now = max(now + 500, link.next_deadline() or 0)
    assert INFLIGHT_BATCHES < sent <= 9 * INFLIGHT_BATCHES


def test_a_fork_is_unsaid_only_by_a_newer_word() -> None:
    """P11: somebody may replay what the backend said before it."""
    link = uplink(50)
    take(link, receipt(40, 100))
    link.on_disconnected(SINK)
    assert take(link, receipt(45, 200, of=b"x" * 32)) is ReceiptOutcome.FORKED
    for said in (receipt(30, 50), receipt(40, 100), receipt(40, 150), receipt(45, 200)):
        take(link, said)
        assert link.forked(SINK)
    take(link, receipt(45, 201))
    assert not link.forked(SINK)


def test_what_a_lost_ledger_receipted_of_a_fork_is_evidence_too() -> None:
    """P3, P11: a ledger restored from before the fork took the branch; the next one has the other history."""
    link = uplink(5)
    send_all(link, 0)
    assert take(link, receipt(4)) is ReceiptOutcome.ADVANCED
    assert take(link, receipt(3, 2, of=b"x" * 32, incarnation=2)) is ReceiptOutcome.FORKED
    assert (link.receipted(SINK), link.backlog(SINK)) == (0, 5)
    assert send_all(link, 1) == [Publish(SINK, 1, 5)]


def test_a_sink_that_takes_nothing_does_not_keep_the_other_waiting() -> None:
    link = Uplink("d", 5, ("backend", "sister"), last=4)
    link.on_connected("backend")
    link.on_connected("sister")
    assert link.next_publish(0, but={"backend"}) == Publish("sister", 1, 4)
    assert link.sinks == ("backend", "sister")


def test_a_sink_is_not_sent_what_was_pruned_and_does_not_count_as_behind() -> None:
    """P2: the backend receipted it; a door with a blank card gets the rest, whatever it says that it holds."""
    link = Uplink("d", 5, ("backend", "sister"), last=9)
    link.on_connected("sister")
    link.begins("sister", 4)
    assert (link.backlog("sister"), link.backlog("backend")) == (6, 9)
    assert (link.first("sister"), link.first("backend")) == (4, 1)
    assert link.backlog("sister", last=12) == 9  # a caller who knows a newer end
    assert send_all(link, 0) == [Publish("sister", 4, 6)]
    assert link.on_word("sister", receipt(0), head(0), 1) is ReceiptOutcome.REPEATED
    assert send_all(link, 1) == [Publish("sister", 4, 6)]
    link.on_connected("sister")
    assert send_all(link, 2) == [Publish("sister", 4, 6)]
    assert link.on_word("sister", receipt(9, 2), head(9), 3) is ReceiptOutcome.ADVANCED
    assert link.on_word("sister", receipt(0, 3), head(0), 4) is ReceiptOutcome.REWOUND
    assert send_all(link, 4) == [Publish("sister", 4, 6)]


def test_where_a_journal_begins_takes_nothing_back_that_was_sent() -> None:
    link = uplink(9)
    send_all(link, 0)
    link.begins(SINK, 4)
    assert send_all(link, 1) == []


def test_a_sink_that_is_doubted_is_sent_the_last_record_and_answers_the_rest() -> None:
    """P2: a restored ledger says where it stands only when it is asked."""
    link = uplink(9)
    send_all(link, 0)
    take(link, receipt(9, 100))
    link.doubt(SINK)
    assert (link.receipted(SINK), link.backlog(SINK)) == (8, 1)
    assert send_all(link, 1) == [Publish(SINK, 9, 1)]
    assert take(link, receipt(5, 50, incarnation=2)) is ReceiptOutcome.REWOUND
    assert send_all(link, 2) == [Publish(SINK, 6, 4)]


def test_doubt_believes_no_more_than_was_receipted() -> None:
    link = uplink(9)
    take(link, receipt(3))
    link.doubt(SINK)
    assert link.receipted(SINK) == 3
    single = uplink(1)
    take(single, receipt(1))
    single.doubt(SINK)
    assert single.receipted(SINK) == 0
    empty = uplink(0)
    empty.doubt(SINK)
    assert empty.receipted(SINK) == 0


def test_resuming_a_session_that_goes_on_sends_nothing_twice() -> None:
    link = Uplink("d", 5, (SINK,), last=3)
    link.resume(SINK)
    assert send_all(link, 0) == [Publish(SINK, 1, 3)]
    link.resume(SINK)
    assert send_all(link, 1) == []
    link.on_disconnected(SINK)
    link.resume(SINK)
    assert send_all(link, 2) == [Publish(SINK, 1, 3)]


def test_what_one_sink_says_moves_no_other() -> None:
    """P2: the sister's witness is no receipt, and a fork at one is none at the other."""
    link = Uplink("d", 5, ("backend", "sister"), last=9)
    for sink in link.sinks:
        link.on_connected(sink)
    assert [(o.sink, o.first) for o in send_all(link, 0)] == [("backend", 1), ("sister", 1)]
    link.on_word("sister", receipt(9), head(9), 1)
    assert (link.receipted("sister"), link.receipted("backend")) == (9, 0)
    link.on_word("sister", receipt(9, 2, of=b"x" * 32), head(9), 2)
    assert (link.forked("sister"), link.forked("backend")) == (True, False)
    link.on_appended(12)
    assert [(o.sink, o.first, o.most) for o in send_all(link, 3)] == [("backend", 10, 3), ("sister", 10, 3)]
    assert link.next_deadline() == RETRY_MIN_MS
    link.on_disconnected("backend")
    assert link.next_deadline() == 3 + RETRY_MIN_MS


def test_a_receipt_of_another_history_is_never_acted_upon() -> None:
    """P11: another head, or beyond what we ever wrote."""
    link = uplink(10)
    assert take(link, receipt(7, of=b"x" * 32)) is ReceiptOutcome.FORKED
    assert link.on_word(SINK, receipt(11), None, 0) is ReceiptOutcome.FORKED
    assert take(link, receipt(7, epoch=6)) is ReceiptOutcome.FOREIGN
    assert take(link, replace(receipt(7), device="e")) is ReceiptOutcome.FOREIGN
    assert link.receipted(SINK) == 0


def test_a_new_session_starts_from_the_receipted_sequence() -> None:
    link = uplink(10)
    send_all(link, 0)
    take(link, receipt(4))
    link.on_disconnected(SINK)
    link.on_connected(SINK)
    assert send_all(link, 1) == [Publish(SINK, 5, 6)]


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_everything_arrives_whatever_is_lost_doubled_or_late(seed: int, taps: int) -> None:
    """Safety: the sink never misses what is receipted. Liveness: once faults stop, it has everything."""
    rng = random.Random(seed)
    link = uplink()
    held, now, clock = 0, 0, 0
    receipts: list[Word] = []

    def deliver(order: Publish) -> None:
        nonlocal held, clock
        if order.first <= held + 1:
            held = max(held, order.first + order.most - 1)
        clock += 1
        receipts.append(receipt(held, clock))

    appended = 0
    for _ in range(600):
        now += rng.randrange(2_000)
        if appended < taps:
            appended += 1
            link.on_appended(appended)
        for order in send_all(link, now):
            for _ in range(rng.choice((0, 1, 1, 2))):
                deliver(order)
        rng.shuffle(receipts)
        while receipts and rng.random() < 0.6:
            take(link, receipts.pop(), now)
        assert link.receipted(SINK) <= held
        if rng.random() < 0.05:
            link.on_there(SINK, now)
        if rng.random() < 0.05:
            link.on_disconnected(SINK)
            link.on_connected(SINK)
    receipts.clear()
    for _ in range(200):
        now += RETRY_MAX_MS
        for order in send_all(link, now):
            deliver(order)
        for it in receipts:
            take(link, it, now)
        receipts.clear()
    assert (held, link.receipted(SINK), link.backlog(SINK)) == (appended, appended, 0)
