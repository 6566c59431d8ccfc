"""The office says after the enrolment where a device serves: a spare takes a door, a door gets another sister.

    office ─▶ a file, or kept at the broker ─▶ take: proven, newer, on the card ─▶ the process ends in order
                                                                 and is started anew: `config` says what is in force

Rules:
- what is in force changes in one step of the file system, so a power cut leaves the one before, or this one whole;
- a device is sent to no other vehicle than its own: its records are that vehicle's;
- one that serves nowhere takes no fares, whoever stands before it, and shows so; what it holds it brings.
"""

import logging
from typing import Protocol

from edge.adapters.assigned_file import keep_assigned, prove, read_assigned
from edge.adapters.keys import load_sister
from edge.app.boarding import Boarding
from edge.app.config import ValidatorConfig
from edge.app.inbox import Inbox
from edge.core.errors import EnrolmentFailed, LocalError
from edge.core.limits import ASSIGNMENTS_WAITING_MAX
from edge.core.ports import Panel
from edge.core.showings import out_of_service
from protocol.errors import ProofError, WireError
from protocol.limits import ASSIGNMENT_MAX_BYTES
from protocol.wire.assignments import Assignment, require_newer
from protocol.wire.codes import is_ours
from protocol.wire.keys import VerifyingKey

log = logging.getLogger(__name__)
SPARE = "a spare: it serves no door yet, and takes no fares — the office says which: savar provision swap"
OUT = "another unit serves this door: this one takes no fares, and brings what it holds"


def take(config: ValidatorConfig, data: bytes) -> tuple[Assignment, bool]:
    """Bring the office's word onto the card; it is in force from the next start → it, and whether it is a new one.

    Raises EnrolmentFailed; WireError or ProofError by name for what is not this device's, RolledBack for an older one.
    """
    said = prove(data, config.broker.ca, city=config.city, device=config.device)
    held = read_assigned(config.data_dir, config.broker.ca, city=config.city, device=config.device)
    if not require_newer(said, held):
        return said, False
    if said.serves is not None and config.vehicle not in (None, said.serves.vehicle):
        raise EnrolmentFailed(
            f"{config.device} is {config.vehicle}'s, and is sent to {said.serves.vehicle}",
            fix="take a spare that has served nowhere", vehicle=said.serves.vehicle,
        )  # fmt: skip
    keep_assigned(config.data_dir, data)
    return said, True


def sister_key(config: ValidatorConfig) -> VerifyingKey | None:
    """The other door's tap key, None where there is no other door. Raises KeyMissing."""
    if config.sister is None:
        return None
    other = None if config.assigned is None else config.assigned.other
    return load_sister(config.keys_dir) if other is None else VerifyingKey.load(other.tap_key)


class Assigning:
    """What comes over the broker. `came` from any thread, `step` from one."""

    def __init__(self, config: ValidatorConfig) -> None:
        self._config = config
        self._words = Inbox(ASSIGNMENTS_WAITING_MAX, "an assignment")
        self.begins_anew = False  # what is in force is another than this process was built for

    def came(self, payload: bytes) -> None:
        """The office's word, or what looks like one."""
        if len(payload) <= ASSIGNMENT_MAX_BYTES:
            self._words.put(payload)

    def step(self) -> None:
        """Raises nothing: what is kept at the broker comes again with the next session."""
        for data in self._words.take():
            try:
                said, _ = take(self._config, data)
            except (WireError, ProofError, LocalError) as error:
                log.warning("what came as an assignment is not taken: %s: %s", error.name, error)
                continue
            if said != self._config.assigned:  # also what a stick brought while this process ran
                log.warning("the office sends this device to %s; it begins anew", said.serves)
                self.begins_anew = True


class Shows(Protocol):
    """A showing before a camera."""

    @property
    def text(self) -> bytes:
        """What was read."""
        ...


class StandsBy:
    """A door that serves nowhere: no tap is taken, and who shows a code sees that it is out of service."""

    def __init__(self, config: ValidatorConfig, boarding: Boarding, panel: Panel) -> None:
        self._panel = panel
        self.why = "" if config.serves else SPARE if config.vehicle is None else OUT
        if self.why:
            boarding.shut()

    def answers(self, sighting: Shows) -> bool:
        """Whether it was answered here: nothing else is to be made of it."""
        if self.why and is_ours(sighting.text):
            self._panel.show(out_of_service())
        return bool(self.why)
