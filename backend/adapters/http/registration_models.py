"""Bodies of registering and moving: a key, the proof that its phone holds it, and what a credential is told with."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from backend.adapters.http.models import Model, bytes_from, text_schema
from backend.core.api import Registered
from backend.core.challenges import KeyProof
from protocol.fares.tariff import RiderClass
from protocol.limits import CHALLENGE_BYTES, PUBLIC_KEY_BYTES, SIGNATURE_BYTES

_CLASSES = ", ".join(f"{int(one)} {one.word}" for one in RiderClass)


class ProvenKey(Model):
    """A key, with the proof that the caller holds it."""

    public_key: Annotated[
        bytes,
        BeforeValidator(bytes_from(PUBLIC_KEY_BYTES)),
        text_schema(PUBLIC_KEY_BYTES, "compressed P-256 point, made on the phone"),
    ]
    proof: Annotated[
        bytes,
        BeforeValidator(bytes_from(SIGNATURE_BYTES)),
        text_schema(SIGNATURE_BYTES, "r‖s by that key over the challenge, then the point; purpose REGISTRATION"),
    ]
    challenge: Annotated[
        bytes,
        BeforeValidator(bytes_from(CHALLENGE_BYTES)),
        text_schema(CHALLENGE_BYTES, "from `POST /v1/riders/challenges`, not used before"),
    ]

    @property
    def key_proof(self) -> KeyProof:
        """Both parts of it."""
        return KeyProof(self.challenge, self.proof)


class ChallengeBody(Model):
    """What a phone signs to prove that it holds its key."""

    challenge: str
    good_for_s: int = Field(description="Seconds to sign it within; it is good once.")


class TimeBody(Model):
    """The time by our clock, over the nonce that was brought: a phone sets its codes by it."""

    time_ms: int = Field(description="Unix milliseconds.")
    signature: str = Field(description="r‖s by `issuer_key` over nonce and time, 8 bytes; purpose TIME.")


class Registration(ProvenKey):
    """A key to register."""

    rider_class: int = Field(
        default=0,
        ge=0,
        le=15,
        description=f"{_CLASSES}; all but the first need a concession that was granted for this key.",
    )


class Note(Model):
    """Words for a rider."""

    fa: str
    en: str


class RegisteredBody(Model):
    """The credential to render passes from, and the token for this API. The token is told only here."""

    credential_id: str
    credential: str
    token: str
    issuer_key: str = Field(description="Public key, 33 bytes: signs credentials, and the time of `GET /v1/time`.")
    allowance_rials: int = Field(description="What may be spent before a bus has told us.")
    note: Note | None = Field(description="What to tell the rider: a desk moved the account to this phone just now.")


def registered_body(found: Registered, issuer_key: bytes) -> RegisteredBody:
    """How an answer tells it. `issuer_key`: the one of now, which an older credential need not be signed by."""
    note = Note(
        fa="اعتبار به این گوشی آمد؛ شمارهٔ تلفنی که پیش‌تر ثبت بود برداشته شد، اگر می‌خواهید دوباره ثبتش کنید",
        en="The account is on this phone now. A telephone number bound before is bound no more: bind yours again",
    )  # fmt: skip
    return RegisteredBody(
        credential_id=found.credential_id.hex(), credential=found.credential.hex(), token=found.token,
        issuer_key=issuer_key.hex(), allowance_rials=found.allowance_rials, note=note if found.by_desk else None,
    )  # fmt: skip
