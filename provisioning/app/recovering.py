"""The recovery key's word: asked for at the office, given off line, taken into the next bundle (P2, P12).

    ask ─▶ ask.json ─▶ `savar authority announce`, off line ─▶ said.cose ─▶ take_statement ─▶ the next bundle

Rules:
- a bundle key comes and goes by a statement only; the office signs by a new one when buses have heard of it;
- the bundle that brings a new key is kept as a bridge: a bus that was away while the old one was withdrawn is led over
  it by a depot.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from hardware_keys.places import KeyPlace
from protocol.errors import BadKey, SavarError
from protocol.wire.authority import FIRST_INCARNATION, Statement, encode_statement, open_statement
from protocol.wire.bundles import Bundle
from protocol.wire.keys import Signer, SigningKey, VerifyingKey
from provisioning.adapters import files
from provisioning.app.bundle_files import write_bundle
from provisioning.app.bundles import BundleMade, bundle_in_force, next_bundle, write_bundle_keys
from provisioning.app.city import City, changing_city
from provisioning.app.makers import Randomness, key_in_token, key_text, load_key
from provisioning.app.rotating import key_log, write_log
from provisioning.core.days import unix_ms
from provisioning.core.errors import BadSetting, NotItsAuthority, StillInUse
from provisioning.core.key_log import Kind, Known, require_may_use, require_may_withdraw
from provisioning.core.limits import KEY_SECRET_BYTES

_FIX = "a city that was made without a ceremony has no recovery key"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the recovery key is asked to say."""

    city: str
    number: int
    incarnation: int
    bundle_keys: tuple[bytes, ...]

    def text(self) -> str:
        """As JSON."""
        keys = [key.hex() for key in self.bundle_keys]
        return json.dumps(
            {"city": self.city, "number": self.number, "incarnation": self.incarnation, "bundle_keys": keys}, indent=1
        )


def read_asked(path: Path) -> Asked:
    """Raises BadSetting, FileFailed."""
    try:
        values = json.loads(files.read(path, fix="give the file that --ask named at the office"))
        keys = tuple(bytes.fromhex(key) for key in values["bundle_keys"])
        return Asked(str(values["city"]), int(values["number"]), int(values["incarnation"]), keys)
    except (ValueError, KeyError, TypeError) as error:
        raise BadSetting(f"{path} asks for nothing that can be said: {error}", fix="ask again") from error


def sign_asked(asked: Asked, recovery: Signer) -> bytes:
    """The statement. Raises BadSetting for what no bus would take."""
    try:
        return encode_statement(Statement(asked.city, asked.number, asked.incarnation, asked.bundle_keys), recovery)
    except SavarError as error:
        raise BadSetting(f"that cannot be said: {error}", fix="ask again") from error


def ask_for_new_key(root: Path, *, randomness: Randomness, place: KeyPlace | None = None) -> tuple[Asked, str]:
    """A new bundle key, which nothing believes yet → what to ask for, and its name. `place`: a token shall have it.

    Raises BadSetting, FileFailed, HardwareKeyError.
    """
    with changing_city(root) as city:
        held, bundle = _held(city)
        key = SigningKey.from_secret(randomness(KEY_SECRET_BYTES)) if place is None else key_in_token(place)
        if key.public in _believed(city, held):
            raise BadSetting("that key signs bundles already", fix="name a new one by object= in --key")
        files.write_private(city.folder.bundle_key_to_come(key.id.hex()), key_text(key))
        keys = tuple(sorted({*_believed(city, held), key.public}))
        return Asked(city.settings.name, _next(bundle), _incarnation(held), keys), key.id.hex()


def ask_without_key(root: Path, name: str, *, now: datetime, anyway: bool = False) -> Asked:
    """To withdraw a bundle key → what to ask for. Raises StillInUse, BadSetting, FileFailed."""
    with changing_city(root) as city:
        held, bundle = _held(city)
        key = key_log(city, bundle).named(Kind.BUNDLE, name)
        keys = _believed(city, held)
        require_may_withdraw(key, keys, tickets_until=None, now_ms=unix_ms(now), anyway=anyway)
        left = tuple(it for it in keys if it != key.public)
        return Asked(city.settings.name, _next(bundle), _incarnation(held), left)


def ask_for_incarnation(root: Path, incarnation: int) -> Asked:
    """After a restoration: the ledger's new incarnation → what to ask for. Raises BadSetting, FileFailed."""
    with changing_city(root) as city:
        held, bundle = _held(city)
        if incarnation <= _incarnation(held):
            raise BadSetting(
                f"incarnation {_incarnation(held)} is announced already", fix="give what `savar ledger restore` said"
            )
        return Asked(city.settings.name, _next(bundle), incarnation, tuple(_believed(city, held)))


def take_statement(root: Path, data: bytes, *, now: datetime) -> BundleMade:
    """The next bundle, which brings the statement to every bus. An interrupted call is finished by calling again.

    Raises NotItsAuthority for what the recovery key did not say, or not after its last word; BadSetting, FileFailed.
    """
    with changing_city(root) as city:
        signer = load_key(city.folder.bundle_key)
        held, before = _held(city)
        try:
            statement = open_statement(data, _recovery(city), city=city.settings.name, held=held)
        except SavarError as error:
            raise NotItsAuthority(
                f"that is no word of the recovery key: {error.name}: {error}", fix="ask again"
            ) from error
        if signer.public not in statement.bundle_keys:
            fix = "let another sign first: `savar provision bundle-key use`"
            raise StillInUse("bundles are signed by a key that it withdraws", fix=fix)
        log = key_log(city, before)
        for key in statement.bundle_keys:
            log = log.added(Known(Kind.BUNDLE, VerifyingKey.load(key).id.hex(), key, unix_ms(now)))
        write_log(city, log)
        write_bundle_keys(city, {*statement.bundle_keys, *(_believed(city, held))})

        def with_it(bundle: Bundle, _lines: object) -> Bundle:
            return replace(bundle, authority=statement.raw, authority_number=statement.number)

        made = next_bundle(city, signer, with_it, now=now)
        new = bundle_in_force(city, signer)
        if len(statement.bundle_keys) > 1:
            write_bundle(city.folder.bridge(made.bundle.number), new.manifest.raw, new.chunks)
        write_bundle_keys(city, statement.bundle_keys)
        return made


def use_bundle_key(root: Path, name: str, *, now: datetime, anyway: bool = False) -> BundleMade:
    """Sign bundles by this key from now on; the one before has stopped. Raises StillInUse, BadSetting, FileFailed."""
    with changing_city(root) as city:
        signer = load_key(city.folder.bundle_key)
        held, bundle = _held(city)
        log = key_log(city, bundle)
        key = log.named(Kind.BUNDLE, name)
        old = log.public(Kind.BUNDLE, signer.public)
        if old is None or old == key:
            raise BadSetting(f"bundles are signed by {name} already", fix="nothing is left to do")
        require_may_use(key, _believed(city, held), now_ms=unix_ms(now), anyway=anyway)
        coming = load_key(city.folder.bundle_key_to_come(name))
        write_log(city, log.stopped(old, unix_ms(now)))
        files.replace(city.folder.bundle_key, key_text(coming), mode=0o600)
        made = next_bundle(city, coming, lambda before, _: before, now=now)
        files.remove([city.folder.bundle_key_to_come(name)])
        return made


def _held(city: City) -> tuple[Statement | None, Bundle]:
    """The statement that the bundle in force brings, proven, and that bundle. Raises NotItsAuthority, FileFailed."""
    bundle = bundle_in_force(city, load_key(city.folder.bundle_key)).bundle
    if not bundle.authority:
        _recovery(city)
        return None, bundle
    try:
        return open_statement(bundle.authority, _recovery(city), city=city.settings.name), bundle
    except SavarError as error:
        raise NotItsAuthority(f"the bundle's statement is not the recovery key's: {error}", fix=_FIX) from error


def _recovery(city: City) -> VerifyingKey:
    path = city.folder.authority.recovery_public
    text = files.read(path, fix=_FIX).decode(errors="replace")
    try:
        return VerifyingKey.load(bytes.fromhex(text.strip()))
    except (ValueError, BadKey) as error:
        raise BadSetting(f"{path} holds no public key", fix="restore it from the city's backup") from error


def _believed(city: City, held: Statement | None) -> tuple[bytes, ...]:
    return (load_key(city.folder.bundle_key).public,) if held is None else held.bundle_keys


def _next(bundle: Bundle) -> int:
    return bundle.authority_number + 1


def _incarnation(held: Statement | None) -> int:
    return FIRST_INCARNATION if held is None else held.incarnation
