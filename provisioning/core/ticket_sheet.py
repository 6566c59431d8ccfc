"""The printable sheets of tickets and badges: pages that any browser prints, right to left, Persian first. Pure text.

The drawings of the codes come from the caller. A sheet is as good as cash until each of its tickets has been ridden.
"""

from collections.abc import Iterable

from persiantools import digits

from protocol.fares.tariff import RiderClass
from protocol.jalali import day_text
from protocol.plurals import counted
from protocol.wire.badges import Badge
from protocol.wire.tickets import Ticket, TicketForm

_FORMS = {
    TicketForm.SINGLE: ("بلیت تک‌سفره", "Single ride"),
    TicketForm.STRIP: ("برگ بلیت چندسفره؛ یک سفر", "One ride of a strip"),
    TicketForm.CARD: ("کارت سفر", "Travel card"),
}
_CLASSES = {
    RiderClass.ADULT: ("بزرگسال", "adult"), RiderClass.CHILD: ("کودک", "child"),
    RiderClass.STUDENT: ("دانشجو و دانش‌آموز", "student"), RiderClass.SENIOR: ("سالمند", "senior"),
    RiderClass.DISABLED: ("توان‌خواه", "disabled"), RiderClass.VETERAN: ("جانباز", "veteran"),
    RiderClass.STAFF: ("کارکنان", "staff"),
}  # fmt: skip
_STYLE = """
body { font-family: Vazirmatn, Tahoma, sans-serif; margin: 8mm; color: #000; background: #fff; }
.sheet { display: flex; flex-wrap: wrap; }
.ticket { width: 60mm; padding: 3mm; border: 0.3mm dashed #777; text-align: center; break-inside: avoid; }
.ticket svg { width: 40mm; height: 40mm; }
h2 { font-size: 14pt; margin: 0; } p { font-size: 9pt; margin: 1mm 0; } .id { font-family: monospace; font-size: 8pt; }
"""


def ticket_sheet(tickets: Iterable[tuple[Ticket, str]]) -> str:
    """Tickets, each with the drawing (SVG) of its code → the page."""
    return _page("بلیت", (_one(*it) for it in tickets))


def badge_sheet(badge: Badge, drawing: str) -> str:
    """One badge with the drawing (SVG) of its code → the page."""
    last = day_text(badge.last_day)
    drawn = (
        f'<div class="ticket"><h2>کارت راننده</h2>{drawing}<p>شمارهٔ {digits.en_to_fa(badge.number)}</p>'
        f'<p>تا {digits.en_to_fa(last)}</p><p dir="ltr" lang="en">Driver {badge.number}, until {last}</p>'
        f'<p class="id" dir="ltr">{badge.badge_id.hex()}</p></div>'
    )
    return _page("کارت راننده", [drawn])


def _page(title: str, drawn: Iterable[str]) -> str:
    head = f'<head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>'
    return "\n".join((
        "<!DOCTYPE html>", '<html lang="fa" dir="rtl">', head, '<body><div class="sheet">', *drawn,
        "</div></body>", "</html>", "",
    ))  # fmt: skip


def _one(ticket: Ticket, drawing: str) -> str:
    form_fa, form_en = _FORMS[ticket.form]
    class_fa, class_en = _CLASSES[RiderClass(ticket.rider_class)]
    first, last = day_text(ticket.first_day), day_text(ticket.last_day)
    days_fa = f"از {digits.en_to_fa(first)} تا {digits.en_to_fa(last)}"
    rides_fa = f"؛ روزی {digits.en_to_fa(str(ticket.rides_a_day))} سفر" if ticket.rides_a_day else ""
    rides_en = f", {counted(ticket.rides_a_day, 'ride')} a day" if ticket.rides_a_day else ""
    return (
        f'<div class="ticket"><h2>{form_fa}</h2>{drawing}<p>{class_fa}{rides_fa}</p><p>{days_fa}</p>'
        f'<p dir="ltr" lang="en">{form_en}, {class_en}{rides_en}<br>{first} – {last}</p>'
        f'<p class="id" dir="ltr">{ticket.ticket_id.hex()}</p></div>'
    )
