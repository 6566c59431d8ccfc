"""Rows about hosts, as they are read."""

from typing import Any, Final

from backend.adapters.ledger.host_tables import HOST
from backend.core.hosts.host import Host, KeptHost, Link
from backend.core.staff.subjects import read
from backend.core.staff.two_people import Kind

THERE: Final = HOST.c.ended_ms.is_(None)


def kept_host(row: Any) -> KeptHost:
    """A row of `host`."""
    return KeptHost(
        terms(row.content), row.made_ms, row.ended_ms, row.generation, row.former_ms, row.failing_ms, row.paused_ms
    )  # fmt: skip


def terms(content: bytes) -> Host:
    """What two people approved."""
    found = read(Kind.HOST, bytes(content))
    assert isinstance(found, Host), "its own kind"
    return found


def link(row: Any) -> Link:
    """A row of `host_rider`."""
    return Link(row.host, row.named, bytes(row.credential), row.since_ms)
