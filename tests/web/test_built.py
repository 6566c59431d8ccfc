"""What the browser gets: nothing from elsewhere (P19), no rule of fares, the tables of protocol/."""

import gzip
import json
import re
from pathlib import Path

from protocol.fares.verdicts import TABLE
from tests.web.conftest import HOST_PAGE, OFFICE, PASS, PASSENGER, ROOT

TEXT = (".js", ".css", ".html", ".svg")
# Names, not addresses: XML namespaces, and where Svelte's own messages would be read. Nothing fetches them.
FIRST_LOAD_MAX_BYTES = 150 << 10
LATER = {"zxing-": ".js", "zxing_reader-": ".wasm"}  # the reader of codes: when a scan first wants it
NAMES = ("http://www.w3.org/", "https://svelte.dev/e/")


def built(pages: Path) -> dict[str, str]:
    return {str(path.relative_to(pages)): path.read_text("utf-8") for path in pages.rglob("*") if path.suffix in TEXT}


def test_no_host_is_named(pages: Path) -> None:
    texts, office, passenger = built(pages), built(OFFICE), built(PASSENGER)
    assert {"index.html", "panel.html"} < set(texts)
    assert "index.html" in office
    assert {"index.html", "sw.js"} < set(passenger)
    module, host = built(PASS), built(HOST_PAGE)
    assert {"savar-pass.js", "contract.js", "qr-library.js"} < set(module)
    assert {"index.html", "host.js", "savar-pass/savar-pass.js"} < set(host)
    found = [
        (name, address)
        for name, text in (*texts.items(), *office.items(), *passenger.items(), *module.items(), *host.items())
        for address in re.findall(r"(?:https?|wss?):?//[^\s\"'`)<>]+|url\(\s*[\"']?(?:https?:)?//[^)]*", text)
        if not address.startswith(NAMES)
    ]
    assert found == []


def test_the_font_is_among_the_files(pages: Path) -> None:
    for folder in (pages, OFFICE, PASSENGER, HOST_PAGE):
        assert [path.suffix for path in folder.rglob("Vazirmatn*")] == [".woff2"]


def comes_later(path: Path) -> bool:
    return any(path.name.startswith(name) and path.suffix == suffix for name, suffix in LATER.items())


def test_the_passengers_first_load_is_small(pages: Path) -> None:
    """Over a poor line: every file of it, as a proxy sends it. A font and pictures are packed already."""
    assert pages.parent == PASSENGER.parent
    there = [path for path in PASSENGER.rglob("*") if path.is_file()]
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in there if not comes_later(path)}
    assert len(sizes) >= 8
    assert sum(sizes.values()) <= FIRST_LOAD_MAX_BYTES, sizes


def test_the_passengers_files_are_all_kept_for_when_there_is_no_network(pages: Path) -> None:
    """The list in the service worker is the folder, but for the worker itself and the reader, which has its own."""
    assert pages.parent == PASSENGER.parent
    told = re.match(r"const FILES=(\[.*?\]),LATER=(\[.*?\]),", (PASSENGER / "sw.js").read_text("utf-8"))
    assert told
    files = [path for path in PASSENGER.rglob("*") if path.is_file()]
    there = {f"./{path.relative_to(PASSENGER)}" for path in files}
    later = {f"./{path.relative_to(PASSENGER)}" for path in files if comes_later(path)}
    assert len(later) == len(LATER)
    assert set(json.loads(told[1])) == there - later - {"./sw.js", "./index.html"} | {"./"}
    assert set(json.loads(told[2])) == later


def test_what_is_generated_is_not_committed_and_is_the_table(pages: Path) -> None:
    generated = (pages.parent / "generated" / "tables.ts").read_text("utf-8")
    found = re.search(r"export const VERDICTS = (\{.*?\n\}) as const;", generated, re.DOTALL)
    assert found
    told = json.loads(found[1])
    assert set(told) == {str(int(verdict)) for verdict in TABLE}
    for verdict, row in TABLE.items():
        assert told[str(int(verdict))]["rider"] == {"fa": row.rider_fa, "en": row.rider_en}


def test_no_word_of_a_verdict_is_written_a_second_time() -> None:
    """The pages take them from the generated table; what stands in their sources would be a second home."""
    sources = "\n".join(
        path.read_text("utf-8") for path in (ROOT / "web" / "onboard" / "src").rglob("*") if path.is_file()
    )
    for row in TABLE.values():
        for words in (row.rider_fa, row.rider_en, row.driver_en):
            if len(words) > len("Free ride"):
                assert words not in sources, words
