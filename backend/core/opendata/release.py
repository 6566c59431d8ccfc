"""A month's release as files: a table, what its columns mean, and how it was made, in Persian and English. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.core.limits import OPEN_DATA_AFTER_DAYS, OPEN_DATA_RIDERS_MIN
from backend.core.opendata.cells import DEPTH, Key
from protocol.jalali import day_text

ALL = "*"  # no line has this name
UNKNOWN = "?"  # of boardings whose line nobody knows
COLUMNS: Sequence[tuple[str, str, str]] = (
    ("day", "روز خدمت، از نیمه‌شب تا نیمه‌شب، به تقویم جلالی", "Service day, midnight to midnight, Jalali"),
    ("line", f"خط؛ {ALL} همهٔ خط‌ها، {UNKNOWN} خط نامعلوم", f"Line; {ALL}: all lines, {UNKNOWN}: not known"),
    ("hour", f"ساعت آغاز، 00 تا 23 به وقت محلی؛ {ALL} همهٔ روز", f"Hour, 00 to 23, local time; {ALL}: all day"),
    ("class", f"adult بزرگسال، reduced تخفیف‌دار؛ {ALL} همه", f"adult, reduced (any concession); {ALL}: all"),
    ("boardings", "شمار سوارشدن‌ها، همراهان نیز", "Boardings, companions included"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Month:
    """What is told of one. `days`: each service day that is remembered, with its told counts."""

    name: str  # 1405-08
    city: str
    days: Mapping[int, Mapping[Key, int]]
    forgotten: Sequence[int] = ()


def files(month: Month) -> dict[str, bytes]:
    """File name → content; the same month gives the same bytes."""
    return {
        "boardings.csv": _table(month).encode(),
        "dictionary.json": _dictionary(month).encode(),
        "method.md": _method(month).encode(),
    }


def _table(month: Month) -> str:
    lines = [",".join(name for name, _, _ in COLUMNS)]
    for day, counts in sorted(month.days.items()):
        for key, boardings in sorted(counts.items()):
            line, hour, group = (*key, *[ALL] * (DEPTH - len(key)))
            lines.append(f"{_dashed(day)},{line},{hour},{group},{boardings}")
    return "\r\n".join([*lines, ""])  # RFC 4180


def _dashed(day: int) -> str:
    return day_text(day).replace("/", "-")


def _dictionary(month: Month) -> str:
    return json.dumps({
        "file": "boardings.csv", "city": month.city, "month": month.name, "encoding": "UTF-8", "format": "RFC 4180",
        "columns": [{"name": name, "fa": fa, "en": en} for name, fa, en in COLUMNS],
        "riders_at_least": OPEN_DATA_RIDERS_MIN,
        "not_listed": {
            "fa": "سطری که نیست یعنی کمتر از این شمار مسافر، یا هیچ، یا برای پوشاندن سطری دیگر کنار گذاشته شده است",
            "en": "A row that is missing: fewer riders than that, perhaps none, or left out to cover another one",
        },
        "days": [_dashed(day) for day in sorted(month.days)],
        "days_forgotten": [_dashed(day) for day in month.forgotten],
    }, ensure_ascii=False, indent=1) + "\n"  # fmt: skip


def _method(month: Month) -> str:
    k, wait = OPEN_DATA_RIDERS_MIN, OPEN_DATA_AFTER_DAYS
    finest = sum(count for counts in month.days.values() for key, count in counts.items() if len(key) == DEPTH - 1)
    whole = sum(count for counts in month.days.values() for key, count in counts.items() if not key)
    share = round(100 * finest / whole) if whole else 0
    return f"""# {month.city} {month.name}

## روش

- شمرده می‌شود: سوارشدن با کد گوشی که کرایه‌اش حساب شده است، همراهان نیز. بلیت چاپی، سوارشدن به دست راننده، و سفرهای
  بی‌مدرک در آن نیست.
- هیچ شناسه‌ای از مسافر، کارت یا خودرو، هیچ زمان دقیق و هیچ متن آزادی در آن نیست.
- سطری گفته می‌شود که دست‌کم {k} مسافر در آن باشند. اگر سطری کنار گذاشته شود، سطرهای همسایهٔ آن هم گفته نمی‌شوند، چندان
  که از تفریق با جمع به دست نیاید. کلاس‌ها یا هر دو گفته می‌شوند یا هیچ‌کدام.
- هر ماه یک بار منتشر می‌شود، پس از {wait} روز: تا آن زمان خودروها آنچه را داشته‌اند آورده‌اند.
- روزهایی که سفرهایشان فراموش شده است در آن نیست: {len(month.forgotten)} روز.
- سهمی که تا خط و ساعت گفته شده است: {share} درصد.

## Method

- Counted are boardings by a phone's code that are charged, companions included. Printed tickets, boardings by a
  driver's hand and rides without a proof are not in it.
- There is no id of a rider, card or vehicle in it, no exact time, and no free text.
- A row is told where at least {k} riders are in it. Where one is left out, neighbours of it are, too, as many as it
  takes for it not to be what is left of the total. Classes are told both or not at all.
- A month is told once, {wait} days behind its end: by then buses have brought what they had.
- Days whose travel is forgotten are not in it: {len(month.forgotten)}.
- Told down to line and hour: {share} % of what is told of days.
- What it does not stop: who brings enough phones of his own onto a bus can take them away from a count again.
"""
