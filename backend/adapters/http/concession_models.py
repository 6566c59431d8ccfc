"""Bodies about concessions: the class that a rider holds, and until when."""

from pydantic import Field

from backend.adapters.http.days import written
from backend.adapters.http.models import Model
from backend.core.concessions.grant import ADULT, Grant
from backend.core.concessions.words import notice
from backend.core.explaining.terms import RIDER_CLASSES
from backend.core.ports import Rider
from protocol.wire.passes import read_issued


class ClassBody(Model):
    """The class that was granted last. It may be over: then the credential is an adult's."""

    rider_class: int
    fa: str
    en: str
    until: str | None = Field(description="Its last day, Jalali, 1406-06-31; null where it has no end.")
    holds: bool
    notice_fa: str | None = Field(description="What to do, where it ends within 60 days or has ended.")
    notice_en: str | None


class RenewedBody(Model):
    """The credential to render passes from, as it is due today."""

    credential_id: str
    credential: str
    expires: str = Field(description="Its last day, Jalali, 1406-06-31.")
    concession: ClassBody | None = Field(description="Null for an adult without one.")


def renewed(rider: Rider, today: int) -> RenewedBody:
    """A rider's credential, and what he is told of his class."""
    it = read_issued(rider.credential)
    return RenewedBody(
        credential_id=it.credential_id.hex(), credential=rider.credential.hex(), expires=written(it.expiry_day),
        concession=class_held(rider.grant, today),
    )  # fmt: skip


def class_held(grant: Grant, today: int) -> ClassBody | None:
    """The class that was granted last; None for an adult's."""
    if grant.rider_class == ADULT.rider_class:
        return None
    fa, en = RIDER_CLASSES[grant.rider_class]
    notice_fa, notice_en = notice(grant, today) or (None, None)
    return ClassBody(
        rider_class=grant.rider_class, fa=fa, en=en, holds=grant.holds_on(today), notice_fa=notice_fa,
        notice_en=notice_en, until=None if grant.until_day is None else written(grant.until_day),
    )  # fmt: skip
