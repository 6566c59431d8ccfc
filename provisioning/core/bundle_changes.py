"""What an office changes in a bundle: tariffs, policies, denied credentials, drivers. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from protocol import limits
from protocol.errors import SavarError
from protocol.fares.policies import Policies
from protocol.fares.tariff import Tariff
from protocol.wire.bundles import Bundle
from protocol.wire.staff import StaffRow
from provisioning.core.errors import BadSetting
from provisioning.core.names import unknown_names

Known = Callable[[], Collection[str] | None]  # names there are; None where nobody can tell
_Policies = Callable[[int, Collection[str] | None, Collection[str] | None], Policies]


@dataclass(frozen=True, slots=True)
class Changes:
    """What shall differ; None leaves a value as it is.

    `shares` (class → per mille) are set one by one; `deny` maps a credential id to its highest denied version, and
    `allow` takes credentials off the list. `tariff` makes a whole tariff under a number, `policies` all of them, both
    also given the lines there are (None: no timetable), policies the fleet's vehicles, too; what starts later than now
    waits as the next one. `drivers` come on the staff list or get a new PIN; `drivers_gone` go. `badges` names a
    driver's badge, None takes it away; `both` says who needs badge and PIN.
    """

    flat_fare_rials: int | None = None
    shares: Mapping[int, int] = field(default_factory=dict)
    repeat_window_s: int | None = None
    deny: Mapping[bytes, int] = field(default_factory=dict)
    allow: frozenset[bytes] = frozenset()
    tariff: Callable[[int, Collection[str] | None], Tariff] | None = None
    policies: _Policies | None = None
    drivers: Mapping[str, StaffRow] = field(default_factory=dict)
    drivers_gone: frozenset[str] = frozenset()
    badges: Mapping[str, bytes | None] = field(default_factory=dict)
    both: Mapping[str, bool] = field(default_factory=dict)


def changed(
    before: Bundle, changes: Changes, *, now_ms: int, lines: Known = lambda: None, fleet: Known = lambda: None
) -> Bundle:
    """The bundle with the changes; a changed tariff, deny list or policies get their own next numbers.

    `lines` tells those of the timetable that goes along, None without one, `fleet` the vehicles; asked only where a
    whole file is given, so that what cannot be read keeps no deny list back.

    A next tariff whose time has come takes the place of the one before it, whatever else changes.

    Raises BadSetting when nothing would change or a value is out of range.
    """
    both = set(changes.deny) & changes.allow
    if both:
        raise BadSetting("one credential is denied and allowed", fix="decide", credential=min(both).hex())
    before = _due(before, now_ms)
    tariffs, deny = _tariffs(before, changes, now_ms, lines), _deny(before.deny, changes)
    policies = before.policies
    if changes.policies is not None:
        policies = changes.policies(policies.number + 1, lines(), fleet())
        _require_own_names(before.policies, policies, now_ms)
    staff = _staff(before.staff, changes)
    if (tariffs, deny, staff) == (before.tariffs, before.deny, before.staff) and changes.policies is None:
        raise BadSetting("nothing would change", fix="say what shall differ: `savar bundle make --help`")
    number = before.deny_number + (deny != before.deny)
    following = tariffs[1] if len(tariffs) > 1 else None
    return replace(
        before, tariff=tariffs[0], next_tariff=following, policies=policies, deny=deny, deny_number=number,
        staff=staff, staff_number=before.staff_number + (staff != before.staff),
    )  # fmt: skip


def _due(before: Bundle, now_ms: int) -> Bundle:
    """The bundle with the tariff that holds now."""
    following = before.next_tariff
    if following is None or following.starts_ms > now_ms:
        return before
    return replace(before, tariff=following, next_tariff=None)


def _tariffs(before: Bundle, changes: Changes, now_ms: int, lines: Known) -> tuple[Tariff, ...]:
    """The tariff in force and the one that follows, with the changes. A number that was given out is not used again."""
    version = before.tariffs[-1].version + 1
    edited = _tariff(before.tariff, changes)
    if changes.tariff is not None:
        if edited != before.tariff:
            raise BadSetting("a whole tariff and single changes of one", fix="put the changes into the file")
        made = changes.tariff(version, lines())
        if made.starts_ms > now_ms:
            return before.tariff, made
        return (made,) if before.next_tariff is None else _waiting(before)
    if edited == before.tariff:
        return before.tariffs
    # It starts now: rides of before were under another tariff, and do not meet those to come.
    made = replace(edited, version=version, starts_ms=now_ms)
    return (made,) if before.next_tariff is None else _waiting(before)


def _waiting(before: Bundle) -> tuple[Tariff, ...]:
    """Changing what holds while another tariff waits would leave two numbers in the wrong order."""
    assert before.next_tariff is not None
    raise BadSetting(
        "another tariff waits for its start", fix="give that one anew, with the change in it",
        waiting=before.next_tariff.version,
    )  # fmt: skip


def _tariff(before: Tariff, changes: Changes) -> Tariff:
    try:
        return replace(
            before,
            flat_fare_rials=before.flat_fare_rials if changes.flat_fare_rials is None else changes.flat_fare_rials,
            rider_permille=dict(before.rider_permille) | dict(changes.shares),
            repeat_window_s=before.repeat_window_s if changes.repeat_window_s is None else changes.repeat_window_s,
        )
    except SavarError as error:
        raise BadSetting(error.message, fix="mend that value") from error


def _require_own_names(before: Policies, policies: Policies, now_ms: int) -> None:
    """A policy with another beginning is another. Doors count by name what they let ride: its bound may be spent."""
    began = {it.order: it.from_ms for it in (*before.board_free, *before.graces) if it.from_ms <= now_ms}
    used = sorted(
        it.order for it in (*policies.board_free, *policies.graces) if began.get(it.order, it.from_ms) != it.from_ms
    )
    if used:
        raise BadSetting(
            f"a policy in force is called {', '.join(used)}, and begins at another time", orders=used,
            fix="give the new one a name that was never used; to end the old one later or sooner, keep its beginning",
        )  # fmt: skip


def _deny(before: Mapping[bytes, int], changes: Changes) -> dict[bytes, int]:
    for credential_id, version in changes.deny.items():
        if len(credential_id) != limits.CREDENTIAL_ID_BYTES or not 0 <= version <= 255:
            raise BadSetting(
                "a denied credential is 8 bytes and a version of 0 to 255", fix="mend that entry",
                credential=credential_id.hex(), version=version,
            )  # fmt: skip
    return {key: version for key, version in (dict(before) | dict(changes.deny)).items() if key not in changes.allow}


def _staff(before: Sequence[StaffRow], changes: Changes) -> tuple[StaffRow, ...]:
    """A new PIN leaves a driver's badge as it is."""
    rows = {row.number: row for row in before}
    for number, row in changes.drivers.items():
        old = rows.get(number, row)
        rows[number] = replace(row, badge=old.badge, both=old.both)
    unknown = (changes.drivers_gone | set(changes.badges) | set(changes.both)) - set(rows)
    if unknown:
        told = unknown_names(sorted(unknown), sorted(rows))
        raise BadSetting(
            f"no driver is on the staff list as {told}", number=min(unknown),
            fix="mend the number, or let the driver in first: `savar bundle make CITY --driver NUMBER`",
        )  # fmt: skip
    for number, badge in changes.badges.items():
        rows[number] = replace(rows[number], badge=badge)
    for number, both in changes.both.items():
        rows[number] = replace(rows[number], both=both)
    return tuple(rows[number] for number in sorted(rows) if number not in changes.drivers_gone)
