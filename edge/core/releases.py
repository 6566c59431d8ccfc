"""Where a device stands with its software: what is confirmed, what is tried, what never again. Pure.

    arrives whole ─▶ ready ─▶ tried, at a start ─▶ confirmed
                                    │
                                    └▶ refused: the self-test failed, or it was begun TRIAL_STARTS_MAX times for nothing

Rules:
- R1 what runs is named by one small file that changes in one step: a power cut leaves the one before or the one after;
- R2 a release is named there only once all of it lies on the card;
- R3 its start is counted before it runs: one that kills the device at once is counted all the same;
- R4 until it is confirmed, the confirmed one stays on the card, and is begun again when the trial is lost;
- R5 what was refused here, or halted before it was begun, is never begun here again; its successor is another number;
- R6 number 0 is what was installed first, on the part of the card that nobody writes: it is always there.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from edge.core.limits import REFUSED_RELEASES_MAX, TRIAL_STARTS_MAX
from protocol import limits
from protocol.wire import cbor
from protocol.wire.manifests import require_ascending
from protocol.wire.releases import Release, Stages

VERSION = 1
STANDING_MAX_BYTES = 1_024
FIRST = 0  # the installation that no release has replaced
_NUMBER = cbor.uint(limits.UINT32_MAX, least=1)
_TRIAL: cbor.Fields = (("number", _NUMBER), ("starts", cbor.uint(TRIAL_STARTS_MAX, least=1)))
_STANDING: cbor.Fields = (
    ("confirmed", cbor.uint(limits.UINT32_MAX)),
    ("ready", cbor.optional(_NUMBER)),
    ("trial", cbor.optional(cbor.row(_TRIAL))),
    ("refused", cbor.array(_NUMBER, most=REFUSED_RELEASES_MAX)),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """A release that has been begun and is not confirmed: `starts` times by now."""

    number: int
    starts: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What the small file says. `ready`: whole on the card, not begun. `refused`: ascending, the newest ones kept."""

    confirmed: int = FIRST
    ready: int | None = None
    trial: Trial | None = None
    refused: tuple[int, ...] = ()

    @property
    def kept(self) -> frozenset[int]:
        """The numbers that must stay on the card."""
        trial = None if self.trial is None else self.trial.number
        return frozenset(it for it in (self.confirmed, self.ready, trial) if it is not None)


def encode_standing(standing: Standing) -> bytes:
    """Standing → the file's bytes."""
    trial = None if standing.trial is None else [standing.trial.number, standing.trial.starts]
    values = [standing.confirmed, standing.ready, trial, list(standing.refused)]
    return cbor.encode_structure("standing", values, _STANDING, version=VERSION, max_bytes=STANDING_MAX_BYTES)


def decode_standing(data: bytes) -> Standing:
    """The file's bytes → standing. Raises WireError by name."""
    confirmed, ready, trial, refused = cbor.decode_structure(
        "standing", data, _STANDING, version=VERSION, max_bytes=STANDING_MAX_BYTES
    )
    require_ascending("refused", refused)
    return Standing(confirmed, ready, None if trial is None else Trial(*trial), tuple(refused))


def there(standing: Standing, whole: Collection[int]) -> Standing:
    """The standing without what is not whole on the card (a card that rots, or was put together by hand)."""
    trial = standing.trial
    return replace(
        standing,
        confirmed=standing.confirmed if standing.confirmed in whole else FIRST,
        ready=standing.ready if standing.ready in whole else None,
        trial=trial if trial is not None and trial.number in whole else None,
    )


def arrived(standing: Standing, number: int) -> Standing:
    """A release is whole on the card."""
    return replace(standing, ready=number)


def begun(standing: Standing) -> tuple[int, Standing]:
    """A start → which number runs, and what must be on the card before it does."""
    trial = standing.trial
    if trial is not None and trial.starts >= TRIAL_STARTS_MAX:
        standing, trial = refused(standing, [trial.number]), None
    if trial is not None:
        again = replace(trial, starts=trial.starts + 1)
        return trial.number, replace(standing, trial=again)
    if standing.ready is not None:
        return standing.ready, replace(standing, ready=None, trial=Trial(standing.ready, 1))
    return standing.confirmed, standing


def confirmed(standing: Standing, number: int) -> Standing:
    """The tried one takes taps, and has for a while. Any other number changes nothing."""
    if standing.trial is None or standing.trial.number != number:
        return standing
    return replace(standing, confirmed=number, trial=None)


def put_back(standing: Standing, number: int) -> Standing:
    """It was begun, and the device's own parts kept it from its self-test: it is tried at the next start anew."""
    if standing.trial is None or standing.trial.number != number:
        return standing
    return replace(standing, trial=None, ready=number if standing.ready is None else standing.ready)


def refused(standing: Standing, numbers: Iterable[int]) -> Standing:
    """These are not begun here again. What is confirmed goes on, whatever is said of it."""
    gone = set(numbers) - {standing.confirmed, FIRST}
    trial = standing.trial
    return replace(
        standing,
        ready=None if standing.ready in gone else standing.ready,
        trial=None if trial is not None and trial.number in gone else trial,
        refused=tuple(sorted(gone.union(standing.refused))[-REFUSED_RELEASES_MAX:]),
    )


def halted(standing: Standing, stages: Stages) -> Standing:
    """A halt reached this device: what has not been begun never is. A trial goes on to its own end."""
    tried = set() if standing.trial is None else {standing.trial.number}
    return refused(standing, set(stages.halted) - tried)


def wanted(
    releases: Iterable[Release], stages: Stages, standing: Standing, *, device: str, platform: str
) -> Release | None:
    """The release that this device should bring onto its card; None: nothing new for it, or one is being tried."""
    if standing.trial is not None:
        return None
    newest = max(standing.confirmed, standing.ready or FIRST)
    fitting = [
        it
        for it in releases
        if it.number > newest
        and it.number not in standing.refused
        and it.least <= standing.confirmed
        and it.platform == platform
        and (stage := stages.of(it.number)) is not None
        and stage.takes(device)
    ]
    return max(fitting, key=lambda it: it.number, default=None)
