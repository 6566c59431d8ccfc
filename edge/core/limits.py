"""Every bound of the validator that is not part of the contract, with its unit and its reason."""

from protocol import limits as _contract

# --- Syncing ---------------------------------------------------------------------------------------------------------
INFLIGHT_BATCHES = 4  # covers a second of round trip at 100 taps a batch; more only delays the newest receipt
RETRY_MIN_MS = 3_000  # an ingest group takes under a second; a lost receipt costs one resend of ≤ 4 batches
RETRY_MAX_MS = 60_000  # a backend that is down for weeks is asked once a minute
FORK_ROUND_MIN_MS = 600_000  # what a sink calls a fork it is sent anew: no answer says which batch it answers
FORK_ROUND_MAX_MS = 21_600_000  # a fork that nobody looks at for days costs the bus's modem little
RECEIPTS_WAITING_MAX = 100  # receipts not yet handled; they are cumulative, so dropping the oldest loses nothing
RENEWAL_ASK_EVERY_MS = 3_600_000  # for the next certificate, in its window: two kilobytes an hour, for a day or two
RENEWALS_WAITING_MAX = 2  # answers not yet looked at: there is one a session, and it comes again at the next
ASSIGNMENTS_WAITING_MAX = 2  # not yet looked at: the office says one, and it comes again at the next session
RENEWED_TRIES = 5  # in a row that a broker turned a newer certificate away: two minutes, then the older one is back
RENEWED_AGAIN_MS = 21_600_000  # until it is tried again: less than a bus is on in a day, and eight minutes of it lost
SISTER_WORDS_WAITING_MAX = (
    20  # messages of the other door not yet handled, up to a batch each; what is passed over comes again
)
HEALTH_PERIOD_MS = 60_000  # one report a minute (Ruter ADT does the same)
STEP_MAX_MS = 1_000  # the sync thread looks up at least this often: to see it stop, to checkpoint
SUPERVISE_MS = 1_000  # how often a thread that died is noticed, and the service manager's watchdog is fed
STUCK_MS = 45_000  # folding a log of 16 MiB into a card that writes 1 MB/s takes 16 s, with copies beside it twice that
CHECKPOINT_PERIOD_MS = 10_000  # the write-ahead log is folded in by the sync thread, never by a tap
WAL_PAGES_MAX = 4_000  # 16 MiB: beyond it a tap folds the log in itself, so a stuck sync thread cannot fill the card
PRUNE_PERIOD_MS = 3_600_000  # hourly; what goes is 35 days old
PRUNE_STEP_MS = 1_000  # between two steps while more may go: the 240,000 records of a long outage take 20 minutes
PRUNE_ROWS_MAX = 200  # a step: ~30 pages, 12 ms on a card that writes 10 MB/s; a tap that comes just then waits
GIVE_BACK_EVERY_MS = 10_000  # free memory to the system: a hundred pictures later there is a picture's worth again
BALLAST_BYTES = 17 << 20  # kept back for a full card: the log's 16 MiB, should all of it be new to the file, and a step
BALLAST_LEAVES_BYTES = 4 << 20  # beside it, for the logs of journal and copies: 10 s of taps and pruning, 1.6 MiB each
COURIER_AFTER_MS = 600_000  # copies go up for a sister that has got no receipt for so long while we could have
FORMER_SISTERS_MAX = 8  # doors whose copies are carried beside the sister's: a bus changes one in years, a table each
BRANCH_BYTES_MAX = (
    16 << 20
)  # of batches that disagree with a copy: a month of a forked door; beyond it its own card has it
LINK_DOUBT_MS = 7_000  # 5 s without a byte end a link (transport/peer_link), a step notices a second later, one spare
SISTER_SILENT_MS = 5_000  # a link that is down for so long is said: until then it is a door that restarts
SIGN_WAIT_MS = 2_000  # a TPM signs in 14 to 30 ms; one that takes two seconds is dead, and the queue must be told
SIGN_AGAIN_MS = 10_000  # a door that started without its key's token looks for it, also while nobody comes
DISK_FREE_MIN_BYTES = 64 << 20  # below it the device reports a problem; taps go on until the journal itself refuses

# --- What a bus remembers of riders -----------------------------------------------------------------------------------
WINDOW_BOARDINGS_MAX = 8_000  # of each door: one a second for the longest window, two hours, is 7,200; ~1 KiB each
DAYBOOK_RIDES_MAX = 50_000  # of each door, ~0.5 KiB each: weeks of a busy door without a word of the backend
DAYBOOK_OF_RIDER_MAX = 200  # of each door: at each tap of the rider they are added up, in 40 µs
DAYBOOK_GRACES_MAX = 4_000  # of each door: phones set wrong and emergency rides are a few a day
DAYBOOK_SWEEP = 1_000  # rides given back at a receipt: a millisecond or two under the lock of a tap

# --- Bearer tickets ---------------------------------------------------------------------------------------------------
TICKETS_KEPT_STEP = 200  # rides written or wiped at once: as with pruning, a tap that comes just then waits
TICKETS_USED_MAX = 20_000  # rides of each door, ~0.5 KiB each: it boards 1,500 a day, a tenth on paper is four months
CARD_RIDE_COUNTS_MS = 86_400_000  # a day, where nobody knows which
CARD_RIDE_KEPT_MS = 172_800_000  # two: a service day that began when the ride was has ended by then, whatever the clock

# --- The other direction ---------------------------------------------------------------------------------------------
GRANTS_WAITING_MAX = 32  # not yet looked at: a full bus that is scanned at one stop; what is passed over is on a screen
GRANT_LIVE_MS = 120_000  # of its vehicle code: who holds one back for longer would board somebody who paid otherwise
GRANTS_UNSEEN_MAX_RIALS = 300_000  # of a rider here: as much as a pass of who registers may ride unseen
VEHICLE_CODE_SHOWN_MAX_MS = 30_000  # two periods: a door that makes no new one shows none, and no old one for long

# --- Bundles ---------------------------------------------------------------------------------------------------------
BUNDLES_WAITING_MAX = 8  # announcements not yet heard; each is announced again
BUNDLE_WAIT_MS = 60_000  # the bundles' thread looks up at least this often: a manifest from the future may be due
BUNDLE_RETRY_MIN_MS = 5_000  # a backend that restarts is back by then
BUNDLE_RETRY_MAX_MS = 600_000  # one that is away for days is asked every ten minutes
BUNDLE_EARLY_MAX_MS = 300_000  # an office's clock may be so far ahead of a bus's: the widest freshness window
CHUNK_CALL_TIMEOUT_S = 10.0  # without one byte for so long the link is gone
CHUNK_FETCH_MAX_S = 300.0  # 1 MiB at 30 kbit/s, the slowest link that is worth waiting for
RIDERS_AGAIN_MIN_MS = (
    600_000  # a table that rots once more is written at once, then after this, doubled each time: 48 MB
)
RIDERS_AGAIN_MAX_MS = 86_400_000  # a card that loses it every day is written 48 MB a day, and lasts
CHUNK_HEAD_MAX_BYTES = 16 << 10  # of an answer besides the chunk: twice the 8 KiB that servers allow a head

# --- Seeing ----------------------------------------------------------------------------------------------------------
TEXTS_REMEMBERED_MAX = 512  # on hold at once: two doors show ~10 in a hold gap, the kill test 150; at most 2 MiB
PHONES_REMEMBERED_MAX = 512  # whose forms are remembered for a render's life: as many as texts, ~300 bytes each
FORMS_JOINED_MS = 3_000  # a phone changes forms at once, and a shaking hand loses both for a second or two
UNREAD_RETRY_MS = 1_000  # a code that is not read yet although frames agree is looked at again while it is held
WHOLE_EVERY = 24  # frames with news: beside a code that is read or seen all else waits for a second or two at most
WHOLE_EVERY_STILL = (
    60  # frames: 2 to 4 s, a sixtieth of a look a frame; what attention is blind for is read all the same
)
GLANCE_EVERY = 6  # frames of a code that is being read: a second rider beside the first waits a fifth of a second
CROWDED_PERMILLE = 400  # of the frame is new: more than a phone and the hand before it
ARRIVAL_PERMILLE = 80  # of the frame, more than usual, is new: a phone at reading distance covers 100 to 300
USUAL_FRAMES = 16  # over which that is a mean: a second; a phone is new for as long as it is mostly held
SPOT_FRAMES = (
    24  # after somebody came: 1.6 s, in which a phone is held up; 6 in 100 riders were read a frame late without
)
EFFORT_A_FRAME_PERMILLE = 80  # of a look at the whole frame: beside its glances a crowd costs a twelfth of one a frame
EFFORT_MOST_PERMILLE = 2_000  # saved up in a still scene: what a phone that comes into it may cost in its first frames
RESERVE_PERMILLE = 500  # kept back from the harder rungs: a look comes first
PLACE_FRAMES = 8  # a code not read for a quarter of a second has gone, or moved further than its surroundings
PLACE_PAD_PERMILLE = 300  # of the code's side, each way: a hand's movement between two frames and the quiet zone
STILL_FRAMES = 6  # looked at and without a trace: a seat that somebody left is known in a fifth of a second
FOREIGN_MOVED_PERMILLE = 40  # of its side: a hand moves more within a second
FOREIGN_MOVED_MIN_PX = 8  # and no less than this: a camera that shakes with the bus, and corners found a pixel aside
CAMERA_WIDTH_PX = 1_280  # what the readers were measured at; a camera that cannot gives its nearest size
CAMERA_HEIGHT_PX = 720
IMAGE_FILE_MAX_BYTES = 64 << 20  # a raw 20-megapixel picture; beyond it a file is no picture, and not read into memory
CAMERA_STALL_MS = 3_000  # at 5 frames a second (a dim bus, long exposure) 15 frames are missing
CAMERA_RETRY_MIN_MS = 500  # a loose USB plug is back within a second
CAMERA_RETRY_MAX_MS = 10_000  # a camera plugged back in works again before the driver has asked
CAMERA_OPEN_TIMEOUT_MS = 3_000  # a network camera on the bus answers within a second or is not there
CAMERA_READ_TIMEOUT_MS = 2_000  # the longest a capture thread stays deaf to `stop`
FRAME_WAIT_MS = 500  # a waiting thread looks up at least this often: to see it stop
THREAD_STOP_MS = 5_000  # over open and read time-outs; a driver that blocks longer is left to the process's end

# --- Light, focus, hints, lens ----------------------------------------------------------------------------------------
EXPOSURE_START_US = 10_000  # a half-wave of mains light; a hand that holds still, 2 cm/s, smears a quarter of a module
EXPOSURE_MAX_US = 33_000  # a frame at 30 a second: longer ones halve the rate, and a hand is never that still
MAINS_HALF_WAVE_US = 10_000  # lamps on 50 Hz flicker at 100 Hz: a whole half-wave takes the same light every frame
SCREEN_WAVE_US = 4_167  # many OLED screens dim at 240 Hz; a shorter exposure may meet their dark half
GAIN_BEFORE_BLUR_MILLI = 4_000  # two stops of noise cost a reader less than a doubled exposure in a moving hand
SETTLE_VIEWS = 4  # a driver shows a setting two or three frames after it was told
LIGHT_IDLE_VIEWS = 8  # nothing in view for a quarter of a second at 30 frames: then the bus's own light counts
LIGHT_CEILING_VIEWS = 300  # after a screen drowned: 10 s at 30 frames, longer than a rider stands there
LIGHT_PATCH_PERMILLE = 15  # of the frame newly white: half of a phone's screen at the far end of reading
FOCUS_STEPS = 1_000  # from far to near; a lens motor has 100 to 1,023
FOCUS_WIDEST = 200  # the first move: a fifth of the range
FOCUS_WIDTH_MIN = 25  # the last: under the depth of field of a lens that reads codes at arm's length
FOCUS_MOVES_MAX = 16  # at five views a move 2.7 s at 30 frames: as long as a patient rider waits
FOCUS_BLURRED_VIEWS = 5  # one blurred look is a phone on its way
FOCUS_GONE_VIEWS = 3  # without it: too blurred to be seen, or the rider has given up
FOCUS_LOST_MAX = 3  # places in a row: a rider who has given up keeps the motor for 0.7 s at 30 frames
FOCUS_REST_MIN_VIEWS = 30  # a second
FOCUS_REST_MAX_VIEWS = 1_800  # a minute: what no climb cures is not asked of the motor every second
CODE_SIDE_MIN_PX = 103  # 49 modules of version 8 at the 2.1 pixels that zxing-cpp was measured to want
HINT_AFTER_MS = 600  # the goal is a word within a second; most codes are read within a third of that
HINT_GONE_MS = 400  # a hand that shakes loses a code for some frames
HINT_STAYS_MS = 1_200  # three words take a second to read
HINT_MOST_MS = 8_000  # a rider who has not managed by then needs the driver, and a poster no words at all
HINT_QUIET_MS = 2_000  # a verdict is looked at that long
LENS_SIGHTS = 200  # codes remembered: an hour or two of a busy door
LENS_SIGHTS_MIN = 20  # fewer say more of the phones than of the lens
LENS_EVERY_MS = 1_000  # one look a second: one rider is not a sample of twenty
LENS_KEEP_MS = 21_600_000  # six hours: from one cleaning to the next look at the fleet
LENS_BLUR_PERMILLE = 400  # edges two thirds wider than the best: a code at 3 pixels a module is near its end
LENS_HAZE_PERMILLE = 450  # a clean lens shows 50 to 150 on its best screens; over 450 a dim one has no contrast left
FURNITURE_AFTER_MS = 10_000  # longer than a hint is shown, and than a hand stays within a few pixels
FURNITURE_KEEP_MS = 3_600_000  # an hour: a phone on a stand that was taken for furniture is one for an hour at most
FURNITURE_MAX = 8  # pieces remembered
FURNITURE_STILL_PX = 16  # the grain of the search for code-like regions
CONTROL_AGAIN_FRAMES = 30  # a second or two: a driver that was busy for once must not leave the camera dark for hours
LOOK_EVERY = 4  # frames of a still scene: something that comes is met within 0.13 s at 30 frames
LOOK_MOVING_EVERY = 2  # frames in which something moves that is no code: people at a door move all day
LOOKS_AWAKE = 15  # after something moved or was found: half a second to a second at 30 frames
LENS_CONTRAST_MIN = 64  # grey levels; under it noise of 8 makes edges as steep as a code's

# --- Journal tools ---------------------------------------------------------------------------------------------------
JOURNAL_PAGE_ROWS = 1_000  # rows in memory at once while a journal is walked: ~2 MiB at most
JOURNAL_ROW_MIN_BYTES = 160  # an opening's 90-odd bytes, a signature's 64, heads: bounds the rows that a file can hold

# --- The rider's panel -----------------------------------------------------------------------------------------------

# --- Where ------------------------------------------------------------------------------------------------------------
ACCURACY_MAX_M = 100  # with 95 %: a quarter of the way from one stop to the next
SATELLITES_MIN = 4  # three unknowns of place and one of time
GNSS_TIME_OFF_MS = 10_000  # a receiver's sentence may be seconds old when it comes, and its leap seconds may be missing
CITY_MARGIN_M = 30_000  # a depot, a suburb, a charter trip; forged skies show airports hundreds of kilometres away
FROZEN_MS = 10_000  # a bus that drives at walking pace is 20 m on by then
FROZEN_SPEED_MPS = 2.0  # below it a parked receiver's own noise, and one that holds still on purpose
BUS_TOP_SPEED_MPS = 42.0  # 150 km/h: no city bus, and more than any fix's own error makes of one
SETTLE_FIXES = 5  # a cold receiver wanders for some seconds
FIX_STALE_MS = 5_000  # five fixes are missing; at 50 km/h the bus is 70 m on
FIX_FORGOTTEN_MS = 600_000  # ten minutes: beyond that "somewhere in the city" is all that it says
GNSS_READ_TIMEOUT_S = 2.0  # the longest that the thread stays deaf to `stop`
GNSS_RETRY_MS = 5_000  # a receiver that was unplugged, or a gpsd that restarts
GNSS_LINE_MAX_BYTES = 65_536  # gpsd's own longest line is 10 KiB
GNSS_GONE_MS = 30_000  # a receiver that says nothing at all for so long is opened anew

# --- Releases of the software ----------------------------------------------------------------------------------------
TRIAL_STARTS_MAX = (
    3  # of a release that is not confirmed: ignition and power cuts take two of them, its own faults three
)
CONFIRM_AFTER_MS = 60_000  # without a fault of the door: two rounds of everything that comes round by itself
TRIAL_MAX_MS = 900_000  # a device that needs a quarter of an hour to take taps does not
REST_MS = 3_600_000  # without a code at the door: a parked bus, or one at night that is without this door for a minute
TRIAL_LOOK_MS = 10_000  # how late a newer release is heard of behind one that was just confirmed
SELFTEST_MAX_S = 75  # of a release that is tried: lamps, cameras that open slowly, a broker that is not there
REFUSED_RELEASES_MAX = 64  # numbers remembered; older ones lie under what is confirmed long since
RELEASE_UNPACKED_MAX_BYTES = 1 << 30  # of one release's files: a validator's are 311 MB
RELEASE_PARTS_MAX = 50_000  # files in one release: a validator's are 5,200
RELEASE_PART_BYTES = 1 << 20  # read of a file at once while it is unpacked

# --- The driver's terminal -------------------------------------------------------------------------------------------
MOVING_KMH_MAX = 5  # walking pace: above it the driver drives, and the terminal takes an SOS and nothing else
WHEELS_WINDOW_MS = 2_000  # half a metre a pulse: one pulse of it is 0.9 km/h
WHEELS_STAND_MS = 1_500  # at walking pace a pulse of half a metre comes every 0.4 s
WHEELS_STALE_MS = 2_000  # five of the board's heartbeats
SUPPLY_UNTOLD_MS = 10_000  # a board that has gone meanwhile says nothing of the supply; it restarts within two seconds
SUPPLY_LOW_PERMILLE = 950  # of a battery's 12 or 24 V: a tenth is left in it, and the engine does not charge it
SUPPLY_MEASURED_MIN_MV = 5_000  # with less nothing would run: this board does not measure its supply
DOOR_STUCK_M = 300  # nobody drives so far with an open door: its contact sticks, or its wire is broken
PARKED_MS = 600_000  # doors closed and wheels still: longer than any light or jam lets a bus stand
SPEED_STALE_MS = 5_000  # a position older than that says nothing of the speed: five seconds of a receiver's own period
FREE_RIDE_MS = 600_000  # "reader out" is tried anew after ten minutes: a loose plug is found by then
FREE_RIDE_RENEWED_MS = 60_000  # later than that the other door goes on without the near one's word: a lost link
SHIFT_MAX_MS = 57_600_000  # 16 hours: longer nobody drives; who forgot to end one is no driver of the days after it
FOLLOWED_MS = SHIFT_MAX_MS  # a line is named anew in each
RECALL_RECORDS_MAX = 10_000  # of a door, read back after a start for its newest shift: three busy days' riders
RECALL_STRAYS_MAX = 8  # taps without a shift behind the newest SHIFT record: what boards while one is being written
RECALL_SLACK_MS = 60_000  # two trusted clocks of one bus agree within a minute
RECALL_FIRST_RECORDS = 16  # read first: most starts ask for no more; each page is twice the one before, …
RECALL_PAGE_RECORDS = 500  # … up to this: 250 KiB
ANNUL_WITHIN_MS = _contract.ANNUL_WITHIN_S * 1000  # the office asks it again
ANNUL_FOLLOWED_MS = 30_000  # later than the order at the other door: within 2 s, or by a new link; the office gives 60
ANNUL_ASKED_MS = 15_000  # without an answer of the other door for so long, the driver may ask again
ANNULS_A_DAY_MAX = _contract.ANNULS_A_DAY_MAX
PROXIES_A_SHIFT_MAX = 40  # a float of 40 fares; more riders without a code than that are a case for the office
PROXY_PERSONS_MAX = 6  # at once: a family; one touch a number on the terminal
SHOWN_LAST = 5  # verdicts on the terminal: as many as are read at a glance
TAKE_BACK_SHOWN = 8  # boardings to choose from: a stop's, whoever was refused meanwhile; they fit the screen
PANEL_STAYS_MS = 4_000  # a verdict stays on the rider's panel: read, and gone before the next rider needs it
SEEN_KEPT_MAX = 200  # boardings that can still be annulled: two doors in three minutes
BADGE_SHOWN_MS = (
    30_000  # from the door's camera to the seat and one touch; not until the next passenger finds the screen
)
PIN_FREE_TRIES = 3  # wrong PINs before waiting begins: a tired thumb
PIN_WAIT_MIN_MS = 5_000  # doubled with every further wrong one: 20 tries take more than an hour
PIN_WAIT_MAX_MS = 300_000  # a driver locked out at his own screen by a passenger's game waits no longer than this
PIN_FORGOTTEN_MS = 600_000  # after which one wrong PIN is: who has a PIN of his own tries a colleague's 6 times an hour
PIN_WRONG_MAX = 16  # wrong PINs that are remembered: the most wait is reached by the ninth
TERMINAL_LINES_MAX = 40  # written by hand for one bus, where there is no timetable: a depot's
LINES_OFFERED_MAX = 4  # on the screen before all others: half of it, two keys in a row, read without scrolling
TERMINAL_STEP_MS = 1_000  # how often a free ride is looked at, and how late a page hears that the queue has moved
SOS_EVERY_MS = 60_000  # one is a record; who presses on, or plays with it from a phone, must not fill the journal
TERMINAL_WATCHERS_MAX = 16  # live pages: terminal, two panels, and each again after a reload that was not noticed
TERMINAL_WATCHERS_HERE = 6  # of them kept for this device's own screens, however many phones look in
TERMINAL_BEAT_S = 5.0  # a quiet stream says so: a page that hears nothing for three of them shows that it is alone
TERMINAL_CONNECTIONS_MAX = 64  # watchers, their calls and the pages' files
TERMINAL_STOP_S = 2  # what still streams then is cut
TERMINAL_BODY_MAX_BYTES = 1_024  # the largest order is a PIN and a number

# --- Line and direction -----------------------------------------------------------------------------------------------
ROAD_WITHIN_M = 60  # of the drawn road: half a boulevard, a receiver's error, a bus bay
STEP_MIN_M = 20  # a move, not a receiver's noise
STANDS_MPS = 1.0  # slower than a queue moves: a receiver that stands says 0.1 to 0.5
STEP_GAP_MS = 60_000  # without a trusted place for so long nobody knows what was driven meanwhile
WEIGHT_M = 150  # so many metres more make a line e times as likely
WEIGHT_MOST_M = 1_500  # what was driven before that is no news: a bus that changes lines is believed after some 400 m
STRANGE_M = 300  # what no line at all would have in its favour: less than a stop's distance proves nothing
LINE_KNOWN_PERMILLE = 800
LINE_LOST_PERMILLE = 400
TURN_M = 600  # in favour of the way back at the last stop: known at once, and lost within 200 m of driving elsewhere
TERMINUS_M = 50  # before the last stop: a bus that waits in the bay is there
TRIP_ENDED_HELD_MS = 300_000  # who rides to the last stop is out by then; the bus turns in it
TRIP_MIN_M = 400  # of a way driven before its end can be a trip's end
STOP_REACH_M = 60  # before a stop the bus is at it: doors open in the bay
STOP_HELD_MS = 60_000  # at 30 km/h the next stop is a minute away
LINE_HELD_MS = 300_000  # a terminus may lie behind a bus that was not seen for longer
CARRY_ERROR_PERMILLE = 30  # of what wheels turned: soft or worn tyres are 2 %, lanes and bends the rest
CARRY_ERROR_MAX_M = 90  # with a bay's length that is half of 300 m, the least from stop to stop
CARRY_STAND_MAX_MS = 900_000  # longer than a bus waits at a terminus; a wire that broke stands for ever
WHEELS_CHECK_M = 500  # compared with the sky over half a kilometre to one, of late
WHEELS_CHECK_STEP_MAX_M = 100  # between two trusted places: over more a straight line is shorter than the road
WHEELS_OFF_PERMILLE = 100  # a receiver's noise lengthens a way by up to 50; more is a wrong `mm_per_pulse`, or a wire
CARRY_EVERY_MS = 1_000  # how often wheels and doors are asked while no receiver speaks
TRIP_EARLY_MAX_S = 600  # a bus that left so early runs as the one before
TRIP_LATE_MAX_S = 1_800  # and one so late as the one behind
COUNT_EVERY_MS = 3_600_000  # of the machine's counter, where there were taps: some 20 a day, and its chip takes 100,000
COUNT_AGAIN_MS = 60_000  # where it does not answer
COUNT_WAIT_S = 5  # start and stop wait so long: an SPI chip answers in 1, the service manager gives a stop 30
