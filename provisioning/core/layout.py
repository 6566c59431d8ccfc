"""Where everything lies in a city's folder. Paths only; nothing is read or written here."""

from dataclasses import dataclass
from pathlib import Path

KEY_SUFFIX = ".key.pem"  # of an issuer's private key, after its name
SISTER_KEY = "keys/sister.pub"  # in a device's folder, where its bus has two doors


@dataclass(frozen=True, slots=True)
class DeviceFolder:
    """One device's own folder, which is carried to the bus as it is."""

    root: Path

    @property
    def config(self) -> Path:
        """validator.toml."""
        return self.root / "validator.toml"

    @property
    def bundle(self) -> Path:
        """Folder of the bundle it starts with."""
        return self.root / "bundle"

    @property
    def keys(self) -> Path:
        """Folder of its keys and certificates."""
        return self.root / "keys"

    @property
    def sister_key(self) -> Path:
        """The other door's public tap key."""
        return self.root / SISTER_KEY


@dataclass(frozen=True, slots=True)
class CityFolder:
    """The folder that `savar provision` writes."""

    root: Path

    @property
    def settings(self) -> Path:
        """city.toml."""
        return self.root / "city.toml"

    @property
    def authority_key(self) -> Path:
        """Private key of the TLS authority."""
        return self.root / "authority" / "root.key.pem"

    @property
    def authority_certificate(self) -> Path:
        """Certificate of the TLS authority."""
        return self.root / "authority" / "root.crt.pem"

    @property
    def bundle_key(self) -> Path:
        """Private key that signs bundles."""
        return self.root / "bundle" / "bundle.key.pem"

    @property
    def bundle_number(self) -> Path:
        """Number of the last bundle given out."""
        return self.root / "bundle" / "number"

    def issuer_key(self, name: str) -> Path:
        """Private key of one issuer."""
        return self.root / "issuers" / f"{name}{KEY_SUFFIX}"

    @property
    def backend(self) -> Path:
        """The backend's folder."""
        return self.root / "backend"

    @property
    def backend_config(self) -> Path:
        """backend.toml."""
        return self.backend / "backend.toml"

    @property
    def backend_bundle(self) -> Path:
        """Folder of the bundle in force."""
        return self.backend / "bundle"

    @property
    def backend_keys(self) -> Path:
        """The backend's keys and certificates."""
        return self.backend / "keys"

    @property
    def registry(self) -> Path:
        """Folder with one public JSON file for each enrolled device."""
        return self.backend / "registry"

    def registered(self, device: str) -> Path:
        """Public entry of one device."""
        return self.registry / f"{device}.json"

    def tickets(self, issue: str) -> Path:
        """Folder with the codes and the sheet of one issue of bearer tickets: secret."""
        return self.root / "tickets" / issue

    def badge(self, number: str, badge_id: bytes) -> Path:
        """Folder with one printed badge of a driver: secret."""
        return self.root / "badges" / f"{number}-{badge_id.hex()}"

    def issued_tickets(self, issue: str) -> Path:
        """Public list of one issue of bearer tickets: ids and terms."""
        return self.backend / "tickets" / f"{issue}.json"

    @property
    def broker(self) -> Path:
        """The broker's folder."""
        return self.root / "broker"

    @property
    def broker_config(self) -> Path:
        """mosquitto.conf."""
        return self.broker / "mosquitto.conf"

    @property
    def broker_roles(self) -> Path:
        """Roles for Mosquitto's dynamic-security plugin."""
        return self.broker / "dynamic-security.json"

    def device(self, name: str) -> DeviceFolder:
        """Folder of one device."""
        return DeviceFolder(self.root / "devices" / name)
