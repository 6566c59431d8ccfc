"""What can fail between this process and a key in a token, by name, with the next step. None of them holds a PIN."""

from protocol.errors import Fault, SavarError


class HardwareKeyError(SavarError):
    """A key in a token cannot be used."""

    fault = Fault.LOCAL


class BadKeyUri(HardwareKeyError):
    """A key's place is not written as RFC 7512 says, or says something that is not taken here."""

    fault = Fault.OPERATOR


class ModuleMissing(HardwareKeyError):
    """The PKCS#11 module is not there, is no module, or does not start."""


class TokenMissing(HardwareKeyError):
    """No token is there by that name, or more than one."""


class PinUnread(HardwareKeyError):
    """The file with the PIN is not there, is empty, or others may read it."""


class PinRefused(HardwareKeyError):
    """The token does not take the PIN, or has one try left, which is a person's. `tries`: what it tells of them."""


class KeyNotInToken(HardwareKeyError):
    """The token has no private key by that name."""


class KeyInToken(HardwareKeyError):
    """A new key should be made where there is one already."""


class KeyUnfit(HardwareKeyError):
    """The key is no P-256 key, can be taken out of its token, or is not the one that its public half says."""


class TokenGone(HardwareKeyError):
    """The token was there and does not answer any more: taken out, reset or broken; looked for at the next call."""


class CounterGone(HardwareKeyError):
    """The machine's counter does not answer, or what lies in its place is none; asked again later."""
