"""Receipts, health, state, bundles and topics: round trips and their own rules."""

from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import MissingField, OutOfRange, SavarError, UnknownField, UnknownVersion
from protocol.fares.policies import NONE
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire import cbor
from protocol.wire.bundles import Bundle
from protocol.wire.health import (
    BIRTHS,
    DEATHS,
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
    encode_health,
    encode_state,
    open_health,
    open_state,
)
from protocol.wire.keys import Purpose
from protocol.wire.passes import Presentation
from protocol.wire.receipts import Receipt, encode_receipt, open_receipt
from protocol.wire.signed import cut, seal_message
from protocol.wire.sister import Along, DoorCondition, FreshBoarding, SisterWord, Witness, encode_sister, open_sister
from protocol.wire.topics import DOWN, FROM_OFFICE, TO_ALL, TO_OFFICE, UP, Address, Channel, shard_filter, split
from tests.protocol import samples
from tests.protocol.fares import policies, tariffs
from tests.protocol.test_records import names, uint32, uint63

digests = st.binary(min_size=32, max_size=32)
permille = st.integers(0, 1_000)
points = st.binary(min_size=33, max_size=33)
texts = st.text(max_size=200)
receipts = st.builds(Receipt, names, uint63, uint63, digests, uint63, digests, uint63)
counts = st.none() | uint63
machines = st.builds(Machine, st.none() | st.integers(-200_000, 200_000), st.none() | uint32, *[counts] * 8)
sister_links = st.builds(SisterLink, st.booleans(), uint63, uint63, uint63, uint63)
flags, uint16 = st.none() | st.booleans(), st.none() | st.integers(0, 65_535)
boards = st.builds(
    BoardHealth, st.sampled_from(BoardState), uint16, uint16, st.none() | st.sampled_from(BoardCause), uint16,
    flags, flags, flags, *[counts] * 6,
)  # fmt: skip
cameras = st.builds(CameraHealth, names, st.sampled_from(CameraState), uint63, uint63, uint63, permille, permille)
healths = st.builds(
    Health, device=names, epoch=uint63, wall_ms=uint63, clock_quality=st.integers(0, 2), software=texts,
    last_sequence=uint63, receipted_sequence=uint63, accepted=uint63, refused=uint63, disk_free_bytes=uint63,
    cameras=st.lists(cameras, max_size=8).map(tuple), problem=texts,
    bundle_number=uint63, bundle_issued_ms=uint63, clock_uncertainty_s=uint32, oldest_waiting_s=counts,
    started=st.sampled_from(RunCause), uptime_s=uint63, certificate_until_ms=counts, tamper=st.none() | st.booleans(),
    machine=machines, sister=st.none() | sister_links, unread=st.lists(names, max_size=16).map(tuple),
    board=st.none() | boards,
)  # fmt: skip
states = st.one_of(
    st.builds(State, names, st.just(online), uint63, uint63, texts, st.sampled_from(sorted(causes)))
    for online, causes in ((True, BIRTHS), (False, DEATHS))
)
presentations = st.builds(Presentation, st.binary(min_size=8, max_size=8), uint32, st.integers(0, 65_535))
boardings = st.builds(
    FreshBoarding, uint63, st.integers(1, limits.INT63_MAX), presentations, st.integers(0, 15), st.integers(0, 255),
    uint63, uint63, st.integers(0, limits.FLAT_FARE_MAX_RIALS), permille, permille, st.integers(0, limits.RIALS_MAX),
    st.sampled_from(Verdict), st.sampled_from(Reason), uint32, st.booleans(),
    st.none() | st.builds(Along, names, st.none() | st.integers(0, 1), st.none() | names, st.none() | st.integers(0, 10**6)),
    st.none() | st.tuples(uint63, st.integers(1, limits.INT63_MAX)),
)  # fmt: skip
sister_words = st.builds(
    SisterWord, names, st.binary(max_size=300), st.lists(boardings, max_size=5).map(tuple),
    st.none() | st.builds(Witness, uint63, uint63, digests), st.binary(max_size=300), uint63,
    st.none() | st.builds(DoorCondition, st.booleans(), st.text(max_size=200)),
)  # fmt: skip
bundles = st.builds(
    Bundle, city=names, number=uint63, issued_ms=uint63, issuer_keys=st.lists(points, max_size=16).map(tuple),
    receipt_keys=st.lists(points, max_size=16).map(tuple), sealing_key=points, tariff=tariffs, deny_number=uint63,
    deny=st.dictionaries(st.binary(min_size=8, max_size=8), st.integers(0, 255), max_size=20),
    policies=st.just(NONE) | policies,
)  # fmt: skip


@given(receipts)
def test_receipt_round_trip(receipt: Receipt) -> None:
    data = encode_receipt(receipt, samples.RECEIPT_KEY)
    assert open_receipt(data, [samples.RECEIPT_KEY.verifying]) == receipt


@given(healths)
def test_health_round_trip(health: Health) -> None:
    assert open_health(encode_health(health, samples.TAP_KEY), [samples.TAP_KEY.verifying]) == health


@given(states)
def test_state_round_trip(state: State) -> None:
    assert open_state(encode_state(state, samples.TAP_KEY), [samples.TAP_KEY.verifying]) == state


def sealed(purpose: Purpose, values: list[object]) -> bytes:
    return seal_message(purpose, cbor.encode(values), samples.TAP_KEY)


def values_of(message: bytes) -> list[object]:
    return cbor.decode(cut(message, max_bytes=len(message)).payload, max_bytes=len(message))


@given(healths, states)
def test_a_bus_before_its_renewal_is_still_understood(health: Health, state: State) -> None:
    """A backend is renewed before its buses: older versions are read, and what they do not say is unknown."""
    held, values = [samples.TAP_KEY.verifying], values_of(encode_health(health, samples.TAP_KEY))
    assert open_health(sealed(Purpose.HEALTH, [2, *values[1:24]]), held) == replace(health, board=None)
    assert open_health(sealed(Purpose.HEALTH, [1, *values[1:15]]), held) == replace(
        health, clock_uncertainty_s=0, oldest_waiting_s=None, started=RunCause.UNKNOWN, uptime_s=0,
        certificate_until_ms=None, tamper=None, machine=Machine(), sister=None, unread=(), board=None,
    )  # fmt: skip
    older = sealed(Purpose.STATE, [1, *values_of(encode_state(state, samples.TAP_KEY))[1:6]])
    assert open_state(older, held) == replace(state, cause=RunCause.UNKNOWN)


def test_a_version_has_its_own_fields_and_no_others() -> None:
    held = [samples.TAP_KEY.verifying]
    for purpose, opener, message, fields in (
        (Purpose.HEALTH, open_health, encode_health(samples.HEALTH, samples.TAP_KEY), (14, 23, 24)),
        (Purpose.STATE, open_state, encode_state(samples.STATE, samples.TAP_KEY), (5, 6)),
    ):
        newest, *values = values_of(message)
        assert (newest, len(values)) == (len(fields), fields[-1])
        for version, count in enumerate(fields, 1):
            opener(sealed(purpose, [version, *values[:count]]), held)
            with pytest.raises(MissingField):
                opener(sealed(purpose, [version, *values[: count - 1]]), held)
            with pytest.raises(UnknownField):
                opener(sealed(purpose, [version, *values[:count], None]), held)
        for version in (0, newest + 1, True, None, [1]):
            with pytest.raises(UnknownVersion):
                opener(sealed(purpose, [version, *values]), held)


@given(boards)
def test_what_a_board_says_comes_back_as_its_own_codes(board: BoardHealth) -> None:
    """A plain 1 equals WATCHDOG and has no name: whoever tells it in words would fall over it."""
    found = open_health(
        encode_health(replace(samples.HEALTH, board=board), samples.TAP_KEY), [samples.TAP_KEY.verifying]
    )
    assert found.board is not None
    assert [type(it) for it in astuple(found.board)] == [type(it) for it in astuple(board)]


@pytest.mark.parametrize("cause", RunCause, ids=lambda cause: cause.name)
def test_a_cause_is_of_a_birth_or_of_a_death(cause: RunCause) -> None:
    for online, causes in ((True, BIRTHS), (False, DEATHS)):
        if cause not in causes:
            with pytest.raises(OutOfRange):
                encode_state(State("d", online, 1, 1, "", cause), samples.TAP_KEY)
    assert cause in BIRTHS | DEATHS or cause is RunCause.CARD_COPY  # which health alone tells


@given(sister_words)
def test_sister_round_trip(word: SisterWord) -> None:
    assert open_sister(encode_sister(word, samples.TAP_KEY), samples.TAP_KEY.verifying) == word


def test_the_fullest_message_between_doors_fits() -> None:
    """A batch, its boardings and a receipt, each as large as it may be: what is sealed is never refused for its size."""
    boarding = FreshBoarding(
        limits.INT63_MAX, limits.INT63_MAX, Presentation(b"\xff" * 8, limits.UINT32_MAX, 65_535), 15, 255,
        limits.INT63_MAX, limits.INT63_MAX, limits.FLAT_FARE_MAX_RIALS, 1000, 1000, limits.RIALS_MAX, max(Verdict),
        max(Reason), limits.UINT32_MAX, annulled=True, along=Along("l" * 32, 1, "t" * 32, limits.TARIFF_METRES_MAX),
        closes=(limits.INT63_MAX, limits.INT63_MAX),
    )  # fmt: skip
    word = SisterWord(
        "d" * limits.NAME_MAX_CHARS, bytes(limits.BATCH_MAX_BYTES), (boarding,) * limits.SISTER_BOARDINGS_MAX,
        Witness(limits.INT63_MAX, limits.INT63_MAX, bytes(32)), bytes(limits.MESSAGE_MAX_BYTES),
        limits.INT63_MAX, DoorCondition(reads=True, fault="\U0010ffff" * limits.TEXT_MAX_CHARS),
    )  # fmt: skip
    assert open_sister(encode_sister(word, samples.TAP_KEY), samples.TAP_KEY.verifying) == word


def test_a_problem_too_long_is_told_in_part() -> None:
    """A device that has much to complain about must not fall silent."""
    health = Health("d", 1, 1, 0, "s", 1, 1, 1, 1, 1, (), "ن" * 201)
    found = open_health(encode_health(health, samples.TAP_KEY), [samples.TAP_KEY.verifying])
    assert found.problem == "ن" * 200


def test_what_its_reader_would_refuse_is_not_signed() -> None:
    with pytest.raises(OutOfRange):
        encode_receipt(Receipt("d", 1, 1, bytes(31), 1, bytes(32), 1), samples.RECEIPT_KEY)
    with pytest.raises(OutOfRange):
        encode_state(State("Bus 1", True, 1, 1, ""), samples.TAP_KEY)


@given(names, names, names, st.sampled_from(Channel))
def test_topic_round_trip(city: str, shard: str, device: str, channel: Channel) -> None:
    topic = Address(city, shard, device).topic(channel)
    assert topic == f"savar/1/{city}/{shard}/{device}/{channel.value}"
    assert split(topic) == (Address(city, shard, device), channel)
    assert shard_filter(city, shard, channel) == f"savar/1/{city}/{shard}/+/{channel.value}"


@pytest.mark.parametrize(
    ("topic", "error"),
    [
        ("", UnknownVersion),
        ("savar/2/isfahan/s0/bus-1/taps", UnknownVersion),
        ("other/1/isfahan/s0/bus-1/taps", UnknownVersion),
        ("savar/1/isfahan/s0/taps", UnknownVersion),
        ("savar/1/isfahan/s0/bus-1/taps/", UnknownVersion),
        ("/savar/1/isfahan/s0/bus-1/taps", UnknownVersion),
        ("savar/1/isfahan/s0/+/taps", OutOfRange),
        ("savar/1/isfahan/#/bus-1/taps", OutOfRange),
        ("savar/1//s0/bus-1/taps", OutOfRange),
        ("savar/1/Isfahan/s0/bus-1/taps", OutOfRange),
        ("savar/1/isfahan/s0/bus-1/tap", OutOfRange),
        ("savar/1/isfahan/s0/bus-1/TAPS", OutOfRange),
    ],
)
def test_wrong_topic(topic: str, error: type[SavarError]) -> None:
    with pytest.raises(error):
        split(topic)


@pytest.mark.parametrize(
    ("topic", "field"),
    [
        ("savar/1/Isfahan/s0/bus-1/taps", "city"),
        ("savar/1/isfahan/S0/bus-1/taps", "shard"),
        ("savar/1/isfahan/s0/Bus-1/taps", "device"),
        ("savar/1/isfahan/s0/bus-1/Taps", "channel"),
    ],
)
def test_a_wrong_part_of_a_topic_is_named(topic: str, field: str) -> None:
    with pytest.raises(OutOfRange) as caught:
        split(topic)
    assert caught.value.data["field"] == field


@pytest.mark.parametrize("topic", ["x" * 60_000, "savar/1/isfahan/s0/bus-1/" + "x" * 60_000])
def test_of_an_endless_topic_an_error_repeats_only_a_beginning(topic: str) -> None:
    """P3: a broker takes topics of 64 KB; what is kept of a refusal is small."""
    with pytest.raises((UnknownVersion, OutOfRange)) as caught:
        split(topic)
    assert len(str(caught.value.data)) < 300


def test_every_channel_has_one_direction() -> None:
    assert sorted(channel.value for channel in UP + DOWN + TO_ALL + TO_OFFICE + FROM_OFFICE) == sorted(
        channel.value for channel in Channel
    )
