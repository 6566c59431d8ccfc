"""Names inside the words of an explanation: classes, doubts of a place, reasons of a verdict, kinds of case."""

from collections.abc import Mapping

from backend.core.explaining.facts import Number
from backend.core.holding import Why
from protocol.fares.tariff import RiderClass
from protocol.fares.verdicts import Reason
from protocol.wire.records import Doubt

Terms = Mapping[Number, tuple[str, str]]

RIDER_CLASSES: Terms = {
    int(RiderClass.ADULT): ("بزرگسال", "adult"),
    int(RiderClass.CHILD): ("کودک", "child"),
    int(RiderClass.STUDENT): ("دانشجو و دانش‌آموز", "student"),
    int(RiderClass.SENIOR): ("سالمند", "senior"),
    int(RiderClass.DISABLED): ("توان‌یاب", "disabled"),
    int(RiderClass.VETERAN): ("ایثارگر", "veteran"),
    int(RiderClass.STAFF): ("کارکنان", "staff"),
}

DOUBTS: Terms = {
    Doubt.NONE.name.lower(): ("معتبر", "trusted"),
    Doubt.SETTLING.name.lower(): ("گیرنده تازه روشن شده بود", "the receiver was settling"),
    Doubt.STALE.name.lower(): ("دیگر خبری نرسید", "nothing newer had come"),
    Doubt.NO_ACCURACY.name.lower(): ("گیرنده دقت خود را نگفت", "the receiver did not say how good it is"),
    Doubt.INACCURATE.name.lower(): ("دقت کم", "it was not accurate enough"),
    Doubt.FEW_SATELLITES.name.lower(): ("ماهوارهٔ کم", "too few satellites"),
    Doubt.JUMPED.name.lower(): ("جهش", "it jumped further than a bus drives"),
    Doubt.OUTSIDE.name.lower(): ("بیرون از شهر", "outside the city"),
    Doubt.FROZEN.name.lower(): ("جای ثابت هنگام حرکت", "it stood still while moving"),
    Doubt.TIME_WRONG.name.lower(): ("زمان گیرنده نادرست", "the receiver's time was wrong"),
}

WHYS: Terms = {
    Why.NO_PROOF.value: ("گواه مسافر نیست یا درست نیست", "the rider's proof is missing or does not hold"),
    Why.STALE_PROOF.value: ("گواه از زمان دیگری است", "the proof is of another time than the record"),
    Why.UNKNOWN_CREDENTIAL.value: ("این اعتبار را کسی صادر نکرده", "nobody issued this credential"),
    Why.MOVED.value: (
        "اعتبار پیش از آن پایان یافته یا به گوشی دیگری رفته بود",
        "the credential had ended by then, or moved to another phone",
    ),
    Why.FORGOTTEN.value: (
        "سفرهای آن روز طبق برنامه از میان رفته",
        "the travel of its day is destroyed: nobody can say whether it was charged before",
    ),
    Why.OVER_FLOAT.value: (
        "بیش از سقف تنخواه رانندگان",
        "beyond what drivers' floats pay, of one driver or on one vehicle",
    ),
    Why.COPIED.value: ("ثبت دیگری پرداخت شد", "another tap of the boarding is charged"),
    Why.CONTESTED.value: ("چند خودرو همین را می‌گویند", "several vehicles tell of the boarding"),
}

BECAUSE: Terms = {
    Reason.NONE.name.lower(): ("", ""),
    Reason.NO_TRUSTED_CLOCK.name.lower(): ("ساعت دستگاه معتبر نبود", "this device had no trusted clock"),
    Reason.BACKEND_SILENT.name.lower(): ("دفتر ۲۴ ساعت خاموش بود", "the office had been silent for 24 hours"),
    Reason.CODE_FROM_FUTURE.name.lower(): ("ساعت گوشی جلو بود", "the phone's clock was ahead"),
    Reason.CODE_TOO_OLD.name.lower(): ("کد کهنه بود", "the code was too old"),
    Reason.BAD_SIGNATURE.name.lower(): ("امضا درست نبود", "the signature did not hold"),
    Reason.MALFORMED.name.lower(): ("کد ناقص بود", "the code was malformed"),
    Reason.SAME_DOOR.name.lower(): ("همین در پیش‌تر پذیرفته بود", "this door had accepted it before"),
    Reason.OTHER_DOOR.name.lower(): ("در دیگر پذیرفته بود", "the other door had accepted it"),
    Reason.DENY_LIST.name.lower(): ("در فهرست مسدودی است", "it is on the deny list"),
    Reason.CAMERA_LOST.name.lower(): ("دوربین کار نمی‌کرد", "no camera worked"),
    Reason.JOURNAL_FAILED.name.lower(): ("دفتر دستگاه نوشته نشد", "the journal could not be written"),
    Reason.STOPPING.name.lower(): ("دستگاه خاموش می‌شد", "the device was stopping"),
    Reason.RIDER_UNKNOWN.name.lower(): ("مسافر در فهرست این دستگاه نبود", "the rider was in no table here"),
    Reason.EMERGENCY_RIDE.name.lower(): (
        "سفر اضطراری پس از اعتبار آفلاین",
        "the one ride beyond the offline allowance",
    ),
    Reason.ALLOWANCE_SPENT.name.lower(): ("اعتبار آفلاین تمام شد", "the offline allowance was spent"),
    Reason.FREE_DAY.name.lower(): ("روز رایگان", "nobody pays on this day"),
    Reason.CRISIS.name.lower(): ("وضعیت ویژه", "a crisis"),
    Reason.EVENT.name.lower(): ("مراسم", "an event"),
    Reason.READER_OUT.name.lower(): ("خرابی دستگاه", "the reader failed"),
    Reason.PROXY.name.lower(): ("راننده سوار کرد", "the driver's float pays for somebody"),
    Reason.CROWD.name.lower(): ("ازدحام", "too many at once"),
    Reason.ORDER.name.lower(): ("دستور مرکز", "the control room said so"),
    Reason.EXPIRED_RIDES.name.lower(): ("سیاست: اعتبار گذشته هم سوار می‌شود", "a policy lets expired passes ride"),
    Reason.ALLOWANCE_RAISED.name.lower(): ("سیاست: اعتبار آفلاین بیشتر شد", "a policy raised the offline allowance"),
    Reason.TICKET_USED.name.lower(): ("بلیت استفاده شده بود", "the ticket had been ridden"),
    Reason.TICKET_DAY.name.lower(): ("بلیت برای روز دیگری بود", "the ticket is of other days"),
    Reason.DAY_CAP.name.lower(): ("سفرهای روز این کارت تمام شد", "the card's rides of the day were ridden"),
    Reason.WAY_UNKNOWN.name.lower(): ("مسافت معلوم نبود", "no trusted place said how far it was"),
}
