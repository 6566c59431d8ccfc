"""Issuer and receipt keys rotate with overlap, and none goes while what it signed is on the road unless it is said."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.keys import bundle_keys, known_keys
from backend.core.limits import CREDENTIAL_DAYS
from cli.provision import command
from edge.adapters.keys import load_bundle, load_keys
from protocol.fares.tariff import RiderClass, Tariff
from protocol.limits import DAY_S, RECEIPTED_KEPT_S
from protocol.localtime import service_day
from protocol.wire.bundles import Bundle
from protocol.wire.keys import SigningKey
from protocol.wire.tickets import TicketForm
from provisioning.adapters import files
from provisioning.app import rotating
from provisioning.app.bundles import make_bundle
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.issuers import add_issuer
from provisioning.app.tickets import Terms, make_tickets
from provisioning.core import limits
from provisioning.core.bundle_changes import Changes
from provisioning.core.errors import BadSetting, FileFailed, StillInUse, TooManyIssuers
from provisioning.core.key_log import KeyLog, Kind, Known, log_text, read_log, require_may_withdraw

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DEVICE = "bus-0001-d1"
ISSUER, RECEIPT = Kind.ISSUER, Kind.RECEIPT


def later(days: float) -> datetime:
    return NOW + timedelta(days=days)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "city"
    create_city(made, name="isfahan", tariff=Tariff(1, 60_000), now=NOW, randomness=os.urandom)
    add_device(made, device=DEVICE, vehicle="bus-0001", door=1, cameras=[("f", "v4l2:0")], now=NOW,
               randomness=os.urandom)  # fmt: skip
    return made


def on_the_bus(root: Path) -> Bundle:
    """What the device believes, read as it reads it."""
    folder = root / "devices" / DEVICE
    return load_bundle(folder / "bundle", load_keys(folder / "keys").bundle, city="isfahan")


def signing(root: Path, kind: Kind) -> bytes:
    return SigningKey.from_pem((root / "backend" / "keys" / f"{kind.value}.key.pem").read_bytes()).public


def name_of(root: Path, kind: Kind, public: bytes) -> str:
    (found,) = [it.key.name for it in rotating.standing(root) if (it.key.kind, it.key.public) == (kind, public)]
    return found


def test_a_receipt_key_is_changed_while_both_are_believed(root: Path) -> None:
    old = signing(root, RECEIPT)
    known, made = rotating.add_receipt_key(root, now=NOW, randomness=os.urandom)
    assert made.bundle.number == 2
    assert on_the_bus(root).receipt_keys == (old, known.public)
    assert signing(root, RECEIPT) == old  # buses hear of it before it signs
    stopped = rotating.use_key(root, RECEIPT, known.name, now=later(1))
    assert (stopped.public, signing(root, RECEIPT)) == (old, known.public)
    assert on_the_bus(root).receipt_keys == (old, known.public)
    rotating.withdraw_key(root, RECEIPT, stopped.name, now=later(37))
    assert on_the_bus(root).receipt_keys == (known.public,)
    assert [it.public for it in known_keys(root / "backend" / "keys", "receipt")] == [old, known.public]
    private = {SigningKey.from_pem(path.read_bytes()).public for path in root.rglob("*.key.pem")}
    assert old not in private  # nobody can sign by it any more


def test_an_issuer_is_changed_while_both_are_believed(root: Path) -> None:
    old = signing(root, ISSUER)
    add_issuer(root, "second", now=NOW, randomness=os.urandom)
    second = on_the_bus(root).issuer_keys[1]
    stopped = rotating.use_key(root, ISSUER, "second", now=later(36))
    assert (stopped.name, signing(root, ISSUER)) == ("main", second)
    with pytest.raises(StillInUse, match="in circulation"):
        rotating.withdraw_key(root, ISSUER, "main", now=later(36 + 179))
    assert on_the_bus(root).issuer_keys == (old, second)
    rotating.withdraw_key(root, ISSUER, "main", now=later(36 + 181))
    assert on_the_bus(root).issuer_keys == (second,)


@pytest.mark.parametrize("kind", [ISSUER, RECEIPT])
def test_the_only_key_is_never_withdrawn(root: Path, kind: Kind) -> None:
    name = name_of(root, kind, signing(root, kind))
    with pytest.raises(StillInUse, match="only"):
        rotating.withdraw_key(root, kind, name, now=later(9_000), anyway=True)


def test_a_key_that_signs_is_never_withdrawn(root: Path) -> None:
    name = name_of(root, RECEIPT, signing(root, RECEIPT))
    rotating.add_receipt_key(root, now=NOW, randomness=os.urandom)
    add_issuer(root, "second", now=NOW, randomness=os.urandom)
    for kind, key in ((RECEIPT, name), (ISSUER, "main")):
        with pytest.raises(StillInUse, match="may still sign"):
            rotating.withdraw_key(root, kind, key, now=later(9_000), anyway=True)


@pytest.mark.parametrize(("kind", "days"), [(RECEIPT, RECEIPTED_KEPT_S // DAY_S), (ISSUER, CREDENTIAL_DAYS)])
def test_what_is_in_circulation_goes_only_when_that_is_said(root: Path, kind: Kind, days: int) -> None:
    old = name_of(root, kind, signing(root, kind))
    new = "second"
    if kind is RECEIPT:
        new = rotating.add_receipt_key(root, now=NOW, randomness=os.urandom)[0].name
    else:
        add_issuer(root, new, now=NOW, randomness=os.urandom)
    rotating.use_key(root, kind, new, now=NOW, anyway=True)
    with pytest.raises(StillInUse) as refused:
        rotating.withdraw_key(root, kind, old, now=later(days - 0.5))
    assert refused.value.data == {"days": 1}
    made = rotating.withdraw_key(root, kind, old, now=later(1), anyway=True)
    assert len(rotating.believed(made.bundle, kind)) == 1
    with pytest.raises(BadSetting, match="no bundle names"):
        rotating.withdraw_key(root, kind, old, now=later(9_000))


def test_printed_tickets_keep_their_issuer_for_as_long_as_they_are_good(root: Path) -> None:
    day = service_day(NOW_MS)
    terms = Terms(TicketForm.SINGLE, RiderClass.ADULT, 0, day, day + 400, 0)
    make_tickets(root, "spring", terms, count=1, issuer="main", now=NOW, randomness=os.urandom, draw=lambda _: "")
    add_issuer(root, "second", now=NOW, randomness=os.urandom)
    rotating.use_key(root, ISSUER, "second", now=NOW, anyway=True)
    with pytest.raises(StillInUse, match="for 1 days"):
        rotating.withdraw_key(root, ISSUER, "main", now=later(400))
    rotating.withdraw_key(root, ISSUER, "main", now=later(401))


def test_an_issuer_that_buses_may_not_know_does_not_sign_yet(root: Path) -> None:
    add_issuer(root, "second", now=NOW, randomness=os.urandom)
    with pytest.raises(StillInUse, match="not have heard") as refused:
        rotating.use_key(root, ISSUER, "second", now=later(limits.ISSUER_SETTLES_DAYS - 1))
    assert refused.value.data == {"days": 1}
    rotating.use_key(root, ISSUER, "second", now=later(limits.ISSUER_SETTLES_DAYS))


def test_what_has_stopped_signs_nothing_more(root: Path) -> None:
    add_issuer(root, "second", now=NOW, randomness=os.urandom)
    rotating.use_key(root, ISSUER, "second", now=NOW, anyway=True)
    with pytest.raises(BadSetting, match="stopped for good"):
        rotating.use_key(root, ISSUER, "main", now=later(1), anyway=True)
    day = service_day(NOW_MS)
    terms = Terms(TicketForm.SINGLE, RiderClass.ADULT, 0, day, day + 9, 0)
    with pytest.raises(BadSetting, match="has stopped"):
        make_tickets(root, "x", terms, count=1, issuer="main", now=NOW, randomness=os.urandom, draw=lambda _: "")
    with pytest.raises(BadSetting, match="already"):
        rotating.use_key(root, ISSUER, "second", now=later(1))


def test_a_key_that_no_bundle_names_does_not_sign(root: Path) -> None:
    """Every receipt by it would be refused on every bus."""
    known, _ = rotating.add_receipt_key(root, now=NOW, randomness=os.urandom)
    log = root / "backend" / "keys" / "known.json"
    stray = SigningKey.from_secret(b"s" * 32)
    log.write_text(log_text(read_log(log.read_text()).added(Known(RECEIPT, "stray", stray.public, 0))))
    with pytest.raises(BadSetting, match="no bundle names"):
        rotating.use_key(root, RECEIPT, "stray", now=later(99), anyway=True)
    with pytest.raises(BadSetting, match="did you mean"):
        rotating.use_key(root, RECEIPT, known.name[:-1], now=later(99))


def test_a_withdrawn_issuers_riders_leave_the_table_with_it(root: Path) -> None:
    """Attack: a row carries no issuer, so who was issued by a stolen key would board by short pass."""
    row = bytes(8) + SigningKey.from_secret(b"r" * 32).public + bytes([1, 0, 0]) + (9_999).to_bytes(2, "big") + bytes(2)
    make_bundle(root, Changes(), now=NOW, riders=row)
    add_issuer(root, "second", now=NOW, randomness=os.urandom)
    rotating.use_key(root, ISSUER, "second", now=NOW, anyway=True)
    with pytest.raises(BadSetting, match="short pass"):
        rotating.withdraw_key(root, ISSUER, "main", now=NOW, anyway=True)
    rotating.withdraw_key(root, ISSUER, "main", now=NOW, anyway=True, riders=b"")


def test_a_full_bundle_takes_no_key_more(root: Path) -> None:
    for _ in range(15):
        rotating.add_receipt_key(root, now=NOW, randomness=os.urandom)
    with pytest.raises(TooManyIssuers):
        rotating.add_receipt_key(root, now=NOW, randomness=os.urandom)


def test_a_change_that_was_interrupted_is_finished_by_calling_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No moment at which two keys sign, or none, and no key that stopped is forgotten."""
    old = signing(root, RECEIPT)
    known, _ = rotating.add_receipt_key(root, now=NOW, randomness=os.urandom)
    write, at = files.replace, 0

    def failing(path: Path, *more: Any, **named: Any) -> None:
        nonlocal at
        at -= 1
        if at < 0:
            raise FileFailed("no more room")
        write(path, *more, **named)

    monkeypatch.setattr(files, "replace", failing)
    for at in (0, 1):  # noqa: B007 - counted down inside
        with pytest.raises(FileFailed):
            rotating.use_key(root, RECEIPT, known.name, now=NOW)
        assert signing(root, RECEIPT) == old
    monkeypatch.undo()
    assert rotating.use_key(root, RECEIPT, known.name, now=later(1)).public == old
    (entry,) = [it.key for it in rotating.standing(root) if it.key.public == old]
    assert entry.stopped_ms == int(later(1).timestamp() * 1000)


def test_a_key_stopped_by_an_interrupted_change_is_not_withdrawn_while_it_signs(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No bus would believe a receipt any more, and none would forget a tap."""
    old = name_of(root, RECEIPT, signing(root, RECEIPT))
    known, _ = rotating.add_receipt_key(root, now=NOW, randomness=os.urandom)
    write, place = files.replace, root / "backend" / "keys" / "receipt.key.pem"

    def failing(path: Path, *more: Any, **named: Any) -> None:
        if path == place:
            raise FileFailed("no more room")
        write(path, *more, **named)

    with monkeypatch.context() as patched:
        patched.setattr(files, "replace", failing)
        with pytest.raises(FileFailed):
            rotating.use_key(root, RECEIPT, known.name, now=NOW)
    with pytest.raises(StillInUse, match="a change was interrupted"):
        rotating.withdraw_key(root, RECEIPT, old, now=later(9_000), anyway=True)
    rotating.use_key(root, RECEIPT, known.name, now=NOW)
    rotating.withdraw_key(root, RECEIPT, old, now=later(9_000))


def test_an_issuer_whose_key_is_kept_elsewhere_stops_nobody(root: Path) -> None:
    add_issuer(root, "second", now=NOW, randomness=os.urandom)
    away = root / "issuers" / "second.key.pem"
    away.rename(root / "second.away")
    with pytest.raises(FileFailed):
        rotating.use_key(root, ISSUER, "second", now=NOW, anyway=True)
    assert all(it.key.stopped_ms is None for it in rotating.standing(root))


def test_a_city_of_before_the_log_gets_one_with_what_its_bundle_names(root: Path) -> None:
    (root / "backend" / "keys" / "known.json").unlink()
    add_issuer(root, "second", now=NOW, randomness=os.urandom)
    (bundle_key,) = bundle_keys(root / "backend" / "keys")
    assert [(it.key.kind, it.key.name) for it in rotating.standing(root)] == [
        (ISSUER, "main"), (RECEIPT, name_of(root, RECEIPT, signing(root, RECEIPT))),
        (Kind.BUNDLE, bundle_key.id.hex()), (ISSUER, "second"),
    ]  # fmt: skip


def test_a_credentials_life_is_the_backends() -> None:
    assert limits.CREDENTIAL_DAYS == CREDENTIAL_DAYS


KEYS = [SigningKey.from_secret(bytes([number]) * 32).public for number in range(1, 6)]
KNOWN = st.builds(
    Known, st.sampled_from(Kind), st.from_regex(r"[a-z0-9]{1,16}", fullmatch=True), st.sampled_from(KEYS),
    st.integers(0, 1 << 50), st.none() | st.integers(0, 1 << 50),
)  # fmt: skip


@given(st.lists(KNOWN, max_size=8))
def test_a_log_comes_back_as_it_was(known: list[Known]) -> None:
    log = KeyLog(tuple(known))
    assert read_log(log_text(log)) == log


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400) | st.none())
def test_nothing_goes_a_day_too_early(age_days: int, more_hours: int, tickets: int | None) -> None:
    """Property: without `anyway`, what may be withdrawn has signed nothing that is still good."""
    key = Known(ISSUER, "main", KEYS[0], 0, NOW_MS)
    now_ms = NOW_MS + (age_days * 24 + more_hours) * 3_600_000
    until = None if tickets is None else service_day(NOW_MS) + tickets
    gone = now_ms >= NOW_MS + limits.CREDENTIAL_DAYS * DAY_S * 1000 and (until is None or service_day(now_ms) > until)
    try:
        require_may_withdraw(key, KEYS[:2], tickets_until=until, now_ms=now_ms, anyway=False)
    except StillInUse:
        assert not gone
    else:
        assert gone


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"keys": [1]}', '{"keys": [{"kind": "issuer", "name": "x", "public": "00", "added_ms": 1}]}'],
)
def test_a_damaged_log_is_named(text: str) -> None:
    with pytest.raises(BadSetting, match="damaged"):
        read_log(text)


def test_the_whole_rotation_by_its_commands(root: Path) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(command, ["rotate", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    old = name_of(root, RECEIPT, signing(root, RECEIPT))
    assert "is in bundle 2" in run("add", str(root), "receipt")
    run("add", str(root), "issuer", "second")
    (new,) = [it.key.name for it in rotating.standing(root) if it.key.kind is RECEIPT and it.key.name != old]
    assert f"{old} has stopped" in run("use", str(root), "receipt", new)
    run("use", str(root), "issuer", "second", "--anyway")
    run("withdraw", str(root), "receipt", old, "--anyway")
    states = {
        it["name"]: it["state"]
        for it in json.loads(run("show", str(root), "--json", "-"))["keys"]
        if it["kind"] != "bundle"
    }
    assert states == {
        old: "withdrawn", new: "signs now", "main": "stopped", "second": "signs now",
    }  # fmt: skip
    assert "signs now" in run("show", str(root))
