"""What people hold in hands while a device is enrolled: a claim's sheet on paper, a request's lines at the office."""

from html import escape

from persiantools import digits

from protocol.jalali import day_text
from protocol.localtime import service_day
from protocol.wire.claims import Claim, claim_text
from protocol.wire.enrolments import Request
from protocol.wire.keys import key_id
from provisioning.core.certificates import grouped
from provisioning.core.claim_record import ClaimRecord
from provisioning.core.errors import NotConfirmed
from provisioning.core.limits import APPROVAL_TYPED_DIGITS

_BEGIN, _FINISH = "savar enrol begin FOLDER --out REQUEST", "savar enrol finish FOLDER ANSWER"
_STYLE = """
body { font-family: Vazirmatn, Tahoma, sans-serif; margin: 15mm; color: #000; background: #fff; }
ol { list-style: persian; } ol[lang=en] { list-style: decimal; }
svg { width: 60mm; height: 60mm; } h1 { font-size: 18pt; } p, li { font-size: 11pt; }
.line { font-family: monospace; font-size: 11pt; overflow-wrap: anywhere; }
"""


def claim_page(claim: Claim, until_ms: int, drawing: str) -> str:
    """The page to print: `drawing` is the QR (SVG) of its line. Secret until the device is enrolled, or it is over."""
    day = day_text(service_day(until_ms - 1))
    device = escape(claim.device)
    where_fa, where_en = "یدکی؛ هنوز بدون خودرو", "as a spare, for no vehicle yet"
    if claim.vehicle is not None:
        vehicle = escape(claim.vehicle)
        where_fa, where_en = f'خودرو <bdi dir="ltr">{vehicle}</bdi>', f"on {vehicle}"
    return "\n".join((
        "<!DOCTYPE html>", '<html lang="fa" dir="rtl">',
        f'<head><meta charset="utf-8"><title>{device}</title><style>{_STYLE}</style></head>', "<body>",
        f'<h1>پذیرش دستگاه <bdi dir="ltr">{device}</bdi></h1>',
        f"<p>{where_fa}؛ تا {digits.en_to_fa(day)}. محرمانه؛ یک‌بارمصرف.</p>",
        f'<p dir="ltr" lang="en">Enrolment of {device} {where_en}, until {day}. Secret; good for one use.</p>',
        drawing, f'<p class="line" dir="ltr">{escape(claim_text(claim))}</p>',
        "<ol>",
        f'<li>روی دستگاه، و کد را نشان دهید یا خط را بنویسید: <code dir="ltr">{_BEGIN}</code></li>',
        "<li>پروندهٔ درخواست را به دفتر ببرید؛ دفتر رقم‌هایی را می‌پرسد که دستگاه نشان می‌دهد.</li>",
        f'<li>پاسخ را بیاورید: <code dir="ltr">{_FINISH}</code></li>',
        "<li>این برگه را نابود کنید.</li>",
        "</ol>",
        '<ol dir="ltr" lang="en">',
        f"<li>On the device, show the code or type the line: <code>{_BEGIN}</code></li>",
        "<li>Bring the request to the office, which asks for the digits that the device shows.</li>",
        f"<li>Bring the answer back: <code>{_FINISH}</code></li>",
        "<li>Destroy this sheet.</li>",
        "</ol>", "</body>", "</html>", "",
    ))  # fmt: skip


def request_lines(request: Request, record: ClaimRecord) -> list[tuple[str, str]]:
    """What a request asks, as (what, value); of its fingerprint all but the end, which the device's screen says."""
    of = record.settings
    shown = request.fingerprint[:-APPROVAL_TYPED_DIGITS]
    return [
        ("device", request.device),
        ("vehicle", "none yet: a spare" if of.vehicle is None else f"{request.vehicle}, door {of.door}"),
        ("board", request.hardware or "tells no number"),
        ("tap key", key_id(request.tap_key).hex()),
        ("claim until", day_text(service_day(record.until_ms - 1))),
        ("fingerprint", f"{grouped(shown)} {' '.join(['····'] * (APPROVAL_TYPED_DIGITS // 4))}"),
    ]


def require_compared(request: Request, typed: str) -> None:
    """Return if the end of the fingerprint was typed, which only the device shows. Raises NotConfirmed."""
    if "".join(typed.split()).lower() != request.fingerprint[-APPROVAL_TYPED_DIGITS:]:
        raise NotConfirmed(
            "that is not this request's fingerprint: nothing is written",
            fix="read all six groups from the device's screen; if they differ, the request was exchanged on its way",
        )
