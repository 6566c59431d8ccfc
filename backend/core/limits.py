"""Every bound of the backend that is not part of the contract, with its unit and its reason."""

# --- Ingest ----------------------------------------------------------------------------------------------------------
INBOX_MESSAGES_MAX = 2_000  # raw messages waiting: 2 s of a full shard; more is dropped, counted, and sent again
GROUP_BATCHES_MAX = 20  # batches a transaction: 55–59k rows/s against 29–34k at one (ingest.md §7)
GROUP_WAIT_S = 0.5  # the ingest thread looks up at least this often, to see it stop
DAY_KEYS_CACHED_MAX = 10_000  # unwrapped day keys in memory: 2,700 devices and their last runs; 0.5 KiB each
REGISTRY_REREAD_S = 2.0  # an unknown device makes the registry be read again, at most this often
QUARANTINE_DEVICE_BYTES_MAX = 16 << 20  # kept of one device; beyond it only digest, reason and count
QUARANTINE_BYTES_MAX = 1 << 20  # of one quarantined message: the contract's own largest batch

# --- Fleet -----------------------------------------------------------------------------------------------------------
SILENT_AFTER_DEFAULT_S = 600  # in service and silent for ten minutes: somebody should look (isfahan.md O1)
OLD_BUNDLE_AFTER_DEFAULT_S = (
    7_200  # heard for two hours and still not on the newest bundle: 48 MB of riders over 3G are
)
#                                     there by then, so somebody or something keeps it back
ANNOUNCE_AGAIN_S = 3_600  # a bus whose inbox was full, or whose clock made a bundle wait, hears it within the hour
WATCH_PERIOD_S = 1.0  # how often silence is looked for

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
AUTHORITY_MAX_CHARS = 64  # the provider's id of a payment; Zarinpal's has 36
PROVIDER_ANSWER_BYTES_MAX = 64 << 10  # its answers are under 1 KiB
PROVIDER_CALLS_MAX = 8  # requests waiting on the provider at once: a slow provider must not hold up every other page
STATEMENT_BAD_LINES_SHOWN_MAX = 100  # unreadable lines listed one by one; the rest is counted
REQUEST_BYTES_MAX = 16 << 10  # every body but a statement: the largest is a registration of under 1 KiB
RIDERS_PAGE = 1_000  # credentials read at once for the table of riders: 110 KiB
RIDER_TAPS_MAX = 100  # a rider's rides in one answer: about a month
STATUS_TAPS = 30  # rows that the status page begins with: one screen
CHUNK_CACHE_S = 31_536_000  # a year: what is named by its hash never changes
EVENT_HEARTBEAT_S = 15.0  # a quiet stream says so this often, under every proxy's idle limit of 30–60 s
CONNECTIONS_MAX = 512  # open at once, live views included; more is answered 503
STALLED_CONNECTION_MS = 30_000  # a browser that takes no byte for so long is cut by the kernel (TCP_USER_TIMEOUT)
STOP_WAIT_S = 3  # answers under way at a stop get this long
START_WAIT_S = 10.0  # the server binds within this or says why not
