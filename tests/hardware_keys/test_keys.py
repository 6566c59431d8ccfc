"""Keys in a token: one suite over SoftHSM2 and a TPM, then what can fail, each by name."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, ObjectClass, TokenFlag
from pkcs11.util.ec import encode_named_curve_parameters

from hardware_keys import module
from hardware_keys.errors import (
    HardwareKeyError,
    KeyInToken,
    KeyNotInToken,
    KeyUnfit,
    ModuleMissing,
    PinRefused,
    PinUnread,
    TokenGone,
    TokenMissing,
)  # fmt: skip
from hardware_keys.keys import TokenKey, make_key, open_key, open_or_make_key
from hardware_keys.module import end_modules, load_module, require_tries, tries_told
from hardware_keys.places import KeyPlace
from protocol.wire.keys import Purpose, VerifyingKey
from tests.hardware_keys.tokens import PIN, SoftToken, Token, TpmToken, copied, pin_file, place, tool

OTHER_PIN = "111111"
DEPLOY = Path(__file__).parents[2] / "docs" / "DEPLOY.md"


def holds(key: TokenKey, payload: bytes = b"a tap") -> None:
    VerifyingKey.load(key.public).verify(Purpose.RECORD, payload, key.sign(Purpose.RECORD, payload))


def test_a_key_is_made_in_the_token_and_found_again(token: Token) -> None:
    made = make_key(place(token))
    holds(made)
    end_modules()
    if isinstance(token, TpmToken):
        token.restart()
    found = open_key(place(token))
    assert found.public == made.public
    holds(found)
    holds(made)  # opened before the module ended: it opens itself again


def test_no_second_one_is_made_under_its_name(token: Token) -> None:
    first = open_or_make_key(place(token))
    with pytest.raises(KeyInToken):
        make_key(place(token))
    assert open_or_make_key(place(token)).public == first.public


def test_it_cannot_be_taken_out(token: Token) -> None:
    """By the module's own word, by asking for it, and in another program's eyes."""
    make_key(place(token))
    session = load_module(str(token.module)).session(place(token))
    (key,) = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
    for attribute in (Attribute.SENSITIVE, Attribute.ALWAYS_SENSITIVE, Attribute.NEVER_EXTRACTABLE, Attribute.LOCAL):
        assert key[attribute] is True, attribute
    assert key[Attribute.EXTRACTABLE] is False
    with pytest.raises(pkcs11.PKCS11Error):
        key[Attribute.VALUE]
    end_modules()
    if isinstance(token, TpmToken):
        token.restart()
    seen = tool(token.module, "--login", "--pin", PIN, "--list-objects", "--type", "privkey").stdout
    assert "never extractable" in seen


def test_it_is_not_wrapped_for_anybody(soft: SoftToken) -> None:
    """The other way out of a token: encrypted under a key that somebody puts there."""
    make_key(place(soft))
    session = load_module(str(soft.module)).session(place(soft))
    (key,) = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
    his = session.generate_key(KeyType.AES, 256, capabilities=pkcs11.MechanismFlag.WRAP)
    with pytest.raises(pkcs11.KeyUnextractable):
        his.wrap_key(key, mechanism=pkcs11.Mechanism.AES_KEY_WRAP_PAD)  # type: ignore[attr-defined]


def test_what_is_lost_is_said_and_found_when_it_is_back(token: Token) -> None:
    key = make_key(place(token))
    token.lose()
    for _ in range(2):
        with pytest.raises(HardwareKeyError) as lost:
            key.sign(Purpose.RECORD, b"a tap")
        assert lost.value.fix
        assert PIN not in f"{lost.value} {lost.value.data}"
    token.bring_back()
    holds(key)


def test_many_threads_sign_one_after_another(token: Token) -> None:
    key = make_key(place(token))

    def work(number: int) -> None:
        for turn in range(10):
            holds(key, bytes([number, turn]))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))


def test_one_call_at_a_time_goes_into_a_module(soft: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started as for a program that locks for itself; two keys of one module are two callers."""
    keys = [make_key(place(soft, name)) for name in ("one", "two")]
    inside, most = [0], [0]
    asked = TokenKey._asked

    def watched(key: TokenKey, call: Callable[[], Any]) -> Any:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.002)
        try:
            return asked(key, call)
        finally:
            inside[0] -= 1

    monkeypatch.setattr(TokenKey, "_asked", watched)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(holds, keys * 8))
    assert most == [1]


def test_a_wrong_pin_is_refused_once_and_not_tried_again(token: Token) -> None:
    make_key(place(token))
    end_modules()
    if isinstance(token, TpmToken):
        token.restart()
    with pytest.raises(PinRefused, match="refuses the PIN") as refused:
        open_key(place(token, pin=pin_file(token.folder, OTHER_PIN)))
    assert refused.value.data["tries"]
    assert refused.value.__cause__ is None
    assert OTHER_PIN not in f"{refused.value} {refused.value.data}"
    with pytest.raises(PinRefused, match="not tried again"):
        open_key(place(token))  # even the right one: this process has had its try
    end_modules()
    holds(open_key(place(token)))


def test_a_copy_of_the_card_signs_beside_no_other_tpm(tpm: TpmToken, tmp_path: Path) -> None:
    """What tpm2-pkcs11 keeps in its store is wrapped by the TPM; with the store and the PIN in another machine: nothing."""
    make_key(place(tpm))
    end_modules()
    card = copied(tpm.store, tmp_path / "copy")
    tpm.close()
    other = TpmToken(tmp_path / "other machine")
    try:
        other.use(card)
        with pytest.raises(TokenGone, match="GeneralError"):  # its chip cannot load what the other one wrapped
            open_key(place(tpm, pin=pin_file(tmp_path)))
    finally:
        other.close()
    tpm.bring_back()
    end_modules()
    holds(open_key(place(tpm)))


def test_power_cuts_lock_a_tpm_as_it_comes_and_not_as_the_page_sets_it(tpm: TpmToken) -> None:
    """A TPM counts a power cut after a login as a wrong PIN (TPM 2.0 part 1, 19.8): a bus has several a day."""
    make_key(place(tpm))
    with pytest.raises(PinRefused, match="none: it is locked"):
        cut_and_opened(tpm, times=8)
    (words,) = re.findall(r"^    tpm2 (dictionarylockout .+)$", DEPLOY.read_text(), re.MULTILINE)
    reset = ["dictionarylockout", "--clear-lockout"]
    for command in (reset, words.split()):
        subprocess.run(["tpm2", *command], env=os.environ | {"TPM2TOOLS_TCTI": tpm.address}, timeout=60, check=True)
    cut_and_opened(tpm, times=8)


def cut_and_opened(tpm: TpmToken, *, times: int) -> None:
    for _ in range(times):
        end_modules()
        tpm.lose()
        tpm.bring_back()
        open_key(place(tpm))


# --- what a token can say that is wrong -----------------------------------------------------------------------------


def test_no_module(tmp_path: Path, soft: SoftToken) -> None:
    there = place(soft)
    for path in (tmp_path / "nothing.so", tmp_path):
        with pytest.raises(ModuleMissing, match="no PKCS#11 module"):
            open_key(KeyPlace(str(path), there.pin_source, there.token, None, there.object))
    text = tmp_path / "text.so"
    text.write_text("no library")
    with pytest.raises(ModuleMissing, match="does not start"):
        open_key(KeyPlace(str(text), there.pin_source, there.token, None, there.object))


def test_no_token_and_two_of_one_name(soft: SoftToken) -> None:
    with pytest.raises(TokenMissing, match="no tokens are another"):
        open_key(place(soft, label="another"))
    make_key(place(soft))
    end_modules()
    soft.add("savar test")
    with pytest.raises(TokenMissing, match="2 tokens"):
        open_key(place(soft))


def test_a_token_is_found_by_its_serial_number(soft: SoftToken) -> None:
    key = make_key(place(soft))
    (seen,) = [it for it in pkcs11.lib(str(soft.module)).get_tokens() if it.label]
    by_number = KeyPlace(str(soft.module), key.place.pin_source, None, seen.serial.decode(), "tap")
    assert open_key(by_number).public == key.public


def test_no_pin_file(soft: SoftToken, tmp_path: Path) -> None:
    with pytest.raises(PinUnread):
        open_key(place(soft, pin=tmp_path / "nothing"))


def test_no_key_and_one_by_its_id(soft: SoftToken) -> None:
    with pytest.raises(KeyNotInToken):
        open_key(place(soft))
    at = place(soft)
    key = make_key(KeyPlace(at.module, at.pin_source, at.token, None, None, b"\x07"))
    assert open_key(KeyPlace(at.module, at.pin_source, at.token, None, None, b"\x07")).public == key.public
    with pytest.raises(KeyNotInToken):
        open_key(KeyPlace(at.module, at.pin_source, at.token, None, None, b"\x08"))


@pytest.mark.parametrize(
    ("curve", "private", "why"),
    [
        ("secp256r1", {Attribute.EXTRACTABLE: True}, "taken out"),
        ("secp256r1", {Attribute.SENSITIVE: False}, "taken out"),
        ("secp256r1", {Attribute.SIGN: False}, "no P-256 key that signs"),
        ("secp384r1", {}, "no P-256 key"),
    ],
)
def test_a_key_that_is_not_locked_in_is_not_taken(
    soft: SoftToken, curve: str, private: dict[Attribute, bool], why: str
) -> None:
    session = load_module(str(soft.module)).session(place(soft))
    parameters = session.create_domain_parameters(
        KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}, local=True
    )
    template = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.SIGN: True} | private
    parameters.generate_keypair(store=True, label="tap", id=b"\x01", private_template=template)
    with pytest.raises(KeyUnfit, match=why):
        open_key(place(soft))


def test_another_public_half_beside_it_is_noticed(soft: SoftToken) -> None:
    """Who may write into the token puts his own public key beside the device's private one."""
    make_key(place(soft))
    make_key(place(soft, "his own"))
    session = load_module(str(soft.module)).session(place(soft))
    publics = {it[Attribute.LABEL]: it for it in session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY})}
    number = publics["tap"][Attribute.ID]
    publics["tap"].destroy()
    publics["his own"][Attribute.ID] = number
    with pytest.raises(KeyUnfit, match="does not sign for the public half"):
        open_key(place(soft))


def test_another_key_under_the_same_name_is_not_the_key(soft: SoftToken) -> None:
    key = make_key(place(soft))
    session = load_module(str(soft.module)).session(place(soft))
    for it in list(session.get_objects({Attribute.LABEL: "tap"})):
        it.destroy()
    with pytest.raises(TokenGone):
        key.sign(Purpose.RECORD, b"a tap")
    end_modules()
    make_key(place(soft))
    with pytest.raises(KeyUnfit, match="another key"):
        key.sign(Purpose.RECORD, b"a tap")


@pytest.mark.parametrize(
    ("flags", "tries"),
    [
        (TokenFlag.USER_PIN_LOCKED, "none"), (TokenFlag.USER_PIN_FINAL_TRY | TokenFlag.USER_PIN_COUNT_LOW, "one"),
        (TokenFlag.USER_PIN_COUNT_LOW, "fewer than all"), (TokenFlag(0), "does not say"),
    ],
)  # fmt: skip
def test_the_last_try_is_a_persons(flags: TokenFlag, tries: str) -> None:
    assert tries in tries_told(flags)
    if tries in ("none", "one"):
        with pytest.raises(PinRefused, match="not tried"):
            require_tries(flags)
    else:
        require_tries(flags)


def test_where_a_try_would_be_the_last_none_is_made(soft: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    """SoftHSM has no last try; here the one behind a wrong one counts as it."""
    make_key(place(soft))
    monkeypatch.setattr(module, "_A_PERSONS", TokenFlag.USER_PIN_COUNT_LOW)
    end_modules()
    with pytest.raises(PinRefused, match="refuses the PIN"):
        open_key(place(soft, pin=pin_file(soft.folder, OTHER_PIN)))
    end_modules()
    with pytest.raises(PinRefused, match="is not tried"):
        open_key(place(soft))


def test_softhsm_tells_that_a_try_went(soft: SoftToken) -> None:
    make_key(place(soft))
    end_modules()
    with pytest.raises(PinRefused) as refused:
        open_key(place(soft, pin=pin_file(soft.folder, OTHER_PIN)))
    assert refused.value.data["tries"] == "fewer than all"


def test_a_key_shows_where_it_lies_and_no_pin(soft: SoftToken) -> None:
    shown = repr(make_key(place(soft)))
    assert "pkcs11:token=savar%20test;object=tap" in shown
    assert PIN not in shown
