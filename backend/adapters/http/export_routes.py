"""A rider's own data, all of it, in one document that is written as it is read."""

import json
from collections.abc import Iterator
from itertools import chain

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from backend.adapters.http.access import Having, ThisRider
from backend.adapters.http.export_models import FORMAT, ExportBody
from backend.adapters.http.problems import documented
from backend.core.exporting.ports import Piece
from backend.core.exporting.sections import SECTIONS

router = APIRouter(prefix="/v1/riders", tags=["riders"])


@router.get(
    "/{rider_id}/export",  # noqa: FAST003 - ThisRider takes it
    summary="Everything that is held about the rider",
    response_model=ExportBody,
    responses=documented(401, 403, 422, 503),
)
def export(having: Having, rider: ThisRider) -> StreamingResponse:
    """One JSON document: account, credentials, money with its reasons, rides, disputes, concessions, guardians.

    It is for the rider's own token: it names guardians, wards and keys, which a guardian's token does not open. It
    takes one reading a page and holds nothing between two, so it is not of one moment; `complete` stands at its end.
    """
    pieces = having.exports.of(rider.credential_id)
    first = next(pieces)  # a ledger that does not answer is told as such while there is a status to tell it by
    head = {
        "format": FORMAT, "credential_id": rider.credential_id.hex(), "taken_ms": having.clock(),
        "sections": {it.name: {"fa": it.fa, "en": it.en} for it in SECTIONS},
    }  # fmt: skip
    return StreamingResponse(
        document(head, chain([first], pieces)),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="savar-export.json"', "Cache-Control": "no-store"},
    )


def document(head: dict[str, object], pieces: Iterator[Piece]) -> Iterator[bytes]:
    """The document's text, piece by piece. It ends with `complete`, so one that was cut off is not taken for whole."""
    yield _text(head)[:-1]
    section, empty = "", True
    for piece in pieces:
        rows = b",".join(map(_text, piece.rows))
        if piece.section != section:
            yield b"%s,%s:[" % (b"]" if section else b"", _text(piece.section))
            section, empty = piece.section, True
        if rows:
            yield rows if empty else b"," + rows
            empty = False
    yield b'],"complete":true}'


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
