"""The city's numbered bundles: the one in force read, the next one made, given to the backend and to every device here.

Rules:
- a number that was ever given out is never used for another content, whatever is interrupted;
- chunks first, then the manifest; devices first, the backend last: an interrupted call is finished by calling again;
- who takes an issuer out remakes the table of riders: a row carries no issuer, so the retired one's riders would board;
- a kind that this software does not know is carried into the next bundle as it is;
- a changed tariff or deny list gets the next number of its own: what is recorded under a number stays what it was.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from protocol.errors import BadKey
from protocol.wire.bundles import RIDERS, TIMETABLE, Bundle
from protocol.wire.keys import VerifyingKey
from protocol.wire.timetable import Line
from provisioning.adapters import files
from provisioning.app.bundle_files import InForce, Tables, load_bundle, sign_bundle, write_bundle
from provisioning.app.city import City, changing_city, enrolled
from provisioning.app.makers import load_key
from provisioning.app.registry import vehicles
from provisioning.core.bundle_changes import Changes, Known, changed
from provisioning.core.certificates import AuthorityKey
from provisioning.core.days import unix_ms
from provisioning.core.errors import BadSetting

_FIX = "restore it from the city's backup"


@dataclass(frozen=True, slots=True)
class BundleMade:
    """The new bundle, devices whose folders got it, those whose folders are away, whether it has a timetable."""

    bundle: Bundle
    given_to: tuple[str, ...]
    away: tuple[str, ...]
    timetable: bool


def make_bundle(
    root: Path, changes: Changes, *, now: datetime, riders: bytes | None = None, timetable: Sequence[Line] | None = None
) -> BundleMade:
    """Make the next bundle of the city at `root`, with these changes.

    `riders` are all rows of a new table of riders, `timetable` all lines of a new one; None leaves what is there.

    Raises BadSetting when nothing would change, and for values out of range; NotACity, FileFailed.
    """
    with changing_city(root) as city:
        signer = load_key(city.folder.bundle_key)
        now_ms = unix_ms(now)
        if (riders, timetable) != (None, None) and changes == Changes():
            return next_bundle(city, signer, lambda before, _: before, now=now, riders=riders, timetable=timetable)
        return next_bundle(
            city,
            signer,
            lambda before, lines: changed(before, changes, now_ms=now_ms, lines=lines, fleet=partial(vehicles, city)),
            now=now,
            riders=riders,
            timetable=timetable,
        )


def next_bundle(
    city: City,
    signer: AuthorityKey,
    change: Callable[[Bundle, Known], Bundle],
    *,
    now: datetime,
    riders: bytes | None = None,
    timetable: Sequence[Line] | None = None,
    releases: Sequence[bytes] | None = None,
) -> BundleMade:
    """The bundle in force, changed, under the next number. `change` can also ask for the lines of its timetable.

    Raises BadSetting, also for an issuer taken out without a new table of riders; NotACity, FileFailed.
    """
    before = bundle_in_force(city, signer)
    lines = before.lines if timetable is None else lambda: {line.name for line in timetable}
    bundle = change(before.bundle, lines)
    gone = set(before.bundle.issuer_keys) - set(bundle.issuer_keys)
    if gone and riders is None and before.manifest.section(RIDERS) is not None:
        raise BadSetting(
            "riders of a retired issuer would still board by short pass", fix="give the table of riders anew as well",
            issuer_keys=sorted(key.hex() for key in gone),
        )  # fmt: skip
    number = max(_last_number(city), before.bundle.number) + 1
    bundle = replace(bundle, number=number, issued_ms=unix_ms(now))
    manifest, chunks = sign_bundle(bundle, signer, before, Tables(riders, timetable, releases))
    # The number first: one that was ever given out is never used for another content, whatever is interrupted here.
    files.replace(city.folder.bundle_number, f"{number}\n".encode())
    here = [name for name in enrolled(city.folder) if city.folder.device(name).root.is_dir()]
    keep = {*chunks, *before.chunks}  # who is still fetching the earlier one finds its chunks
    for folder in (*(city.folder.device(name).bundle for name in here), city.folder.backend_bundle):
        write_bundle(folder, manifest, chunks, keep=keep, authority=bundle.authority)
    away = tuple(name for name in enrolled(city.folder) if name not in here)
    has_timetable = timetable is not None or before.manifest.section(TIMETABLE) is not None
    return BundleMade(bundle, tuple(here), away, has_timetable)


def bundle_in_force(city: City, signer: AuthorityKey) -> InForce:
    """The backend's bundle, verified. Raises BadSetting when it is not one of this city, FileFailed."""
    return load_bundle(city.folder.backend_bundle, signer, city=city.settings.name, also=bundle_keys(city))


def bundle_keys(city: City) -> list[VerifyingKey]:
    """The bundle keys that the backend believes. Raises BadSetting, FileFailed."""
    path = city.folder.bundle_public
    try:
        lines = files.read(path, fix=_FIX).decode().split()
        return [VerifyingKey.load(bytes.fromhex(line)) for line in lines]
    except (ValueError, BadKey) as error:
        raise BadSetting(f"{path} holds no public keys: {error}", fix=_FIX) from error


def write_bundle_keys(city: City, keys: Iterable[bytes]) -> None:
    """Raises FileFailed."""
    files.replace(city.folder.bundle_public, "\n".join(sorted(key.hex() for key in keys)).encode())


def _last_number(city: City) -> int:
    text = files.read(city.folder.bundle_number, fix=_FIX).decode(errors="replace")
    if not text.strip().isdecimal():
        raise BadSetting(f"{city.folder.bundle_number} holds no number", fix=_FIX)
    return int(text)
