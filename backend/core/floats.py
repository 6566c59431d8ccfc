"""What drivers do with money: their floats pay for who has no code, and they take boardings back. Pure.

Rules:
- a shift belongs to the vehicle on which it began; its proxy boardings are paid by the float of who drives in it there.
  Until a record of that shift has come, and on any other vehicle, `suspense` owes them, and each is a case (`holding`);
- a float is a driver's whom the office knows: one whom a staff list has named that was announced. Who has left stays
  known, for his bus may be away for months. A shift of anybody else is as one that nobody told of, until a list names
  him: then its boardings are paid and its annulments weighed with the next records that come, whichever they are. A
  city that announces no list has no drivers: no terminal signs anybody in;
- a float pays for at most PROXY_PERSONS_A_DAY_MAX persons a driver and service day, whatever shifts are begun: the
  first of them by the time of the records. `suspense` owes the others: a device in the wrong hands can name any driver;
- and all floats together pay for at most PROXY_PERSONS_VEHICLE_DAY_MAX on one vehicle a service day, again the first
  of them: such a device has read the names on its own staff list;
- an annulment is legal where the bus would have given it (rules S5 of `edge.core.shift`): of a tap of the same shift,
  within minutes of it, that was charged. A tap-out is not: taking it back would make a ride dearer than its rider was
  told, and no bus offers it. One that is not legal moves no money and is told to people;
- and a driver takes back at most ANNULS_A_DAY_MAX boardings a service day, whatever shifts are begun: the first of them
  by the time of the records, so the order of arrival decides nothing. The others wait for the office.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from backend.core.holding import Hold
from backend.core.ledger import SUSPENSE, Parts, Payer, TapId, driver_account
from backend.core.limits import ANNUL_SLACK_MS, PROXY_PERSONS_A_DAY_MAX, PROXY_PERSONS_VEHICLE_DAY_MAX
from protocol.fares.verdicts import TABLE
from protocol.limits import ANNUL_WITHIN_S, ANNULS_A_DAY_MAX
from protocol.wire.records import Annulment, Tap


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy boarding, and who pays for it now. `wall_ms`: by a trusted clock, else as `chaintime` says."""

    device: str
    epoch: int
    sequence: int
    vehicle: str
    shift: str | None
    rials: int
    driver: str | None = None  # whose shift it is, once a record of that has come and the office knows him
    annulled: bool = False
    revision: int = 0
    wall_ms: int = 0
    persons: int = 1
    over: bool = False  # beyond what the driver's float pays a day
    hold: Hold = Hold.HELD
    over_vehicle: bool = False  # beyond what all floats pay on its vehicle a day

    @property
    def tap(self) -> TapId:
        """What identifies it."""
        return self.device, self.epoch, self.sequence

    @property
    def contested(self) -> bool:
        """One tap tells of it."""
        return False

    @property
    def payer(self) -> Payer:
        """Under whom its record is listed."""
        if self.driver is None:
            return Payer.NO_PROOF
        return Payer.OVER_FLOAT if self.over or self.over_vehicle else Payer.DRIVER

    @property
    def parts(self) -> Parts:
        """Who owes how much for it, as it stands."""
        if self.annulled or not self.rials:
            return {}
        if self.driver is not None and self.payer is Payer.DRIVER:
            return {driver_account(self.driver): self.rials}
        return {SUSPENSE: self.rials}


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A legal annulment of the tap with this id. `wall_ms`: of the annulment, as `chaintime` says."""

    device: str
    epoch: int
    tap_sequence: int
    sequence: int
    vehicle: str
    shift: str
    wall_ms: int
    driver: str | None = None  # whose shift it is, once a record of that has come and the office knows him
    stands: bool = False

    @property
    def tap(self) -> TapId:
        """The tap that it takes back."""
        return self.device, self.epoch, self.tap_sequence


def why_illegal(record: Annulment, tap: Tap, since_ms: int) -> str | None:
    """What is wrong with an annulment of a tap; None if nothing is. `since_ms`: between them by the chain's time.

    Age is counted on the monotonic clock where the device has not restarted meanwhile.
    """
    if not TABLE[tap.verdict].charged:
        return f"tap {record.tap} is no paid boarding"
    if tap.service.shift is None or record.shift != tap.service.shift:
        return f"tap {record.tap} is of another shift than its annulment"
    ran_ms = record.at.mono_ms - tap.at.mono_ms
    age_ms = ran_ms if ran_ms >= 0 else since_ms
    if age_ms > ANNUL_WITHIN_S * 1000 + ANNUL_SLACK_MS:
        return f"tap {record.tap} was taken back {age_ms // 1000} s later"
    return None


def within_float(proxies: Iterable[Proxy]) -> list[Proxy]:
    """All proxy boardings of one driver's service day → the same, each with whether the float pays for it."""
    found, persons = [], 0
    for it in _by_time(proxies):
        persons += 0 if it.annulled else it.persons
        found.append(replace(it, over=persons > PROXY_PERSONS_A_DAY_MAX))
    return found


def within_vehicle(proxies: Iterable[Proxy]) -> list[Proxy]:
    """All proxy boardings of drivers on one vehicle of a service day → the same, each with whether it has room there.

    What is beyond its driver's own float takes none.
    """
    found, persons = [], 0
    for it in _by_time(proxies):
        persons += 0 if it.annulled or it.over else it.persons
        found.append(replace(it, over_vehicle=not it.over and persons > PROXY_PERSONS_VEHICLE_DAY_MAX))
    return found


def _by_time(proxies: Iterable[Proxy]) -> list[Proxy]:
    return sorted(proxies, key=lambda it: (it.wall_ms, it.tap))


def within_the_day(annulments: Iterable[TakenBack]) -> set[TapId]:
    """Of one driver's annulments of one service day, those that stand."""
    ordered = sorted(annulments, key=lambda it: (it.wall_ms, it.device, it.epoch, it.sequence))
    return {it.tap for it in ordered[:ANNULS_A_DAY_MAX]}
