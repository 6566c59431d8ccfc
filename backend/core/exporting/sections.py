"""The sections of an export: which tables and columns hold something of a rider, and what each means.

Rules:
- a table of the ledger is either here or in `NOT_TOLD`, with the reason; so is each column of a table that is here. A
  test walks all tables, so what is added later has to be decided upon;
- a section is found by an index, and read a page at a time: nobody waits for a large account;
- secrets are no part of it: what is kept of a token is its hash, and that is of no use to its rider;
- of a tap that is not charged it is told when it was, and not where: somebody else may have shown a copy of the code,
  and who gave it to him would look up in his own export where he went (`withheld`).
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from backend.core.exporting.columns import Column, Told, digits, flag, number, tap_columns, text


@dataclass(frozen=True, slots=True)
class Section:
    """One list of the document. `whose`: the column that names the rider; `order`: what pages go by.

    `left_out`: columns of the table that are not told, with the reason. `posts`: its rows name what was posted.
    """

    name: str
    table: str
    fa: str
    en: str
    whose: str
    order: tuple[str, ...]
    columns: tuple[Column, ...]
    left_out: Mapping[str, str]
    posts: bool = False


_ITSELF = "the rider's own id, which the document begins with"
_ROW = "the row's place in the table"
_RECORDS = "its record tells it, with the ride"
_ACCOUNT = Section(
    "account", "rider", "حساب و اعتبارنامهٔ کنونی", "The account and its credential as it is now",
    "credential_id", ("credential_id",),
    (
        digits("credential_id", "The rider's id."), digits("credential", "The credential that the phone shows."),
        digits("public_key", "The key of the phone."), number("rider_class", "The class; 0 is an adult's."),
        number("class_until", "Its last day, in days since 1970.", nullable=True),
        number("created_ms", "When the account was made, Unix milliseconds."),
    ),
    {"token_hash": "a hash of the token: it opens nothing and says nothing"},
)  # fmt: skip
_FORMER = Section(
    "former_credentials", "former", "نسخه‌های پیشین اعتبارنامه", "Former versions of the credential",
    "credential_id", ("version",),
    (
        number("version", "Its number."), digits("credential", "The credential."),
        digits("public_key", "The key of the phone that it was over."),
        number("ended_ms", "When it moved to another phone; null: it was renewed.", nullable=True),
    ),
    {"credential_id": _ITSELF},
)  # fmt: skip
_TOPUPS = Section(
    "topups", "topup", "شارژها", "Top-ups", "credential", ("id",),
    (
        text("id", "Its id."), number("rials", "How much."), text("status", "How it stands."),
        text("provider", "The payment provider."), text("authority", "What the provider calls the payment."),
        text("receipt", "What the bank calls the money; empty: nothing."), number("created_ms", "When it was begun."),
        number("tries", "How often the office has looked since it changed last."),
        number("next_ms", "When the office asks the provider next.", nullable=True),
    ),
    {"credential": _ITSELF}, posts=True,
)  # fmt: skip
_GIVEN_COLUMNS = (
    text("name", "Its id."), digits("guardian", "Who gave."), digits("ward", "Who was given."),
    number("rials", "How much."), number("debt_rials", "What of it paid the ward's debt."), number("at_ms", "When."),
)  # fmt: skip
_GIVEN = Section(
    "ward_topups_given", "ward_topup", "شارژهایی که به دیگران داده شد", "Top-ups given to wards", "guardian", ("id",),
    (number("id", "Its place."), *_GIVEN_COLUMNS), {}, posts=True,
)  # fmt: skip
_GOT = Section(
    "ward_topups_got", "ward_topup", "شارژهایی که از سرپرست رسید", "Top-ups got from guardians", "ward", ("id",),
    (number("id", "Its place."), *_GIVEN_COLUMNS), {}, posts=True,
)  # fmt: skip
_CASH = Section(
    "cash_topups", "cash_topup", "شارژهای نقدی نزد نماینده", "Top-ups for cash, at agents'", "credential", ("id",),
    (
        number("id", "Its place."), text("name", "Its id."), text("agent", "Which agent took the cash."),
        number("rials", "How much."), number("debt_rials", "What of it paid debt."), number("at_ms", "When."),
    ),
    {"credential": _ITSELF}, posts=True,
)  # fmt: skip
_HELD_COLUMNS = (
    digits("guardian", "Who holds the account."), digits("ward", "Whose account it is."),
    number("since_ms", "Since when."), number("of_age_day", "From which day the ward is of age; 0: is so."),
)  # fmt: skip
_GUARDIANS = Section(
    "guardians", "guardian", "سرپرستان این حساب", "Guardians of this account", "ward", ("guardian",), _HELD_COLUMNS, {}
)
_WARDS = Section(
    "wards", "guardian", "حساب‌هایی که این کاربر سرپرستشان است", "Accounts that this rider holds", "guardian", ("ward",),
    _HELD_COLUMNS, {},
)  # fmt: skip
_APPS = Section(
    "apps", "host_rider", "برنامه‌هایی که به این حساب راه دارند", "Apps that have this account", "credential", ("host",),
    (
        text("host", "Its name."), text("named", "The app's own id of its user; null: allowed alone.", nullable=True),
        number("since_ms", "Since when."),
    ),
    {"credential": _ITSELF},
)  # fmt: skip
_DENIALS = Section(
    "denials", "denial", "مسدودی به علت بدهی", "When the account was denied, and why", "credential", ("since_ms",),
    (
        number("since_ms", "Since when."), text("reason", "Why."),
        number("ended_ms", "Until when; null: it is denied.", nullable=True),
    ),
    {"credential": _ITSELF},
)  # fmt: skip
_LISTED = Section(
    "deny_list", "denied", "جای این اعتبارنامه در فهرست مسدودی خودروها", "This credential in the list that buses have",
    "credential", ("version",),
    (
        number("version", "Up to and with which version it is denied."),
        number("debt_ms", "Of the denial for debt that alone put it there.", nullable=True),
    ),
    {"credential": _ITSELF},
)  # fmt: skip
_CONCESSIONS = Section(
    "concessions", "application", "درخواست‌های تخفیف", "Applications for a reduced class", "credential", ("id",),
    (
        number("id", "Its place."), text("name", "Its id."), number("rider_class", "The class asked for."),
        Column("documents", Told.PAPERS, "The papers named."), text("words", "What the rider said."),
        number("opened_ms", "When."), number("due_ms", "Until when an answer is due."), text("state", "How it stands."),
        number("until_day", "Granted until that day, since 1970.", nullable=True),
        text("why", "Why it was refused.", nullable=True), text("answer", "The office's answer."),
        number("answered_ms", "When it was answered.", nullable=True),
    ),
    {"credential": _ITSELF},
)  # fmt: skip
_DISPUTES = Section(
    "disputes", "dispute", "اعتراض‌ها", "Disputes", "credential", ("id",),
    (
        number("id", "Its place."), text("name", "Its id."), *tap_columns(), number("wall_ms", "When the ride was."),
        text("reason", "What the rider says."), text("words", "In his own words."),
        number("charged_rials", "What the ride cost then."), number("opened_ms", "When it was opened."),
        number("due_ms", "Until when an answer is due."), text("state", "How it stands."),
        number("given_rials", "What goes back."), flag("by_house", "Whether the house bears that."),
        text("why", "Why it was refused.", nullable=True), text("answer", "The office's answer."),
        number("answered_ms", "When it was answered.", nullable=True),
    ),
    {"credential": _ITSELF},
)  # fmt: skip
_CLOSING = Section(
    "closing", "closing", "بستن حساب", "The closing of the account", "credential_id", ("closed_ms",),
    (
        number("closed_ms", "When it was closed."), number("due_ms", "Until when its money waits for late taps."),
        number("parts", "How often something was left for the rider."),
    ),
    {"credential_id": _ITSELF, "wallet": "the wallet's name, which is made of the rider's own id"}, posts=True,
)  # fmt: skip
_RIDES = Section(
    "rides", "claim", "سفرها", "Rides", "credential", ("wall_ms", "device", "epoch", "sequence"),
    (
        *tap_columns(nullable=True), number("time_s", "The phone's time in the code, Unix seconds."),
        number("counter", "The code's number."), text("vehicle", "The vehicle.", nullable=True),
        number("wall_ms", "When, by the validator or what its journal tells."),
        number("window_ms", "For how long the same code is one fare."), number("rider_class", "The class then."),
        number("party", "Companions."), number("adult_rials", "An adult's fare there."),
        number("permille", "The class's share of it, in thousandths."),
        number("cap_permille", "The share of the caps."), number("beside_rials", "What companions cost."),
        number("shown_rials", "What the door showed."), number("whole_rials", "The fare of the whole way."),
        number("tariff_version", "The tariff's number."), flag("extends", "Whether it ends another ride (a tap-out)."),
        flag("annulled", "Whether the driver took it back."),
        digits("boarding", "Which boarding it tells of.", nullable=True),
        flag("charged", "Whether it is this tap of the boarding that is charged."),
        number("rials", "What it costs the rider."), number("city_rials", "What the city pays."),
        number("copied_rials", "What the house bears of a copy."), number("revision", "How often it was corrected."),
        number("metres", "How far the vehicle had come.", nullable=True),
        Column("closes_epoch", Told.JOURNAL, "The journal of the ride that it ends.", nullable=True),
        number("closes_sequence", "The number of the ride that it ends.", nullable=True),
        text("steps", "How the fare came about, as the ledger keeps it."),
        number("ridden_m", "How far the rider rode.", nullable=True),
        number("ended_rials", "The fare when the ride had ended.", nullable=True),
        number("hold", "Whether its money is held for want of a proof."),
        flag("contested", "Whether several vehicles tell of it."),
        number("refunded_rials", "What two people gave back."), flag("refunded_by_house", "By the house or not."),
        number("back_rials", "What of that stands."), flag("back_by_house", "Whether the house bears it."),
    ),
    {"credential": _ITSELF, "record": _ROW, "door": _RECORDS, "verdict": _RECORDS}, posts=True,
)  # fmt: skip
RIDE_COLUMNS = (  # of the record that the ride was told in; null where the ledger has none
    text("line", "The line.", nullable=True), number("door", "The door.", nullable=True),
    number("verdict", "What the validator answered, by its number.", nullable=True),
    number("reason", "Why, by its number.", nullable=True), number("persons", "How many boarded.", nullable=True),
    number("lat_e6", "Where, millionths of a degree north.", nullable=True),
    number("lon_e6", "Where, millionths of a degree east.", nullable=True),
)  # fmt: skip
_WHERE = frozenset({
    "device", "epoch", "sequence", "vehicle", "line", "door", "lat_e6", "lon_e6", "metres", "closes_epoch",
    "closes_sequence", "boarding",
})  # fmt: skip
_BY_ITS_NAME = frozenset({"boarding"})  # of the first journal that told of it
_DECISIONS = Section(
    "decisions", "proposal", "تصمیم‌های دو نفرهٔ دفتر دربارهٔ این حساب", "What two people of the office decided on it",
    "subject", ("id",),
    (
        text("name", "Its id."), text("kind", "What was decided."), text("why", "Why, in their words."),
        number("proposed_ms", "When it was proposed."), number("decided_ms", "When it was approved.", nullable=True),
        number("used_ms", "When what it allowed once was done.", nullable=True),
    ),
    {
        "id": _ROW, "subject": "what it was found by: the rider's id, key, or dispute", "state": "all are approved",
        "content": "what was decided stands where it took effect: account, guardians, rides, entries",
        "proposer": "who of the office, which the auditor's log tells to whom it concerns",
        "decided_by": "the same", "until_ms": "how long it could be approved: it was",
    },
    posts=True,
)  # fmt: skip
_NUMBER_ITSELF = "an HMAC of the number, under a key of ours: the number itself is not kept"
_PHONE = Section(
    "phone", "phone", "شمارهٔ تلفن این حساب", "The telephone number of this account", "credential_id", ("since_ms",),
    (
        number("since_ms", "Since when one is bound."),
        number("next_ms", "From when on it is another account's, which has proven it.", nullable=True),
        number("until_ms", "It was given up, and is good for signing in until then.", nullable=True),
    ),
    {"credential_id": _ITSELF, "number_mac": _NUMBER_ITSELF, "next_id": "which account that is"},
)  # fmt: skip
_PHONE_TO_COME = Section(
    "phone_to_come", "phone", "شماره‌ای که تأیید شده و هنوز مال حساب دیگری است",
    "A telephone number that is proven, and another account's until then", "next_id", ("next_ms",),
    (number("next_ms", "From when on it is this account's."),), {},
)  # fmt: skip
_PHONE_RECOVERY = Section(
    "phone_recovery", "phone_recovery", "درخواست آوردن این حساب به گوشی دیگر با شمارهٔ تلفن",
    "Somebody with the number wants this account on another phone", "credential_id", ("asked_ms",),
    (number("asked_ms", "When it was asked for."), number("due_ms", "From when on it can be had.")),
    {"credential_id": _ITSELF, "public_key": "the key of a phone that may be somebody else's"},
)  # fmt: skip
SECTIONS = (
    _ACCOUNT, _FORMER, _TOPUPS, _GIVEN, _GOT, _CASH, _GUARDIANS, _WARDS, _APPS, _DENIALS, _LISTED, _CONCESSIONS,
    _DISPUTES, _CLOSING, _PHONE, _PHONE_TO_COME, _PHONE_RECOVERY, _RIDES, _DECISIONS,
)  # fmt: skip
BALANCES = (
    text("account", "Which of the rider's accounts."), number("debits", "What went out, in rials."),
    number("credits", "What came in."), number("debits_pending", "What is set aside to go out."),
    number("credits_pending", "What is to come in."), number("balance_rials", "Credits less debits."),
    number("told_rials", "What the entries of this document come to."),
    number("not_told_rials", "The rest: entries of rides that are forgotten, and what came while this was written."),
)  # fmt: skip


def withheld(section: Section, row: Mapping[str, Any]) -> AbstractSet[str]:
    """Columns that stand in an export as null, of this row, whatever the ledger holds."""
    if section is not _RIDES:
        return frozenset()
    if not row["charged"]:
        return _WHERE
    return _BY_ITS_NAME if row["contested"] else frozenset()


_NOBODY = "it says nothing of any rider"
_OFFICE = "it is about people of the office"
_BUSES = "it is about buses, devices and drivers"
NOT_TOLD: Mapping[str, str] = {
    "transfer": "told row by row with the ride, top-up, closing or decision that each was posted for",
    "account": "told as balances",
    "record": "told with each ride; what is sealed in it is the code that the phone showed, which the ride tells",
    "ticket_ride": "a printed card has no account, so nobody can show that it is his",
    "card": "a printed card is whose hands it is in: it names nobody", "card_issue": "the same",
    "quarantine": "bytes that were refused: whose they say they are is not proven, and most of it is sealed",
    "once": "answers kept for a day to be told again; what they say stands in its own section",
    "staff_log": "the office's own log, in which a rider stands by his id alone where somebody looked at him",
    "discrepancy": "sums that do not match, by the names of taps and top-ups, which stand in their sections",
    "discrepancy_entry": "what people wrote on those",
    "reconciling_found": "which of those a run found",
    "statement_row": "a provider's own statement, by its names of payments; they stand with the top-ups",
    "bank_row": "the bank's own statement", "statement_day": _NOBODY, "statement_unreadable": _NOBODY,
    "host": _OFFICE, "host_token": _OFFICE,
    "host_event": "what waits to be told to an app, of what stands in its own section",
    "host_topup": "which app a top-up was begun in, and where its page led back to; the top-up itself is told",
    "paid_in": _NOBODY, "reconciling": _NOBODY, "reconciling_seen": _NOBODY,
    "unproven": "accepted boardings of which nobody knows whose they are",
    "conduct": "hints about days of devices and drivers, by taps: whose those are is not in it",
    "pending": "payouts to operators that wait for the bank", "payout_sent": "payouts that the bank has booked",
    "ledger": _NOBODY, "epoch": _BUSES, "day_key": _BUSES, "shift": _BUSES,
    "proxy": "a driver boarded somebody unknown",
    "annulment": "which taps drivers took back: told with the ride", "tariff": _NOBODY, "tally": _NOBODY,
    "let_through": _NOBODY, "device": _BUSES, "camera_hour": _BUSES, "alarm": _BUSES, "looked": _NOBODY,
    "looked_day": _NOBODY, "claim_day": _NOBODY, "announced": _NOBODY, "deny_list": "which bundle the list is of",
    "known_driver": _BUSES, "remembered": _NOBODY, "journal_told": _BUSES,
    "phone_code": "codes of a day, by HMACs of numbers: it names no account",
    "undated": "which records' times were estimated: told as the ride's",
    "party": _NOBODY, "contract": _NOBODY, "settlement": "sums by vehicle and line", "settled": "the same",
    "staff": _OFFICE, "staff_token": _OFFICE, "staff_invitation": _OFFICE, "staff_passkey": _OFFICE,
    "staff_session": _OFFICE, "staff_mark": _OFFICE,
}  # fmt: skip
