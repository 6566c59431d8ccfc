"""How a device's machine and its run are, as health tells it; adapters read it. And from two runs, why one began."""

from dataclasses import dataclass, field

from protocol.wire.health import BoardHealth, Machine, RunCause


@dataclass(frozen=True, slots=True)
class Condition:
    """What health says besides the door's own work. None: the machine does not have it, or it is in `unread`.

    `board`: its panel board; None where the door has none. `card_copy`: by the machine's counter (`core/counting`).
    """

    uptime_s: int = 0
    certificate_until_ms: int | None = None
    tamper: bool | None = None
    machine: Machine = field(default_factory=Machine)
    unread: tuple[str, ...] = ()
    board: BoardHealth | None = None
    card_copy: bool = False


NOTHING_TOLD = Condition()  # of a machine that nobody asked: the simulated ones


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the process: in which run of the machine it began, and whether it ended by itself."""

    boot: str
    ended: bool


def why_begun(before: Run | None, boot: str) -> RunCause:
    """The run before and this run of the machine → why this run began. An empty `boot` is unknown."""
    if before is None:
        return RunCause.FIRST
    if not boot or not before.boot:
        return RunCause.UNKNOWN
    if before.boot == boot:
        return RunCause.RESTARTED if before.ended else RunCause.CRASHED
    return RunCause.BOOTED if before.ended else RunCause.POWER_LOST
