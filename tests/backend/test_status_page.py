"""The status page: served from here alone, in two languages, with the verdicts' words from their one home."""

import re
from collections.abc import Iterator

import pytest

from backend.adapters.http.open_routes import STATIC
from backend.app.fleet_watch import OLD_BUNDLE
from backend.core import limits
from backend.core.ailments import BLIND, RULES
from protocol.fares.verdicts import TABLE, Lamp
from tests.backend.desk_http import Api

PAGE_FILES = ["status.html", "status.css", "status.js", "words.js", "icon.svg"]
# Namespaces name a language, they are not fetched.
NAMESPACES = ("http://www.w3.org/2000/svg",)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def text_of(name: str) -> str:
    text = (STATIC / name).read_text()
    for namespace in NAMESPACES:
        text = text.replace(namespace, "")
    return text


def test_everything_that_the_page_names_is_served_from_here(api: Api) -> None:
    """P19: also on a machine that reaches nothing else."""
    page = api.client.get("/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    wanted = re.findall(r'(?:href|src)="(/[^"#]*)"', page.text)
    wanted += re.findall(r'url\("(/[^"]*)"\)', text_of("status.css"))
    wanted += [f"/static/{name}" for name in re.findall(r'from "\./([^"]+)"', text_of("status.js"))]
    assert "/static/fonts/Vazirmatn.woff2" in wanted
    assert {"/static/status.js", "/static/words.js", "/static/status.css", "/static/icon.svg"} <= set(wanted)
    for path in wanted:
        assert api.client.get(path).status_code == 200, path


@pytest.mark.parametrize("name", PAGE_FILES)
def test_nothing_is_fetched_from_elsewhere(name: str) -> None:
    """P19: no content network, no font host, no map: not even an address of one."""
    assert not re.search(r"(?:[a-z]+:)?//[\w.-]+\.\w", re.sub(r"^\s*//.*$", "", text_of(name), flags=re.MULTILINE))
    assert "@import" not in text_of(name)


def test_the_policy_forbids_what_the_page_does_not_need(api: Api) -> None:
    """P19: a browser enforces it, whatever a later edit of the page forgets. Nothing inline either."""
    for path in ("/", "/static/status.js", "/v1/status", "/nothing"):
        policy = api.client.get(path).headers["content-security-policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'self'"
        assert rules["object-src"] == rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
        assert "unsafe" not in policy
    page = text_of("status.html")
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", page)


def test_nothing_that_a_device_sends_becomes_markup() -> None:
    """A problem text or a name is shown, never run."""
    for name in ("status.js", "words.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text_of(name))


def test_persian_comes_first_and_english_is_in_the_address() -> None:
    page = text_of("status.html")
    assert '<html lang="fa" dir="rtl">' in page
    script = text_of("status.js")
    assert 'location.hash === "#en" ? "en" : "fa"' in script
    assert "fa-IR-u-ca-persian" in script  # Jalali dates, Persian digits


def test_both_languages_have_the_same_words() -> None:
    """P17 in spirit: no screen half translated."""
    script = text_of("words.js")
    tables = [set(re.findall(r"\b(\w+): [\"(]", block)) for block in
              re.findall(r"^  (?:fa|en): \{\n(.*?)^  \},", script, re.MULTILINE | re.DOTALL)[:2]]  # fmt: skip
    assert len(tables) == 2
    assert tables[0] == tables[1]
    used = set(re.findall(r'data-(?:word|label)="(\w+)"', text_of("status.html")))
    used |= set(re.findall(r"(?<!/)\bwords\.(\w+)", text_of("status.js")))
    assert used <= tables[0]


def test_the_words_of_verdicts_are_not_repeated() -> None:
    """P17: one home. The page takes them from /v1/status."""
    script = text_of("status.js") + text_of("words.js")
    for row in TABLE.values():
        for words in (row.driver_fa, row.rider_fa):
            assert f'"{words}"' not in script
    assert "driver_${language}" in script


def test_every_lamp_has_a_colour_and_a_shape_of_its_own() -> None:
    """P17: also for those who do not see colours."""
    shapes = dict(re.findall(r'(\w+): "(.)"', re.search(r"SHAPES = \{(.*?)\}", text_of("status.js"))[1]))
    assert set(shapes) == {lamp.value for lamp in Lamp}
    assert len(set(shapes.values())) == len(shapes)
    for lamp in Lamp:
        assert f".lamp.{lamp.value} {{ color: var(--{lamp.value}); }}" in text_of("status.css")


def test_the_page_keeps_as_many_rows_as_the_status_gives() -> None:
    assert f"const ROWS_MAX = {limits.STATUS_TAPS};" in text_of("status.js")


def test_every_alarm_that_is_raised_has_persian_words() -> None:
    """P17: whoever is on duty reads what it is and what to do."""
    sources = "".join(path.read_text() for path in (STATIC.parent / "app").glob("*.py"))
    raised = set(re.findall(r"_on_alarm\(\s*\"([\w-]+)\"", sources)) | {"silent", OLD_BUNDLE, BLIND}
    raised |= {rule.kind for rule in RULES}
    assert {"fork", "new-journal", "unknown-tariff"} <= raised
    script = text_of("words.js")
    table = script[script.index("ALARMS") :]
    for name in raised:
        assert re.search(rf'^  "?{name}"?: \{{\n    fa: \["[^"]+", "[^"]+"\]', table, re.MULTILINE), name
