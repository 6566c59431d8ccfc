"""The validator's configuration file: one model, unknown keys refused, paths relative to the file."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from edge.adapters.assigned_file import read_assigned
from edge.core.limits import TERMINAL_LINES_MAX
from hardware_keys.errors import BadKeyUri
from hardware_keys.places import KeyPlace, read_place
from protocol import limits
from protocol.wire.assignments import Assignment, Other
from protocol.wire.records import Service
from transport.config import BrokerConfig, PeerConfig
from transport.toml_file import Name, load_toml

_NOWHERE = "nowhere"  # in no record: a door that serves nowhere takes no tap
_PORT: int = PeerConfig.model_fields["port"].default
_STRICT = ConfigDict(extra="forbid", frozen=True)
_RIDERS_URL = r"^https?://[a-z0-9.:-]{1,80}(/[a-z0-9./-]{0,40}[a-z0-9])?$"  # and no slash at the end: /v# follows


class CameraConfig(BaseModel):
    """One camera of this door."""

    model_config = _STRICT
    name: Name
    source: str = Field(min_length=1)


class ClockConfig(BaseModel):
    """Who vouches for the wall clock: the system's time service, or an operator (development, tests)."""

    model_config = _STRICT
    trust: Literal["system", "operator"] = "system"


class ReaderConfig(BaseModel):
    """Decoders in the order in which they look at a frame."""

    model_config = _STRICT
    order: tuple[Literal["zxing", "pyzbar", "wechat"], ...] = Field(default=("zxing", "pyzbar", "wechat"), min_length=1)


# A Pi's header: BCM 0 and 1 are kept for the identity of a board on top.
Words = Annotated[str, Field(min_length=1, max_length=limits.TEXT_MAX_CHARS)]
Pin = Annotated[int, Field(ge=2, le=27)]


class LampConfig(BaseModel):
    """The rider's lamp, red, green and blue on a pin each. `active_high` false: a common anode."""

    model_config = _STRICT
    red: Pin
    green: Pin
    blue: Pin
    active_high: bool = True


class BuzzerConfig(BaseModel):
    """The sounder. `tonal` false: one with a pitch of its own, which is switched on and off."""

    model_config = _STRICT
    pin: Pin
    tonal: bool = True


class ButtonConfig(BaseModel):
    """The rider's button. `pull_up` true: it connects its pin to ground."""

    model_config = _STRICT
    pin: Pin
    pull_up: bool = True


class BoardConfig(BaseModel):
    """The panel board. `port`: its serial line, /dev/…, or its USB adapter's serial number as udev tells it.

    `mm_per_pulse`: how far the vehicle goes from one odometer pulse to the next; left out: no wheel is counted.
    `supply_v`: the vehicle's battery. `wired`: which of the vehicle's other lines hang on the board; of what does not
    nothing is believed.
    """

    model_config = _STRICT
    port: str = Field(pattern=r"^(/dev/\S+|[A-Za-z0-9_.:-]{2,64})$")
    mm_per_pulse: int | None = Field(default=None, ge=1, le=10_000)
    supply_v: Literal[12, 24] = 24
    wired: frozenset[Literal["doors", "ignition", "tamper"]] = frozenset()


class PanelConfig(BaseModel):
    """What shows verdicts besides the console: nothing, the computer's own pins (BCM), or a panel board."""

    model_config = _STRICT
    kind: Literal["console", "gpio", "board"] = "console"
    board: BoardConfig | None = None
    lamp: LampConfig | None = None
    buzzer: BuzzerConfig | None = None
    button: ButtonConfig | None = None

    @model_validator(mode="after")
    def _wired(self) -> Self:
        """Every verdict has a lamp and a tone (P17), and no pin serves two parts."""
        parts = {"lamp": self.lamp, "buzzer": self.buzzer, "button": self.button}
        if (self.kind == "board") is (self.board is None):
            raise ValueError('a panel board needs kind = "board" and [panel.board] with its port; nothing else has one')
        if self.kind == "board":
            if unused := [name for name, part in parts.items() if part is not None]:
                raise ValueError(f"panel.{unused[0]} has pins, but the panel board has its own")
            return self
        if self.kind == "console":
            if unused := [name for name, part in parts.items() if part is not None]:
                raise ValueError(f'panel.{unused[0]} has pins, but kind is "console"; write kind = "gpio"')
            return self
        if self.lamp is None or self.buzzer is None:
            raise ValueError("a panel on pins needs [panel.lamp] and [panel.buzzer]")
        pins = {"lamp.red": self.lamp.red, "lamp.green": self.lamp.green, "lamp.blue": self.lamp.blue,
                "buzzer.pin": self.buzzer.pin}  # fmt: skip
        if self.button is not None:
            pins["button.pin"] = self.button.pin
        owner: dict[int, str] = {}
        for name, pin in pins.items():
            if pin in owner:
                raise ValueError(f"panel.{owner[pin]} and panel.{name} are both on pin {pin}")
            owner[pin] = name
        return self


def _place(value: object) -> KeyPlace:
    """pydantic wants a ValueError where the place's own reader raises BadKeyUri."""
    if not isinstance(value, str):
        raise ValueError("a key's place is written as pkcs11:…")  # noqa: TRY004 - a TypeError would end the program
    try:
        return read_place(value)
    except BadKeyUri as error:
        raise ValueError(str(error)) from error


class GnssConfig(BaseModel):
    """The satellite receiver: gpsd in the bus, or a receiver on a serial line."""

    model_config = _STRICT
    source: str = Field(pattern=r"^(gpsd:\S+:\d{1,5}|nmea:/\S+:(4800|9600|38400|115200))$")


class CounterConfig(BaseModel):
    """A counter in this machine's TPM: its place, as tpm2-tss names it, and an index that nothing else uses."""

    model_config = _STRICT
    tcti: str = Field(default="device:/dev/tpmrm0", pattern=r"^[a-z]+(:[!-~]+)?$")
    index: int = Field(ge=0x0100_0000, le=0x01FF_FFFF)  # a TPM's own range of NV indices


class LineConfig(BaseModel):
    """A line that this bus may serve, and where its two directions lead, as the terminal's keys say it."""

    model_config = _STRICT
    route: Name
    towards_fa: tuple[Words, Words]
    towards_en: tuple[Words, Words]


class TerminalConfig(BaseModel):
    """The driver's terminal and the riders' panels, served in the bus. One door of a bus serves them."""

    model_config = _STRICT
    host: str = Field(default="127.0.0.1", min_length=1)  # or the address in the bus's own network, never another
    port: int = Field(default=8090, ge=0, le=65535)
    pages: Path = Path("pages")
    far_door: int | None = Field(default=None, ge=0, le=255)  # the other door's number, where there is one
    complaint_number: str = Field(pattern=r"^[0-9+ -]{3,20}$")  # whom riders call
    line: tuple[LineConfig, ...] = Field(default=(), max_length=TERMINAL_LINES_MAX)  # without a timetable


class ValidatorConfig(BaseModel):
    """One validator at one door."""

    model_config = _STRICT
    city: Name
    shard: Name
    device: Name
    spare: bool = False  # enrolled for no vehicle: the office says later where it serves (`edge/app/assigning`)
    vehicle: Name | None = None  # None: a spare's that serves nowhere yet; so is door
    door: int | None = Field(default=None, ge=0, le=255)
    route: Name | None = None
    direction: Literal[0, 1] | None = None
    trip: Name | None = None
    stop: Name | None = None
    shift: Name | None = None
    data_dir: Path = Path("data")
    keys_dir: Path = Path("keys")
    tap_key: Annotated[KeyPlace, BeforeValidator(_place)] | None = None  # None: the file tap.key.pem in keys_dir
    counter: CounterConfig | None = None  # None: a card that is put back is found by the backend or the other door
    bundle: Path = Path("bundle")
    chunks_url: str | None = Field(default=None, pattern=r"^https?://[^\s/]")  # None: a depot brings them
    riders_url: str | None = Field(default=None, pattern=_RIDERS_URL)  # the city's, in vehicle codes; None: none shown
    broker: BrokerConfig
    clock: ClockConfig = ClockConfig()
    reader: ReaderConfig = ReaderConfig()
    panel: PanelConfig = PanelConfig()
    terminal: TerminalConfig | None = None  # None: this door serves no terminal
    camera: tuple[CameraConfig, ...] = Field(min_length=1, max_length=limits.HEALTH_CAMERAS_MAX)
    gnss: GnssConfig | None = None  # None: records say no place, and the door serves the line that it is told
    releases: Path | None = None  # this device's folder of releases; None: its software is replaced in another way
    sister: PeerConfig | None = None  # the other door of this bus; its tap key is sister.pub in keys_dir
    _assigned: Assignment | None = PrivateAttr(default=None)  # the office's word on the card, never out of this file

    @field_validator("chunks_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        """What cannot be called is said at the start, and not by the thread that would call it."""
        if value is not None:
            parts = urlsplit(value)
            if not parts.hostname or parts.port == 0:  # both raise ValueError for what is no address at all
                raise ValueError("chunks_url has no host, or port 0; give http://HOST:PORT")
        return value

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        """Only a spare serves no door, and it has none of its own."""
        if self.spare and (self.vehicle, self.door, self.sister) != (None, None, None):
            raise ValueError("a spare has no vehicle, door or sister of its own: the office says where it serves")
        if not self.spare and (self.vehicle is None or self.door is None):
            raise ValueError("vehicle and door are missing: where does this device serve?")
        return self

    @model_validator(mode="after")
    def _doors_of_the_terminal(self) -> Self:
        """A terminal shows every door of its bus, each under its own number."""
        if self.terminal is not None and (self.terminal.far_door is None) != (self.sister is None):
            raise ValueError("terminal.far_door is the number of the other door: give it where there is a sister")
        if self.terminal is not None and self.terminal.far_door == self.door:
            raise ValueError("terminal.far_door is this door's own number")
        return self

    @model_validator(mode="after")
    def _another_sister(self) -> Self:
        """A door that witnessed itself would prove nothing."""
        if self.sister is not None and self.sister.device == self.device:
            raise ValueError("sister names this device itself; give the other door's name")
        return self

    @property
    def assigned(self) -> Assignment | None:
        """The office's newest word on where this device serves; None: its own settings say it."""
        return self._assigned

    @property
    def serves(self) -> bool:
        """Whether it takes fares: it has a door, and no other unit took its place."""
        return self.vehicle is not None and (self._assigned is None or self._assigned.serves is not None)

    @property
    def service(self) -> Service:
        """Where the device serves, as its records name it. One that serves nowhere records no tap."""
        vehicle, door = self.vehicle or _NOWHERE, self.door or 0
        return Service(vehicle, door, self.route, self.direction, self.trip, self.stop, self.shift)

    def under(self, said: Assignment | None) -> "ValidatorConfig":
        """The same under the office's word."""
        if said is None:
            return self
        if said.serves is None:  # nothing that is a door's: no other door, no screen, no code to be scanned
            config = self.model_copy(update={"sister": None, "terminal": None, "riders_url": None})
        else:
            where = {"vehicle": said.serves.vehicle, "door": said.serves.door, "route": said.serves.route or self.route}
            far = None if said.other is None else said.other.at_door
            terminal = None if self.terminal is None else self.terminal.model_copy(update={"far_door": far})
            sister = None if said.other is None else self._paired_with(said.other)
            config = self.model_copy(update={**where, "sister": sister, "terminal": terminal})
        config._assigned = said  # noqa: SLF001 - a copy of our own, which nobody has seen yet
        return config

    def _paired_with(self, other: Other) -> PeerConfig:
        """Two doors that find each other: an address that was written down for another unit is its own no more."""
        before, broker = self.sister, self.broker
        assert broker.ca is not None
        assert broker.cert is not None
        assert broker.key is not None
        ours = None if before is None else before.interface
        return PeerConfig(
            device=other.name, ca=broker.ca, cert=broker.cert, key=broker.key, renewed=broker.renewed,
            interface=ours or other.interface, port=_PORT if before is None else before.port,
        )  # fmt: skip


def load_config(path: Path) -> ValidatorConfig:
    """Read, validate, resolve paths against the file's folder; then where the office says that it serves.

    Raises ConfigError naming every wrong key.
    """
    config = load_toml(path, ValidatorConfig)
    base = path.resolve().parent
    renewed = base / config.data_dir / "tls"
    config = config.model_copy(
        update={
            "data_dir": base / config.data_dir,
            "keys_dir": base / config.keys_dir,
            "bundle": base / config.bundle,
            "releases": None if config.releases is None else base / config.releases,
            "broker": config.broker.resolved(base).model_copy(update={"renewed": renewed}),
            "terminal": None
            if config.terminal is None
            else config.terminal.model_copy(update={"pages": base / config.terminal.pages}),
            "sister": None
            if config.sister is None
            else config.sister.resolved(base).model_copy(update={"renewed": renewed}),
        }
    )
    return config.under(read_assigned(config.data_dir, config.broker.ca, city=config.city, device=config.device))
