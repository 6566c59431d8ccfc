"""What may be said of a paper: enough to find it, and nothing that tells who somebody is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core import limits
from backend.core.concessions.application import Document, Paper
from backend.core.concessions.references import is_national, require_private, require_reference
from backend.core.staff.errors import Unfit

SCHOOL = "دانشگاه اصفهان"


def national(nine: list[int]) -> list[int]:
    """With its check digit: of ten digits one alone holds."""
    (check,) = (it for it in range(10) if is_national([*nine, it]))
    return [*nine, check]


@pytest.mark.parametrize("reference", ["4821", "الف/۱۲۳", "1405/12/345", "B-7", "ش. ۱۴۰۵/۱۲۳", "ab", "123456"])
def test_what_finds_a_paper_is_taken(reference: str) -> None:
    require_reference(Document(Paper.SCHOOL, SCHOOL, reference))


@pytest.mark.parametrize(
    "reference",
    [
        "", " 1 ", "1", "x" * 25,  # nothing, or more than a reference
        "1234567", "123 456 7", "۱۲۳۴۵۶۷", "12-34-56-78",  # a whole number, however it is written
        "0084575948", "008/457594/8", "۰۰۸/۴۵۷۵۹۴/۸",  # a national number
        "6037991111111112", "http://x", "a@b.ir", "data:,x", "a\nb", "<b>",
    ],
)  # fmt: skip
def test_a_whole_number_a_link_or_a_picture_is_not(reference: str) -> None:
    with pytest.raises(Unfit) as caught:
        require_reference(Document(Paper.SCHOOL, SCHOOL, reference))
    assert len(reference) < 4 or reference not in str(caught.value), "what is refused is not repeated"


def test_who_issued_it_is_held_to_the_same() -> None:
    for issuer in ("x", "1234567", "a" * 61, "see http://x.ir"):
        with pytest.raises(Unfit):
            require_reference(Document(Paper.SCHOOL, issuer, "4821"))
    with pytest.raises(Unfit):
        require_reference(Document(Paper.SCHOOL, "school 008/457594/8", "4821"))


def test_a_known_national_number_and_one_with_another_digit() -> None:
    assert is_national([0, 0, 8, 4, 5, 7, 5, 9, 4, 8])
    assert not is_national([0, 0, 8, 4, 5, 7, 5, 9, 4, 9])


@given(st.lists(st.integers(0, 9), min_size=9, max_size=9), st.integers(0, 9), st.sampled_from(" -./_"))
def test_no_national_number_stands_in_words_in_any_script(nine: list[int], at: int, mark: str) -> None:
    whole = national(nine)
    for zero in ("0", "۰", "٠"):
        text = "".join(chr(ord(zero) + digit) for digit in whole)
        with pytest.raises(Unfit):
            require_private("words", f"my number is {text[:at]}{mark}{text[at:]}, please")


@pytest.mark.parametrize(
    "words",
    [
        "0084575948 1405", "کد ملی ۰۰۸۴۵۷۵۹۴۸ - ۱۴۰۵/۱۲", "09131234567 0084575948", "0084575948,1", "008,457,5948",
        "۰۰۸٬۴۵۷٬۵۹۴۸", "۰۰۸،۴۵۷۵۹۴،۸", "1405/12 008-457594-8/3", "98 0084575948 00", "13990084575948", "00084575948000",
    ],
)  # fmt: skip
def test_a_national_number_beside_another_number_is_refused(words: str) -> None:
    with pytest.raises(Unfit) as caught:
        require_private("words", words)
    assert "84575948" not in str(caught.value)


@given(
    st.lists(st.integers(0, 9), min_size=9, max_size=9), st.text("0123456789", min_size=1, max_size=6),
    st.text("0123456789", min_size=1, max_size=6), st.sampled_from([" ", "-", "/", ",", "، ", " - "]),
)  # fmt: skip
def test_whatever_numbers_stand_beside_it(nine: list[int], before: str, after: str, mark: str) -> None:
    whole = "".join(str(it) for it in national(nine))
    for text in (f"{before}{mark}{whole}", f"{whole}{mark}{after}", f"{before}{mark}{whole}{mark}{after}"):
        with pytest.raises(Unfit):
            require_private("words", text)


@given(st.text("0123456789", min_size=9, max_size=9), st.integers(1390, 1410), st.integers(1, 12))
def test_a_telephone_and_a_date_are_no_national_number(rest: str, year: int, month: int) -> None:
    """One in eleven of any ten digits passes the check: so what begins amid a number is not looked at."""
    require_private("words", f"09{rest}, {year}/{month:02}")


@given(st.text(alphabet="0123456789", min_size=limits.REFERENCE_DIGITS_MAX + 1, max_size=24))
def test_no_longer_number_is_a_reference(number: str) -> None:
    with pytest.raises(Unfit):
        require_reference(Document(Paper.OTHER, SCHOOL, number))


def test_a_telephone_in_words_is_nobody_elses_business_to_refuse() -> None:
    require_private("words", "call me: 09131234567")
