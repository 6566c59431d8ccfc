"""Making and loading keys and certificates of a city: the secrets come from `randomness`, the files are private."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from hardware_keys.places import SCHEME, KeyPlace, read_place
from protocol.errors import BadKey
from protocol.wire.keys import SigningKey
from provisioning.adapters import files
from provisioning.core import certificates, limits
from provisioning.core.errors import BadSetting
from provisioning.core.key_log import Kind, read_log
from provisioning.core.layout import KEY_SUFFIX, AuthorityFolder, CityFolder
from provisioning.core.names import checked_name, unknown_names
from provisioning.core.purposes import Purpose

if TYPE_CHECKING:
    from hardware_keys.keys import TokenKey

OfficeKey: TypeAlias = Union[SigningKey, "TokenKey"]
_FIX = "restore it from the city's backup"
Randomness = Callable[[int], bytes]  # number of bytes → so many unpredictable (or, in a simulation, seeded) bytes


def new_key(path: Path, randomness: Randomness) -> SigningKey:
    """Make a P-256 key and write it. Raises KeyExists, FileFailed."""
    key = SigningKey.from_secret(randomness(limits.KEY_SECRET_BYTES))
    files.write_private(path, key.to_pem())
    return key


def load_issuer(folder: CityFolder, name: str) -> OfficeKey:
    """An issuer's key by its name. Raises BadSetting where no issuer has it, or it has stopped; FileFailed."""
    checked_name("issuer", name)
    path = folder.issuer_key(name)
    there = sorted(it.name.removesuffix(KEY_SUFFIX) for it in path.parent.glob(f"*{KEY_SUFFIX}"))
    if name not in there:
        raise BadSetting(
            f"no issuer's key is here as {unknown_names([name], there)}",
            fix=f"mend the name, bring its key back to {path}, or add an issuer: `savar provision issuer`", issuer=name,
        )  # fmt: skip
    key = load_key(path)
    if folder.key_log.exists():
        known = read_log(files.read(folder.key_log, fix=_FIX).decode(errors="replace")).public(Kind.ISSUER, key.public)
        if known is not None and known.stopped_ms is not None:
            raise BadSetting(
                f"issuer {name} has stopped, and signs nothing more",
                fix="name the one that took its place",
                issuer=name,
            )
    return key


def key_in_token(place: KeyPlace) -> "TokenKey":
    """A new key in a token; the one that is there, where a call before this was not gone on with.

    Raises HardwareKeyError.
    """
    from hardware_keys.keys import open_or_make_key  # noqa: PLC0415 - an office with key files needs no PKCS#11

    return open_or_make_key(place)


def key_text(key: certificates.AuthorityKey) -> bytes:
    """What a key file holds: the key as PEM, or where a token has it."""
    if isinstance(key, SigningKey):
        return key.to_pem()
    from hardware_keys.keys import TokenKey  # noqa: PLC0415

    assert isinstance(key, TokenKey), "a key is in memory or in a token"
    return key.place.uri.encode() + b"\n"


def key_place(path: Path) -> KeyPlace | None:
    """Where a token has the key of this file; None for one that is in it. Raises FileFailed, BadKeyUri."""
    text = files.read(path, fix=_FIX)
    return read_place(text.decode(errors="replace").strip()) if text.startswith(SCHEME.encode()) else None


def load_key(path: Path) -> OfficeKey:
    """A key that an earlier call made, in its file or in its token.

    Raises FileFailed, BadSetting; HardwareKeyError for one in a token.
    """
    place = key_place(path)
    if place is not None:
        from hardware_keys.keys import open_key  # noqa: PLC0415

        return open_key(place)
    pem = files.read(path, fix=_FIX)
    try:
        return SigningKey.from_pem(pem)
    except BadKey as error:
        raise BadSetting(f"{path} holds no private key", fix=_FIX) from error


@dataclass(frozen=True, slots=True)
class Authority:
    """The TLS authority of one city, able to give out certificates at `now` for the purposes whose keys are here."""

    folder: AuthorityFolder
    root: certificates.Certificate
    now: datetime
    randomness: Randomness

    @classmethod
    def load(cls, folder: AuthorityFolder, now: datetime, randomness: Randomness) -> "Authority":
        """The authority that the folder holds. Raises FileFailed, BadSetting, NotItsAuthority."""
        return cls(folder, root_certificate(folder.root_certificate), now, randomness)

    def issuer(self, purpose: Purpose) -> certificates.Issuer:
        """The intermediate of a purpose. Raises FileFailed where it is kept elsewhere, NotItsAuthority."""
        issuer = load_intermediate(self.folder, purpose)
        certificates.require_intermediate(issuer, purpose, self.root)
        return issuer

    def pair(self, purpose: Purpose, name: str) -> bytes:
        """A new key and its certificate with its intermediate's, as one PEM text: one file that is replaced at once.

        Raises AuthorityEnding, FileFailed, NotItsAuthority.
        """
        issuer, key = self.issuer(purpose), SigningKey.from_secret(self.randomness(limits.KEY_SECRET_BYTES))
        leaf = certificates.make_leaf(key, name, serial=new_serial(self.randomness), now=self.now, issuer=issuer)
        return key.to_pem() + certificates.to_pem(leaf, issuer.certificate)

    def write_leaf(
        self, keys: Path, purpose: Purpose, name: str, *, prefix: str = "tls", hosts: Sequence[str] = ()
    ) -> None:
        """Key, certificate with its intermediate's, and the root's certificate, for one identity.

        Raises KeyExists, AuthorityEnding, FileFailed, NotItsAuthority.
        """
        issuer = self.issuer(purpose)
        key = new_key(keys / f"{prefix}.key.pem", self.randomness)
        leaf = certificates.make_leaf(
            key, name, serial=new_serial(self.randomness), now=self.now, issuer=issuer, hosts=hosts
        )
        files.replace(keys / f"{prefix}.crt.pem", certificates.to_pem(leaf, issuer.certificate))
        files.replace(keys / "ca.crt.pem", certificates.to_pem(self.root))


def root_certificate(path: Path, *, fix: str = _FIX) -> certificates.Certificate:
    """A root's certificate. Raises FileFailed, BadSetting, NotItsAuthority also for one of before intermediates."""
    root = certificates.from_pem(files.read(path, fix=fix))
    certificates.require_root(root)
    return root


def load_intermediate(folder: AuthorityFolder, purpose: Purpose) -> certificates.Issuer:
    """What lies in a folder as the intermediate of a purpose, not looked at yet. Raises FileFailed, BadSetting."""
    fix = f"bring the {purpose.value} intermediate here: `savar authority intermediates` makes one"
    certificate = certificates.from_pem(files.read(folder.certificate(purpose), fix=fix))
    return certificates.Issuer(certificate, load_key(folder.key(purpose)))


def new_serial(randomness: Randomness) -> int:
    """A serial number for a certificate."""
    return certificates.serial_from(randomness(limits.SERIAL_BYTES))
