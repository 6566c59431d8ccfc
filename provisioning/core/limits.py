"""Limits of provisioning, with the unit in each name and the reason beside it."""

from protocol import limits

# --- Certificates ------------------------------------------------------------------------------------------------
AUTHORITY_VALID_DAYS = 3_650  # development authority: outlives every device certificate it can give out
LEAF_VALID_DAYS = 730  # devices, backend, broker: nothing needed to ride expires in under 120 days (an outage took 87)
CERTIFICATE_BACKDATE_S = 86_400  # a board whose clock is some hours behind must still find its certificate valid
SERIAL_BYTES = 16  # random serial: RFC 5280 allows 20 octets, CA/B asks for 8 of entropy

# --- Secrets -----------------------------------------------------------------------------------------------------
KEY_SECRET_BYTES = 32  # one P-256 scalar
BADGES_A_CALL_MAX = 500  # a depot's drivers; each is a page of its own
OPS_TOKEN_BYTES = 32  # bearer token of operations staff
PASSWORD_BYTES = 24  # loopback broker of the demo: 192 bits, never typed by a person

# --- Fleet -------------------------------------------------------------------------------------------------------
OLD_BUNDLE_AFTER_S = 7_200  # as the backend's own default, written out so that people see what holds

# --- Tickets -------------------------------------------------------------------------------------------------------
TICKETS_A_CALL_MAX = 2_000  # on one sheet: 6 MB of drawings, which a browser still prints

# --- Vehicles ----------------------------------------------------------------------------------------------------
DOOR_MAX = 9  # doors are counted from 1; the longest bus has five

# --- Broker ------------------------------------------------------------------------------------------------------
BROKER_HEADER_BYTES = 256  # fixed header, packet id and the longest topic (8 + 3 * 33 + 7 characters) around a payload
BROKER_PACKET_MAX_BYTES = limits.BATCH_MAX_BYTES + BROKER_HEADER_BYTES
BROKER_INFLIGHT_MESSAGES = 20  # per client and direction; equals the session's own bound, more brings no speed
BROKER_QUEUED_MESSAGES = 1_000  # per client beyond those in flight: a burst of births after a broker restart
BROKER_QUEUED_BYTES = 64 << 20  # per client: 64 full batches wait for the backend; what overflows is sent again

# --- Timetables --------------------------------------------------------------------------------------------------
FEED_FILE_MAX_BYTES = 512 << 20  # of one table: a large country's stop_times; beyond it a zip is a trap
FEED_STOP_ASIDE_MAX_M = 150  # a stop on the far side of a boulevard, and a road drawn roughly; more is another road
STOPS_LEVEL_M = 20  # a stop may be drawn so far before the one before it: two poles of one halt
