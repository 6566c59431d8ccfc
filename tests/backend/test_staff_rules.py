"""Two people, always: whatever is proposed, approved, refused, or left, by whomever and in whatever order."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import NotAllowed
from backend.core.limits import PROPOSAL_DAYS
from backend.core.staff.errors import AnotherContent, Decided, Lapsed, NotNamed, OnePerson, Unfit
from backend.core.staff.log import GENESIS, Broken, Entry, Logged, Mark, check, check_copy, next_hash
from backend.core.staff.log_file import NotALine, line_of, read_line
from backend.core.staff.roles import FIRST, MAY, Actor, Right, Role, is_name, may
from backend.core.staff.subjects import (
    KIND,
    Concession,
    Decreed,
    HeldMoney,
    Move,
    Posting,
    Refund,
    Release,
    read,
    tariff_subject,
)
from backend.core.staff.two_people import (
    DECIDE,
    PROPOSE,
    Kind,
    Proposal,
    State,
    decide,
    has_card_number,
    propose,
)
from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from tests.protocol.samples import WALL_MS, key

LASTS_MS = PROPOSAL_DAYS * 86_400_000
PEOPLE = [FIRST, *(Actor(f"{role.value}-{n}", role) for role in Role for n in range(2))]
people = st.sampled_from(PEOPLE)


FINANCE = Actor("finance-0", Role.FINANCE)


def proposal() -> Proposal:
    return propose("0" * 32, Kind.TARIFF, "subject", b"content", why="a decree", by=FINANCE, now_ms=WALL_MS)


@given(
    st.sampled_from(Kind),
    people,
    st.lists(st.tuples(people, st.booleans(), st.booleans(), st.integers(0, LASTS_MS // 2)), max_size=12),
)
def test_nothing_is_carried_out_without_two_different_people_who_may(
    kind: Kind, proposer: Actor, steps: list[tuple[Actor, bool, bool, int]]
) -> None:
    """The model counts for itself: who may, by the table; approved at most once, and by nobody after the time."""
    now_ms = WALL_MS
    try:
        it = propose("0" * 32, kind, "subject", b"content", why="why", by=proposer, now_ms=now_ms)
    except NotAllowed:
        assert not (may(proposer.role, PROPOSE[kind]) and proposer.named)
        return
    assert may(proposer.role, PROPOSE[kind])
    assert proposer.named
    approvals: list[Actor] = []
    ended = False
    for actor, approves, reads_it, waits_ms in steps:
        now_ms += waits_ms
        able = may(actor.role, DECIDE[kind]) and actor.named and actor.name != proposer.name
        in_time = now_ms < WALL_MS + LASTS_MS
        try:
            it = decide(it, by=actor, digest=it.digest if reads_it else bytes(32), approves=approves, now_ms=now_ms)
        except SavarError:
            assert not (able and in_time and reads_it and not ended)
            continue
        assert able
        assert in_time
        assert reads_it
        assert not ended
        ended = True
        approvals += [actor] * approves
    assert (it.state is State.APPROVED) == bool(approvals)
    if it.state is State.APPROVED:
        assert it.decided_by not in (None, it.proposer)
    assert it.at(WALL_MS + LASTS_MS).state is not State.OPEN


@pytest.mark.parametrize(
    ("by", "digest", "after_ms", "error"),
    [
        (FINANCE, None, 0, OnePerson),
        (FIRST, None, 0, NotNamed),
        (Actor("aud", Role.AUDITOR), None, 0, NotAllowed),
        (Actor("finance-1", Role.FINANCE), bytes(32), 0, AnotherContent),
        (Actor("finance-1", Role.FINANCE), None, LASTS_MS, Lapsed),
    ],
)
def test_each_refusal_has_its_name(by: Actor, digest: bytes | None, after_ms: int, error: type[SavarError]) -> None:
    it = proposal()
    for approves in (True, False):
        with pytest.raises(error) as caught:
            decide(it, by=by, digest=digest or it.digest, approves=approves, now_ms=WALL_MS + after_ms)
        assert caught.value.fix
        assert type(caught.value) is error


def test_a_decision_is_made_once_and_at_the_last_moment_still() -> None:
    it = proposal()
    last_ms = WALL_MS + LASTS_MS - 1
    done = decide(it, by=Actor("operations-0", Role.OPERATIONS), digest=it.digest, approves=False, now_ms=last_ms)
    assert (done.state, done.decided_by, done.decided_ms) == (State.REFUSED, "operations-0", last_ms)
    with pytest.raises(Decided):
        decide(done, by=Actor("finance-1", Role.FINANCE), digest=it.digest, approves=True, now_ms=last_ms)


@pytest.mark.parametrize("changed", [{"kind": Kind.RELEASE}, {"subject": "other"}, {"content": b"other"}])
def test_the_digest_is_of_all_that_is_proposed(changed: dict[str, object]) -> None:
    assert replace(proposal(), **changed).digest != proposal().digest


def test_no_role_may_all_and_every_right_is_somebodys() -> None:
    assert set(MAY) == set(Role)
    for right in Right:
        able = [role for role in Role if may(role, right)]
        assert able, right
        assert len(able) < len(Role), right
    for kind in Kind:
        assert any(may(role, DECIDE[kind]) and may(role, Right.DECIDE) for role in Role)
        assert all(may(role, Right.DECIDE) for role in Role if may(role, DECIDE[kind]))
    assert not any(may(Role.AUDITOR, right) for right in (*PROPOSE.values(), *DECIDE.values(), Right.DECIDE))


@pytest.mark.parametrize(
    ("name", "good"),
    [("ali", True), ("m-rezaei2", True), ("a" * 32, True), ("a" * 33, False), ("a", False), ("2ali", False),
     ("Ali", False), ("ali b", False), ("علی", False), (FIRST.name, False), ("ali\n", False)],
)  # fmt: skip
def test_names(name: str, *, good: bool) -> None:
    assert is_name(name) is good


# --- what is proposed ------------------------------------------------------------------------------------------------

SUBJECTS = [
    Posting("suspense", "operator:bus-1", 60_000),
    Decreed(Tariff(4, 60_000, {2: 500}, starts_ms=WALL_MS), "1405/88"),
    Concession(key("phone").public, 5, "file 12, desk 4"),  # of before ends were told
    Concession(key("phone").public, 5, "file 12, desk 4", 20_900),
    Release(bytes(7) + b"\x01", 3),
    HeldMoney("bus-1-d1", 2**62, 7, pays=False),
    Refund("0" * 32, 60_000, by_house=True, answer="we are sorry"),
    Move(bytes(7) + b"\x01", key("phone").public, "file 12"),
]


@pytest.mark.parametrize("it", SUBJECTS, ids=lambda it: type(it).__name__)
def test_what_is_proposed_is_read_again_from_its_bytes(
    it: Posting | Decreed | Concession | Release | HeldMoney | Refund | Move,
) -> None:
    assert read(KIND[type(it)], it.content) == it
    assert it.words()


def test_a_tariff_is_approved_under_its_number_and_with_its_content() -> None:
    tariff = Tariff(4, 60_000, {2: 500})
    others = [Tariff(5, 60_000, {2: 500}), Tariff(4, 60_001, {2: 500}), Tariff(4, 60_000, {2: 501})]
    assert len({tariff_subject(it) for it in (tariff, *others)}) == 4


def test_a_posting_is_posted_under_the_key_of_its_proposal() -> None:
    posting = Posting("suspense", "adjustments", 5)
    one, again, other = (posting.transfer(name, 20_000) for name in ("a", "a", "b"))
    assert (one, one.key == other.key) == (again, False)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Posting("suspense", "suspense", 5),
        lambda: Posting("suspense", "adjustments", 0),
        lambda: Posting("suspense", "my:pocket", 5).transfer("a", 20_000),
        lambda: Posting("suspense", "memo:forgone", 5).transfer("a", 20_000),
        lambda: Concession(bytes(33), 0, "file 12"),
        lambda: Concession(bytes(33), 7, "file 12"),
        lambda: Concession(bytes(33), 2, "card 6037 9911 1111 1112"),
        lambda: Decreed(Tariff(4, 1), "6037991111111112"),
        lambda: propose("0" * 32, Kind.TARIFF, "", b"", why="6037-9911-1111-1112", by=FINANCE, now_ms=1),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_proposed(make: object) -> None:
    with pytest.raises(Unfit) as caught:
        make()  # type: ignore[operator]
    assert caught.value.fix
    assert "6037" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("6037991111111112", True),
        ("pan 6037 9911 1111 1112 of the rider", True),
        ("۶۰۳۷۹۹۱۱۱۱۱۱۱۱۱۲", True),
        ("12 6037991111111112", True),  # digits before it, with a space as within it
        ("6037991111111113", False),  # the check sum does not hold
        ("0912 345 6789, file 1405/88", False),
        ("", False),
    ],
)
def test_card_numbers_are_seen(text: str, *, there: bool) -> None:
    """P18: also in Persian digits."""
    assert has_card_number(text) is there


# --- the log ---------------------------------------------------------------------------------------------------------

entries = st.builds(Entry, st.integers(0, 2**60), *[st.text("ab", max_size=3)] * 6)


def chained(told: list[Entry]) -> tuple[list[Logged], Mark]:
    rows, head = [], GENESIS
    for number, entry in enumerate(told, start=1):
        head = next_hash(head, entry)
        rows.append(Logged(number, entry, head))
    return rows, Mark(len(rows), head)


@given(st.lists(entries, min_size=1, max_size=6), st.data())
def test_a_log_that_was_touched_does_not_hold(told: list[Entry], data: st.DataObject) -> None:
    rows, mark = chained(told)
    assert check(rows, mark, {row.number: row.hash for row in rows}) is None
    at = data.draw(st.integers(0, len(rows) - 1))
    row = rows[at]
    changed = replace(row, entry=replace(row.entry, outcome=row.entry.outcome + "x"))
    for touched in (
        [*rows[:at], changed, *rows[at + 1 :]],
        [*rows[:at], *rows[at + 1 :]],
        [*rows[:at], replace(row, hash=bytes(32)), *rows[at + 1 :]],
        [*rows, Logged(len(rows) + 1, row.entry, next_hash(mark.hash, row.entry))],
        rows[:at],
    ):
        assert check(touched, mark, {}) is not None
    for length in (mark.number - 1, mark.number + 1):
        assert check(rows, Mark(length, mark.hash), {}) is not None


def test_a_log_written_anew_or_cut_off_with_its_mark_is_seen_by_who_kept_a_hash() -> None:
    told = [Entry(n, "ali", "finance", "see-cases", "", "shown") for n in range(4)]
    rows, _ = chained(told)
    known = {3: rows[2].hash}
    anew, mark = chained([replace(told[0], person="reza"), *told[1:]])
    assert check(anew, mark, {}) is None
    assert (found := check(anew, mark, known)) is not None
    assert found.number == 3
    short, mark = chained(told[:2])
    assert check(short, mark, {}) is None
    assert (found := check(short, mark, known)) is not None
    assert "cut off" in found.why


# --- the log in a file -----------------------------------------------------------------------------------------------

written = st.builds(Entry, st.integers(0, 2**60), *[st.text(max_size=5)] * 6)


@given(st.lists(written, min_size=1, max_size=5), st.data())
def test_a_copy_holds_up_to_a_published_head_and_no_other_text_has_it(told: list[Entry], data: st.DataObject) -> None:
    rows, mark = chained(told)
    lines = [line_of(row).encode() for row in rows]
    known = {mark.number: mark.hash}
    assert check_copy(map(read_line, lines), known) == mark
    at = data.draw(st.integers(0, len(rows) - 1))
    changed = replace(rows[at].entry, person=rows[at].entry.person + "x")
    anew, _ = chained([*told[:at], changed, *told[at + 1 :]])
    for copy in (anew, rows[:at], [*rows[:at], *rows[at + 1 :]]):
        assert isinstance(check_copy(copy, known), Broken)
    longer, end = chained([*told, changed])
    assert check_copy(longer, known) == end


@given(entry=written, at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_line_that_is_another_is_no_line_or_another_entry(entry: Entry, at: int, flip: int) -> None:
    (row,), _ = chained([entry])
    line = line_of(row).encode()
    place = at % len(line)
    other = line[:place] + bytes([line[place] ^ flip]) + line[place + 1 :]
    try:
        assert read_line(other) != row
    except NotALine:
        return


@pytest.mark.parametrize("change", [
    lambda line: b"", lambda line: b"[]\n", lambda line: line.strip(), lambda line: b" " + line,
    lambda line: line.replace(b'"on":""', b'"on":7'), lambda line: line.replace(b'"at_ms":5', b'"at_ms":5.0'),
    lambda line: line.replace(b'"at_ms":5', b'"at_ms":true'), lambda line: line.replace(b'"key":""', b'"key":"","key":""'),
    lambda line: line.replace(b'"on":""', b'"on":"' + b"x" * 20_000 + b'"'), lambda line: b"[" * 9_000,
    lambda line: line.replace(b"seen", b"\xff"), lambda line: line[:-4] + b'"}\n',
])  # fmt: skip
def test_a_line_that_no_export_wrote_is_refused_by_name(change: Callable[[bytes], bytes]) -> None:
    (row,), _ = chained([Entry(5, "ali", "finance", "see-cases", "", "seen")])
    line = line_of(row).encode()
    assert read_line(line) == row
    with pytest.raises(NotALine):
        read_line(change(line))
