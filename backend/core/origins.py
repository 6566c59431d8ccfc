"""Where somebody asks from, as limits count it. Pure.

Rules:
- an IPv4 address is one place, written as IPv6 too: riders of one operator share it;
- an IPv6 address is no place: who has one has all of its /64, and takes another for each request. The /64 is one; its
  /48, which some customers have whole, is another one, for ORIGIN_SITE_SHARE times as much.
"""

from ipaddress import IPv6Network, ip_address
from typing import NamedTuple

_OWN_BITS, _SITE_BITS = 64, 48


class Origin(NamedTuple):
    """`own`: who it is; `site`: of whom that is a part, None where it is of nobody."""

    own: str
    site: str | None


def origin_of(address: str) -> Origin:
    """Of an address as the connection has it; what is none stands for itself."""
    try:
        it = ip_address(address)
    except ValueError:
        return Origin(address, None)
    if it.version == 4:
        return Origin(str(it), None)
    if it.ipv4_mapped is not None:
        return Origin(str(it.ipv4_mapped), None)
    own, site = (str(IPv6Network((int(it), bits), strict=False)) for bits in (_OWN_BITS, _SITE_BITS))
    return Origin(own, site)
