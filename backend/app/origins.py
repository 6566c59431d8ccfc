"""Codes that were asked for, and wrong ones that were given, by where from; in memory and bounded."""

import threading
from collections.abc import Callable

from backend.app.tries import Counts, Tries
from backend.core import limits
from backend.core.phone.code import HOUR_MS, too_many_from_there
from backend.core.phone.origins import origin_of


class Origins:
    """Each method takes an address. `clock` gives Unix milliseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._asked = Counts(clock, HOUR_MS, limits.PHONE_ADDRESSES_WATCHED_MAX)
        self._one_at_a_time = threading.Lock()  # between looking and counting
        self._wrong = Tries(clock, limits.PHONE_TRIES_ADDRESS_MAX)
        self._wrong_of_sites = Tries(clock, limits.PHONE_TRIES_ADDRESS_MAX * limits.ORIGIN_SITE_SHARE)

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

    def require_tries(self, address: str) -> None:
        """Return where a code may be tried from there. Raises TooManyTries."""
        it = origin_of(address)
        self._wrong.require(it.own)
        if it.site is not None:
            self._wrong_of_sites.require(it.site)

    def failed(self, address: str) -> None:
        """A wrong code came from there."""
        it = origin_of(address)
        self._wrong.failed(it.own)
        if it.site is not None:
            self._wrong_of_sites.failed(it.site)
