"""What an office changes in a bundle: fare, shares, repeat window, denied credentials. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from protocol import limits
from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from protocol.wire.bundles import Bundle
from provisioning.core.errors import BadSetting


@dataclass(frozen=True, slots=True)
class Changes:
    """What shall differ; None leaves a value as it is.

    `shares` (class → per mille) are set one by one; `deny` maps a credential id to its highest denied version, and
    `allow` takes credentials off the list.
    """

    flat_fare_rials: int | None = None
    shares: Mapping[int, int] = field(default_factory=dict)
    repeat_window_s: int | None = None
    deny: Mapping[bytes, int] = field(default_factory=dict)
    allow: frozenset[bytes] = frozenset()


def changed(before: Bundle, changes: Changes) -> Bundle:
    """The bundle with the changes; a changed tariff and a changed deny list get their own next numbers.

    Raises BadSetting when nothing would change or a value is out of range.
    """
    both = set(changes.deny) & changes.allow
    if both:
        raise BadSetting("one credential is denied and allowed", fix="decide", credential=min(both).hex())
    tariff, deny = _tariff(before.tariff, changes), _deny(before.deny, changes)
    if tariff == before.tariff and deny == before.deny:
        raise BadSetting("nothing would change", fix="give a new fare, share, window or denied credential")
    if tariff != before.tariff:
        tariff = replace(tariff, version=before.tariff.version + 1)
    number = before.deny_number + (deny != before.deny)
    return replace(before, tariff=tariff, deny=deny, deny_number=number)


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


def _deny(before: Mapping[bytes, int], changes: Changes) -> dict[bytes, int]:
    for credential_id, version in changes.deny.items():
        if len(credential_id) != limits.CREDENTIAL_ID_BYTES or not 0 <= version <= 255:
            raise BadSetting(
                "a denied credential is 8 bytes and a version of 0 to 255", fix="mend that entry",
                credential=credential_id.hex(), version=version,
            )  # fmt: skip
    return {key: version for key, version in (dict(before) | dict(changes.deny)).items() if key not in changes.allow}
