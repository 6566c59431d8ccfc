"""A PKCS#11 module in this process: loaded once, its tokens opened once each.

Rules:
- one call at a time into a module: it is started as PKCS#11 starts one for a program that locks for itself;
- who is logged in to a token is the process, not a key: a token has one session, and all its keys share it;
- a token that went away is come back to by ending the module and starting it anew. That ends the sessions of all keys
  of that module; each sees it by `generation` and opens its own again;
- a PIN is asked of the token once. What was refused is not tried again in this process, and the last try that a token
  has is left to a person;
- a locked token looked at no PIN, and a TPM's lock ends by itself: it is asked again after PIN_LOCKED_REST_S.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from time import monotonic

import pkcs11

from hardware_keys.errors import ModuleMissing, PinRefused, TokenGone, TokenMissing
from hardware_keys.limits import PIN_LOCKED_REST_S
from hardware_keys.pins import read_pin
from hardware_keys.places import KeyPlace

_NO_MODULE = "install it, and name it by module-path (docs/AUTHORITY.md, Keys in a token)"
_NO_START = "look whether it is one, and whether its TPM or reader is there and may be opened"
_PIN_FIX = "put the right PIN into the file of pin-source, and start anew; the token's own tool unlocks a locked one"
_A_PERSONS = pkcs11.TokenFlag.USER_PIN_LOCKED | pkcs11.TokenFlag.USER_PIN_FINAL_TRY
_REFUSALS = (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked, pkcs11.PinExpired)
_BY_HAND = "log in once by hand with the right PIN (`pkcs11-tool --login`): that gives all tries back"


def tries_told(flags: pkcs11.TokenFlag) -> str:
    """What a token tells of the tries that are left for its PIN: PKCS#11 has no number for them."""
    if flags & pkcs11.TokenFlag.USER_PIN_LOCKED:
        return "none: it is locked"
    if flags & pkcs11.TokenFlag.USER_PIN_FINAL_TRY:
        return "one"
    return "fewer than all" if flags & pkcs11.TokenFlag.USER_PIN_COUNT_LOW else "it does not say"


def require_tries(flags: pkcs11.TokenFlag) -> None:
    """Return if a program may try a PIN. Raises PinRefused at the last try, and at a locked one."""
    if flags & _A_PERSONS:
        raise PinRefused(
            f"the PIN is not tried; tries left: {tries_told(flags)}", fix=_BY_HAND, tries=tries_told(flags)
        )


class Module:
    """One loaded module. Use it inside `calling` alone."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._sessions: dict[bytes, pkcs11.Session] = {}
        self._refused: dict[bytes, float] = {}  # by token: until when its PIN is not tried, on the monotonic clock
        self.generation = 0
        if not Path(path).is_file():
            raise ModuleMissing(f"there is no PKCS#11 module {path}", fix=_NO_MODULE, path=path)
        try:
            self._lib = pkcs11.lib(path)
        except (pkcs11.PKCS11Error, OSError) as error:
            raise ModuleMissing(
                f"{path} does not start as a PKCS#11 module: {_said(error)}", fix=_NO_START, path=path
            ) from error

    @contextmanager
    def calling(self) -> Iterator[None]:
        """One caller at a time."""
        with self._lock:
            yield

    def session(self, place: KeyPlace) -> pkcs11.Session:
        """The token's one session, logged in. Raises TokenMissing, PinUnread, PinRefused, TokenGone."""
        token = self._token(place)
        name = token.serial + token.label.encode()
        if name in self._sessions:
            return self._sessions[name]
        if monotonic() < (until := self._refused.get(name, 0.0)):
            again = "it is tried again after a minute" if until < inf else "it is not tried again"
            raise PinRefused(f"the PIN was refused before, and {again}", fix=_PIN_FIX, tries="unknown")
        require_tries(token.flags)
        pin = read_pin(place.pin_source)
        try:
            self._sessions[name] = token.open(rw=True, user_pin=pin)
        except _REFUSALS as error:
            locked = isinstance(error, pkcs11.PinLocked)  # a TPM's module sets no flag for it
            self._refused[name] = monotonic() + PIN_LOCKED_REST_S if locked else inf
            tries = tries_told(pkcs11.TokenFlag.USER_PIN_LOCKED if locked else self._token(place).flags)
            raise PinRefused(
                f"token {place.token_words} refuses the PIN ({_said(error)}); tries left: {tries}",
                fix=_PIN_FIX,
                tries=tries,
            ) from None  # fmt: skip - the chain would show the call with its PIN
        except pkcs11.PKCS11Error as error:
            raise gone(place, error) from error
        return self._sessions[name]

    def begin_anew(self, seen: int) -> None:
        """End the module and start it anew, unless another key has done so since `seen`. Raises TokenGone."""
        if self.generation != seen:
            return
        self.generation += 1
        self._sessions.clear()
        try:
            if self._lib.initialized:
                self._lib.finalize()
            self._lib.initialize()
        except pkcs11.PKCS11Error as error:
            raise TokenGone(
                f"the module does not start again: {_said(error)}",
                fix="look at the token and its cable",
                path=self._path,
            ) from error

    def end(self) -> None:
        """Close every session and end the module; its keys open it again when they are asked."""
        with self._lock:
            self.generation += 1
            self._sessions.clear()
            self._refused.clear()
            if self._lib.initialized:
                self._lib.finalize()

    def _token(self, place: KeyPlace) -> pkcs11.Token:
        wanted = (place.token, place.serial)
        try:
            if not self._lib.initialized:
                self._lib.initialize()
            there = [
                token
                for token in self._lib.get_tokens()
                if token.flags & pkcs11.TokenFlag.TOKEN_INITIALIZED
                and wanted
                == (
                    None if place.token is None else token.label,
                    None if place.serial is None else token.serial.decode(errors="replace"),
                )
            ]
        except pkcs11.PKCS11Error as error:
            raise gone(place, error) from error
        if len(there) != 1:
            raise TokenMissing(
                f"{len(there) or 'no'} tokens are {place.token_words}",
                fix="look with `pkcs11-tool --list-token-slots`", module=self._path,
            )  # fmt: skip
        return there[0]


class _Loaded:
    """What this process has loaded: a module is loaded once, whatever asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.modules: dict[str, Module] = {}

    def module(self, path: str) -> Module:
        with self._lock:
            if path not in self.modules:
                self.modules[path] = Module(path)
            return self.modules[path]


_LOADED = _Loaded()


def load_module(path: str) -> Module:
    """The module at an absolute path, loaded if it is not. Raises ModuleMissing."""
    return _LOADED.module(path)


def end_modules() -> None:
    """End every module: before a process hands its tokens on to another one."""
    for module in list(_LOADED.modules.values()):
        module.end()


def gone(place: KeyPlace, error: pkcs11.PKCS11Error) -> TokenGone:
    """A token that does not answer as a token does."""
    return TokenGone(
        f"token {place.token_words} does not answer: {_said(error)}", fix="look at the token, its cable and its supply"
    )


def _said(error: Exception) -> str:
    """The library's own name for it; its text may be empty."""
    return f"{type(error).__name__} {error}".strip()
