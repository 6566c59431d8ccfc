"""What can go wrong while a city is being set up, by name, with the next step."""

from protocol.errors import Fault, SavarError


class ProvisioningError(SavarError):
    """Somebody asked for what cannot be done as asked; nothing was changed unless the message says so."""

    fault = Fault.OPERATOR


class BadSetting(ProvisioningError):
    """A name, address, source or number is not usable."""


class ReservedName(ProvisioningError):
    """A device may not carry the name of another identity at the broker."""


class NotACity(ProvisioningError):
    """The folder is no city, or its city.toml is damaged."""


class CityExists(ProvisioningError):
    """There is a city, or something else, in the folder already."""


class DeviceExists(ProvisioningError):
    """The name is taken: a device of that name is enrolled."""


class NotASwap(ProvisioningError):
    """One of the two devices cannot take, or give, that door."""


class UnknownClaim(ProvisioningError):
    """No claim that the city gave out is that of the request, or it is another device's."""


class ClaimSpent(ProvisioningError):
    """The claim was used for another request: a claim is good for one."""


class ClaimExpired(ProvisioningError):
    """The claim's last moment is over."""


class RequestRefused(ProvisioningError):
    """A device's request does not prove what it says, or asks for what its claim does not give."""


class KeyKnown(ProvisioningError):
    """A key of the request is another device's already."""


class RenewalRefused(ProvisioningError):
    """A device may not have a newer certificate: it was revoked, asks too early, or follows one that was followed."""


class UnknownDevice(ProvisioningError):
    """No device of that name is enrolled."""


class NotSisters(ProvisioningError):
    """The two devices are not two doors of one vehicle."""


class FolderAway(ProvisioningError):
    """The device's folder is not here: it is on the bus, or nowhere."""


class IssuerExists(ProvisioningError):
    """The name is taken: an issuer of that name is in the bundle."""


class TooManyIssuers(ProvisioningError):
    """The bundle holds as many issuer keys as it may."""


class TicketsExist(ProvisioningError):
    """The name is taken: tickets were issued under it."""


class KeyExists(ProvisioningError):
    """A private file is there already, and is never overwritten."""


class Unfinished(ProvisioningError):
    """An earlier call was interrupted and left a part behind."""


class AuthorityEnding(ProvisioningError):
    """The authority ends before a certificate made now would."""


class NotItsAuthority(ProvisioningError):
    """A certificate or key is not of this city's authority, or not for this purpose."""


class BadPassphrase(ProvisioningError):
    """A passphrase is too easy to guess, or does not open the key."""


class StillInUse(ProvisioningError):
    """A key cannot be used or withdrawn yet without harm to riders or buses."""


class NotConfirmed(ProvisioningError):
    """What was printed was not confirmed by whoever compared it; nothing was written."""


class UnknownAccount(ProvisioningError):
    """The account that the broker is to run as does not exist."""


class NotSigned(ProvisioningError):
    """A release, or who may sign one, waits for signatures."""


class NotEverywhere(ProvisioningError):
    """A revocation is not in force everywhere yet; the message says where, and calling again goes on."""


class FeedRefused(ProvisioningError):
    """A timetable's GTFS feed has a fault; the message names file, line and column."""


class FileFailed(ProvisioningError):
    """A file cannot be read or written."""

    fault = Fault.LOCAL


class PluginMissing(ProvisioningError):
    """Mosquitto's dynamic-security plugin is not installed."""

    fault = Fault.LOCAL
