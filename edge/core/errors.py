"""What can fail on the bus, by name, with the next step."""

from protocol.errors import Fault, ProofError, SavarError, WireError


class LocalError(SavarError):
    """Something on this device fails; a technician or the driver can act."""

    fault = Fault.LOCAL


class CameraMissing(LocalError):
    """A camera, file, folder or stream cannot be opened."""


class CameraLost(LocalError):
    """A live camera stopped giving frames or vanished."""


class NotAnImage(LocalError):
    """A file that should be an image or a video is none."""


class ReaderMissing(LocalError):
    """A decoding library or the system library under it is not installed."""


class JournalFull(LocalError):
    """The disk or the journal's file is full; nothing may be accepted (P4)."""


class JournalFailed(LocalError):
    """The journal cannot be written or synced; nothing may be accepted (P4)."""


class SignerFailed(LocalError):
    """The tap key does not sign, or not in time; nothing may be accepted, for a record without it proves nothing."""


class CounterFailed(LocalError):
    """The machine's counter, or what the card keeps of it, cannot be asked; whether the card is a copy is not known."""


class JournalForeign(LocalError):
    """The journal on this card belongs to another device or is no journal."""


class PanelFailed(LocalError):
    """The lamps and the sounder cannot be reached; riders may see and hear nothing."""


class SupplyFails(LocalError):
    """The vehicle's supply fails: nothing is accepted any more."""


class RidersFailed(LocalError):
    """The rider table cannot be read or written; it knows nobody then, and riders show their long passes."""


class KeyMissing(LocalError):
    """A key, certificate or bundle file is missing or unreadable."""


class BundleLate(LocalError):
    """A newer bundle is announced and cannot be brought in now; the one in force goes on."""


class ReleaseFailed(LocalError):
    """A release cannot be written onto the card, or read there; what runs goes on."""


class BadMetadata(WireError):
    """A role of a release's metadata is not what TUF allows there."""


class TooFewSigners(ProofError):
    """A role of a release's metadata is signed by fewer of its keys than it asks for (P12)."""


class Expired(ProofError):
    """A release's metadata is past its last day, by a trusted clock or by the manifest that brought it (P12)."""


class TrialOverdue(ReleaseFailed):
    """A release that is tried has not come to take taps; the process ends, and its starts are counted."""


class GnssLost(LocalError):
    """The satellite receiver, or the service in front of it, is gone or gives nothing that can be read."""


class SourceUnknown(LocalError):
    """A camera source is written in a form that no frame source knows."""


class ThreadDied(LocalError):
    """A thread of the validator ended that should not have; the process ends with it, and is started anew."""


class ThreadStuck(LocalError):
    """A thread of the validator no longer comes round; the service manager's watchdog is not fed any more."""


class DriverError(SavarError):
    """The driver cannot do this now; the terminal says what can be done instead. Nothing has happened."""

    fault = Fault.OPERATOR


class NotSignedIn(DriverError):
    """This needs a driver who has signed in at this terminal."""


class WrongPin(DriverError):
    """No driver of this number with this PIN."""


class BadgeRefused(DriverError):
    """No badge of this city, one that is past its last day, or not the one that is its driver's."""


class PinWanted(DriverError):
    """A badge is not enough here."""


class BadgeWanted(DriverError):
    """This driver's PIN is not enough without the badge."""


class PinWait(DriverError):
    """Too many wrong PINs: none is tried until some time has passed."""


class Moving(DriverError):
    """The bus moves: only SOS is open."""


class NotNow(DriverError):
    """The shift is in a state in which this has no meaning."""


class NoSuchLine(DriverError):
    """The line or direction is none of this bus's list."""


class NotAnnullable(DriverError):
    """No such boarding, not a paid one, or taken back before."""


class TooLateToAnnul(DriverError):
    """The boarding is older than a driver may take back."""


class AnnulsSpent(DriverError):
    """A shift's annulments are used up."""


class ProxiesSpent(DriverError):
    """A shift's proxy boardings are used up."""


class DoorUnreached(LocalError):
    """The other door does not answer; what was asked of it has not happened there."""


class RidesFree(DriverError):
    """Everybody rides free: the driver takes no money from anybody."""


class NoSuchDoor(DriverError):
    """This bus has no door of that number."""


class TooManyPages(DriverError):
    """More pages watch the bus than it has screens for."""


class PagesMissing(LocalError):
    """The built pages of the terminal are not where the configuration says."""


class UnannouncedLedger(ProofError):
    """A receipt of a later incarnation of the ledger than the recovery key has announced (P2)."""


class NotEnrolling(LocalError):
    """The device's folder has no request that waits for an answer, or its keys are not those of the request."""


class AlreadyEnrolled(LocalError):
    """The device has its name and its keys in use; they are not made anew."""


class EnrolmentFailed(LocalError):
    """The device's own keys or settings cannot be written, or what the office answered cannot be used."""


class NoClaimSeen(LocalError):
    """The camera was shown no claim's sheet."""
