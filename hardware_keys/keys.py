"""A P-256 key in a token, as a `Signer`: the token signs, and the key stays where it is.

Rules:
- a key is taken only if it cannot be taken out and never could: sensitive and not extractable, always;
- the key proves itself when it is opened: it signs, and what it signed holds under its public half;
- the token signs a hash (CKM_ECDSA); its s is brought low here, and a signature is different each time;
- a token that went away is said at once (TokenGone) and looked for at the next signature. What then answers under the
  same name has to have the same public half.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

import pkcs11
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11.constants import DEFAULT
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from hardware_keys.errors import KeyInToken, KeyNotInToken, KeyUnfit, TokenGone, TokenMissing
from hardware_keys.module import Module, gone, load_module
from hardware_keys.places import KeyPlace
from hardware_keys.private import TokenPrivate
from protocol.errors import BadSignature
from protocol.wire import crypto
from protocol.wire.keys import Purpose, VerifyingKey, to_be_signed

_P256 = encode_named_curve_parameters("secp256r1")
_PROBE = b"savar: whether this key signs"  # begins as no Sig_structure does, so it serves no purpose
_A = pkcs11.Attribute
_LOCKED_IN = {_A.SENSITIVE: True, _A.EXTRACTABLE: False, _A.ALWAYS_SENSITIVE: True, _A.NEVER_EXTRACTABLE: True}
_SIGNING_ONLY = {_A.SIGN: True, _A.PRIVATE: True, _A.SENSITIVE: True, _A.EXTRACTABLE: False}
# What the library would add of its own; a TPM's module refuses a template that says more than it must.
_UNSAID = dict.fromkeys(
    (_A.ENCRYPT, _A.WRAP, _A.VERIFY, _A.DECRYPT, _A.UNWRAP, _A.DERIVE, _A.MODIFIABLE, _A.PRIVATE, _A.SENSITIVE), DEFAULT
)
_UNFIT = "make a new one in the token itself, under another name"
Result = TypeVar("Result")


class TokenKey:
    """A private key in a token. Made by `open_key` or `make_key`; any thread may sign with it."""

    def __init__(self, place: KeyPlace, module: Module) -> None:
        self.place = place
        self._module = module
        self._generation = -1
        self._key: pkcs11.PrivateKey | None = None
        with module.calling():
            self.verifying = self._open()

    @property
    def public(self) -> bytes:
        """Compressed public point, 33 bytes."""
        return self.verifying.public

    @property
    def id(self) -> bytes:
        """8-byte key id."""
        return self.verifying.id

    @property
    def private(self) -> TokenPrivate:
        """Itself, for what makes certificates."""
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.public)
        return TokenPrivate(point, self.sign_bytes)

    def sign(self, purpose: Purpose, payload: bytes) -> bytes:
        """64-byte low-s signature over the payload for this purpose.

        Raises TokenGone where the token was lost; what `open_key` raises where it is not the same again.
        """
        return self.sign_bytes(to_be_signed(purpose, payload))

    def sign_bytes(self, message: bytes) -> bytes:
        """r‖s, s low, over SHA-256 of whole bytes: what `sign` and certificates are made of. Raises as `sign`."""
        with self._module.calling():
            if self._key is None or self._generation != self._module.generation:
                self._open_again()
            return self._signed(message)

    def __repr__(self) -> str:
        """Key id and place; a place holds no secret."""
        return f"TokenKey({self.id.hex()}, {self.place.uri})"

    def _open_again(self) -> None:
        if self._generation == self._module.generation:  # its own call failed: nobody has begun anew since
            self._module.begin_anew(self._generation)
        before = self.verifying
        if self._open().public != before.public:
            self._key = None
            raise KeyUnfit("another key lies where this one lay", fix="bring the token back, or enrol anew")

    def _open(self) -> VerifyingKey:
        """Find the key and have it prove itself → its public half."""
        self._generation = self._module.generation
        self._key = None
        session = self._module.session(self.place)
        key, public = self._asked(lambda: _found(session, self.place))
        self._key = key
        verifying = VerifyingKey.load(public)
        try:
            crypto.P256().load(public).verify(_PROBE, self._signed(_PROBE))
        except BadSignature as error:
            self._key = None
            raise KeyUnfit("the key does not sign for the public half beside it", fix=_UNFIT) from error
        return verifying

    def _signed(self, message: bytes) -> bytes:
        key = self._key
        assert isinstance(key, pkcs11.SignMixin), "opened, and a signing key"
        raw = self._asked(lambda: key.sign(sha256(message).digest(), mechanism=pkcs11.Mechanism.ECDSA))
        if len(raw) != 64:
            raise KeyUnfit("the token gave no P-256 signature", fix=_UNFIT, bytes=len(raw))
        s = int.from_bytes(raw[32:], "big")
        return bytes(raw[:32] + min(s, crypto.ORDER - s).to_bytes(32, "big"))

    def _asked(self, call: Callable[[], Result]) -> Result:
        """What the token answers. Raises TokenGone where it does not, and the next signature looks for it anew."""
        try:
            return call()
        except pkcs11.PKCS11Error as error:
            self._key = None
            raise gone(self.place, error) from error


def open_key(place: KeyPlace) -> TokenKey:
    """The key at this place, proven to sign.

    Raises ModuleMissing, TokenMissing, PinUnread, PinRefused, KeyNotInToken, KeyUnfit, TokenGone.
    """
    module = load_module(place.module)
    with module.calling():
        try:
            return TokenKey(place, module)
        except (TokenMissing, TokenGone):  # a module knows the tokens that were there when it was started
            module.begin_anew(module.generation)
            return TokenKey(place, module)


def make_key(place: KeyPlace) -> TokenKey:
    """Make a new key in the token, never to be taken out. Raises KeyInToken where there is one; else as `open_key`."""
    module = load_module(place.module)
    label = place.key_words
    with module.calling():
        session = module.session(place)
        try:
            if _objects(session, place, pkcs11.ObjectClass.PRIVATE_KEY):
                raise KeyInToken(f"token {place.token_words} has a key {label}", fix="give the new one another name")
            parameters = session.create_domain_parameters(pkcs11.KeyType.EC, {_A.EC_PARAMS: _P256}, local=True)
            parameters.generate_keypair(
                store=True, label=label, id=sha256(label.encode()).digest()[:8] if place.id is None else place.id,
                public_template=_UNSAID, private_template={**_UNSAID, **_SIGNING_ONLY},
            )  # fmt: skip
        except pkcs11.PKCS11Error as error:
            raise gone(place, error) from error
    return TokenKey(place, module)


def open_or_make_key(place: KeyPlace) -> TokenKey:
    """The key at this place; a new one where there is none. Raises as `open_key`."""
    try:
        return open_key(place)
    except KeyNotInToken:
        return make_key(place)


def _objects(session: pkcs11.Session, place: KeyPlace, kind: pkcs11.ObjectClass) -> list[pkcs11.Object]:
    wanted: dict[pkcs11.Attribute, object] = {_A.CLASS: kind}
    if place.object is not None:
        wanted[_A.LABEL] = place.object
    if place.id is not None:
        wanted[_A.ID] = place.id
    return list(session.get_objects(wanted))


def _found(session: pkcs11.Session, place: KeyPlace) -> tuple[pkcs11.PrivateKey, bytes]:
    """The private key, and the compressed point of the public one that lies beside it under the same id."""
    found = _objects(session, place, pkcs11.ObjectClass.PRIVATE_KEY)
    if not found:
        raise KeyNotInToken(
            f"token {place.token_words} has no key {place.key_words}",
            fix="look with `pkcs11-tool --login --list-objects`",
        )
    key = found[0]
    if len(found) > 1 or not isinstance(key, pkcs11.PrivateKey):
        raise KeyUnfit(f"{len(found)} keys are {place.key_words}", fix="name one by its id= as well")
    _require_locked_in(key)
    publics = list(session.get_objects({_A.CLASS: pkcs11.ObjectClass.PUBLIC_KEY, _A.ID: key[_A.ID]}))
    if len(publics) != 1:
        raise KeyUnfit(f"{len(publics) or 'no'} public keys lie beside {place.key_words}", fix=_UNFIT)
    return key, _point(publics[0])


def _require_locked_in(key: pkcs11.PrivateKey) -> None:
    """A P-256 key that signs, and that its token never gave out and never will. Raises KeyUnfit."""
    if key.key_type is not pkcs11.KeyType.EC or key[_A.EC_PARAMS] != _P256 or not key[_A.SIGN]:
        raise KeyUnfit("the key in the token is no P-256 key that signs", fix=_UNFIT)
    told = key.get_attributes(list(_LOCKED_IN))
    if wrong := [name.name.lower() for name, wanted in _LOCKED_IN.items() if told.get(name) is not wanted]:
        raise KeyUnfit("the key can be taken out of its token, or could be once", fix=_UNFIT, attributes=wrong)


def _point(public: pkcs11.Object) -> bytes:
    try:
        assert isinstance(public, pkcs11.PublicKey), "asked for as one"
        loaded = serialization.load_der_public_key(encode_ec_public_key(public))
    except (ValueError, TypeError) as error:
        raise KeyUnfit("the public key in the token is no point of P-256", fix=_UNFIT) from error
    if not isinstance(loaded, ec.EllipticCurvePublicKey):
        raise KeyUnfit("the public key in the token is no EC key", fix=_UNFIT)
    return loaded.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
