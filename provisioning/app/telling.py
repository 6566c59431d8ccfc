"""What the office said of where devices serve is kept for each of them at the city's broker.

A broker forgets when it starts anew, so all that stands is said again whenever the office calls, each hour.
A device that has it already makes nothing of it.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from protocol.limits import ASSIGNMENT_MAX_BYTES
from protocol.wire.topics import Address, Channel
from provisioning.app.broker import admitted_devices
from provisioning.app.city import changing_city
from provisioning.app.makers import Randomness
from provisioning.app.swapping import assignments
from provisioning.app.waiting_renewals import OpenKept, require_pair
from provisioning.core import names


def tell_assignments(
    root: Path, open_kept: OpenKept, *, now: datetime, randomness: Randomness, tell: Callable[[str], None]
) -> list[str]:
    """→ the devices that are told, by name. `tell`: what the office itself will lack soon.

    Raises TransportError where the broker does not let us in or does not acknowledge; NotACity, FileFailed, BadSetting,
    AuthorityEnding, NotItsAuthority where the office itself is not able to.
    """
    with changing_city(root) as city:
        here = set(admitted_devices(city))
        said = [(it.device, data) for it, data in assignments(city) if it.device in here]
        if not said:
            return []
        require_pair(city, now, randomness, tell)
    settings, folder = city.settings, city.folder
    with open_kept(
        host=settings.broker_host, port=settings.broker_port, ca=folder.authority.root_certificate,
        pair=folder.office, name=names.OFFICE, most_bytes=ASSIGNMENT_MAX_BYTES, topics=[],
    ) as kept:  # fmt: skip
        for device, data in said:
            kept.say(Address(settings.name, settings.shard, device).topic(Channel.ASSIGNED), data)
    return [device for device, _ in said]
