"""Fare rules: the price in whole rials, the verdict table whole in two languages, the city's local day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from protocol import limits
from protocol.errors import OutOfRange
from protocol.fares.ages import Ages, class_on, holds_until
from protocol.fares.pricing import Price, Ridden, Ride, adult_fare, boarded_by, owed, price, serves, steps
from protocol.fares.tariff import Band, LineFare, Peak, Product, ProductRule, RiderClass, Tariff
from protocol.fares.tones import GAP_MS, LONG_MS, SHORT_MS, TUNE_MAX_MS, TUNES, Pitch, Tone, length_ms
from protocol.fares.verdicts import BY_REASON, FLASHES, TABLE, Lamp, Reason, Row, Verdict, row_for
from protocol.localtime import day_begins_ms, service_day, service_week, since_midnight_s
from protocol.wire import records
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause, ShiftStep
from tests.protocol.fares import naive, rides, rules, tariffs

classes = st.integers(0, 15)
parties = st.integers(0, limits.PARTY_MAX)


@given(tariffs, classes, parties)
def test_a_first_ride(tariff: Tariff, rider_class: int, party: int) -> None:
    """Never negative, whole rials, and the city's share and the rider's own make the adult fare."""
    ride = Ride(rider_class, party)
    found = price(tariff, ride)
    adult = adult_fare(tariff, ride)
    assert type(found.rider_rials) is type(found.city_rials) is int
    assert found.rider_rials >= 0
    assert found.city_rials >= 0
    own = found.rider_rials - party * adult
    assert own + found.city_rials == adult
    share = tariff.rider_permille.get(rider_class, 1000)
    assert own * 1000 <= adult * share < (own + 1) * 1000


@given(tariffs, classes, parties)
def test_a_priced_boarding_fits_its_record(tariff: Tariff, rider_class: int, party: int) -> None:
    fields = dict(records._TAP)
    fields["fare_rials"]("fare_rials", price(tariff, Ride(rider_class, party)).rider_rials)


@given(tariffs, classes, parties, parties)
def test_companions_add_up(tariff: Tariff, rider_class: int, one: int, more: int) -> None:
    alone = price(tariff, Ride(rider_class))
    more = min(more, limits.PARTY_MAX - one)
    together = price(tariff, Ride(rider_class, one + more))
    split = [price(tariff, Ride(rider_class, part)).rider_rials - alone.rider_rials for part in (one, more)]
    assert together.rider_rials == alone.rider_rials + sum(split)
    assert together.city_rials == alone.city_rials


@given(tariffs, st.sets(parties, min_size=1).map(sorted), st.none() | st.integers(0, 2**40))
def test_of_a_party_that_grows_each_boards_once(tariff: Tariff, grown: list[int], wall_ms: int | None) -> None:
    """Where they pay anything; whatever a record says, no more than its party came, and one did."""
    adult = adult_fare(tariff, Ride(RiderClass.ADULT, line="r1", wall_ms=wall_ms))
    came = boarded_by(tariff, Verdict.ACCEPTED, grown[0], 0, line="r1", wall_ms=wall_ms)
    for before, party in pairwise(grown):
        for rials in (0, limits.RIALS_MAX):
            it = boarded_by(tariff, Verdict.PARTY_EXTENDED, party, rials, line="r1", wall_ms=wall_ms)
            assert 1 <= it <= party
        rials = (party - before) * adult
        came += boarded_by(tariff, Verdict.PARTY_EXTENDED, party, rials, line="r1", wall_ms=wall_ms)
    assert came == 1 + grown[-1] if adult else came == grown[0] + len(grown)
    assert boarded_by(None, Verdict.PARTY_EXTENDED, 5, limits.RIALS_MAX, line="r1", wall_ms=wall_ms) == 1
    assert boarded_by(tariff, Verdict.ALREADY_PAID, 5, 0, line="r1", wall_ms=wall_ms) == 0


def ascending(most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, most), min_size=2, max_size=2).map(sorted)


@given(ascending(limits.FLAT_FARE_MAX_RIALS), ascending(1000), ascending(limits.PARTY_MAX))
def test_monotone(fares: list[int], shares: list[int], party: list[int]) -> None:
    """More fare, a larger share or more companions never cost less."""
    low, high = (price(Tariff(1, fares[end], {1: shares[end]}), Ride(1, party[end])).rider_rials for end in (0, 1))
    assert low <= high


def test_worked_prices() -> None:
    tariff = Tariff(3, 33_333, {1: 500, 3: 0})
    assert price(tariff, Ride(RiderClass.ADULT)).rider_rials == 33_333
    assert price(tariff, Ride(RiderClass.CHILD)).rider_rials == 16_666  # rounded down, for the rider
    assert price(tariff, Ride(RiderClass.CHILD)).city_rials == 16_667
    assert price(tariff, Ride(RiderClass.CHILD, 2)).rider_rials == 16_666 + 66_666
    assert price(tariff, Ride(RiderClass.SENIOR)).rider_rials == 0


# --- a rider's rides together -----------------------------------------------------------------------------------------


@given(rules, rides)
def test_what_is_owed_is_never_negative_nor_above_the_sum(tariff: Tariff, ridden: list[Ridden]) -> None:
    assert 0 <= owed(tariff, ridden) <= sum(it.adult_rials * it.permille // 1000 for it in ridden)


@given(rules, rides, st.randoms())
def test_what_is_owed_does_not_depend_on_the_order(tariff: Tariff, ridden: list[Ridden], rng: Random) -> None:
    """P20."""
    shuffled = list(ridden)
    rng.shuffle(shuffled)
    assert owed(tariff, shuffled) == owed(tariff, ridden)


@given(rules, rides, rides)
def test_riding_more_never_costs_less(tariff: Tariff, ridden: list[Ridden], more: list[Ridden]) -> None:
    assert owed(tariff, ridden) <= owed(tariff, [*ridden, *more])


@given(rules, rides, st.integers(0, 2), st.randoms())
def test_prices_one_by_one_make_what_is_owed(
    tariff: Tariff, ridden: list[Ridden], rider_class: int, rng: Random
) -> None:
    """Whatever the order in which the rides become known, companions apart."""
    tariff = replace(tariff, rider_permille={1: 500, 2: 0})
    rng.shuffle(ridden)
    known: list[Ridden] = []
    paid = 0
    for it in ridden:
        found = price(tariff, Ride(rider_class, wall_ms=it.wall_ms), known)
        assert found.rider_rials >= 0
        assert found.city_rials >= 0
        paid += found.rider_rials
        known.append(Ridden(it.wall_ms, found.adult_rials, found.permille, found.cap_permille))
    assert paid == owed(tariff, known)


@given(rules, rides)
def test_no_day_and_no_week_is_above_its_cap(tariff: Tariff, ridden: list[Ridden]) -> None:
    for cap, of in ((tariff.day_cap_rials, service_day), (tariff.week_cap_rials, service_week)):
        for period in {of(it.wall_ms) for it in ridden}:
            if cap:
                assert owed(tariff, [it for it in ridden if of(it.wall_ms) == period]) <= cap


NOON_MS = day_begins_ms(20_715) + 12 * 3_600_000
MINUTE_MS = 60_000


def paid(tariff: Tariff, *minutes: int, rider_class: int = 0, line: str | None = None) -> list[int]:
    """What rides at these minutes after noon cost, one after the other."""
    known: list[Ridden] = []
    costs: list[int] = []
    for minute in minutes:
        found = price(tariff, Ride(rider_class, line=line, wall_ms=NOON_MS + minute * MINUTE_MS), known)
        costs.append(found.rider_rials)
        known.append(Ridden(NOON_MS + minute * MINUTE_MS, found.adult_rials, found.permille, found.cap_permille))
    return costs


def test_a_transfer_costs_nothing_and_ends_with_its_window() -> None:
    tariff = Tariff(1, 60_000, {2: 500}, transfer_window_s=3_600)
    assert paid(tariff, 0, 30, 59) == [60_000, 0, 0]
    assert paid(tariff, 0, 60) == [60_000, 60_000]
    assert paid(tariff, 0, 30, 60, 120, rider_class=2) == [30_000, 0, 30_000, 30_000]


def test_a_transfer_to_a_dearer_line_costs_the_difference() -> None:
    tariff = Tariff(1, 60_000, transfer_window_s=3_600, lines={"brt": LineFare(90_000), "loop": LineFare(20_000)})
    first = price(tariff, Ride(0, line="loop", wall_ms=NOON_MS))
    known = [Ridden(NOON_MS, first.adult_rials, first.permille, first.cap_permille)]
    assert first.rider_rials == 20_000
    assert price(tariff, Ride(0, line="brt", wall_ms=NOON_MS + 1), known).rider_rials == 70_000
    assert price(tariff, Ride(0, line="r9", wall_ms=NOON_MS + 1), known).rider_rials == 40_000


def test_the_day_is_capped_and_a_class_has_its_share_of_the_cap() -> None:
    tariff = Tariff(1, 60_000, {2: 500}, day_cap_rials=150_000)
    assert paid(tariff, 0, 100, 200, 300) == [60_000, 60_000, 30_000, 0]
    assert paid(tariff, 0, 100, 200, 300, rider_class=2) == [30_000, 30_000, 15_000, 0]
    assert paid(tariff, 0, 100, 200, 719, 720) == [60_000, 60_000, 30_000, 0, 60_000]  # midnight


def test_the_week_is_capped_from_saturday() -> None:
    tariff = Tariff(1, 60_000, week_cap_rials=100_000)
    day = 24 * 60
    assert paid(tariff, 0, day, 6 * day, 7 * day) == [60_000, 40_000, 0, 60_000]


def test_what_a_class_saves_the_city_pays_and_no_more() -> None:
    tariff = Tariff(1, 60_000, {2: 500}, transfer_window_s=3_600, day_cap_rials=150_000)
    known = [Ridden(NOON_MS, 60_000, 500, 500)]
    assert price(tariff, Ride(2, wall_ms=NOON_MS), []).city_rials == 30_000
    assert price(tariff, Ride(2, wall_ms=NOON_MS + 1), known) == Price(
        0, 0, 60_000, 500, 500
    )  # a transfer is free anyway


def test_a_peak_holds_on_its_days_from_one_minute_to_the_other() -> None:
    """12:00 on a Saturday, and the end of Friday."""
    tariff = Tariff(1, 60_000, peaks=(Peak(1, 720, 780, 1500), Peak(1 << 6, 0, 1440, 500)))
    assert paid(tariff, -1, 0, 59, 60, -12 * 60 - 1) == [60_000, 90_000, 90_000, 60_000, 30_000]
    assert price(tariff, Ride(0)).rider_rials == 30_000  # at no known time the least


def test_a_free_day_is_free_for_who_knows_the_day() -> None:
    tariff = Tariff(1, 60_000, free_days=frozenset({20_715}))
    assert price(tariff, Ride(0, 2, wall_ms=NOON_MS)).rider_rials == 0
    assert price(tariff, Ride(0, wall_ms=NOON_MS + 86_400_000)).rider_rials == 60_000
    assert price(tariff, Ride(0)).rider_rials == 60_000


def test_a_distance_fare_goes_by_bands() -> None:
    tariff = Tariff(1, 60_000, lines={"r1": LineFare(0, (Band(5_000, 40_000), Band(12_000, 80_000)))})
    by_metres = {m: price(tariff, Ride(0, line="r1", metres=m)).rider_rials for m in (0, 5_000, 5_001, 12_000, 99_999)}
    assert by_metres == {0: 40_000, 5_000: 40_000, 5_001: 80_000, 12_000: 80_000, 99_999: 80_000}
    assert price(tariff, Ride(0, line="r1")).rider_rials == 40_000  # an unknown distance is decided for the rider
    assert price(tariff, Ride(0)).rider_rials == 40_000  # and so is an unknown line


def test_a_product_pays_on_its_lines() -> None:
    month = ProductRule(0, frozenset({"r1"}))
    strict = ProductRule(0, frozenset({"r1"}), elsewhere=False)
    tariff = Tariff(1, 60_000, {2: 500}, products={1: month, 2: strict})
    assert price(tariff, Ride(2, product=1, line="r1")).rider_rials == 0
    assert price(tariff, Ride(2, product=1, line="r2")).rider_rials == 30_000
    assert price(tariff, Ride(2, product=7, line="r1")).rider_rials == 30_000  # a product without a rule
    assert [serves(tariff, product, "r2") for product in (0, 1, 2, 7)] == [True, True, False, True]
    assert serves(tariff, 2, "r1")
    assert serves(tariff, 2, None)  # decided for the rider


def test_a_month_pass_lifts_no_concessions_cap() -> None:
    tariff = Tariff(1, 90_000, {2: 500}, day_cap_rials=150_000, products={1: ProductRule(0, frozenset({"r9"}))})
    free = price(tariff, Ride(2, product=1, line="r9", wall_ms=NOON_MS))
    assert (free.rider_rials, free.city_rials) == (0, 0)
    known = [Ridden(NOON_MS, free.adult_rials, free.permille, free.cap_permille)]
    assert paid(tariff, 100, 200, rider_class=2) == [45_000, 30_000]
    for minute, cost in ((100, 45_000), (200, 30_000)):
        found = price(tariff, Ride(2, wall_ms=NOON_MS + minute * MINUTE_MS), known)
        assert found.rider_rials == cost
        known.append(Ridden(NOON_MS + minute * MINUTE_MS, found.adult_rials, found.permille, found.cap_permille))


def test_a_product_that_is_paid_in_part_lifts_no_concessions_cap_either() -> None:
    """Bus and office alike: the share of a ride is one thing, the share of a cap another."""
    tariff = Tariff(1, 90_000, {2: 500}, day_cap_rials=150_000, products={1: ProductRule(100, frozenset({"r9"}))})
    lines, known, costs = ["r9", "brt", "brt", "brt", "r9"], [], []
    for number, line in enumerate(lines):
        at_ms = NOON_MS + number * MINUTE_MS
        found = price(tariff, Ride(2, product=1, line=line, wall_ms=at_ms), known)
        costs.append(found.rider_rials)
        known.append(Ridden(at_ms, found.adult_rials, found.permille, found.cap_permille))
    assert costs == [9_000, 45_000, 21_000, 0, 0]  # half of 150,000, and no rial more


def test_what_a_product_and_a_concessions_cap_save_the_city_pays() -> None:
    """Its part of the fare is paid in full, and yet the cap is the class's: 75,000 rials a day."""
    tariff = Tariff(1, 60_000, {2: 500}, day_cap_rials=150_000, products={1: ProductRule(400, frozenset({"r9"}))})
    before = [Ridden(NOON_MS + hour * 60 * MINUTE_MS, 24_000, 1000, 500) for hour in range(3)]
    fourth = price(tariff, Ride(2, product=1, line="r9", wall_ms=NOON_MS + 180 * MINUTE_MS), before)
    assert (fourth.rider_rials, fourth.city_rials) == (3_000, 21_000)


def test_what_each_ride_adds_is_the_difference_of_what_is_owed() -> None:
    """`steps` goes on from ride to ride; here each sum is worked out anew."""

    @given(rules, rides)
    def holds(tariff: Tariff, ridden: list[Ridden]) -> None:
        ordered = sorted(ridden, key=lambda it: it.wall_ms)
        sums = [naive(tariff, ordered[:n]) for n in range(len(ordered) + 1)]
        assert steps(tariff, ordered) == [after - before for before, after in pairwise(sums)]

    holds()


# --- classes by age ---------------------------------------------------------------------------------------------------
AGES = Ages(child_below=12, senior_from=65)


def on(year: int, month: int, day: int) -> int:
    return (JalaliDate(year, month, day).to_gregorian() - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("born", "day", "rider_class"),
    [
        ((1393, 7, 1), (1405, 6, 31), RiderClass.CHILD), ((1393, 7, 1), (1405, 7, 1), RiderClass.ADULT),
        ((1340, 7, 1), (1405, 6, 31), RiderClass.ADULT), ((1340, 7, 1), (1405, 7, 1), RiderClass.SENIOR),
        # 30 Esfand 1395 was a leap day; 1407 has none, so the twelfth birthday is 1 Farvardin 1408
        ((1395, 12, 30), (1407, 12, 29), RiderClass.CHILD), ((1395, 12, 30), (1408, 1, 1), RiderClass.ADULT),
        ((1391, 12, 30), (1403, 12, 29), RiderClass.CHILD), ((1391, 12, 30), (1403, 12, 30), RiderClass.ADULT),
    ],
)  # fmt: skip
def test_a_class_changes_on_the_jalali_birthday(
    born: tuple[int, int, int], day: tuple[int, int, int], rider_class: RiderClass
) -> None:
    assert class_on(AGES, JalaliDate(*born), on(*day)) is rider_class


def test_a_class_holds_until_the_day_before_the_birthday() -> None:
    born = JalaliDate(1393, 7, 1)
    assert holds_until(AGES, born, on(1400, 1, 1)) == on(1405, 6, 31)
    assert holds_until(AGES, born, on(1405, 7, 1)) == on(1458, 6, 31)
    assert holds_until(AGES, born, on(1458, 7, 1)) is None
    assert holds_until(Ages(), born, on(1400, 1, 1)) is None


def test_nobody_rides_before_birth() -> None:
    with pytest.raises(OutOfRange):
        class_on(AGES, JalaliDate(1400, 1, 2), on(1400, 1, 1))


@pytest.mark.parametrize("years", [-1, 131])
def test_no_such_age(years: int) -> None:
    with pytest.raises(OutOfRange):
        Ages(child_below=years)


@pytest.mark.parametrize("party", [-1, 16, 255])
def test_party_out_of_range(party: int) -> None:
    with pytest.raises(OutOfRange) as caught:
        price(Tariff(1, 1), Ride(0, party))
    assert caught.value.data == {"party": party, "most": 15}


@pytest.mark.parametrize(
    "wrong",
    [
        {"flat_fare_rials": -1}, {"flat_fare_rials": limits.FLAT_FARE_MAX_RIALS + 1}, {"rider_permille": {1: 1001}},
        {"rider_permille": {1: -1}}, {"transfer_window_s": -1}, {"transfer_window_s": limits.TRANSFER_WINDOW_MAX_S + 1},
        {"day_cap_rials": -1}, {"week_cap_rials": limits.RIALS_MAX + 1}, {"repeat_window_s": -1}, {"repeat_window_s": limits.REPEAT_WINDOW_MAX_S + 1},
    ],
    ids=str,
)  # fmt: skip
def test_no_such_tariff(wrong: dict[str, object]) -> None:
    with pytest.raises(OutOfRange):
        Tariff(**({"version": 1, "flat_fare_rials": 1} | wrong))


VERDICTS = {
    1: "ACCEPTED", 2: "ACCEPTED_CONCESSION", 3: "ACCEPTED_GRACE", 4: "ALREADY_PAID", 5: "PARTY_EXTENDED", 6: "CODE_EXPIRED",
    7: "CREDENTIAL_EXPIRED", 8: "PHONE_CLOCK_WRONG", 9: "COPIED", 10: "DENIED", 11: "BEARER_DENIED", 12: "UNKNOWN_ISSUER",
    13: "WRONG_SERVICE", 14: "NOT_A_FARE_CODE", 15: "NOT_GENUINE", 16: "BOARD_FREE", 17: "TRAINING", 18: "OUT_OF_SERVICE", 19: "TAPPED_OUT",
}  # fmt: skip
REASONS = {
    0: "NONE", 1: "NO_TRUSTED_CLOCK", 2: "BACKEND_SILENT", 3: "CODE_FROM_FUTURE", 4: "CODE_TOO_OLD", 5: "BAD_SIGNATURE",
    6: "MALFORMED", 7: "SAME_DOOR", 8: "OTHER_DOOR", 9: "DENY_LIST", 10: "CAMERA_LOST", 11: "JOURNAL_FAILED", 12: "STOPPING",
    13: "RIDER_UNKNOWN", 14: "EMERGENCY_RIDE", 15: "ALLOWANCE_SPENT", 16: "FREE_DAY", 17: "CRISIS", 18: "EVENT", 19: "READER_OUT",
    20: "PROXY", 21: "CROWD", 22: "ORDER", 23: "EXPIRED_RIDES", 24: "ALLOWANCE_RAISED", 25: "TICKET_USED", 26: "TICKET_DAY", 27: "DAY_CAP", 28: "WAY_UNKNOWN",
}  # fmt: skip
KINDS = {0: "OPENING", 1: "DAY_KEY", 2: "TAP", 3: "SHIFT", 4: "ANNULMENT", 5: "EVENT"}
QUALITIES = {0: "TRUSTED", 1: "HOLDOVER", 2: "UNTRUSTED"}
CODES = {0: "NONE", 1: "LONG_PASS", 2: "SHORT_PASS", 3: "PROXY", 4: "BEARER_TICKET", 5: "GRANT"}
STEPS = {1: "BEGIN", 2: "LINE", 3: "END"}
ANNULS = {1: "WRONG_PARTY", 2: "LEFT_BUS", 3: "WRONG_LINE", 4: "TWICE"}
EVENTS = {
    1: "FREE_RIDE",
    2: "FARES_AGAIN",
    3: "SOS",
    4: "ACCIDENT",
    5: "ILLNESS",
    6: "QUARREL",
    7: "BREAKDOWN",
    8: "TAKE_BACK",
}
CAUSES = {1: "READER_OUT", 2: "CROWD", 3: "ORDER"}
CLASSES = {0: "ADULT", 1: "CHILD", 2: "STUDENT", 3: "SENIOR", 4: "DISABLED", 5: "VETERAN", 6: "STAFF"}


@pytest.mark.parametrize(
    ("codes", "frozen"),
    [
        (Verdict, VERDICTS), (Reason, REASONS), (records.RecordKind, KINDS), (records.ClockQuality, QUALITIES),
        (records.CodeKind, CODES), (ShiftStep, STEPS), (AnnulReason, ANNULS), (EventKind, EVENTS), (FreeCause, CAUSES), (RiderClass, CLASSES), (Product, {0: "WALLET"}),
    ],
)  # fmt: skip
def test_codes_in_signed_records_keep_their_meaning(codes: type, frozen: dict[int, str]) -> None:
    """They are in records that can never be changed: a new one is added here, none is renamed or given out again."""
    assert {int(code): name for name, code in codes.__members__.items()} == frozen


ROWS: dict[str, Row] = {verdict.name: row for verdict, row in TABLE.items()} | {
    f"{verdict.name}, {reason.name}": row for (verdict, reason), row in BY_REASON.items()
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_verdict_has_light_tone_and_words_in_two_languages(row: Row) -> None:
    """P17."""
    assert isinstance(row.lamp, Lamp)
    assert row.lamp is not Lamp.OFF
    assert isinstance(row.tone, Tone)
    for words in (row.rider_fa, row.driver_fa):
        assert any("\u0600" <= letter <= "\u06ff" for letter in words)
        assert not any("a" <= letter.lower() <= "z" for letter in words)
    for words in (row.rider_en, row.driver_en):
        assert words.isascii()
        assert any(letter.isalpha() for letter in words)
    for words in (row.rider_fa, row.rider_en, row.driver_fa, row.driver_en):
        assert words == words.strip()
        assert len(words) <= 60  # fits a line of a bus panel
    assert row.boards or not row.charged, "nobody pays for a boarding that is not counted"
    assert (row.lamp is Lamp.GREEN) <= row.boards, "green means that a boarding was accepted"


def test_green_is_a_paid_boarding_and_a_refusal_is_never_green_or_good() -> None:
    """P17: a driver reads the lamp alone, and an ear knows a boarding by its first note."""
    for row in ROWS.values():
        assert (row.lamp is Lamp.GREEN) == row.charged
        assert (TUNES[row.tone][0].pitch is Pitch.HIGH) == row.boards


def test_the_table_has_no_other_rows() -> None:
    assert set(TABLE) == set(Verdict)
    assert set(TUNES) == set(Tone)


def test_each_verdict_has_a_tone_of_its_own_and_so_has_another_light() -> None:
    """P17, for a rider who sees nothing: one tone, one verdict, one light."""
    owner: dict[Tone, Verdict] = {}
    for (verdict, reason), row in {
        (verdict, Reason.NONE): row for verdict, row in TABLE.items()
    }.items() | BY_REASON.items():
        assert owner.setdefault(row.tone, verdict) is verdict, reason.name
    assert len({row.tone for row in TABLE.values()}) == len(TABLE)
    for (verdict, reason), row in BY_REASON.items():
        own = TABLE[verdict]
        assert (row.tone is own.tone) == (row.lamp is own.lamp), reason.name
        assert (row.boards, row.charged) == (own.boards, own.charged), "what is counted is the verdict's alone"
    assert set(owner) == set(Tone), "no tone without a verdict"


def rhythm(tone: Tone) -> tuple[bool, ...]:
    """Long or short, note by note: what a buzzer without pitches plays."""
    return tuple(note.ms == LONG_MS for note in TUNES[tone])


def test_tones_are_told_apart_by_rhythm_alone_and_are_over_soon() -> None:
    assert len({rhythm(tone) for tone in Tone}) == len(Tone)
    for tone, tune in TUNES.items():
        assert {note.ms for note in tune} <= {SHORT_MS, LONG_MS}, tone
        assert 0 < length_ms(tune) <= TUNE_MAX_MS, tone
        assert length_ms(tune) >= length_ms(TUNES[Tone.ACCEPTED]), "what happens most often is shortest"
    assert LONG_MS >= 3 * SHORT_MS
    assert length_ms(TUNES[Tone.CREDENTIAL_EXPIRED]) == 3 * LONG_MS + 2 * GAP_MS


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_tune_begins_with_what_the_rider_does_next_and_ends_with_whether_the_driver_looks(row: Row) -> None:
    tune = TUNES[row.tone]
    assert rhythm(row.tone)[0] == row.refuses, "long: not yet"
    falls = len(tune) > 1 and (tune[-2].pitch, tune[-1].pitch) == (Pitch.MIDDLE, Pitch.LOW)
    assert falls == row.driver
    assert not (row.boards and row.refuses)
    asked = any(words in row.rider_fa for words in ("از راننده بپرسید", "به راننده نشان دهید"))
    assert asked <= row.driver, "who is sent to the driver finds one who knows"


def test_already_paid_tells_the_driver_and_is_red_at_the_other_door() -> None:
    here, there = (row_for(Verdict.ALREADY_PAID, reason) for reason in (Reason.SAME_DOOR, Reason.OTHER_DOOR))
    assert (here.lamp, here.driver, here.refuses) == (Lamp.AMBER, True, False)
    assert (there.lamp, there.driver, there.refuses) == (Lamp.RED, True, True)
    assert here.tone is not there.tone
    assert row_for(Verdict.COPIED, Reason.OTHER_DOOR) is TABLE[Verdict.COPIED]


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_who_boards_free_is_told_to_pay_the_driver_nothing(row: Row) -> None:
    """P15: else the driver sells the free ride."""
    if row.boards and not row.charged:
        assert "رایگان" in row.rider_fa
        assert "به راننده پول ندهید" in row.rider_fa
        assert "pay the driver nothing" in row.rider_en


def test_every_reason_to_ride_free_and_every_grace_has_its_own_words() -> None:
    free = (Reason.FREE_DAY, Reason.CRISIS, Reason.EVENT, Reason.READER_OUT)
    words = {row_for(Verdict.BOARD_FREE, reason).rider_fa for reason in free}
    assert len(words) == len(free)
    assert row_for(Verdict.ACCEPTED, Reason.PROXY).rider_fa != TABLE[Verdict.ACCEPTED].rider_fa


def test_pitches_are_apart_and_within_what_old_ears_and_small_speakers_have() -> None:
    low, middle, high = sorted(Pitch)
    assert high < 2_000
    assert min(middle / low, high / middle) > 1.5
    assert high / middle < 2 > middle / low, "a tonal buzzer plays an octave each way"


def test_no_lamp_flashes_three_times_a_second_and_those_that_do_differ() -> None:
    assert len(set(FLASHES.values())) == len(FLASHES)
    for lamp, (on_ms, off_ms) in FLASHES.items():
        assert on_ms + off_ms > 1_000 / 3, lamp
    assert FLASHES.get(Lamp.RED) != FLASHES.get(Lamp.GREEN)


def test_persian_letters_are_persian() -> None:
    """Arabic kaf and yeh look alike and break search and screen readers."""
    for row in ROWS.values():
        assert not set("كيى") & set(row.rider_fa + row.driver_fa)


moments = st.integers(0, 4_000_000_000_000)


@given(moments)
def test_local_day_is_the_calendars(wall_ms: int) -> None:
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=wall_ms, minutes=210)
    assert service_day(wall_ms) == (local.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    assert since_midnight_s(wall_ms) == local.hour * 3600 + local.minute * 60 + local.second
    assert service_day(wall_ms) * 86_400 + since_midnight_s(wall_ms) == wall_ms // 1000 + 12_600


def test_the_day_turns_at_local_midnight() -> None:
    midnight_ms = int(datetime(2026, 3, 20, 20, 30, tzinfo=UTC).timestamp() * 1000)  # Nowruz 1405, 00:00 in Tehran
    assert since_midnight_s(midnight_ms) == 0
    assert since_midnight_s(midnight_ms - 1) == 86_399
    assert service_day(midnight_ms) == service_day(midnight_ms - 1) + 1 == 20_533
