"""The text of mosquitto.conf and of the dynamic-security plugin's file. Measured with Mosquitto 2.0.11.

Rules:
- one listener, mutual TLS; the certificate's whole name is user name and client id, so nobody can throw another client
  off by using its id, and who may sign for one purpose names nobody of another;
- the plugin denies whatever no role grants; 2.0.11 knows no %u in its patterns, so every device has a role of its own
  with literal topics;
- the broker stores nothing: proof is the backend's signed receipt, and whatever has none is sent again.
"""

import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from provisioning.core import limits
from provisioning.core.city import Identity
from provisioning.core.errors import BadSetting
from provisioning.core.names import is_loopback

_CONF = """\
# Written by `savar provision broker`; a later call writes it anew. Change the city's settings, not this file.
# Start it with: mosquitto -c {folder}/mosquitto.conf

# Started as root, Mosquitto becomes this account before it reads the files below; they belong to it.
user {user}

# Mutual TLS is the only way in. The certificate's whole name becomes user name and client id: CN=…,OU=purpose,O=city.
listener {port}{bind}
cafile {folder}/ca.crt.pem
certfile {folder}/broker.crt.pem
keyfile {folder}/broker.key.pem
# Read when it starts and at SIGHUP. A damaged one at SIGHUP admits everybody: only `savar provision crl` writes it.
crlfile {folder}/crl.pem
tls_version tlsv1.3
require_certificate true
use_subject_as_username true
use_username_as_clientid true
allow_anonymous false

# Who may say and hear what: one role for each certificate name, everything else denied.
plugin {plugin}
plugin_opt_config_file {folder}/dynamic-security.json

# Nothing is stored. A broker's acknowledgement proves nothing: after SIGKILL, 1,000 of 1,000 acknowledged messages were
# gone even with a store. The backend's signed receipt is the proof, and whatever has none is sent again.
persistence false

# A larger packet ends its connection, so the sender notices. `message_size_limit` would acknowledge it and drop it.
max_packet_size {packet_bytes}
# Per client: as many as the clients themselves keep in flight.
max_inflight_messages {inflight}
# Per client, behind those in flight; the broker drops what overflows, and it is sent again for lack of a receipt.
max_queued_messages {queued}
max_queued_bytes {queued_bytes}
queue_qos0_messages false
# Without it a round trip costs 40 ms more.
set_tcp_nodelay true

# To standard error, for journald or whoever started it. Payloads and keys are never logged.
log_dest stderr
log_timestamp_format %Y-%m-%dT%H:%M:%S
log_type error
log_type warning
log_type notice
connection_messages true
"""


def mosquitto_conf(*, folder: Path, host: str, port: int, user: str, plugin: Path) -> str:
    """mosquitto.conf of the broker whose files lie in `folder` (absolute). A loopback host binds loopback only."""
    return _CONF.format(
        folder=folder, port=port, bind=f" {host}" if is_loopback(host) else "", user=user, plugin=plugin,
        packet_bytes=limits.BROKER_PACKET_MAX_BYTES, inflight=limits.BROKER_INFLIGHT_MESSAGES,
        queued=limits.BROKER_QUEUED_MESSAGES, queued_bytes=limits.BROKER_QUEUED_BYTES,
    )  # fmt: skip


def roles_json(identities: Iterable[Identity]) -> str:
    """dynamic-security.json: a client without password and a role for each identity; the certificate is the proof."""
    document: dict[str, object] = {
        "defaultACLAccess": dict.fromkeys(
            ("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"), False
        ),
        "clients": [],
        "groups": [],
        "roles": [],
    }
    return _with_identities(document, identities)


def roles_with(text: str, identity: Identity) -> str:
    """The file with one identity more. The rest stays as it is: what was disabled or taken away live stays so (P13).

    Raises BadSetting when the text is no such file.
    """
    try:
        document = json.loads(text)
        return _with_identities(document, [identity])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(error) from error


def roles_filled(text: str, known: Iterable[Identity]) -> str:
    """The file with those who are not in it at all; the same text where all are. Who is in it stays as it is (P13).

    A running broker that is told something writes down whom it knows, and it knows whom it read when it began: who was
    enrolled since is lost. Raises BadSetting.
    """
    try:
        document = json.loads(text)
        there = {it["username"] for it in document["clients"]}
        lost = [one for one in known if one.user not in there]
        return _with_identities(document, lost) if lost else text
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(error) from error


def roles_of_today(text: str, known: Iterable[Identity]) -> str:
    """The file with today's grants for whoever has a role, and with those who are not in it; the same where all are so.

    Who was disabled, or has no role or another one, stays as he is (P13). Raises BadSetting.
    """
    try:
        document = json.loads(text)
        there = {it["username"]: it for it in document["clients"]}
        granted = {it["rolename"]: _granted(it["acls"]) for it in document["roles"]}
        lacking = [
            one for one in known
            if one.user not in there
            or (_holds_its_own(there[one.user], one) and granted.get(one.name) != _granted(_acls(one)))
        ]  # fmt: skip
        return _with_identities(document, lacking) if lacking else text
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(error) from error


def _holds_its_own(client: dict[str, Any], one: Identity) -> bool:
    return not client.get("disabled") and [it["rolename"] for it in client.get("roles", ())] == [one.name]


def _granted(acls: Iterable[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """Without the defaults that the plugin writes down beside."""
    return {(it["acltype"], it["topic"], it["allow"]) for it in acls}


def roles_without(text: str, users: Collection[str]) -> str:
    """The file with these users disabled and without a role; the same text where they are. Raises BadSetting."""
    try:
        document = json.loads(text)
        mine = [it for it in document["clients"] if it["username"] in users]
        if all(it.get("disabled") and not it.get("roles") for it in mine):
            return text
        gone = {role["rolename"] for it in mine for role in it.get("roles", ())}
        for it in mine:
            it.update({"roles": [], "disabled": True})
        document["roles"] = [role for role in document["roles"] if role["rolename"] not in gone]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(error) from error
    return json.dumps(document, indent=1) + "\n"


def _with_identities(document: dict[str, Any], identities: Iterable[Identity]) -> str:
    for one in identities:
        _put(document["clients"], "username", {"username": one.user, "roles": [{"rolename": one.name}]})
        _put(document["roles"], "rolename", {"rolename": one.name, "acls": _acls(one)})
    return json.dumps(document, indent=1) + "\n"


def _damaged(error: Exception) -> BadSetting:
    return BadSetting(
        f"dynamic-security.json is damaged: {error}",
        fix="restore it from the backup, or remove it: `savar provision broker` makes it anew of those enrolled",
    )


def _put(entries: list[dict[str, Any]], key: str, entry: dict[str, Any]) -> None:
    entries[:] = [other for other in entries if other[key] != entry[key]] + [entry]


def _acls(identity: Identity) -> list[dict[str, object]]:
    grants = [("publishClientSend", topic) for topic in identity.sends]
    for topic in identity.hears:
        kind = "Pattern" if {"+", "#"} & set(topic) else "Literal"
        grants += [(f"subscribe{kind}", topic), (f"unsubscribe{kind}", topic), ("publishClientReceive", topic)]
    return [{"acltype": kind, "topic": topic, "allow": True} for kind, topic in grants]
