"""What a rider may say of a paper: who issued it, and by what the office finds it. Never the paper, nor a whole number.

Rules:
- a reference is the last characters of a number, or a letter's own number: 2 to REFERENCE_MAX_CHARS letters, digits and
  ``/ - . ( )``. So no picture, address or link fits into it;
- no run of more than REFERENCE_DIGITS_MAX digits in any script, spaces and hyphens aside: a card, account, telephone,
  student or birth certificate number stays with whom it belongs. A slash parts the numbers of a letter;
- no national number, however it is parted and whatever number stands beside it: ten digits of which the last is the
  check of the others. They begin and end where a number does, or stand amid one that is no telephone's: of any ten
  digits one in eleven passes the check, so looked at everywhere, a telephone and a date were refused;
- what is refused is never repeated in the answer, nor logged (P18).
"""

from collections.abc import Iterator

from backend.core.concessions.application import Document
from backend.core.limits import ISSUER_MAX_CHARS, REFERENCE_DIGITS_MAX, REFERENCE_MAX_CHARS
from backend.core.staff.errors import Unfit
from backend.core.staff.two_people import require_words

_NATIONAL_DIGITS = 10
_IGNORED = " -_.()\u200c\u00a0"
_PARTING = f"{_IGNORED}/,\u060c\u066b\u066c"  # and Arabic commas
_TELEPHONE = {11: [0], 12: [9, 8]}  # how one begins, by its digits
_ALLOWED = frozenset("/-.()\u200c ")
_FIX = "give the last four characters of its number, or the number of the letter, as 1405/123"


def require_reference(it: Document) -> None:
    """Return where a document is told so that it is found and not known. Raises Unfit."""
    for field, text, most in (
        ("issuer", it.issuer, ISSUER_MAX_CHARS), ("reference", it.reference, REFERENCE_MAX_CHARS),
    ):  # fmt: skip
        if not 2 <= len(text.strip()) <= len(text) <= most:
            raise _unfit(field, f"has 2 to {most} characters")
        if not all(char.isalnum() or char in _ALLOWED for char in text):
            raise _unfit(field, "has letters, digits and / - . ( ) alone")
        if any(sum(map(len, run)) > REFERENCE_DIGITS_MAX for run in _runs(text, _IGNORED)):
            raise _unfit(field, "holds a whole number")
        require_private(field, text)


def require_private(field: str, text: str) -> None:
    """Return for words without a card's or a national number. Raises Unfit."""
    require_words(field, text)
    if any(is_national(ten) for run in _runs(text, _PARTING) for ten in _tens(run)):
        raise Unfit(
            f"{field} holds what looks like a national number", fix="say it without: nobody needs it here",
            rider_fa="کد ملی ننویسید؛ اینجا به آن نیازی نیست", rider_en="Write no national number here",
        )  # fmt: skip


def is_national(digits: list[int]) -> bool:
    """Whether ten digits are a national number of Iran: the last is the check of the others."""
    rest = sum(digit * (_NATIONAL_DIGITS - at) for at, digit in enumerate(digits[:-1])) % 11
    return digits[-1] == (rest if rest < 2 else 11 - rest)


def _unfit(field: str, what: str) -> Unfit:
    return Unfit(
        f"{field} {what}", fix=_FIX, field=field,
        rider_fa="از هر مدرک نام صادرکننده و چهار نویسهٔ پایانی شماره، یا شمارهٔ نامه را بنویسید؛ نه شمارهٔ کامل",
        rider_en="Of each paper write who issued it and the last four characters of its number, or a letter's number",
    )  # fmt: skip


def _tens(run: list[list[int]]) -> Iterator[list[int]]:
    """Whatever ten digits of a run may be meant as one number."""
    for at, number in enumerate(run):
        digits: list[int] = []
        for one in run[at:]:
            digits = digits + one
            if len(digits) >= _NATIONAL_DIGITS:
                break
        if len(digits) == _NATIONAL_DIGITS:
            yield digits
        begins = _TELEPHONE.get(len(number))
        if begins is None or number[: len(begins)] != begins:
            for amid in range(len(number) - _NATIONAL_DIGITS + 1):
                yield number[amid : amid + _NATIONAL_DIGITS]


def _runs(text: str, parting: str) -> list[list[list[int]]]:
    """Numbers in any script that follow one another with nothing but `parting` characters between, by their digits."""
    runs: list[list[list[int]]] = [[[]]]
    for char in text:
        if char.isdecimal():
            runs[-1][-1].append(int(char))
        elif char in parting:
            runs[-1].append([])
        else:
            runs.append([[]])
    return [[number for number in run if number] for run in runs]
