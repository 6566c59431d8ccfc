"""What a tone at the door is made of: one tune a tone, for riders who see nothing, and for the driver's ear.

A tune is written as it sounds: a letter for the pitch (H high, M middle, L low), then `.` for a short or `-` for a long
note. Rules of the table, so that an ear learns three things before it knows all tunes:
- begins short: go on; begins long: not yet;
- begins high: the boarding is counted (no other tune does);
- ends in a fall from middle to low: the driver should look (no other tune does).

No two tunes have the same rhythm: a buzzer without pitches tells them apart, too, and so does a rider who does not hear
pitches. What happens most often is shortest.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum


class Pitch(IntEnum):
    """In Hz, each two thirds above the one below: told apart without a trained ear.

    All under 2 kHz, above which hearing goes first with age, and within the two octaves of a small speaker.
    """

    LOW = 698
    MIDDLE = 1175
    HIGH = 1976


SHORT_MS = 80  # heard as a note and not as a click
LONG_MS = 240  # three times that, as in Morse
GAP_MS = 60  # between two notes, so that two of one pitch are two
TUNE_MAX_MS = 900  # riders step up one a second or two: it is over before the next code is read


class Tone(Enum):
    """A verdict's sound."""

    ACCEPTED = "accepted"
    ACCEPTED_CONCESSION = "accepted, concession"  # the driver hears that a concession was used
    ACCEPTED_GRACE = "accepted on grace"
    ALREADY_PAID = "already paid"
    ALREADY_PAID_OTHER_DOOR = "already paid at the other door"
    PARTY_EXTENDED = "party extended"
    CODE_EXPIRED = "code expired"
    CREDENTIAL_EXPIRED = "credential expired"
    PHONE_CLOCK_WRONG = "phone clock wrong"
    COPIED = "copied"
    DENIED = "denied"
    BEARER_DENIED = "bearer denied"
    UNKNOWN_ISSUER = "unknown issuer"
    WRONG_SERVICE = "wrong service"
    NOT_A_FARE_CODE = "not a fare code"
    NOT_GENUINE = "not genuine"
    BOARD_FREE = "board free"
    TRAINING = "training"
    OUT_OF_SERVICE = "out of service"
    TAPPED_OUT = "tapped out"


@dataclass(frozen=True, slots=True)
class Note:
    """One note, `ms` long."""

    pitch: Pitch
    ms: int


Tune = tuple[Note, ...]
_PITCH = {"H": Pitch.HIGH, "M": Pitch.MIDDLE, "L": Pitch.LOW}
_LENGTH = {".": SHORT_MS, "-": LONG_MS}


def _tune(written: str) -> Tune:
    return tuple(Note(_PITCH[note[0]], _LENGTH[note[1]]) for note in written.split())


def written(tune: Tune) -> str:
    """As it stands in the table below: `M. M- L-`."""
    pitches, lengths = ({value: letter for letter, value in of.items()} for of in (_PITCH, _LENGTH))
    return " ".join(pitches[note.pitch] + lengths[note.ms] for note in tune)


TUNES: dict[Tone, Tune] = {
    Tone.ACCEPTED: _tune("H."),
    Tone.ACCEPTED_CONCESSION: _tune("H. H."),
    Tone.PARTY_EXTENDED: _tune("H. H. H."),
    Tone.ACCEPTED_GRACE: _tune("H. M-"),
    Tone.PHONE_CLOCK_WRONG: _tune("H. H. M-"),
    Tone.BOARD_FREE: _tune("H. H- H."),
    Tone.TAPPED_OUT: _tune("M. M. M- H."),
    Tone.TRAINING: _tune("M. M. M. M."),
    Tone.ALREADY_PAID: _tune("M. M- L-"),
    Tone.OUT_OF_SERVICE: _tune("M. M. M. L-"),
    Tone.DENIED: _tune("M- L-"),
    Tone.BEARER_DENIED: _tune("M- L."),
    Tone.COPIED: _tune("M- M. L-"),
    Tone.WRONG_SERVICE: _tune("M- M. L."),
    Tone.ALREADY_PAID_OTHER_DOOR: _tune("M- M- L."),
    Tone.CODE_EXPIRED: _tune("L-"),
    Tone.CREDENTIAL_EXPIRED: _tune("L- L- L-"),
    Tone.NOT_A_FARE_CODE: _tune("L- L. L. L."),
    Tone.UNKNOWN_ISSUER: _tune("L- L. L. L-"),
    Tone.NOT_GENUINE: _tune("L- L. L- L."),
}


def length_ms(tune: Tune) -> int:
    """From its first note's start to its last note's end."""
    return sum(note.ms for note in tune) + GAP_MS * (len(tune) - 1)
