"""Fuzz every decoder: garbage is taken, or refused by a named error of a family; never anything else.

As a program (`make fuzz`, atheris in an environment of its own): python -m tests.fuzz.fuzz_decoders KIND CORPUS, and options
of libFuzzer; `all` is every kind of targets.KINDS. With --replay the corpus goes through once, for `coverage` to look on.
--kinds says which kinds there are, and KIND --modules what its decoders stand in, as `coverage` wants it.
As a test: test_fuzz.py runs `one_input` over mutated vectors and random bytes.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from backend.core.reconciliation.statements import BANK_WHOLE, WHOLE
from protocol.errors import ProofError, WireError
from protocol.wire import cbor
from protocol.wire.signed import cut
from tests.fuzz.targets import KINDS, MODULES, REFUSALS, ROOM, TARGETS, Target


def one_input(data: bytes, targets: Mapping[str, Target] = TARGETS) -> None:
    """Every target over one input. Raises whatever breaks the contract."""
    for target in targets.values():
        try:
            target(data)
        except REFUSALS:
            continue


def seeds() -> list[bytes]:
    """Inputs to begin with: the golden vectors, and what stands inside their envelopes and records."""
    found: list[bytes] = []
    for path in sorted((Path(__file__).parents[1] / "vectors").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found += [bytes.fromhex(entry["public"]) for entry in content.get("keys", [])]
        for entry in (*content.get("pass", []), *content.get("fail", [])):
            if "bytes" in entry:
                found.append(bytes.fromhex(entry["bytes"]))
            elif "text" in entry:
                found.append(entry["text"].encode())
            found += [bytes.fromhex(chunk) for chunk in entry.get("chunks", [])]
    found += [",".join(it).encode() for it in (WHOLE, BANK_WHOLE)]
    found += [b"A1,5000,2026-11-30T08:00:00+03:30,payment,50,P1", b"R1,5000,2026-11-30T08:00:00+03:30,in"]
    return found + [inner for data in found for inner in _inside(data)]


def _inside(data: bytes) -> list[bytes]:
    try:
        return [cut(data, max_bytes=ROOM).payload]
    except (WireError, ProofError):
        pass
    try:
        value = cbor.decode(data, max_bytes=ROOM)
    except WireError:
        return []
    return [part for part in value if isinstance(part, bytes)] if isinstance(value, list) else []


def replay(kind: str, corpus: Path) -> int:
    """Every input of a corpus once, as a measure of what lines it reaches → how many."""
    inputs = sorted(it for it in corpus.iterdir() if it.is_file())
    for path in inputs:
        one_input(path.read_bytes(), KINDS[kind])
    return len(inputs)


def main() -> None:
    """Run under atheris until it is stopped or finds something."""
    if sys.argv[1:] == ["--kinds"]:
        print(*KINDS)  # noqa: T201
        return
    kind, corpus, *options = sys.argv[1:]
    if corpus == "--modules":
        print(",".join(f"*/{name}.py" for name in MODULES[kind].split()))  # noqa: T201
        return
    if options == ["--replay"]:
        print(f"{kind}: {replay(kind, Path(corpus))} inputs")  # noqa: T201
        return
    import atheris  # noqa: PLC0415 - installed on demand by `make fuzz`, not part of Savar's environment

    targets = TARGETS if kind == "all" else KINDS[kind]
    Path(corpus).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (Path(corpus) / f"vector-{number:03}").write_bytes(seed)
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], corpus, *options], lambda data: one_input(data, targets))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
