"""No secret lies in the tree, and one that is planted is found."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from tests.house.leaks import KNOWN, files, known, leaks

ROOT = Path(__file__).parents[2]
HEX = sha256(b"a planted one").hexdigest()
BASE64 = b64encode(sha256(b"a planted one").digest()).decode()


@pytest.mark.slow
@pytest.mark.timeout(900)  # half a minute of a processor, whoever else has it
def test_no_secret_lies_in_the_tree_and_no_exception_is_for_nothing() -> None:
    ours = [*files(ROOT)]
    assert len(ours) > 1_000
    found, exceptions = [*leaks(ROOT, ours)], known(KNOWN.read_text("utf-8"))
    unknown = [str(it) for it in found if not any(one.covers(it) for one in exceptions)]
    assert unknown == [], "take it out, and change it wherever it is in use; if it is none, say why in known_leaks.toml"
    stale = [
        f"{one.path} {digest}"
        for one in exceptions
        for digest in (*one.digests, *one.kinds)
        if not any(one.covers(it) and digest in {it.digest, it.kind} for it in found)
    ]
    assert stale == [], "take these out of known_leaks.toml"
    assert all(one.why for one in exceptions)


PLANTED = {
    "private key": ("backend/a.py", 'KEY = """-----BEGIN ' + "EC PRIVATE KEY-----\nMHcCAQEEIB" + 'x\n"""'),
    "openssh key": ("deploy/a.txt", "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA"),
    "hex token": ("cli/a.py", f'TOKEN = "{HEX}"'),
    "hex token that says it is none": ("cli/a.py", f'TOKEN = "{HEX}"  # pragma: allowlist secret'),
    "in a folder called run": ("deploy/run/a.py", f'TOKEN = "{HEX}"'),
    "base64 token": ("edge/a.py", f'x = "{BASE64}"'),
    "password in settings": ("deploy/a.toml", "password = " + '"correct-horse-battery"'),
    "password in an address": ("backend/a.py", "x = 'postgresql://savar:" + "hunter22@db/ledger'"),
    "cloud key": ("docs/a.md", "AKIA" + "IOSFODNN7EXAMPLQ"),
    "repository token": ("docs/a.md", f"ghp_{HEX[:36]}"),
    "PIN in settings": ("deploy/hsm.toml", "user_pin = " + '"482913"'),
    "PIN in a unit": ("deploy/a.service", "Environment=SAVAR_PIN=" + "482913"),
    "PIN in a unit's command": ("deploy/a.service", "ExecStart=/usr/bin/a --pin 4" + "82913 --verbose"),
    "PIN that is exported": ("deploy/a.sh", "  export SO_PIN=" + "'48291377'; run"),
    "PIN by default": ("deploy/a.sh", 'a "${PIN:-4' + '82913}"'),
    "PIN in one word": ("deploy/a.toml", 'userpin = "4' + '82913"'),
    "PIN in an inline table": ("deploy/a.toml", 'token = { label = "a", user-pin = "4' + '82913", slot = 0 }'),
    "PIN in a list": ("deploy/a.toml", 'pins = ["4' + '82913", "5555"]'),
    "PIN in JSON of one line": ("deploy/a.json", '{"slot": 0, "pin": "4' + '82913", "label": "a"}'),
    "settings of one machine": ("web/.env.local", "x"),
    "PIN in a script": ("deploy/hsm.sh", "SO_PIN=" + "48291377"),
    "key file": ("deploy/broker/server.key", "x"),
    "certificate with its key": ("deploy/broker/server.p12", "x"),
    "a ledger": ("backend/ledger.db", "x"),
}


@pytest.mark.parametrize(("where", "text"), PLANTED.values(), ids=PLANTED)
def test_a_planted_one_is_found(tmp_path: Path, where: str, text: str) -> None:
    path = tmp_path / where
    path.parent.mkdir(parents=True)
    path.write_text(text + "\n")
    found = [*leaks(tmp_path, [*files(tmp_path)])]
    assert [it.path for it in found] == [where] * len(found)
    assert found
    exceptions = known(KNOWN.read_text("utf-8"))
    assert not any(one.covers(it) for one in exceptions for it in found)


FINE = {
    "a pin of the board": ("edge/a.toml", "lamp_pin = 17"),
    "what ends on other letters": ("edge/a.toml", "spinning = 4000\npinned: 482913"),
    "a hash that is held": ("edge/a.toml", 'pin = "4829ab"'),
    "a path": ("deploy/a.toml", 'certificate = "keys/device.crt.pem"'),
    "a hash in a lock": ("requirements/a.lock", f"    --hash=sha256:{HEX}"),
    "a place holder": ("docs/a.md", "send `Authorization: Bearer TOKEN`"),
}


def test_what_is_made_at_the_root_is_not_ours_and_a_file_of_that_name_is(tmp_path: Path) -> None:
    for where in ("run/keys/a.pem", "build/b", ".venv/c", "web/node_modules/d", ".ci/run", "deploy/build/e"):
        (tmp_path / where).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / where).write_text("x")
    assert [it.relative_to(tmp_path).as_posix() for it in files(tmp_path)] == [".ci/run", "deploy/build/e"]


@pytest.mark.parametrize(("where", "text"), FINE.values(), ids=FINE)
def test_what_is_none_is_not_found(tmp_path: Path, where: str, text: str) -> None:
    path = tmp_path / where
    path.parent.mkdir(parents=True)
    path.write_text(text + "\n")
    assert [*leaks(tmp_path, [*files(tmp_path)])] == []


def test_an_exception_is_for_its_own_file_and_secret_alone() -> None:
    (one,) = known('[[known]]\npath = "a/b.py"\nwhy = "x"\ndigests = ["12345678"]')
    leak = next(iter(leaks(ROOT, [ROOT / "protocol/wire/claims.py"])))
    assert not one.covers(leak)
    assert not any(it.covers(leak) for it in known(KNOWN.read_text("utf-8")) if it.path != leak.path)
