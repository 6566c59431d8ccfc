"""What goes down to a validator, brought by who would rather have something else in force there (P12)."""

from collections.abc import Callable
from dataclasses import replace

from edge.core.limits import BUNDLES_WAITING_MAX
from protocol.errors import OutOfRange
from protocol.fares.policies import BoardFree, Cause, Policies
from protocol.fares.tariff import Tariff
from protocol.limits import MANIFEST_MAX_BYTES
from protocol.wire.bundles import Bundle, cut_bundle
from protocol.wire.keys import Purpose, VerifyingKey
from protocol.wire.manifests import Manifest
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, detected_if, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.worlds import OneDoor, Pretender
from tests.backend.desk import Desk
from tests.backend.test_fleet import BUS, Watched, health
from tests.edge.door import FARE, NOON_MS, STRANGER, Rider, at
from tests.edge.test_bundles import NEW, OLD, Rig, signed
from tests.protocol.samples import BUNDLE_KEY

FREE = Tariff(9, 0)
OTHER_CITY = "elsewhere"


def _new_in_force(ground: Ground) -> Rig:
    rig = Rig(ground.folder / "card")
    rig.tell(rig.sell(NEW))
    assert rig.came == [NEW]
    return rig


@attack(Surface.DOWNWARD, Who.BROKER, Outcome.REFUSED, off("protocol.wire.manifests:_require_not_older", gives(None)))
def rolled_back(ground: Ground) -> Outcome:
    """A captured broker announces the genuine bundle of before, whose deny list does not know its friend yet."""
    rig = _new_in_force(ground)
    rig.tell(rig.sell(OLD), 1)
    return refused_if(rig.on_card == NEW)


@attack(Surface.DOWNWARD, Who.BROKER, Outcome.REFUSED, off("protocol.wire.manifests:_require_not_older", gives(None)))
def replayed_after_a_restart(ground: Ground) -> Outcome:
    """A bus whose power went is told the older bundle before anybody else speaks."""
    rig = _new_in_force(ground)
    old, new = rig.sell(OLD), rig.store.load([BUNDLE_KEY.verifying], city=OLD.city)[0]
    rig.bundles = rig.start(new)
    rig.tell(old, 1)
    return refused_if(rig.on_card == NEW)


@attack(Surface.DOWNWARD, Who.BROKER, Outcome.REFUSED, unchecked(Purpose.MANIFEST))
def bundle_of_ones_own(ground: Ground) -> Outcome:
    """A captured broker makes a bundle in which nobody pays, and names the city's key under it."""
    rig = Rig(ground.folder / "card")
    rig.tell(signed_by_another(rig, replace(NEW, tariff=FREE)))
    return refused_if(rig.came == [])


def signed_by_another(rig: Rig, made: Bundle) -> bytes:
    """Its chunks are on offer."""
    rig.sell(made)
    return signed(made, key=Pretender(STRANGER, BUNDLE_KEY))  # type: ignore[arg-type]


def _of_any_city(open_manifest: Callable[..., Manifest]) -> Callable[..., Manifest]:
    def believing(data: bytes, keys: list[VerifyingKey], *, city: str, in_force: Manifest | None = None) -> Manifest:
        try:
            return open_manifest(data, keys, city=city, in_force=in_force)
        except OutOfRange:
            return open_manifest(data, keys, city=OTHER_CITY, in_force=in_force)

    return believing


@attack(Surface.DOWNWARD, Who.TECHNICIAN, Outcome.REFUSED, off("protocol.wire.manifests:open_manifest", _of_any_city))
def bundle_of_another_city(ground: Ground) -> Outcome:
    """An office that serves two cities sends one the other's bundle, with the other's fares."""
    rig = Rig(ground.folder / "card")
    rig.tell(rig.sell(replace(NEW, city=OTHER_CITY)))
    return refused_if(rig.came == [])


@attack(
    Surface.DOWNWARD, Who.BROKER, Outcome.REFUSED,
    off("protocol.wire.manifests:check_chunk", lambda _: lambda _wanted, data: data),
)  # fmt: skip
def mix_and_match(ground: Ground) -> Outcome:
    """Whoever serves the chunks puts another tariff under the name of the one that the signed manifest names."""
    rig = Rig(ground.folder / "card")
    announced = rig.sell(NEW)
    free = replace(NEW, tariff=replace(NEW.tariff, flat_fare_rials=0))
    (wanted,) = {*cut_bundle(NEW)[1]} - {*cut_bundle(free)[1]}
    (instead,) = {*cut_bundle(free)[1].items()} - {*cut_bundle(NEW)[1].items()}
    rig.shop.chunks[wanted] = instead[1]
    rig.shop.fetch = rig.shop.chunks.__getitem__  # type: ignore[method-assign] - a server that looks at nothing
    rig.tell(announced)
    return refused_if(rig.came == [])


@attack(
    Surface.DOWNWARD, Who.CITY, Outcome.REFUSED, off("edge.core.limits:BUNDLE_EARLY_MAX_MS", lambda _: 1 << 60)
)  # fmt: skip
def bundle_of_the_year_2030(ground: Ground) -> Outcome:
    """An office whose own clock is years ahead issues a bundle; its time would be the floor under every bus's clock."""
    rig = Rig(ground.folder / "card")
    rig.tell(rig.sell(replace(NEW, issued_ms=NOON_MS + 4 * 365 * 86_400_000)))
    return refused_if(rig.came == [])


@attack(Surface.DOWNWARD, Who.BROKER, Outcome.BOUNDED, off("edge.core.limits:BUNDLES_WAITING_MAX", lambda _: 1 << 30))
def flood_of_manifests(ground: Ground) -> Outcome:
    """A captured broker sends a hundred of the largest messages that may be manifests, to fill a bus's memory."""
    rig = Rig(ground.folder / "card")
    for _ in range(100):
        rig.bundles.announced(bytes(MANIFEST_MAX_BYTES))
    return bounded_by(BUNDLES_WAITING_MAX * MANIFEST_MAX_BYTES, rig.bundles._inbox.waiting_bytes())


@attack(
    Surface.DOWNWARD, Who.BROKER, Outcome.DETECTED,
    off("backend.app.fleet_watch:FleetWatch._look_at_bundle", gives(None)),
)  # fmt: skip
def frozen(ground: Ground) -> Outcome:
    """A captured broker lets a bus speak and keeps every newer bundle from it; the bus says which one is in force."""
    desk = Desk(ground.folder)
    ground.closing.callback(desk.close)
    watched = Watched(desk, [BUS])
    watched.newest = 7
    for second in range(0, 3 * 3_600, 60):
        watched.hear(second, health(bundle=6))
    return detected_if(("open", "old-bundle") in [told[:2] for told in watched.told])


@attack(
    Surface.DOWNWARD, Who.CITY, Outcome.BOUNDED,
    off("protocol.fares.policies:_Term.affords", gives(True)),
)  # fmt: skip
def free_rides_without_end(ground: Ground) -> Outcome:
    """An office lets a line ride free under an order with a bound in rials, and forgets to take it back."""
    order = BoardFree("flood-1", Cause.CRISIS, NOON_MS, NOON_MS + 86_400_000, bound_rials=5 * FARE)
    door = OneDoor(ground, policies=Policies(1, (order,)))
    free = [door.boards(Rider(n).code(at(n)), n) and not door.fare for n in range(1, 21)]
    return bounded_by(5, sum(free))
