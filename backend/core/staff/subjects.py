"""What is proposed, kind by kind: canonical bytes that are digested, and words for who reads before approving.

`subject` is what a proposal is found by later: the key of a rider who registers, the content of a tariff, a credential.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TypeAlias

from backend.core.cards.issue import CardIssue
from backend.core.concessions.grant import Grant
from backend.core.guardians.guardianship import Guardianship
from backend.core.holding import HeldTap, Hold
from backend.core.hosts.host import Host
from backend.core.ledger import TapId, Transfer, TransferKind
from backend.core.paying.payout import is_iban, transfer_of
from backend.core.settlement.parties import Party, Role
from backend.core.staff.errors import Unfit
from backend.core.staff.two_people import Kind, require_words
from protocol import limits
from protocol.errors import SavarError
from protocol.fares.tariff import RiderClass, Tariff
from protocol.jalali import day_text
from protocol.wire import cbor
from protocol.wire.tariffs import decode_tariff, encode_tariff

Words: TypeAlias = Mapping[str, str | int]  # what a proposal says, field by field
_BYTES_MAX = limits.CHUNK_MAX_BYTES + 1024  # a tariff's chunk, and what stands around it


@dataclass(frozen=True, slots=True)
class Posting:
    """A transfer by hand: money from `debit` to `credit`, in rials."""

    debit: str
    credit: str
    rials: int

    def __post_init__(self) -> None:
        _require_rials(self.rials)
        if self.debit == self.credit:
            raise Unfit("a transfer to itself", fix="name two accounts")

    @property
    def subject(self) -> str:
        """It is found by its proposal alone."""
        return ""

    @property
    def content(self) -> bytes:
        """Canonical."""
        return cbor.encode([self.debit, self.credit, self.rials])

    def transfer(self, proposal_id: str, day: int) -> Transfer:
        """What its approval posts, once: the key is the proposal's. Raises Unfit for what is no account.

        `day`: the service day of the approval, by which it is settled: it is in the row's hash, and the time is not.
        """
        key = sha256(f"manual|{proposal_id}".encode()).digest()
        try:
            return Transfer(key, TransferKind.MANUAL, self.debit, self.credit, self.rials, day)
        except (ValueError, SavarError) as error:
            raise Unfit("there can be no such transfer", fix="docs/LEDGER.md has every account") from error

    def words(self) -> Words:
        """For who reads it."""
        return {"debit": self.debit, "credit": self.credit, "amount_rials": self.rials}


@dataclass(frozen=True, slots=True)
class Decreed:
    """A tariff under its number, as a made bundle holds it, and the decree that orders it."""

    tariff: Tariff
    decree: str

    def __post_init__(self) -> None:
        require_words("decree", self.decree)

    @property
    def subject(self) -> str:
        """By number and content: another content under the number is not what was approved."""
        return tariff_subject(self.tariff)

    @property
    def content(self) -> bytes:
        """Canonical."""
        return cbor.encode([self.tariff.version, encode_tariff(self.tariff), self.decree])

    def words(self) -> Words:
        """What a rider pays first, then how much else there is; the whole is in the office's own file."""
        it = self.tariff
        shares: dict[str, str | int] = {
            f"class_{RiderClass(of).word if of in set(RiderClass) else of}_permille": share
            for of, share in sorted(it.rider_permille.items())
        }
        told: dict[str, str | int] = {
            "tariff": it.version, "decree": self.decree, "starts_ms": it.starts_ms,
            "flat_fare_rials": it.flat_fare_rials, "repeat_window_s": it.repeat_window_s,
            "transfer_window_s": it.transfer_window_s, "day_cap_rials": it.day_cap_rials,
            "week_cap_rials": it.week_cap_rials, "lines_with_own_fares": len(it.lines), "peaks": len(it.peaks),
            "free_days": len(it.free_days), "products": len(it.products), "content_sha256": self.subject,
        }  # fmt: skip
        return told | shares


@dataclass(frozen=True, slots=True)
class Concession:
    """A class for whoever registers this key. `document`: where the office keeps what was shown; never a copy of it.

    `until_day`: its last local day; 0 in proposals of before ends were told: these have none. `application`: that it
    answers, whose rider has the class with the approval; empty where a desk grants it to a key: whose rider, if it is
    registered, has it then, too.
    """

    public_key: bytes
    rider_class: int
    document: str
    until_day: int = 0
    application: str = ""

    def __post_init__(self) -> None:
        if self.rider_class not in {int(it) for it in RiderClass} - {RiderClass.ADULT}:
            raise Unfit("no class with a concession", fix="1 to 6: see the tariff", rider_class=self.rider_class)
        require_words("document", self.document)
        if not 0 <= self.until_day <= limits.UINT16_MAX:
            raise Unfit("no credential can tell that day", fix="name the last day of the concession")

    @property
    def grant(self) -> Grant:
        """What is granted."""
        return Grant(self.rider_class, self.until_day or None)

    @property
    def subject(self) -> str:
        """The key, in hex."""
        return self.public_key.hex()

    @property
    def content(self) -> bytes:
        """Canonical."""
        more = [self.until_day, *([self.application] if self.application else [])] if self.until_day else []
        return cbor.encode([self.public_key, self.rider_class, self.document, *more])

    def words(self) -> Words:
        """For who reads it."""
        told: dict[str, str | int] = {
            "public_key": self.subject, "rider_class": self.rider_class,
            "class_name": RiderClass(self.rider_class).word, "document": self.document,
            "until": day_text(self.until_day) if self.until_day else "no end",
        }  # fmt: skip
        return told | ({"application": self.application} if self.application else {})


@dataclass(frozen=True, slots=True)
class Release:
    """A credential off the deny list, up to and with this version."""

    credential_id: bytes
    version: int

    @property
    def subject(self) -> str:
        """The credential, in hex."""
        return self.credential_id.hex()

    @property
    def content(self) -> bytes:
        """Canonical."""
        return cbor.encode([self.credential_id, self.version])

    def words(self) -> Words:
        """For who reads it."""
        return {"credential_id": self.subject, "version": self.version}


@dataclass(frozen=True, slots=True)
class HeldMoney:
    """What is held of a tap's fare for want of a proof (`backend.core.holding`): paid to the owner, or written off.

    `vehicle`, `reason`, `rials`: what is held, as the two people read it; an approval is of that alone. Empty in a
    request, for the desk looks itself, and in proposals of before: these can only be refused.
    """

    device: str
    epoch: int
    sequence: int
    pays: bool
    vehicle: str = ""
    reason: str = ""
    rials: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.epoch <= limits.INT63_MAX:
            raise Unfit("no journal has such a number", fix="as savar ledger held names the tap")

    @property
    def tap(self) -> TapId:
        """Whose money it is."""
        return self.device, self.epoch, self.sequence

    @property
    def hold(self) -> Hold:
        """What an approval makes of it."""
        return Hold.PAID if self.pays else Hold.WRITTEN_OFF

    @property
    def subject(self) -> str:
        """The tap, as commands write one."""
        return f"{self.device}/{self.epoch:x}/{self.sequence}"

    @property
    def content(self) -> bytes:
        """Canonical."""
        seen = [self.vehicle, self.reason, self.rials] if self.vehicle else []
        return cbor.encode([self.device, self.epoch, self.sequence, self.pays, *seen])

    def seen(self, held: HeldTap) -> "HeldMoney":
        """The same, of what is held."""
        return replace(self, vehicle=held.vehicle, reason=held.why.value, rials=held.rials)

    @property
    def asked(self) -> "HeldMoney":
        """What was asked for, whatever was held."""
        return HeldMoney(self.device, self.epoch, self.sequence, self.pays)

    def words(self) -> Words:
        """For who reads it."""
        told: dict[str, str | int] = {
            "device": self.device, "epoch": str(self.epoch), "sequence": self.sequence,
            "becomes": "paid to the owner" if self.pays else "written off",
        }  # fmt: skip
        if self.vehicle:
            told |= {"vehicle": self.vehicle, "reason": self.reason, "amount_rials": self.rials}
        return told


@dataclass(frozen=True, slots=True)
class Refund:
    """So much of a disputed fare goes back to its rider; `answer` is what he reads. See `backend.core.disputes`."""

    dispute: str
    rials: int
    by_house: bool
    answer: str

    def __post_init__(self) -> None:
        _require_rials(self.rials)
        require_words("answer", self.answer)

    @property
    def subject(self) -> str:
        """The dispute."""
        return self.dispute

    @property
    def content(self) -> bytes:
        """Canonical."""
        return cbor.encode([self.dispute, self.rials, self.by_house, self.answer])

    def words(self) -> Words:
        """For who reads it."""
        return {
            "dispute": self.dispute, "amount_rials": self.rials, "answer": self.answer,
            "borne_by": "the house" if self.by_house else "who was paid for the ride",
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class PayOut:
    """What an operator or owner is owed, or a part of it, to a bank account. Raises Unfit."""

    role: str
    name: str
    rials: int
    iban: str

    def __post_init__(self) -> None:
        _require_rials(self.rials)
        if self.role not in {Role.OPERATOR.value, Role.OWNER.value}:
            raise Unfit("only operators and owners are paid out", fix="name one of them", role=self.role)
        if not is_iban(self.iban):
            raise Unfit("that is no Sheba number", fix="IR and 24 digits, as the bank writes it, without spaces")

    @property
    def party(self) -> Party:
        """Who is paid."""
        return Party(Role(self.role), self.name)

    @property
    def subject(self) -> str:
        """Who is paid, as statements write it."""
        return str(self.party)

    @property
    def content(self) -> bytes:
        """Canonical."""
        return cbor.encode([self.role, self.name, self.rials, self.iban])

    def transfer(self, proposal_id: str) -> Transfer:
        """What its approval holds, once. Raises Unfit for what is no account."""
        try:
            return transfer_of(proposal_id, self.party, self.rials)
        except (ValueError, SavarError) as error:
            raise Unfit("there can be nobody of that name", fix="savar settlement owed lists them") from error

    def words(self) -> Words:
        """For who reads it."""
        return {"party": self.subject, "amount_rials": self.rials, "iban": self.iban}


@dataclass(frozen=True, slots=True)
class Move:
    """A credential to whoever registers this key. `document`: where the office keeps what was shown; no copy of it."""

    credential_id: bytes
    public_key: bytes
    document: str

    def __post_init__(self) -> None:
        require_words("document", self.document)

    @property
    def subject(self) -> str:
        """The new phone's key, in hex."""
        return self.public_key.hex()

    @property
    def content(self) -> bytes:
        """Canonical."""
        return cbor.encode([self.credential_id, self.public_key, self.document])

    def words(self) -> Words:
        """For who reads it."""
        return {"credential_id": self.credential_id.hex(), "public_key": self.subject, "document": self.document}


Subject: TypeAlias = (
    Posting | Decreed | Concession | Release | HeldMoney | Refund | PayOut | Move | Guardianship | CardIssue | Host
)
KIND: Mapping[type, Kind] = {
    Posting: Kind.POSTING, Decreed: Kind.TARIFF, Concession: Kind.CONCESSION, Release: Kind.RELEASE,
    HeldMoney: Kind.HELD, Refund: Kind.REFUND, PayOut: Kind.PAYOUT, Move: Kind.MOVE,
    Guardianship: Kind.GUARDIAN, CardIssue: Kind.CARDS,
    Host: Kind.HOST,
}  # fmt: skip

_OF: Mapping[Kind, Callable[..., Subject]] = {kind: of for of, kind in KIND.items()}


def _require_rials(rials: int) -> None:
    """Return for an amount that can be moved. Raises Unfit."""
    if not 0 < rials <= limits.RIALS_MAX:
        raise Unfit("the amount is out of range", fix="name whole rials above 0", rials=rials)


def tariff_subject(tariff: Tariff) -> str:
    """SHA-256 over a tariff's number and chunk, in hex: what an approval of it is found by."""
    return sha256(cbor.encode([tariff.version, encode_tariff(tariff)])).hexdigest()


def read(kind: Kind, content: bytes) -> Subject:
    """What was proposed, out of its bytes. Raises WireError."""
    values = cbor.decode(content, max_bytes=_BYTES_MAX)
    if kind is Kind.TARIFF:
        version, body, decree = values
        return Decreed(decode_tariff(body, version), decree)
    return Host.of(values) if kind is Kind.HOST else _OF[kind](*values)
