"""A spare takes the door of a unit that is broken: said by the office, signed, to each of the devices that it changes.

    OLD      is out: it takes no fares if it wakes up again. Its entry stays as it is, so that what it holds is taken
    SPARE    serves OLD's vehicle and door from now on, and no other one ever
    sister   the other door, where there is one: SPARE and it are each other's

Rules:
- a spare has served nowhere, and takes one door in its life: its records are that vehicle's;
- who is revoked takes no door, and from who is revoked none is taken: his door is enrolled anew (docs/AUTHORITY.md);
- the spare's entry is the first that changes: whatever is interrupted, it is bound to this door, and the same call
  goes on;
- numbers are the time in Unix ms, and above all before: an office that came back from a backup goes on with later ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from protocol.errors import ProofError, WireError
from protocol.wire.assignments import Assignment, Other, Serves, encode_assignment, open_assignment
from provisioning.adapters import files
from provisioning.app.city import City, changing_city, enrolled, load_city
from provisioning.app.makers import Authority, Randomness
from provisioning.app.registry import Registered, change_entry, registered
from provisioning.core import certificates
from provisioning.core.days import unix_ms
from provisioning.core.errors import BadSetting, NotASwap
from provisioning.core.purposes import Purpose

_FIX = "restore it from the city's backup"


@dataclass(frozen=True, slots=True)
class Swap:
    """Who takes whose door, as it is shown before anything is written. `sister` None: the bus has one door."""

    old: Registered
    spare: Registered
    sister: Registered | None


@dataclass(frozen=True, slots=True)
class Ways:
    """`route`: the line, where that door always serves the same. `interface`: where the doors look for each other.

    Of either a device's own settings count where nothing is said.
    """

    route: str | None = None
    interface: str | None = None


Confirm = Callable[[Swap], None]  # shows it; raises NotConfirmed


@dataclass(frozen=True, slots=True)
class Swapped:
    """`files`: device → what is to reach it, the spare's first. `again`: it had been done before, and is as it was."""

    swap: Swap
    files: dict[str, Path]
    again: bool


def swap_units(
    root: Path, old: str, spare: str, *, now: datetime, randomness: Randomness, confirm: Confirm,
    by: Ways = Ways(),
) -> Swapped:  # fmt: skip
    """SPARE serves OLD's door from now on. An interrupted call is finished by calling again, and is asked no more then.

    Raises NotASwap, NotConfirmed, UnknownDevice, AuthorityEnding, NotItsAuthority, BadSetting, NotACity, FileFailed.
    """
    found = _checked(load_city(root), old, spare)
    if not _begun(found):
        confirm(found)  # nobody else waits meanwhile: what was looked at is looked at again
    with changing_city(root) as city:
        found = _checked(city, old, spare)
        told = _told(city, found)
        standing = {said.device: said for said, _ in assignments(city)}
        if (
            _begun(found)
            and found.old.out == spare
            and _all_stand(standing, _said(city, found, b"", 0, by, standing=standing))
        ):
            return Swapped(found, told, again=True)
        issuer = Authority.load(city.folder.authority, now, randomness).issuer(Purpose.DEVICE)
        number = max(unix_ms(now), newest_number(city) + 1)
        all_of_it = _said(city, found, certificates.to_der(issuer.certificate), number, by, standing=standing)
        words = [encode_assignment(said, issuer.key) for said in all_of_it]  # what cannot be said changes nothing
        change_entry(city, spare, vehicle=found.old.vehicle, door=found.old.door)
        change_entry(city, old, out={"by": spare, "at_ms": unix_ms(now)})
        for path, word in zip(told.values(), words, strict=True):
            files.make_folder(path.parent)
            files.replace(path, word)
    return Swapped(found, told, again=False)


def newest_number(city: City) -> int:
    """Of all that was said; 0 where nothing was. Raises BadSetting, FileFailed."""
    return max((said.number for said, _ in assignments(city)), default=0)


def assignments(city: City) -> Sequence[tuple[Assignment, bytes]]:
    """What stands of every device, with its signed bytes. Raises BadSetting, FileFailed, NotACity."""
    root = certificates.to_der(certificates.from_pem(files.read(city.folder.authority.root_certificate, fix=_FIX)))
    found = []
    for device in enrolled(city.folder):
        path = city.folder.assigned(device)
        if not path.exists():
            continue
        data = files.read(path, fix=_FIX)
        try:
            found.append((open_assignment(data, root=root, city=city.settings.name, device=device), data))
        except (WireError, ProofError) as error:
            raise BadSetting(f"{path} is damaged: {error}", fix=_FIX) from error
    return found


def _begun(found: Swap) -> bool:
    return found.spare.vehicle is not None


def _told(city: City, found: Swap) -> dict[str, Path]:
    names = [found.spare.device, *([] if found.sister is None else [found.sister.device]), found.old.device]
    return {name: city.folder.assigned(name) for name in names}


def _all_stand(standing: Mapping[str, Assignment], wanted: Sequence[Assignment]) -> bool:
    """Whether each says what is wanted of it: a sister has words of an earlier swap, and so may OLD."""
    return all(
        it.device in standing
        and replace(standing[it.device], number=it.number, intermediate=it.intermediate) == it
        for it in wanted
    )  # fmt: skip


def _said(
    city: City, found: Swap, signer: bytes, number: int, by: Ways, *, standing: Mapping[str, Assignment]
) -> list[Assignment]:
    """In the order of `_told`. `signer`: the intermediate, DER. What `by` leaves out stays as it stands."""
    old, spare, sister = found.old, found.spare, found.sister
    assert old.vehicle is not None
    assert old.door is not None

    def said(device: str, serves: Serves | None, other: Other | None) -> Assignment:
        return Assignment(city.settings.name, device, number, signer, serves, other)

    here = Serves(old.vehicle, old.door, by.route or _line(standing.get(spare.device)))
    if sister is None:
        return [said(spare.device, here, None), said(old.device, None, None)]
    assert sister.door is not None
    there = Serves(old.vehicle, sister.door, _line(standing.get(sister.device)))

    def other(it: Registered, door: int, of: Registered) -> Other:
        return Other(it.device, door, it.tap_key, by.interface or _network(standing.get(of.device)))

    return [
        said(spare.device, here, other(sister, sister.door, spare)),
        said(sister.device, there, other(spare, old.door, sister)),
        said(old.device, None, None),
    ]


def _line(stands: Assignment | None) -> str | None:
    return None if stands is None or stands.serves is None else stands.serves.route


def _network(stands: Assignment | None) -> str | None:
    return None if stands is None or stands.other is None else stands.other.interface


def _checked(city: City, old: str, spare: str) -> Swap:
    """Raises NotASwap, UnknownDevice, BadSetting, FileFailed."""
    one, new = registered(city, old), registered(city, spare)
    require_not_revoked(one)
    require_not_revoked(new)
    if one.vehicle is None:
        raise NotASwap(f"{old} is a spare itself, and serves no door", fix="name the unit that is broken", device=old)
    if not new.spare or new.out is not None:
        raise NotASwap(
            f"{spare} is no spare", fix="take one that was enrolled as a spare: `savar provision claim --spare`",
            device=spare,
        )  # fmt: skip
    require_free(new, one)
    if one.out not in (None, spare):
        raise NotASwap(
            f"{one.out} serves the door of {old} already", fix=f"swap {one.out}, if it is broken", device=old
        )
    return Swap(one, new, _sister(city, one, spare))


def require_not_revoked(device: Registered) -> None:
    """Raises NotASwap."""
    if device.revoked:
        raise NotASwap(
            f"{device.device} is revoked", fix="enrol the door under a new name, and pair it: docs/DEPLOY.md",
            device=device.device,
        )  # fmt: skip


def require_free(spare: Registered, old: Registered) -> None:
    """The spare serves nowhere, or this very door since a call that was interrupted. Raises NotASwap."""
    if spare.vehicle is not None and (spare.vehicle, spare.door) != (old.vehicle, old.door):
        raise NotASwap(
            f"{spare.device} serves door {spare.door} of {spare.vehicle}: a spare takes one door in its life",
            fix="take another spare", device=spare.device,
        )  # fmt: skip


def _sister(city: City, one: Registered, spare: str) -> Registered | None:
    everybody = (registered(city, name) for name in enrolled(city.folder) if name != spare)
    here = [it for it in everybody if it.serves and it.vehicle == one.vehicle]
    _require_none_cut_off(city, here)
    others = [it for it in here if it.door != one.door]
    if len(others) > 1:
        raise NotASwap(
            f"{one.vehicle} has {len(others)} other doors: {', '.join(it.device for it in others)}",
            fix="revoke those that are not there any more: a bus has two doors", device=one.device,
        )  # fmt: skip
    return others[0] if others else None


def _require_none_cut_off(city: City, here: Sequence[Registered]) -> None:
    """No other spare was bound to a door of this bus and never sent, with its unit still in place. Raises NotASwap."""
    for new in here:
        units = [it.device for it in here if it is not new and it.door == new.door]
        if new.spare and units and not city.folder.assigned(new.device).exists():
            raise NotASwap(
                f"{new.device} is to take the door of {units[0]}, and that swap was cut off",
                fix=f"finish it first: `savar provision swap CITY {units[0]} {new.device}`", device=new.device,
            )  # fmt: skip
