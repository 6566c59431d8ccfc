"""Names, hosts, sources and numbers at their edges: what a city may be called, and what is refused."""

import pytest

from protocol import limits
from provisioning.core import names
from provisioning.core.city import CitySettings
from provisioning.core.errors import BadSetting, ReservedName
from provisioning.core.settings_files import BackendSettings, DeviceSettings


@pytest.mark.parametrize("value", ["a", "0", "bus-0001-d1", "a-", "x" * 32, "backend", "admin-1", "brokers"])
def test_a_device_may_be_called(value: str) -> None:
    assert names.device_name(value) == value


@pytest.mark.parametrize("value", ["", "-a", "A", "a b", "a_b", "x" * 33, "سوار", "a\n", "../a"])
def test_a_device_may_not_be_called(value: str) -> None:
    with pytest.raises(BadSetting) as refused:
        names.device_name(value)
    assert refused.value.data == {"field": "device", "value": value}


@pytest.mark.parametrize("value", ["admin", "broker", "all", "backend-", "backend-s0", "backend-s9"])
def test_a_device_does_not_take_the_name_of_a_role(value: str) -> None:
    """Else its certificate would be the backend's key to everyone's taps."""
    with pytest.raises(ReservedName) as refused:
        names.device_name(value)
    assert refused.value.data == {"device": value}


def test_a_backend_is_named_after_its_shard() -> None:
    assert names.backend_name("s0") == "backend-s0"


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "0.0.0.0", "::", "broker.example", "localhost.example"]
)  # fmt: skip
def test_another_host_is_not_this_machine(host: str) -> None:
    assert names.is_loopback(host) is False


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "127.255.0.9"])
def test_which_hosts_are_this_machine(host: str) -> None:
    assert names.is_loopback(host) is True


LABEL = "a" * 63
LONGEST = ".".join([LABEL, LABEL, LABEL, "a" * 61])  # 253


@pytest.mark.parametrize("host", ["a", "a-b", "broker.isfahan.example", "10.0.0.1", "fd00::1", "9x", LABEL, LONGEST])
def test_a_host_is(host: str) -> None:
    assert names.checked_host("broker host", host) == host


@pytest.mark.parametrize(
    "host", ["", ".", "a..b", "-a", "a-", "a_b", "http://a", "a:1", "a b", "a.", "a" * 64, LONGEST + "a", "ا"]
)
def test_a_host_is_not(host: str) -> None:
    with pytest.raises(BadSetting) as refused:
        names.checked_host("broker host", host)
    assert refused.value.data == {"field": "broker host", "value": host}


@pytest.mark.parametrize("port", [1, 1_883, 65_535])
def test_a_port_is(port: int) -> None:
    assert names.checked_port("port", port) == port


@pytest.mark.parametrize("port", [-1, 0, 65_536])
def test_a_port_is_not(port: int) -> None:
    with pytest.raises(BadSetting, match=r"port is not 1–65535") as refused:
        names.checked_port("port", port)
    assert refused.value.data == {"field": "port", "value": port}


@pytest.mark.parametrize(
    "source", ["v4l2:0", "file:x.mp4", "rtsp://10.0.0.2/1", "folder:/a b", "http://10.0.0.2/stream", "a1:ب"]
)
def test_a_camera_has_a_source(source: str) -> None:
    assert names.checked_cameras([("front", source)]) == [("front", source)]


@pytest.mark.parametrize("source", ["", "v4l2", "v4l2:", ":0", "V4L2:0", "v4l2: 0", "v4l2:0\n", "a:b\x00", "a:b\x7fc"])
def test_a_camera_has_no_source(source: str) -> None:
    with pytest.raises(BadSetting, match="front") as refused:
        names.checked_cameras([("front", source)])
    assert refused.value.data == {"field": "camera", "value": source}


def test_a_door_has_cameras_of_different_names() -> None:
    most = [(f"c{number}", "v4l2:0") for number in range(limits.HEALTH_CAMERAS_MAX)]
    assert names.checked_cameras(most) == most
    for wrong in ([], [*most, ("more", "v4l2:0")]):
        with pytest.raises(BadSetting, match="number of cameras"):
            names.checked_cameras(wrong)
    with pytest.raises(BadSetting, match="one name") as refused:
        names.checked_cameras([("front", "v4l2:0"), ("front", "v4l2:1")])
    assert refused.value.data == {"field": "camera"}
    with pytest.raises(BadSetting) as refused:
        names.checked_cameras([("Front", "v4l2:0")])
    assert refused.value.data == {"field": "camera", "value": "Front"}


GOOD_CITY = {"name": "isfahan", "shard": "s0", "broker_host": "localhost", "broker_port": 1, "broker_user": "x"}
GOOD_BACKEND = {"http_host": "localhost", "http_port": 1, "payments": ("http://a", "m"), "silent_after_s": 1}
GOOD_DEVICE = {"device": "d", "vehicle": "v", "door": 1, "route": "r", "cameras": [("a", "v4l2:0")],
               "clock_trust": "system"}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "good", "more"),
    [
        (CitySettings, GOOD_CITY, {"broker_port": 65_535}),
        (BackendSettings, GOOD_BACKEND, {"silent_after_s": 86_400, "payments": ("https://a", "m")}),
        (BackendSettings, GOOD_BACKEND, {"payments": None}),
        (DeviceSettings, GOOD_DEVICE, {"door": 9, "route": None, "clock_trust": "operator"}),
    ],
)
def test_settings_are_taken(settings: type, good: dict[str, object], more: dict[str, object]) -> None:
    assert settings(**good)
    assert settings(**good | more)


@pytest.mark.parametrize(
    ("settings", "good", "wrong", "field"),
    [
        (CitySettings, GOOD_CITY, {"name": "A"}, "city"),
        (CitySettings, GOOD_CITY, {"shard": "A"}, "shard"),
        (CitySettings, GOOD_CITY, {"broker_host": "a b"}, "broker host"),
        (CitySettings, GOOD_CITY, {"broker_port": 0}, "broker port"),
        (BackendSettings, GOOD_BACKEND, {"http_host": "a b"}, "http host"),
        (BackendSettings, GOOD_BACKEND, {"http_port": 0}, "http port"),
        (BackendSettings, GOOD_BACKEND, {"silent_after_s": 0}, "silent_after_s"),
        (BackendSettings, GOOD_BACKEND, {"silent_after_s": 86_401}, "silent_after_s"),
        (BackendSettings, GOOD_BACKEND, {"payments": ("ftp://a", "m")}, "payments"),
        (BackendSettings, GOOD_BACKEND, {"payments": ("http://a", "")}, "payments"),
        (DeviceSettings, GOOD_DEVICE, {"device": "D"}, "device"),
        (DeviceSettings, GOOD_DEVICE, {"vehicle": "V"}, "vehicle"),
        (DeviceSettings, GOOD_DEVICE, {"door": 0}, "door"),
        (DeviceSettings, GOOD_DEVICE, {"door": 10}, "door"),
        (DeviceSettings, GOOD_DEVICE, {"route": "R"}, "route"),
        (DeviceSettings, GOOD_DEVICE, {"cameras": [("a", "x")]}, "camera"),
    ],
)
def test_settings_are_refused_by_their_name(
    settings: type, good: dict[str, object], wrong: dict[str, object], field: str
) -> None:
    with pytest.raises(BadSetting) as refused:
        settings(**good | wrong)
    assert refused.value.data["field"] == field


def test_nobody_else_vouches_for_a_clock() -> None:
    with pytest.raises(BadSetting, match="clock trust") as refused:
        DeviceSettings(**GOOD_DEVICE | {"clock_trust": "gps"})  # type: ignore[arg-type]
    assert refused.value.data == {"value": "gps"}


def test_unknown_names_are_told_with_the_nearest_and_not_without_end() -> None:
    fleet = [f"bus-{number:04}" for number in range(8)]
    assert names.unknown_names(["bus-00001"], fleet) == "bus-00001 (did you mean bus-0001 or bus-0000 or bus-0007?)"
    assert names.unknown_names(["tram"], fleet) == "tram (there is bus-0000, bus-0001, bus-0002, bus-0003, bus-0004, …)"
    assert names.unknown_names(["tram"], []) == "tram (there is none yet)"
    assert names.unknown_names([f"x{number}" for number in range(1_000)], []).endswith(
        "x4 (there is none yet) and 995 more"
    )
