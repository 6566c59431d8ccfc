"""backend.toml: what is not meant is named, with the key that probably was; paths stand by the file."""

from pathlib import Path

import pytest

from backend.adapters.payments.bank_gateway import BankGateway
from backend.adapters.payments.zarinpal import Zarinpal
from backend.app.config import load_config
from backend.app.payments.providers import make_providers
from backend.core.errors import KeyMissing
from backend.core.limits import SILENT_AFTER_DEFAULT_S
from transport.toml_file import ConfigError

GOOD = """
city = "testabad"
shard = "s0"
data_dir = "data"
registry = "../registry"
bundle = "/elsewhere/bundle.cose"
[broker]
host = "10.0.0.1"
port = 8883
ca = "keys/ca.crt.pem"
cert = "keys/tls.crt.pem"
key = "keys/tls.key.pem"
"""
PASSWORD = """
city = "testabad"
shard = "s0"
[broker]
host = "{host}"
port = 1883
username = "backend-s0"
password_file = "password"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "backend.toml"
    path.write_text(text)
    return path


def test_a_good_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths are taken from the file's folder, wherever the process stands; absolute ones stay."""
    path = write(tmp_path, GOOD)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    config = load_config(Path("..") / path.name)
    assert config.data_dir == tmp_path / "data"
    assert config.keys_dir == tmp_path / "keys"
    assert config.registry.resolve() == tmp_path.parent / "registry"
    assert config.bundle == Path("/elsewhere/bundle.cose")
    assert config.broker.key == tmp_path / "keys" / "tls.key.pem"
    assert config.identity == "backend-s0"
    assert (config.http.host, config.http.port, config.payments) == ("127.0.0.1", 8080, None)
    assert config.alarms.silent_after_s == SILENT_AFTER_DEFAULT_S


@pytest.mark.parametrize(
    ("more", "key", "says"),
    [
        ("[http]\nprot = 80\n", "http.prot", "did you mean port?"),
        ("[alarms]\nsilent_after = 5\n", "alarms.silent_after", "did you mean silent_after_s?"),
        ("[payment]\n", "payment", "did you mean payments?"),
        ("[zzz]\n", "zzz", "unknown key zzz"),
        ("[alarms]\nsilent_after_s = 0\n", "alarms.silent_after_s", "greater than or equal to 1"),
        ("[http]\nport = 65536\n", "http.port", "less than or equal to 65535"),
        ('[payments]\nprovider = "ftp://x"\nmerchant = "m"\n', "payments.provider", "pattern"),
        ('[payments]\nprovider = "https://x"\n', "payments.merchant", "is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, more: str, key: str, says: str) -> None:
    """An unknown key comes with the near one."""
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, GOOD + more))
    assert caught.value.data["keys"] == [key]
    assert key in str(caught.value)
    assert says in str(caught.value)
    assert caught.value.fix


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    text = GOOD.replace('city = "testabad"', "").replace('"s0"', '"S 0"') + "[http]\nprot = 80\n"
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text))
    assert sorted(caught.value.data["keys"]) == ["city", "http.prot", "shard"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_password_is_allowed_on_loopback(tmp_path: Path, host: str) -> None:
    config = load_config(write(tmp_path, PASSWORD.format(host=host)))
    assert config.broker.password_file == tmp_path / "password"


@pytest.mark.parametrize("host", ["10.0.0.1", "0.0.0.0", "broker.example", "localhost.example", "::"])
def test_a_password_crosses_no_network(tmp_path: Path, host: str) -> None:
    """P12: only mutual TLS leaves the machine."""
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, PASSWORD.format(host=host)))
    assert caught.value.data["keys"] == ["broker"]


@pytest.mark.parametrize("line", ['ca = "keys/ca.crt.pem"', 'key = "keys/tls.key.pem"'])
def test_half_an_identity_is_none(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match="either ca, cert and key"):
        load_config(write(tmp_path, GOOD.replace(line, "")))


@pytest.mark.parametrize(
    ("text", "says"), [(None, "cannot read"), ("city = ", "is not TOML"), (b"\xff", "is not TOML")]
)
def test_a_file_that_cannot_be_read(tmp_path: Path, text: str | bytes | None, says: str) -> None:
    path = tmp_path / "backend.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=says):
        load_config(path)


def test_several_providers_each_by_its_name(tmp_path: Path) -> None:
    """Without others it is as it was; the first one is `main` to the ledger."""
    first = '[payments]\nprovider = "https://z"\nmerchant = "m"\n'
    others = '[payments.others.saman]\nkind = "bank-gateway"\nprovider = "https://b"\nmerchant = "file:keys/terminal"\n'
    config = load_config(write(tmp_path, GOOD + first))
    assert config.payments is not None
    assert list(config.payments.all) == ["main"]
    config = load_config(write(tmp_path, GOOD + first + others))
    assert config.payments is not None
    assert list(config.payments.all) == ["main", "saman"]
    assert config.payments.others["saman"].merchant_file == tmp_path / "keys" / "terminal"
    with pytest.raises(KeyMissing, match="cannot be read"):
        make_providers(config.payments)
    (tmp_path / "keys").mkdir()
    for written, says in (("", "is empty"), ("terminal!", "no terminal number"), ("۲۰۱۵", "no terminal number")):
        (tmp_path / "keys" / "terminal").write_text(written)
        with pytest.raises(KeyMissing, match=says) as caught:
            make_providers(config.payments)
        assert not written or written not in str(caught.value)
    (tmp_path / "keys" / "terminal").write_text("2015\n")
    made = make_providers(config.payments)
    assert {name: type(it) for name, it in made.items()} == {"main": Zarinpal, "saman": BankGateway}
    for it in made.values():
        it.close()


@pytest.mark.parametrize(
    ("more", "key", "says"),
    [
        ('[payments.others.main]\nprovider = "https://b"\nmerchant = "1"\n', "payments.others", "choose another"),
        (
            '[payments.others.b]\nprovider = "http://b"\nmerchant = "1"\n',
            "payments.others.b.provider",
            "give an https address",
        ),
        ('[payments.others.b]\nkind = "bank"\nprovider = "https://b"\nmerchant = "1"\n', "payments.others.b.kind", ""),
        ('[payments.others.b]\nprovider = "https://b"\n', "payments.others.b.merchant", "is missing"),
        ('[payments.others."B c"]\nprovider = "https://b"\nmerchant = "1"\n', "payments.others.B c.[key]", ""),
    ],
)
def test_what_is_wrong_with_another_provider_is_named(tmp_path: Path, more: str, key: str, says: str) -> None:
    first = '[payments]\nprovider = "https://z"\nmerchant = "m"\n'
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, GOOD + first + more))
    assert caught.value.data["keys"] == [key]
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("told", "processors", "openers"),
    [("", 1, 0), ("", 2, 1), ("", 64, 2), ("openers = 0", 64, 0), ("openers = 5", 2, 5)],
)
def test_how_many_openers(tmp_path: Path, told: str, processors: int, openers: int) -> None:
    """The ingest thread has a processor, and two keep up with it; a file may say otherwise."""
    assert load_config(write(tmp_path, f"{GOOD}[ingest]\n{told}")).ingest.openers_of(processors) == openers


@pytest.mark.parametrize("told", ["-1", "9", '"two"'])
def test_openers_without_sense(tmp_path: Path, told: str) -> None:
    with pytest.raises(ConfigError, match="openers"):
        load_config(write(tmp_path, f"{GOOD}[ingest]\nopeners = {told}"))


@pytest.mark.parametrize(
    ("passkeys", "said"),
    [('origin = "https://fares.example:443"', "leave it out"), ('origin = "http://localhost:80"', "leave it out"),
     ('origin = "https://fares.example"\nrp_id = "example.org"', "no passkeys for example.org"),
     ('origin = "https://fares.example"\nrp_id = "ares.example"', "no passkeys for ares.example")],
)  # fmt: skip
def test_passkeys_that_no_browser_would_make_are_refused(tmp_path: Path, passkeys: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_config(write(tmp_path, f"{GOOD}\n[passkeys]\n{passkeys}\n"))


@pytest.mark.parametrize(
    "passkeys",
    ['origin = "https://fares.example:8443"', 'origin = "https://fares.city.example"\nrp_id = "city.example"'],
)
def test_passkeys_of_this_site_are_taken(tmp_path: Path, passkeys: str) -> None:
    assert load_config(write(tmp_path, f"{GOOD}\n[passkeys]\n{passkeys}\n")).passkeys is not None


def test_the_passengers_app_lies_beside_the_file(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, GOOD)).passenger is None
    config = load_config(write(tmp_path, f'{GOOD}\n[passenger]\npages = "passenger"\n'))
    assert config.passenger is not None
    assert config.passenger.pages == tmp_path / "passenger"
    with pytest.raises(ConfigError, match="passenger"):
        load_config(write(tmp_path, f"{GOOD}\n[passenger]\n"))
