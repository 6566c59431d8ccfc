"""The house is tidy, and the linter that says so finds a planted offence of each kind (P18, P19)."""

from pathlib import Path

import pytest

from tests.house import tidy

ROOT = Path(__file__).parents[2]


def test_the_house_is_tidy() -> None:
    found = list(tidy.findings(ROOT))
    assert not found, "\n" + "\n".join(found)


def test_the_linter_looks_at_something() -> None:
    assert sum(1 for room in tidy.ROOMS for _ in (ROOT / room).rglob("*.py")) > 40
    assert any((ROOT / "protocol").rglob("*.py"))
    assert any((ROOT / "edge" / "core").rglob("*.py"))


def planted(root: Path, where: str, code: str) -> list[str]:
    path = root / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code if path.suffix != ".py" else f'"""Doc."""\n{code}\n')
    return list(tidy.findings(root))


IMPURE = {
    "time.time": ("import time\nx = time.time()", "take time as an argument"),
    "clock under another name": ("import time as t\nx = t.monotonic()", "take time as an argument"),
    "clock imported by name": ("from time import monotonic_ns\nx = monotonic_ns()", "take time as an argument"),
    "clock imported inside a function": (
        "def f():\n    from time import time\n    return time()",
        "take time as an argument",
    ),
    "clock as a default": ("import time\ndef f(now=time.time): ...", "take time as an argument"),
    "sleep": ("import time\ntime.sleep(1)", "let the app wait"),
    "datetime.now": ("from datetime import datetime\nx = datetime.now()", "take time as an argument"),
    "datetime module": ("import datetime as dt\nx = dt.datetime.utcnow()", "take time as an argument"),
    "date.today": ("from datetime import date\nx = date.today()", "take time as an argument"),
    "random": ("import random", "take randomness as an argument"),
    "secrets": ("from secrets import token_bytes", "take randomness as an argument"),
    "os.urandom": ("import os\nx = os.urandom(8)", "take randomness as an argument"),
    "uuid4": ("from uuid import uuid4\nx = uuid4()", "take randomness as an argument"),
    "uuid1": ("import uuid\nx = uuid.uuid1()", "take randomness as an argument"),
    "socket": ("import socket", "adapter"),
    "open": ("x = open('f')", "adapter"),
    "path read": ("from pathlib import Path\nx = Path('f').read_text()", "adapter"),
    "print": ("print('x')", "return what is to be said"),
    "threading": ("from threading import Thread", "adapter"),
}


@pytest.mark.parametrize("where", ["protocol/wire/a.py", "edge/core/a.py", "backend/core/deeper/a.py"])
@pytest.mark.parametrize(("code", "instead"), IMPURE.values(), ids=IMPURE)
def test_impure_code_is_found_where_code_is_pure(tmp_path: Path, where: str, code: str, instead: str) -> None:
    found = planted(tmp_path, where, code)
    assert any(line.startswith(where) and instead in line for line in found), found


@pytest.mark.parametrize(("code", "instead"), IMPURE.values(), ids=IMPURE)
def test_adapters_may(tmp_path: Path, code: str, instead: str) -> None:
    assert planted(tmp_path, "edge/adapters/core.py", code) == []


EVERYWHERE = {
    "bare except": "try:\n    x = 1\nexcept:\n    x = 2",
    "except Exception": "try:\n    x = 1\nexcept Exception as e:\n    x = 2",
    "another error raised instead": "try:\n    x = 1\nexcept Exception as e:\n    raise ValueError from e",
    "BaseException in a tuple": "try:\n    x = 1\nexcept (OSError, BaseException):\n    x = 2",
    "suppress(Exception)": "from contextlib import suppress\nwith suppress(Exception):\n    x = 1",
    "file too long": "x = 1\n" * 400,
    "function too long": "def f():\n" + "    x = 1\n" * 70,
    "open work": "x = 1  # TO" + "DO: later",
    "host": "URL = 'https://cdn.jsdelivr.net/x.js'",
    "address that is not loopback": "URL = 'mqtt://192.168.1.7:1883'",
    "host in an f-string": "URL = f'http://fonts.googleapis.com/{1}'",
}


@pytest.mark.parametrize("code", EVERYWHERE.values(), ids=EVERYWHERE)
@pytest.mark.parametrize("where", ["cli/a.py", "edge/app/a.py", "protocol/a.py"])
def test_offence_is_found_everywhere(tmp_path: Path, where: str, code: str) -> None:
    found = planted(tmp_path, where, code)
    assert len(found) == 1, found
    assert found[0].startswith(f"{where}:")


FINE = {
    "named errors": "try:\n    x = 1\nexcept (OSError, ValueError):\n    x = 2",
    "clean up and raise again": "try:\n    x = 1\nexcept BaseException:\n    x = 2\n    raise",
    "place holder": "URL = 'rtsp://… or http://HOST:8080/x'",
    "loopback": "URL = 'http://127.0.0.1:8080/x'\nOTHER = f'http://localhost:{1}'",
    "example domain": "URL = 'https://api.example.org'",
    "host from configuration": "def f(host: str) -> str:\n    return f'http://{host}/x'",
    "file just short enough": "x = 1\n" * 398,
    "a method of its own called now": "def f(clock: object) -> object:\n    return clock.now()",
}


@pytest.mark.parametrize("code", FINE.values(), ids=FINE)
def test_what_is_fine_is_not_found(tmp_path: Path, code: str) -> None:
    assert planted(tmp_path, "protocol/a.py", code) == []


def test_module_and_package_without_docstring(tmp_path: Path) -> None:
    for name in ("__init__.py", "a.py"):
        (tmp_path / "edge").mkdir(exist_ok=True)
        (tmp_path / "edge" / name).write_text("")
    assert [line.partition(": ")[2] for line in tidy.findings(tmp_path)] == [
        "package without a docstring: say its one job",
        "module without a docstring: say its one job",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script src="https://unpkg.com/x.js"></script>'),
        ("a.html", "<link href='//fonts.example/x.css'>"),
        ("a.css", "@import url(http://fonts.example/x.css);"),
        ("a.css", "src: url('//fonts.example/x.woff2')"),
        ("a.js", 'fetch("https://tiles.example/1/2/3.png")'),
        ("deeper/a.js", 'import x from "https://esm.example/x"'),
    ],
)
def test_page_that_fetches_from_elsewhere(tmp_path: Path, name: str, text: str) -> None:
    """P19."""
    found = planted(tmp_path, f"backend/static/{name}", text)
    assert len(found) == 1, found
    assert found[0].startswith(f"backend/static/{name}:1: ")


def test_page_that_fetches_nothing(tmp_path: Path) -> None:
    text = '<svg xmlns="http://www.w3.org/2000/svg"></svg><script src="/static/app.js"></script><a href="/docs">'
    assert planted(tmp_path, "backend/static/a.html", text) == []


def test_only_the_named_supervisors_catch_what_they_cannot_name(tmp_path: Path) -> None:
    where, name = next(iter(tidy.SUPERVISORS))
    code = "def {}():\n    try:\n        x = 1\n    except Exception as failure:\n        x = failure"
    assert planted(tmp_path, where, code.format(name)) == []
    assert len(planted(tmp_path, where, code.format("other"))) == 1
    assert len(planted(tmp_path, "edge/app/other.py", code.format(name))) == 2  # the file before is still there


@pytest.mark.parametrize(
    "text",
    [
        'fetch("https://tiles.example.net/1.png")',
        "x".ljust(121, "x"),
        "// TO" + "DO: later",
        "x\n" * 401,
    ],
)
@pytest.mark.parametrize("where", ["web/onboard/src/a.svelte", "web/tests/a.ts"])
def test_offence_is_found_in_the_pages(tmp_path: Path, where: str, text: str) -> None:
    found = planted(tmp_path, where, text)
    assert len(found) == 1, found
    assert found[0].startswith(where)


def test_packages_of_the_pages_are_not_ours_to_measure(tmp_path: Path) -> None:
    assert planted(tmp_path, "web/node_modules/a/b.ts", "x".ljust(500, "x")) == []
    assert len(tidy.web_files(ROOT)) > 20
