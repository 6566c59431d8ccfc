"""Every issuer, receipt and bundle key that the city ever gave out, when it came, and since when it signs nothing more.

    added ─▶ in use ─▶ stopped ─▶ withdrawn        by `rotate add`, `use`, `withdraw`; a bundle says what is believed

Rules:
- a key is added beside the others, and used only when it is in the bundle; an issuer's not before buses without a
  network have heard of it, for they would refuse riders whose credential it signed;
- what stopped never signs again;
- a key is withdrawn when it is not the only one, signs no more, and what it signed has run out: an issuer's credentials
  and printed tickets, receipts that buses prune by. Earlier only if it is said, for then riders are refused;
- nothing is taken out of the log: old receipts and credentials are proven by it (`savar audit`, `savar ledger verify`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from protocol.errors import BadKey
from protocol.limits import DAY_S, RECEIPTED_KEPT_S
from protocol.localtime import service_day
from protocol.wire.keys import VerifyingKey
from provisioning.core import limits
from provisioning.core.errors import BadSetting, StillInUse
from provisioning.core.names import unknown_names

_DAY_MS = DAY_S * 1000


class Kind(Enum):
    """What a key signs."""

    ISSUER = "issuer"
    RECEIPT = "receipt"
    BUNDLE = "bundle"


CIRCULATES_DAYS = {
    Kind.ISSUER: limits.CREDENTIAL_DAYS, Kind.RECEIPT: RECEIPTED_KEPT_S // DAY_S, Kind.BUNDLE: limits.BUS_AWAY_DAYS,
}  # fmt: skip
# A receipt that is not believed comes again; a bundle by a key that is not known yet keeps a bus on its older one.
SETTLES_DAYS = {Kind.ISSUER: limits.ISSUER_SETTLES_DAYS, Kind.RECEIPT: 0, Kind.BUNDLE: limits.ISSUER_SETTLES_DAYS}


@dataclass(frozen=True, slots=True)
class Known:
    """A key of the city. `name` is an issuer's, or another key's id; `stopped_ms` is None while it may sign."""

    kind: Kind
    name: str
    public: bytes
    added_ms: int
    stopped_ms: int | None = None


@dataclass(frozen=True, slots=True)
class KeyLog:
    """All of them, oldest first."""

    known: tuple[Known, ...] = ()

    def named(self, kind: Kind, name: str) -> Known:
        """Raises BadSetting."""
        for it in self.known:
            if (it.kind, it.name) == (kind, name):
                return it
        there = [it.name for it in self.known if it.kind is kind]
        raise BadSetting(
            f"there is no {kind.value} key {unknown_names([name], there)}",
            fix="`savar provision rotate show` lists them",
        )

    def public(self, kind: Kind, public: bytes) -> Known | None:
        """By its 33 bytes."""
        return next((it for it in self.known if (it.kind, it.public) == (kind, public)), None)

    def added(self, key: Known) -> "KeyLog":
        """With one more; one that is there already stays as it is."""
        return self if self.public(key.kind, key.public) else replace(self, known=(*self.known, key))

    def stopped(self, key: Known, now_ms: int) -> "KeyLog":
        """With this key signing nothing from now on."""
        return replace(self, known=tuple(replace(it, stopped_ms=now_ms) if it == key else it for it in self.known))


def require_may_use(key: Known, believed: Sequence[bytes], *, now_ms: int, anyway: bool) -> None:
    """Whether a key may begin to sign. Raises StillInUse, BadSetting."""
    if key.stopped_ms is not None:
        raise BadSetting(f"{key.kind.value} {key.name} has stopped for good", fix="add a new key")
    if key.public not in believed:
        raise BadSetting(
            f"no bundle names {key.kind.value} {key.name}", fix="add it first: `savar provision rotate add`"
        )
    days = _days_until(key.added_ms, SETTLES_DAYS[key.kind], now_ms)
    if days > 0 and not anyway:
        raise StillInUse(
            f"buses without a network may not have heard of {key.kind.value} {key.name} yet: they would refuse what it"
            " signs",
            fix=f"wait {days} days, or say --anyway when every bus has its bundle", days=days,
        )  # fmt: skip


def require_may_withdraw(
    key: Known, believed: Sequence[bytes], *, tickets_until: int | None, now_ms: int, anyway: bool
) -> None:
    """Whether a key may be taken out of the bundle. `tickets_until`: last service day of tickets printed under it.

    Raises StillInUse, BadSetting.
    """
    if key.public not in believed:
        raise BadSetting(f"no bundle names {key.kind.value} {key.name} any more", fix="nothing is left to do")
    if len(believed) == 1:
        raise StillInUse(f"it is the only {key.kind.value} key there is", fix="add another and use that one first")
    if key.stopped_ms is None:
        raise StillInUse(
            f"{key.kind.value} {key.name} may still sign", fix="use another in its place: `savar provision rotate use`"
        )
    days = _days_until(key.stopped_ms, CIRCULATES_DAYS[key.kind], now_ms)
    if tickets_until is not None:
        days = max(days, tickets_until + 1 - service_day(now_ms))
    if days > 0 and not anyway:
        raise StillInUse(
            f"what {key.kind.value} {key.name} signed is in circulation for {days} days more", days=days,
            fix="wait so long, or say --anyway: who still shows it is refused, and badges have to be printed anew",
        )  # fmt: skip


def log_text(log: KeyLog) -> str:
    """The log as JSON, one key an object."""
    rows = [
        {"kind": it.kind.value, "name": it.name, "public": it.public.hex(), "added_ms": it.added_ms,
         "stopped_ms": it.stopped_ms}
        for it in log.known
    ]  # fmt: skip
    return json.dumps({"keys": rows}, indent=1) + "\n"


def read_log(text: str) -> KeyLog:
    """JSON → the log. Raises BadSetting."""
    try:
        return KeyLog(tuple(_known(row) for row in json.loads(text)["keys"]))
    except (ValueError, KeyError, TypeError, BadKey) as error:
        raise BadSetting(f"known.json is damaged: {error}", fix="restore it from the city's backup") from error


def _known(row: dict[str, object]) -> Known:
    added, stopped = row["added_ms"], row["stopped_ms"]
    if type(added) is not int or not (stopped is None or type(stopped) is int):
        raise ValueError("a time is no number")
    public = VerifyingKey.load(bytes.fromhex(str(row["public"]))).public
    return Known(Kind(row["kind"]), str(row["name"]), public, added, stopped)


def _days_until(from_ms: int, days: int, now_ms: int) -> int:
    """Whole days that are left, at least 1 while any of it is."""
    return -((now_ms - from_ms - days * _DAY_MS) // _DAY_MS)
