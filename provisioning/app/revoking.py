"""Revoking a device: everything that keeps it out, in the order that works, each step said; each may be done again.

    1  the office's record     from which all else is made; an interrupted call goes on from here
    2  the backend's registry  what its tap key signs from now on waits in quarantine
    3  the list                its certificate is in it, signed, in the broker's folder
    4  SIGHUP                  the broker reads it: no new connection
    5  $CONTROL                no role, disabled, and its live session ended: it cannot come back by 4
    6  the file of roles       the same, for a broker that does not run or starts anew

Measured at Mosquitto 2.0.11: after 4 alone a live session goes on for ever; after 5 alone it comes back at once,
but without a role. A certificate whose serial number nobody kept is held out by 5 and 6 only.
"""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from protocol.plurals import counted
from provisioning.adapters import files
from provisioning.adapters.broker_process import reload_broker
from provisioning.app.broker import admitted
from provisioning.app.city import City, changing_city
from provisioning.app.lists import announce_lists, revoked_devices, write_lists
from provisioning.app.registry import registered
from provisioning.core import certificates, names
from provisioning.core.broker_config import roles_filled, roles_without
from provisioning.core.city import device_identity
from provisioning.core.days import unix_ms
from provisioning.core.errors import BadSetting, NotEverywhere, ProvisioningError
from provisioning.core.revocations import Reason, Revoked, revoked_text, with_revoked
from transport.errors import BrokerSilent

Tell = Callable[[str], None]


class ShutOut(Protocol):
    """`transport.roles.shut_out`, or what does the same at another broker."""

    def __call__(self, folder: Path, *, host: str, port: int, admin: str, user: str, role: str) -> None:
        """End the user's sessions and take its roles. Raises BrokerSilent."""
        ...


_FIX = "restore it from the city's backup"


def revoke_device(
    root: Path, device: str, *, reason: Reason, by: str, now: datetime, tell: Tell, shut_out: ShutOut,
    certificate: Path | None = None,
) -> None:  # fmt: skip
    """Revoke a device for good; `certificate` is its PEM file where the city kept none. `tell` is told every step.

    May be called again, after an interruption and at any time. Raises UnknownDevice, BadSetting, FileFailed before
    anything is changed, and NotEverywhere when all that can be done here was done and something is left.
    """
    with changing_city(root) as city:
        registered(city, device)
        serials = _serials(city, device, certificate)
        told = _record(city, Revoked(device, serials, reason, by, unix_ms(now)))
        tell(f"recorded: {device} is revoked ({told.reason.value}), by {told.by}")
        _mark(city, told)
        tell("backend: what its tap key signs from now on waits in quarantine, within seconds")
        here, left = _lists(city, now, told, tell)
        left += _roles(city, device, tell, shut_out, here=here)
    if left:
        raise NotEverywhere("; ".join(left), fix="do what is missing, then call again: what is done stays done")


def _serials(city: City, device: str, given: Path | None) -> tuple[int, ...]:
    """Serial numbers of its certificates: those given, those kept, that in a folder that was not carried away."""
    serials: list[int] = []
    for path in (given, city.folder.issued(device), city.folder.device(device).keys / "tls.crt.pem"):
        if path is None or not path.exists():
            continue
        chain = certificates.all_from_pem(files.read(path, fix=_FIX))  # with intermediates, which are not revoked
        own = [one.serial_number for one in chain if one.subject.rfc4514_string() == _user(city, device)]
        if not own:
            raise BadSetting(f"no certificate in {path} is that of {device}", fix="give its own certificate")
        serials += own
    return tuple(dict.fromkeys(serials))


def _record(city: City, new: Revoked) -> Revoked:
    record = with_revoked(revoked_devices(city.folder), new)
    files.replace(city.folder.authority.revoked, revoked_text(record).encode(), mode=0o600)
    return next(it for it in record if it.device == new.device)


def _mark(city: City, told: Revoked) -> None:
    path = city.folder.registered(told.device)
    entry = json.loads(files.read(path, fix=_FIX))
    entry["revoked"] = {"at_ms": told.at_ms, "reason": told.reason.value, "by": told.by}
    files.replace(path, (json.dumps(entry) + "\n").encode())


def _lists(city: City, now: datetime, told: Revoked, tell: Tell) -> tuple[bool, list[str]]:
    """Steps 3 and 4: whether the broker runs here, and what is left."""
    try:
        made = write_lists(city.folder, now)
    except ProvisioningError as error:
        return reload_broker(city.folder.broker_config), [f"no list was made: {error}"]
    if told.serials:
        tell(f"list: {counted(len(told.serials), 'certificate')} of it in {city.folder.broker_lists}")
    else:
        tell("list: no certificate of it was kept, so its role alone keeps it out; --certificate FILE adds one")
    reloaded, config = announce_lists(city.folder, made).reloaded, city.folder.broker_config
    if config.exists() and b"\ncrlfile " not in files.read(config, fix=_FIX):  # of before there were lists
        return reloaded, [f"{config} names no list: call `savar provision broker`, then restart the broker"]
    if reloaded:
        tell("broker: it was told to read the list")
        return True, []
    if names.is_loopback(city.settings.broker_host):
        tell("broker: none runs here from this folder; it reads the list when it starts")
        return False, []
    left = f"no broker runs here from this folder: copy {city.folder.broker_lists} to where it runs, and reload it"
    return False, [left]


def _roles(city: City, device: str, tell: Tell, shut_out: ShutOut, *, here: bool) -> list[str]:
    """Steps 5 and 6: what is left."""
    settings, left = city.settings, []
    host = settings.broker_host
    if here and not names.is_loopback(host):
        host = "127.0.0.1"  # its certificate names it, and a name server may be away
    if here or not names.is_loopback(host):
        try:
            shut_out(
                city.folder.broker, host=host, port=settings.broker_port, admin=names.ADMIN,
                user=_user(city, device), role=device,
            )  # fmt: skip
            tell("broker: it has no role, is disabled, and its session was ended")
        except BrokerSilent as error:
            left.append(f"its role was not taken in the running broker: {error}")
    path = city.folder.broker_roles
    text = files.read(path, fix="call `savar provision broker` first").decode(errors="replace")
    filled = roles_filled(text, admitted(city))  # the broker wrote it anew in step 5, of whom it knew
    after = roles_without(filled, {_user(city, device)})
    if after != text:
        files.replace(path, after.encode(), mode=0o600, owner=settings.broker_user)
    tell(f"roles: {path.name} grants it nothing")
    if filled != text:
        tell("roles: who was enrolled since the broker began is in it again: restart the broker")
    return left


def _user(city: City, device: str) -> str:
    return device_identity(city.settings.name, city.settings.shard, device).user
