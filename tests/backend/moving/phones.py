"""Buses, phones that are lost and the office over one ledger."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from backend.app.riders import Riders
from backend.app.staff import Staff, granted_classes, granted_move
from backend.core.api import Registered
from backend.core.challenges import KeyProof
from backend.core.staff.roles import Actor, Role
from backend.core.staff.subjects import Move
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.registrations import registration_payload
from tests.backend.bus import ISSUER, Bus, Rider, key
from tests.backend.desk import Desk, check_ledger

NIMA, TARA = Actor("nima", Role.OPERATIONS), Actor("tara", Role.OPERATIONS)


class Phone(Rider):
    """A phone that shows whatever credential it was given."""

    def __init__(self, of: Rider, name: str) -> None:
        super().__init__(int.from_bytes(of.credential_id), rider_class=of.rider_class, holder=key(name))
        self.token = ""

    def proof(self, riders: Riders) -> KeyProof:
        """That it holds its key."""
        return proof_of(self.key, riders)

    def given(self, it: Registered) -> "Phone":
        """It has the credential."""
        self.credential, self.token = it.credential, it.token
        return self


class Office(Desk):
    """The desk of ingest, and the one that registers and moves riders beside it."""

    def __init__(self, folder: Path, buses: Sequence[Bus], riders: Sequence[Rider]) -> None:
        super().__init__(folder, buses, riders)
        self.riders = Riders(
            self.store, ISSUER, lambda: self.now_ms, os.urandom, granted=partial(granted_classes, self.store),
            moves=partial(granted_move, self.store), waits=self.store.key_waits,
        )  # fmt: skip
        self.staff = Staff(self.store, b"", clock=lambda: self.now_ms, randomness=os.urandom, waiting=list)

    def move(self, rider: Rider, name: str) -> Phone:
        """Its rider moves it, with his token, to a phone of this name."""
        row = self.store.rider(rider.credential_id)
        assert row is not None
        phone = Phone(rider, name)
        return phone.given(self.riders.move(row, phone.key.public, phone.proof(self.riders)))

    def grant(self, rider: Rider, public_key: bytes) -> None:
        """Two people let whoever holds this key have it."""
        it = self.staff.propose(NIMA, Move(rider.credential_id, public_key, "file 7"), why="lost on line 9", key="")
        self.staff.decide(TARA, it.id, it.digest, approves=True, key="")

    def money(self) -> dict[str, int]:
        """Every account that holds something; the ledger's own rules hold."""
        check_ledger(self)
        return {account: rials for account, rials in self.rows("SELECT id, credits - debits FROM account") if rials}


def registered(office: Office, phone: SigningKey, rider_class: int = 0) -> Registered:
    """What a phone with this key is told when it registers."""
    return office.riders.register(phone.public, proof_of(phone, office.riders), rider_class)


def proof_of(phone: SigningKey, riders: Riders) -> KeyProof:
    """Its answer to a new challenge."""
    challenge = riders.challenge()
    return KeyProof(challenge, phone.sign(Purpose.REGISTRATION, registration_payload(challenge, phone.public)))
