"""The verdict table: for every verdict its lamp, its tone, and the words for rider and driver (P17).

Rules of this file:
- one row per verdict, and one for a reason that changes lamp, tone or words; nothing else in Savar says what a verdict
  looks, sounds or reads like (`tones` says what a tone is made of);
- a tone belongs to one verdict: a rider who sees nothing knows which it was;
- `boards` says that a boarding is counted, `charged` that a fare is posted for it;
- words tell the rider what to do next; nobody is called a thief by a machine;
- codes are stable: they are written into signed records. Retired codes are never given out again.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

from protocol.fares.tones import Tone


class Lamp(Enum):
    """Colour at the door; shape and place differ too, for riders who do not see colours."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    BLUE = "blue"
    WHITE = "white"  # no verdict: a code is seen and not read yet, see `hints`
    OFF = "off"


# How a lamp is lit, (on, off) in ms; one that is not here is steady. A second shape beside the colour, for riders who
# do not tell red from green; never three flashes a second, which can bring on a seizure (WCAG 2.3.1).
FLASHES: dict[Lamp, tuple[int, int]] = {Lamp.AMBER: (700, 300), Lamp.RED: (250, 250)}


class Verdict(IntEnum):
    """What a validator answers."""

    ACCEPTED = 1
    ACCEPTED_CONCESSION = 2
    ACCEPTED_GRACE = 3
    ALREADY_PAID = 4
    PARTY_EXTENDED = 5
    CODE_EXPIRED = 6
    CREDENTIAL_EXPIRED = 7
    PHONE_CLOCK_WRONG = 8
    COPIED = 9
    DENIED = 10
    BEARER_DENIED = 11
    UNKNOWN_ISSUER = 12
    WRONG_SERVICE = 13
    NOT_A_FARE_CODE = 14
    NOT_GENUINE = 15
    BOARD_FREE = 16
    TRAINING = 17
    OUT_OF_SERVICE = 18
    TAPPED_OUT = 19


class Reason(IntEnum):
    """Why, where the verdict alone does not say it."""

    NONE = 0
    NO_TRUSTED_CLOCK = 1  # grace: this validator cannot judge freshness
    BACKEND_SILENT = 2  # grace: no receipt for 24 h, expired credentials ride
    CODE_FROM_FUTURE = 3  # the phone's clock is ahead of the window
    CODE_TOO_OLD = 4
    BAD_SIGNATURE = 5
    MALFORMED = 6
    SAME_DOOR = 7
    OTHER_DOOR = 8
    DENY_LIST = 9
    CAMERA_LOST = 10
    JOURNAL_FAILED = 11
    STOPPING = 12
    RIDER_UNKNOWN = 13  # a short pass without a row here, and its long form was not shown
    EMERGENCY_RIDE = 14  # grace: the offline allowance is spent, and this is the one ride beyond it
    ALLOWANCE_SPENT = 15  # and now that is taken, too
    FREE_DAY = 16  # nobody pays today
    CRISIS = 17
    EVENT = 18
    READER_OUT = 19  # the driver lets everybody ride: the reader fails
    PROXY = 20  # the driver's float paid for somebody
    CROWD = 21  # the driver lets everybody ride: too many at once
    ORDER = 22  # the driver lets everybody ride: the control room said so
    EXPIRED_RIDES = 23  # grace: a policy lets credentials past their last day ride
    ALLOWANCE_RAISED = 24  # grace: a policy lets more be spent before the backend sees it
    TICKET_USED = 25  # a printed ride that was ridden
    TICKET_DAY = 26  # a printed ticket of other days
    DAY_CAP = 27  # a printed card's rides of this day are ridden
    WAY_UNKNOWN = 28  # tapped out, and no trusted place says how far it was


@dataclass(frozen=True, slots=True)
class Row:
    """One verdict's light, sound and words.

    `boards`: a boarding is counted; `charged`: a fare is posted for it; `refuses`: the rider may not go on yet;
    `driver`: the driver should look.
    """

    lamp: Lamp
    tone: Tone
    boards: bool
    charged: bool
    rider_fa: str
    rider_en: str
    driver_fa: str
    driver_en: str
    refuses: bool = False
    driver: bool = False


TABLE: dict[Verdict, Row] = {
    Verdict.ACCEPTED: Row(
        Lamp.GREEN, Tone.ACCEPTED, True, True, "خوش آمدید", "Welcome aboard", "پرداخت شد", "Paid"
    ),
    Verdict.ACCEPTED_CONCESSION: Row(
        Lamp.GREEN, Tone.ACCEPTED_CONCESSION, True, True,
        "خوش آمدید، با تخفیف", "Welcome aboard, reduced fare", "پرداخت با تخفیف", "Paid, reduced fare",
    ),
    Verdict.ACCEPTED_GRACE: Row(
        Lamp.GREEN, Tone.ACCEPTED_GRACE, True, True,
        "خوش آمدید", "Welcome aboard", "پذیرفته شد، بررسی بعدی", "Accepted, checked later",
    ),
    Verdict.ALREADY_PAID: Row(
        Lamp.AMBER, Tone.ALREADY_PAID, False, False,
        "کرایه پیش‌تر پرداخت شده؛ بفرمایید", "Already paid, please go on", "پیش‌تر پرداخت کرده", "Already paid",
        driver=True,
    ),
    Verdict.PARTY_EXTENDED: Row(
        Lamp.GREEN, Tone.PARTY_EXTENDED, True, True,
        "همراهان پرداخت شد", "Companions paid", "همراهان پرداخت شد", "Companions paid",
    ),
    Verdict.CODE_EXPIRED: Row(
        Lamp.RED, Tone.CODE_EXPIRED, False, False,
        "کد قدیمی است؛ برنامه را تازه کنید", "Old code: refresh it in the app", "کد قدیمی", "Old code",
        refuses=True,
    ),
    Verdict.CREDENTIAL_EXPIRED: Row(
        Lamp.RED, Tone.CREDENTIAL_EXPIRED, False, False,
        "اعتبار تمام شده؛ یک بار آنلاین شوید", "Pass expired: go online once", "اعتبار تمام شده", "Pass expired",
        refuses=True,
    ),
    Verdict.PHONE_CLOCK_WRONG: Row(
        Lamp.GREEN, Tone.PHONE_CLOCK_WRONG, True, True,
        "خوش آمدید؛ ساعت گوشی را درست کنید", "Welcome; please correct your phone's clock",
        "ساعت گوشی نادرست", "Phone clock wrong",
    ),
    Verdict.COPIED: Row(
        Lamp.RED, Tone.COPIED, False, False,
        "این کد پیش‌تر خوانده شده؛ کد تازه نشان دهید", "This code was already used: show a fresh one",
        "کد تکراری؛ نگاه کنید", "Code used before, please look",
        refuses=True, driver=True,
    ),
    Verdict.DENIED: Row(
        Lamp.RED, Tone.DENIED, False, False,
        "پذیرفته نشد؛ برنامه را ببینید", "Not accepted: see the app", "پذیرفته نشد", "Not accepted",
        refuses=True, driver=True,
    ),
    Verdict.BEARER_DENIED: Row(
        Lamp.AMBER, Tone.BEARER_DENIED, False, False,
        "لطفاً به راننده نشان دهید", "Please show the driver", "بلیت را ببینید", "Look at the ticket",
        refuses=True, driver=True,
    ),
    Verdict.UNKNOWN_ISSUER: Row(
        Lamp.RED, Tone.UNKNOWN_ISSUER, False, False,
        "صادرکننده ناشناس؛ از برنامهٔ شهر استفاده کنید", "Unknown issuer: use the city's app",
        "صادرکننده ناشناس", "Unknown issuer",
        refuses=True,
    ),
    Verdict.WRONG_SERVICE: Row(
        Lamp.RED, Tone.WRONG_SERVICE, False, False,
        "برای این خط نیست؛ از راننده بپرسید", "Not for this line: ask the driver",
        "برای خط دیگر", "For another line",
        refuses=True, driver=True,
    ),
    Verdict.NOT_A_FARE_CODE: Row(
        Lamp.BLUE, Tone.NOT_A_FARE_CODE, False, False,
        "کد کرایه نیست؛ کد برنامه را نشان دهید", "Not a fare code: show the one in the app",
        "کد کرایه نیست", "Not a fare code",
        refuses=True,
    ),
    Verdict.NOT_GENUINE: Row(
        Lamp.RED, Tone.NOT_GENUINE, False, False,
        "کد معتبر نیست؛ برنامه را باز و کد را تازه کنید", "Code not valid: open the app and refresh",
        "کد نامعتبر", "Code not valid",
        refuses=True,
    ),
    Verdict.BOARD_FREE: Row(
        Lamp.BLUE, Tone.BOARD_FREE, True, False,
        "رایگان؛ به راننده پول ندهید", "Free ride: pay the driver nothing", "سفر رایگان", "Free ride",
    ),
    Verdict.TRAINING: Row(
        Lamp.BLUE, Tone.TRAINING, False, False,
        "آزمایشی؛ پولی کم نمی‌شود", "Training: no charge", "حالت آموزش", "Training",
    ),
    Verdict.OUT_OF_SERVICE: Row(
        Lamp.RED, Tone.OUT_OF_SERVICE, False, False,
        "دستگاه خراب است؛ سوار شوید، پول نقد ندهید", "Out of service: board, pay no cash",
        "دستگاه خراب؛ اطلاع داده شد", "Out of service, reported",
        driver=True,
    ),
    Verdict.TAPPED_OUT: Row(
        Lamp.BLUE, Tone.TAPPED_OUT, False, False,
        "خروج ثبت شد؛ فقط کرایهٔ مسیر شما", "Tapped out: you pay for the way you rode",
        "خروج ثبت شد", "Tapped out",
    ),
}  # fmt: skip

# Where the reason changes light, sound or words: what is shown instead of the verdict's own row.
BY_REASON: dict[tuple[Verdict, Reason], Row] = {
    (Verdict.ALREADY_PAID, Reason.OTHER_DOOR): Row(
        Lamp.RED, Tone.ALREADY_PAID_OTHER_DOOR, False, False,
        "کرایه در درِ دیگر پرداخت شده؛ از راننده بپرسید", "Paid at the other door: ask the driver",
        "در درِ دیگر پرداخت شده؛ نگاه کنید", "Paid at the other door, please look",
        refuses=True, driver=True,
    ),
    (Verdict.ACCEPTED, Reason.PROXY): Row(
        Lamp.GREEN, Tone.ACCEPTED, True, True,
        "خوش آمدید؛ راننده با دستگاه پرداخت کرد", "Welcome; the driver has paid for you here",
        "از حساب شما پرداخت شد", "Paid from your float",
    ),
    (Verdict.ACCEPTED_GRACE, Reason.NO_TRUSTED_CLOCK): Row(
        Lamp.GREEN, Tone.ACCEPTED_GRACE, True, True,
        "خوش آمدید", "Welcome aboard",
        "پذیرفته شد؛ ساعت دستگاه نامعتبر", "Accepted; this device's clock is not trusted",
    ),
    (Verdict.ACCEPTED_GRACE, Reason.EMERGENCY_RIDE): Row(
        Lamp.GREEN, Tone.ACCEPTED_GRACE, True, True,
        "خوش آمدید؛ پیش از سفر بعد آنلاین شوید", "Welcome; go online before the next ride",
        "پذیرفته شد، سفر اضطراری", "Accepted, emergency ride",
    ),
    (Verdict.ACCEPTED_GRACE, Reason.EXPIRED_RIDES): Row(
        Lamp.GREEN, Tone.ACCEPTED_GRACE, True, True,
        "خوش آمدید؛ اعتبار تمام شده، آنلاین شوید", "Welcome; your pass has expired: go online",
        "پذیرفته شد؛ اعتبار تمام شده", "Accepted, pass expired",
    ),
    (Verdict.ACCEPTED_GRACE, Reason.ALLOWANCE_RAISED): Row(
        Lamp.GREEN, Tone.ACCEPTED_GRACE, True, True,
        "خوش آمدید؛ هر وقت شد آنلاین شوید", "Welcome; go online when you can",
        "پذیرفته شد؛ اعتبار آفلاین افزوده", "Accepted, allowance raised",
    ),
    (Verdict.DENIED, Reason.ALLOWANCE_SPENT): Row(
        Lamp.RED, Tone.DENIED, False, False,
        "اعتبار آفلاین تمام شده؛ یک بار آنلاین شوید", "Offline allowance spent: go online once",
        "اعتبار آفلاین تمام شده", "Offline allowance spent",
        refuses=True, driver=True,
    ),
    (Verdict.BEARER_DENIED, Reason.TICKET_USED): Row(
        Lamp.AMBER, Tone.BEARER_DENIED, False, False,
        "این بلیت استفاده شده؛ بلیت دیگری نشان دهید", "Ticket used: show another one",
        "بلیت استفاده شده؛ نگاه کنید", "Ticket used before, please look",
        refuses=True, driver=True,
    ),
    (Verdict.BEARER_DENIED, Reason.TICKET_DAY): Row(
        Lamp.AMBER, Tone.BEARER_DENIED, False, False,
        "بلیت برای امروز نیست؛ به راننده نشان دهید", "Not for today: show the driver",
        "بلیت روز دیگر", "Ticket of another day",
        refuses=True, driver=True,
    ),
    (Verdict.BEARER_DENIED, Reason.DAY_CAP): Row(
        Lamp.AMBER, Tone.BEARER_DENIED, False, False,
        "سفرهای امروز این کارت تمام شده؛ از راننده بپرسید", "Today's rides are used: ask the driver",
        "سفرهای امروز کارت تمام شده", "Card's rides of today are used",
        refuses=True, driver=True,
    ),
    (Verdict.BOARD_FREE, Reason.FREE_DAY): Row(
        Lamp.BLUE, Tone.BOARD_FREE, True, False,
        "امروز رایگان است؛ به راننده پول ندهید", "Free day: pay the driver nothing", "روز رایگان", "Free day",
    ),
    (Verdict.BOARD_FREE, Reason.CRISIS): Row(
        Lamp.BLUE, Tone.BOARD_FREE, True, False,
        "وضعیت ویژه؛ رایگان، به راننده پول ندهید", "Free by order: pay the driver nothing",
        "رایگان، وضعیت ویژه", "Free by order",
    ),
    (Verdict.BOARD_FREE, Reason.EVENT): Row(
        Lamp.BLUE, Tone.BOARD_FREE, True, False,
        "مراسم؛ رایگان، به راننده پول ندهید", "Free for the event: pay the driver nothing",
        "رایگان، مراسم", "Free, event",
    ),
    (Verdict.BOARD_FREE, Reason.READER_OUT): Row(
        Lamp.BLUE, Tone.BOARD_FREE, True, False,
        "دستگاه خراب؛ رایگان، به راننده پول ندهید", "Reader out: free, pay the driver nothing",
        "دستگاه خراب، رایگان", "Reader out, free",
    ),
    (Verdict.CODE_EXPIRED, Reason.CODE_FROM_FUTURE): Row(
        Lamp.RED, Tone.CODE_EXPIRED, False, False,
        "ساعت گوشی جلوست؛ آن را درست کنید", "Phone's clock is ahead: correct it",
        "ساعت گوشی جلوست", "Phone clock ahead",
        refuses=True,
    ),
}  # fmt: skip


def row_for(verdict: Verdict, reason: Reason) -> Row:
    """What the door shows for a verdict given for this reason. What is counted and charged is the verdict's alone."""
    return BY_REASON.get((verdict, reason), TABLE[verdict])
