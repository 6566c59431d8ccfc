"""What a concession says to its rider, in Persian and English: one table. Pure."""

from collections.abc import Mapping
from typing import TypeAlias

from persiantools import digits

from backend.core.concessions.application import Paper, State, Why
from backend.core.concessions.grant import Grant
from protocol.jalali import day_text

Words: TypeAlias = tuple[str, str]  # Persian, English

PAPERS: Mapping[Paper, Words] = {
    Paper.SCHOOL: ("گواهی اشتغال به تحصیل", "Certificate of a school or university"),
    Paper.STUDENT_CARD: ("کارت دانشجویی یا دانش‌آموزی", "Student card"),
    Paper.BIRTH: ("شناسنامه", "Birth certificate"),
    Paper.WELFARE: ("گواهی بهزیستی", "Letter of the welfare organisation"),
    Paper.VETERAN: ("کارت ایثارگری", "Veteran's card"),
    Paper.EMPLOYMENT: ("گواهی کار", "Letter of the employer"),
    Paper.OTHER: ("مدرک دیگر", "Another paper"),
}
STATES: Mapping[State, Words] = {
    State.OPEN: ("در دست بررسی", "Being looked at"),
    State.GRANTED: ("پذیرفته شد؛ اعتبار گوشی را تازه کنید", "Granted: renew the phone's credential"),
    State.REFUSED: ("پذیرفته نشد", "Refused"),
    State.WITHDRAWN: ("پس گرفته شد", "Withdrawn"),
}
WHYS: Mapping[Why, Words] = {
    Why.NOT_CONFIRMED: (
        "صادرکننده این مدرک را تأیید نکرد؛ نشانی مدرک را دوباره بنویسید",
        "Who issued the paper does not know it; tell its reference once more",
    ),
    Why.NOT_ENTITLED: ("این تخفیف با این مدرک داده نمی‌شود", "This class is not given for this paper"),
    Why.EXPIRED: ("اعتبار مدرک پایان یافته است", "The paper is over"),
    Why.SHOW_PAPERS: ("با مدرک به باجهٔ خدمات بیایید", "Come to a service desk with the paper"),
}
LATE: Words = ("پاسخ دیر شده است؛ درخواست باز می‌ماند", "The answer is late; the application stays open")


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
