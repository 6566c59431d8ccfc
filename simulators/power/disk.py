"""A real ext4 on a loop device, whose power can be cut: whatever was not synced is gone, as on a bus.

Rules:
- a cut is ext4's shutdown ioctl without a flush of its log: the page cache and the running transaction are lost;
- the ioctl is made on nothing but this loop device: asked again, of the open folder itself, right before it;
- mount and loop device are given back whatever happens, at the latest when the last process that uses them ends.

Limits: writes keep their order and no sector is torn; the card's controller is honest. `seeded/disk.py` goes further.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from simulators.errors import DiskFailed, DiskUnavailable

IMAGE_BYTES = 256 << 20  # sparse; the journal of 200 cuts takes 30 MiB
STEP_S = 30  # a mount takes 10 ms; a crowded machine may need more
HELD_AGAIN_S = 0.2
_MARK = ".powered"  # a file system that was shut down opens none of its files, though it shows its folders
_EXT4_IOC_SHUTDOWN = 0x8004_587D  # linux/fs/ext4/ext4.h: _IOR('X', 125, __u32)
_NO_LOG_FLUSH = struct.pack("I", 2)  # EXT4_GOING_FLAGS_NOLOGFLUSH
_SYSTEM_PATH = "/usr/sbin:/sbin"  # where Debian keeps these tools; not in every user's path


class LoopDisk:
    """An ext4 in the file `image`, mounted at the folder `at` inside a `with`. For root.

    Raises DiskUnavailable on entering where such a thing cannot be had, else DiskFailed.
    """

    def __init__(self, image: Path, at: Path, held_s: float = STEP_S) -> None:
        self.at = at
        self._image = image
        self._loop = ""
        self._mounted = False
        self._held_s = held_s

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            raise DiskUnavailable("power can be cut on a real file system by root only", fix="run the tests as root")
        with self._image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        # Nothing left to be initialised in the background: no kernel thread writes to it beside the validator.
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self._image))
        try:
            self._loop = _run("losetup", "--find", "--show", str(self._image))
        except DiskFailed as error:
            raise DiskUnavailable(f"no loop device: {error.message}", fix="give the container /dev/loop*") from error
        try:
            self.at.mkdir(parents=True, exist_ok=True)
            self._mount()
            with (self.at / _MARK).open("wb") as file:
                os.fsync(file.fileno())
        except DiskFailed as error:
            self.release()
            raise DiskUnavailable(f"ext4 cannot be mounted: {error.message}", fix="run with CAP_SYS_ADMIN") from error
        except BaseException:
            self.release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def mount(self) -> None:
        """Power is back: ext4 replays its log. Raises DiskFailed.

        A process in a mount namespace of its own that was begun meanwhile has a copy of the mount: the file system that
        was shut down lives on there, and would be what is mounted here. It is waited for, and named at the end.
        """
        until = time.monotonic() + self._held_s
        while True:
            self._mount()
            try:
                (self.at / _MARK).read_bytes()
            except OSError as error:
                self.unmount()
                if time.monotonic() >= until:
                    raise DiskFailed(
                        f"what was cut is still in use after {self._held_s:.0f} s, by processes {_holders(self._loop)}",
                        fix="end them, or have them begun with no mount namespace of their own",
                    ) from error
                time.sleep(HELD_AGAIN_S)
            else:
                return

    def _mount(self) -> None:
        _run("mount", "-t", "ext4", "-o", "noatime", self._loop, str(self.at))
        self._mounted = True

    def cut(self) -> int:
        """Cut the power → CLOCK_MONOTONIC nanoseconds just before. Whoever still writes gets errors. Raises DiskFailed.

        End those processes, then `unmount` and `mount`.
        """
        folder = os.open(self.at, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if os.fstat(folder).st_dev != Path(self._loop).stat().st_rdev:
                raise DiskFailed(f"{self.at} is not on {self._loop}", fix="nothing was cut; report this")
            before_ns = time.monotonic_ns()
            fcntl.ioctl(folder, _EXT4_IOC_SHUTDOWN, _NO_LOG_FLUSH)
        except OSError as error:
            raise DiskFailed(f"the power cannot be cut: {error}", fix="the kernel's ext4 is too old") from error
        finally:
            os.close(folder)
        return before_ns

    def unmount(self) -> None:
        """After a cut, when its processes have ended. Raises DiskFailed."""
        _run("umount", str(self.at))
        self._mounted = False

    def release(self) -> None:
        """Give everything back; what a process still uses goes when that process ends. Raises DiskFailed."""
        loop, self._loop = self._loop, ""
        mounted, self._mounted = self._mounted, False
        try:
            if mounted:
                _run("umount", "--lazy", str(self.at))
        finally:
            if loop:
                _run("losetup", "--detach", loop)
            self._image.unlink(missing_ok=True)


def _holders(loop: str) -> list[int]:
    """Those in whose mount namespace the device is mounted."""
    found = []
    for info in Path("/proc").glob("[0-9]*/mountinfo"):
        with suppress(OSError):  # it has ended
            if f" {loop} " in info.read_text():
                found.append(int(info.parent.name))
    return sorted(found)


def _run(program: str, *arguments: str) -> str:
    """One of the system's tools → what it printed. Raises DiskFailed with its own words."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_PATH}")
    if path is None:
        raise DiskFailed(f"no {program} here", fix="run `make system` (it installs Debian's e2fsprogs and mount)")
    try:
        done = subprocess.run(  # noqa: S603 - a tool of the system, on our own image
            [path, *arguments], check=True, capture_output=True, text=True, timeout=STEP_S
        )
    except subprocess.CalledProcessError as error:
        raise DiskFailed(f"{program}: {error.stderr.strip() or error.returncode}", fix="see what it says") from error
    except subprocess.TimeoutExpired as error:
        raise DiskFailed(f"{program} does not end within {STEP_S} s", fix="the machine is too busy") from error
    return done.stdout.strip()
