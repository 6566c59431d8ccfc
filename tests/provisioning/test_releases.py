"""Releases made, signed, published, spread and halted at the office, and taken by a device as it was enrolled (P12)."""

import json
import shutil
from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from edge.adapters.tuf_releases import ProvenReleases, TufProver
from edge.core.errors import TooFewSigners
from protocol.errors import RolledBack
from protocol.fares.tariff import Tariff
from protocol.wire.bundles import TARIFF
from protocol.wire.releases import RELEASES, Stage, Stages
from provisioning.adapters import files
from provisioning.adapters.tuf_roles import key_id
from provisioning.app import releases
from provisioning.app.bundle_files import InForce, load_bundle
from provisioning.app.bundles import make_bundle
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.makers import load_key
from provisioning.app.release_people import write_key
from provisioning.app.release_sheet import Sheet, require_agreed
from provisioning.core.bundle_changes import Changes
from provisioning.core.errors import BadSetting, FileFailed, NotConfirmed, NotSigned
from provisioning.core.rollout import halt, spread, staying
from tests.edge.release_office import wheel

NOW = datetime(2026, 12, 1, tzinfo=UTC)
PHRASE = "correct horse battery"
BIG = Random(5).randbytes(1_500_000)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create_city(tmp_path / "city", name="isfahan", tariff=Tariff(4, 60_000), now=NOW, randomness=Random(3).randbytes)
    return tmp_path / "city"


def agreed(_: Sequence[Sheet]) -> None:
    """Whoever signs has compared all of it."""


def read_only(root: Path, key: Path) -> Sequence[Sheet]:
    """What the holder of a key is shown, who then signs nothing."""
    shown: list[Sheet] = []

    def read(sheets: Sequence[Sheet]) -> None:
        shown.extend(sheets)
        require_agreed(sheets, "none")

    with pytest.raises(NotConfirmed):
        releases.sign(root, key.read_bytes(), PHRASE, read)
    return shown


class Office:
    """A city with three people, and wheels on a desk."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self._random = Random(7)
        self.keys = [folder / f"{name}.key.pem" for name in ("ali", "zahra", "reza", "maryam")]
        self.publics = [write_key(path, PHRASE, self._random.randbytes).read_bytes() for path in self.keys]

    def begin(self, who: tuple[int, ...] = (0, 1, 2), **more: bool) -> int:
        return releases.begin(
            self.root, [self.publics[it] for it in who], 2, now=NOW, randomness=self._random.randbytes, **more
        )

    def make(self, content: bytes = b"x = 1\n") -> int:
        path = self.folder / "savar-0.2-py3-none-any.whl"
        path.write_bytes(wheel({"x.py": content}))
        big = self.folder / "big-1-py3-none-any.whl"
        big.write_bytes(wheel({"big.bin": BIG}))
        return releases.make(
            self.root, [path, big], version="0.2", least=0, platform="linux-aarch64-cp311", now=NOW
        ).number

    def sign(self, *who: int) -> None:
        for one in who:
            releases.sign(self.root, self.keys[one].read_bytes(), PHRASE, agreed)

    def read(self, who: int) -> Sequence[Sheet]:
        """What this person is shown, who then signs nothing."""
        return read_only(self.root, self.keys[who])

    def publish(self, change: Callable[[Stages], Stages] = lambda it: it, *, days: int = 0, **more: bool) -> Stages:
        return releases.publish(self.root, change, now=NOW + timedelta(days=days), **more).stages

    def held(self) -> InForce:
        return load_bundle(
            self.root / "backend" / "bundle", load_key(self.root / "bundle" / "bundle.key.pem"), city="isfahan"
        )

    def metadata(self) -> bytes:
        held = self.held()
        section = held.manifest.section(RELEASES)
        assert section is not None
        return held.chunks[section.chunks[0]]

    def prove(self, held: bytes | None = None, first: bytes | None = None) -> ProvenReleases:
        first = first or releases.enrolment_root(releases.ReleasesFolder(self.root / "releases"))
        assert first is not None
        return TufProver(first).prove(self.metadata(), held=held, reference_ms=int(NOW.timestamp() * 1000))


@pytest.fixture
def office(root: Path, tmp_path: Path) -> Office:
    return Office(root, tmp_path)


@pytest.fixture
def first(office: Office) -> Office:
    """One release is published, to a hundredth."""
    office.begin()
    office.make()
    office.sign(0, 2)
    office.publish(spread(1, 10, ["bus-1-d1"]))
    return office


def test_what_is_published_is_what_a_device_proves(first: Office) -> None:
    found = first.prove()
    assert [it.number for it in found.releases] == [1]
    assert found.stages == Stages((Stage(1, 10, ("bus-1-d1",)),))
    section = first.held().manifest.section(RELEASES)
    assert section is not None
    assert set(found.releases[0].chunks) <= set(section.chunks)
    assert len(found.releases[0].chunks) == 3  # 1.5 MB are two


def test_a_device_is_enrolled_with_the_root(first: Office, root: Path) -> None:
    folder = add_device(
        root,
        device="bus-1-d1",
        vehicle="bus-1",
        door=1,
        cameras=[("f", "v4l2:0")],
        now=NOW,
        randomness=Random(9).randbytes,
    )
    held = (folder / "keys" / "release-root.json").read_bytes()
    assert (root / "releases" / "release-root.json").read_bytes() == held
    assert first.prove(first=held).releases[0].number == 1
    assert (folder / "bundle" / "chunks").is_dir()


def test_a_city_without_releases_enrols_as_before(root: Path) -> None:
    folder = add_device(
        root,
        device="bus-1-d1",
        vehicle="bus-1",
        door=1,
        cameras=[("f", "v4l2:0")],
        now=NOW,
        randomness=Random(9).randbytes,
    )
    assert not (folder / "keys" / "release-root.json").exists()


def test_one_person_publishes_nothing(office: Office) -> None:
    office.begin()
    office.make()
    office.sign(0)
    office.sign(0)
    with pytest.raises(NotSigned, match="1 of 2"):
        office.publish()
    assert office.held().manifest.section(RELEASES) is None
    office.sign(1)
    office.publish()
    assert office.prove().stages == Stages()


def test_a_stranger_signs_nothing(office: Office) -> None:
    office.begin()
    office.make()
    with pytest.raises(NotSigned, match="nothing waits"):
        office.sign(3)


def test_a_file_that_was_changed_behind_the_signatures_is_not_published(office: Office) -> None:
    office.begin()
    office.make()
    office.sign(0, 1)
    path = office.root / "releases" / "files" / "1" / "savar-0.2-py3-none-any.whl"
    path.write_bytes(path.read_bytes() + b"evil")
    with pytest.raises(BadSetting, match="not what was drafted"):
        office.publish()


def test_a_next_bundle_carries_the_releases_on(first: Office, root: Path) -> None:
    before = first.metadata()
    make_bundle(root, Changes(flat_fare_rials=70_000), now=NOW + timedelta(days=1))
    assert first.metadata() == before
    assert first.held().manifest.section(TARIFF) is not None
    assert first.prove().releases[0].number == 1


def test_stages_only_grow_and_a_halt_stays(first: Office) -> None:
    first.publish(spread(1, 100))
    assert first.prove().stages.of(1) == Stage(1, 100, ("bus-1-d1",))
    with pytest.raises(BadSetting, match="already"):
        first.publish(spread(1, 10))
    before = first.metadata()
    first.publish(halt(1))
    assert first.prove(before).stages.of(1) is None
    with pytest.raises(BadSetting, match="halted"):
        first.publish(spread(1, 1000))
    prover = TufProver(releases.enrolment_root(releases.ReleasesFolder(first.root / "releases")) or b"")
    with pytest.raises(RolledBack):  # the state before the halt, again
        prover.prove(before, held=first.metadata(), reference_ms=int(NOW.timestamp() * 1000))


def test_a_halt_waits_for_nobody(first: Office) -> None:
    """Drafts that lack signatures, of a root with another desk even, keep no halt back."""
    first.begin((0, 1, 3), new_desk=True)
    first.make(b"x = 2\n")
    assert first.publish(halt(1), drafts_too=False).halted == (1,)
    assert first.prove().stages.halted == (1,)


def test_a_halt_needs_no_wheel(first: Office) -> None:
    """The disk was tidied up: what the bundle in force carries is carried on."""
    first.publish(spread(1, 100))
    carried = set(first.held().chunks)
    shutil.rmtree(first.root / "releases" / "files")
    first.publish(halt(1), drafts_too=False)
    assert first.prove().stages.halted == (1,)
    assert set(first.prove().releases[0].chunks) < carried & set(first.held().chunks)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["click-8-py3-none-any.whl"], "Savar's own wheel"),
        (["savar-1-py3-none-any.whl", "zxing_cpp-2-cp311-cp311-manylinux_2_17_x86_64.whl"], "not for linux-aarch64"),
    ],
)
def test_wheels_that_would_be_no_release_are_not_drafted(office: Office, names: list[str], reason: str) -> None:
    """The old software under the new number would be confirmed everywhere, and health would name the new one."""
    office.begin()
    for name in names:
        (office.folder / name).write_bytes(wheel({"x.py": b""}))
    paths = [office.folder / name for name in names]
    with pytest.raises(BadSetting, match=reason):
        releases.make(office.root, paths, version="0.2", least=0, platform="linux-aarch64-cp311", now=NOW)
    manylinux = office.folder / "zxing_cpp-2-cp311-cp311-manylinux_2_17_aarch64.manylinux2014_aarch64.whl"
    own = office.folder / "savar-0.2-py3-none-any.whl"
    for path in (manylinux, own):
        path.write_bytes(wheel({"x.py": b""}))
    made = releases.make(office.root, [own, manylinux], version="0.2", least=0, platform="linux-aarch64-cp311", now=NOW)
    told = json.loads((office.root / "releases/files" / str(made.number) / "bill.cdx.json").read_text())
    assert len(told["components"]) == 2


def test_what_was_never_spread_cannot_be_halted(first: Office) -> None:
    with pytest.raises(BadSetting, match="no stage"):
        first.publish(halt(2))
    with pytest.raises(BadSetting, match="there is no release"):
        first.publish(spread(2, 10))


def test_a_name_that_no_device_has_is_refused_before_anything_changes(first: Office) -> None:
    before = first.metadata()
    with pytest.raises(BadSetting, match="cannot be given out"):
        first.publish(spread(1, 100, ["Bus 1"]))
    assert first.metadata() == before


def test_people_change_and_the_devices_follow(first: Office) -> None:
    old, root_1 = first.metadata(), releases.enrolment_root(releases.ReleasesFolder(first.root / "releases"))
    assert first.begin((1, 2, 3)) == 2
    first.sign(3)
    first.sign(1)
    with pytest.raises(NotSigned):  # two of the new ones, one of the old ones
        first.publish()
    first.sign(2)
    first.publish()
    assert first.prove(old, first=root_1).root_version == 2
    number = first.make(b"x = 3\n")
    with pytest.raises(NotSigned, match="nothing waits"):
        first.sign(0)
    first.sign(1, 3)
    first.publish(spread(number, 1000))
    assert [it.number for it in first.prove(old, first=root_1).releases] == [1, 2]


def test_a_desk_in_wrong_hands_is_replaced(first: Office) -> None:
    old = first.metadata()
    desks = set((first.root / "releases" / "desk").iterdir())
    first.begin(new_desk=True)
    first.sign(0, 1)
    first.publish()
    new = set((first.root / "releases" / "desk").iterdir()) - desks
    assert len(new) == 1
    assert first.prove(old).root_version == 2
    assert new.pop().stat().st_mode & 0o077 == 0


def test_an_old_root_proves_nothing_of_the_new_people(first: Office) -> None:
    """Who follows only the first root, without the second one's signatures, refuses."""
    first.begin((1, 2, 3), new_desk=True)
    first.sign(1, 2, 3)
    first.publish()
    from dataclasses import replace  # noqa: PLC0415

    from protocol.wire.releases import decode_metadata, encode_metadata  # noqa: PLC0415

    metadata = decode_metadata(first.metadata())
    with pytest.raises(TooFewSigners):
        TufProver(metadata.roots[0]).prove(
            encode_metadata(replace(metadata, roots=metadata.roots[:1])),
            held=None,
            reference_ms=int(NOW.timestamp() * 1000),
        )


def test_a_number_is_never_given_twice(first: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise FileFailed("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(releases, "_draft_targets", broken)
        with pytest.raises(FileFailed):
            first.make(b"x = 2\n")
    assert first.make(b"x = 2\n") == 3


def test_an_interrupted_publishing_is_finished_by_calling_again(first: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first.begin()
    first.make(b"x = 2\n")
    first.sign(0, 1)
    steps = 0

    def replaced(path: Path, data: bytes, **more: object) -> None:
        nonlocal steps
        steps += 1
        if steps == stop:
            raise FileFailed("the power went")
        original(path, data, **more)  # type: ignore[arg-type]

    original = files.replace
    stop = 0
    for at in range(1, 12):
        stop, steps = at, 0
        monkeypatch.setattr(files, "replace", replaced)
        try:
            first.publish(spread(2, 10))
        except FileFailed:
            continue
        break
    monkeypatch.setattr(files, "replace", original)
    first.publish()
    assert [it.number for it in first.prove().releases] == [1, 2]
    assert first.prove().root_version == 2
    assert first.prove().stages.of(2) == Stage(2, 10)
    assert list((first.root / "releases" / "draft").iterdir()) == []


def test_old_releases_go_when_there_are_too_many_and_what_spreads_stays(first: Office) -> None:
    for number in range(2, 7):
        first.make(b"x = %d\n" % number)
    first.sign(0, 1)
    first.publish(spread(6, 10))
    assert [it.number for it in first.prove().releases] == [1, 4, 5, 6]
    assert [it.release for it in first.prove().stages.stages] == [1, 6]
    with pytest.raises(BadSetting, match="there is no release 3"):
        first.publish(spread(3, 10))
    first.publish(halt(6))
    for number in range(7, 10):
        first.make(b"x = %d\n" % number)
    first.sign(0, 1)
    first.publish(spread(9, 10))
    assert [it.number for it in first.prove().releases] == [1, 7, 8, 9]
    first.publish(spread(9, 100))
    first.make(b"x = 10\n")
    first.sign(0, 1)
    first.publish()
    assert [it.number for it in first.prove().releases] == [7, 8, 9, 10], "9 spreads now, and 1 is an old one"
    with pytest.raises(BadSetting, match="there is no release 1"):
        first.publish(spread(1, 100))


def test_what_goes_first() -> None:
    kinds = dict.fromkeys(range(1, 7), "pi") | {2: "pc"}
    stages = Stages((Stage(1, 1000), Stage(2, 10), Stage(3, 1000), Stage(4, 100), Stage(5, 10)), halted=(5,))
    stays = [staying(kinds, stages, most) for most in range(6, 0, -1)]
    assert stays == [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 6], [2, 3, 4, 6], [2, 3, 4], [2, 4], [4]]


def test_a_draft_keeps_no_stage_back_and_can_be_dropped(first: Office) -> None:
    first.make(b"x = 2\n")
    with pytest.raises(NotSigned, match="0 of 2"):
        first.publish(spread(1, 100))
    assert first.publish(spread(1, 100), drafts_too=False) == Stages((Stage(1, 100, ("bus-1-d1",)),))
    with pytest.raises(BadSetting, match="there is no release 2"):
        first.publish(spread(2, 10), drafts_too=False)
    assert releases.drop(first.root) == ["targets"]
    with pytest.raises(NotSigned, match="no draft"):
        releases.drop(first.root)
    assert [it.number for it in (first.publish(), first.prove())[1].releases] == [1]
    assert first.make(b"x = 3\n") == 3, "the number of what was dropped is not given again"


def test_a_short_passphrase_and_a_wrong_one(office: Office, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="short"):
        write_key(tmp_path / "k", "short", Random(1).randbytes)
    office.begin()
    with pytest.raises(BadSetting, match="does not open"):
        releases.sign(office.root, office.keys[0].read_bytes(), "another passphrase", agreed)
    assert b"ENCRYPTED" in office.keys[0].read_bytes()
    der = b64decode(b"".join(office.keys[0].read_bytes().splitlines()[1:-1]))
    assert (
        bytes.fromhex("2b06010401da47040b") in der
    )  # scrypt: PBKDF2 of 2,048 rounds is tried millions of times a second
    assert office.keys[0].stat().st_mode & 0o077 == 0


def test_one_person_alone_can_never_be_enough(office: Office) -> None:
    with pytest.raises(BadSetting, match="at least two"):
        releases.begin(office.root, office.publics[:2], 1, now=NOW, randomness=Random(1).randbytes)
    with pytest.raises(BadSetting, match="twice"):
        releases.begin(office.root, [office.publics[0]] * 2, 2, now=NOW, randomness=Random(1).randbytes)


def test_whoever_signs_reads_what_the_desk_put_there(first: Office) -> None:
    """Attack: who holds the desk drafts a root with keys of his own beside the release that two people wait for."""
    first.make(b"x = 2\n")
    shown = first.read(0)
    assert [it.role for it in shown] == ["targets"]
    told = dict(shown[0].lines)
    assert told["new release"] == "2: 0.2, linux-aarch64-cp311, follows 0 or higher"
    assert told["release as before"].startswith("1: ")
    built = (first.folder / "savar-0.2-py3-none-any.whl").read_bytes()
    assert told["savar-0.2-py3-none-any.whl"] == sha256(built).hexdigest()
    first.begin((0, 1, 3))
    drafted = first.read(0)
    assert [it.role for it in drafted] == ["root", "targets"]
    may = {value.replace(" ", "") for name, value in drafted[0].lines if name == "may sign"}
    assert may == {key_id(first.publics[it]) for it in (0, 1, 3)}
    path = first.root / "releases" / "draft" / "root.json"
    mine, thiefs = (key_id(first.publics[it]) for it in (0, 3))
    root = json.loads(path.read_bytes())
    root["signed"]["keys"][mine]["keyval"] = root["signed"]["keys"][thiefs]["keyval"]  # his key under my key's name
    path.write_text(json.dumps(root))
    with pytest.raises(BadSetting, match="the id of another"):
        first.sign(1)


def test_nothing_is_signed_that_changed_while_it_was_read(first: Office) -> None:
    """Attack: another draft is put there while the person compares."""
    first.make(b"x = 2\n")

    def slow(_: Sequence[Sheet]) -> None:
        first.make(b"evil = 2\n")

    with pytest.raises(NotSigned, match="changed meanwhile"):
        releases.sign(first.root, first.keys[0].read_bytes(), PHRASE, slow)
    with pytest.raises(NotSigned, match="0 of 2"):
        first.publish()


def test_a_release_that_is_not_what_would_be_signed_is_not_shown(first: Office) -> None:
    number = first.make(b"x = 2\n")
    path = first.root / "releases" / "files" / str(number) / "release"
    path.write_bytes((first.root / "releases" / "files" / "1" / "release").read_bytes())
    with pytest.raises(BadSetting, match="not what would be signed"):
        first.sign(0)


def test_a_halt_waits_for_nobody_who_reads(first: Office) -> None:
    first.make(b"x = 2\n")

    def slow(_: Sequence[Sheet]) -> None:
        first.publish(halt(1), drafts_too=False)

    releases.sign(first.root, first.keys[0].read_bytes(), PHRASE, slow)
    assert first.prove().stages.halted == (1,)


# --- by commands ------------------------------------------------------------------------------------------------------


def run(*words: object, answers: str = "", fails: bool = False) -> Result:
    done = CliRunner().invoke(cli, [*map(str, words)], input=answers)
    assert (done.exit_code != 0) is fails, done.output
    return done


def row(device: str, software: str, *, problem: str = "", seen_ms: int) -> dict[str, object]:
    return {"device": device, "software": software, "last_seen_ms": seen_ms, "problem": problem, "condition": None}


def test_the_whole_way_by_commands(root: Path, tmp_path: Path) -> None:
    people = [tmp_path / f"{name}.pem" for name in ("a", "b", "c")]
    for path in people:
        run("release", "key", path, answers=f"{PHRASE}\n{PHRASE}\n")
    run("release", "begin", root, *(word for path in people for word in ("--person", f"{path}.pub")))
    one = tmp_path / "savar-1-py3-none-any.whl"
    one.write_bytes(wheel({"x.py": b""}))
    run("release", "make", root, one, "--version", "0.2")
    for path in people[:2]:
        run("release", "sign", root, "--key", path, answers=f"{PHRASE}\n????\n", fails=True)
        run("release", "sign", root, "--key", path, answers=f"{PHRASE}\n{read_only(root, path)[-1].digest[-4:]}\n")
    out = tmp_path / "out.json"
    run("release", "publish", root, "--release", 1, "--json", out)
    assert json.loads(out.read_text())["stages"] == ["1: 10 ‰"]
    run("release", "show", root, "--json", out)
    assert json.loads(out.read_text())["releases"] == ["1 (0.2, linux-aarch64-cp311): 10 ‰"]

    devices = tmp_path / "devices.json"
    devices.write_text(json.dumps({"devices": [], "next_after": None}))
    run("release", "publish", root, "--release", 1, "--devices", devices, "--json", out)
    assert json.loads(out.read_text())["outcome"] == "waits"

    now_ms = int(datetime.now(UTC).timestamp() * 1000) + 60_000
    taken = [f"bus-{it}" for it in range(2_000) if Stage(1, 10).takes(f"bus-{it}")][:4]
    ill = [row(name, "savar 0.2 release 1", problem="no camera", seen_ms=now_ms) for name in taken]
    devices.write_text(json.dumps({"devices": ill, "next_after": None}))
    run("release", "publish", root, "--release", 1, "--devices", devices, "--json", out, fails=True)
    assert json.loads(out.read_text())["halted"] == [1]
    run("release", "halt", root, 1)
    run("release", "publish", root, "--release", 1, fails=True)
    run("release", "make", root, one, "--version", "0.3")
    run("release", "publish", root, fails=True)
    run("release", "publish", root, "--leave-drafts")
    run("release", "drop", root)
    run("release", "publish", root)
