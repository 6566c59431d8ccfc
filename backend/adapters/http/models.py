"""Bodies of requests and answers: strict, money in whole `*_rials`, times in Unix `*_ms`, bytes in lower-case hex."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema


class Model(BaseModel):
    """Unknown fields are refused, and nothing is converted: "10000" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def bytes_from(size: int) -> Callable[[object], bytes]:
    """Hex or base64url text of exactly `size` bytes; told apart by their lengths."""

    def read(value: object) -> bytes:
        if isinstance(value, str) and re.fullmatch(rf"[0-9a-fA-F]{{{2 * size}}}", value):
            return bytes.fromhex(value)
        if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]+={0,2}", value):
            bare = value.rstrip("=")
            raw = urlsafe_b64decode(bare + "=" * (-len(bare) % 4)) if len(bare) % 4 != 1 else b""
            if len(raw) == size and urlsafe_b64encode(raw).rstrip(b"=").decode() == bare:
                return raw
        raise ValueError(f"must be {size} bytes as hex or base64url text")

    return read


def text_schema(size: int, what: str) -> WithJsonSchema:
    """How it stands in the document of the API."""
    letters = -(-8 * size // 6)
    return WithJsonSchema({
        "type": "string", "description": f"{what}: {size} bytes as hex or base64url",
        "pattern": rf"^([0-9a-fA-F]{{{2 * size}}}|[A-Za-z0-9_-]{{{letters}}}={{0,2}})$",
    })  # fmt: skip


class TopUpRequest(Model):
    """How much to pay in."""

    amount_rials: int = Field(gt=0, description="Whole rials.")
    provider: str | None = Field(
        default=None, pattern=r"^[a-z0-9-]{1,32}$", description="Its name in backend.toml; without one, the first."
    )


TopUpStatus = Literal["asked", "pending", "paid", "failed", "reversed"]


class TopUpBody(Model):
    """How a top-up stands. `pay_url` is where the rider pays it; only a new one has it.

    `reversed`: credited, and taken back by the bank later. What went back before it was credited is `failed`.
    """

    id: str
    amount_rials: int
    status: TopUpStatus
    created_ms: int
    pay_url: str | None = None


class BalanceBody(Model):
    """What a rider's wallet holds; below zero is owed."""

    credential_id: str
    balance_rials: int


class RiderTapBody(Model):
    """One charged boarding of the rider's own."""

    wall_ms: int
    vehicle: str
    door: int
    verdict: int
    charged_rials: int


class RiderTapsBody(Model):
    """Newest first. Ask for the rest with `before` = `next_before`; null is the end."""

    taps: list[RiderTapBody]
    next_before: str | None


class CameraBody(Model):
    """One camera, with its state in words: starting, working, stalled, missing, ended; a dirty lens in permille."""

    name: str
    state: str
    frames: int
    dropped: int
    reads: int
    blur_permille: int
    haze_permille: int


class MachineBody(Model):
    """The computer under a validator; null is what it does not have, or what could not be read."""

    temperature_mc: int | None
    throttled: int | None
    disk_total_bytes: int | None
    disk_written_bytes: int | None
    memory_total_bytes: int | None
    memory_free_bytes: int | None
    process_bytes: int | None
    process_permille: int | None
    load_milli: int | None
    up_s: int | None


class SisterBody(Model):
    """The other door as this one sees it: link, seconds without it, records it has not witnessed, records carried.

    `exposed_rials`: of fares accepted here while it did not hear of them, the most that could be spent there again.
    """

    linked: bool
    silent_s: int
    waiting: int
    carried: int
    exposed_rials: int


class BoardBody(Model):
    """A door's panel board; null is what is not told, or what it has no part for.

    `state`: there, gone or refused (its firmware does not fit). `cause` of its last start: power, watchdog (its program
    hung) or asked; `starts` since its power came. The inputs are those of now. What is counted is of the device's run:
    `parked_accepted` codes accepted while the vehicle was parked by its board's own word; frames damaged; commands sent
    again, and lost; sessions with the board.
    """

    state: str
    firmware: int | None
    starts: int | None
    cause: str | None
    supply_mv: int | None
    supply_low: bool | None
    ignition: bool | None
    door_open: bool | None
    openings: int | None
    parked_accepted: int | None
    damaged: int | None
    sent_again: int | None
    lost: int | None
    sessions: int | None


class ConditionBody(Model):
    """How machine, run, other door and panel board are, as health says it; null where there is none.

    `unread`: readings that failed.
    """

    clock_uncertainty_s: int
    oldest_waiting_s: int | None
    started: str
    uptime_s: int
    disk_free_bytes: int
    certificate_until_ms: int | None
    tamper: bool | None
    unread: list[str]
    machine: MachineBody
    sister: SisterBody | None
    board: BoardBody | None


class DeviceBody(Model):
    """One validator. `backlog`: records it has told of that we do not hold yet; `problem` is empty if there is none."""

    device: str
    vehicle: str
    door: int
    last_seen_ms: int | None
    online: bool
    held_sequence: int
    backlog: int
    cameras: list[CameraBody]
    problem: str
    clock_quality: int | None
    software: str | None
    bundle_number: int | None
    condition: ConditionBody | None


class DevicesBody(Model):
    """Enrolled validators, by name. Ask for the rest with `after` = `next_after`; null is the end."""

    devices: list[DeviceBody]
    next_after: str | None


class TapBody(Model):
    """One tap as the fleet sees it: no rider in it. The epoch is text: a browser's numbers have too few digits."""

    device: str
    epoch: str
    sequence: int
    wall_ms: int
    vehicle: str
    door: int
    verdict: int
    reason: int
    fare_rials: int
    payer: str | None


class TapsBody(Model):
    """Newest first. Ask for the rest with `before` = `next_before`; None is the end."""

    taps: list[TapBody]
    next_before: int | None


class AlarmBody(Model):
    """Something that a person should look at; open while `ended_ms` is null. `fix` is what to do next."""

    id: int
    name: str
    device: str
    since_ms: int
    ended_ms: int | None
    detail: str
    fix: str


class AlarmsBody(Model):
    """Newest first. Ask for the rest with `before` = `next_before`; null is the end."""

    alarms: list[AlarmBody]
    next_before: int | None


class RecordBody(Model):
    """Which record of which journal. `epoch` is text: a browser's numbers have too few digits."""

    device: str
    epoch: str
    sequence: int


class CaseBody(Model):
    """What of one service day a person should look at: a hint, and no proof. No rider is in it.

    `figures` are what it stands on, `records` the first of its records; `day` counts from 1970-01-01, local.
    """

    name: str
    subject: str
    day: int
    detail: str
    fix: str
    figures: dict[str, int | str | list[str]]
    records: list[RecordBody]
    opened_ms: int


class CasesBody(Model):
    """Those that stand, newest day first. `days_due`: days of which more came, and that wait to be counted again."""

    cases: list[CaseBody]
    next_after: str | None = Field(description="Ask for the rest with `after` = this; null is the end.")
    days_due: list[int]


class VerdictBody(Model):
    """How a verdict looks and reads, from the one table of words."""

    verdict: int
    name: str
    lamp: Literal["green", "amber", "red", "blue", "white", "off"]
    boards: bool
    charged: bool
    rider_fa: str
    rider_en: str
    driver_fa: str
    driver_en: str


class CountsBody(Model):
    """Totals since the ledger began. `refused`: taps after which the rider could not go on.

    `refusals` says how many of them by verdict; the verdicts' words are in /v1/status. `shown_less`: boardings posted
    below the tariff, because that is what the rider was shown.
    """

    accepted: int
    refused: int
    refusals: dict[str, int]
    posted_rials: int
    shown_less: int
    quarantined: int


class StatusBody(Model):
    """What the status page begins with."""

    city: str
    now_ms: int
    counts: CountsBody
    devices: list[DeviceBody]
    alarms: list[AlarmBody]
    taps: list[TapBody]
    verdicts: list[VerdictBody]


class HealthBody(Model):
    """The process answers and its ledger can be read."""

    status: Literal["ok"]


class TotalBody(Model):
    """Payments of one kind, and their rials by each side's books."""

    count: int
    ours_rials: int
    theirs_rials: int


class PaymentBody(Model):
    """One payment that does not match. What a side does not know of it is null."""

    kind: Literal["ours_only", "theirs_only", "amount_differs"]
    authority: str
    topup_id: str | None
    status: TopUpStatus | None
    ours_rials: int | None
    theirs_rials: int | None
    paid_ms: int | None


class BadLineBody(Model):
    """A line that was left out, by its number in the file."""

    line: int
    what: str


class ReconciliationBody(Model):
    """A statement against our books: totals of the four kinds, each payment that differs, each line left out."""

    matched: TotalBody
    ours_only: TotalBody
    theirs_only: TotalBody
    amount_differs: TotalBody
    differing: list[PaymentBody]
    bad_lines: int
    bad_lines_shown: list[BadLineBody]
