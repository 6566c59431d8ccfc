"""Writing the broker's files, and moving a demo city onto the embedded loopback broker."""

import base64
import tomllib
from collections.abc import Iterable
from dataclasses import replace as changed
from pathlib import Path

from provisioning.adapters import files
from provisioning.adapters.mosquitto_plugin import find_plugin
from provisioning.app.city import City, changing_city, enrolled
from provisioning.app.lists import revoked_devices
from provisioning.app.makers import Randomness, root_certificate
from provisioning.core import limits, names
from provisioning.core.broker_config import mosquitto_conf, roles_json, roles_of_today, roles_with
from provisioning.core.city import Identity, device_identity, identities
from provisioning.core.errors import BadSetting, FileFailed
from provisioning.core.settings_files import (
    PASSWORD_FILE,
    broker_by_certificate,
    broker_by_password,
    city_text,
)
from provisioning.core.toml_text import Table, with_table

_FIX_ROLES = "call `savar provision broker` first"


def write_broker(
    root: Path, *, port: int | None = None, plugin_path: Path | None = None, user: str | None = None
) -> Path:
    """Write mosquitto.conf from the city's settings, and the roles if they are missing; returns mosquitto.conf.

    `port` moves the city to another port: every [broker] section follows, and city.toml last, so an interrupted move
    is finished by calling again. Sections with a password get the certificate back: this broker takes no other proof.
    `user` is the account that a broker started as root changes to; its files are given to it (needs root). Without
    `plugin_path` the plugin is looked for. Raises PluginMissing, UnknownAccount, BadSetting, NotACity, FileFailed, and
    NotItsAuthority for a city of before there were intermediates.
    """
    plugin = plugin_path or find_plugin()
    with changing_city(root) as city:
        return _write_broker(city, port=port, plugin=plugin, user=user)


def _write_broker(city: City, *, port: int | None, plugin: Path, user: str | None) -> Path:
    settings = changed(
        city.settings,
        broker_port=city.settings.broker_port if port is None else port,
        broker_user=user or city.settings.broker_user,
    )
    moved = settings.broker_port != city.settings.broker_port
    city = City(city.folder, settings)
    folder = city.folder
    root_certificate(folder.broker / "ca.crt.pem")  # devices of before have names that this broker would not know
    if not folder.broker_lists.exists():
        raise FileFailed(
            f"{folder.broker_lists} is missing: the broker does not start without it",
            fix=f"savar provision crl {folder.root}, then call again", path=str(folder.broker_lists),
        )  # fmt: skip
    # The plugin renames its file after a change of roles, so the folder is the broker's too; admin's key is not.
    for path in (folder.broker, folder.broker / "broker.key.pem"):
        files.give(path, settings.broker_user)
    _require_roles(city)
    text = mosquitto_conf(
        folder=folder.broker.absolute(), host=settings.broker_host, port=settings.broker_port,
        user=settings.broker_user, plugin=plugin.absolute(),
    )  # fmt: skip
    files.replace(folder.broker_config, text.encode())
    section = broker_by_certificate(settings.broker_host, settings.broker_port)
    for config in _clients(city).values():
        if moved or _has_password(config):
            _set_broker(config, section)
    files.replace(folder.settings, city_text(settings).encode())
    return folder.broker_config


def add_role(city: City, device: str) -> None:
    """Add one device to dynamic-security.json. The broker reads that file when it starts."""
    path, settings = city.folder.broker_roles, city.settings
    text = files.read(path, fix=_FIX_ROLES).decode(errors="replace")
    one = device_identity(settings.name, settings.shard, device)
    files.replace(path, roles_with(text, one).encode(), mode=0o600, owner=settings.broker_user)


def _require_roles(city: City) -> None:
    """Give the roles to the broker's account; make them from the registry if they are lost.

    They are not made anew otherwise: the running broker keeps in that file who was disabled (P13). Whoever has a role
    is granted what today's table grants him: a device of before may then ask for its next certificate.
    """
    path, settings = city.folder.broker_roles, city.settings
    if path.exists():
        text = files.read(path, fix=_FIX_ROLES).decode(errors="replace")
        today = roles_of_today(text, admitted(city))
        if today != text:
            files.replace(path, today.encode(), mode=0o600, owner=settings.broker_user)
        files.give(path, settings.broker_user)
        return
    files.replace(path, roles_json(admitted(city)).encode(), mode=0o600, owner=settings.broker_user)


def admitted(city: City) -> Iterable[Identity]:
    """Everybody who has a role: whoever is enrolled and was not revoked, and the city's own."""
    return identities(city.settings.name, city.settings.shard, admitted_devices(city))


def admitted_devices(city: City) -> list[str]:
    """Whoever is enrolled and was not revoked, sorted."""
    gone = {it.device for it in revoked_devices(city.folder)}
    return [it for it in enrolled(city.folder) if it not in gone]


def use_password_broker(root: Path, *, port: int, randomness: Randomness, host: str = "127.0.0.1") -> dict[str, str]:
    """Point backend and devices at a loopback broker with passwords; returns identity → password for that broker.

    Passwords lie in keys/mqtt.password, 0600; one that exists is kept. Raises BadSetting for a host beyond loopback.
    """
    names.checked_port("broker port", port)
    passwords: dict[str, str] = {}
    with changing_city(root) as city:
        for identity, config in _clients(city).items():
            section = broker_by_password(host, port, identity)
            path = config.parent / PASSWORD_FILE
            if not path.exists():
                files.write_private(path, base64.urlsafe_b64encode(randomness(limits.PASSWORD_BYTES)))
            passwords[identity] = files.read(path, fix="remove it and call again").decode()
            _set_broker(config, section)
    return passwords


def _clients(city: City) -> dict[str, Path]:
    """Identity → configuration file, for the backend and every device whose folder is here."""
    backend = {names.backend_name(city.settings.shard): city.folder.backend_config}
    devices = {name: city.folder.device(name).config for name in enrolled(city.folder)}
    return backend | {name: config for name, config in devices.items() if config.is_file()}


def _has_password(config: Path) -> bool:
    try:
        return "username" in tomllib.loads(_text(config))["broker"]
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise BadSetting(f"{config} has no readable [broker] section: {error}", fix="mend that file") from error


def _set_broker(config: Path, section: Table) -> None:
    files.replace(config, with_table(_text(config), "[broker]", section).encode())


def _text(config: Path) -> str:
    try:
        return files.read(config, fix="restore it from the city's backup").decode()
    except UnicodeDecodeError as error:
        raise BadSetting(f"{config} is not UTF-8", fix="mend that file", path=str(config)) from error
