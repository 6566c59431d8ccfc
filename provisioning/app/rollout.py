"""How far a release goes next, by what the backend knows of its devices; and how the releases of a city stand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from protocol.wire.releases import Stage, Stages, decode_release, decode_stages
from provisioning.adapters import tuf_roles
from provisioning.app.city import load_city
from provisioning.app.releases import metadata_in_force, stage_since, waiting
from provisioning.core.days import unix_ms
from provisioning.core.errors import BadSetting
from provisioning.core.layout import ReleasesFolder
from provisioning.core.rollout import STAGES_PERMILLE, DeviceWord, Gate, Judgement, judge, next_permille

_RELEASE = re.compile(r" release ([0-9]+)$")  # as a validator's health ends its `software`
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class NextStep:
    """Whether it goes on, to which share, and why in words."""

    gate: Gate
    permille: int
    why: str


def next_step(root: Path, number: int, permille: int | None, pages: Any, *, now: datetime) -> NextStep:
    """What becomes of a release. `pages`: one page of GET /v1/devices, or a list of them; None asks nobody.

    Raises BadSetting for a release that is behind its last stage, and for pages that are none; NotACity, FileFailed.
    """
    folder = load_city(root).folder.releases
    stage = _stage(folder, number)
    following = STAGES_PERMILLE[0] if stage is None else next_permille(stage.permille)
    if stage is not None and pages is not None:
        found = judged(folder, stage, pages, now=now)
        if found.gate is not Gate.OPEN:
            return NextStep(found.gate, stage.permille, found.why)
    if permille is not None:
        following = permille
    if following is None:
        if pages is not None:
            return NextStep(Gate.WAIT, 1_000, "every device may take it")
        raise BadSetting(f"release {number} has its last stage", fix="it is everywhere; say --permille to repeat it")
    return NextStep(Gate.OPEN, following, "")


def judged(folder: ReleasesFolder, stage: Stage, pages: Any, *, now: datetime) -> Judgement:
    """The gate of a stage in force. Raises BadSetting, FileFailed."""
    now_ms = unix_ms(now)
    since = stage_since(folder, stage.release)
    return judge(read_devices(pages), stage, since_ms=now_ms if since is None else since, now_ms=now_ms)


def read_devices(pages: Any) -> list[DeviceWord]:
    """Pages of GET /v1/devices → what is judged. Raises BadSetting for what is no such page, and for a part of them."""
    pages = pages if isinstance(pages, list) else [pages]
    try:
        rows = [row for page in pages for row in page["devices"]]
        whole = bool(pages) and pages[-1]["next_after"] is None
        words = [_word(row) for row in rows]
    except (KeyError, TypeError, AttributeError) as error:
        raise BadSetting(
            f"these are no pages of devices: {error!r}", fix="give what GET /v1/devices answers, a list of its pages"
        ) from error
    if not whole:
        raise BadSetting("the last page of devices is missing", fix="ask on until `next_after` is null")
    return words


def _word(row: Mapping[str, Any]) -> DeviceWord:
    software = row["software"]
    found = None if software is None else _RELEASE.search(software)
    release = None if software is None else 0 if found is None else int(found[1])
    crashed = row["condition"] is not None and row["condition"]["started"] == "crashed"
    return DeviceWord(row["device"], release, row["last_seen_ms"], bool(row["problem"]) or crashed)


def overview(root: Path, *, now: datetime) -> dict[str, Any]:
    """How a city's releases stand, for a person. Raises BadSetting, NotACity, FileFailed."""
    city = load_city(root)
    folder = city.folder.releases
    held = metadata_in_force(folder)
    found: dict[str, Any] = {
        f"{role}_waits": f"{len(it.signed)} of {it.threshold} signatures" for role, it in waiting(city).items()
    }
    if held is None:
        return found | {"releases": []}
    stages = decode_stages(held.stages)
    fresh = int((tuf_roles.expires_of(held.timestamp) - now).total_seconds()) // _DAY_S
    rows = [decode_release(raw) for raw in held.releases]
    return found | {
        "root_version": len(held.roots), "fresh_days": fresh, "halted": list(stages.halted),
        "releases": [f"{it.number} ({it.version}, {it.platform}): {_told(stages, it.number)}" for it in rows],
    }  # fmt: skip


def _told(stages: Stages, number: int) -> str:
    if number in stages.halted:
        return "halted"
    stage = stages.of(number)
    return "not spread" if stage is None else f"{stage.permille} ‰" + ("" if not stage.first else ", and named devices")


def _stage(folder: ReleasesFolder, number: int) -> Stage | None:
    held = metadata_in_force(folder)
    return None if held is None else decode_stages(held.stages).of(number)
