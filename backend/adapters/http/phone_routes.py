"""Routes for a rider's telephone number: a code to it, binding it, and the slow way back to a lost account by it.

A number stands in bodies alone, never in an address, which logs may tell. None of these routes takes an
Idempotency-Key: what is kept under one has a digest of the body, and who reads that could try all numbers.
"""

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

import anyio
from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, Request
from pydantic import Field

from backend.adapters.http.access import Having, ThisRider, address, open_to_all
from backend.adapters.http.models import Model
from backend.adapters.http.problems import documented
from backend.adapters.http.registration_models import ProvenKey, RegisteredBody, registered_body
from backend.core import limits
from backend.core.phone.binding import PhoneState
from backend.core.phone.code import For
from backend.core.phone.numbers import NUMBER_CHARS_MAX
from backend.core.phone.ports import NumberProof, Waits

T = TypeVar("T")
router = APIRouter(prefix="/v1/riders", tags=["riders"])
_Number = Annotated[
    str,
    Field(
        min_length=10, max_length=NUMBER_CHARS_MAX,
        description="A mobile number of Iran, 09121234567 or +989121234567, in Latin, Persian or Arabic digits.",
    ),
]  # fmt: skip
_Code = Annotated[
    str,
    Field(
        pattern=rf"^[0-9۰-۹٠-٩]{{{limits.PHONE_CODE_DIGITS}}}$",
        description=f"The {limits.PHONE_CODE_DIGITS} digits of the newest message.",
    ),
]  # fmt: skip


class CodeRequest(Model):
    """Which number, and what the code is for: it opens nothing else."""

    number: _Number
    for_: Literal["bind", "sign-in"] = Field(alias="for")


class CodeBody(Model):
    """The same whether the number has an account or not."""

    good_for_s: int = Field(description="Seconds; a newer code ends it, and so do five tries.")
    again_after_s: int = Field(description="Seconds until the next one may be asked for.")


class NumberAndCode(Model):
    """A number, and the code that came to it."""

    number: _Number
    code: _Code

    @property
    def both(self) -> NumberProof:
        """As the desk takes them."""
        return NumberProof(self.number, self.code)


class BindRequest(NumberAndCode):
    """A number to bind. `former`: the one before, with a code for binding that came to it; it leaves at once then."""

    former: NumberAndCode | None = None


class SignInRequest(ProvenKey):
    """A number, the code that came to it, and the new phone's key with its proof."""

    number: _Number
    code: _Code


class RecoveryBody(Model):
    """Somebody with the number wants this account on another phone, and can have it from `due_ms` on."""

    asked_ms: int
    due_ms: int


class PhoneBody(Model):
    """How an account stands to a telephone number. The number itself is not kept, and cannot be told."""

    bound_since_ms: int | None = Field(description="null: no number is bound.")
    bound_from_ms: int | None = Field(description="Proven, and another account's until then.")
    leaves_ms: int | None = Field(description="Another account has proven the number; it leaves this one then.")
    given_up_until_ms: int | None = Field(description="A number that was given up is good for signing in until then.")
    recovery: RecoveryBody | None = Field(description="Not you? `DELETE` the number: that ends this, too.")
    fa: str
    en: str


class SignInBody(Model):
    """Either nothing has moved and the same phone comes back later, or it has the credential."""

    waits_until_ms: int | None = Field(description="Ask again from then on, with the same key and another code.")
    registered: RegisteredBody | None
    fa: str
    en: str


async def _waiting(request: Request, what: Callable[[], T]) -> T:
    """Run what waits on who sends messages in a thread, a few at once."""
    places: CapacityLimiter = request.app.state.sms_places
    return await anyio.to_thread.run_sync(what, limiter=places)


@router.post(
    "/phone/codes",
    dependencies=[Depends(open_to_all)],
    summary="Send a code to a telephone number",
    status_code=202,
    responses=documented(400, 409, 413, 422, 429, 503),
)
async def send_phone_code(request: Request, having: Having, body: CodeRequest) -> CodeBody:
    """To whomever asks: the answer tells nothing of accounts. 503 with `sms-unknown`: the code may still come.

    A few a day for each number, a minute between them, and so many an hour for all: else 429.
    """
    await _waiting(request, lambda: having.phones.send_code(body.number, For(body.for_), address(request)))
    return CodeBody(good_for_s=limits.PHONE_CODE_MS // 1000, again_after_s=limits.PHONE_CODE_AGAIN_MS // 1000)


@router.post(
    "/phone/sign-in",
    dependencies=[Depends(open_to_all)],
    summary="Get the account back on a new phone, by its number",
    responses=documented(400, 403, 404, 409, 413, 422, 429, 503),
)
def sign_in_by_phone(request: Request, having: Having, body: SignInRequest) -> SignInBody:
    """Twice, a day between: the first time nothing moves, and the old phone is told.

    The second time the credential moves to the key that was given both times, as `move` does it, and the old phone's
    version ends. Each time takes a new code. A lost answer with a token comes again by registering with the key.
    """
    number = NumberProof(body.number, body.code)
    found = having.phones.sign_in(number, address(request), body.public_key, body.key_proof)
    if isinstance(found, Waits):
        return SignInBody(
            waits_until_ms=found.until_ms, registered=None,
            fa="برای ایمنی حساب یک روز صبر کنید، سپس با همین گوشی و کدی تازه دوباره بخواهید",
            en="To keep the account safe this takes a day: ask again then, with this phone and a new code",
        )  # fmt: skip
    return SignInBody(
        waits_until_ms=None, registered=registered_body(found, having.riders.issuer_key),
        fa="حساب اکنون در این گوشی است؛ گوشی پیشین دیگر سوار نمی‌شود",
        en="The account is on this phone now; the one before rides no more",
    )  # fmt: skip


@router.get(
    "/{rider_id}/phone",  # noqa: FAST003 - ThisRider takes it
    summary="How the account stands to a telephone number",
    responses=documented(401, 403, 422, 503),
)
def phone(having: Having, rider: ThisRider) -> PhoneBody:
    """A phone asks whenever it is opened: so its rider learns that somebody else has his number."""
    return _body(having.phones.state(rider))


@router.post(
    "/{rider_id}/phone",  # noqa: FAST003 - ThisRider takes it
    summary="Bind a telephone number",
    responses=documented(400, 401, 403, 409, 413, 422, 429, 503),
)
def bind_phone(request: Request, having: Having, rider: ThisRider, body: BindRequest) -> PhoneBody:
    """In the place of the one before, and what waited by that ends. Nobody needs a number to ride.

    One that is another account's comes over after three days, unless that proves it again. The one before is good for
    signing in for three days yet, unless a code that came to it is told here too.
    """
    former = None if body.former is None else body.former.both
    return _body(having.phones.bind(rider, body.both, address(request), former))


@router.post(
    "/{rider_id}/phone/give-up",  # noqa: FAST003 - ThisRider takes it
    summary="Give the telephone number up at once",
    responses=documented(400, 401, 403, 409, 413, 422, 429, 503),
)
def give_phone_up(request: Request, having: Having, rider: ThisRider, body: NumberAndCode) -> PhoneBody:
    """With a code for binding that came to it: nothing is kept of it any more."""
    return _body(having.phones.give_up_at_once(rider, body.both, address(request)))


@router.delete(
    "/{rider_id}/phone",  # noqa: FAST003 - ThisRider takes it
    summary="Give the telephone number up",
    responses=documented(401, 403, 422, 503),
)
def release_phone(having: Having, rider: ThisRider) -> PhoneBody:
    """Whoever waits for the account by it gets nothing; the number itself leaves after three days. Safe to repeat.

    Until then its owner may have lost this phone to whoever asks here, and can still sign in by it, more slowly.
    """
    return _body(having.phones.release(rider))


def _body(it: PhoneState) -> PhoneBody:
    waits = it.recovery
    fa, en = _words(it)
    return PhoneBody(
        bound_since_ms=it.since_ms, bound_from_ms=it.from_ms, leaves_ms=it.leaves_ms,
        given_up_until_ms=it.given_up_ms,
        recovery=None if waits is None else RecoveryBody(asked_ms=waits.asked_ms, due_ms=waits.due_ms), fa=fa, en=en,
    )  # fmt: skip


def _words(it: PhoneState) -> tuple[str, str]:
    if it.recovery is not None:
        return (
            "کسی با شمارهٔ شما این حساب را روی گوشی دیگری می‌خواهد؛ اگر شما نیستید، شماره را همین حالا بردارید",
            "Somebody with your number wants this account on another phone: if it is not you, remove the number now",
        )
    if it.leaves_ms is not None:
        return (
            "حساب دیگری شمارهٔ شما را تأیید کرده است؛ اگر شماره هنوز مال شماست، دوباره تأییدش کنید",
            "Another account has proven your number: if it is still yours, prove it again",
        )
    if it.from_ms is not None:
        return "شماره تأیید شد و چند روز دیگر مال این حساب است", "Proven: the number is this account's in a few days"
    if it.since_ms is not None:
        return "شمارهٔ تلفن ثبت است", "A telephone number is bound"
    if it.given_up_ms is not None:
        return "شماره چند روز دیگر از این حساب برداشته می‌شود", "The number leaves this account in a few days"
    return "شمارهٔ تلفنی ثبت نیست", "No telephone number is bound"
