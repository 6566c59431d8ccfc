"""Rotating issuer and receipt keys with overlap: a key comes beside the old one, is used, and the old one is withdrawn.

The log (`core.key_log`) says what may be done when. Rules:
- the log says that a key has stopped before another takes its place: an interrupted call is finished by calling again;
- the private half of a receipt key that stopped is gone.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from protocol import limits
from protocol.wire.bundles import Bundle
from protocol.wire.keys import SigningKey, key_id
from provisioning.adapters import files
from provisioning.app.bundles import BundleMade, bundle_in_force, bundle_keys, next_bundle
from provisioning.app.city import FIRST_ISSUER, City, changing_city
from provisioning.app.makers import OfficeKey, Randomness, load_key
from provisioning.core.days import unix_ms
from provisioning.core.errors import BadSetting, StillInUse, TooManyIssuers
from provisioning.core.key_log import KeyLog, Kind, Known, log_text, read_log, require_may_use, require_may_withdraw
from provisioning.core.layout import KEY_SUFFIX
from provisioning.core.limits import KEY_SECRET_BYTES

_FIX = "restore it from the city's backup"


@dataclass(frozen=True, slots=True)
class Standing:
    """A key of the log, and what it does now."""

    key: Known
    believed: bool  # the bundle in force names it
    signs: bool  # the backend signs by it


def standing(root: Path) -> list[Standing]:
    """Every key of the city at `root`. Raises NotACity, BadSetting, FileFailed."""
    with changing_city(root) as city:
        bundle = bundle_in_force(city, load_key(city.folder.bundle_key)).bundle
        log, keys = key_log(city, bundle), [it.public for it in bundle_keys(city)]
        return [
            Standing(it, it.public in (*believed(bundle, it.kind), *keys), it.public == _signing(city, it.kind).public)
            for it in log.known
        ]


def add_receipt_key(root: Path, *, now: datetime, randomness: Randomness) -> tuple[Known, BundleMade]:
    """A new receipt key beside those there are, in the next bundle; the backend goes on signing by the old one.

    Raises TooManyIssuers when the bundle is full, BadSetting, NotACity, FileFailed.
    """
    with changing_city(root) as city:
        signer = load_key(city.folder.bundle_key)
        before = bundle_in_force(city, signer).bundle
        log = key_log(city, before)
        if len(before.receipt_keys) >= limits.BUNDLE_KEYS_MAX:
            raise TooManyIssuers(
                f"the bundle holds {limits.BUNDLE_KEYS_MAX} receipt keys", fix="withdraw one that has stopped"
            )
        key = SigningKey.from_secret(randomness(KEY_SECRET_BYTES))
        known = Known(Kind.RECEIPT, key.id.hex(), key.public, unix_ms(now))
        files.write_private(city.folder.receipt_key_to_come(known.name), key.to_pem())
        write_log(city, log.added(known))

        def joined(bundle: Bundle, _lines: object) -> Bundle:
            return replace(bundle, receipt_keys=(*bundle.receipt_keys, key.public))

        return known, next_bundle(city, signer, joined, now=now)


def use_key(root: Path, kind: Kind, name: str, *, now: datetime, anyway: bool = False) -> Known:
    """From its next start the backend signs by this key; the one before it signs nothing more → that one.

    Raises StillInUse, BadSetting, NotACity, FileFailed.
    """
    with changing_city(root) as city:
        bundle = bundle_in_force(city, load_key(city.folder.bundle_key)).bundle
        log = key_log(city, bundle)
        key = log.named(kind, name)
        old = log.public(kind, _signing(city, kind).public)
        if old is None or old == key:
            raise BadSetting(f"the backend signs by {kind.value} {name} already", fix="nothing is left to do")
        require_may_use(key, believed(bundle, kind), now_ms=unix_ms(now), anyway=anyway)
        coming = city.folder.issuer_key(name) if kind is Kind.ISSUER else city.folder.receipt_key_to_come(name)
        new = load_key(coming)  # before the old one has stopped for good: an issuer's may be kept elsewhere
        if not isinstance(new, SigningKey):
            raise BadSetting(f"{kind.value} {name} lies in a token, and a backend reads files", fix="name another one")
        pem = new.to_pem()
        write_log(city, log.stopped(old, unix_ms(now)))
        files.replace(_place(city, kind), pem, mode=0o600)
        if kind is Kind.RECEIPT:
            files.remove([coming])
        return old


def withdraw_key(
    root: Path, kind: Kind, name: str, *, now: datetime, riders: bytes | None = None, anyway: bool = False
) -> BundleMade:
    """The next bundle without this key. `riders`: their table anew, where an issuer goes and there is one.

    Raises StillInUse, BadSetting, NotACity, FileFailed.
    """
    with changing_city(root) as city:
        signer = load_key(city.folder.bundle_key)
        before = bundle_in_force(city, signer).bundle
        key = key_log(city, before).named(kind, name)
        if key.public == _signing(city, kind).public and key.stopped_ms is not None:
            raise StillInUse(
                f"the backend signs by {kind.value} {name} yet: a change was interrupted",
                fix="call `savar provision rotate use` again, with the key that comes",
            )
        until = _tickets_until(city, key) if kind is Kind.ISSUER else None
        require_may_withdraw(key, believed(before, kind), tickets_until=until, now_ms=unix_ms(now), anyway=anyway)
        return next_bundle(city, signer, _without(key), now=now, riders=riders)


def believed(bundle: Bundle, kind: Kind) -> tuple[bytes, ...]:
    """The keys of a kind that a bundle names; of bundle keys none, for they stand in a statement (`recovering`)."""
    return {Kind.ISSUER: bundle.issuer_keys, Kind.RECEIPT: bundle.receipt_keys}.get(kind, ())


def key_log(city: City, bundle: Bundle) -> KeyLog:
    """The log; what an older version gave out, or an interrupted call, is taken up. Raises BadSetting, FileFailed."""
    path = city.folder.key_log
    log = read_log(files.read(path, fix=_FIX).decode(errors="replace")) if path.exists() else KeyLog()
    names = {load_key(it).public: it.name.removesuffix(KEY_SUFFIX) for it in _issuer_files(city)}
    for kind in Kind:
        for public in believed(bundle, kind):
            name = names.get(public, FIRST_ISSUER) if kind is Kind.ISSUER else _id(public)
            log = log.added(Known(kind, name, public, 0))
    for key in bundle_keys(city):
        log = log.added(Known(Kind.BUNDLE, key.id.hex(), key.public, 0))
    return log


def write_log(city: City, log: KeyLog) -> None:
    """Raises FileFailed."""
    files.replace(city.folder.key_log, log_text(log).encode())


def _issuer_files(city: City) -> list[Path]:
    return sorted(city.folder.issuer_key(FIRST_ISSUER).parent.glob(f"*{KEY_SUFFIX}"))


def _signing(city: City, kind: Kind) -> OfficeKey:
    return load_key(_place(city, kind))


def _place(city: City, kind: Kind) -> Path:
    places = {Kind.ISSUER: city.folder.backend_issuer_key, Kind.RECEIPT: city.folder.receipt_key}
    return places.get(kind, city.folder.bundle_key)


def _without(key: Known) -> Callable[[Bundle, object], Bundle]:
    def left(bundle: Bundle, _lines: object) -> Bundle:
        kept = tuple(it for it in believed(bundle, key.kind) if it != key.public)
        if key.kind is Kind.ISSUER:
            return replace(bundle, issuer_keys=kept)
        return replace(bundle, receipt_keys=kept)

    return left


def _tickets_until(city: City, key: Known) -> int | None:
    """The last service day of any issue of tickets that this issuer signed. Raises BadSetting for a damaged list."""
    last = []
    for path in sorted(city.folder.issued_tickets("x").parent.glob("*.json")):
        try:
            issue = json.loads(files.read(path, fix=_FIX))
            if issue["issuer"] == key.public.hex():
                last.append(int(issue["last_day"]))
        except (ValueError, KeyError, TypeError) as error:
            raise BadSetting(f"{path} is damaged: {error}", fix=_FIX) from error
    return max(last, default=None)


def _id(public: bytes) -> str:
    return key_id(public).hex()
