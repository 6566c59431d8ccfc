"""What the broker is told, word for word: its settings, and who may say and hear what."""

import json
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from provisioning.core.broker_config import mosquitto_conf, roles_json, roles_with
from provisioning.core.city import CitySettings, Identity, device_identity, identities
from provisioning.core.errors import BadSetting
from provisioning.core.layout import CityFolder
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

HERE = "savar/1/isfahan/s0"
CONTROL = "$CONTROL/dynamic-security/#"
SETTINGS = """
user mosquitto
listener 8883
cafile /city/broker/ca.crt.pem
certfile /city/broker/broker.crt.pem
keyfile /city/broker/broker.key.pem
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
plugin /usr/lib/plugin.so
plugin_opt_config_file /city/broker/dynamic-security.json
persistence false
max_packet_size 1048832
max_inflight_messages 20
max_queued_messages 1000
max_queued_bytes 67108864
queue_qos0_messages false
set_tcp_nodelay true
log_dest stderr
log_timestamp_format %Y-%m-%dT%H:%M:%S
log_type error
log_type warning
log_type notice
connection_messages true
"""


def conf(host: str) -> list[str]:
    """The settings without what is said to people."""
    text = mosquitto_conf(
        folder=Path("/city/broker"), host=host, port=8_883, user="mosquitto", plugin=Path("/usr/lib/plugin.so")
    )
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("host", ["broker.isfahan.example", "10.1.2.3", "0.0.0.0"])
def test_mosquitto_is_told_this_and_no_more(host: str) -> None:
    """A line more or less is another broker: passwords, a store, a listener without certificates."""
    assert conf(host) == SETTINGS.split("\n")[1:-1]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_a_broker_for_this_machine_binds_nothing_else(host: str) -> None:
    assert [line for line in conf(host) if line.startswith("listener")] == [f"listener 8883 {host}"]


def grants(roles: dict[str, object]) -> dict[str, dict[str, set[str]]]:
    """Role → kind of access → topics."""
    out: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for role in roles["roles"]:  # type: ignore[attr-defined]
        for acl in role["acls"]:
            assert set(acl) == {"acltype", "topic", "allow"}
            assert acl["allow"] is True
            out[role["rolename"]][acl["acltype"]].add(acl["topic"])
    return {name: dict(kinds) for name, kinds in out.items()}


def test_everybody_has_the_role_of_its_name_and_no_other_way_in() -> None:
    roles = json.loads(roles_json(identities("isfahan", "s0", ["bus-2-d1", "bus-1-d1"])))
    everybody = ["admin", "backend-s0", "bus-1-d1", "bus-2-d1"]
    assert set(roles) == {"defaultACLAccess", "clients", "groups", "roles"}
    assert roles["defaultACLAccess"] == {
        "publishClientSend": False, "publishClientReceive": False, "subscribe": False, "unsubscribe": False,
    }  # fmt: skip
    assert roles["groups"] == []
    assert roles["clients"] == [{"username": name, "roles": [{"rolename": name}]} for name in everybody]
    assert [role["rolename"] for role in roles["roles"]] == everybody


def test_who_may_say_and_hear_what() -> None:
    """The whole matrix: a device speaks and hears under its own name, a backend for its shard, the admin of roles."""
    table = grants(json.loads(roles_json(identities("isfahan", "s0", ["bus-1-d1"]))))
    up, down = ("taps", "health", "state", "reply"), ("receipt", "command")
    all_up, all_down = ({f"{HERE}/+/{name}" for name in names} for names in (up, down))
    own_up, own_down = ({f"{HERE}/bus-1-d1/{name}" for name in names} for names in (up, down))
    assert table == {
        "admin": {kind: {CONTROL} for kind in ("publishClientSend", "publishClientReceive", "subscribePattern",
                                               "unsubscribePattern")},
        "backend-s0": {"publishClientSend": all_down, "publishClientReceive": all_up, "subscribePattern": all_up,
                       "unsubscribePattern": all_up},
        "bus-1-d1": {"publishClientSend": own_up, "publishClientReceive": own_down, "subscribeLiteral": own_down,
                     "unsubscribeLiteral": own_down},
    }  # fmt: skip


@pytest.mark.parametrize("topic", ["a/+/b", "a/#"])
def test_a_topic_with_either_wildcard_is_a_pattern(topic: str) -> None:
    table = grants(json.loads(roles_json([Identity("one", (), (topic,))])))
    assert set(table["one"]) == {"subscribePattern", "unsubscribePattern", "publishClientReceive"}


def test_an_identity_put_again_takes_its_own_place_and_no_other() -> None:
    text = roles_json(identities("isfahan", "s0", ["bus-1-d1", "bus-2-d1"]))
    again = json.loads(roles_with(text, device_identity("isfahan", "s1", "bus-1-d1")))
    assert [client["username"] for client in again["clients"]] == ["admin", "backend-s0", "bus-2-d1", "bus-1-d1"]
    assert [role["rolename"] for role in again["roles"]] == ["admin", "backend-s0", "bus-2-d1", "bus-1-d1"]
    assert "savar/1/isfahan/s1/bus-1-d1/taps" in grants(again)["bus-1-d1"]["publishClientSend"]
    others = [role for role in json.loads(text)["roles"] if role["rolename"] != "bus-1-d1"]
    assert again["roles"][:3] == others


@pytest.mark.parametrize("text", ["{", "[]", '{"clients": []}', '{"clients": [1], "roles": []}', '{"clients": [{}]}'])
def test_what_is_no_file_of_roles_is_said(text: str) -> None:
    with pytest.raises(BadSetting, match="dynamic-security"):
        roles_with(text, device_identity("isfahan", "s0", "bus-1-d1"))


def test_the_files_of_roles_and_settings_end_with_a_line() -> None:
    assert roles_json([]).endswith("}\n")
    city = CitySettings("isfahan", "s0", "broker.example", 8_883, "mosquitto")
    assert city_text(city).endswith('user = "mosquitto"\n')


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
    assert sister_section("bus-1-d2", dial="10.0.0.1:7400") == {"device": "bus-1-d2", "listen": None,
                                                                "dial": "10.0.0.1:7400"} | files  # fmt: skip
    assert sister_section("bus-1-d2", listen="10.0.0.1:7400")["listen"] == "10.0.0.1:7400"


@pytest.mark.parametrize("payments", [None, ("http://127.0.0.1:8099", "isfahan")])
def test_backend_toml_says_all_that_its_reader_asks_for(payments: tuple[str, str] | None) -> None:
    city = CitySettings("isfahan", "s0", "broker.example", 8_883, "mosquitto")
    text = backend_text(city, BackendSettings("127.0.0.1", 8_080, payments, 900))
    provider = {} if payments is None else {"payments": {"provider": payments[0], "merchant": payments[1]}}
    assert tomllib.loads(text) == {
        "city": "isfahan", "shard": "s0", "data_dir": "data", "keys_dir": "keys", "registry": "registry",
        "bundle": "bundle.cose", "broker": broker_by_certificate("broker.example", 8_883),
        "http": {"host": "127.0.0.1", "port": 8_080}, "alarms": {"silent_after_s": 900},
    } | provider  # fmt: skip
    assert text.startswith("# Written by `savar provision city`.\n")


def test_validator_toml_says_all_that_its_reader_asks_for() -> None:
    city = CitySettings("isfahan", "s0", "broker.example", 8_883, "mosquitto")
    cameras = [("front", "v4l2:0"), ("top", "picamera2:1")]
    text = validator_text(city, DeviceSettings("bus-1-d2", "bus-1", 2, "r9", cameras, "system"))
    assert tomllib.loads(text) == {
        "city": "isfahan", "shard": "s0", "device": "bus-1-d2", "vehicle": "bus-1", "door": 2, "route": "r9",
        "data_dir": "data", "keys_dir": "keys", "bundle": "bundle.cose",
        "broker": broker_by_certificate("broker.example", 8_883), "clock": {"trust": "system"},
        "reader": {"order": ["zxing", "pyzbar"]},
        "camera": [{"name": "front", "source": "v4l2:0"}, {"name": "top", "source": "picamera2:1"}],
    }  # fmt: skip


def test_where_everything_lies() -> None:
    """Technicians and scripts know these names; another one is a city that cannot be opened."""
    city = CityFolder(Path("/c"))
    assert [str(path.relative_to("/c")) for path in (
        city.settings, city.authority_key, city.authority_certificate, city.bundle_key, city.bundle_number,
        city.issuer_key("main"), city.backend_config, city.backend_bundle, city.backend_keys, city.registered("d"),
        city.broker_config, city.broker_roles, city.device("d").config, city.device("d").bundle, city.device("d").keys,
        city.device("d").sister_key,
    )] == [
        "city.toml", "authority/root.key.pem", "authority/root.crt.pem", "bundle/bundle.key.pem", "bundle/number",
        "issuers/main.key.pem", "backend/backend.toml", "backend/bundle.cose", "backend/keys",
        "backend/registry/d.json", "broker/mosquitto.conf", "broker/dynamic-security.json",
        "devices/d/validator.toml", "devices/d/bundle.cose", "devices/d/keys", "devices/d/keys/sister.pub",
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
