"""The document of an export, for who reads it by a program: a list for each section, made from its columns."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, create_model

from backend.adapters.http.models import Model
from backend.core.exporting.columns import Column, Told
from backend.core.exporting.sections import BALANCES, RIDE_COLUMNS, SECTIONS, Section

FORMAT = "savar-export-1"


class PaperBody(Model):
    """A paper that was named at an application; no copy of one is kept."""

    paper: str
    issuer: str
    reference: str


class EntryBody(Model):
    """One line of a rider's own accounts, and why it is there, in Persian and English."""

    account: Literal["wallet", "reserved", "debt", "owed"]
    rials: int = Field(description="Above 0: in; below: out.")
    kind: str
    fa: str
    en: str
    at_ms: int


class NamedBody(Model):
    """What a section is called."""

    fa: str
    en: str


_TYPES: Mapping[Told, Any] = {
    Told.NUMBER: int, Told.TEXT: str, Told.FLAG: bool, Told.HEX: str, Told.JOURNAL: str, Told.PAPERS: list[PaperBody],
}  # fmt: skip


def _model(name: str, means: str, columns: Sequence[Column], **more: Any) -> type[Model]:
    fields: dict[str, Any] = {
        it.name: (_TYPES[it.told] | None if it.nullable else _TYPES[it.told], Field(description=it.means))
        for it in columns
    }
    return create_model(name, __base__=Model, __doc__=means, **fields, **more)


def _of(section: Section) -> type[Model]:
    name = f"Exported{section.name.title().replace('_', '')}Body"
    columns = (*section.columns, *(RIDE_COLUMNS if section.name == "rides" else ()))
    posted: dict[str, Any] = {"entries": (list[EntryBody], Field(description="What was posted for it."))}
    return _model(name, f"{section.en}.", columns, **(posted if section.posts else {}))


_LISTS: dict[str, Any] = {it.name: (list[_of(it)], Field(description=f"{it.en}.")) for it in SECTIONS}  # type: ignore[misc]
_BALANCE = _model("ExportedBalancesBody", "One of the rider's accounts.", BALANCES)


class HeadBody(Model):
    """What stands around the lists."""

    format: Literal["savar-export-1"]
    credential_id: str
    taken_ms: int = Field(description="When it was begun; what came meanwhile may be in it or not.")
    sections: dict[str, NamedBody] = Field(description="What each list is called.")
    complete: Literal[True] = Field(description="The last field: without it the document was cut off.")


ExportBody = create_model(
    "ExportBody",
    __base__=HeadBody,
    __doc__="Everything that the backend holds of one rider.",
    **_LISTS,
    balances=(list[_BALANCE], Field(description="The rider's accounts, and what of each stands above.")),  # type: ignore[valid-type]
)
