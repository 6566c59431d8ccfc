"""What a host is, and what its pages, users and tokens may be."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import NotAllowed
from backend.core.hosts.host import (
    Host,
    Scope,
    caller_of,
    is_public,
    origin_of,
    require_return,
    require_scope,
    require_user,
    scopes_of,
)
from backend.core.staff.errors import Unfit
from backend.core.staff.subjects import read
from backend.core.staff.two_people import Kind

APP = Host(
    "city-app", "اصفهان من", "Isfahan-e Man", ("https://city.example", "https://city.example:8443"), tuple(Scope)
)


def test_what_two_people_approve_is_read_as_it_was_proposed() -> None:
    told = replace(APP, webhook="https://city.example/savar/webhooks")
    assert read(Kind.HOST, told.content) == told
    assert told.words()["scopes"] == " ".join(it.value for it in Scope)


@pytest.mark.parametrize("change", [
    {"name": "A"}, {"fa": " "}, {"en": ""}, {"en": "card 6037 9911 1111 1112"}, {"origins": ()}, {"scopes": ()},
    {"origins": ("https://city.example", "https://city.example")}, {"origins": ("http://city.example",)},
    {"origins": ("https://city.example/",)}, {"origins": ("https://city.example:443",)},
    {"origins": ("https://CITY.example",)}, {"scopes": (Scope.READ, Scope.READ)},
    {"webhook": "http://city.example/hook"}, {"webhook": "https://me@city.example/"}, {"webhook": "ftp://x/"},
    {"webhook": "https://city.example/#a"}, {"webhook": "https://city.example/" + "a" * 500}, {"webhook": "https://"},
])  # fmt: skip
def test_terms_that_cannot_be(change: dict[str, object]) -> None:
    with pytest.raises(Unfit):
        replace(APP, **change)


def test_there_is_no_other_scope() -> None:
    assert scopes_of(["riders:read"]) == (Scope.READ,)
    with pytest.raises(Unfit):
        scopes_of(["riders:read", "wallet:take"])


@pytest.mark.parametrize("url", [
    "https://city.example", "https://city.example/wallet?a=1#b", "https://city.example:443/x",
    "https://city.example:8443/x",
])  # fmt: skip
def test_ways_back_into_its_own_pages(url: str) -> None:
    require_return(APP, url)


@pytest.mark.parametrize("url", [
    "https://city.example.evil.example/", "https://evil.example/https://city.example/", "http://city.example/",
    "https://city.example@evil.example/", "https://evil.example\\@city.example/", "//city.example/",
    "javascript:alert(1)//city.example", "https://city.example:8444/", "https://city.example:x/", "",
    "https://city.example /", "https://city.example/\x00", "data:text/html,x", "https://city.example/" + "a" * 500,
])  # fmt: skip
def test_ways_back_that_lead_elsewhere(url: str) -> None:
    with pytest.raises(Unfit):
        require_return(APP, url)


@given(st.text(max_size=60))
def test_no_text_is_a_way_back_but_within_an_origin(text: str) -> None:
    try:
        require_return(APP, text)
    except Unfit:
        return
    assert origin_of(text) in APP.origins


@pytest.mark.parametrize("user", ["u-7Hq2mVx9", "a" * 64, "0190a1b2-c3d4-7e5f-a1b2-c3d4e5f6a7b8".replace("0190", "x")])
def test_users_that_are_kept(user: str) -> None:
    require_user(user)


@pytest.mark.parametrize("user", ["u-1", "a" * 65, "09131234567x", "user-1270123456", "u-7Hq2 Vx9", "کاربر-هشتم", ""])
def test_users_that_say_too_much_or_too_little(user: str) -> None:
    with pytest.raises(Unfit):
        require_user(user)


def test_a_token_opens_its_own_scopes_and_never_more_than_its_host_may() -> None:
    narrow = caller_of(APP, (Scope.READ,))
    require_scope(narrow, Scope.READ)
    with pytest.raises(NotAllowed) as caught:
        require_scope(narrow, Scope.TRIPS)
    assert caught.value.data["scope"] == "trips:read"
    less = caller_of(replace(APP, scopes=(Scope.READ,)), tuple(Scope))
    assert less.scopes == {Scope.READ}


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4001::1", "::ffff:8.8.8.8"])
def test_addresses_of_the_whole_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [
    "127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "::",
    "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "224.0.0.1", "ff02::1", "255.255.255.255",
])  # fmt: skip
def test_addresses_that_are_somebodys_own(address: str) -> None:
    assert not is_public(address)
