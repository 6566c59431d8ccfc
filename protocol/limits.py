"""Every limit of the contract, with its unit in the name and its reason beside it.

Sources named `qr.md`, `ingest.md`, `ticketing.md` are the measurements that docs/PROTOCOL.md summarises.
"""

# --- Codes a validator reads -------------------------------------------------------------------------------------
CODE_PREFIX = "SV1:"
CODE_TEXT_MAX_CHARS = 4_296  # the largest QR symbol's alphanumeric capacity; anything longer is no code
LONG_PASS_BYTES = 183  # 275 base45 characters and the prefix: exactly the 279 that version 8-L holds
SHORT_PASS_BYTES = 81  # 122 base45 characters and the prefix: version 5-L, where dim screens are still read (qr.md)
TICKET_BYTES = 80  # 120 base45 characters and the prefix: version 5-L; of paper at most 120 B, where print is read well
TICKET_RIDES_A_DAY_MAX = 15  # of a card; nobody rides more, and each is what a copy is worth on each bus
RIDER_ROW_BYTES = 48  # a credential's id, key, version, class, product, expiry and allowance: a million riders in 48 MB
RIDER_CHUNK_ROWS = 4_096  # a writer cuts finer above: one rider more costs a bus at most 192 KiB; a million, 256 chunks
RIDER_CHUNK_ROWS_MAX = 21_845  # rows of a chunk of the rider table: as many as 1 MiB holds

NONCE_BYTES = 8  # of a vehicle code: 2^32 codes of one fleet before two are likely to be alike, and each lives a minute
VEHICLE_URL_MAX_CHARS = 512  # names of 32 letters make 234 characters; a city's address has its share
GRANT_MAX_BYTES = 191  # with a vehicle's name of 32 letters; up to 24 letters as a code version 8-L, beyond it 9-L

# --- Freshness of a presentation ---------------------------------------------------------------------------------
RENDER_PERIOD_S = 15  # the phone signs a new render this often
FORM_PERIOD_S = 1  # a phone shows one form of a render for so long: under HOLD_GAP_MS, so that either is one hold
FORMS_UNTIL_LONG = 4  # each fourth form is the long one if the phone knows that the fleet has its row, else each second
LONG_FORM_WAIT_S = 8  # a short form without a row is refused when held for so long: two turns of four forms
FRESH_WINDOW_S = 30  # accepted within ± this of the validator's clock: two renders
FRESH_WINDOW_MAX_S = 300  # never wider, whatever the clock's uncertainty: a copy is worth at most five minutes
VEHICLE_CODE_MAX_AGE_S = 60  # asked about so long: the camera app, a page that loads, a rider who reads what it costs
VEHICLE_CODE_PERIOD_S = 15  # a door makes a new one this often: four while one may be asked about
GRANT_S = 600  # from the time of the vehicle code: a bus without a network is boarded by the phone's code in that time
CLOCK_WRONG_WITHIN_S = 60  # a phone this near to whole half-hours off is set wrong: the clocks left summer time in 2022
CLOCK_WRONG_HALVES_MAX = 3  # half-hours, either way: an hour of summer time, and a neighbour's time zone
CREDENTIAL_GRACE_AFTER_S = 24 * 3600  # no receipt for so long: expired credentials ride on grace (87-day outage seen)
REPEAT_WINDOW_DEFAULT_S = 180  # one credential, one fare per bus: two doors, a nervous rider, a long hold
ANNUL_WITHIN_S = 180  # a mistake is seen while the rider still stands there; as long as the repeat window
ANNULS_A_DAY_MAX = 5  # by a driver a service day, asked by bus and office: an honest one's two shifts know two or three
REPEAT_WINDOW_MAX_S = 3600  # a tariff cannot ask for more: plain ids stay on the bus this long
TRANSFER_WINDOW_MAX_S = (
    7200  # plain ids stay on the bus as long as the longer of both windows; cities give 60 to 120 min
)
PARTY_MAX = 15  # companions on one pass; a school class uses a group product
HOLD_GAP_MS = 1_500  # the same code unseen for longer than this is a new showing, not one long hold
SIGHTINGS_BEFORE_REFUSAL = (
    3  # frames that must agree before bad or foreign bytes are answered (miscorrected reads exist)
)

# --- Tariff -------------------------------------------------------------------------------------------------------
PEAK_MAX_PERMILLE = 3_000  # of the usual fare: more is a typing slip
TARIFF_LINES_MAX = 2_000  # lines with a fare of their own; Isfahan has some 130
LINE_BANDS_MAX = 64  # steps of a distance fare: a kilometre each on the longest line
TARIFF_PEAKS_MAX = 64  # times of a week
TARIFF_FREE_DAYS_MAX = 366
TARIFF_METRES_MAX = 1_000_000
AGE_MAX_YEARS = 130
TAP_OUT_WITHIN_S = 7_200  # of the boarding: Isfahan's longest line takes 90 minutes in traffic; plain ids stay so long
POLICIES_MAX = 1_000  # orders that stand, vehicles in training
POLICY_MAX_S = 31 * 86_400  # a month: what fails for longer is said again, by somebody who has looked
ALLOWANCE_RAISE_MAX_RIALS = 255 * 50_000  # as much as a pass itself can be worth unseen

# --- Local time --------------------------------------------------------------------------------------------------
LOCAL_OFFSET_S = 12_600  # Asia/Tehran, UTC+03:30, no summer time since September 2022
DAY_S = 86_400

# --- Names and texts ---------------------------------------------------------------------------------------------
NAME_MAX_CHARS = 32  # device, vehicle, city, shard, route, trip, stop, shift: [a-z0-9-], fits a certificate and a topic
TEXT_MAX_CHARS = 200  # free text for a person, in code points: a line on a screen, not a log
KEY_ID_BYTES = 8  # first bytes of SHA-256 of the compressed point
CHALLENGE_BYTES = 32  # of a registration over HTTP
TIME_NONCE_BYTES = 16  # of a phone that asks for the time: never the same again
PUBLIC_KEY_BYTES = 33  # compressed P-256 point
SIGNATURE_BYTES = 64  # r‖s
HASH_BYTES = 32  # SHA-256
CREDENTIAL_ID_BYTES = 8
BADGE_ID_BYTES = 8
ALLOWANCE_UNIT_RIALS = 50_000  # one byte in the pass: up to 12.75 million rials of unseen rides

# --- Records, batches, messages ----------------------------------------------------------------------------------
RECORD_MAX_BYTES = 2_048  # a tap with a long pass is ~450 B; leaves room for grants and chunks
BATCH_LIVE_RECORDS = 100  # while live: small, acknowledged within a round trip
BATCH_DRAIN_RECORDS = 1_000  # while draining a backlog: ingest is 2x faster at 1,000 rows a transaction (ingest.md §4)
BATCH_MAX_BYTES = 1 << 20  # broker and backend refuse more; 1,000 taps are ~450 KiB
MESSAGE_MAX_BYTES = 65_536  # receipt, health, state
SISTER_BOARDINGS_MAX = (
    1_000  # fresh boardings in one message between two doors: 25 minutes of a full bus; ~100 B each at most
)
SISTER_MESSAGE_MAX_BYTES = BATCH_MAX_BYTES + (5 << 16)  # a whole batch, its boardings, a receipt
CBOR_MAX_DEPTH = 8  # deepest structure of the contract is 7: trips of a timetable
HEALTH_CAMERAS_MAX = 8  # cameras on one validator
HEALTH_UNREAD_MAX = 16  # readings that failed, by name; there are twelve
HEALTH_TEMPERATURE_MAX_MC = 200_000  # thousandths of a degree, either way: beyond it a sensor is broken
BUNDLE_KEYS_MAX = 16  # issuer or receipt keys valid at once
BUNDLE_DENY_MAX = 100_000  # denied credentials; some 15 MB in a validator's memory
DENY_CHUNK_ENTRIES = 4_096  # a writer cuts finer above: one credential more costs every bus at most 50 KiB
DENY_CHUNK_ENTRIES_MAX = 65_536  # a reader takes up to this: 12 B each, within a chunk
CHUNK_MAX_BYTES = 1 << 20  # fetched whole and hashed in memory; what a poor link brings in a minute or two
SECTION_CHUNKS_MAX = 1_024  # 1 GiB of one kind; the manifest's own limit is met first
MANIFEST_SECTIONS_MAX = 32  # kinds of content; seven are planned
MANIFEST_MAX_BYTES = 65_536  # retained at the broker, sent at every connection: 1,600 chunks of some 40 B
STATEMENT_KEYS_MAX = 4  # bundle keys that are believed at once: the old one, the new one, and two sites' own

# --- Enrolment ---------------------------------------------------------------------------------------------------
CLAIM_CODE_CHARS = 16  # of 32 letters: 80 bits, since the office keeps a public key made of it, which can be searched
CLAIM_ROOT_DIGITS = 32  # hex digits of the root's SHA-256 on a claim's sheet: 128 bits, for nobody finds a second root
CLAIM_CHECK_DIGITS = 4  # a slip of the hand is told at once, and not at the office: one in 65,536 passes
CLAIM_TEXT_MAX_CHARS = 256  # three names, the code, the digits: 190 at most
CSR_MAX_BYTES = 1_024  # of one P-256 key and three short names: 250 B
CERTIFICATE_MAX_BYTES = 4_096  # of one P-256 key; an intermediate with its name constraints has 700 B
ENROLMENT_MAX_BYTES = 4_096  # a request: a CSR, three names, a key, two signatures
ANSWER_SETTINGS_MAX_BYTES = 65_536  # the text of validator.toml; one with a terminal has 2 KiB
ANSWER_MAX_BYTES = 1 << 20  # the signed part: settings, three certificates, a manifest, what releases are proven by
ANSWER_CHUNKS_MAX = 1_600  # as many as a manifest can name
ANSWER_FILE_MAX_BYTES = 128 << 20  # with its bundle: riders are 48 MB of a million; read once, while nobody boards
RENEWAL_MAX_BYTES = 3 * CERTIFICATE_MAX_BYTES  # two certificates either way, and a signature
INTERFACE_NAME = r"[A-Za-z0-9._-]{1,15}"  # a network as Linux names it: it keeps 16 bytes, with one at the end
ASSIGNMENT_MAX_BYTES = 2 * CERTIFICATE_MAX_BYTES  # a certificate, five names, a key, a signature
RENEWAL_WINDOW_DAYS = 210  # before the end: a bus may be away for 120 days, and the office has 90 more
CERTIFICATE_LEFT_MIN_DAYS = (
    150  # less is an alarm: a bus that leaves now may be away for 120, and files take their time
)
FINGERPRINT_DIGITS = 24  # of a request, compared by two people over a telephone: 96 bits, six groups of four

# --- Releases ------------------------------------------------------------------------------------------------------
ROOTS_MAX = 32  # versions of TUF's root, all carried: one a year, and some after a key was lost
ROLE_MAX_BYTES = 256 << 10  # of one role's JSON, or of one target file: a release of 100 wheels has 20 KiB
RELEASES_MAX = 4  # on their way at once: the last one, the next one, and one for each other kind of computer
RELEASE_FILES_MAX = 256  # wheels; a validator has 49
RELEASE_MAX_BYTES = 512 << 20  # of all its files as they travel; a validator's are 75 MB
STAGE_FIRST_MAX = 64  # devices named to go first: a depot's own buses
HALTED_MAX = 256  # numbers that were halted; those of a year, had each week one

# --- Timetable ---------------------------------------------------------------------------------------------------
TIMETABLE_CHUNKS = 256  # a writer puts a line into a chunk each up to here: 256 names are 10 KiB of a manifest
TIMETABLE_LINES_MAX = 256  # lines in one chunk
TIMETABLE_STOPS_MAX = 4_096  # stops in one chunk; a city of 130 lines has some 4,000 in all
TIMETABLE_PATTERNS_MAX = 64  # ways in which one line runs: two directions, short runs, school days
TIMETABLE_CALLS_MAX = 256  # stops of one pattern; the longest city lines have 80
TIMETABLE_SHAPE_POINTS_MAX = 8_192  # of one pattern: 80 km at a point each 10 m
TIMETABLE_RUNS_MAX = 1_024  # running times of one pattern: by hour and day, a few dozen
TIMETABLE_TRIPS_MAX = 8_192  # trips of one pattern over all kinds of day; one a minute for 5 kinds is 6,000
TIMETABLE_DAYS_MAX = 1_024  # kinds of day that the lines of one chunk know
TIMETABLE_EXCEPTIONS_MAX = 400  # days added or removed: each day of a year, and the holidays
TIMETABLE_TIME_MAX_S = 2 * DAY_S - 1  # a trip belongs to the day on which it begins, and may end after midnight
TIMETABLE_METRES_MAX = 1_000_000  # along a shape: no city bus runs 1,000 km

# --- Staff ---------------------------------------------------------------------------------------------------------
STAFF_MAX = 8_000  # drivers of one city; Isfahan has some 2,500. 80 B each: 640 KB, one chunk
PIN_MIN_DIGITS = 4  # ten seconds at the wheel; six are better, and as well taken
PIN_MAX_DIGITS = 8
PIN_SALT_BYTES = 16
PIN_SCRYPT_N = 16_384  # with r = 8: 16 MiB and some 50 ms; a Pi takes a quarter of a second, a driver does not notice
PIN_SCRYPT_R = 8

# --- Numbers -----------------------------------------------------------------------------------------------------
UINT64_MAX = (1 << 64) - 1
UINT16_MAX = (1 << 16) - 1  # what a panel board tells in two bytes: firmware, starts, millivolts
UINT32_MAX = (1 << 32) - 1
LATEST_MS = 253_402_300_799_999  # the last of the year 9999: a clock that tells more tells nothing, and days end before
INT63_MAX = (1 << 63) - 1  # SQLite's and PostgreSQL's largest integer: sequence, milliseconds
RIALS_MAX = 10**12  # no single fare, top-up or posting reaches this: a typing slip, not money
FLAT_FARE_MAX_RIALS = RIALS_MAX // (PARTY_MAX + 1)  # so that the fare of a full party still fits its record

# --- Keeping ------------------------------------------------------------------------------------------------------
RECEIPTED_KEPT_S = 35 * DAY_S  # receipted taps stay this long on the card: a restored backend asks again (P2)
