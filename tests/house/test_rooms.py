"""A bus installs no backend and a backend no camera: each room imports with the other room's libraries blocked."""

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HTTP = ("fastapi", "starlette", "uvicorn")  # what serves a page: the backend's, and a bus's terminal
BACKEND_ONLY = ("httpx", "segno", "amqtt", "webauthn")
EDGE_ONLY = ("cv2", "numpy", "apsw", "zxingcpp", "pyzbar", "sqlite_utils", "zeroconf", "ifaddr", "amqtt")
ON_EVERY_MACHINE = (*HTTP, *BACKEND_ONLY, *EDGE_ONLY, "paho")
TOKENS = ("pkcs11", "hardware_keys")  # a key in a token

IMPORT_WITH_BLOCKED = """
import importlib, sys
blocked, modules = sys.argv[1].split(","), sys.argv[2:]
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is not installed in this room", name=name)
sys.meta_path.insert(0, Blocker())
for module in modules:
    importlib.import_module(module)
assert not set(blocked) & set(sys.modules), set(blocked) & set(sys.modules)
"""


def modules_of(room: str) -> list[str]:
    return [room, *(found.name for found in pkgutil.walk_packages([str(ROOT / room)], f"{room}."))]


def import_with_blocked(blocked: tuple[str, ...], modules: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_WITH_BLOCKED, ",".join(blocked), *modules],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.stderr


@pytest.mark.parametrize(
    ("room", "blocked"),
    [
        ("protocol", (*ON_EVERY_MACHINE, *TOKENS)),
        ("transport", (*HTTP, *BACKEND_ONLY, *EDGE_ONLY, *TOKENS)),
        ("firmware_bridge", (*HTTP, *BACKEND_ONLY, *EDGE_ONLY, "transport", "edge")),
        ("hardware_keys", (*ON_EVERY_MACHINE, "transport", "edge", "provisioning")),
        ("edge", (*BACKEND_ONLY, "pkcs11", "backend", "provisioning", "simulators")),
        ("backend", (*EDGE_ONLY, *TOKENS, "edge", "provisioning", "simulators")),
        ("provisioning", (*ON_EVERY_MACHINE, "pkcs11", "edge", "backend", "simulators")),
    ],
)
def test_a_room_needs_only_its_own_libraries(room: str, blocked: tuple[str, ...]) -> None:
    modules = modules_of(room)
    assert len(modules) > 2
    assert import_with_blocked(blocked, modules) == ""


def test_the_blocker_blocks() -> None:
    assert "cbor2 is not installed in this room" in import_with_blocked(("cbor2",), ["protocol.wire.cbor"])
    assert import_with_blocked(("cbor2",), ["protocol.limits"]) == ""


def test_only_the_terminals_adapters_serve_pages() -> None:
    """A validator without a terminal, and everything that decides, needs no HTTP server."""
    serving = ("edge.adapters.onboard_http", "edge.adapters.onboard_problems", "edge.adapters.onboard_server")
    serving = (*serving, "edge.app.served_terminal")
    modules = modules_of("edge")
    assert set(serving) < set(modules)
    assert import_with_blocked(HTTP, [module for module in modules if module not in serving]) == ""
    for module in serving:
        assert "is not installed in this room" in import_with_blocked(HTTP, [module])
