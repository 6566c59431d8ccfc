"""Fixed keys and small real structures that the tests of the contract and the golden vectors share.

Everything here is made from fixed secrets; signing is deterministic, so the same bytes come out on every machine.
"""

from dataclasses import replace
from hashlib import sha256

from protocol.fares.policies import BoardFree, Cause, Grace, GraceKind, Policies
from protocol.fares.tariff import Band, LineFare, Peak, ProductRule, Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire import chain
from protocol.wire.badges import issue_badge
from protocol.wire.batches import encode_batch
from protocol.wire.bundles import Bundle
from protocol.wire.grants import issue_grant, sign_boarding
from protocol.wire.health import (
    BoardCause,
    BoardHealth,
    BoardState,
    CameraHealth,
    CameraState,
    Health,
    Machine,
    RunCause,
    SisterLink,
    State,
)
from protocol.wire.keys import SigningKey
from protocol.wire.passes import Presentation, issue_credential, read_issued, render_long_pass
from protocol.wire.receipts import Receipt
from protocol.wire.records import (
    ClockQuality,
    CodeKind,
    DayKeyRecord,
    Instant,
    Link,
    Opening,
    Position,
    Service,
    Tap,
    encode_day_key,
    encode_opening,
    encode_public_tap,
    encode_tap,
)
from protocol.wire.riders import row_of
from protocol.wire.seal import DayKey
from protocol.wire.short_passes import render_short_pass
from protocol.wire.sister import DoorCondition, FreshBoarding, SisterWord, Witness
from protocol.wire.staff import make_row
from protocol.wire.tickets import TicketForm, issue_ticket
from protocol.wire.vehicle_codes import VehicleCode, make_vehicle_code


def secret(name: str) -> bytes:
    """32 bytes for a test key of this name."""
    return sha256(b"savar test key: " + name.encode()).digest()


def key(name: str) -> SigningKey:
    """Test key of this name."""
    return SigningKey.from_secret(secret(name))


ISSUER = key("issuer")
OTHER_ISSUER = key("another issuer")
HOLDER = key("holder")
OTHER_HOLDER = key("another holder")
TAP_KEY = key("tap")
OTHER_TAP_KEY = key("another tap")
RECEIPT_KEY = key("receipt")
BUNDLE_KEY = key("bundle")
SEALING_KEY = key("sealing")

DEVICE = "bus-0001-d1"
EPOCH = 7_000_000_000_000_000_001
WALL_MS = 1_790_000_000_000  # 2026-09-21
DAY = 20_717
TIME_S = WALL_MS // 1000
CREDENTIAL_ID = bytes.fromhex("0102030405060708")
TICKET_ID = bytes.fromhex("b1e7000000000001")
NONCE = bytes.fromhex("a0a1a2a3a4a5a6a7")
WRAPPED = bytes(113)  # shape of a wrapped day key: 65-byte encapsulated key, 32 bytes, 16-byte tag
DAY_KEY = DayKey.load(sha256(b"savar test day key").digest(), DAY)


def credential(
    *,
    issuer: SigningKey = ISSUER,
    holder: SigningKey = HOLDER,
    credential_id: bytes = CREDENTIAL_ID,
    expiry_day: int = DAY + 120,
) -> bytes:
    """112 bytes of an adult's credential."""
    return issue_credential(
        issuer, credential_id=credential_id, version=1, holder=holder.public, rider_class=2, product=0,
        expiry_day=expiry_day, allowance_units=10,
    )  # fmt: skip


def long_pass(*, party: int = 0, counter: int = 1234, time_s: int = TIME_S) -> bytes:
    """183 bytes as a phone renders them."""
    return render_long_pass(credential(), HOLDER, time_s=time_s, counter=counter, party=party)


def short_pass(*, party: int = 0, counter: int = 1234, time_s: int = TIME_S) -> bytes:
    """81 bytes: the short form of the same render."""
    return render_short_pass(credential(), HOLDER, time_s=time_s, counter=counter, party=party)


ROW = row_of(read_issued(credential()))


def ticket(
    form: TicketForm = TicketForm.SINGLE,
    *,
    issuer: SigningKey = ISSUER,
    rides_a_day: int = 0,
    rider_class: int = 0,
    product: int = 0,
    first_day: int = DAY,
    last_day: int = DAY + 30,
) -> bytes:
    """80 bytes of a bearer ticket."""
    return issue_ticket(
        issuer, ticket_id=TICKET_ID, form=form, rider_class=rider_class, product=product, first_day=first_day,
        last_day=last_day, rides_a_day=rides_a_day,
    )  # fmt: skip


def badge(*, issuer: SigningKey = ISSUER, number: str = "5007", last_day: int = DAY + 365) -> bytes:
    """A driver's badge."""
    return issue_badge(issuer, badge_id=BADGE_ID, last_day=last_day, number=number)


def vehicle_code(
    *,
    device: str = DEVICE,
    vehicle: str = "bus-0001",
    line: str | None = "r9",
    time_s: int = TIME_S,
    door: int = 1,
    tap_key: SigningKey = TAP_KEY,
) -> bytes:
    """What a door shows."""
    return make_vehicle_code(VehicleCode(time_s, NONCE, door, device, vehicle, line), tap_key)


def boarding_request(
    *, party: int = 0, vehicle: str = "bus-0001", time_s: int = TIME_S, holder: SigningKey = HOLDER
) -> bytes:
    """What a rider asks for, having scanned that."""
    return sign_boarding(
        holder, credential_id=CREDENTIAL_ID, version=1, time_s=time_s, nonce=NONCE, party=party, vehicle=vehicle
    )


def grant(
    *,
    issuer: SigningKey = ISSUER,
    holder: SigningKey = HOLDER,
    party: int = 0,
    vehicle: str = "bus-0001",
    time_s: int = TIME_S,
    rider_class: int = 2,
    product: int = 0,
    most_rials: int = 150_000,
) -> bytes:
    """What the backend makes of it."""
    request = boarding_request(party=party, vehicle=vehicle, time_s=time_s, holder=holder)
    return issue_grant(issuer, request, rider_class=rider_class, product=product, most_rials=most_rials)


def instant(offset_ms: int = 0) -> Instant:
    """A trusted reading."""
    return Instant(WALL_MS + offset_ms, 5_000 + offset_ms, ClockQuality.TRUSTED, 2)


def opening(previous: bytes = chain.GENESIS, *, sequence: int = 1, device: str = DEVICE, epoch: int = EPOCH) -> bytes:
    """The first record of a journal."""
    return encode_opening(Opening(
        Link(device, epoch, sequence, previous), instant(), "savar 0.1.0", TAP_KEY.public,
        (6_000_000_000_000_000_001, 41, bytes(range(32))),
    ))  # fmt: skip


def day_key(previous: bytes, *, sequence: int = 2, wrapped: bytes = WRAPPED) -> bytes:
    """A day key's record."""
    return encode_day_key(DayKeyRecord(Link(DEVICE, EPOCH, sequence, previous), instant(100), DAY, DAY_KEY.id, wrapped))


def tap_values(previous: bytes, *, sequence: int = 3, sealed: bool = True) -> Tap:
    """A tap before it is encoded."""
    return Tap(
        link=Link(DEVICE, EPOCH, sequence, previous),
        at=instant(1000 * sequence),
        service=Service("bus-0001", 1, "r9", 1, "t-0815", "s-104", None),
        position=Position(32_654_600, 51_667_900, 8),
        key_id=DAY_KEY.id if sealed else None,
        code_kind=CodeKind.LONG_PASS if sealed else CodeKind.NONE,
        party=2 if sealed else 0,
        product=0,
        tariff_version=3,
        fare_rials=125_000 if sealed else 0,
        verdict=Verdict.ACCEPTED_CONCESSION if sealed else Verdict.NOT_A_FARE_CODE,
        reason=Reason.NONE,
        lists=(12, 4),
        line_told=True,
    )


def tap(previous: bytes, *, sequence: int = 3, sealed: bool = True) -> bytes:
    """A tap's record, its rider part really sealed."""
    public = encode_public_tap(tap_values(previous, sequence=sequence, sealed=sealed))
    part = DAY_KEY.seal(sequence, long_pass(party=2), public) if sealed else b""
    return encode_tap(public, part)


def history(taps: int = 3) -> tuple[list[bytes], list[bytes]]:
    """Opening, day key and `taps` taps (the last a refusal) → (records, their hashes)."""
    records, hashes = [opening()], []
    hashes.append(chain.next_hash(chain.GENESIS, records[0]))
    for sequence in range(2, taps + 3):
        sealed = sequence != taps + 2
        record = day_key(hashes[-1]) if sequence == 2 else tap(hashes[-1], sequence=sequence, sealed=sealed)
        records.append(record)
        hashes.append(chain.next_hash(hashes[-1], record))
    return records, hashes


def batch(records: list[bytes], head: bytes, *, first: int = 1, device: str = DEVICE, epoch: int = EPOCH) -> bytes:
    """Batch signed over its last hash."""
    return encode_batch(device, epoch, first, records, chain.sign_hash(head, TAP_KEY))


RECEIPT = Receipt(DEVICE, EPOCH, 5, bytes(range(32)), 1, bytes(range(32, 64)), WALL_MS)
HEALTH = Health(
    device=DEVICE, epoch=EPOCH, wall_ms=WALL_MS, clock_quality=0, software="savar 0.1.0", last_sequence=5,
    receipted_sequence=4, accepted=2, refused=1, disk_free_bytes=12_000_000_000,
    cameras=(
        CameraHealth("front", CameraState.WORKING, 90_000, 12, 3, 80, 140), CameraHealth("rear", CameraState.MISSING, 0, 0, 0),
    ),
    problem="rear camera: نیست", bundle_number=12, bundle_issued_ms=WALL_MS,
    clock_uncertainty_s=2, oldest_waiting_s=41, started=RunCause.POWER_LOST, uptime_s=3_600,
    certificate_until_ms=WALL_MS + 90 * 86_400_000, tamper=False,
    machine=Machine(
        temperature_mc=61_342, throttled=0x5_0000, disk_total_bytes=15_600_000_000, disk_written_bytes=812_000_000,
        memory_total_bytes=1_980_000_000, memory_free_bytes=1_410_000_000, process_bytes=141_000_000,
        process_permille=730, load_milli=1_250, up_s=3_661,
    ),
    sister=SisterLink(linked=False, silent_s=12, waiting=3, carried=0, exposed_rials=150_000), unread=("temperature",),
    board=BoardHealth(
        BoardState.THERE, firmware=3, starts=2, cause=BoardCause.WATCHDOG, supply_mv=26_412, supply_low=False,
        ignition=True, door_open=False, openings=41, parked_accepted=0, damaged=7, sent_again=5, lost=1, sessions=2,
    ),
)  # fmt: skip
STATE = State(DEVICE, True, EPOCH, WALL_MS, "savar 0.1.0", RunCause.POWER_LOST)
TARIFF = Tariff(
    3, 50_000, {1: 500, 2: 500, 3: 0}, 180, 1_700_000_000_000, 3_600, 150_000, 700_000,
    lines={"brt": LineFare(90_000), "r1": LineFare(0, (Band(5_000, 40_000), Band(12_000, 80_000)))},
    peaks=(Peak(31, 420, 540, 1_500),), free_days=frozenset({20_716}),
    products={1: ProductRule(0, frozenset({"r1"}), elsewhere=False)}, tap_out=True,
)  # fmt: skip
NEXT_TARIFF = replace(TARIFF, version=90, flat_fare_rials=55_000, starts_ms=1_800_000_000_000)
POLICIES = Policies(
    2, (BoardFree("crisis-1", Cause.CRISIS, 5, 9, frozenset({"r1"})), BoardFree("nowruz", Cause.FREE_DAY, 1, 2)),
    frozenset({"bus-0009"}),
    (Grace("net-down-1", GraceKind.ALLOWANCE_RAISED, 5, 9, 9_000_000, 200_000, vehicles=frozenset({"bus-0007"})),),
)  # fmt: skip
BADGE_ID = bytes.fromhex("b0b1b2b3b4b5b6b7")
STAFF = (
    make_row("4021", "1234", bytes(range(16))),
    replace(make_row("5007", "25801", bytes(range(16, 32))), badge=BADGE_ID, both=True),
)
BUNDLE = Bundle(
    city="isfahan", number=12, issued_ms=WALL_MS, issuer_keys=(ISSUER.public, OTHER_ISSUER.public),
    receipt_keys=(RECEIPT_KEY.public,), sealing_key=SEALING_KEY.public, tariff=TARIFF, deny_number=4,
    deny={CREDENTIAL_ID: 0, bytes(8): 255}, next_tariff=NEXT_TARIFF, policies=POLICIES,
    staff_number=2, staff=STAFF,
)  # fmt: skip
BOARDINGS = (
    FreshBoarding(
        7_000_000_000_000_000_003,
        42,
        Presentation(CREDENTIAL_ID, TIME_S, 1234),
        2,
        1,
        WALL_MS,
        1_500,
        50_000,
        500,
        400,
        125_000,
        Verdict.ACCEPTED_CONCESSION,
        Reason.NONE,
        7,
    ),
    FreshBoarding(
        0,
        1,
        Presentation(bytes(8), 0, 65_535),
        15,
        2,
        0,
        0,
        0,
        0,
        0,
        0,
        Verdict.BOARD_FREE,
        Reason.FREE_DAY,
        0,
        annulled=True,
    ),
)
WITNESS = Witness(6_000_000_000_000_000_001, 41, bytes(range(32)))
SISTER = SisterWord(
    DEVICE, boardings=BOARDINGS, witness=WITNESS, receipt=b"receipt", begins=7,
    condition=DoorCondition(reads=False, fault="the camera front is lost"),
)  # fmt: skip
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the curve's group: P-256's n


def high_s(signature: bytes) -> bytes:
    """The twin of a signature that also satisfies the equation: (r, n-s)."""
    return signature[:32] + (ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
