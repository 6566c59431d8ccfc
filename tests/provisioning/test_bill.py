"""What is in a release, told so that a hole in a library can be looked up: every wheel, by name, version and content."""

import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from protocol.wire.releases import Release
from provisioning.adapters.bill import bill
from provisioning.core.errors import BadSetting

NOW = datetime(2026, 12, 1, tzinfo=UTC)
RELEASE = Release(3, "0.4.0", 0, "linux-aarch64-cp311", ())
WHEELS = {
    "savar-0.4.0-py3-none-any.whl": b"ours",
    "opencv_contrib_python_headless-4.11.0.86-cp37-abi3-manylinux_2_17_aarch64.manylinux2014_aarch64.whl": b"theirs",
}


def test_every_wheel_is_a_component_by_its_name_version_and_content() -> None:
    raw = bill(RELEASE, WHEELS, NOW)
    told = json.loads(raw)
    assert (told["bomFormat"], told["specVersion"], told["metadata"]["component"]["version"]) == (
        "CycloneDX",
        "1.6",
        "0.4.0",
    )
    found = {it["name"]: (it["version"], it.get("purl"), it["hashes"][0]["content"]) for it in told["components"]}
    assert found == {
        "savar": ("0.4.0", None, sha256(b"ours").hexdigest()),  # somebody else's of that name is not ours
        "opencv-contrib-python-headless": (
            "4.11.0.86", "pkg:pypi/opencv-contrib-python-headless@4.11.0.86", sha256(b"theirs").hexdigest()
        ),
    }  # fmt: skip
    assert bill(RELEASE, dict(reversed(WHEELS.items())), NOW) == raw
    other = json.loads(bill(RELEASE, WHEELS | {"savar-0.4.0-py3-none-any.whl": b"another"}, NOW))
    assert other["serialNumber"] != told["serialNumber"]


@pytest.mark.parametrize("name", ["savar.whl", "savar-0.4.0.tar.gz", "savar-new-py3-none-any.whl"])
def test_what_is_no_wheels_name_is_refused(name: str) -> None:
    with pytest.raises(BadSetting, match="wheel"):
        bill(RELEASE, {name: b""}, NOW)
