"""Every bound of the bridge, with its unit and its reason. The firmware's are generated from here."""

FRAME_MAX_BYTES = 16  # on the line, its end included: short frames are what a noisy line lets through
PAYLOAD_MAX_BYTES = 6  # what is left of that: five bytes of head, two of check, one of stuffing, one end, one spare
BAUD = 115_200  # 1.4 ms a frame; what every board and every cable of a vehicle does
PROTOCOL_VERSION = 1  # of frames and link; what the board understands has a digest of its own

# --- Asking ----------------------------------------------------------------------------------------------------------
TRIES = 8  # of a command: on a line that spoils one byte in a hundred, one command in fifty thousand is given up
RETRY_MIN_MS = 12  # twice a slow answer (5 ms): what is lost is asked for again before a rider notices
RETRY_MAX_MS = 200  # all eight tries are over in a second: then somebody is told
WAITING_MAX = 32  # commands not yet sent: a door asks a few a second; more says that the board is gone
GREET_EVERY_MS = 100  # a board that starts is greeted within a tenth of a second
GREET_WAIT_MAX_MS = 800  # before a greeting is sent again: a line that keeps an answer for half a second has one, too
GREETINGS_MAX = 5  # of one session: a board that had that number before takes it for a late one
GREETINGS_KEPT = 4  # sessions that a board knows as its own late ones: a line holds no older greeting back
SESSION_JUMP = (
    7  # to the next session after greetings in vain: beyond all that it keeps; no divisor of the 255 there are
)
GREET_AGAIN_MS = 1_000  # one that was refused may have got its firmware meanwhile
DECLARATION_MAX_CHARS = 2_000  # eight times today's; a board that never ends its text is refused
REOPEN_MS = 500  # a plug that was pulled and put back is looked for twice a second

# --- Being there -----------------------------------------------------------------------------------------------------
BEAT_MS = 400  # the host's heartbeat: four can be lost before the board says "out of service" by itself
HOST_SILENT_MS = 2_000  # after so long the board does that; the issue's own figure
STATUS_EVERY_MS = 400  # the board's heartbeat, with all its inputs
BOARD_SILENT_MS = 1_200  # three of them: then the board is gone, and greeted anew
SILENT_SAID_MS = 2_000  # an open port on which nobody answers: a watchdog and a start take one second
UNASKED_MS = 1_000  # so long without an answer, and the link asks by itself: with all tries a deaf board is told in 2 s
STATUS_BURST_MS = (0, 8, 16, 32)  # after a change of an input, its news goes out so often: one in ten thousand is late

# --- Power -----------------------------------------------------------------------------------------------------------
POWER_FAIL_DARK_MS = 50  # from the line's fall: no green after that (the issue's own figure)
POWER_FAIL_LOWS = 2  # samples of the line, one a millisecond, that say so: one alone is a spike of the starter
POWER_FAIL_OF = 16  # … of so many in a row: a line that chatters is low often, and never for long
POWER_GOOD_MS = 500  # without one low sample, and it is good again: a starter turns for as long as a supply that sags

# --- The board's loop ------------------------------------------------------------------------------------------------
TURN_MAX_BYTES = 16  # read before time goes on: their answers take the line 3 ms, whatever still comes

# --- Inputs ----------------------------------------------------------------------------------------------------------
PULSES_MIN = 50  # that a length is measured by: one more or less is two in a hundred
SETTLE_MS = 20  # a contact's bounces are over in 5 to 10 ms
