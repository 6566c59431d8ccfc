"""docs/PROTOCOL.md says what the code does: fields in order, codes, purposes, errors, channels, limits."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from edge.core.limits import FORMS_JOINED_MS, GRANT_LIVE_MS
from protocol import errors, limits
from protocol.errors import SavarError
from protocol.fares.policies import Cause, GraceKind
from protocol.fares.tariff import Product, RiderClass
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.wire import (
    assignments,
    authority,
    batches,
    bundles,
    cbor,
    driver_records,
    enrolments,
    health,
    manifests,
    policies,
    receipts,
    records,
    releases,
    renewals,
    sister,
    staff,
    tariffs,
    timetable,
)
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause, ShiftStep
from protocol.wire.health import CameraState, RunCause
from protocol.wire.keys import Purpose
from protocol.wire.tickets import TicketForm
from protocol.wire.topics import DOWN, FROM_OFFICE, TO_ALL, TO_OFFICE, UP

PAGE = (Path(__file__).parents[2] / "docs" / "PROTOCOL.md").read_text(encoding="utf-8")
STRUCTURES = {
    "Record": records._RECORD,
    "Opening": records._OPENING,
    "Day key": records._DAY_KEY,
    "Tap": records._TAP,
    "Shift": driver_records.SHIFT,
    "Annulment": driver_records.ANNULMENT,
    "Event": driver_records.EVENT,
    "Batch": batches._FIELDS,
    "Receipt": receipts._FIELDS,
    "Sister": sister._FIELDS,
    "Health": health._HEALTH,
    "State": health._STATE,
    "Manifest": manifests._FIELDS,
    "Statement": authority._FIELDS,
    "Chunk of keys": bundles._KEYS_CHUNK,
    "Chunk of the tariff": tariffs._TARIFF,
    "Chunk of policies": policies._POLICIES,
    "Chunk of the deny list": bundles._DENY_CHUNK,
    "Chunk of the timetable": timetable._CHUNK,
    "Chunk of the staff": staff._FIELDS,
    "Request": enrolments._REQUEST,
    "Answer": enrolments._ANSWER,
    "Answer file": enrolments._FILE,
    "Renewal": renewals._RENEWAL,
    "Renewed": renewals._RENEWED,
    "Assignment": assignments._ASSIGNMENT,
    "Releases: metadata": releases._METADATA,
    "Releases: one release": releases._RELEASE,
    "Releases: stages": releases._STAGES,
}


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^###? {re.escape(title)}\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"PROTOCOL.md has no section {title}"
    return found[1]


def inner_names(fields: cbor.Fields) -> list[str]:
    """Names of fields with those inside them, by asking each check what it misses."""
    found = []
    for name, check in fields:
        found += [name, *_names_inside(check)]
    return found


def _names_inside(check: cbor.Check) -> list[str]:
    for cell in check.__closure__ or ():
        content = cell.cell_contents
        if isinstance(content, tuple) and content and isinstance(content[0], tuple):
            return inner_names(content)
        if callable(content):
            return _names_inside(content)
    return []


@pytest.mark.parametrize("title", STRUCTURES)
def test_fields_are_told_in_their_order(title: str) -> None:
    rows = re.findall(r"^\| \d+ \| (.*) \|$", section(title), re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == inner_names(STRUCTURES[title])


def test_numbers_of_the_rows_are_positions() -> None:
    for title, fields in STRUCTURES.items():
        start = 0 if fields[0][0] == "kind" else 1  # behind the version, where there is one
        numbers = re.findall(r"^\| (\d+) \|", section(title), re.MULTILINE)
        assert numbers == [str(start + position) for position in range(len(fields))], title


def test_inner_fields_are_found() -> None:
    """The test above would be blind if it did not see rows inside rows."""
    assert {"lat_e6", "deny"} <= set(inner_names(records._TAP))
    assert {"kind", "chunks", "digest"} <= set(inner_names(manifests._FIELDS))
    assert {"rider_class", "permille"} <= set(inner_names(tariffs._TARIFF))


@pytest.mark.parametrize(
    ("title", "codes"),
    [
        ("verdict", Verdict), ("reason", Reason), ("clock quality", records.ClockQuality), ("doubt", records.Doubt), ("code kind", records.CodeKind),
        ("shift step", ShiftStep), ("annul reason", AnnulReason), ("event kind", EventKind), ("free cause", FreeCause), ("cause", Cause), ("grace kind", GraceKind),
        ("camera state", CameraState), ("run cause", RunCause), ("rider class", RiderClass), ("product", Product), ("ticket form", TicketForm),
    ],
)  # fmt: skip
def test_codes_are_told(title: str, codes: type[IntEnum]) -> None:
    table = re.search(rf"^\| {title} \|.*?\n\n", PAGE + "\n", re.DOTALL | re.MULTILINE)
    assert table
    told = {int(number): name for number, name in re.findall(r"^\| (\d+) \| (\w+) ", table[0], re.MULTILINE)}
    assert told == {int(code): code.name for code in codes}


def test_kinds_of_record_are_told() -> None:
    told = re.findall(r"^\| (\d) (\w+) \|", section("Record"), re.MULTILINE)
    assert told == [(str(int(kind)), kind.name) for kind in records.RecordKind]


def test_what_a_verdict_counts_is_told() -> None:
    for verdict, row in TABLE.items():
        words = ["yes" if said else "no" for said in (row.boards, row.charged)]
        assert f"| {int(verdict)} | {verdict.name} | {words[0]} | {words[1]} |" in PAGE


def test_every_error_is_told_in_its_family() -> None:
    _, peer, proof = re.split(r"^(?:Peer|Proof): ", section("Errors"), flags=re.MULTILINE)
    for name, kind in vars(errors).items():
        if not (isinstance(kind, type) and issubclass(kind, SavarError)):
            continue
        if kind in (errors.SavarError, errors.WireError, errors.ProofError):
            assert f"`{name}`" in proof
        else:
            assert f"| `{name}` |" in (peer if issubclass(kind, errors.WireError) else proof), name


def test_purposes_and_channels_are_told() -> None:
    for purpose in Purpose:
        assert f"| {purpose.name} | `{purpose.value.decode()}` |" in PAGE
    told = re.findall(r"^\| `(\w+)` \| (device|backend|office) \|", section("Topics"), re.MULTILINE)
    assert told == [
        *((channel.value, "device") for channel in UP),
        *((channel.value, "backend") for channel in DOWN + TO_ALL),
        *((channel.value, "device") for channel in TO_OFFICE),
        *((channel.value, "office") for channel in FROM_OFFICE),
    ]


@pytest.mark.parametrize(
    "told",
    [
        f"{limits.CODE_TEXT_MAX_CHARS:,} characters", f"| record | {limits.RECORD_MAX_BYTES:,} bytes",
        f"1 MiB, {limits.BATCH_DRAIN_RECORDS:,} records", f"1 MiB, {limits.RIDER_CHUNK_ROWS_MAX:,} rows", f"{limits.BUNDLE_DENY_MAX:,} denied, {limits.BUNDLE_KEYS_MAX} keys",
        f"| chunk | {limits.CHUNK_MAX_BYTES >> 20} MiB |", f"| manifest | {limits.MANIFEST_MAX_BYTES >> 10} KiB, {limits.MANIFEST_SECTIONS_MAX} sections |",
        f"chunks of at most {limits.DENY_CHUNK_ENTRIES:,} entries", f"{limits.DENY_CHUNK_ENTRIES_MAX:,} a chunk, {limits.BUNDLE_DENY_MAX:,} in all",
        f"| CBOR depth | {limits.CBOR_MAX_DEPTH} |", f"{limits.NAME_MAX_CHARS} characters, {limits.TEXT_MAX_CHARS} code points",
        f"1 MiB + 320 KiB, {limits.SISTER_BOARDINGS_MAX:,} boardings", f"{limits.FLAT_FARE_MAX_RIALS:,} rials", f"| party | {limits.PARTY_MAX} |", f"{limits.REPEAT_WINDOW_MAX_S:,} s",
        f"within ± w of now, w = {limits.FRESH_WINDOW_S} s + `clock_uncertainty_s`, at most {limits.FRESH_WINDOW_MAX_S} s",
        f"a new render every {limits.RENDER_PERIOD_S} s",
        f"each for {limits.FORM_PERIOD_S} s: short and long by turns", f"Held for {limits.LONG_FORM_WAIT_S} s without it",
        f"within the {limits.RENDER_PERIOD_S} s that a render lives", f"seen in the last {FORMS_JOINED_MS // 1000} s",
        f"{limits.STAFF_MAX:,} drivers", f"PIN of {limits.PIN_MIN_DIGITS} to {limits.PIN_MAX_DIGITS} digits, N = {limits.PIN_SCRYPT_N:,}, r = {limits.PIN_SCRYPT_R}",
        f"units of {limits.ALLOWANCE_UNIT_RIALS:,} rials",
        f"good for {limits.GRANT_S} s, from {limits.FRESH_WINDOW_S} s before `time_s`", f"makes a new one every {limits.VEHICLE_CODE_PERIOD_S} s, and none", f"or {GRANT_LIVE_MS // 1000} s behind its vehicle code", f"160 to {limits.GRANT_MAX_BYTES} bytes",
        f"asked about for {limits.VEHICLE_CODE_MAX_AGE_S} s, and", f"at most {limits.VEHICLE_URL_MAX_CHARS} characters",
        f"CODE is {limits.CLAIM_CODE_CHARS} letters of", f"first {limits.CLAIM_ROOT_DIGITS} hex digits", f"first {limits.CLAIM_CHECK_DIGITS} of the SHA-256",
        f"first {limits.FINGERPRINT_DIGITS} hex digits", f"from {limits.RENEWAL_WINDOW_DAYS} days before its end",
        f"| request, answer, answer file | {limits.ENROLMENT_MAX_BYTES >> 10} KiB, {limits.ANSWER_MAX_BYTES >> 20} MiB, {limits.ANSWER_FILE_MAX_BYTES >> 20} MiB |",
        f"| renewal, renewed | {limits.RENEWAL_MAX_BYTES >> 10} KiB |", f"| assignment | {limits.ASSIGNMENT_MAX_BYTES >> 10} KiB |",
        f"[bytes ≤ {limits.ROLE_MAX_BYTES >> 10} KiB] ≤ {limits.ROOTS_MAX} |", f"{limits.RELEASE_MAX_BYTES >> 20} MiB at most in all",
        f"]] ≤ {limits.RELEASE_FILES_MAX} |", f"[name] ≤ {limits.STAGE_FIRST_MAX}]] ≤ {limits.RELEASES_MAX} |", f"[uint 32] ≤ {limits.HALTED_MAX} |",
    ],
)  # fmt: skip
def test_limits_are_told(told: str) -> None:
    assert told in re.sub(r"\s+", " ", PAGE)
