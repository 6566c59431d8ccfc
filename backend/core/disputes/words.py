"""What a dispute says to its rider, in Persian and English: one table. Pure."""

from collections.abc import Mapping
from typing import TypeAlias

from backend.core.disputes.dispute import Reason, State, Why

Words: TypeAlias = tuple[str, str]  # Persian, English

REASONS: Mapping[Reason, Words] = {
    Reason.NOT_MINE: ("من سوار نشدم", "I did not ride"),
    Reason.TWICE: ("دو بار حساب شده", "Charged twice"),
    Reason.TOO_MUCH: ("بیش از کرایه حساب شده", "Charged too much"),
    Reason.NOT_CARRIED: ("اتوبوس مرا نبرد", "The bus did not carry me"),
    Reason.OTHER: ("چیز دیگر", "Something else"),
}
STATES: Mapping[State, Words] = {
    State.OPEN: ("در دست بررسی", "Being looked at"),
    State.REFUNDED: ("همهٔ کرایه برگشت", "Refunded wholly"),
    State.PARTLY: ("بخشی از کرایه برگشت", "Refunded partly"),
    State.REFUSED: ("پذیرفته نشد", "Refused"),
}
WHYS: Mapping[Why, Words] = {
    Why.PROVEN: (
        "کد سوار شدن را گوشی خود شما امضا کرده است؛ اگر گوشی دست دیگری بوده، آن را مسدود کنید",
        "The code was signed by your own phone; if somebody else has it, have it denied",
    ),
    Why.FARE_RIGHT: (
        "کرایه برابر تعرفه است؛ رسید گام‌به‌گام آن را می‌گوید",
        "The fare is as decreed; the receipt has its steps",
    ),
    Why.CORRECTED: ("پیش‌تر به کیف پول شما برگشته است", "It was given back to your wallet already"),
    Why.NOTHING_FOUND: (
        "چیزی برای بازگرداندن پیدا نشد؛ با مدرک به باجهٔ خدمات بیایید",
        "Nothing was found to give back; come to a service desk with what you have",
    ),
}
LATE: Words = ("پاسخ دیر شده است؛ پرونده باز می‌ماند", "The answer is late; the case stays open")
