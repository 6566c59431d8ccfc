"""Where everything lies in a city's folder. Paths only; nothing is read or written here."""

from dataclasses import dataclass
from pathlib import Path

from provisioning.core.purposes import Purpose

KEY_SUFFIX = ".key.pem"  # of an issuer's private key, after its name
RELEASE_ROOT = "release-root.json"  # in a device's folder of keys: what releases are proven by
RECOVERY_PUBLIC = "recovery.pub"
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
class ReleasesFolder:
    """What an office keeps of releases. People's own keys are not here."""

    root: Path

    @property
    def desk(self) -> Path:
        """Folder of the desk's private keys: with one of them it spreads and halts what people signed."""
        return self.root / "desk"

    @property
    def in_force(self) -> Path:
        """The metadata that was published last."""
        return self.root / "metadata"

    @property
    def enrolment_root(self) -> Path:
        """The root in force, for devices that were enrolled before there was one."""
        return self.root / RELEASE_ROOT

    @property
    def since(self) -> Path:
        """When each release got its stage, in Unix ms."""
        return self.root / "since.json"

    @property
    def number(self) -> Path:
        """The last number that was given to a release."""
        return self.root / "number"

    def draft(self, role: str) -> Path:
        """A role, root or targets, that waits for signatures."""
        return self.root / "draft" / f"{role}.json"

    def files(self, number: int) -> Path:
        """The wheels of one release, and what it is."""
        return self.root / "files" / str(number)

    def bill(self, number: int) -> Path:
        """What is in one release, for people who look for a library with a hole (CycloneDX)."""
        return self.files(number) / "bill.cdx.json"


@dataclass(frozen=True, slots=True)
class AuthorityFolder:
    """What a ceremony hands over, and a city then has as `authority/`: the root's certificate, its intermediates."""

    root: Path

    @property
    def root_certificate(self) -> Path:
        """Certificate of the root."""
        return self.root / "root.crt.pem"

    @property
    def recovery_public(self) -> Path:
        """Public half of the recovery key; a city that was made without a ceremony has none."""
        return self.root / RECOVERY_PUBLIC

    @property
    def revoked(self) -> Path:
        """The office's record of revoked devices."""
        return self.root / "revoked.json"

    @property
    def former(self) -> Path:
        """Folder of intermediates that were replaced, a folder each by serial number. They sign lists only."""
        return self.root / "former"

    def revocation_list(self, purpose: Purpose) -> Path:
        """The newest list of what an intermediate signed and no longer holds good."""
        return self.root / f"{purpose.value}.crl.pem"

    def certificate(self, purpose: Purpose) -> Path:
        """Certificate of an intermediate."""
        return self.root / f"{purpose.value}.crt.pem"

    def key(self, purpose: Purpose) -> Path:
        """Private key of an intermediate."""
        return self.root / f"{purpose.value}{KEY_SUFFIX}"


@dataclass(frozen=True, slots=True)
class RootFolder:
    """What stays off line: the root's certificate, and its key under a passphrase."""

    root: Path

    @property
    def certificate(self) -> Path:
        """Certificate of the root."""
        return self.root / "root.crt.pem"

    @property
    def key(self) -> Path:
        """Private key of the root, encrypted."""
        return self.root / f"root{KEY_SUFFIX}"

    @property
    def recovery_key(self) -> Path:
        """Private recovery key, encrypted."""
        return self.root / f"recovery{KEY_SUFFIX}"

    @property
    def recovery_public(self) -> Path:
        """Its public half."""
        return self.root / RECOVERY_PUBLIC


@dataclass(frozen=True, slots=True)
class CityFolder:
    """The folder that `savar provision` writes."""

    root: Path

    @property
    def settings(self) -> Path:
        """city.toml."""
        return self.root / "city.toml"

    @property
    def authority(self) -> AuthorityFolder:
        """The root's certificate, and the intermediates that this office may use."""
        return AuthorityFolder(self.root / "authority")

    @property
    def bundle_key(self) -> Path:
        """Private key that signs bundles."""
        return self.root / "bundle" / "bundle.key.pem"

    def bundle_key_to_come(self, name: str) -> Path:
        """A bundle key that does not sign yet."""
        return self.root / "bundle" / f"{name}{KEY_SUFFIX}"

    def bridge(self, number: int) -> Path:
        """The bundle that brought a new bundle key, for buses that were away."""
        return self.root / "bundle" / "bridges" / str(number)

    @property
    def bundle_public(self) -> Path:
        """Public bundle keys that are believed, one a line: the backend announces what one of them signed."""
        return self.backend_keys / "bundle.pub"

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
    def key_log(self) -> Path:
        """Public list of every issuer and receipt key there ever was."""
        return self.backend_keys / "known.json"

    @property
    def receipt_key(self) -> Path:
        """The key by which the backend signs receipts."""
        return self.backend_keys / "receipt.key.pem"

    def receipt_key_to_come(self, name: str) -> Path:
        """A receipt key that is not in use yet."""
        return self.backend_keys / f"receipt-{name}{KEY_SUFFIX}"

    @property
    def backend_issuer_key(self) -> Path:
        """The issuer's key by which the backend signs credentials."""
        return self.backend_keys / "issuer.key.pem"

    @property
    def registry(self) -> Path:
        """Folder with one public JSON file for each enrolled device."""
        return self.backend / "registry"

    def registered(self, device: str) -> Path:
        """Public entry of one device."""
        return self.registry / f"{device}.json"

    def claim(self, device: str) -> Path:
        """What the office keeps of a device's claim: no code."""
        return self.root / "claims" / f"{device}.json"

    def assigned(self, device: str) -> Path:
        """Where a device serves, by the office's newest word after its enrolment, signed: to be carried, and kept."""
        return self.root / "assigned" / f"{device}.cose"

    def issued(self, device: str) -> Path:
        """The certificate that a device was given last, with its intermediate's: public."""
        return self.root / "issued" / f"{device}.crt.pem"

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
    def releases(self) -> "ReleasesFolder":
        """Folder of the releases of the software."""
        return ReleasesFolder(self.root / "releases")

    @property
    def broker(self) -> Path:
        """The broker's folder."""
        return self.root / "broker"

    @property
    def office(self) -> Path:
        """Key and certificate by which the office is let in at the broker, to renew certificates."""
        return self.authority.root / "office.key.pem"

    @property
    def broker_config(self) -> Path:
        """mosquitto.conf."""
        return self.broker / "mosquitto.conf"

    @property
    def broker_roles(self) -> Path:
        """Roles for Mosquitto's dynamic-security plugin."""
        return self.broker / "dynamic-security.json"

    @property
    def broker_lists(self) -> Path:
        """Every list of revoked certificates, as the broker reads them."""
        return self.broker / "crl.pem"

    @property
    def backend_lists(self) -> Path:
        """The same, written when the broker has read them: the backend raises an alarm at half their life."""
        return self.backend / "crl.pem"

    def device(self, name: str) -> DeviceFolder:
        """Folder of one device."""
        return DeviceFolder(self.root / "devices" / name)
