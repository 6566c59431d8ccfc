"""Bodies of signing in. What an authenticator told stands in base64url, its parts named as WebAuthn names them."""

from base64 import urlsafe_b64decode
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from backend.adapters.http.models import Model
from backend.core import limits
from backend.core.staff.signing_in import Assertion, Made


def _whole(text: str) -> str:
    """pydantic wants a ValueError for a text that no bytes have."""
    if len(text) % 4 == 1:
        raise ValueError("is no base64url text")
    return text


def bytes_of(text: str) -> bytes:
    """A part's bytes."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


PART = rf"^[A-Za-z0-9_-]{{1,{limits.PASSKEY_ANSWER_MAX_CHARS}}}$"
Part = Annotated[str, Field(pattern=PART), AfterValidator(_whole)]
Code = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$", description="As the invitation has it.")]
Label = Annotated[str, Field(min_length=1, max_length=limits.PASSKEY_LABEL_MAX_CHARS, pattern=r"^[^\x00-\x1f]+$")]


class CodeRequest(Model):
    """An invitation."""

    code: Code


class MadeRequest(Model):
    """A passkey that was just made. `label`: what its person calls it."""

    code: Code
    label: Label
    client_data: Part
    attestation: Part

    @property
    def made(self) -> Made:
        """As the core has it."""
        return Made(bytes_of(self.client_data), bytes_of(self.attestation))


class AssertionRequest(Model):
    """What a passkey answered."""

    credential_id: Part
    client_data: Part
    authenticator_data: Part
    signature: Part

    @property
    def assertion(self) -> Assertion:
        """As the core has it."""
        return Assertion(
            bytes_of(self.credential_id), bytes_of(self.client_data), bytes_of(self.authenticator_data),
            bytes_of(self.signature),
        )  # fmt: skip


class ActRequest(Model):
    """One request that is going to be sent. `target`: its path, with its query; `body_sha256` of its bytes."""

    method: Annotated[str, Field(pattern="^(POST|PUT)$")]
    target: Annotated[str, Field(pattern="^/v1/[!-~]{1,500}$")]
    body_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class OptionsBody(Model):
    """What the browser is to ask an authenticator for: JSON of WebAuthn level 3, for `parse…OptionsFromJSON`."""

    options: dict[str, Any]


class PasskeyAddedBody(Model):
    """Whose passkey it is now."""

    name: str


class SessionBody(Model):
    """One of one's own sessions. `current`: the one that asks."""

    session: str
    passkey: str
    began_ms: int
    seen_ms: int
    ends_ms: int
    current: bool


class PasskeyBody(Model):
    """One of one's own passkeys."""

    passkey: str
    label: str
    added_ms: int


class SessionsBody(Model):
    """Where one is signed in, and with what one can."""

    sessions: list[SessionBody]
    passkeys: list[PasskeyBody]


class EndedBody(Model):
    """How many sessions ended."""

    ended: int
