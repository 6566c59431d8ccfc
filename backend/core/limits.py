"""Every bound of the backend that is not part of the contract, with its unit and its reason."""

# --- Ingest ----------------------------------------------------------------------------------------------------------
INBOX_MESSAGES_MAX = 2_000  # raw messages waiting: 2 s of a full shard; more is dropped, counted, and sent again
GROUP_BATCHES_MAX = 20  # batches a transaction: 55–59k rows/s against 29–34k at one (ingest.md §7)
GROUP_WAIT_S = 0.5  # the ingest thread looks up at least this often, to see it stop
DAY_KEYS_CACHED_MAX = 10_000  # unwrapped day keys in memory: 2,700 devices and their last runs; 0.5 KiB each
OPENERS_DEFAULT_MAX = 2  # processes that verify: two keep up with one ingest thread, whatever the machine has
OPENERS_MAX = 8  # that a configuration may ask for; 28 MB each, 12 of them its own
OPENER_PIECE = 25  # proofs handed over at once: 3 ms of work, 6 KB, of which a socket's own buffer takes several
OPENER_MESSAGE_BYTES_MAX = 64 << 10  # a piece of the largest, 183 and 112 bytes each, is 8 KB
OPENER_PIECES_AHEAD = 2  # in one opener's hands: one that it works on, one so that it need not wait
OPENERS_FROM_PIECES = 4  # waiting at once: then they are started; live buses bring a few taps, a drain a thousand
PIECES_WAITING_MAX = 800  # of the largest group, 20 batches of 1,000; beyond it the oldest are left to who asks
OPENER_SILENT_S = 10.0  # for a piece of 3 ms: then the process hangs, is ended, and its pieces are opened here
OPENER_AGAIN_S = 60.0  # behind one that died: one that always dies costs a start a minute, and nobody a tap
REGISTRY_REREAD_S = 2.0  # an unknown device makes the registry be read again, at most this often
TICKETS_REREAD_S = 2.0  # an unknown ticket makes new lists be looked for, at most this often
DATABASE_CONNECT_S = 10  # to a PostgreSQL that does not answer; then buses keep their taps, and it is tried again
DATABASE_LOCK_S = 10  # for another who writes, as SQLite waits; then this group is not stored, and comes again
DATABASE_SILENT_S = 30  # of a session whose network is gone: both sides give it up, and its rows are free
QUARANTINE_DEVICE_BYTES_MAX = 16 << 20  # kept of one device; beyond it only digest, reason and count
QUARANTINE_BYTES_MAX = 1 << 20  # of one quarantined message: the contract's own largest batch

PROXY_PERSONS_A_DAY_MAX = 80  # paid by one driver's float a service day: a bus lets 40 a shift, and a day may have two
PROXY_PERSONS_VEHICLE_DAY_MAX = 120  # paid by all floats on one vehicle: three shifts of the 40 that a bus lets
ANNUL_SLACK_MS = 60_000  # beyond what the bus allows: its two doors' monotonic clocks are compared by messages

# --- Ledger ----------------------------------------------------------------------------------------------------------
JOURNALS_NAMED_MAX = 4_096  # journals whose part of a boarding's name is remembered: 2,700 devices' own
SQLITE_CACHE_KIB = 327_680  # of the writing connection: a million riders a day grow indexes and balances at 220 MB
SQLITE_PAGE_BYTES = 4_096  # its own default since 2016
SQLITE_LOG_PAGES = 131_072  # 512 MiB between checkpoints: what 36 such groups touch is copied once; its own is 1,000
PARTITION_MONTHS_BACK_MAX = 13  # a bus is away for four; what tells of earlier ones is rare, or its clock is mad
PARTITION_AGAIN_MS = 60_000  # then a month is begun that somebody's long look kept from it; a backup takes minutes
PARTITION_LOCK_MS = 500  # a group waits so long for a partition's lock, and then does without
GRANT_TOLD_MAX = 4  # times over a bus's radio: a phone without an answer asks again, then has it on its screen
GRANTS_TOLD_KEPT = 10_000  # vehicle codes and riders of whom that is counted: more than a city confirms in their minute
PENDINGS_A_LOOK_MAX = 200  # that expire in one transaction, once a second: a quarter of a second of the ingest thread
VERIFY_FINDINGS_MAX = 100  # named one by one; the rest is counted: a person looks at the first
VERIFY_BUCKETS = 1 << 16  # of sums of rows: a wrong one has a 65,536th of the ledger looked at by hand; 3 MiB each
VERIFY_LOOKED_MAX = 250_000  # rows that nothing accounts for so far, looked at in one go: 60 MB
VERIFY_KEYS_AT_ONCE = 500  # rows looked up together, of one day: a query's values
VERIFY_DAYS_WAIT_MAX = 1_000  # days of which some wait to be looked up: mad clocks tell of many; 40 MB at most
VERIFY_TOLD_EVERY = 10_000  # rows between two words of how far it is: some tenth of a second

# --- Fleet -----------------------------------------------------------------------------------------------------------
SILENT_AFTER_DEFAULT_S = 600  # in service and silent for ten minutes: somebody should look (isfahan.md O1)
OLD_BUNDLE_AFTER_DEFAULT_S = (
    7_200  # heard for two hours and still not on the newest bundle: 48 MB of riders over 3G are
)
#                                     there by then, so somebody or something keeps it back
HOT_MC = 80_000  # thousandths of a degree: from here a Pi slows itself down, which its bits say besides
LISTS_REREAD_S = 60.0  # of revoked certificates: they change once a week, and their end is told months before
WAITING_MAX_S = 3_600  # a record's age; a live bus has its receipt within seconds
WAITING_AFTER_MS = 900_000  # said for so long: a bus back from months away drains 240,000 records by then
CARD_FREE_MIN_BYTES = 256 << 20  # 120 days without a network are 107 MB a door, and a bus carries its other door's, too
NO_CLOCK_AFTER_MS = 3_600_000  # after a cold start without a battery a clock is set within minutes of a network
CRASH_FORGIVEN_S = 86_400  # a day without another: one that crashes every hour has an open alarm all the time
CAMERA_GONE_AFTER_MS = 600_000  # a plug that is put back, a driver that is loaded anew: minutes
COUNTER_GONE_AFTER_MS = 600_000  # a chip that another program holds for a moment is asked again each minute
BOARD_GONE_AFTER_MS = 120_000  # a plug put back, a board that starts: seconds; until then riders see no lamp
SUPPLY_LOW_AFTER_MS = 300_000  # a starter pulls a good battery down for seconds, glow plugs for a minute
APART_MAX_S = 600  # a door that restarts is back in one minute, one whose card is changed in ten
READS_WINDOW_MS = 3_600_000  # an hour: a line's quiet half-hour says nothing
READS_GAP_MAX_MS = 300_000  # five words missed: counts over an outage are not counts of an hour
BLIND_SISTER_READS_MIN = 1_000  # codes read in frames: some 50 to 100 riders, at 10 to 20 frames each
BLIND_RATIO = 20  # a door that few use still reads a tenth of what the other does; a covered camera next to nothing
ANNOUNCE_AGAIN_S = 3_600  # a bus whose inbox was full, or whose clock made a bundle wait, hears it within the hour
WATCH_PERIOD_S = 1.0  # how often silence is looked for

# --- Cases -----------------------------------------------------------------------------------------------------------
CASES_PERIOD_S = 3_600  # looked for so often: a case is for tomorrow's talk, and a day of a city takes seconds
CASES_AFTER_S = 60  # the first time after a start: what a broker held back comes first
CASE_DAYS_BACK_MAX = 120  # the longest outage that a device is built for; what tells of earlier days is left
CASE_DAYS_A_LOOK_MAX = 20  # counted again: 17 s each of a city, 6 minutes of an hour; 121 that wait have 7 hours
CASE_RECORDS_MAX = 20  # record ids kept with a case: enough to look at; its figures say how many there are
CASE_WORDS_MAX = 100  # drivers, words, hours of lines told in a case: a bus has a few, a shift 24 hours of 4 lines
OTHERS_MIN = 4  # people to compare with: of five, one dishonest moves no median; below it nobody is judged
SCORE_MAX = 3.5  # modified z-score (Iglewicz and Hoaglin 1993): beyond it is out of the ordinary
WORKED_MIN_MS = 30 * 60_000  # on a line in an hour: below half an hour a share is a share of chance
FREE_RIDE_S = 600  # as the bus has it (FREE_RIDE_MS of edge.core.limits): it lapses, or is said anew
FREE_RIDE_AGAIN_WITHIN_S = 30  # the bus looks each second; a card that is slow to sync keeps it waiting
FREE_RIDE_TIMES_MIN = 4  # free rides given in a day: three are a plug, a crowd and a mistake
BOARDED_MIN = 10  # boardings on a line in an hour: below, a share is a share of chance
PROXIES_MIN = 10  # persons keyed in by one driver in a day: a family and two who forgot their phones are below it
PROXY_SPREAD_MIN = 0.02  # of the persons who boarded: nobody stands out by less than a tenth of them
ANNULS_MIN = 4  # taken back by one driver in a day: an honest shift knows one or two (ANNULS_A_DAY_MAX)
ANNUL_SPREAD_MIN = 0.003  # of the boardings: nobody stands out by less than one in 64, four of a short shift
ANNUL_WAITS_MAX_MS = 86_400_000  # a shift's first record lies before its annulments, mostly in the same batch
ANNULS_REFUSED_MIN = 1  # by the office, by the limits that the terminal keeps to: one was not made with it as it is
BLIND_TAPS_MIN = 30  # codes read by the other door meanwhile: below it a quiet hour looks the same
BLIND_HOURS_MIN = 3  # from so many hours on a poor share is told: a school before one door is an hour, or two
BLIND_HOURS_RATIO = 5  # of what it would read: open for ten minutes of each hour is a sixth; one that few use, a third
BLIND_CHANCE_MAX = 1e-7  # of so few by chance: 1,400 buses × 2 doors × 170 runs a day are 0.05 false cases a day
PARKED_RADIUS_M = 100  # a place is trusted to 100 m (ACCURACY_MAX_M of edge.core.limits), and mostly good to 10
PARKED_GAP_MS = 10 * 60_000  # a bus unseen for longer may have been elsewhere and back
PARKED_MIN_MS = 45 * 60_000  # layovers of city lines are 5 to 20 minutes, a driver's break is 30
PARKED_TAPS_MIN = 10  # codes charged meanwhile: a few riders sit in a bus that waits
SHIFT_DRIVERS_MAX = 1  # that records name of one shift: its name is drawn anew for each, and one terminal tells it
COPIED_MIN = 20  # of one device in a day: two doors that cannot hear each other double a few
COPIED_OF_ONE_MIN = 3  # of one boarding that the device told itself: it refuses such codes, restarts included
FREE_SPREAD_MIN = 0.03  # of the time driven: nobody stands out by less than 16 %, 75 minutes of a shift of 8 hours

# --- Top-ups ---------------------------------------------------------------------------------------------------------
SWEEP_PERIOD_S = 5.0  # between rounds; a rider who waits before a page presses the button himself
SWEEP_HELD_S = 60.0  # between questions for what a provider holds: it refuses who asks too often
SWEEP_FIRST_S = 15.0  # the first look after a change: who pays is at the bank for a minute; doubled with each look
SWEEP_YOUNG_S = 3_600  # an hour: banks take back within 30 minutes what nobody verified, so until then …
SWEEP_YOUNG_GAP_S = 300.0  # … it is looked at every five minutes
SWEEP_GAP_S = 86_400.0  # later once a day, for ever: a thousand pages left a day are a question a second after months
SWEEP_TOPUPS_MAX = 200  # of a provider in a round: 200 answers of 50 ms are ten seconds
SWEEP_UNCLEAR_MAX = 3  # unclear answers of one provider in a row: it is left alone for this round
SWEEP_SILENT_MS = 900_000  # a quarter of an hour without a clear word of a provider: then a person is called
TOPUP_ASKED_S = 1_800.0  # without an authority nobody can have paid: the rider never got the address
TOPUP_FAILED_S = 72 * 3_600.0  # banks have given back by then what failed (ticketing.md §9)
PAID_AGAIN_S = (3_600.0, 23 * 3_600.0, 48 * 3_600.0)  # after an hour, a day, three: Shaparak's differences take 48 h
SWEEP_AHEAD_MS = 3 * 86_400_000  # nothing is put off for longer (PAID_AGAIN_S): beyond it the clock was ahead then
DEBT_MAX_RIALS = 300_000  # what the offline allowance risks with everybody: above it a rider is denied

# --- Settlement ------------------------------------------------------------------------------------------------------
SETTLE_AFTER_S = 3 * 3_600  # behind a day's end: night buses are in the depot, and live doors have sent what they have
SETTLE_AHEAD_MAX_DAYS = 31  # behind the last frozen day and the newest entry: a month of silence, or a wrong clock
STATEMENT_CONTENT_BYTES_MAX = 64 << 20  # 2,700 vehicles × 12 lines × 100 bytes are 3 MiB a day; a month's drain, 60

# --- Forgetting ------------------------------------------------------------------------------------------------------
TRAVEL_DAYS_MIN = 155  # a bus may be away for 120 days, and keeps 35 days more what has a receipt
TRAVEL_DAYS_DEFAULT = 190  # and a month to dispute what came last
FORGET_STEP = 1_000  # rows a transaction: ingest waits for one of these, some tens of milliseconds
FORGET_AFTER_S = 600  # the first time after a start: what a broker held back comes first
FORGET_PERIOD_S = 86_400  # a day's travel becomes old once a day
KEY_LOOKS_MAX = 500  # records looked at for a trusted time behind a key: what a bus accepts on a line before noon

# --- Open data -------------------------------------------------------------------------------------------------------
OPEN_DATA_RIDERS_MIN = 10  # in a published count: each hides among nine others, as is usual for counts of people
OPEN_DATA_AFTER_DAYS = 120  # behind a month: as long as a bus may be away; travel is remembered for 155 at least

# --- HTTP ------------------------------------------------------------------------------------------------------------
TAPS_PAGE_MAX = 500  # rows a page
EVENTS_WAITING_MAX = 200  # live events waiting for one slow browser before it is cut off
LIVE_TAPS_MAX = 20  # of one batch shown live: a page shows no more at once, and a drained backlog is not news
BROWSERS_MAX = 64  # live views at once; a thread pool is not needed, memory is
STATEMENT_BYTES_MAX = 4 << 20  # a day of top-ups is under 1 MiB
TOPUP_MIN_RIALS = 10_000  # one thousand tomans: below it the provider's fee is larger
TOPUP_MAX_RIALS = 50_000_000  # five million tomans: above it the provider refuses
PROVIDER_TIMEOUT_S = 10.0  # an answer later than this is unknown, not refused
ALLOWANCE_UNITS_DEFAULT = 6  # 300,000 rials unseen: about ten rides, as the Chinese transit codes grant
CREDENTIAL_DAYS = 180  # nothing needed to ride expires in under 120 days; renewed well before
CREDENTIAL_LEFT_DAYS = 120  # with less it is renewed: whoever was online today rides through the longest outage
AUTHORITY_MAX_CHARS = 64  # the provider's id of a payment; Zarinpal's has 36
PROVIDER_ANSWER_BYTES_MAX = 64 << 10  # its answers are under 1 KiB
RECEIPT_MAX_CHARS = 64  # a bank's id of the money; Saman's has 30 to 50
PROVIDER_CALLS_MAX = 8  # requests waiting on the provider at once: a slow provider must not hold up every other page
STATEMENT_BAD_LINES_SHOWN_MAX = 100  # unreadable lines listed one by one; the rest is counted
REQUEST_BYTES_MAX = 16 << 10  # every body but a statement: the largest is a registration of under 1 KiB
HELD_PAGE = 1_000  # taps whose money is held, read at once: 100 KiB
RIDERS_PAGE = 1_000  # credentials read at once for the table of riders: 110 KiB
EXPORT_PAGE = 200  # rows of a section read at once for an export: a tenth of a second of one connection that reads
RECEIPTS_PAGE = 20  # a rider's explained rides in one answer: a week of them; each is six look-ups
RIDER_TAPS_MAX = 100  # a rider's rides in one answer: about a month
STATUS_TAPS = 30  # rows that the status page begins with: one screen
CHUNK_CACHE_S = 31_536_000  # a year: what is named by its hash never changes
EVENT_HEARTBEAT_S = 15.0  # a quiet stream says so this often, under every proxy's idle limit of 30–60 s
CONNECTIONS_MAX = 512  # open at once, live views included; more is answered 503
STALLED_CONNECTION_MS = 30_000  # a browser that takes no byte for so long is cut by the kernel (TCP_USER_TIMEOUT)
STOP_WAIT_S = 3  # answers under way at a stop get this long
START_WAIT_S = 10.0  # the server binds within this or says why not

# --- Staff -----------------------------------------------------------------------------------------------------------
PROPOSAL_DAYS = 14  # a proposal that nobody decides in two weeks is forgotten, or was a mistake: propose it again
CARD_DIGITS = 16  # of a bank card's number in Iran (and nearly everywhere): none is ever wanted in an office's words
WORDS_MAX_CHARS = 500  # why, decree, document: a sentence or three
CHALLENGE_MS = 600_000  # to sign it within: a phone asks and signs in seconds, on a bad line in minutes
CHALLENGES_ANSWERED_MAX = 100_000  # of these, remembered: 160 registrations a second, and 15 MB
STAFF_TOKEN_BYTES = 32  # random; as a rider's, an invitation's and a session's
STAFF_TOKEN_DAYS_DEFAULT = 365  # a machine's token is looked at once a year
STAFF_TOKEN_OVERLAP_DAYS = 7  # from a rotation until the token before it ends: a week in which to change a machine
LOG_LINE_MAX_BYTES = 16 << 10  # an entry in an export: the longest has a paper's words, of some 500 letters
INVITATION_MS = 86_400_000  # handed over by hand or told by phone, within a day
CEREMONY_MS = 300_000  # from a challenge to what a passkey says to it: step-up is fresh, five minutes at most
CEREMONIES_ANSWERED_MAX = 10_000  # of these, remembered: 33 a second, more than all offices of a city; 2 MB
PASSKEYS_MAX = 5  # of one person: a phone, a computer, a key in the safe, and two more
PASSKEY_LABEL_MAX_CHARS = 40  # "the office's computer"
PASSKEY_ANSWER_MAX_CHARS = 4_096  # one part of an answer as base64url: an attestation with a chain is under 3 KiB
SESSION_IDLE_MS = 1_800_000  # half an hour: who goes for lunch has signed out
SESSION_MAX_MS = 43_200_000  # twelve hours: a shift and its overtime
SESSION_SEEN_EVERY_MS = 60_000  # a session's use is written once a minute: not with each request
SESSIONS_MAX = 10  # of one person at once; a new one ends the oldest
SIGN_IN_TRIES = 10  # that fail, of one person or one address, before it waits: nobody is so clumsy with a passkey
SIGN_IN_TRIES_MS = 900_000  # … within a quarter of an hour, which is also how long it waits at most
SIGN_IN_WATCHED_MAX = 10_000  # people and addresses remembered for that: 2 MB; the one longest known is forgotten
PAGE_MAX = 500  # rows a page of what people look through: people, proposals, entries of the log, alarms, cases, rides
LISTED_MAX = 1_000  # alarms, cases looked through at once by a command or a start; a day of a city has a few dozen
IDEMPOTENCY_KEY_MAX_CHARS = 64  # a UUID has 36
IDEMPOTENCY_KEPT_MS = 86_400_000  # a client that was cut off asks again within minutes; a day is a depot's night
IDEMPOTENCY_KEYS_MAX = 1_000  # kept of one caller, newest first: one request every 90 s of a day
IDEMPOTENCY_UNDER_WAY_MS = 60_000  # a request that has no answer by then died with its process, and is asked anew

# --- Riders' rights --------------------------------------------------------------------------------------------------
DISPUTE_DUE_MS = 48 * 3_600_000  # the clock that the city gives disputes (isfahan.md, rows 8 and P6)
CLOSING_HOLD_DAYS = 120  # a bus may be away for so long, and bring what was ridden before an account was closed
CLOSING_AFTER_S = 900  # the first look after a start: what a broker held back comes first
CLOSING_PERIOD_S = 86_400  # a hold of months ends to the day
CLOSINGS_A_STEP = 100  # a transaction: ingest waits for one of these
DISPUTES_OPEN_MAX = 20  # of one rider at once: a week of his rides; who disputes more wants a person, not a form

APPLICATION_DUE_MS = 48 * 3_600_000  # the clock that the city gives concessions, as disputes (isfahan.md, row 8)
APPLICATIONS_OPEN_MAX = 3  # of one rider at once: a person is of few classes
APPLICATIONS_KEPT_MAX = 12  # of one rider at all: one a fortnight until they are forgotten; more wants a person
APPLICATION_KEPT_MS = 180 * 86_400_000  # behind its answer: time to object, and for the office to look at it once more
DOCUMENTS_MAX = 3  # named in one application: a certificate, a card, a letter
REFERENCE_MAX_CHARS = 24  # the number of a letter, with its year; no picture or link fits
REFERENCE_DIGITS_MAX = 6  # in a row: a letter's number has no more, and whole numbers of people have
ISSUER_MAX_CHARS = 60  # the name of a school or an office
CONCESSION_DAYS_MAX = 5 * 366  # a grant is looked at anew after five years at the latest: people move, heal and age
GUARDIANS_MAX = 2  # of one ward: two parents; each is a wallet's door more
WARDS_MAX = 6  # of one guardian: a family; a home for children wants an account of another kind
WARD_WALLET_MAX_RIALS = 10_000_000  # in it behind a guardian's gift: months of rides; what a fraud would keep of one
CONCESSION_TOLD_DAYS = 60  # before it ends its rider is told: a new paper of a school or an office takes weeks

AGENT_OWES_MAX_RIALS = 50_000_000  # cash at one agent: a kiosk's two days; what its token in other hands can make
CARDS_AN_ISSUE_MAX = 500  # cards two people look through at once; a PDF of 50 sheets, made in some seconds
CARD_RIDES_A_DAY_MAX = 6  # to work, to the shops, to the doctor, and back: what a copy is worth on each bus it reaches
CARD_DAYS_MAX = 2 * 366  # of one card: paper is worn by then, and classes end
CARD_PRINT_MS = 72 * 3_600_000  # from making to the last print: a printer that jams is mended in a weekend
CARD_CHAIN_MAX = 12  # one in another's place: lost each two months of its two years; a ride asks for all of them
CARDS_PAGE = 200  # cards of an issue in one answer

PHONE_CODE_DIGITS = 6  # what people copy from a message without a slip
PHONE_CODE_MS = 240_000  # to type it: a message takes seconds, and a minute where the network is busy
PHONE_CODE_TRIES_MAX = 5  # of one code, right or wrong: a slip or two, and one guess in 200,000
PHONE_CODE_AGAIN_MS = 60_000  # between two of one number: most messages are there by then
PHONE_CODES_A_DAY_MAX = 6  # of one number: a day of bad luck; 30 guesses of a million
PHONE_CODES_AN_HOUR_MAX = 600  # of all: ten a minute; what an hour of a pump costs, until a person is called
PHONE_CODES_CALL_AT = PHONE_CODES_AN_HOUR_MAX // 3  # a person is called: a pump stays just below whatever stops it
PHONE_CODES_OF_ALL_A_DAY_MAX = 3_000  # two a minute all day, five hours at the most: what a day of a pump costs
PHONE_CODES_ADDRESS_MAX = 60  # an hour from one address: riders of one operator share it, and a pump wants ten of them
PHONE_TRIES_ADDRESS_MAX = 30  # wrong codes from one address in SIGN_IN_TRIES_MS: a shared one slips; six codes spoilt
ORIGIN_SITE_SHARE = 4  # a /48 of IPv6 has so many times what an address has: a university has more riders than a home
PHONE_ADDRESSES_WATCHED_MAX = 10_000  # of these, remembered: 2 MB; the one longest known is forgotten
NUMBER_LEAVES_MS = 72 * 3_600_000  # to another account: a stolen SIM is noticed in hours, replaced in a day or two
RECOVERY_WAIT_MS = 24 * 3_600_000  # a day without a network tells its owner that somebody has his number
RECOVERY_GOOD_MS = 7 * 86_400_000  # behind that: a week to come back, as who is on a journey
PHONES_PERIOD_S = 3_600  # between looks for what is to be forgotten: a code is gone within 25 hours
SMS_TIMEOUT_S = 10.0  # an answer later than this is unknown, not refused
SMS_UNKNOWN_MAX = 3  # in a row, of which nobody knows whether they were sent: one is lost now and then
SMS_ANSWER_BYTES_MAX = 16 << 10  # its answers are under 1 KiB
SMS_CALLS_MAX = 4  # requests waiting on the sender at once: a slow one must hold up nothing else

# --- Hosts -----------------------------------------------------------------------------------------------------------
HOST_USER_MIN_CHARS = 8  # a host's id of a user: shorter ones are counted through
HOST_USER_MAX_CHARS = 64  # a UUID has 36
HOST_USER_DIGITS_MAX = 6  # in a row: telephone numbers have ten, national numbers ten, certificates seven and more
HOST_ORIGINS_MAX = 8  # of one host: its web view, its site, those of its test
HOST_URL_MAX_CHARS = 500  # a way back, a webhook's address
HOST_TOKEN_DAYS_DEFAULT = 365  # as a machine's of the staff
HOST_TOKEN_OVERLAP_DAYS = 7  # from a rotation until the token before it ends: a week in which to change a server
HOST_REQUESTS_A_MINUTE = 1_200  # of one host: 20 a second, a city's app at its busiest; one process answers hundreds
HOST_REQUESTS_A_DAY = 600_000  # of one host: each rider of its looks once or twice
HOST_REGISTRATIONS_A_DAY = (
    20_000  # of one host: a city's app brings its riders in a month; a thief of its token, so many
)
HOST_TOPUPS_A_DAY = 50_000  # begun by one host: ten times what a city's riders pay in a day
HOST_TOPUPS_OF_ONE_A_DAY = 10  # begun for one rider: a bank page that fails is tried three times
HOST_TOPUPS_WATCHED_MAX = 50_000  # riders for whom that is counted: as many as may be begun; 10 MB
HOOK_PERIOD_S = 2.0  # between looks for what is to be told: who waits before a page is told within seconds
HOOKS_A_LOOK_MAX = 200  # of one host in one look: ten seconds at a server that answers in 50 ms
HOOK_HOSTS_AT_ONCE = 4  # told beside each other
HOOK_TURN_MS = 10_000  # of one host in one look: so long a slow one keeps the others waiting
HOOK_TIMEOUT_S = 10.0  # an answer later than this is none
HOOK_ANSWER_BYTES_MAX = 16 << 10  # of it nothing is read but its status
HOOK_PAUSE_MS = 3 * 86_400_000  # without one that was taken: a weekend and a day in which somebody looks
HOOK_CALL_MS = 3_600_000  # from then on operations are told: a server that restarts is back by then
HOOK_OVERLAP_DAYS = 7  # two secrets sign for a week, in which a server is changed
HOSTS_WATCHED_MAX = 100  # hosts whose requests are counted: a city has a handful
HOSTS_OF_A_RIDER_MAX = 8  # apps that have one account: the city's, a bank's, and some that were tried

# --- Reconciliation --------------------------------------------------------------------------------------------------
DISCREPANCY_DUE_MS = 48 * 3_600_000  # decided in two days, as the city decides disputes (isfahan.md, rows 8 and P6)
JOURNAL_WAITS_MS = 48 * 3_600_000  # of a told record that does not come: by then a bus was in its depot twice
JOURNAL_RECORDS_MAX = 1_000_000_000  # of one journal: a record a second for thirty years; more is no count
SAID_AGAIN_MS = 600_000  # what waited for its acknowledgement comes once more with the next session
JOURNALS_TOLD_MAX = 64  # of one device that are kept as told of: a new card a month for five years
RECONCILE_TAPS_A_STEP = 20_000  # a second of work, and 20 MB; what a kill repeats
RECONCILE_ROWS_A_STEP = 5_000  # of statements and top-ups: the same
RECONCILE_LATE_MS = 24 * 3_600_000  # a tap that is posted later than a day after it was made is counted as late
RECONCILE_DAYS_MAX = 366  # of one run: a year and a day
DISCREPANCY_NAME_MAX_CHARS = 200  # a class, and the longest item: a provider's name and its authority
PAYOUT_WAITS_DAYS = 60  # for the bank's word; a transfer clears in three: it is free again when somebody has long asked
PAYOUT_DAYS_MAX = 3  # from a payout's last row to the bank's entry: Paya's cycles, a Friday between (ticketing.md §9)
STRAYS_AT_ONCE_MAX = 250_000  # transfers whose taps are looked for in one go: 60 MB
STRAY_DAYS_BACK_MAX = TRAVEL_DAYS_MIN  # a transfer that names no day: its tap is looked for so far back
LOSS_DAYS_BACK = 56  # days that an ordinary hour is taken from: eight weeks, so eight Fridays
LOSS_DAYS_MIN = 5  # below five ordinary days of a line and hour no loss is estimated: a median of four is chance
EXPOSURE_AFTER_MS = 900_000  # a tap that is heard of later than a quarter of an hour: until then it is a dead spot
