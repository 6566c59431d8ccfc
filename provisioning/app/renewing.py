"""Newer intermediates for a city that is there already, of its own root; and newer lists of what was revoked."""

from datetime import datetime
from pathlib import Path

from provisioning.adapters import files
from provisioning.app.ceremony import handed_over
from provisioning.app.city import changing_city
from provisioning.app.lists import Written, announce_lists, keep_former, write_lists
from provisioning.app.makers import key_text
from provisioning.core import certificates
from provisioning.core.errors import NotItsAuthority
from provisioning.core.layout import AuthorityFolder

_FIX = "restore it from the city's backup"


def renew_intermediates(root: Path, given: AuthorityFolder) -> None:
    """Newer intermediates of the same root for the city at `root`. What older ones signed stays good to its end.

    The lists of what was revoked have to be renewed behind it: the broker admits no client of an intermediate without.

    An interrupted call is finished by calling again. Raises NotItsAuthority, NotACity, BadSetting, FileFailed.
    """
    with changing_city(root) as city:
        folder = city.folder.authority
        held = certificates.from_pem(files.read(folder.root_certificate, fix=_FIX))
        above, issuers = handed_over(given, city.settings.name)
        if above != held:
            raise NotItsAuthority(
                "these intermediates are of another root", fix="under a new root every device is enrolled anew",
                root=certificates.fingerprint(above),
            )  # fmt: skip
        for purpose, issuer in issuers.items():
            if files.read(folder.certificate(purpose), fix=_FIX) != certificates.to_pem(issuer.certificate):
                keep_former(folder, purpose)
            files.replace(folder.key(purpose), key_text(issuer.key), mode=0o600)
            files.replace(folder.certificate(purpose), certificates.to_pem(issuer.certificate))


def renew_lists(root: Path, *, now: datetime) -> Written:
    """Sign every list of revoked certificates anew, and let the broker read them if it runs here.

    Raises NotACity, FileFailed, BadSetting, NotItsAuthority.
    """
    with changing_city(root) as city:
        return announce_lists(city.folder, write_lists(city.folder, now))
