"""Who sends codes: one suite over the sender in hand and over Kavenegar's adapter against its simulator; then the wire."""

import logging
from collections.abc import Callable, Iterator

import pytest

from backend.adapters.sms.kavenegar import OURS, Kavenegar, _status
from backend.core.phone.code import For
from backend.core.phone.errors import NumberRefused, SmsUnknown, SmsUnsent
from backend.core.phone.sms import SmsSender
from simulators.sms.kavenegar import SmsServer
from tests.backend.phone.senders import Sender

KEY, NUMBER, CODE = "the" + "key" * 8, "09121234567", "041973"
TEMPLATES = {For.BIND: "savar-bind", For.SIGN_IN: "savar-sign-in"}
NAMES = {name: what_for for what_for, name in TEMPLATES.items()}


class Wired:
    """A sender, what it really sent, and how it is told to misbehave."""

    def __init__(
        self, sender: SmsSender, sent: Callable[[], list[tuple[str, str, For]]], misbehave: Callable[[str], None]
    ) -> None:
        self.sender, self.sent, self.misbehave = sender, sent, misbehave


@pytest.fixture(scope="module")
def server() -> Iterator[SmsServer]:
    made = SmsServer(key=KEY, templates=tuple(NAMES))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def kavenegar(server: SmsServer) -> Iterator[Wired]:
    sender = Kavenegar(server.url, KEY, TEMPLATES, timeout_s=0.8)
    before = len(server.messages)

    def sent() -> list[tuple[str, str, For]]:
        return [(it.number, it.code, NAMES[it.template]) for it in server.messages[before:]]

    yield Wired(sender, sent, server.misbehave)
    sender.close()


@pytest.fixture(params=["in-hand", "kavenegar"])
def wired(request: pytest.FixtureRequest) -> Wired:
    if request.param == "kavenegar":
        return request.getfixturevalue("kavenegar")
    made = Sender()
    return Wired(made, lambda: made.sent, lambda says: setattr(made, "says", says))


# --- any sender -----------------------------------------------------------------------------------------------------


def test_a_code_goes_to_its_number_by_the_template_of_its_purpose(wired: Wired) -> None:
    wired.sender.send(NUMBER, CODE, For.BIND)
    wired.sender.send(NUMBER, "000000", For.SIGN_IN)
    assert wired.sent() == [(NUMBER, CODE, For.BIND), (NUMBER, "000000", For.SIGN_IN)]


def test_a_clear_no_is_one_and_nothing_was_sent(wired: Wired) -> None:
    for says, error in (("refused-number", NumberRefused), ("no-credit", SmsUnsent)):
        wired.misbehave(says)
        with pytest.raises(error) as caught:
            wired.sender.send(NUMBER, CODE, For.BIND)
        assert caught.value.fix
    assert wired.sent() == []


def test_no_clear_answer_is_unknown_and_the_message_was_sent_once(wired: Wired) -> None:
    wired.misbehave("late")
    with pytest.raises(SmsUnknown):
        wired.sender.send(NUMBER, CODE, For.BIND)
    assert wired.sent() == [(NUMBER, CODE, For.BIND)]


def test_behind_a_failure_the_next_one_goes(wired: Wired) -> None:
    wired.misbehave("no-credit")
    with pytest.raises(SmsUnsent):
        wired.sender.send(NUMBER, CODE, For.BIND)
    wired.sender.send(NUMBER, CODE, For.BIND)
    assert len(wired.sent()) == 1


# --- Kavenegar's wire -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "error", "sent"),
    [
        ("no-template", SmsUnsent, 0), ("wrong-key", SmsUnsent, 0), ("busy", SmsUnknown, 0), ("lost", SmsUnknown, 1),
        ("failed-after", SmsUnknown, 1), ("odd", SmsUnknown, 1), ("endless", SmsUnknown, 1), ("slow", None, 1),
    ],
)  # fmt: skip
def test_what_its_answers_mean(kavenegar: Wired, kind: str, error: type[Exception] | None, sent: int) -> None:
    kavenegar.misbehave(kind)
    if error is None:
        kavenegar.sender.send(NUMBER, CODE, For.BIND)
    else:
        with pytest.raises(error):
            kavenegar.sender.send(NUMBER, CODE, For.BIND)
    assert len(kavenegar.sent()) == sent


def test_an_answer_without_an_end_is_cut_by_its_length(kavenegar: Wired) -> None:
    kavenegar.misbehave("endless")
    with pytest.raises(SmsUnknown) as caught:
        kavenegar.sender.send(NUMBER, CODE, For.BIND)
    assert caught.value.data["reason"] == "too long"


def test_another_key_and_an_unknown_template_are_ours_to_mend(server: SmsServer) -> None:
    for key, templates in (("another0another0", TEMPLATES), (KEY, {For.BIND: "nobody-approved-it"})):
        sender = Kavenegar(server.url, key, templates)
        with pytest.raises(SmsUnsent) as caught:
            sender.send(NUMBER, CODE, For.BIND)
        assert caught.value.data["code"] in OURS
        sender.close()


def test_where_no_connection_comes_about_nothing_was_sent_and_it_is_ours_to_mend() -> None:
    sender = Kavenegar("http://127.0.0.1:1", KEY, TEMPLATES)
    with pytest.raises(SmsUnsent) as caught:
        sender.send(NUMBER, CODE, For.BIND)
    told, error = "", caught.value
    while error is not None:
        told, error = told + f"{error!r} {vars(error)}", error.__cause__ or error.__context__
    assert not any(secret in told for secret in (KEY, NUMBER, CODE))
    sender.close()


@pytest.mark.parametrize("body", [b"[" * 16_000, b"{", b"[]", b'{"return": {"status": "200"}}', b"\xff"])
def test_an_answer_that_is_none_is_unknown(body: bytes) -> None:
    with pytest.raises(SmsUnknown):
        _status(body)


@pytest.mark.parametrize("kind", ["", "no-credit", "refused-number", "lost", "odd", "failed-after"])
def test_neither_key_nor_number_nor_code_gets_into_a_log_or_an_error(
    kavenegar: Wired, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """httpx logs each address, and its key stands in the address: at every level, of every library."""
    with (
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, "httpx"),
        caplog.at_level(logging.DEBUG, "httpcore"),
    ):
        told = ""
        if kind:
            kavenegar.misbehave(kind)
            with pytest.raises((SmsUnsent, SmsUnknown, NumberRefused)) as caught:
                kavenegar.sender.send(NUMBER, CODE, For.BIND)
            error: BaseException | None = caught.value
            while error is not None:
                told += f"{error!r} {vars(error)}"
                error = error.__cause__ or error.__context__
        else:
            kavenegar.sender.send(NUMBER, CODE, For.BIND)
    logged = "\n".join(it.getMessage() for it in caplog.records if not it.name.startswith("uvicorn"))  # the simulator's
    told += logged
    assert "verify/lookup" in logged, "a log that tells nothing would show nothing"
    for secret in (KEY, NUMBER, CODE):
        assert secret not in told
