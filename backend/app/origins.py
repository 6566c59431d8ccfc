"""Codes that were asked for, and wrong ones that were given, by where from; in memory and bounded."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from backend.app.tries import Tries
from backend.core import limits
from backend.core.phone.code import HOUR_MS, too_many_from_there
from backend.core.phone.origins import origin_of


class Origins:
    """Each method takes an address. `clock` gives Unix milliseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._asked: OrderedDict[str, tuple[int, int]] = OrderedDict()  # place → when its hour began, how many
        self._one_at_a_time = threading.Lock()
        self._wrong = Tries(clock, limits.PHONE_TRIES_ADDRESS_MAX)
        self._wrong_of_sites = Tries(clock, limits.PHONE_TRIES_ADDRESS_MAX * limits.ORIGIN_SITE_SHARE)

    def count(self, address: str) -> None:
        """One more code is asked for. Raises TooManyCodes, and counts nothing then."""
        now_ms, it = self._clock(), origin_of(address)
        with self._one_at_a_time:
            self._require(it.own, limits.PHONE_CODES_ADDRESS_MAX, now_ms)
            if it.site is not None:
                self._require(it.site, limits.PHONE_CODES_ADDRESS_MAX * limits.ORIGIN_SITE_SHARE, now_ms)
                self._add(it.site, now_ms)
            self._add(it.own, now_ms)

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

    def _of_hour(self, place: str, now_ms: int) -> tuple[int, int]:
        began_ms, count = self._asked.get(place, (now_ms, 0))
        return (began_ms, count) if 0 <= now_ms - began_ms < HOUR_MS else (now_ms, 0)

    def _require(self, place: str, at_most: int, now_ms: int) -> None:
        began_ms, count = self._of_hour(place, now_ms)
        if count >= at_most:
            self._asked.move_to_end(place)
            raise too_many_from_there(began_ms + HOUR_MS - now_ms)

    def _add(self, place: str, now_ms: int) -> None:
        began_ms, count = self._of_hour(place, now_ms)
        self._asked.pop(place, None)
        self._asked[place] = began_ms, count + 1
        if len(self._asked) > limits.PHONE_ADDRESSES_WATCHED_MAX:
            self._asked.popitem(last=False)
