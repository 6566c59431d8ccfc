"""Mobile numbers of Iran, however they are typed, in one form; and what is kept in the place of one. Pure.

Rules:
- 09121234567, +989121234567, 00989121234567, 989121234567 and 9121234567 are one number, in Latin, Persian or Arabic
  digits, with spaces, hyphens, dots or brackets between; it is written 09121234567;
- only mobile numbers of Iran: a code costs the city what the other network asks for it, and numbers abroad ask most;
- no number is kept. In its place stands an HMAC under a key that is not in the ledger: the same number gives the same
  32 bytes, and without the key nobody comes from one to the other by trying all of them. An account's id says nothing
  of it either way.
"""

import hmac
import re
from typing import Final

from backend.core.phone.errors import BadNumber

NUMBER_CHARS_MAX: Final = 24  # typed: the longest form has 14 digits and a few signs between
_ASCII: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_BETWEEN: Final = re.compile(r"[ \u00a0\u200c\u200e\u200f().-]")  # with the marks that keyboards put around digits
_MOBILE: Final = re.compile(r"(?:\+98|0098|98|0)?(9[0-9]{9})")


def digits(typed: str) -> str:
    """Persian and Arabic digits as Latin ones; all else as it is."""
    return typed.translate(_ASCII)


def mobile_number(typed: str) -> str:
    """The one form of it, eleven digits. Raises BadNumber, which repeats nothing of what was typed."""
    found = None
    if len(typed) <= NUMBER_CHARS_MAX:
        found = _MOBILE.fullmatch(_BETWEEN.sub("", digits(typed)))
    if found is None:
        raise BadNumber(
            "this is no mobile number of Iran", fix="give eleven digits that begin with 09, or the same with +98",
            rider_fa="شمارهٔ تلفن همراه درست نیست؛ مانند ۰۹۱۲۱۲۳۴۵۶۷ بنویسید",
            rider_en="This is no mobile number of Iran; write it as 09121234567",
        )  # fmt: skip
    return f"0{found[1]}"


def number_mac(key: bytes, number: str) -> bytes:
    """What is kept in a number's place: 32 bytes."""
    return hmac.digest(key, b"savar number|" + number.encode(), "sha256")
