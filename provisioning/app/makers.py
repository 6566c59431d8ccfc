"""Making and loading keys and certificates of a city: the secrets come from `randomness`, the files are private."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocol.errors import BadKey
from protocol.wire.keys import SigningKey
from provisioning.adapters import files
from provisioning.core import certificates, limits
from provisioning.core.errors import BadSetting
from provisioning.core.layout import KEY_SUFFIX, CityFolder
from provisioning.core.names import checked_name, unknown_names

Randomness = Callable[[int], bytes]  # number of bytes → so many unpredictable (or, in a simulation, seeded) bytes


def new_key(path: Path, randomness: Randomness) -> SigningKey:
    """Make a P-256 key and write it. Raises KeyExists, FileFailed."""
    key = SigningKey.from_secret(randomness(limits.KEY_SECRET_BYTES))
    files.write_private(path, key.to_pem())
    return key


def load_issuer(folder: CityFolder, name: str) -> SigningKey:
    """An issuer's key by its name. Raises BadSetting for a name that no issuer has, FileFailed."""
    checked_name("issuer", name)
    path = folder.issuer_key(name)
    there = sorted(it.name.removesuffix(KEY_SUFFIX) for it in path.parent.glob(f"*{KEY_SUFFIX}"))
    if name not in there:
        raise BadSetting(
            f"no issuer's key is here as {unknown_names([name], there)}",
            fix=f"mend the name, bring its key back to {path}, or add an issuer: `savar provision issuer`", issuer=name,
        )  # fmt: skip
    return load_key(path)


def load_key(path: Path) -> SigningKey:
    """Read a key that an earlier call wrote. Raises FileFailed, BadSetting."""
    pem = files.read(path, fix="restore it from the city's backup")
    try:
        return SigningKey.from_pem(pem)
    except BadKey as error:
        raise BadSetting(f"{path} holds no private key", fix="restore it from the city's backup") from error


@dataclass(frozen=True, slots=True)
class Authority:
    """The TLS authority of one city, able to give out certificates at `now`."""

    key: SigningKey
    certificate: certificates.Certificate
    now: datetime
    randomness: Randomness

    @classmethod
    def make(cls, folder: CityFolder, city: str, now: datetime, randomness: Randomness) -> "Authority":
        """A new authority, written into the folder."""
        key = new_key(folder.authority_key, randomness)
        certificate = certificates.make_authority(
            key, common_name=f"Savar development authority {city}", serial=_serial(randomness), now=now
        )
        files.replace(folder.authority_certificate, certificates.to_pem(certificate))
        return cls(key, certificate, now, randomness)

    @classmethod
    def load(cls, folder: CityFolder, now: datetime, randomness: Randomness) -> "Authority":
        """The authority that the folder holds."""
        pem = files.read(folder.authority_certificate, fix="restore it from the city's backup")
        return cls(load_key(folder.authority_key), certificates.from_pem(pem), now, randomness)

    def write_client(self, keys: Path, name: str, *, prefix: str = "tls") -> None:
        """Key, certificate and the authority's certificate for one identity. Raises KeyExists, AuthorityEnding."""
        self._write_leaf(certificates.make_client, keys, name, prefix)

    def write_device(self, keys: Path, name: str) -> None:
        """The same for a device. Raises KeyExists, AuthorityEnding."""
        self._write_leaf(certificates.make_device, keys, name, "tls")

    def _write_leaf(self, make: Callable[..., certificates.Certificate], keys: Path, name: str, prefix: str) -> None:
        key = new_key(keys / f"{prefix}.key.pem", self.randomness)
        certificate = make(
            key, common_name=name, serial=_serial(self.randomness), now=self.now, authority=self.certificate,
            authority_key=self.key,
        )  # fmt: skip
        self._write(keys, certificate, prefix)

    def write_server(self, keys: Path, name: str, hosts: list[str]) -> None:
        """The broker's key and certificate, valid for the hosts. Raises KeyExists, AuthorityEnding."""
        key = new_key(keys / f"{name}.key.pem", self.randomness)
        certificate = certificates.make_server(
            key, common_name=name, hosts=hosts, serial=_serial(self.randomness), now=self.now,
            authority=self.certificate, authority_key=self.key,
        )  # fmt: skip
        self._write(keys, certificate, name)

    def _write(self, keys: Path, certificate: certificates.Certificate, prefix: str) -> None:
        files.replace(keys / f"{prefix}.crt.pem", certificates.to_pem(certificate))
        files.replace(keys / "ca.crt.pem", certificates.to_pem(self.certificate))


def _serial(randomness: Randomness) -> int:
    return certificates.serial_from(randomness(limits.SERIAL_BYTES))
