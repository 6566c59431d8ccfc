"""Which phones alternate the forms of their code, and which only wait (F1–F4)."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.core.forms import Forms
from edge.core.limits import FORMS_JOINED_MS
from protocol.limits import FORM_PERIOD_S, FORMS_UNTIL_LONG, HOLD_GAP_MS, LONG_FORM_WAIT_S, RENDER_PERIOD_S
from protocol.wire.passes import Presentation
from protocol.wire.riders import RiderRow

ROW = RiderRow(b"rider--1", bytes(33), 1, 0, 0, 0, 0)
WAIT_MS, RENDER_MS = LONG_FORM_WAIT_S * 1000, RENDER_PERIOD_S * 1000
FIRST, NEXT, OTHER = (
    Presentation(b"rider--1", 100, 7),
    Presentation(b"rider--1", 115, 8),
    Presentation(b"rider--2", 100, 7),
)


def test_the_figures_fit_each_other() -> None:
    """Either form is one hold while the phone alternates, and the longest turn without a long form fits the wait."""
    assert FORM_PERIOD_S * 1000 < HOLD_GAP_MS < FORMS_JOINED_MS
    assert 2 * FORMS_UNTIL_LONG * FORM_PERIOD_S <= LONG_FORM_WAIT_S


def test_f1_an_unknown_short_form_is_overdue_only_after_the_wait() -> None:
    forms: Forms[str] = Forms()
    assert not any(forms.unknown(FIRST, 50 + ms, version=1) for ms in (0, 1_000, WAIT_MS - 1))
    assert forms.unknown(FIRST, 50 + WAIT_MS, version=1)
    forms.refused(FIRST, version=1)
    assert not any(forms.unknown(FIRST, 50 + WAIT_MS + ms, version=1) for ms in (1, WAIT_MS))
    assert forms.unknown(FIRST, 50 + WAIT_MS + WAIT_MS + 1, version=1)


def test_f1_the_wait_goes_on_over_the_next_render_and_not_over_a_pause() -> None:
    forms: Forms[str] = Forms()
    assert not forms.unknown(FIRST, 0, version=1)
    assert forms.unknown(NEXT, WAIT_MS, version=1)
    later: Forms[str] = Forms()
    assert not later.unknown(FIRST, 0, version=1)
    assert not later.unknown(FIRST, WAIT_MS + 1, version=1)


def test_f1_each_phone_waits_for_itself() -> None:
    forms: Forms[str] = Forms()
    assert not forms.unknown(FIRST, 0, version=1)
    assert not forms.unknown(OTHER, WAIT_MS, version=1)


def test_f1_a_wait_is_of_one_credential_version() -> None:
    forms: Forms[str] = Forms()
    assert not forms.unknown(FIRST, 0, version=255)
    assert not forms.unknown(FIRST, WAIT_MS, version=1)
    forms.proven(NEXT, WAIT_MS + 1, short=False, row=replace(ROW, version=2))
    forms.refused(NEXT, version=255)
    assert forms.unknown(FIRST, 2 * WAIT_MS, version=1)
    forms.proven(NEXT, 2 * WAIT_MS + 1, short=False, row=ROW)
    assert not forms.unknown(FIRST, 2 * WAIT_MS + 2, version=1)


def test_f1_a_long_form_ends_the_wait_whatever_is_answered() -> None:
    forms: Forms[str] = Forms()
    forms.unknown(FIRST, 0, version=1)
    assert forms.proven(FIRST, 1_000, short=False, row=ROW) is None
    forms.answered(FIRST, "welcome", 1_000)
    aboard = range(1_500, RENDER_MS, 500)
    assert not any(forms.unknown(FIRST, ms, version=1) for ms in aboard)
    assert not forms.unknown(NEXT, RENDER_MS + 1_000, version=1)  # a new wait, from here
    assert forms.unknown(NEXT, RENDER_MS + 1_000 + WAIT_MS, version=1)


def test_f2_the_first_answer_stands_for_both_forms_while_a_render_lives() -> None:
    for short in (True, False):
        forms: Forms[str] = Forms()
        assert forms.proven(FIRST, 0, short=short, row=ROW) is None
        forms.answered(FIRST, "welcome", 0)
        assert forms.proven(FIRST, 1_000, short=not short, row=ROW) == "welcome"
        assert forms.proven(FIRST, 2_000, short=short, row=ROW) == "welcome"
        for ms in range(5_000, RENDER_MS + 1, FORMS_JOINED_MS - 500):
            assert forms.proven(FIRST, ms, short=not short, row=ROW) == "welcome"
        assert forms.proven(FIRST, RENDER_MS + 1, short=short, row=ROW) is None


def test_f2_a_twin_that_comes_later_than_a_phone_changes_forms_is_judged_as_ever() -> None:
    """P10, P17: the photograph boarded first; its owner hears of it, once for both forms."""
    for joined, after_ms in ((True, FORMS_JOINED_MS), (False, FORMS_JOINED_MS + 1)):
        forms: Forms[str] = Forms()
        forms.proven(FIRST, 0, short=False, row=ROW)
        forms.answered(FIRST, "welcome", 0)
        assert forms.proven(FIRST, after_ms, short=True, row=ROW) == ("welcome" if joined else None)
        if not joined:
            forms.answered(FIRST, "copied", after_ms)
            assert forms.proven(FIRST, after_ms + 1_000, short=False, row=ROW) == "copied"


def test_f2_a_form_that_is_held_on_is_seen_as_long_as_it_is_held() -> None:
    """A phone that knows its row shows the short form for three seconds, and the long one may be missed a turn."""
    forms: Forms[str] = Forms()
    forms.proven(FIRST, 0, short=True, row=ROW, text=b"short")
    forms.answered(FIRST, "welcome", 0)
    for ms in range(0, 7_001, 500):
        forms.still_seen(b"short", ms)
        forms.still_seen(b"unproven", ms)
    assert forms.proven(FIRST, 8_000, short=False, row=ROW, text=b"long") == "welcome"
    forms.still_seen(b"short", 8_000 + FORMS_JOINED_MS + 1)  # of a new showing, whose answer is still to come
    assert forms.proven(FIRST, 8_000 + FORMS_JOINED_MS + 2, short=True, row=ROW, text=b"short") is None


def test_f2_a_short_form_that_nobody_proved_makes_a_copy_no_twin() -> None:
    """An 81-byte claim is read off a photograph: it silences itself, and joins nothing."""
    forms: Forms[str] = Forms()
    forms.unknown(FIRST, 0, version=1)
    assert forms.proven(FIRST, 1_000, short=False, row=ROW) is None
    forms.answered(FIRST, "welcome", 1_000)
    assert not forms.unknown(FIRST, 2_000, version=1)
    assert forms.proven(FIRST, 5_000, short=False, row=ROW) is None


def test_f1_only_an_answered_long_form_vouches_and_for_its_own_render() -> None:
    forms: Forms[str] = Forms()
    forms.proven(FIRST, 0, short=True, row=ROW)
    forms.answered(FIRST, "welcome", 0)
    assert forms.vouched(FIRST, 1) is None
    forms.proven(NEXT, 1, short=False, row=ROW)
    assert forms.vouched(NEXT, 1) is None
    forms.answered(NEXT, "paid", 1)
    assert [forms.vouched(NEXT, 1 + ms) for ms in (0, RENDER_MS, RENDER_MS + 1)] == [ROW, ROW, None]
    assert forms.vouched(FIRST, 2) is None


def test_f3_one_form_alone_again_is_a_question_of_its_own() -> None:
    """P10: whoever shows the same picture again is judged as ever."""
    for short in (True, False):
        forms: Forms[str] = Forms()
        forms.proven(FIRST, 0, short=short, row=ROW)
        forms.answered(FIRST, "welcome", 0)
        assert forms.proven(FIRST, 1_000, short=short, row=ROW) is None


def test_f2_another_render_or_rider_is_another_showing() -> None:
    forms: Forms[str] = Forms()
    forms.proven(FIRST, 0, short=True, row=ROW)
    forms.answered(FIRST, "welcome", 0)
    assert forms.proven(OTHER, 1_000, short=False, row=ROW) is None
    assert forms.proven(NEXT, 1_000, short=False, row=ROW) is None
    assert forms.proven(NEXT, 1_001, short=True, row=ROW) is None  # both forms, but no answer to this render


def test_f2_another_render_of_the_same_rider_in_between_forgets_nothing() -> None:
    """Somebody holds an old picture of it to the same door: the seeded city called the honest twin a copy."""
    forms: Forms[str] = Forms()
    forms.proven(FIRST, 0, short=False, row=ROW)
    forms.answered(FIRST, "welcome", 0)
    forms.proven(NEXT, 500, short=False, row=ROW)
    forms.answered(NEXT, "too old", 500)
    assert forms.proven(FIRST, 1_000, short=True, row=ROW) == "welcome"


def test_f2_a_picture_of_one_form_in_between_does_not_make_a_copy_of_the_other() -> None:
    """The first answer stands: the seeded city showed a friend's picture before the phone's own second form."""
    forms: Forms[str] = Forms()
    forms.proven(FIRST, 0, short=False, row=ROW)
    forms.answered(FIRST, "welcome", 0)
    assert forms.proven(FIRST, 900, short=False, row=ROW) is None
    forms.answered(FIRST, "copied", 900)
    assert forms.proven(FIRST, 1_000, short=True, row=ROW) == "welcome"


def test_f4_the_phone_unseen_longest_is_forgotten() -> None:
    forms: Forms[str] = Forms(most=2)
    third = Presentation(b"rider--3", 1, 1)
    forms.unknown(FIRST, 0, version=1)
    forms.unknown(OTHER, 1, version=1)
    forms.unknown(FIRST, 2, version=1)
    forms.unknown(third, 3, version=1)
    assert len(forms) == 2
    assert forms.unknown(FIRST, WAIT_MS, version=1)
    assert not forms.unknown(OTHER, WAIT_MS + 1, version=1)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 9_000), st.booleans()), max_size=60))
def test_memory_is_bounded_and_an_answer_is_always_the_renders_own(
    seen: list[tuple[int, int, int, bool]],
) -> None:
    forms: Forms[Presentation] = Forms(most=3)
    now = 0
    for rider, counter, step, short in seen:
        now += step
        shown = Presentation(bytes([rider] * 8), counter, counter)
        stands = forms.proven(shown, now, short=short, row=ROW)
        assert stands in (None, shown)
        if stands is None:
            forms.answered(shown, shown, now)
        assert len(forms) <= 3
