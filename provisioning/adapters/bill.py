"""What is in a release, as a CycloneDX bill of materials: for whoever has to know where a library with a hole runs.

Every wheel is a component by the name and version in its file's name, and by its SHA-256. What lies inside a wheel, as
the libraries that OpenCV brings along do, is not told.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from protocol.wire.releases import Release
from provisioning.core.errors import BadSetting

_WHOLE: Final = "savar-validator"
_OWN: Final = "savar"  # whoever else's of this name would be taken for ours by a package's address


def bill(release: Release, wheels: Mapping[str, bytes], now: datetime) -> bytes:
    """The document (CycloneDX 1.6, JSON). `wheels`: file name → content. Raises BadSetting: no name of a wheel."""
    whole = Component(
        name=_WHOLE, version=release.version, type=ComponentType.FIRMWARE,
        bom_ref=f"{_WHOLE}-{release.number}",
    )  # fmt: skip
    parts = [_component(name, data) for name, data in sorted(wheels.items())]
    named = " ".join((str(release.number), release.platform, *(f"{it.name}:{it.hashes[0].content}" for it in parts)))
    made = Bom(
        components=parts, metadata=BomMetaData(component=whole, timestamp=now),
        serial_number=uuid5(NAMESPACE_URL, f"savar release {named}"),
    )  # fmt: skip
    made.register_dependency(whole, parts)
    return JsonV1Dot6(made).output_as_string(indent=1).encode() + b"\n"


def _component(file: str, data: bytes) -> Component:
    try:
        name, version, _, _ = parse_wheel_filename(file)
    except InvalidWheelFilename as error:
        raise BadSetting(f"{file} is no name of a wheel: {error}", fix="give wheels as they were built") from error
    url = None if name == _OWN else PackageURL("pypi", name=name, version=str(version))
    return Component(
        name=name, version=str(version), purl=url, bom_ref=f"{name}-{version}", type=ComponentType.LIBRARY,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256(data).hexdigest())],
    )  # fmt: skip
