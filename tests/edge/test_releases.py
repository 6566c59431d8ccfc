"""What a device makes of releases: tried, confirmed, refused; nothing is lost, and nothing comes back (P12)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.limits import REFUSED_RELEASES_MAX, TRIAL_STARTS_MAX
from edge.core.releases import (
    Standing,
    Trial,
    arrived,
    begun,
    confirmed,
    decode_standing,
    encode_standing,
    halted,
    put_back,
    refused,
    there,
    wanted,
)
from protocol.errors import NotDeterministic, OutOfRange, WireError
from protocol.limits import UINT32_MAX
from protocol.wire.releases import (
    Release,
    Stage,
    Stages,
    decode_release,
    decode_stages,
    draw,
    encode_release,
    encode_stages,
    platform_name,
)
from tests.edge.release_office import PLATFORM, make

BUS = "bus-0001-d1"
numbers = st.integers(1, UINT32_MAX)
standings = st.builds(
    Standing, st.integers(0, UINT32_MAX), st.none() | numbers,
    st.none() | st.builds(Trial, numbers, st.integers(1, TRIAL_STARTS_MAX)),
    st.lists(numbers, max_size=REFUSED_RELEASES_MAX, unique=True).map(lambda it: tuple(sorted(it))),
)  # fmt: skip


@given(standings)
def test_a_standing_is_read_as_it_was_written(standing: Standing) -> None:
    assert decode_standing(encode_standing(standing)) == standing


@given(st.binary(max_size=60))
def test_bytes_that_are_no_standing_are_refused_by_name(data: bytes) -> None:
    with suppress(WireError):
        decode_standing(data)


def test_a_release_is_tried_then_confirmed() -> None:
    ready = arrived(Standing(confirmed=6), 7)
    number, trying = begun(ready)
    assert (number, trying) == (7, Standing(6, None, Trial(7, 1)))
    assert trying.kept == {6, 7}
    assert begun(confirmed(trying, 7)) == (7, Standing(confirmed=7))


def test_a_release_that_never_confirms_is_given_up_after_its_starts() -> None:
    """Each start is counted before it runs, so that one that kills the device is."""
    standing = arrived(Standing(confirmed=6), 7)
    ran = []
    for _ in range(TRIAL_STARTS_MAX + 2):
        number, standing = begun(standing)
        ran.append(number)
    assert ran == [7] * TRIAL_STARTS_MAX + [6, 6]
    assert standing == Standing(6, None, None, (7,))


def test_what_runs_cannot_confirm_another() -> None:
    trying = Standing(6, None, Trial(7, 1))
    assert confirmed(trying, 8) == trying
    assert confirmed(Standing(6), 7) == Standing(6)


def test_a_trial_that_its_own_device_kept_from_its_test_is_put_back() -> None:
    assert put_back(Standing(6, None, Trial(7, 1)), 7) == Standing(6, 7)
    assert put_back(Standing(6), 7) == Standing(6)


def test_what_is_confirmed_goes_on_whatever_is_said_of_it() -> None:
    assert refused(Standing(7), [7, 0]) == Standing(7)


@given(standings)
def test_the_first_installation_is_left_when_nothing_is_whole(standing: Standing) -> None:
    assert begun(there(standing, {0}))[0] == 0


@given(standings, st.sets(numbers, max_size=3))
def test_what_begins_is_on_the_card(standing: Standing, whole: set[int]) -> None:
    card = {0, *whole}
    number, after = begun(there(standing, card))
    assert number in card
    assert after.kept <= card
    assert number in after.kept


def test_a_halt_stops_what_has_not_begun_and_is_remembered() -> None:
    stop = Stages((Stage(7, 1000),), (7,))
    gone = halted(arrived(Standing(6), 7), stop)
    assert gone == Standing(6, None, None, (7,))
    assert wanted([make(7).release], Stages((Stage(7, 1000),)), gone, device=BUS, platform=PLATFORM) is None
    assert halted(Standing(7), stop) == Standing(7)
    trying = Standing(6, None, Trial(7, 1))
    assert halted(trying, stop) == trying


def test_the_newest_that_fits_is_wanted_and_none_while_one_is_tried() -> None:
    releases = [make(number).release for number in (7, 8, 9)]
    stages = Stages((Stage(7, 1000), Stage(8, 1000), Stage(9, 0)))

    def number(standing: Standing) -> int | None:
        found = wanted(releases, stages, standing, device=BUS, platform=PLATFORM)
        return None if found is None else found.number

    assert number(Standing()) == 8
    assert number(Standing(ready=7)) == 8
    assert number(Standing(ready=8)) is None
    assert number(Standing(refused=(8,))) == 7
    assert number(Standing(6, None, Trial(7, 1))) is None


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32), numbers, st.integers(0, 1000))
def test_a_higher_share_only_adds_devices(device: str, number: int, permille: int) -> None:
    low, high = Stage(number, permille), Stage(number, min(permille + 1, 1000))
    assert low.takes(device) <= high.takes(device)
    assert Stage(number, 1000).takes(device)
    assert not Stage(number, 0).takes(device)


def test_the_draw_is_even_and_another_for_each_release() -> None:
    devices = [f"bus-{number:04}-d{door}" for number in range(1_000) for door in (1, 2)]
    drawn = [{device for device in devices if draw(device, number) < 100} for number in (7, 8)]
    for one in drawn:
        assert 150 < len(one) < 250
    assert len(drawn[0] & drawn[1]) < 50  # 20 by chance: nobody is always first
    assert draw("bus-0001-d1", 7) == 252  # a device and its office must draw alike for ever


def test_a_release_and_stages_are_read_as_they_were_written() -> None:
    release = make(7, least=3).release
    assert decode_release(encode_release(release)) == release
    stages = Stages((Stage(7, 10, ("bus-1-d1", "bus-2-d1")), Stage(8, 0)), (5, 6))
    assert decode_stages(encode_stages(stages)) == stages


def test_a_name_that_is_a_path_is_no_file_of_a_release() -> None:
    release = make(7).release
    for name in ("../a.whl", "a/b.whl", ".whl", "a.zip", "a.whl\n"):
        bad = Release(7, "x", 0, PLATFORM, (release.files[0].__class__(name, release.files[0].chunks),))
        with pytest.raises(OutOfRange):
            encode_release(bad)


def test_a_table_out_of_order_is_refused() -> None:
    from protocol.wire import cbor  # noqa: PLC0415

    with pytest.raises(NotDeterministic):
        decode_stages(cbor.encode([1, [[8, 0, []], [7, 0, []]], []]))
    with pytest.raises(NotDeterministic):
        decode_stages(cbor.encode([1, [], [8, 7]]))


def test_a_platform_has_a_name() -> None:
    assert platform_name("Linux", "x86_64", (3, 11)) == "linux-x86-64-cp311"
    assert platform_name("Linux", "aarch64", (3, 11)) == PLATFORM
