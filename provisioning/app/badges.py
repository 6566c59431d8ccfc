"""Issuing drivers' badges: each printed in a private folder of its own, and named by the staff list of the next bundle.

Rules:
- a badge signs a driver in: page and code are 0600 in a 0700 folder, are never overwritten and never said;
- a driver has one badge: a new one takes the place of the one before, which opens nothing any more once a bus has the
  bundle. So a lost badge is answered by a new one, or by `savar bundle make --badge-gone`;
- nothing stands in its place before the bundle that names it is made: a badge that is printed opens.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocol import limits as wire_limits
from protocol.wire.badges import issue_badge, open_badge
from protocol.wire.codes import write_code
from provisioning.adapters import files
from provisioning.app.bundles import BundleMade, next_bundle
from provisioning.app.city import changing_city
from provisioning.app.makers import Randomness, load_issuer, load_key
from provisioning.core.bundle_changes import Changes, changed
from provisioning.core.days import require_to_come, unix_ms
from provisioning.core.errors import BadSetting
from provisioning.core.limits import BADGES_A_CALL_MAX
from provisioning.core.names import checked_name
from provisioning.core.ticket_sheet import badge_sheet

Draw = Callable[[str], str]  # a code's text → its drawing as SVG


@dataclass(frozen=True, slots=True)
class BadgesMade:
    """The page of each driver's badge, by number, and the bundle that names them."""

    pages: dict[str, Path]
    bundle: BundleMade


def make_badges(
    root: Path, numbers: Sequence[str], *, last_day: int, issuer: str, now: datetime, randomness: Randomness, draw: Draw
) -> BadgesMade:
    """A new badge for each of these drivers, and the next bundle, whose staff list names them.

    Raises BadSetting (nobody, too many, a number that is not on the list), OutOfRange, NotACity, FileFailed.
    """
    if not 1 <= len(numbers) <= BADGES_A_CALL_MAX:
        raise BadSetting(
            f"{len(numbers)} badges cannot be made at once", fix=f"name 1 to {BADGES_A_CALL_MAX} drivers",
            count=len(numbers),
        )  # fmt: skip
    require_to_come("last day of the badges", last_day, now)
    for number in numbers:
        checked_name("driver", number)
    with changing_city(root) as city, ExitStack() as folders:
        key = load_issuer(city.folder, issuer)
        pages: dict[str, Path] = {}
        named: dict[str, bytes | None] = {}
        for number in dict.fromkeys(numbers):
            badge_id = randomness(wire_limits.BADGE_ID_BYTES)
            badge = open_badge(issue_badge(key, badge_id=badge_id, last_day=last_day, number=number), [key.verifying])
            folder = city.folder.badge(number, badge_id)
            if os.path.lexists(folder):
                raise BadSetting("there is a badge of that id already", fix="make it again", number=number)
            files.make_folder(folder.parent, private=True)
            making = folders.enter_context(files.whole_folder(folder))
            making.chmod(0o700)
            code = write_code(badge.raw)
            files.write_private(making / "code.txt", code.encode())
            files.write_private(making / "badge.html", badge_sheet(badge, draw(code)).encode())
            pages[number], named[number] = folder / "badge.html", badge_id
        signer, changes = load_key(city.folder.bundle_key), Changes(badges=named)
        now_ms = unix_ms(now)
        made = next_bundle(
            city, signer, lambda before, lines: changed(before, changes, now_ms=now_ms, lines=lines), now=now
        )
    return BadgesMade(pages, made)
