"""What waits between two threads is bounded, and so is what one step takes of it."""

from edge.app.inbox import Inbox


def test_what_comes_first_is_taken_first_and_what_is_too_much_is_passed_over() -> None:
    inbox = Inbox(3, "a message")
    for each in (b"1", b"22", b"333", b"4444"):
        inbox.put(each)
    assert inbox.waiting_bytes() == 6
    assert list(inbox.take()) == [b"1", b"22", b"333"]
    assert list(inbox.take()) == []
    inbox.put(b"5")
    assert list(inbox.take()) == [b"5"]


def test_who_never_stops_talking_ends_a_step_all_the_same() -> None:
    inbox = Inbox(3, "a message")
    inbox.put(b"again")
    taken = 0
    for each in inbox.take():
        taken += 1
        inbox.put(each)
    assert taken == 3
