"""Limits of provisioning, with the unit in each name and the reason beside it."""

from protocol import limits

# --- Certificates ------------------------------------------------------------------------------------------------
TLS_ROOT_VALID_DAYS = 7_300  # outlives two generations of intermediates; a new root means going to every bus
INTERMEDIATE_VALID_DAYS = 3_650  # outlives every leaf that it gives out in its first eight years
LEAF_VALID_DAYS = 730  # devices, backend, broker: nothing needed to ride expires in under 120 days (an outage took 87)
CRL_VALID_DAYS = 240  # past its end a list locks out the whole fleet: half of it outlasts an outage of 120 days
CERTIFICATE_BACKDATE_S = 86_400  # a board whose clock is some hours behind must still find its certificate valid
SERIAL_BYTES = 16  # random serial: RFC 5280 allows 20 octets, CA/B asks for 8 of entropy

# --- Keys that are kept off line -----------------------------------------------------------------------------------
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 14, 8, 5  # OWASP's least of the equals; OpenSSL's own reader allows 32 MiB
SCRYPT_SALT_BYTES = 16
AES_BLOCK_BYTES = 16
ROOT_PASSPHRASE_MIN_CHARS = 16  # four words or more; what a guesser has is the file, and all the time there is
ROOT_PASSPHRASE_MIN_DIFFERENT = 8  # sixteen times one letter is no passphrase

# --- Secrets -----------------------------------------------------------------------------------------------------
KEY_SECRET_BYTES = 32  # one P-256 scalar
BADGES_A_CALL_MAX = 500  # a depot's drivers; each is a page of its own
OPS_TOKEN_BYTES = 32  # bearer token of operations staff
NUMBER_KEY_BYTES = 32  # of the HMACs that telephone numbers are kept as: what SHA-256 is good for
HOST_KEY_BYTES = 32  # that secrets of hosts' webhooks are made of: as many as what they sign with
PASSWORD_BYTES = 24  # loopback broker of the demo: 192 bits, never typed by a person

# --- Enrolment ---------------------------------------------------------------------------------------------------
CLAIM_VALID_DAYS = 14  # a sheet goes to the depot, is used in the next days, and lies around afterwards
CLAIM_VALID_DAYS_MAX = 60
# Of a request's fingerprint, not shown at the office, so somebody has read the device's screen. 64 bits, since that is
# all that is sure to be compared: another request that ends in 32 given bits is found in a night.
APPROVAL_TYPED_DIGITS = 16
RENEWALS_AT_ONCE = 500  # devices whose requests are asked for together: half of what our broker holds ready; 6 MB
OFFICE_RENEWS_DAYS = 60  # before the end of its own certificate: it looks once an hour, and a holiday is no fortnight

# --- Rotation ----------------------------------------------------------------------------------------------------
CREDENTIAL_DAYS = 180  # as the backend gives them out (its own limits; a test holds both together)
ISSUER_SETTLES_DAYS = 35  # a bus that parks for a month hears of a new issuer before it meets one of its riders

BUS_AWAY_DAYS = 120  # a bus that is parked or cut off so long still gets its next bundle without a depot

# --- Fleet -------------------------------------------------------------------------------------------------------
OLD_BUNDLE_AFTER_S = 7_200  # as the backend's own default, written out so that people see what holds

# --- Releases ------------------------------------------------------------------------------------------------------
ROOT_VALID_DAYS = (
    3_650  # an expired one keeps the whole fleet from updates until people meet; it is renewed long before
)
TARGETS_VALID_DAYS = 730  # people sign each release; the last one still has to reach a bus that was away for long
TIMESTAMP_VALID_DAYS = (
    180  # a bus without a network for 120 days still takes what a stick brings; freezing shows sooner
)
PASSPHRASE_MIN_CHARS = 12  # of a person's key: who finds the file tries for years
STAGE_HOURS_MIN = 24  # a service day: a morning's and an evening's crowd
STAGE_RUNS_PERMILLE = 800  # of the devices that spoke: the rest is in repair, or was not started anew
SILENT_HOURS = 24  # a bus that is parked over the night speaks the next day
HARM_DEVICES_MIN = 2  # one broken camera is no pattern
HARM_PERMILLE = 200  # more than the others' share: of 10 devices two, of 200 forty

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
