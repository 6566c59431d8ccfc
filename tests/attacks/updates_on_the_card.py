"""Releases on the bus itself: what reaches the card, is begun, and is begun again (P12, P14)."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath
from random import Random

from edge.adapters.card_files import RealCardFiles
from edge.adapters.release_folder import ReleaseFolder
from edge.app import starting
from edge.core.errors import ReleaseFailed
from edge.core.limits import DISK_FREE_MIN_BYTES, TRIAL_STARTS_MAX
from edge.core.releases import FIRST, Standing, arrived, begun
from protocol.wire.manifests import Section, name_chunk
from protocol.wire.records import ClockQuality
from protocol.wire.releases import RELEASES, Stage, Stages, draw
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, refused_if
from tests.attacks.defence import gives, off
from tests.edge.model_card import ModelCard
from tests.edge.release_office import NOW_MS, Made, Told, everywhere, make, told, wheel
from tests.edge.test_release_folder import install, of_wheels
from tests.edge.test_updates import DEVICE, OLD, Bus, at

_TUF_DAYS = 61  # a timestamp of the tests lasts 60


def _carry(bus: Bus, data: bytes, made: tuple[Made, ...]) -> int:
    """Put it into the next bundle → what the bus would begin then."""
    bus.number += 1
    chunks = {name_chunk(data): data} | {chunk: piece for it in made for chunk, piece in it.chunks.items()}
    bus.shelf |= chunks
    following = replace(OLD, number=bus.number)
    bus.bundles.announced(bus.manifest(following, Section(RELEASES, bus.number, tuple(chunks))))
    bus.steps()
    return begun(bus.folder.standing())[0]


def _told(bus: Bus, news: Told) -> int:
    return _carry(bus, news.bytes_, news.made)


@attack(
    Surface.UPDATES, Who.CLERK, Outcome.REFUSED,
    off("edge.core.releases:halted", lambda _: lambda standing, _stages: standing),
)  # fmt: skip
def halt_taken_back_by_the_desk(ground: Ground) -> Outcome:
    """A thief of the desk's key takes the halt of a release back, on a bus that has heard of it."""
    bus = Bus(ground.folder)
    _told(bus, told(7, stages=everywhere(7, halted=[7])))
    return refused_if(_told(bus, told(7, version=2)) == FIRST)


@attack(Surface.UPDATES, Who.CLERK, Outcome.REFUSED, off("tuf.api._payload:Signed.is_expired", gives(False)))
def frozen_release_and_a_dead_clock(ground: Ground) -> Outcome:
    """Metadata of two months ago comes in a bundle of today, to a bus without a clock that believes it is 1970."""
    bus = Bus(ground.folder)
    bus.tell(told(7), issued_ms=NOW_MS + _TUF_DAYS * 86_400_000)
    bus.steps(at(days=-20_000, quality=ClockQuality.UNTRUSTED))
    return refused_if(begun(bus.folder.standing())[0] == FIRST)


@attack(Surface.UPDATES, Who.CLERK, Outcome.REFUSED, off("protocol.wire.releases:Stage.takes", gives(True)))
def pushed_to_a_chosen_bus(ground: Ground) -> Outcome:
    """A release of a first stage is carried to one chosen bus by a stick; that bus was not drawn."""
    assert draw(DEVICE, 7) >= 10
    return refused_if(_told(Bus(ground.folder), told(7, stages=Stages((Stage(7, 10),)))) == FIRST)


@attack(
    Surface.UPDATES, Who.BROKER, Outcome.REFUSED,
    off("protocol.wire.manifests:check_chunk", lambda _: lambda _wanted, data: data),
    off("edge.adapters.release_folder:_require_digest", gives(None)),
)  # fmt: skip
def other_bytes_for_a_wheel(ground: Ground) -> Outcome:
    """Whoever serves the chunks gives others for one of a wheel's, of the same length."""
    bus, made = Bus(ground.folder), make(7)
    bus.tell(told(7))
    whole = wheel({"b.py": b"import evil as NUMBER"})
    (chunk,) = made.release.files[1].chunks
    bus.shelf[chunk] = whole
    bus.fetch = bus.shelf.__getitem__  # type: ignore[method-assign] - a server that looks at nothing
    bus.steps()
    return refused_if(begun(bus.folder.standing())[0] == FIRST)


def _anywhere(_: Callable[..., object]) -> Callable[[str], PurePosixPath]:
    return PurePosixPath


@attack(Surface.UPDATES, Who.CITY, Outcome.REFUSED, off("edge.adapters.release_folder:_place", _anywhere))
def wheel_that_reaches_the_journal(ground: Ground) -> Outcome:
    """A wheel of others that nobody looked into names a file outside itself: the journal beside the releases."""
    journal = ground.folder / "journal.db"
    journal.write_bytes(b"taps")
    folder = ReleaseFolder(RealCardFiles(ground.folder / "releases"))
    with suppress(ReleaseFailed):  # what is asked is the journal
        install(folder, of_wheels({"a.whl": wheel({"../../../journal.db": b"none"})}))
    return refused_if(journal.read_bytes() == b"taps")


@attack(Surface.UPDATES, Who.CITY, Outcome.REFUSED, off("edge.adapters.release_folder:_Room.take", gives(None)))
def wheel_that_fills_the_card(ground: Ground) -> Outcome:
    """A wheel of a few bytes that are a gigabyte once they are unpacked; here, more than the card has free."""
    card = ModelCard(Random(str(ground.folder)))
    card.free = DISK_FREE_MIN_BYTES + 1_000
    folder = ReleaseFolder(card)
    with suppress(ReleaseFailed):  # what is asked is the card
        install(folder, of_wheels({"a.whl": wheel({"a.py": bytes(100_000)})}))
    return refused_if(folder.whole() == {FIRST})


@attack(Surface.UPDATES, Who.CITY, Outcome.BOUNDED, off("edge.core.limits:TRIAL_STARTS_MAX", lambda _: 1 << 30))
def release_that_dies(ground: Ground) -> Outcome:
    """An office's release passes its self-test on each bus and dies a moment later, for ever."""
    standing, dead = arrived(Standing(), 7), 0
    for _ in range(20):
        number, standing = begun(standing)
        dead += number == 7
    return bounded_by(TRIAL_STARTS_MAX, dead)


@attack(
    Surface.UPDATES, Who.CITY, Outcome.REFUSED,
    off("edge.app.starting:choose", lambda _: lambda folder, _passes: begun(folder.standing())[0]),
)  # fmt: skip
def release_that_cannot_read_codes(ground: Ground) -> Outcome:
    """An office's release lacks a library: every bus that takes it would begin, and read nothing."""
    folder = ReleaseFolder(RealCardFiles(ground.folder / "releases"))
    install(folder, make(7))
    folder.keep(arrived(Standing(), 7))

    return refused_if(starting.choose(folder, lambda number: number == FIRST) == FIRST)
