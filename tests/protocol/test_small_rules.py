"""Rules of one line each that mutants of the contract got past: every test here was a survivor."""

from dataclasses import replace

import pytest

from protocol import limits
from protocol.errors import DuplicateKey, NotDeterministic, OutOfRange, WrongLength
from protocol.fares.policies import BoardFree, Policies
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Verdict
from protocol.wire import cbor, chain
from protocol.wire.bundles import cut_bundle
from protocol.wire.passes import read_issued
from protocol.wire.policies import decode_policies, encode_policies
from protocol.wire.records import ClockQuality, Instant, decode_record, encode_public_tap, encode_tap
from protocol.wire.riders import RiderRow, encode_rows
from tests.protocol.samples import BUNDLE, POLICIES, SEALING_KEY, tap_values

DAY_MS = 86_400_000


def test_a_bus_remembers_for_the_longest_window_of_its_tariffs() -> None:
    short, long = (
        Tariff(1, 60_000, repeat_window_s=60, transfer_window_s=600),
        Tariff(2, 60_000, transfer_window_s=3_600),
    )
    assert replace(BUNDLE, tariff=short, next_tariff=None).window_s == 600
    assert replace(BUNDLE, tariff=short, next_tariff=long).window_s == 3_600
    assert replace(BUNDLE, tariff=long, next_tariff=short).window_s == 3_600


def test_the_next_tariff_holds_from_its_first_moment_and_not_before() -> None:
    now, then = Tariff(1, 60_000), Tariff(2, 70_000, starts_ms=5 * DAY_MS)
    bundle = replace(BUNDLE, tariff=now, next_tariff=then)
    assert [bundle.tariff_at(at).version for at in (None, 5 * DAY_MS - 1, 5 * DAY_MS, 6 * DAY_MS)] == [1, 1, 2, 2]


def test_a_bundle_without_people_has_no_section_of_them() -> None:
    sections, chunks = cut_bundle(replace(BUNDLE, staff_number=0, staff=()))
    assert "staff" not in {section.kind for section in sections}
    assert len(chunks) == sum(len(section.chunks) for section in sections)


@pytest.mark.parametrize("column", [4, 5])
def test_lines_and_vehicles_of_an_order_are_ascending(column: int) -> None:
    values = cbor.decode(encode_policies(POLICIES), max_bytes=limits.CHUNK_MAX_BYTES)
    values[1][0][column] = ["b", "a"]
    spoiled = cbor.encode(values)
    with pytest.raises(NotDeterministic):
        decode_policies(spoiled, POLICIES.number)


def test_whoever_trains_is_told_in_one_order() -> None:
    one, other = (replace(POLICIES, training=frozenset(names)) for names in (["z", "b", "a"], ["a", "z", "b"]))
    assert encode_policies(one) == encode_policies(other)
    assert decode_policies(encode_policies(one), one.number) == one


def test_of_two_names_that_are_a_free_ride_and_a_grace_the_first_is_told() -> None:
    (order, *_), (grace, *_) = POLICIES.board_free, POLICIES.graces
    both = Policies(
        1, tuple(replace(order, order=name) for name in ("a", "b")), frozenset(),
        tuple(replace(grace, order=name) for name in ("a", "b")),
    )  # fmt: skip
    assert isinstance(order, BoardFree)
    with pytest.raises(DuplicateKey) as refused:
        encode_policies(both)
    assert (refused.value.data["field"], refused.value.data["order"]) == ("graces", "a")


@pytest.mark.parametrize(
    ("then", "now", "age_ms"),
    [(1, 1, 1_000), (0, 1, None), (1, 0, None), (0, 0, None)],
)
def test_an_age_takes_two_clocks_that_are_trusted(then: int, now: int, age_ms: int | None) -> None:
    quality = (ClockQuality.UNTRUSTED, ClockQuality.TRUSTED)
    before, after = Instant(1_000, 5, quality[then], 1), Instant(2_000, 6, quality[now], 1)
    assert before.age_ms(after) == age_ms


@pytest.mark.parametrize(("told", "line"), [(True, "r9"), (False, None)])
def test_a_line_that_only_the_road_says_prices_nothing(*, told: bool, line: str | None) -> None:
    tap = tap_values(chain.GENESIS)
    assert replace(tap, service=replace(tap.service, route="r9"), line_told=told).fare_line == line


def test_a_tap_says_by_which_policy_and_what_it_closes() -> None:
    tap = replace(
        tap_values(chain.GENESIS, sealed=False),
        verdict=Verdict.TAPPED_OUT,
        closes=(7, 9),
        metres=3,
        policy=(4, "flood-1"),
    )
    found = decode_record(encode_tap(encode_public_tap(tap), b""))
    assert (found.policy, found.closes, found.metres) == ((4, "flood-1"), (7, 9), 3)  # type: ignore[union-attr]


@pytest.mark.parametrize("length", [111, 113])
def test_what_we_issued_ourselves_has_its_length(length: int) -> None:
    with pytest.raises(WrongLength, match="112"):
        read_issued(bytes(length))


@pytest.mark.parametrize(
    ("rider_class", "product", "field"), [(15, 15, None), (16, 0, "rider_class"), (0, 16, "product")]
)
def test_a_riders_class_and_product_have_half_a_byte_each(rider_class: int, product: int, field: str | None) -> None:
    row = RiderRow(bytes(8), SEALING_KEY.public, 1, rider_class, product, 20_000, 1)
    if field is None:
        assert encode_rows([row])
        return
    with pytest.raises(OutOfRange) as refused:
        encode_rows([row])
    assert refused.value.data["field"] == field


@pytest.mark.parametrize("number", [limits.INT63_MAX, -limits.INT63_MAX - 1])
def test_the_greatest_and_the_least_number_are_in_the_profile(number: int) -> None:
    assert cbor.decode(cbor.encode([number]), max_bytes=64) == [number]
