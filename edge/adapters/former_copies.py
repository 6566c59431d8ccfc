"""Copies of doors that were the sister before: each in a file of its own beside `sister.db`, until a courier is done.

sister.db             of the sister in force
sister-of-NAME.db     of one before it; taken back as `sister.db` when that one is the sister again
sister-aside-N.db     could not be read once; where it can be now, it is carried like the others
"""

import logging
from pathlib import Path

import apsw

from edge.adapters.card import abandon, connect
from edge.adapters.copies import APPLICATION_ID, ApswCopies
from edge.core.errors import LocalError
from edge.core.former import Former
from edge.core.limits import COURIER_AFTER_MS, FORMER_SISTERS_MAX
from edge.core.ports import Reserve
from transport.config import PeerConfig

log = logging.getLogger(__name__)


def formers(data: Path, sister: PeerConfig | None, reserve: Reserve, after_ms: int) -> list[Former]:
    """Before the copies in the folder `data` are opened: whose courier is to run beside that of `sister`, if any."""
    path = data / "sister.db"
    put_by(path, None if sister is None else sister.device)
    return former_copies(path, reserve=reserve, after_ms=after_ms)


def put_by(path: Path, sister: str | None) -> None:
    """Before the copies are opened: those of another door go under its name, and ours come back if they lie so.

    `sister`: the one in force, None where there is none. Raises nothing: taps go on, and what cannot be moved stays.
    """
    try:
        held = device_in(path)
        if held is not None and held != sister:
            _move(path, _free(path, held))
            log.warning("copies of %s, no sister of this door any more, are carried from a file of their own", held)
        if sister is not None and not path.exists():
            back = next((it for it in _kept(path) if device_in(it) == sister and "aside" not in it.stem), None)
            if back is not None:
                _move(back, path)
    except OSError as error:
        log.error("copies of a former sister cannot be moved: %s; look at the card", error)


def former_copies(path: Path, *, reserve: Reserve | None = None, after_ms: int = COURIER_AFTER_MS) -> list[Former]:
    """Every former sister whose copies can be read, beside the copies at `path`; others are said and left alone.

    Those that were wiped up to their last record, which is never wiped, stand last: they take no place from others.
    """
    found, wiped = list[Former](), list[Former]()
    for file in _kept(path):
        device = device_in(file)
        if device is None:
            continue
        copies = ApswCopies(file, sister=device, reserve=reserve)
        try:
            has_more = any(copies.oldest(mark.epoch) < mark.sequence for mark in copies.held())
        except LocalError as error:
            copies.close()
            log.error("%s cannot be read, and is left: %s", file.name, error)
        else:
            (found if has_more else wiped).append(Former(device, copies, after_ms))
    found += wiped
    for beyond in found[FORMER_SISTERS_MAX:]:
        log.error("copies of %s are not carried: %d other doors' are; bring this card to the office", beyond.device,
                  FORMER_SISTERS_MAX)  # fmt: skip
    return found[:FORMER_SISTERS_MAX]


def device_in(path: Path) -> str | None:
    """Whose records a file of copies holds; None where it is none, or cannot be read. Folds its log in."""
    if not path.is_file():
        return None
    try:
        connection = connect(path, None)
    except apsw.Error:
        return None
    try:
        if connection.execute("PRAGMA application_id").get != APPLICATION_ID:
            return None
        found: str | None = connection.execute("SELECT device FROM sister").get
    except (apsw.Error, UnicodeDecodeError):
        return None
    else:
        return found
    finally:
        abandon(connection)


def _kept(path: Path) -> list[Path]:
    """Files of former sisters and those set aside, by name."""
    return sorted(path.parent.glob(f"{path.stem}-*{path.suffix}"))


def _free(path: Path, device: str) -> Path:
    names = (
        path.with_name(f"{path.stem}-of-{device}{n}{path.suffix}") for n in ("", *(f"-{n}" for n in range(2, 100)))
    )
    return next(name for name in names if not name.exists())


def _move(path: Path, to: Path) -> None:
    """One rename: who looked into the file has folded its log in. Raises OSError where that did not work."""
    log_file = path.with_name(path.name + "-wal")
    if log_file.exists() and log_file.stat().st_size:
        raise OSError(f"{log_file.name} could not be folded in")
    path.rename(to)
