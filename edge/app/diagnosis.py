"""What is wrong with one door, in words for a person: the worst of its parts, asked in a fixed order. No own thread.

Records first, for a door that cannot write boards nobody; then what it sees with, what it shows with, room on the card,
what goes down to it, where it is, what time it is. That a bus has no network is no fault.
"""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from edge.adapters.clock import SystemClock
from edge.app.bundles import Bundles
from edge.app.looking import Looker
from edge.app.station import Station
from edge.app.whereabouts import Place
from edge.core.errors import LocalError
from edge.core.limits import DISK_FREE_MIN_BYTES
from edge.core.ports import Clock
from protocol.limits import TEXT_MAX_CHARS
from protocol.wire.sister import DoorCondition
from transport.mqtt import MqttSession

log = logging.getLogger(__name__)
_WHEELS_STAND = 0.1  # of what the sky says: no wrong mm_per_pulse is ten times too small, a broken wire is


class Diagnosis:
    """Of these parts. Raises nothing."""

    def __init__(
        self,
        *,
        data_dir: Path,
        station: Station,
        looker: Looker,
        bundles: Bundles,
        place: Place | None,
        clock: Clock,
        system_clock: SystemClock,
        session: MqttSession,
        panel_problem: Callable[[], LocalError | None],
        card_doubt: Callable[[], str],
        stands_by: str = "",
    ) -> None:
        """`stands_by`: why this door takes no fares though nothing is wrong with it; empty if it takes them."""
        self._data_dir, self._station, self._looker = data_dir, station, looker
        self._bundles, self._place, self._session = bundles, place, session
        self._clock, self._system_clock, self._panel_problem = clock, system_clock, panel_problem
        self._card_doubt, self._stands_by = card_doubt, stands_by

    def problem(self) -> str:
        """The worst current fault; empty if there is none."""
        if self._stands_by:
            return self._stands_by
        if self._place is not None and self._place.problem is not None:
            return f"no position: {self._place.problem}"
        if self._system_clock.problem:
            return self._system_clock.problem
        unreached = self._session.problem
        return self.fault() or ("" if unreached is None else str(unreached))

    def fault(self) -> str:
        """The same without the broker's session: a bus without a network is as it should be."""
        if worst := self._stands_by or self._station.problem(self._clock.read()):
            return worst
        if doubt := self._card_doubt():
            return doubt
        for camera in self._looker.cameras:
            if camera.problem is not None:
                return str(camera.problem)
            if camera.light.dirty:
                return f"the lens of camera {camera.name} is dirty — wipe it"
        if (unlit := self._panel_problem()) is not None:
            return str(unlit)
        if self.disk_free() < DISK_FREE_MIN_BYTES:
            return "the card is nearly full — let it sync, or carry the journal off"
        if (late := self._bundles.problem) is not None:
            return f"a newer bundle, or its riders or timetable, cannot be had: {late}"
        if self._place is not None and self._place.problem is not None:
            return f"no position: {self._place.problem}"
        return self._system_clock.problem or self._odometer()

    def _odometer(self) -> str:
        if self._place is None or self._place.wheels_fit is not False:
            return ""
        far = self._place.wheels_to_sky or 0.0
        if far < _WHEELS_STAND:
            return "the odometer does not turn while the vehicle drives — look at its wire"
        # The figure is of the last half kilometre and more: after a wire broke it sinks slowly.
        fix = f"look at its wire; if it is whole, divide mm_per_pulse by {far:.2f}"
        return f"the odometer turns {far:.2f} times as far as the sky says — {fix}"

    def reads(self) -> bool:
        """Whether this door takes fares: its cameras give pictures, its journal takes records."""
        if self._stands_by or self._station.boarding.problem is not None:
            return False
        return all(camera.problem is None for camera in self._looker.cameras)

    def condition(self) -> DoorCondition:
        """What the other door is told: its driver's screen shows it."""
        return DoorCondition(self.reads(), self.fault()[:TEXT_MAX_CHARS])

    def disk_free(self) -> int:
        """Bytes free on the card; none on one that does not answer."""
        try:
            return shutil.disk_usage(self._data_dir).free
        except OSError as error:
            log.error("the card does not answer: %s", error)
            return 0
