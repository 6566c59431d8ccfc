"""The page that a rider's browser comes back to from the payment provider: how it stands, and what to do next."""

from enum import Enum
from html import escape


class Outcome(Enum):
    """How the payment stands; all but the last are what the API says of a top-up."""

    PAID = "paid"
    FAILED = "failed"
    PENDING = "pending"
    REVERSED = "reversed"
    UNKNOWN = "unknown"


_WORDS = {
    Outcome.PAID: ("●", "green", "پرداخت شد", "مبلغ به کیف پول شما افزوده شد. این صفحه را ببندید.",
                   "Paid", "Your wallet has been credited. You can close this page."),
    Outcome.FAILED: ("■", "red", "پرداخت نشد",
                     "چیزی به کیف پول افزوده نشد. اگر از حساب شما کم شده، بانک آن را برمی‌گرداند.",
                     "Not paid", "Nothing was credited. If your account was debited, the bank returns it."),
    Outcome.PENDING: ("▲", "amber", "هنوز روشن نیست", "پول شما گم نشده است. چند دقیقهٔ دیگر این صفحه را تازه کنید.",
                      "Not clear yet", "Your money is not lost. Reload this page in a few minutes."),
    Outcome.REVERSED: ("■", "red", "برگشت خورد",
                       "بانک این پرداخت را به حساب شما برگردانده و از کیف پول کم شده است. برای سفر دوباره شارژ کنید.",
                       "Given back",
                       "The bank gave this payment back to you, and it left your wallet. Top up again to ride."),
    Outcome.UNKNOWN: ("◆", "blue", "چنین پرداختی نیست", "از برنامه دوباره آغاز کنید.",
                      "No such payment", "Please start again from the app."),
}  # fmt: skip
_PERSIAN_DIGITS = str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬")


def payment_page(outcome: Outcome, rials: int | None, app: str | None = None) -> str:
    """A whole HTML page, Persian first. `rials` is shown in tomans; None shows no amount.

    `app`: the address of the passenger's app, which asks for itself how it stands; None: this backend serves none.
    """
    shape, lamp, head_fa, next_fa, head_en, next_en = _WORDS[outcome]
    # A rial that makes no whole toman is not shown away: the amount then stands in rials.
    amount_fa = amount_en = ""
    if rials is not None:
        number, unit_fa, unit_en = (rials // 10, "تومان", "tomans") if rials % 10 == 0 else (rials, "ریال", "rials")
        amount_fa = f"{number:,} {unit_fa}".translate(_PERSIAN_DIGITS)
        amount_en = f"{number:,} {unit_en}"
    back_fa = back_en = ""
    if app is not None:
        back_fa = f'<p><a class="onward" href="{escape(app)}">بازگشت به برنامه</a></p>'
        back_en = f'<p><a class="onward" href="{escape(app)}">Back to the app</a></p>'
    return f"""<!doctype html>
<html lang="fa" dir="rtl">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(head_fa)} · {escape(head_en)}</title>
<link rel="stylesheet" href="/static/status.css">
</head>
<body class="payment">
<main>
<h1><span class="lamp {lamp}" aria-hidden="true">{shape}</span> {escape(head_fa)}</h1>
<p class="amount">{escape(amount_fa)}</p>
<p>{escape(next_fa)}</p>
{back_fa}
<section lang="en" dir="ltr">
<h2>{escape(head_en)}</h2>
<p class="amount">{escape(amount_en)}</p>
<p>{escape(next_en)}</p>
{back_en}
</section>
</main>
</body>
</html>
"""
