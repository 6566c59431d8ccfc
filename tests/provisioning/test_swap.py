"""A spare takes a dead unit's door: at the office, by files, at the devices (P12: believed only with proof, no way back)."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from edge.adapters.own_keys import OwnKeys
from edge.app.assigning import Assigning, StandsBy, sister_key, take
from edge.app.config import ValidatorConfig, load_config
from edge.app.enrolling import finish
from edge.core.errors import EnrolmentFailed
from edge.core.ports import Showing
from protocol.errors import BadSignature, OutOfRange, ProofError, RolledBack, WireError
from protocol.fares.verdicts import Verdict
from protocol.wire.assignments import Assignment, Other, Serves, encode_assignment, open_assignment
from provisioning.adapters import files
from provisioning.app.city import load_city
from provisioning.app.claims import make_claim
from provisioning.app.makers import load_intermediate
from provisioning.app.pairs import pair_doors
from provisioning.app.registry import registered
from provisioning.app.revoking import _mark
from provisioning.app.swapping import Swap, Swapped, Ways, assignments, swap_units
from provisioning.core import certificates
from provisioning.core.errors import FileFailed, NotASwap, NotConfirmed, NotSisters, UnknownDevice
from provisioning.core.layout import AuthorityFolder
from provisioning.core.purposes import Purpose
from provisioning.core.revocations import Reason, Revoked
from tests.provisioning.enrolments import NOW, ONE, approved, box, enrolled, plain_city

TWO, SPARE, SPARE_2 = "bus-0001-d2", "spare-0007-d1", "spare-0008-d1"
AS_THEY_ARE = Ways()
LATER = NOW + timedelta(hours=1)


def spare(root: Path, folder: Path, name: str = SPARE) -> OwnKeys:
    """A spare that has gone the whole way of an enrolment, in the depot."""
    made = make_claim(
        root, device=name, vehicle=None, door=None, cameras=[("front", "v4l2:0")], now=NOW, randomness=os.urandom
    )
    assert made.claim.vehicle is None
    own, request = box(folder, made.claim)
    finish(own, approved(root, request.raw, folder.with_suffix(".answer")))
    return own


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A bus with two doors that are each other's, and two spares."""
    root = plain_city(tmp_path / "city")
    for name in (ONE, TWO):
        enrolled(root, tmp_path / name, name)
        config = root / "devices" / name / "validator.toml"
        files.make_folder(config.parent)
        files.replace(config, (tmp_path / name / "validator.toml").read_bytes())
    pair_doors(root, ONE, TWO, interface="eth0")
    for name in (ONE, TWO):  # carried back
        own = OwnKeys(tmp_path / name)
        own.write("validator.toml", (root / "devices" / name / "validator.toml").read_bytes())
        own.write("keys/sister.pub", (root / "devices" / name / "keys" / "sister.pub").read_bytes())
    for name in (SPARE, SPARE_2):
        spare(root, tmp_path / name, name)
    return root


def at(root: Path, device: str) -> ValidatorConfig:
    return load_config(root.parent / device / "validator.toml")


def swapped(
    root: Path, old: str = ONE, new: str = SPARE, *, when: datetime = LATER,
    confirm: Callable[[Swap], None] = lambda _: None, by: Ways = AS_THEY_ARE,
) -> Swapped:  # fmt: skip
    return swap_units(root, old, new, now=when, randomness=os.urandom, confirm=confirm, by=by)


def carried(root: Path, done: Swapped) -> None:
    for device, path in done.files.items():
        take(at(root, device), path.read_bytes())


def test_a_spare_serves_nowhere_and_says_so(city: Path) -> None:
    config = at(city, SPARE)
    assert (config.serves, config.spare, config.vehicle, config.door, config.sister) == (False, True, None, None, None)
    assert json.loads((city / "backend" / "registry" / f"{SPARE}.json").read_text())["vehicle"] is None


def test_the_spare_takes_the_door_and_the_two_are_each_others(city: Path) -> None:
    done = swapped(city)
    carried(city, done)
    new, sister, old = at(city, SPARE), at(city, TWO), at(city, ONE)
    assert (new.serves, new.vehicle, new.door) == (True, "bus-0001", 1)
    assert (sister.serves, sister.vehicle, sister.door) == (True, "bus-0001", 2)
    assert new.sister is not None
    assert sister.sister is not None
    assert (new.sister.device, sister.sister.device) == (TWO, SPARE)
    keys = {name: registered(load_city(city), name).tap_key for name in (ONE, TWO, SPARE)}
    found = sister_key(new), sister_key(sister)
    assert [None if it is None else it.public for it in found] == [keys[TWO], keys[SPARE]]
    assert sister.sister.interface == "eth0"  # its own settings' word, where the office says none
    assert new.sister.ca == new.broker.ca
    assert (old.serves, old.vehicle, old.sister, sister_key(old)) == (False, "bus-0001", None, None)


def test_what_the_office_says_of_route_and_interface_counts(city: Path) -> None:
    carried(city, swapped(city, by=Ways("r9", "eth1")))
    new = at(city, SPARE)
    assert new.sister is not None
    assert (new.route, new.sister.interface) == ("r9", "eth1")


def test_a_bus_with_one_door(city: Path, tmp_path: Path) -> None:
    enrolled(city, tmp_path / "bus-0009-d1", "bus-0009-d1")
    done = swapped(city, "bus-0009-d1")
    assert list(done.files) == [SPARE, "bus-0009-d1"]
    carried(city, done)
    assert (at(city, SPARE).vehicle, at(city, SPARE).sister) == ("bus-0009", None)


def test_nothing_is_written_before_a_person_agrees(city: Path) -> None:
    before = {path: path.read_bytes() for path in city.rglob("*") if path.is_file()}

    def no(swap: Swap) -> None:
        assert (swap.old.device, swap.spare.device, swap.sister and swap.sister.device) == (ONE, SPARE, TWO)
        raise NotConfirmed("no", fix="")

    with pytest.raises(NotConfirmed):
        swapped(city, confirm=no)
    assert {path: path.read_bytes() for path in city.rglob("*") if path.is_file()} == before


def test_called_again_it_is_the_same_and_nobody_is_asked(city: Path) -> None:
    done = swapped(city)
    held = {name: path.read_bytes() for name, path in done.files.items()}
    again = swapped(city, when=LATER + timedelta(days=1), confirm=lambda _: pytest.fail("asked"))
    assert again.again
    assert {name: path.read_bytes() for name, path in again.files.items()} == held


@pytest.mark.parametrize("after", range(5))
def test_an_interrupted_call_is_finished_by_the_same_one(
    city: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two entries and three files are written: the power goes before each of them."""
    real, left = files.replace, [after]

    def replace_some(path: Path, data: bytes, **more: object) -> None:
        if left[0] == 0:
            raise FileFailed("power cut", fix="")
        left[0] -= 1
        real(path, data, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(files, "replace", replace_some)
        with pytest.raises(FileFailed):
            swapped(city)
    if after:  # bound to this door, whatever became of the rest
        with pytest.raises(NotASwap):
            swapped(city, TWO)
    done = swapped(city, when=LATER + timedelta(minutes=1))
    carried(city, done)
    assert at(city, SPARE).serves
    assert not at(city, ONE).serves
    assert at(city, TWO).sister is not None


@pytest.mark.parametrize("after", range(5))
def test_an_interrupted_second_swap_of_a_bus_is_finished_too(
    city: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is out now and the sister have words of the first swap, which say the contrary."""
    carried(city, swapped(city))
    real, left = files.replace, [after]

    def replace_some(path: Path, data: bytes, **more: object) -> None:
        if left[0] == 0:
            raise FileFailed("power cut", fix="")
        left[0] -= 1
        real(path, data, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(files, "replace", replace_some)
        with pytest.raises(FileFailed):
            swapped(city, SPARE, SPARE_2, when=LATER + timedelta(days=2))
    done = swapped(city, SPARE, SPARE_2, when=LATER + timedelta(days=2, minutes=1))
    carried(city, done)
    sister = at(city, TWO).sister
    assert (done.again, at(city, SPARE).serves, at(city, SPARE_2).serves) == (False, False, True)
    assert sister is not None
    assert sister.device == SPARE_2
    assert swapped(city, SPARE, SPARE_2, when=LATER + timedelta(days=3)).again


def test_a_door_keeps_line_and_network_that_the_office_said_when_its_sister_is_swapped(city: Path) -> None:
    first = swapped(city, by=Ways("r9", "eth1"))
    carried(city, first)
    assert swapped(city, when=LATER + timedelta(days=1)).again  # nothing else is said by saying less
    carried(city, swapped(city, TWO, SPARE_2, when=LATER + timedelta(days=2)))
    one = at(city, SPARE)
    assert one.sister is not None
    assert (one.route, one.sister.device, one.sister.interface) == ("r9", SPARE_2, "eth1")


def test_a_line_that_was_said_wrongly_is_said_anew_by_the_same_call(city: Path) -> None:
    carried(city, swapped(city, by=Ways("r8", "eth1")))
    done = swapped(city, when=LATER + timedelta(days=1), by=Ways(route="r9"))
    carried(city, done)
    one = at(city, SPARE)
    assert one.sister is not None
    assert (done.again, one.route, one.sister.interface) == (False, "r9", "eth1")


@pytest.mark.parametrize("by", [Ways(interface="eth0 "), Ways(interface="a-network-too-long"), Ways(route="R 9")])
def test_what_no_door_could_start_with_is_not_said_and_changes_nothing(city: Path, by: Ways) -> None:
    """A validator whose settings cannot be made ends at each start, and hears of no better word."""
    before = {path: path.read_bytes() for path in city.rglob("*") if path.is_file()}
    with pytest.raises((WireError, ProofError)):
        swapped(city, by=by)
    assert {path: path.read_bytes() for path in city.rglob("*") if path.is_file()} == before


def test_a_swap_that_was_cut_off_is_named_before_another_one_of_that_bus(
    city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told to revoke the dead unit for it: what its sister holds of it would be posted no more."""
    real = files.replace

    def replace_one(path: Path, data: bytes, **more: object) -> None:
        monkeypatch.setattr(files, "replace", lambda *_, **__: pytest.fail("written"))
        real(path, data, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "replace", replace_one)
    with pytest.raises(pytest.fail.Exception):
        swapped(city)
    monkeypatch.setattr(files, "replace", real)
    for old in (ONE, TWO):
        with pytest.raises(NotASwap) as refused:
            swapped(city, old, SPARE_2)
        assert f"swap CITY {ONE} {SPARE}" in refused.value.fix
    swapped(city)
    swapped(city, TWO, SPARE_2, when=LATER + timedelta(days=1))


def test_a_spare_goes_into_one_bus_alone(city: Path, tmp_path: Path) -> None:
    enrolled(city, tmp_path / "bus-0009-d1", "bus-0009-d1")
    carried(city, swapped(city))
    with pytest.raises(NotASwap, match="one door in its life"):
        swapped(city, "bus-0009-d1", SPARE)
    with pytest.raises(NotASwap, match="serves the door"):
        swapped(city, ONE, SPARE_2)
    with pytest.raises(NotASwap, match="no spare"):
        swapped(city, TWO, "bus-0009-d1")
    with pytest.raises(UnknownDevice):
        swapped(city, ONE, "spare-0099-d1")


def test_the_second_unit_may_die_too(city: Path) -> None:
    carried(city, swapped(city))
    carried(city, swapped(city, TWO, SPARE_2, when=LATER + timedelta(days=2)))
    one, two = at(city, SPARE), at(city, SPARE_2)
    assert one.sister is not None
    assert two.sister is not None
    assert (one.sister.device, two.sister.device, two.door) == (SPARE_2, SPARE, 2)
    assert not at(city, TWO).serves


def test_and_the_spare_itself(city: Path) -> None:
    carried(city, swapped(city))
    carried(city, swapped(city, SPARE, SPARE_2, when=LATER + timedelta(days=2)))
    assert not at(city, SPARE).serves
    assert (at(city, SPARE_2).vehicle, at(city, SPARE_2).door) == ("bus-0001", 1)


@pytest.mark.parametrize("gone", [ONE, SPARE])
def test_who_is_revoked_takes_no_door_and_gives_none(city: Path, gone: str) -> None:
    _mark(load_city(city), Revoked(gone, (1,), Reason("stolen"), "anna", 1))
    with pytest.raises(NotASwap, match="revoked"):
        swapped(city)


def test_an_older_one_is_not_taken_and_the_newest_may_come_again(city: Path) -> None:
    first = swapped(city)
    early = first.files[TWO].read_bytes()
    carried(city, first)
    carried(city, swapped(city, SPARE, SPARE_2, when=LATER + timedelta(days=2)))
    newest = city.joinpath("assigned", f"{TWO}.cose").read_bytes()
    assert take(at(city, TWO), newest)[1] is False
    with pytest.raises(RolledBack):
        take(at(city, TWO), early)
    config = at(city, TWO)
    assert config.sister is not None
    assert config.sister.device == SPARE_2


def test_numbers_rise_whatever_the_offices_clock_says(city: Path) -> None:
    swapped(city)
    swapped(city, SPARE, SPARE_2, when=LATER - timedelta(days=900))
    numbers = {said.device: said.number for said, _ in assignments(load_city(city))}
    assert numbers[SPARE_2] == numbers[TWO] > numbers[ONE]


def test_one_devices_word_is_no_others(city: Path) -> None:
    done = swapped(city)
    for device, path in done.files.items():
        for other in {*done.files, SPARE_2} - {device}:
            with pytest.raises(OutOfRange):
                take(at(city, other), path.read_bytes())
    assert not at(city, SPARE_2).serves


def test_another_citys_office_says_nothing_here(city: Path, tmp_path: Path) -> None:
    strange = plain_city(tmp_path / "elsewhere")
    issuer = load_intermediate(AuthorityFolder(strange / "authority"), Purpose.DEVICE)
    said = Assignment("isfahan", SPARE, 1, certificates.to_der(issuer.certificate), Serves("bus-0001", 1), None)
    with pytest.raises(BadSignature):
        take(at(city, SPARE), encode_assignment(said, issuer.key))
    assert not at(city, SPARE).serves


def test_a_device_goes_to_no_other_vehicle(city: Path) -> None:
    """Not even by the office's own hand: its records are its vehicle's."""
    issuer = load_intermediate(AuthorityFolder(city / "authority"), Purpose.DEVICE)
    der = certificates.to_der(issuer.certificate)
    other = Other("bus-0002-d2", 2, registered(load_city(city), SPARE_2).tap_key)
    said = Assignment("isfahan", TWO, 1, der, Serves("bus-0002", 1), other)
    with pytest.raises(EnrolmentFailed, match="bus-0001's"):
        take(at(city, TWO), encode_assignment(said, issuer.key))
    carried(city, swapped(city))
    with pytest.raises(EnrolmentFailed, match="bus-0001's"):
        take(at(city, SPARE), encode_assignment(replace(said, device=SPARE, number=1 << 60), issuer.key))


def test_a_file_on_the_card_is_proven_at_each_start(city: Path) -> None:
    """Whoever writes into the card makes no door of a spare; and what rots there ends no start."""
    done = swapped(city)
    carried(city, done)
    path = city.parent / SPARE / "data" / "assigned.cose"
    good = path.read_bytes()
    for at_byte in (0, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:at_byte] + bytes([good[at_byte] ^ 1]) + good[at_byte + 1 :])
        assert not at(city, SPARE).serves
    path.write_bytes(done.files[TWO].read_bytes())
    assert not at(city, SPARE).serves
    take(at(city, SPARE), good)
    assert at(city, SPARE).serves


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_power_cut_leaves_the_one_before_or_this_one(city: Path, cut: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = swapped(city)
    real = os.replace

    def renames(old: Path, new: Path) -> Path:
        if cut == "after":
            real(old, new)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", renames)
        with pytest.raises(KeyboardInterrupt):
            take(at(city, TWO), done.files[TWO].read_bytes())
    config = at(city, TWO)
    assert config.sister is not None
    assert config.sister.device == (ONE if cut == "before" else SPARE)
    take(at(city, TWO), done.files[TWO].read_bytes())
    after = at(city, TWO).sister
    assert after is not None
    assert after.device == SPARE


def test_doors_that_the_office_swapped_are_not_paired_by_their_settings(city: Path) -> None:
    swapped(city)
    for one, other in ((SPARE, TWO), (ONE, TWO), (SPARE_2, TWO)):
        with pytest.raises((NotSisters, WireError, ProofError)):
            pair_doors(city, one, other)


def test_the_files_open_under_the_citys_root_alone(city: Path) -> None:
    done = swapped(city)
    root = certificates.to_der(certificates.from_pem((city / "authority" / "root.crt.pem").read_bytes()))
    said = open_assignment(done.files[ONE].read_bytes(), root=root, city="isfahan", device=ONE)
    assert (said.serves, said.other) == (None, None)


# --- at the device that runs --------------------------------------------------------------------------------------------


def test_over_the_broker_only_the_offices_own_new_word_begins_a_device_anew(city: Path) -> None:
    done = swapped(city)
    own, others = done.files[TWO].read_bytes(), done.files[SPARE].read_bytes()
    assigning = Assigning(at(city, TWO))
    for payload in (b"", b"rubbish", others, own[:-1], own + b"\0", bytes(20_000)):
        assigning.came(payload)
        assigning.step()
    assert not assigning.begins_anew
    assigning.came(own)
    assigning.step()
    assert assigning.begins_anew
    again = Assigning(at(city, TWO))  # what is kept at the broker comes with every session
    again.came(own)
    again.step()
    assert not again.begins_anew
    swapped(city, SPARE, SPARE_2, when=LATER + timedelta(days=2))
    take(at(city, TWO), (city / "assigned" / f"{TWO}.cose").read_bytes())
    late = Assigning(at(city, TWO))  # a captured broker says what it said once
    late.came(own)
    late.step()
    assert not late.begins_anew


def test_who_took_it_by_a_stick_and_was_not_started_anew_begins_anew_when_the_broker_says_it(city: Path) -> None:
    """Else the unit that is out takes fares until somebody thinks of it: its card has the word, and it does not know."""
    running = Assigning(at(city, ONE))
    word = swapped(city).files[ONE].read_bytes()
    assert take(at(city, ONE), word)[1]
    running.came(word)
    running.step()
    assert running.begins_anew


class Watching:
    """A door's boarding and its panel, as far as somebody who stands by touches them."""

    def __init__(self) -> None:
        self.is_shut, self.shown = False, list[Showing]()

    def shut(self) -> None:
        self.is_shut = True

    def show(self, showing: Showing) -> None:
        self.shown.append(showing)


def standing(config: ValidatorConfig) -> tuple[StandsBy, Watching]:
    seen = Watching()
    return StandsBy(config, seen, seen), seen  # type: ignore[arg-type]


def test_who_serves_nowhere_takes_no_fares_and_shows_it(city: Path) -> None:
    for device, why in ((SPARE, "a spare"), (ONE, "another unit")):
        if device == ONE:
            carried(city, swapped(city))
        stands_by, seen = standing(at(city, device))
        assert seen.is_shut
        assert why in stands_by.why
        assert stands_by.answers(Seen(b"SV1:ABC"))
        assert [it.verdict for it in seen.shown] == [Verdict.OUT_OF_SERVICE]
        assert stands_by.answers(Seen(b"https://example.ir"))  # a sticker: no lamp for it
        assert len(seen.shown) == 1
    for device in (SPARE, TWO):
        stands_by, seen = standing(at(city, device))
        assert (stands_by.why, seen.is_shut, stands_by.answers(Seen(b"SV1:ABC"))) == ("", False, False)


@dataclass(frozen=True)
class Seen:
    text: bytes
