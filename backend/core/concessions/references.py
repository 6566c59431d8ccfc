"""What a rider may say of a paper: who issued it, and by what the office finds it. Never the paper, nor a whole number.

Rules:
- a reference is the last characters of a number, or a letter's own number: 2 to REFERENCE_MAX_CHARS letters, digits and
  ``/ - . ( )``. So no picture, address or link fits into it;
- no run of more than REFERENCE_DIGITS_MAX digits in any script, spaces and hyphens aside: a card, account, telephone,
  student or birth certificate number stays with whom it belongs. A slash parts the numbers of a letter;
- no national number, however it is parted: ten digits of which the last is the check of the others;
- what is refused is never repeated in the answer, nor logged (P18).
"""

from backend.core.concessions.application import Document
from backend.core.limits import ISSUER_MAX_CHARS, REFERENCE_DIGITS_MAX, REFERENCE_MAX_CHARS
from backend.core.staff.errors import Unfit
from backend.core.staff.two_people import require_words

_NATIONAL_DIGITS = 10
_IGNORED = " -_.()\u200c\u00a0"
_ALLOWED = frozenset("/-.()\u200c ")
_FIX = "give the last four characters of its number, or the number of the letter, as 1405/123"


def require_reference(it: Document) -> None:
    """Return where a document is told so that it is found and not known. Raises Unfit."""
    for field, text, most in (
        ("issuer", it.issuer, ISSUER_MAX_CHARS), ("reference", it.reference, REFERENCE_MAX_CHARS),
    ):  # fmt: skip
        if not 2 <= len(text.strip()) <= len(text) <= most:
            raise Unfit(f"{field} has 2 to {most} characters", fix=_FIX, field=field)
        if not all(char.isalnum() or char in _ALLOWED for char in text):
            raise Unfit(f"{field} has letters, digits and / - . ( ) alone", fix=_FIX, field=field)
        if any(len(run) > REFERENCE_DIGITS_MAX for run in _runs(text, _IGNORED)):
            raise Unfit(f"{field} holds a whole number", fix=_FIX, field=field)
        require_private(field, text)


def require_private(field: str, text: str) -> None:
    """Return for words without a card's or a national number. Raises Unfit."""
    require_words(field, text)
    if any(len(run) == _NATIONAL_DIGITS and is_national(run) for run in _runs(text, f"{_IGNORED}/")):
        raise Unfit(f"{field} holds what looks like a national number", fix="say it without: nobody needs it here")


def is_national(digits: list[int]) -> bool:
    """Whether ten digits are a national number of Iran: the last is the check of the others."""
    rest = sum(digit * (_NATIONAL_DIGITS - at) for at, digit in enumerate(digits[:-1])) % 11
    return digits[-1] == (rest if rest < 2 else 11 - rest)


def _runs(text: str, ignored: str) -> list[list[int]]:
    """Digits in any script that follow one another, `ignored` characters aside."""
    runs: list[list[int]] = [[]]
    for char in text:
        if char.isdecimal():
            runs[-1].append(int(char))
        elif char not in ignored:
            runs.append([])
    return runs
