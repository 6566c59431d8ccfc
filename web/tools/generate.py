"""What the pages know of the rest, generated: `python web/tools/generate.py FOLDER`, called by `make web`.

    tables.ts        verdicts with lamps, tones and words, hints, limits, the drivers' errors: from protocol/ and edge/
    onboard.json     the on-board API's OpenAPI document, from which openapi-typescript makes the types
    office.json      the backend's, likewise, for the office's pages

Nothing of it is committed and no rule is written a second time: a page that needs another table gets it here.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any

import backend.core.limits
import backend.core.staff.errors
import edge.core.errors
import edge.core.limits
from backend.adapters.http.app import make_api as make_office_api
from backend.core.concessions.grant import ADULT
from backend.core.concessions.words import PAPERS
from backend.core.disputes.words import REASONS
from backend.core.errors import RequestError
from backend.core.explaining.terms import RIDER_CLASSES
from edge.adapters.onboard_http import make_api
from edge.core.desk import REPORTS
from edge.core.errors import DriverError, LocalError
from protocol import limits
from protocol.errors import SavarError
from protocol.fares.hints import HINTS
from protocol.fares.tones import GAP_MS, TUNES
from protocol.fares.verdicts import BY_REASON, TABLE, Lamp, Row
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause
from protocol.wire.keys import Purpose
from transport.http_answers import words_of

_CONTRACT = (
    "PARTY_MAX", "PIN_MIN_DIGITS", "PIN_MAX_DIGITS", "LOCAL_OFFSET_S", "DAY_S", "CODE_PREFIX", "CODE_TEXT_MAX_CHARS",
    "LONG_PASS_BYTES", "SHORT_PASS_BYTES", "RENDER_PERIOD_S", "FORM_PERIOD_S", "FORMS_UNTIL_LONG", "FRESH_WINDOW_S",
    "PUBLIC_KEY_BYTES", "SIGNATURE_BYTES", "CHALLENGE_BYTES", "ALLOWANCE_UNIT_RIALS",
    "TIME_NONCE_BYTES", "VEHICLE_URL_MAX_CHARS", "NAME_MAX_CHARS", "NONCE_BYTES", "CREDENTIAL_ID_BYTES", "RIALS_MAX",
)  # fmt: skip
_TERMINAL = ("MOVING_KMH_MAX", "ANNULS_A_DAY_MAX", "SHOWN_LAST", "TERMINAL_BEAT_S")
_OFFICE = (
    "CREDENTIAL_LEFT_DAYS", "TOPUP_MIN_RIALS", "TOPUP_MAX_RIALS", "PHONE_CODE_DIGITS", "PHONE_CODE_MS",
    "WORDS_MAX_CHARS", "ISSUER_MAX_CHARS", "REFERENCE_MAX_CHARS", "CLOSING_HOLD_DAYS",
)  # fmt: skip
_OF_A_DOOR = ("JournalFull", "JournalFailed", "SignerFailed", "DoorUnreached")


def tables() -> dict[str, Any]:
    """Everything the pages take from Python, as plain data."""
    verdicts = {int(verdict): {"name": verdict.name, **_row(row)} for verdict, row in TABLE.items()}
    by_reason = {
        f"{int(verdict)}/{int(reason)}": {"name": verdict.name, **_row(row)}
        for (verdict, reason), row in BY_REASON.items()
    }
    hints = {hint.value: {"fa": row.rider_fa, "en": row.rider_en} for hint, row in HINTS.items()}
    numbers = {name: getattr(limits, name) for name in _CONTRACT}
    numbers |= {name: getattr(edge.core.limits, name) for name in _TERMINAL}
    numbers |= {name: getattr(backend.core.limits, name) for name in _OFFICE}
    return {
        "VERDICTS": verdicts, "BY_REASON": by_reason, "HINTS": hints, "LIMITS": numbers, "ERRORS": errors(),
        "OFFICE_ERRORS": office_errors(), "DISPUTE_REASONS": _both(REASONS),
        "PAPERS": _both(PAPERS), "CONCESSIONS": _asked_for(),
        "PURPOSES": {it.name: it.value.decode() for it in Purpose},
        "LAMPS": [lamp.value for lamp in Lamp],
        "TUNES": {tone.value: [[int(note.pitch), note.ms] for note in tune] for tone, tune in TUNES.items()},
        "NOTE_GAP_MS": GAP_MS, "FREE_CAUSES": _codes(FreeCause), "ANNUL_REASONS": _codes(AnnulReason),
        "REPORTS": _codes([kind for kind in EventKind if kind in REPORTS]),
    }  # fmt: skip


def _row(row: Row) -> dict[str, Any]:
    return {
        "lamp": row.lamp.value, "tone": row.tone.value, "boards": row.boards, "charged": row.charged,
        "rider": {"fa": row.rider_fa, "en": row.rider_en}, "driver": {"fa": row.driver_fa, "en": row.driver_en},
    }  # fmt: skip


def _both(table: Mapping[Any, tuple[str, str]]) -> dict[str, dict[str, str]]:
    """A short list that the backend takes, with its own words."""
    return {it.value: {"fa": fa, "en": en} for it, (fa, en) in table.items()}


def _asked_for() -> dict[str, dict[str, str]]:
    """The reduced classes that a rider may ask for, by number, in the backend's words."""
    return {str(it): {"fa": fa, "en": en} for it, (fa, en) in RIDER_CLASSES.items() if it != ADULT.rider_class}


def _codes(codes: Iterable[IntEnum]) -> dict[str, int]:
    """Name → the contract's number, which travels."""
    return {code.name: int(code) for code in codes}


def errors() -> list[str]:
    """Names of what the API may answer a driver with: each needs words."""
    named = vars(edge.core.errors).values()
    ours = [it for it in named if isinstance(it, type) and issubclass(it, SavarError)]
    of_a_driver = [it.__name__ for it in ours if issubclass(it, DriverError) and it is not DriverError]
    return sorted(
        [*of_a_driver, *(it.__name__ for it in ours if it.__name__ in _OF_A_DOOR and issubclass(it, LocalError))]
    )


def office_errors() -> list[str]:
    """What the office's people may be told by a problem's type: each needs words."""
    named = vars(backend.core.staff.errors).values()
    ours = {it for it in named if isinstance(it, type) and issubclass(it, RequestError) and it is not RequestError}
    return sorted(words_of(it.__name__).replace(" ", "-") for it in ours)


def main(folder: Path) -> None:
    """Write the files."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["// Generated by web/tools/generate.py from protocol/ and edge/: change it there.\n"]
    for name, value in tables().items():
        lines.append(f"export const {name} = {json.dumps(value, ensure_ascii=False, indent=2)} as const;\n")
    (folder / "tables.ts").write_text("\n".join(lines), encoding="utf-8")
    for name, made in (("onboard", make_api()), ("office", make_office_api())):
        document = json.dumps(made.openapi(), ensure_ascii=False, indent=1)
        (folder / f"{name}.json").write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
