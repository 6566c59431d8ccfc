"""What can fail at the backend, by name, with the next step."""

from protocol.errors import Fault, ProofError, SavarError


class BackendError(SavarError):
    """Something of the backend's own fails."""

    fault = Fault.LOCAL


class StoreFailed(BackendError):
    """The ledger cannot be read or written."""


class StoreRefused(StoreFailed):
    """The ledger's own rules refuse what was to be stored; trying again brings nothing."""


class UnknownAccount(StoreRefused):
    """A transfer names an account that the chart does not have."""


class KeyReused(StoreRefused):
    """An idempotency key was used again, for something else."""


class NotCovered(StoreRefused):
    """More was to be held than an account has."""


class NoPending(StoreRefused):
    """There is no pending with this key."""


class AlreadyResolved(StoreRefused):
    """A pending is posted, voided or expired already, and not as it was now asked to be."""


class PendingExpired(StoreRefused):
    """A pending's time is over: it can only expire."""


class PendingNotDue(StoreRefused):
    """A pending was to expire before its time."""


class TooMuchPosted(StoreRefused):
    """More was to be posted than a pending holds."""


class TariffChanged(BackendError):
    """A tariff's number was given out again for another tariff."""

    fault = Fault.OPERATOR


class StoreForeign(BackendError):
    """The ledger file belongs to another city or is no ledger."""


class BackupDamaged(BackendError):
    """The file is no backup of a ledger, or is not what was written."""


class BackupForeign(BackendError):
    """The backup is of another city, or of the other kind of database."""

    fault = Fault.OPERATOR


class TargetOccupied(BackendError):
    """Where something is to be written there is something already, or somebody uses it."""

    fault = Fault.OPERATOR


class ToolMissing(BackendError):
    """A program of the database's is not on this machine, or is of another version than the server."""


class ProcessGone(BackendError):
    """A process that shares some work ended before it."""


class KeyRevoked(ProofError):
    """The device was revoked: what its key signs waits in quarantine, for no signature tells when it was made (P13)."""


class KeyMissing(BackendError):
    """A key, token or bundle file of the backend is missing or damaged."""


class ProviderUnknown(BackendError):
    """The payment provider did not answer clearly: nothing is known yet, the top-up stays pending."""


class RequestError(SavarError):
    """A caller of the HTTP API asked for something that cannot be."""

    fault = Fault.PEER


class NotFound(RequestError):
    """There is no such rider, top-up or device."""


class NotAllowed(RequestError):
    """The token is missing, wrong, or for somebody else."""


class Refused(RequestError):
    """The request is understood and refused."""


class ProviderRefused(RequestError):
    """The payment provider says no."""


class ThreadDied(BackendError):
    """A thread ended of something unforeseen; its traceback stands in the log."""
