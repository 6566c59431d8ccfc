"""What a concession says to its rider, in Persian and English: one table. Pure."""

from typing import TypeAlias

from persiantools import digits

from backend.core.concessions.grant import Grant
from protocol.jalali import day_text

Words: TypeAlias = tuple[str, str]  # Persian, English


def notice(grant: Grant, today: int) -> Words | None:
    """What its rider is told of its end; None while that is far, or there is none."""
    if grant.until_day is None:
        return None
    day = day_text(grant.until_day)
    fa = digits.en_to_fa(day)
    if not grant.holds_on(today):
        return (
            f"تخفیف شما در {fa} به پایان رسید و کرایهٔ بزرگسال حساب می‌شود؛ برای تمدید درخواست بدهید",
            f"Your concession ended on {day} and you pay an adult's fare; apply for it again",
        )
    if grant.ends_soon(today):
        return (
            f"تخفیف شما تا {fa} است؛ برای تمدید از همین حالا درخواست بدهید",
            f"Your concession ends on {day}; apply now to keep it",
        )
    return None
