"""What is printed at a ceremony and compared by people: a certificate as lines, and what must be typed to go on."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509

from protocol.jalali import day_text
from protocol.localtime import service_day
from provisioning.core import certificates
from provisioning.core.certificates import Certificate, grouped
from provisioning.core.days import unix_ms
from provisioning.core.errors import NotConfirmed
from provisioning.core.purposes import CLIENT, SERVER, TERMS

_USES = {CLIENT: "TLS client", SERVER: "TLS server"}


def sheet(certificate: Certificate) -> list[tuple[str, str]]:
    """A certificate of an authority as (what, value), one a line. Raises NotItsAuthority for one of no city."""
    steps = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    is_root = certificate.subject == certificate.issuer
    purpose = None if is_root else certificates.purpose_of(certificate)
    return [
        ("authority", f"{'root' if purpose is None else purpose.value} of {certificates.city_of(certificate)}"),
        ("for", "intermediates" if purpose is None else TERMS[purpose].said),
        ("fingerprint", certificates.fingerprint(certificate)),
        ("serial number", f"{certificate.serial_number:x}"),
        ("signed by", certificate.issuer.rfc4514_string()),
        ("valid from", _moment(certificate.not_valid_before_utc)),
        ("valid until", _moment(certificate.not_valid_after_utc)),
        (
            "path length",
            f"{steps}: signs {'authorities that sign certificates' if steps else 'certificates that sign none'}",
        ),
        *(("may sign", line) for line in _may_sign(certificate)),
    ]


def asked(shown: Sequence[Certificate]) -> str:
    """What to ask for: the last group of the last fingerprint, which only who has read down to it can type."""
    return f"Compared, all {len(shown)}? Type the last four digits of the last fingerprint"


def require_confirmed(shown: Sequence[Certificate], typed: str) -> None:
    """Return if the answer is right. Raises NotConfirmed."""
    require_typed(certificates.fingerprint(shown[-1]), typed)


def require_typed(digest: str, typed: str) -> None:
    """Return if the last four digits were typed. Raises NotConfirmed."""
    if typed.strip().lower() != digest[-4:]:
        raise NotConfirmed("that is not what is printed: nothing is written", fix="begin the ceremony again")


def asked_sheet(text: str) -> list[tuple[str, str]]:
    """What the recovery key is asked to say, as lines; the last is the digest of all of it."""
    values = json.loads(text)
    at = values["incarnation"]
    return [
        ("recovery key of", values["city"]),
        ("number", str(values["number"])),
        ("incarnation", f"{at} · {_moment(datetime.fromtimestamp(at / 1000, UTC))}" if at > 1 else "1: never restored"),
        *(("bundle key", grouped(sha256(bytes.fromhex(key)).hexdigest()[:16])) for key in values["bundle_keys"]),
        ("digest", grouped(sha256(text.encode()).hexdigest())),
    ]


def _may_sign(certificate: Certificate) -> list[str]:
    """Name constraints and uses, in words; a certificate without any says that it has none."""
    lines = []
    try:
        names = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        lines.append("any name")
    else:
        lines += [f"names below {_said(it)}" for it in names.permitted_subtrees or ()]
        lines += [f"no {_said(it)}" for it in names.excluded_subtrees or ()]
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        lines.append("for use as " + ", ".join(_USES.get(it, it.dotted_string) for it in uses))
    except x509.ExtensionNotFound:
        lines.append("for any use")
    return lines


def _said(name: x509.GeneralName) -> str:
    match name:
        case x509.DirectoryName():
            return name.value.rfc4514_string()
        case x509.DNSName():
            return f"host name {name.value}".strip() if name.value else "host name at all"
        case x509.IPAddress():
            return f"address in {name.value}"
        case _:
            return repr(name)


def _moment(at: datetime) -> str:
    day = day_text(service_day(unix_ms(at)))
    return f"{day} · {at:%Y-%m-%d %H:%M} UTC"
