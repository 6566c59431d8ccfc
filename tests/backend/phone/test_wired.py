"""`[sms]` in backend.toml, the keys that it takes, and a whole backend that sends a code and takes it."""

from pathlib import Path

import httpx
import pytest

from backend.adapters.keys import load_number_key
from backend.app.config import BackendConfig, load_config
from backend.app.sms import make_wired
from backend.core.errors import KeyMissing
from backend.core.staff.roles import Role
from tests.backend.document.served import RIDER, Served
from tests.backend.phone.office import NUMBER
from tests.backend.test_config import GOOD, write
from transport.toml_file import ConfigError

SMS = """
[sms]
provider = "https://sms.example.org"
key_file = "keys/sms.key"
bind_template = "savar-bind"
sign_in_template = "savar-sign-in"
"""


def config(folder: Path, *, sender: str | None = "a0key0of0sixteen0", numbers: str | None = "0a" * 32) -> BackendConfig:
    (folder / "keys").mkdir()
    for name, held in (("sms.key", sender), ("phone.key", numbers)):
        if held is not None:
            (folder / "keys" / name).write_text(f"{held}\n")
    return load_config(write(folder, GOOD + SMS))


def test_a_city_that_says_nothing_of_it_sends_no_messages(tmp_path: Path) -> None:
    assert make_wired(load_config(write(tmp_path, GOOD))) is None


def test_what_is_configured_is_wired(tmp_path: Path) -> None:
    made = make_wired(config(tmp_path))
    assert made is not None
    assert made.key == b"\n" * 32
    made.sender.close()


@pytest.mark.parametrize(
    ("held", "names"),
    [
        ({"sender": None}, "sms.key"), ({"sender": ""}, "sms.key"), ({"sender": "with/a/way/out/of/it"}, "sms.key"),
        ({"numbers": None}, "phone.key"), ({"numbers": "0a" * 31}, "phone.key"), ({"numbers": "xy" * 32}, "phone.key"),
    ],
)  # fmt: skip
def test_a_key_that_is_missing_or_none_is_named_and_not_told(tmp_path: Path, held: dict[str, str], names: str) -> None:
    with pytest.raises(KeyMissing, match=names) as caught:
        make_wired(config(tmp_path, **held))
    assert caught.value.fix
    assert all(it is None or not it or it not in str(caught.value) for it in held.values())


def test_a_missing_key_of_numbers_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match="/dev/urandom"):
        load_number_key(tmp_path)


@pytest.mark.parametrize("wrong", ['key = "in-the-clear"\n', 'bind_template = "a b"\n'])
def test_what_is_wrong_in_it_is_named(tmp_path: Path, wrong: str) -> None:
    text = SMS.replace('bind_template = "savar-bind"\n', "") if "template" in wrong else SMS
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, GOOD + text + wrong))
    assert caught.value.data["keys"][0].startswith("sms.")


@pytest.mark.parametrize(
    ("provider", "taken"),
    [
        ("https://sms.example.org", True), ("http://127.0.0.1:80", True), ("http://[::1]:80", True),
        ("http://localhost", True), ("http://sms.example.org", False), ("http://127.0.0.1@sms.example.org", False),
        ("http://127.0.0.1.sms.example.org", False),
    ],
)  # fmt: skip
def test_only_to_this_machine_goes_it_without_tls(tmp_path: Path, provider: str, taken: bool) -> None:  # noqa: FBT001
    told = GOOD + SMS.replace("https://sms.example.org", provider)
    if taken:
        assert load_config(write(tmp_path, told)).sms is not None
        return
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, told))
    assert caught.value.data["keys"][0].startswith("sms.provider")


def test_a_whole_backend_sends_a_code_and_takes_it(tmp_path: Path) -> None:
    with Served(tmp_path) as served, httpx.Client(base_url=served.url, trust_env=False, timeout=20) as client:
        asked = client.post("/v1/riders/phone/codes", json={"number": f"+98{NUMBER[1:]}", "for": "bind"})
        assert asked.status_code == 202, asked.text
        (sent,) = served.sms.messages
        assert (sent.number, sent.template) == (NUMBER, "bind")
        own = {"Authorization": f"Bearer {served.tokens[Role.RIDER]}"}
        where = f"/v1/riders/{RIDER.credential_id.hex()}"
        bound = client.post(f"{where}/phone", json={"number": NUMBER, "code": sent.code}, headers=own)
        assert bound.status_code == 200, bound.text
        (told,) = client.get(f"{where}/export", headers=own).json()["phone"]
        assert told["since_ms"] == bound.json()["bound_since_ms"]
        served.sms.misbehave("no-credit")
        unsent = client.post("/v1/riders/phone/codes", json={"number": "09351234567", "for": "sign-in"})
        assert (unsent.status_code, unsent.json()["type"]) == (503, "urn:savar:problem:sms-unsent")
        alarms = served.backend.store.alarms(open_only=True)
        assert [(it.kind, it.device) for it in alarms if it.kind.startswith("sms")] == [("sms-unsent", "sms")]
