"""What the broker is told, word for word: its settings, and who may say and hear what."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from provisioning.core.broker_config import mosquitto_conf, roles_json, roles_of_today, roles_with
from provisioning.core.city import CitySettings, Identity, device_identity, identities
from provisioning.core.errors import BadSetting
from provisioning.core.settings_files import city_text

HERE = "savar/1/isfahan/s0"
CONTROL = "$CONTROL/dynamic-security/#"
SETTINGS = """
user mosquitto
listener 8883
cafile /city/broker/ca.crt.pem
certfile /city/broker/broker.crt.pem
keyfile /city/broker/broker.key.pem
crlfile /city/broker/crl.pem
tls_version tlsv1.3
require_certificate true
use_subject_as_username true
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
    everybody = ["admin", "office", "backend-s0", "bus-1-d1", "bus-2-d1"]
    assert set(roles) == {"defaultACLAccess", "clients", "groups", "roles"}
    assert roles["defaultACLAccess"] == {
        "publishClientSend": False, "publishClientReceive": False, "subscribe": False, "unsubscribe": False,
    }  # fmt: skip
    assert roles["groups"] == []
    purposes = ["people", "people", "backend", "device", "device"]
    assert roles["clients"] == [
        {"username": f"CN={name},OU={purpose},O=isfahan", "roles": [{"rolename": name}]}
        for name, purpose in zip(everybody, purposes, strict=True)
    ]
    assert [role["rolename"] for role in roles["roles"]] == everybody


def test_who_may_say_and_hear_what() -> None:
    """The whole matrix: a device speaks and hears under its own name, a backend for its shard, the admin of roles,

    the office of renewals, and of where a device serves.
    """
    table = grants(json.loads(roles_json(identities("isfahan", "s0", ["bus-1-d1"]))))
    up, down = ("taps", "health", "state", "reply"), ("receipt", "command", "grant")
    all_up, all_down = ({f"{HERE}/+/{name}" for name in names} for names in (up, down))
    own_up, own_down = ({f"{HERE}/bus-1-d1/{name}" for name in names} for names in (up, down))
    all_down.add(f"{HERE}/all/bundle")
    own_down |= {f"{HERE}/all/bundle", f"{HERE}/bus-1-d1/renewed", f"{HERE}/bus-1-d1/assigned"}
    own_up.add(f"{HERE}/bus-1-d1/renewal")
    asked, answered = {f"{HERE}/+/renewal"}, {f"{HERE}/+/renewed", f"{HERE}/+/assigned"}
    assert table == {
        "admin": {kind: {CONTROL} for kind in ("publishClientSend", "publishClientReceive", "subscribePattern",
                                               "unsubscribePattern")},
        "office": {"publishClientSend": answered, "publishClientReceive": asked, "subscribePattern": asked,
                   "unsubscribePattern": asked},
        "backend-s0": {"publishClientSend": all_down, "publishClientReceive": all_up, "subscribePattern": all_up,
                       "unsubscribePattern": all_up},
        "bus-1-d1": {"publishClientSend": own_up, "publishClientReceive": own_down, "subscribeLiteral": own_down,
                     "unsubscribeLiteral": own_down},
    }  # fmt: skip


def test_a_file_of_before_grants_what_todays_table_grants_and_revives_nobody() -> None:
    """A city of before there were renewals over the broker; one device was disabled, one role was changed by hand."""
    devices = ["bus-1-d1", "bus-2-d1", "bus-3-d1"]
    known = identities("isfahan", "s0", devices)
    before = json.loads(roles_json([one for one in known if one.name != "office"]))
    for role in before["roles"]:
        role["acls"] = [acl for acl in role["acls"] if not acl["topic"].endswith(("renewal", "renewed"))]
        role["textname"] = "as the plugin writes it"
    disabled, other = before["clients"][-2], before["clients"][-1]
    disabled |= {"disabled": True, "roles": []}
    other["roles"] = [{"rolename": "spare"}]
    today = json.loads(roles_of_today(json.dumps(before), known))
    table, old = grants(today), grants(before | {"roles": [_plain(it) for it in before["roles"]]})
    assert f"{HERE}/bus-1-d1/renewal" in table["bus-1-d1"]["publishClientSend"]
    assert table["office"] == grants(json.loads(roles_json(known)))["office"]
    assert {name: table[name] for name in devices[1:]} == {name: old[name] for name in devices[1:]}
    assert [it for it in today["clients"] if it in (disabled, other)] == [disabled, other]
    text = json.dumps(today)
    assert roles_of_today(text, known) is text


def _plain(role: dict[str, Any]) -> dict[str, Any]:
    return {name: role[name] for name in ("rolename", "acls")}


@pytest.mark.parametrize("topic", ["a/+/b", "a/#"])
def test_a_topic_with_either_wildcard_is_a_pattern(topic: str) -> None:
    table = grants(json.loads(roles_json([Identity("one", "CN=one", (), (topic,))])))
    assert set(table["one"]) == {"subscribePattern", "unsubscribePattern", "publishClientReceive"}


def test_an_identity_put_again_takes_its_own_place_and_no_other() -> None:
    text = roles_json(identities("isfahan", "s0", ["bus-1-d1", "bus-2-d1"]))
    again = json.loads(roles_with(text, device_identity("isfahan", "s1", "bus-1-d1")))
    assert [client["roles"][0]["rolename"] for client in again["clients"]] == [
        "admin", "office", "backend-s0", "bus-2-d1", "bus-1-d1",
    ]  # fmt: skip
    assert [role["rolename"] for role in again["roles"]] == ["admin", "office", "backend-s0", "bus-2-d1", "bus-1-d1"]
    assert "savar/1/isfahan/s1/bus-1-d1/taps" in grants(again)["bus-1-d1"]["publishClientSend"]
    others = [role for role in json.loads(text)["roles"] if role["rolename"] != "bus-1-d1"]
    assert again["roles"][:4] == others


@pytest.mark.parametrize("text", ["{", "[]", '{"clients": []}', '{"clients": [1], "roles": []}', '{"clients": [{}]}'])
def test_what_is_no_file_of_roles_is_said(text: str) -> None:
    with pytest.raises(BadSetting, match="dynamic-security"):
        roles_with(text, device_identity("isfahan", "s0", "bus-1-d1"))


def test_the_files_of_roles_and_settings_end_with_a_line() -> None:
    assert roles_json([]).endswith("}\n")
    city = CitySettings("isfahan", "s0", "broker.example", 8_883, "mosquitto")
    assert city_text(city).endswith('user = "mosquitto"\n')
