"""Routes of settlement: operators and owners join, contracts say whose a vehicle is, days are frozen and shown."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from backend.adapters.http import settlement_models as models
from backend.adapters.http.access import Allowed, Having
from backend.adapters.http.cursors import Limit
from backend.adapters.http.days import DAY, day_of, written
from backend.adapters.http.problems import documented
from backend.adapters.http.services import Services
from backend.core import limits
from backend.core.settlement.api import By
from backend.core.settlement.contracts import Contract
from backend.core.settlement.parties import Party, Role
from backend.core.settlement.ports import Frozen, Titles
from backend.core.settlement.sheet import sheet
from backend.core.settlement.statement import Statement
from backend.core.settlement.telling import Row, joint, parties, told
from backend.core.staff.errors import Unfit
from backend.core.staff.roles import Actor, Right

router = APIRouter(prefix="/v1", tags=["settlement"])
Sees = Annotated[Actor, Depends(Allowed(Right.SEE_SETTLEMENT))]
Settles = Annotated[Actor, Depends(Allowed(Right.SETTLE))]
PartyName = Annotated[str, Path(pattern=models.NAME)]
Vehicle = Annotated[str, Path(pattern=models.NAME, description="As the registry of devices names it.")]
BeforeDay = Annotated[str | None, Query(pattern=DAY, description="`next_before` of the page before.")]
_SEEING = documented(401, 403, 404, 422, 503)
_CHANGING = documented(400, 401, 403, 409, 413, 422, 429, 503)


def service_day(day: Annotated[str, Path(pattern=DAY, description="Jalali, 1405-09-08.")]) -> int:
    """The service day of the path. Raises Unfit for one that no calendar has."""
    return day_of(day)


Day = Annotated[int, Depends(service_day)]


def _by(actor: Actor) -> By:
    return By(actor.name, actor.role.value)


# --- whose it is ------------------------------------------------------------------------------------------------------


@router.get("/parties", summary="Operators and owners", responses=_SEEING)
def all_parties(having: Having, _: Sees) -> models.PartiesBody:
    """All of them, by role and name."""
    return models.PartiesBody(parties=[_party(party, it) for party, it in having.settlements.titles().items()])


@router.put("/parties/{role}/{name}", summary="An operator or owner joins, or is called otherwise", responses=_CHANGING)
def put_party(
    having: Having, actor: Settles, role: models.PartyRole, name: PartyName, body: models.PartyRequest
) -> models.PartyBody:
    """Safe to repeat."""
    party, titles = Party(Role(role), name), Titles(body.title_fa, body.title_en)
    having.settlements.name(party, titles, by=_by(actor))
    return _party(party, titles)


@router.get("/vehicles/{vehicle}/contracts", summary="Whose a vehicle is, and was", responses=_SEEING)
def contracts(having: Having, _: Sees, vehicle: Vehicle) -> list[models.ContractBody]:
    """By their first day; few, for each is signed on paper."""
    return [_contract(it) for it in having.settlements.contracts_of(vehicle)]


@router.put("/vehicles/{vehicle}/contracts/{day}", summary="A vehicle is somebody's from a day on", responses=_CHANGING)
def put_contract(
    having: Having, actor: Settles, vehicle: Vehicle, day: Day, body: models.ContractRequest
) -> models.ContractBody:
    """Operator and owner must have joined. Days that are settled keep theirs. Safe to repeat."""
    if body.owner is None and body.owner_permille:
        raise Unfit("a part for an owner, and no owner", fix="name the owner, or leave its part at 0")
    made = Contract(
        vehicle, day, body.operator, body.owner, body.owner_permille, body.proxies_max_rials, body.tickets_max_rials
    )
    having.settlements.contract(made, by=_by(actor))
    return _contract(made)


# --- statements -------------------------------------------------------------------------------------------------------


@router.get("/settlements", summary="Frozen days, newest first", responses=_SEEING)
def settlements(
    having: Having,
    _: Sees,
    before: BeforeDay = None,
    limit: Limit = limits.PAGE_MAX,
) -> models.FrozenDaysBody:
    """Each with its statement's hash."""
    return frozen_page(having, before, limit)


def frozen_page(having: Services, before: str | None, limit: int) -> models.FrozenDaysBody:
    """A page of frozen days. Raises Unfit."""
    days = having.settlements.frozen()[::-1]
    if before is not None:
        behind = service_day(before)
        days = [it for it in days if it.day < behind]
    page = days[:limit]
    return models.FrozenDaysBody(
        settlements=[_frozen(it) for it in page], next_before=written(page[-1].day) if len(days) > limit else None
    )


@router.post(
    "/settlements/{day}", summary="Freeze a service day that is over", responses=_CHANGING, operation_id="freeze"
)
def freeze(having: Having, actor: Settles, day: Day) -> models.JointBody:
    """Its statement, made and posted; of a day that is frozen already, as it is. Safe to repeat."""
    return _joint(having.settlements.freeze(day, by=_by(actor)))


@router.get("/settlements/{day}", summary="The joint statement of a frozen day", responses=_SEEING)
def settlement(having: Having, _: Sees, day: Day) -> models.JointBody:
    """What each line brought, what each party is owed, what is held: they balance to 0."""
    return _joint(having.settlements.statement(day))


@router.get("/settlements/{day}/parties/{role}/{name}", summary="What one party is told", responses=_SEEING)
def party_statement(
    having: Having, _: Sees, day: Day, role: Literal["operator", "owner", "driver"], name: PartyName
) -> models.PartyStatementBody:
    """Line by line; days before the settled one are adjustments."""
    return of_party(having, day, Party(Role(role), name))


def of_party(having: Services, day: int, party: Party) -> models.PartyStatementBody:
    """What one party is told. Raises NotFound."""
    it = told(having.settlements.statement(day), party)
    return models.PartyStatementBody(
        day=written(day), hash=it.hash.hex(), party=str(it.party), total_rials=it.total_rials,
        rows=[_row(row) for row in it.rows],
    )  # fmt: skip


@router.get(
    "/settlements/{day}/sheet",
    summary="All parties' statements as CSV",
    response_class=Response,
    responses=_SEEING | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def statement_sheet(having: Having, _: Sees, day: Day) -> Response:
    """A line a row of each; the city's is the subsidy claim."""
    statement = having.settlements.statement(day)
    return Response(sheet(told(statement, party) for party in parties(statement)), media_type="text/csv")


def _party(party: Party, titles: Titles) -> models.PartyBody:
    return models.PartyBody.model_validate(
        {"role": party.role.value, "name": party.name, "title_fa": titles.fa, "title_en": titles.en}
    )


def _contract(it: Contract) -> models.ContractBody:
    return models.ContractBody(
        vehicle=it.vehicle, from_day=written(it.from_day), operator=it.operator, owner=it.owner,
        owner_permille=it.owner_permille, proxies_max_rials=it.proxies_max_rials,
        tickets_max_rials=it.tickets_max_rials,
    )  # fmt: skip


def _frozen(it: Frozen) -> models.FrozenBody:
    return models.FrozenBody(day=written(it.day), hash=it.hash.hex(), frozen_ms=it.at_ms)


def _joint(statement: Statement) -> models.JointBody:
    it = joint(statement)
    return models.JointBody(
        day=written(statement.day), hash=statement.hash.hex(), balance=it.balance,
        incomes=[models.SumBody(name=line.value, rials=rials) for line, rials in it.incomes],
        owed=[models.SumBody(name=str(party), rials=rials) for party, rials in it.owed],
        held=[models.SumBody(name=line.value, rials=rials) for line, rials in it.held],
    )  # fmt: skip


def _row(it: Row) -> models.RowBody:
    return models.RowBody(
        ride_day=written(it.of_day), vehicle=it.vehicle, line=it.line.value, payer=it.payer,
        income_rials=it.rials, part_rials=it.part_rials, held_rials=it.held_rials,
    )  # fmt: skip
