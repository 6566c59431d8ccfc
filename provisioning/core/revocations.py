"""Who was revoked, since when, by whom and why: the office's own record, from which every list is made.

Rules:
- a device that is revoked stays so: its keys were in other hands, and no signature tells theirs from its own. Its door
  is enrolled anew under another name, with all that enrolling asks for;
- nothing is taken out of the record, and a device is in it once.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from provisioning.core.errors import BadSetting


class Reason(Enum):
    """Why; the value is what people type and read."""

    STOLEN = "stolen"
    LOST = "lost"
    CLONED = "cloned"
    OPENED = "opened"  # tampered with: its keys may have been read
    REPLACED = "replaced"  # after its journal was recovered


@dataclass(frozen=True, slots=True)
class Revoked:
    """One device. `serials` of its certificates as far as they are known; `at_ms` in Unix milliseconds."""

    device: str
    serials: tuple[int, ...]
    reason: Reason
    by: str
    at_ms: int


def read_revoked(text: str) -> list[Revoked]:
    """The record from its file. Raises BadSetting."""
    try:
        return [
            Revoked(it["device"], tuple(int(n, 16) for n in it["serials"]), Reason(it["reason"]), it["by"], it["at_ms"])
            for it in json.loads(text)["revoked"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise BadSetting(
            f"the record of revoked devices is damaged: {error}", fix="restore it from the backup"
        ) from error


def revoked_text(record: Iterable[Revoked]) -> str:
    """The record as its file has it."""
    rows = [
        {"device": it.device, "serials": [f"{n:x}" for n in it.serials], "reason": it.reason.value, "by": it.by,
         "at_ms": it.at_ms} for it in record
    ]  # fmt: skip
    return json.dumps({"revoked": rows}, indent=1) + "\n"


def with_revoked(record: Sequence[Revoked], new: Revoked) -> list[Revoked]:
    """The record with one more. Who is in it stays as it was first told; serials that are known since are added."""
    for at, it in enumerate(record):
        if it.device == new.device:
            serials = tuple(dict.fromkeys((*it.serials, *new.serials)))
            return [*record[:at], replace(it, serials=serials), *record[at + 1 :]]
    return [*record, new]
