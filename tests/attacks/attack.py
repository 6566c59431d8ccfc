"""What an attack is: declared once, carried out twice by `test_attacks`, told as one line by `table`."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.attacks.defence import Defence


class Surface(Enum):
    """Where it happens; the order of the table."""

    CODES = "codes"
    TICKETS = "tickets"
    DRIVER = "driver's terminal"
    JOURNAL = "journal"
    SISTER = "link of the doors"
    DOWNWARD = "bundles"
    UPDATES = "updates"
    BROKER = "broker"
    ENROLMENT = "enrolment"
    INGEST = "ingest"
    API = "API"
    PAYMENTS = "payments"
    RIDERS = "riders' accounts"
    STAFF = "staff"
    LEDGER = "ledger"
    PRIVACY = "privacy"
    MACHINE = "machine"


class Who(Enum):
    """The attackers of docs/THREATS.md."""

    RIDER = "a rider"
    PHONES = "a rider with many phones"
    FORGER = "a forger of codes"
    CARD = "who has a copy of a card"
    VALIDATOR = "a thief with a validator"
    CABLE = "who is at the bus's own cable"
    BROKER = "a captured broker"
    STRANGER = "a stranger on the network"
    TECHNICIAN = "a careless technician"
    DRIVER = "a dishonest driver"
    CLERK = "a bribed clerk"
    DATABASE = "an insider with the database"
    WATCHER = "a watcher of data"
    CITY = "the city's own office"


class Outcome(Enum):
    """What came of it. An attack that was refused gained nothing; a detected one gained, and people are told."""

    REFUSED = "refused"
    DETECTED = "detected"
    BOUNDED = "bounded"
    SUCCEEDED = "succeeded"


class Ground:
    """Where one carrying out happens: a folder of its own, and what is closed behind it."""

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        folder.mkdir(parents=True)
        self.folder, self.closing = folder, closing


CarryOut = Callable[[Ground], Outcome]


@dataclass(frozen=True, slots=True)
class Attack:
    """`defences`: what is switched off for it to succeed; none where nothing stops it. `does`: one sentence."""

    name: str
    does: str
    surface: Surface
    by: Who
    defences: tuple[Defence, ...]
    outcome: Outcome
    carry_out: CarryOut


ATTACKS: list[Attack] = []


def attack(surface: Surface, by: Who, outcome: Outcome, *defences: Defence) -> Callable[[CarryOut], CarryOut]:
    """Declare one: the function's name is the attack's, the first line of its docstring says what is done."""

    def declared(carry_out: CarryOut) -> CarryOut:
        does = (carry_out.__doc__ or "").split("\n\n")[0].strip()
        module = carry_out.__module__.rsplit(".", 1)[-1]
        name = f"{module}.{carry_out.__name__}"  # type: ignore[attr-defined]
        assert does.endswith("."), f"{name} does not say what it does"
        assert all(it.name != name for it in ATTACKS), f"two attacks are called {name}"
        assert bool(defences) is (outcome is not Outcome.SUCCEEDED), f"{name}: what succeeds has no defence"
        ATTACKS.append(Attack(name, " ".join(does.split()), surface, by, defences, outcome, carry_out))
        return carry_out

    return declared


def refused_if(nothing_gained: bool) -> Outcome:  # noqa: FBT001
    """For what is stopped whole or not at all."""
    return Outcome.REFUSED if nothing_gained else Outcome.SUCCEEDED


def detected_if(people_are_told: bool) -> Outcome:  # noqa: FBT001
    """For what is done before anybody can stop it."""
    return Outcome.DETECTED if people_are_told else Outcome.SUCCEEDED


def bounded_by(most: int, gained: int) -> Outcome:
    """For what gains something, whatever is tried; tried is always more than `most`."""
    assert gained >= 0
    return Outcome.SUCCEEDED if gained > most else Outcome.BOUNDED if gained else Outcome.REFUSED
