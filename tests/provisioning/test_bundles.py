"""The office's next bundle: numbers that only rise, changes that say what they change, kinds of tomorrow carried (P12)."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from cli.main import cli
from edge.app.config import load_config as load_validator
from protocol.fares.policies import BoardFree, Cause, Grace, GraceKind, Policies
from protocol.fares.tariff import Tariff
from protocol.wire.bundles import Bundle
from protocol.wire.manifests import Section, encode_manifest, name_chunk
from protocol.wire.staff import knows, make_row
from provisioning.adapters import files
from provisioning.app.bundle_files import InForce, load_bundle, write_bundle
from provisioning.app.bundles import make_bundle, next_bundle
from provisioning.app.city import changing_city, create_city
from provisioning.app.devices import add_device
from provisioning.app.makers import load_key
from provisioning.core.bundle_changes import Changes, changed
from provisioning.core.errors import BadSetting, FileFailed
from tests.protocol import samples

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ID, OTHER = b"\x01" * 8, b"\x02" * 8
BUNDLE = replace(samples.BUNDLE, next_tariff=None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    randomness = Random(3).randbytes
    create_city(tmp_path / "city", name="isfahan", tariff=Tariff(4, 60_000, {2: 500}), now=NOW, randomness=randomness)
    add_device(
        tmp_path / "city", device="bus-1-d1", vehicle="bus-1", door=1, cameras=[("f", "v4l2:0")], now=NOW,
        randomness=randomness,
    )  # fmt: skip
    return tmp_path / "city"


def held(root: Path, where: str = "backend") -> InForce:
    return load_bundle(root / where / "bundle", load_key(root / "bundle" / "bundle.key.pem"), city="isfahan")


def test_a_new_fare_goes_to_the_backend_and_to_every_device(root: Path) -> None:
    made = make_bundle(root, Changes(flat_fare_rials=70_000, deny={ID: 3}), now=NOW + timedelta(days=1))
    assert (made.given_to, made.away) == (("bus-1-d1",), ())
    for where in ("backend", "devices/bus-1-d1"):
        bundle = held(root, where).bundle
        starts_ms = int((NOW + timedelta(days=1)).timestamp() * 1000)
        assert (bundle.number, bundle.tariff) == (2, Tariff(5, 70_000, {2: 500}, starts_ms=starts_ms))
        assert (bundle.deny_number, bundle.deny) == (1, {ID: 3})
        assert bundle.issued_ms == int((NOW + timedelta(days=1)).timestamp() * 1000)
    assert (root / "bundle" / "number").read_text() == "2\n"


def test_a_number_given_out_is_never_used_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was cut off may have shown its number to a bus already."""
    write = files.replace

    def interrupted(path: Path, *more: object, **named: object) -> None:
        if path.name == "manifest.cose":
            raise FileFailed("no more room")
        write(path, *more, **named)

    monkeypatch.setattr(files, "replace", interrupted)
    with pytest.raises(FileFailed):
        make_bundle(root, Changes(flat_fare_rials=1), now=NOW)
    monkeypatch.undo()
    assert held(root).bundle.number == 1
    assert make_bundle(root, Changes(flat_fare_rials=2), now=NOW).bundle.number == 3


def test_who_still_fetches_the_bundle_before_finds_its_chunks(root: Path) -> None:
    first = held(root).manifest
    make_bundle(root, Changes(flat_fare_rials=1), now=NOW)
    second = held(root).manifest
    chunks = root / "backend" / "bundle" / "chunks"
    named = {chunk.digest.hex() for one in (first, second) for section in one.sections for chunk in section.chunks}
    assert {path.name for path in chunks.iterdir()} == named
    make_bundle(root, Changes(flat_fare_rials=2), now=NOW)
    third = held(root).manifest
    named = {chunk.digest.hex() for one in (second, third) for section in one.sections for chunk in section.chunks}
    assert {path.name for path in chunks.iterdir()} == named


def test_a_kind_that_this_software_does_not_know_is_carried_on(root: Path) -> None:
    before, signer = held(root), load_key(root / "bundle" / "bundle.key.pem")
    sections = [*before.manifest.sections, Section("holograms", 9, (name_chunk(b"x"),))]
    raw = encode_manifest("isfahan", 2, 1, sections, signer)
    write_bundle(root / "backend" / "bundle", raw, {**before.chunks, name_chunk(b"x"): b"x"})
    make_bundle(root, Changes(flat_fare_rials=1), now=NOW)
    for where in ("backend", "devices/bus-1-d1"):
        assert held(root, where).manifest.section("holograms") == Section("holograms", 9, (name_chunk(b"x"),))


def test_what_changes_gets_its_own_next_number_and_the_rest_keeps_its() -> None:
    before = replace(BUNDLE, deny={ID: 1})
    fare = changed(before, Changes(flat_fare_rials=1, shares={5: 100}), now_ms=0)
    assert (fare.tariff.version, fare.deny_number) == (before.tariff.version + 1, before.deny_number)
    assert fare.tariff.rider_permille == {**before.tariff.rider_permille, 5: 100}
    denied = changed(before, Changes(deny={OTHER: 2}, allow=frozenset({ID})), now_ms=0)
    assert (denied.tariff, denied.deny_number, denied.deny) == (before.tariff, before.deny_number + 1, {OTHER: 2})


@pytest.mark.parametrize(
    "changes",
    [
        Changes(), Changes(flat_fare_rials=samples.TARIFF.flat_fare_rials), Changes(allow=frozenset({OTHER})),
        Changes(flat_fare_rials=-1), Changes(shares={1: 1001}), Changes(repeat_window_s=3601),
        Changes(deny={b"short": 1}), Changes(deny={ID: 256}), Changes(deny={ID: 1}, allow=frozenset({ID})),
    ],
)  # fmt: skip
def test_what_changes_nothing_or_cannot_be_is_refused(changes: Changes) -> None:
    with pytest.raises(BadSetting):
        changed(BUNDLE, changes, now_ms=0)


def _held(name: str, begin: int, end: int = 9_000) -> Changes:
    return Changes(policies=lambda number, *_: Policies(number, (BoardFree(name, Cause.CRISIS, begin, end),)))


def _grace(name: str, begin: int) -> Changes:
    made = Grace(name, GraceKind.EXPIRED_RIDES, begin, 9_000, 1)
    return Changes(policies=lambda number, *_: Policies(number, graces=(made,)))


def test_the_name_of_a_policy_that_has_begun_is_given_to_no_other() -> None:
    """Doors count by it what they let ride: the second would begin with a bound that is spent."""
    none = replace(BUNDLE, policies=Policies())
    for first in (_held("flood-1", 1_000), _grace("flood-1", 1_000)):
        before = changed(none, first, now_ms=5_000)
        for again in (_held("flood-1", 1_001), _grace("flood-1", 999)):
            with pytest.raises(BadSetting, match="flood-1") as refused:
                changed(before, again, now_ms=1_000)
            assert refused.value.data["orders"] == ["flood-1"]
            changed(before, again, now_ms=999)  # nobody has ridden by it yet
        for other in (_held("flood-2", 1_001), _held("flood-1", 1_000, 8_000), _held("flood-1", 1_000, 10_000)):
            assert changed(before, other, now_ms=5_000).policies.number == 2


def test_what_no_reader_would_take_is_not_given_out(root: Path) -> None:
    with pytest.raises(BadSetting):
        make_bundle(root, Changes(shares={16: 1}), now=NOW)
    many = {os.urandom(8): 1 for _ in range(100_001)}
    with pytest.raises(BadSetting):
        make_bundle(root, Changes(deny=many), now=NOW)
    assert held(root).bundle.number == 1
    assert (root / "bundle" / "number").read_text() == "1\n"


def test_a_damaged_bundle_of_the_backend_is_named(root: Path) -> None:
    path = next((root / "backend" / "bundle" / "chunks").iterdir())
    path.write_bytes(b"rot")
    with pytest.raises(BadSetting, match="backup"):
        make_bundle(root, Changes(flat_fare_rials=1), now=NOW)


def rows(*numbers: int) -> bytes:
    return b"".join(n.to_bytes(8, "big") + bytes([2]) + bytes(32) + bytes([1, 0, 0, 0, 9, 0, 1]) for n in numbers)


def test_a_table_of_riders_has_its_own_number_and_is_carried_on(root: Path) -> None:
    assert make_bundle(root, Changes(), now=NOW, riders=rows(1, 2)).bundle.number == 2
    first = held(root).manifest.section("riders")
    assert first is not None
    assert (first.version, [held(root).chunks[one] for one in first.chunks]) == (1, [rows(1, 2)])
    make_bundle(root, Changes(flat_fare_rials=1), now=NOW)
    assert held(root, "devices/bus-1-d1").manifest.section("riders") == first
    make_bundle(root, Changes(), now=NOW, riders=rows(1, 2, 3))
    second = held(root).manifest.section("riders")
    assert second is not None
    assert second.version == 2
    with pytest.raises(BadSetting):
        make_bundle(root, Changes(), now=NOW, riders=rows(3, 1))


def test_an_issuer_does_not_go_while_its_riders_stay_in_the_table(root: Path) -> None:
    """A row carries no issuer: by the table as it was, riders of a retired one would board."""
    new, signer = b"\2" + bytes(32), load_key(root / "bundle" / "bundle.key.pem")

    def turned(bundle: Bundle, _lines: object) -> Bundle:
        return replace(bundle, issuer_keys=(new,))

    make_bundle(root, Changes(), now=NOW, riders=rows(1, 2))
    before = held(root)
    with changing_city(root) as city:
        with pytest.raises(BadSetting) as refused:
            next_bundle(city, signer, turned, now=NOW)
        assert refused.value.data["issuer_keys"] == [key.hex() for key in before.bundle.issuer_keys]
        assert held(root) == before
        next_bundle(city, signer, lambda it, _: replace(it, issuer_keys=(*it.issuer_keys, new)), now=NOW)
        assert next_bundle(city, signer, turned, now=NOW, riders=rows(2)).bundle.issuer_keys == (new,)


@pytest.mark.parametrize(
    ("http_host", "given", "written"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:8080"), ("0.0.0.0", None, "http://broker.example:8080"),
        ("::", None, "http://broker.example:8080"), ("::1", None, "http://[::1]:8080"),
        ("0.0.0.0", "https://chunks.example/city", "https://chunks.example/city"),
    ],
)  # fmt: skip
def test_a_device_is_told_where_bundles_are(tmp_path: Path, http_host: str, given: str | None, written: str) -> None:
    """A wildcard is where the backend listens, and no address that a bus could call."""
    root = tmp_path / "city"
    create_city(
        root, name="isfahan", tariff=Tariff(1, 1), now=NOW, randomness=os.urandom, http_host=http_host,
        broker_host="broker.example",
    )  # fmt: skip
    folder = add_device(
        root, device="bus-1-d1", vehicle="bus-1", door=1, cameras=[("f", "v4l2:0")], now=NOW, randomness=os.urandom,
        chunks_url=given,
    )  # fmt: skip
    assert load_validator(folder / "validator.toml").chunks_url == written


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example", "http://", "a.example:80", "http://a b", "http://a.example/?q=1",
        "http://host:80a", "http://host:99999", "http://host:0", "http://[::1", "http://:80",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(root: Path, url: str) -> None:
    with pytest.raises(BadSetting):
        add_device(
            root, device="bus-2-d1", vehicle="bus-2", door=1, cameras=[("f", "v4l2:0")], now=NOW,
            randomness=os.urandom, chunks_url=url,
        )  # fmt: skip


def test_drivers_come_change_their_pin_and_go(root: Path) -> None:
    first, second = make_row("4021", "1234", bytes(16)), make_row("1007", "777777", bytes(16))
    made = make_bundle(root, Changes(drivers={"4021": first, "1007": second}), now=NOW)
    assert (made.bundle.staff_number, made.bundle.staff) == (1, (second, first))
    for where in ("backend", "devices/bus-1-d1"):
        assert knows(held(root, where).bundle.staff, "4021", "1234")
    fare = make_bundle(root, Changes(flat_fare_rials=1), now=NOW).bundle
    assert (fare.staff_number, fare.staff) == (1, (second, first)), "what is not changed keeps its number"
    other = make_row("4021", "4321", bytes(16))
    changed_pin = make_bundle(root, Changes(drivers={"4021": other}, drivers_gone=frozenset({"1007"})), now=NOW).bundle
    assert (changed_pin.staff_number, changed_pin.staff) == (2, (other,))
    for wrong in (Changes(drivers={"4021": other}), Changes(drivers_gone=frozenset({"1007"}))):
        with pytest.raises(BadSetting):
            make_bundle(root, wrong, now=NOW)


def test_the_office_types_a_pin_twice_and_no_file_holds_it(root: Path) -> None:
    words = ["bundle", "make", str(root), "--driver", "4021"]
    typed = CliRunner().invoke(cli, words, input="736451\n736451\n", catch_exceptions=False)
    assert typed.exit_code == 0
    assert "736451" not in typed.output
    assert knows(held(root).bundle.staff, "4021", "736451")
    for path in root.rglob("*"):
        assert not path.is_file() or b"736451" not in path.read_bytes(), path
    before = held(root).bundle.number
    assert CliRunner().invoke(cli, words, input="12\n12\n").exit_code != 0
    assert held(root).bundle.number == before
