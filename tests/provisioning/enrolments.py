"""A city, its claims, and devices that ask by them: what tests of enrolment and of renewal share."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.adapters.own_keys import OwnKeys
from edge.app.enrolling import Enrolled, begin, finish
from protocol.fares.tariff import Tariff
from protocol.wire.claims import Claim
from protocol.wire.enrolments import Request
from provisioning.app.approving import approve
from provisioning.app.ceremony import make_intermediates, make_root
from provisioning.app.city import create_city
from provisioning.app.claims import make_claim
from provisioning.core.layout import AuthorityFolder, RootFolder

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ONE, TWO = "bus-0001-d1", "bus-0002-d1"
CITY = "isfahan"


def plain_city(root: Path, name: str = CITY, *, at: datetime = NOW) -> Path:
    create_city(root, name=name, tariff=Tariff(1, 60_000), now=at, randomness=os.urandom)
    return root


def city_of_a_ceremony(folder: Path) -> Path:
    """With a root off line and a recovery key."""
    off_line, given = RootFolder(folder / "root"), AuthorityFolder(folder / "handed over")
    root = make_root(
        off_line, city=CITY, passphrase="saffron ladder ice nine", now=NOW, randomness=os.urandom,
        confirm=lambda _: None,
    )  # fmt: skip
    recovery = off_line.recovery_public.read_bytes()
    make_intermediates(given, root, recovery=recovery, now=NOW, randomness=os.urandom, confirm=lambda _: None)
    create_city(
        folder / "city", name=CITY, tariff=Tariff(1, 60_000), now=NOW, randomness=os.urandom, authority=given
    )  # fmt: skip
    return folder / "city"


def claim(root: Path, device: str = ONE, *, at: datetime = NOW, **more: Any) -> Claim:
    cameras = [("front", "v4l2:0")]
    made = make_claim(
        root,
        device=device,
        vehicle=device[:8],
        door=int(device[-1]),
        cameras=cameras,
        now=at,
        randomness=os.urandom,
        **more,
    )
    return made.claim


def box(folder: Path, by: Claim) -> tuple[OwnKeys, Request]:
    """A new box that has made its keys and asks."""
    own = OwnKeys(folder)
    return own, begin(own, by, hardware="10000000c0ffee", randomness=os.urandom)


def approved(
    root: Path, data: bytes, out: Path, *, at: datetime = NOW, confirm: Callable[..., None] = lambda *_: None
) -> bytes:
    """The answer, once somebody has agreed."""
    approve(root, data, out, now=at, randomness=os.urandom, confirm=confirm)
    return out.read_bytes()


def enrolled(root: Path, folder: Path, device: str = ONE) -> tuple[OwnKeys, Enrolled]:
    """A device that has gone the whole way."""
    own, request = box(folder, claim(root, device))
    return own, finish(own, approved(root, request.raw, folder.with_suffix(".answer")))


def content(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
