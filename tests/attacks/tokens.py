"""Keys in a token: a card without its TPM, a key that was somewhere else before, a module that somebody else names."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from pkcs11 import Attribute, ObjectClass
from pkcs11.util.ec import decode_ec_private_key, decode_ec_public_key

from backend.core.ailments import Ailments
from backend.core.limits import COUNTER_GONE_AFTER_MS
from edge.adapters.console_panel import SilentPanel
from edge.adapters.keys import load_keys
from edge.adapters.own_keys import OwnKeys
from edge.app.config import CounterConfig, load_config
from edge.app.enrolling import begin, finish
from edge.app.validator import Validator
from edge.core.errors import EnrolmentFailed, SignerFailed
from hardware_keys.errors import HardwareKeyError, KeyUnfit
from hardware_keys.module import end_modules, load_module
from hardware_keys.places import KeyPlace
from protocol.wire.health import Health
from protocol.wire.keys import Purpose, SigningKey
from provisioning.app import approving
from provisioning.app.ceremony import make_intermediates, make_root
from provisioning.app.makers import load_intermediate
from provisioning.core import certificates
from provisioning.core.layout import AuthorityFolder, RootFolder
from provisioning.core.purposes import Purpose as Intermediate
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, detected_if, refused_if
from tests.attacks.defence import gives, off
from tests.edge.cameras import FakeCamera
from tests.hardware_keys.tokens import TpmToken, pin_file, place, soft_token, tpm_token
from tests.provisioning.enrolments import NOW, approved, claim, plain_city


def _begun(ground: Ground, at: KeyPlace | None) -> tuple[Path, OwnKeys, bytes]:
    city = plain_city(ground.folder / "city")
    own = OwnKeys(ground.folder / "card" / "door")
    return city, own, begin(own, claim(city), hardware="", randomness=os.urandom, place=at).raw


@attack(Surface.MACHINE, Who.CARD, Outcome.REFUSED, off("edge.adapters.own_keys:OwnKeys.place", gives(None)))
def card_without_its_tpm(ground: Ground) -> Outcome:
    """A card is copied whole, with the TPM's store and PIN on it, and another machine with a TPM rides on as its door."""
    tpm = ground.closing.enter_context(tpm_token(ground.folder / "machine"))
    card = ground.folder / "card"
    card.mkdir()
    city, own, request = _begun(ground, place(tpm, pin=pin_file(card)))
    done = finish(own, approved(city, request, ground.folder / "answer"))
    registered = (city / "backend" / "registry" / f"{done.device}.json").read_text()
    shutil.copytree(tpm.store, card / "store")
    shutil.copytree(card, ground.folder / "copy")
    end_modules()
    tpm.close()  # it stays behind, and its chip with it
    his = TpmToken(ground.folder / "his machine")
    ground.closing.callback(his.close)
    his.use(ground.folder / "copy" / "store")
    config = load_config(ground.folder / "copy" / "door" / "validator.toml")
    try:
        key = load_keys(config.keys_dir, config.tap_key).tap
        key.verifying.verify(Purpose.RECORD, b"a ride", key.sign(Purpose.RECORD, b"a ride"))
    except SignerFailed:
        return Outcome.REFUSED
    return refused_if(key.public.hex() not in registered)


@attack(Surface.MACHINE, Who.TECHNICIAN, Outcome.REFUSED, off("hardware_keys.keys:_require_locked_in", gives(None)))
def key_that_was_elsewhere_before(ground: Ground) -> Outcome:
    """A technician makes the tap key at home, puts it into the door's token, and keeps it to sign rides by."""
    soft = ground.closing.enter_context(soft_token(ground.folder / "token"))
    kept = SigningKey.from_secret(os.urandom(32))
    session = load_module(str(soft.module)).session(place(soft))
    named = {Attribute.TOKEN: True, Attribute.LABEL: "tap", Attribute.ID: b"\x01"}
    private = kept.private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = kept.private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    locked = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.SIGN: True, Attribute.PRIVATE: True}
    session.create_object(decode_ec_private_key(private) | named | locked)
    session.create_object(decode_ec_public_key(public) | named | {Attribute.CLASS: ObjectClass.PUBLIC_KEY})
    try:
        city, own, request = _begun(ground, place(soft))
    except KeyUnfit:
        return Outcome.REFUSED
    done = finish(own, approved(city, request, ground.folder / "answer"))
    return refused_if(kept.public.hex() not in (city / "backend" / "registry" / f"{done.device}.json").read_text())


def _in_its_file(_: object) -> Callable[..., SigningKey]:
    return lambda _place: SigningKey.from_secret(os.urandom(32))


@attack(Surface.ENROLMENT, Who.CLERK, Outcome.REFUSED, off("provisioning.app.makers:key_in_token", _in_its_file))
def office_folder_copied(ground: Ground) -> Outcome:
    """A clerk copies the office's folder with the devices' intermediate in it, and signs a bus of his own at home."""
    root, given = RootFolder(ground.folder / "root"), AuthorityFolder(ground.folder / "given")
    with soft_token(ground.folder / "office") as soft:
        at = place(soft, "device")
        above = make_root(
            root, city="isfahan", passphrase="saffron ladder ice nine", now=NOW, randomness=os.urandom,
            confirm=lambda _: None,
        )  # fmt: skip
        make_intermediates(
            given, above, recovery=b"00", now=NOW, randomness=os.urandom, confirm=lambda _: None,
            places={Intermediate.DEVICE: at},
        )  # fmt: skip
        shutil.copytree(given.root, ground.folder / "at home")
    ground.closing.enter_context(soft_token(ground.folder / "his token"))
    his = SigningKey.from_secret(os.urandom(32))
    try:
        issuer = load_intermediate(AuthorityFolder(ground.folder / "at home"), Intermediate.DEVICE)
        leaf = certificates.make_leaf(his, "bus-9999-d1", serial=9, now=NOW, issuer=issuer)
    except HardwareKeyError:
        return Outcome.REFUSED
    leaf.verify_directly_issued_by(issuer.certificate)
    return Outcome.SUCCEEDED


def _naming(told: Callable[..., str], uri: str) -> Callable[..., str]:
    return lambda *given: f'tap_key = "{uri}"\n' + told(*given)


@attack(Surface.MACHINE, Who.CITY, Outcome.REFUSED, off("edge.app.enrolling:require_own_place", gives(None)))
def module_that_the_office_names(ground: Ground) -> Outcome:
    """Settings in the office's answer say where a tap key lies: that names a program, which each door would load."""
    told: Any = approving.validator_text
    uri = KeyPlace("/tmp/his.so", "/tmp/pin", "t", None, "o").uri
    ground.closing.callback(setattr, approving, "validator_text", told)
    city, own, request = _begun(ground, None)
    approving.validator_text = _naming(told, uri)
    answer = approved(city, request, ground.folder / "answer")
    with suppress(EnrolmentFailed):
        finish(own, answer)
    return refused_if(not own.enrolled)


def _rides(card: Path, tpm: TpmToken) -> Health:
    """A run of the door that this card makes of the machine, ended in order → what its health says."""
    settings = card / "door" / "validator.toml"
    config = load_config(settings).model_copy(update={"counter": CounterConfig(tcti=tpm.address, index=0x0150_0012)})
    (camera,) = (it.name for it in config.camera)
    validator = Validator(config, panel=SilentPanel(), sources={camera: FakeCamera([[]], live=False)})
    validator.start()
    try:
        return validator.health()
    finally:
        validator.stop()


@attack(Surface.MACHINE, Who.CARD, Outcome.DETECTED, off("edge.app.counting:why_doubted", gives("")))
def card_put_back_where_nobody_hears(ground: Ground) -> Outcome:
    """A morning's image of a card is put back over its day, which neither the other door nor the backend has heard of."""
    tpm = ground.closing.enter_context(tpm_token(ground.folder / "machine"))
    card, image = ground.folder / "card", ground.folder / "image"
    city, own, request = _begun(ground, None)
    finish(own, approved(city, request, ground.folder / "answer"))
    _rides(card, tpm)
    shutil.copytree(card, image)
    _rides(card, tpm)
    shutil.rmtree(card)
    shutil.copytree(image, card)
    told = _rides(card, tpm)
    alarms = [rule.kind for rule, wrong in Ailments().says(told, 0) if wrong]
    return detected_if("card-copy" in alarms)


@attack(Surface.MACHINE, Who.CARD, Outcome.DETECTED, off("backend.core.ailments:Ailments.says", gives(())))
def counter_that_is_taken_away(ground: Ground) -> Outcome:
    """The image is put back into a machine whose TPM was pulled out, so that nothing there knows better."""
    tpm = ground.closing.enter_context(tpm_token(ground.folder / "machine"))
    card, image = ground.folder / "card", ground.folder / "image"
    city, own, request = _begun(ground, None)
    finish(own, approved(city, request, ground.folder / "answer"))
    _rides(card, tpm)
    shutil.copytree(card, image)
    _rides(card, tpm)
    shutil.rmtree(card)
    shutil.copytree(image, card)
    tpm.lose()
    told, ailments = _rides(card, tpm), Ailments()
    list(ailments.says(told, 0))
    return detected_if(
        "counter-gone" in [rule.kind for rule, wrong in ailments.says(told, COUNTER_GONE_AFTER_MS) if wrong]
    )
