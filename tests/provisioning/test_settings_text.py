"""What stands in a city's settings files, key by key, the TOML they are written in, and where everything lies."""

import tomllib
from pathlib import Path

import pytest

from provisioning.core.city import CitySettings
from provisioning.core.errors import BadSetting
from provisioning.core.layout import CityFolder
from provisioning.core.purposes import Purpose
from provisioning.core.settings_files import (
    BackendSettings,
    DeviceSettings,
    backend_text,
    broker_by_certificate,
    broker_by_password,
    city_text,
    sister_section,
    validator_text,
)
from provisioning.core.toml_text import toml_text, with_table

URL = "http://127.0.0.1:8080"


def test_city_toml_says_what_the_city_is() -> None:
    city = CitySettings("isfahan", "s0", "broker.example", 8_883, "mosquitto")
    assert tomllib.loads(city_text(city)) == {
        "city": "isfahan", "shard": "s0",
        "broker": {"host": "broker.example", "port": 8_883, "user": "mosquitto"},
    }  # fmt: skip


def test_how_a_client_reaches_the_broker() -> None:
    files = {"ca": "keys/ca.crt.pem", "cert": "keys/tls.crt.pem", "key": "keys/tls.key.pem"}
    assert broker_by_certificate("broker.example", 8_883) == {"host": "broker.example", "port": 8_883} | files
    assert broker_by_password("localhost", 1_883, "backend-s0") == {
        "host": "localhost", "port": 1_883, "username": "backend-s0", "password_file": "keys/mqtt.password",
    }  # fmt: skip
    with pytest.raises(BadSetting, match="loopback"):
        broker_by_password("10.0.0.1", 1_883, "backend-s0")
    assert sister_section("bus-1-d2", dial="10.0.0.1:7400") == {"device": "bus-1-d2", "listen": None, "interface": None,
                                                                "dial": "10.0.0.1:7400"} | files  # fmt: skip
    assert sister_section("bus-1-d2", listen="10.0.0.1:7400")["listen"] == "10.0.0.1:7400"


@pytest.mark.parametrize("payments", [None, ("http://127.0.0.1:8099", "isfahan")])
def test_backend_toml_says_all_that_its_reader_asks_for(payments: tuple[str, str] | None) -> None:
    city = CitySettings("isfahan", "s0", "broker.example", 8_883, "mosquitto")
    text = backend_text(city, BackendSettings("127.0.0.1", 8_080, payments, 900))
    provider = {} if payments is None else {"payments": {"provider": payments[0], "merchant": payments[1]}}
    assert tomllib.loads(text) == {
        "city": "isfahan", "shard": "s0", "data_dir": "data", "keys_dir": "keys", "registry": "registry",
        "bundle": "bundle", "crl": "crl.pem", "broker": broker_by_certificate("broker.example", 8_883),
        "http": {"host": "127.0.0.1", "port": 8_080}, "alarms": {"silent_after_s": 900, "old_bundle_after_s": 7_200},
    } | provider  # fmt: skip
    assert text.startswith("# Written by `savar provision city`.\n")


def test_validator_toml_says_all_that_its_reader_asks_for() -> None:
    city = CitySettings("isfahan", "s0", "broker.example", 8_883, "mosquitto")
    cameras = [("front", "v4l2:0"), ("top", "picamera2:1")]
    text = validator_text(city, DeviceSettings("bus-1-d2", "bus-1", 2, "r9", cameras, "system", URL))
    assert tomllib.loads(text) == {
        "city": "isfahan", "shard": "s0", "device": "bus-1-d2", "vehicle": "bus-1", "door": 2, "route": "r9",
        "data_dir": "data", "keys_dir": "keys", "bundle": "bundle", "chunks_url": URL,
        "broker": broker_by_certificate("broker.example", 8_883), "clock": {"trust": "system"},
        "reader": {"order": ["zxing", "pyzbar", "wechat"]},
        "camera": [{"name": "front", "source": "v4l2:0"}, {"name": "top", "source": "picamera2:1"}],
    }  # fmt: skip


def test_where_everything_lies() -> None:
    """Technicians and scripts know these names; another one is a city that cannot be opened."""
    city = CityFolder(Path("/c"))
    assert [str(path.relative_to("/c")) for path in (
        city.settings, city.authority.root_certificate, city.authority.key(Purpose.DEVICE),
        city.authority.certificate(Purpose.PEOPLE), city.bundle_key, city.bundle_number,
        city.issuer_key("main"), city.backend_config, city.backend_bundle, city.backend_keys, city.registered("d"),
        city.broker_config, city.broker_roles, city.device("d").config, city.device("d").bundle, city.device("d").keys,
        city.device("d").sister_key,
    )] == [
        "city.toml", "authority/root.crt.pem", "authority/device.key.pem", "authority/people.crt.pem",
        "bundle/bundle.key.pem", "bundle/number",
        "issuers/main.key.pem", "backend/backend.toml", "backend/bundle", "backend/keys",
        "backend/registry/d.json", "broker/mosquitto.conf", "broker/dynamic-security.json",
        "devices/d/validator.toml", "devices/d/bundle", "devices/d/keys", "devices/d/keys/sister.pub",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value", ['a"b', "back\\slash", "\x7f", "\x00\x1f\n\t", "سوار", "😀", "", " "], ids=ascii
)  # fmt: skip
def test_any_text_comes_back_from_toml(value: str) -> None:
    assert tomllib.loads(toml_text({"key": value, "list": [value, "b"]}))["key"] == value


def test_toml_has_a_line_for_each_key_and_none_for_none() -> None:
    text = toml_text(
        {"a": True, "b": False, "c": 3, "d": None, "e": ["x", "y"]}, [("[one]", {"f": "g"}), ("[[two]]", {"h": 1})],
        comment="By hand.",
    )  # fmt: skip
    assert text == (
        '# By hand.\na = true\nb = false\nc = 3\ne = ["x", "y"]\n\n[one]\nf = "g"\n\n[[two]]\nh = 1\n'
    )  # fmt: skip
    assert toml_text({"a": 1}) == "a = 1\n"


@pytest.mark.parametrize("value", ["\ud800", "x\udfff", "\udc80y"], ids=ascii)
def test_a_file_name_in_no_utf8_is_refused(value: str) -> None:
    with pytest.raises(BadSetting, match="no text"):
        toml_text({"key": value})


@pytest.mark.parametrize("value", ["\ud7ff", "\ue000"], ids=ascii)
def test_the_letters_beside_the_surrogates_are_letters(value: str) -> None:
    assert tomllib.loads(toml_text({"key": value}))["key"] == value


def test_a_table_is_replaced_between_its_header_and_the_next() -> None:
    text = "a = 1\n\n[one] # of this bus\nb = 2\nc = 3\n\n# about two\n\n[two]\nd = 4\n"
    assert with_table(text, "[one]", {"e": 5}) == (
        "a = 1\n\n[one] # of this bus\ne = 5\n\n# about two\n\n[two]\nd = 4\n"
    )  # fmt: skip
    assert with_table(text, "[two]", {"e": 5}) == text.replace("d = 4", "e = 5")
    assert with_table("[one]\n[two]\n", "[one]", {"e": 5}) == "[one]\ne = 5\n[two]\n"
    assert with_table("[one]\nb = 1\n \t\n[two]\n", "[one]", {"e": 5}) == "[one]\ne = 5\n \t\n[two]\n"
    assert with_table("[one]\n  [two]\n", "[one]", {"e": 5}) == "[one]\ne = 5\n  [two]\n"


@pytest.mark.parametrize("text", ["", "[one]\n[one]\n"])
def test_a_table_that_is_not_there_once_is_said(text: str) -> None:
    with pytest.raises(BadSetting, match="single"):
        with_table(text, "[one]", {})
