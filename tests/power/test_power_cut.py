"""Power cuts by the hundred: every tap that was shown green is in the journal, and the journal goes on (P1, P7, P11).

Twice over: on a real ext4 that loses what was not synced (needs root), and on a simulated card that also reorders and
tears, which runs everywhere. Each with its control: the same journal with `synchronous=NORMAL` must be caught.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters.journal import ApswJournal
from simulators.errors import DiskFailed, DiskUnavailable
from simulators.power.book import Found
from simulators.power.card import CardTrial
from simulators.power.disk import LoopDisk
from simulators.power.trial import PowerTrial
from simulators.power.weak import WeakJournal

CUTS = 200
EVERY_TENTH = 10  # is a cut of `savar validator` itself, cameras and all
CONTROL_CUTS = 40
CARDS, CUTS_A_CARD = 12, 20

pytestmark = pytest.mark.integration


@pytest.fixture
def power(tmp_path: Path) -> Iterator[type[PowerTrial]]:
    """Where no power can be cut the test is skipped, and says so; the simulated card's tests run instead."""
    try:
        with LoopDisk(tmp_path / "probe.img", tmp_path / "probe"):
            pass
    except DiskUnavailable as why:
        pytest.skip(f"REAL POWER CUTS NOT RUN, only those of the simulated card: {why}")
    return PowerTrial


def said(capsys: pytest.CaptureFixture[str], what: str, found: Found, began: float) -> None:
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{what}: {found.cuts} cuts in {time.monotonic() - began:.0f} s, {found.taps} taps shown green,"
            f" {len(found.lost)} lost in {found.cuts_losing} cuts, {found.refused} shown again and known"
        )


def nothing_wrong(found: Found) -> None:
    assert found.lost == []
    assert found.doubled == []
    assert found.broken == []
    assert found.reopened == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_real_power_cuts_lose_no_tap_that_was_shown_green(
    power: type[PowerTrial], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with power(tmp_path, seed=1) as trial:
        for number in range(CUTS):
            if number % EVERY_TENTH:
                trial.cut_door()
            else:
                trial.cut_validator()
        trial.end()
    said(capsys, "real power cuts", trial.found, began)
    nothing_wrong(trial.found)
    assert trial.found.cuts == CUTS
    assert trial.found.taps > CUTS, "hardly anybody boarded: nothing is proven"
    assert trial.found.refused > CUTS, "hardly anybody came again: nothing is proven"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_real_power_cuts_catch_a_journal_that_does_not_wait_for_its_sync(
    power: type[PowerTrial], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with power(tmp_path, seed=1, weak=True) as trial:
        while trial.found.cuts < CONTROL_CUTS and not trial.found.lost:
            trial.cut_door()
    said(capsys, "real power cuts, synchronous=NORMAL", trial.found, began)
    assert trial.found.lost


@pytest.mark.slow
def test_cuts_of_a_simulated_card_lose_no_tap_that_was_shown_green(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began, total = time.monotonic(), Found()
    for seed in range(CARDS):
        found = cut_card(tmp_path, seed, ApswJournal)
        nothing_wrong(found)
        total.cuts += found.cuts
        total.taps += found.taps
        total.refused += found.refused
    said(capsys, "cuts of a simulated card", total, began)
    assert total.cuts >= CUTS
    assert total.taps > total.cuts
    assert total.refused > total.cuts


def test_cuts_of_a_simulated_card_catch_a_journal_that_does_not_wait_for_its_sync(tmp_path: Path) -> None:
    assert cut_card(tmp_path, 0, WeakJournal).lost


def cut_card(folder: Path, seed: int, journal: type[ApswJournal]) -> Found:
    """One card's life."""
    trial = CardTrial(folder / f"{journal.__name__}-{seed}", seed=seed, journal=journal)
    for _ in range(CUTS_A_CARD):
        trial.cut()
    trial.end()
    return trial.found


def test_without_root_it_says_that_no_power_can_be_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(DiskUnavailable, match="by root only"), LoopDisk(tmp_path / "card.img", tmp_path / "card"):
        pass


@pytest.mark.usefixtures("power")
@pytest.mark.parametrize("held_s", [1, 30])
def test_a_disk_that_another_mount_namespace_holds_is_not_taken_for_a_new_one(tmp_path: Path, held_s: float) -> None:
    with LoopDisk(tmp_path / "card.img", tmp_path / "card", held_s) as disk:
        holder = subprocess.Popen(["unshare", "--mount", "sleep", "300" if held_s == 1 else "2"])
        while not (Path("/proc") / str(holder.pid) / "comm").read_text().startswith("sleep"):
            time.sleep(0.01)
        disk.cut()
        disk.unmount()
        if held_s == 1:
            with pytest.raises(DiskFailed, match=rf"still in use after 1 s, by processes \[{holder.pid}\]"):
                disk.mount()
            holder.kill()
        else:
            disk.mount()
            (disk.at / "it").write_bytes(b"is written")
        holder.wait()


def loops_of(image: Path) -> str:
    return subprocess.run(
        ["losetup", "--associated", str(image)], check=True, capture_output=True, text=True, timeout=30
    ).stdout


@pytest.mark.usefixtures("power")
def test_a_cut_takes_what_was_not_synced_and_leaves_what_was(tmp_path: Path) -> None:
    with LoopDisk(tmp_path / "card.img", tmp_path / "card") as disk:
        for name in ("synced", "lost"):
            with (disk.at / name).open("wb") as file:
                file.write(b"x" * 100)
                file.flush()
                if name == "synced":
                    os.fsync(file.fileno())
        disk.cut()
        disk.unmount()
        disk.mount()
        assert (disk.at / "synced").read_bytes() == b"x" * 100
        assert not (disk.at / "lost").exists()


@pytest.mark.usefixtures("power")
def test_mount_and_loop_device_are_given_back_when_something_fails(tmp_path: Path) -> None:
    image, at = tmp_path / "card.img", tmp_path / "card"

    def fail_inside() -> None:
        with LoopDisk(image, at):
            assert at.is_mount()
            assert loops_of(image)
            raise RuntimeError("in between")

    with pytest.raises(RuntimeError, match="in between"):
        fail_inside()
    assert not at.is_mount()
    assert not loops_of(image)


@pytest.mark.usefixtures("power")
def test_no_other_file_system_is_ever_cut(tmp_path: Path) -> None:
    """The folder lies on a file system that has no such cut, so that this test harms nothing when it fails."""
    shm = Path("/dev/shm") / f"savar-{os.getpid()}"
    try:
        with LoopDisk(tmp_path / "card.img", shm) as disk:
            disk.unmount()
            with pytest.raises(DiskFailed, match="is not on"):
                disk.cut()
            disk.mount()
    finally:
        shm.rmdir()


@pytest.mark.usefixtures("power")
def test_a_tool_that_is_missing_is_named_with_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never skipped: a root without mkfs.ext4 is told."""
    monkeypatch.setattr("simulators.power.disk.shutil.which", lambda *_a, **_n: None)
    with pytest.raises(DiskFailed, match="make system"), LoopDisk(tmp_path / "card.img", tmp_path / "card"):
        pass
