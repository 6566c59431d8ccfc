"""People named, invited, given tokens and ended: by a command at the backend's own machine, under its account.

`by` is the account that runs the command; texts that open something are told once and kept as their SHA-256 alone.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

from backend.core import limits
from backend.core.errors import NotFound
from backend.core.settlement.parties import Party
from backend.core.staff.errors import Unfit
from backend.core.staff.log import Entry
from backend.core.staff.ports import StaffStore
from backend.core.staff.roles import PARTIES_OF, STAFF_ROLES, Person, Role, is_name
from backend.core.staff.sign_in_ports import SignInStore
from backend.core.staff.signing_in import Token
from protocol.limits import DAY_S

CONSOLE = "console"  # the role of who works at the backend's own machine


def new_secret(randomness: Callable[[int], bytes]) -> tuple[str, bytes]:
    """A text that opens something, and its hash."""
    text = urlsafe_b64encode(randomness(limits.STAFF_TOKEN_BYTES)).rstrip(b"=").decode()
    return text, sha256(text.encode()).digest()


def name_person(
    store: StaffStore, name: str, role: Role, *, by: str, now_ms: int, randomness: Callable[[int], bytes],
    party: Party | None = None, days: int = limits.STAFF_TOKEN_DAYS_DEFAULT,
) -> str:  # fmt: skip
    """Name a person → the token, good for so many days. Raises Unfit."""
    text, hashed = new_secret(randomness)
    token = Token(hashed, name, now_ms, after_days(now_ms, days))
    _add(store, Person(name, role, now_ms, party=party), token, by)
    return text


def name_without_token(
    store: StaffStore, name: str, role: Role, *, by: str, now_ms: int, party: Party | None = None
) -> None:
    """Name a person who signs in with passkeys alone. Raises Unfit."""
    _add(store, Person(name, role, now_ms, party=party), None, by)


def _add(store: StaffStore, person: Person, token: Token | None, by: str) -> None:
    name, role, party = person.name, person.role, person.party
    if party is not None and party.role not in PARTIES_OF.get(role, ()):
        raise Unfit(
            f"nobody is {role.value} for {party.role.value}s",
            fix="a partner is named for an operator or owner, a driver for a driver, others for nobody",
        )
    if not is_name(name) or role not in STAFF_ROLES:
        raise Unfit(f"{name} as {role.value} is nobody of the staff", fix="2–32 of a–z, 0–9, -; a letter first")
    outcome = role.value if party is None else f"{role.value} for {party}"
    entry = Entry(person.added_ms, by, CONSOLE, "add-person", name, outcome)
    if not store.add_person(person, token, entry):
        raise Unfit(f"the name {name} was given before", fix="choose another: the log tells of people by their names")


def end_person(store: StaffStore, name: str, *, by: str, now_ms: int) -> None:
    """The person's tokens, passkeys and sessions open nothing any more. Raises NotFound."""
    if not store.end_person(name, Entry(now_ms, by, CONSOLE, "end-person", name, "ended")):
        raise _nobody(name)


def rotate_token(
    store: SignInStore, name: str, *, by: str, now_ms: int, randomness: Callable[[int], bytes], days: int,
    overlap_days: int,
) -> str:  # fmt: skip
    """A new token → it; the person's others end `overlap_days` from now at the latest. Raises NotFound."""
    text, hashed = new_secret(randomness)
    token = Token(hashed, name, now_ms, after_days(now_ms, days))
    told = f"for {days} days; those before end in {overlap_days}"
    entry = Entry(now_ms, by, CONSOLE, "new-token", name, told)
    if not store.add_token(token, after_days(now_ms, overlap_days), entry):
        raise _nobody(name)
    return text


def invite(
    store: SignInStore, name: str, *, by: str, now_ms: int, randomness: Callable[[int], bytes]
) -> str:  # fmt: skip
    """An invitation to make one passkey, in the place of any before → its code. Raises NotFound."""
    code, hashed = new_secret(randomness)
    entry = Entry(now_ms, by, CONSOLE, "invite", name, "invited")
    if not store.invite(hashed, name, now_ms + limits.INVITATION_MS, entry):
        raise _nobody(name)
    return code


def sign_out(store: SignInStore, name: str, *, by: str, now_ms: int) -> int:
    """End all sessions of a person → how many."""
    return store.end_sessions(name, None, Entry(now_ms, by, CONSOLE, "sign-out", name, "all"))


def end_passkeys(store: SignInStore, name: str, *, by: str, now_ms: int) -> int:
    """End all passkeys of a person, with their sessions → how many."""
    return store.end_passkeys(name, None, Entry(now_ms, by, CONSOLE, "end-passkeys", name, "all"))


def after_days(now_ms: int, days: int) -> int:
    """A moment so many days later."""
    return now_ms + days * DAY_S * 1000


def _nobody(name: str) -> NotFound:
    return NotFound(f"{name} is nobody of the staff, or was ended", fix="savar staff list")
