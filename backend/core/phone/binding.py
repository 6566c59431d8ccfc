"""Whose a number is, and how somebody gets his account back by it. Pure.

A number proves little. Operators give numbers of former customers to new ones; a thief has the SIM replaced in his
victim's name, or reads a code off a locked screen. So a number alone never has an account at once:

- a number is one account's at a time, an account has one number. Who binds another one has given the former up;
- what is given up is good for signing in for NUMBER_LEAVES_MS yet: a thief with the phone alone would take its owner's
  way back away with one word. A code that came to that number just now ends it at once, and so does a closed account
  and a desk that moves it: two people have seen its owner, and whatever was bound may be the thief's. The account's
  phone has said no to it, so who signs in by it meanwhile waits as long as a number takes to leave;
- a number that is bound to another account comes over NUMBER_LEAVES_MS later, unless the other proves it again
  meanwhile, and his phone is told until then. Who has proven it last is the one it goes to; asking twice gains no time.
  A sign-in by it that comes behind that keeps it with its account for as long as the sign-in is good;
- by the number somebody gets the account only in two steps. The first, with a code, notes the new phone's key, and
  moves nothing; the second, RECOVERY_WAIT_MS later at the earliest, needs another code and the same key. So who takes
  a number over has to keep it for that long, while its owner has no network and asks his operator why;
- whose phone has ridden meanwhile still has it, as far as anybody can tell: then nothing moves, and a desk decides. So
  a thief who rides on with a stolen phone keeps its owner from coming back by a number, and not from a desk;
- meanwhile the old phone is told whenever it asks, and gives the number up with one request: that ends what waits. So
  does whatever moves or closes the account. Another key begins the waiting anew; one that waited and did not come
  back for RECOVERY_GOOD_MS is forgotten. A key that waits for one account gets nothing of another;
- behind a sign-in the number that it came by stays the account's, whoever has proven it meanwhile. Others are given up;
- what moves is the credential, as ever (`moving`): the old version is denied, money stays where it is. Who is denied
  for debt gets nothing by a number either.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.core import limits
from backend.core.errors import NotFound, Refused


@dataclass(frozen=True, slots=True)
class Bound:
    """One number: whose it is since when, and whose it will be, None where nobody else has proven it.

    `until_ms`: its account has given it up, and has it until then; no other gets it later than that.
    """

    credential_id: bytes
    since_ms: int
    next_id: bytes | None = None
    next_ms: int | None = None
    until_ms: int | None = None

    def on(self, now_ms: int) -> "Bound | None":
        """As it stands by then; None: it is nobody's."""
        if self.next_id is not None and self.next_ms is not None and now_ms >= self.next_ms:
            return Bound(self.next_id, self.next_ms)
        return None if self.until_ms is not None and now_ms >= self.until_ms else self

    def proven_by(self, credential_id: bytes, now_ms: int) -> "Bound":
        """With this account's proof of just now; the caller has asked `on` first."""
        if credential_id == self.credential_id:
            return Bound(self.credential_id, self.since_ms)
        if credential_id == self.next_id:
            return self
        comes_ms = now_ms + limits.NUMBER_LEAVES_MS
        comes_ms = comes_ms if self.until_ms is None else min(comes_ms, self.until_ms)
        return replace(self, next_id=credential_id, next_ms=comes_ms)

    def without(self, credential_id: bytes, now_ms: int) -> "Bound | None":
        """With this account's part taken away at once; None: it is nobody's."""
        if credential_id == self.next_id:
            return replace(self, next_id=None, next_ms=None)
        if credential_id != self.credential_id:
            return self
        return None if self.next_id is None else Bound(self.next_id, now_ms)

    def given_up_by(self, credential_id: bytes, now_ms: int) -> "Bound":
        """With this account's part given up: what it has leaves later, what it would have had is forgone at once."""
        if credential_id == self.next_id:
            return replace(self, next_id=None, next_ms=None)
        if credential_id != self.credential_id:
            return self
        until_ms = max(now_ms + limits.NUMBER_LEAVES_MS, self.next_ms or 0)
        return replace(self, until_ms=until_ms if self.until_ms is None else min(until_ms, self.until_ms))

    def kept_until(self, ms: int) -> "Bound":
        """It leaves its account no earlier than this."""
        return replace(
            self, next_ms=None if self.next_ms is None else max(self.next_ms, ms),
            until_ms=None if self.until_ms is None else max(self.until_ms, ms),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recovery:
    """Somebody with the number wants the account on a phone with this key, from `due_ms` on. Unix milliseconds."""

    credential_id: bytes
    public_key: bytes
    asked_ms: int
    due_ms: int

    def is_lapsed(self, now_ms: int) -> bool:
        """Whether nobody came back for it."""
        return now_ms >= self.due_ms + limits.RECOVERY_GOOD_MS

    def waits(self, now_ms: int) -> bool:
        """Whether it is too early."""
        return now_ms < self.due_ms


def recovery(held: Bound, public_key: bytes, now_ms: int, before: Recovery | None) -> Recovery:
    """What waits when somebody asks with this key, by a number that stands so: the one `before` where it is good."""
    if before is not None and before.public_key == public_key and not before.is_lapsed(now_ms):
        return before
    wait_ms = limits.RECOVERY_WAIT_MS if held.until_ms is None else limits.NUMBER_LEAVES_MS
    return Recovery(held.credential_id, public_key, now_ms, now_ms + wait_ms)


def kept_for(held: Bound, waits: Recovery) -> Bound:
    """The number, which does not leave while somebody waits by it."""
    return held.kept_until(waits.due_ms + limits.RECOVERY_GOOD_MS)


@dataclass(frozen=True, slots=True)
class PhoneState:
    """What an account's own phone is told. Times in Unix milliseconds, None where it is not so.

    `since_ms`: bound since; `from_ms`: proven, and another account's until then; `leaves_ms`: another account has
    proven it, and has it from then on; `given_up_ms`: one that was given up is good for signing in until then;
    `recovery`: somebody with the number wants the account.
    """

    since_ms: int | None = None
    from_ms: int | None = None
    leaves_ms: int | None = None
    given_up_ms: int | None = None
    recovery: Recovery | None = None


def state_of(credential_id: bytes, bound: Sequence[Bound], waits: Recovery | None, now_ms: int) -> PhoneState:
    """How an account stands to numbers. `bound`: as they are kept."""
    now = [it for kept in bound if (it := kept.on(now_ms)) is not None]
    has = [it for it in now if it.credential_id == credential_id]
    stays = next((it for it in has if it.until_ms is None), None)
    live = None if waits is None or waits.is_lapsed(now_ms) or not has else waits
    return PhoneState(
        since_ms=None if stays is None else stays.since_ms,
        from_ms=next((it.next_ms for it in now if it.next_id == credential_id), None),
        leaves_ms=None if stays is None else stays.next_ms,
        given_up_ms=max((it.next_ms or it.until_ms for it in has if it.until_ms is not None), default=None),
        recovery=live,
    )  # fmt: skip


def require_unused(waits: Recovery, newest_ride_ms: int | None) -> None:
    """Return where no boarding of the account's is known since somebody asked for it. Raises Refused."""
    if newest_ride_ms is not None and newest_ride_ms >= waits.asked_ms:
        raise Refused(
            "the account's phone has ridden since this was asked for", fix="come to a service desk: two people move it",
            rider_fa="با گوشی این حساب در این میان سوار شده‌اند؛ به باجهٔ خدمات بیایید",
            rider_en="The account's own phone has ridden meanwhile: come to a service desk",
        )  # fmt: skip


def nobodys() -> NotFound:
    """What is said to who has proven a number that no account has."""
    return NotFound(
        "no account has this number", fix="register as a new rider, or ask at a service desk",
        rider_fa="هیچ حسابی با این شماره نیست؛ ثبت‌نام کنید یا به باجهٔ خدمات بیایید",
        rider_en="No account has this number: register, or come to a service desk",
    )  # fmt: skip


def stopped() -> Refused:
    """What is said where the waiting was ended between two looks."""
    return Refused(
        "this was stopped from the account's phone, or the account moved meanwhile", fix="ask at a service desk",
        rider_fa="این درخواست از گوشی صاحب حساب لغو شد؛ به باجهٔ خدمات بیایید",
        rider_en="This was stopped from the account's own phone: come to a service desk",
    )  # fmt: skip


def waits_elsewhere() -> Refused:
    """What is said to a key that waits for another account: the number has gone on to somebody else meanwhile."""
    return Refused(
        "this phone waits for another account than the number is of by now", fix="come to a service desk",
        rider_fa="این شماره اکنون مال حساب دیگری است؛ به باجهٔ خدمات بیایید",
        rider_en="The number is another account's by now: come to a service desk",
    )  # fmt: skip


def key_waits() -> Refused:
    """What is said to a key that would register anew, and with that give up the account that it waits for."""
    return Refused(
        "this phone waits for an account that was asked for by a telephone number",
        fix="wait until it can be had; who wants a new account makes a new key",
        rider_fa="این گوشی در انتظار حساب پیشین شماست؛ تا پایان زمان صبر کنید یا به باجهٔ خدمات بیایید",
        rider_en="This phone waits for your account: wait until it can be had, or come to a service desk",
    )  # fmt: skip
