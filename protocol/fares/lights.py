"""How long a door's lights and its button last, wherever they hang: on the computer's own pins, or on a panel board."""

from protocol.fares.tones import Pitch
from protocol.fares.verdicts import Lamp

LAMP_HOLD_MS = 2_000  # a verdict is looked at that long
LAMP_DARK_MS = 100  # between two verdicts of one colour: seen as a blink, and the second light is hardly later
BUTTON_HOLD_MS = 3_000  # nobody leans on a button for so long by accident more than now and then
BUTTON_REPEAT_MS = 10_000  # as long as the rider whom it was for still stands there
BUTTON_BOUNCE_MS = 20  # a push button's contacts settle in 5 to 10 ms
PANEL_TEST_STEP_MS = 400  # each colour and each pitch is told from the next
# What a button held shows and sounds, a step each: red first, and every lamp and every pitch once or more.
PANEL_TEST: tuple[tuple[Lamp, Pitch], ...] = (
    (Lamp.RED, Pitch.LOW), (Lamp.AMBER, Pitch.MIDDLE), (Lamp.GREEN, Pitch.HIGH), (Lamp.BLUE, Pitch.MIDDLE),
    (Lamp.WHITE, Pitch.LOW),
)  # fmt: skip
