"""What a statement says, in Persian and English: one table. Pure."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from persiantools import digits

from backend.core.settlement.lines import Line
from backend.core.settlement.parties import Role

Language: TypeAlias = Literal["fa", "en"]
Words: TypeAlias = Mapping[Language, str]

ROLES: Mapping[Role, Words] = {
    Role.OPERATOR: {"fa": "بهره‌بردار", "en": "Operator"},
    Role.OWNER: {"fa": "مالک", "en": "Owner"},
    Role.DRIVER: {"fa": "راننده", "en": "Driver"},
    Role.CITY: {"fa": "شهرداری", "en": "City"},
}
LINES: Mapping[Line, Words] = {
    Line.RIDERS: {"fa": "کرایهٔ مسافران", "en": "Riders' fares"},
    Line.CITY: {"fa": "یارانهٔ شهرداری", "en": "City's subsidy"},
    Line.TICKETS: {"fa": "بلیت بی‌نام", "en": "Bearer tickets"},
    Line.PROXIES: {"fa": "سوارشدن به حساب راننده", "en": "Keyed in by drivers"},
    Line.DECIDED: {"fa": "با تصمیم دو نفر", "en": "Decided by two people"},
    Line.BY_HAND: {"fa": "سند دستی دو نفر", "en": "By hand, two people"},
    Line.HELD: {"fa": "نگه داشته تا روشن شدن", "en": "Held until it is clear"},
}
TITLE: Words = {"fa": "صورت‌حساب تسویه", "en": "Settlement statement"}
DAY: Words = {"fa": "روز سرویس", "en": "Service day"}
OF_DAY: Words = {"fa": "روز سفر", "en": "Ride day"}
VEHICLE: Words = {"fa": "خودرو", "en": "Vehicle"}
LINE: Words = {"fa": "ردیف", "en": "Line"}
PAYER: Words = {"fa": "پرداخت‌کننده", "en": "Payer"}
INCOME: Words = {"fa": "درآمد (ریال)", "en": "Income (rials)"}
PART: Words = {"fa": "سهم (ریال)", "en": "Part (rials)"}
HELD: Words = {"fa": "نگه داشته (ریال)", "en": "Held (rials)"}
TOTAL: Words = {"fa": "جمع سهم", "en": "Total of the part"}
TOTAL_OWED: Words = {"fa": "جمع بدهی", "en": "Total owed"}  # what a driver and the city are told
ADJUSTMENT: Words = {"fa": "اصلاح روز پیش", "en": "adjustment"}
HASH: Words = {"fa": "اثر انگشت این صورت‌حساب", "en": "This statement's hash"}
PAGE: Words = {"fa": "صفحهٔ {} از {}", "en": "page {} of {}"}
NOTHING: Words = {"fa": "در این روز چیزی نیست", "en": "nothing on this day"}
HELD_WHY: Words = {
    "fa": "نگه داشته: سوار شدنی که گواه مسافر ندارد، یا بیش از سقف روزانه است. تا روشن شدن پرداخت نمی‌شود.",
    "en": "Held: boardings without a rider's proof, or above the day's cap. Not paid until that is settled.",
}


def rials_text(rials: int, language: Language) -> str:
    """1234567 → ۱٬۲۳۴٬۵۶۷ or 1,234,567; a minus stands before it."""
    text = f"{abs(rials):,}"
    minus = "" if rials >= 0 else "-" if language == "en" else "\u200e−"  # the mark keeps it before the number
    return minus + (text if language == "en" else str(digits.en_to_fa(text.replace(",", "٬"))))


def digits_text(text: str, language: Language) -> str:
    """Persian digits in Persian."""
    return text if language == "en" else str(digits.en_to_fa(text))
