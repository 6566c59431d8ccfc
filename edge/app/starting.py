"""Which release a start begins, and whether the one that is tried is confirmed (see `edge/core/releases`).

    start ─▶ counted on the card ─▶ tried? its self-test, as a process of its own ─▶ it becomes the validator
                                        │ fails, and the confirmed one's does not: refused
                                        └ fails, and the confirmed one's does too: the device's own parts; tried later
    running ─▶ took taps for CONFIRM_AFTER_MS without a fault of its door ─▶ confirmed
            ─▶ did not within TRIAL_MAX_MS ─▶ the process ends, and the next start counts
            ─▶ a newer one is ready, and nobody came for REST_MS ─▶ the process ends in order, and is started anew

Whoever decides this runs from the first installation, which no release replaces.
"""

import logging
from collections.abc import Callable, Mapping

from edge.adapters.release_folder import ReleaseFolder
from edge.adapters.release_process import running
from edge.app.config import ValidatorConfig
from edge.app.updates import release_folder
from edge.core.errors import ReleaseFailed, TrialOverdue
from edge.core.limits import CONFIRM_AFTER_MS, REST_MS, TRIAL_MAX_MS
from edge.core.releases import FIRST, Standing, begun, confirmed, put_back, refused

log = logging.getLogger(__name__)
SelfTest = Callable[[int], bool]  # a release's number → whether its self-test says that it could take taps


def choose(folder: ReleaseFolder, passes: SelfTest) -> int:
    """The number to run now; its start is on the card. A card that cannot be written tries nothing. Raises nothing."""
    try:
        before = folder.standing()
    except ReleaseFailed as error:
        log.error("the releases cannot be read, the first installation runs: %s", error)
        return FIRST
    try:
        number, standing = begun(before)
        if standing != before:
            folder.keep(standing)
        if standing.trial is None or passes(number):
            return number
        return _not_this_one(folder, standing, number, passes)
    except ReleaseFailed as error:
        log.error("nothing new is tried, for it could not be written down: %s", error)
        return before.confirmed


def _not_this_one(folder: ReleaseFolder, standing: Standing, number: int, passes: SelfTest) -> int:
    if passes(standing.confirmed):
        log.error("release %d fails its self-test, and is not begun here again", number)
        folder.keep(refused(standing, [number]))
    else:
        log.error("neither release %d nor the confirmed one passes its self-test: look at the device", number)
        folder.keep(put_back(standing, number))
    return standing.confirmed


def is_tried(folder: ReleaseFolder, number: int) -> bool:
    """Whether this number is the one that is tried; behind `choose`. A card that cannot be read tries nothing."""
    try:
        trial = folder.standing().trial
    except ReleaseFailed:
        return False
    return trial is not None and trial.number == number


class TrialWatch:
    """Confirms the release that runs, if it is tried. `look` about once a second, on one thread."""

    def __init__(self, folder: ReleaseFolder, number: int, mono_ms: int) -> None:
        self._folder, self._number = folder, number
        self._began_ms = mono_ms
        self._well_ms: int | None = None
        trial = folder.standing().trial
        self._open = trial is not None and trial.number == number

    def look(self, mono_ms: int, reads: Callable[[], bool]) -> ReleaseFailed | None:
        """`reads`: whether the door takes fares. Returns what ends the process: TrialOverdue."""
        if not self._open:
            return None
        if not reads():
            self._well_ms = None
        elif self._well_ms is None:
            self._well_ms = mono_ms
        if self._well_ms is not None and mono_ms - self._well_ms >= CONFIRM_AFTER_MS:
            return self._confirm(mono_ms)
        return self._overdue(mono_ms)

    def _confirm(self, mono_ms: int) -> ReleaseFailed | None:
        try:
            self._folder.keep(confirmed(self._folder.standing(), self._number))
        except ReleaseFailed as error:
            log.warning("release %d takes taps, and that cannot be written down yet: %s", self._number, error)
            self._well_ms = mono_ms
            return self._overdue(mono_ms)
        log.warning("release %d is confirmed", self._number)
        self._open = False
        return None

    def _overdue(self, mono_ms: int) -> ReleaseFailed | None:
        if mono_ms - self._began_ms < TRIAL_MAX_MS:
            return None
        return TrialOverdue(
            f"release {self._number} did not come to take taps", fix="the next start counts, and the one before it runs"
            " again after the last", release=self._number,
        )  # fmt: skip


class RestWatch:
    """Says when a release that is ready may be begun without a rider at the door. `look` on one thread."""

    def __init__(self, folder: ReleaseFolder, mono_ms: int) -> None:
        self._folder = folder
        self._shown, self._since_ms = 0, mono_ms

    def look(self, mono_ms: int, shown: int) -> bool:
        """`shown`: verdicts so far. True: end in order; whoever starts the process begins the release."""
        if shown != self._shown:
            self._shown, self._since_ms = shown, mono_ms
        if mono_ms - self._since_ms < REST_MS:
            return False
        self._since_ms = mono_ms  # asked once an hour: a card is not read each second
        try:
            ready = self._folder.standing().ready
        except ReleaseFailed as error:
            log.warning("whether a newer release is ready cannot be read: %s", error)
            return False
        if ready is not None:
            log.warning("nobody came for an hour: release %d is begun", ready)
        return ready is not None


def rest_of(config: ValidatorConfig, mono_ms: int) -> RestWatch | None:
    """Where this device takes releases."""
    folder = release_folder(config)
    return None if folder is None else RestWatch(folder, mono_ms)


def watch_of(config: ValidatorConfig, environment: Mapping[str, str], mono_ms: int) -> TrialWatch | None:
    """The watch over what runs here, where this device takes releases and one of them runs."""
    folder, number = release_folder(config), running(environment)
    return None if folder is None or number == FIRST else TrialWatch(folder, number, mono_ms)
