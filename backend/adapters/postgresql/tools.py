"""PostgreSQL's own programs for a server: found, run, and what they say of a failure in one line."""

import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from backend.core.errors import StoreFailed, ToolMissing

_DEBIAN: Final = Path("/usr/lib/postgresql")


def tool(program: str, major: int) -> str:
    """Where that program of the server's version is, else the newest, else the path's. Raises ToolMissing."""
    versions = sorted(_DEBIAN.glob(f"*/bin/{program}"), key=lambda it: float(it.parts[-3]))
    same = _DEBIAN / str(major) / "bin" / program
    found = str(same) if same in versions else str(versions[-1]) if versions else shutil.which(program)
    if found is None:
        raise ToolMissing(
            f"{program} is not on this machine, and a backup of a PostgreSQL is made by it",
            fix=f"apt-get install postgresql-client-{major}, of the server's version",
        )
    return found


class Running:
    """One program at work, with its standard input or output in our hands. To be left by `end` or `give_up`."""

    def __init__(
        self, program: str, arguments: Sequence[str], log: IO[bytes], *, feeds: bool, to: IO[bytes] | None = None
    ) -> None:
        """`to`: where what a program gives goes that we feed; nowhere without it."""
        self._program, self._log = Path(program).name, log
        self._process = subprocess.Popen(  # noqa: S603 - ours
            [program, *arguments],
            stdin=subprocess.PIPE if feeds else subprocess.DEVNULL,
            stdout=(to or subprocess.DEVNULL) if feeds else subprocess.PIPE,
            stderr=log,
        )

    @property
    def stream(self) -> IO[bytes]:
        """What it is fed by, or what it gives."""
        stream = self._process.stdin or self._process.stdout
        assert stream is not None
        return stream

    def feed(self, block: bytes) -> bool:
        """These bytes, and it has them; false: it takes no more, and `end` says why."""
        try:
            self.stream.write(block)
            self.stream.flush()
        except BrokenPipeError:
            return False
        return True

    def end(self) -> None:
        """That was all. Raises StoreFailed with its first line: the next ones may have a row in them."""
        with suppress(BrokenPipeError):  # what it did not take
            self.stream.close()
        if self._process.wait():
            self._log.seek(0)
            said = self._log.readline().decode("utf-8", "replace").strip()
            raise StoreFailed(
                f"{self._program} ends with {self._process.returncode}: {said}", fix="mend that, and again"
            )

    def give_up(self) -> None:
        """End it, if it runs."""
        self._process.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            self.stream.close()
