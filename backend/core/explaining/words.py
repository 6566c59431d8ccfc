"""The words of an explanation, in Persian and English: one table, and nothing else says them.

Numbers stand in the text as `{name}`: rials in groups of three, in the digits of the language; times local and Jalali.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from persiantools import digits

from backend.core.explaining.codes import Code
from backend.core.explaining.facts import Number, Reason
from backend.core.explaining.terms import BECAUSE, DOUBTS, RIDER_CLASSES, WHYS
from protocol.fares.verdicts import Reason as Because
from protocol.fares.verdicts import Verdict, row_for
from protocol.jalali import day_text
from protocol.localtime import service_day, since_midnight_s

Language: TypeAlias = Literal["fa", "en"]

WORDS: Mapping[Code, tuple[str, str]] = {
    Code.WHEN: ("زمان: {wall_ms}", "time: {wall_ms}"),
    Code.CLOCK_TRUSTED: (
        "ساعت دستگاه درست بود (±{uncertainty_s} ثانیه)",
        "the device's clock was good, ±{uncertainty_s} s",
    ),
    Code.CLOCK_HOLDOVER: (
        "ساعت دستگاه از تنظیم پیشین ادامه می‌داد (±{uncertainty_s} ثانیه)",
        "the device's clock ran on from an earlier setting, ±{uncertainty_s} s",
    ),
    Code.CLOCK_UNTRUSTED: (
        "ساعت دستگاه نامعتبر بود؛ زمان از زنجیرهٔ رکوردها و گوشی برآورد شد",
        "the device's clock was not trusted: the time is taken from its chain and the phone",
    ),
    Code.VEHICLE: ("خودرو {vehicle}، در {door}", "vehicle {vehicle}, door {door}"),
    Code.LINE_TOLD: ("خط {line}", "line {line}"),
    Code.LINE_ROAD: (
        "خط نامعلوم: هیچ‌کس خطی را نام نبرده بود؛ مسیر به خط {line} می‌خورد، ولی کرایه با آن حساب نمی‌شود",
        "line unknown: nobody had named one; the road says {line}, which prices nothing",
    ),
    Code.LINE_UNKNOWN: (
        "خط نامعلوم: نه راننده خطی را نام برده بود و نه مسیر آن را نشان می‌داد",
        "line unknown: neither the driver nor the road said which",
    ),
    Code.STOP: ("ایستگاه {stop}", "stop {stop}"),
    Code.STOP_UNKNOWN: ("ایستگاه نامعلوم", "stop unknown"),
    Code.PLACE_TRUSTED: ("جای خودرو معتبر بود (±{accuracy_m} متر)", "the vehicle's place was trusted, ±{accuracy_m} m"),
    Code.PLACE_DOUBTED: ("جای خودرو معتبر نبود: {doubt}", "the vehicle's place was not trusted: {doubt}"),
    Code.PLACE_NONE: ("جای خودرو معلوم نبود", "the vehicle's place was not known"),
    Code.CODE_NONE: ("کد از ما نبود", "no fare code"),
    Code.CODE_LONG: ("کد بلند گوشی", "the phone's long code"),
    Code.CODE_SHORT: ("کد کوتاه گوشی", "the phone's short code"),
    Code.CODE_PROXY: ("بدون کد: راننده سوار کرد", "no code: the driver boarded somebody"),
    Code.CODE_TICKET: ("بلیت چاپی", "a printed ticket"),
    Code.CODE_GRANT: ("کد اتوبوس که مسافر خوانده است", "the bus's own code, scanned by the rider"),
    Code.VERDICT: ("پاسخ دستگاه: «{verdict}»", "the device answered: “{verdict}”"),
    Code.BECAUSE: ("زیرا {because}", "because {because}"),
    Code.LISTS: ("بستهٔ {bundle} و فهرست مسدودی {deny}", "bundle {bundle}, deny list {deny}"),
    Code.TARIFF: ("تعرفهٔ {version}", "tariff {version}"),
    Code.DECREE: ("مصوبهٔ {decree}", "decree {decree}"),
    Code.TARIFF_UNKNOWN: ("تعرفهٔ {version} که دفتر آن را ندارد", "tariff {version}, which the office does not have"),
    Code.FARE_SHOWN: ("کرایهٔ نشان‌داده‌شده: {rials} ریال", "fare shown: {rials} rials"),
    Code.PARTY: ("{persons} همراه", "companions: {persons}"),
    Code.POLICY: ("طبق دستور {name}، سیاست‌نامهٔ {number}", "by order {name} of policies {number}"),
    Code.FORGONE: ("کرایه‌ای که گرفته نشد: {rials} ریال", "fare that nobody pays: {rials} rials"),
    Code.ENDS: ("پایان سفر {tap} همین دستگاه یا در دیگر", "ends ride {tap}, of this door or the other"),
    Code.FARE_FLAT: ("کرایهٔ ثابت شهر", "the city's flat fare"),
    Code.FARE_LINE: ("کرایهٔ خط {line}", "the fare of line {line}"),
    Code.FARE_BAND_FULL: ("کرایهٔ همهٔ مسیر خط {line}", "the fare of the whole way of line {line}"),
    Code.FARE_BAND_LEAST: ("کمترین کرایهٔ خط {line}: مسافت نامعلوم", "the least fare of line {line}: distance unknown"),
    Code.FARE_UNKNOWN_LINE: ("خط نامعلوم: کمترین کرایه", "line unknown: the least fare"),
    Code.FARE_AS_SHOWN: (
        "تعرفهٔ {version} را دفتر ندارد: همان که نشان داده شد، تا گران‌ترین کرایهٔ شناخته",
        "tariff {version} is not known here: as shown, up to the dearest fare that is",
    ),
    Code.FREE_DAY: ("روز رایگان", "a free day"),
    Code.PEAK: ("ساعت شلوغی یا خلوتی", "the hour's share"),
    Code.PRODUCT: ("بلیت یا اشتراک خریداری‌شده", "the product that was bought"),
    Code.REFUNDED: ("پس از اعتراض برگشت", "given back after a dispute"),
    Code.REFUNDED_BY_HOUSE: ("پس از اعتراض برگشت، از جیب سامانه", "given back after a dispute; the house bears it"),
    Code.CLASS: (
        "تخفیف {rider_class}: سهم مسافر {permille} در هزار",
        "class {rider_class}: the rider's share is {permille} per mille",
    ),
    Code.COMPANIONS: ("{persons} همراه، هر یک کرایهٔ بزرگسال", "{persons} companions, an adult's fare each"),
    Code.COMPANIONS_LATER: ("{persons} همراه که پس از آن آمدند", "{persons} companions who came later"),
    Code.SHOWN_LESS: (
        "بیش از {shown} ریال که نشان داده شد گرفته نمی‌شود",
        "no more than the {shown} rials that were shown",
    ),
    Code.TAPPED_OUT: ("خروج ثبت شد: {metres} متر", "tapped out: {metres} m were ridden"),
    Code.TAPPED_OUT_UNKNOWN: (
        "خروج ثبت شد، مسافت نامعلوم: کمترین کرایه",
        "tapped out, the way is unknown: the least fare",
    ),
    Code.TRANSFER: ("ادامهٔ سفری دیگر در بازهٔ تعویض خط", "one journey with another ride, within the transfer window"),
    Code.DAY_CAP: ("سقف روزانه پر شد", "the day's cap is reached"),
    Code.WEEK_CAP: ("سقف هفتگی پر شد", "the week's cap is reached"),
    Code.JOURNEY: ("با دیگر سفرهای هفته کمتر شد", "less, beside the week's other rides"),
    Code.COVERED: ("سواری دیگری آن را پوشش می‌دهد", "another tap of this boarding covers it"),
    Code.COPIED: ("همین سوار شدن با ثبت دیگری پرداخت شد", "another tap of this boarding is charged"),
    Code.TAKEN_BACK: ("راننده پس گرفت", "the driver took it back"),
    Code.NOT_PROVEN: ("بی‌گواه: {why}؛ از هیچ مسافری گرفته نشد", "without proof: {why}; no rider is charged"),
    Code.UNEXPLAINED: (
        "تفاوتی که توضیح ندارد؛ به پشتیبانی بگویید",
        "a difference without a reason: tell the developers",
    ),
    Code.NOT_CHARGED: ("هیچ کرایه‌ای ثبت نشد", "nothing is posted for it"),
    Code.FORGOTTEN: (
        "سفر مسافر طبق برنامه از میان رفت؛ پولی که ثبت شد بر جاست",
        "the rider's travel was destroyed on schedule; the money that was posted stands",
    ),
    Code.PAYS_RIDER: ("مسافر می‌پردازد: {rials} ریال", "the rider pays {rials} rials"),
    Code.PAYS_TICKET: ("از بلیت‌های {issue} پرداخت شد", "paid by the issue of tickets {issue}"),
    Code.PAYS_DRIVER: ("از تنخواه رانندهٔ {driver}", "paid by the float of driver {driver}"),
    Code.PAYS_COPIED: ("کپی یا بار دوم: سواری {tap} پرداخت شد", "a copy or a second telling: charged is {tap}"),
    Code.PAYS_NOBODY: ("هیچ‌کس نمی‌پردازد", "nobody pays"),
    Code.CITY_PAYS: (
        "شهر برای {rider_class} می‌پردازد: {rials} ریال",
        "the city pays {rials} rials for class {rider_class}",
    ),
    Code.OVER_FLOAT: (
        "بیش از سقف روزانهٔ تنخواه رانندهٔ {driver}",
        "beyond what the float of driver {driver} pays a day",
    ),
    Code.OVER_VEHICLE: (
        "بیش از سقف روزانهٔ تنخواه رانندگان خودروی {vehicle}",
        "beyond what all drivers' floats pay a day on vehicle {vehicle}",
    ),
    Code.NO_DRIVER: (
        "رانندهٔ شیفت «{shift}» را دفتر نمی‌شناسد",
        "no record says who drove in shift “{shift}”, or no announced staff list has named him",
    ),
    Code.CONTESTED: ("چند خودرو همین سوار شدن را می‌گویند", "several vehicles tell of this boarding"),
    Code.HELD: ("{rials} ریال نزد شهر نگه داشته شد: پرونده", "{rials} rials are held: a case"),
    Code.WRITTEN_OFF: ("دو نفر آن را از حساب مالک برداشتند", "two people wrote it off"),
    Code.BACK: ("راننده آن را پس گرفت (رکورد {record})", "the driver took it back, record {record}"),
    Code.BACK_WAITS: (
        "پس گرفتن راننده (رکورد {record}) پذیرفته نشد",
        "the driver's taking back, record {record}, does not stand",
    ),
    Code.CAME_IN: ("هنگام رسیدن", "as it came in"),
    Code.BY_OTHER_TAP: ("ثبت دیگری از همین سوار شدن رسید", "another tap of the boarding came to light"),
    Code.NOW_CHARGED: ("معلوم شد چه کسی می‌پردازد", "it came to light who pays"),
    Code.LOWERED: (
        "سفر، سقف یا خروجی که پس از آن رسید آن را کمتر کرد",
        "a journey, cap or tap-out that came later makes it less",
    ),
    Code.GIVEN_BACK: ("پس داده شد", "given back: it was taken back"),
    Code.SHIFT_CAME: ("رکورد شیفت یا سقف روز راننده رسید", "the shift's record, or the driver's day, came to light"),
    Code.MOVED: ("میان پرداختنی و نگه‌داشته جابه‌جا شد", "moved between what is payable and what is held"),
    Code.RIDER: (
        "مسافر {credential}، گوشی در {wall_ms}، شمارهٔ {counter}، {persons} همراه",
        "rider {credential}, by the phone {wall_ms}, render {counter}, companions {persons}",
    ),
    Code.RIDER_HIDDEN: (
        "اینکه چه کسی سوار شد پنهان است؛ کسی که اجازه دارد با --rider می‌پرسد",
        "who rode is hidden: who may know asks with --rider",
    ),
    Code.RIDER_NONE: ("در رکورد نشانی از مسافر نیست", "the record has nothing of a rider"),
    Code.RIDER_SHUT: (
        "بخش مسافر باز نمی‌شود: کلید روز از میان رفته یا گواه درست نیست",
        "the rider's part cannot be opened: its day key is destroyed or not known, or the proof does not hold",
    ),
}


def said(it: Reason, lang: Language) -> str:
    """A reason in words."""
    of = 0 if lang == "fa" else 1
    return WORDS[it.code][of].format(**{name: _shown(name, it.numbers, lang) for name in it.numbers})


def rials_in(rials: int, lang: Language) -> str:
    """An amount."""
    return _digits(f"{rials:,}", lang)


def when(wall_ms: int, lang: Language) -> str:
    """Local Jalali date and time of day."""
    try:
        date = day_text(service_day(wall_ms))
    except (ValueError, OverflowError):  # a clock that was never right: no calendar has it
        return _digits(str(wall_ms), lang)
    second = since_midnight_s(wall_ms)
    return _digits(f"{date} {second // 3600:02}:{second % 3600 // 60:02}:{second % 60:02}", lang)


def _digits(text: str, lang: Language) -> str:
    return digits.en_to_fa(text) if lang == "fa" else text


def _shown(name: str, numbers: Mapping[str, Number], lang: Language) -> str:
    """One number or name, as a person reads it."""
    value, of = numbers[name], 0 if lang == "fa" else 1
    if name == "wall_ms":
        return when(int(value), lang)
    if name == "verdict":
        row = row_for(Verdict(int(value)), Because(int(numbers["reason"])))
        return row.rider_fa if lang == "fa" else row.rider_en
    for table, key in ((DOUBTS, "doubt"), (BECAUSE, "because"), (WHYS, "why"), (RIDER_CLASSES, "rider_class")):
        if name == key:
            return table[value][of] if value in table else str(value)
    return rials_in(value, lang) if isinstance(value, int) else value
