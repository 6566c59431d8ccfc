"""Every bound of the backend that is not part of the contract, with its unit and its reason."""

# --- Ingest ----------------------------------------------------------------------------------------------------------
INBOX_MESSAGES_MAX = 2_000  # raw messages waiting: 2 s of a full shard; more is dropped, counted, and sent again
GROUP_BATCHES_MAX = 20  # batches a transaction: 55–59k rows/s against 29–34k at one (ingest.md §7)
GROUP_WAIT_S = 0.5  # the ingest thread looks up at least this often, to see it stop
DAY_KEYS_CACHED_MAX = 10_000  # unwrapped day keys in memory: 2,700 devices and their last runs; 0.5 KiB each
REGISTRY_REREAD_S = 2.0  # an unknown device makes the registry be read again, at most this often
QUARANTINE_BYTES_MAX = 1 << 20  # of one quarantined message: the contract's own largest batch

# --- Fleet -----------------------------------------------------------------------------------------------------------
SILENT_AFTER_DEFAULT_S = 600  # in service and silent for ten minutes: somebody should look (isfahan.md O1)
WATCH_PERIOD_S = 1.0  # how often silence is looked for

# --- HTTP ------------------------------------------------------------------------------------------------------------
TAPS_PAGE_MAX = 500  # rows a page
EVENTS_WAITING_MAX = 200  # live events waiting for one slow browser before it is cut off
BROWSERS_MAX = 64  # live views at once; a thread pool is not needed, memory is
STATEMENT_BYTES_MAX = 4 << 20  # a day of top-ups is under 1 MiB
TOPUP_MIN_RIALS = 10_000  # one thousand tomans: below it the provider's fee is larger
TOPUP_MAX_RIALS = 50_000_000  # five million tomans: above it the provider refuses
PROVIDER_TIMEOUT_S = 10.0  # an answer later than this is unknown, not refused
ALLOWANCE_UNITS_DEFAULT = 6  # 300,000 rials unseen: about ten rides, as the Chinese transit codes grant
CREDENTIAL_DAYS = 180  # nothing needed to ride expires in under 120 days; renewed well before
