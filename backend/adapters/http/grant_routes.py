"""Routes of the other direction: what a vehicle code is, and a grant for whoever has scanned one.

A code is in no path: it says bus and time, and logs of what stands before the backend keep paths with addresses (P18).
"""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from backend.adapters.http.access import Having, ThisRider, open_to_all
from backend.adapters.http.models import Model
from backend.adapters.http.problems import documented
from backend.core.grants import no_bus_of_ours
from protocol import limits
from protocol.errors import WireError
from protocol.wire.codes import write_code
from protocol.wire.vehicle_codes import read_vehicle_url

router = APIRouter(prefix="/v1", tags=["riders"])
_WRITTEN = rf"^[A-Za-z0-9_-]{{1,{limits.VEHICLE_URL_MAX_CHARS}}}$"
Written = Annotated[str, Field(pattern=_WRITTEN, description="What stands behind `#` in the code's address.")]


class Scanned(Model):
    """A vehicle code that was scanned."""

    code: Written


class SeenVehicleBody(Model):
    """What a bus's code tells."""

    vehicle: str
    door: int
    line: str | None = Field(description="None while nobody has said which line it is.")
    fare_rials: int = Field(description="What an adult pays alone, at most; a concession pays less.")
    party_max: int = Field(description="Companions that one request may name.")
    good_for_ms: int = Field(description="Milliseconds until the code is too old to be confirmed.")


class GrantRequest(Model):
    """A vehicle code that was scanned, and what the rider's phone has signed over it."""

    code: Written
    request: str = Field(
        pattern="^([0-9a-f]{2}){88,119}$", description="The signed boarding request, hex; purpose BOARDING."
    )


class GrantBody(Model):
    """A grant: the bus is told of it, and takes it from the phone's screen as well."""

    code: str = Field(description="The text of its QR, for a bus without a network.")
    most_rials: int = Field(description="What is set aside; the boarding costs no more.")
    good_until_ms: int


@router.post(
    "/vehicle-codes",
    dependencies=[Depends(open_to_all)],
    summary="What a scanned bus is, and what it costs",
    responses=documented(400, 409, 413, 422, 503),
)
def vehicle_code(having: Having, body: Scanned) -> SeenVehicleBody:
    """Of a code that a door of the city shows now; a photograph or a sticker is refused, in the rider's words."""
    found = having.grants.seen(_bytes(body.code))
    return SeenVehicleBody(
        vehicle=found.vehicle, door=found.door, line=found.line, fare_rials=found.fare_rials,
        party_max=limits.PARTY_MAX, good_for_ms=found.good_for_ms,
    )  # fmt: skip


@router.post(
    "/riders/{rider_id}/grants",  # noqa: FAST003 - ThisRider takes it
    summary="Board the bus that was scanned",
    status_code=201,
    responses=documented(400, 401, 403, 409, 413, 422, 503),
)
def grant(having: Having, rider: ThisRider, body: GrantRequest) -> GrantBody:
    """The fare is set aside for ten minutes, and the bus is told; its record charges it. Safe to repeat."""
    made = having.grants.grant(rider, _bytes(body.code), bytes.fromhex(body.request))
    return GrantBody(code=write_code(made.grant), most_rials=made.most_rials, good_until_ms=made.good_until_ms)


def _bytes(written: str) -> bytes:
    """A code's bytes. Raises Refused."""
    try:
        return read_vehicle_url(written)
    except WireError as error:
        raise no_bus_of_ours() from error
