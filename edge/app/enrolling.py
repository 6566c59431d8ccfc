"""A device comes into a city by keys that it makes itself: it asks, and takes the answer. No network is needed.

    sheet ─▶ begin ─▶ request, a file ─▶ the office ─▶ answer, a file ─▶ finish ─▶ a device that can take taps

Rules:
- either may be cut at any point and called again: keys that were made are kept, the settings are written last, and
  without them the device is not enrolled;
- nothing of an answer is kept before all of it is proven: root, certificate, names, keys, bundle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.adapters.own_keys import SETTINGS, OwnKeys
from edge.app.bundle_tools import come_into_force
from edge.app.config import ValidatorConfig, load_config
from edge.core.errors import AlreadyEnrolled, EnrolmentFailed, NoClaimSeen, NotEnrolling
from edge.core.ports import FrameSource, QrReader
from hardware_keys.places import KeyPlace
from protocol.errors import DamagedCode, NotAFareCode, TooLarge, WrongHash
from protocol.wire.authority import Trust
from protocol.wire.bundles import KINDS
from protocol.wire.certificates import Chain, to_pem
from protocol.wire.claims import Claim, read_claim
from protocol.wire.enrolments import Answer, Request, decode_answer_file, make_request, open_answer, open_request
from protocol.wire.keys import VerifyingKey
from protocol.wire.manifests import Chunk, open_manifest
from protocol.wire.releases import RELEASES
from transport.bundle_folder import BundleFolder
from transport.toml_file import ConfigError

_TAP_KEY = '# Said on this device, not by the office: where its tap key lies (docs/AUTHORITY.md).\ntap_key = "{}"\n'
CLAIM_FRAMES_MAX = 900  # a minute of a slow camera: somebody holds the sheet before it


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the device is from now on."""

    settings: Path
    device: str
    bundle_number: int
    ends_ms: int


def begin(
    folder: OwnKeys,
    claim: Claim,
    *,
    hardware: str,
    randomness: Callable[[int], bytes],
    place: KeyPlace | None = None,
) -> Request:
    """Make the device's keys, if it has none, and its request; `place`: where a token shall have the tap key.

    Called again with the claim it is the same request.

    Raises AlreadyEnrolled, EnrolmentFailed, WireError, HardwareKeyError.
    """
    if folder.enrolled:
        raise AlreadyEnrolled(
            f"{folder.root} is a device's already", fix="give a new folder; a device changes its keys under a new name"
        )
    tap, tls = folder.make(randomness, place)
    request = open_request(make_request(claim, hardware=hardware, tap=tap, tls=tls))
    kept = folder.asked()
    if kept is not None and kept.claimed == request.claimed:  # a token never signs alike: an answer names one request
        request = kept
    folder.wait(request.raw, claim.root)
    return request


def finish(folder: OwnKeys, data: bytes) -> Enrolled:
    """Take the office's answer, a file's bytes. Called again after a power cut it comes to the same end.

    Raises NotEnrolling, AlreadyEnrolled, EnrolmentFailed, BundleFailed, HardwareKeyError; WireError or ProofError for
    an answer that is not the city's, or not for this device's request.
    """
    if folder.enrolled:
        folder.wait_no_more()
        raise AlreadyEnrolled(f"{folder.root / SETTINGS} is there: the device is enrolled", fix="`savar selftest`")
    request, root = folder.waiting()
    tap, tls = folder.held()
    if (tap.public, tls.public) != (request.tap_key, request.tls_key):
        raise NotEnrolling("the keys here are not those of the request", fix="begin anew: `savar enrol begin`")
    signed, chunks = decode_answer_file(data)
    answer, chain = open_answer(signed, request, root=root)
    settings = _settings(folder, answer, request)
    number = _take_bundle(folder, answer, chunks)
    _write_keys(folder, answer, chain)
    folder.write(SETTINGS, settings)
    folder.wait_no_more()
    return Enrolled(folder.root / SETTINGS, answer.device, number, chain.ends_ms)


def look_for_claim(source: FrameSource, readers: Sequence[QrReader], *, frames: int = CLAIM_FRAMES_MAX) -> Claim:
    """The claim whose sheet is held before an open camera. Other codes are passed over.

    Raises NoClaimSeen, CameraLost.
    """
    for _ in range(frames):
        grey = source.read()
        if grey is None:
            break
        for text in (text for reader in readers for text in reader.read(grey)):
            try:
                return read_claim(text.decode("ascii", errors="replace"))
            except (NotAFareCode, DamagedCode, TooLarge):
                continue
    raise NoClaimSeen("the camera saw no claim", fix="hold the sheet still, or type the line under its code")


def _settings(folder: OwnKeys, answer: Answer, request: Request) -> bytes:
    """The text of validator.toml, once it reads as this device's. Raises EnrolmentFailed."""
    tried = f".{SETTINGS}.tried"
    place = folder.place()
    text = answer.settings if place is None else _TAP_KEY.format(place.uri).encode() + answer.settings
    folder.write(tried, text)
    try:
        config = load_config(folder.root / tried)
    except ConfigError as error:
        raise EnrolmentFailed(
            f"this software cannot use the settings of the answer: {error.message}",
            fix="install the office's release of Savar here, and call again",
        ) from error
    finally:
        (folder.root / tried).unlink(missing_ok=True)
    require_own_settings(config, request, folder.root.resolve())
    require_own_place(config, place)
    return text


def require_own_settings(config: ValidatorConfig, request: Request, here: Path) -> None:
    """Return if the settings are this device's, and lead to its own keys. Raises EnrolmentFailed."""
    found = (config.city, config.device, config.vehicle)
    places = (config.keys_dir, config.bundle)
    if found != (request.city, request.device, request.vehicle) or places != (here / "keys", here / "bundle"):
        raise EnrolmentFailed("the settings of the answer are another device's", fix="ask the office for the answer")


def require_own_place(config: ValidatorConfig, place: KeyPlace | None) -> None:
    """Return if the settings lead to the tap key that this device made. Raises EnrolmentFailed.

    The office says nothing of it: a module that is named there would be loaded, and run, on every device.
    """
    if config.tap_key != place:
        raise EnrolmentFailed(
            "the settings of the answer say where a tap key lies", fix="ask the office for the answer"
        )


def _take_bundle(folder: OwnKeys, answer: Answer, chunks: dict[Chunk, bytes]) -> int:
    """Bring the answer's bundle into force, every byte proven → its number.

    Raises WireError, ProofError, BundleFailed.
    """
    recovery = None if answer.recovery_key is None else VerifyingKey.load(answer.recovery_key)
    trust = Trust(answer.city, VerifyingKey.load(answer.bundle_key), recovery)
    manifest = open_manifest(answer.manifest, trust.keys, city=answer.city)
    wanted = manifest.chunks([kind for kind in KINDS if kind != RELEASES])
    if missing := [chunk for chunk in wanted if chunk not in chunks]:
        raise WrongHash("the answer lacks a part of its bundle", missing=len(missing))
    target = BundleFolder(folder.root / "bundle")
    target.hold()
    try:
        for chunk in wanted:
            target.put_chunk(chunk, chunks[chunk])
        come_into_force(target, manifest, trust)
    finally:
        target.release()
    return manifest.number


def _write_keys(folder: OwnKeys, answer: Answer, chain: Chain) -> None:
    """Everything public beside the device's own keys."""
    folder.write("keys/ca.crt.pem", to_pem(answer.root))
    folder.write("keys/tls.crt.pem", to_pem(chain.leaf, chain.intermediate))
    folder.write("keys/bundle.pub", answer.bundle_key.hex().encode())
    if answer.recovery_key is not None:
        folder.write("keys/recovery.pub", answer.recovery_key.hex().encode())
    if answer.release_root is not None:
        folder.write("keys/release-root.json", answer.release_root)
