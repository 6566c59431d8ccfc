"""A real PostgreSQL of one's own, for tests and benchmarks: begun in a folder, asked over a socket in it, and ended."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import psycopg

from simulators.errors import SimulatorError

START_S: Final = 60.0  # a busy machine is no fault; alone it takes a tenth of a second
USER: Final = "postgres"  # Debian's: the server refuses to run as root
_FIX = "apt-get install postgresql-15, or `make system`"
_FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


class PostgresFailed(SimulatorError):
    """The server is not there, does not begin, or ends by itself."""


class LocalPostgres:
    """`durable` False: it loses what was committed when the machine stops, and is quicker; never for a power cut.

    Its folder is a short one of its own: a socket's path has at most 107 bytes. Raises PostgresFailed.
    """

    def __init__(self, *, durable: bool = True) -> None:
        self._settings = () if durable else _FAST
        self._bin = _binaries()
        memory = Path("/dev/shm")  # noqa: S108 - for what may be lost
        self.folder = Path(mkdtemp(prefix="savar-pg-", dir=memory if not durable and memory.is_dir() else None))
        self._data = self.folder / "data"
        self._as: tuple[str, ...] = ()
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(self._data), "-U", USER, "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        ended = subprocess.run(  # noqa: S603 - ours
            [*self._as, str(self._bin / program), *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
        )
        if ended.returncode:
            raise PostgresFailed(f"{program} ends with {ended.returncode}: {ended.stderr.strip()}", fix=_FIX)

    def start(self) -> None:
        """Begin it, and wait until it answers."""
        options: Sequence[str] = ("listen_addresses=", f"unix_socket_directories={self.folder}", *self._settings)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ours
                [*self._as, str(self._bin / "postgres"), "-D", str(self._data), *(f"-c{it}" for it in options)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip
        until = time.monotonic() + START_S
        while True:
            with suppress(psycopg.OperationalError), psycopg.connect(self.conninfo("postgres"), connect_timeout=2):
                return
            if self._process.poll() is not None or time.monotonic() > until:
                raise PostgresFailed(f"postgres does not begin: {self.log()[-500:]}", fix=_FIX)
            time.sleep(0.02)

    def log(self) -> str:
        """What it said."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def conninfo(self, database: str) -> str:
        """How that database is reached."""
        return f"host={self.folder} user={USER} dbname={database}"

    def make(self, database: str, *, like: str = "template1") -> str:
        """A new database, empty or a copy of another that nobody is in → how it is reached."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as session:
            session.execute(f'CREATE DATABASE "{database}" TEMPLATE "{like}"')
        return self.conninfo(database)

    def drop(self, database: str) -> None:
        """Gone, whoever is in it."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as session:
            session.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def restart(self) -> None:
        """Every session is lost; what was committed stays."""
        self._end(signal.SIGINT)
        self.start()

    def crash(self) -> None:
        """Its processes end at once, as by kill -9; it recovers when it is begun again."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it and clear its folder away. Harmless twice."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def _binaries() -> Path:
    """The newest of those that Debian installs, or whatever the path has. Raises PostgresFailed."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda it: float(it.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which("postgres")
    if found is None:
        raise PostgresFailed("there is no PostgreSQL on this machine", fix=_FIX)
    return Path(found).resolve().parent
