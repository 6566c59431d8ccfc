"""Fare rules: the price in whole rials, the verdict table whole in two languages, the city's local day."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import OutOfRange
from protocol.fares.tariff import Product, RiderClass, Tariff, price
from protocol.fares.tones import GAP_MS, LONG_MS, SHORT_MS, TUNE_MAX_MS, TUNES, Pitch, Tone, length_ms
from protocol.fares.verdicts import BY_REASON, FLASHES, TABLE, Lamp, Reason, Row, Verdict, row_for
from protocol.localtime import service_day, since_midnight_s
from protocol.wire import records
from tests.protocol.test_messages import tariffs

classes = st.integers(0, 15)
parties = st.integers(0, limits.PARTY_MAX)


@given(tariffs, classes, parties)
def test_price(tariff: Tariff, rider_class: int, party: int) -> None:
    """Never negative, whole rials, and the city's share and the rider's own make the flat fare."""
    found = price(tariff, rider_class=rider_class, party=party)
    assert type(found.rider_rials) is type(found.city_rials) is int
    assert found.rider_rials >= 0
    assert found.city_rials >= 0
    own = found.rider_rials - party * tariff.flat_fare_rials
    assert own + found.city_rials == tariff.flat_fare_rials
    share = tariff.rider_permille.get(rider_class, 1000)
    assert own * 1000 <= tariff.flat_fare_rials * share < (own + 1) * 1000


@given(tariffs, classes, parties)
def test_a_priced_boarding_fits_its_record(tariff: Tariff, rider_class: int, party: int) -> None:
    fields = dict(records._TAP)
    fields["fare_rials"]("fare_rials", price(tariff, rider_class=rider_class, party=party).rider_rials)


@given(tariffs, classes, parties, parties)
def test_companions_add_up(tariff: Tariff, rider_class: int, one: int, more: int) -> None:
    alone = price(tariff, rider_class=rider_class, party=0)
    if one + more > limits.PARTY_MAX:
        more = limits.PARTY_MAX - one
    together = price(tariff, rider_class=rider_class, party=one + more)
    split = [price(tariff, rider_class=rider_class, party=part).rider_rials - alone.rider_rials for part in (one, more)]
    assert together.rider_rials == alone.rider_rials + sum(split)
    assert together.city_rials == alone.city_rials


def ascending(most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, most), min_size=2, max_size=2).map(sorted)


@given(ascending(limits.FLAT_FARE_MAX_RIALS), ascending(1000), ascending(limits.PARTY_MAX))
def test_monotone(fares: list[int], shares: list[int], party: list[int]) -> None:
    """More fare, a larger share or more companions never cost less."""
    low, high = (
        price(Tariff(1, fares[end], {1: shares[end]}), rider_class=1, party=party[end]).rider_rials for end in (0, 1)
    )
    assert low <= high


def test_worked_prices() -> None:
    tariff = Tariff(3, 33_333, {1: 500, 3: 0})
    assert price(tariff, rider_class=RiderClass.ADULT, party=0).rider_rials == 33_333
    assert price(tariff, rider_class=RiderClass.CHILD, party=0).rider_rials == 16_666  # rounded down, for the rider
    assert price(tariff, rider_class=RiderClass.CHILD, party=0).city_rials == 16_667
    assert price(tariff, rider_class=RiderClass.CHILD, party=2).rider_rials == 16_666 + 66_666
    assert price(tariff, rider_class=RiderClass.SENIOR, party=0).rider_rials == 0


@pytest.mark.parametrize("party", [-1, 16, 255])
def test_party_out_of_range(party: int) -> None:
    with pytest.raises(OutOfRange) as caught:
        price(Tariff(1, 1), rider_class=0, party=party)
    assert caught.value.data == {"party": party, "most": 15}


@pytest.mark.parametrize(
    "wrong",
    [
        {"flat_fare_rials": -1}, {"flat_fare_rials": limits.FLAT_FARE_MAX_RIALS + 1}, {"rider_permille": {1: 1001}},
        {"rider_permille": {1: -1}}, {"repeat_window_s": -1}, {"repeat_window_s": limits.REPEAT_WINDOW_MAX_S + 1},
    ],
    ids=str,
)  # fmt: skip
def test_no_such_tariff(wrong: dict[str, object]) -> None:
    with pytest.raises(OutOfRange):
        Tariff(**({"version": 1, "flat_fare_rials": 1} | wrong))


VERDICTS = {
    1: "ACCEPTED", 2: "ACCEPTED_CONCESSION", 3: "ACCEPTED_GRACE", 4: "ALREADY_PAID", 5: "PARTY_EXTENDED", 6: "CODE_EXPIRED",
    7: "CREDENTIAL_EXPIRED", 8: "PHONE_CLOCK_WRONG", 9: "COPIED", 10: "DENIED", 11: "BEARER_DENIED", 12: "UNKNOWN_ISSUER",
    13: "WRONG_SERVICE", 14: "NOT_A_FARE_CODE", 15: "NOT_GENUINE", 16: "BOARD_FREE", 17: "TRAINING", 18: "OUT_OF_SERVICE",
}  # fmt: skip
REASONS = {
    0: "NONE", 1: "NO_TRUSTED_CLOCK", 2: "BACKEND_SILENT", 3: "CODE_FROM_FUTURE", 4: "CODE_TOO_OLD", 5: "BAD_SIGNATURE",
    6: "MALFORMED", 7: "SAME_DOOR", 8: "OTHER_DOOR", 9: "DENY_LIST", 10: "CAMERA_LOST", 11: "JOURNAL_FAILED", 12: "STOPPING",
    13: "RIDER_UNKNOWN",
}  # fmt: skip
KINDS = {0: "OPENING", 1: "DAY_KEY", 2: "TAP"}
QUALITIES = {0: "TRUSTED", 1: "HOLDOVER", 2: "UNTRUSTED"}
CODES = {0: "NONE", 1: "LONG_PASS", 2: "SHORT_PASS"}
CLASSES = {0: "ADULT", 1: "CHILD", 2: "STUDENT", 3: "SENIOR", 4: "DISABLED", 5: "VETERAN", 6: "STAFF"}


@pytest.mark.parametrize(
    ("codes", "frozen"),
    [
        (Verdict, VERDICTS), (Reason, REASONS), (records.RecordKind, KINDS), (records.ClockQuality, QUALITIES),
        (records.CodeKind, CODES), (RiderClass, CLASSES), (Product, {0: "WALLET"}),
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
    asked = "راننده" in row.rider_fa and "پول ندهید" not in row.rider_fa
    assert asked <= row.driver, "who is sent to the driver finds one who knows"


def test_already_paid_tells_the_driver_and_is_red_at_the_other_door() -> None:
    here, there = (row_for(Verdict.ALREADY_PAID, reason) for reason in (Reason.SAME_DOOR, Reason.OTHER_DOOR))
    assert (here.lamp, here.driver, here.refuses) == (Lamp.AMBER, True, False)
    assert (there.lamp, there.driver, there.refuses) == (Lamp.RED, True, True)
    assert here.tone is not there.tone
    assert row_for(Verdict.COPIED, Reason.OTHER_DOOR) is TABLE[Verdict.COPIED]


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
