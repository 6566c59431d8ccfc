"""Making a city, and finding one again."""

import base64
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocol.fares.tariff import Tariff
from protocol.wire.bundles import Bundle
from provisioning.adapters import files
from provisioning.app.bundle_files import sign_bundle, write_bundle
from provisioning.app.ceremony import make_passing_root, take_intermediates
from provisioning.app.lists import announce_lists, write_lists
from provisioning.app.makers import Authority, Randomness, new_key
from provisioning.core import limits, names
from provisioning.core.broker_config import roles_json
from provisioning.core.city import CitySettings, identities
from provisioning.core.days import unix_ms
from provisioning.core.errors import BadSetting, CityExists, NotACity
from provisioning.core.key_log import KeyLog, Kind, Known, log_text
from provisioning.core.layout import AuthorityFolder, CityFolder
from provisioning.core.purposes import Purpose
from provisioning.core.settings_files import BackendSettings, backend_text, city_text

FIRST_ISSUER = "main"  # the issuer whose key the backend starts with


@dataclass(frozen=True, slots=True)
class City:
    """A city's folder and what its city.toml says."""

    folder: CityFolder
    settings: CitySettings


def create_city(
    root: Path,
    *,
    name: str,
    tariff: Tariff,
    now: datetime,
    randomness: Randomness,
    shard: str = "s0",
    broker_host: str = "127.0.0.1",
    broker_port: int = 8883,
    http_host: str = "127.0.0.1",
    http_port: int = 8080,
    payments: tuple[str, str] | None = None,
    silent_after_s: int = 600,
    authority: AuthorityFolder | None = None,
) -> City:
    """Make the city's folder: authority, keys, first bundle, backend, broker certificates and roles.

    `payments` is (provider URL, merchant). mosquitto.conf comes with `write_broker`, since a demo needs no Mosquitto.
    `authority` is what a ceremony handed over; without it the root is made here, and its key kept nowhere.
    The folder appears whole or not at all. Raises CityExists, Unfinished, BadSetting, FileFailed, NotItsAuthority.
    """
    settings = CitySettings(name, shard, broker_host, broker_port, files.account_now())
    if CityFolder(root).settings.is_file():
        raise CityExists(
            f"{root} is a city already", fix="go on with it (`savar provision device`), or choose a new folder",
            path=str(root),
        )  # fmt: skip
    backend = BackendSettings(http_host, http_port, payments, silent_after_s)
    if now.tzinfo is None:
        raise BadSetting("the time has no zone", fix="pass an aware datetime, UTC")
    with files.whole_folder(root) as making:
        folder = CityFolder(making)
        for path in (folder.authority.root, folder.bundle_key.parent, folder.issuer_key(FIRST_ISSUER).parent):
            files.make_folder(path, private=True)
        for path in (folder.registry, folder.broker, making / "devices"):
            files.make_folder(path)
        files.make_folder(folder.backend_keys, private=True)
        if authority is None:
            make_passing_root(folder.authority, name, now, randomness)
        else:
            take_intermediates(authority, folder.authority, city=name)
        signing = Authority.load(folder.authority, now, randomness)
        _make_backend(folder, settings, backend, signing, tariff)
        signing.write_leaf(
            folder.broker, Purpose.BROKER, names.BROKER, prefix=names.BROKER,
            hosts=["127.0.0.1", "localhost", broker_host],
        )  # fmt: skip
        signing.write_leaf(folder.broker, Purpose.PEOPLE, names.ADMIN, prefix=names.ADMIN)
        files.write_private(folder.office, signing.pair(Purpose.PEOPLE, names.OFFICE))
        files.replace(folder.broker_roles, roles_json(identities(name, shard, ())).encode(), mode=0o600)
        announce_lists(folder, write_lists(folder, now))
        files.replace(folder.settings, city_text(settings).encode())
    return City(CityFolder(root), settings)


def _make_backend(
    folder: CityFolder, settings: CitySettings, backend: BackendSettings, authority: Authority, tariff: Tariff
) -> None:
    """The backend's folder with its keys, and bundle number 1."""
    keys, randomness = folder.backend_keys, authority.randomness
    authority.write_leaf(keys, Purpose.BACKEND, names.backend_name(settings.shard))
    receipt = new_key(folder.receipt_key, randomness)
    sealing = new_key(keys / "sealing.key.pem", randomness)
    issuer = new_key(folder.issuer_key(FIRST_ISSUER), randomness)
    files.write_private(folder.backend_issuer_key, issuer.to_pem())
    files.write_private(keys / "ops.token", base64.urlsafe_b64encode(randomness(limits.OPS_TOKEN_BYTES)))
    files.write_private(keys / "phone.key", randomness(limits.NUMBER_KEY_BYTES).hex().encode())
    files.write_private(keys / "hosts.key", randomness(limits.HOST_KEY_BYTES).hex().encode())
    signer = new_key(folder.bundle_key, randomness)
    began = unix_ms(authority.now)
    log = KeyLog((
        Known(Kind.ISSUER, FIRST_ISSUER, issuer.public, began),
        Known(Kind.RECEIPT, receipt.id.hex(), receipt.public, began),
        Known(Kind.BUNDLE, signer.id.hex(), signer.public, began),
    ))  # fmt: skip
    files.replace(folder.key_log, log_text(log).encode())
    files.replace(folder.bundle_public, signer.public.hex().encode())
    bundle = Bundle(
        city=settings.name, number=1, issued_ms=began, issuer_keys=(issuer.public,),
        receipt_keys=(receipt.public,), sealing_key=sealing.public, tariff=tariff,
    )  # fmt: skip
    files.replace(folder.bundle_number, b"1\n")
    write_bundle(folder.backend_bundle, *sign_bundle(bundle, signer))
    files.replace(folder.backend_config, backend_text(settings, backend).encode())


def load_city(root: Path) -> City:
    """The city in a folder. Raises NotACity."""
    folder = CityFolder(root)
    fix = "give the folder that `savar provision city` made"
    if not folder.settings.is_file():
        raise NotACity(f"{root} is no city: it has no city.toml", fix=fix, path=str(root))
    try:
        text = tomllib.loads(files.read(folder.settings, fix=fix).decode())
        broker = text["broker"]
        settings = CitySettings(text["city"], text["shard"], broker["host"], broker["port"], broker["user"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotACity(
            f"{folder.settings} is damaged: {error}", fix="restore it from the city's backup", path=str(folder.settings)
        ) from error
    return City(folder, settings)


@contextmanager
def changing_city(root: Path) -> Iterator[City]:
    """The city in a folder, as long as nobody else changes it. Raises NotACity, FileFailed."""
    load_city(root)  # so that a wrong folder is named as one
    with files.one_at_a_time(root):
        yield load_city(root)


def enrolled(folder: CityFolder) -> list[str]:
    """Names of the devices in the registry, sorted. Raises NotACity: a missing registry is no empty one."""
    if not folder.registry.is_dir():
        raise NotACity(
            f"{folder.registry} is missing", fix="restore it from the city's backup", path=str(folder.registry)
        )
    return sorted(path.stem for path in folder.registry.glob("*.json"))
