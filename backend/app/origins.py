"""What was asked for in vain, and codes that were asked for, by where from; in memory and bounded."""

import threading
from collections.abc import Callable

from backend.app.tries import Counts, Tries
from backend.core import limits
from backend.core.origins import origin_of
from backend.core.phone.code import HOUR_MS, too_many_from_there


class OriginTries:
    """What failed of late, by address: its own place, and the site that it may be a part of.

    A name that is no address stands for itself. `tries`: how many may fail from one place.
    """

    def __init__(self, clock: Callable[[], int], tries: int = limits.SIGN_IN_TRIES) -> None:
        self._own, self._sites = Tries(clock, tries), Tries(clock, tries * limits.ORIGIN_SITE_SHARE)

    def require(self, address: str) -> None:
        """Return where it may be tried from there. Raises TooManyTries."""
        it = origin_of(address)
        self._own.require(it.own)
        if it.site is not None:
            self._sites.require(it.site)

    def failed(self, address: str) -> None:
        """Once more."""
        it = origin_of(address)
        self._own.failed(it.own)
        if it.site is not None:
            self._sites.failed(it.site)


class Origins:
    """How many codes are asked for. `clock` gives Unix milliseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._asked = Counts(clock, HOUR_MS, limits.PHONE_ADDRESSES_WATCHED_MAX)
        self._one_at_a_time = threading.Lock()  # between looking and counting

    def count(self, address: str) -> None:
        """One more code is asked for. Raises TooManyCodes, and counts nothing then."""
        it = origin_of(address)
        places = [(it.own, limits.PHONE_CODES_ADDRESS_MAX)]
        if it.site is not None:
            places.append((it.site, limits.PHONE_CODES_ADDRESS_MAX * limits.ORIGIN_SITE_SHARE))
        with self._one_at_a_time:
            for place, at_most in places:
                if wait_ms := self._asked.wait_ms(place, at_most):
                    raise too_many_from_there(wait_ms)
            for place, _ in reversed(places):
                self._asked.add(place)
